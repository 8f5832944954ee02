"""Times on the wire."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(ms: int) -> str:
    """A time in ms since the epoch as ISO text in UTC."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
