"""Time ranges and filters in words; nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

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
}


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
            parts.append(PERIODS.get(value, f"last {value}"))
        else:
            parts.append(f"{NAMES.get(name, name)} {WORDS.get(operator, operator)} {value.replace(',', ', ')}")
    return ", ".join(parts)


def without_time(filters: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return conditions without those on time."""
    return [dict(one) for one in filters if one.get("field") not in TIME_FIELDS]


def one_time(old: Sequence[Mapping[str, str]], new: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return new conditions in which a period and dates do not stand together: the one just added wins."""
    fields = {one.get("field") for one in new}
    if "timeRange" not in fields or not fields & {"startDate", "endDate"}:
        return [dict(one) for one in new]
    had_period = any(one.get("field") == "timeRange" for one in old)
    gone = {"timeRange"} if had_period else {"startDate", "endDate"}
    return [dict(one) for one in new if one.get("field") not in gone]
