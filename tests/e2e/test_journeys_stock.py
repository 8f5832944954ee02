"""Journey 11 (ui.md §20): what a namespace keeps is offered by completion, used by a flow, and shown or masked."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.console import WAIT, Look, editor, revision, space, state, write
from tests.support.server import Server, eventually

FLOW = """id: uses
namespace: {space}
variables:
  greeting: good morning
tasks:
  - id: show
    type: io.kestra.plugin.core.log.Log
    message: "X"
"""


def _stock(server: Server, name: str) -> None:
    """A pair, a secret, two versions of a file; how the console makes them: test_journey, test_managers, test_files."""
    main = f"/api/v1/main/namespaces/{name}"
    assert server.call("PUT", f"{main}/kv/limit", body="42", content_type="text/plain").status == 200
    body = {"key": "TOKEN", "value": "very-hidden-words"}
    assert server.call("PUT", f"{main}/secrets", json_body=body).status < 300
    for text in ("select 1", "select 2"):
        sent = f'--b\r\nContent-Disposition: form-data; name="fileContent"; filename="q.sql"\r\n\r\n{text}\r\n--b--\r\n'
        made = server.call(
            "POST", f"{main}/files?path=/q.sql", body=sent, content_type="multipart/form-data; boundary=b"
        )
        assert made.status == 200, made.text


def _complete(page: Page, begin: str, offered: str) -> None:
    """Type the beginning of an expression and take what is offered."""
    page.keyboard.type(begin, delay=25)
    page.keyboard.press("Control+Space")
    row = page.locator(".suggest-widget .monaco-list-row", has_text=offered)
    expect(row.first).to_be_visible(timeout=WAIT)
    row.first.click()
    expect(editor(page)).to_contain_text(offered, timeout=WAIT)


def _message(page: Page, word: str) -> str:
    """The line of the message once it holds a word: the list of offers stands in the editor too."""
    text = page.evaluate("document.querySelector('.view-lines').innerText").replace("\u00a0", " ")
    return next((one for one in text.splitlines() if "message:" in one and word in one), "")


def test_journey_11_what_is_stored_is_completed_used_and_shown_or_masked(server: Server, look: Look) -> None:
    """Journey 11, UI-ED-12, UI-XP-51, UI-SE-02, UI-NS-07: pair, secret, file, variable; restore of a file.

    The API may mask or refuse `secret()` in the debug expression (operations.md, eval): it refuses.
    """
    name = space(look.theme)
    _stock(server, name)
    server.save_flow(FLOW.format(space=name))
    page = look.open(f"/flows/edit/{name}/uses/edit")
    write(page, FLOW.format(space=name))
    page.keyboard.press("Control+End")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")  # before the closing quote
    page.keyboard.press("Backspace")
    for begin, offered in (
        ("{{ kv('", "limit"),
        ("{{ secret('", "TOKEN"),
        ("{{ read('", "q.sql"),
        ("{{ vars.", "greeting"),
    ):
        _complete(page, begin, offered)
        line = eventually(lambda offered=offered: _message(page, offered), what=f"{offered} in the text")
        rest = line[line.rindex(offered) + len(offered) :]
        tail = ("" if "')" in rest or begin.endswith(".") else "')") + ("" if "}}" in rest else " }}")
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        page.keyboard.type(tail + " ")
        page.keyboard.press("Escape")
    expect(page.get_by_test_id("editor-status")).not_to_contain_text("error", timeout=WAIT)
    page.keyboard.press("Control+s")
    revision(page, 2)

    run = server.finished(server.execute(name, "uses")["id"])
    assert run["state"]["current"] == "SUCCESS", server.logs(run["id"])
    page.goto(f"{server.url}/ui/main/executions/{name}/uses/{run['id']}/logs")
    state(page, "SUCCESS")
    said = page.get_by_test_id("log-line").filter(has_text="select 2")
    expect(said).to_contain_text("42", timeout=WAIT)
    expect(said).to_contain_text("good morning")
    expect(page.locator(".fd-log")).not_to_contain_text("very-hidden-words")

    page.get_by_test_id("tab-outputs").click()
    for expression, told in (
        ("{{ kv('limit') + 1 }}", "43"),
        ("{{ secret('TOKEN') }}", "can't be evaluated here"),
        ("{{ read('q.sql') }}", "select 2"),
        ("{{ vars.greeting | upper }}", "GOOD MORNING"),
    ):
        page.get_by_test_id("expression-input").fill(expression)
        page.get_by_test_id("expression-run").click()
        expect(page.get_by_test_id("expression-result")).to_contain_text(told, timeout=WAIT)
        expect(page.get_by_test_id("expression-result")).not_to_contain_text("very-hidden-words")

    if look.phone:  # files are edited where there is room for tree and text (§18.4)
        return
    page.goto(f"{server.url}/ui/main/namespaces/edit/{name}/files?file=/q.sql")
    page.get_by_test_id("files-versions").click()
    page.get_by_test_id("files-diff").click()
    expect(page.get_by_test_id("files-compare")).to_contain_text("select 1", timeout=WAIT)
    page.get_by_test_id("files-restore").click()
    path = f"/api/v1/main/namespaces/{name}/files?path=/q.sql"
    eventually(lambda: server.call("GET", path).body == b"select 1", what="the restored file")
