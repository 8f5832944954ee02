"""Text forms of values (expressions §1)."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import orjson

from flowdeck.expr.errors import ExpressionError


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of a map while a `for` walks it."""

    key: Any
    value: Any


def float_text(value: float) -> str:
    """Shortest form, always with a point."""
    if value != value:
        return "NaN"
    if value in (math.inf, -math.inf):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"
    return text


def instant_text(value: datetime) -> str:
    """ISO text of a native date-time; UTC is written `Z`, the fraction only when there is one."""
    text = value.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def duration_text(value: timedelta) -> str:
    """ISO-8601 text of a duration."""
    micros = value // timedelta(microseconds=1)
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    seconds, fraction = divmod(micros, 1_000_000)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{sign}PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if seconds or fraction or not (hours or minutes):
        text += str(seconds) + (f".{fraction:06d}".rstrip("0") if fraction else "") + "S"
    return text


def text_of(value: Any) -> str:
    """The text form of any value; null is empty (expressions §1)."""
    if isinstance(value, str):
        return str(value) if type(value) is not str else value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, (list, tuple, set, frozenset, Mapping)):
        return json_text(value)
    return scalar_text(value)


def scalar_text(value: Any) -> str:
    """Text of the rarer scalars. Raises ExpressionError for a value that is no plain data."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, (date, clock_time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, Entry):
        return f"{text_of(value.key)}={text_of(value.value)}"
    if isinstance(value, Enum):
        return text_of(value.value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    raise ExpressionError(f"A value of type {type(value).__name__} has no text form")


def _json_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, int):
        return orjson.Fragment(str(value))
    if isinstance(value, Entry):
        return {text_of(value.key): value.value}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    return scalar_text(value)


def without_nulls(value: Any) -> Any:
    """`value` with plain JSON containers and without map entries whose value is null."""
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else (text_of(key) if key is not None else "null"): without_nulls(item)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [without_nulls(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return orjson.Fragment(str(value))
    if isinstance(value, float) and (math.isinf(value) or math.isnan(value)):
        return float_text(value)
    return value


_JSON_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def json_text(value: Any) -> str:
    """Compact JSON; null map entries are dropped. Raises ExpressionError for what JSON can not hold."""
    try:
        return orjson.dumps(without_nulls(value), _json_default, _JSON_OPTIONS).decode()
    except (TypeError, orjson.JSONEncodeError) as error:
        cause = error.__cause__
        raise cause if isinstance(cause, ExpressionError) else ExpressionError(f"No JSON: {error}") from None
