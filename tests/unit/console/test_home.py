"""Laws of the default dashboard's lists: four at once, and none is asked any more when the reader has left."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import httpx
import pytest

from app import tab
from app.pages.home.state import AT_ONCE, HomeState
from tests.unit.console.test_work import Proxy


class Slow(httpx.AsyncBaseTransport):
    """Answers the first question, and holds all others."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ended = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/flows/search") and not self.asked:
            return httpx.Response(200, json={"results": [], "total": 7})
        self.asked.append(request.url.path)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        raise AssertionError("never answered")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    monkeypatch.setattr(tab._connection, "transport", made)
    return made


def _state() -> Any:
    state = HomeState()  # type: ignore[call-arg]
    state.username = "reader"
    return state


async def _until(slow: Slow, count: int) -> None:
    while len(slow.asked) < count:
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)


async def test_the_next_visit_cancels_what_a_refresh_asks(slow: Slow) -> None:
    """UI-DB-04: four parts ask at once, the numbers three questions; then none is asked and none goes on."""
    state = _state()
    load = asyncio.create_task(HomeState.event_handlers["load"].fn(Proxy(state)))
    await _until(slow, AT_ONCE + 2)
    begun = len(slow.asked)
    assert begun == AT_ONCE + 2
    state.hold_asked(())  # the first thing that a visit does
    await asyncio.wait_for(load, 5)
    for _ in range(50):
        await asyncio.sleep(0)
    assert (len(slow.asked), slow.ended) == (begun, begun)
    assert tab._asked == {}


async def test_a_visit_that_is_superseded_cancels_its_questions(slow: Slow) -> None:
    state = _state()
    load = asyncio.create_task(HomeState.event_handlers["load"].fn(Proxy(state)))
    await _until(slow, AT_ONCE + 2)
    load.cancel()
    with pytest.raises(asyncio.CancelledError):
        await load
    for _ in range(50):
        await asyncio.sleep(0)
    assert slow.ended == len(slow.asked) == AT_ONCE + 2
    assert tab._asked == {}


async def test_a_second_refresh_ends_the_first(slow: Slow) -> None:
    state = _state()
    first = asyncio.create_task(HomeState.event_handlers["load"].fn(Proxy(state)))
    await _until(slow, AT_ONCE + 2)
    second = asyncio.create_task(HomeState.event_handlers["load"].fn(Proxy(state)))
    await _until(slow, AT_ONCE + 3)  # whether there are flows is asked first, and held
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    state.hold_asked(())
    await asyncio.wait_for(first, 5)
    assert slow.ended == len(slow.asked)


def test_the_handlers_are_of_the_background() -> None:
    """§19 UI-RX-04: a slow figure holds no other event of the tab."""
    assert HomeState.event_handlers["load"].is_background
    assert {"asking", "refused"}.isdisjoint(HomeState.event_handlers)


def test_no_page_begins_with_a_handler_of_the_background() -> None:
    """Those of one `on_load` run at once: before `Tab.enter` knows the reader, and the page would stay empty."""
    app = importlib.import_module("app.app").app
    for route, page in app._unevaluated_pages.items():
        handlers = page.on_load if isinstance(page.on_load, list) else [page.on_load] if page.on_load else []
        named = [getattr(one, "handler", one) for one in handlers]
        assert not [one.fn.__qualname__ for one in named if one.is_background], route
