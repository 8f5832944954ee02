"""UI-RX-04: while the API keeps a page's read waiting, everything else of the browser tab is answered."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import visit
from tests.support.browser import context
from tests.support.server import Server, eventually, free_port

FLOW = (
    "id: {id}\nnamespace: e2e.slow\ntasks:\n  - id: say\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n"
)
DROPPED = frozenset({"connection", "transfer-encoding", "content-length", "host"})


class Road:
    """What lies between the console and the API: hands requests on, and keeps those waiting that it is told to."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.holds: tuple[str, ...] = ()
        self.waiting: list[str] = []
        self.given_up: list[str] = []
        """Requests whose asker did not wait for the answer: its time was over, or nobody wanted it any more."""
        self._open = threading.Event()
        road = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def _left(self) -> bool:
                try:
                    return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return False
                except OSError:
                    return True

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                line = f"{self.command} {self.path}"
                if any(one in line for one in road.holds):
                    road.waiting.append(line)
                    while not road._open.wait(0.05):
                        if self._left():
                            road.given_up.append(line)
                            return
                onward = http.client.HTTPConnection("127.0.0.1", road.port, timeout=60)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in DROPPED}
                onward.request(self.command, self.path, body=body or None, headers=headers)
                answer = onward.getresponse()
                told = answer.read()
                try:
                    self.send_response(answer.status)
                    for name, value in answer.getheaders():
                        if name.lower() not in DROPPED:
                            self.send_header(name, value)
                    self.send_header("Content-Length", str(len(told)))
                    self.end_headers()
                    self.wfile.write(told)
                except OSError:
                    pass  # the console gave the question up: the reader went on
                finally:
                    onward.close()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    @contextmanager
    def held(self, *parts: str) -> Iterator[None]:
        """Keep requests waiting whose line (`GET /api/…`) has one of the parts, until the block ends."""
        self._open.clear()
        self.waiting.clear()
        self.given_up.clear()
        self.holds = parts
        try:
            yield
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Answer what waits, and hold nothing any more."""
        self.holds = ()
        self._open.set()

    def wait_for(self, part: str) -> None:
        """Until a request waits."""
        eventually(lambda: any(part in one for one in self.waiting), what=f"a request with {part} waits")


@pytest.fixture(scope="module")
def road(built: None) -> Iterator[Road]:
    made = Road(free_port())
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.let_go()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def far(road: Road, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server whose console reaches the API by the road."""
    home: Path = tmp_path_factory.mktemp("home")
    server = Server(
        home,
        port=road.port,
        environment={"KESTRA_CONFIGURATION": json.dumps({"flowdeck": {"console": {"api-url": road.url}}})},
    )
    try:
        yield server.start()
    finally:
        server.discard()


@pytest.fixture
def page(far: Server, browser: Browser) -> Iterator[Page]:
    made = context(browser, theme="light")
    assert made.request.post(
        f"{far.url}/login",
        data={"username": far.username, "password": far.password, "remember": True},
        headers={"Origin": far.url},
    ).ok
    yield made.new_page()
    made.close()


def _key(server: Server, key: str, text: str = '"text"') -> None:
    path = f"/api/v1/main/namespaces/e2e.slow/kv/{key}"
    assert server.call("PUT", path, body=text, content_type="text/plain").status == 200


def test_a_dialog_opens_is_filled_and_saved_while_the_list_waits(far: Server, road: Road, page: Page) -> None:
    """The list's answer, older than the save, does not hide the new key; what was typed stays."""
    _key(far, "old")
    visit(page, far, "/kv")
    expect(page.locator("tr[data-id='e2e.slow/old']")).to_be_visible()
    with road.held("GET /api/v1/main/kv"):
        page.get_by_test_id("refresh").first.click()
        road.wait_for("/kv")
        page.get_by_test_id("kv-create").click()
        page.get_by_test_id("kv-namespace").fill("e2e.slow")
        page.get_by_test_id("kv-key").fill("made")
        page.get_by_test_id("kv-value").fill("typed while the list waits")
        page.get_by_test_id("kv-editor").get_by_role("button", name="Cancel").click()
        expect(page.get_by_test_id("kv-editor")).to_be_hidden()
        page.get_by_test_id("kv-create").click()
        page.get_by_test_id("kv-namespace").fill("e2e.slow")
        page.get_by_test_id("kv-key").fill("second")
        page.get_by_test_id("kv-value").fill("saved while the list waits")
        page.get_by_test_id("kv-save").click()
        stored = lambda: far.call("GET", "/api/v1/main/namespaces/e2e.slow/kv/second").status == 200  # noqa: E731
        eventually(stored, what="the save reaches the server")
        assert not road.given_up, "all of that while the first question for the list waited"
    expect(page.locator("tr[data-id='e2e.slow/second']")).to_be_visible()
    expect(page.locator("tr[data-id='e2e.slow/made']")).to_have_count(0)


def test_another_page_comes_while_the_one_before_waits(far: Server, road: Road, page: Page) -> None:
    """The page that was left is cancelled: its answer shows nothing, and the next page does not wait for it."""
    far.save_flow(FLOW.format(id="first"))
    visit(page, far, "/kv")
    with road.held("/flows/search", "/executions/search"):
        page.locator("a[href$='/main/flows']").first.click()
        road.wait_for("/flows/search")
        page.locator("a[href$='/main/kv']").first.click()
        page.wait_for_url("**/kv*")
        expect(page.get_by_test_id("kv-create")).to_be_visible()
        expect(page.get_by_test_id("hydrated")).to_have_count(1)
        page.get_by_test_id("kv-create").click()
        expect(page.get_by_test_id("kv-editor")).to_be_visible()
        assert any("/flows/search" in one for one in road.given_up), "nobody asks for the page that was left"
    expect(page.get_by_test_id("kv-editor")).to_be_visible()
    assert "/kv" in page.url


def test_a_page_that_waits_shows_that_it_does(far: Server, road: Road, page: Page) -> None:
    """The mark of a page that is here comes when its reads have come, not before."""
    far.save_flow(FLOW.format(id="second"))
    visit(page, far, "/kv")
    with road.held("/flows/search"):
        page.locator("a[href$='/main/flows']").first.click()
        road.wait_for("/flows/search")
        expect(page.get_by_test_id("hydrated")).to_have_count(0)
    expect(page.get_by_test_id("hydrated")).to_have_count(1)
    expect(page.locator("tr[data-id='e2e.slow/second']")).to_be_visible()


def test_tabs_belong_to_the_execution_of_the_address_while_it_is_read(far: Server, road: Road, page: Page) -> None:
    """UI-XP-01, UI-XP-04: after a replay header and tabs are those of the new execution at once, and lead there."""
    far.save_flow(FLOW.format(id="again"))
    old = far.finished(far.execute("e2e.slow", "again")["id"])["id"]
    visit(page, far, f"/executions/e2e.slow/again/{old}/gantt")
    expect(page.get_by_test_id("execution-id")).to_have_text(old)
    page.get_by_test_id("execution-replay").click()
    expect(page.get_by_test_id("replay-confirm")).to_be_enabled()
    with road.held("GET /api/v1/main/console/executions/", "GET /api/v1/main/executions/"):
        page.get_by_test_id("replay-confirm").click()
        page.wait_for_url(lambda url: "/executions/e2e.slow/again/" in url and old not in url)
        new = page.url.split("/again/")[1].split("/")[0]
        expect(page.get_by_test_id("execution-id")).to_have_text(new)
        expect(page.get_by_test_id("execution-state")).to_have_count(0)
        expect(page.locator(f"a[href*='{old}']")).to_have_count(0)
        page.get_by_test_id("tab-logs").click()
        page.wait_for_url(f"**/{new}/logs")
        assert any(new in one for one in road.waiting), "all of that while the new execution was asked for"
    expect(page.get_by_test_id("execution-state")).to_be_visible()
    expect(page.get_by_test_id("execution-id")).to_have_text(new)
    assert page.url.endswith(f"/{new}/logs")
