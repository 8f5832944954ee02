"""Files of a namespace in panels beside each other (UI-NS-07) in a real browser against a real server."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.test_accessibility import AXE, SERIOUS
from tests.e2e.test_files import _space, _text, _write
from tests.support.console import Look
from tests.support.server import Server, eventually


def _panels(page: Page, count: int) -> None:
    expect(page.get_by_test_id("files-panels")).to_have_attribute("data-count", str(count))


def _tabs(page: Page, panel: int) -> Locator:
    return page.locator(".etabs").nth(panel).get_by_role("tab")


def _shown(page: Page, panel: int, text: str) -> Locator:
    found = page.locator(".edone.on").nth(panel).locator(".monaco-editor").first
    expect(found).to_contain_text(text)
    return found


def _menu(page: Page, panel: int, name: str, item: str) -> None:
    _tabs(page, panel).filter(has_text=name).click(button="right")
    page.get_by_test_id(item).click()


def test_one_text_stands_in_two_panels_and_is_saved_once(server: Server, open_page) -> None:
    """Typing in one shows in the other; one dirty dot a tab; a panel whose last tab closes goes away."""
    space = _space()
    _write(server, space, "/a.txt", "first")
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt")
    _shown(page, 0, "first")
    page.get_by_test_id("files-split").click()
    _panels(page, 2)
    expect(page.get_by_test_id("files-told")).to_have_text("Opened to the side: a.txt")
    _shown(page, 1, "first").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("typed at the right")
    _shown(page, 0, "typed at the right")
    expect(page.locator(".et .dirty")).to_have_count(2)
    page.keyboard.press("Control+s")
    expect(page.locator(".et .dirty")).to_have_count(0)
    assert _text(server, space, "/a.txt") == "typed at the right"
    _shown(page, 0, "typed").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(" and left")
    _tabs(page, 0).focus()
    page.keyboard.press("Delete")
    _panels(page, 1)
    expect(page.get_by_test_id("files-unsaved")).to_be_hidden()
    _shown(page, 0, "typed at the right and left")
    expect(_tabs(page, 0)).to_be_focused()
    page.get_by_test_id("files-save").click()
    eventually(lambda: _text(server, space, "/a.txt") == "typed at the right and left", what="the saved text")


def test_save_saves_the_file_of_the_panel_in_front(server: Server, open_page) -> None:
    space = _space()
    _write(server, space, "/a.txt", "aaa")
    _write(server, space, "/b.txt", "bbb")
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt")
    _shown(page, 0, "aaa").click()
    page.keyboard.insert_text("1")
    page.keyboard.press("Control+\\")
    _panels(page, 2)
    page.locator("[data-path='/b.txt']").click()
    _shown(page, 1, "bbb").click()
    page.keyboard.insert_text("2")
    expect(page.get_by_test_id("files-save-all")).to_contain_text("2")
    page.get_by_test_id("files-save").click()
    eventually(lambda: _text(server, space, "/b.txt") == "bbb2", what="the file in front")
    assert _text(server, space, "/a.txt") == "aaa"
    _shown(page, 0, "aaa1").click()
    expect(page.get_by_test_id("files-save")).to_be_enabled()
    page.wait_for_url("**file=/a.txt")
    page.reload()
    _panels(page, 2)
    expect(_tabs(page, 1)).to_have_text(["a.txt", "b.txt"])


def test_tabs_close_by_their_menu_and_are_carried_to_the_other_half(server: Server, open_page) -> None:
    space = _space()
    for name in ("a", "b", "c", "d"):
        _write(server, space, f"/{name}.txt", name * 3)
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt")
    for name in ("b", "c", "d"):
        page.locator(f"[data-path='/{name}.txt']").click()
        _shown(page, 0, name * 3)
    box = page.locator(".edone.on").bounding_box()
    _tabs(page, 0).filter(has_text="d.txt").drag_to(
        page.locator(".edone.on"), target_position={"x": box["width"] * 0.8, "y": 200}
    )
    _panels(page, 2)
    expect(_tabs(page, 0)).to_have_text(["a.txt", "b.txt", "c.txt"])
    expect(_tabs(page, 1)).to_have_text(["d.txt"])
    _tabs(page, 0).filter(has_text="a.txt").drag_to(page.locator(".etabs").nth(1))
    expect(_tabs(page, 1)).to_have_text(["d.txt", "a.txt"])
    _menu(page, 0, "b.txt", "tab-close-right")
    expect(_tabs(page, 0)).to_have_text(["b.txt"])
    _menu(page, 1, "a.txt", "tab-close-others")
    expect(_tabs(page, 1)).to_have_text(["a.txt"])
    _menu(page, 0, "b.txt", "tab-close-all")
    _panels(page, 1)
    expect(_tabs(page, 0)).to_have_text(["a.txt"])


def test_the_bar_between_panels_moves_by_keys_and_pointer(server: Server, open_page) -> None:
    space = _space()
    _write(server, space, "/a.txt", "aaa")
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.txt")
    _shown(page, 0, "aaa")
    page.get_by_test_id("files-split").click()
    bar = page.get_by_test_id("files-divider")
    expect(bar).to_have_attribute("aria-valuenow", "50")
    before = page.locator(".edone.on").first.bounding_box()["width"]
    bar.focus()
    page.keyboard.press("ArrowRight")
    expect(bar).to_have_attribute("aria-valuenow", "53")
    place = bar.bounding_box()
    page.mouse.move(place["x"] + 2, place["y"] + 200)
    page.mouse.down()
    page.mouse.move(place["x"] + 102, place["y"] + 200)
    page.mouse.up()
    assert page.locator(".edone.on").first.bounding_box()["width"] > before + 100


def test_a_page_stands_beside_its_text_and_follows_it(server: Server, open_page) -> None:
    space = _space()
    _write(server, space, "/a.md", "# Title")
    page = open_page(f"/namespaces/edit/{space}/files?file=/a.md")
    _shown(page, 0, "Title")
    page.get_by_test_id("files-split").click()
    _panels(page, 2)
    page.get_by_test_id("files-preview").nth(1).click()
    expect(page.get_by_test_id("text-preview")).to_have_count(1)
    _shown(page, 0, "Title").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(" of mine")
    expect(page.get_by_test_id("text-preview").get_by_role("heading", name="Title of mine")).to_be_visible()


@pytest.mark.long
def test_panels_stand_at_every_width_and_are_told(look: Look, server: Server) -> None:
    """Two from 800 px, one with all tabs on a phone; nothing serious for axe-core."""
    space = _space()
    _write(server, space, "/a.py", "print('a')")
    _write(server, space, "/b.py", "print('b')")
    page = look.open(f"/namespaces/edit/{space}/files?file=/a.py")
    _shown(page, 0, "print")
    if look.phone:
        _panels(page, 1)
        expect(page.get_by_test_id("files-split")).to_have_count(0)
    else:
        page.get_by_test_id("files-split").click()
        _panels(page, 2)
        labels = page.get_by_role("tablist").evaluate_all("all => all.map(one => one.ariaLabel)")
        assert labels[-2:] == ["Open files, panel 1", "Open files, panel 2"]
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_test_id("files").evaluate("one => one.scrollIntoView()")
        _panels(page, 1)
        page.set_viewport_size({"width": look.width, "height": 900})
        _panels(page, 2)
    page.evaluate(AXE)
    assert page.evaluate(SERIOUS) == []
