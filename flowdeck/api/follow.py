"""The reference's event streams: executions, dependencies, logs (spec: REST contract §9)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse

from flowdeck.api.security import CallerDep
from flowdeck.api.stream import HEADERS, KEEPALIVE, keepalive
from flowdeck.model.errors import NotFound
from flowdeck.model.states import State
from flowdeck.services import documents, executions, logs
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.hub import Hub, Watch
from flowdeck.store.queries import executions as queries

router = APIRouter(prefix="/api/v1/{tenant}", tags=["Executions"])
APPEARS_SECONDS = 10.0
LOOK_SECONDS = 5.0
PAUSE_SECONDS = 0.1
LINGER_SECONDS = 2.0
IDLE_SECONDS = 3600.0
BUILD_SHARE = 20
"""A document is built again at the earliest after this many times the seconds that it took to build."""
PIECE = 32 * 1024
"""Bytes that are handed to a connection at a time: a follower that reads slowly holds this much, not a document."""
QUIET = b": keepalive\n\n"


def event(identity: str, data: Any) -> bytes:
    """One event as the reference writes it: id and data, no name."""
    return f"id: {identity}\ndata: ".encode() + orjson.dumps(data, default=str) + b"\n\n"


def pieces(identity: bytes, data: bytes) -> Iterator[bytes]:
    """One event in pieces; nothing may be sent between them."""
    yield b"id: " + identity + b"\ndata: " + data[:PIECE]
    for start in range(PIECE, len(data), PIECE):
        yield data[start : start + PIECE]
    yield b"\n\n"


def _own_pace(source: AsyncIterator[bytes]) -> Response:
    """A stream that sends its events in pieces and keeps itself alive: a comment in the middle would break one."""
    return EventSourceResponse(source, headers=HEADERS, ping=round(IDLE_SECONDS * 24 * 365), sep="\n")


def _sse(source: AsyncIterator[bytes]) -> Response:
    return EventSourceResponse(source, headers=HEADERS, ping=KEEPALIVE, ping_message_factory=keepalive, sep="\n")


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


def _ended(row: Any) -> bool:
    return row["state"] >= State.SUCCESS and row["open_count"] <= 0


class Documents:
    """Whole executions for followers: built once per change, however many follow."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._held: dict[str, tuple[tuple[int, int, int], bytes]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.build_seconds = 0.0

    async def get(self, caller: Caller, row: Any) -> bytes:
        """JSON of the execution as it is now."""
        lock = self._locks.setdefault(row["id"], asyncio.Lock())
        async with lock:
            last = await self._backend.read(
                lambda r: r.value("select max(seq) from event where execution_seq = :seq", seq=row["seq"])
            )
            mark = (last or 0, row["version"], row["state"])
            held = self._held.get(row["id"])
            if held is None or held[0] != mark or row["state"] < State.SUCCESS:
                if held is not None and held[0] == mark:
                    return held[1]
                began = time.monotonic()
                held = (mark, orjson.dumps(await executions.get(self._backend, caller, row["id"]), default=str))
                self.build_seconds = time.monotonic() - began
                if len(self._held) > 200:
                    self._held.pop(next(iter(self._held)))
                self._held[row["id"]] = held
        if len(self._locks) > 1000:
            self._locks.clear()
        return held[1]


@router.get("/executions/{execution_id}/follow")
async def follow(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """The whole execution at every change."""
    backend, hub, made = request.app.state.backend, request.app.state.hub, request.app.state.documents
    watch = hub.watch([execution_id])
    try:
        first = await _appearing(backend, caller, execution_id, watch)
    except BaseException:
        watch.close()
        raise

    async def source() -> AsyncIterator[bytes]:
        with watch:
            yield event("start", {"id": execution_id})
            row, sent, spoke = first, b"", time.monotonic()
            while True:
                data = await made.get(caller, row)
                if _ended(row):
                    for piece in pieces(b"end", data):
                        yield piece
                    return
                began = time.monotonic()
                if data != sent:
                    sent, spoke = data, began
                    for piece in pieces(b"progress", data):
                        yield piece
                elif began - spoke > KEEPALIVE:
                    spoke = began
                    yield QUIET
                # The slow look covers a lost feed; a burst of changes is one document.
                await watch.wait(LOOK_SECONDS)
                watch.take()
                watch.lost = False
                pause = max(PAUSE_SECONDS, BUILD_SHARE * made.build_seconds)
                await asyncio.sleep(max(0.0, pause - (time.monotonic() - began)))
                try:
                    row = await executions.row_of(backend, caller, execution_id)
                except NotFound:
                    return

    return _own_pace(source())


@router.get("/logs/{execution_id}/follow")
async def follow_logs(request: Request, caller: CallerDep, execution_id: str, minLevel: str | None = None) -> Response:
    """Stored lines, then live ones."""
    backend, hub = request.app.state.backend, request.app.state.hub
    level = logs.level_number(minLevel)
    watch = hub.watch([execution_id])
    try:
        first = await _appearing(backend, caller, execution_id, watch)
    except BaseException:
        watch.close()
        raise

    async def source() -> AsyncIterator[bytes]:
        with watch:
            yield event("start", {})
            seen = 0
            over: float | None = None
            seq = first["seq"]
            while True:
                while True:
                    found = await backend.thread(
                        lambda after=seen: backend.logs.after(seq, after, min_level=level, limit=500)
                    )
                    if not found:
                        break
                    seen = found[-1]["seq"]
                    yield b"".join(event("progress", logs.entry(one)) for one in found)
                    if over is not None:
                        over = time.monotonic()
                await watch.wait(1.0 if over is not None else LOOK_SECONDS)
                watch.take()
                watch.lost = False
                if over is not None:
                    if time.monotonic() - over > LINGER_SECONDS:
                        return
                    continue
                try:
                    if _ended(await executions.row_of(backend, caller, execution_id)):
                        over = time.monotonic()
                except NotFound:
                    return

    return _sse(source())


@router.get("/executions/{execution_id}/follow-dependencies")
async def follow_dependencies(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """States of the executions with the same correlation id."""
    backend: Backend = request.app.state.backend
    hub: Hub = request.app.state.hub
    watch = hub.watch(["*"])
    try:
        first = await _appearing(backend, caller, execution_id, watch)
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

    return _sse(source())
