"""Core's side of the workers: credits, ready queue, leases, calls (engine notes §2.3, §2.5, §2.6).

All methods are called in the loop's thread. The executor dispatches only after its commit; a credit comes back when
it acknowledges the result, never at `done`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
import struct
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec import structs

from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.limbo import Limbo, runs
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
from flowdeck.model.liveness import Restart, ServiceState
from flowdeck.model.states import State

log = logging.getLogger("flowdeck.gateway")

Key = tuple[int, int]
Job = Run | Evaluate | Poll
Reply = Callable[[Any, tuple[str, str, dict[str, Any]] | None], None]
"""`reply(result, error)` answers a call; may be used once, from the loop's thread."""

LEASE = 45.0
ENDED_CHECK = 0.1
"""Seconds between looks at the process of a worker whose connection closed."""
GRACE = 10.0


class Reads(Protocol):
    """Answers calls that only read, away from the loop (`engine.calls.CallReader`)."""

    def handles(self, name: str) -> bool:
        """Whether this name is a read."""
        ...

    def submit(self, call: Call, reply: Reply) -> None:
        """Answer later; `reply` is called in the loop's thread."""
        ...


@dataclass(slots=True, eq=False)
class WorkerRecord:
    """What the gateway knows of one worker."""

    id: str
    group: str
    process_total: int
    async_total: int
    link: FrameProtocol | None
    heard: float
    hello: Hello
    process: dict[Key, Job | None] = field(default_factory=dict)  # in flight, by class
    light: dict[Key, Job | None] = field(default_factory=dict)
    draining: bool = False
    grace: asyncio.TimerHandle | None = None
    pid: int = 0  # when this process can see it, else 0
    gone_at: float = 0.0
    state: ServiceState = ServiceState.RUNNING
    claimed: dict[Key, int] = field(default_factory=dict)  # shards of runs that an earlier executor sent

    @property
    def in_flight(self) -> list[Key]:
        """All that holds a credit."""
        return [*self.process, *self.light]


class ReadyQueue:
    """Jobs that wait for a credit, round-robin over executions."""

    def __init__(self) -> None:
        self._by_execution: OrderedDict[int, deque[Job]] = OrderedDict()
        self.keys: dict[Key, Job] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def push(self, job: Job) -> None:
        """Add at the end of its execution's turn."""
        execution = job.execution_seq if isinstance(job, Run) else 0
        self.keys[(job.seq, job.fence)] = job
        self._by_execution.setdefault(execution, deque()).append(job)

    def pop(self) -> Job | None:
        """The next job, each execution in turn; None when empty."""
        while self._by_execution:
            execution, jobs = next(iter(self._by_execution.items()))
            while jobs:
                job = jobs.popleft()
                if self.keys.get((job.seq, job.fence)) is job:
                    del self.keys[(job.seq, job.fence)]
                    if jobs:
                        self._by_execution.move_to_end(execution)
                    else:
                        del self._by_execution[execution]
                    return job
            del self._by_execution[execution]
        return None

    def discard(self, key: Key) -> Job | None:
        """Take a job out; its place is passed over later."""
        return self.keys.pop(key, None)


class Gateway:
    """Feeds workers and hands their reports to the executor.

    Args:
        on_started: a worker's `Started`.
        on_done: a worker's `Done` and its id ('' when a job was killed before it was sent).
        on_hello: a worker connected; its in-flight pairs are what it still runs or keeps results of.
        on_lost: a worker's lease or reconnection time ended; the pairs it held.
        on_call: a call that is no read (a command of the closed list).
        reads: answers reads; without it all calls go to `on_call`.
        owns: whether this executor owns a shard (PostgreSQL); None = there is one executor. Reports and claims of
            other shards are passed over: the worker repeats them to the owner.
        on_claim: a worker has answered `announce`, with what it holds of the new shards.
        on_state: a worker said, or its silence says, that its state has changed.
        lease: seconds without a word after which a worker is lost, on this process's monotonic clock.
        grace: seconds that a disconnected worker has to come back.
        restart: when jobs of a lost worker are handed to `on_lost`; at once in any case if its process has ended.
        patience: seconds that a lost worker has to end, with `AFTER_TERMINATION_GRACE_PERIOD`.
    """

    def __init__(
        self,
        *,
        on_started: Callable[[Started], None],
        on_done: Callable[[Done, str], None],
        on_hello: Callable[[Hello], None],
        on_lost: Callable[[str, list[Key]], None],
        on_call: Callable[[Call, str, Reply], None],
        reads: Reads | None = None,
        owns: Callable[[int], bool] | None = None,
        on_claim: Callable[[str, int, list[Key]], None] = lambda worker, no, keys: None,
        on_state: Callable[[str, ServiceState], None] = lambda worker, state: None,
        lease: float = LEASE,
        grace: float = GRACE,
        restart: Restart = Restart.IMMEDIATELY,
        patience: float = 0.0,
    ) -> None:
        self.on_started = on_started
        self.on_done = on_done
        self.on_hello = on_hello
        self.on_lost = on_lost
        self.on_call = on_call
        self.reads = reads
        # Whether a result can't be acknowledged yet: it comes again when its lines are stored.
        self.keeps: Callable[[int, int], bool] | None = None
        self.owns = owns
        self.on_claim = on_claim
        self.on_state = on_state
        self.restart = restart
        self.patience = patience
        self.limbo = Limbo(self._give_up)
        self._shards = Shards(0, [])
        self.lease = lease
        self.grace = min(lease, grace)
        self.workers: dict[str, WorkerRecord] = {}
        self._holder: dict[Key, WorkerRecord] = {}
        self._ready: dict[str, tuple[ReadyQueue, ReadyQueue]] = {}  # by worker group: async, process
        self._kills: set[Key] = set()
        self._pump_scheduled = False
        self._server: asyncio.AbstractServer | None = None
        self._links: set[FrameProtocol] = set()
        self._loop = asyncio.get_running_loop()
        self._watch: asyncio.TimerHandle | None = None

    # -- life --------------------------------------------------------------------------------------------------

    async def start(self, path: str | os.PathLike[str]) -> None:
        """Listen on a unix socket (mode 0600); a left-over socket file is replaced."""
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(os.stat(path).st_mode):
                os.unlink(path)
        self._server = await self._loop.create_unix_server(self.protocol, os.fspath(path), backlog=64)
        os.chmod(path, 0o600)

    def protocol(self) -> FrameProtocol:
        """The server's end of a new connection; tests attach it to transports of their own."""
        link = FrameProtocol(self._received, self._closed, self._links.add)
        # The acknowledgement of a result and the job that follows from it leave in one frame.
        link.before_flush = self._pump
        return link

    async def close(self) -> None:
        """Stop listening and drop the connections; workers keep what they hold and come back."""
        if self._watch:
            self._watch.cancel()
        for record in self.workers.values():
            if record.grace:
                record.grace.cancel()
        self.limbo.close()
        if self._server:
            self._server.close()
        for link in list(self._links):
            link.close()
        await asyncio.sleep(0)

    def drain(self) -> None:
        """Ask all workers to take nothing new."""
        for record in self.workers.values():
            if record.link:
                record.link.send(Drain())

    # -- what the executor says --------------------------------------------------------------------------------

    def dispatch(self, job: Job, *, process: bool) -> None:
        """Hand a job to the next free worker; `process` says which class of credit it needs."""
        job.light = not process
        group = "" if isinstance(job, Evaluate) else job.group
        queues = self._ready.get(group)
        if queues is None:
            queues = self._ready[group] = (ReadyQueue(), ReadyQueue())
        queues[process].push(job)
        self._pump_soon()

    def kill(self, seq: int, fence: int) -> None:
        """Stop an attempt. One that was not sent yet is reported KILLED at once."""
        key = (seq, fence)
        for queue in self._queues():
            if queue.discard(key):
                self._loop.call_soon(
                    self.on_done, Done(seq=seq, fence=fence, state=State.KILLED, started=0, ended=0), ""
                )
                return
        if self.limbo.take(key):  # its worker is silent and has stopped it by its own clock
            killed = Done(seq=seq, fence=fence, state=State.KILLED, started=0, ended=0)
            self._loop.call_soon(self.on_done, killed, "")
            return
        self._kills.add(key)
        record = self._holder.get(key)
        if record and record.link:
            record.link.send(Kill(seq, fence))

    def ack(self, seq: int, fence: int) -> None:
        """The result was committed: the worker forgets it, its credit is free."""
        if self.keeps is not None and self.keeps(seq, fence):
            return
        key = (seq, fence)
        self._kills.discard(key)
        self.limbo.take(key)
        record = self._holder.pop(key, None)
        if record is None:
            return
        if record.process.pop(key, record) is record:
            record.light.pop(key, None)
        record.claimed.pop(key, None)
        if record.link:
            record.link.send(Ack(seq, fence))
        if any(self._queues()):
            self._pump_soon()

    def announce(self, owned: Iterable[int]) -> int:
        """Tell all workers which shards this executor owns now; answers the number that their `Claim` repeats."""
        self._shards = Shards(self._shards.no + 1, sorted(owned))
        for record in self.workers.values():
            if record.link:
                record.link.send(self._shards)
        return self._shards.no

    def release(self, shards: Iterable[int]) -> None:
        """Forget the runs of shards that another executor goes on with; nothing is killed or acknowledged."""
        gone = frozenset(shards)
        self.limbo.release(gone)
        for queue in self._queues():
            for key, job in list(queue.keys.items()):
                if isinstance(job, Run | Poll) and job.shard in gone:
                    queue.discard(key)
        for record in self.workers.values():
            for held in (record.process, record.light):
                for key, job in list(held.items()):
                    shard = record.claimed.get(key, -1) if job is None else getattr(job, "shard", -1)
                    if shard in gone:
                        del held[key]
                        record.claimed.pop(key, None)
                        self._holder.pop(key, None)
                        self._kills.discard(key)
        self._pump_soon()

    def terminated(self, worker: str) -> None:
        """The supervisor saw the worker's end: no need to wait for it."""
        record = self.workers.get(worker)
        if record:
            self._lose(record, ended=True)

    def queued(self) -> int:
        """Jobs that wait for a credit."""
        return sum(len(queue) for queue in self._queues())

    def waiting(self) -> dict[str, int]:
        """How many jobs wait for a credit, by worker group; may be asked by any thread."""
        return {group: sum(len(queue) for queue in queues) for group, queues in list(self._ready.items())}

    def waiting_jobs(self, most: int) -> list[Job]:
        """Jobs that wait for a credit; may be asked by any thread."""
        found: list[Job] = []
        for queues in list(self._ready.values()):
            for queue in queues:
                found += list(queue.keys.values())[: most - len(found)]
        return found

    def _queues(self) -> Iterator[ReadyQueue]:
        for queues in self._ready.values():
            yield from queues

    # -- sending -----------------------------------------------------------------------------------------------

    def _pump_soon(self) -> None:
        if not self._pump_scheduled:
            self._pump_scheduled = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        if not self._pump_scheduled:
            return
        self._pump_scheduled = False
        for group, queues in self._ready.items():
            for process in (False, True):
                queue = queues[process]
                while len(queue):
                    record = self._freest(process, group)
                    if record is None or record.link is None:
                        break
                    job = queue.pop()
                    if job is None:
                        break
                    key = (job.seq, job.fence)
                    (record.process if process else record.light)[key] = job
                    self._holder[key] = record
                    record.link.send(job)

    def _freest(self, process: bool, group: str) -> WorkerRecord | None:
        best, most = None, 0
        for record in self.workers.values():
            if record.link is None or record.draining or record.group != group:
                continue
            free = record.process_total - len(record.process) if process else record.async_total - len(record.light)
            if free > most:
                best, most = record, free
        return best

    # -- receiving ---------------------------------------------------------------------------------------------

    def _received(self, link: FrameProtocol, messages: list[Any]) -> None:
        record: WorkerRecord | None = link.peer
        if record:
            record.heard = self._loop.time()
        for message in messages:
            if type(message) is Done and record:
                if self.owns is None or message.shard < 0 or self.owns(message.shard):
                    self._holder.setdefault((message.seq, message.fence), record)  # a child of a job is not known here
                    self.on_done(message, record.id)
            elif type(message) is Started and record:
                self.on_started(message)
            elif type(message) is Hello:
                record = self._hello(link, message)
            elif type(message) is Heartbeat and record:
                record.draining = message.free < 0
                self._told(record, ServiceState(message.state))
                link.send(message)
            elif type(message) is Call and record:
                self._call(link, message, record)
            elif type(message) is Claim and record:
                self._claim(record, message)
            else:
                log.warning("worker connection sent %s before hello or out of place", type(message).__name__)
                link.abort()
                return

    def _told(self, record: WorkerRecord, state: ServiceState) -> None:
        if state is not record.state:
            record.state = state
            self.on_state(record.id, state)

    def _call(self, link: FrameProtocol, call: Call, record: WorkerRecord) -> None:
        def reply(result: Any, error: tuple[str, str, dict[str, Any]] | None = None) -> None:
            link.send(Answer(call.id, result, error))

        if self.reads is not None and self.reads.handles(call.name):
            self.reads.submit(call, reply)
        else:
            self.on_call(call, record.id, reply)

    def _claim(self, record: WorkerRecord, claim: Claim) -> None:
        """Runs of shards that this executor has taken over: they hold credits here from now on."""
        light = set(claim.light)
        keys: list[Key] = []
        for key, shard in zip(claim.in_flight, claim.shards, strict=False):
            key = (key[0], key[1])
            if self.owns is not None and not self.owns(shard):
                continue
            keys.append(key)
            if key in self._holder:
                continue
            (record.light if key in light else record.process)[key] = None
            record.claimed[key] = shard
            self._holder[key] = record
            if key in self._kills and record.link:
                record.link.send(Kill(*key))
        self.on_claim(record.id, claim.no, keys)

    def _owned(self, hello: Hello) -> Hello:
        """The hello with this executor's runs alone."""
        if self.owns is None or not hello.shards:
            return hello
        kept = [
            (key, shard)
            for key, shard in zip(hello.in_flight, hello.shards, strict=False)
            if shard < 0 or self.owns(shard)
        ]
        return structs.replace(hello, in_flight=[key for key, _ in kept], shards=[shard for _, shard in kept])

    def _hello(self, link: FrameProtocol, hello: Hello) -> WorkerRecord:
        hello = self._owned(hello)
        known = self.workers.get(hello.worker)
        if known:
            if known.grace:
                known.grace.cancel()
            if known.link and known.link is not link:
                known.link.peer = None
                known.link.abort()
        claimed = {(seq, fence) for seq, fence in hello.in_flight}
        light = {(seq, fence) for seq, fence in hello.light} & claimed
        record = WorkerRecord(
            hello.worker, hello.group, hello.process_credits, hello.async_credits, link, self._loop.time(), hello
        )
        record.process = dict.fromkeys(claimed - light)
        record.light = dict.fromkeys(light)
        if hello.shards:
            pairs = zip(hello.in_flight, hello.shards, strict=False)
            record.claimed = {(key[0], key[1]): shard for key, shard in pairs}
        vanished: list[tuple[Job, bool]] = []
        if known:
            # Jobs that were on their way when the connection broke and never arrived are sent again.
            for process, held in ((True, known.process), (False, known.light)):
                for key, job in held.items():
                    if key not in claimed:
                        self._holder.pop(key, None)
                        if job is not None:
                            vanished.append((job, process))
        self.workers[hello.worker] = record
        link.peer = record
        record.pid = _visible_pid(link, hello.pid)
        for key in claimed:
            self._holder[key] = record
            if key in self._kills:
                link.send(Kill(*key))
        if self.owns is not None:
            link.send(self._shards)
        self.on_hello(hello)
        self.limbo.returned(record.id, hello.host, hello.pid, claimed)
        for job, process in vanished:
            if (job.seq, job.fence) in self._kills:
                self._kills.discard((job.seq, job.fence))
                self.on_done(Done(seq=job.seq, fence=job.fence, state=State.KILLED, started=0, ended=0), "")
            else:
                self.dispatch(job, process=process)
        if self._watch is None:
            self._watch = self._loop.call_later(self.lease / 4, self._look)
        self._pump_soon()
        return record

    def _closed(self, link: FrameProtocol) -> None:
        self._links.discard(link)
        record: WorkerRecord | None = link.peer
        if record is None or record.link is not link:
            return
        record.link = None
        record.gone_at = self._loop.time()
        self._wait_for(record)

    def _wait_for(self, record: WorkerRecord) -> None:
        """A closed socket is no dead worker: wait for it, unless its process is seen to have ended."""
        left = self.grace - (self._loop.time() - record.gone_at)
        ended = record.state.ended or bool(record.pid and not runs(record.pid))
        if left <= 0 or ended:
            self._lose(record, ended=ended)
        else:
            record.grace = self._loop.call_later(min(left + 0.001, ENDED_CHECK), self._wait_for, record)

    def _look(self) -> None:
        """Find workers that keep their socket open and say nothing (stopped, paused machine)."""
        self._watch = None
        now = self._loop.time()
        for record in list(self.workers.values()):
            if now - record.heard > self.lease:
                self._lose(record)
        if self.workers:
            self._watch = self._loop.call_later(self.lease / 4, self._look)

    def _give_up(self, worker: str, keys: list[Key]) -> None:
        """A silent worker will not come back with these."""
        self.on_state(worker, ServiceState.NOT_RUNNING)
        self.on_lost(worker, keys)

    def _lose(self, record: WorkerRecord, *, ended: bool = False) -> None:
        if self.workers.get(record.id) is not record:
            return
        del self.workers[record.id]
        if record.grace:
            record.grace.cancel()
        if record.link:
            record.link.peer = None
            record.link.abort()
            record.link = None
        held = record.in_flight
        jobs = {**record.process, **record.light}
        for key in held:
            self._holder.pop(key, None)
            self._kills.discard(key)
        if held:
            log.warning("worker %s is lost with %d attempts in flight", record.id, len(held))
        else:
            log.info("worker %s is gone", record.id)
        if not record.state.ended:
            self.on_state(record.id, ServiceState.DISCONNECTED)
        if ended and not record.state.ended:
            self.on_state(record.id, ServiceState.NOT_RUNNING)
        kept: dict[Key, int] = {}
        if self.restart is Restart.NEVER or (self.restart is Restart.AFTER_TERMINATION_GRACE_PERIOD and not ended):
            for key in held:
                if key[1] > 0:  # answers to evaluations are waited for: they are asked of another worker
                    kept[key] = record.claimed.get(key, getattr(jobs[key], "shard", -1))
        if kept:
            for_ever = self.restart is Restart.NEVER
            log.warning("%d attempts of worker %s are %s", len(kept), record.id, "left" if for_ever else "waited for")
            hello = record.hello
            self.limbo.keep(record.id, hello.host, hello.pid, record.pid, kept, None if for_ever else self.patience)
        self.on_lost(record.id, [key for key in held if key not in kept])


def _visible_pid(link: FrameProtocol, told: int) -> int:
    """The worker's process id if it is the one that the kernel names: then both live in one process namespace."""
    opened: socket.socket | None = link.transport.get_extra_info("socket") if link.transport else None
    if opened is None or opened.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return 0
    seen = struct.unpack("3i", opened.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    return seen if seen == told else 0
