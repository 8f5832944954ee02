"""Journey 16 (ui.md §20): the way of journey 1 without a mouse; the scan of every route is test_accessibility."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Watch, context
from tests.support.console import WAIT, Look, editor, state
from tests.support.server import Server

RING = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== "none"
    || [...(document.activeElement.closest(".inp") ? [document.activeElement.closest(".inp")] : [])]
      .some((box) => getComputedStyle(box).boxShadow !== "none" || getComputedStyle(box).outlineStyle !== "none");
}"""


def _tab_to(page: Page, testid: str, *, seen: bool = True) -> None:
    """Press Tab until an element has the focus; it must be reached, and the focus must be visible there."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.dataset?.testid || ''") == testid:
            assert not seen or page.evaluate(RING), f"the focus on {testid} is not visible"
            return
    raise AssertionError(f"Tab does not reach {testid}")


@pytest.fixture
def fresh(built: None, tmp_path: Path) -> Iterator[Server]:
    """A server that nobody has set up yet."""
    if os.environ.get("FLOWDECK_TEST_URL"):
        pytest.skip("this journey sets a server up that it starts itself")
    made = Server(tmp_path / "home")
    try:
        yield made.start(setup=False)
    finally:
        made.discard()


def test_journey_16_a_server_is_set_up_without_a_mouse(fresh: Server, browser: Browser) -> None:
    """Journey 16, UI-A11-01: the first account by keys alone, a refused password said beside it, then the first run."""
    made = context(browser, theme="light")
    page = made.new_page()
    watch = Watch()
    watch.attach(page)
    page.goto(fresh.url)
    page.wait_for_url("**/setup", timeout=WAIT)
    page.wait_for_selector("[data-testid=setup-username]")
    expect(page.get_by_test_id("setup-username")).to_be_focused(timeout=WAIT)
    page.evaluate("document.activeElement.blur()")  # from the top, as one comes who left the field
    for field, text in (("first", "Ana"), ("last", "Kovac"), ("username", fresh.username)):
        _tab_to(page, f"setup-{field}")
        page.keyboard.type(text)
    _tab_to(page, "setup-password")
    page.keyboard.type("short")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("setup-submit")).to_be_disabled()
    assert "/setup" in page.url
    page.keyboard.press("Control+a")
    page.keyboard.type(fresh.password)
    _tab_to(page, "setup-submit")
    page.keyboard.press("Enter")
    page.wait_for_url("**/welcome", timeout=WAIT)
    page.wait_for_selector("[data-testid=hydrated]", state="attached", timeout=WAIT)
    page.get_by_test_id("welcome-start").wait_for(timeout=WAIT)
    _tab_to(page, "welcome-start")
    page.keyboard.press("Enter")
    page.wait_for_url("**/executions/**/gantt", timeout=WAIT)
    state(page, "SUCCESS")
    made.close()
    watch.check()


def test_journey_16_a_flow_is_made_executed_and_read_without_a_mouse(
    server: Server, browser: Browser, look: Look
) -> None:
    """Journey 16, UI-A11-01, §1.10: login, palette, create, save, execute, Gantt, logs, outputs by keys alone."""
    look.wide_only("hardware keyboards belong to wide screens; phones show the menu as a bar (§18.4)")
    made = context(browser, theme=look.theme, width=look.width)
    page = made.new_page()
    watch = Watch(allowed=("401",))
    watch.attach(page)
    page.goto(f"{server.url}/ui/main/login")
    page.wait_for_selector("[data-testid=login-username]")
    _tab_to(page, "login-username")
    page.keyboard.type(server.username)
    _tab_to(page, "login-password")
    page.keyboard.type(server.password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/dashboards" in url or "/welcome" in url, timeout=WAIT)
    page.get_by_test_id("palette-open").wait_for(timeout=WAIT)
    page.wait_for_selector("[data-testid=hydrated]", state="attached", timeout=WAIT)

    page.keyboard.press("Control+k")
    page.get_by_test_id("palette-input").wait_for(timeout=WAIT)
    page.keyboard.type("Flows")
    expect(page.get_by_test_id("palette").get_by_role("option").first).to_contain_text("Flows", timeout=WAIT)
    page.keyboard.press("Enter")
    page.wait_for_url("**/flows", timeout=WAIT)
    page.get_by_test_id("flows-create").wait_for(timeout=WAIT)
    _tab_to(page, "flows-create")
    page.keyboard.press("Enter")
    page.wait_for_url("**/flows/new**", timeout=WAIT)
    editor(page)
    expect(page.get_by_test_id("editor-status")).to_contain_text("Valid", timeout=WAIT)
    page.keyboard.press("Control+s")
    page.wait_for_url("**/edit/**/edit", timeout=WAIT)
    expect(page.get_by_test_id("editor-execute")).to_be_visible(timeout=WAIT)
    editor(page)
    page.keyboard.press("Control+e")
    page.get_by_test_id("execute-dialog").get_by_test_id("execute-submit").wait_for(timeout=WAIT)
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/executions/**/gantt", timeout=WAIT)
    state(page, "SUCCESS")
    rows = page.get_by_test_id("gantt-row")
    expect(rows.first).to_be_visible(timeout=WAIT)

    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.getAttribute('role')") == "treegrid":
            break
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/logs**", timeout=WAIT)  # Enter on a row reads its lines
    expect(page.get_by_test_id("log-line").first).to_be_visible(timeout=WAIT)
    page.reload()
    page.wait_for_selector("[data-testid=hydrated]", state="attached", timeout=WAIT)
    _tab_to(page, "tab-outputs")
    page.keyboard.press("Enter")
    page.wait_for_url("**/outputs**", timeout=WAIT)
    expect(page.get_by_test_id("expression-input")).to_be_visible(timeout=WAIT)
    made.close()
    watch.check()
