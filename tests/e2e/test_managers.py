"""Secrets, blueprints, plugins, administration, namespaces, settings in a browser (UI-SE, UI-BP, UI-PL, UI-AD, UI-NS)."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import visit
from tests.support.server import Server, eventually


def _space() -> str:
    return f"e2e.m{secrets.token_hex(3)}"


def test_a_secret_is_written_replaced_and_never_shown(server: Server, open_page: Any) -> None:
    """UI-SE-01, UI-SE-02; picture 11."""
    space = _space()
    server.save_flow(
        f"id: reads\nnamespace: {space}\ntasks:\n  - id: t\n    type: io.kestra.plugin.core.log.Log\n"
        "    message: \"{{ secret('TOKEN') }}\"\n"
    )
    page = open_page(f"/namespaces/edit/{space}/secrets")
    page.get_by_test_id("secrets-create").click()
    page.get_by_test_id("secrets-key").fill("TOKEN")
    page.get_by_test_id("secrets-value").fill("very-hidden-words")
    page.get_by_test_id("secrets-tags").fill("team: data")
    page.get_by_test_id("secrets-save").click()
    row = page.locator(f"tr[data-id='{space}/TOKEN']")
    expect(row).to_contain_text("team:data")
    expect(row).to_contain_text("1 flow")
    assert "very-hidden-words" not in page.content()
    row.get_by_role("button", name="TOKEN", exact=True).click()
    editor = page.get_by_test_id("secrets-editor")
    expect(editor).to_contain_text("reads")
    expect(editor.get_by_test_id("secrets-value")).to_have_value("")
    page.get_by_test_id("secrets-description").fill("Of the shop")
    page.get_by_test_id("secrets-save").click()
    expect(row).to_contain_text("Of the shop")
    done = server.finished(server.execute(space, "reads")["id"])
    assert done["state"]["current"] == "SUCCESS"
    row.get_by_role("checkbox").click()
    page.get_by_test_id("secrets-delete-selected").click()
    page.get_by_test_id("secrets-delete-confirm").click()
    expect(row).to_have_count(0)


def test_a_blueprint_becomes_a_flow(server: Server, open_page: Any) -> None:
    """UI-BP-01, UI-BP-02: search, tags, source, topology, Use."""
    page = open_page("/blueprints")
    page.get_by_test_id("blueprints-search").fill("python script")
    cards = page.get_by_test_id("blueprint")
    expect(cards).to_have_count(1)
    cards.get_by_test_id("blueprint-open").click()
    expect(page.get_by_test_id("blueprint-topology")).to_contain_text("make")
    page.get_by_test_id("blueprint-use").click()
    page.wait_for_url("**/flows/new?*")
    expect(page.locator(".monaco-editor").first).to_contain_text("python_script", timeout=20_000)


def test_a_plugin_is_found_by_a_property_and_its_example_opens_in_the_editor(open_page: Any) -> None:
    """UI-PL-01, UI-PL-02."""
    page = open_page("/plugins")
    page.get_by_test_id("plugins-search").fill("errorMessage")
    hit = page.get_by_test_id("plugins-hit").filter(has_text="execution.Fail")
    expect(hit).to_contain_text("property errorMessage")
    hit.click()
    expect(page.get_by_test_id("plugin-properties")).to_contain_text("errorMessage")
    page.get_by_test_id("plugin-use").first.click()
    expect(page.locator(".monaco-editor").first).to_contain_text("execution.Fail", timeout=20_000)


def test_triggers_are_switched_in_bulk_and_the_week_shows_them(server: Server, open_page: Any) -> None:
    """UI-AD-01."""
    space = _space()
    server.save_flow(
        f"id: clocks\nnamespace: {space}\ntasks: [{{id: t, type: io.kestra.plugin.core.log.Log, message: hi}}]\n"
        "triggers:\n  - {id: one, type: io.kestra.plugin.core.trigger.Schedule, cron: '5 4 * * *'}\n"
        "  - {id: two, type: io.kestra.plugin.core.trigger.Schedule, cron: '5 4 * * 1'}\n"
    )
    place = f"/admin/triggers?filters[namespace][EQUALS]={space}"
    page = open_page(place)
    rows = page.get_by_test_id("triggers-table").locator("tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_role("checkbox", name="Select all rows of this page").click()
    page.get_by_test_id("triggers-bulk-disable").click()
    page.get_by_test_id("triggers-confirm-confirm").click()

    def off() -> bool:
        found = server.call("GET", f"/api/v1/main/triggers/search?filters[namespace][EQUALS]={space}").json["results"]
        return all(one["triggerContext"]["disabled"] for one in found)

    eventually(off, what="both switched off")
    expect(rows.first.get_by_role("switch")).to_have_attribute("aria-checked", "false")
    rows.first.get_by_role("switch").click()
    expect(rows.first.get_by_role("switch")).to_have_attribute("aria-checked", "true")
    visit(page, server, "/admin/triggers?view=week")
    expect(page.get_by_test_id("triggers-week")).to_contain_text(f"{space}/clocks/one")


@pytest.mark.long
def test_variables_of_a_namespace_are_written_and_inherited(server: Server, open_page: Any) -> None:
    """UI-NS-05, UI-NS-06: an own value over an inherited one; plugin defaults by form."""
    space = _space()
    body = {"id": "e2e", "variables": {"city": "Rome", "deep": {"n": 1}}}
    assert server.call("PUT", "/api/v1/main/namespaces/e2e", json_body=body).status == 200
    page = open_page(f"/namespaces/edit/{space}/variables")
    above = page.get_by_test_id("variables-inherited")
    expect(above).to_contain_text("deep.n")
    above.locator("tr", has_text="city").get_by_test_id("variable-override").click()
    expect(page.get_by_test_id("variables-yaml").locator(".monaco-editor").first).to_contain_text(
        "Rome", timeout=20_000
    )
    page.get_by_test_id("variables-save").click()
    eventually(
        lambda: server.call("GET", f"/api/v1/main/namespaces/{space}").json.get("variables") == {"city": "Rome"},
        what="the own value",
    )
    visit(page, server, f"/namespaces/edit/{space}/plugin-defaults")
    page.get_by_test_id("default-add").click()
    page.get_by_test_id("default-type").fill("io.kestra.plugin.core.log.Log")
    page.get_by_test_id("default-level").fill("WARN")
    page.get_by_test_id("default-form-1").click()
    expect(page.get_by_test_id("default-values")).to_have_value("level: WARN\n")
    page.get_by_test_id("default-save").click()
    expect(page.locator(".defl", has_text="core.log.Log").first).to_contain_text("level: WARN")
    stored = server.call("GET", f"/api/v1/main/namespaces/{space}").json
    assert stored["pluginDefaults"][0]["values"] == {"level": "WARN"} and stored["variables"] == {"city": "Rome"}


def test_zone_and_form_of_dates_change_everywhere_without_reload(server: Server, open_page: Any, theme: str) -> None:
    """Journey 18, UI-ST-01: kept by the server, followed by another browser; schedules unchanged."""
    page = open_page("/settings", theme=theme)
    page.get_by_test_id("settings-zone").select_option("Asia/Tokyo")
    page.get_by_test_id("settings-dateFormat").select_option("iso")
    expect(page.get_by_test_id("settings-sample")).to_contain_text("+09:00")

    def kept() -> bool:
        stored = server.call("GET", "/api/v1/main/console/settings").json
        return (stored.get("zone"), stored.get("dateFormat")) == ("Asia/Tokyo", "iso")

    eventually(kept, what="the settings on the server")
    page.evaluate("window.__same = true")
    page.get_by_test_id("nav-admin-instance").click()
    page.get_by_test_id("services-table").locator(".cell-link").first.click()
    expect(page.get_by_test_id("services-details")).to_contain_text("+09:00")
    assert page.evaluate("window.__same") is True
    other = open_page("/settings")
    expect(other.get_by_test_id("settings-dateFormat")).to_have_value("iso")
    other.get_by_test_id("settings-reset-language").click()
    expect(other.get_by_test_id("settings-dateFormat")).to_have_value("")
    eventually(lambda: "dateFormat" not in server.call("GET", "/api/v1/main/console/settings").json, what="the reset")


def test_tabs_of_a_namespace_show_those_below_on_wish(server: Server, open_page: Any) -> None:
    """UI-NS-02: secrets and dependencies with the switch for children, which stands in the address."""
    space = f"e2e.below{secrets.token_hex(3)}"
    inner = f"{space}.inner"
    for place, key in ((space, "OWN"), (inner, "DEEP")):
        sent = server.call("PUT", f"/api/v1/main/namespaces/{place}/secrets", json_body={"key": key, "value": "hush"})
        assert sent.status < 300, sent.text
    log = "{id: t, type: io.kestra.plugin.core.log.Log, message: hi}"
    for place, flow in ((space, "mine"), (inner, "deeper")):
        server.save_flow(f"id: {flow}\nnamespace: {place}\ntasks: [{log}]\n")
    page = open_page(f"/namespaces/edit/{space}/secrets")
    table = page.get_by_test_id("secrets-table")
    expect(table).to_contain_text("OWN")
    expect(table).not_to_contain_text("DEEP")
    page.get_by_test_id("secrets-below").click()
    page.wait_for_url("**below=1**")
    expect(table).to_contain_text("DEEP")
    expect(table.get_by_role("link", name=inner)).to_be_visible()
    page.goto(f"{server.url}/ui/main/namespaces/edit/{space}/dependencies")
    alone = page.get_by_test_id("namespace-alone")
    expect(alone).to_contain_text("deeper")
    page.get_by_test_id("namespace-below").click()
    page.wait_for_url("**below=0")
    expect(alone).not_to_contain_text("deeper")
    expect(alone).to_contain_text("mine")
