"""The heap of timers; rows of `timer` are its journal. Wall-clock due times, waits re-derived every second."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from flowdeck.model.engine.world import FAR

LONGEST_WAIT = 1.0
"""Seconds: a jump of the clock is noticed within this."""


class Timers:
    """Due times by (kind, ref); entries that were dropped or moved are passed over when they come up."""

    __slots__ = ("_heap",)

    def __init__(self, entries: Iterable[tuple[tuple[str, int], int]] = ()) -> None:
        self._heap: list[tuple[int, str, int]] = [(due, k, r) for (k, r), due in entries if due < FAR]
        heapq.heapify(self._heap)

    def __len__(self) -> int:
        return len(self._heap)

    def take(self, changes: Mapping[tuple[str, int], tuple[int, str | None] | None]) -> None:
        """Follow what a step has set."""
        for (kind, ref), entry in changes.items():
            if entry is not None and entry[0] < FAR:
                heapq.heappush(self._heap, (entry[0], kind, ref))

    def due(self, now: int, valid: Mapping[tuple[str, int], int], limit: int = 500) -> list[tuple[str, int]]:
        """Timers that have come due, at most `limit`."""
        out: list[tuple[str, int]] = []
        while self._heap and self._heap[0][0] <= now and len(out) < limit:
            due, kind, ref = heapq.heappop(self._heap)
            if valid.get((kind, ref)) == due:
                out.append((kind, ref))
        return out

    def wait(self, now: int) -> float | None:
        """Seconds until the next timer, at most `LONGEST_WAIT`; None without any."""
        if not self._heap:
            return None
        return min(max(0.0, (self._heap[0][0] - now) / 1000), LONGEST_WAIT)
