"""Who is calling: one dependency of the whole application, so that no route can forget it (spec: REST contract §2)."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import Annotated
from urllib.parse import unquote, urlsplit

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from flowdeck.api.errors import Unauthorised
from flowdeck.model.errors import Forbidden, NotFound
from flowdeck.services.access import NOTHING, in_words, lacking
from flowdeck.services.caller import Caller
from flowdeck.services.credentials import Credentials
from flowdeck.services.sessions import COOKIE, Sessions

OPEN = frozenset(
    {
        ("GET", "/api/v1/configs"),
        ("POST", "/login"),
        ("POST", "/logout"),
        ("GET", "/ping"),
        ("GET", "/swagger/flowdeck.yml"),
        ("GET", "/api/v1/openapi.json"),
        ("GET", "/api"),
        ("GET", "/api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}"),
        ("POST", "/api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}"),
        ("PUT", "/api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}"),
        ("GET", "/api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}/{path:path}"),
        ("POST", "/api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}/{path:path}"),
        ("PUT", "/api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}/{path:path}"),
    }
)
"""The only routes that anybody may call."""

OPEN_UNTIL_SET_UP = frozenset(
    {
        ("POST", "/api/v1/{tenant}/basicAuth"),
        ("GET", "/api/v1/basicAuthValidationErrors"),
    }
)

TENANTS = frozenset({"main"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def address(request: Request) -> str:
    """The caller's network address."""
    return request.client.host if request.client else ""


def from_console(request: Request) -> bool:
    """Whether the call comes from the console's own process (a foreign page can't set this header)."""
    return request.headers.get("x-flowdeck-console") == "1"


def check_origin(request: Request) -> None:
    """Refuse a cross-site call that carries our cookie: `Forbidden`."""
    if from_console(request):
        return
    origin = request.headers.get("origin")
    if origin and origin != "null" and urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower():
        return
    if origin in request.app.state.backend.config.origins:  # a proxy names this server otherwise
        return
    raise Forbidden("this call needs the Origin of this server")


def check_host(request: Request, known: str | None) -> None:
    """Refuse a page whose host name may be somebody else's: `Forbidden`.

    Another site can point its own name at this address, and its pages are then of the same origin as ours. Until there
    is an account only names that nobody else can own count: addresses, localhost, names of the own network, and
    `known`, the configured URL.
    """
    name = (urlsplit(f"//{request.headers.get('host', '')}").hostname or "").rstrip(".")
    try:
        ipaddress.ip_address(name)
        return
    except ValueError:
        pass
    if "." not in name or name.endswith(".localhost") or (known and name == urlsplit(known).hostname):
        return
    raise Forbidden("the first account is made by the server's address or localhost; for other names set kestra.url")


def _pair(encoded: str) -> tuple[str, str] | None:
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (user, password) if colon else None


async def _identify(request: Request, tenant: str) -> Caller | None:
    credentials: Credentials = request.app.state.credentials
    sessions: Sessions = request.app.state.sessions
    cookie = request.cookies.get(COOKIE)
    if cookie:
        session = await sessions.find(cookie)
        grants = await credentials.grants(session.username) if session is not None else None
        if session is not None and grants is not None:  # an account that is gone takes its sessions along
            if request.method not in SAFE:
                check_origin(request)
            return Caller(session.username, tenant, "session", session.id, grants)
    reference = request.cookies.get("BASIC_AUTH")
    if reference:
        pair = _pair(unquote(reference))
        if pair and await credentials.verify(*pair, address(request)):
            if request.method not in SAFE:
                check_origin(request)
            return Caller(pair[0], tenant, "cookie", grants=await credentials.grants(pair[0]) or NOTHING)
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        pair = _pair(value.strip())
        if pair and await credentials.verify(*pair, address(request)):
            # Browsers send a password they once asked for along with other sites' calls; programs send no such header.
            if request.method not in SAFE and request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
                check_origin(request)
            return Caller(pair[0], tenant, "basic", grants=await credentials.grants(pair[0]) or NOTHING)
    return None


def below(path: str, prefix: str) -> bool:
    """Whether a path is a prefix of the configuration's `open-urls` or lies under it, whole segments compared."""
    own = prefix.rstrip("/")
    return bool(own) and (path == own or path.startswith(own + "/"))


async def authenticate(request: Request) -> Caller:
    """The caller of a request; raises `Unauthorised` (401), `NotFound` for foreign tenants."""
    tenant = request.path_params.get("tenant", "main")
    route = request.scope.get("route")
    # Not request.url: that is built with the Host header, which the caller writes.
    path: str = request.scope["path"]
    # Without a route there is no place: what is written in the path opens nothing.
    place = (request.method if request.method != "HEAD" else "GET", getattr(route, "path", ""))
    opened = place in OPEN or any(below(path, p) for p in request.app.state.backend.config.open_urls)
    if not opened and place in OPEN_UNTIL_SET_UP:
        opened = not await request.app.state.credentials.initialised()
    if opened:
        caller: Caller | None = Caller("", tenant, "anonymous")
    else:
        caller = await _identify(request, tenant)
    if caller is None:
        referer = urlsplit(request.headers.get("referer", "")).path
        raise Unauthorised(
            # A challenge makes the browser itself ask, over a page that has its own dialog (ui.md §1.9).
            challenge=not (
                referer.rstrip("/").endswith("/login") or "/ui/" in referer or "x-flowdeck-console" in request.headers
            )
        )
    if tenant not in TENANTS:
        raise NotFound()
    return caller


async def only_known(scope: Scope, receive: Receive) -> None:
    """Before saying that a path or method below `/api` is not there: `Unauthorised` without a credential."""
    if scope["path"] == "/api" or scope["path"].startswith("/api/"):
        await authenticate(Request(scope, receive))


class UnknownPlace:
    """What answers paths that no route has: below `/api` whether something is there is told to known callers only."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """401 without a credential, else 404."""
        if scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
            return
        await only_known(scope, receive)
        raise HTTPException(404)


CallerDep = Annotated[Caller, Depends(authenticate)]


async def authorise(request: Request, caller: CallerDep) -> None:
    """Let a caller pass who holds what the operation of the route declares; `Forbidden` names what is missing.

    Before every route, and before its body is read. A route without an operation is refused to everybody. Nobody who
    has logged in comes to open paths: they are open with all that they do.
    """
    if caller.anonymous:
        return
    route = request.scope["route"]
    operation = request.app.state.operations.get((request.method, route.path))
    if operation is None:
        raise Forbidden("no right to this is declared")
    missing = lacking(caller.grants, operation.needs)
    if missing is not None:
        namespace = request.path_params.get("namespace")
        raise Forbidden(f"You need {in_words(missing)}{f' on {namespace}' if namespace else ''}")
