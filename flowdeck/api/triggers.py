"""Triggers (spec: REST contract §11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, paged
from flowdeck.api.bodies import json_list, json_object
from flowdeck.api.parameters import PageDep, body_filters, filters, flag
from flowdeck.api.security import CallerDep
from flowdeck.api.spreadsheets import chosen, spreadsheet
from flowdeck.model.errors import IllegalArgument
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
    """CSV of all matches, sent as they are read."""
    columns = chosen(request, CSV_COLUMNS, ("namespace", "flowId", "triggerId"), OWN_CSV)
    rows = triggers.following(request.app.state.backend, caller, filters(request, "triggers"))
    return await spreadsheet(request, "triggers", caller.tenant, CSV_COLUMNS, rows, columns=columns)


CSV_COLUMNS: dict[str, Callable[[Any], Any]] = {
    "namespace": lambda r: r["namespace"],
    "flowId": lambda r: r["flow_id"],
    "triggerId": lambda r: r["trigger_id"],
    "type": lambda r: r["type"],
    "starts": lambda r: r["type"],
    "disabled": lambda r: bool(r["disabled"]),
    "on": lambda r: not r["disabled"],
    "date": lambda r: documents.instant_or_none(r["last_date"]),
    "nextExecutionDate": lambda r: documents.instant_or_none(r["next_due"]),
    "next": lambda r: documents.instant_or_none(r["next_due"]),
    "executionId": lambda r: r["execution_id"],
    "execution": lambda r: r["execution_id"],
}
OWN_CSV = ("namespace", "flowId", "triggerId", "type", "disabled", "date", "nextExecutionDate", "executionId")


_WORDS = {
    "backfill_pause": "Pause the backfill",
    "backfill_continue": "Go on with the backfill",
    "backfill_delete": "End the backfill",
    "set_disabled": "Switch the state",
    "unlock": "Release the lock",
    "delete": "Reset the state",
}


def _single(path: str, method: str, name: str) -> None:
    async def act(request: Request, caller: CallerDep) -> Response:
        return Json(await triggers.backfill_action(request.app.state.backend, caller, await json_object(request), name))

    act.__doc__ = f"{_WORDS[name]} of one trigger; 400 without one."
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
            if not isinstance(sent.get("triggers"), list) or not sent["triggers"]:
                raise IllegalArgument("triggers: must be a list of at least one trigger")
            if not isinstance(sent.get("disabled"), bool):
                raise IllegalArgument("disabled: must be true or false")
            rows = await triggers.named(backend, caller, sent["triggers"])
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

    by_triggers.__doc__ = f"{_WORDS[name]} of these triggers; what does not apply is skipped."
    by_query.__doc__ = f"{_WORDS[name]} of all matches; what does not apply is skipped."
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
