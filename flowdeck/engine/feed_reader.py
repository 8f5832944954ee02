"""The feed of all processes, read from PostgreSQL for the watchers of this one (engine notes §2.10)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from flowdeck.store import feed
from flowdeck.store.driver import Database, StoreError

log = logging.getLogger("flowdeck.cluster")

SLOW_POLL = 1.0
"""Seconds between looks that no notification asked for."""
QUEUED = 20_000
"""Batches of events that a slow subscriber may be behind."""

Rows = list[tuple[str, int, list[dict[str, Any]]]]


class FeedReader:
    """Reads each row once, whatever the number of subscribers. Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscribers: set[asyncio.Queue[list[dict[str, Any]]]] = set()
        self._heard: set[str] = set()
        self._everything = True
        self._compare = False
        self._cursors: dict[str, int] = {}
        self._wake = asyncio.Event()

    @property
    def watched(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscribers)

    async def subscribe(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Committed changes of all processes; those of one process in order. A gap gives `{"kind": "reset"}`.

        Who subscribes before the first place is read gets one too: what he read before may be old.
        """
        mine: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue(QUEUED)
        self._subscribers.add(mine)
        try:
            while True:
                yield await mine.get()
        finally:
            self._subscribers.discard(mine)

    def hear(self, source: str) -> None:
        """A process has written a row."""
        self._heard.add(source)
        self._wake.set()

    def look_everywhere(self) -> None:
        """Notifications may be missing."""
        self._everything = True
        self._wake.set()

    def reconnected(self) -> None:
        """The database was away, another server may answer in its place: what was read may not be in it."""
        self._compare = True
        self.look_everywhere()

    async def run(self) -> None:
        """Read until cancelled."""
        ready = False
        polled = 0.0
        while True:
            try:
                if not ready:
                    self._cursors = await asyncio.to_thread(self._ends)
                    ready = True
                    self._tell([{"kind": "reset"}])
                try:
                    await asyncio.wait_for(self._wake.wait(), SLOW_POLL)
                except TimeoutError:
                    self._everything = True
                self._wake.clear()
                if time.monotonic() - polled > SLOW_POLL:
                    self._everything = True  # a notification may be missing among many others
                heard, self._heard = self._heard, set()
                if not self._subscribers:
                    self._everything = True
                    ends = await asyncio.to_thread(self._ends)
                    if not self._subscribers:  # one that came meanwhile gets what was written since
                        self._cursors = ends
                    continue
                if self._compare:
                    self._go_back(await asyncio.to_thread(self._ends))
                    self._compare = False
                if self._everything:
                    self._everything, polled = False, time.monotonic()
                    rows = await asyncio.to_thread(self._read, None)
                else:
                    rows = await asyncio.to_thread(self._read, heard)
            except StoreError as error:
                log.warning("the feed can't be read: %s", str(error).splitlines()[:1])
                self._everything = True
                await asyncio.sleep(SLOW_POLL)
                continue
            self._take(rows)

    def _ends(self) -> dict[str, int]:
        with self._database.reader() as reader:
            return feed.ends(reader)

    def _go_back(self, ends: dict[str, int]) -> None:
        """Rows that were read and are gone with the server that had them: watchers have seen what never was."""
        behind = [source for source, n in self._cursors.items() if 0 < ends.get(source, n) < n]
        for source in behind:
            self._cursors[source] = ends[source]
        if behind:
            self._tell([{"kind": "reset"}])

    def _read(self, heard: set[str] | None) -> Rows:
        with self._database.reader() as reader:
            if heard is None:
                return feed.read(reader, self._cursors)
            return [
                (source, n, events)
                for source in heard
                for n, events in feed.read_source(reader, source, self._cursors.get(source, 0))
            ]

    def _take(self, rows: Rows) -> None:
        events: list[dict[str, Any]] = []
        full: dict[str, int] = {}
        for source, n, batch in rows:
            if n != self._cursors.get(source, 0) + 1:
                events.append({"kind": "reset"})
            self._cursors[source] = n
            full[source] = full.get(source, 0) + 1
            events += batch
        for source, count in full.items():
            if count >= feed.RANGE:
                self._heard.add(source)
                self._wake.set()
        if events:
            self._tell(events)

    def _tell(self, events: list[dict[str, Any]]) -> None:
        for mine in list(self._subscribers):
            if mine.full():
                while not mine.empty():
                    mine.get_nowait()
                mine.put_nowait([{"kind": "reset"}])
            else:
                mine.put_nowait(events)
