"""Log-in, log-out, places that are not there, a server that goes away (UI-AC, UI-ER)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import context
from tests.support.server import Server, eventually, running_server

WAIT = 15_000


def test_a_place_asks_for_the_login_and_is_shown_after_it(server: Server, browser: Browser) -> None:
    made = context(browser)
    page = made.new_page()
    page.goto(f"{server.url}/ui/main/kv?filters[q][EQUALS]=abc")
    page.wait_for_url("**/login**", timeout=WAIT)
    page.get_by_test_id("login-username").fill(server.username)
    page.get_by_test_id("login-password").fill("wrong password")
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_role("alert")).to_be_visible(timeout=WAIT)
    page.get_by_test_id("login-password").fill(server.password)
    page.get_by_test_id("login-submit").click()
    page.wait_for_url("**/ui/main/kv**", timeout=WAIT)
    assert "abc" in page.url
    made.close()


def test_a_redirect_that_comes_late_leaves_the_reader_where_they_went(server: Server, open_page) -> None:
    """What the start page decided reaches the tab again after the reader went on (as with a slow server)."""
    server.save_flow(
        "id: late\nnamespace: e2e.access\ntasks: [{id: a, type: io.kestra.plugin.core.log.Log, message: a}]"
    )
    page = open_page("")
    page.wait_for_url("**/ui/main/dashboards**", timeout=WAIT)
    page.evaluate("sessionStorage.setItem('fd-seen', '0')")
    page.goto(page.url.split("/dashboards")[0] + "/kv?q=late")
    eventually(lambda: page.evaluate("Number(sessionStorage.getItem('fd-seen'))"), what="the late commands")
    expect(page).to_have_url(re.compile(r"/kv\?q=late$"))
    expect(page.get_by_role("heading", name="KV store")).to_be_visible()


@pytest.mark.parametrize("origin", ["https://example.com/", "//example.com", "/\\example.com"])
def test_a_foreign_place_is_never_gone_to_after_the_login(server: Server, browser: Browser, origin: str) -> None:
    made = context(browser)
    page = made.new_page()
    page.goto(f"{server.url}/ui/main/login?from={origin}")
    page.get_by_test_id("login-username").fill(server.username)
    page.get_by_test_id("login-password").fill(server.password)
    page.get_by_test_id("login-submit").click()
    page.wait_for_url(lambda url: not urlsplit(url).path.rstrip("/").endswith("/login"), timeout=WAIT)
    assert page.url.startswith(server.url)
    made.close()


def test_a_session_that_was_closed_asks_for_the_login(server: Server, open_page) -> None:
    page = open_page("/kv", allowed=("401", "WebSocket", "403"))
    page.context.request.post(f"{server.url}/logout", headers={"Origin": server.url})
    page.goto(f"{server.url}/ui/main/flows")
    page.wait_for_url("**/login**", timeout=WAIT)


def test_a_place_that_does_not_exist_says_so(open_page) -> None:
    page = open_page("/no/such/place", allowed=("404",))
    expect(page.get_by_test_id("not-found")).to_be_visible(timeout=WAIT)
    page.get_by_role("link", name="Go to the start").click()
    page.wait_for_url("**/ui/main/**")


def test_an_execution_that_does_not_exist_says_so_with_a_way_on(open_page) -> None:
    page = open_page("/executions/no.where/nothing/0000000000000000000000/overview", allowed=("404",))
    expect(page.get_by_test_id("content").or_(page.locator("#content"))).to_contain_text("Not found", timeout=WAIT)
    page.get_by_test_id("find-missing").click()  # W-01: a search on the id
    expect(page.get_by_test_id("palette-input")).to_have_value("0000000000000000000000")


@pytest.fixture
def own(built: None, tmp_path: Path) -> Iterator[Server]:
    """A server that the test may stop."""
    with running_server(tmp_path / "home") as started:
        yield started


def test_a_server_that_goes_away_is_told_and_the_page_stays(own: Server, browser: Browser) -> None:
    made = context(browser)
    answer = made.request.post(
        f"{own.url}/login",
        data={"username": own.username, "password": own.password, "remember": True},
        headers={"Origin": own.url},
    )
    assert answer.ok
    page = made.new_page()
    page.goto(f"{own.url}/ui/main/kv")
    page.wait_for_selector("[data-testid=hydrated]", state="attached", timeout=WAIT)
    own.stop()
    expect(page.get_by_test_id("connection-lost")).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("heading", name="KV Store")).to_be_visible()
    page.locator("#content button.btn.pri").first.click()  # W-01: what writes waits
    expect(page.get_by_test_id("toasts")).to_contain_text("Nothing was sent")
    expect(page.locator("dialog[open]")).to_have_count(0)
    own.start(setup=False)
    expect(page.get_by_test_id("connection-lost")).to_have_count(0, timeout=WAIT)
    made.close()
