"""The client library has a method for every route of the API, and no method that leads nowhere (contract, part 1)."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import unquote

import httpx
import pytest
from starlette.routing import compile_path

from backend_client import Client
from flowdeck.api.app import ROUTERS

ACTIONS = ("restart", "pause", "resume", "replay", "force-run", "unqueue", "change-status")
BULK = ("delete", "kill", *ACTIONS)
CHOICES: dict[str, list[dict[str, Any]]] = {
    "executions.act": [{"action": one} for one in ACTIONS],
    "executions.bulk": [{"action": one} for one in BULK],
    "executions.bulk_by_query": [{"action": one} for one in BULK],
    "executions.evaluate": [{}, {"task_run": "t"}],
    "executions.webhook": [
        {"method": method, "path": path} for method in ("GET", "POST", "PUT") for path in ("", "sub/path")
    ],
    "flows.bulk": [{"action": one} for one in ("enable", "disable", "delete")],
    "flows.bulk_by_query": [{"action": one} for one in ("enable", "disable", "delete")],
    "triggers.backfill": [{"action": one} for one in ("pause", "unpause", "delete")],
    "triggers.bulk": [
        {"action": one, "triggers": chosen}
        for one in ("enable", "unlock", "delete", "pause", "unpause", "drop")
        for chosen in (None, [])
    ],
    "namespaces.inherited": [{"what": "variables"}, {"what": "plugindefaults"}],
    "metrics.names": [{}, {"task": "t"}],
    "metrics.aggregate": [{}, {"task": "t"}],
    "console.administration": [{"part": one} for one in ("services", "statistics", "limits", "week")],
}
"""Arguments that decide which route a method takes."""
CONSOLE = "/api/v1/{tenant}/console/"
"""What lies below it can be asked with `console.get` and `console.call` while a screen is young."""
ANY = ("console.get", "console.call")


def routes() -> Iterator[tuple[str, str]]:
    for router in ROUTERS:
        for route in router.routes:
            for method in getattr(route, "methods", ()) or ():
                if method != "HEAD" and getattr(route, "path", "") != "/api":  # a page for people
                    yield method, getattr(route, "path", "")


def resources() -> list[str]:
    return [name for name, value in vars(Client).items() if isinstance(value, cached_property)]


def made_up(hint: Any, file: Path) -> Any:
    text = str(hint)
    for part, value in (
        ("tuple[str, str]", [("n", "f")]),
        ("pathlib", file),
        ("Sequence[str]", ["x"]),
        ("Sequence[int]", [1]),
        ("Sequence", [{"namespace": "n", "flowId": "f", "triggerId": "t", "key": "k", "value": "v", "field": "q"}]),
        ("Mapping", {"a": "b"}),
        ("bytes", b"x"),
        ("int", 1),
        ("bool", True),
    ):
        if part in text:
            return value
    return "x"


async def called(method: Callable[..., Any], given: dict[str, Any], file: Path) -> None:
    """Call with what is asked for made up; answers of the transport fit nobody, so what comes of them is no matter."""
    hints = get_type_hints(method)
    arguments: list[Any] = []
    named = dict(given)
    for parameter in inspect.signature(method).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            arguments.append("settings")
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD or parameter.default is not inspect.Parameter.empty:
            continue
        elif parameter.name in named and parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            arguments.append(named.pop(parameter.name))
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            named.setdefault(parameter.name, made_up(hints.get(parameter.name, str), file))
        else:
            arguments.append(made_up(hints.get(parameter.name, str), file))
    with contextlib.suppress(Exception):
        answer = method(*arguments, **named)
        if hasattr(answer, "__anext__"):
            async for _ in answer:
                break
            await answer.aclose()
        elif inspect.iscoroutine(answer):
            await answer


def answer_of(request: httpx.Request) -> httpx.Response:
    if "event-stream" in request.headers.get("accept", ""):
        return httpx.Response(200, text='id: end\nevent: end\ndata: {"state": {"current": "SUCCESS"}}\n\n')
    return httpx.Response(200, json={"results": [], "total": 0})


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    """Method and path of the requests that each method of the library makes."""
    file = tmp_path_factory.mktemp("client") / "file.txt"
    file.write_text("x")
    return asyncio.run(asked(file))


async def asked(file: Path) -> dict[str, list[tuple[str, str]]]:
    seen: list[tuple[str, str]] = []

    def transport(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.raw_path.decode().partition("?")[0]))
        return answer_of(request)

    found: dict[str, list[tuple[str, str]]] = {}
    async with Client(httpx.MockTransport(transport)) as api:
        for name in resources():
            resource = getattr(api, name)
            for member in dir(resource):
                method = getattr(resource, member)
                if member.startswith("_") or not callable(method):
                    continue
                place = f"{name}.{member}"
                for given in CHOICES.get(place, [{}]):
                    seen.clear()
                    await called(method, given, file)
                    found.setdefault(place, []).extend(seen)
    return found


def test_every_method_leads_to_a_route(requests: dict[str, list[tuple[str, str]]]) -> None:
    patterns = [(method, compile_path(path)[0]) for method, path in routes()]

    def known(method: str, path: str) -> bool:
        return any(m == method and regex.match(unquote(path)) for m, regex in patterns)

    lost = {
        place: made
        for place, made in requests.items()
        if place not in ANY and not (made and all(known(*one) for one in made))
    }
    assert not lost


def test_every_route_has_a_method(requests: dict[str, list[tuple[str, str]]]) -> None:
    """The first route that matches counts, as in the server."""
    table = [(method, path, compile_path(path)[0]) for method, path in routes()]
    reached: set[tuple[str, str]] = set()
    for place, made in requests.items():
        for method, path in made if place not in ANY else ():
            hit = next(((m, p) for m, p, regex in table if m == method and regex.match(unquote(path))), None)
            reached |= {hit} if hit else set()
    missing = {one for one in routes() if one not in reached}
    assert not {one for one in missing if not one[1].startswith(CONSOLE)}


def test_every_method_says_what_it_does() -> None:
    api = Client(httpx.MockTransport(answer_of))
    for name in resources():
        resource = getattr(api, name)
        for member in dir(resource):
            if not member.startswith("_") and callable(getattr(resource, member)):
                assert (getattr(resource, member).__doc__ or "").strip(), f"{name}.{member}"
