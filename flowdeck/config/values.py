"""Texts of configuration values turned into what their key's kind says."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

_ISO = re.compile(
    r"P(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?", re.I
)
_SHORT = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", re.I)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "": 0.001}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.I)
_BYTES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def parse_span(value: Any) -> timedelta:
    """A span from ISO 8601 (`PT5M`), a short form (`5m`, `250ms`) or a number of ms; `ValueError` else."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return timedelta(milliseconds=value)
    text = str(value).strip()
    if (match := _ISO.fullmatch(text)) and len(text) > 1:
        parts = {k: float(v) for k, v in match.groupdict().items() if v}
        return timedelta(
            weeks=parts.get("w", 0),
            days=parts.get("d", 0),
            hours=parts.get("h", 0),
            minutes=parts.get("m", 0),
            seconds=parts.get("s", 0),
        )
    if match := _SHORT.fullmatch(text):
        return timedelta(seconds=float(match[1]) * _SECONDS[(match[2] or "").lower()])
    raise ValueError("expected a duration such as PT5M, 5m or 250ms")


def parse_size(value: Any) -> int:
    """Bytes from `10MB`, `512k` or a number; units are powers of 1024. `ValueError` else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value)
    match = _SIZE.fullmatch(str(value).strip())
    if not match:
        raise ValueError("expected a size such as 10MB")
    return int(float(match[1]) * _BYTES[match[2].lower()])


def chosen(value: Any, choices: Sequence[str]) -> str:
    """The one of these words that is meant, in whatever case and with whatever dashes; `ValueError` names them all."""
    plain = re.sub(r"[-_ ]", "", str(value)).lower()
    for choice in choices:
        if re.sub(r"[-_ ]", "", choice).lower() == plain:
            return choice
    *first, last = choices
    raise ValueError(f"expected {', '.join(first)} or {last}" if first else f"expected {last}")


def parse_value(kind: str, value: Any) -> Any:
    """Convert a raw value to a key's kind; `ValueError` says what was expected. None stays None."""
    if value is None:
        return None
    if kind == "s":
        return value if isinstance(value, str) else json.dumps(value) if isinstance(value, (dict, list)) else str(value)
    if kind == "b":
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in ("true", "yes", "on", "1"):
            return True
        if word in ("false", "no", "off", "0", ""):
            return False
        raise ValueError("expected true or false")
    if kind == "i":
        try:
            return int(str(value).strip())
        except ValueError:
            raise ValueError("expected an integer") from None
    if kind == "f":
        try:
            return float(str(value).strip())
        except ValueError:
            raise ValueError("expected a number") from None
    if kind == "d":
        return parse_span(value)
    if kind == "z":
        return parse_size(value)
    if kind == "l":
        if isinstance(value, (list, tuple)):
            return list(value)
        if isinstance(value, dict):
            return [value[k] for k in sorted(value, key=lambda k: int(k) if str(k).isdigit() else 0)]
        text = str(value).strip()
        if text.startswith("["):
            try:
                return list(json.loads(text))
            except ValueError:
                raise ValueError("expected a list") from None
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind == "m":
        if isinstance(value, dict):
            return value
        raise ValueError("expected a map")
    raise ValueError(f"unknown kind {kind!r}")
