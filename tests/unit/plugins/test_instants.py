"""Instants in properties of tasks (spec: core plugins §3, Dates)."""

from __future__ import annotations

from datetime import UTC

import pytest

from flowdeck.plugins.core.instants import zoned


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00+00:00"),
        ("2030-01-01T00:00:00.123456+02:00", "2029-12-31T22:00:00.123456+00:00"),
        ("2030-07-01T00:00+02:00[Europe/Paris]", "2030-06-30T22:00:00+00:00"),
        ("2030-07-01T00:00[Europe/Paris]", "2030-06-30T22:00:00+00:00"),
    ],
)
def test_an_offset_or_a_zone_tells_the_instant(text: str, instant: str) -> None:
    assert zoned(text).astimezone(UTC).isoformat() == instant


@pytest.mark.parametrize(
    "text", ["2030-01-01", "2030-01-01T00:00:00", "2030-01", "20300101", "tomorrow", "2030-01-01T00:00[Mars/Base]"]
)
def test_a_date_without_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        zoned(text)
