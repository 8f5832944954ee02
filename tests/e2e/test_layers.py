"""Drawers, dialogs, toasts and the range picker in a real browser (UI-DG, UI-RX-05)."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import visit
from tests.support.server import Server


def test_a_drawer_opens_by_its_address_and_asks_before_typed_text_is_lost(server: Server, open_page) -> None:
    """UI-DG-01, UI-DG-03, UI-LS-06: open by URL, wider by keyboard, Escape asks, work behind the page tells its end."""
    space = f"e2e.layers.n{secrets.token_hex(4)}"
    server.save_flow(
        f"id: one\nnamespace: {space}\ntasks:\n  - {{id: a, type: io.kestra.plugin.core.log.Log, message: a}}"
    )
    for key in ("first", "second", "third"):
        answer = server.call("PUT", f"/api/v1/main/namespaces/{space}/kv/{key}", body='"v"', content_type="text/plain")
        assert answer.status < 300, answer.text
    where = f"/kv?filters[namespace][EQUALS]={space}"
    page = open_page(f"{where}&open={space}/second")
    drawer = page.get_by_test_id("kv-editor")
    expect(drawer).to_contain_text("second")
    width = drawer.bounding_box()["width"]
    page.get_by_test_id("kv-editor-grip").press("ArrowLeft")
    page.wait_for_function("(w) => document.querySelector('[data-testid=kv-editor]').offsetWidth > w", arg=width)
    page.get_by_test_id("kv-editor-maximise").click()
    page.wait_for_function("document.querySelector('[data-testid=kv-editor]').offsetWidth > innerWidth - 4")
    page.get_by_test_id("kv-description").fill("typed")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("dialog-ask")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("dialog-ask")).to_have_count(0)
    expect(page.get_by_test_id("kv-description")).to_have_value("typed")
    page.keyboard.press("Escape")
    page.get_by_test_id("dialog-discard").click()
    expect(drawer).to_be_hidden()
    expect(page).not_to_have_url(re.compile("open="))
    page.locator("[data-check=all]").click()
    page.get_by_test_id("kv-delete-selected").click()
    page.get_by_test_id("kv-delete-confirm").click()
    expect(page.get_by_test_id("toasts")).to_contain_text("3 keys deleted")
    expect(page.locator("tr[data-id]")).to_have_count(0)


def test_back_goes_on_after_a_drawer_was_closed_by_its_button(server: Server, open_page) -> None:
    """UI-DG-03: Back closes an open drawer; when it was closed already, Back leads to the page before the list."""
    space = f"e2e.layers.b{secrets.token_hex(4)}"
    for key in ("first", "second"):
        answer = server.call("PUT", f"/api/v1/main/namespaces/{space}/kv/{key}", body='"v"', content_type="text/plain")
        assert answer.status < 300, answer.text
    page = open_page("/blueprints/flow/community")
    visit(page, server, f"/kv?filters[namespace][EQUALS]={space}")
    drawer = page.get_by_test_id("kv-editor")

    def open_and(close: bool, key: str) -> None:
        page.locator(f"tr[data-id='{space}/{key}'] .cell-link").click()
        expect(drawer).to_contain_text(key)
        page.wait_for_url(re.compile("open="))
        if close:
            drawer.get_by_role("button", name="Cancel").click()
            expect(drawer).to_be_hidden()
            expect(page).not_to_have_url(re.compile("open="))

    expect(page.locator(f"tr[data-id='{space}/first']")).to_be_visible()
    open_and(True, "first")
    open_and(True, "second")
    open_and(False, "first")
    page.go_back()
    expect(drawer).to_be_hidden()
    page.wait_for_url("**/kv*")
    open_and(True, "second")
    page.go_back()
    page.wait_for_url("**/blueprints/flow/community")
    expect(page.locator("[data-testid=hydrated]")).to_have_count(1)
    page.go_forward()
    page.wait_for_url("**/kv*")
    expect(drawer).to_be_hidden()
    page.reload()
    expect(page.locator(f"tr[data-id='{space}/first']")).to_be_visible()
    open_and(True, "first")
    page.get_by_test_id("nav-secrets").click()
    page.wait_for_url("**/secrets*")
    page.go_back()
    page.wait_for_url("**/kv*")
    page.go_back()
    page.wait_for_url("**/blueprints/flow/community")


@pytest.mark.long
def test_a_range_of_days_is_picked_by_mouse_and_keyboard(server: Server, open_page) -> None:
    """UI-RX-05, UI-TR-01: two days of the calendar become the condition, typed texts stand beside them."""
    page = open_page("/executions?own=1")
    page.get_by_test_id("filter-chip").filter(has_text="time").locator("button").first.click()
    calendar = page.get_by_test_id("range-calendar")
    calendar.locator("[aria-current=date]").focus()
    page.keyboard.press("PageUp")
    expect(calendar.locator("[aria-current=date]")).to_have_count(0)
    days = calendar.locator("[data-day]:not(.out)")
    first, second = days.nth(9).get_attribute("data-day"), days.nth(11).get_attribute("data-day")
    calendar.locator(f"[data-day='{first}']").click()
    expect(page.get_by_test_id("range-from")).to_have_value(f"{first} 00:00")
    calendar.locator(f"[data-day='{second}']").press("Enter")
    expect(page.get_by_test_id("range-until")).to_have_value(f"{second} 23:59")
    expect(calendar.locator("[aria-selected=true]")).to_have_count(3)
    page.get_by_test_id("range-from").fill(f"{second} 23:59")
    page.get_by_test_id("range-apply").click()
    expect(page.get_by_role("alert").filter(has_text="The end is before the start.")).to_be_visible()
    page.get_by_test_id("range-from").fill(f"{first} 06:30")
    page.get_by_test_id("range-apply").click()
    expect(page).to_have_url(re.compile(rf"startDate.*GREATER_THAN_OR_EQUAL_TO.*{first}T"))
    expect(page.get_by_test_id("filter-dates")).to_contain_text("06:30")


@pytest.mark.long
def test_a_revision_a_file_and_a_chart_open_by_their_address(server: Server, open_page) -> None:
    """UI-DG-03: the drawers of a flow, of a file and of a dashboard are there after a reload; Back closes them."""
    space = f"e2e.layers.a{secrets.token_hex(4)}"
    source = f"id: made\nnamespace: {space}\ntasks:\n  - {{id: w, type: io.kestra.plugin.core.storage.Write, content: "
    server.save_flow(source + "one}")
    ran = server.run(source + "kept-text, extension: .txt}")
    page = open_page(f"/flows/edit/{space}/made/revisions?open=1")
    seen = page.get_by_test_id("revision-source")
    expect(seen).to_contain_text("content: one")
    page.keyboard.press("Escape")
    expect(seen).to_be_hidden()
    expect(page).not_to_have_url(re.compile("open="))

    uri = ran["taskRunList"][0]["outputs"]["uri"]
    place = f"/executions/{space}/made/{ran['id']}/outputs"
    visit(page, server, place)
    page.get_by_test_id("outputs-task").first.click()
    page.get_by_role("link", name=uri.rpartition("/")[2]).click()
    shown = page.get_by_test_id("file-preview")
    expect(shown).to_contain_text("kept-text")
    page.wait_for_url(re.compile("open="))
    page.reload()
    expect(shown).to_contain_text("kept-text")
    visit(page, server, place)
    expect(shown).to_be_hidden()
    visit(page, server, f"{place}?open={uri}")
    expect(shown).to_contain_text("kept-text")

    text = (
        f"title: Addressed {space}\ncharts:\n  - id: words\n    type: io.kestra.plugin.core.dashboard.chart.Markdown\n"
        "    chartOptions: {displayName: Words}\n    source: {type: Text, content: hello}\n"
    )
    board = server.call("POST", "/api/v1/main/dashboards", body=text, content_type="application/x-yaml").json["id"]
    visit(page, server, f"/dashboards/{board}/edit")
    page.get_by_test_id("chart-edit-words").click()
    chart = page.get_by_test_id("chart-form")
    page.wait_for_url("**open=words")
    page.reload()
    expect(chart).to_be_visible()
    expect(page.get_by_test_id("chart-form-title")).to_have_value("Words")
    page.keyboard.press("Escape")
    expect(chart).to_be_hidden()
    page.get_by_test_id("chart-edit-words").click()
    page.wait_for_url("**open=words")
    page.go_back()
    expect(chart).to_be_hidden()
    page.wait_for_url("**/edit")
