"""A web server's row among the components that live (spec: enterprise and operations F53)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import socket
import time

from flowdeck.model.errors import DomainError
from flowdeck.model.ids import make_id
from flowdeck.model.liveness import ServiceState
from flowdeck.services.backend import Core

log = logging.getLogger("flowdeck.web")

LAST_WORDS = 1.0
"""Seconds that a stop may take to be told."""
FAULT_WAIT = 5.0
"""Seconds that the first word of a process may take which ends by a fault before it has begun."""


class Presence:
    """Says every few seconds that this process lives.

    Args:
        every: seconds.
    """

    def __init__(self, core: Core, every: float) -> None:
        self._core = core
        self._every = every
        self._started = time.time_ns() // 1_000_000
        self._id = self._new_id()
        self._task: asyncio.Task[None] | None = None
        self._spoken = False

    def _new_id(self) -> str:
        return make_id(self._started, random.SystemRandom().getrandbits(60))

    def start(self) -> None:
        """Begin to speak."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Say that this process ends."""
        if self._task is not None:
            self._task.cancel()
        with contextlib.suppress(DomainError, OSError, TimeoutError):
            for state in (ServiceState.TERMINATING, ServiceState.TERMINATED_GRACEFULLY):
                args = {"id": self._id, "state": state.value}
                await asyncio.wait_for(self._core.send("service.state", args, timeout=LAST_WORDS), LAST_WORDS)

    async def broke(self) -> None:
        """Say that this process ends by a fault of its own, also when it has never begun to serve."""
        if self._task is not None:
            self._task.cancel()
        with contextlib.suppress(DomainError, OSError, TimeoutError):
            if not self._spoken:
                await asyncio.wait_for(self._say(ServiceState.CREATED), FAULT_WAIT)
            args = {"id": self._id, "state": ServiceState.ERROR.value}
            await asyncio.wait_for(self._core.send("service.state", args, timeout=LAST_WORDS), LAST_WORDS)

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(DomainError, OSError, TimeoutError):
                if await self._say() not in (ServiceState.RUNNING, ServiceState.MAINTENANCE):
                    self._id = self._new_id()  # the others counted this process as dead: nobody comes back
                    await self._say()
            await asyncio.sleep(self._every)

    async def _say(self, state: ServiceState = ServiceState.RUNNING) -> str:
        args = {
            "id": self._id,
            "kind": "WEBSERVER",
            "host": socket.gethostname(),
            "state": state.value,
            "started": self._started,
            "detail": {"pid": os.getpid()},
        }
        told = str(await self._core.send("service.heartbeat", args))
        self._spoken = True
        return told
