"""Every operation on flows, called by its operationId and held against the document (spec: REST contract §7)."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from tests.conformance.conftest import flow_text
from tests.support.contract import Contract
from tests.support.server import eventually

pytestmark = pytest.mark.timeout(60)

NS = "operations.flows"
BODY = """
    labels: {team: data}
    concurrency: {limit: 2}
    inputs: [{id: n, type: INT, defaults: 5}]
    tasks:
      # the first one
      - {id: hello, type: @log.Log, message: "needle {{ inputs.n }}"}
      - id: both
        type: @flow.Parallel
        tasks: [{id: inner, type: @debug.Return, format: x}]
    triggers: [{id: day, type: @trigger.Schedule, cron: "0 3 1 1 *"}]
"""


@pytest.fixture(scope="module")
def flow(contract: Contract) -> str:
    """A flow that all tests of this module read."""
    made = contract.json("createFlow", body=flow_text("first", BODY, NS))
    assert (made["revision"], made["disabled"], made["deleted"]) == (1, False, False)
    assert made["source"].startswith("id: first")
    return str(made["id"])


def ids(*names: str) -> list[dict[str, str]]:
    return [{"namespace": NS, "id": name} for name in names]


def test_create_read_update_delete(contract: Contract) -> None:
    """§7: 200 on create; an unchanged source makes no revision; past revisions stay."""
    text = flow_text("life", BODY, NS)
    contract.call("createFlow", body=text)
    again = contract.json("createFlow", body=text, status=422)
    assert again["message"].startswith("Invalid entity") and "already exists" in again["message"]
    place = {"namespace": NS, "id": "life"}
    assert contract.json("updateFlow", body=text, **place)["revision"] == 1
    assert contract.json("updateFlow", body=text + "description: two\n", **place)["revision"] == 2
    moved = contract.json("updateFlow", body=text.replace("id: life", "id: other", 1), status=422, **place)
    assert "id" in moved["message"]
    contract.call("updateFlow", body=text, status=404, namespace=NS, id="absent")
    assert "source" not in contract.json("getFlow", **place)
    assert contract.json("getFlow", query={"source": True, "revision": 1}, **place)["source"] == text
    contract.call("getFlow", query={"revision": 9}, status=404, **place)
    assert [r["revision"] for r in contract.json("listFlowRevisions", **place)] == [1, 2]
    contract.call("deleteRevisions", query={"revisions": "2"}, status=422, **place)
    contract.call("deleteRevisions", query={"revisions": "1"}, status=204, **place)
    contract.call("deleteRevisions", status=400, **place)
    contract.call("deleteFlow", status=204, **place)
    contract.call("deleteFlow", status=404, **place)
    contract.call("getFlow", status=404, **place)
    assert contract.json("getFlow", query={"allowDeleted": True}, **place)["deleted"] is True
    assert contract.json("listFlowRevisions", query={"allowDelete": True}, **place)[-1]["revision"] == 3
    assert contract.json("createFlow", body=text)["revision"] == 4


def test_tasks_of_a_flow(contract: Contract, flow: str) -> None:
    """§7: any task by id, nested ones included; the deprecated PATCH keeps the text around it."""
    place = {"namespace": NS, "id": flow}
    assert contract.json("getTaskFromFlow", taskId="inner", **place)["type"].endswith("debug.Return")
    contract.call("getTaskFromFlow", taskId="none", status=404, **place)
    contract.call("createFlow", body=flow_text("patched", BODY, NS))
    there = {"namespace": NS, "id": "patched", "taskId": "inner"}
    task = {"id": "inner", "type": "io.kestra.plugin.core.debug.Return", "format": "changed"}
    assert contract.json("updateTask", body=task, **there)["revision"] == 2
    source = contract.json("getFlow", query={"source": True}, namespace=NS, id="patched")["source"]
    assert "# the first one" in source and "format: changed" in source
    contract.call("updateTask", body={**task, "id": "other"}, status=422, **there)
    contract.call("updateTask", body={**task, "type": "no.such.Type"}, status=422, **there)
    contract.call("updateTask", body=task, status=422, **{**there, "taskId": "none"})
    contract.call("updateTask", body={**task, "id": "none"}, status=404, **{**there, "taskId": "none"})


def test_lists_and_searches(contract: Contract, flow: str) -> None:
    """§4, §5, §7: pages, sorts, filters and their older spellings, marked words."""
    page = contract.json(
        "searchFlows", query={"page": 1, "size": 1, "sort": "id:desc", "filters[namespace][EQUALS]": NS}
    )
    assert len(page["results"]) == 1 and page["total"] >= 1
    past = contract.json("searchFlows", query={"page": 99, "filters[namespace][EQUALS]": NS})
    assert past == {"results": [], "total": page["total"]}
    for query, status in (
        ({"sort": "nothing:asc"}, 422),
        ({"page": 0}, 422),
        ({"page": "abc"}, 422),
        ({"filters[state][EQUALS]": "RUNNING"}, 400),
        ({"filters[namespace][BIGGER]": "x"}, 400),
        ({"labels": "broken"}, 422),
    ):
        assert contract.json("searchFlows", query=query, status=status)["message"]
    for query in (
        {"namespace": "operations", "labels": "team:data"},
        {"filters[labels][EQUALS][team]": "data", "filters[flowId][IN]": "first,none"},
        {"filters[q][EQUALS]": "FIRST"},
        {"q": "first", "scope": "USER"},
        {"sort": "id:asc,namespace:desc", "filters[namespace][PREFIX]": "operations"},
    ):
        assert flow in {one["id"] for one in contract.json("searchFlows", query=query)["results"]}, query
    found = contract.json("searchFlowsBySourceCode", query={"q": "needle", "namespace": NS})
    assert any("[mark]needle[/mark]" in text for one in found["results"] for text in one["fragments"])
    assert flow in {one["id"] for one in contract.json("listFlowsByNamespace", namespace=NS)}
    assert NS in contract.json("listDistinctNamespaces", query={"q": "operations"})
    old = flow_text("old", "tasks: [{id: a, type: io.kestra.core.tasks.log.Log, message: x}]", NS)
    contract.call("createFlow", body=old)
    told = [one for one in contract.json("listDeprecated", query={"namespace": NS}) if one["flowId"] == "old"]
    assert told and told[0]["deprecatedTasks"][0]["taskId"] == "a"
    assert told[0]["deprecatedTasks"][0]["taskType"] == "io.kestra.core.tasks.log.Log"
    assert told[0]["deprecatedTasks"][0]["replacement"] == "io.kestra.plugin.core.log.Log"


def test_graphs_and_dependencies(contract: Contract, flow: str) -> None:
    """§7: nodes, edges, clusters; flows that lead to each other."""
    call = "tasks: [{id: call, type: @flow.Subflow, namespace: operations.flows, flowId: first}]"
    contract.call("createFlow", body=flow_text("caller", call, NS))
    graph = contract.json("generateFlowGraph", namespace=NS, id=flow)
    assert graph["nodes"] and graph["edges"] and graph["clusters"]
    plain = contract.json("generateFlowGraph", namespace=NS, id="caller")
    wide = contract.json("generateFlowGraph", query={"subflows": "root.call"}, namespace=NS, id="caller")
    assert len(wide["nodes"]) > len(plain["nodes"])
    assert contract.json("generateFlowGraphFromSource", body=flow_text("x", BODY, NS))["nodes"]
    contract.call("generateFlowGraph", status=404, namespace=NS, id="absent")
    links = contract.json("getFlowDependencies", namespace=NS, id="caller")
    assert {one["id"] for one in links["nodes"]} == {"first", "caller"}
    assert links["edges"][0]["relation"] == "FLOW_TASK"
    query = {"destinationOnly": True, "expandAll": True}
    assert contract.json("getFlowDependencies", query=query, namespace=NS, id="caller")["edges"]
    assert contract.json("getFlowDependenciesFromNamespace", namespace=NS)["nodes"]


def test_many_at_once(contract: Contract) -> None:
    """§6, §7: by ids (404 for an unknown one) and by query; only real changes count."""
    for name in ("many1", "many2"):
        contract.call("createFlow", body=flow_text(name, BODY, NS))
    query = {"filters[namespace][EQUALS]": NS, "filters[q][EQUALS]": "many"}
    assert contract.json("disableFlowsByIds", body=ids("many1"))["count"] == 1
    assert contract.json("disableFlowsByIds", body=ids("many1"))["count"] == 0
    assert contract.json("disableFlowsByQuery", query=query)["count"] == 1
    assert contract.json("enableFlowsByIds", body=ids("many1"))["count"] == 1
    assert contract.json("enableFlowsByQuery", query=query)["count"] == 1
    assert contract.json("enableFlowsByIds", body=ids("absent"), status=404)["message"].startswith("Not Found")
    contract.call("deleteFlowsByIds", body=ids("many1", "absent"), status=404)
    contract.call("deleteFlowsByIds", body={"not": "a list"}, status=422)
    contract.call("deleteFlowsByIds", body="{broken", content_type="application/json", status=422)
    assert contract.json("deleteFlowsByIds", body=ids("many1"))["count"] == 1
    assert contract.json("deleteFlowsByQuery", query=query)["count"] == 1


def test_export_and_import(contract: Contract, flow: str) -> None:
    """§7: names of the archive's entries, CSV with a header, what could not be imported."""
    answer = contract.call("exportFlowsByIds", body=ids(flow))
    assert "flows.zip" in answer.headers["content-disposition"]
    assert zipfile.ZipFile(io.BytesIO(answer.body)).namelist() == [f"{NS}.first.yaml"]
    query = {"filters[namespace][EQUALS]": NS, "filters[flowId][EQUALS]": flow}
    packed = contract.call("exportFlowsByQuery", query=query).body
    assert zipfile.ZipFile(io.BytesIO(packed)).namelist() == [f"{NS}-first.yml"]
    answer = contract.call("exportFlows", query=query)
    assert answer.text.splitlines()[0].startswith("namespace,id")
    assert 'filename="flows-main-' in answer.headers["content-disposition"]
    head = '--b\r\nContent-Disposition: form-data; name="fileUpload"; filename="{}"\r\n\r\n'

    def sent(name: str, content: bytes, **more: Any) -> Any:
        body = head.format(name).encode() + content + b"\r\n--b--\r\n"
        return contract.json("importFlows", body=body, content_type="multipart/form-data; boundary=b", **more)

    assert sent("flows.zip", packed) == []
    broken = flow_text("imported", BODY, NS) + "---\nid: broken\nnamespace: a.b\n"
    assert len(sent("flows.yml", broken.encode())) == 1
    refused = sent("flows.yml", broken.encode(), query={"failOnError": True}, status=422)
    assert refused["message"]
    contract.call("importFlows", form={"other": "x"}, status=400)


def test_namespaces_and_tenants_are_written_whole(contract: Contract) -> None:
    """§7: what the body does not name goes, unless `delete=false`."""
    space = NS + ".whole"
    one, two = (flow_text(name, "tasks: [{id: a, type: @log.Log, message: x}]", space) for name in ("one", "two"))
    assert len(contract.json("updateFlowsInNamespace", body=f"{one}---\n{two}", namespace=space)) == 2
    assert len(contract.json("updateFlowsInNamespace", body=one, query={"delete": False}, namespace=space)) == 1
    told = contract.json("updateFlowsInNamespace", body=one, namespace=space)
    assert [(f["id"], f.get("deleted", False)) for f in told] == [("two", True), ("one", False)]
    contract.call("updateFlowsInNamespace", body=flow_text("x", BODY, "elsewhere"), namespace=space, status=422)
    contract.call("updateFlowsInNamespace", body=f"{one}---\n{one}", namespace=space, status=422)
    assert contract.json("bulkUpdateFlows", body=two, query={"namespace": space, "delete": False})
    below = flow_text("three", "tasks: [{id: a, type: @log.Log, message: x}]", space + ".below")
    contract.call("bulkUpdateFlows", body=below, query={"namespace": space, "delete": False}, status=422)
    query = {"namespace": space, "delete": False, "allowNamespaceChild": True}
    assert contract.json("bulkUpdateFlows", body=below, query=query)


def test_validations(contract: Contract, flow: str) -> None:
    """§7: always 200, one entry a document in order, `index` from 0."""
    text = flow_text(flow, BODY, NS)
    good, bad = contract.json("validateFlows", body=f"{text}---\nid: bad\nnamespace: a.b\ntasks: []\n")
    assert good["index"] == 0 and "constraints" not in good
    assert bad["index"] == 1 and bad["constraints"]
    assert contract.json("validateFlows", form={"flows": text.encode()})[0]["filename"] == "flows"
    task = {"id": "a", "type": "io.kestra.plugin.core.log.Log", "message": "x"}
    told = contract.json("validateTask", body=task, query={"section": "TASKS"})
    assert told["index"] == 0 and "constraints" not in told
    assert contract.json("validateTask", body={"id": "a"}, query={"section": "TASKS"})["constraints"]
    yaml_task = "id: a\ntype: io.kestra.plugin.core.log.Log\nmessage: x\n"
    told = contract.json("validateTask", body=yaml_task, content_type="application/x-yaml", query={"section": "TASKS"})
    assert "constraints" not in told
    contract.call("validateTask", body=task, query={"section": "OTHER"}, status=422)
    contract.call("validateTask", body=task, status=400)
    trigger = {"id": "t", "type": "io.kestra.plugin.core.trigger.Schedule", "cron": "nonsense"}
    assert contract.json("validateTrigger", body=trigger)["constraints"]


def test_concurrency_limits(contract: Contract) -> None:
    """§7: who runs; 404 without a counter; PUT overwrites `running`."""
    sleeper = "concurrency: {limit: 1}\ntasks: [{id: s, type: @flow.Sleep, duration: PT30S}]"
    contract.call("createFlow", body=flow_text("limited", sleeper, NS))
    place = {"namespace": NS, "flowId": "limited"}
    body = {"tenantId": "main", **place, "running": 0}
    contract.call("updateConcurrencyLimit", body=body, status=404, **place)
    made = contract.server.execute(NS, "limited")

    def counted() -> list[Any]:
        return [one for one in contract.json("searchConcurrencyLimits")["results"] if one["flowId"] == "limited"]

    assert eventually(counted, what="its place") == [{"tenantId": "main", **place, "running": 1}]
    assert contract.json("updateConcurrencyLimit", body={**body, "running": 1}, **place)["running"] == 1
    contract.call("updateConcurrencyLimit", body={**body, "running": "many"}, status=422, **place)
    contract.call("updateConcurrencyLimit", body={**body, "running": -1}, status=422, **place)
    second = contract.server.execute(NS, "limited")
    eventually(
        lambda: contract.server.execution(second["id"])["state"]["current"] == "QUEUED", what="the second one waits"
    )
    assert contract.json("updateConcurrencyLimit", body={**body, "running": 0}, **place)["running"] == 0

    def both() -> bool:
        return all(contract.server.execution(one["id"])["state"]["current"] == "RUNNING" for one in (made, second))

    eventually(both, what="both run: the place of the first went to the second")
    for one in (made, second):
        contract.call("killExecution", executionId=one["id"], status=202)
