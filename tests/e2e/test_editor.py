"""The flow editor (UI-ED): checks, panels, save, conflict, draft, in a real browser against a real server."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.support.server import Server, eventually

FLOW = """id: {id}
namespace: e2e.edit
tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello {n}
"""
DRAFT = "/api/v1/main/console/drafts/flow/e2e.edit/drafted"
PLACE = "/flows/edit/e2e.edit/{}/edit"


def _ready(page: Page) -> None:
    page.wait_for_selector("[data-testid=yaml-editor][data-ready]", timeout=20_000)


def _type_at_end(page: Page, text: str) -> None:
    page.locator(".monaco-editor").first.click(position={"x": 300, "y": 60})
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(text)


def _replace(page: Page, text: str) -> None:
    page.locator(".monaco-editor").first.click(position={"x": 300, "y": 60})
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_a_new_flow_is_created_and_its_page_opens(server: Server, open_page) -> None:
    page = open_page("/flows/new?namespace=e2e.edit")
    _ready(page)
    expect(page.get_by_test_id("editor-status")).to_contain_text("Valid")
    page.locator(".monaco-editor").first.click(position={"x": 300, "y": 60})
    page.keyboard.press("Control+s")
    page.wait_for_url("**/flows/edit/e2e.edit/*/edit")
    identity = page.url.rstrip("/").split("/")[-2]
    assert server.call("GET", f"/api/v1/main/flows/e2e.edit/{identity}").json["revision"] == 1
    expect(page.get_by_test_id("editor-save")).to_be_disabled()


def test_saving_makes_a_revision_and_the_editor_is_clean(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="saved", n=1))
    page = open_page(PLACE.format("saved"))
    _ready(page)
    expect(page.get_by_test_id("editor-save")).to_be_disabled()
    _type_at_end(page, "description: new words\n")
    expect(page.get_by_test_id("editor-save")).to_be_enabled()
    page.get_by_test_id("editor-save").click()
    expect(page.locator(".sbar")).to_contain_text("rev 2")
    expect(page.get_by_test_id("editor-save")).to_be_disabled()
    assert server.call("GET", "/api/v1/main/flows/e2e.edit/saved").json["description"] == "new words"
    _type_at_end(page, "# why\n")  # UI-ED-60: words that are kept with the revision
    page.get_by_test_id("editor-save-message").click()
    page.get_by_test_id("message-text").fill("Tell why")
    page.get_by_test_id("message-save").click()
    expect(page.locator(".sbar")).to_contain_text(f"rev 3 by {server.username}")
    expect(page.locator(".sbar")).to_contain_text("Tell why")
    assert server.call("GET", "/api/v1/main/flows/e2e.edit/saved/revisions").json[2]["message"] == "Tell why"
    _replace(page, FLOW.format(id="other_name", n=1))  # UI-ED-22: the names of a stored flow stay
    expect(page.get_by_test_id("moved-bar")).to_contain_text("e2e.edit/other_name")
    page.get_by_test_id("moved-back").click()
    expect(page.get_by_test_id("moved-bar")).to_have_count(0)
    expect(page.locator(".monaco-editor").first).to_contain_text("id: saved")


def test_problems_are_listed_as_one_types_and_a_press_jumps(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="checked", n=1))
    page = open_page(PLACE.format("checked"))
    _ready(page)
    _type_at_end(page, "  - id: second\n    type: io.kestra.plugin.core.log.Logg\n")
    row = page.get_by_test_id("problem-row").first
    expect(row).to_be_visible(timeout=10_000)
    expect(page.get_by_test_id("editor-status")).to_contain_text("error")
    page.keyboard.press("Control+Home")
    row.click()
    expect(page.locator(".sbar")).not_to_contain_text("Ln 1:")


def test_the_server_refuses_a_broken_flow_and_nothing_typed_is_lost(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="refused", n=1))
    page = open_page(PLACE.format("refused"), allowed=("422",))
    _ready(page)
    _replace(page, "id: refused\nnamespace: e2e.edit\ntasks: []\n")
    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("save-problem")).to_be_visible()
    expect(page.locator(".monaco-editor").first).to_contain_text("tasks: []")
    expect(page.get_by_test_id("editor-save")).to_be_disabled()  # UI-ED-21: and tells what keeps the save away
    expect(page.get_by_test_id("editor-save")).to_have_attribute("title", re.compile("Errors keep it"))
    assert server.call("GET", "/api/v1/main/flows/e2e.edit/refused").json["revision"] == 1


def test_topology_and_documentation_follow_the_text_and_the_cursor(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="followed", n=1))
    page = open_page(PLACE.format("followed"))
    _ready(page)
    docs = page.get_by_test_id("editor-docs")
    expect(docs).to_contain_text(
        "at the top of a flow"
    )  # UI-ED-02, UI-ED-50: two panels, and what stands at the cursor
    page.get_by_test_id("editor-panel-topology").click()
    expect(page.get_by_test_id("editor-topology")).to_contain_text("hello")
    _type_at_end(page, "  - {id: napping, type: io.kestra.plugin.core.flow.Sleep, duration: PT1S}\n")
    expect(page.get_by_test_id("editor-topology")).to_contain_text("napping", timeout=10_000)
    page.keyboard.press("Control+Home")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    expect(docs).to_contain_text("io.kestra.plugin.core.log.Log", timeout=10_000)
    expect(docs).to_contain_text("message")
    page.get_by_test_id("docs-examples").click()
    expect(docs.locator("pre").first).to_contain_text("io.kestra.plugin.core.log.Log")


def test_nothing_is_overwritten_silently(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="shared", n=1))
    page = open_page(PLACE.format("shared"), allowed=("409", "404"))
    _ready(page)
    _type_at_end(page, "description: mine\n")
    server.save_flow(FLOW.format(id="shared", n=2))
    page.get_by_test_id("editor-save").click()
    dialog = page.get_by_test_id("conflict-dialog")
    expect(dialog).to_be_visible()
    expect(page.get_by_test_id("three-way-theirs").or_(page.get_by_test_id("three-way-conflict"))).to_be_visible()
    page.get_by_test_id("conflict-overwrite").click()
    expect(dialog).not_to_be_visible()
    expect(page.locator(".sbar")).to_contain_text("rev 3")
    assert server.call("GET", "/api/v1/main/flows/e2e.edit/shared").json["description"] == "mine"
    # Changes that do not touch each other are kept both; a flow that was deleted meanwhile comes back.
    stored = server.call("GET", "/api/v1/main/flows/e2e.edit/shared?source=true").json["source"]
    _type_at_end(page, "# mine again\n")
    server.save_flow(stored.replace("namespace:", "labels: {by: them}\nnamespace:"))
    expect(page.get_by_test_id("newer-bar")).to_be_visible()
    page.get_by_test_id("editor-save").click()
    page.get_by_test_id("conflict-merge").click()
    expect(page.locator(".sbar")).to_contain_text("rev 4")
    server.call("DELETE", "/api/v1/main/flows/e2e.edit/shared")
    page.get_by_test_id("editor-save").click()
    expect(page.get_by_test_id("conflict-who")).to_contain_text("deleted this flow")
    page.get_by_test_id("conflict-overwrite").click()
    expect(page.locator(".sbar")).to_contain_text("rev 6")
    source = server.call("GET", "/api/v1/main/flows/e2e.edit/shared?source=true").json["source"]
    assert "by: them" in source and "# mine again" in source


def test_a_save_elsewhere_is_told_at_once(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="watched", n=1))
    page = open_page(PLACE.format("watched"))
    _ready(page)
    other = open_page(PLACE.format("watched"))  # who else has it open is told at once too
    expect(page.get_by_test_id("editors")).to_have_attribute("aria-label", "Also here: You, in another tab")
    other.close()
    expect(page.get_by_test_id("editors")).to_have_count(0)
    server.save_flow(FLOW.format(id="watched", n=2))
    expect(page.get_by_test_id("newer-bar")).to_contain_text(f"by {server.username}", timeout=15_000)
    page.get_by_test_id("newer-reload").click()
    expect(page.get_by_test_id("newer-bar")).to_have_count(0)
    expect(page.locator(".monaco-editor").first).to_contain_text("Hello 2")


def test_unsaved_text_is_kept_as_draft_and_offered_again(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="drafted", n=1))
    page = open_page(PLACE.format("drafted"))
    _ready(page)
    _type_at_end(page, "description: unsaved words\n")
    expect(page.locator(".sbar")).to_contain_text("Draft kept")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    _ready(page)
    expect(page.get_by_test_id("draft-bar")).to_be_visible()
    page.get_by_test_id("draft-restore").click()
    expect(page.locator(".monaco-editor").first).to_contain_text("unsaved words")
    # The server has it too: another browser offers it, and says that it is older than what is stored.
    eventually(lambda: "unsaved words" in server.call("GET", DRAFT).text, what="the draft on the server")
    page.close()  # it would keep what it shows again, which the other one rightly leaves alone
    server.save_flow(FLOW.format(id="drafted", n=2))
    other = open_page(PLACE.format("drafted"))
    expect(other.get_by_test_id("draft-bar")).to_contain_text("written in another browser")
    expect(other.get_by_test_id("draft-old")).to_contain_text("it began with revision 1")
    other.get_by_test_id("draft-discard").click()
    eventually(lambda: server.call("GET", DRAFT).status == 404, what="the end of the draft")


def test_leaving_with_unsaved_text_asks(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="left", n=1))
    page = open_page(PLACE.format("left"))
    _ready(page)
    _type_at_end(page, "description: unsaved\n")
    expect(page.get_by_test_id("editor-save")).to_be_enabled()
    page.get_by_test_id("tab-triggers").click()
    expect(page.get_by_test_id("leave-guard")).to_be_visible()
    page.get_by_test_id("leave-guard").get_by_role("button", name="Stay").click()
    assert page.url.endswith("/edit")
    page.get_by_test_id("tab-triggers").click()
    page.get_by_test_id("leave-anyway").click()
    page.wait_for_url("**/triggers")


def test_save_and_execute_starts_the_new_text(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="started", n=1))
    page = open_page(PLACE.format("started"))
    _ready(page)
    page.get_by_test_id("editor-more").click()
    page.get_by_test_id("editor-run-panel").click()
    _type_at_end(page, "description: two\n")
    expect(page.get_by_test_id("editor-execute")).to_have_text("Save and execute")
    page.get_by_test_id("editor-execute").click()
    dialog = page.get_by_test_id("execute-dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Execute", exact=True).click()
    expect(page.get_by_test_id("last-run")).to_contain_text("success")  # UI-ED-70: beside the code
    assert urlsplit(page.url).path.endswith("/edit")
    page.get_by_test_id("editor-more").click()
    page.get_by_test_id("editor-run-same").click()
    page.get_by_test_id("editor-execute").click()
    dialog.get_by_role("button", name="Execute", exact=True).click()
    page.wait_for_url("**/executions/e2e.edit/started/*/gantt")
    identity = page.url.rstrip("/").split("/")[-2]
    assert server.finished(identity)["flowRevision"] == 2


def test_panels_are_switched_and_kept(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="panels", n=1))
    page = open_page(PLACE.format("panels"))
    _ready(page)
    page.get_by_test_id("editor-panel-docs").click()
    expect(page.get_by_test_id("editor-docs")).to_have_count(0)
    page.wait_for_timeout(700)  # the layout is kept when one stopped arranging it
    page.reload()
    _ready(page)
    expect(page.get_by_test_id("editor-docs")).to_have_count(0)
    page.get_by_test_id("editor-panel-docs").click()
    expect(page.get_by_test_id("editor-docs")).to_be_visible()


@pytest.mark.long
def test_vim_keys_are_a_setting_that_stays_and_w_saves(server: Server, open_page) -> None:
    """UI-ED-10: kept on the server beside the editor's other settings."""
    server.save_flow(FLOW.format(id="modal", n=1) + "# filler\n" * 80 + "# needle\n")
    page = open_page(PLACE.format("modal"))
    _ready(page)
    page.get_by_test_id("editor-more").click()
    page.get_by_test_id("editor-vim").click()
    line = page.get_by_test_id("editor-vim-line")
    expect(line).to_have_text("NORMAL")
    page.reload()
    _ready(page)
    expect(line).to_have_text("NORMAL")
    page.locator(".monaco-editor").first.click(position={"x": 300, "y": 60})
    page.keyboard.type("/needle")
    page.keyboard.press("Enter")
    expect(page.locator(".view-line", has_text="# needle")).to_be_in_viewport()
    for keys in ("G", "o", "description: by vim"):
        page.keyboard.type(keys)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("editor-save")).to_be_enabled()
    page.keyboard.type(":w")
    page.keyboard.press("Enter")
    expect(page.locator(".sbar")).to_contain_text("rev 2")
    page.get_by_test_id("editor-more").click()
    page.get_by_test_id("editor-vim").click()
    expect(line).to_have_count(0)
    eventually(
        lambda: server.call("GET", "/api/v1/main/console/settings").json["editor"]["vim"] is False, what="the setting"
    )


@pytest.mark.long
def test_the_panels_stand_in_the_url_and_the_readers_own_stay(server: Server, open_page) -> None:
    """UI-SH-01: what was arranged is in the URL; a link shows its panels and leaves the reader's own as they were."""
    server.save_flow(FLOW.format(id="arranged", n=1))
    place = PLACE.format("arranged")
    page = open_page(place)
    _ready(page)
    own = page.get_by_test_id("workbench").get_attribute("data-panels")
    page.goto(f"{server.url}/ui/main{place}?panels=code~topology.docs:docs,lastrun")
    _ready(page)
    expect(page.get_by_test_id("workbench")).to_have_attribute("data-panels", "code topology docs lastrun")
    expect(page.get_by_test_id("editor-docs")).to_be_visible()
    expect(page.get_by_test_id("editor-topology")).to_have_count(0)
    page.goto(f"{server.url}/ui/main{place}")
    _ready(page)
    expect(page.get_by_test_id("workbench")).to_have_attribute("data-panels", own)

    page.goto(f"{server.url}/ui/main{place}?panels=code~topology")
    _ready(page)
    expect(page.get_by_test_id("editor-topology")).to_be_visible()
    page.get_by_test_id("editor-panel-docs").click()
    page.wait_for_url("**/edit*panels=code~topology,docs")
    page.reload()
    _ready(page)
    expect(page.get_by_test_id("workbench")).to_have_attribute("data-panels", "code topology docs")
    page.goto(f"{server.url}/ui/main{place}")  # who arranged a link's panels has them as their own
    _ready(page)
    expect(page.get_by_test_id("workbench")).to_have_attribute("data-panels", "code topology docs")
    page.goto(f"{server.url}/ui/main{place}?panels=nothing")
    _ready(page)
    expect(page.get_by_test_id("workbench")).to_have_attribute("data-panels", "code topology docs")
    page.get_by_test_id("editor-panel-topology").click()
    page.wait_for_url("**/edit*panels=code~docs")


@pytest.mark.long
def test_the_flow_is_disabled_and_deleted_from_the_menu(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="removed", n=1))
    page = open_page(PLACE.format("removed"))
    _ready(page)
    code = page.locator(".monaco-editor").first
    page.get_by_test_id("editor-more").click()  # UI-ED-65: what the menu writes into the text
    page.get_by_test_id("editor-about").click()
    page.get_by_test_id("about-description").fill("Goes soon")
    page.get_by_test_id("about-label-add").click()
    page.get_by_test_id("about-label-key").fill("team")
    page.get_by_test_id("about-label-value").fill("data")
    page.get_by_test_id("about-apply").click()
    expect(code).to_contain_text("description: Goes soon")
    expect(code).to_contain_text("team: data")
    page.get_by_test_id("editor-more").click()
    page.get_by_test_id("editor-add-trigger").click()
    page.get_by_test_id("catalogue-search").fill("webhook")
    page.keyboard.press("Enter")
    expect(code).to_contain_text("io.kestra.plugin.core.trigger.Webhook")
    page.get_by_test_id("editor-save").click()
    expect(page.locator(".sbar")).to_contain_text("rev 2")
    page.get_by_test_id("editor-more").click()
    with page.expect_download() as download:
        page.get_by_test_id("editor-export").click()
    assert download.value.suggested_filename == "removed.yaml"
    page.get_by_test_id("editor-more").click()
    page.get_by_test_id("editor-disable").click()
    expect(page.get_by_test_id("editor-execute")).to_be_disabled()
    page.get_by_test_id("editor-more").click()
    page.get_by_test_id("editor-delete").click()
    page.get_by_test_id("flow-delete-confirm").click()
    page.wait_for_url("**/flows")
    assert server.call("GET", "/api/v1/main/flows/e2e.edit/removed").status == 404
    page.get_by_test_id("toasts").get_by_role("button", name="Undo").click()  # UI-DG-05
    page.wait_for_url("**/flows/edit/e2e.edit/removed/*")
    assert server.call("GET", "/api/v1/main/flows/e2e.edit/removed").json["disabled"] is True


def test_a_task_is_written_with_completion_and_indents_itself(server: Server, open_page) -> None:
    server.save_flow(FLOW.format(id="written", n=1))
    page = open_page(PLACE.format("written"))
    _ready(page)
    page.locator(".monaco-editor").first.click(position={"x": 300, "y": 60})
    page.keyboard.press("Control+End")
    page.keyboard.type("  - id: two", delay=10)
    page.keyboard.press("Enter")
    page.keyboard.type("type: debug.Ret", delay=40)
    expect(page.locator(".suggest-widget")).to_contain_text("Return")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    expect(page.locator(".sbar")).to_contain_text("rev 2")
    task = server.call("GET", "/api/v1/main/flows/e2e.edit/written").json["tasks"][1]
    assert task["id"] == "two"
    assert task["type"] == "io.kestra.plugin.core.debug.Return"
