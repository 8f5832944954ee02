"""Times on the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.")


def instant(ms: int) -> str:
    """A time in ms since the epoch as ISO text in UTC."""
    return f"{_second(ms // 1000)}{ms % 1000:03d}Z"
