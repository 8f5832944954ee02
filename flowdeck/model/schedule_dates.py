"""The dates of ScheduleOnDates, asked like a cron expression (spec: workflow components §15.6)."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any

from flowdeck.model.coerce import ConversionError, to_datetime, to_text


class Dates:
    """A fixed set of instants (ms since the epoch) with the questions that `Cron` answers."""

    __slots__ = ("instants",)

    def __init__(self, instants: Iterable[int]) -> None:
        self.instants = sorted(set(instants))

    def next(self, after: int, zone: tzinfo) -> int | None:
        """The first date later than an instant; the zone does not matter."""
        found = bisect_right(self.instants, after)
        return self.instants[found] if found < len(self.instants) else None

    def previous(self, before: int, zone: tzinfo) -> int | None:
        """The last date earlier than an instant."""
        found = bisect_left(self.instants, before)
        return self.instants[found - 1] if found else None

    def __contains__(self, instant: int) -> bool:
        found = bisect_left(self.instants, instant)
        return found < len(self.instants) and self.instants[found] == instant


def read_dates(value: Any, zone: tzinfo) -> Dates:
    """Dates from a rendered list, or from JSON text of one; a date without offset is one of `zone`.

    Raises `ConversionError` for a text that is no date and time. Fractions of a second are cut off, as schedules are
    due at whole seconds.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise ConversionError("dates: neither a list nor the JSON text of one") from None
    if not isinstance(value, list):
        value = [value]
    return Dates(_instant(one, zone) for one in value)


def _instant(value: Any, zone: tzinfo) -> int:
    found = to_datetime(_zoned(value, zone))
    return int(found.timestamp()) * 1000


def _zoned(value: Any, zone: tzinfo) -> Any:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    try:
        plain = datetime.fromisoformat(to_text(value).strip())
    except ValueError:
        return value
    return plain if plain.tzinfo else plain.replace(tzinfo=zone)
