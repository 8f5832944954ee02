"""Data of charts: windows, the page's filters, paging (spec: REST contract §14, core plugins §12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flowdeck.model.dashboards import Source, source_of
from flowdeck.model.dashboards.charts import PREFIX as CHART
from flowdeck.model.errors import IllegalArgument, InvalidFilter, NotFound
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import dated
from flowdeck.services.wire import compact, parse_instant, parse_span
from flowdeck.store import log_charts
from flowdeck.store.driver import StoreError, StoreUnavailable
from flowdeck.store.queries import charts as queries
from flowdeck.store.queries import flows as flow_queries
from flowdeck.store.queries.chart_tables import TABLES
from flowdeck.store.queries.where import Filter, Where

_TYPES = {"EQUALS": "EQUAL_TO", "NOT_EQUALS": "NOT_EQUAL_TO"}
_FIELDS = {
    "namespace": ("NAMESPACE",),
    "flowId": ("FLOW_ID", "ID"),
    "state": ("STATE",),
    "executionId": ("EXECUTION_ID", "ID"),
    "triggerExecutionId": ("TRIGGER_EXECUTION_ID",),
    "flowRevision": ("FLOW_REVISION", "REVISION"),
    "triggerId": ("TRIGGER_ID",),
    "taskId": ("TASK_ID",),
    "taskRunId": ("TASK_RUN_ID",),
    "workerId": ("WORKER_ID",),
}
"""Filters of a page and the fields that they mean, the first one that the rows have."""
MOST_ROWS = 1_000_000
"""The largest page number and size that a request may name."""
_OWNER = {"flowId": "Flows", "executionId": "Executions"}
"""Where the field `ID` is that of the filter."""


def _field(one: Filter, source: Source) -> str | None:
    for name in _FIELDS.get(one.field, ()):
        if name in source.fields and (name != "ID" or _OWNER.get(one.field) == source.name):
            return name
    return None


def _conditions(filters: Sequence[Filter], source: Source) -> list[dict[str, Any]]:
    """The page's filters as conditions; those that the rows know nothing of are left out."""
    found: list[dict[str, Any]] = []
    for one in filters:
        if one.field == "labels" and "LABELS" in source.fields and isinstance(one.value, Mapping):
            found += [_label(one, str(key), value) for key, value in one.value.items()]
            continue
        name = _field(one, source)
        if name is None:
            continue
        texts = one.texts()
        type_ = _TYPES.get(one.op, one.op)
        if type_ == "PREFIX" and len(texts) > 1:
            values = [{"field": name, "type": "PREFIX", "value": text} for text in texts]
            found.append({"type": "OR", "values": values})
            continue
        if len(texts) > 1 and type_ in ("EQUAL_TO", "NOT_EQUAL_TO"):
            type_ = "IN" if type_ == "EQUAL_TO" else "NOT_IN"
        found.append({"field": name, "type": type_, "values": texts})
    return found


def _label(one: Filter, key: str, value: Any) -> dict[str, Any]:
    texts = [str(v) for v in value] if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
    if one.op == "CONTAINS":
        return {"field": "LABELS", "labelKey": key, "type": "CONTAINS", "values": texts}
    type_ = "NOT_IN" if one.op in ("NOT_EQUALS", "NOT_IN") else "IN"
    return {"field": "LABELS", "labelKey": key, "type": type_, "values": texts}


def _extra(filters: Sequence[Filter], source: Source, system: str) -> Callable[[Where], None]:
    """Filters that are no conditions on one field."""
    columns = TABLES[source.name].columns

    def add(where: Where) -> None:
        for one in filters:
            match one.field:
                case "q":
                    texts = [columns[n] for n in ("ID", "NAMESPACE", "FLOW_ID", "MESSAGE", "NAME") if n in columns]
                    where.add(where.free(texts, one.text(), negated=one.op == "NOT_EQUALS"))
                case "scope":
                    where.add(where.scope(columns["NAMESPACE"], one, system))
                case "childFilter" if source.name == "Executions":
                    child = (one.text().upper() == "CHILD") == (one.op == "EQUALS")
                    where.add(f"e.parent_execution is {'not ' if child else ''}null")
                case "kind" if source.name == "Executions":
                    inner = f"coalesce(e.kind, 'NORMAL') in {where.binds([t.upper() for t in one.texts()])}"
                    where.add(inner if one.op in ("EQUALS", "IN") else f"not ({inner})")
                case "triggerId" if source.name == "Executions":
                    where.add(where.match("e.trigger_id", one.op, one.texts()))
                case _:
                    continue

    return add


def window_of(
    sent: Mapping[str, Any], filters: Sequence[Filter], declared: Mapping[str, Any] | None, now: int
) -> tuple[int, int]:
    """Bounds in ms: what was sent, else the filters' dates, else the dashboard's default up to now.

    `IllegalArgument` for an end before the start and for more than the dashboard's longest window.
    """
    declared = declared or {}
    start = parse_instant(str(sent["startDate"]), "startDate") if sent.get("startDate") else None
    end = parse_instant(str(sent["endDate"]), "endDate") if sent.get("endDate") else None
    for one in filters:
        if one.field == "startDate" and one.op.startswith("GREATER") and start is None:
            start = int(one.value)
        elif one.field in ("startDate", "endDate") and one.op.startswith("LESS") and end is None:
            end = int(one.value)
    end = now if end is None else end
    if start is None:
        start = end - parse_span(str(declared.get("default") or "P30D"))
    if end < start:
        raise IllegalArgument("endDate: must not be before startDate")
    if end - start > parse_span(str(declared.get("max") or "P366D")):
        raise IllegalArgument("the window is longer than timeWindow.max")
    return start, end


def _count(sent: Mapping[str, Any], name: str) -> int:
    """A whole number of the request, 0 when absent. `IllegalArgument`."""
    value = sent.get(name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_ROWS:
        raise IllegalArgument(f"{name}: must be a number from 0 to {MOST_ROWS}")
    return value


async def data(
    backend: Backend,
    caller: Caller,
    chart: Mapping[str, Any],
    sent: Mapping[str, Any],
    filters: Sequence[Filter],
    window: Mapping[str, Any] | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Rows of a chart, and how many there are. `chart` is a valid one.

    Page filters replace the chart's own conditions on the same field. `IllegalArgument` for a window that breaks the
    dashboard's, and for charts without data.
    """
    if str(chart.get("type")) == f"{CHART}Markdown":
        return await _text(backend, caller, chart), 1
    declared = chart.get("data") or {}
    known = source_of(str(declared.get("type")))
    if known is None:
        raise IllegalArgument("this chart has no data")
    source, one = known
    now = backend.now()
    chosen = dated(filters, now)
    start, end = window_of(sent, chosen, window, now)
    if sent.get("namespace"):
        chosen.append(Filter("namespace", "PREFIX", str(sent["namespace"])))
    if isinstance(sent.get("labels"), Mapping) and sent["labels"]:
        chosen.append(Filter("labels", "EQUALS", dict(sent["labels"])))
    page = _conditions(chosen, source)
    replaced = {str(c["field"]) for c in page if "field" in c}
    replaced |= {str(inner["field"]) for c in page if c["type"] == "OR" for inner in c["values"]}
    if sent.get("startDate") or sent.get("endDate") or any(f.field in ("startDate", "endDate") for f in chosen):
        replaced.add(source.window)
    size, number = _count(sent, "pageSize"), max(1, _count(sent, "pageNumber"))
    query = queries.Query(
        source=source,
        columns={"value": declared.get("columns") or {}} if one else declared.get("columns") or {},
        conditions=[*(c for c in declared.get("where") or () if c.get("field") not in replaced), *page],
        orders=declared.get("orderBy") or (),
        window=(start, end) if source.window else None,
        span=end - start,
        now=now,
        extra=_extra(chosen, source, backend.config.system_namespace),
        limit=min(size, queries.MOST_ROWS) if size > 0 else queries.MOST_ROWS,
        offset=(number - 1) * size if size > 0 else 0,
        any_kind=any(f.field == "kind" for f in chosen),
        only_exact=any(f.field in ("q", "scope", "childFilter", "triggerId") for f in chosen),
    )

    def work(reader: Any) -> tuple[list[dict[str, Any]], int]:
        if one:
            more = declared.get("numerator") or ()
            part = str((chart.get("chartOptions") or {}).get("numberType")) == "PERCENTAGE"
            if source.name == "Logs":
                return [{"value": log_charts.kpi(backend.logs.files, reader, query, caller.tenant, more, part)}], 1
            return [{"value": queries.kpi(reader, query, caller.tenant, more, part)}], 1
        if source.name == "Logs":
            return log_charts.rows(backend.logs.files, reader, query, caller.tenant)
        return queries.rows(reader, query, caller.tenant)

    try:
        return await backend.read(work)
    except StoreUnavailable:
        raise
    except StoreError:
        if "REGEX" in str(query.conditions):
            raise InvalidFilter("a regular expression of the chart can't be used, or takes too long") from None
        raise


async def _text(backend: Backend, caller: Caller, chart: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The description of the flow that a Markdown shows. `IllegalArgument` for other texts, `NotFound`."""
    source = chart.get("source") or {}
    if source.get("type") != "FlowDescription":
        raise IllegalArgument("this chart has no data: its text stands in its source")
    row = await backend.read(flow_queries.head, caller.tenant, str(source.get("namespace")), str(source.get("flowId")))
    if row is None or row["deleted"]:
        raise NotFound(f"flow '{source.get('namespace')}.{source.get('flowId')}'")
    return [compact({"description": row["description"]})]
