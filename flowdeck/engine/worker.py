"""The worker process: attempts, scripts and secrets live here and nowhere else (design §1)."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowdeck import expr
from flowdeck.config.variables import RECURSIVE
from flowdeck.engine.executors import Address, Doors, addresses, client_tls
from flowdeck.engine.worker_attempts import Attempts
from flowdeck.engine.worker_contexts import WorkerVariables
from flowdeck.engine.worker_functions import unreadable_secrets
from flowdeck.engine.worker_link import CoreLink
from flowdeck.engine.worker_logs import LogClient
from flowdeck.engine.worker_meter import WorkerMeter
from flowdeck.sdk.context import WorkerFacts
from flowdeck.sdk.http import OBSERVERS, REFUSED_ADDRESSES
from flowdeck.sdk.index import load_catalog
from flowdeck.sdk.process import Guard
from flowdeck.sdk.registry import resolve
from flowdeck.storage.encryption import Cipher, load_key
from flowdeck.storage.local import LocalStorage

if TYPE_CHECKING:
    from flowdeck.config import Settings

log = logging.getLogger("flowdeck.worker")

RENDER_THREADS = 32
FOLDER, LOCK = "flowdeck-worker-", ".lock"


@dataclass(slots=True)
class WorkerOptions:
    """What a worker needs to know; spans in seconds."""

    socket: str | Callable[[], list[Address]]
    logs_socket: str | Callable[[], list[Address]] | None
    storage: LocalStorage
    temp: Path
    key: str | None = None
    previous_keys: tuple[str, ...] = ()
    group: str = ""
    process_credits: int = 8
    async_credits: int = 1000
    lease: float = 45.0
    drain: float = 300.0
    kill_grace: float = 5.0
    recursive: bool = False
    refused_addresses: tuple[str, ...] = REFUSED_ADDRESSES
    variables: WorkerVariables = field(default_factory=WorkerVariables)
    options: dict[str, Any] = field(default_factory=dict)
    doors: Doors = field(default_factory=Doors)

    @classmethod
    def of(cls, settings: Settings) -> WorkerOptions:
        """From an instance's settings."""
        prefix = settings.get("kestra.variables.env-vars-prefix") or "ENV_"
        temp = settings.get("kestra.tasks.tmp-dir.path")
        globals_ = settings.get("kestra.variables.globals") or settings.below("kestra.variables.globals")
        refused = _refused(settings)
        remote = settings.get("flowdeck.cluster.executors") or ()
        look = addresses(settings.home.run, remote) if settings.clustered or remote else None
        return cls(
            socket=look or str(settings.home.socket("worker")),
            logs_socket=look or str(settings.home.socket("logs")),
            doors=Doors(settings.get("flowdeck.cluster.token") or "", client_tls(settings.get("flowdeck.cluster.ca"))),
            storage=LocalStorage(settings.storage_path, sync=settings.durability == "full"),
            temp=Path(temp) if temp else Path(tempfile.gettempdir()),
            key=load_key(settings.home.path, settings.get("kestra.encryption.secret-key")),
            previous_keys=tuple(settings.get("kestra.encryption.previous-keys") or ()),
            group=settings.worker_group,
            process_credits=settings.worker_threads,
            async_credits=settings.get("flowdeck.worker.async-credits") or 1000,
            lease=settings.span("kestra.server.liveness.timeout").total_seconds(),
            drain=settings.span("kestra.server.termination-grace-period").total_seconds(),
            recursive=bool(settings.get(RECURSIVE)),
            refused_addresses=refused,
            variables=WorkerVariables(
                envs={k[len(prefix) :].lower(): v for k, v in os.environ.items() if k.startswith(prefix)},
                globals=globals_,
                kestra={"environment": settings.get("kestra.environment.name"), "url": settings.get("kestra.url")},
            ),
            options={
                "python-cache": str(settings.home.path / "cache" / "python"),
                "refused-addresses": refused,
                "allowed-paths": tuple(settings.get("kestra.local-files.allowed-paths") or ()),
                "message-limit": settings.get("kestra.jdbc.queues.message-protection.limit")
                if settings.get("kestra.jdbc.queues.message-protection.enabled")
                else None,
                "regex-seconds": settings.span("kestra.regex.timeout").total_seconds(),
                "redacted": [
                    os.environ[name]
                    for name in settings.get("kestra.variables.redacted-env-vars") or ()
                    if os.environ.get(name)
                ],
            },
        )


def _refused(settings: Settings) -> tuple[str, ...]:
    """Networks that HTTP may not reach, exceptions marked as `sdk.http.CheckedBackend` reads them."""
    told = settings.get("kestra.http.blocked-cidrs")
    excepted = settings.get("kestra.http.allowed-cidrs") or ()
    return (*(told if told is not None else REFUSED_ADDRESSES), *(f"!{one}" for one in excepted))


class Worker:
    """One worker: connection, log client, attempts."""

    def __init__(self, options: WorkerOptions) -> None:
        self.options = options
        self.temp = options.temp / f"{FOLDER}{os.getpid()}-{secrets.token_hex(4)}"
        self.guard = Guard()
        self.facts = WorkerFacts(
            temp=self.temp,
            storage=options.storage,
            guard=self.guard,
            cryptor=Cipher(options.key, options.previous_keys) if options.key else None,
            options=options.options,
            kill_grace=options.kill_grace,
        )
        self.logs = LogClient(options.logs_socket, options.doors)
        self.attempts = Attempts(
            self.facts,
            self.logs,
            options.variables,
            recursive=options.recursive,
            refused_addresses=options.refused_addresses,
            meter=WorkerMeter(options.group, options.process_credits),
        )
        OBSERVERS.append(self.attempts.meter.called)
        self.attempts.on_drain = self._drain
        self.link = CoreLink(
            options.socket,
            self.attempts,
            group=options.group,
            process_credits=options.process_credits,
            async_credits=options.async_credits,
            lease=options.lease,
            spool=options.temp,
            doors=options.doors,
        )
        self.attempts.link = self.link
        self._lock = -1
        self._draining = asyncio.Event()
        self._stop = asyncio.Event()

    def start(self) -> None:
        """Begin to connect."""
        sweep(self.options.temp)
        new = self.temp.with_name(f".{self.temp.name}")  # nobody sweeps it before it is locked
        new.mkdir(mode=0o700, parents=True)
        self._lock = os.open(new / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        new.rename(self.temp)
        try:
            self.guard.start()
        except OSError as error:
            log.warning("children are not guarded against this worker's sudden end: %s", error)
        self.logs.start()
        self.link.start()

    def _drain(self) -> None:
        self.link.draining = True
        self._draining.set()
        self.attempts.end_listeners()
        self.link.beat()

    def stop(self) -> None:
        """First call: take nothing new and end when idle; second call: end now."""
        if self.link.draining:
            self._stop.set()
        self._drain()

    async def run(self) -> None:
        """Work until `stop`."""
        self.start()
        try:
            await self._draining.wait()
            await self._finish()
        except Exception:
            self.link.broke()
            raise
        finally:
            await self.close()

    async def _finish(self) -> None:
        """Wait for what runs, then for the acknowledgement of its results."""
        stopped = asyncio.create_task(self._stop.wait())
        idle = asyncio.create_task(self._settled())
        await asyncio.wait([stopped, idle], timeout=self.options.drain, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, idle):
            task.cancel()

    async def _settled(self) -> None:
        await self.attempts.idle.wait()
        if len(self.link.kept):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.link.empty.wait(), 5)

    async def close(self) -> None:
        """End what still runs, close the connections, delete working directories."""
        forced = not self.attempts.idle.is_set()
        await self.attempts.stop()
        self.link.farewell(forced=forced)
        await self.logs.stop(3)
        await self.link.stop()
        with contextlib.suppress(ValueError):  # closed before
            OBSERVERS.remove(self.attempts.meter.called)
        self.guard.stop()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        shutil.rmtree(self.temp, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete what workers that were killed left behind: a living one holds the lock of its folder."""
    for left in folder.glob(f"{FOLDER}*"):
        with contextlib.suppress(OSError):
            lock = os.open(left / LOCK, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)


COMMON_TYPES = (
    "io.kestra.plugin.core.log.Log",
    "io.kestra.plugin.scripts.shell.Commands",
    "io.kestra.plugin.scripts.python.Script",
    "io.kestra.plugin.core.http.Request",
)


def warm_up() -> None:
    """Read the catalog and import what most flows use, so that the first attempt does not wait for it."""
    load_catalog()
    for name in COMMON_TYPES:
        try:
            resolve(name)
        except LookupError as error:
            log.warning("%s", error)


async def run_worker(settings: Settings, begun: Callable[[Worker], None] = lambda worker: None) -> None:
    """Run a worker until SIGTERM or SIGINT; the first signal drains, the second ends it.

    `begun` is told the worker before it connects.
    """
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(RENDER_THREADS, thread_name_prefix="render"))
    warm_up()
    for name in unreadable_secrets(os.environ):
        log.warning("the variable %s does not hold base64 text: secret() can't read it", name)
    expr.recurse(bool(settings.get(RECURSIVE)))
    worker = Worker(WorkerOptions.of(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    begun(worker)
    await worker.run()
