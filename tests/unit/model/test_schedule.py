"""Laws of cron expressions (spec: workflow components §15.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from flowdeck.model.schedule import CronError, ZoneError, describe, notes, parse_cron, zone_of, zoned

PARIS = ZoneInfo("Europe/Paris")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def after(cron: str, when: str, zone: str = "UTC", count: int = 1, seconds: bool = False) -> list[str]:
    tz = zone_of(zone)
    return [zoned(d, tz) for d in parse_cron(cron, seconds).dates(ms(when), tz, count)]


@pytest.mark.parametrize(
    ("cron", "when", "expected"),
    [
        ("* * * * *", "2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z"),
        ("*/15 * * * *", "2024-01-01T00:07:30Z", "2024-01-01T00:15:00Z"),
        ("15 2 * * *", "2024-01-01T02:15:00Z", "2024-01-02T02:15:00Z"),
        ("0 0 29 2 *", "2024-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 31 * *", "2024-01-31T00:00:00Z", "2024-03-31T00:00:00Z"),
        ("0 9 * * MON-FRI", "2024-01-05T09:00:00Z", "2024-01-08T09:00:00Z"),
        ("0 0 13 * 5", "2024-01-01T00:00:00Z", "2024-01-05T00:00:00Z"),  # either day field
        ("0 0 * * 7", "2024-01-01T00:00:00Z", "2024-01-07T00:00:00Z"),
        ("0 0 * * 0", "2024-01-01T00:00:00Z", "2024-01-07T00:00:00Z"),
        ("0 0 * * 5-7", "2024-01-06T00:00:00Z", "2024-01-07T00:00:00Z"),
        ("@monthly", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"),
        ("@weekly", "2024-01-01T00:00:00Z", "2024-01-07T00:00:00Z"),
        ("5/20 3 1 JAN,jul *", "2024-01-01T04:00:00Z", "2024-07-01T03:05:00Z"),
    ],
)
def test_next_date(cron: str, when: str, expected: str) -> None:
    assert after(cron, when) == [expected]


def test_an_impossible_date_never_comes() -> None:
    assert parse_cron("0 0 30 2 *").next(ms("2024-01-01T00:00:00Z"), UTC) is None
    assert parse_cron("0 0 30 2 *").previous(ms("2024-01-01T00:00:00Z"), UTC) is None


def test_seconds_are_a_sixth_field() -> None:
    assert after("*/20 * * * * *", "2024-01-01T00:00:01Z", count=3, seconds=True) == [
        "2024-01-01T00:00:20Z",
        "2024-01-01T00:00:40Z",
        "2024-01-01T00:01:00Z",
    ]
    assert after("@hourly", "2024-01-01T00:00:01Z", seconds=True) == ["2024-01-01T01:00:00Z"]


def test_a_skipped_local_time_moves_behind_the_gap() -> None:
    assert after("30 2 * * *", "2024-03-30T12:00:00Z", "Europe/Paris", 2) == [
        "2024-03-31T03:00:00+02:00",
        "2024-04-01T02:30:00+02:00",
    ]
    assert after("*/30 * * * *", "2024-03-31T00:30:00Z", "Europe/Paris", 2) == [
        "2024-03-31T03:00:00+02:00",
        "2024-03-31T03:30:00+02:00",
    ]


def test_a_repeated_local_time_is_due_once_at_the_first() -> None:
    assert after("30 2 * * *", "2024-10-26T12:00:00Z", "Europe/Paris", 2) == [
        "2024-10-27T02:30:00+02:00",
        "2024-10-28T02:30:00+01:00",
    ]
    cron = parse_cron("30 2 * * *")
    assert zoned(cron.previous(ms("2024-10-27T01:45:00Z"), PARIS) or 0, PARIS) == "2024-10-27T02:30:00+02:00"
    assert zoned(cron.previous(ms("2024-10-27T01:10:00Z"), PARIS) or 0, PARIS) == "2024-10-27T02:30:00+02:00"


def test_daylight_saving_is_explained() -> None:
    cron = parse_cron("30 2 * * *")
    spring = cron.dates(ms("2024-03-30T12:00:00Z"), PARIS, 1)
    autumn = cron.dates(ms("2024-10-26T12:00:00Z"), PARIS, 1)
    assert [n["kind"] for n in notes(cron, spring + autumn, PARIS)] == ["gap", "overlap"]
    assert notes(cron, cron.dates(ms("2024-06-01T00:00:00Z"), PARIS, 3), PARIS) == []


@pytest.mark.parametrize(
    ("cron", "reason", "position"),
    [
        ("60 * * * *", "value 60 of the minute is not in range [0, 59]", 0),
        ("* * * *", "expected 5 fields", 0),
        ("* * * * 8", "value 8 of the day of week", 8),
        ("* * L * *", "'L' is not supported for the day of month", 4),
        ("*/0 * * * *", "'0' is no step", 0),
        ("5-1 * * * *", "range 5-1 of the minute runs backwards", 0),
        ("1,x * * * *", "'x' is no value of the minute", 2),
        ("@never", "unknown alias '@never'", 0),
        ("? * * * *", "not supported", 0),
        ("* * * FOO *", "'FOO' is no value of the month", 6),
        ("", "expected 5 fields", 0),
    ],
)
def test_bad_expressions_say_what_and_where(cron: str, reason: str, position: int) -> None:
    with pytest.raises(CronError) as caught:
        parse_cron(cron)
    assert str(caught.value).startswith(f"invalid cron expression '{cron}': ")
    assert reason in str(caught.value)
    assert caught.value.position == position


@pytest.mark.parametrize("name", ["Europe/Paris", "UTC", "Z", "+02:00", "-0530", "UTC+1", "America/New_York"])
def test_zones(name: str) -> None:
    assert zone_of(name) is not None


@pytest.mark.parametrize("name", ["Mars/Base", "", "../etc/passwd", "+25:00", "/etc/localtime"])
def test_unknown_zones(name: str) -> None:
    with pytest.raises(ZoneError, match="is not a valid time-zone ID"):
        zone_of(name)


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("* * * * *", "Every minute"),
        ("*/5 * * * *", "Every 5 minutes"),
        ("0 * * * *", "Every hour"),
        ("15 2 * * *", "At 02:15"),
        ("0 9 * * 1-5", "At 09:00, Monday through Friday"),
        ("0 0 1 1 *", "At 00:00, on day 1 of the month, in January"),
        ("0 */6 * * *", "Every 6 hours"),
        ("*/10 9-17 * * MON,WED", "Every 10 minutes, between 09:00 and 17:59, on Monday and Wednesday"),
        ("0 0 13 * 5", "At 00:00, on day 13 of the month or on Friday"),
    ],
)
def test_words(cron: str, words: str) -> None:
    assert describe(parse_cron(cron)) == words
