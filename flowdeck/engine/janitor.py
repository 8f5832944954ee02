"""Retention: deletes what is older than configured, in small batches between steps (engine notes §2.12)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from flowdeck.config import Settings
from flowdeck.model.errors import DomainError
from flowdeck.store.driver import StoreError
from flowdeck.store.logs import LogFiles

log = logging.getLogger("flowdeck.janitor")

FIRST = 60.0
"""Seconds after the start of the first round."""
EVERY = 3600.0
BETWEEN = 0.05
"""Seconds between two batches."""
BATCH = 500

RunCommand = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Janitor:
    """Works hourly in `core`.

    Args:
        run: carries a command out in the core loop and answers its result.
    """

    def __init__(self, settings: Settings, files: LogFiles, run: RunCommand) -> None:
        self._settings = settings
        self._files = files
        self._run = run

    async def run(self) -> None:
        """Work until cancelled; a round that fails is told and tried again an hour later."""
        await asyncio.sleep(FIRST)
        while True:
            try:
                await self.round(int(time.time() * 1000))
            except (DomainError, StoreError, OSError):
                log.exception("cleaning up failed")
            await asyncio.sleep(EVERY)

    async def round(self, now: int) -> dict[str, int]:
        """Delete all that is too old at the instant `now` (ms); answers how many of each kind."""
        done: dict[str, int] = {}
        limit = self._before("executions", now)
        if limit is not None:
            done["executions"] = await self._batches(
                "purge.executions", {"tenant": None, "before": limit, "limit": BATCH}, BATCH
            )
        limit = self._before("metrics", now)
        if limit is not None:
            done["metrics"] = await self._batches("purge.metrics", {"before": limit}, 5000)
        limit = self._before("logs", now)
        if limit is not None:
            done["log files"] = len(await asyncio.to_thread(self._files.drop_before, limit))
        if self._settings.get("kestra.kv.purge-expired.enabled"):
            size = self._settings.get("kestra.kv.purge-expired.batch-size")
            done["keys"] = await self._batches("purge.kv", {"limit": size}, size)
        done["answers"] = await self._run("purge.answers", {})
        told = {kind: count for kind, count in done.items() if count and kind != "answers"}
        if told:
            log.info("deleted what was too old: %s", ", ".join(f"{count} {kind}" for kind, count in told.items()))
        return done

    def _before(self, what: str, now: int) -> int | None:
        span = self._settings.span(f"flowdeck.retention.{what}").total_seconds()
        return None if span <= 0 else now - round(span * 1000)

    async def _batches(self, name: str, args: dict[str, Any], size: int) -> int:
        total = 0
        while True:
            answer = await self._run(name, args)
            count = answer["executions"] if isinstance(answer, dict) else answer
            total += count
            if count < size:
                return total
            await asyncio.sleep(BETWEEN)
