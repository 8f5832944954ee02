"""Whose log lines somebody watches, and how those lines reach the watchers' processes (engine notes §2.10): PostgreSQL.

Web processes repeat every few seconds what they watch, by notifications; an executor forgets what is not repeated.
Lines of watched executions become rows of the feed; for all others nothing is written beside the lines themselves.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from flowdeck.store import feed
from flowdeck.store.driver import Database, StoreError, Tx, Writer
from flowdeck.store.listen import notify

log = logging.getLogger("flowdeck.logwriter")

FOLLOW = "flowdeck_follow"
"""Channel: ids of executions, separated by spaces."""
KEPT = 12.0
"""Seconds that an announcement counts."""
IDS = 300
"""Ids of one notification."""
WAITING = 1000
"""Batches that wait for the database; more are dropped: watchers fetch lines by number."""


def announce(tx: Tx, executions: Iterable[str]) -> None:
    """Say within a transaction whose lines are watched."""
    ids = [id for id in executions if id and " " not in id and len(id) <= 25]
    for start in range(0, len(ids), IDS):
        notify(tx, FOLLOW, " ".join(ids[start : start + IDS]))


class Followed:
    """What others watch; `hear` and `ids` may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._until: dict[str, float] = {}
        self._ids: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._clock = clock
        self._swept = 0.0

    def hear(self, payload: str) -> None:
        """Take an announcement."""
        with self._lock:
            until = self._clock() + KEPT
            for id in payload.split():
                self._until[id] = until
            self._ids = frozenset(self._until)

    def ids(self) -> frozenset[str]:
        """Ids of executions whose lines somebody watches."""
        now = self._clock()
        if self._ids and now - self._swept > 1:
            with self._lock:
                self._swept = now
                self._until = {id: until for id, until in self._until.items() if until > now}
                self._ids = frozenset(self._until)
        return self._ids


class LogFeed:
    """Writes events of followed executions' lines into the feed, in a thread of its own; `publish` never blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.Queue[list[dict[str, Any]] | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None

    def start(self) -> LogFeed:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="log-feed", daemon=True)
        self._thread.start()
        return self

    def publish(self, events: list[dict[str, Any]]) -> None:
        """Tell of stored lines."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(events)

    def stop(self) -> None:
        """Write what waits and end."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(5)

    def _run(self) -> None:
        writer: Writer | None = None
        source, n = "", 0
        while True:
            events = self._waiting.get()
            if events is None:
                break
            ending = False
            while not self._waiting.empty() and len(events) < 200:
                more = self._waiting.get()
                if more is None:
                    ending = True
                    break
                events = [*events, *more]
            try:
                if writer is None:
                    writer = self._database.writer()
                    source, n = f"l{secrets.token_hex(8)}", 0
                with writer.transaction() as tx:
                    feed.append(tx, source, n + 1, events)
                n += 1
            except StoreError as error:
                log.warning("followers miss log lines for a moment: %s", str(error).splitlines()[:1])
                if writer is not None:
                    writer.close()
                    writer = None
            if ending:
                break
        if writer is not None:
            writer.close()
