"""The parts of the core process that are there because others share its database: PostgreSQL alone (notes §2.9).

Leases and shards, inbox, changes of definitions, followed lines, and the one connection that hears notifications.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowdeck.config.settings import Settings
from flowdeck.engine import leases
from flowdeck.engine.definitions import Definitions
from flowdeck.engine.executors import FOLDER, Relay, advertise, server_tls, sockets
from flowdeck.engine.feed import FeedHub
from flowdeck.engine.followed import FOLLOW, Followed, LogFeed
from flowdeck.engine.inbox import Inbox
from flowdeck.engine.leases import LeaseLost, Leases
from flowdeck.engine.sharing import SharedTransport, Sharing
from flowdeck.store import feed
from flowdeck.store.driver import Database, StoreUnavailable
from flowdeck.store.inbox import ANSWER, INBOX
from flowdeck.store.listen import Listener

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor
    from flowdeck.engine.executor_step import ExecutorStep
    from flowdeck.engine.scheduler import Scheduler

log = logging.getLogger("flowdeck.core")

TOLD_EVERY = 30.0
"""Seconds between lines about a database that does not answer."""


def wait_for(database: Database) -> None:
    """Wait until a database answers; blocks."""
    pause, told = 0.1, 0.0
    while True:
        try:
            with database.reader() as reader:
                reader.value("select 1")
            return
        except StoreUnavailable as error:
            if time.monotonic() - told > TOLD_EVERY or not told:
                told = time.monotonic()
                log.warning("waiting for the database: %s", str(error).strip().splitlines()[-1:])
            time.sleep(pause)
            pause = min(pause * 2, 2.0)


class Cluster:
    """This process among others.

    Args:
        settings: home folder, `kestra.server.liveness.*`, `flowdeck.cluster.*`.
        database: PostgreSQL.
        roles: `executor`, `scheduler`.
    """

    def __init__(self, settings: Settings, database: Database, roles: Iterable[str]) -> None:
        self._run = settings.home.run
        (self._run / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._length = settings.span("kestra.server.liveness.timeout").total_seconds()
        self.leases = Leases(
            database,
            self._run / FOLDER,
            roles=roles,
            heartbeat=settings.span("kestra.server.liveness.heartbeat-interval").total_seconds(),
            length=self._length,
            on_taken=lambda shards: self._in_loop(self.sharing.taken, shards),
            on_surplus=lambda shards: self._in_loop(self._hand_over, shards),
            on_lost=lambda reason: self._in_loop(self._end, reason),
        )
        worker, logs = sockets(self._run, self.leases.id)
        self.doors = {"worker": worker, "logs": logs}
        listen = settings.get("flowdeck.cluster.listen")
        tls = server_tls(settings.get("flowdeck.cluster.certificate"), settings.get("flowdeck.cluster.private-key"))
        token = settings.get("flowdeck.cluster.token") or ""
        self._relay = Relay(listen, token, self.doors, tls) if listen else None
        self.sharing: Sharing
        self._executor: Executor
        self._inbox: Inbox
        self._definitions: Definitions
        self._listener: Listener | None = None
        self._file: Path | None = None
        self._followed = Followed()
        self._lines = LogFeed(database)

    @property
    def connected(self) -> bool:
        """Whether the database answers at the moment."""
        return self._listener is None or self._listener.connected.is_set()

    # ── what other parts get ────────────────────────────────────────────────────────────────────────────────────

    def owns(self, shard: int) -> bool:
        """Whether this process works on a shard."""
        return self.sharing.owns(shard)

    def share(self, transport: SharedTransport) -> Sharing:
        """The executor's part."""
        from flowdeck.engine.core import live_workers

        self.sharing = Sharing(self.leases, transport, lambda: live_workers(self._database))
        return self.sharing

    def publish_lines(self, hub: FeedHub) -> Callable[[list[dict[str, Any]]], None]:
        """How stored lines reach their watchers: those on the command socket, and those of other processes."""

        def publish(events: list[dict[str, Any]]) -> None:
            hub.publish_threadsafe(events)
            watched = self._followed.ids()
            if watched and (seen := [event for event in events if event.get("execution") in watched]):
                self._lines.publish(seen)

        return publish

    def followed_lines(self, hub: FeedHub) -> Callable[[], frozenset[str]]:
        """Whose lines somebody watches."""
        return lambda: hub.followed | self._followed.ids()

    # ── life ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self, executor: Executor, scheduler: Scheduler) -> None:
        """Take a first part of the shards; nothing is read before."""
        self._executor = executor
        self._inbox = executor.inbox = Inbox(executor, self.sharing, self._database)
        self._definitions = Definitions(self._database, self.leases.id, lambda events: self._heard(scheduler, events))
        self._limit_waits(executor)
        await asyncio.to_thread(self._definitions.begin)
        self.sharing.held = set(await asyncio.to_thread(self.leases.start))
        self.sharing.on_change.append(scheduler.shards_changed)
        self.sharing.on_change.append(lambda shards: self._inbox.wake())
        executor.claims.announce()
        channels = (INBOX, ANSWER, feed.CHANNEL, leases.CHANNEL, FOLLOW)
        self._listener = Listener(self._database.url, channels, self._notified, self._missed).start()
        self._lines.start()

    async def go(self) -> list[asyncio.Task[Any]]:
        """The sockets are open: workers may come, work is shared out from now on.

        Raises OSError or ValueError when workers of other machines can't be let in as configured.
        """
        if self._relay is not None:
            await self._relay.start()
        self._file = advertise(self._run, self.leases.id)
        self.leases.run()
        return [asyncio.create_task(self._inbox.run()), asyncio.create_task(self._definitions.run())]

    async def stop(self) -> None:
        """Let nobody in any more."""
        if self._relay is not None:
            await self._relay.stop()

    def close(self) -> None:
        """Give the shards back; the executor has ended. Blocks."""
        if self._listener is not None:
            self._listener.stop()
        self._lines.stop()
        self.leases.leave()
        for path in (self._file, *self.doors.values()):
            if path is not None:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _limit_waits(self, executor: Executor) -> None:
        """A stopped process must not hold rows for ever, and one that waits for rows goes again."""
        with executor.writer.transaction() as tx:
            for name, value in (
                ("idle_in_transaction_session_timeout", f"{max(1, round(self._length * 1000))}ms"),
                ("lock_timeout", "3s"),
                ("application_name", f"flowdeck {self.leases.id}"),
            ):
                tx.value("select set_config(?, ?, false)", name, value)

    # ── what is heard ───────────────────────────────────────────────────────────────────────────────────────────

    def _in_loop(self, function: Callable[..., Any], *args: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)

    def _notified(self, channel: str, payload: str) -> None:
        if channel == INBOX:
            if payload.isdigit() and self.sharing.owns(int(payload)):
                self._in_loop(self._inbox.wake)
        elif channel == ANSWER:
            if self._inbox.awaits(payload):
                self._in_loop(self._inbox.wake)
        elif channel == feed.CHANNEL:
            if self._definitions.notice(payload):
                self._in_loop(self._definitions.wake)
        elif channel == leases.CHANNEL:
            self.leases.wake()
        elif channel == FOLLOW:
            self._followed.hear(payload)

    def _missed(self) -> None:
        self._in_loop(self._inbox.wake)
        self._in_loop(self._definitions.wake)
        self.leases.wake()

    def _heard(self, scheduler: Scheduler, events: list[dict[str, Any]]) -> None:
        """Flows, triggers or namespaces were changed by others."""
        if any(event["topic"] == "namespaces" for event in events):
            self._executor.plans.namespaces_changed()
        scheduler.heard(events)
        if not self.sharing.leader:
            return
        for event in events:
            topic, _, flow = str(event["topic"]).partition(":")
            if topic == "flow":
                scope = f"{event.get('tenant') or 'main'}/{flow}"
                self._executor.call(lambda step, scope=scope: self.sharing.limit_changed(step, scope))

    def _hand_over(self, shards: list[int]) -> None:
        self._executor.put(self.sharing.leave, shards)

    def _end(self, reason: str) -> None:
        def end(step: ExecutorStep) -> None:
            raise LeaseLost(reason)

        self._executor.call(end)
