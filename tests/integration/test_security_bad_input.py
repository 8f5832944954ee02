"""Hostile calls against a real server with its engine: answers in words, no 500, and it works on (spec: REST contract §3)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest

from flowdeck.api.app import ROUTERS
from tests.support.hostile import BOARD, FLOW, cases, judge
from tests.support.server import Server, running_server

EVERYTHING = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
SHARE = 1 if EVERYTHING else 5
SIDE_BY_SIDE = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("bad-input"), FLOWDECK_CONSOLE_ENABLED="false") as running:
        yield running


def names(server: Server) -> dict[str, str]:
    """Names of the things that were made for the hostile calls."""
    server.save_flow(FLOW)
    execution = server.execute("x", "x")["id"]
    board = server.call("POST", "/api/v1/main/dashboards", body=BOARD, content_type="application/x-yaml").json
    server.call("PUT", "/api/v1/main/namespaces/x/kv/x", body="1", content_type="text/plain")
    return {"execution_id": execution, "dashboard_id": board["id"]}


async def sweep(server: Server) -> list[str]:
    """What is wrong about the answers."""
    routes = SimpleNamespace(routes=[route for router in ROUTERS for route in router.routes])
    waiting = iter(list(cases(routes, names(server)))[::SHARE])
    faults: list[str] = []

    async def work(client: httpx.AsyncClient) -> None:
        for method, target, body, kind in waiting:
            if target.startswith("/api/v1/main/basicAuth"):
                continue
            what = f"{method} {target[:150]} {kind[:40]} {body[:60]!r}"
            headers = {b"content-type": kind.encode("latin-1")} if kind.isascii() and kind else {}
            try:
                answer = await client.request(method, target, content=body, headers=headers)
            except httpx.HTTPError as error:
                faults.append(f"{error!r} {what}")
                continue
            if fault := judge(answer, what):
                faults.append(fault)

    limits = httpx.Limits(max_connections=SIDE_BY_SIDE)
    login = (server.username, server.password)
    async with httpx.AsyncClient(base_url=server.url, auth=login, timeout=20, limits=limits) as client:
        await asyncio.gather(*(work(client) for _ in range(SIDE_BY_SIDE)))
    return faults


@pytest.mark.timeout(300)
def test_no_call_upsets_the_server(server: Server) -> None:
    faults = asyncio.run(sweep(server))
    assert not faults, "\n".join(faults)
    assert "Traceback" not in (server.home / "server.out").read_text(errors="replace")
    done = server.run(
        "{id: after, namespace: after, tasks: [{id: t, type: io.kestra.plugin.core.log.Log, message: x}]}"
    )
    assert done["state"]["current"] == "SUCCESS"
