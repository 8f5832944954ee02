"""Stored dashboards and the data of their charts over executions and flows (spec: REST contract §14)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.expr import ExpressionError, yamltext
from flowdeck.model.errors import IllegalArgument, InvalidEntity, NotFound
from flowdeck.model.states import State
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.documents import label_list
from flowdeck.services.executions import dated
from flowdeck.services.wire import compact, instant, parse_instant, parse_span
from flowdeck.store.queries import executions as queries
from flowdeck.store.queries.where import Filter, Page, check

KIND = "dashboard"
OWNER = ""
ID = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$")
CHART = "io.kestra.plugin.core.dashboard.chart."
DATA = "io.kestra.plugin.core.dashboard.data."
TYPES = frozenset({"TimeSeries", "Bar", "Pie", "Table", "KPI", "Markdown"})
AGGREGATES = frozenset({"AVG", "COUNT", "MAX", "MIN", "SUM"})
FIELDS = frozenset(
    {
        "ID",
        "NAMESPACE",
        "FLOW_ID",
        "FLOW_REVISION",
        "STATE",
        "DURATION",
        "LABELS",
        "START_DATE",
        "END_DATE",
        "TRIGGER_EXECUTION_ID",
    }
)
ROWS = 50_000
DAY = 86_400_000
_WHERE = {
    "EQUAL_TO": "EQUALS",
    "NOT_EQUAL_TO": "NOT_EQUALS",
    "IN": "IN",
    "NOT_IN": "NOT_IN",
    "CONTAINS": "CONTAINS",
    "STARTS_WITH": "STARTS_WITH",
    "ENDS_WITH": "ENDS_WITH",
    "REGEX": "REGEX",
}
_FILTERED = {"NAMESPACE": "namespace", "FLOW_ID": "flowId", "STATE": "state"}


def parse(source: str) -> tuple[dict[str, Any], list[str]]:
    """A dashboard's document and all that is wrong with it, as `path: message`."""
    try:
        document = yamltext.load(source)
    except ExpressionError as error:
        return {}, [f"source: {' '.join(str(error).split())}"]
    if not isinstance(document, dict):
        return {}, ["source: a map is expected"]
    found: list[str] = []
    if not document.get("title"):
        found.append("title: must not be empty")
    if document.get("id") is not None and not ID.match(str(document["id"])):
        found.append(f'id: must match "{ID.pattern}"')
    window = document.get("timeWindow") or {}
    spans = {}
    for name in ("default", "max"):
        try:
            spans[name] = parse_span(str(window[name]), f"timeWindow.{name}") if window.get(name) else None
        except IllegalArgument as error:
            found.append(error.message)
    if spans.get("default") and spans.get("max") and spans["default"] > spans["max"]:
        found.append("timeWindow.default: must not be longer than timeWindow.max")
    charts = document.get("charts") or []
    seen: set[str] = set()
    for n, chart in enumerate(charts if isinstance(charts, list) else []):
        found += [f"charts[{n}].{text}" for text in wrong_chart(chart)]
        if isinstance(chart, Mapping):
            if str(chart.get("id")) in seen:
                found.append(f"charts[{n}].id: '{chart.get('id')}' is used twice")
            seen.add(str(chart.get("id")))
    return document, found


def wrong_chart(chart: Any) -> list[str]:
    """What is wrong with one chart."""
    if not isinstance(chart, Mapping):
        return ["chart: a map is expected"]
    found = []
    if not ID.match(str(chart.get("id") or "")):
        found.append("id: must not be empty")
    kind = str(chart.get("type") or "")
    if not kind.startswith(CHART) or kind.removeprefix(CHART) not in TYPES:
        found.append(f"type: Invalid type: {kind}")
    data = chart.get("data")
    if kind != CHART + "Markdown" and not isinstance(data, Mapping):
        found.append("data: must not be null")
    if isinstance(data, Mapping) and data.get("type") == DATA + "Executions":
        for key, column in (data.get("columns") or {}).items():
            if not isinstance(column, Mapping):
                found.append(f"data.columns.{key}: a map is expected")
                continue
            if column.get("field") is not None and str(column["field"]) not in FIELDS:
                found.append(f"data.columns.{key}.field: {column['field']} is no field of executions")
            if column.get("agg") is not None and str(column["agg"]) not in AGGREGATES:
                found.append(f"data.columns.{key}.agg: {', '.join(sorted(AGGREGATES))} are known")
    return found


def violation(found: Sequence[str]) -> dict[str, Any]:
    """`ValidateConstraintViolation` of a dashboard or chart."""
    return compact(
        {
            "index": 0,
            "constraints": ", ".join(found) or None,
            "outdated": False,
            "deprecationPaths": [],
            "warnings": [],
            "infos": [],
        }
    )


def _shaped(row: Any) -> dict[str, Any]:
    stored = json.loads(row["body"])
    document, _ = parse(stored["source"])
    return compact(
        {
            "tenantId": row["tenant"],
            "id": row["key"],
            "title": document.get("title"),
            "description": document.get("description"),
            "timeWindow": document.get("timeWindow"),
            "charts": document.get("charts") or [],
            "deleted": False,
            "created": instant(stored["created"]),
            "updated": instant(row["updated"]),
            "sourceCode": stored["source"],
        }
    )


async def _row(backend: Backend, caller: Caller, dashboard: str) -> Any:
    return await backend.read(
        lambda r: r.one(
            "select * from user_data where tenant = :t and owner = :o and kind = :k and key = :key",
            t=caller.tenant,
            o=OWNER,
            k=KIND,
            key=dashboard,
        )
    )


async def get(backend: Backend, caller: Caller, dashboard: str) -> dict[str, Any]:
    """`DashboardResponse`. `NotFound`."""
    row = await _row(backend, caller, dashboard)
    if row is None:
        raise NotFound(f"dashboard '{dashboard}'")
    return _shaped(row)


async def search(backend: Backend, caller: Caller, text: str, page: Page) -> tuple[list[dict[str, Any]], int]:
    """One page by title."""
    rows = await backend.read(
        lambda r: r.all(
            "select * from user_data where tenant = :t and owner = :o and kind = :k order by key",
            t=caller.tenant,
            o=OWNER,
            k=KIND,
        )
    )
    found = [d for d in map(_shaped, rows) if text.lower() in str(d.get("title", "")).lower()]
    found.sort(key=lambda d: str(d.get("title", "")).lower())
    for name, descending in reversed(page.sorts):
        if name not in ("title", "created", "updated", "id"):
            raise IllegalArgument(f"unknown sort field '{name}'; known are title, created, updated, id")
        found.sort(key=lambda d, name=name: str(d.get(name, "")), reverse=descending)
    return found[page.offset : page.offset + page.size], len(found)


async def save(backend: Backend, caller: Caller, source: str, dashboard: str | None = None) -> dict[str, Any]:
    """Create, or update the one named. `InvalidEntity`, `NotFound`."""
    document, found = parse(source)
    if found:
        raise InvalidEntity(
            ", ".join(found),
            violations=[{"path": f.partition(": ")[0], "message": f.partition(": ")[2]} for f in found],
        )
    given = str(document["id"]) if document.get("id") is not None else None
    created = backend.now()
    if dashboard is None:
        dashboard = given or secrets.token_hex(11)
        if await _row(backend, caller, dashboard) is not None:
            raise InvalidEntity(f"dashboard.id: '{dashboard}' already exists")
    else:
        if given is not None and given != dashboard:
            raise InvalidEntity("dashboard.id: Illegal dashboard id update")
        row = await _row(backend, caller, dashboard)
        if row is None:
            raise NotFound(f"dashboard '{dashboard}'")
        created = json.loads(row["body"])["created"]
    await backend.send(
        caller,
        "userdata.put",
        owner=OWNER,
        kind=KIND,
        key=dashboard,
        shared=True,
        body={"source": source, "created": created},
    )
    return await get(backend, caller, dashboard)


async def delete(backend: Backend, caller: Caller, dashboard: str) -> None:
    """Delete. `NotFound`."""
    await get(backend, caller, dashboard)
    await backend.send(caller, "userdata.delete", owner=OWNER, kind=KIND, key=dashboard)


def chart_of(document: Mapping[str, Any], chart: str) -> Mapping[str, Any]:
    """One chart. `NotFound`."""
    for one in document.get("charts") or []:
        if isinstance(one, Mapping) and one.get("id") == chart:
            return one
    raise NotFound(f"chart '{chart}'")


def _value(row: Any, field: str, now: int, label: str | None, bucket: int) -> Any:
    match field:
        case "ID":
            return row["id"]
        case "NAMESPACE":
            return row["namespace"]
        case "FLOW_ID":
            return row["flow_id"]
        case "FLOW_REVISION":
            return row["flow_rev"]
        case "STATE":
            return State(row["state"]).name
        case "DURATION":
            return round(((row["ended"] or now) - (row["started"] or row["created"])) / 1000, 3)
        case "START_DATE":
            return instant(row["created"] // bucket * bucket)
        case "END_DATE":
            return instant(row["ended"] // bucket * bucket) if row["ended"] is not None else None
        case "TRIGGER_EXECUTION_ID":
            return row["parent_execution"]
        case _:
            labels = {one["key"]: one["value"] for one in label_list(json.loads(row["labels"]))}
            return labels.get(label) if label else ", ".join(f"{k}:{v}" for k, v in labels.items())


def _aggregate(name: str, values: list[Any]) -> Any:
    numbers = [v for v in values if isinstance(v, int | float)]
    if name == "COUNT":
        return len(values)
    if not numbers:
        return None
    return {"SUM": sum, "MIN": min, "MAX": max, "AVG": lambda v: sum(v) / len(v)}[name](numbers)


async def data(
    backend: Backend,
    caller: Caller,
    chart: Mapping[str, Any],
    sent: Mapping[str, Any],
    filters: Sequence[Filter],
    window: Mapping[str, Any] | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Rows of a chart over executions. `IllegalArgument` for a window that breaks the dashboard's, or other sources."""
    source = chart.get("data")
    if not isinstance(source, Mapping) or source.get("type") not in (DATA + "Executions", DATA + "ExecutionsKPI"):
        raise IllegalArgument("this chart has no data of executions")
    window = window or {}
    now = backend.now()
    end = parse_instant(str(sent["endDate"]), "endDate") if sent.get("endDate") else now
    start = (
        parse_instant(str(sent["startDate"]), "startDate")
        if sent.get("startDate")
        else end - parse_span(str(window.get("default") or "P30D"))
    )
    if end < start:
        raise IllegalArgument("endDate: must not be before startDate")
    if end - start > parse_span(str(window.get("max") or "P366D")):
        raise IllegalArgument("the window is longer than timeWindow.max")
    chosen = [
        *dated(filters, now),
        Filter("startDate", "GREATER_THAN_OR_EQUAL_TO", start),
        Filter("startDate", "LESS_THAN_OR_EQUAL_TO", end),
    ]
    if sent.get("namespace"):
        chosen.append(Filter("namespace", "PREFIX", str(sent["namespace"])))
    if isinstance(sent.get("labels"), Mapping) and sent["labels"]:
        chosen.append(Filter("labels", "EQUALS", dict(sent["labels"])))
    for one in source.get("where") or []:
        field, op = _FILTERED.get(str(one.get("field"))), _WHERE.get(str(one.get("type")))
        if field is None or op is None:
            raise IllegalArgument(f"where: {one.get('field')} {one.get('type')} is not supported")
        value = one.get("values") if one.get("values") is not None else one.get("value")
        chosen.append(Filter(field, op, value))
    check("executions", chosen)
    rows = await backend.read(
        queries.matching, caller.tenant, chosen, backend.config.system_namespace, limit=ROWS, now=now
    )
    columns: dict[str, Any] = dict(source.get("columns") or {})
    bucket = DAY if end - start > 2 * DAY else DAY // 24
    groups: dict[tuple[Any, ...], list[Any]] = {}
    plain = {k: c for k, c in columns.items() if not c.get("agg")}
    aggregated = {k: c for k, c in columns.items() if c.get("agg")}
    for row in rows:
        key = tuple(
            _value(row, str(c.get("field")), now, c.get("labelKey"), bucket if aggregated else 1)
            for c in plain.values()
        )
        groups.setdefault(key, []).append(row)
    found = []
    for key, members in groups.items():
        if not aggregated:
            found += [dict(zip(plain, key, strict=True)) for _ in members]
            continue
        entry = dict(zip(plain, key, strict=True))
        for name, column in aggregated.items():
            values = [_value(m, str(column.get("field") or "ID"), now, column.get("labelKey"), 1) for m in members]
            entry[name] = _aggregate(str(column["agg"]), values)
        found.append(entry)
    for one in reversed(source.get("orderBy") or []):
        found.sort(
            key=lambda r, c=one.get("column"): (r.get(c) is None, r.get(c)),
            reverse=str(one.get("order")).upper() == "DESC",
        )
    size, number = int(sent.get("pageSize") or 0), int(sent.get("pageNumber") or 1)
    return (found[(number - 1) * size : number * size] if size > 0 else found), len(found)
