"""Dates in the patterns of Java's `DateTimeFormatter` (expressions §9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.locales import Names, names_of
from flowdeck.expr.values import is_number, kind

NAMED = {
    "iso": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "iso_sec": "yyyy-MM-dd'T'HH:mm:ssXXX",
    "sql": "yyyy-MM-dd HH:mm:ss.SSSSSS",
    "sql_seq": "yyyy-MM-dd HH:mm:ss",
    "iso_date_time": "yyyy-MM-dd'T'HH:mm:ss\x01XXX\x02",
    "iso_zoned_date_time": "yyyy-MM-dd'T'HH:mm:ss\x01XXX\x02",
    "iso_offset_date_time": "yyyy-MM-dd'T'HH:mm:ss\x01XXX",
    "iso_local_date_time": "yyyy-MM-dd'T'HH:mm:ss\x01",
    "iso_local_date": "yyyy-MM-dd",
    "iso_local_time": "HH:mm:ss\x01",
    "iso_date": "yyyy-MM-ddXXX",
    "iso_offset_date": "yyyy-MM-ddXXX",
    "iso_time": "HH:mm:ss\x01XXX",
    "iso_offset_time": "HH:mm:ss\x01XXX",
    "iso_instant": "yyyy-MM-dd'T'HH:mm:ss\x01XXX",
    "iso_ordinal_date": "yyyy-DDDXXX",
    "iso_week_date": "\x03XXX",
    "basic_iso_date": "yyyyMMddXX",
    "rfc_1123_date_time": "EEE, d MMM yyyy HH:mm:ss \x04",
    "full": "EEEE, MMMM d, y 'at' h:mm:ss a z",
    "long": "MMMM d, y 'at' h:mm:ss a z",
    "medium": "MMM d, y, h:mm:ss a",
    "short": "M/d/yy, h:mm a",
}
UNITS = {
    "MICROS": timedelta(microseconds=1), "MILLIS": timedelta(milliseconds=1), "SECONDS": timedelta(seconds=1),
    "MINUTES": timedelta(minutes=1), "HOURS": timedelta(hours=1), "HALF_DAYS": timedelta(hours=12),
}  # fmt: skip
CALENDAR_DAYS = {"DAYS": 1, "WEEKS": 7}
CALENDAR_MONTHS = {"MONTHS": 1, "YEARS": 12, "DECADES": 120, "CENTURIES": 1200}

_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?$", re.ASCII)


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """Time zone of an id (`Europe/Paris`) or offset (`+02:00`, `Z`). Raises ExpressionError."""
    if name == "Z":
        return UTC
    if name in ("UTC", "GMT", "UT"):
        return ZoneInfo("GMT" if name == "GMT" else "UTC")
    found = _OFFSET.match(name)
    if found:
        sign, hours, minutes, seconds = found.groups()
        shift = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
        if shift <= timedelta(hours=18):
            return timezone(-shift if sign == "-" else shift)
    elif re.fullmatch(r"[A-Za-z][A-Za-z0-9/_+-]*", name):
        try:
            return ZoneInfo(name)
        except (ValueError, KeyError, OSError):
            pass
    raise ExpressionError(f"Unknown time zone `{name}`")


# ---------------------------------------------------------------- reading

_ISO = re.compile(
    r"([+-]?\d{4,9})-(\d{2})-(\d{2})(?:[Tt](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"(Z|z|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)?(?:\[([^\]]+)\])?$",
    re.ASCII,
)


def read_date(value: Any, zone: tzinfo, pattern: str | None = None, locale: str = "en") -> datetime:
    """An aware date-time of a native date, epoch seconds or text.

    Args:
        zone: for values that carry none.
        pattern: format of a text, a name or Java letters; without it ISO.
    Raises ExpressionError.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, date):
        return datetime.combine(value, time(12), zone)
    try:
        if is_number(value):
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
                seconds=value if isinstance(value, int) else float(value)
            )
        if isinstance(value, str):
            if pattern is not None:
                return parse(value, pattern, zone, locale)
            return _iso(value.strip(), zone)
    except (OverflowError, ValueError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"Unable to parse the date '{str(value)[:100]}': {error}") from None
    raise ExpressionError(f"A {kind(value)} is no date")


def _iso(text: str, zone: tzinfo) -> datetime:
    found = _ISO.match(text)
    if found is None:
        raise ExpressionError(f"Unable to parse the date '{text[:100]}'", hint="Give its pattern as existingFormat.")
    year, month, day, hour, minute, second, fraction, offset, region = found.groups()
    micro = int((fraction or "0").ljust(6, "0")[:6])
    local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro)
    if offset:
        aware = local.replace(tzinfo=zone_of(offset.upper()))
        return aware.astimezone(zone_of(region)) if region else aware
    return local.replace(tzinfo=zone_of(region) if region else zone)


# ---------------------------------------------------------------- patterns

Token = tuple[str, str | int | list[Any]]


@lru_cache(maxsize=512)
def tokens(pattern: str) -> list[Any]:
    """A pattern as (letter, count), ("'", text) and ("[", tokens). Raises ExpressionError."""
    if len(pattern) > 500:
        raise ExpressionError("The date pattern is too long")
    stack: list[list[Any]] = [[]]
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == "'":
            if pattern[index + 1 : index + 2] == "'":
                stack[-1].append(("'", "'"))
                index += 2
                continue
            end, text = index + 1, ""
            while True:
                close = pattern.find("'", end)
                if close < 0:
                    raise ExpressionError(f"Pattern ends with an incomplete string literal: {pattern}")
                text += pattern[end:close]
                if pattern[close + 1 : close + 2] != "'":
                    break
                text, end = text + "'", close + 2
            stack[-1].append(("'", text))
            index = close + 1
        elif char == "[":
            stack.append([])
            index += 1
        elif char == "]":
            if len(stack) == 1:
                raise ExpressionError(f"Pattern invalid as it contains ] without previous [: {pattern}")
            inner = stack.pop()
            stack[-1].append(("[", inner))
            index += 1
        elif char.isascii() and char.isalpha():
            end = index
            while end < len(pattern) and pattern[end] == char:
                end += 1
            count = end - index
            if char not in _LETTERS or count > _LETTERS[char]:
                raise ExpressionError(f"Unknown or too many pattern letters: {char * count}")
            stack[-1].append((char, count))
            index = end
        elif char in "{}#":
            raise ExpressionError(f"Pattern includes reserved character: '{char}'")
        else:
            stack[-1].append(("'" if char >= " " else char, char))
            index += 1
    while len(stack) > 1:
        inner = stack.pop()
        stack[-1].append(("[", inner))
    return stack[0]


# Letters and the greatest count each takes.
_LETTERS = {
    "G": 5, "y": 19, "u": 19, "Y": 19, "Q": 5, "q": 5, "M": 5, "L": 5, "w": 2, "W": 1, "d": 2, "D": 3, "F": 1,
    "E": 5, "e": 5, "c": 5, "a": 1, "B": 5, "H": 2, "h": 2, "k": 2, "K": 2, "m": 2, "s": 2, "S": 9, "n": 19,
    "N": 19, "A": 19, "X": 5, "x": 5, "Z": 5, "O": 4, "V": 2, "z": 4, "v": 4,
}  # fmt: skip


def resolve(pattern: str) -> str:
    """A named pattern or the pattern itself."""
    return NAMED.get(pattern.lower() if pattern.lower() in NAMED else pattern, pattern)


def format_date(value: datetime, pattern: str, locale: str = "en") -> str:
    """`value`, which is aware, as text of a named or a Java pattern. Raises ExpressionError."""
    if pattern.lower() == "iso":
        return _iso_text(value)
    names = names_of(locale)
    if pattern.lower() == "iso_instant":
        value = value.astimezone(UTC)
    return "".join(_written(token, value, names) for token in tokens(resolve(pattern)))


def _iso_text(value: datetime) -> str:
    text = value.isoformat(timespec="microseconds")
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def _written(token: Token, value: datetime, names: Names) -> str:
    letter, count = token
    if letter == "'":
        return str(count)
    if letter == "[":
        assert isinstance(count, list)
        return "".join(_written(inner, value, names) for inner in count)
    return _WRITERS[letter](value, count, names)


def _year(value: int, count: Any) -> str:
    return f"{value % 100:02d}" if count == 2 else str(value).zfill(count)


def _month(value: datetime, count: Any, names: Names) -> str:
    if count < 3:
        return str(value.month).zfill(count)
    long, short = names.months[value.month - 1]
    return (short, long, long[0].upper())[count - 3]


def _day_name(value: datetime, count: Any, names: Names) -> str:
    long, short = names.days[value.weekday()]
    return short if count <= 3 else long if count == 4 else long[0].upper()


def _local_day(value: datetime, count: Any, names: Names) -> str:
    return str(value.isoweekday() % 7 + 1).zfill(count) if count < 3 else _day_name(value, count, names)


def week_of(day: date) -> tuple[int, int]:
    """Week year and week where weeks start on Sunday and the first has at least one day."""
    sunday = day - timedelta(days=day.isoweekday() % 7)
    saturday = sunday + timedelta(days=6)
    year = saturday.year
    first = date(year, 1, 1)
    first_sunday = first - timedelta(days=first.isoweekday() % 7)
    return year, (sunday - first_sunday).days // 7 + 1


def _quarter(value: datetime, count: Any, names: Names) -> str:
    quarter = (value.month + 2) // 3
    ordinal = ("1st", "2nd", "3rd", "4th")[quarter - 1] + " quarter"
    return str(quarter).zfill(count) if count < 3 else (f"Q{quarter}", ordinal, str(quarter))[count - 3]


def _offset(value: datetime, count: Any, zero: str) -> str:
    shift = value.utcoffset() or timedelta()
    if not shift and zero == "Z":
        return "Z"
    seconds = int(shift.total_seconds())
    sign, seconds = ("-" if seconds < 0 else "+"), abs(seconds)
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    if count == 1:
        return f"{sign}{hours:02d}" + (f"{minutes:02d}" if minutes else "")
    colon = ":" if count in (3, 5) else ""
    tail = f"{colon}{rest:02d}" if count > 3 and rest else ""
    return f"{sign}{hours:02d}{colon}{minutes:02d}{tail}"


def _old_offset(value: datetime, count: Any, names: Names) -> str:
    if count <= 3:
        return _offset(value, 2, "")
    return _gmt(value, 4, names) if count == 4 else _offset(value, 5, "Z")


def _gmt(value: datetime, count: Any, names: Names) -> str:
    seconds = int((value.utcoffset() or timedelta()).total_seconds())
    if not seconds:
        return "GMT"
    sign, seconds = ("-" if seconds < 0 else "+"), abs(seconds)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if count == 4:
        return f"GMT{sign}{hours:02d}:{minutes:02d}"
    return f"GMT{sign}{hours}" + (f":{minutes:02d}" if minutes else "")


def zone_id(value: datetime) -> str:
    """The id of the zone of an aware date-time, as Java writes it."""
    if isinstance(value.tzinfo, ZoneInfo):
        return value.tzinfo.key
    return _offset(value, 5, "Z")


def _region(value: datetime, count: Any, names: Names) -> str:
    return f"[{zone_id(value)}]" if isinstance(value.tzinfo, ZoneInfo) else ""


def _zone_name(value: datetime, count: Any, names: Names) -> str:
    name = value.tzname() or ""
    if count == 4:
        return {"UTC": "Coordinated Universal Time", "GMT": "Greenwich Mean Time"}.get(name, zone_id(value))
    return name if name.isalpha() else zone_id(value)


def _fraction(value: datetime, count: Any, names: Names) -> str:
    return f"{value.microsecond * 1000:09d}"[:count]


def _short_fraction(value: datetime, count: Any, names: Names) -> str:
    return f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""


def _milli_of_day(value: datetime) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000


def _iso_week(value: datetime, count: Any, names: Names) -> str:
    year, week, day = value.isocalendar()
    return f"{year:04d}-W{week:02d}-{day}"


_WRITERS: dict[str, Callable[[datetime, Any, Names], str]] = {
    "G": lambda d, n, x: "AD" if n < 4 else "Anno Domini" if n == 4 else "A",
    "y": lambda d, n, x: _year(d.year, n),
    "u": lambda d, n, x: _year(d.year, n),
    "Y": lambda d, n, x: _year(week_of(d.date())[0], n),
    "w": lambda d, n, x: str(week_of(d.date())[1]).zfill(n),
    "W": lambda d, n, x: str((d.day + date(d.year, d.month, 1).isoweekday() % 7 - 1) // 7 + 1),
    "Q": _quarter,
    "q": _quarter,
    "M": _month,
    "L": _month,
    "d": lambda d, n, x: str(d.day).zfill(n),
    "D": lambda d, n, x: str(d.timetuple().tm_yday).zfill(n),
    "F": lambda d, n, x: str((d.day - 1) // 7 + 1),
    "E": _day_name,
    "e": _local_day,
    "c": _local_day,
    "a": lambda d, n, x: "AM" if d.hour < 12 else "PM",
    "B": lambda d, n, x: "in the morning" if d.hour < 12 else "in the afternoon" if d.hour < 18 else "in the evening",
    "H": lambda d, n, x: str(d.hour).zfill(n),
    "h": lambda d, n, x: str((d.hour + 11) % 12 + 1).zfill(n),
    "k": lambda d, n, x: str(d.hour or 24).zfill(n),
    "K": lambda d, n, x: str(d.hour % 12).zfill(n),
    "m": lambda d, n, x: str(d.minute).zfill(n),
    "s": lambda d, n, x: str(d.second).zfill(n),
    "S": _fraction,
    "n": lambda d, n, x: str(d.microsecond * 1000).zfill(n),
    "N": lambda d, n, x: str(_milli_of_day(d) * 1_000_000 + d.microsecond % 1000 * 1000).zfill(n),
    "A": lambda d, n, x: str(_milli_of_day(d)).zfill(n),
    "X": lambda d, n, x: _offset(d, n, "Z"),
    "x": lambda d, n, x: _offset(d, n, ""),
    "Z": _old_offset,
    "O": _gmt,
    "V": lambda d, n, x: zone_id(d),
    "z": _zone_name,
    "v": _zone_name,
    "\x01": _short_fraction,
    "\x02": _region,
    "\x03": _iso_week,
    "\x04": lambda d, n, x: "GMT" if not d.utcoffset() else _offset(d, 2, ""),
}


# ---------------------------------------------------------------- parsing by pattern


def parse(text: str, pattern: str, zone: tzinfo, locale: str = "en") -> datetime:
    """An aware date-time of `text` in a named or Java pattern. Raises ExpressionError."""
    resolved = resolve(pattern)
    expression, fields = _reader(resolved, locale)
    found = expression.match(text)
    if found is None:
        raise ExpressionError(f"Text '{text[:100]}' could not be parsed with the pattern `{pattern}`")
    got: dict[str, Any] = {}
    names = names_of(locale)
    for group, letter, count in fields:
        written = found.group(group)
        if written is not None:
            _take(got, letter, count, written, names)
    try:
        return _assembled(got, zone)
    except (ValueError, OverflowError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"Text '{text[:100]}' could not be parsed: {error}") from None


@lru_cache(maxsize=256)
def _reader(pattern: str, locale: str) -> tuple[re.Pattern[str], list[tuple[str, str, int]]]:
    fields: list[tuple[str, str, int]] = []
    body = _reader_part(tokens(pattern), names_of(locale), fields)
    return re.compile(body + r"\Z", re.ASCII | re.IGNORECASE), fields


def _alternatives(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(set(words), key=len, reverse=True))


def _reader_part(items: list[Any], names: Names, fields: list[tuple[str, str, int]]) -> str:
    out: list[str] = []
    for at, (letter, count) in enumerate(items):
        if letter == "'":
            out.append(re.escape(str(count)))
            continue
        if letter == "[":
            out.append(f"(?:{_reader_part(count, names, fields)})?")
            continue
        adjacent = at + 1 < len(items) and items[at + 1][0] in "yuMdHhkKmsSDnA"
        group = f"g{len(fields)}"
        fields.append((group, letter, count if isinstance(count, int) else 0))
        out.append(f"(?P<{group}>{_reader_field(letter, count, names, adjacent)})")
    return "".join(out)


def _reader_field(letter: str, count: Any, names: Names, adjacent: bool) -> str:
    if letter in "ML" and count >= 3:
        return _alternatives([pair[1 if count == 3 else 0] for pair in names.months])
    if letter in "Eec" and (letter == "E" or count >= 3):
        return _alternatives([pair[1 if count <= 3 else 0] for pair in names.days])
    if letter in "yu":
        if count == 2:
            return r"\d{2}"
        return rf"\d{{{count}}}" if adjacent and count > 1 else rf"[+-]?\d{{{count},{max(count, 9)}}}"
    if letter in "MLdHhkKmsD":
        return rf"\d{{{count}}}" if count > 1 else r"\d{1,3}" if letter == "D" else r"\d{1,2}"
    if letter == "S":
        return rf"\d{{{count}}}"
    if letter in "nNA":
        return r"\d{1,19}"
    if letter == "a":
        return "AM|PM"
    if letter in "XxZ":
        return r"Z|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?" if letter != "x" else r"[+-]\d{2}(?::?\d{2})?"
    if letter == "O":
        return r"GMT(?:[+-]\d{1,2}(?::?\d{2})?)?"
    if letter in "Vzv":
        return r"[A-Za-z][A-Za-z0-9/_+-]*|Z|[+-]\d{2}:?\d{2}"
    if letter == "\x01":
        return r"(?:\.\d{1,9})?"
    if letter == "\x02":
        return r"(?:\[[^\]]+\])?"
    if letter == "\x04":
        return r"GMT|[+-]\d{4}"
    raise ExpressionError(f"The pattern letter {letter!r} can not be read")


_FIELDS = {"y": "year", "u": "year", "d": "day", "D": "ordinal", "H": "hour", "k": "hour", "m": "minute", "s": "second"}


def _take(got: dict[str, Any], letter: str, count: int, text: str, names: Names) -> None:
    lowered = text.lower()
    if letter in "ML":
        if count < 3:
            got["month"] = int(text)
        else:
            got["month"] = next(i for i, pair in enumerate(names.months, 1) if lowered in (p.lower() for p in pair))
    elif letter in "yu" and count == 2:
        got["year"] = 2000 + int(text)
    elif letter in _FIELDS:
        got[_FIELDS[letter]] = int(text) % 24 if letter == "k" else int(text)
    elif letter in "hK":
        got["half_hour"] = int(text) % 12
    elif letter == "a":
        got["afternoon"] = lowered == "pm"
    elif letter == "S":
        got["micro"] = int(text.ljust(6, "0")[:6])
    elif letter == "\x01" and text:
        got["micro"] = int(text[1:].ljust(6, "0")[:6])
    elif letter == "n":
        got["micro"] = int(text) // 1000
    elif letter == "A":
        got["milli_of_day"] = int(text)
    elif letter in "XxZO\x04":
        got["zone"] = zone_of("Z" if lowered == "gmt" else text.upper())
    elif letter in "Vzv":
        got["region"] = zone_of(text)
    elif letter == "\x02" and text:
        got["region"] = zone_of(text[1:-1])


def _assembled(got: dict[str, Any], zone: tzinfo) -> datetime:
    if "half_hour" in got:
        got["hour"] = got["half_hour"] + (12 if got.get("afternoon") else 0)
    year = got.get("year", 1970)
    if "ordinal" in got and "month" not in got:
        day = date(year, 1, 1) + timedelta(days=got["ordinal"] - 1)
    else:
        day = date(year, got.get("month", 1), got.get("day", 1))
    clock = time(got.get("hour", 0), got.get("minute", 0), got.get("second", 0), got.get("micro", 0))
    local = datetime.combine(day, clock)
    if "milli_of_day" in got:
        local = datetime.combine(day, time()) + timedelta(milliseconds=got["milli_of_day"])
    if "zone" in got:
        aware = local.replace(tzinfo=got["zone"])
        return aware.astimezone(got["region"]) if "region" in got else aware
    return local.replace(tzinfo=got.get("region", zone))


# ---------------------------------------------------------------- arithmetic


def add(value: datetime, amount: int, unit: str) -> datetime:
    """`value` plus an amount of a unit; days and longer on the calendar of its zone. Raises ExpressionError."""
    name = unit.upper()
    try:
        if name == "NANOS":
            return _exact(value, timedelta(microseconds=amount // 1000))
        if name in UNITS:
            return _exact(value, UNITS[name] * amount)
        if name in CALENDAR_DAYS:
            return _valid(value + timedelta(days=CALENDAR_DAYS[name] * amount))
        if name in CALENDAR_MONTHS:
            months = value.year * 12 + value.month - 1 + CALENDAR_MONTHS[name] * amount
            year, month = divmod(months, 12)
            after = date(year + (month == 11), (month + 1) % 12 + 1, 1)
            last = (after - timedelta(days=1)).day
            return _valid(value.replace(year=year, month=month + 1, day=min(value.day, last)))
    except (OverflowError, ValueError):
        raise ExpressionError(f"The date is out of range after adding {amount} {name}") from None
    raise ExpressionError(f"Unknown unit `{unit}`", hint="One of NANOS … CENTURIES, e.g. DAYS.")


def _exact(value: datetime, shift: timedelta) -> datetime:
    return (value.astimezone(UTC) + shift).astimezone(value.tzinfo)


def _valid(value: datetime) -> datetime:
    """A local time in a gap of its zone moves forward by the gap."""
    return value.astimezone(UTC).astimezone(value.tzinfo)
