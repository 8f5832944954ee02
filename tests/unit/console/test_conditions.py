"""Conditions of lists: URL, API and words (UI-FI-02, UI-TR-01, UI-LS-11)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.conditions import (
    calendar_range,
    filters_of,
    in_words,
    iso,
    known,
    nearest_range,
    pairs_of,
    resolved,
    time_range,
)

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)  # a Friday


def condition(field: str, operator: str, value: str) -> dict[str, str]:
    """One chip."""
    return {"field": field, "operator": operator, "value": value}


def test_the_query_and_its_conditions_are_each_others_inverse() -> None:
    """UI-FI-02: labels have their key in the name."""
    chips = [condition("state", "IN", "FAILED,WARNING"), condition("labels", "EQUALS", "team:data:lake")]
    pairs = pairs_of("orders", chips)
    assert ("filters[labels][EQUALS][team]", "data:lake") in pairs
    assert filters_of(pairs) == ("orders", chips)


def test_unknown_fields_and_operators_are_kept_from_the_api() -> None:
    """UI-FI-02: they stay on screen as a warning, they are not sent."""
    chips = [condition("colour", "EQUALS", "red"), condition("state", "LIKE", "x"), condition("state", "IN", "FAILED")]
    assert known(chips, ["state"]) == [condition("state", "IN", "FAILED")]
    assert known(chips[:1], []) == chips[:1]


@pytest.mark.parametrize(
    ("word", "zone", "begin", "end"),
    [
        ("TODAY", "Europe/Berlin", "2026-11-19T23:00:00.000Z", "2026-11-20T23:00:00.000Z"),
        ("YESTERDAY", "UTC", "2026-11-19T00:00:00.000Z", "2026-11-20T00:00:00.000Z"),
        ("WEEK", "Asia/Tokyo", "2026-11-15T15:00:00.000Z", "2026-11-20T15:00:00.000Z"),
        ("TODAY", "No/Where", "2026-11-20T00:00:00.000Z", "2026-11-21T00:00:00.000Z"),
        ("TODAY", "../../etc/passwd", "2026-11-20T00:00:00.000Z", "2026-11-21T00:00:00.000Z"),
    ],
)
def test_days_of_the_calendar_follow_the_readers_zone(word: str, zone: str, begin: str, end: str) -> None:
    """UI-TR-01: today begins at the reader's midnight; a relative range moves with the clock."""
    assert tuple(map(iso, calendar_range(word, zone, NOW))) == (begin, end)
    sent = resolved([condition("timeRange", "EQUALS", f"{word}@{zone}")], NOW)
    assert [(one["field"], one["value"]) for one in sent] == [("startDate", begin), ("startDate", end)]


def test_a_chart_covers_what_the_rows_cover() -> None:
    """UI-EX-03: a period, two instants, or the default."""
    assert time_range([]) == "PT720H"
    assert time_range([condition("timeRange", "EQUALS", "PT1H")]) == "PT1H"
    between = [
        condition("startDate", "GREATER_THAN_OR_EQUAL_TO", "2026-11-20T00:00:00Z"),
        condition("startDate", "LESS_THAN_OR_EQUAL_TO", "2026-11-21T00:00:00Z"),
    ]
    assert time_range(between) == {"start": "2026-11-20T00:00:00Z", "end": "2026-11-21T00:00:00Z"}


def test_an_empty_list_names_the_conditions_and_the_nearest_range() -> None:
    """UI-LS-11."""
    chips = [condition("timeRange", "EQUALS", "TODAY@UTC"), condition("namespace", "PREFIX", "company")]
    assert in_words("x", chips) == "“x”, today, namespace within company"
    assert nearest_range("2026-11-15T00:00:00+00:00", NOW) == ("PT168H", "last 7 days")
    assert nearest_range("2020-01-01T00:00:00+00:00", NOW) == ("", "")
