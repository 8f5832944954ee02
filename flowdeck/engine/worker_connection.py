"""A connection of a worker to one executor: kept up for ever, heard of every few seconds (engine notes §2.3, §2.5)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any, Protocol

from flowdeck.engine.executors import Address, Doors
from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.messages import Heartbeat
from flowdeck.model.liveness import ServiceState

log = logging.getLogger("flowdeck.worker")

RETRY_FIRST, RETRY_LAST = 0.02, 1.0


class Owner(Protocol):
    """What a connection tells (`worker_link.CoreLink`)."""

    def welcome(self, connection: Connection) -> None:
        """The connection stands: say hello."""
        ...

    def received(self, connection: Connection, messages: list[Any]) -> None:
        """Messages have come."""
        ...

    def parted(self, connection: Connection) -> None:
        """The connection is gone."""
        ...


class Connection:
    """Connects to one executor, again and again, until `stop`."""

    def __init__(self, address: Address, doors: Doors, owner: Owner) -> None:
        self.address = address
        self.link: FrameProtocol | None = None
        self.shards: frozenset[int] | None = None
        """What the executor owns; None = it never said, all."""
        self._doors = doors
        self._owner = owner
        self._closed = asyncio.Event()
        self._beat_sent = time.monotonic()
        self.heard = time.monotonic()
        self._task = asyncio.create_task(self._connect())

    async def stop(self) -> None:
        """Close for good."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self.link is not None:
            self.link.close()

    def responsible(self, shard: int) -> bool:
        """Whether reports of a shard may go here."""
        return self.shards is None or shard < 0 or shard in self.shards

    def send(self, message: Any) -> bool:
        """Send; false when there is no connection."""
        if self.link is None:
            return False
        self.link.send(message)
        return True

    def beat(self, worker: str, free: int, state: ServiceState = ServiceState.RUNNING) -> None:
        """Say that the worker lives, or how it has ended."""
        self._beat_sent = time.monotonic()
        self.send(Heartbeat(worker, free, state.value))

    def alive(self, at: float | None = None) -> None:
        """The executor heard of this worker no earlier than `at`, by default the last heartbeat."""
        self.heard = max(self.heard, self._beat_sent if at is None else at)

    def cut(self) -> None:
        """Drop the connection; it is made again."""
        if self.link is not None:
            with contextlib.suppress(OSError):
                self.link.abort()

    async def _connect(self) -> None:
        pause = RETRY_FIRST
        while True:
            try:
                link = await self._doors.open(
                    self.address.worker, "worker", lambda: FrameProtocol(self._received, self._lost)
                )
            except (OSError, ValueError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_LAST)
                continue
            pause = RETRY_FIRST
            self._closed.clear()
            self.link = link
            self.shards = None
            self._owner.welcome(self)
            self.alive(time.monotonic())
            await self._closed.wait()
            self._owner.parted(self)
            if self.address.remote:  # a refused token closes at once
                await asyncio.sleep(RETRY_LAST)

    def _received(self, link: FrameProtocol, messages: list[Any]) -> None:
        if self.link is link:
            self._owner.received(self, messages)

    def _lost(self, link: FrameProtocol) -> None:
        if self.link is link:
            self.link = None
            self._closed.set()
