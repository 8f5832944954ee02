"""Checks 1 and 2 of quality §3.2: every route of the router, spelled in every way, opens to nobody without a credential.

Peers lost their servers by a suffix (`/configs`), `..;/` and double encodings: here each route is tried with each.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi.routing import iter_route_contexts

from flowdeck.api.security import OPEN, OPEN_UNTIL_SET_UP
from flowdeck.main.console import Gate

ALLOWED = {
    "GET /api/v1/configs",
    "GET /ping",
    "GET /swagger/flowdeck.yml",
    "GET /api/v1/openapi.json",
    "GET /api",
    "POST /login",
    "POST /logout",
    "GET /api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}",
    "POST /api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}",
    "PUT /api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}",
    "GET /api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}/{path:path}",
    "POST /api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}/{path:path}",
    "PUT /api/v1/{tenant}/executions/webhook/{namespace}/{flow_id}/{key}/{path:path}",
}
"""What anybody may call, letter by letter: a change here is a change of what strangers reach."""

BEHIND = [
    "/",
    "//",
    "/.",
    "/..",
    "/../",
    "/configs",
    "/ping",
    "/login",
    ";configs",
    ";/configs",
    ";x=/api/v1/configs",
    "/..;/configs",
    "/../configs",
    ".json",
    ".css",
    "%00",
    "%0a",
    "%0d%0a",
    "%20",
    "%09",
    "%2f",
    "%2fconfigs",
    "%252fconfigs",
    "%252e%252e%252fconfigs",
    "%2e%2e%2fconfigs",
    "%3f",
    "%23",
    "%5c",
    "%c0%af",
    "?/api/v1/configs",
    "?x=/ping",
    "#/ping",
    "\\..\\configs",
    "/%2e%2e/%2e%2e/configs",
    "/x/../../configs",
]
"""Behind the path of a route."""

INSTEAD: tuple[tuple[str, str], ...] = (
    ("^", "/"),
    ("^", "/."),
    ("^", "/ui/.."),
    ("^", "/ui/..;"),
    ("^", "/ping/.."),
    ("^", "/login/../.."),
    ("^/api", "/API"),
    ("^/api", "/%61pi"),
    ("^/api", "/api/."),
    ("^/api", "/api/x/.."),
    ("^/api/v1", "/api//v1"),
    ("^/api/v1", "/api/V1"),
    ("^/api/v1", "/api%2fv1"),
    ("^/api/v1", "/api\\v1"),
    ("^/api/v1", "/api/v1/configs/.."),
    ("^/api/v1", "/api/v1/configs/..;"),
    ("^/api/v1", "/api/v1/configs%2f.."),
    ("^/api/v1", "/api/v1/configs%252f.."),
    ("/main/", "/MAIN/"),
    ("/main/", "/main%20/"),
    ("/main/", "/main%00/"),
    ("/main/", "/main;x/"),
    ("/main/", "/main%2f"),
    ("/main/", "/other/"),
    ("/main/", "/~/"),
    ("/main/", "//"),
    ("/main/", "/"),
    ("/main/", "/main/executions/webhook/../"),
)
"""In the path of a route: what is looked for, what stands there."""

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-original-url", b"/api/v1/configs"),
    (b"x-rewrite-url", b"/api/v1/configs"),
    (b"x-forwarded-prefix", b"/api/v1/configs"),
    (b"x-forwarded-uri", b"/ping"),
    (b"x-http-method-override", b"GET"),
    (b"x-http-method", b"OPTIONS"),
    (b"x-forwarded-for", b"127.0.0.1"),
    (b"x-flowdeck-console", b"1"),
    (b"host", b"localhost/api/v1/configs?"),
    (b"referer", b"http://localhost/login"),
    (b"authorization", b"Basic Og=="),
    (b"authorization", b"Basic \xff"),
    (b"authorization", b"Bearer x"),
    (b"cookie", b"flowdeck_session=; BASIC_AUTH="),
    (b"cookie", b"flowdeck_session=x; BASIC_AUTH=YWRhQGV4YW1wbGUuY29tOg=="),
    (b"x-kestra-tenant", b"main"),
)
"""What proxies and frameworks believe, beside the true path."""

METHODS = ("HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "Post", "PROPFIND", "X" * 300)


def closed(app: Any) -> list[tuple[str, str]]:
    """Method and path of every route that is not open, with `x` for its parameters."""
    return [
        (method, re.sub(r"\{[^}]+\}", "x", str(context.path).replace("{tenant}", "main")))
        for context in iter_route_contexts(app.routes)
        for method in sorted(context.methods or ())
        if f"{method} {context.path}" not in ALLOWED
    ]


def spellings(method: str, path: str) -> Iterator[tuple[str, str, tuple[tuple[bytes, bytes], ...]]]:
    """Every way to write one call: method, target, headers."""
    yield method, path, ()
    for tail in BEHIND:
        yield method, path + tail, ()
    for pattern, text in INSTEAD:
        if (target := re.sub(pattern, lambda _, t=text: t, path, count=1)) != path:
            yield method, target, ()
    for header in HEADERS:
        yield method, path, (header,)
    for other in METHODS:
        yield other, path, ()


async def status_of(app: Any, method: str, target: str, headers: tuple[tuple[bytes, bytes], ...]) -> tuple[int, bytes]:
    """What the application answers to a request as the server hands it over."""
    path, _, query = target.partition("#")[0].partition("?")
    names = {name for name, _ in headers}
    given = [*headers, *(() if b"host" in names else ((b"host", b"localhost"),))]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": given,
        "client": ("203.0.113.5", 1),
        "server": ("localhost", 80),
        "state": {},
    }
    told: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    await app(scope, receive, send)
    return told[0]["status"], b"".join(one.get("body", b"") for one in told[1:])


async def other(scope: Any, receive: Any, send: Any) -> None:
    """Stands for the console's pages and socket, which anybody may load."""
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_the_open_list_is_this_one() -> None:
    assert {f"{method} {path}" for method, path in OPEN} == ALLOWED
    assert {f"{method} {path}" for method, path in OPEN_UNTIL_SET_UP} == {
        "POST /api/v1/{tenant}/basicAuth",
        "GET /api/v1/basicAuthValidationErrors",
    }


@pytest.mark.parametrize("gate", [False, True], ids=["api", "gate"])
async def test_no_spelling_opens_a_route(app: Any, gate: bool) -> None:
    """401 below `/api`, 404 elsewhere: never an answer of a route, and no word about what is there."""
    places = closed(app)
    assert len(places) > 200
    asked: Any = Gate(app, other, other, "default-src 'self'", frozenset()) if gate else app
    everything = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
    faults = []
    for number, (method, path) in enumerate(places):
        for turn, (spelled, target, headers) in enumerate(spellings(method, path)):
            if turn and not everything and (turn + number) % 4:
                continue  # each spelling meets a quarter of the routes
            status, body = await status_of(asked, spelled, target, headers)
            fine = (status == 401 and not body) or status == 404 or (status == 299 and target.startswith("/ui"))
            if turn == 0 and status != 401:
                fine = False
            if headers and headers[0][0] in (b"authorization", b"cookie"):
                fine = fine or status == 429  # wrong so often that it is no longer looked at
            if not fine or len(body) > 400:
                faults.append(f"{status} {spelled} {target} {headers} {body[:100]!r}")
    assert not faults, "\n".join(faults)


async def test_no_tenant_but_the_one_there_is(client: Any, app: Any) -> None:
    """With a credential, too: what is not ours is unknown, whatever the route (check 5)."""
    for method, path in closed(app):
        if "/main" not in path or path.endswith("/follow"):
            continue
        for name in ("other", "MAIN", "main%20", "~", "%2a", "..%2fmain", "main%00"):
            answer = await client.request(method, path.replace("/main", f"/{name}", 1))
            assert answer.status_code in (404, 405), (method, path, name, answer.status_code)


async def test_a_foreign_id_looks_like_none(client: Any) -> None:
    """Check 5: the same status, body and headers for what does not exist and for what one may not see."""
    bodies = set()
    for name in ("7Qm2kX9aTb7Qm2kX9aTb7Q", "0000000000000000000000", "zzz"):
        answer = await client.get(f"/api/v1/main/executions/{name}")
        text = re.sub(r'"requestId":"[^"]*"', "", answer.text).replace(name, "ID")
        bodies.add((answer.status_code, text))
    assert len(bodies) == 1 and bodies.pop()[0] == 404


async def test_tenant_less_paths_ask_for_the_same_credential(app: Any) -> None:
    for method, path in closed(app):
        if path.startswith("/api/v1/main/"):
            status, body = await status_of(app, method, path.replace("/main", "", 1), ())
            assert status in (401, 404) and (status != 401 or not body), (method, path, status)


async def test_sixteen_strangers_at_once(app: Any) -> None:
    """No state of one request opens another."""
    places = closed(app)[:64]
    found = await asyncio.gather(*(status_of(app, method, path, ()) for method, path in places))
    assert {status for status, _ in found} == {401}
