"""Instants and spans; they tick in the browser and follow the reader's time zone."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

from components.client import Amount, Duration, Time
from components.reactive import Reactive

Mode = Literal["auto", "relative", "clock", "full", "date"]


def moment(value: Reactive[str], *, mode: Mode = "auto", empty: str = "", warn_within_ms: int = 0) -> rx.Component:
    """An instant (ISO 8601 text); the tooltip has the full form, UTC and the relative form.

    Args:
        mode: `auto` is the time of day today and the date otherwise; `relative` is `2 h ago`.
        empty: what stands there when `value` is empty.
        warn_within_ms: an instant closer than this in the future is written in the warning colour.
    """
    return Time.create(value=value, mode=mode, empty=empty, warn_within=warn_within_ms)


def duration(
    *,
    ms: Reactive[int] | None = None,
    start: Reactive[str] | None = None,
    end: Reactive[str] | None = None,
    empty: str = "",
) -> rx.Component:
    """A span in ms, or from `start` to `end` (ISO texts); without an end it ticks."""
    props: dict[str, Any] = {"empty": empty}
    if ms is not None:
        props["ms"] = ms
    if start is not None:
        props["start"] = start
    if end is not None:
        props["end"] = end
    return Duration.create(**props)


def amount(value: Reactive[int]) -> rx.Component:
    """A number with the separators of the reader's language."""
    return Amount.create(value=value)


def run_span(row: Any) -> rx.Component:
    """How long an execution ran, the same everywhere: `duration_ms` of a row, ticking from `counted` while it runs."""
    return duration(ms=row.duration_ms, start=row.counted)
