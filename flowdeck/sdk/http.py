"""HTTP of tasks and of the expression function `http()` (spec: core plugins §4, expressions §8)."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import secrets
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote

import httpcore
import httpx

from flowdeck.expr import yamltext
from flowdeck.model.coerce import to_boolean, to_duration, to_integer, to_text
from flowdeck.sdk.errors import TaskError
from flowdeck.sdk.proxies import ByEnvironment, Socks, socks_of
from flowdeck.sdk.socks import SocksBackend

MAX_CONTENT = 10 * 1024 * 1024
MAX_REDIRECTS = 10
REFUSED_ADDRESSES = ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32")
"""Where clouds answer with their machines' credentials; `kestra.http.blocked-cidrs` replaces the list."""


@dataclass(slots=True)
class Options:
    """How requests are made; times in seconds."""

    connect_timeout: float = 10.0
    read_timeout: float = 300.0
    follow_redirects: bool = True
    allow_failed: bool = False
    allowed_codes: frozenset[int] = frozenset()
    charset: str = "utf-8"
    auth: httpx.Auth | None = None
    insecure: bool = False
    proxy: str | None = None
    socks: Socks | None = None
    direct: bool = False  # whatever the environment says
    logs: frozenset[str] = frozenset()
    max_content: int = MAX_CONTENT
    secrets: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, raw: Mapping[str, Any] | None) -> Options:
        """From rendered properties with YAML names; `TaskError` or `ValueError` for unusable values."""
        raw = raw or {}
        new = cls()
        timeout = raw.get("timeout") or {}
        connect = timeout.get("connectTimeout") or raw.get("connectTimeout")
        read = timeout.get("readIdleTimeout") or raw.get("readTimeout")
        if connect:
            new.connect_timeout = to_duration(connect).total_seconds()
        if read:
            new.read_timeout = to_duration(read).total_seconds()
        if (value := raw.get("followRedirects")) is not None:
            new.follow_redirects = to_boolean(value)
        if (value := raw.get("allowFailed")) is not None:
            new.allow_failed = to_boolean(value)
        if value := raw.get("allowedResponseCodes"):
            value = json.loads(value) if isinstance(value, str) else value
            new.allowed_codes = frozenset(to_integer(code) for code in value)
        new.charset = str(raw.get("defaultCharset") or "utf-8")
        new.insecure = to_boolean((raw.get("ssl") or {}).get("insecureTrustAllCertificates") or False)
        new.logs = frozenset(str(name) for name in raw.get("logs") or ())
        if raw.get("maxContentLength"):
            new.max_content = min(to_integer(raw["maxContentLength"]), 2_147_483_647)
        new._authenticate(raw)
        new._use_proxy(raw)
        return new

    def _authenticate(self, raw: Mapping[str, Any]) -> None:
        auth = raw.get("auth")
        if auth:
            kind = str(auth.get("type", "")).rpartition(".")[2].upper().removesuffix("AUTH")
            match kind:
                case "BASIC" | "DIGEST":
                    user, password = to_text(auth.get("username")), to_text(auth.get("password"))
                    self.auth = (httpx.BasicAuth if kind == "BASIC" else httpx.DigestAuth)(user, password)
                    self.secrets.append(password)
                case "BEARER":
                    token = to_text(auth.get("token"))
                    self.auth = Bearer(token)
                    self.secrets.append(token)
                case _:
                    raise TaskError(f"'{auth.get('type')}' is no kind of authentication; known: BASIC, BEARER, DIGEST")
        elif raw.get("basicAuthUser"):
            password = to_text(raw.get("basicAuthPassword"))
            self.auth = httpx.BasicAuth(to_text(raw["basicAuthUser"]), password)
            self.secrets.append(password)

    def _use_proxy(self, raw: Mapping[str, Any]) -> None:
        proxy = raw.get("proxy") or {}
        address = proxy.get("address") or raw.get("proxyAddress")
        kind = str(proxy.get("type") or raw.get("proxyType") or "DIRECT").upper()
        self.direct = str(proxy.get("type") or raw.get("proxyType") or "").upper() == "DIRECT"
        if not address or kind == "DIRECT":
            return
        port = proxy.get("port") or raw.get("proxyPort")
        user = proxy.get("username") or raw.get("proxyUsername")
        password = proxy.get("password") or raw.get("proxyPassword")
        if kind not in ("HTTP", "SOCKS"):
            raise TaskError(f"'{kind}' is no type of proxy; known: DIRECT, HTTP, SOCKS")
        if password:
            self.secrets.append(to_text(password))
        name = to_text(address).removeprefix("http://").removeprefix("socks5://").rstrip("/")
        if kind == "SOCKS":
            who, word = (to_text(user), to_text(password)) if user else (None, None)
            self.socks = (name, to_integer(port) if port else 1080, who, word)
            return
        login = f"{quote(to_text(user), safe='')}:{quote(to_text(password), safe='')}@" if user else ""
        self.proxy = f"http://{login}{name}{f':{to_integer(port)}' if port else ''}"


class Bearer(httpx.Auth):
    """`Authorization: Bearer <token>`."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_TRANSLATED_HERE = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_OWN = {4: ipaddress.ip_address("127.0.0.1"), 6: ipaddress.ip_address("::1")}


def _inner(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address may lead to: mapped, 6to4, Teredo, translated, compatible."""
    found = [one for one in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if one is not None]
    if ip in _TRANSLATED or ip in _TRANSLATED_HERE or ip in _COMPATIBLE:
        found.append(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF))
    return found


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves names itself and connects to no refused address: redirects and re-bound names included.

    Args:
        inner: makes the connections.
        refused: networks; one with `!` before it is an exception from the others.
    """

    def __init__(self, inner: httpcore.AsyncNetworkBackend, refused: Iterable[str]) -> None:
        self._inner = inner
        told = [(text[:1] != "!", ipaddress.ip_network(text.removeprefix("!"), strict=False)) for text in refused]
        self._refused = [network for closed, network in told if closed]
        self._excepted = [network for closed, network in told if not closed]

    def allowed(self, address: str) -> bool:
        """Whether this address may be reached; IPv4 addresses inside IPv6 ones are looked at as IPv4."""
        ip = ipaddress.ip_address(address.partition("%")[0])
        meant = [ip, *_inner(ip)] if isinstance(ip, ipaddress.IPv6Address) else [ip]
        meant += [_OWN[one.version] for one in meant if one.is_unspecified]  # 0.0.0.0 is this machine, too
        return not any(_among(one, self._refused) and not _among(one, self._excepted) for one in meant)

    async def check(self, request: httpx.Request) -> None:
        """Refuse what a proxy shall connect to on our behalf; names that only the proxy knows are its matter."""
        host = request.url.host
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        if not all(self.allowed(str(address[0])) for *_, address in found):
            raise httpx.ConnectError(f"the address of {host} may not be reached from here", request=request)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first allowed address of a host."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error.strerror or error}") from error
        last: Exception = httpcore.ConnectError(f"the address of {host} may not be reached from here")
        for *_, address in found:
            if not self.allowed(str(address[0])):
                continue
            try:
                return await self._inner.connect_tcp(str(address[0]), port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                last = error
        raise last

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
        """Never: tasks speak to hosts."""
        raise httpcore.ConnectError("unix sockets are not reached by URI")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


def _among(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Iterable[Any]) -> bool:
    return any(ip in network for network in networks if network.version == ip.version)


@lru_cache(maxsize=2)
def _tls(insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


OBSERVERS: list[Callable[[str, str, str, float], None]] = []
"""Told of every exchange: method, status or `error`, host, seconds until the answer's head."""


class Observed(httpx.AsyncBaseTransport):
    """Tells `OBSERVERS` of each request."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send."""
        began, status = time.perf_counter(), "error"
        try:
            response = await self._inner.handle_async_request(request)
            status = str(response.status_code)
            return response
        finally:
            for observer in OBSERVERS:
                observer(request.method, status, request.url.host, time.perf_counter() - began)

    async def aclose(self) -> None:
        """Close."""
        await self._inner.aclose()


def _transport(
    options: Options, refused: Iterable[str], proxy: str | None, socks: Socks | None
) -> httpx.AsyncHTTPTransport:
    transport = httpx.AsyncHTTPTransport(verify=_tls(options.insecure), trust_env=False, proxy=proxy)
    pool = transport._pool  # httpx has no public way to hand in a network backend
    checked = CheckedBackend(pool._network_backend, refused)  # type: ignore[attr-defined]
    pool._network_backend = SocksBackend(checked, *socks) if socks else checked  # type: ignore[attr-defined]
    return transport


@asynccontextmanager
async def client(options: Options, refused: Iterable[str] = REFUSED_ADDRESSES) -> AsyncIterator[httpx.AsyncClient]:
    """A client for one exchange: no cookies or connections are shared between tasks."""
    refused = tuple(refused)
    check = CheckedBackend(cast(Any, httpcore.AnyIOBackend()), refused).check

    def by(proxy: str | None) -> httpx.AsyncBaseTransport:
        socks = socks_of(proxy) if proxy is not None else None
        return _transport(options, refused, None if socks else proxy, socks)

    told = bool(options.socks or options.proxy)
    transport: httpx.AsyncBaseTransport
    if told or options.direct:
        transport = _transport(options, refused, options.proxy, options.socks)
    else:
        transport = ByEnvironment(by, check)
    hooks = [check] if told else []
    timeout = httpx.Timeout(options.read_timeout, connect=options.connect_timeout)
    async with httpx.AsyncClient(
        timeout=timeout,
        follow_redirects=options.follow_redirects,
        max_redirects=MAX_REDIRECTS,
        auth=options.auth,
        trust_env=False,
        transport=Observed(transport) if OBSERVERS else transport,
        event_hooks={"request": hooks},
    ) as found:
        yield found


def check_uri(uri: str) -> str:
    """The URI with spaces encoded; `TaskError` unless it is http or https."""
    uri = uri.strip().replace(" ", "%20")
    if not re.match(r"https?://[^/]", uri, re.IGNORECASE):
        raise TaskError(f"'{uri}' is not an http or https URI")
    return uri


def form_body(form: Mapping[str, Any]) -> bytes:
    """`application/x-www-form-urlencoded` text of a map."""
    return str(httpx.QueryParams([(str(k), to_text(v)) for k, v in form.items()])).encode()


def boundary() -> str:
    """A fresh multipart boundary."""
    return secrets.token_hex(16)


def status_line(response: httpx.Response) -> str:
    """`404 : Not Found`."""
    return f"{response.status_code} : {response.reason_phrase}"


def headers_map(response: httpx.Response) -> dict[str, list[str]]:
    """Response headers, each with all its values, names in lower case."""
    found: dict[str, list[str]] = {}
    for name, value in response.headers.multi_items():
        found.setdefault(name, []).append(value)
    return found


def reason(error: Exception) -> str:
    """Why an exchange failed, without the request's headers."""
    text = str(error).strip()
    return text or {"ReadTimeout": "no answer in time", "ConnectTimeout": "no connection in time"}.get(
        type(error).__name__, type(error).__name__
    )


def parsed_body(text: str, content_type: str) -> Any:
    """A JSON or YAML body as structure, anything else as text."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")):
        return json.loads(text)
    if kind.endswith(("/yaml", "/x-yaml", "+yaml")):
        return yamltext.load(text)
    return text
