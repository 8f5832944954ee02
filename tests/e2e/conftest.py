"""One real server, one browser, and logged-in pages for the tests of the console.

`FLOWDECK_TEST_URL` (with `FLOWDECK_TEST_USERNAME` and `FLOWDECK_TEST_PASSWORD`) names a running instance instead,
`FLOWDECK_TEST_COMMAND` an installed command; without them the checkout's console is built when its sources changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Watch, chromium, context
from tests.support.console import Look
from tests.support.server import Server, running_server

Opener = Callable[..., Page]
expect.set_options(timeout=15_000)  # a wait for what must come; a loaded machine makes it come later
ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
"""`make test-all`: every screen in both themes at every width."""


LOOKS = (
    [(theme, width) for theme in ("light", "dark") for width in (1440, 800, 390)] if EVERYTHING else [("light", 1440)]
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what is marked `long` to `make test-all`."""
    if not EVERYTHING:
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="long: make test-all"))


@pytest.fixture(scope="session")
def built() -> None:
    """The checkout's console belongs to its sources: an old one would greet every page with a banner."""
    if not os.environ.get("FLOWDECK_TEST_URL") and not os.environ.get("FLOWDECK_TEST_COMMAND"):
        from flowdeck.main.console import build_frontend

        build_frontend(ROOT)


@pytest.fixture(scope="session")
def server(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its first account."""
    address = os.environ.get("FLOWDECK_TEST_URL")
    if address:
        made = Server(tmp_path_factory.mktemp("home"), port=urlsplit(address).port or 80, management_port=0)
        made.username = os.environ.get("FLOWDECK_TEST_USERNAME", made.username)
        made.password = os.environ.get("FLOWDECK_TEST_PASSWORD", made.password)
        yield made
        return
    with running_server(tmp_path_factory.mktemp("home")) as started:
        yield started


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A page that nobody has logged in to; the test goes where it likes. Fails like the others on console errors."""
    made = context(browser)
    made.grant_permissions(["clipboard-read", "clipboard-write"])
    page = made.new_page()
    watch = Watch()
    watch.attach(page)
    yield page
    made.close()
    watch.check()


@pytest.fixture(params=LOOKS, ids=lambda one: f"{one[0]}-{one[1]}")
def newcomer(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A stranger who looks at the console in one of the ways of `look`."""
    theme, width = request.param
    made = context(browser, theme=theme, width=width)
    made.grant_permissions(["clipboard-read", "clipboard-write"])
    page = made.new_page()
    watch = Watch()
    watch.attach(page)
    yield page
    made.close()
    watch.check()


@pytest.fixture
def open_page(server: Server, browser: Browser) -> Iterator[Opener]:
    """`open_page(place, theme=…, width=…, height=…, allowed=(…))`: a logged-in page below `/ui/main`.

    The test fails when a page said something to the browser's console that is not in `allowed`.
    """
    contexts, watches = [], []

    def opened(
        place: str, *, theme: str = "dark", width: int = 1440, height: int = 900, allowed: tuple[str, ...] = ()
    ) -> Page:
        made = context(browser, theme=theme, width=width, height=height)
        contexts.append(made)
        answer = made.request.post(
            f"{server.url}/login",
            data={"username": server.username, "password": server.password, "remember": True},
            headers={"Origin": server.url},
        )
        assert answer.ok, answer.text()
        page = made.new_page()
        watch = Watch(allowed=allowed)
        watch.attach(page)
        watches.append(watch)
        visit(page, server, place)
        return page

    yield opened
    for made in contexts:
        made.close()
    for watch in watches:
        watch.check()


@pytest.fixture(params=LOOKS, ids=lambda one: f"{one[0]}-{one[1]}")
def look(request: pytest.FixtureRequest, open_page: Opener) -> Look:
    """How a journey looks at the console: light and wide, or all six ways (ui.md §18.4, §20)."""
    theme, width = request.param
    return Look(theme, width, open_page)


@pytest.fixture(params=("dark", "light") if EVERYTHING else ("dark",))
def theme(request: pytest.FixtureRequest) -> str:
    """For journeys of one width: dark, or both themes."""
    return request.param


def visit(page: Page, server: Server, place: str) -> None:
    """Go to a place below `/ui/main` and wait until it can be pressed."""
    page.goto(f"{server.url}/ui/main{place}")
    page.wait_for_selector("[data-testid=hydrated]", state="attached", timeout=20_000)
