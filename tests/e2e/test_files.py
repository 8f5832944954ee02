"""Namespace files (UI-NS-07) in a real browser against a real server."""

from __future__ import annotations

import secrets

from playwright.sync_api import Page, expect

from tests.e2e.conftest import visit
from tests.support.server import Server, eventually


def _space() -> str:
    return f"e2e.files{secrets.token_hex(3)}"


def _url(space: str, path: str) -> str:
    return f"/api/v1/main/namespaces/{space}/files?path={path}"


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
    page.get_by_test_id("files-save").click()
    expect(page.get_by_test_id("files-save")).to_be_disabled()
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
