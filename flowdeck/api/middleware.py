"""Around every request: its id, the tenant-less aliases, headers of answers (plain ASGI, streams untouched)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_GIVEN = re.compile(rb"^[A-Za-z0-9._-]{1,64}$")

TENANT_LESS = frozenset(
    {
        "flows",
        "executions",
        "logs",
        "metrics",
        "triggers",
        "kv",
        "namespaces",
        "dashboards",
        "secrets",
        "stats",
        "usages",
        "concurrency-limit",
        "blueprints",
        "ai",
        "basicAuth",
        "console",
    }
)
"""First segments that are resources, never tenants: their path without tenant means tenant `main` (spec §1)."""


DATA_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    # Answers are data: opened by themselves they run and load nothing, and nobody frames them.
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
)
"""What every answer of the API carries."""
TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


def over_tls(scope: Scope) -> bool:
    """Whether a browser may be told to come by https from now on: it came so, to a name of the network.

    Of `localhost` and addresses it would hold for whatever else is served there.
    """
    if scope.get("scheme") != "https":
        return False
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    return "." in name and not name.replace(".", "").isdigit() and not name.endswith(".localhost")


def request_id() -> str:
    """Id of the request in whose context this runs."""
    return _request_id.get()


class RequestContext:
    """Gives each request an id (header `X-Request-Id`, kept when sent) and rewrites tenant-less paths."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        identity = given.decode() if _GIVEN.match(given) else secrets.token_hex(8)
        token = _request_id.set(identity)
        scope.setdefault("state", {})["request_id"] = identity
        path: str = scope["path"]
        if path.startswith("/api/v1/") and path.endswith("/"):  # `…/kv/` is `…/kv`, as in the reference
            path = path.rstrip("/")
        parts = path.split("/", 4)
        if len(parts) > 3 and parts[1] == "api" and parts[2] == "v1" and parts[3] in TENANT_LESS:
            path = "/api/v1/main" + path[len("/api/v1") :]
        if path != scope["path"]:
            scope = dict(scope)
            scope["path"] = path
            scope["raw_path"] = path.encode()

        async def tagged(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                headers.append((b"x-request-id", identity.encode()))
                held = {name.lower() for name, _ in headers}
                headers.extend(one for one in DATA_HEADERS if one[0] not in held)
                if b"cache-control" not in held:
                    headers.append((b"cache-control", b"no-store"))
                if over_tls(scope):
                    headers.append(TRANSPORT)
            await send(message)

        try:
            await self.app(scope, receive, tagged)
        finally:
            # What was found is told outside, where requests are counted by route.
            scope["state"]["route"] = getattr(scope.get("route"), "path", None)
            _request_id.reset(token)
