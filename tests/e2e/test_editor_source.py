"""The text of a flow stays in the browser: it comes and goes by the API, never over the page's socket (UI-RX-02)."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import visit
from tests.support.console import append, editor, revision, write
from tests.support.server import Server, eventually

SMALL = """id: {id}
namespace: e2e.texts
tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello
"""
LARGE = 300_000
"""Characters."""
PIECE = "line of the source"


def _large(flow_id: str) -> str:
    lines = [f"# {PIECE} {number:05}: {'x' * 60}" for number in range(LARGE // 85)]
    task = "".join(f"      {PIECE} in a task {number}\n" for number in range(200))
    return SMALL.format(id=flow_id).replace("message: Hello\n", f"message: |\n{task}") + "\n".join(lines) + "\n"


def _frames(page: Page) -> list[str]:
    """What travels over the page's socket from now on, both ways."""
    frames: list[str] = []

    def follow(socket: Any) -> None:
        def take(data: Any) -> None:
            frames.append(data if isinstance(data, str) else data.decode("utf-8", "replace"))

        socket.on("framereceived", take)
        socket.on("framesent", take)

    page.on("websocket", follow)
    return frames


def _opened_saved_reloaded(server: Server, page: Page, flow_id: str) -> list[str]:
    """The frames of an editor that is opened, saved, and opened again."""
    frames = _frames(page)
    visit(page, server, f"/flows/edit/e2e.texts/{flow_id}/edit")
    append(page, f"# {PIECE} that was added\n")
    page.keyboard.press("Control+s")
    revision(page, 2)
    expect(page.get_by_test_id("editor-save")).to_be_disabled()
    page.reload()
    editor(page)
    revision(page, 2)
    expect(page.get_by_test_id("editor-save")).to_be_disabled()
    page.wait_for_timeout(1000)
    return frames


def _source(server: Server, flow_id: str) -> str:
    return server.call("GET", f"/api/v1/main/flows/e2e.texts/{flow_id}?source=true").json["source"]


def test_a_large_source_is_opened_saved_and_reloaded_without_the_socket(server: Server, open_page) -> None:
    """The same number of bytes as for a small flow, and no line of the text among them."""
    server.save_flow(SMALL.format(id="small"))
    server.save_flow(_large("large"))
    usual = sum(map(len, _opened_saved_reloaded(server, open_page("/flows"), "small")))
    frames = _opened_saved_reloaded(server, open_page("/flows"), "large")
    assert len(frames) > 10 and not [one[:200] for one in frames if PIECE in one]
    assert sum(map(len, frames)) < usual + 30_000
    assert _source(server, "large") == _large("large") + f"# {PIECE} that was added\n"


def test_comparisons_drafts_and_conflicts_keep_the_texts_in_the_browser(server: Server, open_page) -> None:
    """UI-ED-61, UI-ED-63, UI-ED-66: draft restored, difference, both changes kept, theirs taken, copied."""
    base = SMALL.format(id="kept") + f"# {PIECE} that both know\n"
    server.save_flow(base)
    page = open_page("/flows", allowed=("409",))
    frames = _frames(page)
    place = "/flows/edit/e2e.texts/kept/edit"
    visit(page, server, place)
    append(page, f"# {PIECE} of a draft\n")
    expect(page.locator(".sbar")).to_contain_text("Draft kept")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    editor(page)
    page.get_by_test_id("draft-diff").click()
    expect(page.get_by_test_id("compare-dialog")).to_contain_text("of a draft")
    page.keyboard.press("Escape")
    page.get_by_test_id("draft-restore").click()
    expect(editor(page)).to_contain_text("of a draft")
    page.get_by_test_id("editor-diff").click()
    expect(page.get_by_test_id("compare-dialog")).to_contain_text("of a draft")
    page.keyboard.press("Escape")

    server.save_flow(base.replace("tasks:", f"# {PIECE} of theirs\ntasks:"))
    page.get_by_test_id("newer-diff").click()
    expect(page.get_by_test_id("compare-dialog")).to_contain_text("of theirs")
    page.keyboard.press("Escape")
    page.get_by_test_id("editor-save").click()
    expect(page.get_by_test_id("conflict-dialog")).to_contain_text("of theirs")
    page.get_by_test_id("conflict-merge").click()
    expect(editor(page)).to_contain_text("of theirs")
    expect(editor(page)).to_contain_text("of a draft")
    page.get_by_test_id("editor-save").click()
    revision(page, 3)
    assert "of theirs" in _source(server, "kept") and "of a draft" in _source(server, "kept")

    write(page, _source(server, "kept").replace("Hello", "Mine"))
    server.save_flow(base.replace("Hello", "Theirs"))
    page.get_by_test_id("editor-save").click()
    page.get_by_test_id("conflict-theirs").click()
    expect(editor(page)).to_contain_text("Theirs")
    page.get_by_test_id("draft-restore").click()
    expect(editor(page)).to_contain_text("Mine")
    server.save_flow(base.replace("Hello", "Theirs at last"))
    page.get_by_test_id("editor-save").click()
    page.get_by_test_id("conflict-copy").click()
    page.wait_for_url(re.compile(r"/flows/edit/e2e\.texts/kept_\w+/edit"))
    expect(editor(page)).to_contain_text("Mine")
    assert len(frames) > 20 and not [one[:200] for one in frames if PIECE in one]


def test_what_is_typed_while_a_save_is_under_way_stays_and_is_unsaved(server: Server, open_page) -> None:
    """The answer says which text is stored; the one in the editor is newer."""
    server.save_flow(SMALL.format(id="slow"))
    page = open_page("/flows/edit/e2e.texts/slow/edit")
    held: list[Route] = []
    page.route("**/api/v1/main/flows/e2e.texts/slow*", lambda route: held.append(route))
    append(page, "# first\n")
    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("editor-save")).to_have_text("Saving …")
    page.keyboard.insert_text("# second\n")
    eventually(lambda: bool(held) or page.wait_for_timeout(50), what="the save")
    held[0].continue_()
    revision(page, 2)
    expect(editor(page)).to_contain_text("# second")
    expect(page.get_by_test_id("editor-save")).to_be_enabled()
    assert "second" not in _source(server, "slow")
    page.unroute("**/api/v1/main/flows/e2e.texts/slow*")
    page.keyboard.press("Control+s")
    revision(page, 3)
    assert _source(server, "slow").endswith("# first\n# second\n")


def test_a_source_that_cannot_be_read_is_told_and_asked_again(server: Server, open_page) -> None:
    server.save_flow(SMALL.format(id="unread"))
    page = open_page("/flows", allowed=("500",))
    page.route("**/unread/source.yaml*", lambda route: route.fulfill(status=500, body='{"message": "No luck"}'))
    visit(page, server, "/flows/edit/e2e.texts/unread/edit")
    expect(page.get_by_test_id("editor")).to_contain_text("No luck")
    page.unroute("**/unread/source.yaml*")
    page.get_by_role("button", name="Try again").click()
    expect(editor(page)).to_contain_text("Hello")


def test_new_flows_begin_with_a_sample_a_copy_a_blueprint_or_an_example(server: Server, open_page) -> None:
    """UI-ED-04, UI-BP-01, UI-PL-02: the page tells what to begin with, the browser reads it."""
    server.save_flow(SMALL.format(id="origin") + f"# {PIECE}\n")
    page = open_page("/flows", allowed=("404",))
    frames = _frames(page)
    visit(page, server, "/flows/new?namespace=e2e.texts")
    expect(editor(page)).to_contain_text("namespace: e2e.texts")
    expect(editor(page)).to_contain_text("Hello from {{ flow.id }}")
    visit(page, server, "/flows/new?copy=true&namespace=e2e.texts&flow=origin")
    expect(editor(page)).to_contain_text("id: origin_copy")
    page.keyboard.press("Control+s")
    page.wait_for_url("**/flows/edit/e2e.texts/origin_copy/edit")
    assert _source(server, "origin_copy") == SMALL.format(id="origin_copy") + f"# {PIECE}\n"
    visit(page, server, "/flows/new?blueprintId=hello-world&blueprintSource=community")
    expect(editor(page)).to_contain_text("tasks:")
    visit(page, server, "/flows/new?plugin=io.kestra.plugin.core.log.Log&namespace=e2e.texts")
    expect(editor(page)).to_contain_text("type: io.kestra.plugin.core.log.Log")
    assert not [one[:200] for one in frames if PIECE in one]
    visit(page, server, "/flows/new?copy=true&namespace=e2e.texts&flow=nowhere")
    expect(page.get_by_test_id("toasts")).to_contain_text("Could not read the flow to copy")
    expect(editor(page)).to_contain_text("Hello from {{ flow.id }}")


def test_editors_go_on_after_a_difference_was_closed(server: Server, open_page) -> None:
    """The search of an open editor, and the editor of another flow, once a dialog with two texts is gone."""
    for name in ("before", "behind"):
        server.save_flow(SMALL.format(id=name))
    page = open_page("/flows/edit/e2e.texts/before/edit")
    append(page, "# more\n")
    page.get_by_test_id("editor-diff").click()
    expect(page.get_by_test_id("compare-dialog")).to_contain_text("# more")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("compare-dialog")).to_be_hidden()
    editor(page).click()
    page.keyboard.press("Control+f")
    expect(page.locator(".find-widget.visible")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_test_id("editor-save").click()
    revision(page, 2)
    page.keyboard.press("Control+k")
    page.get_by_test_id("palette-input").fill("behind")
    page.locator("#pal-list [role=option]").filter(has_text="behind").first.click()
    page.wait_for_url(re.compile("/behind"))
    page.get_by_role("navigation", name="Tabs").or_(page.locator(".tabs")).get_by_text("Edit", exact=True).first.click()
    expect(editor(page)).to_contain_text("id: behind")
