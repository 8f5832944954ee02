"""Every operation on executions, called by its operationId and held against the document (spec: REST contract §6, §8-10)."""

from __future__ import annotations

import json
import urllib.request
from base64 import b64encode
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, run_of
from tests.support.contract import Contract
from tests.support.server import eventually

pytestmark = pytest.mark.timeout(60)

NS = "operations.executions"
ABSENT = "0000000000000000000000"
FLOWS = {
    "quick": """
        labels: {team: data}
        inputs:
          - {id: text, type: STRING, defaults: hello}
          - {id: n, type: INT, required: false}
          - {id: file, type: FILE, required: false}
        tasks: [{id: say, type: @debug.Return, format: "{{ inputs.text }}"}]
        outputs: [{id: said, type: STRING, value: "{{ outputs.say.value }}"}]
        triggers: [{id: hook, type: @trigger.Webhook, key: operations-key}]
        """,
    "fails": "tasks: [{id: bad, type: @execution.Fail}]",
    "sleeps": "tasks: [{id: s, type: @flow.Sleep, duration: PT60S}]",
    "one": "concurrency: {limit: 1}\ntasks: [{id: s, type: @flow.Sleep, duration: PT60S}]",
    "pauses": """
        tasks:
          - {id: p, type: @flow.Pause, onResume: [{id: ok, type: INT}, {id: n, type: INT, defaults: 5}]}
          - {id: after, type: @debug.Return, format: "{{ outputs.p.onResume.ok }}"}
        """,
    "steps": "tasks: [{id: a, type: @debug.Return, format: a}, {id: b, type: @debug.Return, format: b}]",
    "files": """
        tasks:
          - {id: csv, type: @storage.Write, extension: .csv, content: "a,b\\n1,2\\n3,4\\n"}
          - {id: jsonl, type: @storage.Write, extension: .jsonl, content: "{\\"a\\": 1}\\n{\\"a\\": 2}\\n"}
          - {id: json, type: @storage.Write, extension: .json, content: "[{\\"a\\": 1}]"}
          - {id: ion, type: @storage.Write, extension: .ion, content: "{a: 1}\\n{a: 2}\\n"}
          - {id: text, type: @storage.Write, extension: .txt, content: "plain"}
          - {id: md, type: @storage.Write, extension: .md, content: "# Title"}
          - {id: svg, type: @storage.Write, extension: .png, content: "not really"}
        """,
}


@pytest.fixture(scope="module", autouse=True)
def flows(contract: Contract) -> None:
    for name, body in FLOWS.items():
        contract.call("createFlow", body=flow_text(name, body, NS))


def ran(contract: Contract, flow: str, **more: Any) -> Any:
    """An execution that ended."""
    return contract.json("createExecution", namespace=NS, id=flow, query={"wait": True}, **more)


def started(contract: Contract, flow: str, state: str, **more: Any) -> str:
    """The id of an execution in this state."""
    made = contract.json("createExecution", namespace=NS, id=flow, **more)["id"]
    eventually(
        lambda: contract.json("getExecution", executionId=made)["state"]["current"] == state, what=f"{flow} is {state}"
    )
    return str(made)


def state(contract: Contract, execution: str) -> str:
    return contract.json("getExecution", executionId=execution)["state"]["current"]


def test_creation(contract: Contract) -> None:
    """§8: CREATED at once, `wait` until the end with outputs; what is refused and how."""
    place = {"namespace": NS, "id": "quick"}
    made = contract.json("createExecution", **place)
    assert made["state"]["current"] == "CREATED" and made["url"].endswith(f"/executions/{NS}/quick/{made['id']}")
    form = {"text": "moin", "n": "4", "file": b"content"}
    ended = ran(contract, "quick", form=form)
    assert ended["outputs"] == {"said": "moin"} and ended["inputs"]["n"] == 4
    assert ended["inputs"]["file"].startswith("kestra:///")
    query = {"labels": ["system.correlationId:abc"], "kind": "TEST", "breakpoints": "say"}
    labelled = contract.json("createExecution", query=query, **place)
    assert {"key": "system.correlationId", "value": "abc"} in labelled["labels"]
    later = contract.json("createExecution", query={"scheduleDate": "2099-01-01T00:00:00Z"}, **place)
    assert later["scheduleDate"].startswith("2099")
    contract.call("killExecution", executionId=later["id"], status=202)
    assert contract.json("triggerExecution", **place)["id"]
    for query, status in (
        ({"revision": 99}, 404),
        ({"revision": "abc"}, 422),
        ({"labels": "broken"}, 422),
        ({"labels": "system.other:x"}, 422),
        ({"scheduleDate": "yesterday"}, 422),
        ({"kind": "NONE"}, 422),
        ({"wait": "perhaps"}, 422),
    ):
        assert contract.json("createExecution", query=query, status=status, **place)["message"]
    contract.call("createExecution", status=404, namespace=NS, id="absent")
    refused = contract.json("createExecution", form={"n": "four"}, status=422, **place)
    assert "n" in refused["message"] and refused["message"].startswith("Invalid entity")
    contract.call("createExecution", body="x", content_type="text/plain", status=415, **place)
    told = contract.json("validateNewExecutionInputs", form={"n": "four"}, **place)
    assert next(one for one in told["inputs"] if one["input"]["id"] == "n")["errors"]
    contract.call("disableFlowsByIds", body=[{"namespace": NS, "id": "steps"}])
    assert contract.json("createExecution", status=409, namespace=NS, id="steps")["message"].startswith("Illegal state")
    contract.call("enableFlowsByIds", body=[{"namespace": NS, "id": "steps"}])


def test_reading(contract: Contract) -> None:
    """§4, §5, §8: pages, filters, the older spellings, CSV, trimmed flows."""
    one = ran(contract, "quick")
    page = contract.json("searchExecutionsByFlowId", query={"namespace": NS, "flowId": "quick", "size": 1})
    assert len(page["results"]) == 1 and page["total"] >= 1
    contract.call("searchExecutionsByFlowId", query={"namespace": NS}, status=400)
    for query in (
        {"filters[namespace][EQUALS]": NS, "filters[state][IN]": "SUCCESS,FAILED", "sort": "state.startDate:desc"},
        {"filters[labels][EQUALS][team]": "data", "filters[timeRange][EQUALS]": "PT1H", "sort": "state.duration:asc"},
        {"filters[q][EQUALS]": one["id"]},
        {"filters[flowId][REGEX]": "^qui.k$", "filters[namespace][STARTS_WITH]": "operations"},
        {"filters[startDate][GREATER_THAN]": "2020-01-01T00:00Z", "filters[childFilter][EQUALS]": "MAIN"},
        {"filters[scope][EQUALS]": "USER", "filters[kind][IN]": "NORMAL"},
        {"filters[NAMESPACE][EQUALS]": NS},
        {"namespace": "operations", "state": ["SUCCESS"], "labels": "team:data", "dateFilter": "END_DATE"},
        {"flowId": "quick", "childFilter": "MAIN", "startDate": "2020-01-01T00:00:00+01:00"},
    ):
        found = contract.json("searchExecutions", query={**query, "size": 1000})
        assert one["id"] in {e["id"] for e in found["results"]}, query
    for query, status in (
        ({"filters[nothing][EQUALS]": "x"}, 400),
        ({"filters[state][CONTAINS]": "RUN"}, 400),
        ({"filters": "state=RUNNING"}, 400),
        ({"filters[state][EQUALS]": "WALKING"}, 422),
        ({"filters[startDate][EQUALS]": "noon"}, 422),
        ({"filters[timeRange][EQUALS]": "long"}, 422),
        ({"sort": "password:asc"}, 422),
        ({"size": 0}, 422),
        ({"dateFilter": "BIRTHDAY"}, 422),
    ):
        assert contract.json("searchExecutions", query=query, status=status)["message"], query
    assert contract.call("exportExecutions", query={"filters[namespace][EQUALS]": NS}).text.startswith("id,")
    latest = contract.json(
        "getLatestExecutions", body=[{"namespace": NS, "id": "quick"}, {"namespace": NS, "id": "no"}]
    )
    assert [one["flowId"] for one in latest] == ["quick"]
    assert NS in contract.json("listExecutableDistinctNamespaces")
    assert "quick" in {f["id"] for f in contract.json("listFlowExecutionsByNamespace", namespace=NS)}
    assert contract.json("getFlowFromExecution", namespace=NS, flowId="quick")["id"] == "quick"
    assert contract.json("getFlowFromExecutionById", executionId=one["id"])["id"] == "quick"
    assert contract.json("getExecutionFlowGraph", executionId=one["id"])["nodes"]
    for operation in ("getExecution", "getFlowFromExecutionById", "getExecutionFlowGraph"):
        contract.call(operation, executionId=ABSENT, status=404)
    contract.call("getFlowFromExecution", namespace=NS, flowId="absent", status=404)


def test_expressions(contract: Contract) -> None:
    """§8: the result, or the error; in the scope of a task run too."""
    one = ran(contract, "quick")
    assert contract.json("evalExpression", body="{{ inputs.text }}", executionId=one["id"]) == {"result": "hello"}
    assert contract.json("evalExpression", body="{{ nope(", executionId=one["id"])["error"]
    run = run_of(one, "say")["id"]
    told = contract.json("evalTaskRunExpression", body="{{ taskrun.id }}", executionId=one["id"], taskRunId=run)
    assert told == {"result": run}
    contract.call("evalTaskRunExpression", body="x", executionId=one["id"], taskRunId=ABSENT, status=422)
    contract.call("evalExpression", body="x", executionId=ABSENT, status=404)


def test_actions_of_an_ended_execution(contract: Contract) -> None:
    """§8: restart, replay, status, state and labels; what an ended one refuses."""
    bad = ran(contract, "fails")
    place = {"executionId": bad["id"]}
    assert contract.json("setLabelsOnTerminatedExecution", body=[{"key": "a", "value": "b"}], **place)["labels"]
    for wrong in (
        {"key": "", "value": "b"},
        {"key": "a", "value": ""},
        {"key": "Not a key", "value": "b"},
        {"key": "a"},
    ):
        contract.call("setLabelsOnTerminatedExecution", body=[wrong], status=422, **place)
    assert contract.json("replayExecution", **place)["originalId"] == bad["id"]
    again = contract.json("replayExecution", query={"taskRunId": run_of(bad, "bad")["id"]}, **place)
    assert again["id"] != bad["id"]
    contract.call("replayExecution", query={"taskRunId": ABSENT}, status=404, **place)
    quick = ran(contract, "quick")["id"]
    other = contract.json("replayExecutionWithinputs", form={"text": "other"}, executionId=quick)
    assert other["inputs"]["text"] == "other"
    assert contract.json("updateExecutionStatus", query={"status": "WARNING"}, **place)["state"]["current"] == "WARNING"
    contract.call("updateExecutionStatus", query={"status": "RUNNING"}, status=422, **place)
    contract.call("updateExecutionStatus", query={"status": "WALKING"}, status=422, **place)
    contract.call("updateExecutionStatus", status=400, **place)
    marked = ran(contract, "fails")
    body = {"taskRunId": run_of(marked, "bad")["id"], "state": "SUCCESS"}
    contract.call("updateTaskRunState", body=body, executionId=marked["id"])
    eventually(lambda: state(contract, marked["id"]) == "SUCCESS", what="the marked one goes on")
    contract.call("updateTaskRunState", body={**body, "state": "WALKING"}, executionId=marked["id"], status=422)
    contract.call("updateTaskRunState", body={**body, "taskRunId": ABSENT}, executionId=marked["id"], status=404)
    failed = ran(contract, "fails")["id"]
    assert contract.json("restartExecution", executionId=failed)["metadata"]["attemptNumber"] == 2
    for operation, status in (
        ("pauseExecution", 409),
        ("resumeExecution", 409),
        ("resumeExecutionFromBreakpoint", 409),
    ):
        contract.call(operation, executionId=quick, status=status)
    contract.call("killExecution", executionId=quick, query={"isOnKillCascade": False}, status=409)
    contract.call("forceRunExecution", executionId=quick, status=422)
    contract.call("unqueueExecution", executionId=quick, query={"state": "RUNNING"}, status=409)
    contract.call("deleteExecution", executionId=quick, status=204, query={"deleteLogs": False})
    for operation in ("deleteExecution", "killExecution", "restartExecution", "replayExecution", "forceRunExecution"):
        contract.call(operation, executionId=ABSENT, status=404)


def test_actions_of_a_running_execution(contract: Contract) -> None:
    """§8: pause, resume with inputs, queue, breakpoints, kill."""
    sleeper = started(contract, "sleeps", "RUNNING")
    contract.call("setLabelsOnTerminatedExecution", body=[{"key": "a", "value": "b"}], executionId=sleeper, status=400)
    contract.call("restartExecution", executionId=sleeper, status=409)
    contract.call("pauseExecution", executionId=sleeper, status=204)
    contract.call("forceRunExecution", executionId=sleeper)
    contract.call("killExecution", executionId=sleeper, status=202)
    eventually(lambda: state(contract, sleeper) == "KILLED", what="killed")
    paused = started(contract, "pauses", "PAUSED")
    told = contract.json("validateResumeExecutionInputs", executionId=paused)
    assert told["inputs"][0]["input"]["id"] == "ok" and told["inputs"][0]["errors"]
    contract.call("resumeExecution", form={"ok": "perhaps"}, executionId=paused, status=422)
    contract.call("resumeExecution", form={"ok": "1"}, executionId=paused, status=204)
    eventually(lambda: state(contract, paused) == "SUCCESS", what="resumed")
    first = started(contract, "one", "RUNNING")
    queued = started(contract, "one", "QUEUED")
    assert contract.json("unqueueExecution", executionId=queued, query={"state": "CANCELLED"})["id"] == queued
    for one in (first, queued):
        if state(contract, one) in ("RUNNING", "QUEUED", "CREATED"):
            contract.call("killExecution", executionId=one, status=202)
    stopped = started(contract, "steps", "BREAKPOINT", query={"breakpoints": "b"})
    contract.call("resumeExecutionFromBreakpoint", executionId=stopped, query={"breakpoints": ""}, status=204)
    eventually(lambda: state(contract, stopped) == "SUCCESS", what="behind the breakpoint")


BY_IDS: dict[str, tuple[str, dict[str, Any]]] = {
    "deleteExecutionsByIds": ("sleeps", {}),
    "killExecutionsByIds": ("quick", {}),
    "pauseExecutionsByIds": ("quick", {}),
    "resumeExecutionsByIds": ("quick", {}),
    "restartExecutionsByIds": ("quick", {}),
    "forceRunByIds": ("quick", {}),
    "unqueueExecutionsByIds": ("quick", {"query": {"state": "RUNNING"}}),
    "updateExecutionsStatusByIds": ("sleeps", {"query": {"newStatus": "FAILED"}}),
    "replayExecutionsByIds": ("", {}),
    "setLabelsOnTerminatedExecutionsByIds": ("sleeps", {}),
}
"""Operation → the flow whose executions are in a state that it does not take."""


def test_bulk_by_ids_is_all_or_nothing(contract: Contract) -> None:
    """§6: one unknown or unfit id, and nothing is done: 400 with the reason of each."""
    examples = {"quick": ran(contract, "quick")["id"], "sleeps": started(contract, "sleeps", "RUNNING")}
    for operation, (flow, more) in BY_IDS.items():
        ids = [ABSENT, *([examples[flow]] if flow else [])]
        body: Any = ids
        if operation == "setLabelsOnTerminatedExecutionsByIds":
            body = {"executionsId": ids, "executionLabels": [{"key": "a", "value": "b"}]}
        told = contract.json(operation, body=body, status=400, **more)
        assert [one["invalidValue"] for one in told["invalids"]] == ids and all(o["message"] for o in told["invalids"])
        assert told["message"].startswith("invalid bulk ")
        contract.call(operation, body={"x": 1} if isinstance(body, list) else [1], status=422, **more)
    contract.call("updateExecutionsStatusByIds", body=[examples["quick"]], status=400)
    contract.call("updateExecutionsStatusByIds", body=[examples["quick"]], query={"newStatus": "X"}, status=422)
    assert contract.json("killExecutionsByIds", body=[examples["sleeps"]]) == {"count": 1}
    one = [examples["quick"]]
    assert contract.json("replayExecutionsByIds", body=one, query={"latestRevision": True}) == {"count": 1}
    assert contract.json("updateExecutionsStatusByIds", body=one, query={"newStatus": "FAILED"}) == {"count": 1}
    assert contract.json("restartExecutionsByIds", body=[ran(contract, "fails")["id"]]) == {"count": 1}
    labels = {"executionsId": one, "executionLabels": [{"key": "bulk", "value": "yes"}]}
    assert contract.json("setLabelsOnTerminatedExecutionsByIds", body=labels) == {"count": 1}
    sleeper = [started(contract, "sleeps", "RUNNING")]
    assert contract.json("forceRunByIds", body=sleeper) == {"count": 1}
    assert contract.json("pauseExecutionsByIds", body=sleeper) == {"count": 1}
    contract.call("killExecutionsByIds", body=sleeper)
    assert contract.json("resumeExecutionsByIds", body=[started(contract, "pauses", "PAUSED")])["count"] in (0, 1)
    first, queued = started(contract, "one", "RUNNING"), started(contract, "one", "QUEUED")
    assert contract.json("unqueueExecutionsByIds", body=[queued], query={"state": "RUNNING"}) == {"count": 1}
    contract.call("killExecutionsByIds", body=[first, queued])
    assert contract.json("deleteExecutionsByIds", body=one) == {"count": 1}


def test_bulk_by_query_takes_what_fits(contract: Contract) -> None:
    """§6: all matches whose state fits; the filters of §5 in the query."""
    none = {"filters[namespace][EQUALS]": NS, "filters[flowId][EQUALS]": "never-ran"}
    for operation, more in (
        ("killExecutionsByQuery", {}),
        ("pauseExecutionsByQuery", {}),
        ("resumeExecutionsByQuery", {}),
        ("restartExecutionsByQuery", {}),
        ("replayExecutionsByQuery", {"latestRevision": True}),
        ("forceRunExecutionsByQuery", {}),
        ("unqueueExecutionsByQuery", {"newState": "RUNNING"}),
        ("updateExecutionsStatusByQuery", {"newStatus": "FAILED"}),
        ("deleteExecutionsByQuery", {}),
    ):
        assert contract.json(operation, query={**none, **more}) == {"count": 0}, operation
        contract.call(operation, query={"filters[level][EQUALS]": "INFO", **more}, status=400)
        contract.call(operation, query={"filters": "broken", **more}, status=400)
    label = [{"key": "by", "value": "query"}]
    assert contract.json("setLabelsOnTerminatedExecutionsByQuery", body=label, query=none) == {"count": 0}
    ran(contract, "fails")
    query = {"filters[namespace][EQUALS]": NS, "filters[flowId][EQUALS]": "fails", "filters[state][EQUALS]": "FAILED"}
    assert contract.json("setLabelsOnTerminatedExecutionsByQuery", body=label, query=query)["count"] >= 1
    found = contract.json("deleteExecutionsByQuery", query={**query, "filters[labels][EQUALS][by]": "query"})
    assert found["count"] >= 1


def test_webhooks(contract: Contract) -> None:
    """§8: anonymous by key, every method; a path only where the trigger declares it."""
    place = {"namespace": NS, "id": "quick", "key": "operations-key"}
    for method in ("Get", "Put", "Post"):
        made = contract.json(f"triggerExecutionBy{method}Webhook", **place)
        assert made["trigger"]["id"] == "hook" and made["url"]
        contract.call(f"triggerExecutionBy{method}Webhook", status=404, **{**place, "key": "wrong"})
        contract.call(f"triggerExecutionBy{method}WebhookWithPath", path="other", status=404, **place)
    answer = contract.server.call("POST", f"/api/v1/main/executions/webhook/{NS}/quick/operations-key", auth=False)
    assert answer.status == 200


def test_files(contract: Contract) -> None:
    """§10: bytes, size and the head of every kind; other executions' files and what is no file."""
    done = ran(contract, "files")
    place = {"executionId": done["id"]}

    def uri(task: str) -> str:
        return str(run_of(done, task)["outputs"]["uri"])

    answer = contract.call("downloadFileFromExecution", query={"path": uri("csv")}, **place)
    assert answer.body == b"a,b\n1,2\n3,4\n" and "attachment" in answer.headers["content-disposition"]
    assert contract.json("getFileMetadatasFromExecution", query={"path": uri("csv")}, **place) == {"size": 12}
    for task, kind, content in (
        ("csv", "LIST", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ("jsonl", "LIST", [{"a": 1}, {"a": 2}]),
        ("ion", "LIST", [{"a": 1}, {"a": 2}]),
        ("json", "LIST", [{"a": 1}]),
        ("text", "TEXT", "plain"),
        ("md", "MARKDOWN", "# Title"),
        ("svg", "IMAGE", b64encode(b"not really").decode()),
    ):
        found = contract.json("previewFileFromExecution", query={"path": uri(task), "maxRows": 100}, **place)
        assert (found["type"], found["content"]) == (kind, content), found
        assert found["truncated"] is False and found["extension"]
    short = contract.json("previewFileFromExecution", query={"path": uri("csv"), "maxRows": 1}, **place)
    assert len(short["content"]) == 1 and short["truncated"] is True
    for query, status in (
        ({"path": uri("csv"), "maxRows": 0}, 422),
        ({"path": uri("csv"), "encoding": "klingon"}, 422),
        ({"path": "kestra:///../../etc/passwd"}, 422),
        ({"path": uri("csv").replace(".csv", ".none")}, 404),
        ({}, 400),
    ):
        assert contract.json("previewFileFromExecution", query=query, status=status, **place)["message"]
        if "maxRows" not in query and "encoding" not in query:
            contract.call("downloadFileFromExecution", query=query, status=status, **place)
            contract.call("getFileMetadatasFromExecution", query=query, status=status, **place)


def events(contract: Contract, operation: str, query: str = "", **path: str) -> list[tuple[str, Any]]:
    """All events of a stream that ends by itself."""
    _, pattern, _ = contract.operations[operation]
    address = pattern.replace("{tenant}", "main")
    for name, value in path.items():
        address = address.replace("{" + name + "}", value)
    server = contract.server
    login = "Basic " + b64encode(f"{server.username}:{server.password}".encode()).decode()
    request = urllib.request.Request(server.url + address + query, headers={"Authorization": login})
    found = []
    with urllib.request.urlopen(request, timeout=30) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        identity = ""
        for line in stream:
            text = line.decode().rstrip("\r\n")
            assert not text.startswith("event:")
            if text.startswith("id:"):
                identity = text[3:].strip()
            elif text.startswith("data:"):
                found.append((identity, json.loads(text[5:])))
    return found


def test_streams(contract: Contract) -> None:
    """§9: no event names, the id tells; start, progress, end."""
    one = contract.json("createExecution", namespace=NS, id="quick")["id"]
    told = events(contract, "followExecution", executionId=one)
    assert told[0] == ("start", {"id": one}) and told[-1][0] == "end"
    assert told[-1][1]["state"]["current"] == "SUCCESS"
    told = events(contract, "followExecution", executionId=one)
    assert [name for name, _ in told] == ["start", "end"]
    told = events(contract, "followDependenciesExecutions", executionId=one)
    assert told[0] == ("start", {"executionId": one}) and told[-1][1]["state"]["current"] == "SUCCESS"
    narrow = events(
        contract, "followDependenciesExecutions", query="?destinationOnly=true&expandAll=true", executionId=one
    )
    assert [(name, e["executionId"]) for name, e in narrow] == [("start", one), ("end", one)]
    told = events(contract, "followLogsFromExecution", executionId=one)
    assert told[0] == ("start", {})
