"""Dashboards: what is accepted, what is refused and where (spec: core plugins §12)."""

from __future__ import annotations

from typing import Any

import pytest

from flowdeck.model.catalog import Catalog
from flowdeck.model.dashboards import DASHBOARD_TYPES
from flowdeck.model.dashboards.parsing import parse_chart, parse_dashboard

CATALOG = Catalog()
C = "io.kestra.plugin.core.dashboard.chart."
D = "io.kestra.plugin.core.dashboard.data."


def chart(kind: str, data: str, columns: str, options: str = "displayName: x", more: str = "") -> str:
    return (
        f"id: c\ntype: {C}{kind}\nchartOptions: {{{options}}}\n"
        f"data:\n  type: {D}{data}\n  columns: {{{columns}}}\n{more}"
    )


GOOD = {
    "series": chart("TimeSeries", "Executions", "d: {field: START_DATE}, n: {agg: COUNT, graphStyle: BARS}",
                    "displayName: x, column: d, legend: {enabled: false}, tooltip: SINGLE"),
    "series_of_two": chart("TimeSeries", "Metrics", "d: {field: DATE}, k: {field: NAME}, n: {agg: COUNT}, s: {field: VALUE, agg: SUM}",
                           "displayName: x, column: d, colorByColumn: k"),
    "bar": chart("Bar", "Flows", "ns: {field: NAMESPACE}, n: {field: ID, agg: COUNT}", "displayName: x, column: ns, width: 12"),
    "pie": chart("Pie", "Logs", "l: {field: LEVEL}, n: {agg: COUNT}", "displayName: x, graphStyle: PIE, colorByColumn: l"),
    "table": chart("Table", "Triggers", "id: {field: ID, columnAlignment: RIGHT}, next: {field: NEXT_EXECUTION_DATE}",
                   "displayName: x, header: {enabled: false}, pagination: {enabled: true}",
                   "  orderBy: [{column: next, order: DESC}]\n"),
    "labels": chart("Table", "Executions", "team: {field: LABELS, labelKey: team}, n: {agg: COUNT}"),
    "kpi": chart("KPI", "ExecutionsKPI", "field: ID, agg: COUNT", "displayName: x, numberType: PERCENTAGE, color: red",
                 "  where: [{field: NAMESPACE, type: PREFIX, value: a}]\n  numerator: [{field: STATE, type: IN, values: [SUCCESS]}]\n"),
    "or": chart("Table", "Logs", "m: {field: MESSAGE}", more="  where:\n    - type: OR\n      values:\n"
                "        - {field: LEVEL, type: EQUAL_TO, value: WARN}\n        - {field: TASK_ID, type: IS_NULL}\n"),
    "text": f"id: c\ntype: {C}Markdown\nchartOptions: {{displayName: x}}\nsource: {{type: Text, content: hi}}\n",
    "old_text": f"id: c\ntype: {C}Markdown\ncontent: hi\n",
    "description": f"id: c\ntype: {C}Markdown\nsource: {{type: FlowDescription, namespace: a, flowId: b}}\n",
}  # fmt: skip

TIME = "displayName: x, column: d"
BAD: dict[str, tuple[str, str, str]] = {
    "no title": (chart("Pie", "Flows", "n: {agg: COUNT}", "width: 3"), "chartOptions.displayName", "must not be null"),
    "width": (chart("Pie", "Flows", "n: {agg: COUNT}", "displayName: x, width: 13"), "chartOptions.width", "less than"),
    "no data": (f"id: c\ntype: {C}Pie\n", "data", "must not be null"),
    "type": ("id: c\ntype: nope\n", "type", "Invalid type: nope"),
    "data type": (chart("Pie", "Nope", "n: {agg: COUNT}"), "data.type", "Invalid type"),
    "chart as data": (f"id: c\ntype: {C}Pie\ndata: {{type: {C}Pie}}\n", "data.type", "Invalid type"),
    "a date is needed": (chart("TimeSeries", "Executions", "d: {field: ID}, n: {agg: COUNT}", TIME), "chartOptions.column", "no date"),
    "no such column": (chart("Bar", "Flows", "a: {field: ID}, n: {agg: COUNT}", TIME), "chartOptions.column", "none of the columns"),
    "color": (chart("Pie", "Flows", "n: {agg: COUNT}", "displayName: x, colorByColumn: z"), "chartOptions.colorByColumn", "none of"),
    "no map": (chart("Table", "Flows", "a: null, n: {agg: COUNT}"), "data.columns.a", "a column is a map"),
    "type within or": (
        chart("Table", "Logs", "n: {agg: COUNT}", more="  where: [{type: OR, values: [{field: LEVEL, type: NOPE, value: x}]}]\n"),
        "data.where[0].values[0].type", "'NOPE' is none of",
    ),
    "two numbers": (chart("Pie", "Flows", "n: {agg: COUNT}, m: {agg: COUNT}"), "data.columns", "exactly one column"),
    "three numbers": (
        chart("TimeSeries", "Metrics", "d: {field: DATE}, a: {agg: COUNT}, b: {agg: COUNT}, c: {agg: COUNT}", TIME),
        "data.columns", "one or two columns",
    ),
    "field": (chart("Table", "Flows", "a: {field: STATE}"), "data.columns.a.field", "known are ID, NAMESPACE, REVISION"),
    "no field": (chart("Table", "Flows", "a: {agg: MAX}"), "data.columns.a.field", "unless agg is COUNT"),
    "agg": (chart("Table", "Flows", "a: {field: ID, agg: MANY}"), "data.columns.a.agg", "must be one of"),
    "sum of text": (chart("Table", "Flows", "a: {field: ID, agg: SUM}"), "data.columns.a.agg", "needs a number"),
    "message": (chart("Table", "Logs", "a: {field: MESSAGE, agg: MAX}"), "data.columns.a.agg", "can't be aggregated"),
    "label key": (chart("Table", "Executions", "a: {field: LABELS}"), "data.columns.a.labelKey", "LABELS"),
    "order": (chart("Table", "Flows", "a: {field: ID}", more="  orderBy: [{column: b}]\n"), "data.orderBy[0].column", "none of"),
    "filter": (chart("Table", "Flows", "a: {field: ID}", more="  where: [{field: ID, type: LIKE, value: 1}]\n"), "data.where[0].type", "one of"),
    "no values": (chart("Table", "Flows", "a: {field: ID}", more="  where: [{field: ID, type: IN, value: 1}]\n"), "data.where[0].values", "list"),
    "no value": (chart("Table", "Flows", "a: {field: ID}", more="  where: [{field: ID, type: EQUAL_TO}]\n"), "data.where[0].value", "null"),
    "inner": (
        chart("Table", "Flows", "a: {field: ID}", more="  where: [{type: OR, values: [{field: X, type: IS_NULL}]}]\n"),
        "data.where[0].values[0].field", "no field of Flows",
    ),
    "kpi data": (chart("KPI", "Executions", "a: {agg: COUNT}"), "data.type", "KPI type"),
    "kpi elsewhere": (chart("Pie", "FlowsKPI", "agg: COUNT"), "data.type", "no KPI type"),
    "unknown": (chart("Pie", "Flows", "n: {agg: COUNT}") + "size: 3\n", "", 'Unrecognized field "size"'),
    "no text": (f"id: c\ntype: {C}Markdown\n", "source", "must not be null"),
    "no flow": (f"id: c\ntype: {C}Markdown\nsource: {{type: FlowDescription, namespace: a}}\n", "source.flowId", "null"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_charts_that_are_accepted(name: str) -> None:
    found = parse_chart(GOOD[name], CATALOG)
    assert found.errors == [] and found.document["id"] == "c"


@pytest.mark.parametrize("name", BAD)
def test_charts_that_are_refused(name: str) -> None:
    """Each with its place: line, path, rule."""
    source, path, message = BAD[name]
    errors = parse_chart(source, CATALOG).errors
    assert any(e.path == path and message in e.message for e in errors), errors
    assert all(e.line > 0 and e.rule for e in errors)


def _dashboard(more: str = "", window: str = "default: P7D, max: P30D") -> str:
    charts = "".join(
        f"  - id: {name}\n" + "".join(f"    {line}\n" for line in source.splitlines()[1:])
        for name, source in GOOD.items()
    )
    return f"id: d\ntitle: D\ntimeWindow: {{{window}}}\ncharts:\n{charts}{more}"


def test_a_dashboard_of_all_charts() -> None:
    found = parse_dashboard(_dashboard(), CATALOG)
    assert found.errors == [] and len(found.document["charts"]) == len(GOOD)
    assert [f.path for f in found.findings if f.severity == "deprecation"] == ["charts[9].content"]


@pytest.mark.parametrize(
    ("source", "path", "line"),
    [
        ("charts: []\n", "title", 1),
        ("title: ''\n", "title", 1),
        ("title: x\nid: '-'\n", "id", 2),
        (_dashboard(window="default: P60D, max: P30D"), "timeWindow.default", 3),
        (_dashboard(window="default: soon"), "timeWindow.default", 3),
        (_dashboard(f"  - {{id: pie, type: {C}Markdown, content: x}}\n"), f"charts[{len(GOOD)}].id", 0),
        ("title: x\ncharts: nope\n", "charts", 2),
    ],
)
def test_dashboards_that_are_refused(source: str, path: str, line: int) -> None:
    errors = parse_dashboard(source, CATALOG).errors
    assert any(e.path == path and (not line or e.line == line) for e in errors), errors


@pytest.mark.parametrize("source", ["", ": x", "[]", "a: &a [*a]", "- 1\n- 2", "\0", "!!python/object x"])
def test_no_text_raises(source: str) -> None:
    assert parse_dashboard(source, CATALOG).errors and parse_chart(source, CATALOG).errors


def test_all_types_are_in_the_catalog_and_their_examples_are_valid() -> None:
    assert len(DASHBOARD_TYPES) == 16
    for cls in DASHBOARD_TYPES:
        spec: Any = cls.spec
        assert CATALOG.find(spec.type, spec.kind) is not None and spec.doc and all(f.doc for f in spec.fields)
        for example in spec.examples:
            assert parse_dashboard(example.code, CATALOG).errors == [], spec.type
