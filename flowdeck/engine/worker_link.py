"""A worker's connection to core: results kept until acknowledged, calls, lease (engine notes §2.3, §2.5)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.messages import (
    Ack,
    Answer,
    Call,
    Done,
    Drain,
    Evaluate,
    Heartbeat,
    Hello,
    Kill,
    Poll,
    Run,
    Started,
    decode,
    encode,
)
from flowdeck.model.errors import Unavailable, revive

log = logging.getLogger("flowdeck.worker")

Key = tuple[int, int]
HEARTBEAT = 3.0
RETRY_FIRST, RETRY_LAST = 0.02, 1.0
SPOOL_ABOVE = 64 * 1024 * 1024


class Jobs(Protocol):
    """What carries the jobs out."""

    def run(self, job: Run | Evaluate | Poll) -> None:
        """Start a job."""
        ...

    def kill(self, key: Key) -> None:
        """Stop a job."""
        ...

    def running(self) -> tuple[list[Key], list[Key]]:
        """Jobs that hold a process credit and jobs that hold an async one."""
        ...

    def lease_ended(self) -> None:
        """Core counts this worker as lost: stop everything."""
        ...

    def drain(self) -> None:
        """Take nothing new."""
        ...


class Kept:
    """Results that were not acknowledged; beyond 64 MB they lie in a file."""

    def __init__(self, folder: Path | None = None) -> None:
        self._results: dict[Key, Done | tuple[int, int]] = {}
        self.light: set[Key] = set()
        self._sizes: dict[Key, int] = {}
        self._held = 0
        self._folder = folder
        self._file: Any = None

    def __len__(self) -> int:
        return len(self._results)

    def keys(self) -> list[Key]:
        """Task run and fence of each."""
        return list(self._results)

    def add(self, done: Done, *, light: bool) -> None:
        """Keep a result."""
        key = (done.seq, done.fence)
        size = 300 + (done.outputs_size if done.outputs else 0)
        if light:
            self.light.add(key)
        if self._held + size > SPOOL_ABOVE:
            body = encode([done])[4:]
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - lives as long as the worker
            at = self._file.seek(0, os.SEEK_END)
            self._file.write(body)
            self._results[key] = (at, len(body))
            return
        self._held += size
        self._sizes[key] = size
        self._results[key] = done

    def get(self, key: Key) -> Done | None:
        """A kept result."""
        found = self._results.get(key)
        if isinstance(found, tuple):
            self._file.seek(found[0])
            return decode(self._file.read(found[1]))[0]
        return found

    def drop(self, key: Key) -> None:
        """Forget a result."""
        self._results.pop(key, None)
        self.light.discard(key)
        self._held -= self._sizes.pop(key, 0)
        if not self._results and self._file is not None:
            self._file.truncate(0)


class CoreLink:
    """Connects, says hello, resends, answers; reconnects for ever.

    Args:
        path: of `worker.sock`.
        lease: seconds after which core counts a silent worker as lost; measured on this process's monotonic clock.
    """

    def __init__(
        self,
        path: str,
        jobs: Jobs,
        *,
        group: str,
        process_credits: int,
        async_credits: int,
        lease: float = 45.0,
        spool: Path | None = None,
        on_connected: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self.jobs = jobs
        self.group = group
        self.process_credits = process_credits
        self.async_credits = async_credits
        self.lease = lease
        self.worker = new_worker_id()
        self.kept = Kept(spool)
        self.draining = False
        self._on_connected = on_connected
        self._link: FrameProtocol | None = None
        self._loop = asyncio.get_running_loop()
        self._calls: dict[int, tuple[Call, asyncio.Future[Any]]] = {}
        self._call_id = 0
        self._closed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._beat_sent = time.monotonic()
        self._heard = time.monotonic()
        self.empty = asyncio.Event()

    # -- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and keep connecting."""
        self._task = asyncio.create_task(self._connect())
        self._heartbeat()

    async def stop(self) -> None:
        """Close; what core did not acknowledge is lost with this process."""
        if self._beat:
            self._beat.cancel()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._link:
            self._link.close()
        for _, future in self._calls.values():
            future.cancel()
        await asyncio.sleep(0)

    async def _connect(self) -> None:
        pause = RETRY_FIRST
        while True:
            try:
                _, link = await self._loop.create_unix_connection(
                    lambda: FrameProtocol(self._received, self._lost), self.path
                )
            except OSError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_LAST)
                continue
            pause = RETRY_FIRST
            self._closed.clear()
            self._welcome(link)
            await self._closed.wait()
            log.warning("the connection to core closed; %d results wait for it", len(self.kept))

    def _welcome(self, link: FrameProtocol) -> None:
        self._link = link
        process, light = self.jobs.running()
        kept = self.kept.keys()
        link.send(
            Hello(
                worker=self.worker,
                group=self.group,
                process_credits=self.process_credits,
                async_credits=self.async_credits,
                in_flight=list(dict.fromkeys([*process, *light, *kept])),
                pid=os.getpid(),
                host=os.uname().nodename,
                light=list(dict.fromkeys([*light, *(k for k in kept if k in self.kept.light)])),
            )
        )
        for key in kept:
            if (done := self.kept.get(key)) is not None:
                link.send(done)
        for call, _ in self._calls.values():
            link.send(call)
        self._alive(time.monotonic())
        if self.draining:
            link.send(Heartbeat(self.worker, -1))
        if self._on_connected:
            self._on_connected()

    def _lost(self, link: FrameProtocol) -> None:
        if self._link is link:
            self._link = None
            self._closed.set()

    # -- lease -------------------------------------------------------------------------------------------------

    def _alive(self, sent: float) -> None:
        """Core heard of this worker no earlier than `sent`."""
        self._heard = max(self._heard, sent)

    def _heartbeat(self) -> None:
        now = time.monotonic()
        if now - self._heard > self.lease:
            self._expired(now)
        if self._link is not None:
            self._beat_sent = now
            self.beat()
        self._beat = self._loop.call_later(min(HEARTBEAT, self.lease / 4), self._heartbeat)

    def beat(self) -> None:
        """Tell core at once how much is free."""
        if self._link is not None:
            free = -1 if self.draining else self.process_credits - len(self.jobs.running()[0])
            self._link.send(Heartbeat(self.worker, free))

    def _expired(self, now: float) -> None:
        """Nobody waits for this worker's attempts any more: end them, come back as a new worker."""
        process, light = self.jobs.running()
        if process or light:
            log.warning("the lease ended; %d running attempts are stopped", len(process) + len(light))
        self.jobs.lease_ended()
        self.worker = new_worker_id()
        self._heard = now
        if self._link is not None:
            self._link.abort()

    # -- receiving ---------------------------------------------------------------------------------------------

    def _received(self, link: FrameProtocol, messages: list[Any]) -> None:
        for message in messages:
            match message:
                case Run() | Evaluate() | Poll():
                    self.jobs.run(message)
                case Ack(seq, fence):
                    self.kept.drop((seq, fence))
                    if not self.kept:
                        self.empty.set()
                case Kill(seq, fence):
                    self.jobs.kill((seq, fence))
                case Answer(number, result, error):
                    _, future = self._calls.pop(number, (None, None))
                    if future is not None and not future.done():
                        if error is not None:
                            future.set_exception(revive(*error))
                        else:
                            future.set_result(result)
                case Heartbeat():
                    self._alive(self._beat_sent)
                case Drain():
                    self.jobs.drain()

    # -- sending -----------------------------------------------------------------------------------------------

    def started(self, message: Started) -> None:
        """Report a start; a lost one is made up for by `Done`."""
        if self._link is not None:
            self._link.send(message)

    def done(self, message: Done, *, light: bool) -> None:
        """Report an end, again after each reconnection until it is acknowledged."""
        self.kept.add(message, light=light)
        self.empty.clear()
        if self._link is not None:
            self._link.send(message)

    async def call(self, name: str, args: dict[str, Any], *, seq: int = 0, fence: int = 0, no: int = 0) -> Any:
        """Ask core; survives a reconnection (a repeated write is known by task run, fence and number).

        Raises the `DomainError` that core answered, `Unavailable` after 60 seconds without answer.
        """
        self._call_id += 1
        message = Call(self._call_id, name, args, seq, fence, no)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls[message.id] = (message, future)
        if self._link is not None:
            self._link.send(message)
        try:
            async with asyncio.timeout(60):
                return await future
        except TimeoutError:
            raise Unavailable(f"core did not answer '{name}'", retry_after=5) from None
        finally:
            self._calls.pop(message.id, None)

    def cut(self) -> None:
        """Drop the connection (tests)."""
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.abort()


def new_worker_id() -> str:
    """A random id: one per process start and per ended lease."""
    return secrets.token_hex(11)
