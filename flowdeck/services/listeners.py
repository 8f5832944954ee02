"""Frames of a connection: encoded once, queued with a bound (extensions §3)."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import orjson

from flowdeck.services.caller import Caller

QUEUED = 256


def frame(event: str, data: Any, cursor: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"id: {cursor}\n" if cursor else ""
    return f"{head}event: {event}\ndata: ".encode() + orjson.dumps(data, default=str) + b"\n\n"


def of_floor(event: str, data: Any, encoded: bytes, floor: int) -> bytes | None:
    """A frame for a connection that has all lines up to `floor`: as it is, without those lines, or None."""
    if event != "log" or data["lines"][0]["seq"] > floor:
        return encoded
    lines = [line for line in data["lines"] if line["seq"] > floor]
    cursor = encoded.partition(b"\n")[0].removeprefix(b"id: ").decode()
    return frame(event, {**data, "lines": lines}, cursor) if lines else None


class Listener:
    """The frames of one connection; a reader that is too slow gets a `resync` instead of what it missed."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.frames: deque[bytes] = deque()
        self.wake = asyncio.Event()
        self.slow = False
        self.ended = False
        self.log_floor = 0
        """Seq of the last log line that this connection has, by its snapshot or its cursor."""
        self.joining: list[tuple[str, Any, bytes]] | None = None
        """What the room published while the snapshot was read."""

    def admit(self, first: list[bytes], floor: int) -> None:
        """The snapshot is there: first its frames, then what the room published meanwhile and it does not hold."""
        self.log_floor = max(self.log_floor, floor)
        later = [of_floor(*one, self.log_floor) for one in self.joining or ()]
        self.joining = None
        self.frames.extendleft(reversed([*first, *(data for data in later if data is not None)]))
        self.wake.set()

    def put(self, data: bytes) -> None:
        """Queue a frame."""
        if len(self.frames) >= QUEUED:
            self.frames.clear()
            self.slow = True
        self.frames.append(data)
        self.wake.set()

    def end(self, data: bytes | None) -> None:
        """Queue the last frame."""
        if data is not None:
            self.frames.append(data)
        self.ended = True
        self.wake.set()
