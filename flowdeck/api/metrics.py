"""Metrics (spec: REST contract §15)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, paged
from flowdeck.api.parameters import PageDep
from flowdeck.api.security import CallerDep
from flowdeck.services import metrics
from flowdeck.services.wire import parse_instant

router = APIRouter(prefix="/api/v1/{tenant}/metrics", tags=["Metrics"])


async def _aggregate(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, task_id: str | None, metric: str
) -> Response:
    query = request.query_params
    dates = {n: parse_instant(query[n], n) if query.get(n) else None for n in ("startDate", "endDate")}
    return Json(
        await metrics.aggregate(
            request.app.state.backend,
            caller,
            namespace,
            flow_id,
            task_id,
            metric,
            dates["startDate"],
            dates["endDate"],
            query.get("aggregation") or "sum",
        )
    )


@router.get("/aggregates/{namespace}/{flow_id}/{metric}")
async def of_flow(request: Request, caller: CallerDep, namespace: str, flow_id: str, metric: str) -> Response:
    """A flow's metric over time."""
    return await _aggregate(request, caller, namespace, flow_id, None, metric)


@router.get("/aggregates/{namespace}/{flow_id}/{task_id}/{metric}")
async def of_task(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, task_id: str, metric: str
) -> Response:
    """A task's metric over time."""
    return await _aggregate(request, caller, namespace, flow_id, task_id, metric)


@router.get("/names/{namespace}/{flow_id}")
async def flow_names(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Names of a flow's metrics."""
    return Json(await metrics.names(request.app.state.backend, caller, namespace, flow_id, None))


@router.get("/names/{namespace}/{flow_id}/{task_id}")
async def task_names(request: Request, caller: CallerDep, namespace: str, flow_id: str, task_id: str) -> Response:
    """Names of a task's metrics."""
    return Json(await metrics.names(request.app.state.backend, caller, namespace, flow_id, task_id))


@router.get("/tasks/{namespace}/{flow_id}")
async def tasks(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Tasks with metrics."""
    return Json(await metrics.tasks(request.app.state.backend, caller, namespace, flow_id))


@router.get("/{execution_id}")
async def of_execution(
    request: Request,
    caller: CallerDep,
    page: PageDep,
    execution_id: str,
    taskRunId: str | None = None,
    taskId: str | None = None,
) -> Response:
    """Metrics of an execution."""
    return paged(*await metrics.of_execution(request.app.state.backend, caller, execution_id, page, taskRunId, taskId))
