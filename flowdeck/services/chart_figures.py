"""Charts of dashboards as the console draws them: plotly traces, a number, a table or a text (extensions §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model.dashboards import source_of
from flowdeck.model.errors import InvalidEntity, NotFound
from flowdeck.model.states import State
from flowdeck.services import charts, dashboards
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.figures import COLOURS, LEVEL_COLOURS, ORDER, figure_of, window
from flowdeck.services.wire import compact, instant
from flowdeck.store.queries.where import Filter

GROUPS = 20
"""Traces of one figure; the others are joined."""
LEVELS = ("ERROR", "WARN", "INFO", "DEBUG", "TRACE")
DRILLED = {"Executions": "executions", "Logs": "logs"}
"""Data whose rows the console has a list of."""


def outline(backend: Backend, source: str) -> dict[str, Any]:
    """What a dashboard's source holds, as far as it can be read: title, window, charts with their look.

    Never refuses: an editor's preview draws the charts that are right.
    """
    found = dashboards.parsed(backend, source)
    document = found.document if isinstance(found.document, Mapping) else {}
    wrong = {int(f.path[7:].split("]")[0]) for f in found.errors if f.path.startswith("charts[")}
    cards = [
        card(one, broken=n in wrong) for n, one in enumerate(document.get("charts") or ()) if isinstance(one, Mapping)
    ]
    return compact(
        {
            "id": str(document.get("id") or "") or None,
            "title": str(document.get("title") or ""),
            "description": str(document.get("description") or "") or None,
            "window": str((document.get("timeWindow") or {}).get("default") or "") or None
            if isinstance(document.get("timeWindow"), Mapping)
            else None,
            "charts": cards,
            "errors": [{"line": f.line, "message": f.message, "path": f.path} for f in found.errors][:50],
        }
    )


def card(chart: Mapping[str, Any], *, broken: bool = False) -> dict[str, Any]:
    """A chart's frame on the page."""
    options = chart.get("chartOptions") if isinstance(chart.get("chartOptions"), Mapping) else {}
    assert isinstance(options, Mapping)
    width = options.get("width")
    return {
        "id": str(chart.get("id") or ""),
        "type": str(chart.get("type") or "").rpartition(".")[2],
        "title": str(options.get("displayName") or chart.get("id") or ""),
        "description": str(options.get("description") or ""),
        "width": width if isinstance(width, int) and 1 <= width <= 12 else 6,
        "broken": broken,
    }


async def build(backend: Backend, caller: Caller, sent: Mapping[str, Any], filters: Sequence[Filter]) -> dict[str, Any]:
    """A chart of a stored dashboard (`dashboard`, `chart`), or of a source (`source`, `chart`).

    `timeRange` is a duration or `{start, end}`; without it the dashboard's own window holds.

    Raises:
        NotFound: no such dashboard or chart.
        InvalidEntity: the source is wrong; tells line and property.
    """
    name = str(sent.get("chart") or "")
    declared: Any
    if sent.get("source") is not None:
        found = dashboards.parsed(backend, str(sent["source"]))
        document = found.document if isinstance(found.document, Mapping) else {}
        place, chart = next(
            (
                (n, one)
                for n, one in enumerate(document.get("charts") or ())
                if isinstance(one, Mapping) and str(one.get("id")) == name
            ),
            (-1, None),
        )
        if chart is None:
            raise NotFound(f"chart '{name}'")
        wrong = [f for f in found.errors if f.path.startswith(f"charts[{place}]")]
        if wrong:
            raise InvalidEntity(
                f"line {wrong[0].line}: {wrong[0].message}",
                violations=[{"path": f.path, "message": f.message, "line": f.line} for f in wrong],
            )
        declared = document.get("timeWindow")
    else:
        chart, declared = await dashboards.chart_of(backend, caller, str(sent.get("dashboard") or ""), name)
    asked: dict[str, Any] = {}
    if sent.get("timeRange"):
        start, end = window(sent, backend.now())
        asked = {"startDate": instant(start), "endDate": instant(end)}
    kind = str(chart.get("type")).rpartition(".")[2]
    if kind == "Table" and _paged(chart):
        asked |= {"pageSize": 10, "pageNumber": int(sent.get("page") or 1)}
    if kind == "Markdown" and not chart.get("source"):
        return {"kind": "markdown", "text": str(chart.get("content") or "")}
    if kind == "Markdown" and chart["source"].get("type") == "Text":
        return {"kind": "markdown", "text": str(chart["source"].get("content") or "")}
    rows, total = await charts.data(backend, caller, chart, asked, filters, declared)
    return {**shaped(chart, kind, rows, total), "card": card(chart)}


def _paged(chart: Mapping[str, Any]) -> bool:
    return bool(((chart.get("chartOptions") or {}).get("pagination") or {}).get("enabled", True))


def shaped(chart: Mapping[str, Any], kind: str, rows: Sequence[Mapping[str, Any]], total: int) -> dict[str, Any]:
    """The answer for a chart's rows: what is drawn, and the same as columns and rows."""
    options = chart.get("chartOptions") or {}
    declared: Mapping[str, Any] = (chart.get("data") or {}).get("columns") or {}
    if kind == "Markdown":
        return {"kind": "markdown", "text": str(next(iter(rows[0].values()), "")) if rows else ""}
    if kind == "KPI":
        value = rows[0].get("value") if rows else None
        part = str(options.get("numberType")) == "PERCENTAGE"
        known = source_of(str((chart.get("data") or {}).get("type")))
        drill: dict[str, Any] = {}
        if known is not None and known[0].name in DRILLED:
            rules = [
                one for one in (chart.get("data") or {}).get("where") or () if one.get("type") in ("EQUAL_TO", "IN")
            ]
            where = [{"field": r.get("field"), "values": r.get("values") or [r.get("value")]} for r in rules]
            drill = {"drill": {"page": DRILLED[known[0].name], "where": where}}
        told = {"kind": "kpi", "value": value, "percentage": part, "columns": ["value"], "rows": [[value]]}
        return {**told, **drill}
    names = list(declared) or sorted({key for row in rows for key in row})
    titles = [str((declared.get(n) or {}).get("displayName") or n) for n in names]
    table = {"columns": titles, "rows": [[row.get(n) for n in names] for row in rows], "total": total}
    known = source_of(str((chart.get("data") or {}).get("type")))
    fields = {n: str((declared.get(n) or {}).get("field") or "") for n in names}
    drill = {}
    if known is not None and known[0].name in DRILLED:
        drill = {"page": DRILLED[known[0].name]}
    if kind == "Table":
        right = [
            (declared.get(n) or {}).get("columnAlignment") == "RIGHT" or bool((declared.get(n) or {}).get("agg"))
            for n in names
        ]
        header = bool((options.get("header") or {}).get("enabled", True))
        look = {"right": right, "header": header, "paged": _paged(chart), "fields": list(fields.values())}
        return {"kind": "table", **table, **look, **({"drill": drill} if drill else {})}
    measures = [n for n in names if (declared.get(n) or {}).get("agg")]
    groups = [n for n in names if n not in measures]
    axis = str(options.get("column") or "")
    colour = str(options.get("colorByColumn") or "")
    if kind == "Pie":
        slices = colour or (groups[0] if groups else "")
        figure = _pie(rows, slices, measures, fields, donut=options.get("graphStyle", "DONUT") == "DONUT")
        drill = {**drill, "x": fields.get(slices, "")} if drill else {}
    else:
        axis = axis if axis in names else (groups[0] if groups else "")
        if not colour:
            colour = next((n for n in groups if n != axis), "")
        over_time = kind == "TimeSeries"
        figure = _bars(rows, axis, colour, measures, declared, fields, over_time=over_time)
        drill = (
            {**drill, "x": fields.get(axis, ""), "series": fields.get(colour, ""), "time": over_time} if drill else {}
        )
    legend = bool((options.get("legend") or {}).get("enabled", True))
    figure["layout"]["showlegend"] = legend and (len(figure["data"]) > 1 or kind == "Pie")
    return {"kind": "figure", "figure": figure, **table, **({"drill": drill} if drill else {})}


def _rank(field: str, value: str) -> tuple[int, str]:
    if field == "STATE" and value in State.__members__:
        return ORDER.index(State[value]), value
    if field == "LEVEL" and value in LEVELS:
        return LEVELS.index(value), value
    return 99, value


def _coloured(field: str, value: str) -> dict[str, Any]:
    if field == "STATE" and value in State.__members__:
        return {"color": COLOURS[State[value]], "opacity": 0.82 if value == "SUCCESS" else 1}
    if field == "LEVEL" and value in LEVEL_COLOURS:
        return {"color": LEVEL_COLOURS[value]}
    return {}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _joined(values: Sequence[float], agg: str) -> float | None:
    if not values:
        return None
    match agg:
        case "MAX":
            return max(values)
        case "MIN":
            return min(values)
        case "AVG":
            return round(sum(values) / len(values), 3)
        case _:
            return sum(values)


def _bars(
    rows: Sequence[Mapping[str, Any]],
    axis: str,
    colour: str,
    measures: Sequence[str],
    declared: Mapping[str, Any],
    fields: Mapping[str, str],
    *,
    over_time: bool,
) -> dict[str, Any]:
    """Stacked bars by group for the first measure; further ones as lines on an axis of their own."""
    xs = sorted({str(row.get(axis) or "") for row in rows})
    if not over_time:
        weight: dict[str, float] = {}
        for row in rows:
            x = str(row.get(axis) or "")
            weight[x] = weight.get(x, 0) + (_number(row.get(measures[0])) if measures else 1)
        xs.sort(key=lambda x: -weight.get(x, 0))
        xs = xs[:50]
    place = {x: n for n, x in enumerate(xs)}
    traces: list[dict[str, Any]] = []
    second = False
    for number, measure in enumerate(measures or [""]):
        told = declared.get(measure) or {}
        style = str(told.get("graphStyle") or ("BARS" if number == 0 else "LINES"))
        agg = str(told.get("agg") or "COUNT")
        title = str(told.get("displayName") or measure or "Rows")
        own_axis = number > 0
        second = second or own_axis
        grouped = colour and style == "BARS"
        sums: dict[str, list[list[float]]] = {}
        for row in rows:
            x = place.get(str(row.get(axis) or ""))
            if x is not None:
                name = str(row.get(colour) if row.get(colour) is not None else "–") if grouped else title
                cells = sums.setdefault(name, [[] for _ in xs])
                cells[x].append(_number(row.get(measure)) if measure else 1.0)
        field = fields.get(colour, "")
        names = sorted(sums, key=lambda name: _rank(field, name) if grouped else (0, name))
        if len(names) > GROUPS:
            by_size = sorted(names, key=lambda name: -sum(sum(c) for c in sums[name]))
            rest = by_size[GROUPS - 1 :]
            sums["other"] = [[sum(sum(sums[n][i]) for n in rest)] for i in range(len(xs))]
            names = [n for n in names if n not in rest] + ["other"]
        for name in names:
            y = [_joined(cells, agg) for cells in sums[name]]
            trace: dict[str, Any] = {"name": name, "x": xs, "y": y}
            if own_axis:
                trace["yaxis"] = "y2"
            if style == "BARS":
                trace |= {"type": "bar", "marker": _coloured(field, name) if grouped else {}}
                trace["y"] = [v or 0 for v in y]
            else:
                mode = "lines" if style == "LINES" else "markers"
                trace |= {"type": "scatter", "mode": mode, "connectgaps": True}
                trace |= {"line": {"color": "fg", "width": 1.5}} if style == "LINES" else {"marker": {"color": "fg"}}
            traces.append(trace)
    more: dict[str, Any] = {"yaxis": {"rangemode": "tozero"}}
    if second:
        more["yaxis2"] = {"overlaying": "y", "side": "right", "rangemode": "tozero"}
    if not over_time:
        more["xaxis"] = {"type": "category"}
    return figure_of(traces, **more)


def _pie(
    rows: Sequence[Mapping[str, Any]], slices: str, measures: Sequence[str], fields: Mapping[str, str], *, donut: bool
) -> dict[str, Any]:
    sums: dict[str, float] = {}
    for row in rows:
        name = str(row.get(slices) if row.get(slices) is not None else "–")
        sums[name] = sums.get(name, 0) + (_number(row.get(measures[0])) if measures else 1)
    field = fields.get(slices, "")
    names = sorted(sums, key=lambda name: _rank(field, name))
    colours = [_coloured(field, name).get("color") for name in names]
    trace: dict[str, Any] = {
        "type": "pie",
        "labels": names,
        "values": [sums[name] for name in names],
        "hole": 0.62 if donut else 0,
        "sort": False,
        "textinfo": "none",
    }
    if names and all(colours):
        trace["marker"] = {"colors": colours}
    return figure_of([trace] if names else [])
