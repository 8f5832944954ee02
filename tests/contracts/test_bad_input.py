"""Whatever is sent to whatever route, on either database: an answer in words, never a 500 (spec: REST contract §3)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from flowdeck.api.app import create_api
from flowdeck.sdk.index import load_catalog
from flowdeck.services.backend import ApiConfig, Backend
from flowdeck.storage.local import LocalStorage
from flowdeck.store.driver import Database
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import Batch, LogAppender, LogFiles
from tests.support.hostile import BOARD, FLOW, cases, judge
from tests.unit.api.conftest import PASSWORD, USER, DirectCore, quick

EVERYTHING = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"


@pytest.fixture
async def api(database: Database, tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI, str]]:
    """The whole API over either database, with one thing of each kind that bears the name `x`."""
    backend = Backend(
        core=DirectCore(database),
        database=database,
        storage=LocalStorage(tmp_path / "storage"),
        catalog=load_catalog(),
        logs=LogStore(tmp_path / "logs", database),
        config=ApiConfig(username=USER, password=PASSWORD),
    )
    with contextlib.closing(LogFiles(tmp_path / "logs", database)) as files:  # makes the tables of lines
        appender = LogAppender(files)
        appender.append([Batch(1, "e", 1, 1, "main", "x", "x", "t", "r", [(1, 1, 2, "main", "line")])], 1)
        appender.close()
    app = quick(create_api(backend))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", auth=(USER, PASSWORD)) as client:
        base = "/api/v1/main"
        assert (await client.post(f"{base}/flows", content=FLOW)).status_code == 200
        board = await client.post(f"{base}/dashboards", content=BOARD)
        assert board.status_code == 200, board.text
        assert (await client.put(f"{base}/namespaces/x/kv/x", content="1")).status_code == 200
        file = {"fileContent": ("x", b"x")}
        assert (await client.post(f"{base}/namespaces/x/files?path=/x", files=file)).status_code == 200
        yield client, app, board.json()["id"]


async def test_no_call_upsets_a_route(api: tuple[httpx.AsyncClient, FastAPI, str]) -> None:
    client, app, board = api
    faults = []
    for number, (method, target, body, kind) in enumerate(cases(app, {"dashboard_id": board})):
        if not EVERYTHING and number % 4:
            continue
        headers = {b"content-type": kind.encode("latin-1")} if kind else {}
        answer = await client.request(method, target, content=body, headers=headers)
        fault = judge(answer, f"{method} {target[:150]} {kind[:40]} {body[:60]!r}")
        # Executions are made, and triggers tried, by the engine, which this test goes without.
        if fault and not any(part in target for part in ("/executions/", "/playground", "/try")):
            faults.append(fault)
    assert not faults, "\n".join(faults)
