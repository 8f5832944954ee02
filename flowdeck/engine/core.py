"""The core process: executor, gateway, command socket, feed, log writer over the one writable connection."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec

from flowdeck import expr
from flowdeck.commands import flows as flow_commands
from flowdeck.commands import registry
from flowdeck.commands.due import configure_recovery
from flowdeck.config.settings import Settings
from flowdeck.config.variables import RECURSIVE, context_variables, instance_defaults
from flowdeck.engine.bus import CommandServer
from flowdeck.engine.calls import CallReader
from flowdeck.engine.core_cluster import Cluster, wait_for
from flowdeck.engine.core_measures import CoreMeasures
from flowdeck.engine.executor import Executor
from flowdeck.engine.feed import FeedHub
from flowdeck.engine.gateway import Gateway
from flowdeck.engine.liveness import LivenessConfig, Services
from flowdeck.engine.lock import InstanceLock
from flowdeck.engine.logwriter import LogWriter
from flowdeck.engine.messages import Call, Done, Hello, Started
from flowdeck.engine.outbox import OutboxConsumer
from flowdeck.engine.plans import PlanStore, parser
from flowdeck.engine.result_lines import ResultLines
from flowdeck.engine.scheduler import Scheduler
from flowdeck.engine.trigger_jobs import is_trigger
from flowdeck.model.catalog import Catalog
from flowdeck.model.engine import Live, Run
from flowdeck.model.liveness import Restart
from flowdeck.sdk.index import load_catalog
from flowdeck.storage.encryption import Cipher, EncryptionError, load_key
from flowdeck.storage.local import LocalStorage
from flowdeck.store.driver import Database, Durability, open_database
from flowdeck.store.log_partitions import SharedLog
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import LogFiles
from flowdeck.store.schema import migrate

log = logging.getLogger("flowdeck.core")

STOP_WAIT = 5.0
"""Seconds that a stop waits for what is queued."""

Extension = Callable[["Core"], Any]
"""Called when the core is wired, before it recovers: the scheduler and flow triggers hook themselves in here."""

EXTENSIONS: list[Extension] = []


class Core:
    """All parts of the core process, wired; `run` lives until `stop`."""

    def __init__(
        self, settings: Settings, database: Database, catalog: Catalog, roles: Iterable[str] = ("executor", "scheduler")
    ) -> None:
        self.settings = settings
        self.database = database
        self.catalog = catalog
        home = settings.home
        defaults = instance_defaults(settings)
        flow_commands.INSTANCE_DEFAULTS[:] = defaults
        configure_recovery(settings.get("kestra.plugins.configurations"))
        self.hub = FeedHub()
        self.cluster = Cluster(settings, database, roles) if database.dialect == "postgresql" else None
        cluster = self.cluster
        self.doors = {name: home.socket(name) for name in ("worker", "logs")} if cluster is None else cluster.doors
        self.log_files = LogFiles(home.logs, None if database.dialect == "sqlite" else database)
        self.log_writer = LogWriter(
            self.log_files,
            self.doors["logs"],
            publish=self.hub.publish_threadsafe if cluster is None else cluster.publish_lines(self.hub),
            followed=(lambda: self.hub.followed) if cluster is None else cluster.followed_lines(self.hub),
        )
        self.reads = CallReader(database, cast(Any, LogStore(home.logs, files=self.log_files)), defaults)
        self.plans = PlanStore(database, parser(catalog, defaults))
        liveness = LivenessConfig.of(settings)
        self.gateway = Gateway(
            on_started=self._started,
            on_done=lambda message, worker: self._done(message, worker),
            on_hello=self._hello,
            on_lost=self._lost,
            on_call=lambda call, worker, reply: self._call(call, worker, reply),
            reads=self.reads,
            owns=None if cluster is None else cluster.owns,
            on_claim=lambda worker, number, keys: self._claim(worker, number, keys),
            on_state=lambda worker, state: self.services.changed(worker, state),
            lease=liveness.timeout,
            restart=liveness.restart,
            patience=liveness.grace,
        )
        sharing = None if cluster is None else cluster.share(self.gateway)
        expr.recurse(bool(settings.get(RECURSIVE)))
        self.executor = Executor(
            database,
            self.plans,
            self.gateway,
            publish=self._publish,
            log_line=self._line,
            needs_process=self._needs_process,
            globals_=context_variables(settings),
            encrypt=_encrypt(settings),
            recursive=bool(settings.get(RECURSIVE)),
            sharing=sharing,
            pools=settings.worker_groups,
            subflow_outputs=_subflow_outputs(settings),
        )
        self.result_lines: ResultLines | None = None
        if self.log_files.single:  # a network away: neither the loop nor a result waits for it
            self.result_lines = ResultLines(self.log_writer, self.gateway.ack)
            self.gateway.keeps, self.executor.lines_stored = self.result_lines.keeps, self.result_lines.stored
            self.reads.lines_stored = self.result_lines.stored
        own = ("EXECUTOR", "SCHEDULER") if cluster is None else ()
        self.broken = False  # it ends by a fault
        leased = None if cluster is None else cluster.leases.id
        self.services = Services(self.executor, self.gateway, liveness, own, lambda: self.leader, leased)
        self.executor.claims.resends = liveness.restart is not Restart.NEVER
        self.scheduler = Scheduler(
            self.executor,
            database,
            encrypt=_encrypt(settings),
            say=self._trigger_line,
        )
        self.commands = CommandServer(home.socket("core"), self.executor.submit, self.hub)
        self.storage = LocalStorage(settings.storage_path)
        self.outbox = OutboxConsumer(database, self.executor, self.storage, self.log_files)
        self.measures = CoreMeasures(self)
        self.tasks: list[asyncio.Task[Any]] = []
        self._process: dict[str, bool] = {}
        self.ready = asyncio.Event()

    # ── between the parts ───────────────────────────────────────────────────────────────────────────────────────

    def _needs_process(self, task_type: str) -> bool:
        known = self._process.get(task_type)
        if known is None:
            spec = self.catalog.find(task_type)
            known = self._process[task_type] = spec is None or spec.process
        return known

    def _started(self, message: Started) -> None:
        holder = self.gateway._holder.get((message.seq, message.fence))
        started = self.scheduler.jobs.on_started if is_trigger(message.seq) else self.executor.on_started
        started(message, holder.id if holder is not None else None)

    def _done(self, message: Done, worker: str) -> None:
        def apply() -> None:
            if is_trigger(message.seq):
                self.scheduler.jobs.on_done(message)
            else:
                self.executor.on_done(message, worker)

        if message.log is None:
            apply()
        elif self.result_lines is None:
            self.log_writer.store(message.log, apply)
        else:
            self.result_lines.take(message)
            apply()

    def _call(self, call: Call, worker: str, reply: Any) -> None:
        if call.name == "trigger.events":
            self.scheduler.jobs.on_events(call, reply)
        else:
            self.executor.on_call(call, worker, reply)

    def _publish(self, events: list[dict[str, Any]]) -> None:
        self.hub.publish(events)
        if any(event.get("change") == "deleted" for event in events):
            self.outbox.wake()

    def _line(self, live: Live, run: Run | None, level: str, text: str, at: int) -> None:
        self.log_writer.write(
            execution_seq=live.seq,
            execution=live.id,
            tenant=live.tenant,
            namespace=live.namespace,
            flow_id=live.flow_id,
            level=level,
            text=text,
            at=at,
            task_run_seq=run.seq if run is not None else 0,
            task_run=run.id if run is not None else "",
            task_id=run.task.id if run is not None else "",
            attempt=0,
        )

    def _trigger_line(self, trigger: tuple[str, str, str, str], text: str) -> None:
        tenant, namespace, flow_id, trigger_id = trigger
        self.log_writer.write(
            execution_seq=0,
            execution="",
            tenant=tenant,
            namespace=namespace,
            flow_id=flow_id,
            trigger_id=trigger_id,
            level="WARN",
            text=text,
        )

    def _hello(self, hello: Hello) -> None:
        evaluations = [pair for pair in hello.in_flight if is_trigger(pair[0])]
        if self.cluster is None:  # else the claim says what a worker holds of this process's triggers
            self.scheduler.jobs.on_hello(hello.worker, evaluations)
        if evaluations:
            attempts = [pair for pair in hello.in_flight if not is_trigger(pair[0])]
            self.executor.on_hello(msgspec.structs.replace(hello, in_flight=attempts))
        else:
            self.executor.on_hello(hello)
        self.services.hello(hello)

    def _claim(self, worker: str, number: int, held: list[tuple[int, int]]) -> None:
        self.scheduler.jobs.on_hello(worker, [pair for pair in held if is_trigger(pair[0])])
        self.executor.on_claim(worker, number, [pair for pair in held if not is_trigger(pair[0])])

    def _lost(self, worker: str, held: list[tuple[int, int]]) -> None:
        self.executor.on_lost(worker, [pair for pair in held if not is_trigger(pair[0])])
        self.scheduler.jobs.on_lost([pair for pair in held if is_trigger(pair[0])])

    @property
    def leader(self) -> bool:
        """Whether this process does what only one of several has to do."""
        return self.cluster is None or self.cluster.sharing.leader

    # ── life ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Open sockets and read open executions; commands are taken from now on."""
        for extension in EXTENSIONS:
            extension(self)
        self.log_writer.start()
        if self.cluster is not None:
            await self.cluster.start(self.executor, self.scheduler)
        workers = await asyncio.to_thread(live_workers, self.database)
        self.executor.recover(workers)
        self.scheduler.load(workers)
        await self.gateway.start(self.doors["worker"])
        if self.cluster is not None:
            self.tasks += await self.cluster.go()
        if self.cluster is None:  # on PostgreSQL commands come by the inbox
            await self.commands.start()
        self.database.start_checkpoints()
        self.tasks += [
            asyncio.create_task(self.services.run()),
            asyncio.create_task(self.outbox.run()),
            asyncio.create_task(self.scheduler.run()),
        ]
        self.ready.set()

    async def run(self) -> None:
        """Apply inputs until `stop`; raises what makes it impossible to go on."""
        await self.executor.run()

    def stop(self) -> None:
        """Take nothing new; what is queued is committed."""
        self.services.stop()
        self.executor.stop()

    async def close(self) -> None:
        """Close everything; callable after a failure too."""
        for task in self.tasks:
            task.cancel()
        if self.cluster is None:
            with contextlib.suppress(Exception):
                await self.commands.stop()
        with contextlib.suppress(Exception):
            await self.gateway.close()
        if self.cluster is not None:
            with contextlib.suppress(Exception):
                await self.cluster.stop()
        await asyncio.to_thread(self.log_writer.stop)
        self.reads.close()
        self.executor.writer.close()
        if self.broken:
            await asyncio.to_thread(self.services.broke, self.database)
        if self.cluster is not None:
            await asyncio.to_thread(self.cluster.close)
        self.log_files.close()
        self.database.close()


def _subflow_outputs(settings: Settings) -> bool:
    """`outputs.enabled` of the Subflow task in `kestra.plugins.configurations` (§9.1)."""
    for entry in settings.get("kestra.plugins.configurations") or ():
        if str(entry.get("type") or "").rpartition(".")[2] in ("Subflow", "Flow"):
            outputs = (entry.get("values") or {}).get("outputs") or {}
            if str(outputs.get("enabled", True)).lower() == "false":
                return False
    return True


def _encrypt(settings: Settings) -> Callable[[str], Any] | None:
    """How SECRET values are stored; None without a usable key."""
    key = load_key(settings.home.path, settings.get("kestra.encryption.secret-key"))
    try:
        return Cipher(key).wrap if key else None
    except EncryptionError:
        return None


def live_workers(database: Database, within_ms: int = 45_000) -> list[str]:
    """Workers that were alive a moment ago and may still run attempts; of this machine only with their process."""
    host = socket.gethostname()
    found: list[str] = []
    with database.reader() as reader:
        rows: Iterable[Any] = reader.all(
            "select id, host, detail from service where kind = 'WORKER' and heartbeat > ?"
            " and state in ('CREATED', 'RUNNING', 'MAINTENANCE', 'TERMINATING', 'DISCONNECTED')",
            int(time.time() * 1000) - within_ms,
        )
        for row in rows:
            pid = (json.loads(row["detail"]) if row["detail"] else {}).get("pid")
            if pid and row["host"] == host and not _alive(int(pid)):
                continue
            found.append(row["id"])
    return found


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def prepare(settings: Settings) -> tuple[Database, InstanceLock | None]:
    """Lock the instance, migrate, raise the epoch; the caller releases the lock when the process ends.

    On PostgreSQL nothing is locked, and a database that does not answer is waited for.

    Raises:
        Locked: another core runs on this home folder.
        SchemaTooNew: a newer version has been here.
        SchemaTooOld: the tables are older, and the configuration says to leave them.
    """
    settings.home.prepare()
    if not settings.database_url.startswith("sqlite"):
        database = open_database(
            settings.database_url, durability=cast(Durability, settings.durability), readers=settings.readers
        )
        wait_for(database)
        migrate(database, allowed=settings.migrates)
        SharedLog(database).create(1)
        return database, None
    lock = InstanceLock(settings.home.database.with_name("flowdeck.db.lock")).acquire()
    try:
        database = open_database(settings.database_url, durability=cast(Durability, settings.durability))
        migrate(database, allowed=settings.migrates)
        writer = database.writer()
        try:
            with writer.transaction() as tx:
                if not tx.sql("update instance set epoch = epoch + 1 where id = 1"):
                    tx.insert("instance", id=1, epoch=1, created=tx.now)
        finally:
            writer.close()
    except BaseException:
        lock.release()
        raise
    return database, lock


async def run_core(
    settings: Settings,
    *,
    ready: Callable[[Core], None] | None = None,
    roles: Iterable[str] = ("executor", "scheduler"),
) -> None:
    """Run the core process until SIGTERM or SIGINT; on PostgreSQL with the roles `executor`, `scheduler`.

    `ready` is called once commands are taken. Raises when a commit failed: the caller ends the process with an error
    and the supervisor starts another one, which rebuilds its memory from the rows.
    """
    registry.load_commands()
    # Live executions are long-lived objects: full collections would look at all of them again and again.
    gc.set_threshold(50_000, 20, 100)
    database, lock = await asyncio.to_thread(prepare, settings)
    core = Core(settings, database, load_catalog(), roles)
    loop = asyncio.get_running_loop()
    try:
        await core.start()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, core.stop)
        if ready is not None:
            ready(core)
        log.info("core is ready")
        await core.run()
    except Exception:
        core.broken = True
        log.critical("core ends: it can't be sure of its state any more", exc_info=True)
        raise
    finally:
        await core.close()
        if lock is not None:
            lock.release()
