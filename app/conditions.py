"""Conditions of a list: the URL's form, the API's form, and words for the reader (UI-FI-02, UI-TR-01); asks nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.words import say

Condition = dict[str, str]

FILTER = re.compile(r"^filters\[([^\]]+)\]\[([A-Z_]+)\](?:\[(.+)\])?$")
RANGES: list[tuple[str, str, int]] = [
    ("PT1H", "last hour", 1),
    ("PT24H", "last 24 hours", 24),
    ("PT168H", "last 7 days", 168),
    ("PT720H", "last 30 days", 720),
    ("PT8760H", "last 365 days", 8760),
]
"""ISO duration, words, hours; narrowest first."""
PERIODS = {
    "PT5M": "last 5 min",
    "PT15M": "last 15 min",
    "PT12H": "last 12 hours",
    "PT48H": "last 48 hours",
    **{duration: words for duration, words, _ in RANGES},
}
CALENDAR = {"TODAY": "today", "YESTERDAY": "yesterday", "WEEK": "this week"}
"""Ranges of the reader's calendar; in a URL the zone stands behind them, `TODAY@Europe/Berlin`."""
TIME_FIELDS = frozenset({"timeRange", "startDate", "endDate"})
WORDS = {
    "EQUALS": "is",
    "NOT_EQUALS": "is not",
    "IN": "in",
    "NOT_IN": "not in",
    "PREFIX": "within",
    "CONTAINS": "contains",
    "STARTS_WITH": "starts with",
    "ENDS_WITH": "ends with",
    "REGEX": "matches",
    "GREATER_THAN_OR_EQUAL_TO": "from",
    "LESS_THAN_OR_EQUAL_TO": "until",
    "GREATER_THAN": "after",
    "LESS_THAN": "before",
}
NAMES = {
    "timeRange": "time",
    "startDate": "started",
    "endDate": "ended",
    "flowId": "flow",
    "childFilter": "hierarchy",
    "triggerExecutionId": "parent",
    "triggerId": "trigger",
    "labels": "label",
    "minLevel": "level from",
}


def filters_of(pairs: Iterable[tuple[str, str]]) -> tuple[str, list[Condition]]:
    """Return free text and conditions of a query."""
    text, found = "", []
    for name, value in pairs:
        match = FILTER.match(name)
        if not match:
            continue
        field, operator, key = match.groups()
        if field == "q":
            text = value
        else:
            found.append({"field": field, "operator": operator, "value": f"{key}:{value}" if key else value})
    return text, found


def pairs_of(text: str, filters: Iterable[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Return the query of free text and conditions; inverse of `filters_of`."""
    pairs = [("filters[q][EQUALS]", text)] if text else []
    for one in filters:
        field, operator, value = one["field"], one["operator"], one["value"]
        if field == "labels":
            key, _, word = value.partition(":")
            pairs.append((f"filters[labels][{operator}][{key}]", word))
        else:
            pairs.append((f"filters[{field}][{operator}]", value))
    return pairs


def known(filters: Iterable[Mapping[str, str]], fields: Iterable[str]) -> list[Condition]:
    """Return the conditions that a list knows: the others stay on screen as a warning and are not sent."""
    names = set(fields)
    return [dict(one) for one in filters if one["operator"] in WORDS and (not names or one["field"] in names)]


def resolved(filters: Iterable[Mapping[str, str]], now: datetime | None = None, first_day: int = 0) -> list[Condition]:
    """Return conditions as the API takes them: a range of the calendar becomes two instants of its zone.

    Args:
        first_day: with which weeks begin; 0 is Monday.
    """
    at = now or datetime.now(UTC)
    found: list[Condition] = []
    for one in filters:
        word, _, zone = one["value"].partition("@")
        if one["field"] != "timeRange" or word not in CALENDAR:
            found.append(dict(one))
            continue
        begin, end = calendar_range(word, zone, at, first_day)
        for operator, instant in (("GREATER_THAN_OR_EQUAL_TO", begin), ("LESS_THAN_OR_EQUAL_TO", end)):
            found.append({"field": "startDate", "operator": operator, "value": iso(instant)})
    return found


def calendar_range(word: str, zone: str, now: datetime, first_day: int = 0) -> tuple[datetime, datetime]:
    """Return begin and end of a range of `CALENDAR`; an unknown zone counts as UTC, `first_day` 0 is Monday."""
    try:
        place = ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        place = ZoneInfo("UTC")
    day = now.astimezone(place).date()
    first = {"YESTERDAY": day - timedelta(days=1), "WEEK": day - timedelta(days=(day.weekday() - first_day) % 7)}.get(
        word, day
    )
    last = day if word == "YESTERDAY" else day + timedelta(days=1)
    return datetime.combine(first, time(), place), datetime.combine(last, time(), place)


def iso(instant: datetime) -> str:
    """Return an instant in UTC with a `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_range(filters: Iterable[Mapping[str, str]], default: str = "PT720H") -> str | dict[str, str]:
    """Return what a chart takes as `timeRange`: an ISO duration, or `{start, end}` of the conditions on time."""
    period, given = "", {}
    for one in resolved(filters):
        if one["field"] == "timeRange":
            period = one["value"]
        elif one["field"] in ("startDate", "endDate"):
            side = "end" if one["field"] == "endDate" or one["operator"].startswith("LESS") else "start"
            given[side] = one["value"]
    return given or period or default


def nearest_range(newest: str, now: datetime | None = None) -> tuple[str, str]:
    """Return the narrowest range `(ISO duration, words)` that holds an instant; empty texts when none does."""
    try:
        age = (now or datetime.now(UTC)) - datetime.fromisoformat(newest)
    except ValueError:
        return "", ""
    hours = age.total_seconds() / 3600
    for duration, words, length in RANGES:
        if hours < length:
            return duration, words
    return "", ""


def in_words(text: str, filters: Sequence[Mapping[str, str]]) -> str:
    """Return a search and its conditions as one sentence part: `state in FAILED, namespace within company`."""
    parts = [f"“{text}”"] if text else []
    for one in filters:
        name, operator, value = one.get("field", ""), one.get("operator", ""), one.get("value", "")
        if name == "timeRange":
            parts.append(CALENDAR.get(value.partition("@")[0]) or PERIODS.get(value, say("last {value}", value=value)))
        else:
            parts.append(f"{NAMES.get(name, name)} {WORDS.get(operator, operator)} {value.replace(',', ', ')}")
    return ", ".join(parts)


def without_time(filters: Sequence[Mapping[str, str]]) -> list[Condition]:
    """Return conditions without those on time."""
    return [dict(one) for one in filters if one.get("field") not in TIME_FIELDS]


def one_time(old: Sequence[Mapping[str, str]], new: Sequence[Mapping[str, str]]) -> list[Condition]:
    """Return new conditions in which a period and dates do not stand together: the one just added wins."""
    fields = {one.get("field") for one in new}
    if "timeRange" not in fields or not fields & {"startDate", "endDate"}:
        return [dict(one) for one in new]
    had_period = any(one.get("field") == "timeRange" for one in old)
    gone = {"timeRange"} if had_period else {"startDate", "endDate"}
    return [dict(one) for one in new if one.get("field") not in gone]
