"""The shapes that strict clients parse: types, required members, enumerations, streams (spec: contract §9, §16)."""

from __future__ import annotations

import http.client
import json
import re
from base64 import b64encode
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, messages, run_of
from tests.support.server import Server

pytestmark = pytest.mark.timeout(60)

T = "/api/v1/main"
NS = "conformance.models"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
STATES = [
    *("CREATED", "SUBMITTED", "RUNNING", "PAUSED", "RESTARTED", "KILLING", "SUCCESS", "WARNING", "FAILED", "KILLED"),
    *("CANCELLED", "QUEUED", "RETRYING", "RETRIED", "SKIPPED", "BREAKPOINT", "RESUBMITTED"),
]
RELATIONS = {"SEQUENTIAL", "CHOICE", "ERROR", "FINALLY", "AFTER_EXECUTION", "PARALLEL", "DYNAMIC", None}

FLOW = flow_text(
    "model",
    """
    description: "**All** of it"
    labels: {team: data, n: 5}
    concurrency: {limit: 3}
    inputs:
      - {id: n, type: INT, defaults: 5}
      - {id: b, type: BOOLEAN, defaults: true}
      - {id: l, type: JSON, defaults: [1]}
      - {id: s, type: SELECT, values: [a, b], required: false}
    variables: {v: {a: 1}}
    tasks:
      - {id: one, type: @debug.Return, format: "{{ inputs.n }}", timeout: PT1M}
      - id: each
        type: @flow.ForEach
        values: [1, 2]
        tasks: [{id: inner, type: @log.Log, message: "{{ taskrun.value }}"}]
      - id: which
        type: @flow.If
        condition: "{{ true }}"
        then: [{id: yes, type: @log.Log, message: x}]
        else: [{id: no, type: @log.Log, message: x}]
    errors: [{id: bad, type: @log.Log, message: x}]
    finally: [{id: fin, type: @log.Log, message: x}]
    outputs: [{id: o, type: INT, value: 7}]
    triggers:
      - {id: day, type: @trigger.Schedule, cron: "0 3 1 1 *", timezone: Europe/Paris}
      - {id: hook, type: @trigger.Webhook, key: model-key}
    """,
    NS,
)


def instant(value: Any) -> None:
    assert isinstance(value, str) and INSTANT.fullmatch(value), value


def whole(value: Any) -> None:
    assert type(value) is int, value


def no_nulls(value: Any, path: str = "") -> None:
    """Null members are left out; free values of users may hold them."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("inputs", "outputs", "variables", "trigger", "value"):
                continue
            assert item is not None, f"{path}.{key}"
            no_nulls(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            no_nulls(item, f"{path}[]")


def state(value: Any) -> None:
    assert value["current"] in STATES and isinstance(value["duration"], str) and value["duration"].startswith("PT")
    assert value["histories"] and value["histories"][-1]["state"] == value["current"]
    for one in value["histories"]:
        assert one["state"] in STATES
        instant(one["date"])
    instant(value["startDate"])
    if "endDate" in value:
        instant(value["endDate"])


def execution(value: Any, *, runs: bool = True) -> None:
    for name in ("id", "namespace", "flowId", "tenantId"):
        assert isinstance(value[name], str)
    whole(value["flowRevision"])
    whole(value["metadata"]["attemptNumber"])
    instant(value["metadata"]["originalCreatedDate"])
    assert value["deleted"] is False and re.fullmatch(r"[0-9A-Za-z]{20,22}", value["id"])
    state(value["state"])
    assert isinstance(value["labels"], list) and all(set(one) == {"key", "value"} for one in value["labels"])
    assert all(isinstance(one["value"], str) for one in value["labels"])
    for run in value.get("taskRunList") or []:
        for name in ("id", "executionId", "namespace", "flowId", "taskId"):
            assert isinstance(run[name], str)
        state(run["state"])
        assert "outputs" in run
        for one in run.get("attempts") or []:
            state(one["state"])
        if "iteration" in run:
            whole(run["iteration"])
    no_nulls({k: v for k, v in value.items() if k != "taskRunList"})


@pytest.fixture(scope="module")
def ended(server: Server) -> Any:
    server.save_flow(FLOW)
    return server.finished(server.execute(NS, "model")["id"])


def test_flows(server: Server, ended: Any) -> None:
    flow = server.call("GET", f"{T}/flows/{NS}/model?source=true").json
    assert flow["source"] == FLOW and flow["revision"] == ended["flowRevision"]
    whole(flow["revision"])
    instant(flow["updated"])
    assert flow["disabled"] is False and flow["deleted"] is False
    assert {(one["key"], one["value"]) for one in flow["labels"]} == {("team", "data"), ("n", "5")}
    assert flow["concurrency"] == {"limit": 3, "behavior": "QUEUE"}
    assert [one["defaults"] for one in flow["inputs"] if "defaults" in one] == ["5", "true", "[1]"]
    assert all(isinstance(one["id"], str) and isinstance(one["type"], str) for one in flow["inputs"])
    assert flow["outputs"][0]["value"] == "7"
    for task in [*flow["tasks"], *flow["errors"], *flow["finally"], *flow["triggers"]]:
        assert task["id"] and task["type"].startswith("io.kestra.")
    no_nulls(flow)
    trimmed = server.call("GET", f"{T}/executions/{ended['id']}/flow").json
    assert [task["id"] for task in trimmed["tasks"]] == ["one", "each", "which"]
    assert "format" not in trimmed["tasks"][0] and trimmed["tasks"][1]["tasks"][0]["id"] == "inner"
    assert trimmed["disabled"] is False and trimmed["deleted"] is False
    found = server.call("GET", f"{T}/flows/search?filters[namespace][EQUALS]={NS}".replace("[", "%5B")).json
    whole(found["total"])
    assert found["results"][0]["id"] == "model" and isinstance(found["results"][0]["tasks"], list)
    revisions = server.call("GET", f"{T}/flows/{NS}/model/revisions").json
    assert [one["revision"] for one in revisions] == sorted(one["revision"] for one in revisions)


def test_validations_count_their_documents(server: Server) -> None:
    body = FLOW + "---\nid: broken\nnamespace: x\n---\n" + FLOW.replace("id: model", "id: other", 1)
    found = server.call("POST", f"{T}/flows/validate", body=body, content_type="application/x-yaml").json
    assert [one["index"] for one in found] == [0, 1, 2] and [bool(one.get("constraints")) for one in found] == [
        False,
        True,
        False,
    ]
    one = server.call(
        "POST",
        f"{T}/flows/validate/task?section=TASKS",
        json_body={"id": "a", "type": "io.kestra.plugin.core.log.Log", "message": "x"},
    )
    assert one.json["index"] == 0 and not one.json.get("constraints")
    trigger = server.call("POST", f"{T}/flows/validate/trigger", json_body={"id": "a", "type": "nonsense"})
    assert trigger.json["index"] == 0 and trigger.json["constraints"]


def test_executions(server: Server, ended: Any) -> None:
    execution(ended)
    assert ended["state"]["current"] == "SUCCESS" and ended["outputs"] == {"o": 7}
    created = server.execute(NS, "model")
    execution(created)
    assert created["state"]["current"] == "CREATED" and created["url"].endswith(created["id"])
    execution(server.finished(created["id"]))
    found = server.call("GET", f"{T}/executions/search?size=1&namespace={NS}").json
    whole(found["total"])
    assert len(found["results"]) == 1 and found["total"] >= 2
    for one in found["results"]:
        execution(one)
    latest = server.call("POST", f"{T}/executions/latest", json_body=[{"namespace": NS, "id": "model"}]).json
    assert latest[0]["flowId"] == "model" and latest[0]["status"] in STATES
    assert run_of(ended, "inner", "2")["iteration"] == 1
    past = server.call("GET", f"{T}/executions/search?page=900&namespace={NS}").json
    assert past["results"] == [] and past["total"] == found["total"]


def test_graphs(server: Server, ended: Any) -> None:
    for path in (f"{T}/flows/{NS}/model/graph", f"{T}/executions/{ended['id']}/graph"):
        graph = server.call("GET", path).json
        uids = {node["uid"] for node in graph["nodes"]}
        assert len(uids) == len(graph["nodes"]) and all(node["type"] for node in graph["nodes"])
        for edge in graph["edges"]:
            assert {edge["source"], edge["target"]} <= uids
            assert edge.get("relation", {}).get("relationType") in RELATIONS
        for cluster in graph["clusters"]:
            assert set(cluster["nodes"]) <= uids and {cluster["start"], cluster["end"]} <= uids
    sent = server.call("POST", f"{T}/flows/graph", body=FLOW, content_type="application/x-yaml")
    assert {node["uid"] for node in sent.json["nodes"]}


def test_triggers(server: Server, ended: Any) -> None:
    found = server.call("GET", f"{T}/triggers/search?namespace={NS}").json
    (row,) = found["results"]
    assert row["abstractTrigger"]["id"] == "day"
    context = row["triggerContext"]
    assert (context["namespace"], context["flowId"], context["triggerId"]) == (NS, "model", "day")
    assert isinstance(context["date"], str) and "[" not in context["nextExecutionDate"]
    assert context["disabled"] is False


def test_logs_and_metrics(server: Server, ended: Any) -> None:
    messages(server, ended["id"], "1", "2")
    lines = server.logs(ended["id"])
    for line in lines:
        instant(line["timestamp"])
        assert line["level"] in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
        assert line["executionId"] == ended["id"] and line["flowId"] == "model" and line["namespace"] == NS
    assert [line["timestamp"] for line in lines] == sorted(line["timestamp"] for line in lines)
    text = server.call("GET", f"{T}/logs/{ended['id']}/download", headers={"Accept": "text/plain"})
    assert text.headers["content-disposition"].endswith(".log") or ".log" in text.headers["content-disposition"]
    assert len(text.text.strip().splitlines()) == len(lines)
    found = server.call("GET", f"{T}/logs/search?namespace={NS}&minLevel=INFO&size=2").json
    assert len(found["results"]) == 2 and found["total"] >= len(lines)


def test_namespaces_secrets_and_plugins(server: Server, ended: Any) -> None:
    found = server.call("GET", f"{T}/namespaces/search?q=conformance").json
    assert any(one["id"] == NS and one["deleted"] is False for one in found["results"])
    secrets = server.call("GET", f"{T}/namespaces/{NS}/secrets").json
    assert isinstance(secrets["readOnly"], bool) and isinstance(secrets["results"], list)
    plugins = server.call("GET", "/api/v1/plugins").json
    assert all(isinstance(one["tasks"], list) for one in plugins)
    schema = server.call("GET", "/api/v1/plugins/schemas/FLOW").json
    assert schema["properties"]["tasks"]
    configs = server.call("GET", "/api/v1/configs", auth=False).json
    assert isinstance(configs["version"], str) and configs["isBasicAuthInitialized"] is True


def events(server: Server, path: str, *, until: str, most: int = 200) -> list[tuple[str, Any]]:
    """(id, data) of a stream's events until one has the id `until`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    credential = b64encode(f"{server.username}:{server.password}".encode()).decode()
    connection.request("GET", path, headers={"Authorization": f"Basic {credential}", "Accept": "text/event-stream"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("content-type", "").startswith("text/event-stream")
    out: list[tuple[str, Any]] = []
    id_, data = "", ""
    while len(out) < most:
        line = answer.readline().decode()
        if not line:
            break
        assert not line.startswith("event:")
        if line.startswith("id:"):
            id_ = line[3:].strip()
        elif line.startswith("data:"):
            data = line[5:].strip()
        elif not line.strip() and data:
            out.append((id_, json.loads(data)))
            if id_ == until:
                break
            id_, data = "", ""
    connection.close()
    return out


def test_an_execution_can_be_followed(server: Server, ended: Any) -> None:
    server.save_flow(
        flow_text(
            "followed",
            "tasks: [{id: a, type: @flow.Sleep, duration: PT0.3S}, {id: b, type: @log.Log, message: b}]",
            NS,
        )
    )
    created = server.execute(NS, "followed")["id"]
    seen = events(server, f"{T}/executions/{created}/follow", until="end")
    assert [seen[0][0], seen[-1][0]] == ["start", "end"] and seen[0][1]["id"] == created
    assert {kind for kind, _ in seen[1:-1]} == {"progress"}
    execution(seen[-1][1])
    assert seen[-1][1]["state"]["current"] == "SUCCESS"
    past = events(server, f"{T}/executions/{ended['id']}/follow", until="end")
    assert [past[0][0], past[-1][0]] == ["start", "end"]
    missing = server.call("GET", f"{T}/executions/0000000000000000000000/follow", seconds=20)
    assert missing.status == 404


def test_log_lines_can_be_followed(server: Server) -> None:
    server.save_flow(
        flow_text(
            "followed_logs",
            """
            tasks:
              - {id: a, type: @log.Log, message: early}
              - {id: nap, type: @flow.Sleep, duration: PT0.3S}
              - {id: b, type: @log.Log, message: late}
              - {id: c, type: @log.Log, message: quiet, level: DEBUG}
            """,
            NS,
        )
    )
    created = server.execute(NS, "followed_logs")["id"]
    seen = events(server, f"{T}/logs/{created}/follow?minLevel=INFO", until="never", most=5)
    said = [data["message"] for kind, data in seen if kind == "progress"]
    assert seen[0] == ("start", {}) and said.index("early") < said.index("late") and "quiet" not in said
