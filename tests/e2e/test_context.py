"""The documentation beside the page, starred places, sample data (UI-SH-16, UI-SH-17, UI-AC-22)."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.e2e.conftest import visit
from tests.support.server import Server, eventually


def test_the_documentation_of_the_screen_stands_beside_it(server: Server, open_page: Any) -> None:
    """UI-SH-17: by screen, with search, back, and as a page of its own; the version tells its commit."""
    page = open_page("/admin/triggers")
    told = server.call("GET", "/api/v1/configs").json
    origin = f"{told['commitId']} · {told['commitDate'][:10]}" if "commitId" in told else ""
    expect(page.get_by_test_id("version")).to_have_text(told["version"])
    expect(page.get_by_test_id("version")).to_have_attribute("title", origin)
    page.get_by_test_id("context-docs").click()
    panel = page.get_by_test_id("context-panel")
    expect(panel).to_contain_text("How triggers start executions")
    page.get_by_test_id("context-search").fill("make a dashboard")
    panel.get_by_role("button", name="Make a dashboard").click()
    expect(panel).to_contain_text("timeWindow")
    panel.get_by_role("button", name="Back").click()
    expect(panel).to_contain_text("How triggers start executions")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    page.get_by_test_id("context-docs").click()
    panel.get_by_role("link", name="Open as a page").click()
    expect(page.get_by_test_id("docs-page")).to_contain_text("How triggers start executions")


def test_a_starred_place_is_renamed_followed_and_removed(server: Server, open_page: Any) -> None:
    """UI-SH-16: kept by the server, so that another browser has it too."""

    def kept() -> list[str]:
        return [s["title"] for s in server.call("GET", "/api/v1/main/console/settings").json.get("bookmarks") or []]

    page = open_page("/admin/stats")
    page.get_by_test_id("star").click()
    row = page.locator(".starrow", has_text="Statistics")
    row.hover()
    row.get_by_test_id("starred-rename").click()
    page.get_by_test_id("starred-name").fill("My numbers")
    page.keyboard.press("Enter")
    eventually(lambda: "My numbers" in kept(), what="the star on the server")
    other = open_page("/kv")
    other.locator(".starrow", has_text="My numbers").get_by_role("link").click()
    expect(other.get_by_test_id("statistics")).to_be_visible()
    row = page.locator(".starrow", has_text="My numbers")
    row.hover()
    row.get_by_test_id("starred-remove").click()
    page.get_by_test_id("starred-yes").click()
    eventually(lambda: "My numbers" not in kept(), what="the star gone from the server")


def test_sample_data_comes_and_goes_with_one_button(server: Server, open_page: Any) -> None:
    """UI-AC-22: five flows, keys, files, a dashboard."""

    def flows() -> int:
        return server.call("GET", "/api/v1/main/flows/search?filters[namespace][EQUALS]=samples").json["total"]

    page = open_page("/welcome")
    if page.get_by_test_id("welcome-unsample").count():
        page.get_by_test_id("welcome-unsample").click()
    page.get_by_test_id("welcome-sample").click()
    expect(page.get_by_test_id("welcome-unsample")).to_be_enabled(timeout=20_000)
    assert flows() == 5
    assert server.call("GET", "/api/v1/main/dashboards/samples_dashboard").status == 200
    visit(page, server, "/namespaces/edit/samples/kv")
    expect(page.get_by_test_id("kv-table")).to_contain_text("currency")
    visit(page, server, "/welcome")
    page.get_by_test_id("welcome-unsample").click()
    expect(page.get_by_test_id("welcome-sample")).to_be_enabled(timeout=20_000)
    assert flows() == 0 and server.call("GET", "/api/v1/main/dashboards/samples_dashboard").status == 404
