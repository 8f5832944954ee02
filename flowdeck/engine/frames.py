"""Frames over a stream: collects what one loop turn sends, decodes what arrives (engine notes §2.5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from flowdeck.engine.messages import decode, encode

log = logging.getLogger("flowdeck.frames")

MAX_FRAME = 64 * 1024 * 1024


def valid(value: Any) -> Any:
    """A value whose texts can be written as UTF-8: halves of surrogate pairs become question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {valid(k): valid(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [valid(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.replace(value, **{name: valid(getattr(value, name)) for name in value.__struct_fields__})
    return value


def _encoded(message: Any) -> bytes | None:
    try:
        try:
            return encode([message])
        except UnicodeEncodeError:
            return encode([valid(message)])
    except (ValueError, TypeError, RecursionError) as error:
        log.error("a %s can't be sent: %s", type(message).__name__, error)
        return None


class FrameProtocol(asyncio.Protocol):
    """One end of a connection.

    Args:
        on_messages: called with the messages of one or more frames, in order.
        on_closed: called once when the connection is gone.
        on_open: called once when it stands.
    """

    def __init__(
        self,
        on_messages: Callable[[FrameProtocol, list[Any]], None],
        on_closed: Callable[[FrameProtocol], None],
        on_open: Callable[[FrameProtocol], None] | None = None,
    ) -> None:
        self.on_messages = on_messages
        self.on_closed = on_closed
        self.on_open = on_open
        self.transport: asyncio.Transport | None = None
        self.peer: Any = None
        self.before_flush: Callable[[], None] | None = None  # may send more, which leaves with what is queued
        self._in = bytearray()
        self._out: list[Any] = []
        self._scheduled = False
        self._loop = asyncio.get_running_loop()
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the connection stands."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=4 * 1024 * 1024)
        if self.on_open:
            self.on_open(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: the connection is gone."""
        self.transport = None
        self.writable.set()
        self.on_closed(self)

    def pause_writing(self) -> None:
        """Asyncio: the other end reads too slowly."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """Asyncio: the other end has caught up."""
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        """Asyncio: bytes arrived; a frame that can't be understood closes the connection."""
        buffer = self._in
        buffer += data
        messages: list[Any] = []
        start, end = 0, len(buffer)
        try:
            while end - start >= 4:
                size = int.from_bytes(buffer[start : start + 4], "big")
                if size > MAX_FRAME:
                    raise msgspec.ValidationError("frame too large")
                if end - start - 4 < size:
                    break
                messages += decode(bytes(buffer[start + 4 : start + 4 + size]))
                start += 4 + size
        except msgspec.MsgspecError:
            self.close()
            return
        if start:
            del buffer[:start]
        if messages:
            self.on_messages(self, messages)

    def send(self, message: Any) -> None:
        """Queue a message; all of one loop turn leave in one frame. Silently dropped after the close."""
        self._out.append(message)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what is queued now."""
        if self.before_flush is not None:
            self.before_flush()
        self._scheduled = False
        out, self._out = self._out, []
        if out and self.transport is not None:
            try:
                frame = encode(out)
            except (ValueError, TypeError, RecursionError):
                frame = None
            if frame is not None and len(frame) <= MAX_FRAME:
                self.transport.write(frame)
                return
            for message in out:  # what one of them holds must not cost the others
                frame = _encoded(message)
                if frame is None:
                    continue
                if len(frame) <= MAX_FRAME:
                    self.transport.write(frame)
                else:  # the other end would close the connection, again and again
                    log.error("a %s of %d bytes is too large to be sent", type(message).__name__, len(frame))

    def close(self) -> None:
        """End the connection."""
        if self.transport is not None:
            self.flush()
            self.transport.close()

    def abort(self) -> None:
        """End the connection without sending what is queued."""
        if self.transport is not None:
            self.transport.abort()
