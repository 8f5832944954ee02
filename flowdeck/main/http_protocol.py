"""HTTP/1.1 as uvicorn speaks it, with the patience of a server that strangers reach, and headers as they were sent.

uvicorn waits for ever for the rest of a request. Here a head has a time, a body has to move on, and what follows an
answer that was given before the body ended is read for a moment only (spec: quality §3.2, check 36).

ASGI hands over lower-case names; flows of webhooks ask for `trigger.headers['Idempotency-Key']` as it was sent (§15.8).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import h11
from h11._connection import DEFAULT_MAX_INCOMPLETE_EVENT_SIZE
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

_WEBHOOK = b"/executions/webhook/"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a connection is waited for.

    Attributes:
        head: seconds from the first byte of a request, or from connecting, until its head is complete.
        body: seconds that a body may take beyond what its size takes at `rate`.
        rate: bytes in a second that a body has to come to.
        rest: seconds that the rest of a body is read, and thrown away, after its answer.
    """

    head: float = 20.0
    body: float = 60.0
    rate: float = 500.0
    rest: float = 5.0


class _Connection(h11.Connection):
    """Tells its protocol how the names of a webhook's headers are written, before the request's scope is made."""

    def __init__(self, protocol: SpelledProtocol, limit: int) -> None:
        super().__init__(h11.SERVER, limit)
        self._protocol = protocol
        self._plain = protocol.app_state
        self._limit = limit
        self.fault: h11.RemoteProtocolError | None = None

    def next_event(self) -> Any:
        """The next event of the connection."""
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            self.fault = error
            raise
        if isinstance(event, h11.Request):
            # h11 bounds heads that are incomplete; one that comes at once may be as large as what is read at once.
            size = len(event.target) + sum(len(name) + len(value) + 4 for name, value in event.headers)
            if size > self._limit:
                self.fault = h11.RemoteProtocolError("head too large", error_status_hint=431)
                raise self.fault
            state = self._plain
            if _WEBHOOK in event.target:
                names: dict[str, str] = {}
                for name, _ in event.headers.raw_items():
                    names.setdefault(name.lower().decode("latin-1"), name.decode("latin-1"))
                state = {**state, "header_names": names}
            self._protocol.app_state = state
        return event


class SpelledProtocol(H11Protocol):
    """Requests of webhooks carry `state["header_names"]`: lower-case name → name as it was sent."""

    patience = Patience()

    def __init__(self, config: Config, **options: Any) -> None:
        super().__init__(config, **options)
        self.conn = _Connection(self, config.h11_max_incomplete_event_size or DEFAULT_MAX_INCOMPLETE_EVENT_SIZE)
        self._watch: asyncio.TimerHandle | None = None
        self._since = 0.0
        """When what is waited for began: a head, a body, or the rest of one."""
        self._phase: Any = None
        self._bytes = 0

    def connection_made(self, transport: Any) -> None:
        """A client connected: its request is waited for."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._bytes += len(data)
        super().data_received(data)
        if self._watch is None and self.transport.get_protocol() is self:  # not after an upgrade to a websocket
            self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Another protocol takes over, with its own pings."""
        self._stop()
        super().handle_websocket_upgrade(event)

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look(self) -> None:
        """Judge how far the request has come, and look again later while it is incomplete."""
        self._watch = None
        if self.transport.is_closing():
            return
        now = self.loop.time()
        phase, allowed = self._waiting()
        if phase is None:
            self._phase = None  # nothing is waited for; the next byte begins to look again
            return
        if phase != self._phase:
            self._phase, self._since, self._bytes = phase, now, 0
        elif self.flow.read_paused or self.conn.they_are_waiting_for_100_continue:
            self._since = now  # the application is slower than the client
            self._bytes = 0
        elif now - self._since > allowed + (self._bytes / self.patience.rate if phase[0] == "body" else 0):
            self._give_up()
            return
        self._watch = self.loop.call_later(min(5.0, allowed / 4), self._look)

    def _waiting(self) -> tuple[Any, float]:
        """What the client has to send, once for each request, and the seconds for it; None when it is our turn."""
        their, ours = self.conn.their_state, self.conn.our_state
        if their is h11.SEND_BODY:
            if self.cycle is None or self.cycle.response_complete:
                return ("rest", self.cycle), self.patience.rest
            return ("body", self.cycle), self.patience.body
        if their is h11.IDLE and ours is h11.IDLE and (self.cycle is None or self.conn.trailing_data[0]):
            return ("head", self.cycle), self.patience.head
        return None, 0.0

    def _give_up(self) -> None:
        """Say what is missing where that can still be said, and hang up."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and (self.conn.trailing_data[0] or self.cycle):
            if self.cycle is not None:
                self.cycle.disconnected = True  # nothing that the application answers now may follow
                self.cycle.message_event.set()
            self._say(408, "Request Timeout: the request did not arrive in time")
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """What can't be read as HTTP: 400, or 431 for a head beyond the limit, with the body of every error."""
        fault = self.conn.fault if isinstance(self.conn, _Connection) else None
        status = fault.error_status_hint if fault is not None else 400
        if status == 431:
            self._say(431, "Request Header Fields Too Large: the head of the request is beyond the limit")
        else:
            self._say(400, f"Bad Request: {msg}")
        self.transport.close()

    def _say(self, status: int, message: str) -> None:
        body = json.dumps({"message": message}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"connection", b"close"),
        ]
        try:
            out = self.conn.send(h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status]))
            self.transport.write(out or b"")
            self.transport.write(self.conn.send(h11.Data(data=body)) or b"")
            self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        except h11.LocalProtocolError:
            pass  # an answer has begun: it ends here


def protocol(patience: Patience) -> type[SpelledProtocol]:
    """The protocol with its own patience, for `uvicorn.Config(http=…)`."""
    return type("Protocol", (SpelledProtocol,), {"patience": patience})
