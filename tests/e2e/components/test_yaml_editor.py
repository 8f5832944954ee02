"""Laws of the YAML editor alone in a browser: what is typed and pasted is never lost, and what a key costs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.components.conftest import Mount, events, until
from tests.e2e.components.test_components import FLOW, yaml

pytestmark = pytest.mark.e2e

PASTE_AND_SAVE = """text => {
  const field = document.querySelector(".monaco-editor textarea");
  field.focus();
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const told = { bubbles: true, cancelable: true };
  field.dispatchEvent(new ClipboardEvent("paste", { ...told, clipboardData: data }));
  field.dispatchEvent(new KeyboardEvent("keydown", { ...told, key: "s", code: "KeyS", keyCode: 83, ctrlKey: true }));
}"""
"""A paste and Ctrl S in one turn of the browser: nothing can come between them."""


def _typed(page: Page, text: str) -> None:
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def _saved(page: Page) -> str:
    """What the editor hands over when it is asked to save now."""
    page.keyboard.press("Control+s")
    return events(page, "onSave")[-1][0]


def test_a_paste_is_in_the_text_before_the_next_key(mount: Mount) -> None:
    page = mount(yaml())
    page.locator(".view-line").first.click()
    page.keyboard.press("Control+End")
    page.evaluate(PASTE_AND_SAVE, "# pasted\n")
    assert events(page, "onSave")[-1][0] == FLOW + "# pasted\n"
    page.keyboard.type("# typed")
    assert _saved(page) == FLOW + "# pasted\n# typed"


def test_a_value_that_comes_late_leaves_what_was_typed_since(mount: Mount) -> None:
    page = mount(yaml())
    page.locator(".view-line").first.click()
    _typed(page, "# one\n")
    first = _saved(page)
    _typed(page, "# two\n")
    second = _saved(page)
    _typed(page, "# three\n")
    for late in (first, second):
        mount(yaml(value=late), keep=True)
        page.wait_for_timeout(50)
        assert _saved(page) == FLOW + "# one\n# two\n# three\n"
    mount(yaml(value="id: theirs\n"), keep=True)  # what nobody here wrote is taken
    expect(page.locator(".view-lines")).to_contain_text("theirs")
    assert _saved(page) == "id: theirs\n"


@pytest.mark.parametrize("moment", ["offered", "at once", "taken", "clicked"])
def test_ctrl_s_saves_whatever_the_list_of_suggestions_does(mount: Mount, moment: str) -> None:
    page = mount(yaml(value=FLOW + "  - id: two\n    type: "))
    until(page, "window.events.some(e => e[0] === 'onMarkers')")
    page.locator(".view-line").last.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("http.req")
    row = page.locator(".suggest-widget .monaco-list-row")
    if moment != "at once":
        expect(row).to_have_count(1)
    if moment == "taken":
        page.keyboard.press("Enter")
    elif moment == "clicked":
        row.click()
    word = "io.kestra.plugin.core.http.Request" if moment in ("taken", "clicked") else "http.req"
    assert word in _saved(page)


def test_ctrl_s_saves_from_the_find_box(mount: Mount) -> None:
    page = mount(yaml())
    page.locator(".view-line").first.click()
    page.keyboard.press("Control+f")
    page.keyboard.type("hi")
    expect(page.locator(".find-widget")).to_contain_text("1 of 1")
    assert _saved(page) == FLOW


def test_the_text_of_a_code_editor_stays_when_its_value_comes_late(mount: Mount) -> None:
    def shown(value: str) -> tuple[str, str, dict[str, object]]:
        props = {"value": value, "language": "a.py", "onChange": "EVENT", "onSave": "EVENT"}
        return ("code_editor", "CodeEditor", props)

    page = mount(shown("x"))
    page.locator(".view-line").click()
    for n, text in enumerate(("x1", "x12"), 1):
        _typed(page, text[-1])
        until(page, f"window.events.filter(e => e[0] === 'onChange').length === {n}")
    _typed(page, "3")
    for late in ("x1", "x12"):
        mount(shown(late), keep=True)
        page.wait_for_timeout(50)
        assert _saved(page) == "x123"
