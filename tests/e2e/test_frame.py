"""The frame by keyboard, by right and by settings; tours; the reader's own account (UI-SH, UI-PM, UI-AC-21, UI-ST)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e.conftest import EVERYTHING, visit
from tests.support.server import Server, eventually

NEW = "Another456"
FLOW = """\
id: framed
namespace: e2e.frame
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: framed
"""

TRIGGERED = """\
id: steered
namespace: e2e.rights
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: steered
triggers:
  - id: yearly
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 6 1 1 *"
"""


@pytest.fixture
def own_password(server: Server) -> Iterator[None]:
    """The account has its first password again afterwards."""
    yield
    first = server.password
    server.password = NEW
    body = {"current": NEW, "password": first}
    server.call("PUT", "/api/v1/main/console/password", json_body=body)
    server.password = first


def test_a_password_is_changed_and_other_sessions_end(server: Server, open_page: Any, own_password: None) -> None:
    """UI-ST-02, UI-SH-10: reached from the user menu; the present password asked, rules shown, others logged out."""
    server.call("PATCH", "/api/v1/main/console/profile", json_body={"firstName": "", "lastName": ""})
    other = open_page("/profile", allowed=("401",))
    expect(other.get_by_test_id("profile-session").first).to_be_visible()
    page = open_page("/plugins", allowed=("422",))
    page.get_by_test_id("user-menu").click()
    page.get_by_test_id("menu-profile").click()
    page.get_by_test_id("profile-first").fill("Grace")
    page.get_by_test_id("profile-last").fill("Hopper")
    page.get_by_test_id("profile-save").click()
    expect(page.locator(".me .av")).to_have_text("GH")
    page.get_by_test_id("profile-current").fill("not this one 1A")
    page.get_by_test_id("profile-password").fill("another456")
    expect(page.locator(".rules [data-met=false]")).to_contain_text("upper and lower case")
    page.get_by_test_id("profile-password").fill(NEW)
    page.get_by_test_id("profile-again").fill(NEW)
    page.get_by_test_id("profile-change").click()
    expect(page.get_by_test_id("profile-error")).to_contain_text("present password")
    page.get_by_test_id("profile-current").fill(server.password)
    page.get_by_test_id("profile-change").click()
    expect(page.get_by_test_id("profile-done").last).to_contain_text("ended")
    expect(page.get_by_test_id("profile-session")).to_have_count(1)
    other.get_by_test_id("profile-last").fill("Nobody")
    other.get_by_test_id("profile-save").click()
    expect(other.get_by_test_id("login-dialog")).to_be_visible()


def test_a_tour_leads_from_a_flow_to_its_outputs(server: Server, open_page: Any) -> None:
    """UI-AC-20, UI-AC-21: beside real controls, by keyboard, over a reload, remembered, and again from the help."""
    server.call("DELETE", "/api/v1/main/flows/company.team/loop_over_values")
    page = open_page("/welcome")
    page.get_by_test_id("welcome-tour-data").click()
    tour = page.get_by_test_id("tour")
    expect(tour).to_contain_text("Create a flow")
    tour.get_by_test_id("tour-next").press("Enter")
    expect(tour).to_contain_text("Save it")
    expect(page.locator(".monaco-editor").first).to_contain_text("loop_over_values")
    page.reload()
    expect(tour).to_contain_text("Save it")
    expect(page.get_by_test_id("editor-save")).to_be_enabled()
    tour.get_by_test_id("tour-next").press("Enter")
    expect(tour).to_contain_text("Execute it")
    page.wait_for_url("**/flows/edit/**")
    expect(page.get_by_test_id("tab-revisions")).to_have_text(re.compile(r"\d"))
    page.wait_for_selector("[data-testid=hydrated]", state="attached")
    tour.get_by_test_id("tour-next").press("Enter")
    expect(tour).to_contain_text("Start the execution")
    expect(page.get_by_test_id("execute-submit")).to_be_enabled()
    tour.get_by_test_id("tour-next").press("Enter")
    for title, tab in (
        ("See when each task ran", "gantt"),
        ("Read its logs", "logs"),
        ("Look at what it gave", "outputs"),
    ):
        expect(tour).to_contain_text(title)
        page.wait_for_url(f"**/{tab}")
        tour.get_by_test_id("tour-next").press("Enter")
    expect(tour).to_have_count(0)
    eventually(
        lambda: server.call("GET", "/api/v1/main/console/settings").json.get("tours") == ["data"], what="the tour kept"
    )
    page.get_by_test_id("help-open").click()
    page.get_by_test_id("tour-business").click()
    expect(tour).to_contain_text("step 1 of")
    page.keyboard.press("Escape")
    expect(tour).to_have_count(0)


def test_a_tour_takes_keys_while_its_pages_are_on_their_way(server: Server, open_page: Any) -> None:
    """UI-AC-20: on a slow machine too the focus stays in the card, and no step is passed over or pressed twice."""
    server.call("DELETE", "/api/v1/main/flows/company.team/loop_over_values")
    page = open_page("/welcome")
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.get_by_test_id("welcome-tour-data").click()
    tour = page.get_by_test_id("tour")
    expect(tour).to_contain_text("Create a flow")
    tour.get_by_test_id("tour-next").press("Enter")
    expect(tour).to_contain_text("Save it")
    tour.get_by_test_id("tour-next").press("Enter")  # before the editor is there
    expect(tour).to_contain_text("Execute it")
    assert "/flows/edit/" in page.url
    assert page.evaluate("Boolean(document.activeElement?.closest('.tourcard'))")
    tour.get_by_test_id("tour-next").press("Enter")
    expect(tour).to_contain_text("Start the execution")
    expect(page.get_by_test_id("execute-submit")).to_be_enabled()
    page.get_by_test_id("tour-close").click()
    expect(tour).to_have_count(0)


def narrowed(page: Page, rights: str) -> None:
    """Let the page believe that its reader has these rights only; the API goes on deciding by the real ones."""

    def route(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(server.send)

        def told(message: str | bytes) -> None:
            if isinstance(message, str):
                message = re.sub(r'("permissions_rx_state_":\s*)\[[^\]]*\]', rf"\g<1>{rights}", message)
            socket.send(message)

        server.on_message(told)

    page.route_web_socket(re.compile("_event"), route)


def test_the_menu_the_tabs_and_the_keys_follow_rights_and_settings(server: Server, open_page: Any) -> None:
    """UI-PM-01, UI-PM-02, UI-SH-11, UI-SH-12, W-02: what is not allowed is absent; the order is the reader's."""
    server.call("POST", "/api/v1/main/flows", body=FLOW, content_type="application/x-yaml")
    page = open_page("/settings")
    page.get_by_test_id("settings-menu").locator(".mrow", has_text="Logs").get_by_test_id("settings-menu-up").click()
    order = "[...document.querySelectorAll('.nav-list .ni')].map(one => one.textContent)"
    page.wait_for_function(f"{order}.findIndex(w => w.startsWith('Logs')) === 2 + 1")
    page.get_by_test_id("settings-reset-menu").click()
    page.wait_for_function(f"{order}.findIndex(w => w.startsWith('Logs')) > 3")
    star = page.get_by_test_id("star")
    star.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("tooltip")).to_have_text("Add to starred")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("tooltip")).to_have_count(0)
    page.keyboard.press("?")
    keys = page.get_by_test_id("key-list")
    expect(keys).to_contain_text("Search or jump to")
    expect(keys).not_to_contain_text("Next row")
    narrowed(page, '["FLOW:READ"]')
    visit(page, server, "/flows/edit/e2e.frame/framed/topology")
    expect(page.get_by_test_id("tab-topology")).to_be_visible()
    expect(page.get_by_test_id("nav-secrets")).to_have_count(0)
    expect(page.get_by_test_id("nav-flows")).to_be_visible()
    expect(page.locator("[data-tabs] > a")).to_have_count(6)
    for absent in ("tab-overview", "tab-executions", "tab-logs", "tab-metrics", "flow-execute", "flow-edit"):
        expect(page.get_by_test_id(absent)).to_have_count(0)
    page.keyboard.press("?")
    expect(keys).not_to_contain_text("g s")


def test_triggers_and_a_namespace_show_no_action_that_is_not_allowed(server: Server, open_page: Any) -> None:
    """UI-PM-01: what steers triggers and what changes a namespace is absent without its right; reading stays."""
    server.save_flow(TRIGGERED)
    described = {"id": "e2e.rights", "description": "Kept", "variables": {"region": "north"}}
    described["pluginDefaults"] = [{"type": "io.kestra.plugin.core.log.Log", "values": {"level": "WARN"}}]
    server.call("PUT", "/api/v1/main/namespaces/e2e.rights", json_body=described)
    steering = ("trigger-restart", "trigger-unlock", "trigger-delete", "trigger-backfill")
    page = open_page("/flows/edit/e2e.rights/steered/triggers")
    page.get_by_test_id("trigger-more").click()
    for name in steering:
        expect(page.get_by_test_id(name)).to_have_count(1)
    narrowed(page, '["FLOW:READ", "EXECUTION:READ", "NAMESPACE:READ"]')
    visit(page, server, "/flows/edit/e2e.rights/steered/triggers")
    expect(page.get_by_test_id("trigger-row")).to_have_count(1)
    page.get_by_test_id("trigger-more").click()
    expect(page.get_by_test_id("trigger-logs")).to_be_visible()
    for name in (*steering, "trigger-switch", "backfill-open", "trigger-add"):
        expect(page.get_by_test_id(name)).to_have_count(0)
    expect(page.get_by_test_id("trigger-row").locator(".onc")).to_have_text("on")
    expect(page.locator(".trgbar")).to_have_count(0)  # no bar without a button in it
    visit(page, server, "/flows/edit/e2e.rights/steered/edit")
    page.get_by_test_id("editor-more").click()
    expect(page.get_by_test_id("editor-export")).to_be_visible()
    for name in ("editor-save", "editor-execute", "editor-add-trigger", "editor-disable", "editor-delete"):
        expect(page.get_by_test_id(name)).to_have_count(0)
    visit(page, server, "/admin/triggers?filters[namespace][PREFIX]=e2e.rights")
    row = page.get_by_test_id("triggers-table").locator("tr[data-id]")
    expect(row).to_have_count(1)
    expect(row.get_by_test_id("trigger-switch")).to_have_count(0)
    row.get_by_test_id("triggers-more").click()
    for name in ("triggers-restart", "triggers-unlock", "triggers-delete"):
        expect(page.get_by_test_id(name)).to_have_count(0)
    visit(page, server, "/namespaces/edit/e2e.rights/plugin-defaults")
    expect(page.locator(".defl")).to_have_count(1)
    for name in (
        "default-add",
        "default-import",
        "default-edit",
        "default-delete",
        "tab-kv",
        "tab-secrets",
        "tab-edit",
    ):
        expect(page.get_by_test_id(name)).to_have_count(0)
    visit(page, server, "/namespaces/edit/e2e.rights/variables")
    expect(page.get_by_text("region", exact=True)).to_be_visible()
    expect(page.get_by_test_id("variables-save")).to_have_count(0)
    visit(page, server, "/namespaces/edit/e2e.rights/flows")
    expect(page.get_by_test_id("tab-variables")).to_be_visible()
    expect(page.get_by_test_id("namespace-new-flow")).to_have_count(0)


@pytest.mark.skipif(not EVERYTHING, reason="make test-all")
@pytest.mark.parametrize("width", [360, 800])
def test_actions_fold_into_a_menu_and_nothing_scrolls_sideways(width: int, open_page: Any) -> None:
    """UI-SH-14, UI-A11-03: 360 px is what 400 % zoom leaves of 1440."""
    page = open_page("/flows", width=width, height=640)
    expect(page.get_by_test_id("flows-import-open")).to_be_hidden()
    page.get_by_test_id("top-more").click()
    expect(page.get_by_test_id("flows-import-open")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("flows-import-open")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
