"""The proxy that the environment names for a call: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` (spec: operations F63).

The server sets these variables from its configuration too, see `flowdeck.config.rules.environment`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import httpx

Socks = tuple[str, int, str | None, str | None]
"""Address, port, user, password."""


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def proxy_of(url: httpx.URL) -> str | None:
    """The proxy's address for a URL; None to call directly, as always for this machine itself."""
    found = getproxies_environment()
    place = found.get(url.scheme) or found.get("all")
    if not place or _is_here(url.host) or proxy_bypass_environment(url.host, found):
        return None
    return place if "://" in place else f"http://{place}"


def socks_of(proxy: str) -> Socks | None:
    """What a SOCKS proxy's address says; None for proxies of other kinds."""
    parts = urlsplit(proxy)
    if not parts.scheme.startswith("socks"):
        return None
    user = unquote(parts.username) if parts.username else None
    return parts.hostname or "", parts.port or 1080, user, unquote(parts.password or "") if user else None


class ByEnvironment(httpx.AsyncBaseTransport):
    """Sends each request, redirects too, the way that the environment says.

    Args:
        make: makes the transport of a proxy; None = the direct one.
        check: judges what a proxy shall connect to on our behalf.
    """

    def __init__(
        self,
        make: Callable[[str | None], httpx.AsyncBaseTransport],
        check: Callable[[httpx.Request], Awaitable[None]],
    ) -> None:
        self._make = make
        self._check = check
        self._made: dict[str | None, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send."""
        place = proxy_of(request.url)
        if place is not None:
            await self._check(request)
        transport = self._made.get(place)
        if transport is None:
            transport = self._made[place] = self._make(place)
        return await transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all transports."""
        for transport in self._made.values():
            await transport.aclose()
