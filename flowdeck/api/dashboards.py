"""Stored dashboards (spec: REST contract §14)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, attachment, csv_text, empty, paged
from flowdeck.api.bodies import json_object, text
from flowdeck.api.parameters import PageDep, body_filters
from flowdeck.api.security import CallerDep
from flowdeck.api.spreadsheets import file_name
from flowdeck.model.errors import InvalidFormat
from flowdeck.services import charts, dashboards

router = APIRouter(prefix="/api/v1/{tenant}/dashboards", tags=["Dashboards"])
CSV = "application/octet-stream"
LONGEST = 1024 * 1024
"""Bytes of a dashboard's source."""


@router.get("")
async def search(request: Request, caller: CallerDep, page: PageDep, q: str = "") -> Response:
    """Dashboards by title."""
    return paged(*await dashboards.search(request.app.state.backend, caller, q, page))


@router.post("")
async def create(request: Request, caller: CallerDep) -> Response:
    """Create from YAML."""
    return Json(await dashboards.save(request.app.state.backend, caller, await text(request, LONGEST)))


@router.post("/validate")
async def validate(request: Request, caller: CallerDep) -> Response:
    """What is wrong with a source."""
    return Json(dashboards.violation(dashboards.parsed(request.app.state.backend, await text(request, LONGEST))))


@router.post("/validate/chart")
async def validate_chart(request: Request, caller: CallerDep) -> Response:
    """What is wrong with a chart."""
    return Json(dashboards.violation(dashboards.parsed_chart(request.app.state.backend, await text(request, LONGEST))))


async def _preview(request: Request, caller: Any) -> tuple[list[dict[str, Any]], int]:
    sent = await json_object(request, LONGEST)
    found = dashboards.parsed_chart(request.app.state.backend, str(sent.get("chart") or ""))
    if found.errors:
        raise InvalidFormat("chart: " + ", ".join(found.texts))
    overrides = sent.get("globalFilter") or {}
    if not isinstance(overrides, dict):
        raise InvalidFormat("globalFilter: must be an object")
    chosen = body_filters(overrides.get("filters"), "executions")
    return await charts.data(request.app.state.backend, caller, found.document, overrides, chosen)


@router.post("/charts/preview")
async def preview(request: Request, caller: CallerDep) -> Response:
    """Data of an unsaved chart."""
    return paged(*await _preview(request, caller))


def _csv(request: Request, caller: Any, rows: list[dict[str, Any]], name: str) -> Response:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = csv_text(columns, [[row.get(c) for c in columns] for row in rows])
    return attachment(text, file_name(request, name, caller.tenant), CSV)


@router.post("/charts/export/to-csv")
async def preview_csv(request: Request, caller: CallerDep) -> Response:
    """Data of an unsaved chart as CSV."""
    return _csv(request, caller, (await _preview(request, caller))[0], "chart")


@router.get("/{dashboard_id}")
async def get(request: Request, caller: CallerDep, dashboard_id: str) -> Response:
    """One dashboard."""
    return Json(await dashboards.get(request.app.state.backend, caller, dashboard_id))


@router.put("/{dashboard_id}")
async def update(request: Request, caller: CallerDep, dashboard_id: str) -> Response:
    """Replace its source."""
    return Json(await dashboards.save(request.app.state.backend, caller, await text(request), dashboard_id))


@router.delete("/{dashboard_id}")
async def delete(request: Request, caller: CallerDep, dashboard_id: str) -> Response:
    """Delete it."""
    await dashboards.delete(request.app.state.backend, caller, dashboard_id)
    return empty()


async def _data(request: Request, caller: Any, dashboard_id: str, chart_id: str) -> tuple[list[dict[str, Any]], int]:
    backend = request.app.state.backend
    chart, window = await dashboards.chart_of(backend, caller, dashboard_id, chart_id)
    sent = await json_object(request)
    chosen = body_filters(sent.get("filters"), "executions")
    return await charts.data(backend, caller, chart, sent, chosen, window)


@router.post("/{dashboard_id}/charts/{chart_id}")
async def data(request: Request, caller: CallerDep, dashboard_id: str, chart_id: str) -> Response:
    """Data of a chart."""
    return paged(*await _data(request, caller, dashboard_id, chart_id))


@router.post("/{dashboard_id}/charts/{chart_id}/export/to-csv")
async def data_csv(request: Request, caller: CallerDep, dashboard_id: str, chart_id: str) -> Response:
    """Data of a chart as CSV."""
    return _csv(request, caller, (await _data(request, caller, dashboard_id, chart_id))[0], chart_id)
