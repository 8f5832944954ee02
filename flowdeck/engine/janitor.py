"""Retention: deletes what is older than configured, in small batches between steps (engine notes §2.12)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from flowdeck.config import Settings
from flowdeck.model.pacing import Pace
from flowdeck.storage.local import LocalStorage
from flowdeck.store.driver import Database
from flowdeck.store.logs import LogFiles
from flowdeck.store.queries import retention

log = logging.getLogger("flowdeck.janitor")

FIRST = 60.0
"""Seconds after the start of the first round."""
EVERY = 3600.0
DAY = 86_400.0
BATCH = 500
METRICS = 5000
MOST_UNUSED = 0.25
"""Part of a SQLite file that may be unused; beyond it the file is cut down to half of that."""
WORTHWHILE = 2_500
"""Unused pages, below which nothing is cut off."""
PAGES = 64
"""Unused pages that one step cuts off."""

RunCommand = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Janitor:
    """Works hourly in `core`; expired key-value pairs go by the times of `kestra.kv.purge-expired`.

    Args:
        run: carries a command out in the core loop and answers its result.
        database: read for what is too old, in a thread.
        active: whether this process is the one that cleans up.
    """

    def __init__(
        self,
        settings: Settings,
        files: LogFiles,
        run: RunCommand,
        database: Database,
        active: Callable[[], bool] = lambda: True,
    ) -> None:
        self._active = active
        self._settings = settings
        self._files = files
        self._run = run
        self._database = database

    async def run(self) -> None:
        """Work until cancelled; a round that fails is told and tried again at the next time."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self.round, FIRST, EVERY))
            group.create_task(self._repeat(self.remains, 10 * FIRST, DAY))
            if self._settings.get("kestra.kv.purge-expired.enabled"):
                first = self._settings.span("kestra.kv.purge-expired.initial-delay").total_seconds()
                every = self._settings.span("kestra.kv.purge-expired.fixed-delay").total_seconds()
                group.create_task(self._repeat(self.expired_pairs, first, max(0.1, every)))

    async def _repeat(self, work: Callable[[int], Awaitable[Any]], first: float, every: float) -> None:
        await asyncio.sleep(first)
        while True:
            try:
                if self._active():
                    await work(int(time.time() * 1000))
            except Exception:
                log.exception("cleaning up failed")
            await asyncio.sleep(every)

    async def round(self, now: int) -> dict[str, int]:
        """Delete all that is too old at the instant `now` (ms); answers how many of each kind."""
        done: dict[str, int] = {}
        limit = self._before("executions", now)
        if limit is not None:
            done["executions"] = await self._executions(limit)
        limit = self._before("metrics", now)
        if limit is not None:
            done["metrics"] = await self._batches("purge.metrics", {"before": limit}, METRICS)
        limit = self._before("logs", now)
        if limit is not None:
            done["log files"] = len(await asyncio.to_thread(self._files.drop_before, limit))
        done["answers"] = await self._run("purge.answers", {})
        self._tell(done)
        await self._give_back()
        return done

    async def _give_back(self) -> None:
        """Shrink a SQLite file of which much is unused: deleted rows leave pages that wait for new rows."""

        def pages(reader: Any) -> tuple[int, int]:
            if reader.dialect != "sqlite":
                return 0, 0
            return int(reader.value("pragma freelist_count")), int(reader.value("pragma page_count"))

        if self._database is None:
            return
        free, total = await asyncio.to_thread(self._read, pages)
        if free < MOST_UNUSED * total or free < WORTHWHILE:
            return
        pace, before = Pace(PAGES), free + 1
        while free > MOST_UNUSED / 2 * total and free < before:
            began, before = time.monotonic(), free
            free = await self._run("purge.pages", {"limit": pace.size})
            await asyncio.sleep(pace.after(time.monotonic() - began))

    async def remains(self, now: int) -> int:
        """Delete what uploads of killed processes left in the storage, a day later; answers how many files."""
        storage = LocalStorage(self._settings.storage_path)
        gone = await asyncio.to_thread(storage.sweep, now - round(DAY * 1000))
        self._tell({"broken uploads": gone})
        return gone

    async def expired_pairs(self, now: int) -> int:
        """Delete key-value pairs whose time is over; answers how many."""
        size = self._settings.get("kestra.kv.purge-expired.batch-size")
        gone = await self._batches("purge.kv", {}, size)
        self._tell({"key-value pairs": gone})
        return gone

    @staticmethod
    def _tell(done: dict[str, int]) -> None:
        told = {kind: count for kind, count in done.items() if count and kind != "answers"}
        if told:
            log.info("deleted what was too old: %s", ", ".join(f"{count} {kind}" for kind, count in told.items()))

    def _before(self, what: str, now: int) -> int | None:
        span = self._settings.span(f"flowdeck.retention.{what}").total_seconds()
        return None if span <= 0 else now - round(span * 1000)

    async def _executions(self, before: int) -> int:
        total = 0
        for tenant in await asyncio.to_thread(self._read, retention.tenants):
            pace, cursor = Pace(BATCH), None
            while True:
                rows, cursor = await asyncio.to_thread(self._candidates, tenant, before, pace.size, cursor)
                if rows:
                    again = True
                    while again:
                        began = time.monotonic()
                        answer = await self._run("purge.executions", {"seqs": rows})
                        total += answer["executions"]
                        again = answer.get("again")
                        await asyncio.sleep(pace.after(time.monotonic() - began))
                if cursor is None:
                    break
        return total

    def _read(self, work: Callable[[Any], Any]) -> Any:
        with self._database.reader() as reader:
            return work(reader)

    def _candidates(self, tenant: str, before: int, limit: int, cursor: Any) -> tuple[list[int], Any]:
        rows, after = self._read(
            lambda reader: retention.candidates(
                reader, tenant, limit=limit, before=before, ended_before=before, cursor=cursor
            )
        )
        return [row["seq"] for row in rows], after

    async def _batches(self, name: str, args: dict[str, Any], most: int) -> int:
        total, pace = 0, Pace(most)
        while True:
            began, size = time.monotonic(), pace.size
            count = await self._run(name, {**args, "limit": size})
            total += count
            await asyncio.sleep(pace.after(time.monotonic() - began))
            if count < size:
                return total
