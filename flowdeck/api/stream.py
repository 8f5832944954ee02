"""The one multiplexed stream of a tab (spec: extensions §3)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Message, Receive, Scope, Send

from flowdeck.api.security import CallerDep
from flowdeck.model.errors import IllegalArgument
from flowdeck.services.caller import Caller
from flowdeck.services.listeners import Listener, frame
from flowdeck.services.rooms import LEVELS, Rooms
from flowdeck.services.sessions import Sessions

router = APIRouter(prefix="/api/v1/{tenant}/console", tags=["Console"])
KEEPALIVE = 15
SESSION_SECONDS = 60.0
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_NEEDS = {"executions": "EXECUTION", "kv": "KVSTORE", "secrets": "SECRET"}
"""Topic → what it needs READ of; the others FLOW, and a reader's own settings nothing."""
FAMILIES = frozenset({"executions", "flow", "triggers", "kv", "files", "flows", "settings", "secrets", "editing"})


def keepalive() -> ServerSentEvent:
    """The comment that keeps a quiet stream alive."""
    return ServerSentEvent(comment="keepalive")


class SessionStream(EventSourceResponse):
    """A stream that ends with the session it was opened by (quality §3.2, check 8)."""

    def __init__(self, source: Any, sessions: Sessions, caller: Caller, **more: Any) -> None:
        super().__init__(source, headers=HEADERS, sep="\n", **more)
        self._sessions, self._session = sessions, caller.session

    async def _send_with_timeout(self, send: Send, message: Message) -> None:
        # The library opens a scope for a time limit that our streams don't have: a fifth of what a line costs.
        await send(message)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI; to the stream the end of its session is a client that went away."""
        if not self._session:
            await super().__call__(scope, receive, send)
            return
        begun = over = False

        async def sending(message: Message) -> None:
            nonlocal begun, over
            begun = True
            over = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        with self._sessions.watched(self._session) as ended:

            async def receiving() -> Message:
                client, session = asyncio.ensure_future(receive()), asyncio.ensure_future(ended.wait())
                try:
                    await asyncio.wait({client, session}, return_when=asyncio.FIRST_COMPLETED)
                    return client.result() if client.done() else {"type": "http.disconnect"}
                finally:
                    client.cancel()
                    session.cancel()

            await super().__call__(scope, receiving, sending)
            if ended.is_set() and begun and not over:
                await send({"type": "http.response.body", "body": b"", "more_body": False})


async def frames(rooms: Rooms, listener: Listener, sessions: Sessions) -> AsyncIterator[bytes]:
    """The frames of a listener until it, or the session of its caller, ends."""
    checked = time.monotonic()
    try:
        while True:
            if listener.caller.session and time.monotonic() - checked > SESSION_SECONDS:
                # Logouts are told; this finds sessions that ran out, or were ended by another process.
                checked = time.monotonic()
                if not await sessions.alive(listener.caller.session):
                    listener.end(frame("end", {"reason": "session"}))
            if listener.slow:
                listener.slow = False
                yield frame("resync", {"reason": "slow"})
            if listener.frames:
                held = b"".join(listener.frames)
                listener.frames.clear()
                yield held
                continue
            if listener.ended:
                return
            listener.wake.clear()
            if not listener.frames and not listener.ended:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(listener.wake.wait(), SESSION_SECONDS)
    except asyncio.CancelledError:
        raise
    finally:
        rooms.leave(listener)


@router.get("/stream")
async def stream(
    request: Request,
    caller: CallerDep,
    execution: str | None = None,
    logs: str | None = None,
    parents: str = "",
    topics: str = "",
    since: str | None = None,
) -> Response:
    """Follow one execution and some lists."""
    wanted = [t for t in topics.split(",") if t]
    opened = frozenset(p for p in parents.split(",") if p)
    if len(wanted) > 8 or any(t.partition(":")[0] not in FAMILIES for t in wanted):
        raise IllegalArgument("topics: at most 8 of " + ", ".join(sorted(FAMILIES)))
    caller.must(*((_NEEDS.get(t.partition(":")[0], "FLOW"), "READ") for t in wanted if not t.startswith("settings")))
    if len(opened) > 50:
        raise IllegalArgument("parents: at most 50")
    if logs is not None and logs.upper() not in LEVELS:
        raise IllegalArgument(f"logs: {', '.join(LEVELS)} are known")
    rooms: Rooms = request.app.state.rooms
    cursor = request.headers.get("last-event-id") or since
    level = logs.upper() if logs else None
    listener = await rooms.open(caller, execution or None, level, opened, wanted, cursor)
    return EventSourceResponse(
        frames(rooms, listener, request.app.state.sessions),
        headers=HEADERS,
        ping=KEEPALIVE,
        ping_message_factory=keepalive,
        sep="\n",
    )
