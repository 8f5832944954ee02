"""Forms of the wire: instants, spans and absent values (spec: REST contract §1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from flowdeck.model.errors import InvalidFormat
from flowdeck.model.findings import Finding

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(
    r"^(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?(?:\[[^\]]*\])?$"
)
_SPAN = re.compile(
    r"^([+-])?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$"
)


@lru_cache(maxsize=16_384)
def instant(ms: int) -> str:
    """ISO 8601 in UTC of ms since the epoch, with milliseconds."""
    # Documents hold the same instants again and again: formatting them was most of their cost.
    return f"{_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=8192)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def instant_or_none(ms: int | None) -> str | None:
    """As `instant`; None stays None."""
    return None if ms is None else instant(ms)


def span(ms: int) -> str:
    """ISO 8601 duration of a span in ms (`PT1H2M3.5S`), as the reference prints it."""
    if ms <= 0:
        return "PT0S"
    seconds, rest = divmod(ms, 1000)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    text = "PT"
    if hours:
        text += f"{hours}H"
    if minutes:
        text += f"{minutes}M"
    if seconds or rest:
        text += f"{seconds}" + (f".{rest:03d}".rstrip("0") if rest else "") + "S"
    return text


def parse_instant(text: str, name: str = "date") -> int:
    """ms since the epoch of a date of a query or body; without zone it is UTC. `IllegalArgument` otherwise."""
    match = _DATE.match(text.strip().replace(" ", "+") if "T" in text else text.strip())
    if match is None:
        raise InvalidFormat(f"{name}: '{text[:64]}' is not a date such as 2026-01-31T08:15:30Z")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        at = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC)
    except ValueError as error:
        raise InvalidFormat(f"{name}: '{text[:64]}': {error}") from None
    ms = round((at - _EPOCH).total_seconds() * 1000) + (int((fraction + "00")[:3]) if fraction else 0)
    if zone and zone != "Z":
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        ms -= minutes * 60_000 * (1 if zone[0] == "+" else -1)
    return ms


def parse_span(text: str, name: str = "duration") -> int:
    """ms of an ISO 8601 duration; a month counts 30 days, a year 365. `IllegalArgument` otherwise."""
    match = _SPAN.match(text.strip().upper())
    if match is None or text.strip().upper() in ("P", "PT", "+P", "-P") or text.strip().upper().endswith("T"):
        raise InvalidFormat(f"{name}: '{text[:64]}' is not an ISO 8601 duration such as PT5M")
    sign, *parts = match.groups()
    years, months, weeks, days, hours, minutes = (int(p or 0) for p in parts[:6])
    total = (((years * 365 + months * 30 + weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000
    total += round(float(parts[6] or 0) * 1000)
    return -total if sign == "-" else total


def compact(values: Mapping[str, Any]) -> dict[str, Any]:
    """The map without its own None values (nested user data stays as it is)."""
    return {key: value for key, value in values.items() if value is not None}


def told(findings: Sequence[Finding]) -> dict[str, Any]:
    """Members of a `ValidateConstraintViolation` that say what was found, with our places and rules beside."""
    return {
        "deprecationPaths": [f.path for f in findings if f.severity == "deprecation"],
        "warnings": [f.message for f in findings if f.severity == "warning"],
        "infos": [f.message for f in findings if f.severity == "info"],
        "findings": [
            compact(
                {
                    "severity": str(f.severity),
                    "message": f.message,
                    "path": f.path or None,
                    "line": f.line or None,
                    "column": f.column or None,
                    "endLine": f.end_line or None,
                    "endColumn": f.end_column or None,
                    "rule": f.rule or None,
                }
            )
            for f in findings
        ],
    }
