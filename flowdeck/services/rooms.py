"""Rooms of the multiplexed stream: one reader and one encoder for all who watch the same (extensions §3)."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter, deque
from typing import Any

from flowdeck.model.errors import DomainError, NotFound, TooMany
from flowdeck.model.states import State
from flowdeck.services import documents, logs, taskruns
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import row_of
from flowdeck.services.hub import Hub, Watch
from flowdeck.services.insight import reason_of as _reason
from flowdeck.services.listeners import Listener, frame, of_floor
from flowdeck.services.topics import Topics
from flowdeck.services.wire import compact, instant, instant_or_none
from flowdeck.store.queries import executions as execution_queries
from flowdeck.store.queries import task_runs as queries

log = logging.getLogger("flowdeck.stream")

RING = 2000
ROW_SECONDS = 0.05
LOG_SECONDS = 0.02
COUNT_SECONDS = 0.25
LINES = 500
FOLLOWED_SECONDS = 0.5
"""By then core knows that an execution is followed."""
PER_USER = 20
PER_SERVER = 5000
LEVELS = {name: number for number, name in enumerate(logs.LEVELS)}


def execution_fields(row: Any) -> dict[str, Any]:
    """What a snapshot says of the execution itself."""
    return compact(
        {
            "id": row["id"],
            "namespace": row["namespace"],
            "flowId": row["flow_id"],
            "revision": row["flow_rev"],
            "state": State(row["state"]).name,
            "created": instant(row["created"]),
            "started": instant_or_none(row["started"]),
            "ended": instant_or_none(row["ended"]),
            "labels": documents.label_list(json.loads(row["labels"])),
            "taskCount": row["task_count"],
        }
    )


class Room:
    """All who follow one execution with the same parameters."""

    def __init__(
        self, rooms: Rooms, caller: Caller, execution: str, level: str | None, parents: frozenset[str]
    ) -> None:
        self.rooms = rooms
        self.backend = rooms.backend
        self.caller = caller
        self.execution = execution
        self.level = level
        self.parents = parents
        self.listeners: set[Listener] = set()
        self.ring: deque[tuple[int, int, str, Any, bytes]] = deque()
        self._reach: list[int] | None = None
        """Lowest place and line of a cursor after which the ring has all; None before the first snapshot."""
        self.event_seq = 0
        """Place among the changes before which everything is published: what is held for a moment is not counted."""
        self._heard = 0
        self.log_seq = 0
        self.log_no = 0
        self.total = 0
        self.seq = 0
        self.large = False
        self.types: list[str] = []
        self.finished: bytes | None = None
        self._known: dict[str, tuple[str, str]] = {}
        self._counts: dict[str, Counter[str]] = {}
        self._watch: Watch = rooms.hub.watch([execution])
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def cursor(self) -> str:
        """Where a reconnect goes on."""
        return f"{self.event_seq}-{self.log_seq}"

    def _read(self, reader: Any) -> dict[str, Any]:
        with reader.snapshot():
            row = execution_queries.get(reader, self.caller.tenant, self.execution)
            if row is None:
                raise NotFound(f"execution '{self.execution}'")
            seq = row["seq"]
            self.seq = seq
            self.large = row["task_count"] > taskruns.SMALL
            event_seq = max(queries.last_event(reader, seq), row["version"])
            counts: dict[str, dict[str, int]] = {"": {State(s).name: n for s, n in queries.states(reader, seq).items()}}
            if not self.large:
                runs = queries.all_of(reader, seq)
            else:
                runs = queries.page(reader, seq, 0, after=None, limit=500)
                for parent in sorted(self.parents)[:50]:
                    found = execution_queries.task_run(reader, seq, parent)
                    if found is not None:
                        runs += queries.page(reader, seq, found["seq"], after=None, limit=500)
                everyone = reader.all(
                    "select seq, id, parent_seq, state from task_run where execution_seq = :seq", seq=seq
                )
                ids = {r["seq"]: r["id"] for r in everyone}
                known: dict[str, tuple[str, str]] = {}
                grouped: dict[str, Counter[str]] = {}
                for r in everyone:
                    above, name = ids.get(r["parent_seq"], ""), State(r["state"]).name
                    known[r["id"]] = (above, name)
                    if above:
                        grouped.setdefault(above, Counter())[name] += 1
                self._known, self._counts = known, grouped
                counts |= {k: dict(v) for k, v in grouped.items()}
            return {
                "waiting": _reason(reader, row),
                "row": row,
                "event_seq": event_seq,
                "counts": counts,
                "taskRuns": taskruns.rows_of(reader, seq, runs, self.types),
            }

    async def snapshot(self, *, anew: bool = False) -> tuple[bytes, Any, int]:
        """The first frame of a connection, the execution's row, and the seq of the last line that the frame counts.

        The first snapshot of a room, and one made `anew` after a gap, is where the room goes on. Any other one belongs
        to its connection alone: moving the room would drop lines that others have not got yet.
        """
        async with self._lock:
            if not self.types:
                self.types = await taskruns.types_of(
                    self.backend, await row_of(self.backend, self.caller, self.execution)
                )
            found = await self.backend.read(self._read)
            total, log_seq, log_no = await self.backend.thread(self._log_place)
            if anew or self._reach is None:
                self.event_seq = self._heard = max(self._heard, found["event_seq"])
                self.log_seq, self.total = max(self.log_seq, log_seq), max(self.total, total)
                self.log_no = max(self.log_no, log_no)
                if self._reach is None:
                    self._reach = [self.event_seq, self.log_seq]
        data = {
            "execution": compact({**execution_fields(found["row"]), "waiting": found["waiting"]}),
            "counts": found["counts"],
            "taskRuns": found["taskRuns"],
            "logTotal": total,
        }
        return frame("snapshot", data, f"{found['event_seq']}-{log_seq}"), found["row"], log_seq

    def _log_place(self) -> tuple[int, int, int]:
        # The number first: a line stored between the readings is then asked for once more and known by its seq.
        log_no = self.backend.logs.total(self.seq) if self.backend.logs is not None else 0
        return *logs.last_place(self.backend, self.seq, self.level), log_no

    async def _stored(self, upto: int | None = None) -> list[dict[str, Any]]:
        """Lines that the feed did not bring: core hears a moment late that somebody follows an execution.

        Args:
            upto: number of the last line wanted; None = all that are stored.
        """
        if self.level is None or self.backend.logs is None or not self.seq:
            return []
        stored, floor = self.backend.logs, LEVELS.get(self.level, 0)

        def read() -> tuple[int, list[dict[str, Any]]]:
            end = upto if upto is not None else stored.total(self.seq)
            if end <= self.log_no:
                return self.log_no, []
            return end, stored.range(self.seq, max(self.log_no + 1, end - 4 * LINES), end)[0]

        end, found = await self.backend.thread(read)
        self.log_no = max(self.log_no, end)
        return [logs.line(one) for one in found if one["seq"] > self.log_seq and one["level"] >= floor]

    def replay(self, since: str) -> list[bytes] | None:
        """Frames after a cursor, or None when the ring does not reach back to it.

        While counts of a large execution are held, rows go out without moving the place: those at the cursor's own
        place come again there, which alters nothing for who has them.
        """
        try:
            event, line = (int(part) for part in since.split("-", 1))
        except ValueError:
            return None
        if self._reach is None or event < self._reach[0] or line < self._reach[1]:
            return None
        found = [
            of_floor(name, data, own, line)
            for e, s, name, data, own in self.ring
            if (s > line if name == "log" else e > event or (self.large and e == event))
        ]
        return [data for data in found if data is not None]

    def start(self) -> None:
        """Begin to hand on changes."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def publish(self, event: str, data: Any) -> None:
        """Encode once, give to everybody."""
        encoded = frame(event, data, self.cursor)
        if len(self.ring) >= RING:
            place, line, name, *_ = self.ring.popleft()
            least = self._reach or [0, 0]
            self._reach = [least[0], line] if name == "log" else [place + 1, least[1]]
        self.ring.append((self.event_seq, self.log_seq, event, data, encoded))
        for listener in self.listeners:
            if listener.joining is not None:
                listener.joining.append((event, data, encoded))
            else:
                own = of_floor(event, data, encoded, listener.log_floor)
                if own is not None:
                    listener.put(own)

    async def _run(self) -> None:
        try:
            await self._loop()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("the room of execution %s broke", self.execution)
            for listener in list(self.listeners):
                listener.end(frame("end", {"reason": "shutdown"}))

    async def _loop(self) -> None:
        rows: dict[str, dict[str, Any]] = {}
        lines: list[dict[str, Any]] = []
        fields: dict[str, Any] = {}
        counts: set[str] = set()
        last = {"rows": 0.0, "lines": 0.0, "counts": 0.0}
        terminal = False
        look_again: float | None = time.monotonic() + FOLLOWED_SECONDS
        while True:
            now = time.monotonic()
            dues = [
                last[k] + s
                for k, s, held in (
                    ("rows", ROW_SECONDS, rows),
                    ("lines", LOG_SECONDS, lines),
                    ("counts", COUNT_SECONDS, counts),
                )
                if held
            ]
            if look_again is not None:
                dues.append(look_again)
            await self._watch.wait(max(0.0, min(dues) - now) if dues else 2.0 if terminal else 10.0)
            if self._watch.closed:
                return  # a closed watch answers at once, and a wait that ends just then swallows the cancellation
            if self._watch.lost:
                self._watch.lost = False
                self._watch.take()
                rows, lines, fields, counts = {}, [], {}, set()
                self.ring.clear()
                self._reach = [self.event_seq + 1, self.log_seq]
                data, row, log_seq = await self.snapshot(anew=True)
                for listener in self.listeners:
                    listener.log_floor = max(listener.log_floor, log_seq)
                    listener.put(frame("resync", {"reason": "gap"}, self.cursor))
                    listener.put(data)
                terminal = row["state"] >= State.SUCCESS
            for event in self._watch.take():
                match event.get("kind"):
                    case "execution":
                        fields |= {
                            "id": self.execution,
                            **{k: v for k, v in (event.get("row") or {}).items() if v is not None},
                        }
                        if event.get("state"):
                            fields["state"] = event["state"]
                        self._advance(event)
                        state = fields.get("state")
                        if isinstance(state, int):
                            fields["state"] = state = State(state).name
                        terminal = bool(state) and State[state].terminal
                    case "taskruns removed":
                        self._watch.lost = True  # rows went: everybody reads anew
                    case "taskrun":
                        self._advance(event)
                        for one in event.get("rows") or ():
                            if self._shown(one, counts):
                                rows[one["id"]] = one
                    case "log" if self.level is not None:
                        floor = LEVELS.get(self.level, 0)
                        brought = event.get("lines") or []
                        if brought and brought[0]["no"] > self.log_no + 1:
                            lines += await self._stored(brought[0]["no"] - 1)
                        for line in brought:
                            if line["no"] > self.log_no and line["seq"] > self.log_seq:
                                self.log_no = line["no"]
                                if LEVELS.get(line["level"], 2) >= floor:
                                    lines.append(line)
            now = time.monotonic()
            if look_again is not None and now >= look_again:
                look_again = None
                lines += await self._stored()
            if terminal and not lines:
                lines += await self._stored()
            # What happened before the execution changed is told before it.
            send_rows = bool(rows) and (bool(fields) or now - last["rows"] >= ROW_SECONDS)
            send_counts = bool(counts) and now - last["counts"] >= COUNT_SECONDS
            if (send_rows or not rows) and (send_counts or not counts):
                self.event_seq = self._heard
            if send_rows:
                self.publish("taskrun", {"rows": list(rows.values())})
                rows, last["rows"] = {}, now
            if fields:
                self.publish("execution", fields)
                fields = {}
            if lines and now - last["lines"] >= LOG_SECONDS:
                while lines:
                    batch, lines = lines[:LINES], lines[LINES:]
                    self.total += len(batch)
                    self.log_seq = max(self.log_seq, max(line["seq"] for line in batch))
                    self.publish("log", {"lines": batch, "total": self.total})
                last["lines"] = now
            if send_counts:
                self.publish("counts", {"parents": {p: dict(self._counts.get(p, {})) for p in counts}})
                counts, last["counts"] = set(), now
            if terminal and not (rows or lines or counts) and await self._over():
                return

    def _advance(self, event: dict[str, Any]) -> None:
        seq = event.get("seq")
        if isinstance(seq, int):
            self._heard = max(self._heard, seq)

    def _shown(self, row: dict[str, Any], counts: set[str]) -> bool:
        above, state = row.get("parent") or "", str(row.get("state"))
        if not self.large:
            self._known[row["id"]] = (above, state)
            if len(self._known) > taskruns.SMALL * 2:
                self.large = True
            return True
        before = self._known.get(row["id"])
        self._known[row["id"]] = (above, state)
        if above and (before is None or before[1] != state):
            counter = self._counts.setdefault(above, Counter())
            if before is not None:
                counter[before[1]] -= 1
                if counter[before[1]] <= 0:
                    del counter[before[1]]
            counter[state] += 1
            counts.add(above)
        return not above or above in self.parents

    async def _over(self) -> bool:
        row = await self.backend.read(execution_queries.get, self.caller.tenant, self.execution)
        if row is not None and (row["state"] < State.SUCCESS or row["open_count"] > 0):
            return False
        # Lines of the last attempt may still be on their way to the log.
        if await self._watch.wait(0.3) and not self._watch.closed:
            return False
        data = {"reason": "terminal", **({"state": State(row["state"]).name} if row is not None else {})}
        self.finished = frame("end", data, self.cursor)
        for listener in list(self.listeners):
            self.rooms.finish(listener, self.finished)
        self.rooms.close(self)
        return True

    def stop(self) -> None:
        """Stop reading."""
        self._watch.close()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()


class Rooms:
    """All rooms of this process, and its limits."""

    def __init__(self, backend: Backend, hub: Hub) -> None:
        self.backend = backend
        self.hub = hub
        self.topics = Topics(hub)
        self._rooms: dict[tuple[str, str, str | None, frozenset[str]], Room] = {}
        self._users: Counter[str] = Counter()
        self._of: dict[Listener, tuple[Room | None, bool]] = {}

    async def open(
        self,
        caller: Caller,
        execution: str | None,
        level: str | None,
        parents: frozenset[str],
        topics: list[str],
        since: str | None,
    ) -> Listener:
        """A connection's listener, its first frames queued. `TooMany`, `NotFound`."""
        if self._users[caller.username] >= PER_USER or len(self._of) >= PER_SERVER:
            raise TooMany("too many open streams", retry_after=5)
        listener = Listener(caller)
        room = None
        if execution:
            await self._exists(caller, execution)
            key = (caller.tenant, execution, level, parents)
            room = self._rooms.get(key)
            if room is None:
                room = self._rooms[key] = Room(self, caller, execution, level, parents)
            try:
                replayed = room.replay(since) if since else None
                if replayed is not None and since:
                    listener.frames.extend(replayed)
                    listener.log_floor = int(since.rpartition("-")[2])
                    room.listeners.add(listener)  # in the same breath: nothing falls between replay and room
                    row = await row_of(self.backend, caller, execution)
                else:
                    held = [frame("resync", {"reason": "gap"})] if since else []
                    listener.joining = []
                    room.listeners.add(listener)  # before the snapshot: nothing falls between
                    data, row, floor = await room.snapshot()
                    listener.admit([*held, data], floor)
            except DomainError:
                room.listeners.discard(listener)
                if not room.listeners:
                    self.close(room)
                raise
            room.listeners.add(listener)
            if row["state"] >= State.SUCCESS and row["open_count"] <= 0:
                end = frame("end", {"reason": "terminal", "state": State(row["state"]).name}, room.cursor)
                room.listeners.discard(listener)
                if not room.listeners:
                    self.close(room)
                room = None
                if not topics:
                    listener.end(end)
                else:
                    listener.put(end)
            else:
                room.start()
        self._users[caller.username] += 1
        self._of[listener] = (room, bool(topics))
        self.topics.add(listener, topics)
        listener.wake.set()
        return listener

    async def _exists(self, caller: Caller, execution: str) -> None:
        deadline = time.monotonic() + 10.0
        with self.hub.watch([execution]) as watch:
            while True:
                try:
                    await row_of(self.backend, caller, execution)
                    return
                except NotFound:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise
                    await watch.wait(min(left, 0.5))
                    watch.take()

    def finish(self, listener: Listener, end: bytes) -> None:
        """The execution of a connection is over; one with topics stays open."""
        entry = self._of.get(listener)
        if entry is not None and entry[1]:
            listener.put(end)
        else:
            listener.end(end)

    def leave(self, listener: Listener) -> None:
        """A connection is gone."""
        entry = self._of.pop(listener, None)
        self.topics.remove(listener)
        if entry is None:
            return
        self._users[listener.caller.username] -= 1
        if self._users[listener.caller.username] <= 0:
            del self._users[listener.caller.username]
        room = entry[0]
        if room is not None:
            room.listeners.discard(listener)
            if not room.listeners:
                self.close(room)

    def close(self, room: Room) -> None:
        """Forget a room."""
        for key, one in list(self._rooms.items()):
            if one is room:
                del self._rooms[key]
        room.stop()

    def session_ended(self, session: str) -> None:
        """Close the streams of a session."""
        for listener in list(self._of):
            if listener.caller.session == session:
                listener.end(frame("end", {"reason": "session"}))

    def stop(self) -> None:
        """Close everything: the server stops."""
        for listener in list(self._of):
            listener.end(frame("end", {"reason": "shutdown"}))
        for room in list(self._rooms.values()):
            self.close(room)
        self.topics.stop()
