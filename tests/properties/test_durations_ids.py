"""Laws of durations and ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdeck.model.durations import DurationError, format_duration, is_duration, parse_duration
from flowdeck.model.ids import ENTROPY_BITS, LENGTH, id_time, make_id

SPANS = st.integers(min_value=-(10**14), max_value=10**14)
TIMES = st.integers(min_value=0, max_value=2**48 - 1)
ENTROPY = st.integers(min_value=0, max_value=2**ENTROPY_BITS - 1)


@given(SPANS)
def test_a_formatted_duration_reads_back(ms: int) -> None:
    assert parse_duration(format_duration(ms)) == ms


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    assert isinstance(is_duration(text), bool)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("PT0.25S", 250),
        ("P6DT4H", 532_800_000),
        ("PT1M", 60_000),
        ("-PT1S", -1000),
        ("PT-1.5S", -1500),
        ("pt1h", 3_600_000),
    ],
)
def test_durations(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text", ["P1W", "P1M", "P1Y", "PT", "P", "1h", "", "P1DT", "PT1", "PT1H1D", "P" + "9" * 90 + "D"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(DurationError):
        parse_duration(text)


@given(TIMES, ENTROPY, TIMES, ENTROPY)
def test_ids_sort_by_time_then_entropy(a: int, x: int, b: int, y: int) -> None:
    first, second = make_id(a, x), make_id(b, y)
    assert len(first) == LENGTH
    assert first.isalnum()
    assert (first < second) == ((a, x) < (b, y))
    assert id_time(first) == a
