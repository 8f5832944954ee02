"""HTTP/1.1 as uvicorn speaks it, and the names of headers as their sender wrote them (§15.8).

ASGI hands over lower-case names; flows of webhooks ask for `trigger.headers['Idempotency-Key']` as it was sent.
"""

from __future__ import annotations

from typing import Any

import h11
from h11._connection import DEFAULT_MAX_INCOMPLETE_EVENT_SIZE
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

_WEBHOOK = b"/executions/webhook/"


class _Connection(h11.Connection):
    """Tells its protocol how the names of a webhook's headers are written, before the request's scope is made."""

    def __init__(self, protocol: SpelledProtocol, limit: int) -> None:
        super().__init__(h11.SERVER, limit)
        self._protocol = protocol
        self._plain = protocol.app_state

    def next_event(self) -> Any:
        """The next event of the connection."""
        event = super().next_event()
        if isinstance(event, h11.Request):
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

    def __init__(self, config: Config, **options: Any) -> None:
        super().__init__(config, **options)
        self.conn = _Connection(self, config.h11_max_incomplete_event_size or DEFAULT_MAX_INCOMPLETE_EVENT_SIZE)
