"""Everything below a path of its own: `micronaut.server.context-path` (spec: operations F63)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class ContextPath:
    """Takes the prefix off requests and puts it before the paths that answers lead to.

    Args:
        app: what answers paths without the prefix.
        prefix: `/a/b`, without a slash at its end.
    """

    def __init__(self, app: Asgi, prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self._raw = prefix.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path == "/ping" and scope["type"] == "http":  # balancers and our own readiness ask here
            await self._app(scope, receive, send)
            return
        if path != self._prefix and not path.startswith(f"{self._prefix}/"):
            await self._elsewhere(scope, receive, send)
            return
        inner = dict(scope)
        inner["path"] = path[len(self._prefix) :] or "/"
        raw = scope.get("raw_path")
        if raw is not None and raw.startswith(self._raw):
            inner["raw_path"] = raw[len(self._raw) :] or b"/"

        async def prefixed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [self._header(*one) for one in message.get("headers", ())]}
            await send(message)

        await self._app(inner, receive, prefixed)

    def _header(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name.lower() == b"location" and value.startswith(b"/") and not value.startswith(b"//"):
            return name, self._raw + value
        return name, value

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4404})
            return
        home = scope["path"] == "/"
        headers = [(b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff")]
        if home:
            headers.append((b"location", self._raw + b"/ui/"))
        await send({"type": "http.response.start", "status": 307 if home else 404, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if home else b'{"message":"Not Found"}'})
