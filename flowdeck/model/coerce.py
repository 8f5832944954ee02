"""Conversion of JSON values and rendered texts to the Python values of typed properties (spec: core plugins §0,
rule 3).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flowdeck.model.durations import DurationError, parse_timedelta

Converter = Callable[[Any], Any]


class ConversionError(ValueError):
    """A value can't become the type that its property has."""


def _refuse(value: Any, name: str) -> ConversionError:
    shown = value if isinstance(value, str) else to_text(value)
    return ConversionError(f"Cannot convert '{shown[:200]}' to {name}")


def to_text(value: Any) -> str:
    """Text form of a JSON value: booleans and numbers as written in YAML, maps and lists as JSON."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return f"{value:.1f}" if abs(value) < 1e16 and value == int(value) else repr(value)
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def to_integer(value: Any) -> int:
    """An integer from a number or a text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) < 40:
        try:
            return int(value.strip().replace("_", "x"))
        except ValueError:
            pass
    raise _refuse(value, "an integer")


def to_number(value: Any) -> float:
    """A number from a number or a text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and len(value) < 400:
        try:
            return float(value.strip().replace("_", "x"))
        except ValueError:
            pass
    raise _refuse(value, "a number")


def to_boolean(value: Any) -> bool:
    """A boolean from a boolean or the texts `true` and `false` in any case."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        match value.strip().lower():
            case "true":
                return True
            case "false":
                return False
    raise _refuse(value, "a boolean")


def to_duration(value: Any) -> timedelta:
    """A span from an ISO-8601 duration."""
    if isinstance(value, timedelta):
        return value
    try:
        return parse_timedelta(to_text(value))
    except DurationError as error:
        raise ConversionError(str(error)) from None


def to_datetime(value: Any) -> datetime:
    """An instant with zone from ISO text; a text without offset is taken as UTC."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    text = to_text(value).strip()
    zone, bracket, _ = text.partition("[")  # 2024-01-01T00:00+01:00[Europe/Paris]
    try:
        found = datetime.fromisoformat(zone if bracket else text)
    except ValueError:
        raise _refuse(value, "a date and time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def to_date(value: Any) -> date:
    """A calendar date from ISO text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(to_text(value).strip())
    except ValueError:
        raise _refuse(value, "a date") from None


def to_time(value: Any) -> time:
    """A time of day from ISO text, offset allowed."""
    if isinstance(value, time):
        return value
    try:
        return time.fromisoformat(to_text(value).strip())
    except ValueError:
        raise _refuse(value, "a time") from None


def same(value: Any) -> Any:
    """Any value, as it is."""
    return value


def to_labels(value: Any) -> dict[str, str]:
    """Labels from a map, a list of `{key, value}` or a JSON text of either."""
    data = _from_json_text(value)
    if isinstance(data, dict):
        pairs = list(data.items())
    elif isinstance(data, list) and all(isinstance(x, dict) and "key" in x for x in data):
        pairs = [(x["key"], x.get("value")) for x in data]
    else:
        raise _refuse(value, "labels")
    out: dict[str, str] = {}
    for key, item in pairs:
        if isinstance(item, dict | list):
            raise ConversionError(f"The value of label '{key}' must be a text")
        out[to_text(key)] = to_text(item)
    return out


def _from_json_text(value: Any) -> Any:
    """Maps and lists may come as JSON text."""
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in "[{" and text:
            try:
                return json.loads(text)
            except ValueError:
                return value
    return value


_SCALAR: dict[str, Converter] = {
    "text": to_text,
    "integer": to_integer,
    "number": to_number,
    "boolean": to_boolean,
    "duration": to_duration,
    "datetime": to_datetime,
    "date": to_date,
    "time": to_time,
    "any": same,
}


def converter_of_scalar(name: str) -> Converter:
    """Converter of a scalar shape."""
    return _SCALAR[name]


def one_of(values: Sequence[str], enum: type | None = None) -> Converter:
    """Converter of an enumeration; its values are compared without regard to case."""
    known = {value.lower(): value for value in values}

    def convert(value: Any) -> Any:
        found = known.get(to_text(getattr(value, "value", value)).strip().lower())
        if found is None:
            raise ConversionError(f"'{to_text(value)[:200]}' is not one of {', '.join(values)}")
        return found if enum is None else enum(found)

    return convert


def list_of(item: Converter) -> Converter:
    """Converter of a list, or of a JSON text of one."""

    def convert(value: Any) -> list[Any]:
        data = _from_json_text(value)
        if not isinstance(data, list | tuple):
            raise _refuse(value, "a list")
        return [item(x) for x in data]

    return convert


def map_of(item: Converter) -> Converter:
    """Converter of a map with text keys, or of a JSON text of one."""

    def convert(value: Any) -> dict[str, Any]:
        data = _from_json_text(value)
        if not isinstance(data, dict):
            raise _refuse(value, "a map")
        return {to_text(k): item(x) for k, x in data.items()}

    return convert


def optional(converters: Sequence[Converter]) -> Converter:
    """Converter of a union: text only when nothing else fits."""
    ordered = sorted(converters, key=lambda c: c in (to_text, same))

    def convert(value: Any) -> Any:
        last: ValueError | None = None
        for converter in ordered:
            if converter is to_text and isinstance(value, dict | list):
                continue
            try:
                return converter(value)
            except ValueError as error:
                last = error
        raise last or _refuse(value, "an accepted type")

    return convert
