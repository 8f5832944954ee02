"""What other processes change about flows, triggers and namespaces (engine notes §2.10): PostgreSQL alone.

They write it into the feed; whoever keeps some of it in memory reads those rows. A notification that is lost costs the
time until the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from flowdeck.store import feed
from flowdeck.store.driver import Database, StoreError

log = logging.getLogger("flowdeck.core")

SLOW_POLL = 1.0
"""Seconds between looks that no notification asked for."""


class Definitions:
    """Tells of changes of definitions that other processes have committed.

    Args:
        source: this process's own name in the feed, which is passed over.
        heard: called in the loop with events in their order; those of one source once each.
    """

    def __init__(self, database: Database, source: str, heard: Callable[[list[dict[str, Any]]], None]) -> None:
        self._database = database
        self._source = source
        self._heard = heard
        self._cursors: dict[str, int] = {}
        self._wake = asyncio.Event()

    def begin(self) -> None:
        """What is in the tables now is known, or read afterwards; blocks."""
        with self._database.reader() as reader:
            self._cursors = feed.ends(reader)

    def notice(self, payload: str) -> bool:
        """Whether a notification of `feed.CHANNEL` is worth a look."""
        source, _, rest = payload.partition(" ")
        return source != self._source and rest.endswith(" d")

    def wake(self) -> None:
        """Look now; in the loop's thread."""
        self._wake.set()

    async def run(self) -> None:
        """Look whenever a notification says so, and every second."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SLOW_POLL)
            self._wake.clear()
            try:
                events = await asyncio.to_thread(self._read)
            except StoreError as error:
                log.warning("changes of flows can't be read: %s", str(error).splitlines()[0])
                await asyncio.sleep(SLOW_POLL)
                continue
            if events:
                self._heard(events)

    def _read(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        ends: dict[str, int] = {}
        with self._database.reader() as reader, reader.snapshot():
            for source in feed.sources(reader):
                before = self._cursors.get(source, 0)
                end = ends[source] = reader.value("select max(n) from feed where source = ?", source)
                if source == self._source or end <= before:
                    continue
                rows = feed.read_source(reader, source, before, " and definitions")
                for _, events in rows:
                    found += events
                if len(rows) == feed.RANGE:
                    ends[source] = rows[-1][0]
        self._cursors = ends
        return [event for event in found if event["kind"] == "topic"]
