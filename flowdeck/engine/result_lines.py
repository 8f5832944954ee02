"""Lines that come with results, on their way to PostgreSQL while the results are applied (engine notes §2.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from flowdeck.engine.messages import Done

if TYPE_CHECKING:
    from flowdeck.engine.logwriter import LogWriter

Key = tuple[int, int]
"""Task run and fence."""
PATIENCE = 1.0
"""Seconds that the end of an execution waits for its lines. The thread that stores them may wait for a row that the
step itself has locked, as one that purges logs has: it must not wait for ever."""


class ResultLines:
    """Which results have lines that are not stored yet.

    A result is applied at once and acknowledged when its lines are stored too: until then its worker keeps both and
    sends them again, should this process die. An execution that ends waits for its lines, so that who sees its end
    finds them; so does a task that asks for lines.

    Args:
        writer: stores the lines.
        acknowledge: tells the worker that it may forget a result.
    """

    def __init__(self, writer: LogWriter, acknowledge: Callable[[int, int], None]) -> None:
        self._writer = writer
        self._acknowledge = acknowledge
        self._open: dict[Key, int] = {}
        self._applied: set[Key] = set()
        self._stored: asyncio.Event | None = None

    def take(self, message: Done) -> None:
        """Have the lines of a result stored."""
        assert message.log is not None
        key = message.seq, message.fence
        self._open[key] = message.log.execution_seq
        self._writer.store(message.log, lambda: self._done(key))

    def keeps(self, seq: int, fence: int) -> bool:
        """Whether a result can't be acknowledged yet; it will be, once its lines are stored."""
        if (seq, fence) not in self._open:
            return False
        self._applied.add((seq, fence))
        return True

    async def stored(self, executions: Collection[int] | None = None) -> None:
        """Wait, for `PATIENCE` at most, until the lines are stored that have come with results of some executions.

        Args:
            executions: their numbers; None: of all.
        """
        until = asyncio.get_running_loop().time() + PATIENCE
        awaited = {key for key, execution in self._open.items() if executions is None or execution in executions}
        while not awaited.isdisjoint(self._open):
            self._stored = self._stored or asyncio.Event()
            self._stored.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._stored.wait()
            except TimeoutError:
                return

    def _done(self, key: Key) -> None:
        self._open.pop(key, None)
        if key in self._applied:
            self._applied.discard(key)
            self._acknowledge(*key)
        if self._stored is not None:
            self._stored.set()
