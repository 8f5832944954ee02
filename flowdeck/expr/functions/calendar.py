"""Functions on the calendar (expressions §8); they read dates in the zone written in them."""

from __future__ import annotations

import calendar
from datetime import datetime
from typing import Any

from flowdeck.expr.dates import read_date
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.runtime import Runtime
from flowdeck.expr.signature import Table
from flowdeck.expr.texts import text_of

TABLE = Table()
_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_PLACES = {"FIRST": 1, "SECOND": 2, "THIRD": 3, "FOURTH": 4}


def _read(rt: Runtime, value: Any) -> datetime:
    return read_date(value, rt.env.zone)


@TABLE.entry("isWeekend", "date", needs="runtime")
def is_weekend(rt: Runtime, value: Any) -> bool:
    """Whether a date is a Saturday or Sunday."""
    return _read(rt, value).weekday() >= 5


@TABLE.entry("isDayWeekInMonth", "date", "dayOfWeek", "dayInMonth", needs="runtime")
def is_day_week_in_month(rt: Runtime, value: Any, day: Any, place: Any) -> bool:
    """Whether a date is the nth given weekday of its month."""
    moment, name, which = _read(rt, value), text_of(day).upper(), text_of(place).upper()
    if name not in _DAYS:
        raise ExpressionError(f"Unknown day of the week `{text_of(day)}`")
    if which != "LAST" and which not in _PLACES:
        raise ExpressionError("The argument 'dayInMonth' must be FIRST, SECOND, THIRD, FOURTH or LAST")
    if _DAYS[moment.weekday()] != name:
        return False
    if which == "LAST":
        return moment.day + 7 > calendar.monthrange(moment.year, moment.month)[1]
    return (moment.day - 1) // 7 + 1 == _PLACES[which]


@TABLE.entry("dayOfWeek", "date", needs="runtime")
def day_of_week(rt: Runtime, value: Any) -> str:
    """Name of the weekday, MONDAY to SUNDAY."""
    return _DAYS[_read(rt, value).weekday()]


@TABLE.entry("dayOfMonth", "date", needs="runtime")
def day_of_month(rt: Runtime, value: Any) -> int:
    """Day of the month, 1 to 31."""
    return _read(rt, value).day


@TABLE.entry("monthOfYear", "date", needs="runtime")
def month_of_year(rt: Runtime, value: Any) -> int:
    """Month, 1 to 12."""
    return _read(rt, value).month


@TABLE.entry("hourOfDay", "date", needs="runtime")
def hour_of_day(rt: Runtime, value: Any) -> int:
    """Hour, 0 to 23."""
    return _read(rt, value).hour
