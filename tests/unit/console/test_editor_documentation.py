"""The page of documentation follows the cursor beside all else: nothing that the reader does waits for it (UI-ED-50)."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from app import tab
from app.pages.flows.editor_state import EditorState
from tests.unit.console.test_work import Proxy

LOG = "io.kestra.plugin.core.log.Log"
RETURN = "io.kestra.plugin.core.debug.Return"


class Held(httpx.AsyncBaseTransport):
    """Answers a question when it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        await self.go.wait()
        return httpx.Response(200, json={"schema": {"properties": {"description": "d"}}})


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    made = Held()
    monkeypatch.setattr(tab._connection, "transport", made)
    return made


def _state() -> Any:
    state = EditorState()  # type: ignore[call-arg]
    state.username, state.shown_panels = "reader", ["code", "docs"]
    return state


def _cursor(cls: str) -> dict[str, Any]:
    return {"line": 5, "column": 1, "path": "tasks[0].type", "type": cls}


async def _asked(held: Held, count: int) -> None:
    async with asyncio.timeout(5):
        while len(held.asked) < count:
            await asyncio.sleep(0)


async def test_the_cursor_asks_nothing_by_itself(held: Held) -> None:
    """Else a save that was pressed after it waited for a page of documentation."""
    state = _state()
    then = await EditorState.event_handlers["take_cursor"].fn(state, _cursor(LOG))
    assert held.asked == [] and then is not None
    assert EditorState.event_handlers["read_doc"].is_background


async def test_a_page_that_comes_late_does_not_replace_the_one_that_is_wanted(held: Held) -> None:
    state = _state()
    read = EditorState.event_handlers["read_doc"].fn
    first = asyncio.create_task(read(Proxy(state), LOG))
    await _asked(held, 1)
    second = asyncio.create_task(read(Proxy(state), RETURN))
    await _asked(held, 2)
    held.go.set()
    await asyncio.wait_for(asyncio.gather(first, second), 5)
    assert (state.doc.type, state._doc_trail) == (RETURN, [RETURN])
