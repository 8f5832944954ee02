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


class Listener:
    """The frames of one connection; a reader that is too slow gets a `resync` instead of what it missed."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.frames: deque[bytes] = deque()
        self.wake = asyncio.Event()
        self.slow = False
        self.ended = False

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
