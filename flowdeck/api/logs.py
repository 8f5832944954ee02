"""Logs (spec: REST contract §15) and their ranges for the console (extensions §4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from flowdeck.api.answers import Json, disposition, empty, paged
from flowdeck.api.parameters import Integer, PageDep, filters, flag, whole
from flowdeck.api.security import CallerDep
from flowdeck.model.errors import IllegalArgument
from flowdeck.services import logs

router = APIRouter(prefix="/api/v1/{tenant}/logs", tags=["Logs"])
console = APIRouter(prefix="/api/v1/{tenant}/console/executions/{execution_id}/logs", tags=["Console"])
BATCH = 1000


async def _view(request: Request, caller: Any, execution_id: str) -> tuple[int, dict[str, Any]]:
    query = request.query_params
    attempt = query.get("attempt")
    return await logs.view_of(
        request.app.state.backend,
        caller,
        execution_id,
        level=query.get("minLevel"),
        task_run=query.get("taskRunId") or query.get("taskRun"),
        attempt=whole(attempt, "attempt") if attempt else None,
        own=flag(request, "own"),
    )


async def _reference_view(request: Request, caller: Any, execution_id: str) -> tuple[int, dict[str, Any]]:
    seq, view = await _view(request, caller, execution_id)
    if "attempt" in view:
        view["attempt"] += 1  # the reference counts attempts from 0
    return seq, view


@router.get("/search")
async def search(request: Request, caller: CallerDep, page: PageDep) -> Response:
    """Lines by filters."""
    return paged(*await logs.search(request.app.state.backend, caller, filters(request, "logs"), page))


@router.get("/{execution_id}")
async def of_execution(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """All lines of an execution, ascending by time."""
    backend = request.app.state.backend
    seq, view = await _reference_view(request, caller, execution_id)
    task = request.query_params.get("taskId")

    def entries() -> list[dict[str, Any]]:
        # Lines are stored as they arrive; those of several writers may arrive a few milliseconds out of order.
        return [logs.entry(one) for one in sorted(logs.stream(backend, seq, view, task), key=lambda one: one["at"])]

    return Json(await backend.thread(entries))


@router.delete("/{execution_id}")
async def delete(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Delete lines of an execution."""
    seq, view = await _reference_view(request, caller, execution_id)
    await logs.delete(request.app.state.backend, seq, view)
    return empty(200)


@router.get("/{execution_id}/download")
async def download(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """All lines as text, ascending by time."""
    backend = request.app.state.backend
    seq, view = await _reference_view(request, caller, execution_id)
    task = request.query_params.get("taskId")

    async def pieces() -> AsyncIterator[bytes]:
        source = logs.by_time(logs.stream(backend, seq, view, task))

        def batch() -> str:
            held = []
            for one in source:
                held.append(f"{logs.instant(one['at'])} {logs.LEVELS[one['level']]} {one['text']}\n")
                if len(held) == BATCH:
                    break
            return "".join(held)

        while text := await backend.thread(batch):
            yield text.encode()

    return StreamingResponse(
        pieces(), media_type="text/plain", headers={"Content-Disposition": disposition(f"{execution_id}.log")}
    )


@router.delete("/{namespace}/{flow_id}")
async def delete_trigger(request: Request, caller: CallerDep, namespace: str, flow_id: str, triggerId: str) -> Response:
    """Delete what a trigger logged."""
    await logs.delete_trigger(request.app.state.backend, caller, namespace, flow_id, triggerId)
    return empty(200)


def _integer(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    return whole(text, name) if text else default


@console.get("")
async def lines(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Lines by positions."""
    seq, view = await _view(request, caller, execution_id)
    start = _integer(request, "from", 1)
    end = _integer(request, "to", -1 if start < 0 else start + 199)
    return Json(await logs.lines(request.app.state.backend, seq, view, start, end))


@console.get("/at")
async def at(
    request: Request, caller: CallerDep, execution_id: str, no: Integer | None = None, time: str | None = None
) -> Response:
    """Where a line is."""
    seq, view = await _view(request, caller, execution_id)
    return Json(await logs.at(request.app.state.backend, seq, view, no, time))


@console.get("/groups")
async def groups(request: Request, caller: CallerDep, page: PageDep, execution_id: str) -> Response:
    """Lines per task run and attempt."""
    seq, _ = await _view(request, caller, execution_id)
    return Json(await logs.groups(request.app.state.backend, seq, page))


@console.get("/search")
async def search_in(
    request: Request, caller: CallerDep, execution_id: str, q: str = "", cursor: Integer | None = None
) -> Response:
    """Hits of a text."""
    seq, view = await _view(request, caller, execution_id)
    backwards = request.query_params.get("direction") == "backward"
    start, end = _integer(request, "from", 1), _integer(request, "to", 0) or None
    if cursor is not None:
        start, end = (start, cursor) if backwards else (cursor, end)
    limit = _integer(request, "limit", 1000)
    if not 1 <= limit <= 1000:
        raise IllegalArgument("limit: 1…1000")
    return Json(
        await logs.search_in(
            request.app.state.backend,
            seq,
            view,
            q=q,
            use_regex=flag(request, "regex"),
            case=flag(request, "case"),
            start=start,
            end=end,
            limit=limit,
            backwards=backwards,
        )
    )


@console.get("/{no}")
async def one(request: Request, caller: CallerDep, execution_id: str, no: Integer) -> Response:
    """One whole line."""
    seq, _ = await _view(request, caller, execution_id)
    return Json(await logs.one(request.app.state.backend, seq, no))
