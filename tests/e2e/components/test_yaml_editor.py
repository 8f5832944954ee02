"""Laws of the YAML editor alone in a browser: what is typed and pasted is never lost, and what a key costs."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.components.conftest import Mount, events, until
from tests.e2e.components.test_components import FLOW, requests, yaml

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


PASTE_AND_TYPE = """([text, keys]) => {
  const field = document.querySelector(".monaco-editor textarea");
  field.focus();
  const data = new DataTransfer();
  data.setData("text/plain", text);
  field.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: data }));
  for (const key of keys) document.execCommand("insertText", false, key);
}"""
"""A paste and keys in one turn of the browser: the editor has no idle time between them."""


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


def test_brackets_are_closed_right_after_a_paste(mount: Mount) -> None:
    """UI-ED-13: who types on after a paste gets the same text at any speed, not some brackets closed and some not."""
    page = mount(yaml())
    page.locator(".view-line").first.click()
    page.keyboard.press("Control+End")
    lines = "".join(f"  - id: t{n}\n    type: io.kestra.plugin.core.log.Log\n    message: hi\n" for n in range(500))
    page.evaluate(PASTE_AND_TYPE, [lines + "# ", "{{ kv("])
    assert _saved(page) == FLOW + lines + "# {{ kv()}}"


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
        props: dict[str, object] = {"value": value, "language": "a.py", "onChange": "EVENT", "onSave": "EVENT"}
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


LONG = "id: a\nnamespace: b\ntasks:\n" + "".join(
    f"  - id: t{n}\n    type: io.kestra.plugin.core.log.Log\n    message: hi {n}\n" for n in range(3332)
)
"""9,999 lines."""

HOLD = """() => {
  const [later, clear] = [window.setTimeout, window.clearTimeout];
  let held = null;
  window.setTimeout = (f, ms, ...args) => (held ? -held.push([f, args]) : later(f, ms, ...args));
  window.clearTimeout = (id) => (id < 0 ? held && (held[-id - 1] = null) : clear(id));
  window.hold = () => { held = []; };
  window.go = () => { const list = held; held = null; for (const one of list) if (one) one[0](...one[1]); };
}"""
"""`hold()` keeps back what is set for later from now on, `go()` does it: what waits for a pause in typing waits."""

COUNT = """() => {
  const model = window.monaco.editor.getModels().find((one) => one.getLanguageId() === "yaml");
  window.whole = { getValue: 0, getLinesContent: 0, createSnapshot: 0 };
  for (const name of Object.keys(window.whole)) {
    const real = model[name].bind(model);
    model[name] = (...args) => { window.whole[name] += 1; return real(...args); };
  }
  window.events.length = 0;
}"""
"""Count who reads the whole text from here on."""


def test_a_key_in_ten_thousand_lines_tells_nothing_and_reads_no_whole_text(mount: Mount) -> None:
    """UI-ED-10, by counts: while one types nothing goes to the page but that the text changed; all else waits."""
    page = mount()
    page.evaluate("self.MonacoEnvironment = { globalAPI: true }")
    page.evaluate(HOLD)
    mount(yaml(value=LONG, draftKey="main/b/a/long", onKept="EVENT", onMoved="EVENT"))
    until(page, "window.events.some(e => e[0] === 'onKept')", 30)
    page.locator(".view-line").nth(5).click()
    page.keyboard.press("End")
    page.wait_for_timeout(1000)
    requests(page)
    page.evaluate(COUNT)
    page.evaluate("window.hold()")
    words = " and more words than before, all in one line"
    page.keyboard.type(words)
    assert events(page, "onDirty") == [[True]]
    assert page.evaluate("window.events.length") == 1
    assert page.evaluate("window.whole") == {"getValue": 0, "getLinesContent": 0, "createSnapshot": 0}
    assert requests(page) == []

    page.evaluate("window.go()")
    until(page, "window.events.some(e => e[0] === 'onKept') && window.events.some(e => e[0] === 'onCursor')")
    page.wait_for_timeout(500)
    told = page.evaluate("window.events")
    assert max(len(json.dumps(one)) for one in told) < 1000, "no message holds the text"
    assert len(told) <= 6, told
    assert len([one for one in requests(page) if "validate" in one]) == 1
    page.keyboard.press("Control+s")
    assert f"message: hi 0{words}\n" in events(page, "onSave")[-1][0]


def _vim(mount: Mount, **more: object) -> Page:
    page = mount(yaml(vim=True, **more))
    page.locator(".view-line").first.click()
    expect(page.get_by_test_id("editor-vim-line")).to_have_text("NORMAL")
    page.keyboard.press("g")
    page.keyboard.press("g")
    return page


def _keys(page: Page, keys: str) -> None:
    for key in keys.replace("<", " <").replace(">", "> ").split():
        if key.startswith("<"):
            page.keyboard.press({"<Esc>": "Escape", "<CR>": "Enter", "<C-r>": "Control+r", "<Space>": " "}[key])
        else:
            for one in key:
                page.keyboard.press(one)


@pytest.mark.long
@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("dd", FLOW.split("\n", 1)[1]),
        ("ddp", "namespace: b\nid: a\n" + FLOW.split("\n", 2)[2]),
        ("jwwcwother<Esc>", FLOW.replace("namespace: b", "namespace: other")),
        ("/message<CR>Aagain<Esc>", FLOW.replace("message: hi", "message: hiagain")),
        ("3jddu", FLOW),
        ("ddu<C-r>", FLOW.split("\n", 1)[1]),
        ("jVjd", "id: a\n" + FLOW.split("\n", 3)[3]),
        ("yypixx<Esc>.", "id: a\nxxxxid: a\n" + FLOW.split("\n", 1)[1]),
        (":%s/one/two/g<CR>", FLOW.replace("one", "two")),
        ("oz:<Space>1<Esc>", "id: a\nz: 1\n" + FLOW.split("\n", 1)[1]),
    ],
)
def test_vim_keys_edit(mount: Mount, keys: str, text: str) -> None:
    """UI-ED-10."""
    page = _vim(mount)
    _keys(page, keys)
    assert _saved(page) == text


@pytest.mark.long
def test_vim_writes_with_w_and_the_keys_go_with_the_setting(mount: Mount) -> None:
    page = _vim(mount)
    _keys(page, "dd:w<CR>")
    until(page, "window.events.some(e => e[0] === 'onSave')")
    assert events(page, "onSave") == [[FLOW.split("\n", 1)[1]]]
    line = page.get_by_test_id("editor-vim-line")
    _keys(page, "i")
    expect(line).to_have_text("INSERT")
    _keys(page, "<Esc>:nothing<CR>")
    expect(line).to_contain_text("Not an editor command")
    mount(yaml(vim=False), keep=True)
    expect(line).to_have_count(0)
    page.locator(".view-line").first.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("dd")
    assert _saved(page).startswith("dd")


@pytest.mark.long
def test_vim_is_loaded_when_it_is_on(mount: Mount) -> None:
    page = mount(yaml())
    page.locator(".view-line").first.click()
    loaded = "performance.getEntriesByType('resource').filter(one => one.name.includes('yaml_vim')).length"
    assert page.evaluate(loaded) == 0
    mount(yaml(vim=True), keep=True)
    expect(page.get_by_test_id("editor-vim-line")).to_have_text("NORMAL")
    assert page.evaluate(loaded) >= 1
