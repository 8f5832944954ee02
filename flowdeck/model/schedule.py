"""Cron expressions: parsing with positions, next and previous dates in a time zone (spec: workflow components
§15.4).

Instants are ms since the epoch. A local time that daylight saving skips stands for the first instant after the gap;
one that occurs twice is due at its first occurrence only.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = {
    n: i for i, n in enumerate(["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1)
}
_DAYS = {n: i for i, n in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])}
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?")
_LAST_YEAR = 2200


class CronError(ValueError):
    """An expression breaks the grammar; `position` is the offset of the offending part."""

    def __init__(self, expression: str, reason: str, position: int = 0) -> None:
        super().__init__(f"invalid cron expression '{expression}': {reason}")
        self.reason = reason
        self.position = position


class ZoneError(ValueError):
    """No time zone of that name is known."""


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    low: int
    high: int
    names: dict[str, int]


_SECOND = _Kind("second", 0, 59, {})
_KINDS = (
    _Kind("minute", 0, 59, {}),
    _Kind("hour", 0, 23, {}),
    _Kind("day of month", 1, 31, {}),
    _Kind("month", 1, 12, _MONTHS),
    _Kind("day of week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression: the allowed values of each field in ascending order."""

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: tuple[int, ...]
    weekdays: frozenset[int]  # 0 = Sunday
    with_seconds: bool = False

    def is_day(self, when: datetime) -> bool:
        """Whether a local date is due: with both day fields restricted, either match suffices."""
        any_day, any_weekday = len(self.days) == 31, len(self.weekdays) == 7
        if any_weekday:
            return any_day or when.day in self.days
        weekday = when.isoweekday() % 7 in self.weekdays
        return weekday if any_day else weekday or when.day in self.days

    def matches(self, when: datetime) -> bool:
        """Whether a local date and time is due."""
        return (
            when.month in self.months
            and self.is_day(when)
            and when.hour in self.hours
            and when.minute in self.minutes
            and when.second in self.seconds
            and when.microsecond == 0
        )

    def next_local(self, after: datetime) -> datetime | None:
        """First due local time later than `after` (without zone)."""
        when = after.replace(microsecond=0) + timedelta(seconds=1)
        while when.year <= _LAST_YEAR:
            if when.month not in self.months:
                when = _first_of_next_month(when)
                continue
            if not self.is_day(when):
                if len(self.weekdays) == 7 and all(d < when.day or d > _length(when) for d in self.days):
                    when = _first_of_next_month(when)
                else:
                    when = _midnight(when) + timedelta(days=1)
                continue
            if when.hour not in self.hours:
                later = _first(self.hours, when.hour)
                when = (
                    _midnight(when) + timedelta(days=1)
                    if later is None
                    else when.replace(hour=later, minute=0, second=0)
                )
                continue
            if when.minute not in self.minutes:
                later = _first(self.minutes, when.minute)
                when = (
                    when.replace(minute=0, second=0) + timedelta(hours=1)
                    if later is None
                    else when.replace(minute=later, second=0)
                )
                continue
            later = _first(self.seconds, when.second)
            if later is None:
                when = when.replace(second=0) + timedelta(minutes=1)
                continue
            return when.replace(second=later)
        return None

    def previous_local(self, before: datetime) -> datetime | None:
        """Last due local time earlier than `before` (without zone)."""
        when = before - timedelta(microseconds=1)
        when = when.replace(microsecond=0)
        while when.year >= 1900:
            if when.month not in self.months:
                when = when.replace(day=1, hour=0, minute=0, second=0) - timedelta(seconds=1)
                continue
            if not self.is_day(when):
                when = _midnight(when) - timedelta(seconds=1)
                continue
            if when.hour not in self.hours:
                earlier = _last(self.hours, when.hour)
                when = (
                    _midnight(when) - timedelta(seconds=1)
                    if earlier is None
                    else when.replace(hour=earlier, minute=59, second=59)
                )
                continue
            if when.minute not in self.minutes:
                earlier = _last(self.minutes, when.minute)
                when = (
                    when.replace(minute=0, second=0) - timedelta(seconds=1)
                    if earlier is None
                    else when.replace(minute=earlier, second=59)
                )
                continue
            earlier = _last(self.seconds, when.second)
            if earlier is None:
                when = when.replace(second=0) - timedelta(seconds=1)
                continue
            return when.replace(second=earlier)
        return None

    def next(self, after: int, zone: tzinfo) -> int | None:
        """First due instant later than `after`; None when there is none before the year 2200."""
        local: datetime | None = _local(after, zone).replace(tzinfo=None)
        while local is not None:
            local = self.next_local(local)
            if local is not None and (instant := instant_of(local, zone)) > after:
                return instant
        return None

    def previous(self, before: int, zone: tzinfo) -> int | None:
        """Last due instant earlier than `before`."""
        start = _local(before, zone)
        local: datetime | None = start.replace(tzinfo=None)
        if start.fold:  # in the second pass of a repeated hour: all of the first pass is earlier
            local = start.replace(tzinfo=None, fold=0) + timedelta(hours=3)
        while local is not None:
            local = self.previous_local(local)
            if local is not None and (instant := instant_of(local, zone)) < before:
                return instant
        return None

    def dates(self, after: int, zone: tzinfo, count: int) -> list[int]:
        """The next `count` due instants."""
        out: list[int] = []
        while len(out) < count and (found := self.next(out[-1] if out else after, zone)) is not None:
            out.append(found)
        return out


def _first(values: tuple[int, ...], low: int) -> int | None:
    return next((v for v in values if v >= low), None)


def _last(values: tuple[int, ...], high: int) -> int | None:
    return next((v for v in reversed(values) if v <= high), None)


def _length(when: datetime) -> int:
    return monthrange(when.year, when.month)[1]


def _midnight(when: datetime) -> datetime:
    return when.replace(hour=0, minute=0, second=0)


def _first_of_next_month(when: datetime) -> datetime:
    year, month = (when.year + 1, 1) if when.month == 12 else (when.year, when.month + 1)
    return when.replace(year=year, month=month, day=1, hour=0, minute=0, second=0)


def _local(instant: int, zone: tzinfo) -> datetime:
    # replace() keeps the fold, which adding a timedelta would lose
    return datetime.fromtimestamp(instant // 1000, zone).replace(microsecond=instant % 1000 * 1000)


def instant_of(local: datetime, zone: tzinfo) -> int:
    """Instant of a local time without zone, gaps and repetitions as the module says."""
    aware = local.replace(tzinfo=zone, fold=0)
    instant = aware.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) == local:
        return _ms(instant)
    # In a gap: the change of offset lies between the readings with the offset after and before it.
    low, high = _ms(local.replace(tzinfo=zone, fold=1).astimezone(UTC)) // 1000, _ms(instant) // 1000
    offset = datetime.fromtimestamp(high, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high * 1000


def _ms(when: datetime) -> int:
    return int(when.timestamp()) * 1000


@lru_cache(maxsize=4096)
def parse_cron(expression: str, with_seconds: bool = False) -> Cron:
    """Parse five fields, six with seconds in front, or an alias such as `@daily`; `CronError` otherwise."""
    text = expression.strip()
    if text.startswith("@"):
        alias = ALIASES.get(text.lower())
        if alias is None:
            raise CronError(expression, f"unknown alias '{text}', known are {', '.join(ALIASES)}")
        text = ("0 " if with_seconds else "") + alias
    parts = [(m.group(), m.start()) for m in re.finditer(r"\S+", text)]
    kinds = (_SECOND, *_KINDS) if with_seconds else _KINDS
    if len(parts) != len(kinds):
        names = ", ".join(kind.name for kind in kinds)
        raise CronError(expression, f"expected {len(kinds)} fields ({names}), found {len(parts)}")
    fields = [_field(expression, part, place, kind) for (part, place), kind in zip(parts, kinds, strict=True)]
    if not with_seconds:
        fields.insert(0, [0])
    seconds, minutes, hours, days, months, weekdays = fields
    return Cron(
        expression,
        tuple(seconds),
        tuple(minutes),
        tuple(hours),
        frozenset(days),
        tuple(months),
        frozenset(d % 7 for d in weekdays),
        with_seconds,
    )


def _field(expression: str, text: str, place: int, kind: _Kind) -> list[int]:
    """Values of one field."""
    found: set[int] = set()
    at = place
    for item in text.split(","):
        body, slash, step_text = item.partition("/")
        step = 1
        if slash:
            if not step_text.isascii() or not step_text.isdigit() or len(step_text) > 4 or int(step_text) == 0:
                raise CronError(expression, f"'{step_text}' is no step for the {kind.name}", at)
            step = int(step_text)
        if body == "*":
            low, high = kind.low, min(kind.high, 6) if kind.name == "day of week" else kind.high
        else:
            start, dash, end = body.partition("-")
            low = _number(expression, start, at, kind)
            high = _number(expression, end, at, kind) if dash else (kind.high if slash else low)
            if high < low:
                if kind.name == "day of week" and high == 0:
                    high = 7
                else:
                    raise CronError(expression, f"range {body} of the {kind.name} runs backwards", at)
        found.update(range(low, high + 1, step))
        at += len(item) + 1
    return sorted(found)


def _number(expression: str, text: str, place: int, kind: _Kind) -> int:
    """A number or name in a field."""
    if text.upper() in kind.names:
        return kind.names[text.upper()]
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        if text in ("?", "L", "W", "#") or re.search(r"[LW#?]", text):
            raise CronError(expression, f"'{text}' is not supported for the {kind.name}", place)
        raise CronError(expression, f"'{text}' is no value of the {kind.name}", place)
    value = int(text)
    if not kind.low <= value <= kind.high:
        raise CronError(
            expression, f"value {value} of the {kind.name} is not in range [{kind.low}, {kind.high}]", place
        )
    return value


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """A zone of the tz database or a fixed offset such as `+02:00`; `ZoneError` for other texts."""
    text = name.strip()
    if text in ("Z", "UTC", "GMT"):
        return UTC
    if match := _OFFSET.fullmatch(text):
        sign, hours, minutes = match.groups()
        span = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if span <= timedelta(hours=18):
            return timezone(-span if sign == "-" else span)
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ZoneError(f"timezone '({name})' is not a valid time-zone ID") from None


@lru_cache(maxsize=8192)
def zoned(instant: int, zone: tzinfo) -> str:
    """ISO text of an instant with the zone's offset, `2025-05-04T14:00:00+02:00`."""
    text = _local(instant, zone).isoformat(timespec="milliseconds" if instant % 1000 else "seconds")
    return text.replace("+00:00", "Z") if text.endswith("+00:00") else text


# ---- words

_DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTH_NAMES = (
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def describe(cron: Cron) -> str:
    """The schedule in English: `At 02:15, Monday through Friday`."""
    return ", ".join(x for x in (_time_words(cron), _day_words(cron), _month_words(cron)) if x)


def _time_words(cron: Cron) -> str:
    seconds, minutes, hours = cron.seconds, cron.minutes, cron.hours
    if cron.with_seconds and seconds != (0,):
        if step := _step(seconds, 60):
            head = "Every second" if step == 1 else f"Every {step} seconds"
        else:
            head = "At second " + _enumerate([str(s) for s in seconds])
        if len(minutes) == 60 and len(hours) == 24:
            return head
        rest = _time_words(Cron(cron.text, (0,), minutes, hours, cron.days, cron.months, cron.weekdays))
        return f"{head}, {rest[0].lower()}{rest[1:]}"
    if len(minutes) * len(hours) <= 4 and not (minutes == (0,) and len(hours) > 2 and _step(hours, 24)):
        return "At " + _enumerate([f"{h:02d}:{m:02d}" for h in hours for m in minutes])
    step = _step(minutes, 60)
    if step == 1:
        head = "Every minute"
    elif step:
        head = f"Every {step} minutes"
    elif minutes == (0,):
        hour_step = _step(hours, 24)
        if hour_step:
            return "Every hour" if hour_step == 1 else f"Every {hour_step} hours"
        return "On the hour " + _hours_words(hours)
    else:
        head = "At " + _enumerate([str(m) for m in minutes]) + " minutes past the hour"
    return head if len(hours) == 24 else f"{head}, {_hours_words(hours)}"


def _hours_words(hours: tuple[int, ...]) -> str:
    step = _step(hours, 24)
    if step and step > 1:
        return f"every {step} hours"
    if len(hours) > 1 and hours[-1] - hours[0] == len(hours) - 1:
        return f"between {hours[0]:02d}:00 and {hours[-1]:02d}:59"
    return "at " + _enumerate([f"{h:02d}" for h in hours]) + " o'clock"


def _day_words(cron: Cron) -> str:
    words = []
    if len(cron.days) < 31:
        days = sorted(cron.days)
        if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
            words.append(f"on days {days[0]} through {days[-1]} of the month")
        else:
            words.append("on day " + _enumerate([str(d) for d in days]) + " of the month")
    if len(cron.weekdays) < 7:
        order = sorted(cron.weekdays, key=lambda d: (d - 1) % 7)
        numbers = [(d - 1) % 7 for d in order]
        if len(order) > 2 and numbers[-1] - numbers[0] == len(order) - 1:
            words.append(f"{_DAY_NAMES[order[0]]} through {_DAY_NAMES[order[-1]]}")
        else:
            words.append("on " + _enumerate([_DAY_NAMES[d] for d in order]))
    return " or ".join(words)


def _month_words(cron: Cron) -> str:
    if len(cron.months) == 12:
        return ""
    months = cron.months
    if len(months) > 2 and months[-1] - months[0] == len(months) - 1:
        return f"{_MONTH_NAMES[months[0]]} through {_MONTH_NAMES[months[-1]]}"
    return "in " + _enumerate([_MONTH_NAMES[m] for m in months])


def _step(values: tuple[int, ...], size: int) -> int:
    """The step when the values are 0, n, 2n, … through the whole field, else 0."""
    if values[0] != 0 or len(values) < 2:
        return 0
    step = values[1]
    return step if values == tuple(range(0, size, step)) else 0


def _enumerate(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


class Calendar(Protocol):
    """What dates can be asked of: a cron expression, or a list of dates."""

    def next(self, after: int, zone: tzinfo) -> int | None:
        """The first date later than an instant."""
        ...


def every(cron: Calendar, after: int, zone: tzinfo) -> Iterator[int]:
    """All due instants later than `after`."""
    found = cron.next(after, zone)
    while found is not None:
        yield found
        found = cron.next(found, zone)


def notes(cron: Cron, dates: list[int], zone: tzinfo) -> list[dict[str, object]]:
    """What daylight saving does to dates: `{at, kind: gap | overlap, text}`, `at` in ms.

    A date is told when it stands for a local time that does not exist, or for one that occurs twice.
    """
    out: list[dict[str, object]] = []
    for date in dates:
        local = _local(date, zone)
        bare = local.replace(tzinfo=None)
        if not cron.matches(bare):
            text = f"the clock jumps forward: the skipped time is due at {bare:%H:%M} instead"
            out.append({"at": date, "kind": "gap", "text": text})
        elif local.replace(fold=1).utcoffset() != local.replace(fold=0).utcoffset():
            text = f"{bare:%H:%M} occurs twice: it is due the first time only"
            out.append({"at": date, "kind": "overlap", "text": text})
    return out
