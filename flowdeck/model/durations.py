"""ISO-8601 durations of the form `PnDTnHnMnS` (spec: workflow components §0).

Weeks, months and years have no fixed length and are refused.
"""

from __future__ import annotations

import re
from datetime import timedelta

_FORM = re.compile(
    r"([-+]?)P(?:([-+]?\d{1,15})D)?"
    r"(T(?:([-+]?\d{1,15})H)?(?:([-+]?\d{1,15})M)?(?:([-+]?\d{1,15})(?:[.,](\d{0,9}))?S)?)?",
    re.IGNORECASE,
)
_LONGEST_MS = 10**15
"""About 31,700 years: longer spans are typing errors and would overflow `timedelta`."""


class DurationError(ValueError):
    """A text is no duration; the message names the text and the expected form."""


def parse_duration(text: str) -> int:
    """Milliseconds of an ISO-8601 duration; fractions of a millisecond are rounded.

    Raises `DurationError` for anything else, weeks, months and years included.
    """
    match = _FORM.fullmatch(text.strip()) if len(text) <= 100 else None
    if match is None or match.group(3) in ("T", "t") or (match.group(2) is None and match.group(3) is None):
        raise DurationError(f"'{text[:100]}' is not an ISO-8601 duration such as PT30S, PT5M or P1DT12H")
    sign, days, _, hours, minutes, seconds, fraction = match.groups()
    total = (int(days or 0) * 24 + int(hours or 0)) * 3_600_000 + int(minutes or 0) * 60_000
    total += int(seconds or 0) * 1000
    if fraction:
        part = (int(fraction.ljust(9, "0")) + 500_000) // 1_000_000
        total += -part if seconds.startswith("-") else part
    if abs(total) > _LONGEST_MS:
        raise DurationError(f"'{text}' is too long for a duration")
    return -total if sign == "-" else total


def parse_timedelta(text: str) -> timedelta:
    """The same as a `timedelta`."""
    return timedelta(milliseconds=parse_duration(text))


def is_duration(text: str) -> bool:
    """Whether `parse_duration` would accept the text."""
    try:
        parse_duration(text)
    except DurationError:
        return False
    return True


def format_duration(ms: int) -> str:
    """Shortest text of a span in ms, days written as hours: `PT2.31S`, `PT36H`, `PT0S`."""
    if ms == 0:
        return "PT0S"
    sign = "-" if ms < 0 else ""
    minutes, rest = divmod(abs(ms), 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds, millis = divmod(rest, 1000)
    text = "PT"
    if hours:
        text += f"{sign}{hours}H"
    if minutes:
        text += f"{sign}{minutes}M"
    if rest:
        fraction = f".{millis:03d}".rstrip("0") if millis else ""
        text += f"{sign}{seconds}{fraction}S"
    return text


def format_clock(ms: int) -> str:
    """`HH:mm:ss.SSS`, as log lines say how long something took."""
    seconds, millis = divmod(max(ms, 0), 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{millis:03d}"
