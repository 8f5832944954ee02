"""Lists of any length, piece by piece: no more than one piece is in memory (UI-LS-13)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

PIECE = 500
"""Rows of a piece: enough that a statement more does not count, few enough that long rows stay small together."""


async def pieces(
    read: Callable[[Any], Awaitable[list[Any]]], place: Callable[[Any], Any], size: int = PIECE
) -> AsyncIterator[list[Any]]:
    """Yield rows until there are none left; each piece goes on after the place of the last row before it.

    Rows that come or go meanwhile move nothing: places are keys, not numbers.

    Args:
        read: gives at most `size` rows that come after a place, or the first ones for None.
        place: where a row stands in the order of the list.
    """
    after: Any = None
    while True:
        rows = await read(after)
        if rows:
            yield rows
        if len(rows) < size:
            return
        after = place(rows[-1])


__all__ = ["PIECE", "pieces"]
