"""Rows of the components that live; core keeps its own and those of its workers (enterprise and operations F53)."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowdeck.commands import registry
from flowdeck.commands.metadata import change_service
from flowdeck.engine.executor_store import in_maintenance
from flowdeck.engine.messages import Hello
from flowdeck.model.engine import control
from flowdeck.model.ids import make_id
from flowdeck.model.liveness import Restart, ServiceState
from flowdeck.store.driver import Database, StoreError

if TYPE_CHECKING:
    from flowdeck.config import Settings
    from flowdeck.engine.executor import Executor
    from flowdeck.engine.executor_step import ExecutorStep
    from flowdeck.engine.gateway import Gateway

log = logging.getLogger("flowdeck.core")

BEATS_A_TIMEOUT = 4
JITTER = 0.5


@dataclass(frozen=True, slots=True)
class LivenessConfig:
    """`kestra.server.*`; spans in seconds."""

    interval: float = 5.0
    timeout: float = 45.0
    initial_delay: float = 45.0
    heartbeat: float = 3.0
    grace: float = 300.0
    retention: float = 7 * 86400.0
    restart: Restart = Restart.AFTER_TERMINATION_GRACE_PERIOD
    enabled: bool = True

    @classmethod
    def of(cls, settings: Settings) -> LivenessConfig:
        """From an instance's settings."""

        def seconds(name: str) -> float:
            return settings.span(f"kestra.server.{name}").total_seconds()

        told = str(settings.get("kestra.server.worker-task-restart-strategy") or Restart.AFTER_TERMINATION_GRACE_PERIOD)
        restart = Restart(told.strip().upper().replace("-", "_"))  # settings know no other words
        return cls(
            interval=seconds("liveness.interval"),
            timeout=seconds("liveness.timeout"),
            initial_delay=seconds("liveness.initial-delay"),
            heartbeat=seconds("liveness.heartbeat-interval"),
            grace=grace_of(settings),
            retention=seconds("service.purge.retention"),
            restart=restart,
            enabled=settings.get("kestra.server.liveness.enabled") is not False,
        )


def grace_of(settings: Settings) -> float:
    """Seconds that a stopping component has to end its work; the key has an older spelling."""
    older = settings.get("kestra.server.terminate-grace-period")
    name = "terminate-grace-period" if older is not None else "termination-grace-period"
    return settings.span(f"kestra.server.{name}").total_seconds()


class Services:
    """Writes the rows and judges those that fell silent.

    Args:
        own: kinds of components that this process is, when it keeps no lease for them.
        leader: whether this process judges; one of several does.
        leased: the row that keeps this process's lease, whose heartbeats are its renewals (PostgreSQL).
    """

    def __init__(
        self,
        executor: Executor,
        gateway: Gateway,
        config: LivenessConfig,
        own: Iterable[str],
        leader: Callable[[], bool],
        leased: str | None = None,
    ) -> None:
        self._executor = executor
        self._gateway = gateway
        self.config = config
        self._leader = leader
        self._host = socket.gethostname()
        now = time.time_ns() // 1_000_000
        tail = random.SystemRandom().getrandbits
        self._own = {make_id(now, tail(60)): (kind, now) for kind in own}
        self._spoken = 0.0
        self._leased = leased
        self._maintaining = False

    # ── what workers do ─────────────────────────────────────────────────────────────────────────────────────────

    def hello(self, hello: Hello) -> None:
        """A worker has connected."""
        args = {"id": hello.worker, "kind": "WORKER", "host": hello.host or self._host, "state": "RUNNING"}
        self._do("service.heartbeat", {**args, "detail": _detail(hello), "connected": True})

    def changed(self, worker: str, state: ServiceState) -> None:
        """A worker has changed its state, or is counted as lost."""
        self._do("service.state", {"id": worker, "state": state.value})

    # ── rounds ──────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """The rows of this process."""
        for id, (kind, started) in self._own.items():
            self._say(id, kind, self._host, ServiceState.CREATED, {"pid": os.getpid()}, started)
            self._say(id, kind, self._host, ServiceState.RUNNING, {"pid": os.getpid()}, started)

    async def run(self) -> None:
        """Speak for all that is alive here, and judge the silent ones, for ever."""
        self.start()
        while True:
            await asyncio.sleep(self.config.interval + random.random() * JITTER)
            self.round()

    def round(self) -> None:
        """One look at everybody."""
        now = time.monotonic()
        self._executor.call(self._maintain)
        if now - self._spoken >= max(self.config.heartbeat, self.config.timeout / BEATS_A_TIMEOUT):
            self._spoken = now
            for id, (kind, started) in self._own.items():
                self._say(id, kind, self._host, ServiceState.RUNNING, {"pid": os.getpid()}, started)
            for record in list(self._gateway.workers.values()):
                hello = record.hello
                self._say(record.id, "WORKER", hello.host or self._host, record.state, _detail(hello))
        if self.config.enabled and self._leader():
            self._do(
                "service.check",
                {
                    "timeout": int(self.config.timeout * 1000),
                    "initial_delay": int(self.config.initial_delay * 1000),
                    "grace": int(self.config.grace * 1000),
                    "retention": int(self.config.retention * 1000),
                },
            )

    def _maintain(self, step: ExecutorStep) -> None:
        """The flag of the maintenance is read at each look; all rows tell of its change at once."""
        on = in_maintenance(step.tx)
        control.maintain(step.world, on)
        if on is not self._maintaining:
            self._maintaining, self._spoken = on, 0.0
            if self._leased is not None:
                state = ServiceState.MAINTENANCE if on else ServiceState.RUNNING
                change_service(step.tx, {"id": self._leased, "state": state})
            log.info("maintenance: %s", "nothing new starts, what runs goes on" if on else "over")

    def stop(self) -> None:
        """This process ends by itself: its last words go with the last step."""
        for id in self._own:
            for state in (ServiceState.TERMINATING, ServiceState.TERMINATED_GRACEFULLY):
                self._do("service.state", {"id": id, "state": state.value})

    def broke(self, database: Database) -> None:
        """This process ends by a fault, its executor has ended: its rows say so as far as they can be written."""
        try:
            writer = database.writer()
            try:
                with writer.transaction() as tx:
                    for id in self._own:
                        change_service(tx, {"id": id, "state": ServiceState.ERROR})
            finally:
                writer.close()
        except StoreError as error:
            log.warning("the fault can't be noted in the list of services: %s", str(error).splitlines()[:1])

    # ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _say(
        self,
        id: str,
        kind: str,
        host: str,
        state: ServiceState,
        detail: Mapping[str, Any],
        started: int | None = None,
    ) -> None:
        args: dict[str, Any] = {"id": id, "kind": kind, "host": host, "state": state.value, "detail": dict(detail)}
        if started is not None:
            args["started"] = started
        self._do("service.heartbeat", args)

    def _do(self, name: str, args: dict[str, Any]) -> None:
        def work(step: ExecutorStep) -> None:
            registry.carry_out(step.tx, name, args)

        self._executor.call(work)


def _detail(hello: Hello) -> dict[str, Any]:
    return {
        "pid": hello.pid,
        "group": hello.group,
        "process": hello.process_credits,
        "async": hello.async_credits,
    }
