"""Executions: create, read, steer (spec: REST contract §8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, empty, paged
from flowdeck.api.bodies import json_list, json_object, json_value, text
from flowdeck.api.execution_forms import read_inputs
from flowdeck.api.forms import Form
from flowdeck.api.parameters import Integer, PageDep, filters, flag, label_parameters, listed, whole
from flowdeck.api.security import CallerDep
from flowdeck.api.spreadsheets import chosen, spreadsheet
from flowdeck.model.errors import IllegalState, InvalidFormat
from flowdeck.model.states import State
from flowdeck.services import creation, documents, evaluation, executions, flow_graphs, flows
from flowdeck.services.wire import parse_instant
from flowdeck.store.queries import flows as flow_queries
from flowdeck.store.queries.where import Filter

router = APIRouter(prefix="/api/v1/{tenant}/executions", tags=["Executions"])

DATE_FILTERS = ("START_DATE", "END_DATE", "START_OR_END_DATE")


def breakpoints_of(value: str | None) -> list[dict[str, str]] | None:
    """`taskId.value,…` of a query."""
    if not value:
        return None
    found = []
    for part in value.split(","):
        task, dot, rest = part.strip().partition(".")
        if task:
            found.append({"id": task, **({"value": rest} if dot else {})})
    return found


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────


@router.get("")
async def by_flow(request: Request, caller: CallerDep, page: PageDep, namespace: str, flowId: str) -> Response:
    """Executions of one flow."""
    chosen = [Filter("namespace", "EQUALS", namespace), Filter("flowId", "EQUALS", flowId)]
    return paged(*await executions.search(request.app.state.backend, caller, chosen, page))


@router.get("/search")
async def search(request: Request, caller: CallerDep, page: PageDep, dateFilter: str | None = None) -> Response:
    """Executions by filters; `taskRuns=false` (ours) leaves the task runs out."""
    if dateFilter and dateFilter not in DATE_FILTERS:
        raise InvalidFormat(f"dateFilter: '{dateFilter[:32]}' is none of {', '.join(DATE_FILTERS)}")
    return paged(
        *await executions.search(
            request.app.state.backend,
            caller,
            filters(request, "executions"),
            page,
            date_filter=dateFilter,
            task_runs=flag(request, "taskRuns", True),
        )
    )


@router.get("/export/by-query/csv")
async def export_csv(request: Request, caller: CallerDep) -> Response:
    """CSV of all matches, oldest first, sent as they are read."""
    columns = chosen(request, CSV_COLUMNS, ("id",), OWN_CSV)
    rows = executions.following(request.app.state.backend, caller, filters(request, "executions"))
    return await spreadsheet(request, "executions", caller.tenant, CSV_COLUMNS, rows, columns=columns)


def _note(row: Any) -> str:
    try:
        told = json.loads(row["error"] or "{}")
    except ValueError:
        return ""
    return str(told.get("message") or "") if isinstance(told, dict) else ""


def _ran(row: Any) -> int | None:
    """How long it ran, in ms: as the lists have it, without its time in the queue."""
    return row["ended"] - (row["started"] or row["ended"]) if row["ended"] else None


CSV_COLUMNS: dict[str, Callable[[Any], Any]] = {
    "id": lambda r: r["id"],
    "namespace": lambda r: r["namespace"],
    "flowId": lambda r: r["flow_id"],
    "flow": lambda r: f"{r['namespace']}/{r['flow_id']}",
    "flowRevision": lambda r: r["flow_rev"],
    "revision": lambda r: r["flow_rev"],
    "state": lambda r: State(r["state"]).name,
    "startDate": lambda r: documents.instant(r["created"]),
    "created": lambda r: documents.instant(r["created"]),
    "started": lambda r: documents.instant_or_none(r["started"]),
    "endDate": lambda r: documents.instant_or_none(r["ended"]),
    "ended": lambda r: documents.instant_or_none(r["ended"]),
    "durationMs": _ran,
    "duration": _ran,
    "trigger": lambda r: r["trigger_id"],
    "labels": lambda r: r["labels"],
    "kind": lambda r: r["kind"] or "NORMAL",
    "parent": lambda r: r["parent_execution"],
    "scheduled": lambda r: documents.instant_or_none(r["schedule_date"]),
    "inputs": lambda r: executions.masked_text(r["inputs"]),
    "outputs": lambda r: executions.masked_text(r["outputs"]),
    "note": _note,
}
"""Columns of the CSV by the names of the API and of the console's list; durations are ms."""
OWN_CSV = (
    "id",
    "namespace",
    "flowId",
    "flowRevision",
    "state",
    "startDate",
    "endDate",
    "durationMs",
    "trigger",
    "labels",
)


@router.post("/latest")
async def latest(request: Request, caller: CallerDep) -> Response:
    """The newest execution of each flow."""
    return Json(await executions.latest(request.app.state.backend, caller, await json_list(request)))


@router.get("/namespaces")
async def namespaces(request: Request, caller: CallerDep) -> Response:
    """Namespaces whose flows can be executed."""
    return Json(await request.app.state.backend.read(flow_queries.namespaces, caller.tenant))


@router.get("/namespaces/{namespace}/flows")
async def namespace_flows(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Executable flows of a namespace."""
    rows = await request.app.state.backend.read(flow_queries.in_namespace, caller.tenant, namespace)
    return Json([documents.flow_for_execution(r) for r in rows if not r["disabled"]])


@router.get("/flows/{namespace}/{flow_id}")
async def flow_of_name(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, revision: Integer | None = None
) -> Response:
    """`FlowForExecution` of a flow."""
    row, old = await flows.at_revision(request.app.state.backend, caller, namespace, flow_id, revision)
    return Json(documents.flow_for_execution(row, old))


# ── creation ──────────────────────────────────────────────────────────────────────────────────────


async def _create(request: Request, caller: Any, namespace: str, flow_id: str) -> Response:
    backend = request.app.state.backend
    query = request.query_params
    revision = _integer(query.get("revision"), "revision")
    schedule = query.get("scheduleDate")
    kind = (query.get("kind") or "NORMAL").upper()
    if kind not in ("NORMAL", "TEST", "PLAYGROUND"):
        raise InvalidFormat("kind: NORMAL, TEST and PLAYGROUND are known")
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= 255:
        raise InvalidFormat("Idempotency-Key: 1 to 255 characters")
    new = await creation.Creation.begin(backend, caller, namespace, flow_id, revision)
    try:
        labels = label_parameters(request)
        executions.check_labels(labels, any_key=True)
        sent = await read_inputs(Form(request), new, {i.id: i.type for i in new.flow.inputs})
        document = await new.send(
            sent,
            labels=labels,
            kind=kind,
            breakpoints=breakpoints_of(query.get("breakpoints")),
            schedule_date=parse_instant(schedule, "scheduleDate") if schedule else None,
            key=key,
        )
    except BaseException:
        await new.discard()
        raise
    if flag(request, "wait"):
        await executions.wait_for_end(backend, request.app.state.hub, caller, new.id)
        address = document["url"]
        document = await executions.get(backend, caller, new.id) | {"url": address}
    return Json(document)


def _integer(value: str | None, name: str) -> int | None:
    if value in (None, ""):
        return None
    return whole(str(value), name)


@router.post("/trigger/{namespace}/{flow_id}")
async def create_old(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Deprecated alias of create."""
    return await _create(request, caller, namespace, flow_id)


@router.post("/{execution_id}/resume/validate")
async def validate_resume(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Inputs of a pause checked without resuming."""
    return await _validate_resume(request, caller, execution_id)


@router.post("/{namespace}/{flow_id}/validate")
async def validate(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, revision: Integer | None = None
) -> Response:
    """Inputs checked without running."""
    backend = request.app.state.backend
    new = await creation.Creation.begin(backend, caller, namespace, flow_id, revision, runs=False)
    types = {i.id: i.type for i in new.flow.inputs}
    sent = await read_inputs(Form(request), new, types, keep_files=False)
    return Json(await creation.check(new, sent))


# ── one execution ─────────────────────────────────────────────────────────────────────────────────


@router.get("/{execution_id}")
async def get(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """One execution with its task runs; `taskRuns=false` (ours) leaves them out."""
    backend = request.app.state.backend
    return Json(await executions.get(backend, caller, execution_id, task_runs=flag(request, "taskRuns", True)))


@router.delete("/{execution_id}")
async def delete(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Delete an execution."""
    await executions.delete(
        request.app.state.backend,
        caller,
        execution_id,
        logs=flag(request, "deleteLogs", True),
        metrics=flag(request, "deleteMetrics", True),
        storage=flag(request, "deleteStorage", True),
    )
    return empty()


@router.delete("/{execution_id}/kill")
async def kill(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Kill; 202."""
    await executions.kill(
        request.app.state.backend, caller, execution_id, cascade=flag(request, "isOnKillCascade", True)
    )
    return empty(202)


@router.post("/{execution_id}/pause")
async def pause(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Pause a running execution."""
    await executions.pause(request.app.state.backend, caller, execution_id)
    return empty()


async def _paused(request: Request, caller: Any, execution_id: str) -> tuple[Any, Any, tuple[Any, ...]]:
    """Row, parsed flow and the `onResume` inputs of the pause that waits."""
    from flowdeck.services.resume import on_resume_inputs

    backend = request.app.state.backend
    row = await executions.row_of(backend, caller, execution_id)
    if row["state"] != State.PAUSED:
        raise IllegalState(f"Execution '{execution_id}' is not paused, can't resume it")
    flow_row, _, flow = await flows.of_execution(backend, row)
    return row, flow_row, await on_resume_inputs(backend, row, flow)


@router.post("/{execution_id}/resume")
async def resume(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Resume a paused execution, with the inputs that its pause asks for."""
    from flowdeck.services.resume import resolve_resume

    backend = request.app.state.backend
    row, flow_row, declared = await _paused(request, caller, execution_id)
    upload = creation.Creation(backend, caller, flow_row, None)
    upload.id = execution_id
    sent = await read_inputs(Form(request), upload, {i.id: i.type for i in declared})
    values = await resolve_resume(backend, caller, flow_row, row, declared, sent)
    await executions.resume(backend, caller, execution_id, values)
    return empty()


async def _validate_resume(request: Request, caller: Any, execution_id: str) -> Response:
    from flowdeck.services.resume import check_resume

    backend = request.app.state.backend
    row, flow_row, declared = await _paused(request, caller, execution_id)
    upload = creation.Creation(backend, caller, flow_row, None)
    sent = await read_inputs(Form(request), upload, {i.id: i.type for i in declared}, keep_files=False)
    return Json(await check_resume(backend, caller, flow_row, row, declared, sent))


@router.post("/{execution_id}/resume-from-breakpoint")
async def resume_from_breakpoint(
    request: Request, caller: CallerDep, execution_id: str, breakpoints: str | None = None
) -> Response:
    """Go on from a breakpoint. Only executions in state BREAKPOINT (409)."""
    backend = request.app.state.backend
    row = await executions.row_of(backend, caller, execution_id)
    if row["state"] != State.BREAKPOINT:
        raise IllegalState("The execution is not suspended at a breakpoint")
    await backend.send(
        caller, "execution.resume", id=execution_id, inputs=None, breakpoints=breakpoints_of(breakpoints)
    )
    return empty()


@router.post("/{execution_id}/restart")
async def restart(request: Request, caller: CallerDep, execution_id: str, revision: Integer | None = None) -> Response:
    """Run failed and paused task runs again."""
    return Json(await executions.restart(request.app.state.backend, caller, execution_id, revision))


@router.post("/{execution_id}/replay")
async def replay(
    request: Request,
    caller: CallerDep,
    execution_id: str,
    taskRunId: str | None = None,
    revision: Integer | None = None,
    breakpoints: str | None = None,
) -> Response:
    """A new execution from an old one."""
    return Json(
        await executions.replay(
            request.app.state.backend,
            caller,
            execution_id,
            task_run_id=taskRunId or None,
            revision=revision,
            breakpoints=breakpoints_of(breakpoints),
        )
    )


@router.post("/{execution_id}/replay-with-inputs")
async def replay_with_inputs(
    request: Request,
    caller: CallerDep,
    execution_id: str,
    taskRunId: str | None = None,
    revision: Integer | None = None,
    breakpoints: str | None = None,
) -> Response:
    """A new execution from an old one with other inputs, validated against the chosen revision."""
    from flowdeck.services import inputs

    backend = request.app.state.backend
    row = await executions.row_of(backend, caller, execution_id)
    new = await creation.Creation.begin(
        backend, caller, row["namespace"], row["flow_id"], revision or row["flow_rev"], runs=False
    )
    try:
        sent = await read_inputs(Form(request), new, {i.id: i.type for i in new.flow.inputs})
        resolution = await inputs.resolve(
            backend, caller, new.flow.inputs, sent, row=new.row, revision=new.flow.revision, execution_id=new.id
        )
        inputs.refuse(resolution)
        values = dict(resolution.values)
        return Json(
            await executions.replay(
                backend,
                caller,
                execution_id,
                task_run_id=taskRunId or None,
                revision=revision,
                inputs=values,
                breakpoints=breakpoints_of(breakpoints),
            )
        )
    except BaseException:
        await new.discard()
        raise


@router.post("/{execution_id}/change-status")
async def change_status(request: Request, caller: CallerDep, execution_id: str, status: str) -> Response:
    """Another terminal state."""
    return Json(await executions.change_status(request.app.state.backend, caller, execution_id, status))


@router.post("/{execution_id}/state")
async def change_task_state(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Mark one task run and go on."""
    sent = await json_object(request)
    return Json(
        await executions.change_task_state(
            request.app.state.backend,
            caller,
            execution_id,
            str(sent.get("taskRunId") or ""),
            str(sent.get("state") or ""),
        )
    )


@router.post("/{execution_id}/labels")
async def set_labels(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Add or update labels."""
    labels = executions.labels_of(await json_value(request))
    return Json(await executions.set_labels(request.app.state.backend, caller, execution_id, labels))


@router.post("/{execution_id}/unqueue")
async def unqueue(request: Request, caller: CallerDep, execution_id: str, state: str = "RUNNING") -> Response:
    """Take from the queue."""
    return Json(await executions.unqueue(request.app.state.backend, caller, execution_id, state))


@router.post("/{execution_id}/force-run")
async def force_run(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Get a waiting execution going."""
    return Json(await executions.force_run(request.app.state.backend, caller, execution_id))


@router.post("/{execution_id}/eval")
async def evaluate(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Render an expression in the execution's scope."""
    backend = request.app.state.backend
    row = await executions.row_of(backend, caller, execution_id)
    return Json(await evaluation.evaluate(backend, caller, row, await _expression(request), None))


@router.post("/{execution_id}/eval/{task_run_id}")
async def evaluate_task_run(request: Request, caller: CallerDep, execution_id: str, task_run_id: str) -> Response:
    """Render an expression in a task run's scope."""
    backend = request.app.state.backend
    row = await executions.row_of(backend, caller, execution_id)
    return Json(await evaluation.evaluate(backend, caller, row, await _expression(request), task_run_id))


async def _expression(request: Request) -> str:
    return await text(request, 1024 * 1024)


@router.get("/{execution_id}/flow")
async def flow(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """`FlowForExecution` of the execution's revision."""
    backend = request.app.state.backend
    row = await executions.row_of(backend, caller, execution_id)
    head = await flows.head(backend, caller, row["namespace"], row["flow_id"], deleted=True)
    old = await backend.read(flow_queries.revision, head["flow_key"], row["flow_rev"])
    return Json(documents.flow_for_execution(head, old))


@router.get("/{execution_id}/graph")
async def graph(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Graph of the execution's revision with the task runs on its nodes."""
    from flowdeck.model.graph import flow_graph

    backend = request.app.state.backend
    row = await executions.row_of(backend, caller, execution_id)
    _, _, parsed = await flows.of_execution(backend, row)
    answer = flow_graph(parsed)
    runs = await backend.read(
        lambda r: r.all(
            "select id, task_id, state from task_run where execution_seq = :seq and iteration < 1 "
            "order by ord limit 5000",
            seq=row["seq"],
        )
    )
    states = {r["task_id"]: r for r in runs}
    for node in answer.get("nodes", []):
        task = node.get("task")
        run = states.get(task.get("id")) if isinstance(task, dict) else None
        if run is not None:
            node["taskRun"] = {
                "id": run["id"],
                "taskId": run["task_id"],
                "executionId": execution_id,
                "namespace": row["namespace"],
                "flowId": row["flow_id"],
                "state": {"current": State(run["state"]).name},
            }
    return Json(await flow_graphs.expand(backend, caller, answer, listed(request, "subflows")))


@router.post("/{namespace}/{flow_id}")
async def create(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Create an execution."""
    return await _create(request, caller, namespace, flow_id)
