"""The name and scheme that callers used, as a proxy of ours tells them (spec: operations F63).

`micronaut.server.host-resolution.{host-header,protocol-header}` name the headers. They count only when the connection
comes from `flowdeck.server.trusted-proxies`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_HOST = re.compile(rb"[A-Za-z0-9.\-_\[\]:]{1,255}")
SCHEMES = {b"http": ("http", "ws"), b"https": ("https", "wss")}


class HostResolution:
    """Stands around everything that looks at the caller's address.

    Args:
        app: what answers; it sees the resolved name and scheme.
        host: the header with the name; `Host` or "" leaves it.
        protocol: the header with the scheme; "" leaves it.
        trusted: networks of our proxies.
    """

    def __init__(self, app: Asgi, host: str, protocol: str, trusted: Iterable[str]) -> None:
        self._app = app
        self._host = host.lower().encode() if host.lower() != "host" else b""
        self._protocol = protocol.lower().encode()
        self._trusted = [ipaddress.ip_network(one, strict=False) for one in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] in ("http", "websocket") and self._ours(scope):
            told = {name: value for name, value in scope["headers"] if name in (self._host, self._protocol)}
            host = told.get(self._host, b"").split(b",")[0].strip() if self._host else b""
            if _HOST.fullmatch(host):
                others = [(name, value) for name, value in scope["headers"] if name != b"host"]
                scope["headers"] = [(b"host", host), *others]
            scheme = SCHEMES.get(told.get(self._protocol, b"").split(b",")[0].strip().lower())
            if self._protocol and scheme is not None:
                scope["scheme"] = scheme[scope["type"] == "websocket"]
        await self._app(scope, receive, send)

    def _ours(self, scope: Scope) -> bool:
        client = scope.get("client")
        try:
            address = ipaddress.ip_address(client[0]) if client else None
        except ValueError:
            return False
        return address is not None and any(
            address in network for network in self._trusted if network.version == address.version
        )
