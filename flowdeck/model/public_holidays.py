"""Public holidays of countries and their parts (spec: workflow components §15.9, `PublicHoliday`).

The calendars are the package `holidays`: rules in Python, computed a year at a time. It opens no connection and reads
nothing but its own installed files, as an import does, and so may be used here. It is imported with the first question.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

DEFAULT_COUNTRY = "US"
"""The country of conditions that name none: the locale that the reference's images run with."""


class UnknownCountry(ValueError):
    """No calendar of that country or part of a country is known."""


def is_public_holiday(day: date, country: str | None = None, subdivision: str | None = None) -> bool:
    """Whether a day is a public holiday there.

    Args:
        day: in the zone of the schedule.
        country: ISO 3166-1 alpha-2 code; `DEFAULT_COUNTRY` when absent.
        subdivision: ISO 3166-2 code without the country (`BY` for Bavaria).

    Raises `UnknownCountry`.
    """
    code = (country or DEFAULT_COUNTRY).strip().upper()
    part = (subdivision or "").strip().upper() or None
    if part is not None and part.startswith(f"{code}-"):
        part = part.removeprefix(f"{code}-")
    return day in calendar_of(code, part)


@lru_cache(maxsize=64)
def calendar_of(country: str, subdivision: str | None) -> Any:
    """The calendar of a place, made once; `UnknownCountry`."""
    from holidays import country_holidays

    try:
        return country_holidays(country, subdiv=subdivision)
    except NotImplementedError:
        where = f"'{country}'" if subdivision is None else f"'{country}' with subdivision '{subdivision}'"
        raise UnknownCountry(f"no calendar of public holidays is known for {where}") from None
