"""Every operation on dashboards, plugins, blueprints, AI and the instance, by its operationId (contract §14, §15)."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import flow_text
from tests.support.contract import Contract

pytestmark = pytest.mark.timeout(60)

NS = "operations.instance"
CHART = """
id: by_state
type: io.kestra.plugin.core.dashboard.chart.Table
chartOptions: {displayName: By state}
data:
  type: io.kestra.plugin.core.dashboard.data.Executions
  columns: {state: {field: STATE}, total: {agg: COUNT}}
"""
DASHBOARD = "id: ops\ntitle: Of the operations\ncharts:\n  -" + CHART.replace("\n", "\n    ")[4:]


def test_dashboards(contract: Contract) -> None:
    """§14: the given id, sources, data within the window, CSV."""
    flow = "tasks: [{id: a, type: @log.Log, message: x}]"
    contract.call("createFlow", body=flow_text("seen", flow, NS))
    contract.call("createExecution", namespace=NS, id="seen", query={"wait": True})
    made = contract.json("createDashboard", body=DASHBOARD)
    assert made["id"] == "ops" and made["sourceCode"] == DASHBOARD and made["created"]
    contract.call("createDashboard", body=DASHBOARD, status=422)
    contract.call("createDashboard", body="title: [", status=422)
    place = {"id": "ops"}
    changed = DASHBOARD.replace("Of the", "Of all the")
    assert contract.json("updateDashboard", body=changed, **place)["title"] == "Of all the operations"
    contract.call("updateDashboard", body=changed.replace("id: ops", "id: other", 1), status=422, **place)
    contract.call("updateDashboard", body=changed.replace("id: ops\n", "", 1), status=404, id="absent")
    assert contract.json("getDashboard", **place)["charts"][0]["id"] == "by_state"
    query = {"q": "ALL THE OP", "sort": "title:asc"}
    assert [one["id"] for one in contract.json("searchDashboards", query=query)["results"]] == ["ops"]
    contract.call("searchDashboards", query={"sort": "owner:asc"}, status=422)
    chart = {**place, "chartId": "by_state"}
    body = {"filters": [{"field": "NAMESPACE", "operation": "EQUALS", "value": NS}], "pageSize": 10, "pageNumber": 1}
    assert contract.json("getDashboardChartData", body=body, **chart)["results"] == [{"state": "SUCCESS", "total": 1}]
    csv = contract.call("exportDashboardChartDataToCSV", body=body, **chart).text
    assert csv.splitlines() == ["state,total", "SUCCESS,1"]
    for wrong, status in (
        ({"startDate": "2026-01-02T00:00:00Z", "endDate": "2026-01-01T00:00:00Z"}, 422),
        ({"startDate": "1999-01-01T00:00:00Z"}, 422),
        ({"startDate": "noon"}, 422),
        ({"filters": [{"field": "NOTHING", "operation": "EQUALS", "value": 1}]}, 400),
        ({"pageSize": "many"}, 422),
        ({"pageNumber": -1}, 422),
    ):
        assert contract.json("getDashboardChartData", body=wrong, status=status, **chart)["message"], wrong
    contract.call("getDashboardChartData", body={}, status=404, **{**chart, "chartId": "none"})
    contract.call("getDashboardChartData", body={}, status=404, **{**chart, "id": "none"})
    sent = {"chart": CHART, "globalFilter": body}
    assert contract.json("previewChart", body=sent)["total"] == 1
    assert contract.call("exportChartToCsv", body=sent).text.startswith("state,total")
    contract.call("previewChart", body={"chart": "id: x"}, status=422)
    contract.call("previewChart", body={"chart": CHART, "globalFilter": "x"}, status=422)
    told = contract.json("validateDashboard", body=DASHBOARD)
    assert told["index"] == 0 and "constraints" not in told
    assert contract.json("validateDashboard", body="title: x\ncharts: 5\n")["constraints"]
    assert "constraints" not in contract.json("validateChart", body=CHART)
    assert contract.json("validateChart", body="id: x\n")["constraints"]
    contract.call("deleteDashboard", status=204, **place)
    contract.call("deleteDashboard", status=404, **place)
    contract.call("getDashboard", status=404, **place)


def test_plugins(contract: Contract) -> None:
    """§15: groups, schemas in any case, documentation, versions, icons."""
    cls = {"cls": "io.kestra.plugin.core.log.Log"}
    groups = contract.json("listPlugins")
    assert any(element["cls"] == cls["cls"] for one in groups for element in one.get("tasks") or [])
    assert contract.json("getPluginBySubgroups")
    icon = contract.json("getPluginIcons")[cls["cls"]]
    assert icon["icon"] and icon["flowable"] is False
    assert contract.json("getPluginGroupIcons")
    kinds = {one["type"] for one in contract.json("getAllInputTypes")}
    assert {"STRING", "FILE", "MULTISELECT"} <= kinds
    assert "validator" in contract.json("getSchemaFromInputType", type="STRING")["schema"]["properties"]["properties"]
    contract.call("getSchemaFromInputType", type="NOTHING", status=404)
    for kind in ("flow", "FLOW", "task", "trigger", "plugindefault", "dashboard"):
        assert contract.json("getSchemasFromType", type=kind)
    assert contract.json("getSchemasFromType", query={"arrayOf": True}, type="task")["type"] == "array"
    answer = contract.call("getSchemasFromType", type="flow")
    assert "max-age=3600" in answer.headers["cache-control"]
    contract.call("getSchemasFromType", type="nothing", status=404)
    assert "tasks" in contract.json("getPropertiesFromType", type="flow")
    found = contract.json("getPluginDocumentation", **cls)
    assert found["markdown"] and "message" in found["schema"]["properties"]["properties"]
    wide = contract.json("getPluginDocumentation", query={"all": True}, **cls)
    assert len(wide["schema"]["properties"]["properties"]) > len(found["schema"]["properties"]["properties"])
    contract.call("getPluginDocumentation", cls="no.such.Type", status=404)
    (version,) = contract.json("getPluginVersions", **cls)["versions"]
    assert contract.json("getPluginDocumentationFromVersion", version=version, **cls)["markdown"]
    contract.call("getPluginDocumentationFromVersion", version="0.0", status=404, **cls)
    assert "secret" in contract.json("getExpressionFunctions")
    assert "upper" in contract.json("getExpressionFilters")


def test_blueprints(contract: Contract) -> None:
    """Operations, Blueprints: a bundled set with tags, sources and graphs."""
    place = {"kind": "flow"}
    page = contract.json("searchBlueprints", query={"size": 2}, **place)
    assert len(page["results"]) == 2 < page["total"]
    one = page["results"][0]
    tags = contract.json("listBlueprintTags", **place)
    assert one["tags"][0] in {tag["id"] for tag in tags}
    assert contract.json("searchBlueprints", query={"tags": one["tags"][0], "sort": "title:asc"}, **place)["total"] >= 1
    assert contract.json("getBlueprint", id=one["id"], **place)["source"]
    assert contract.call("getBlueprintSource", id=one["id"], **place).text.startswith("id:")
    assert contract.json("getBlueprintGraph", id=one["id"], **place)["nodes"]
    for operation in ("getBlueprint", "getBlueprintSource", "getBlueprintGraph"):
        contract.call(operation, id="none", status=404, **place)
    assert contract.json("searchBlueprints", kind="FLOW")["total"] == page["total"]


def test_without_ai_provider(contract: Contract) -> None:
    """§G1: no provider is configured: an empty list, and 409 with the key that is missing."""
    assert contract.json("getProviders") == []
    body = {"conversationId": "1", "userPrompt": "a flow that greets", "yaml": ""}
    for operation in ("generateFlow", "generateDashboard"):
        assert "kestra.ai.providers" in contract.json(operation, body=body, status=409)["message"]
        assert "userPrompt" in contract.json(operation, body={"conversationId": "1"}, status=422)["message"]


def test_instance(contract: Contract) -> None:
    """§2, §15: what everybody may know, set-up once, counts."""
    found = contract.json("getConfiguration")
    assert (
        found["edition"] == "OSS" and found["isBasicAuthInitialized"] is True and found["systemNamespace"] == "system"
    )
    assert contract.json("getBasicAuthConfigErrors") == []
    weak = {"username": "nobody", "password": "short"}
    assert "password" in contract.json("createBasicAuth", body=weak, status=400)["message"].lower()
    answer = contract.server.call("POST", "/api/v1/main/basicAuth", json_body=weak, auth=False)
    assert answer.status == 401 and not answer.body
    counts = contract.json("getUsages")
    assert counts["flows"]["count"] >= 1 and counts["flows"]["taskTypeCount"]["io.kestra.plugin.core.log.Log"] >= 1
    (today,) = counts["executions"]["dailyExecutionsCount"][-1:]
    assert sum(today["executionCounts"].values()) >= today["duration"]["count"] >= 1
    assert contract.call("ping").text == "pong"
    assert contract.call("openApiYaml").text.startswith("openapi: 3.1.0")
