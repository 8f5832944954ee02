"""Log lines over all executions as an export, and grouped by what they have in common (UI-LG-04)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

from flowdeck.services import logs
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import parse_instant
from flowdeck.store.queries.where import Filter, Page

LOOKED_AT = 5_000
"""Newest lines that patterns are made of."""
BARS = 24
MOST_GROUPS = 100
EXPORT_PAGE = 1_000
MOST_EXPORTED = 100_000
_PARTS = re.compile(
    r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"
    r"|\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b(?=[0-9A-Za-z]{16,}\b)(?=[A-Za-z]*\d)[0-9A-Za-z]+\b"
    r"|\b0x[0-9a-fA-F]+\b"
    r"|\d+(?:[.,:]\d+)*"
)


def pattern_of(text: str) -> str:
    """The first line of a message without its numbers, ids and instants (`#`), at most 300 characters."""
    first = text.lstrip().partition("\n")[0][:1_000]
    return _PARTS.sub("#", first)[:300]


async def patterns(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> dict[str, Any]:
    """Groups of similar messages among the newest lines that match, most frequent first.

    Returns:
        `{groups: [{pattern, level, count, first, last, series[24], example}], lines, truncated}`; the series runs
        from the oldest line that was looked at to the newest.
    """
    found, total = await logs.search(backend, caller, filters, Page(1, LOOKED_AT, (("timestamp", True),)))
    if not found:
        return {"groups": [], "lines": 0, "truncated": False}
    times = [parse_instant(one["timestamp"], "timestamp") for one in found]
    start, end = min(times), max(times)
    width = max(1, (end - start) // BARS + 1)
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for line, at in zip(found, times, strict=True):
        key = (pattern_of(line.get("message") or ""), line["level"])
        group = groups.get(key)
        if group is None:
            group = groups[key] = {
                "pattern": key[0],
                "level": key[1],
                "count": 0,
                "last": line["timestamp"],
                "series": [0] * BARS,
                "example": line,
            }
        group["count"] += 1
        group["first"] = line["timestamp"]
        group["series"][(at - start) // width] += 1
    listed = sorted(groups.values(), key=lambda one: -one["count"])[:MOST_GROUPS]
    return {"groups": listed, "lines": len(found), "truncated": total > len(found)}


async def export(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> AsyncIterator[list[dict[str, Any]]]:
    """Lines that match, oldest first, a page at a time; at most `MOST_EXPORTED`."""
    for number in range(1, MOST_EXPORTED // EXPORT_PAGE + 1):
        page = Page(number, EXPORT_PAGE, (("timestamp", False),))
        found, _ = await logs.search(backend, caller, filters, page)
        if found:
            yield found
        if len(found) < EXPORT_PAGE:
            return
