"""Triggers (spec: REST contract §11)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, attachment, csv_text, paged
from flowdeck.api.bodies import json_list, json_object
from flowdeck.api.parameters import PageDep, body_filters, filters, flag
from flowdeck.api.security import CallerDep
from flowdeck.services import documents, triggers

router = APIRouter(prefix="/api/v1/{tenant}/triggers", tags=["Triggers"])


@router.put("")
async def put(request: Request, caller: CallerDep) -> Response:
    """Create a backfill, or switch a trigger."""
    return Json(await triggers.put(request.app.state.backend, caller, await json_object(request)))


@router.get("/search")
async def search(request: Request, caller: CallerDep, page: PageDep) -> Response:
    """Triggers by filters."""
    return paged(*await triggers.search(request.app.state.backend, caller, filters(request, "triggers"), page))


@router.get("/export/by-query/csv")
async def export_csv(request: Request, caller: CallerDep) -> Response:
    """CSV of all matches."""
    rows = await triggers.matching(request.app.state.backend, caller, filters(request, "triggers"))
    columns = ["namespace", "flowId", "triggerId", "type", "disabled", "date", "nextExecutionDate", "executionId"]
    lines = [
        [
            r["namespace"],
            r["flow_id"],
            r["trigger_id"],
            r["type"],
            bool(r["disabled"]),
            documents.instant_or_none(r["last_date"]),
            documents.instant_or_none(r["next_due"]),
            r["execution_id"],
        ]
        for r in rows
    ]
    return attachment(csv_text(columns, lines), "triggers.csv", "text/csv")


def _single(path: str, method: str, name: str) -> None:
    async def act(request: Request, caller: CallerDep) -> Response:
        return Json(await triggers.backfill_action(request.app.state.backend, caller, await json_object(request), name))

    router.add_api_route(path, act, methods=[method], name=name)


def _bulk(path: str, name: str, *, method: str = "POST") -> None:
    def args(request: Request, sent: Any) -> dict[str, Any]:
        if name != "set_disabled":
            return {}
        if isinstance(sent, dict):
            return {"disabled": bool(sent.get("disabled"))}
        return {"disabled": flag(request, "disabled", True)}

    async def by_triggers(request: Request, caller: CallerDep) -> Response:
        backend = request.app.state.backend
        if name == "set_disabled":
            sent = await json_object(request)
            rows = await triggers.named(backend, caller, sent.get("triggers") or [])
        else:
            sent = None
            rows = await triggers.named(backend, caller, await json_list(request))
        return Json({"count": await triggers.bulk(backend, caller, rows, name, **args(request, sent))})

    async def by_query(request: Request, caller: CallerDep) -> Response:
        backend = request.app.state.backend
        if name == "delete":
            chosen = body_filters((await json_object(request)).get("filters"), "triggers") or filters(
                request, "triggers"
            )
        else:
            chosen = filters(request, "triggers")
        rows = await triggers.matching(backend, caller, chosen)
        return Json({"count": await triggers.bulk(backend, caller, rows, name, **args(request, None))})

    router.add_api_route(f"{path}/by-triggers", by_triggers, methods=[method], name=f"{name} by triggers")
    router.add_api_route(f"{path}/by-query", by_query, methods=[method], name=f"{name} by query")


_single("/backfill/pause", "PUT", "backfill_pause")
_single("/backfill/unpause", "PUT", "backfill_continue")
_single("/backfill/delete", "POST", "backfill_delete")
_bulk("/backfill/pause", "backfill_pause")
_bulk("/backfill/unpause", "backfill_continue")
_bulk("/backfill/delete", "backfill_delete")
_bulk("/set-disabled", "set_disabled")
_bulk("/unlock", "unlock")
_bulk("/delete", "delete", method="DELETE")


@router.get("/{namespace}/{flow_id}")
async def of_flow(
    request: Request, caller: CallerDep, page: PageDep, namespace: str, flow_id: str, q: str = ""
) -> Response:
    """States of a flow's triggers."""
    return paged(*await triggers.of_flow(request.app.state.backend, caller, namespace, flow_id, q, page))


async def _one(request: Request, caller: Any, namespace: str, flow_id: str, trigger_id: str, name: str) -> Response:
    backend = request.app.state.backend
    row = await triggers.row_of(backend, caller, namespace, flow_id, trigger_id)
    return Json(await triggers.act(backend, caller, row, name))


@router.delete("/{namespace}/{flow_id}/{trigger_id}")
async def delete(request: Request, caller: CallerDep, namespace: str, flow_id: str, trigger_id: str) -> Response:
    """Reset a trigger's state."""
    return await _one(request, caller, namespace, flow_id, trigger_id, "delete")


@router.post("/{namespace}/{flow_id}/{trigger_id}/restart")
async def restart(request: Request, caller: CallerDep, namespace: str, flow_id: str, trigger_id: str) -> Response:
    """Begin the evaluation anew."""
    return await _one(request, caller, namespace, flow_id, trigger_id, "restart")


@router.post("/{namespace}/{flow_id}/{trigger_id}/unlock")
async def unlock(request: Request, caller: CallerDep, namespace: str, flow_id: str, trigger_id: str) -> Response:
    """Release a held trigger; 409 when it is not held."""
    return await _one(request, caller, namespace, flow_id, trigger_id, "unlock")
