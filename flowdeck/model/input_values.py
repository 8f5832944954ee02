"""One value of a typed input or flow output: from its textual or native form to the typed one (spec: workflow
components §3.3).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import regex

from flowdeck.expr.regexes import compiled
from flowdeck.model.coerce import to_text
from flowdeck.model.durations import DurationError, parse_duration
from flowdeck.model.yaml_tree import SourceError, load_plain

ENCRYPTED = "io.kestra.datatype:aes_encrypted"
MASK = "******"
SUGGESTED_FILE_SCHEMES = ("kestra", "nsfile", "file")

_INT = re.compile(r"[-+]?[0-9]{1,12}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_DATETIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?([Zz]|[-+]\d{2}(?::?\d{2})?)(?:\[[\w/+-]+\])?"
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"(\d{2}:\d{2})(:\d{2})?(?:\.(\d{1,9}))?")
_URI = re.compile(
    r"[a-z][a-z0-9+.-]*://[-a-zA-Z0-9@:%._+~#=]{1,256}\.[a-zA-Z0-9()]{1,6}(?:[:/?#][-a-zA-Z0-9()@:%_+.~#?&/=,;!$'*]*)?"
)
_EMAIL = re.compile(r"[a-zA-Z0-9_!#$%&'*+/=?`{|}~^.-]+@[a-zA-Z0-9.-]+")
_PATTERN_SECONDS = 0.25


class InputValueError(ValueError):
    """The text behind `Cause:`."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file sent with a request: where it was put, what it was called, its bytes."""

    uri: str
    name: str
    size: int


def parse_value(
    kind: str, value: Any, props: Mapping[str, Any], name: str = "", choices: Sequence[str] | None = None
) -> Any:
    """The typed form of a value that is not None; `InputValueError` when it has none or breaks a rule of the input.

    `choices` are the values of a SELECT or MULTISELECT, rendered; None = those in `props`. SECRET comes back as
    plain text.
    """
    parser = _PARSERS.get(kind)
    if parser is None:
        raise InputValueError(f"Invalid type: {kind}")
    if kind in ("SELECT", "ENUM", "MULTISELECT") and choices is None:
        choices = [to_text(x) for x in props.get("values") or props.get("options") or ()]
        if not choices and "values" not in props and "options" not in props:
            return _multiselect(value, props, name, None) if kind == "MULTISELECT" else _string(value)
    return parser(value, props, name, choices)


def _bad(kind: str, value: Any) -> InputValueError:
    shown = to_text(value)
    return InputValueError(f"`{shown[:100]}` is not a valid `{kind}`")


def _string(value: Any) -> str:
    return to_text(value)


def _text(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> str:
    found = _string(value)
    pattern = props.get("validator")
    if pattern:
        try:
            matched = compiled(str(pattern)).fullmatch(found, timeout=_PATTERN_SECONDS)
        except TimeoutError:
            raise InputValueError(f"matching the pattern `{pattern}` takes too long") from None
        except regex.error:
            raise InputValueError(f"invalid pattern [{pattern}]") from None
        if not matched:
            raise InputValueError(f"it must match the pattern `{pattern}`")
    return found


def _bounds(found: Any, low: Any, high: Any, words: tuple[str, str], shown: tuple[Any, Any]) -> None:
    if low is not None and found < low:
        raise InputValueError(f"{words[0]} `{to_text(shown[0])}`")
    if high is not None and found > high:
        raise InputValueError(f"{words[1]} `{to_text(shown[1])}`")


_MORE = ("it must be more than", "it must be less than")
_LATER = ("it must be after", "it must be before")


def _int(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> int:
    if isinstance(value, bool):
        raise _bad("INT", value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int):
        text = _string(value).strip()
        if not _INT.fullmatch(text):
            raise _bad("INT", value)
        value = int(text)
    if not -(2**31) <= value < 2**31:
        raise _bad("INT", value)
    low, high = props.get("min"), props.get("max")
    _bounds(value, low, high, _MORE, (low, high))
    return value


def _float(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> float:
    if isinstance(value, bool):
        raise _bad("FLOAT", value)
    if not isinstance(value, int | float):
        text = _string(value).strip()
        if not _FLOAT.fullmatch(text):
            raise _bad("FLOAT", value)
        value = text
    found = float(value)
    if not math.isfinite(found):
        raise _bad("FLOAT", value)
    low, high = props.get("min"), props.get("max")
    _bounds(found, low, high, _MORE, (low, high))
    return found


def _boolean(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> bool:
    return value if isinstance(value, bool) else _string(value).strip().lower() == "true"


def _fraction(digits: str | None) -> str:
    """Fraction of a second as instants are written: in groups of three digits, without empty ones."""
    digits = (digits or "").rstrip("0")
    return "." + digits.ljust(-(-len(digits) // 3) * 3, "0") if digits else ""


def _read_datetime(value: Any) -> tuple[datetime, str]:
    """Instant (to the microsecond) and its text."""
    if isinstance(value, datetime):
        value = value.isoformat()
    match = _DATETIME.fullmatch(_string(value).strip())
    if match is None:
        raise _bad("DATETIME", value)
    day, clock, digits, offset = match.groups()
    fraction = (digits or "").ljust(6, "0")[:6]
    try:
        when = datetime.fromisoformat(f"{day}T{clock if len(clock) > 5 else clock + ':00'}{offset.upper()}").astimezone(
            UTC
        )
    except (ValueError, OverflowError):
        raise _bad("DATETIME", value) from None
    text = when.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + _fraction(digits) + "Z"
    return when.replace(microsecond=int(fraction)), text


def _datetime(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> str:
    when, text = _read_datetime(value)
    low, high = props.get("after"), props.get("before")
    _bounds(
        when,
        _limit(low, lambda x: _read_datetime(x)[0]),
        _limit(high, lambda x: _read_datetime(x)[0]),
        _LATER,
        (low, high),
    )
    return text


def _read_date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = _string(value).strip()
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _bad("DATE", value)


def _date(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> str:
    when = _read_date(value)
    low, high = props.get("after"), props.get("before")
    _bounds(when, _limit(low, _read_date), _limit(high, _read_date), _LATER, (low, high))
    return when.isoformat()


def _read_time(value: Any) -> tuple[time, str]:
    text = value.isoformat() if isinstance(value, time) else _string(value).strip()
    match = _TIME.fullmatch(text)
    if match is None or (match.group(3) and not match.group(2)):
        raise _bad("TIME", value)
    head, seconds, digits = match.groups()
    try:
        when = time.fromisoformat(head + (seconds or ":00"))
    except ValueError:
        raise _bad("TIME", value) from None
    tail = _fraction(digits)
    shown = head if not tail and seconds in (None, ":00") else head + (seconds or ":00") + tail
    return when.replace(microsecond=int((digits or "").ljust(6, "0")[:6])), shown


def _time(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> str:
    when, text = _read_time(value)
    low, high = props.get("after"), props.get("before")
    _bounds(
        when, _limit(low, lambda x: _read_time(x)[0]), _limit(high, lambda x: _read_time(x)[0]), _LATER, (low, high)
    )
    return text


def _limit(value: Any, read: Callable[[Any], Any]) -> Any:
    """A limit of the input, None when it is absent or itself unreadable."""
    try:
        return None if value is None else read(value)
    except InputValueError:
        return None


def _duration(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> str:
    text = _string(value).strip()
    try:
        span = parse_duration(text)
    except DurationError:
        raise _bad("DURATION", value) from None
    low, high = props.get("min"), props.get("max")
    words = ("It must be more than", "It must be less than")
    _bounds(span, _limit_span(low), _limit_span(high), words, (low, high))
    return text.upper()


def _limit_span(value: Any) -> int | None:
    try:
        return None if value is None else parse_duration(_string(value))
    except DurationError:
        return None


def _select(value: Any, props: Mapping[str, Any], name: str, choices: Sequence[str] | None) -> str:
    found = _string(value)
    _is_choice(found, props, choices)
    return found


def _is_choice(found: str, props: Mapping[str, Any], choices: Sequence[str] | None) -> None:
    if choices is not None and not props.get("allowCustomValue") and found not in choices:
        raise InputValueError(f"it must match the values `[{', '.join(choices)}]`")


def _as_list(value: Any, kind: str) -> list[Any]:
    """A list, or the text of one in JSON or YAML."""
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=_finite, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            try:
                value = load_plain(value)
            except SourceError:
                raise _bad(kind, value) from None
    if isinstance(value, tuple | set | frozenset):
        value = list(value)
    if not isinstance(value, list):
        raise _bad(kind, value)
    return value


def _elements(values: list[Any], item: str | None, name: str) -> list[Any]:
    if item is None:
        return values
    out = []
    for element in values:
        try:
            out.append(None if element is None else parse_value(item, element, {}, name))
        except InputValueError:
            raise InputValueError(f"Unable to parse array element as `{item}` on `{to_text(element)[:100]}`") from None
    return out


def _multiselect(value: Any, props: Mapping[str, Any], name: str, choices: Sequence[str] | None) -> list[Any]:
    if isinstance(value, str) and value in (choices or ()):
        value = [value]  # one part of a form that may be repeated
    found = _elements(_as_list(value, "MULTISELECT"), props.get("itemType"), name)
    for element in found:
        _is_choice(_string(element), props, choices)
    return found


def _array(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> list[Any]:
    return _elements(_as_list(value, "ARRAY"), props.get("itemType"), name)


def _json(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_float=_finite, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InputValueError(f"`{value[:100]}` is not a valid `JSON`: {error}") from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:32]} is too large for a number")
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _yaml(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return load_plain(value)
    except SourceError as error:
        reason = str(error).removeprefix("Illegal flow yaml: ")
        raise InputValueError(f"`{value[:100]}` is not a valid `YAML`: {reason}") from None


def _file(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> str:
    if isinstance(value, Upload):
        check_extension(value.name, props)
        if value.size == 0:
            raise InputValueError(f"Can't upload file: {name}")
        return value.uri
    text = _string(value)
    scheme = text.partition("://")[0]
    if "://" not in text or scheme not in SUGGESTED_FILE_SCHEMES or ".." in text.split("/"):
        raise _bad("FILE", value)
    if text.rpartition("/")[2] != name:  # a part that is called like the input does not tell its extension
        check_extension(text, props)
    return text


def check_extension(file_name: str, props: Mapping[str, Any]) -> None:
    """`InputValueError` when the input does not take files of that name."""
    allowed = props.get("allowedFileExtensions")
    if allowed and not any(file_name.lower().endswith(x.lower()) for x in allowed):
        raise InputValueError(f"File type not allowed, expected one of [{', '.join(allowed)}]")


def _uri(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> str:
    text = _string(value)
    if len(text) > 8192 or not _URI.fullmatch(text):
        raise InputValueError("Invalid URI format.")
    return text


def _email(value: Any, props: Mapping[str, Any], name: str, choices: Any) -> str:
    text = _string(value)
    if text and (len(text) > 1000 or not _EMAIL.fullmatch(text)):
        raise InputValueError("The input must be a valid email")
    return text


_PARSERS: dict[str, Callable[[Any, Mapping[str, Any], str, Any], Any]] = {
    "STRING": _text,
    "SECRET": _text,
    "INT": _int,
    "FLOAT": _float,
    "BOOLEAN": _boolean,
    "BOOL": _boolean,
    "DATETIME": _datetime,
    "DATE": _date,
    "TIME": _time,
    "DURATION": _duration,
    "SELECT": _select,
    "ENUM": _select,
    "MULTISELECT": _multiselect,
    "ARRAY": _array,
    "JSON": _json,
    "YAML": _yaml,
    "FILE": _file,
    "URI": _uri,
    "EMAIL": _email,
}
