"""Namespace files (UI-NS-07) in a real browser against a real server."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import visit
from tests.support.server import Server, eventually


def _space() -> str:
    return f"e2e.files{secrets.token_hex(3)}"


def _url(space: str, path: str) -> str:
    return f"/api/v1/main/namespaces/{space}/files?path={quote(path)}"


def _write(server: Server, space: str, path: str, text: str) -> None:
    boundary = "e2e"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="fileContent"; filename="f"\r\n\r\n'
        f"{text}\r\n--{boundary}--\r\n"
    )
    sent = server.call("POST", _url(space, path), body=body, content_type=f"multipart/form-data; boundary={boundary}")
    assert sent.status == 200, sent.text


def _text(server: Server, space: str, path: str) -> str:
    return server.call("GET", _url(space, path)).text


def _editor(page: Page, text: str):
    found = page.locator(".edone.on .monaco-editor").first
    expect(found).to_contain_text(text, timeout=15_000)
    return found


def _type(page: Page, old: str, text: str) -> None:
    _editor(page, old).click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


def test_a_file_is_made_written_and_saved_by_keys(server: Server, open_page) -> None:
    space = _space()
    page = open_page(f"/namespaces/edit/{space}/files")
    expect(page.get_by_test_id("files-none")).to_be_visible()
    page.get_by_test_id("files-new").click()
    page.get_by_test_id("files-path").fill("scripts/clean.py")
    page.get_by_test_id("files-confirm").click()
    page.wait_for_url("**file=**clean.py")
    page.locator(".edone.on .monaco-editor").first.click(timeout=15_000)
    page.keyboard.insert_text("print('clean')")
    expect(page.get_by_test_id("files-save")).to_be_enabled()
    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("files-save")).to_be_disabled()
    assert _text(server, space, "/scripts/clean.py") == "print('clean')"


def test_unsaved_text_is_asked_about_and_can_be_kept(server: Server, open_page) -> None:
    space = _space()
    _write(server, space, "/a.txt", "first")
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt")
    _type(page, "first", "second")
    page.get_by_test_id("files-close").click()
    page.get_by_test_id("files-unsaved-cancel").click()
    _editor(page, "second")
    page.get_by_test_id("files-close").click()
    page.get_by_test_id("files-unsaved-confirm").click()
    expect(page.get_by_test_id("files-first")).to_be_visible()
    assert _text(server, space, "/a.txt") == "first"


def test_two_open_files_keep_their_unsaved_texts_and_are_saved_together(server: Server, open_page) -> None:
    space = _space()
    _write(server, space, "/a.txt", "aaa")
    _write(server, space, "/b.txt", "bbb")
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt")
    _type(page, "aaa", "a2")
    page.locator("[data-path='/b.txt']").click()
    _type(page, "bbb", "b2")
    page.locator(".etl").get_by_text("a.txt").click()
    _editor(page, "a2")
    page.get_by_test_id("files-save-all").click()
    expect(page.get_by_test_id("files-save-all")).to_have_count(0)
    assert (_text(server, space, "/a.txt"), _text(server, space, "/b.txt")) == ("a2", "b2")


def test_several_files_are_uploaded_and_an_existing_one_is_asked_about(server: Server, open_page) -> None:
    space = _space()
    _write(server, space, "/one.csv", "old")
    page = open_page(f"/namespaces/edit/{space}/files")
    expect(page.locator("[data-path='/one.csv']")).to_be_visible()
    page.get_by_test_id("files-input").set_input_files(
        [
            {"name": "one.csv", "mimeType": "text/csv", "buffer": b"new"},
            {"name": "two.csv", "mimeType": "text/csv", "buffer": b"x,y\n1,2\n"},
        ]
    )
    page.get_by_test_id("files-replace").click()
    expect(page.locator("[data-path='/two.csv']")).to_be_visible()
    eventually(lambda: _text(server, space, "/one.csv") == "new", what="the replaced file")


def test_a_file_is_renamed_and_deleted_after_a_question(server: Server, open_page) -> None:
    space = _space()
    _write(server, space, "/queries/old.sql", "select 1")
    page = open_page(f"/namespaces/edit/{space}/files?file=/queries/old.sql")
    row = page.locator("[data-path='/queries/old.sql']")
    expect(row).to_be_visible()
    row.focus()
    page.keyboard.press("F2")
    page.get_by_test_id("files-path").fill("queries/new.sql")
    page.get_by_test_id("files-confirm").click()
    page.wait_for_url("**new.sql")
    renamed = page.locator("[data-path='/queries/new.sql']")
    expect(renamed).to_be_visible()
    renamed.focus()
    page.keyboard.press("Delete")
    page.get_by_test_id("files-delete-dialog-confirm").click()
    expect(renamed).to_have_count(0)
    assert server.call("GET", _url(space, "/queries/new.sql")).status == 404


def test_several_entries_are_chosen_and_deleted_together(server: Server, open_page) -> None:
    """UI-NS-07: by Ctrl and Shift, or by keys alone; what lies in a folder goes with it."""
    space = _space()
    for path in ("/deep/a.txt", "/deep/b.txt", "/one.txt", "/two.txt", "/zero.txt"):
        _write(server, space, path, "text")
    page = open_page(f"/namespaces/edit/{space}/files?file=/two.txt")
    row = lambda path: page.locator(f"[data-path='{path}']")  # noqa: E731
    row("/deep").click()
    expect(row("/deep/b.txt")).to_be_visible()
    row("/deep/a.txt").click(modifiers=["Control"])
    row("/one.txt").click(modifiers=["Control"])
    expect(page.get_by_test_id("files-chosen")).to_contain_text("3")  # the folder that was pressed, too
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_test_id("files-chosen")).to_contain_text("4")
    expect(row("/two.txt")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Delete")
    asked = page.get_by_test_id("files-delete-dialog")
    for path in ("/deep", "/one.txt", "/two.txt"):
        expect(asked.get_by_text(path, exact=True)).to_be_visible()
    expect(asked.get_by_text("/deep/a.txt")).to_have_count(0)
    page.get_by_test_id("files-delete-dialog-confirm").click()
    expect(row("/one.txt")).to_have_count(0, timeout=15_000)
    expect(row("/deep")).to_have_count(0)
    expect(row("/zero.txt")).to_be_visible()
    expect(page.get_by_test_id("files-chosen")).to_have_count(0)
    for path in ("/deep/b.txt", "/one.txt", "/two.txt"):
        assert server.call("GET", _url(space, path)).status == 404
    assert _text(server, space, "/zero.txt") == "text"


@pytest.mark.long
def test_an_old_version_is_compared_and_restored(server: Server, open_page) -> None:
    space = _space()
    _write(server, space, "/a.txt", "first")
    _write(server, space, "/a.txt", "second")
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt")
    _editor(page, "second")
    page.get_by_test_id("files-versions").click()
    page.get_by_test_id("files-diff").click()
    expect(page.get_by_test_id("files-compare")).to_contain_text("first", timeout=15_000)
    page.get_by_test_id("files-restore").click()
    eventually(lambda: _text(server, space, "/a.txt") == "first", what="the restored version")


def test_the_list_of_namespaces_leads_to_the_files(server: Server, open_page) -> None:
    space = _space()
    _write(server, space, "/a.txt", "x")
    page = open_page("/namespaces")
    rows = page.get_by_test_id("namespace-row")
    expect(rows.first).to_contain_text("system")
    page.get_by_test_id("fold-e2e").click()
    expect(page.locator(f"tr[data-id='{space}']")).to_have_count(0)
    visit(page, server, "/namespaces?filters[q][EQUALS]=" + space)
    page.locator(f"tr[data-id='{space}']").get_by_role("link", name="Files", exact=True).click()
    page.wait_for_url(f"**/namespaces/edit/{space}/files")
    expect(page.locator("[data-path='/a.txt']")).to_be_visible()


def test_old_versions_are_deleted_after_a_question_that_names_them(server: Server, open_page) -> None:
    """UI-NS-07: one, or one with all older ones; the newest stays."""
    space = _space()
    for text in ("one", "two", "three", "four"):
        _write(server, space, "/a.txt", text)
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt")
    _editor(page, "four")
    page.get_by_test_id("files-versions").click()
    lines = page.get_by_test_id("files-version")
    expect(lines).to_have_count(4)
    expect(lines.first).to_contain_text("current")
    expect(lines.first).to_contain_text(server.username)
    lines.nth(1).get_by_test_id("files-version-more").click()
    page.get_by_test_id("files-version-delete").click()
    asked = page.get_by_test_id("files-version-removal")
    expect(asked).to_contain_text("/a.txt")
    expect(asked).to_contain_text("Version 3 is gone for good.")
    page.get_by_test_id("files-version-removal-confirm").click()
    expect(lines).to_have_count(3)
    lines.nth(1).get_by_test_id("files-version-more").click()
    page.get_by_test_id("files-version-delete-older").click()
    page.get_by_test_id("files-version-removal-confirm").click()
    expect(lines).to_have_count(1)
    left = server.call("GET", f"/api/v1/main/namespaces/{space}/files/revisions?path=/a.txt").json
    assert left == [{"revision": 4}] and _text(server, space, "/a.txt") == "four"


def _seen_again(page: Page) -> None:
    """The reader comes back to the page, which looks at once instead of after its 15 seconds."""
    page.evaluate("window.dispatchEvent(new Event('focus'))")


@pytest.mark.long
def test_a_newer_version_is_told_while_one_types_and_is_not_overwritten(server: Server, open_page) -> None:
    """UI-NS-07, UI-ED-61: compare, keep mine, take the newer one; a save before the bar is there is refused."""
    space = _space()
    _write(server, space, "/a.txt", "first")
    # The refused save of what was not yet told is the browser's own line about a 409.
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt", allowed=("409",))
    _type(page, "first", "mine")
    _write(server, space, "/a.txt", "theirs")
    page.keyboard.press("Control+s")
    bar = page.get_by_test_id("file-newer")
    expect(bar).to_contain_text("Somebody saved a newer version")
    assert _text(server, space, "/a.txt") == "theirs"
    page.get_by_test_id("newer-compare").click()
    expect(page.get_by_test_id("newer-dialog")).to_contain_text("theirs")
    expect(page.get_by_test_id("newer-dialog")).to_contain_text("mine")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("newer-dialog").get_by_test_id("newer-keep")).to_have_count(0)
    page.get_by_test_id("newer-keep").click()
    expect(bar).to_have_count(0)
    page.get_by_test_id("files-save").click()
    eventually(lambda: _text(server, space, "/a.txt") == "mine", what="my text over theirs")
    _type(page, "mine", "mine again")
    _write(server, space, "/a.txt", "theirs again")
    _seen_again(page)
    page.get_by_test_id("newer-take").click()
    _editor(page, "theirs again")
    expect(page.get_by_test_id("files-save")).to_be_disabled()
    page.keyboard.press("Control+z")
    _editor(page, "mine again")
    page.get_by_test_id("files-save").click()
    eventually(lambda: _text(server, space, "/a.txt") == "mine again", what="the text that Ctrl Z brought back")


def test_a_file_that_was_deleted_meanwhile_can_be_made_again(server: Server, open_page) -> None:
    """UI-NS-07: the text that is open is not lost with the file."""
    space = _space()
    _write(server, space, "/a.txt", "kept")
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt", allowed=("404",))
    _editor(page, "kept")
    assert server.call("DELETE", _url(space, "/a.txt")).status == 200
    _seen_again(page)
    expect(page.get_by_test_id("file-newer")).to_contain_text("deleted on the server")
    page.get_by_test_id("newer-keep").click()
    page.get_by_test_id("files-save").click()
    eventually(lambda: _text(server, space, "/a.txt") == "kept", what="the file made again")


def test_files_of_the_namespaces_below_are_listed_on_wish(server: Server, open_page) -> None:
    """UI-NS-02: each leads to the tab of its own namespace; the switch stands in the address."""
    space = _space()
    _write(server, space, "/own.txt", "own")
    _write(server, f"{space}.below", "/deep/other.txt", "other")
    page = open_page(f"/namespaces/edit/{space}/files")
    expect(page.locator("[data-path='/own.txt']")).to_be_visible()
    expect(page.get_by_test_id("files-below-list")).to_have_count(0)
    page.get_by_test_id("files-below").click()
    page.wait_for_url("**below=1")
    page.reload()
    found = page.get_by_test_id("files-below-list")
    expect(found).to_contain_text(f"{space}.below")
    found.get_by_role("link", name="/deep/other.txt").click()
    page.wait_for_url(f"**/namespaces/edit/{space}.below/files?file=/deep/other.txt")
    _editor(page, "other")


def test_a_file_takes_no_typed_text_before_it_has_come(server: Server, open_page) -> None:
    """UI-NS-07: on a slow way the text that is read would replace what was typed meanwhile."""
    space = _space()
    _write(server, space, "/a.txt", "first")
    page = open_page(f"/namespaces/edit/{space}/files")
    held: list[Route] = []
    page.route(re.compile(r"/files\?path=.*revision="), lambda one: held.append(one), times=1)
    page.locator("[data-path='/a.txt']").click()
    place = page.locator(".edone.on")
    expect(place.locator("[aria-busy=true]")).to_be_visible()
    eventually(lambda: page.wait_for_timeout(20) is None and len(held) == 1, what="the request for the text")
    expect(place.locator(".monaco-editor")).to_have_count(0)
    held[0].continue_()
    _type(page, "first", "second")
    page.keyboard.press("Control+s")
    eventually(lambda: _text(server, space, "/a.txt") == "second", what="the saved text")


def test_unsaved_text_stays_when_its_file_is_renamed_or_restored(server: Server, open_page) -> None:
    """UI-NS-07: neither a new path nor a restored version replaces what was typed."""
    space = _space()
    _write(server, space, "/a.txt", "first")
    _write(server, space, "/a.txt", "second")
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt")
    _type(page, "second", "typed")
    row = page.locator("[data-path='/a.txt']")
    row.focus()
    page.keyboard.press("F2")
    page.get_by_test_id("files-path").fill("b.txt")
    page.get_by_test_id("files-confirm").click()
    page.wait_for_url("**b.txt")
    _editor(page, "typed")
    page.get_by_test_id("files-versions").click()
    page.get_by_test_id("files-diff").click()
    page.get_by_test_id("files-restore").click()
    expect(page.get_by_test_id("file-newer")).to_be_visible()
    _editor(page, "typed")
    assert _text(server, space, "/b.txt") == "first"
    page.get_by_test_id("newer-keep").click()
    page.get_by_test_id("files-save").click()
    eventually(lambda: _text(server, space, "/b.txt") == "typed", what="my text under the new name")


def _executions(server: Server, space: str) -> list[dict[str, Any]]:
    query = f"filters[namespace][EQUALS]={space}&filters[kind][EQUALS]=PLAYGROUND"
    return server.call("GET", f"/api/v1/main/executions/search?{query}").json["results"]


def test_a_script_is_saved_and_run_below_its_text(server: Server, open_page) -> None:
    """UI-NS-07: with the text that stands there, among the other files; its flow stays as somebody changed it."""
    space = _space()
    _write(server, space, "/lib/words.txt", "from the other file")
    _write(server, space, "/jobs/hello world.sh", "echo first")
    _write(server, space, "/notes.txt", "no script")
    page = open_page(f"/namespaces/edit/{space}/files?file=/jobs/hello world.sh")
    _type(page, "echo first", "cat lib/words.txt; echo ran-$((20+22))")
    expect(page.get_by_test_id("files-run")).to_have_text("Save and run")
    page.get_by_test_id("files-run").click()
    panel = page.get_by_test_id("files-run-panel")
    expect(panel).to_contain_text("ran-42", timeout=30_000)
    expect(panel).to_contain_text("from the other file")
    expect(page.get_by_test_id("script-state")).to_have_text("Success")
    expect(page.get_by_test_id("files-run")).to_have_text("Run this script")
    (ran,) = _executions(server, space)
    place = f"/api/v1/main/flows/{space}/{ran['flowId']}"
    source = (
        server.call("GET", f"{place}?source=true")
        .json["source"]
        .replace("description:", "disabled: false\ndescription:")
    )
    sent = server.call("PUT", place, body=source, content_type="application/x-yaml")
    assert (ran["flowId"], sent.status) == ("run_jobs_hello_world_sh", 200), sent.text
    page.get_by_test_id("script-close").click()
    expect(panel).to_have_count(0)
    page.get_by_test_id("files-run").click()
    expect(panel).to_contain_text("ran-42", timeout=30_000)
    assert {one["flowRevision"] for one in _executions(server, space)} == {1, 2}
    page.get_by_test_id("script-open").click()
    page.wait_for_url(f"**/executions/{space}/run_jobs_hello_world_sh/*/logs")
    visit(page, server, f"/namespaces/edit/{space}/files?file=/notes.txt")
    _editor(page, "no script")
    expect(page.get_by_test_id("files-run")).to_have_count(0)


@pytest.mark.long
def test_a_script_is_stopped_and_one_that_is_not_saved_does_not_run(server: Server, open_page) -> None:
    """UI-NS-07: a save that is refused starts nothing."""
    space = _space()
    _write(server, space, "/wait.sh", "echo begun; sleep 300")
    page = open_page(f"/namespaces/edit/{space}/files?file=/wait.sh", allowed=("409",))
    _editor(page, "begun")
    page.get_by_test_id("files-run").click()
    expect(page.get_by_test_id("files-run-panel")).to_contain_text("begun", timeout=30_000)
    page.get_by_test_id("script-stop").click()
    expect(page.get_by_test_id("script-state")).to_have_text("Killed", timeout=30_000)
    _type(page, "begun", "echo mine")
    _write(server, space, "/wait.sh", "echo theirs")
    page.get_by_test_id("files-run").click()
    expect(page.get_by_test_id("file-newer")).to_be_visible()
    expect(page.get_by_test_id("files-run")).to_be_enabled()
    assert len(_executions(server, space)) == 1 and _text(server, space, "/wait.sh") == "echo theirs"
