"""Flows list, overview, executions, revisions (UI-FL, UI-FP) in a real browser against a real server."""

from __future__ import annotations

import io
import secrets
import zipfile

from playwright.sync_api import expect

from tests.support.server import Server

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


def test_rows_show_what_the_last_runs_say(server: Server, open_page) -> None:
    _flow(server, "ran")
    _flow(server, "idle")
    server.finished(server.execute("e2e.list", "ran")["id"])
    page = open_page("/flows?filters[namespace][PREFIX]=e2e.list")
    row = page.locator("tr[data-id='e2e.list/ran']")
    expect(row).to_contain_text("100.0 %")
    expect(row.locator("[data-testid=sparkline] rect").first).to_be_attached()
    expect(page.locator("tr[data-id='e2e.list/idle']")).to_contain_text("no runs yet")


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
    source = tmp_path / "two.yaml"
    source.write_text(FLOW.format(id="came_a", team="x", n=1) + "---\n" + FLOW.format(id="came_b", team="x", n=2))
    page = open_page("/flows?filters[q][EQUALS]=came_")
    page.get_by_test_id("flows-import-open").click()
    page.get_by_test_id("import-file").set_input_files(source)
    expect(page.locator(".impr")).to_have_count(2)
    page.get_by_test_id("import-run").click()
    expect(page.locator("tr[data-id='e2e.list/came_b']")).to_be_visible()
    assert server.call("GET", "/api/v1/main/flows/e2e.list/came_a").status == 200


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
"""
    )
    server.finished(server.execute("e2e.list", "breaks")["id"])
    page = open_page("/flows/edit/e2e.list/breaks/overview")
    expect(page.get_by_test_id("flow-overview")).to_contain_text("the tank is empty")
    page.get_by_test_id("tab-executions").click()
    expect(page.get_by_test_id("flow-executions").locator("tbody tr")).to_have_count(1)
    page.get_by_test_id("tab-logs").click()
    expect(page.get_by_test_id("flow-logs")).to_contain_text("the tank is empty")


def test_an_older_revision_is_compared_and_restored(server: Server, open_page) -> None:
    name = f"grown_{secrets.token_hex(3)}"
    for n in (1, 2, 3):
        _flow(server, name, n=n)
    page = open_page(f"/flows/edit/e2e.list/{name}/revisions?revisionLeft=1&revisionRight=3")
    expect(page.get_by_test_id("revision")).to_have_count(3)
    expect(page.locator(".sem")).to_contain_text("message changed")
    expect(page.locator(".sem")).to_contain_text("Hello 1 to Hello 3")
    page.get_by_test_id("revision-restore").click()
    page.get_by_test_id("revision-ask-confirm").click()
    expect(page.get_by_test_id("revision")).to_have_count(4)
    flow = server.call("GET", f"/api/v1/main/flows/e2e.list/{name}").json
    assert flow["revision"] == 4
    assert flow["tasks"][0]["message"] == "Hello 1"


def test_a_deleted_flow_can_be_restored(server: Server, open_page) -> None:
    _flow(server, "gone")
    server.call("DELETE", "/api/v1/main/flows/e2e.list/gone")
    page = open_page("/flows/edit/e2e.list/gone/revisions")
    expect(page.get_by_test_id("flow-deleted")).to_be_visible()
    page.get_by_test_id("flow-restore").click()
    expect(page.get_by_test_id("flow-deleted")).to_have_count(0)
    assert server.call("GET", "/api/v1/main/flows/e2e.list/gone").status == 200
