"""Answers in the shapes of ``spec/api/extensions.md``, computed, for tests of single client components.

The console as a whole is tested against the real server; here only the browser side is under test: how many
requests it makes, what it draws, how it takes errors and gaps.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.e2e.components.canned_flow import FLOW, graph, schema

NOW = datetime.now(UTC)
T0 = NOW - timedelta(minutes=5, seconds=12)
REQUESTS: list[str] = []


def iso(seconds: float) -> str:
    return (T0 + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def row(ident: str, task: str, state: str, **more: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"id": ident, "taskId": task, "state": state, "attempts": more.pop("attempts", 1)}
    out["type"] = more.pop("type", "io.kestra.plugin.core.log.Log")
    for key in ("created", "started", "ended"):
        if key in more:
            out[key] = iso(more.pop(key))
    return out | more


def mock_rows() -> list[dict[str, Any]]:
    def kids(**n: int) -> dict[str, int]:
        return {"total": sum(n.values()), **n}

    rows = [
        row("r01", "extract_orders", "SUCCESS", created=0, started=4, ended=92, attempts=2),
        row("r02", "fan_out", "RUNNING", created=92, started=92, children=kids(RUNNING=2)),
        row(
            "r03",
            "per_region",
            "RUNNING",
            parent="r02",
            created=92,
            started=92,
            children=kids(SUCCESS=3, RUNNING=1, WARNING=1, PAUSED=1, CREATED=1),
        ),
    ]
    leaf = [
        ("load_orders", "eu", 0, "SUCCESS", 94, 94, 168, {}),
        ("check_rows", "eu", 0, "SUCCESS", 168, 169, 181, {}),
        ("load_orders", "us", 1, "SUCCESS", 94, 94, 211, {}),
        ("check_rows", "us", 1, "WARNING", 211, 212, 228, {}),
        ("sign_off", "us", 1, "PAUSED", 228, 228, None, {"waiting": {"kind": "paused", "text": "waits for finance"}}),
        (
            "load_orders",
            "apac",
            2,
            "RUNNING",
            94,
            168,
            None,
            {"waitedMs": 74000, "waiting": {"kind": "slot", "text": "no slot"}, "worker": "w-eu-2"},
        ),
        ("check_rows", "apac", 2, "CREATED", 300, None, None, {"expectedMs": 12000}),
    ]
    for i, (task, value, n, state, created, started, ended, more) in enumerate(leaf):
        times: dict[str, Any] = {"created": created}
        if started is not None:
            times["started"] = started
        if ended is not None:
            times["ended"] = ended
        rows.append(row(f"r1{i}", task, state, parent="r03", value=value, iteration=n, **times, **more))
    rows.append(
        row(
            "r30",
            "enrich_customers",
            "RUNNING",
            parent="r02",
            created=92,
            started=92,
            children=kids(SUCCESS=112, FAILED=2, RUNNING=10, QUEUED=4),
        )
    )
    rows.append(row("r40", "publish_if_ok", "CREATED", created=310, expectedMs=16000))
    rows.append(row("r41", "notify_team", "CREATED", created=311, expectedMs=5000))
    return rows


def big_rows(n: int) -> list[dict[str, Any]]:
    return [
        row(
            f"b{i:05}",
            f"task_{i:05}",
            "SUCCESS" if i % 50 else "FAILED",
            created=i * 0.2,
            started=i * 0.2 + 0.1,
            ended=i * 0.2 + 4,
        )
        for i in range(n)
    ]


EXECUTIONS = {
    "demo": mock_rows(),
    "big": big_rows(1000),
    "quick": [row("q1", "quick", "SUCCESS", created=0, started=0.01, ended=0.08)],
}
BASELINES = {
    "runs": 20,
    "executionMs": 400000,
    "tasks": {
        "extract_orders": {"n": 20, "medianMs": 61000, "p90Ms": 70000, "waitedMedianMs": 100},
        "load_orders": {"n": 20, "medianMs": 78000, "p90Ms": 90000, "waitedMedianMs": 100},
        "check_rows": {"n": 20, "medianMs": 11000, "p90Ms": 30000, "waitedMedianMs": 100},
    },
}
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")


def log_line(no: int) -> dict[str, Any]:
    level = "ERROR" if no % 997 == 43 else "WARN" if no % 211 == 41 else "DEBUG" if no % 7 == 2 else "INFO"
    task = ("r01", "extract_orders") if no <= 38 else ("r12", "load_orders") if no % 3 else ("r10", "load_orders")
    text = f"{no * 100:,} rows in {no * 0.274:.1f} s"
    if no % 97 == 39:
        text = "COPY staging.orders_us FROM STDIN, batch size 500"
    if no % 997 == 43:
        text = "deadlock detected on staging.orders_us\nProcess 4402 waits for ShareLock\nHINT: See server log."
    if no == 4:
        text = "Stored 48.2 MB as kestra:///company/data/orders_ingest/1kQ.json see https://example.com/a?b=1"
    if no == 5:
        text = '{"rows":200000,"rejected":12,"table":"staging.orders_apac"}'
    if no == 6:
        text = "\x1b[32mgreen\x1b[0m and \x1b[1;31mbold red\x1b[0m <b>no html</b>"
        text += " [run book](https://example.com/book) [no](javascript:alert(1))"
        text += ' [[link execution="0350zmj4NaAC4SPo0pS9zN" flowId="child" namespace="a.b"]]'
    return {
        "no": no,
        "seq": 1000 + no,
        "at": iso(no * 0.07),
        "level": level,
        "taskRun": task[0],
        "taskId": task[1],
        "attempt": 1,
        "text": text,
    }


LOGS: dict[str, list[dict[str, Any]]] = {
    "demo": [log_line(i + 1) for i in range(4310)],
    "big": [log_line(i + 1) for i in range(100_000)],
    "burst": [],
}


def view(request: Request) -> list[dict[str, Any]]:
    query = request.query_params
    lines = LOGS.get(request.path_params["id"], [])
    low = LEVELS.index(query.get("minLevel") or "TRACE")
    task = query.get("taskRun")
    if not low and not task:
        return lines
    return [x for x in lines if LEVELS.index(x["level"]) >= low and (not task or x["taskRun"] == task)]


async def taskruns(request: Request) -> Response:
    REQUESTS.append(str(request.url))
    query = request.query_params
    rows = EXECUTIONS.get(request.path_params["id"], [])
    counts: dict[str, int] = {}
    for one in rows:
        if not one.get("children"):
            counts[one["state"]] = counts.get(one["state"], 0) + 1
    if query.get("q") or query.get("state"):
        hits = [r for r in rows if query.get("q", "") in r["taskId"] and query.get("state") in (None, r["state"])]
        return JSONResponse({"rows": hits[:500], "counts": counts, "total": len(hits)})
    parent = query.get("parent")
    level = [r for r in rows if r.get("parent") == parent]
    if parent == "r30":
        level = [
            row(
                f"e{i:03}",
                "enrich",
                "SUCCESS",
                parent="r30",
                value=f"c{i}",
                iteration=i,
                created=92 + i,
                started=93 + i,
                ended=95 + i,
            )
            for i in range(128)
        ]
    start = next((i + 1 for i, r in enumerate(level) if r["id"] == query.get("after")), 0)
    limit = int(query.get("limit", 500))
    page = level[start : start + limit]
    out: dict[str, Any] = {"rows": page, "counts": counts, "total": len(level)}
    if start + limit < len(level):
        out["after"] = page[-1]["id"]
    return JSONResponse(out)


async def topology(_: Request) -> Response:
    """No counts beside those of the rows."""
    return JSONResponse({"execution": {}, "tasks": {}})


async def taskrun(request: Request) -> Response:
    attempts = [
        {"no": 1, "state": "FAILED", "started": iso(4), "ended": iso(38)},
        {"no": 2, "state": "SUCCESS", "started": iso(43), "ended": iso(92)},
    ]
    return JSONResponse({"id": request.path_params["tr"], "attempts": attempts})


async def logs(request: Request) -> Response:
    REQUESTS.append(str(request.url))
    lines = view(request)
    first = int(request.query_params.get("from", 1))
    if first < 0:
        first = max(1, len(lines) + first + 1)
    last = min(int(request.query_params.get("to", first + 199)), first + 1999, len(lines))
    return JSONResponse({"lines": lines[first - 1 : last], "from": first, "to": last, "total": len(lines)})


async def log_at(request: Request) -> Response:
    no = int(request.query_params["no"])
    lines = view(request)
    return JSONResponse({"position": next((i + 1 for i, x in enumerate(lines) if x["no"] >= no), len(lines))})


async def log_groups(request: Request) -> Response:
    groups: dict[str, dict[str, Any]] = {}
    levels: dict[str, int] = {}
    for x in LOGS.get(request.path_params["id"], []):
        g = groups.setdefault(
            x["taskRun"],
            {"taskRun": x["taskRun"], "taskId": x["taskId"], "attempt": 1, "lines": 0, "first": x["no"], "levels": {}},
        )
        g["lines"] += 1
        g["last"] = x["no"]
        g["levels"][x["level"]] = g["levels"].get(x["level"], 0) + 1
        levels[x["level"]] = levels.get(x["level"], 0) + 1
    return JSONResponse({"groups": list(groups.values()), "levels": levels, "total": len(groups)})


async def log_search(request: Request) -> Response:
    REQUESTS.append(str(request.url))
    query = request.query_params
    try:
        pattern = re.compile(
            query["q"] if query.get("regex") == "true" else re.escape(query["q"]),
            0 if query.get("case") == "true" else re.I,
        )
    except re.error as error:
        return JSONResponse({"message": f"Invalid format: {error}"}, 422)
    hits = []
    for i, x in enumerate(view(request)):
        spans = [list(m.span()) for m in pattern.finditer(x["text"])]
        if spans:
            hits.append({"position": i + 1, "no": x["no"], "spans": spans})
    return JSONResponse({"hits": hits[:1000], "total": len(hits), "searched": len(LOGS["demo"])})


async def stream(request: Request) -> Response:
    REQUESTS.append(str(request.url))
    ident = request.query_params.get("execution", "")
    since = request.headers.get("last-event-id") or request.query_params.get("since")

    async def events() -> AsyncIterator[str]:
        rows = list(EXECUTIONS.get(ident, []))
        n = 100
        if not since:
            execution = {
                "id": ident,
                "namespace": "company.data",
                "flowId": "orders_ingest",
                "revision": 41,
                "state": "RUNNING",
                "created": iso(0),
                "started": iso(0),
            }
            counts = (
                {"": {"SUCCESS": 118, "RUNNING": 14, "FAILED": 2, "PAUSED": 1, "QUEUED": 4}} if ident == "demo" else {}
            )
            data = {
                "execution": execution,
                "counts": counts,
                "taskRuns": rows if len(rows) <= 500 else [],
                "logTotal": len(LOGS.get(ident, [])),
            }
            yield f"id: {n}-1\nevent: snapshot\ndata: {json.dumps(data)}\n\n"
        for _ in range(100 if ident == "burst" else 0):
            lines = LOGS["burst"]
            fresh_lines = [log_line(len(lines) + 1 + i) for i in range(100)]
            lines.extend(fresh_lines)
            n += 1
            told = json.dumps({"lines": fresh_lines, "total": len(lines)})
            yield f"id: {n}-{fresh_lines[-1]['seq']}\nevent: log\ndata: {told}\n\n"
            await asyncio.sleep(0.01)
        while ident == "demo":
            await asyncio.sleep(float(request.query_params.get("pace", "1")))
            n += 1
            lines = LOGS["demo"]
            fresh = log_line(len(lines) + 1)
            lines.append(fresh)
            yield f"id: {n}-{fresh['seq']}\nevent: log\ndata: {json.dumps({'lines': [fresh], 'total': len(lines)})}\n\n"
        while True:
            yield ": keepalive\n\n"
            await asyncio.sleep(15)

    return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


async def said(_: Request) -> Response:
    out = JSONResponse(list(REQUESTS))
    REQUESTS.clear()
    return out


async def validate_flow(request: Request) -> Response:
    REQUESTS.append(str(request.url))
    text = (await request.body()).decode()
    found = []
    for i, line in enumerate(text.splitlines()):
        if "maxAttemps" in line:
            found.append(
                {
                    "line": i + 1,
                    "column": line.index("maxAttemps") + 1,
                    "endColumn": line.index("maxAttemps") + 11,
                    "message": "Unknown property maxAttemps. Did you mean maxAttempts?",
                    "severity": "error",
                }
            )
    out: dict[str, Any] = {"index": 0, "flow": "f", "namespace": "n", "outdated": False, "warnings": [], "infos": []}
    if found:
        out["constraints"] = found[0]["message"]
        out["markers"] = found
    return JSONResponse([out])


CREATED: list[dict[str, Any]] = []


async def form_of(request: Request) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("multipart/"):
        return {}
    form = await request.form()
    return {k: (v if isinstance(v, str) else {"file": v.filename, "size": v.size}) for k, v in form.multi_items()}


async def execution_validate(request: Request) -> Response:
    REQUESTS.append(str(request.url))
    given = await form_of(request)
    inputs = []
    for one in FLOW["inputs"]:
        entry: dict[str, Any] = {
            "input": one,
            "enabled": True,
            "value": given.get(one["id"], one.get("defaults")),
            "isDefault": one["id"] not in given,
        }
        if one["id"] == "finance.mail":
            entry["enabled"] = given.get("notify", "true") == "true"
        if one["id"] == "batch_size" and int(given.get("batch_size", 1) or 1) > 5000:
            entry["errors"] = [{"message": "At most 5,000."}]
        inputs.append(entry)
    checks = [
        {"message": "Warehouse accepts writes", "style": "SUCCESS", "behavior": "CREATE_EXECUTION"},
        {
            "message": "2 runs in progress, this one starts when one ends",
            "style": "WARNING",
            "behavior": "CREATE_EXECUTION",
        },
    ]
    return JSONResponse({"id": FLOW["id"], "namespace": FLOW["namespace"], "inputs": inputs, "checks": checks})


async def execution_create(request: Request) -> Response:
    CREATED.append({"query": str(request.url.query), "form": await form_of(request)})
    return JSONResponse(
        {
            "id": "new1",
            "namespace": "company.data",
            "flowId": "orders_ingest",
            "state": {"current": "CREATED"},
            "url": "/ui/main/executions/company.data/orders_ingest/new1",
        }
    )


def figure(_: Request) -> Response:
    days = [f"{i:02}:00" for i in range(24)]
    data = [
        {
            "type": "bar",
            "name": "success",
            "x": days,
            "y": [118 + (i * 37) % 60 for i in range(24)],
            "marker": {"color": "ok-solid"},
            "opacity": 0.82,
        },
        {
            "type": "bar",
            "name": "failed",
            "x": days,
            "y": [(i * 7) % 9 for i in range(24)],
            "marker": {"color": "bad-solid"},
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "duration",
            "x": days,
            "y": [40 + (i * 13) % 30 for i in range(24)],
            "line": {"color": "fg", "width": 1.5},
            "yaxis": "y2",
        },
    ]
    layout = {"barmode": "stack", "yaxis2": {"overlaying": "y", "side": "right"}}
    return JSONResponse(
        {
            "figure": {"data": data, "layout": layout},
            "columns": ["hour", "state", "n"],
            "rows": [[d, "success", 1] for d in days],
            "truncated": False,
        }
    )


async def fails(request: Request) -> Response:
    code = int(request.path_params["code"])
    body = {
        "message": "Illegal state: it is so",
        "_embedded": {"errors": [{"message": "must not be empty", "path": "id"}]},
    }
    return JSONResponse(body, code, headers={"x-request-id": "req-77"})


SAVED: dict[str, str] = {}


async def save(request: Request) -> Response:
    SAVED["text"] = (await request.body()).decode()
    return PlainTextResponse("", 204)


C = "/api/v1/main/console"


POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'"
)


class Policy:
    """The console's content security policy on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-security-policy"] = POLICY
            await send(message)

        await self.app(scope, receive, with_policy)


def application(dist: Path) -> Starlette:
    return Starlette(
        middleware=[Middleware(Policy)],
        routes=[
            Route(C + "/stream", stream),
            Route(C + "/executions/{id}/topology", topology),
            Route(C + "/executions/{id}/taskruns", taskruns),
            Route(C + "/executions/{id}/taskruns/{tr}", taskrun),
            Route(C + "/executions/{id}/taskruns/{tr}/path", lambda _: JSONResponse([{"id": "r02"}, {"id": "r03"}])),
            Route(
                C + "/executions/{id}/critical-path",
                lambda _: JSONResponse({"rows": ["r01", "r12", "r13", "r14"], "totalMs": 312000}),
            ),
            Route(C + "/executions/{id}/logs", logs),
            Route(C + "/executions/{id}/logs/at", log_at),
            Route(C + "/executions/{id}/logs/groups", log_groups),
            Route(C + "/executions/{id}/logs/search", log_search),
            Route(C + "/baselines", lambda _: JSONResponse(BASELINES)),
            Route(C + "/figures", figure, methods=["GET", "POST"]),
            Route("/api/v1/main/flows/validate", validate_flow, methods=["POST"]),
            Route("/api/v1/main/flows/graph", graph, methods=["GET", "POST"]),
            Route("/api/v1/main/schema.json", schema),
            Route("/api/v1/main/flows/company.data/orders_ingest", lambda _: JSONResponse(FLOW)),
            Route("/api/v1/main/executions/company.data/orders_ingest/validate", execution_validate, methods=["POST"]),
            Route("/api/v1/main/executions/company.data/orders_ingest", execution_create, methods=["POST"]),
            Route("/api/v1/main/created", lambda _: JSONResponse(CREATED)),
            Route("/api/v1/main/fails/{code}", fails, methods=["GET", "POST"]),
            Route("/api/v1/main/save", save, methods=["PUT"]),
            Route("/api/v1/main/saved", lambda _: JSONResponse(SAVED)),
            Route("/favicon.ico", lambda _: Response(status_code=204)),
            Route("/said", said),
            Mount("/", StaticFiles(directory=dist, html=True)),
        ],
    )


if __name__ == "__main__":
    import uvicorn

    started = time.time()
    uvicorn.run(application(Path(sys.argv[1])), port=int(sys.argv[2]), log_level="warning")
