"""What the last runs of flows say, beside the rows of a list of any length (ui.md UI-FL-02, UI-LS-13)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from flowdeck.services import insight
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller

RUNS = 14
DAYS = 30
AT_ONCE = 100
"""Flows that `insight` answers for at once."""


async def told(
    backend: Backend, caller: Caller, pages: AsyncIterator[Sequence[Any]], *, runs: bool, days: bool
) -> AsyncIterator[list[dict[str, Any]]]:
    """Give rows of flows with `runs`, `figures` (as of `sparklines`) and `days`, empty where they are not asked for.

    Args:
        runs: whether the last runs are read.
        days: whether the executions by day are read.
    """
    async for rows in pages:
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            wanted = [{"namespace": row["namespace"], "id": row["id"]} for row in part]
            figures = await insight.sparklines(backend, caller, wanted, RUNS) if runs else []
            by_day = await insight.days(backend, caller, wanted, DAYS) if days else []
            of_runs = {(one["namespace"], one["id"]): one for one in figures}
            of_days = {(one["namespace"], one["id"]): one["days"] for one in by_day}
            keys = [(row["namespace"], row["id"]) for row in part]
            yield [
                {
                    **dict(row),
                    "figures": of_runs.get(key, {}),
                    "runs": of_runs.get(key, {}).get("runs", []),
                    "days": of_days.get(key, []),
                }
                for row, key in zip(part, keys, strict=True)
            ]


__all__ = ["told"]
