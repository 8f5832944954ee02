"""Dashboards over REST on the real server (spec: REST contract §14, core plugins §12)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conformance.conftest import flow_text
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(90)
T = "/api/v1/main/dashboards"
C = "io.kestra.plugin.core.dashboard.chart"
D = "io.kestra.plugin.core.dashboard.data"
SOURCE = f"""\
id: board
title: All kinds
timeWindow: {{default: P7D, max: P30D}}
charts:
  - id: runs
    type: {C}.TimeSeries
    chartOptions: {{displayName: Runs, column: day, colorByColumn: state}}
    data:
      type: {D}.Executions
      columns: {{day: {{field: START_DATE}}, state: {{field: STATE}}, total: {{agg: COUNT}}, seconds: {{field: DURATION, agg: SUM}}}}
      where: [{{field: NAMESPACE, type: EQUAL_TO, value: charts}}]
  - id: rate
    type: {C}.KPI
    chartOptions: {{displayName: Rate, numberType: PERCENTAGE}}
    data:
      type: {D}.ExecutionsKPI
      columns: {{field: ID, agg: COUNT}}
      where: [{{field: NAMESPACE, type: EQUAL_TO, value: charts}}]
      numerator: [{{field: STATE, type: EQUAL_TO, value: SUCCESS}}]
  - id: lines
    type: {C}.Table
    chartOptions: {{displayName: Lines}}
    data:
      type: {D}.Logs
      columns: {{level: {{field: LEVEL}}, total: {{agg: COUNT}}}}
      where: [{{field: NAMESPACE, type: EQUAL_TO, value: charts}}, {{field: TASK_ID, type: EQUAL_TO, value: l}}]
  - id: metrics
    type: {C}.Bar
    chartOptions: {{displayName: Metrics, column: name}}
    data:
      type: {D}.Metrics
      columns: {{name: {{field: NAME}}, value: {{field: VALUE, agg: SUM}}}}
      where: [{{field: NAMESPACE, type: EQUAL_TO, value: charts}}]
  - id: flows
    type: {C}.Pie
    chartOptions: {{displayName: Flows, colorByColumn: ns}}
    data: {{type: {D}.Flows, columns: {{ns: {{field: NAMESPACE}}, n: {{agg: COUNT}}}}, where: [{{field: NAMESPACE, type: EQUAL_TO, value: charts}}]}}
  - id: triggers
    type: {C}.Table
    chartOptions: {{displayName: Triggers}}
    data: {{type: {D}.Triggers, columns: {{id: {{field: TRIGGER_ID}}, next: {{field: NEXT_EXECUTION_DATE}}}}, where: [{{field: NAMESPACE, type: EQUAL_TO, value: charts}}]}}
  - id: about
    type: {C}.Markdown
    chartOptions: {{displayName: About}}
    source: {{type: FlowDescription, namespace: charts, flowId: one}}
  - id: text
    type: {C}.Markdown
    chartOptions: {{displayName: Text}}
    source: {{type: Text, content: hello}}
"""


def ask(server: Server, path: str, status: int = 200, **body: Any) -> Any:
    answer = server.call("POST", f"{T}/{path}", json_body=body)
    assert answer.status == status, answer.text
    return answer


def rows(server: Server, chart: str, **body: Any) -> list[Any]:
    return ask(server, f"board/charts/{chart}", **body).json["results"]


def test_every_chart_has_its_data(server: Server) -> None:
    """Aggregates, filters that replace conditions, windows, pages, CSV; errors of each."""
    flow = flow_text(
        "one",
        """
        description: what it is for
        inputs: [{id: bad, type: BOOL, defaults: false}]
        tasks:
          - {id: m, type: @metric.Publish, metrics: [{type: counter, name: rows, value: 5}]}
          - {id: l, type: @log.Log, message: [a, b], level: WARN}
          - {id: f, type: @execution.Fail, condition: "{{ inputs.bad }}"}
        triggers: [{id: daily, type: @trigger.Schedule, cron: "0 0 1 1 *"}]
        """,
        namespace="charts",
    )
    for bad in ("false", "false", "false", "true"):
        server.run(flow, {"bad": bad})
    made = server.call("POST", T, body=SOURCE, content_type="application/x-yaml")
    assert made.status == 200, made.text
    assert {(r["state"], r["total"]) for r in rows(server, "runs")} == {("SUCCESS", 3), ("FAILED", 1)}
    assert all(r["day"].endswith(":00:00.000Z") and r["seconds"] > 0 for r in rows(server, "runs"))
    assert rows(server, "rate") == [{"value": 75}]
    eventually(lambda: rows(server, "lines") == [{"level": "WARN", "total": 8}], what="log lines")
    assert rows(server, "metrics") == [{"name": "rows", "value": 20}]
    assert rows(server, "flows") == [{"ns": "charts", "n": 1}]
    (trigger,) = rows(server, "triggers")
    assert trigger["id"] == "daily" and trigger["next"].endswith("Z")
    assert rows(server, "about") == [{"description": "what it is for"}]
    ask(server, "board/charts/text", 422)
    ask(server, "board/charts/none", 404)
    # the page's filters replace conditions on the same field
    other = [{"field": "NAMESPACE", "operation": "EQUALS", "value": "nowhere"}]
    assert rows(server, "runs", filters=other) == [] and rows(server, "flows", filters=other) == []
    failed = [{"field": "STATE", "operation": "IN", "value": ["FAILED"]}]
    assert [r["total"] for r in rows(server, "runs", filters=failed)] == [1]
    assert rows(server, "lines", filters=failed) == [{"level": "WARN", "total": 8}]
    assert rows(server, "runs", labels={"no": "such"}) == [] and rows(server, "lines", namespace="nowhere") == []
    # windows and pages
    assert rows(server, "runs", startDate="2020-01-01T00:00:00Z", endDate="2020-01-02T00:00:00Z") == []
    assert rows(server, "flows", startDate="2020-01-01T00:00:00Z", endDate="2020-01-02T00:00:00Z") != []
    ask(server, "board/charts/runs", 422, startDate="2020-01-01T00:00:00Z")
    never = SOURCE.replace("id: board", "id: never").replace(
        "type: EQUAL_TO, value: charts}",
        "type: EQUAL_TO, value: charts}, {field: START_DATE, type: LESS_THAN, value: 2000-01-01T00:00:00Z}",
        1,
    )
    assert server.call("POST", T, body=never, content_type="application/x-yaml").status == 200
    assert ask(server, "never/charts/runs").json["results"] == []
    week = (datetime.now(UTC) - timedelta(days=7)).isoformat().replace("+00:00", "Z")
    assert len(ask(server, "never/charts/runs", startDate=week).json["results"]) == 2
    ask(server, "board/charts/runs", 422, startDate="2020-01-02T00:00:00Z", endDate="2020-01-01T00:00:00Z")
    page = ask(server, "board/charts/runs", pageSize=1, pageNumber=2).json
    assert len(page["results"]) == 1 and page["total"] == 2
    csv = ask(server, "board/charts/metrics/export/to-csv").text
    assert csv.splitlines() == ["name,value", "rows,20"] or csv.splitlines() == ["name,value", "rows,20.0"]


def test_previews_and_validation(server: Server) -> None:
    chart = f"id: c\ntype: {C}.KPI\ndata: {{type: {D}.FlowsKPI, columns: {{agg: COUNT}}}}\n"
    value = ask(server, "charts/preview", chart=chart).json["results"][0]["value"]
    none = {"filters": [{"field": "FLOW_ID", "operation": "EQUALS", "value": "no-such"}]}
    assert value >= 0 and ask(server, "charts/preview", chart=chart, globalFilter=none).json["results"] == [
        {"value": 0}
    ]
    assert ask(server, "charts/export/to-csv", chart=chart).text.splitlines()[0] == "value"
    ask(server, "charts/preview", 422, chart=chart.replace("FlowsKPI", "Flows"))

    def validated(path: str, body: str) -> Any:
        answer = server.call("POST", f"{T}/{path}", body=body, content_type="application/x-yaml")
        assert answer.status == 200, answer.text
        return answer.json

    assert "constraints" not in validated("validate", SOURCE) and "constraints" not in validated(
        "validate/chart", chart
    )
    found = validated("validate", SOURCE.replace("field: STATE}, total", "field: STAT}, total"))
    assert "charts[0].data.columns.state.field: STAT is no field of Executions" in found["constraints"]
    assert [f["line"] for f in found["findings"]] == [10]
    answer = server.call("POST", T, body="title: ''\n", content_type="application/x-yaml")
    assert answer.status == 422 and "title" in json.dumps(answer.json)


def test_charts_are_documented(server: Server) -> None:
    """REST contract §15: lists, documentation and schema."""
    groups = {g["group"]: g for g in server.call("GET", "/api/v1/plugins").json}
    assert len(groups["io.kestra.plugin.core.dashboard.chart"]["charts"]) == 6
    assert len(groups["io.kestra.plugin.core.dashboard.data"]["dataFilters"]) == 5
    assert len(groups["io.kestra.plugin.core.dashboard.data"]["dataFiltersKPI"]) == 5
    assert "numberType" in json.dumps(server.call("GET", f"/api/v1/plugins/{C}.KPI").json)
    schema = server.call("GET", "/api/v1/plugins/schemas/dashboard").json
    assert set(schema["properties"]) == {"id", "title", "description", "timeWindow", "charts"}
