"""Instants of tasks that look back: zoned texts only (spec: core plugins §3, Dates)."""

from __future__ import annotations

from datetime import datetime

from flowdeck.model.coerce import to_text
from flowdeck.model.schedule import zone_of
from flowdeck.sdk import Expr, RunContext, TaskError


def zoned(text: str) -> datetime:
    """An instant of ISO text with an offset, a zone id in brackets, or both. ValueError for any other text."""
    local, bracket, rest = text.partition("[")
    found = datetime.fromisoformat(local)
    if bracket:
        zone = zone_of(rest.removesuffix("]"))  # the offset is what counts when both are given
        found = found if found.tzinfo else found.replace(tzinfo=zone)
    if found.tzinfo is None:
        raise ValueError("it has no zone")
    return found


async def instant(ctx: RunContext, value: Expr[str] | None, name: str) -> int | None:
    """A rendered instant in ms; None stays None. `TaskError` for a text that is no date and time with a zone."""
    if value is None:
        return None
    text = to_text(await ctx.render(value)).strip()
    if not text:
        return None
    try:
        return round(zoned(text).timestamp() * 1000)
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
