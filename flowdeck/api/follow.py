"""The reference's event streams: executions, dependencies, logs (spec: REST contract §9)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import APIRouter, Request, Response

from flowdeck.api.parameters import flag
from flowdeck.api.security import CallerDep
from flowdeck.api.stream import KEEPALIVE, SessionStream, keepalive
from flowdeck.model.errors import NotFound
from flowdeck.model.states import State
from flowdeck.services import documents, executions, flow_links, logs
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.following import LOOK_SECONDS, Following, event
from flowdeck.services.hub import Hub, Watch
from flowdeck.store.queries import executions as queries

router = APIRouter(prefix="/api/v1/{tenant}", tags=["Executions"])
APPEARS_SECONDS = 10.0
IDLE_SECONDS = 3600.0
PIECE = 32 * 1024
"""Bytes that are handed to a connection at a time: a follower that reads slowly holds this much, not a document."""
QUIET = b": keepalive\n\n"


def pieces(identity: bytes, data: bytes) -> Iterator[bytes]:
    """One event in pieces; nothing may be sent between them."""
    yield b"id: " + identity + b"\ndata: " + data[:PIECE]
    for start in range(PIECE, len(data), PIECE):
        yield data[start : start + PIECE]
    yield b"\n\n"


def _own_pace(request: Request, caller: Caller, source: AsyncIterator[bytes]) -> Response:
    """A stream that sends its events in pieces and keeps itself alive: a comment in the middle would break one."""
    return SessionStream(source, request.app.state.sessions, caller, ping=round(IDLE_SECONDS * 24 * 365))


def _sse(request: Request, caller: Caller, source: AsyncIterator[bytes]) -> Response:
    sessions = request.app.state.sessions
    return SessionStream(source, sessions, caller, ping=KEEPALIVE, ping_message_factory=keepalive)


async def _there(request: Request, caller: Caller, execution_id: str) -> None:
    """Wait for an execution that was created a moment ago. `NotFound`."""
    backend, hub = request.app.state.backend, request.app.state.hub
    with hub.watch([execution_id]) as watch:
        await _appearing(backend, caller, execution_id, watch)


async def _appearing(backend: Backend, caller: Caller, execution_id: str, watch: Watch) -> Any:
    deadline = time.monotonic() + APPEARS_SECONDS
    while True:
        try:
            return await executions.row_of(backend, caller, execution_id)
        except NotFound:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
            await watch.wait(min(left, 0.5))
            watch.take()


@router.get("/executions/{execution_id}/follow")
async def follow(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """The whole execution at every change."""
    following: Following = request.app.state.following
    await _there(request, caller, execution_id)

    async def source() -> AsyncIterator[bytes]:
        room = following.document(caller, execution_id)
        with room.joined() as follower:
            yield event("start", {"id": execution_id})
            version, beat = 0, room.beat
            while True:
                if room.version > version:
                    version, beat = room.version, room.beat
                    data, last = room.data, room.over
                    for piece in pieces(b"end" if last else b"progress", data):
                        yield piece
                    if last:
                        return
                elif room.over:
                    return
                elif room.beat > beat:
                    beat = room.beat
                    yield QUIET
                else:
                    follower.wake.clear()
                    await follower.wake.wait()

    return _own_pace(request, caller, source())


@router.get("/logs/{execution_id}/follow")
async def follow_logs(request: Request, caller: CallerDep, execution_id: str, minLevel: str | None = None) -> Response:
    """Stored lines, then live ones."""
    following: Following = request.app.state.following
    level = logs.level_number(minLevel)
    await _there(request, caller, execution_id)

    async def source() -> AsyncIterator[bytes]:
        room = following.lines(caller, execution_id, level)
        with room.joined() as follower:
            yield event("start", {})
            async for data in room.lines(follower):
                yield data

    return _sse(request, caller, source())


async def _downstream(backend: Backend, caller: Caller, row: Any, *, expand: bool) -> set[tuple[str, str]]:
    """Namespace and id of the flows that an execution's flow leads to; of one that is gone, none."""
    try:
        graph = await flow_links.dependencies(
            backend, caller, row["namespace"], row["flow_id"], destination_only=True, expand=expand
        )
    except NotFound:
        return set()
    return {(node["namespace"], node["id"]) for node in graph["nodes"]}


@router.get("/executions/{execution_id}/follow-dependencies")
async def follow_dependencies(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """States of the executions with the same correlation id; `destinationOnly`: of flows that this one leads to."""
    backend: Backend = request.app.state.backend
    hub: Hub = request.app.state.hub
    watch = hub.watch(["*"])
    try:
        first = await _appearing(backend, caller, execution_id, watch)
        chosen = None
        if flag(request, "destinationOnly"):
            chosen = await _downstream(backend, caller, first, expand=flag(request, "expandAll"))
    except BaseException:
        watch.close()
        raise
    import json

    labels = {one["key"]: one["value"] for one in json.loads(first["labels"])}
    correlation = labels.get("system.correlationId", execution_id)

    async def source() -> AsyncIterator[bytes]:
        with watch:
            yield event("start", {"executionId": execution_id})
            told: dict[str, int] = {}
            until = time.monotonic() + IDLE_SECONDS
            while time.monotonic() < until:
                rows = await backend.read(queries.correlated, caller.tenant, correlation)
                if chosen is not None:
                    rows = [r for r in rows if (r["namespace"], r["flow_id"]) in chosen]
                rows = [r for r in rows if r["id"] != execution_id] + [
                    await executions.row_of(backend, caller, execution_id)
                ]
                for row in rows:
                    if told.get(row["id"]) != row["state"]:
                        told[row["id"]] = row["state"]
                        until = time.monotonic() + IDLE_SECONDS
                        data = {
                            "executionId": row["id"],
                            "tenantId": row["tenant"],
                            "namespace": row["namespace"],
                            "flowId": row["flow_id"],
                            "state": documents.state(row["state"], [], row["created"], row["ended"], backend.now()),
                        }
                        yield event("end" if row["state"] >= State.SUCCESS else "progress", data)
                if all(r["state"] >= State.SUCCESS for r in rows):
                    return
                await watch.wait(LOOK_SECONDS)
                watch.take()
                watch.lost = False
                await asyncio.sleep(0.3)

    return _sse(request, caller, source())
