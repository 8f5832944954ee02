"""The console's own endpoints beside session, stream and logs (spec: extensions §5 to §9)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, attachment, csv_text, empty
from flowdeck.api.bodies import json_object
from flowdeck.api.parameters import body_filters, filters
from flowdeck.api.security import CallerDep
from flowdeck.model.errors import Conflict, IllegalArgument, NotFound
from flowdeck.services import comparison, executions, figures, finding, flows, insight, keepsakes, taskruns
from flowdeck.services.wire import instant

router = APIRouter(prefix="/api/v1/{tenant}/console", tags=["Console"])


# ── task runs ─────────────────────────────────────────────────────────────────────────────────────


@router.get("/executions/waiting")
async def waiting(request: Request, caller: CallerDep, ids: str = "") -> Response:
    """Why executions wait."""
    wanted = [one for one in ids.split(",") if one]
    chosen = [] if wanted else filters(request, "executions")
    return Json(await insight.waiting(request.app.state.backend, caller, wanted, chosen))


@router.get("/executions/compare")
async def compare(
    request: Request, caller: CallerDep, a: str, b: str, show: str = "differing", after: str | None = None
) -> Response:
    """Two executions side by side."""
    if show not in ("differing", "all"):
        raise IllegalArgument("show: differing and all are known")
    return Json(
        await comparison.compare(request.app.state.backend, caller, a, b, everything=show == "all", after=after)
    )


@router.get("/executions/compare/logs")
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
    limit: int = 500,
    state: str | None = None,
    q: str = "",
    sort: str = "order",
) -> Response:
    """One page of task runs below a parent."""
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
        )
    )


@router.get("/executions/{execution_id}/taskruns/{task_run_id}")
async def task_run(request: Request, caller: CallerDep, execution_id: str, task_run_id: str) -> Response:
    """One task run with its attempts."""
    return Json(await taskruns.detail(request.app.state.backend, caller, execution_id, task_run_id))


@router.get("/executions/{execution_id}/taskruns/{task_run_id}/path")
async def task_run_path(request: Request, caller: CallerDep, execution_id: str, task_run_id: str) -> Response:
    """Ancestors of a task run."""
    return Json(await taskruns.path(request.app.state.backend, caller, execution_id, task_run_id))


@router.get("/executions/{execution_id}/critical-path")
async def critical_path(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """What decided the end."""
    return Json(await taskruns.critical_path(request.app.state.backend, caller, execution_id))


@router.get("/executions/{execution_id}/errors")
async def error_of(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """The error of an execution with similar ones."""
    return Json(await insight.error_of(request.app.state.backend, caller, execution_id))


@router.get("/errors")
async def errors(request: Request, caller: CallerDep, groupBy: str = "message", limit: int = 20) -> Response:
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


@router.post("/flows/sparklines")
async def sparklines(request: Request, caller: CallerDep) -> Response:
    """The last runs of many flows."""
    sent = await json_object(request)
    try:
        runs = int(sent.get("runs") or 14)
    except (TypeError, ValueError):
        raise IllegalArgument("runs: a number is expected") from None
    return Json(await insight.sparklines(request.app.state.backend, caller, sent.get("flows"), runs))


@router.post("/figures")
async def figure(request: Request, caller: CallerDep) -> Response:
    """A chart as plotly figure, CSV or HTML."""
    sent = await json_object(request)
    kind = str(sent.get("format") or "json")
    if kind not in ("json", "csv", "html"):
        raise IllegalArgument("format: json, html and csv are known")
    given = sent.get("filters")
    resource = "logs" if sent.get("chart") == "logs-over-time" else "executions"
    chosen = body_filters(given, resource) if isinstance(given, list) else filters(request, resource)
    found = await figures.build(request.app.state.backend, caller, sent, chosen)
    name = str(sent.get("chart") or "chart")
    if kind == "csv":
        return attachment(csv_text(found["columns"], found["rows"]), f"{name}.csv", "text/csv")
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


def _version(request: Request) -> int | None:
    text = request.headers.get("if-match", "").strip('"')
    return int(text) if text.isdigit() else None


@router.get("/views")
async def views(request: Request, caller: CallerDep, list: str = "") -> Response:
    """Saved filters of a list."""
    found = await keepsakes.listed(request.app.state.backend, caller, "view")
    return Json([one for one in found if not list or one.get("list") == list])


@router.put("/views/{view_id}")
async def put_view(request: Request, caller: CallerDep, view_id: str) -> Response:
    """Save a filter."""
    backend = request.app.state.backend
    body = await json_object(request, 64 * 1024 + 1024)
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
async def drafts(request: Request, caller: CallerDep) -> Response:
    """Drafts without their texts."""
    found = await keepsakes.listed(request.app.state.backend, caller, "draft")
    return Json([{k: v for k, v in one.items() if k != "text"} for one in found])


_DRAFTS = frozenset({"flow", "dashboard", "file", "app", "test"})


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
    """Save a draft; says whether a newer revision exists."""
    backend = request.app.state.backend
    body = await json_object(request)
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
async def search(request: Request, caller: CallerDep, q: str = "", kinds: str = "", limit: int = 5) -> Response:
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
    """Counters of flows and of the last executions by day."""
    backend = request.app.state.backend
    since = backend.now() // 86_400_000 * 86_400_000 - 6 * 86_400_000

    def work(reader: Any) -> dict[str, Any]:
        count = reader.value("select count(*) from flow where tenant = :t and not deleted", t=caller.tenant)
        names = reader.value(
            "select count(distinct namespace) from flow where tenant = :t and not deleted", t=caller.tenant
        )
        days = reader.all(
            "select created / 86400000 as day, state, count(*) as n from execution where tenant = :t and created >= :s "
            "group by created / 86400000, state",
            t=caller.tenant,
            s=since,
        )
        by_day: dict[int, dict[str, int]] = {}
        for row in days:
            by_day.setdefault(row["day"], {})[executions.State(row["state"]).name] = row["n"]
        zero = {"min": "PT0S", "avg": "PT0S", "max": "PT0S", "sum": "PT0S"}
        return {
            "flows": {
                "count": count,
                "namespacesCount": names,
                "taskTypeCount": {},
                "triggerTypeCount": {},
                "taskRunnerTypeCount": {},
            },
            "executions": {
                "dailyExecutionsCount": [
                    {
                        "startDate": instant(day * 86_400_000),
                        "groupBy": "day",
                        "executionCounts": counts,
                        "duration": {**zero, "count": sum(counts.values())},
                    }
                    for day, counts in sorted(by_day.items())
                ]
            },
        }

    return Json(await backend.read(work))
