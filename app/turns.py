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
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory
from reflex_base.event.context import EventContext

TRIES = 3
"""How often `reads` are asked at most when writes come in between."""
LATE = frozenset({"asks", "keeps"})
"""Kinds that wait for their lane with their first question, not with their first line."""
FREE = frozenset({"loading"})
"""Fields that nobody types: the last one who sets them is right."""

_clock = itertools.count(1)


class Dropped(BaseException):
    """The event ends here: its answer is no longer wanted. No handler catches it."""


class Overtaken(BaseException):
    """A write ended while the answer was under way: ask again."""


@dataclass
class Room:
    """What one browser tab has under way."""

    lanes: dict[str, asyncio.Lock] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    written: int = 0
    touched: dict[tuple[int, str], int] = field(default_factory=dict)
    """Field of a state → when the event began that set it last."""

    def lane(self, name: str) -> asyncio.Lock:
        return self.lanes.setdefault(name, asyncio.Lock())


_rooms: dict[str, Room] = {}
_by_root: dict[int, Room] = {}
_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


class Turn:
    """One event that asks the API: it holds the lock while any of its own lines run."""

    def __init__(self, proxy: Any, kind: str, room: Room, key: tuple[Any, ...]) -> None:
        context = EventContext.get()
        self.kind, self.room, self.key = kind, room, key
        self.lane = {"reads": "reads", "writes": "writes", "keeps": "writes"}.get(kind, f"{kind} {key[0]}")
        self.task = asyncio.current_task()
        self.begun, self.dead, self.repeats = False, False, kind == "reads"
        self.since = self.written = 0
        self.place = ""
        self.state: Any = None
        self.root: Any = None
        self._manager, self._token = context.state_manager, proxy._self_substate_token
        self._path = proxy._self_substate_path
        self._gives = isinstance(self._manager, StateManagerMemory)
        self._held: Any = None
        self._gate, self._order = asyncio.Lock(), asyncio.Lock()
        self._running = 0
        self._in_lane = False
        self._set: list[tuple[Any, str, Any]] = []

    # -- the lock -------------------------------------------------------------------------------------------

    async def enter(self) -> None:
        """Take the lock for one more of the event's tasks."""
        async with self._gate:
            if self.dead:
                raise Dropped
            if self._held is None:
                held = self._manager.modify_state_with_links(token=self._token)
                root = await held.__aenter__()
                self._held = held
                if self.root is not None and root is not self.root:
                    self.dead = True  # the tab's state was given up meanwhile: its values are gone
                    await self._give()
                    raise Dropped
                self.root, self._set = root, []
                _by_root[id(root)] = self.room
            self._running += 1

    async def leave(self) -> None:
        """One of the event's tasks waits: with the last of them the lock is given back."""
        self._running -= 1
        async with self._gate:
            if self._running <= 0:
                await self._give()

    async def _give(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await held.__aexit__(None, None, None)

    async def begin(self) -> None:
        """Take the lock for the handler's first line."""
        await self.enter()
        self.state = self.root.get_substate(self._path)
        self.since, self.written = next(_clock), self.room.written
        self.place = str(self.root.router.url.path or "")

    async def show(self) -> None:
        """Send to the browser what was set so far."""
        delta = await self.root._get_resolved_delta()
        self.root._clean()
        if delta:
            await EventContext.get().emit_delta(delta)

    async def end(self) -> None:
        """Give the lock back for good; what is still under way sets nothing."""
        self.dead = True
        self._running = 0
        if self._in_lane:
            self._in_lane = False
            self.room.lane(self.lane).release()
        await self._give()

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """While a request is under way: the lock is free."""
        if not self._gives or self.dead:
            yield
            return
        await self.leave()
        try:
            await self._queue()
            try:
                yield
            except asyncio.CancelledError:
                raise
            except BaseException:
                await self.enter()
                self._look()
                raise
            await self.enter()
            self._look()
        except asyncio.CancelledError:
            if asyncio.current_task() is self.task:
                self.dead = True
            else:
                self._running += 1  # one of several: `together` counts it when it has ended
            raise

    async def _queue(self) -> None:
        """Wait for the lane with the first question; what the reader chose is on screen already."""
        async with self._order:
            if self.kind in LATE and not self._in_lane:
                await self.room.lane(self.lane).acquire()
                self._in_lane = True

    def _look(self) -> None:
        if self.repeats and self.room.written != self.written:
            raise Overtaken

    # -- fields ---------------------------------------------------------------------------------------------

    def takes(self, owner: Any, name: str) -> bool:
        """Tell whether the event may set a field now, and remember what it was."""
        if self.dead:
            return False
        key = (id(owner), name)
        if self.room.touched.get(key, 0) > self.since:
            if self.kind != "opens":
                return False
            self.take_back()
            self.dead = True
            raise Dropped
        self._set.append((owner, name, getattr(owner, name, None)))
        self.room.touched[key] = next(_clock) if self.lane == "writes" else self.since
        if self.lane == "writes":
            self.since = self.room.touched[key]
        return True

    def take_back(self) -> None:
        """Give the fields the values that they had when the answer came."""
        for owner, name, before in reversed(self._set):
            object.__setattr__(owner, name, before)
        self._set = []


def _owner(state: Any, name: str) -> Any:
    declared = type(state).__fields__.get(name)
    while declared is not None and type(state) is not declared._owner and state.parent_state is not None:
        state = state.parent_state
    return state


def may_set(state: Any, name: str, shared: type) -> bool:
    """Tell whether a field of a state may be set by the event that runs; called for every assignment of a tab.

    Args:
        shared: the class whose own fields (identity, problem, commands) everybody may set.
    """
    turn = _turn.get()
    if turn is not None and turn.dead:
        return False
    if not _by_root or name in FREE:
        return True
    owner = _owner(state, name)
    if type(owner) is shared:
        return True
    if turn is not None:
        return turn.takes(owner, name)
    room = _by_root.get(id(state._get_root_state()))
    if room is not None:
        room.touched[id(owner), name] = next(_clock)
    return True


@asynccontextmanager
async def waiting() -> AsyncIterator[None]:
    """Around each request of the console: gives the lock back when the event has one to give."""
    turn = _turn.get()
    if turn is None:
        yield
        return
    async with turn.waiting():
        yield


def went_on(place: str) -> bool:
    """Tell whether the event that runs began on another page than `place`."""
    turn = _turn.get()
    return turn is not None and bool(turn.place) and turn.place != place


async def together(*parts: Awaitable[Any], return_exceptions: bool = False) -> list[Any]:
    """`asyncio.gather` of questions: the lock is free while all of them wait."""
    turn = _turn.get()
    if turn is None:
        return list(await asyncio.gather(*parts, return_exceptions=return_exceptions))
    turn._running += len(parts) - 1

    async def part(one: Awaitable[Any]) -> Any:
        try:
            return await one
        finally:
            if not turn.dead:
                await turn.leave()

    tasks = [asyncio.ensure_future(part(one)) for one in parts]
    try:
        found = await asyncio.gather(*tasks, return_exceptions=return_exceptions)
    except asyncio.CancelledError:
        turn.dead = True
        raise
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await turn.enter()
        raise
    await turn.enter()
    turn._look()
    return list(found)


def forget(token: str) -> None:
    """The reader goes to another page: what the one before asks is cancelled, writes go on."""
    room = _rooms.get(token)
    for turn in list(room.turns) if room is not None else ():
        if turn.lane != "writes" and turn.task is not None and turn.task is not asyncio.current_task():
            turn.dead = True
            turn.task.cancel()


def under_way(token: str) -> int:
    """Return how many events of a tab ask or wait for their turn."""
    room = _rooms.get(token)
    return len(room.turns) if room is not None else 0


@contextmanager
def _listed(token: str, turn: Turn) -> Iterator[None]:
    room = turn.room
    room.turns.append(turn)
    try:
        yield
    finally:
        room.turns.remove(turn)
        if not room.turns:
            _rooms.pop(token, None)
            for root in [one for one, held in _by_root.items() if held is room]:
                del _by_root[root]


async def _run(turn: Turn, handler: Callable[..., Awaitable[Any]], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    mark = _turn.set(turn)
    try:
        for attempt in range(TRIES):
            try:
                if not turn.begun:
                    turn.begun = True
                    await turn.begin()
                else:
                    turn.since, turn.written = next(_clock), turn.room.written
                turn.repeats = turn.repeats and attempt < TRIES - 1
                return await handler(turn.state, *args, **named)
            except Overtaken:
                continue
        return None
    except Dropped:
        return None
    finally:
        _turn.reset(mark)
        if turn.kind == "writes":
            turn.room.written += 1
        await asyncio.shield(turn.end())


async def _after_those_before() -> None:
    """Wait for the ordinary events of the tab that came earlier: texts typed before the button was pressed."""
    context = EventContext.get()
    processor: Any = getattr(context.enqueue_impl, "__self__", None)
    own = processor._futures.get(context.txid) if processor is not None else None
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
                turn = _turn.get()
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
        room = _rooms.setdefault(token, Room())
        turn = Turn(self, kind, room, key)
        others = [one for one in room.turns if one.lane == turn.lane]
        if kind == "reads" and any(one.key == key and not one.begun and not one.dead for one in others):
            return None
        for one in others if kind == "opens" else ():
            one.dead = True
            if one.task is not None:
                one.task.cancel()
        with _listed(token, turn):
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
