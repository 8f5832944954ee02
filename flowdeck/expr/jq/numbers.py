"""Builtins on numbers and dates."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flowdeck.expr.jq import values
from flowdeck.expr.jq.natives import function
from flowdeck.expr.jq.text import text_input
from flowdeck.expr.jq.values import JqError, type_name


def _math(name: str, run: Callable[[float], Any]) -> None:
    def apply(value: Any) -> Any:
        if not values.is_number(value):
            raise JqError(f"{type_name(value)} ({values.short(value)}) number required")
        try:
            return values.normal(run(value))
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    function(name)(apply)


for _name, _run in {
    "floor": math.floor, "ceil": math.ceil, "sqrt": math.sqrt, "fabs": abs, "exp": math.exp, "log": math.log,
    "log2": math.log2, "log10": math.log10, "exp2": lambda x: 2.0**x, "exp10": lambda x: 10.0**x,
    "round": lambda x: math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1), "trunc": math.trunc,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
}.items():  # fmt: skip
    _math(_name, _run)


@function("pow", 2)
def _pow(value: Any, base: Any, exponent: Any) -> Any:
    try:
        return values.normal(math.pow(base, exponent))
    except OverflowError:
        return math.inf


# ---------------------------------------------------------------- dates

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _broken_down(moment: datetime) -> list[Any]:
    seconds: Any = moment.second + moment.microsecond / 1e6 if moment.microsecond else moment.second
    weekday, yearday = moment.isoweekday() % 7, moment.timetuple().tm_yday - 1
    return [moment.year, moment.month - 1, moment.day, moment.hour, moment.minute, seconds, weekday, yearday]


@function("gmtime")
def _gmtime(value: Any) -> list[Any]:
    return _broken_down(_EPOCH + timedelta(seconds=value))


function("localtime")(_gmtime)


def _moment(parts: Any) -> datetime:
    year, month, day, hour, minute, second = parts[:6]
    return datetime(year, month + 1, day, hour, minute, tzinfo=UTC) + timedelta(seconds=second)


@function("mktime")
def _mktime(value: Any) -> int:
    if not isinstance(value, list) or len(value) < 6:
        raise JqError("mktime requires array of 6 numbers")
    return int((_moment(value) - _EPOCH).total_seconds())


@function("strptime", 1)
def _strptime(value: Any, pattern: Any) -> list[Any]:
    try:
        moment = datetime.strptime(text_input(value, "strptime/1"), pattern)
    except ValueError:
        raise JqError(f'date "{value}" does not match format "{pattern}"') from None
    return _broken_down(moment)


@function("strftime", 1)
def _strftime(value: Any, pattern: Any) -> str:
    moment = _moment(value) if isinstance(value, list) else _EPOCH + timedelta(seconds=value)
    return moment.strftime(pattern)


function("strflocaltime", 1)(_strftime)
