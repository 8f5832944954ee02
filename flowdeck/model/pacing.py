"""How fast a purge may go: it yields to the work of executions (engine notes §2.12)."""

from __future__ import annotations

LAG = 0.020
"""Seconds that a batch may take, its waiting for the step included, before the purge pauses."""
LONGEST_PAUSE = 1.0
SMALLEST = 20


class Pace:
    """Size of the next batch, and the pause before it.

    Args:
        most: rows of the largest batch.
    """

    def __init__(self, most: int = 500) -> None:
        self.most = max(1, most)
        self.size = self.most

    def after(self, took: float) -> float:
        """Seconds to pause after a batch that took `took` seconds from being sent to its answer.

        A slow answer means that steps lag: the pause is as long as the batch took, and the next one is smaller.
        """
        if took <= LAG:
            self.size = min(self.most, self.size * 2)
            return 0.001
        if took > 3 * LAG:
            self.size = max(min(SMALLEST, self.most), self.size // 2)
        return min(LONGEST_PAUSE, took)
