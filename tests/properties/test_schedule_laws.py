"""Laws that hold for every cron expression, instant and zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from flowdeck.model.schedule import CronError, describe, instant_of, parse_cron

ZONES = st.sampled_from(
    ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago"]
)
INSTANTS = st.integers(min_value=1_500_000_000_000, max_value=1_900_000_000_000)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    ranges = st.tuples(number, number).map(lambda p: f"{min(p)}-{max(p)}")
    step = st.integers(1, high).map(lambda n: f"*/{n}")
    return st.one_of(
        st.just("*"),
        st.just("*"),
        number.map(str),
        ranges,
        step,
        st.lists(number, min_size=1, max_size=3).map(lambda numbers: ",".join(map(str, numbers))),
    )


CRONS = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(CRONS, INSTANTS, ZONES)
def test_next_is_later_and_due_and_previous_leads_back(text: str, now: int, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    cron = parse_cron(text)
    due = cron.next(now, zone)
    assert due is not None
    assert due > now
    local = datetime.fromtimestamp(due / 1000, zone).replace(tzinfo=None)
    in_gap = not cron.matches(local)
    if in_gap:  # then a skipped local time stands behind it
        skipped = cron.previous_local(local)
        assert skipped is not None
        assert instant_of(skipped, zone) == due
    assert cron.previous(due + 1, zone) == due
    before = cron.previous(due, zone)
    assert before is not None
    assert before <= now


@settings(max_examples=60, deadline=None)
@given(CRONS, st.datetimes(min_value=datetime(2023, 1, 1), max_value=datetime(2027, 1, 1)))
def test_no_due_minute_is_left_out(text: str, start: datetime) -> None:
    """Cross-test against looking at each minute of a day."""
    cron = parse_cron(text)
    start = start.replace(second=0, microsecond=0)
    minutes = (start + timedelta(minutes=n) for n in range(1, 1441))
    expected = next((m for m in minutes if cron.matches(m)), None)
    found = cron.next_local(start)
    if expected is not None:
        assert found == expected
    else:
        assert found is not None
        assert found > start + timedelta(days=1)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), CRONS))
def test_parsing_gives_a_cron_or_a_cron_error(text: str) -> None:
    try:
        cron = parse_cron(text)
    except CronError as error:
        assert error.reason
        assert 0 <= error.position <= len(text)
    else:
        assert describe(cron)
