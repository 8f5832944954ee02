"""What one browser tab asks just now, and who holds its lock meanwhile; the rules are told in `app.turns`."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from reflex.istate.manager.memory import StateManagerMemory
from reflex_base.event.context import EventContext

LATE = frozenset({"asks", "keeps"})
"""Kinds that wait for their lane with their first question, not with their first line."""
SHOWS = LATE | {"writes"}
"""Kinds whose first lines are seen while they wait: what was chosen, that something is being saved. What a page and a
drawer show comes whole with the answer."""
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


rooms: dict[str, Room] = {}
by_root: dict[int, Room] = {}
current: ContextVar[Turn | None] = ContextVar("turn", default=None)


class Turn:
    """One event that asks the API: it holds the lock while any of its own lines run."""

    def __init__(self, proxy: Any, kind: str, room: Room, key: tuple[Any, ...]) -> None:
        context = EventContext.get()
        self.kind, self.room, self.key = kind, room, key
        self.lane = {"reads": "reads", "writes": "writes", "keeps": "writes"}.get(kind, f"{kind} {key[0]}")
        self.task = asyncio.current_task()
        self.begun, self.dead, self.repeats = False, False, kind == "reads"
        self.shown = False
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
                by_root[id(root)] = self.room
            self._running += 1

    async def leave(self) -> None:
        """One of the event's tasks waits: with the last of them the lock is given back."""
        self._running -= 1
        async with self._gate:
            if self._running <= 0 and self._held is not None:
                try:
                    if self.kind in SHOWS and not self.shown and not self.dead:
                        self.shown = True  # only before the first answer: what follows from one is seen as a whole
                        await self.show()
                finally:
                    await self._give()

    async def _give(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await held.__aexit__(None, None, None)

    async def begin(self) -> None:
        """Take the lock for the handler's first line."""
        await self.enter()
        self.state = self.root.get_substate(self._path)
        self.look_again()
        self.place = str(self.root.router.url.path or "")

    def look_again(self) -> None:
        """From now on: what is set later by others is newer than this event's answer."""
        self.since, self.written = next(_clock), self.room.written

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
    turn = current.get()
    if turn is not None and turn.dead:
        return False
    if not by_root or name in FREE:
        return True
    owner = _owner(state, name)
    if type(owner) is shared:
        return True
    if turn is not None:
        return turn.takes(owner, name)
    room = by_root.get(id(state._get_root_state()))
    if room is not None:
        room.touched[id(owner), name] = next(_clock)
    return True


@asynccontextmanager
async def waiting() -> AsyncIterator[None]:
    """Around each request of the console: gives the lock back when the event has one to give."""
    turn = current.get()
    if turn is None:
        yield
        return
    async with turn.waiting():
        yield


def went_on(place: str) -> bool:
    """Tell whether the event that runs began on another page than `place`."""
    turn = current.get()
    return turn is not None and bool(turn.place) and turn.place != place


async def together(*parts: Awaitable[Any], return_exceptions: bool = False) -> list[Any]:
    """`asyncio.gather` of questions: the lock is free while all of them wait."""
    turn = current.get()
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
    room = rooms.get(token)
    for turn in list(room.turns) if room is not None else ():
        if turn.lane != "writes" and turn.task is not None and turn.task is not asyncio.current_task():
            turn.dead = True
            turn.task.cancel()


def under_way(token: str, kind: str = "") -> int:
    """Return how many events of a tab ask or wait for their turn; `kind` counts those alone."""
    room = rooms.get(token)
    return sum(kind in ("", one.kind) for one in room.turns) if room is not None else 0


@contextmanager
def listed(token: str, turn: Turn) -> Iterator[None]:
    room = turn.room
    room.turns.append(turn)
    try:
        yield
    finally:
        room.turns.remove(turn)
        if not room.turns:
            rooms.pop(token, None)
            for root in [one for one, held in by_root.items() if held is room]:
                del by_root[root]
