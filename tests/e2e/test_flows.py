"""Flows list, overview, executions, revisions (UI-FL, UI-FP) in a real browser against a real server."""

from __future__ import annotations

import io
import secrets
import zipfile

import pytest
from playwright.sync_api import expect

from tests.support.server import Server, eventually

FLOW = """id: {id}
namespace: e2e.list
labels:
  team: {team}
tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello {n}
"""


def _flow(server: Server, name: str, team: str = "data", n: int = 1) -> None:
    server.save_flow(FLOW.format(id=name, team=team, n=n))


def test_the_chart_takes_the_room_that_the_sidebar_leaves(server: Server, open_page) -> None:
    _flow(server, "wide")
    server.finished(server.execute("e2e.list", "wide")["id"])
    page = open_page("/flows?filters[namespace][PREFIX]=e2e.list")
    plot = page.locator("[data-testid=flows-figure] .fd-chart > .plot")
    expect(plot.locator(".main-svg").first).to_be_visible()
    before = plot.evaluate("el => el.clientWidth")
    page.get_by_role("button", name="Collapse the sidebar").click()
    drawn = "el => [el.clientWidth, Math.round(el.querySelector('.main-svg').getBoundingClientRect().width)]"

    def fits() -> bool:
        room, width = plot.evaluate(drawn)
        return room > before and abs(width - room) < 2

    eventually(fits, seconds=5, what="the chart in its new room")


def test_rows_show_what_the_last_runs_say(server: Server, open_page) -> None:
    _flow(server, "ran")
    _flow(server, "idle")
    server.finished(server.execute("e2e.list", "ran")["id"])
    page = open_page("/flows?filters[namespace][PREFIX]=e2e.list")
    row = page.locator("tr[data-id='e2e.list/ran']")
    expect(row).to_contain_text("100.0 %")
    expect(row.locator("[data-testid=sparkline] rect").first).to_be_attached()
    expect(page.locator("tr[data-id='e2e.list/idle']")).to_contain_text("no runs yet")
    expect(page.get_by_test_id("flows-figure").locator(".plot .bars path").first).to_be_attached()  # UI-FL-03


def test_the_search_stands_in_the_url_and_narrows_the_rows(server: Server, open_page) -> None:
    _flow(server, "alpha")
    _flow(server, "beta")
    page = open_page("/flows?filters[namespace][PREFIX]=e2e.list")
    page.fill("[data-testid=filters] input", "alph")
    expect(page.locator("tr[data-id='e2e.list/beta']")).to_have_count(0)
    expect(page.locator("tr[data-id='e2e.list/alpha']")).to_be_visible()
    assert "alph" in page.url


def test_a_pressed_label_becomes_a_filter(server: Server, open_page) -> None:
    _flow(server, "mine", team="platform")
    _flow(server, "other", team="ml")
    page = open_page("/flows?filters[namespace][PREFIX]=e2e.list")
    page.locator("tr[data-id='e2e.list/mine'] .lab").click()
    expect(page.locator("tr[data-id='e2e.list/other']")).to_have_count(0)
    assert "filters[labels][EQUALS][team]=platform" in page.url


def test_the_selection_is_disabled_enabled_and_deleted(server: Server, open_page) -> None:
    _flow(server, "bulk_a")
    _flow(server, "bulk_b")
    page = open_page("/flows?filters[q][EQUALS]=bulk_")
    for name in ("bulk_a", "bulk_b"):
        page.locator(f"tr[data-id='e2e.list/{name}'] [role=checkbox]").click()
    page.get_by_test_id("flows-disable").click()
    expect(page.locator("tr[data-id='e2e.list/bulk_a'] .cnt")).to_have_text("disabled")
    assert server.call("GET", "/api/v1/main/flows/e2e.list/bulk_b").json["disabled"] is True
    for name in ("bulk_a", "bulk_b"):
        page.locator(f"tr[data-id='e2e.list/{name}'] [role=checkbox]").click()
    page.get_by_test_id("flows-enable").click()
    expect(page.locator("tr[data-id='e2e.list/bulk_a'] .cnt")).to_have_count(0)
    page.locator("tr[data-id='e2e.list/bulk_a'] [role=checkbox]").click()
    page.get_by_test_id("flows-delete-selected").click()
    page.get_by_test_id("flows-delete-confirm").click()
    expect(page.locator("tr[data-id='e2e.list/bulk_a']")).to_have_count(0)
    assert server.call("GET", "/api/v1/main/flows/e2e.list/bulk_a").status == 404


def test_many_flows_are_labelled_moved_and_executed_after_a_look(server: Server, open_page) -> None:
    """UI-FL-05: each deed tells flow by flow what would happen, and works behind the page."""
    for name in ("many_a", "many_b"):
        _flow(server, name)
    page = open_page("/flows?filters[q][EQUALS]=many_")

    def begin(deed: str) -> None:
        expect(page.get_by_test_id("flows-bulk-more")).to_have_count(0)  # what was chosen before is worked on
        for name in ("many_a", "many_b"):
            page.locator(f"tr[data-id$='/{name}'] [role=checkbox]").click()
        page.get_by_test_id("flows-bulk-more").click()
        page.get_by_test_id(f"flows-{deed}").click()

    begin("labels")
    page.get_by_test_id("flows-deed-add").fill("tier: gold")
    page.get_by_test_id("flows-deed-remove").fill("team")
    expect(page.get_by_test_id("flows-deed-row").first).to_contain_text("+ tier: gold, − team")
    page.get_by_test_id("flows-labels-confirm").click()
    expect(page.locator("tr[data-id='e2e.list/many_b'] .lab")).to_have_text("tier:gold")
    begin("run")
    expect(page.get_by_test_id("flows-deed-row").first).to_contain_text("with its defaults")
    page.get_by_test_id("flows-run-confirm").click()
    expect(page.get_by_text("2 executions started")).to_be_visible()
    begin("move")
    page.get_by_test_id("flows-deed-space").fill("e2e.moved")
    expect(page.get_by_test_id("flows-deed-row").first).to_contain_text("e2e.moved/many_a")
    page.get_by_test_id("flows-move-confirm").click()
    expect(page.locator("tr[data-id='e2e.moved/many_b']")).to_be_visible()
    assert server.call("GET", "/api/v1/main/flows/e2e.list/many_a").status == 404


def test_the_selection_is_exported_as_zip(server: Server, open_page, tmp_path) -> None:
    _flow(server, "packed")
    page = open_page("/flows?filters[q][EQUALS]=packed")
    page.locator("tr[data-id='e2e.list/packed'] [role=checkbox]").click()
    with page.expect_download() as download:
        page.get_by_test_id("flows-export").click()
    kept = tmp_path / "flows.zip"
    download.value.save_as(kept)
    with zipfile.ZipFile(io.BytesIO(kept.read_bytes())) as archive:
        assert archive.namelist() == ["e2e.list.packed.yaml"]


def test_files_are_judged_and_imported(server: Server, open_page, tmp_path) -> None:
    """UI-FL-06: YAML and archives alike: new, updated with its lines, unchanged, refused with the reason."""
    source = tmp_path / "two.yaml"
    source.write_text(FLOW.format(id="came_a", team="x", n=1) + "---\n" + FLOW.format(id="came_b", team="x", n=2))
    page = open_page("/flows?filters[q][EQUALS]=came_")
    page.get_by_test_id("flows-import-open").click()
    page.get_by_test_id("import-file").set_input_files(source)
    expect(page.locator(".impr")).to_have_count(2)
    expect(page.get_by_test_id("import-fate").last).to_have_text("new")
    page.get_by_test_id("import-run").click()
    expect(page.locator("tr[data-id='e2e.list/came_b']")).to_be_visible()
    assert server.call("GET", "/api/v1/main/flows/e2e.list/came_a").status == 200
    packed = tmp_path / "more.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.yaml", FLOW.format(id="came_a", team="x", n=1))
        archive.writestr("b.yaml", FLOW.format(id="came_b", team="x", n=3))
        archive.writestr("c.yaml", "id: came_c\nnamespace: e2e.list\ntasks: 3\n")
    page.get_by_test_id("flows-import-open").click()
    page.get_by_test_id("import-file").set_input_files(packed)
    expect(page.get_by_test_id("import-fate").nth(0)).to_contain_text("tasks")  # what needs a look comes first
    expect(page.get_by_test_id("import-fate").nth(1)).to_contain_text("update to revision 2")
    expect(page.get_by_test_id("import-fate").nth(2)).to_have_text("unchanged")
    page.get_by_test_id("import-run").click()
    expect(page.get_by_test_id("import-refused")).to_contain_text("c.yaml")
    expect(page.get_by_test_id("flows-import")).to_contain_text("2 flows imported")
    expect(page.get_by_test_id("import-run")).to_have_count(0)  # the outcome, no longer the outlook
    assert server.call("GET", "/api/v1/main/flows/e2e.list/came_b").json["revision"] == 2


def test_execute_from_the_row_leads_to_the_execution(server: Server, open_page) -> None:
    server.save_flow(
        """id: asked
namespace: e2e.list
inputs:
  - id: count
    type: INT
    defaults: 3
    max: 10
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "{{ inputs.count }}"
"""
    )
    page = open_page("/flows?filters[q][EQUALS]=asked")
    page.get_by_test_id("flows-execute").first.click()
    dialog = page.get_by_test_id("execute-dialog")
    field = dialog.locator("input").first
    expect(field).to_have_value("3")
    field.fill("7")
    dialog.get_by_role("button", name="Execute", exact=True).click()
    page.wait_for_url("**/executions/e2e.list/asked/*/gantt")
    identity = page.url.rstrip("/").split("/")[-2]
    assert server.finished(identity)["inputs"] == {"count": 7}


def test_a_new_execution_opens_where_the_settings_say(server: Server, open_page) -> None:
    """UI-FP-15: the reader's tab of executions, in a new tab of the browser."""
    _flow(server, "placed")
    place = "/api/v1/main/console/settings"
    kept = {"executionTab": "logs", "executeIn": "new"}
    assert server.call("PATCH", place, json_body=kept).status == 200
    try:
        page = open_page("/flows/edit/e2e.list/placed/overview?execute=true")
        dialog = page.get_by_test_id("execute-dialog")
        with page.context.expect_page() as opened:
            dialog.get_by_role("button", name="Execute", exact=True).click()
        opened.value.wait_for_url("**/executions/e2e.list/placed/*/logs")
        assert "/flows/edit/e2e.list/placed" in page.url
    finally:
        assert server.call("PATCH", place, json_body=dict.fromkeys(kept)).status == 200


def test_the_palette_link_opens_the_execute_dialog(server: Server, open_page) -> None:
    _flow(server, "linked")
    page = open_page("/flows/edit/e2e.list/linked/overview?execute=true")
    expect(page.get_by_test_id("execute-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("execute-dialog")).not_to_be_visible()
    assert "execute=" not in page.url


def test_the_overview_tells_the_last_failure(server: Server, open_page) -> None:
    server.save_flow(
        """id: breaks
namespace: e2e.list
tasks:
  - id: stop
    type: io.kestra.plugin.core.execution.Fail
    errorMessage: the tank is empty
triggers:
  - id: yearly
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 0 1 1 *"
"""
    )
    server.finished(server.execute("e2e.list", "breaks")["id"])
    page = open_page("/flows/edit/e2e.list/breaks/overview")
    expect(page.get_by_test_id("flow-overview")).to_contain_text("the tank is empty")
    expect(page.get_by_test_id("overview-errors")).to_contain_text("the tank is empty")
    expect(page.get_by_test_id("overview-chart").locator(".plot .bars path").first).to_be_attached()
    page.get_by_test_id("overview-switch").click()
    expect(page.get_by_test_id("overview-switch")).to_have_attribute("aria-checked", "false")
    found = server.call("GET", "/api/v1/main/triggers/e2e.list/breaks").json
    assert found["results"][0]["disabled"] is True
    page.get_by_test_id("tab-executions").click()
    expect(page.get_by_test_id("flow-executions").locator("tbody tr")).to_have_count(1)
    page.get_by_test_id("tab-logs").click()
    expect(page.get_by_test_id("flow-logs")).to_contain_text("the tank is empty")


@pytest.mark.long
def test_an_older_revision_is_compared_and_restored(server: Server, open_page) -> None:
    name = f"grown_{secrets.token_hex(3)}"
    for n in (1, 2, 3):
        _flow(server, name, n=n)
    said = "Say%20it%20once%20more"
    path = f"/api/v1/main/flows/e2e.list/{name}"
    source = server.call("GET", f"{path}?source=true").json["source"]
    server.call("PUT", f"{path}?message={said}", body=source + "# three\n", content_type="application/x-yaml")
    server.finished(server.execute("e2e.list", name)["id"])
    page = open_page(f"/flows/edit/e2e.list/{name}/revisions?revisionLeft=1&revisionRight=3")
    rows = page.get_by_test_id("revision")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("Say it once more")  # UI-FP-20: author and message; UI-FP-22: runs of each
    expect(rows.first).to_contain_text("1 run")
    expect(rows.first).to_contain_text("100 %")
    expect(rows.first.locator(".av")).to_have_attribute("title", server.username)
    expect(page.locator(".sem")).to_contain_text("message changed")
    expect(page.locator(".sem")).to_contain_text("Hello 1 to Hello 3")
    page.get_by_test_id("revision-restore").click()
    page.get_by_test_id("revision-ask-confirm").click()
    expect(page.get_by_test_id("revision")).to_have_count(5)
    flow = server.call("GET", f"/api/v1/main/flows/e2e.list/{name}").json
    assert flow["revision"] == 5
    assert flow["tasks"][0]["message"] == "Hello 1"
    # UI-FP-21: one source alone; single revisions go, the newest stays.
    page.get_by_test_id("revisions-more").click()
    page.get_by_test_id("revision-source-left").click()
    expect(page.get_by_test_id("revision-source")).to_contain_text("# three")
    page.keyboard.press("Escape")
    page.get_by_test_id("revisions-more").click()
    page.get_by_test_id("revisions-choose").click()
    boxes = page.get_by_test_id("revision-choose")
    expect(boxes.first).to_be_disabled()
    for n in (3, 4):
        boxes.nth(n).click()
        expect(boxes.nth(n)).to_be_checked()
    page.get_by_test_id("revisions-delete").click()
    page.get_by_test_id("revision-remove-confirm").click()
    expect(rows).to_have_count(3)
    left = server.call("GET", f"{path}/revisions").json
    assert [one["revision"] for one in left] == [3, 4, 5]


def test_a_deleted_flow_can_be_restored(server: Server, open_page) -> None:
    _flow(server, "gone")
    server.call("DELETE", "/api/v1/main/flows/e2e.list/gone")
    page = open_page("/flows/edit/e2e.list/gone/revisions")
    expect(page.get_by_test_id("flow-deleted")).to_be_visible()
    page.get_by_test_id("flow-restore").click()
    expect(page.get_by_test_id("flow-deleted")).to_have_count(0)
    assert server.call("GET", "/api/v1/main/flows/e2e.list/gone").status == 200


def test_a_call_is_copied_for_kestractl_where_its_form_is_known(server: Server, open_page) -> None:
    """UI-FP-13: without inputs; with any of them it says why it is not offered."""
    space = f"e2e.copy{secrets.token_hex(3)}"
    log = "tasks: [{id: t, type: io.kestra.plugin.core.log.Log, message: hi}]"
    server.save_flow(f"id: bare\nnamespace: {space}\n{log}\n")
    server.save_flow(f"id: asks\nnamespace: {space}\ninputs: [{{id: n, type: INT, defaults: 3}}]\n{log}\n")
    page = open_page(f"/flows/edit/{space}/bare/overview?execute=1")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_test_id("execute-copy-as").click()
    page.get_by_role("menuitem", name="kestractl", exact=True).click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.includes('kestractl'))")
    assert page.evaluate("navigator.clipboard.readText()") == f"kestractl executions run '{space}' 'bare' --wait\n"
    page.goto(f"{server.url}/ui/main/flows/edit/{space}/asks/overview?execute=1")
    page.get_by_test_id("execute-copy-as").click()
    expect(page.get_by_role("menuitem", name="kestractl")).to_have_attribute("aria-disabled", "true")
