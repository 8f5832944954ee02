"""The management port on the main one: `endpoints.all.port` is -1 or the server's own port (spec: operations F58).

The supervisor answers behind a socket of the home folder; here its paths are handed on. Strangers reach this port:
without an account for the endpoints only health and numbers are there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

HARMLESS = frozenset({"health", "info", "metrics", "prometheus"})
NAMES = HARMLESS | {"loggers", "env", "threaddump", "worker", "scheduler"}
LARGEST_BODY = 16_384
SECONDS = 10.0


class SharedManagement:
    """Hands requests for the management endpoints to the supervisor.

    Args:
        app: what answers all other paths.
        path: the supervisor's socket.
        guarded: whether the endpoints have an account of their own.
    """

    def __init__(self, app: Asgi, path: Path, *, guarded: bool) -> None:
        self._app = app
        self._path = path
        self._names = NAMES if guarded else HARMLESS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        name = scope["path"].strip("/").partition("/")[0] if scope["type"] == "http" else ""
        if name not in self._names or not scope["path"].startswith(f"/{name}"):
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["route"] = f"/{name}"
        body = await _body(receive)
        if body is None:
            await _say(send, 413, b'{"message":"the body is too large"}')
            return
        try:
            async with asyncio.timeout(SECONDS):
                status, headers, content = await self._ask(scope, body)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            await _say(send, 503, b'{"message":"the supervisor does not answer"}')
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _ask(self, scope: Scope, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        query = scope.get("query_string", b"")
        target = (scope.get("raw_path") or scope["path"].encode()) + (b"?" + query if query else b"")
        head = [scope["method"].encode() + b" " + target + b" HTTP/1.1", b"Content-Length: %d" % len(body)]
        head += [
            name + b": " + value for name, value in scope["headers"] if name in (b"authorization", b"content-type")
        ]
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        try:
            writer.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
            await writer.drain()
            answer = await reader.read()
        finally:
            writer.close()
        lines, _, content = answer.partition(b"\r\n\r\n")
        first, *rest = lines.split(b"\r\n")
        headers: list[tuple[bytes, bytes]] = []
        for line in rest:
            name, _, value = line.partition(b": ")
            if name.lower() != b"connection":
                headers.append((name.lower(), value))
        return int(first.split(b" ")[1]), headers, content


async def _body(receive: Receive) -> bytes | None:
    found = b""
    while True:
        message = await receive()
        found += message.get("body", b"")
        if len(found) > LARGEST_BODY:
            return None
        if message["type"] != "http.request" or not message.get("more_body"):
            return found


async def _say(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
