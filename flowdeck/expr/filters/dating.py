"""Filters on dates (expressions §9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from flowdeck.expr.dates import add, format_date, read_date, zone_of
from flowdeck.expr.runtime import Runtime
from flowdeck.expr.signature import Table
from flowdeck.expr.texts import text_of
from flowdeck.expr.values import integer

TABLE = Table()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def zone_argument(rt: Runtime, zone: Any) -> tzinfo:
    """The zone an argument names, by default the server's."""
    return rt.env.zone if zone is None else zone_of(text_of(zone))


def _read(rt: Runtime, value: Any, zone: Any, existing: Any, locale: Any) -> datetime:
    pattern = None if existing is None else text_of(existing)
    return read_date(value, zone_argument(rt, zone), pattern, locale_argument(locale))


def locale_argument(locale: Any) -> str:
    """The locale an argument names, by default English."""
    return "en" if locale is None else text_of(locale)


@TABLE.entry("date", ("format", "iso"), ("timeZone", None), ("existingFormat", None), ("locale", None), needs="runtime")
def date(rt: Runtime, value: Any, pattern: Any, zone: Any, existing: Any, locale: Any) -> str:
    """Text of a date in a named or Java pattern."""
    moment = _read(rt, value, zone, existing, locale).astimezone(zone_argument(rt, zone))
    return format_date(moment, "iso" if pattern is None else text_of(pattern), locale_argument(locale))


@TABLE.entry(
    "dateAdd",
    "amount",
    "unit",
    ("format", "iso"),
    ("timeZone", None),
    ("existingFormat", None),
    ("locale", None),
    needs="runtime",
)
def date_add(
    rt: Runtime, value: Any, amount: Any, unit: Any, pattern: Any, zone: Any, existing: Any, locale: Any
) -> str:
    """Text of a date moved by an amount of a unit."""
    moment = add(_read(rt, value, zone, existing, locale), integer(amount, "amount"), text_of(unit))
    text = "iso" if pattern is None else text_of(pattern)
    return format_date(moment.astimezone(zone_argument(rt, zone)), text, locale_argument(locale))


def _timestamp(name: str, unit: str, per_second: int) -> None:
    def run(rt: Runtime, value: Any, zone: Any, existing: Any) -> int:
        micros = (_read(rt, value, zone, existing, None) - _EPOCH) // timedelta(microseconds=1)
        return micros * per_second // 1_000_000

    run.__doc__ = f"{unit} since 1970."
    TABLE.entry(name, ("timeZone", None), ("existingFormat", None), needs="runtime")(run)


_timestamp("timestamp", "Seconds", 1)
_timestamp("timestampMilli", "Milliseconds", 1000)
_timestamp("timestampMicro", "Microseconds", 1_000_000)
_timestamp("timestampNano", "Nanoseconds", 1_000_000_000)
