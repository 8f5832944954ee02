"""One build of the client components and one canned server for the tests of this folder; the browser is everyone's."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from tests.e2e.components import canned, harness
from tests.support.browser import Watch

Mount = Callable[..., Page]


@pytest.fixture(scope="session")
def address(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    packages = harness.node_modules()
    if packages is None:
        pytest.skip("the console with all its pages was not built yet: make frontend")
    dist = harness.build(tmp_path_factory.mktemp("components"), packages)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(canned.application(dist), port=port, log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(5)


@pytest.fixture(params=["dark"])
def mount(request: pytest.FixtureRequest, address: str, browser: Browser) -> Iterator[Mount]:
    """`mount((module, tag, props), …)`: a page that shows the components; fails on console errors afterwards."""
    context = browser.new_context(viewport={"width": 1240, "height": 800})
    page = context.new_page()
    watch = Watch()
    watch.attach(page)
    page.goto(address)
    until(page, "window.ready === true")
    page.evaluate("theme => { document.documentElement.className = theme }", request.param)
    page.request.get(f"{address}/said")

    def show(*parts: tuple[str, str, dict[str, Any]], keep: bool = False, allow: tuple[str, ...] = ()) -> Page:
        watch.allowed = allow
        page.evaluate(
            "([list, keep]) => window.mountAll(list, keep)",
            [
                [
                    {"module": m, "tag": t, "props": p, **({"style": {"height": 0}} if m == "stream" else {})}
                    for m, t, p in parts
                ],
                keep,
            ],
        )
        return page

    yield show
    context.close()
    watch.check()


def events(page: Page, name: str) -> list[Any]:
    """Arguments of the events of one name, in order."""
    return [event[1:] for event in page.evaluate("window.events") if event[0] == name]


def until(page: Page, expression: str, seconds: float = 10) -> None:
    """Waits until a JavaScript expression is true; Playwright's own way needs `unsafe-eval`."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}; events: {page.evaluate('window.events')}"
        page.wait_for_timeout(20)
