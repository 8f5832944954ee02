"""Instants of tasks that look back: zoned texts only (spec: core plugins §3, Dates)."""

from __future__ import annotations

import re

from flowdeck.model.coerce import to_datetime, to_text
from flowdeck.sdk import Expr, RunContext, TaskError

_ZONED = re.compile(r"(?:Z|[+-]\d{2}(?::?\d{2}){0,2}|\])\s*$")


async def instant(ctx: RunContext, value: Expr[str] | None, name: str) -> int | None:
    """A rendered instant in ms; None stays None. `TaskError` for a text that is no date and time with a zone."""
    if value is None:
        return None
    text = to_text(await ctx.render(value)).strip()
    if not text:
        return None
    try:
        if not _ZONED.search(text):
            raise ValueError("it has no zone")
        return round(to_datetime(text).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise TaskError(
            f"{name}: '{text}' is no date and time with a zone such as 2030-01-01T00:00:00Z ({error})"
        ) from None


async def needed(ctx: RunContext, value: Expr[str], name: str) -> int:
    """As `instant`, for a property that must not be empty."""
    found = await instant(ctx, value, name)
    if found is None:
        raise TaskError(f"{name} is empty")
    return found
