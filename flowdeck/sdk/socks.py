"""SOCKS5 as a way to servers (RFC 1928, RFC 1929): names are resolved by the proxy."""

from __future__ import annotations

import ipaddress
from typing import Any

import httpcore

_REASONS = {
    1: "general failure",
    2: "not allowed",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time is over",
    7: "command not supported",
    8: "address type not supported",
}


class SocksBackend(httpcore.AsyncNetworkBackend):
    """Connects to servers through a proxy.

    Args:
        inner: connects to the proxy itself.
        address, port: of the proxy.
        user, password: None = without login.
    """

    def __init__(
        self,
        inner: httpcore.AsyncNetworkBackend,
        address: str,
        port: int,
        user: str | None = None,
        password: str | None = None,
    ) -> None:
        self._inner = inner
        self._proxy = (address, port)
        self._login = None if user is None else (user.encode(), (password or "").encode())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a server; `ConnectError` with the proxy's reason."""
        stream = await self._inner.connect_tcp(*self._proxy, timeout, local_address, socket_options)
        try:
            await self._greet(stream, timeout)
            await self._ask(stream, host, port, timeout)
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
        """Never: proxies lead to hosts."""
        raise httpcore.ConnectError("unix sockets are not reached by a proxy")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)

    async def _greet(self, stream: httpcore.AsyncNetworkStream, timeout: float | None) -> None:
        methods = b"\x02\x00\x02" if self._login else b"\x01\x00"
        await stream.write(b"\x05" + methods, timeout)
        version, method = await _exactly(stream, 2, timeout)
        if version != 5 or method == 0xFF or (method == 2 and self._login is None):
            raise httpcore.ConnectError("the SOCKS proxy takes none of the ways to log in")
        if method == 2 and self._login is not None:
            user, password = self._login
            await stream.write(bytes((1, len(user))) + user + bytes((len(password),)) + password, timeout)
            if (await _exactly(stream, 2, timeout))[1]:
                raise httpcore.ConnectError("the SOCKS proxy refused the login")

    @staticmethod
    async def _ask(stream: httpcore.AsyncNetworkStream, host: str, port: int, timeout: float | None) -> None:
        try:
            ip = ipaddress.ip_address(host)
            place = (b"\x01" if ip.version == 4 else b"\x04") + ip.packed
        except ValueError:
            name = host.encode("idna") if not host.isascii() else host.encode()
            place = b"\x03" + bytes((len(name),)) + name
        await stream.write(b"\x05\x01\x00" + place + port.to_bytes(2, "big"), timeout)
        _, code, _, kind = await _exactly(stream, 4, timeout)
        if code:
            raise httpcore.ConnectError(f"the SOCKS proxy: {_REASONS.get(code, f'error {code}')}")
        length = {1: 4, 4: 16}.get(kind)
        if length is None:
            length = (await _exactly(stream, 1, timeout))[0]
        await _exactly(stream, length + 2, timeout)


async def _exactly(stream: httpcore.AsyncNetworkStream, size: int, timeout: float | None) -> bytes:
    found = b""
    while len(found) < size:
        more = await stream.read(size - len(found), timeout)
        if not more:
            raise httpcore.ConnectError("the SOCKS proxy closed the connection")
        found += more
    return found
