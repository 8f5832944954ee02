"""A worker's connections to the executors: credits, results, calls, leases (engine notes §2.3, §2.5, §2.9).

On SQLite there is one executor. On PostgreSQL there are several: each may use all of the worker's credits, what comes
too much waits here; a report goes to the executor that owns its run's shard by now, whoever sent the job.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flowdeck.engine.executors import Address, Doors, one_address
from flowdeck.engine.messages import (
    Ack,
    Answer,
    Call,
    Claim,
    Done,
    Drain,
    Evaluate,
    Heartbeat,
    Hello,
    Kill,
    Poll,
    Run,
    Shards,
    Started,
)
from flowdeck.engine.worker_connection import Connection
from flowdeck.engine.worker_results import Kept, Key
from flowdeck.model.errors import Unavailable, revive
from flowdeck.model.liveness import ServiceState
from flowdeck.model.states import State

__all__ = ["CoreLink", "Jobs", "Kept", "Key", "new_worker_id"]

log = logging.getLogger("flowdeck.worker")

Job = Run | Evaluate | Poll
HEARTBEAT = 3.0
LOOK = 0.5
"""Seconds between looks for new executors."""
CALL_SECONDS = 60.0


class Jobs(Protocol):
    """What carries the jobs out."""

    def run(self, job: Job) -> None:
        """Start a job."""
        ...

    def kill(self, key: Key) -> None:
        """Stop a job."""
        ...

    def running(self) -> tuple[list[Key], list[Key]]:
        """Jobs that hold a process credit and jobs that hold an async one."""
        ...

    def lease_ended(self, keys: Iterable[Key] | None = None) -> None:
        """These jobs (default: all) are counted as lost: stop them without reports."""
        ...

    def drain(self) -> None:
        """Take nothing new."""
        ...


@dataclass(slots=True)
class _Place:
    """Where a job came from, and which executors may take its report."""

    shard: int
    home: Connection
    light: bool


class CoreLink:
    """All connections of a worker.

    Args:
        path: of the one executor's socket, or a function that answers the executors of now.
        lease: seconds after which an executor counts a silent worker as lost; measured on this process's monotonic
            clock, for each executor.
    """

    def __init__(
        self,
        path: str | Callable[[], list[Address]],
        jobs: Jobs,
        *,
        group: str,
        process_credits: int,
        async_credits: int,
        lease: float = 45.0,
        spool: Path | None = None,
        on_connected: Callable[[], None] | None = None,
        doors: Doors | None = None,
    ) -> None:
        self._look = one_address(path, None) if isinstance(path, str) else path
        self._single = isinstance(path, str)
        self.jobs = jobs
        self.group = group
        self.process_credits = process_credits
        self.async_credits = async_credits
        self.lease = lease
        self.worker = new_worker_id()
        self.kept = Kept(spool)
        self.draining = False
        self.end: ServiceState | None = None
        self.empty = asyncio.Event()
        self.connections: dict[str, Connection] = {}
        self._doors = doors or Doors()
        self._on_connected = on_connected
        self._loop = asyncio.get_running_loop()
        self._places: dict[Key, _Place] = {}
        self._busy: set[Key] = set()  # running jobs that hold a process credit
        self._waiting: deque[Job] = deque()  # jobs beyond the credits
        self._calls: dict[int, tuple[Call, asyncio.Future[Any], Connection | None]] = {}
        self._call_id = 0
        self._beat: asyncio.TimerHandle | None = None
        self._searching: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    # -- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and keep connecting."""
        self._search()
        self._heartbeat()

    async def stop(self) -> None:
        """Close; what was not acknowledged is lost with this process."""
        for timer in (self._beat, self._searching):
            if timer:
                timer.cancel()
        await asyncio.gather(*(connection.stop() for connection in self.connections.values()))
        await asyncio.gather(*self._ending, return_exceptions=True)
        for _, future, _ in self._calls.values():
            future.cancel()
        await asyncio.sleep(0)

    def _search(self) -> None:
        """Connect to executors that are new; forget those that are gone."""
        found = {address.name: address for address in self._look()}
        for name, address in found.items():
            if name not in self.connections:
                self.connections[name] = Connection(address, self._doors, self)
        for name in self.connections.keys() - found.keys():
            connection = self.connections[name]
            if connection.link is None:
                del self.connections[name]
                self._orphan(connection)
                ending = asyncio.create_task(connection.stop())
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)
        if not self._single:
            self._searching = self._loop.call_later(LOOK, self._search)

    def _orphan(self, gone: Connection) -> None:
        """An executor has ended for good: jobs for itself are of no use to anybody, runs wait for their next owner."""
        own = [key for key, place in self._places.items() if place.home is gone and place.shard < 0]
        self._forsake(own)

    def _of(self, connection: Connection) -> tuple[list[Key], list[Key]]:
        """Jobs and results that belong to an executor, and those of them that hold an async credit."""
        keys = [key for key, place in self._places.items() if place.home is connection]
        return keys, [key for key in keys if self._places[key].light]

    # -- what connections tell ---------------------------------------------------------------------------------

    def welcome(self, connection: Connection) -> None:
        """Say hello, send kept results and open calls again."""
        keys, light = self._of(connection)
        connection.send(
            Hello(
                worker=self.worker,
                group=self.group,
                process_credits=self.process_credits,
                async_credits=self.async_credits,
                in_flight=keys,
                pid=os.getpid(),
                host=os.uname().nodename,
                light=light,
                shards=[] if self._single else [self._places[key].shard for key in keys],
            )
        )
        self._send_kept(connection, keys)
        self._ask_again()
        if self.draining:
            connection.send(Heartbeat(self.worker, -1, ServiceState.TERMINATING))
        if self._on_connected:
            self._on_connected()

    def parted(self, connection: Connection) -> None:
        """A connection closed: other executors may answer its calls."""
        log.warning("the connection to %s closed; %d results wait", _shown(connection.address), len(self.kept))
        for number, (call, future, asked) in list(self._calls.items()):
            if asked is connection:
                self._calls[number] = (call, future, None)
        self._ask_again()

    def received(self, connection: Connection, messages: list[Any]) -> None:
        """Do what an executor says."""
        for message in messages:
            match message:
                case Run() | Evaluate() | Poll():
                    self._take(connection, message)
                case Ack(seq, fence):
                    self._drop((seq, fence))
                case Kill(seq, fence):
                    self._kill((seq, fence))
                case Answer(number, result, error):
                    _, future, _ = self._calls.pop(number, (None, None, None))
                    if future is not None and not future.done():
                        if error is not None:
                            future.set_exception(revive(*error))
                        else:
                            future.set_result(result)
                case Heartbeat():
                    connection.alive()
                case Shards():
                    self._shards(connection, message)
                case Drain():
                    self.jobs.drain()

    def _shards(self, connection: Connection, message: Shards) -> None:
        """An executor owns these now: it hears what the worker holds of them, and gets the results."""
        before, connection.shards = connection.shards or frozenset(), frozenset(message.owned)
        keys = [
            key
            for key, place in self._places.items()
            if place.shard in connection.shards and (place.home is not connection or place.shard not in before)
        ]
        for key in keys:
            self._places[key].home = connection
        connection.send(
            Claim(
                message.no,
                keys,
                [key for key in keys if self._places[key].light],
                [self._places[key].shard for key in keys],
            )
        )
        self._ask_again()
        # Results that the executor passed over while the shard was on its way to it are sent once more.
        self._send_kept(connection, self._of(connection)[0])

    def _send_kept(self, connection: Connection, keys: Iterable[Key]) -> None:
        wanted, ends = set(keys), self.kept.keys()
        for key in ends:  # in their order: children before the whole
            if key in wanted and (done := self.kept.get(key)) is not None:
                connection.send(done)

    # -- jobs --------------------------------------------------------------------------------------------------

    def _take(self, connection: Connection, job: Job) -> None:
        key = (job.seq, job.fence)
        if key in self._places:
            return
        shard = -1 if isinstance(job, Evaluate) else job.shard
        self._places[key] = _Place(shard, connection, job.light)
        if job.light or len(self._busy) < self.process_credits:
            self._begin(job)
        else:
            self._waiting.append(job)

    def _begin(self, job: Job) -> None:
        if not job.light:
            self._busy.add((job.seq, job.fence))
        self.jobs.run(job)

    def _kill(self, key: Key) -> None:
        waiting = next((job for job in self._waiting if (job.seq, job.fence) == key), None)
        if waiting is None:
            self.jobs.kill(key)
            return
        self._waiting.remove(waiting)
        now = time.time_ns() // 1_000_000
        self.done(Done(seq=key[0], fence=key[1], state=State.KILLED, started=now, ended=now), light=False)

    def _ended(self, key: Key) -> None:
        """A job runs no more: its place is free."""
        self._busy.discard(key)
        while self._waiting and len(self._busy) < self.process_credits:
            self._begin(self._waiting.popleft())

    def _drop(self, key: Key) -> None:
        """The report is taken."""
        self.kept.drop(key)
        self._places.pop(key, None)
        if not self.kept:
            self.empty.set()

    def _forsake(self, keys: Iterable[Key]) -> None:
        """Nobody waits for these any more: end them, forget their results."""
        gone = set(keys)
        if not gone:
            return
        self._waiting = deque(job for job in self._waiting if (job.seq, job.fence) not in gone)
        self.jobs.lease_ended(gone)
        for key in gone:
            self._drop(key)
            self._ended(key)

    # -- lease -------------------------------------------------------------------------------------------------

    def _heartbeat(self) -> None:
        now = time.monotonic()
        for connection in self.connections.values():
            if now - connection.heard >= self.lease:
                self._expired(connection, now)
        known = set(self.connections.values())
        orphans = [
            key
            for key, place in self._places.items()
            if place.home not in known and now - place.home.heard > self.lease and self.kept.get(key) is None
        ]
        self._forsake(orphans)
        self.beat()
        # Not a quarter of a lease late: the executor may give the attempts to somebody else from then on.
        ends = min((one.heard + self.lease - now for one in self.connections.values()), default=self.lease)
        self._beat = self._loop.call_later(min(HEARTBEAT, self.lease / 4, max(ends, 0.0) + 0.005), self._heartbeat)

    def beat(self) -> None:
        """Tell the executors at once how much is free."""
        free = -1 if self.draining else self.process_credits - len(self._busy)
        state = self.end or (ServiceState.TERMINATING if self.draining else ServiceState.RUNNING)
        for connection in self.connections.values():
            connection.beat(self.worker, free, state)

    def broke(self) -> None:
        """This worker ends by a fault of its own: the executors hear it before the farewell."""
        self.end = ServiceState.ERROR
        self.beat()
        self.draining, self.end = True, None
        self.beat()

    def farewell(self, *, forced: bool) -> None:
        """The last word: whether everything had ended by itself."""
        self.end = ServiceState.TERMINATED_FORCED if forced else ServiceState.TERMINATED_GRACEFULLY
        self.beat()

    def _expired(self, connection: Connection, now: float) -> None:
        """An executor waits for its attempts no more: end them; the only one gets to know a new worker."""
        connection.heard = now
        if self._single:
            process, light = self.jobs.running()
            if process or light:
                log.warning("the lease ended; %d running attempts are stopped", len(process) + len(light))
            self._waiting.clear()
            self.jobs.lease_ended()
            self._busy.clear()
            for key in [key for key in self._places if self.kept.get(key) is None]:
                del self._places[key]
            self.worker = new_worker_id()
        else:
            keys = self._of(connection)[0]
            running = [key for key in keys if self.kept.get(key) is None]
            if running:
                log.warning("the lease of %s ended; %d attempts are stopped", _shown(connection.address), len(running))
            self._forsake(running)
        connection.cut()

    # -- sending -----------------------------------------------------------------------------------------------

    def _route(self, key: Key) -> Connection | None:
        """The executor that is to hear of a job; None while there is none."""
        place = self._places.get(key)
        if place is None:
            return self._any()
        home = place.home
        if home.link is not None and home.responsible(place.shard):
            return home
        if place.shard >= 0:
            for connection in self.connections.values():
                if connection.link is not None and connection.shards is not None and place.shard in connection.shards:
                    return connection
        return None

    def _ask_again(self) -> None:
        """Send calls that nobody is about to answer."""
        for number, (call, future, asked) in list(self._calls.items()):
            if asked is None or asked.link is None:
                connection = self._route((call.seq, call.fence))
                self._calls[number] = (call, future, connection)
                if connection is not None:
                    connection.send(call)

    def _any(self) -> Connection | None:
        return next((one for one in self.connections.values() if one.link is not None), None)

    def accompany(self, key: Key, parent: Key) -> None:
        """What is reported of `key` goes where the job `parent` came from."""
        place = self._places.get(parent)
        if place is not None:
            self._places[key] = _Place(place.shard, place.home, True)

    def started(self, message: Started) -> None:
        """Report a start; a lost one is made up for by `Done`."""
        connection = self._route((message.seq, message.fence))
        if connection is not None:
            connection.send(message)

    def done(self, message: Done, *, light: bool) -> None:
        """Report an end, again after each reconnection until it is acknowledged."""
        key = (message.seq, message.fence)
        place = self._places.get(key)
        if place is not None:
            message.shard = place.shard
        self.kept.add(message, light=light)
        self.empty.clear()
        connection = self._route(key)
        if connection is not None:
            connection.send(message)
        self._ended(key)

    async def call(self, name: str, args: dict[str, Any], *, seq: int = 0, fence: int = 0, no: int = 0) -> Any:
        """Ask; survives a reconnection (a repeated write is known by task run, fence and number).

        Raises the `DomainError` that was answered, `Unavailable` after 60 seconds without answer.
        """
        self._call_id += 1
        message = Call(self._call_id, name, args, seq, fence, no)
        future: asyncio.Future[Any] = self._loop.create_future()
        connection = self._route((seq, fence))
        self._calls[message.id] = (message, future, connection)
        if connection is not None:
            connection.send(message)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await future
        except TimeoutError:
            raise Unavailable(f"core did not answer '{name}'", retry_after=5) from None
        finally:
            self._calls.pop(message.id, None)

    def cut(self) -> None:
        """Drop all connections (tests)."""
        for connection in self.connections.values():
            connection.cut()


def _shown(address: Address) -> str:
    return "core" if address.name == "core" else f"executor {address.name}"


def new_worker_id() -> str:
    """A random id: one per process start and per ended lease."""
    return secrets.token_hex(11)
