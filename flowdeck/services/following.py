"""What followers of the reference's streams get: one reader an execution, however many follow (REST contract §9).

A room reads and encodes once; each follower has an event that wakes it and, for log lines, a queue of encoded pieces.
A follower that reads too slowly loses its queue, not its place: it reads the store by itself until it has caught up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from flowdeck.model.errors import NotFound
from flowdeck.model.states import State
from flowdeck.services import executions, logs
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.hub import Hub, Watch

log = logging.getLogger("flowdeck.following")

LOOK_SECONDS = 5.0
"""A slow look at the rows covers a lost feed."""
PAUSE_SECONDS = 0.1
"""Between two documents: a burst of changes is one."""
LINGER_SECONDS = 2.0
"""Log lines may come this long after the end of their execution."""
QUIET_SECONDS = 15.0
BUILD_SHARE = 20
"""A document is built again at the earliest after this many times the seconds that it took to build."""
LARGE = 1_000_000
"""Bytes from which on documents are sent as seldom as their building asks for."""
AGAIN_SECONDS = 1.0
QUEUED = 256
PAGE = 500


def ended(row: Any) -> bool:
    """Whether nothing more happens in an execution by itself."""
    return row["state"] >= State.SUCCESS and row["open_count"] <= 0


def event(identity: str, data: Any) -> bytes:
    """One event as the reference writes it: id and data, no name."""
    return f"id: {identity}\ndata: ".encode() + orjson.dumps(data, default=str) + b"\n\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines, encoded once for all followers: their numbers in order, and an event each."""

    seqs: list[int]
    events: list[bytes]
    whole: bytes

    def after(self, seen: int) -> bytes:
        """The events of the lines after one."""
        if not self.seqs or self.seqs[-1] <= seen:
            return b""
        return self.whole if self.seqs[0] > seen else b"".join(self.events[bisect_right(self.seqs, seen) :])


class Follower:
    """One connection in a room."""

    __slots__ = ("behind", "queue", "wake")

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.queue: deque[Piece] = deque()
        self.behind = False


class Room:
    """Followers of one thing; its reader lives as long as somebody follows."""

    def __init__(
        self, backend: Backend, hub: Hub, caller: Caller, execution_id: str, leave: Callable[[], None]
    ) -> None:
        self.backend = backend
        self.caller = caller
        self.execution_id = execution_id
        self.followers: set[Follower] = set()
        self.over = False
        """The reader is done: what is queued is all."""
        self._hub = hub
        self._leave = leave
        self._task: asyncio.Task[None] | None = None
        self._watch: Watch | None = None

    @contextlib.contextmanager
    def joined(self) -> Any:
        """A follower in the room, while the block runs."""
        follower = Follower()
        self.followers.add(follower)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        try:
            yield follower
        finally:
            self.followers.discard(follower)
            if not self.followers and self._task is not None:
                self._task.cancel()
                self._leave()

    def wake(self) -> None:
        """Let every follower look."""
        for follower in self.followers:
            follower.wake.set()

    def look(self) -> None:
        """Let the reader look at once."""
        if self._watch is not None:
            self._watch.put({"kind": "look"})

    async def _run(self) -> None:
        try:
            with self._hub.watch([self.execution_id]) as watch:
                self._watch = watch
                while not self.over:
                    try:
                        await self.read(watch)
                    except NotFound:
                        self.over = True
                    except Exception:
                        log.exception("followers of %s wait for a reader that failed", self.execution_id)
                        await asyncio.sleep(AGAIN_SECONDS)
        finally:
            self.over = True
            self._leave()
            self.wake()

    async def read(self, watch: Watch) -> None:
        """Read once, tell the followers, wait for the next change; sets `over` at the end. `NotFound`."""
        raise NotImplementedError

    async def row(self) -> Any:
        """The execution's row. `NotFound`."""
        return await executions.row_of(self.backend, self.caller, self.execution_id)


class DocumentRoom(Room):
    """Followers of whole executions: each gets the newest document, those between are left out."""

    data = b""
    version = 0
    """Counts documents; the last one has `over`."""
    beat = 0
    """Counts the times when a quiet connection should show that it lives."""
    _mark: tuple[int, int, int] | None = None
    _build_seconds = 0.0
    _spoke = 0.0

    async def read(self, watch: Watch) -> None:
        """See `Room`."""
        began = time.monotonic()
        row = await self.row()
        last = await self.backend.read(
            lambda r: r.value("select max(seq) from event where execution_seq = :seq", seq=row["seq"])
        )
        mark, over = (last or 0, row["version"], row["state"]), ended(row)
        if mark != self._mark or over:
            data = orjson.dumps(await executions.get(self.backend, self.caller, self.execution_id), default=str)
            self._build_seconds, self._mark = time.monotonic() - began, mark
            if data != self.data or over:
                self.data, self.over, self._spoke = data, over, began
                self.version += 1
                self.wake()
        if over:
            return
        if began - self._spoke > QUIET_SECONDS:
            self._spoke = began
            self.beat += 1
            self.wake()
        await watch.wait(LOOK_SECONDS)
        watch.take()
        watch.lost = False
        pause = max(PAUSE_SECONDS, BUILD_SHARE * self._build_seconds)
        if len(self.data) < LARGE:  # what took long was not the document but the process, busy with something else
            pause = min(pause, 1.0)
        await asyncio.sleep(max(0.0, pause - (time.monotonic() - began)))


class LineRoom(Room):
    """Followers of an execution's log lines at or above a level."""

    level = 0
    seen: int | None = None
    """Number of the last line that followers in the room were given; None before the first one caught up."""
    _row: Any = None
    _ended: float | None = None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._reads: dict[int, asyncio.Task[Piece]] = {}

    async def after(self, seen: int) -> Piece:
        """The next lines after one; maybe none."""
        if self._row is None:
            self._row = await self.row()
        seq = self._row["seq"]
        found = await self.backend.thread(lambda: self.backend.logs.after(seq, seen, min_level=self.level, limit=PAGE))
        events = [event("progress", logs.entry(one)) for one in found]
        return Piece([one["seq"] for one in found], events, b"".join(events))

    async def _joined_after(self, seen: int) -> Piece:
        """As `after`, one read for all who ask meanwhile: it may have begun before the room told its last lines."""
        task = self._reads.get(seen)
        if task is None:
            task = self._reads[seen] = asyncio.create_task(self.after(seen))
            task.add_done_callback(lambda _: self._reads.pop(seen, None))
        return await asyncio.shield(task)

    async def read(self, watch: Watch) -> None:
        """See `Room`."""
        while self.seen is not None:
            piece = await self.after(self.seen)
            if not piece.seqs:
                break
            self.seen = piece.seqs[-1]
            for follower in self.followers:
                if not follower.behind:
                    follower.queue.append(piece)
                    if len(follower.queue) > QUEUED:
                        follower.queue.clear()
                        follower.behind = True
                    follower.wake.set()
            if self._ended is not None:
                self._ended = time.monotonic()
        if self._ended is not None:
            if time.monotonic() - self._ended > LINGER_SECONDS:
                self.over = True
                return
        elif ended(await self.row()):
            self._ended = time.monotonic()
        await watch.wait(LOOK_SECONDS if self._ended is None else 1.0)
        watch.take()
        watch.lost = False

    async def lines(self, follower: Follower) -> AsyncIterator[bytes]:
        """Encoded lines for one follower, from the first to the last."""
        seen = 0
        follower.behind = True
        while True:
            if follower.behind:
                # From here on the room queues what it reads: nothing falls between the store and the queue.
                follower.behind = False
                follower.queue.clear()
                told = self.seen
                shared = True  # with others who join now
                while True:
                    piece = await (self._joined_after(seen) if shared else self.after(seen))
                    if piece.seqs:
                        seen = piece.seqs[-1]
                        yield piece.whole
                    # Without a number of its own the room may have been given one by a follower who read further.
                    least = (self.seen if told is None else told) or 0
                    if len(piece.seqs) < PAGE and (seen >= least or not shared):
                        break
                    shared = False
                if self.seen is None:
                    self.seen = seen
                    self.look()  # its reader may have been told of a line that this look was too early for
            ready: list[bytes] = []
            while follower.queue:
                piece = follower.queue.popleft()
                if data := piece.after(seen):
                    seen = piece.seqs[-1]
                    ready.append(data)
            if ready:
                yield ready[0] if len(ready) == 1 else b"".join(ready)
                continue
            if follower.behind:
                continue
            if self.over:
                return
            follower.wake.clear()
            await follower.wake.wait()


class Following:
    """The rooms of this process."""

    def __init__(self, backend: Backend, hub: Hub) -> None:
        self._backend = backend
        self._hub = hub
        self._documents: dict[tuple[str, str], DocumentRoom] = {}
        self._lines: dict[tuple[str, str, int], LineRoom] = {}

    def document(self, caller: Caller, execution_id: str) -> DocumentRoom:
        """The room of an execution's documents; join it before the next `await`."""
        key = (caller.tenant, execution_id)
        room = self._documents.get(key)
        if room is None or room.over:
            room = DocumentRoom(
                self._backend, self._hub, caller, execution_id, lambda: self._gone(self._documents, key)
            )
            self._documents[key] = room
        return room

    def lines(self, caller: Caller, execution_id: str, level: int) -> LineRoom:
        """The room of an execution's log lines; join it before the next `await`."""
        key = (caller.tenant, execution_id, level)
        room = self._lines.get(key)
        if room is None or room.over:
            room = LineRoom(self._backend, self._hub, caller, execution_id, lambda: self._gone(self._lines, key))
            room.level = level
            self._lines[key] = room
        return room

    @staticmethod
    def _gone(rooms: dict[Any, Any], key: Any) -> None:
        room = rooms.get(key)
        if room is not None and (room.over or not room.followers):
            del rooms[key]
