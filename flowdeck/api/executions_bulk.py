"""Actions on many executions: by ids all or nothing, by query those that fit (spec: REST contract §6)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json
from flowdeck.api.bodies import json_list, json_object, json_value
from flowdeck.api.errors import BadRequest
from flowdeck.api.parameters import filters, flag
from flowdeck.api.security import CallerDep
from flowdeck.services import bulk, executions

router = APIRouter(prefix="/api/v1/{tenant}/executions", tags=["Executions"])


def _bulk_args(request: Request, verb: str) -> dict[str, Any]:
    query = request.query_params
    if verb == "delete":
        return {
            "logs": flag(request, "deleteLogs", True),
            "metrics": flag(request, "deleteMetrics", True),
            "storage": flag(request, "deleteStorage", True),
        }
    if verb == "change-status":
        status = query.get("newStatus")
        if not status:
            raise BadRequest("Required parameter [newStatus] not specified")
        return {"state": executions.state_named(status).name}
    if verb == "unqueue":
        return {"state": executions.state_named(query.get("state") or query.get("newState") or "RUNNING").name}
    if verb == "replay":
        return {"latest": flag(request, "latestRevision"), "task_run": None, "revision": None, "inputs": None}
    if verb == "resume":
        return {"inputs": None}
    if verb == "restart":
        return {"revision": None}
    return {}


_WORDS = {
    "delete": "Delete executions",
    "kill": "Kill executions, their subflows not",
    "change-status": "Give ended executions another terminal state",
    "force-run": "Get waiting executions going",
    "labels": "Add or update labels of ended executions",
    "pause": "Pause running executions",
    "replay": "New executions from old ones",
    "restart": "Run again what failed",
    "resume": "Resume paused executions",
    "unqueue": "Take executions from their queue",
}


def _bulk_routes(verb: str, method: str) -> None:
    async def by_ids(request: Request, caller: CallerDep) -> Response:
        backend = request.app.state.backend
        args = _bulk_args(request, verb)
        if verb == "labels":
            body = await json_object(request)
            ids = body.get("executionsId") or []
            args["labels"] = executions.labels_of(body.get("executionLabels"))
            executions.check_labels(args["labels"])
        else:
            ids = await json_list(request)
        rows = await bulk.usable(
            backend, caller, verb, ids, any_state=verb == "delete" and flag(request, "includeNonTerminated")
        )
        return Json(await bulk.bulk(backend, caller, verb, rows, **args))

    async def by_query(request: Request, caller: CallerDep) -> Response:
        backend = request.app.state.backend
        args = _bulk_args(request, verb)
        if verb == "labels":
            args["labels"] = executions.labels_of(await json_value(request))
            executions.check_labels(args["labels"])
        rows = await bulk.usable_matches(
            backend,
            caller,
            verb,
            filters(request, "executions"),
            any_state=verb == "delete" and flag(request, "includeNonTerminated"),
        )
        return Json(await bulk.bulk(backend, caller, verb, rows, **args))

    by_ids.__doc__ = f"{_WORDS[verb]}: all of these ids, or none when one is unknown or in a wrong state."
    by_query.__doc__ = f"{_WORDS[verb]}: all matches whose state fits."
    prefix = "" if verb == "delete" else f"/{verb}"
    router.add_api_route(f"{prefix}/by-ids", by_ids, methods=[method], name=f"{verb} by ids")
    router.add_api_route(f"{prefix}/by-query", by_query, methods=[method], name=f"{verb} by query")


for _verb, _method in {
    "delete": "DELETE",
    "kill": "DELETE",
    "change-status": "POST",
    "force-run": "POST",
    "labels": "POST",
    "pause": "POST",
    "replay": "POST",
    "restart": "POST",
    "resume": "POST",
    "unqueue": "POST",
}.items():
    _bulk_routes(_verb, _method)
