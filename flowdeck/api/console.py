"""The console's own endpoints beside session, stream and logs (spec: extensions §5 to §9)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice
from json import dumps
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from flowdeck.api.answers import Json, attachment, csv_text, disposition, empty
from flowdeck.api.bodies import json_object
from flowdeck.api.parameters import MAX_SIZE, Integer, PageDep, body_filters, filters
from flowdeck.api.security import CallerDep
from flowdeck.api.spreadsheets import file_name
from flowdeck.model.errors import Conflict, DomainError, IllegalArgument, NotFound
from flowdeck.services import (
    bundles,
    chart_figures,
    comparison,
    executions,
    figures,
    finding,
    flows,
    insight,
    keepsakes,
    log_patterns,
    logs,
    metrics,
    resume,
    run_calendar,
    source_lines,
    task_sources,
    taskruns,
    topology,
    triggers,
)
from flowdeck.services import usages as counts
from flowdeck.services.wire import instant
from flowdeck.store.queries.where import Page

router = APIRouter(prefix="/api/v1/{tenant}/console", tags=["Console"])
pairs = APIRouter(prefix="/api/v1/{tenant}/console/executions/compare", tags=["Console"])
"""Stands before the routes of one execution: `compare` is no id."""


# ── task runs ─────────────────────────────────────────────────────────────────────────────────────


@router.get("/executions/waiting")
async def waiting(request: Request, caller: CallerDep, ids: str = "") -> Response:
    """Why executions wait."""
    wanted = [one for one in ids.split(",") if one]
    chosen = [] if wanted else filters(request, "executions")
    return Json(await insight.waiting(request.app.state.backend, caller, wanted, chosen))


@router.get("/executions/resumable")
async def resumable(request: Request, caller: CallerDep, page: PageDep) -> Response:
    """Executions that wait for somebody, with the steps that wait and whether they ask for inputs."""
    backend = request.app.state.backend
    rows, total = await resume.resumable(backend, caller, filters(request, "executions"), page)
    return Json({"results": rows, "total": total})


@router.get("/executions/calendar")
async def calendar(request: Request, caller: CallerDep) -> Response:
    """Executions by the hour and scheduled dates to come."""
    return Json(await run_calendar.calendar(request.app.state.backend, caller, filters(request, "executions")))


@router.get("/executions/count")
async def count_executions(request: Request, caller: CallerDep) -> Response:
    """How many executions match, counted to the end."""
    return Json({"total": await executions.count(request.app.state.backend, caller, filters(request, "executions"))})


@router.get("/executions/groups")
async def groups(request: Request, caller: CallerDep, by: str = "flow") -> Response:
    """What matches, counted by flow, state, label or error message."""
    return Json(await run_calendar.groups(request.app.state.backend, caller, filters(request, "executions"), by))


@pairs.get("")
async def compare(
    request: Request, caller: CallerDep, a: str, b: str, show: str = "differing", after: str | None = None
) -> Response:
    """Two executions side by side."""
    if show not in ("differing", "all"):
        raise IllegalArgument("show: differing and all are known")
    return Json(
        await comparison.compare(request.app.state.backend, caller, a, b, everything=show == "all", after=after)
    )


@pairs.get("/logs")
async def compare_logs(request: Request, caller: CallerDep, a: str, b: str, task: str = "") -> Response:
    """Lines of one task side by side."""
    return Json(await comparison.compare_logs(request.app.state.backend, caller, a, b, task))


@router.get("/executions/{execution_id}/taskruns")
async def task_runs(
    request: Request,
    caller: CallerDep,
    execution_id: str,
    parent: str | None = None,
    after: str | None = None,
    limit: Integer = 500,
    state: str | None = None,
    q: str = "",
    sort: str = "order",
    leaves: bool = False,
) -> Response:
    """One page of task runs below a parent; `leaves` counts the states of all that have none below."""
    return Json(
        await taskruns.page(
            request.app.state.backend,
            caller,
            execution_id,
            parent=parent or None,
            after=after or None,
            limit=limit,
            state=state or None,
            text=q,
            sort=sort,
            leaves=leaves,
        )
    )


@router.get("/executions/{execution_id}/topology")
async def topology_states(
    request: Request, caller: CallerDep, execution_id: str, loop: str | None = None, iteration: Integer = 0
) -> Response:
    """States of the tasks for the graph: of all task runs, or of one iteration of a loop."""
    return Json(await topology.states(request.app.state.backend, caller, execution_id, loop, iteration))


@router.get("/executions/{execution_id}/taskruns/{task_run_id}")
async def task_run(request: Request, caller: CallerDep, execution_id: str, task_run_id: str) -> Response:
    """One task run with its attempts."""
    return Json(await taskruns.detail(request.app.state.backend, caller, execution_id, task_run_id))


@router.get("/executions/{execution_id}/taskruns/{task_run_id}/path")
async def task_run_path(request: Request, caller: CallerDep, execution_id: str, task_run_id: str) -> Response:
    """Ancestors of a task run."""
    return Json(await taskruns.path(request.app.state.backend, caller, execution_id, task_run_id))


@router.get("/executions/{execution_id}/taskruns/{task_run_id}/source")
async def task_source(request: Request, caller: CallerDep, execution_id: str, task_run_id: str) -> Response:
    """The task's text in the revision that ran, and its properties rendered again."""
    return Json(await task_sources.of_task_run(request.app.state.backend, caller, execution_id, task_run_id))


@router.get("/executions/{execution_id}/critical-path")
async def critical_path(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """What decided the end."""
    return Json(await taskruns.critical_path(request.app.state.backend, caller, execution_id))


@router.get("/executions/{execution_id}/bundle")
async def bundle(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """Document, values and log lines of an execution as ZIP."""
    backend = request.app.state.backend
    made = await bundles.bundle(backend, caller, execution_id)

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while piece := await backend.thread(lambda: made.read(256 * 1024)):
                yield piece
        finally:
            made.close()

    name = disposition(f"{execution_id}.zip")
    return StreamingResponse(pieces(), media_type="application/zip", headers={"Content-Disposition": name})


@router.get("/executions/{execution_id}/log-lines.jsonl")
async def log_lines(
    request: Request,
    caller: CallerDep,
    execution_id: str,
    minLevel: str | None = None,
    taskRun: str | None = None,
    attempt: Integer | None = None,
) -> Response:
    """The lines of a view as JSON, one a line."""
    backend = request.app.state.backend
    seq, view = await logs.view_of(
        backend, caller, execution_id, level=minLevel, task_run=taskRun, attempt=attempt, own=False
    )
    source = logs.by_time(logs.stream(backend, seq, view))

    def batch() -> str:
        return "".join(f"{dumps(logs.line(one, whole=True))}\n" for one in islice(source, 1000))

    async def pieces() -> AsyncIterator[bytes]:
        while text := await backend.thread(batch):
            yield text.encode()

    head = {"Content-Disposition": disposition(f"{execution_id}.jsonl")}
    return StreamingResponse(pieces(), media_type="application/x-ndjson", headers=head)


@router.get("/logs/patterns")
async def log_patterns_of(request: Request, caller: CallerDep) -> Response:
    """Groups of similar messages."""
    return Json(await log_patterns.patterns(request.app.state.backend, caller, filters(request, "logs")))


@router.get("/logs/export")
async def export_logs(request: Request, caller: CallerDep, format: str = "csv") -> Response:
    """Lines that match as CSV or text, oldest first."""
    if format not in ("csv", "txt"):
        raise IllegalArgument("format: csv and txt are known")
    pages = log_patterns.export(request.app.state.backend, caller, filters(request, "logs"))
    first = await anext(pages, [])
    columns = ["timestamp", "level", "namespace", "flowId", "executionId", "taskId", "triggerId", "message"]

    def shaped(found: list[dict[str, Any]], *, head: bool) -> bytes:
        if format == "csv":
            text = csv_text(columns, [[one.get(name) for name in columns] for one in found])
            return (text if head else text.partition("\n")[2]).encode()
        told = (f"{x['timestamp']} {x['level']} {x['namespace']}.{x['flowId']} {x['message']}\n" for x in found)
        return "".join(told).encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield shaped(first, head=True)
        async for found in pages:
            yield shaped(found, head=False)

    name = f"logs-{caller.tenant}-{instant(request.app.state.backend.now())[:19].replace(':', '')}.{format}"
    kind = "text/csv" if format == "csv" else "text/plain"
    return StreamingResponse(pieces(), media_type=kind, headers={"Content-Disposition": disposition(name)})


@router.get("/executions/{execution_id}/metrics.csv")
async def metrics_csv(request: Request, caller: CallerDep, execution_id: str, taskId: str | None = None) -> Response:
    """What the task runs measured, as CSV; at most 10,000 values."""
    page = Page(1, MAX_SIZE)
    found, _ = await metrics.of_execution(request.app.state.backend, caller, execution_id, page, None, taskId)
    columns = ["taskId", "taskRunId", "name", "type", "value", "timestamp", "tags"]
    rows = [[one.get(name) if name != "tags" else _tags(one.get("tags")) for name in columns] for one in found]
    return attachment(csv_text(columns, rows), f"metrics-{execution_id}.csv", "text/csv")


def _tags(tags: Any) -> str:
    return ", ".join(f"{key}={value}" for key, value in (tags or {}).items())


@router.get("/executions/{execution_id}/errors")
async def error_of(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """The error of an execution with similar ones."""
    return Json(await insight.error_of(request.app.state.backend, caller, execution_id))


@router.get("/errors")
async def errors(request: Request, caller: CallerDep, groupBy: str = "message", limit: Integer = 20) -> Response:
    """Groups of errors."""
    chosen = filters(request, "executions")
    return Json(await insight.errors(request.app.state.backend, caller, chosen, groupBy, limit))


# ── baselines, sparklines, figures ────────────────────────────────────────────────────────────────


@router.get("/flows/{namespace}/{flow_id}/baselines")
async def baselines(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, before: str | None = None
) -> Response:
    """Typical durations."""
    return Json(await insight.baselines(request.app.state.backend, caller, namespace, flow_id, before or None))


@router.get("/flows/lines")
async def source_lines_of(
    request: Request,
    caller: CallerDep,
    page: PageDep,
    q: str = "",
    regex: bool = False,
    case: bool = False,
    namespace: str = "",
) -> Response:
    """Lines of all sources that hold a text."""
    backend = request.app.state.backend
    return Json(
        await source_lines.search(backend, caller, q, as_regex=regex, case=case, namespace=namespace or None, page=page)
    )


@router.post("/flows/{namespace}/{flow_id}/replaced")
async def source_replaced(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """A flow's source after a replacement; nothing is stored."""
    backend = request.app.state.backend
    sent = await json_object(request)
    row = await flows.head(backend, caller, namespace, flow_id)
    text, by = str(sent.get("q") or ""), str(sent.get("by") or "")
    as_regex, case = sent.get("regex") is True, sent.get("case") is True
    return Json(await source_lines.replaced(backend, caller, row, text, by, as_regex=as_regex, case=case))


@router.post("/flows/sparklines")
async def sparklines(request: Request, caller: CallerDep) -> Response:
    """The last runs of many flows."""
    sent = await json_object(request)
    try:
        runs = int(sent.get("runs") or 14)
    except (TypeError, ValueError):
        raise IllegalArgument("runs: a number is expected") from None
    return Json(await insight.sparklines(request.app.state.backend, caller, sent.get("flows"), runs))


@router.post("/flows/days")
async def flow_days(request: Request, caller: CallerDep) -> Response:
    """Ended executions of many flows by day."""
    sent = await json_object(request)
    length = sent.get("days", 30)
    if not isinstance(length, int) or isinstance(length, bool):
        raise IllegalArgument("days: a number is expected")
    return Json(await insight.days(request.app.state.backend, caller, sent.get("flows"), length))


@router.post("/figures")
async def figure(request: Request, caller: CallerDep) -> Response:
    """A chart as plotly figure, CSV or HTML."""
    sent = await json_object(request)
    kind = str(sent.get("format") or "json")
    if kind not in ("json", "csv", "html"):
        raise IllegalArgument("format: json, html and csv are known")
    given = sent.get("filters")
    resource = "logs" if sent.get("chart") in figures.OF_LOGS else "executions"
    chosen = body_filters(given, resource) if isinstance(given, list) else filters(request, resource)
    own = sent.get("dashboard") or sent.get("source") is not None
    found = await (chart_figures if own else figures).build(request.app.state.backend, caller, sent, chosen)
    name = str(sent.get("chart") or "chart")
    if kind == "csv":
        return attachment(
            csv_text(found["columns"], found["rows"]), file_name(request, name, caller.tenant), "text/csv"
        )
    if kind == "html":
        import html

        cells = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in found["rows"]
        )
        head = "".join(f"<th>{html.escape(str(c))}</th>" for c in found["columns"])
        return attachment(
            f"<!doctype html><meta charset=utf-8><table><tr>{head}</tr>{cells}</table>", f"{name}.html", "text/html"
        )
    return Json(found)


# ── what a user keeps ─────────────────────────────────────────────────────────────────────────────


@router.get("/settings")
async def settings(request: Request, caller: CallerDep) -> Response:
    """The caller's settings."""
    return Json(await keepsakes.settings(request.app.state.backend, caller))


@router.patch("/settings")
async def patch_settings(request: Request, caller: CallerDep) -> Response:
    """Merge into the settings."""
    return Json(await keepsakes.patch_settings(request.app.state.backend, caller, await json_object(request)))


@router.delete("/settings")
async def reset_settings(request: Request, caller: CallerDep, group: str | None = None) -> Response:
    """Forget settings."""
    return Json(await keepsakes.reset_settings(request.app.state.backend, caller, group))


@router.get("/settings/defaults")
async def default_settings(request: Request, caller: CallerDep) -> Response:
    """What holds for everybody of the tenant who did not choose."""
    return Json(await keepsakes.defaults(request.app.state.backend, caller.tenant))


@router.patch("/settings/defaults")
async def patch_default_settings(request: Request, caller: CallerDep) -> Response:
    """Merge into the tenant's defaults."""
    return Json(await keepsakes.patch_defaults(request.app.state.backend, caller, await json_object(request, 65_536)))


def _version(request: Request) -> int | None:
    text = request.headers.get("if-match", "").strip('"')
    return int(text) if text.isdigit() else None


@router.get("/views")
async def views(request: Request, caller: CallerDep, list: str = "", counts: bool = False) -> Response:
    """Saved filters of a list, on wish with how many rows each finds (executions and flows, the first 20)."""
    backend = request.app.state.backend
    found = await keepsakes.listed(backend, caller, "view")
    chosen = [one for one in found if not list or one.get("list") == list]
    if not counts or list not in _COUNTED:
        return Json(chosen)
    return Json([{**one, "count": await _count(backend, caller, one)} for one in chosen[:20]] + chosen[20:])


_COUNTED = {"executions": executions.search, "flows": flows.search}


async def _count(backend: Any, caller: Any, view: dict[str, Any]) -> int | None:
    """Rows that a view finds; None for one that no longer fits the list, or whose time is the reader's calendar."""
    scope = {"type": "http", "query_string": str(view.get("query") or "").encode()}
    try:
        chosen = filters(Request(scope), view["list"])
        return (await _COUNTED[view["list"]](backend, caller, chosen, Page(1, 1)))[1]
    except DomainError:
        return None


@router.put("/views/{view_id}")
async def put_view(request: Request, caller: CallerDep, view_id: str) -> Response:
    """Save a filter; one that all share needs DASHBOARD:UPDATE."""
    backend = request.app.state.backend
    body = await json_object(request, 64 * 1024 + 1024)
    if body.get("shared"):
        caller.must(("DASHBOARD", "UPDATE"))
    for one in await keepsakes.listed(backend, caller, "view"):
        if one["id"] != view_id and one.get("list") == body.get("list") and one.get("name") == body.get("name"):
            raise Conflict(f"a view named '{body.get('name')}' exists")
    return Json(
        await keepsakes.put(
            backend, caller, "view", view_id, body, shared=bool(body.get("shared")), if_match=_version(request)
        )
    )


@router.delete("/views/{view_id}")
async def delete_view(request: Request, caller: CallerDep, view_id: str) -> Response:
    """Delete a saved filter."""
    await keepsakes.delete(request.app.state.backend, caller, "view", view_id)
    return empty()


@router.get("/drafts")
async def drafts(request: Request, caller: CallerDep, key: str = "") -> Response:
    """Drafts without their texts; `key` (`kind/…`) names one, so that asking for none is no error."""
    found = await keepsakes.listed(request.app.state.backend, caller, "draft", key)
    if key:
        found = [one for one in found if one["id"] == key]
    return Json([{k: v for k, v in one.items() if k != "text"} for one in found])


_DRAFTS = {"flow": "FLOW", "dashboard": "DASHBOARD", "file": "FLOW", "app": "APP", "test": "TEST"}
"""Kind of a draft → the permission to write what it may become."""


def _draft_key(kind: str, key: str) -> str:
    if kind not in _DRAFTS:
        raise NotFound("draft")
    return f"{kind}/{key}"


@router.get("/drafts/{kind}/{key:path}")
async def draft(request: Request, caller: CallerDep, kind: str, key: str) -> Response:
    """One draft."""
    return Json(await keepsakes.get(request.app.state.backend, caller, "draft", _draft_key(kind, key)))


@router.put("/drafts/{kind}/{key:path}")
async def put_draft(request: Request, caller: CallerDep, kind: str, key: str) -> Response:
    """Save a draft; says whether a newer revision exists. Whoever may not save the thing keeps no draft of it."""
    backend = request.app.state.backend
    if kind in _DRAFTS:
        caller.must((_DRAFTS[kind], "CREATE|UPDATE"))
    body = await json_object(request, 8 * 1024 * 1024)
    saved = await keepsakes.put(
        backend, caller, "draft", _draft_key(kind, key), body, shared=False, if_match=_version(request)
    )
    stale = False
    namespace, _, flow_id = key.partition("/")
    if kind == "flow" and isinstance(body.get("baseRevision"), int):
        try:
            stale = (await flows.head(backend, caller, namespace, flow_id))["revision"] > body["baseRevision"]
        except NotFound:
            stale = False
    return Json({**saved, "stale": stale})


@router.delete("/drafts/{kind}/{key:path}")
async def delete_draft(request: Request, caller: CallerDep, kind: str, key: str) -> Response:
    """Delete a draft."""
    await keepsakes.delete(request.app.state.backend, caller, "draft", _draft_key(kind, key))
    return empty()


@router.get("/flows/{namespace}/{flow_id}/presets")
async def presets(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Saved inputs of a flow."""
    prefix = f"{namespace}/{flow_id}/"
    found = await keepsakes.listed(request.app.state.backend, caller, "preset", prefix)
    return Json([{**one, "name": one["id"].removeprefix(prefix)} for one in found])


@router.put("/flows/{namespace}/{flow_id}/presets/{name}")
async def put_preset(request: Request, caller: CallerDep, namespace: str, flow_id: str, name: str) -> Response:
    """Save inputs; SECRET inputs are refused."""
    backend = request.app.state.backend
    body = await json_object(request, 64 * 1024 + 1024)
    flow = await flows.parsed(backend, await flows.head(backend, caller, namespace, flow_id))
    given: Any = body.get("inputs") or {}
    for one in flow.inputs:
        if one.type == "SECRET" and one.id in given:
            raise IllegalArgument(f"inputs.{one.id}: a SECRET input is never stored")
    key = f"{namespace}/{flow_id}/{name}"
    return Json(
        await keepsakes.put(
            backend, caller, "preset", key, body, shared=bool(body.get("shared")), if_match=_version(request)
        )
    )


@router.delete("/flows/{namespace}/{flow_id}/presets/{name}")
async def delete_preset(request: Request, caller: CallerDep, namespace: str, flow_id: str, name: str) -> Response:
    """Delete saved inputs."""
    await keepsakes.delete(request.app.state.backend, caller, "preset", f"{namespace}/{flow_id}/{name}")
    return empty()


# ── palette, schedules ────────────────────────────────────────────────────────────────────────────


@router.get("/search")
async def search(request: Request, caller: CallerDep, q: str = "", kinds: str = "", limit: Integer = 5) -> Response:
    """Hits of the command palette."""
    wanted = [k for k in kinds.split(",") if k]
    return Json(await finding.palette(request.app.state.backend, caller, q, wanted, limit))


@router.post("/schedules/preview")
async def preview(request: Request, caller: CallerDep) -> Response:
    """Words and dates of a cron expression."""
    backend = request.app.state.backend
    sent = await json_object(request)
    # Conditions that hardly ever hold take a search over years of dates.
    return Json(await backend.thread(lambda: finding.preview(sent, backend.now(), backend.config.zone)))


@router.post("/flows/{namespace}/{flow_id}/triggers/{trigger_id}/backfill/count")
async def backfill_count(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, trigger_id: str
) -> Response:
    """How many executions a backfill would create."""
    return Json(
        await finding.backfill_count(
            request.app.state.backend, caller, namespace, flow_id, trigger_id, await json_object(request)
        )
    )


@router.post("/flows/{namespace}/{flow_id}/triggers/{trigger_id}/evaluate")
async def evaluate_trigger(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, trigger_id: str
) -> Response:
    """Evaluate a polling trigger at once; 409 while it is held or off."""
    backend = request.app.state.backend
    row = await triggers.row_of(backend, caller, namespace, flow_id, trigger_id)
    return Json(await triggers.act(backend, caller, row, "evaluate"))


@router.post("/flows/{namespace}/{flow_id}/triggers/{trigger_id}/try")
async def try_trigger(request: Request, caller: CallerDep, namespace: str, flow_id: str, trigger_id: str) -> Response:
    """What a polling trigger finds now and would start: a dry run."""
    return Json(await triggers.try_out(request.app.state.backend, caller, namespace, flow_id, trigger_id))


@router.get("/services")
async def services(request: Request, caller: CallerDep) -> Response:
    """Running components with their heartbeats."""
    rows = await request.app.state.backend.read(lambda r: r.all("select * from service order by kind, id"))
    return Json(
        [
            {
                "id": r["id"],
                "kind": r["kind"],
                "host": r["host"],
                "state": r["state"],
                "started": instant(r["started"]),
                "heartbeat": instant(r["heartbeat"]),
            }
            for r in rows
        ]
    )


usage = APIRouter(prefix="/api/v1/{tenant}", tags=["Misc"])


@usage.get("/usages/all")
async def usages(request: Request, caller: CallerDep) -> Response:
    """Flows by types of tasks, triggers and task runners; executions of the last seven days."""
    return Json(await counts.usages(request.app.state.backend, caller))
