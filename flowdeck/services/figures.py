"""Figures of the home page and of flows, built by plotly (spec: extensions §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model.errors import IllegalArgument
from flowdeck.model.states import State
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import dated
from flowdeck.services.wire import instant, parse_instant, parse_span
from flowdeck.store.queries import executions as queries
from flowdeck.store.queries.durations import RAN
from flowdeck.store.queries.where import Filter, Page

HOUR = 3_600_000
DAY = 24 * HOUR
POINTS = 2000
CHARTS = (
    "executions-over-time",
    "executions-by-state",
    "executions-by-namespace",
    "executions-by-flow",
    "logs-over-time",
    "error-logs",
    "totals",
)
OF_LOGS = ("logs-over-time", "error-logs")
"""Charts whose conditions are those of the list of logs."""
ERRORS_SHOWN = 25
COLOURS = {
    State.SUCCESS: "ok-solid",
    State.WARNING: "warn-solid",
    State.FAILED: "bad-solid",
    State.KILLED: "stop-solid",
    State.CANCELLED: "stop-solid",
    State.SKIPPED: "idle-solid",
    State.RETRIED: "hold-solid",
    State.PAUSED: "hold-solid",
    State.RUNNING: "live-solid",
    State.RETRYING: "live-solid",
    State.RESTARTED: "live-solid",
    State.KILLING: "stop-solid",
    State.CREATED: "queued-solid",
    State.QUEUED: "queued-solid",
    State.SUBMITTED: "queued-solid",
    State.BREAKPOINT: "hold-solid",
    State.RESUBMITTED: "queued-solid",
}
ORDER = (
    State.SUCCESS,
    State.WARNING,
    State.FAILED,
    State.KILLED,
    State.CANCELLED,
    State.SKIPPED,
    State.RETRIED,
    State.PAUSED,
    State.BREAKPOINT,
    State.RUNNING,
    State.RETRYING,
    State.RESTARTED,
    State.KILLING,
    State.CREATED,
    State.QUEUED,
    State.SUBMITTED,
    State.RESUBMITTED,
)
LEVEL_COLOURS = {
    "ERROR": "bad-solid",
    "WARN": "warn-solid",
    "INFO": "live-solid",
    "DEBUG": "idle-solid",
    "TRACE": "queued-solid",
}


def window(sent: Mapping[str, Any], now: int) -> tuple[int, int]:
    """Start and end in ms of `timeRange`: a duration, or `{start, end}`; default: one day."""
    given = sent.get("timeRange")
    if isinstance(given, Mapping):
        end = parse_instant(str(given["end"]), "timeRange.end") if given.get("end") else now
        start = parse_instant(str(given["start"]), "timeRange.start") if given.get("start") else end - DAY
    else:
        end, start = now, now - parse_span(str(given or "P1D"), "timeRange")
    if end < start:
        raise IllegalArgument("timeRange: the end must not be before the start")
    if end - start > 3660 * DAY:
        raise IllegalArgument("timeRange: at most ten years")
    return start, end


def bucket_of(span: int) -> int:
    """Width of a bar in ms: about 30 to 100 bars."""
    for width in (60_000, 5 * 60_000, 15 * 60_000, 30 * 60_000, HOUR, 3 * HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY):
        if span / width <= 72:
            return width
    return 30 * DAY


CELLS = ("bucket", "ns", "flow", "state")
"""What executions can be counted by: part of time, namespace, flow, state."""
_OF_SUMS = {"bucket": "h.hour / :width", "ns": "f.namespace", "flow": "f.id", "state": "h.state"}
_OF_ROWS = {"bucket": "e.created / :width", "ns": "e.namespace", "flow": "e.flow_id", "state": "e.state"}


def _grouped(columns: Mapping[str, str], by: Sequence[str]) -> tuple[str, str]:
    """What is selected and what it is grouped by; positions, since PostgreSQL takes no parameter twice for one."""
    return ", ".join(f"{columns[one]} as {one}" for one in by), ", ".join(str(n + 1) for n in range(len(by)))


async def count_cells(
    backend: Backend,
    caller: Caller,
    filters: Sequence[Filter],
    start: int,
    end: int,
    width: int,
    by: Sequence[str] = CELLS,
) -> list[Any]:
    """Counts of executions and sums of their durations: hourly sums, or executions of a short window.

    Args:
        start, end: ms.
        width: of a bucket, in ms.
        by: those of `CELLS` that are asked for. The database adds up the others: a year of ten thousand flows has
            millions of cells, a chart shows some hundred.

    Returns:
        `{n, ms}` and what it was counted by, a mapping each.
    """
    now = backend.now()
    plain = all(f.field in ("namespace", "flowId", "scope", "timeRange") for f in filters)
    chosen = [
        f for f in dated([f for f in filters if f.field != "timeRange"], now) if f.field not in ("startDate", "endDate")
    ]

    def work(reader: Any) -> list[Any]:
        if width >= HOUR and plain:
            from flowdeck.store.queries.flows import names
            from flowdeck.store.queries.where import Where

            where = Where(reader.dialect, tenant=caller.tenant, start=start // HOUR * HOUR, end=end, width=width)
            where.add("f.tenant = :tenant").add("h.hour >= :start").add("h.hour < :end")
            for f in chosen:
                if f.field == "scope":
                    where.add(where.scope("f.namespace", f, backend.config.system_namespace))
                else:
                    column, source = ("f.namespace", "namespace") if f.field == "namespace" else ("f.id", "id")
                    where.add(names(where, reader, caller.tenant, column, source, f))
            shown, groups = _grouped(_OF_SUMS, by)
            ended = reader.all(
                f"select {shown}, sum(h.count) as n, sum(h.duration_ms) as ms "
                f"from flow f join rollup_hour h on h.flow_key = f.flow_key where {where.sql} group by {groups}",
                where.params,
            )
            open_where = queries.conditions(reader, caller.tenant, chosen, backend.config.system_namespace, now=now)
            open_where.add("e.state < 20").add("e.created >= :start").add("e.created < :end")
            open_where.params.update(start=start, end=end, width=width)
            shown, groups = _grouped(_OF_ROWS, by)
            living = reader.all(
                f"select {shown}, count(*) as n, 0 as ms from execution e where {open_where.sql} group by {groups}",
                open_where.params,
            )
            return [*ended, *living]
        where2 = queries.conditions(reader, caller.tenant, chosen, backend.config.system_namespace, now=now)
        where2.add("e.created >= :start").add("e.created < :end")
        where2.params.update(start=start, end=end, width=width)
        shown, groups = _grouped(_OF_ROWS, by)
        return reader.all(
            f"select {shown}, count(*) as n, sum({RAN}) as ms from execution e where {where2.sql} group by {groups}",
            where2.params,
        )

    # PostgreSQL sums integers to decimals.
    return [
        {**{one: r[one] for one in by}, "n": int(r["n"]), "ms": int(r["ms"] or 0)} for r in await backend.read(work)
    ]


COUNTED_BY = {
    "executions-over-time": ("bucket", "state"),
    "executions-by-namespace": ("ns", "state"),
    "executions-by-flow": ("ns", "flow", "state"),
}
"""What the cells of a chart are counted by; those of the others by their state."""


async def build(backend: Backend, caller: Caller, sent: Mapping[str, Any], filters: Sequence[Filter]) -> dict[str, Any]:
    """`{figure, columns, rows, truncated}` of a named chart."""
    chart = str(sent.get("chart") or "executions-over-time")
    if chart not in CHARTS:
        raise IllegalArgument(f"chart: {', '.join(CHARTS)} are known")
    start, end = window(sent, backend.now())
    width = bucket_of(end - start)
    if chart == "logs-over-time":
        return await _logs(backend, caller, filters, start, end, width)
    if chart == "error-logs":
        return await _errors(backend, caller, filters, start, end)
    cells = await count_cells(backend, caller, filters, start, end, width, COUNTED_BY.get(chart, ("state",)))
    match chart:
        case "executions-over-time":
            return _over_time(cells, start, end, width)
        case "executions-by-namespace":
            return _by(cells, "ns", "namespace")
        case "executions-by-flow":
            return _by(cells, "flow", "flow")
        case _:
            return _by_state(cells, totals=chart == "totals")


def figure_of(traces: list[Any], **layout: Any) -> dict[str, Any]:
    """A figure of traces whose colours are token names."""
    import json

    import plotly.graph_objects as go

    figure = go.Figure(layout=go.Layout(template=None, barmode="stack", bargap=0.28, showlegend=True, **layout))
    document = json.loads(figure.to_json() or "{}")
    # Token names are no colours for plotly's own checks: they are put in afterwards and resolved by the browser.
    return {"data": traces, "layout": document.get("layout", {})}


def _drawn(page: str = "executions", **axes: Any) -> dict[str, Any]:
    """A figure, and what a click on it means: the list, the fields of the axis and of the series (UI-DB-03)."""
    return {"kind": "figure", "drill": {"page": page, **axes}}


def _over_time(cells: Sequence[Any], start: int, end: int, width: int) -> dict[str, Any]:
    first, last = start // width, end // width
    buckets = list(range(first, last + 1))[-POINTS:]
    by_state: dict[int, dict[int, int]] = {}
    spent: dict[int, list[int]] = {}
    for cell in cells:
        column = by_state.setdefault(cell["state"], {})
        column[cell["bucket"]] = column.get(cell["bucket"], 0) + cell["n"]
        if cell["state"] >= State.SUCCESS:
            pair = spent.setdefault(cell["bucket"], [0, 0])
            pair[0] += cell["n"]
            pair[1] += int(cell["ms"] or 0)
    x = [instant(b * width) for b in buckets]
    traces: list[dict[str, Any]] = []
    columns = ["time"]
    for state in ORDER:
        values = by_state.get(int(state))
        if values:
            columns.append(state.name)
            traces.append(
                {
                    "type": "bar",
                    "name": state.name,
                    "x": x,
                    "y": [values.get(b, 0) for b in buckets],
                    "marker": {"color": COLOURS[state], "opacity": 0.82 if state is State.SUCCESS else 1},
                }
            )
    means = [round(spent[b][1] / spent[b][0] / 1000, 3) if b in spent and spent[b][0] else None for b in buckets]
    if any(m is not None for m in means):
        columns.append("meanSeconds")
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "Mean duration (s)",
                "x": x,
                "y": means,
                "yaxis": "y2",
                "line": {"color": "fg", "width": 1.5},
                "connectgaps": True,
            }
        )
    rows = [[x[i], *(t["y"][i] for t in traces)] for i in range(len(x))]
    layout = figure_of(
        traces,
        yaxis={"rangemode": "tozero"},
        yaxis2={"overlaying": "y", "side": "right", "rangemode": "tozero", "ticksuffix": " s"},
    )
    return {
        "figure": layout,
        "columns": columns,
        "rows": rows,
        "bucketMs": width,
        "truncated": last - first + 1 > POINTS,
        **_drawn(x="START_DATE", series="STATE", time=True),
    }


def _by(cells: Sequence[Any], key: str, title: str) -> dict[str, Any]:
    found: dict[str, dict[int, int]] = {}
    for cell in cells:
        name = cell["ns"] if key == "ns" else f"{cell['ns']}.{cell['flow']}"
        states = found.setdefault(name, {})
        states[cell["state"]] = states.get(cell["state"], 0) + cell["n"]
    ranked = sorted(found.items(), key=lambda one: -sum(one[1].values()))
    shown = ranked[:20]
    states = [s for s in ORDER if any(int(s) in one[1] for one in shown)]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": s.name,
            "y": [n for n, _ in shown],
            "x": [v.get(int(s), 0) for _, v in shown],
            "marker": {"color": COLOURS[s], "opacity": 0.82 if s is State.SUCCESS else 1},
        }
        for s in states
    ]
    rows = []
    for name, values in shown:
        total = sum(values.values())
        ended = sum(n for s, n in values.items() if s >= State.SUCCESS)
        good = values.get(int(State.SUCCESS), 0) + values.get(int(State.WARNING), 0)
        rows.append([name, total, round(good / ended, 4) if ended else None, *(values.get(int(s), 0) for s in states)])
    return {
        "figure": figure_of(
            traces,
            xaxis={"showgrid": True},
            yaxis={"autorange": "reversed", "nticks": 40, "showgrid": False, "rangemode": "normal"},
        ),
        "columns": [title, "total", "successRatio", *(s.name for s in states)],
        "rows": rows,
        "truncated": len(ranked) > 20,
        **_drawn(x="NAMESPACE" if key == "ns" else "", series="STATE"),
    }


def _by_state(cells: Sequence[Any], *, totals: bool) -> dict[str, Any]:
    found: dict[int, int] = {}
    for cell in cells:
        found[cell["state"]] = found.get(cell["state"], 0) + cell["n"]
    states = [s for s in ORDER if int(s) in found]
    traces = (
        []
        if totals
        else [
            {
                "type": "pie",
                "hole": 0.62,
                "labels": [s.name for s in states],
                "values": [found[int(s)] for s in states],
                "marker": {"colors": [COLOURS[s] for s in states]},
                "sort": False,
            }
        ]
    )
    return {
        "figure": figure_of(traces),
        "columns": ["state", "count"],
        "rows": [[s.name, found[int(s)]] for s in states],
        "truncated": False,
        **_drawn(x="STATE"),
    }


async def _logs(
    backend: Backend, caller: Caller, filters: Sequence[Filter], start: int, end: int, width: int
) -> dict[str, Any]:
    from flowdeck.services.logs import LEVELS, counts_over_time

    counts, whole = await counts_over_time(backend, caller, filters, start, end, width)
    buckets = list(range(start // width, end // width + 1))
    x = [instant(b * width) for b in buckets]
    levels = [n for n in range(4, -1, -1) if any(level == n for _, level in counts)]
    traces = [
        {
            "type": "bar",
            "name": LEVELS[n],
            "x": x,
            "y": [counts.get((b, n), 0) for b in buckets],
            "marker": {"color": LEVEL_COLOURS[LEVELS[n]]},
        }
        for n in levels
    ]
    rows = [[x[i], *(t["y"][i] for t in traces)] for i in range(len(x))]
    return {
        "figure": figure_of(traces),
        "columns": ["time", *(LEVELS[n] for n in levels)],
        "rows": rows,
        "bucketMs": width,
        "truncated": not whole,
        **_drawn("logs", x="DATE", series="LEVEL", time=True),
    }


async def _errors(backend: Backend, caller: Caller, filters: Sequence[Filter], start: int, end: int) -> dict[str, Any]:
    """The newest lines of level ERROR, as a table (UI-DB-02)."""
    from flowdeck.services.logs import search

    conditions = [
        *(f for f in filters if f.field not in ("minLevel", "startDate", "endDate", "timeRange")),
        Filter("minLevel", "EQUALS", "ERROR"),
        Filter("startDate", "GREATER_THAN_OR_EQUAL_TO", instant(start)),
        Filter("startDate", "LESS_THAN_OR_EQUAL_TO", instant(end)),
    ]
    lines, total = await search(backend, caller, conditions, Page(1, ERRORS_SHOWN, (("timestamp", True),)))
    told = {"DATE": "timestamp", "NAMESPACE": "namespace", "FLOW_ID": "flowId", "TASK_ID": "taskId"}
    told |= {"MESSAGE": "message", "EXECUTION_ID": "executionId"}
    return {
        "kind": "table",
        "columns": ["Date", "Namespace", "Flow", "Task", "Message", "Execution"],
        "fields": list(told),
        "rows": [[str(line.get(name) or "")[:500] for name in told.values()] for line in lines],
        "total": total,
        "truncated": total > len(lines),
        "drill": {"page": "logs", "where": [{"field": "LEVEL", "values": ["ERROR"]}]},
    }
