"""Events that ask the API without holding the tab (UI-RX-04).

A handler marked here is written like any other, but it is a background event: it has the state's lock while its own
lines run and gives it back while a request is under way (`Client.send` tells when). Closing a dialog, going to another
page or a save are answered meanwhile. Four kinds, by what must happen when something comes in between:

| kind | asks | when a newer one comes | when the reader goes to another page |
|---|---|---|---|
| `reads` | what a page shows | waits; asked twice while one waits, it runs once | cancelled |
| `asks` | a part of a page | waits | cancelled |
| `opens` | what fills a dialog or a drawer | the older one is cancelled | cancelled |
| `writes` | changes something | waits: writes keep their order | goes on, but leads nowhere any more |
| `keeps` | stores what the reader likes | waits, with the writes | goes on |

What was done while a request was under way is never undone by its answer:

- a field that was set by an event that began later keeps that value; an `opens` then takes back what it has set and
  ends,
- an event that was cancelled sets nothing any more,
- `reads` that began before the end of a write are asked again, for their answer may be older than the write.

Every tab has a lane for `reads`, one for `writes` and `keeps`, and per class one for `asks` and one for `opens`; in a
lane one event runs at a time, in the order in which they came (an `asks` and a `keeps` show what was chosen before they
wait). The framework begins background events at once; here each waits for the ordinary ones that came before it, so
that a save knows what was typed before it was pressed. Only the state manager in memory keeps one object per tab; with
another one the lock is held to the end.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import reflex as rx
from reflex_base.event.context import EventContext

from app.room import LATE, Dropped, Overtaken, Room, Turn, current, listed, rooms, together

__all__ = ["asks", "behind", "keeps", "opens", "reads", "together", "writes"]

TRIES = 3
"""How often `reads` are asked at most when writes come in between."""


async def _run(turn: Turn, handler: Callable[..., Awaitable[Any]], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    mark = current.set(turn)
    try:
        for attempt in range(TRIES):
            try:
                if not turn.begun:
                    turn.begun = True
                    await turn.begin()
                else:
                    turn.look_again()
                turn.repeats = turn.repeats and attempt < TRIES - 1
                return await handler(turn.state, *args, **named)
            except Overtaken:
                continue
        return None
    except Dropped:
        return None
    finally:
        current.reset(mark)
        if turn.kind == "writes":
            turn.room.written += 1
        await asyncio.shield(turn.end())


async def _after_those_before() -> None:
    """Wait for the ordinary events of the tab that came earlier: texts typed before the button was pressed."""
    context = EventContext.get()
    processor: Any = getattr(context.enqueue_impl, "__self__", None)
    if processor is None:
        return
    own = processor._futures.get(context.txid)
    while own is not None:
        queued = [entry.ctx.txid for entry, _ in processor._token_queues.get(context.token, ())]
        known = [processor._futures.get(one) for one in queued]
        if not any(one is not None and one.root_gen <= own.root_gen for one in known):
            return
        task = processor._tasks.get(queued[0])
        await (asyncio.sleep(0.001) if task is None else asyncio.wait([task]))


def _event(kind: str, handler: Callable[..., Awaitable[Any]]) -> Any:
    if inspect.isasyncgenfunction(handler):
        steps = handler

        @functools.wraps(handler)
        async def collected(self: Any, *args: Any, **named: Any) -> list[Any]:
            found: list[Any] = []
            async for one in steps(self, *args, **named):
                turn = current.get()
                if one is not None:
                    found.append(one)
                elif turn is not None:
                    await turn.show()
            return found

        handler = collected

    @functools.wraps(handler)
    async def event(self: Any, *args: Any, **named: Any) -> Any:
        if not hasattr(self, "_self_substate_token"):
            return await handler(self, *args, **named)  # a state without a tab around it, as in a test
        await _after_those_before()
        token = str(self._self_substate_token.ident)
        key = (type(self.__wrapped__).__name__, handler.__qualname__, args, tuple(named.items()))
        room = rooms.setdefault(token, Room())
        turn = Turn(self, kind, room, key)
        others = [one for one in room.turns if one.lane == turn.lane]
        if kind == "reads" and any(one.key == key and not one.begun and not one.dead for one in others):
            return None
        for one in others if kind == "opens" else ():
            one.dead = True
            if one.task is not None:
                one.task.cancel()
        with listed(token, turn):
            async with nullcontext() if kind in LATE else room.lane(turn.lane):
                return await _run(turn, handler, args, named)

    vars(event)["asks_apart"] = kind
    return rx.event(background=True)(event)


def behind(handler: Any) -> Any:
    """A background event that takes and gives the lock itself (`app.work`); it too knows what was typed before it."""

    @functools.wraps(handler)
    async def event(self: Any, *args: Any, **named: Any) -> Any:
        if hasattr(self, "_self_substate_token"):
            await _after_those_before()
        if inspect.isasyncgenfunction(handler):
            return [one async for one in handler(self, *args, **named)]
        return await handler(self, *args, **named)

    return rx.event(background=True)(event)


def reads(handler: Any) -> Any:
    """An event that fills the page: asked once more after a write, cancelled by the next visit."""
    return _event("reads", handler)


def asks(handler: Any) -> Any:
    """An event that asks for a part of the page; each call counts."""
    return _event("asks", handler)


def opens(handler: Any) -> Any:
    """An event that fills a dialog or a drawer: the last call wins, and what the reader did since."""
    return _event("opens", handler)


def keeps(handler: Any) -> Any:
    """An event that stores a preference: in order with the writes; what the page shows is not asked again."""
    return _event("keeps", handler)


def writes(handler: Any) -> Any:
    """An event that changes something: in order with the other writes of the tab, never cancelled."""
    return _event("writes", handler)
