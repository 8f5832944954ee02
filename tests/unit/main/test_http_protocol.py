"""Connections that became websockets are no longer judged as requests (spec: quality §3.2; console: UI-LV-01)."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn

from flowdeck.main.http_protocol import Patience, protocol

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def _app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()


async def test_a_websocket_outlives_the_patience_for_requests() -> None:
    hasty = Patience(head=0.1, body=0.1, rest=0.1)
    config = uvicorn.Config(_app, port=0, http=protocol(hasty), lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UPGRADE)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        try:
            assert await asyncio.wait_for(reader.read(1), 0.6) is None, "the server hung up"
        except TimeoutError:
            pass
        writer.close()
    finally:
        server.should_exit = True
        await server.shutdown()
