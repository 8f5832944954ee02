"""Flows (spec: REST contract §7)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import yaml
from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, attachment, empty, paged
from flowdeck.api.bodies import json_list, json_object, json_value, text
from flowdeck.api.errors import BadRequest
from flowdeck.api.forms import Form, uploaded
from flowdeck.api.parameters import LARGEST_NUMBER, Integer, PageDep, filters, flag, listed
from flowdeck.api.security import CallerDep
from flowdeck.api.spreadsheets import chosen, spreadsheet
from flowdeck.expr import ExpressionError, yamltext
from flowdeck.model.errors import IllegalArgument, InvalidFormat
from flowdeck.services import documents, flow_edits, flow_figures, flow_graphs, flow_links, flow_transfer, flows
from flowdeck.store.queries import flows as queries

router = APIRouter(prefix="/api/v1/{tenant}", tags=["Flows"])
LONGEST_PART = 1024 * 1024
"""Bytes of a single task or trigger."""
ZIP = "application/octet-stream"


async def source_of(request: Request) -> str:
    """The YAML source of a body; a JSON body (deprecated) is written as YAML."""
    if request.headers.get("content-type", "").startswith("application/json"):
        value = await json_value(request)
        if isinstance(value, dict):
            return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
        if isinstance(value, str):
            return value
        raise InvalidFormat("a flow is expected")
    return await text(request)


@router.post("/flows")
async def create(request: Request, caller: CallerDep, message: str | None = None) -> Response:
    """Create a flow from YAML; `message` (ours) is kept with the revision."""
    source = await source_of(request)
    return Json(await flows.save(request.app.state.backend, caller, source, expect="create", message=message))


@router.get("/flows/search")
async def search(request: Request, caller: CallerDep, page: PageDep) -> Response:
    """Flows by filters."""
    return paged(*await flows.search(request.app.state.backend, caller, filters(request, "flows"), page))


@router.get("/flows/source")
async def search_sources(request: Request, caller: CallerDep, page: PageDep) -> Response:
    """Flows whose source contains a text."""
    query = request.query_params
    return paged(
        *await flows.search_sources(
            request.app.state.backend, caller, query.get("q", ""), query.get("namespace") or None, page
        )
    )


@router.get("/flows/distinct-namespaces")
async def distinct_namespaces(request: Request, caller: CallerDep, q: str = "") -> Response:
    """Namespaces that hold flows."""
    found = await request.app.state.backend.read(queries.namespaces, caller.tenant)
    return Json([n for n in found if q.lower() in n.lower()])


@router.get("/flows/deprecated")
async def deprecated(request: Request, caller: CallerDep, namespace: str = "") -> Response:
    """Flows whose tasks have a deprecated type."""
    backend = request.app.state.backend
    answer = []
    for row in await flows.matching(backend, caller, []):
        if namespace and not (row["namespace"] == namespace or row["namespace"].startswith(namespace + ".")):
            continue
        result = await backend.thread(lambda row=row: flows.parse(backend, row["source"], caller.tenant, strict=False))
        found = flows.outdated(backend.catalog, result.document)
        if found:
            answer.append(
                {
                    "namespace": row["namespace"],
                    "flowId": row["id"],
                    "revision": row["revision"],
                    "deprecatedTasks": found,
                }
            )
    return Json(answer)


@router.post("/flows/validate")
async def validate(request: Request, caller: CallerDep) -> Response:
    """Validate every document of the body, or every part `flows` of a form."""
    backend = request.app.state.backend
    if request.headers.get("content-type", "").startswith("multipart/"):
        answers: list[dict[str, Any]] = []
        async for part in Form(request):
            content = await part.text(backend.config.max_body)
            answers += await flows.validate(backend, caller, content, filename=part.filename, first=len(answers))
        return Json(answers)
    return Json(await flows.validate(backend, caller, await source_of(request)))


@router.post("/flows/validate/task")
async def validate_task(request: Request, caller: CallerDep, section: str) -> Response:
    """Validate one task or trigger."""
    if section.upper() not in ("TASKS", "TRIGGERS"):
        raise IllegalArgument("section: TASKS and TRIGGERS are known")
    return Json(await flows.validate_part(request.app.state.backend, caller, await _object(request), section))


@router.post("/flows/validate/trigger")
async def validate_trigger(request: Request, caller: CallerDep) -> Response:
    """Validate one trigger."""
    return Json(await flows.validate_part(request.app.state.backend, caller, await _object(request), "TRIGGERS"))


async def _object(request: Request) -> Any:
    try:
        return yamltext.load(await text(request, LONGEST_PART))
    except ExpressionError as error:
        raise InvalidFormat(str(error)) from None


@router.post("/flows/graph")
async def graph_of_source(request: Request, caller: CallerDep) -> Response:
    """Graph of an unsaved source."""
    backend = request.app.state.backend
    graph = await flows.graph_of_source(backend, caller, await source_of(request))
    return Json(await flow_graphs.expand(backend, caller, graph, listed(request, "subflows")))


@router.post("/flows/import")
async def import_flows(request: Request, caller: CallerDep) -> Response:
    """Create or update flows from a zip or YAML file."""
    backend = request.app.state.backend
    name, content = await uploaded(request, "fileUpload", "flows.yml", backend.config.max_part)
    return Json(await flow_transfer.import_all(backend, caller, name, content, fail=flag(request, "failOnError")))


@router.post("/flows/bulk")
async def bulk(request: Request, caller: CallerDep) -> Response:
    """Write many flows; the others go unless `delete=false`."""
    return Json(
        await flow_transfer.replace_all(
            request.app.state.backend,
            caller,
            await text(request),
            namespace=request.query_params.get("namespace") or None,
            delete_others=flag(request, "delete", True),
            children=flag(request, "allowNamespaceChild"),
        )
    )


@router.delete("/flows/delete/by-ids")
async def delete_by_ids(request: Request, caller: CallerDep) -> Response:
    """Delete flows."""
    backend = request.app.state.backend
    rows = await flows.named(backend, caller, await json_list(request))
    return Json({"count": await flows.delete_all(backend, caller, rows)})


@router.delete("/flows/delete/by-query")
async def delete_by_query(request: Request, caller: CallerDep) -> Response:
    """Delete all matches."""
    backend = request.app.state.backend
    rows = await flows.matching(backend, caller, filters(request, "flows"))
    return Json({"count": await flows.delete_all(backend, caller, rows)})


async def _switch(request: Request, caller: Any, disabled: bool, *, by_ids: bool) -> Response:
    backend = request.app.state.backend
    rows = (
        await flows.named(backend, caller, await json_list(request))
        if by_ids
        else await flows.matching(backend, caller, filters(request, "flows"))
    )
    return Json({"count": await flows.set_disabled(backend, caller, rows, disabled)})


@router.post("/flows/disable/by-ids")
async def disable_by_ids(request: Request, caller: CallerDep) -> Response:
    """Disable flows."""
    return await _switch(request, caller, True, by_ids=True)


@router.post("/flows/disable/by-query")
async def disable_by_query(request: Request, caller: CallerDep) -> Response:
    """Disable all matches."""
    return await _switch(request, caller, True, by_ids=False)


@router.post("/flows/enable/by-ids")
async def enable_by_ids(request: Request, caller: CallerDep) -> Response:
    """Enable flows."""
    return await _switch(request, caller, False, by_ids=True)


@router.post("/flows/enable/by-query")
async def enable_by_query(request: Request, caller: CallerDep) -> Response:
    """Enable all matches."""
    return await _switch(request, caller, False, by_ids=False)


@router.post("/flows/export/by-ids")
async def export_by_ids(request: Request, caller: CallerDep) -> Response:
    """Zip of sources."""
    backend = request.app.state.backend
    rows = await flows.named(backend, caller, await json_list(request))
    return attachment(await backend.thread(lambda: flow_transfer.archive(rows, "{ns}.{id}.yaml")), "flows.zip", ZIP)


@router.get("/flows/export/by-query")
async def export_by_query(request: Request, caller: CallerDep) -> Response:
    """Zip of all matches."""
    backend = request.app.state.backend
    rows = await flows.matching(backend, caller, filters(request, "flows"))
    return attachment(await backend.thread(lambda: flow_transfer.archive(rows, "{ns}-{id}.yml")), "flows.zip", ZIP)


@router.get("/flows/export/by-query/csv")
async def export_csv(request: Request, caller: CallerDep) -> Response:
    """CSV of all matches, sent as they are read; what their runs say is read for the columns that tell it."""
    backend = request.app.state.backend
    asked = chosen(request, CSV_COLUMNS, ("namespace", "id"), OWN_CSV)
    # What one column of the list shows of the last run are two of a table.
    columns = list(
        dict.fromkeys(part for one in asked for part in (("last", "lastState") if one == "last" else (one,)))
    )
    rows = flow_figures.told(
        backend,
        caller,
        flows.following(backend, caller, filters(request, "flows")),
        runs=bool(OF_RUNS.intersection(columns)),
        days="days" in columns,
    )
    return await spreadsheet(request, "flows", caller.tenant, CSV_COLUMNS, rows, columns=columns)


def _started(row: Any) -> int | None:
    return row["runs"][-1][2] if row["runs"] else None


CSV_COLUMNS: dict[str, Callable[[Any], Any]] = {
    "namespace": lambda r: r["namespace"],
    "id": lambda r: r["id"],
    "revision": lambda r: r["revision"],
    "disabled": lambda r: bool(r["disabled"]),
    "description": lambda r: r["description"],
    "labels": lambda r: r["labels"],
    "updated": lambda r: documents.instant_or_none(r["updated"]),
    "triggers": lambda r: " ".join(str(one.get("id")) for one in json.loads(r["summary"] or "{}").get("triggers", ())),
    "last": lambda r: documents.instant_or_none(_started(r)),
    "lastState": lambda r: r["runs"][-1][1] if r["runs"] else None,
    "runs": lambda r: " ".join(run[1] for run in r["runs"]),
    "days": lambda r: " ".join(f"{one['day']}:{one['total']}" for one in r["days"]),
    "success": lambda r: r["figures"].get("successRatio"),
    "median": lambda r: r["figures"].get("medianMs"),
    "next": lambda r: None if r["disabled"] else r["figures"].get("nextAt"),
}
"""Columns of the CSV by the names of the API and of the console's list.

The median is ms, success a part of one; runs are states, oldest first; days are `date:executions`.
"""
OWN_CSV = ("namespace", "id", "revision", "disabled", "description", "labels")
OF_RUNS = frozenset({"last", "lastState", "runs", "success", "median", "next"})


@router.get("/flows/{namespace}")
async def in_namespace(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Flows of exactly one namespace."""
    rows = await request.app.state.backend.read(queries.in_namespace, caller.tenant, namespace)
    return Json([flows.documents.flow(row) for row in rows])


@router.post("/flows/{namespace}")
async def replace_namespace(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Write the flows of a namespace; others go unless `delete=false`."""
    backend = request.app.state.backend
    if request.headers.get("content-type", "").startswith("multipart/"):
        parts = [await part.text(backend.config.max_body) async for part in Form(request) if part.name == "flows"]
        sources = "\n---\n".join(parts)
    else:
        sources = await text(request)
    return Json(
        await flow_transfer.replace_all(
            backend,
            caller,
            sources,
            namespace=namespace,
            delete_others=flag(request, "delete", True),
            override=flag(request, "override"),
        )
    )


@router.get("/flows/{namespace}/{flow_id}")
async def get(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, revision: Integer | None = None
) -> Response:
    """One flow."""
    return Json(
        await flows.get(
            request.app.state.backend,
            caller,
            namespace,
            flow_id,
            revision=revision,
            source=flag(request, "source"),
            deleted=flag(request, "allowDeleted"),
        )
    )


@router.put("/flows/{namespace}/{flow_id}")
async def update(
    request: Request,
    caller: CallerDep,
    namespace: str,
    flow_id: str,
    baseRevision: Integer | None = None,
    message: str | None = None,
) -> Response:
    """Save a new revision; `If-Match` or `baseRevision` (ours) refuses to overwrite a newer one with 409.

    `message` (ours) is kept with the revision.
    """
    given = request.headers.get("if-match", "").strip('"')
    if baseRevision is None and given.isdigit():
        baseRevision = int(given)
    return Json(
        await flows.save(
            request.app.state.backend,
            caller,
            await source_of(request),
            namespace=namespace,
            flow_id=flow_id,
            expect="update",
            base_revision=baseRevision,
            message=message,
        )
    )


@router.delete("/flows/{namespace}/{flow_id}")
async def delete(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Delete a flow."""
    await flows.delete(request.app.state.backend, caller, namespace, flow_id)
    return empty()


@router.get("/flows/{namespace}/{flow_id}/revisions")
async def revisions(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """All revisions, ascending."""
    return Json(
        await flows.revisions(
            request.app.state.backend, caller, namespace, flow_id, deleted=flag(request, "allowDelete")
        )
    )


@router.delete("/flows/{namespace}/{flow_id}/revisions")
async def delete_revisions(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Remove old revisions."""
    values = [v for sent in request.query_params.getlist("revisions") for v in sent.split(",") if v]
    if not values:
        raise BadRequest("Required parameter [revisions] not specified")
    if not all(re.fullmatch(r"\d{1,9}", v) for v in values):
        raise IllegalArgument("revisions: numbers are expected")
    await flows.delete_revisions(request.app.state.backend, caller, namespace, flow_id, [int(v) for v in values])
    return empty()


@router.get("/flows/{namespace}/{flow_id}/graph")
async def graph(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, revision: Integer | None = None
) -> Response:
    """Graph of a revision."""
    backend = request.app.state.backend
    found = await flows.graph(backend, caller, namespace, flow_id, revision)
    return Json(await flow_graphs.expand(backend, caller, found, listed(request, "subflows")))


@router.get("/flows/{namespace}/{flow_id}/dependencies")
async def dependencies(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Flows that call this one or are called by it."""
    return Json(
        await flow_links.dependencies(
            request.app.state.backend,
            caller,
            namespace,
            flow_id,
            destination_only=flag(request, "destinationOnly"),
            expand=flag(request, "expandAll"),
        )
    )


@router.get("/namespaces/{namespace}/dependencies")
async def namespace_dependencies(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Relations between the flows of a namespace."""
    return Json(
        await flow_links.dependencies(
            request.app.state.backend,
            caller,
            namespace,
            None,
            destination_only=flag(request, "destinationOnly"),
            expand=True,
        )
    )


@router.get("/flows/{namespace}/{flow_id}/tasks/{task_id}")
async def task(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, task_id: str, revision: Integer | None = None
) -> Response:
    """One task, nested ones included."""
    return Json(await flows.task(request.app.state.backend, caller, namespace, flow_id, task_id, revision))


@router.patch("/flows/{namespace}/{flow_id}/{task_id}")
async def replace_task(request: Request, caller: CallerDep, namespace: str, flow_id: str, task_id: str) -> Response:
    """Put another task in the place of one (deprecated)."""
    sent = await _object(request)
    return Json(await flow_edits.replace_task(request.app.state.backend, caller, namespace, flow_id, task_id, sent))


@router.get("/concurrency-limit/search")
async def concurrency_limits(request: Request, caller: CallerDep) -> Response:
    """Running executions of flows with a concurrency limit."""
    rows = await request.app.state.backend.read(lambda r: r.all("select scope, count(*) as n from slot group by scope"))
    found = [(*tuple(row["scope"].split("/", 2)), row["n"]) for row in rows if row["scope"].count("/") == 2]
    results = [
        {"tenantId": t, "namespace": ns, "flowId": f, "running": n} for t, ns, f, n in found if t == caller.tenant
    ]
    return paged(results, len(results))


@router.put("/concurrency-limit/{namespace}/{flow_id}")
async def set_concurrency_limit(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Count fewer executions as running: the oldest give their places to those that wait."""
    sent = await json_object(request)
    running = sent.get("running")
    if not isinstance(running, int) or isinstance(running, bool) or not 0 <= running <= LARGEST_NUMBER:
        raise InvalidFormat(f"running: must be a number from 0 to {LARGEST_NUMBER}")
    place = {"tenantId": caller.tenant, "namespace": namespace, "flowId": flow_id}
    scope = "/".join(place.values())
    counted = await request.app.state.backend.send(caller, "concurrency.set", scope=scope, running=running)
    return Json({**place, "running": counted})
