"""Every operation on logs, metrics, pairs, files, namespaces and secrets, by its operationId (contract §12, §13, §15)."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from tests.conformance.conftest import flow_text
from tests.support.contract import Contract
from tests.support.server import eventually

pytestmark = pytest.mark.timeout(60)

NS = "operations.data"
ABSENT = "0000000000000000000000"
BODY = """
    tasks:
      - {id: say, type: @log.Log, message: ["one needle", "two"], level: WARN}
      - id: count
        type: @metric.Publish
        metrics: [{name: rows, type: counter, value: 7}]
"""


@pytest.fixture(scope="module")
def done(contract: Contract) -> str:
    """The id of an execution with lines and a metric."""
    contract.call("createFlow", body=flow_text("told", BODY, NS))
    made = contract.json("createExecution", namespace=NS, id="told", query={"wait": True})["id"]
    eventually(lambda: len(contract.json("listLogsFromExecution", executionId=made)) >= 2, what="its lines")
    return str(made)


def test_logs(contract: Contract, done: str) -> None:
    """§5, §15: filters, levels, one execution's lines as JSON and as text, deletion."""
    place = {"executionId": done}
    for query in (
        {"filters[namespace][EQUALS]": NS, "filters[minLevel][EQUALS]": "WARN", "sort": "timestamp:desc"},
        {"filters[level][EQUALS]": "INFO", "filters[executionId][EQUALS]": done},
        {"filters[q][EQUALS]": "NEEDLE", "filters[timeRange][EQUALS]": "PT1H"},
        {"namespace": NS, "flowId": "told", "minLevel": "WARN", "q": "needle"},
    ):
        assert contract.json("searchLogs", query=query)["total"] >= 1, query
    for query, status in (
        ({"filters[minLevel][EQUALS]": "LOUD"}, 422),
        ({"filters[state][EQUALS]": "RUNNING"}, 400),
        ({"sort": "message:asc"}, 422),
    ):
        assert contract.json("searchLogs", query=query, status=status)["message"], query
    lines = contract.json("listLogsFromExecution", query={"minLevel": "WARN", "taskId": "say"}, **place)
    assert [one["message"] for one in lines] == ["one needle", "two"]
    run = lines[0]["taskRunId"]
    assert contract.json("listLogsFromExecution", query={"taskRunId": run, "attempt": 0}, **place)
    contract.call("listLogsFromExecution", query={"minLevel": "LOUD"}, status=422, **place)
    contract.call("listLogsFromExecution", query={"attempt": "first"}, status=422, **place)
    answer = contract.call("downloadLogsFromExecution", query={"taskId": "say"}, **place)
    assert answer.text.splitlines()[0].endswith("WARN one needle")
    assert f"{done}.log" in answer.headers["content-disposition"]
    contract.call("deleteLogsFromFlow", query={"triggerId": "none"}, namespace=NS, flowId="told")
    contract.call("deleteLogsFromFlow", status=400, namespace=NS, flowId="told")
    contract.call("deleteLogsFromExecution", query={"taskId": "say"}, **place)
    assert contract.json("listLogsFromExecution", query={"taskId": "say"}, **place) == []
    for operation in ("listLogsFromExecution", "downloadLogsFromExecution", "deleteLogsFromExecution"):
        contract.call(operation, executionId=ABSENT, status=404)


def test_metrics(contract: Contract, done: str) -> None:
    """§15: of an execution, names, tasks, over time."""
    found = contract.json("searchByExecution", query={"taskId": "count", "sort": "name:asc"}, executionId=done)
    assert [(one["name"], one["value"]) for one in found["results"]] == [("rows", 7)]
    flow = {"namespace": NS, "flowId": "told"}
    assert contract.json("listFlowMetrics", **flow) == ["rows"]
    assert contract.json("listTasksWithMetrics", **flow) == ["count"]
    assert contract.json("listTaskMetrics", taskId="count", **flow) == ["rows"]
    total = contract.json("aggregateMetricsFromFlow", metric="rows", **flow)
    assert total["groupBy"] == "day" and sum(one.get("value") or 0 for one in total["aggregations"]) == 7
    query = {"aggregation": "max", "startDate": "2026-01-01T00:00:00Z"}
    assert contract.json("aggregateMetricsFromTask", query=query, taskId="count", metric="rows", **flow)["aggregations"]
    for query in ({"aggregation": "median"}, {"startDate": "noon"}):
        contract.call("aggregateMetricsFromFlow", query=query, status=422, metric="rows", **flow)


def test_pairs(contract: Contract) -> None:
    """§12: types, time to live, lists without values, deletion tells what was there."""
    place = {"namespace": NS, "key": "limit"}
    contract.call("setKeyValue", body="42", headers={"ttl": "PT1H", "description": "of rows"}, **place)
    found = contract.json("getKeyValue", **place)
    assert (found["type"], found["value"], found["revision"]) == ("NUMBER", 42, 1)
    detail = contract.json("getKeyValueDetail", **place)
    assert detail["description"] == "of rows" and detail["expirationDate"]
    listed = contract.json("listAllKeys", query={"filters[namespace][EQUALS]": NS, "sort": "key:asc"})["results"]
    assert [one["key"] for one in listed] == ["limit"] and "value" not in listed[0]
    assert contract.json("listAllKeys", query={"filters[q][EQUALS]": "LIM"})["total"] >= 1
    assert [one["key"] for one in contract.json("listKeys", namespace=NS)] == ["limit"]
    inherited = contract.json("listKeysWithInheritence", namespace=NS + ".below")
    assert "limit" in {one["key"] for one in inherited}
    assert contract.json("deleteKeyValues", body={"keys": ["limit", "none"]}, namespace=NS) == {"keys": ["limit"]}
    assert contract.json("deleteKeyValue", **place) is False
    contract.call("getKeyValue", status=404, **place)
    for key, body, more, status in (
        ("-wrong", "1", {}, 422),
        ("a b", "1", {}, 422),
        ("limit", "{broken", {}, 422),
        ("limit", "1", {"headers": {"ttl": "long"}}, 422),
    ):
        assert contract.json("setKeyValue", body=body, status=status, namespace=NS, key=key, **more)["message"]
    contract.call("deleteKeyValues", body={"keys": "limit"}, namespace=NS, status=422)
    contract.call("listAllKeys", query={"filters[state][EQUALS]": "x"}, status=400)


def test_old_revisions_of_a_file_are_deleted_and_a_newer_one_is_not_overwritten(contract: Contract) -> None:
    """§13, UI-NS-07 (ours): the latest stays, all or none; a text made from another version is refused."""
    place = {"namespace": NS + ".versions"}
    for number in range(4):
        contract.call("createNamespaceFile", query={"path": "/a.txt"}, form={"fileContent": b"%d" % number}, **place)
    for numbers, status in (([4], 422), ([1, 0], 404), ([], 422), (["x"], 422)):
        query = {"path": "/a.txt", "revisions": ",".join(str(one) for one in numbers)}
        contract.call("deleteFileRevisions", query=query, status=status, **place)
    contract.call("deleteFileRevisions", query={"path": "/none", "revisions": "1"}, status=404, **place)
    contract.call("deleteFileRevisions", query={"path": "/a.txt", "revisions": "1,3"}, status=204, **place)
    left = contract.json("getFileRevisions", query={"path": "/a.txt"}, **place)
    assert left == [{"revision": 2}, {"revision": 4}]
    contract.call("getFileContent", query={"path": "/a.txt", "revision": 3}, status=404, **place)

    def write(base: int, status: int, path: str = "/a.txt") -> None:
        query = {"path": path, "baseVersion": base}
        contract.call("createNamespaceFile", query=query, form={"fileContent": b"mine"}, status=status, **place)

    write(3, 409)
    assert contract.call("getFileContent", query={"path": "/a.txt"}, **place).body == b"3"
    write(4, 200)
    assert contract.json("getFileMetadatas", query={"path": "/a.txt"}, **place)["version"] == 5
    write(1, 409, "/new.txt")
    write(0, 200, "/new.txt")
    write(0, 409, "/new.txt")


def test_versions_follow_a_file_that_is_moved_and_saved_again(contract: Contract) -> None:
    """UI-NS-07 (ours): its list goes on; a new file of the old name begins one of its own."""
    place = {"namespace": NS + ".moved"}

    def write(path: str, data: bytes) -> None:
        contract.call("createNamespaceFile", query={"path": path}, form={"fileContent": data}, **place)

    def numbers(path: str) -> list[int]:
        return [one["revision"] for one in contract.json("getFileRevisions", query={"path": path}, **place)]

    def text(path: str, revision: int) -> bytes:
        return contract.call("getFileContent", query={"path": path, "revision": revision}, **place).body

    write("/dir/a.txt", b"one")
    write("/dir/a.txt", b"two")
    contract.call("moveFileDirectory", query={"from": "/dir", "to": "/other"}, **place)
    contract.call("moveFileDirectory", query={"from": "/other/a.txt", "to": "/b.txt"}, **place)
    write("/b.txt", b"three")
    write("/dir/a.txt", b"another file")
    assert (numbers("/b.txt"), numbers("/dir/a.txt")) == ([1, 2, 3], [1])
    assert [text("/b.txt", number) for number in (1, 2, 3)] == [b"one", b"two", b"three"]
    assert text("/dir/a.txt", 1) == b"another file"
    contract.call("deleteFileDirectory", query={"path": "/b.txt"}, **place)
    write("/dir/a.txt", b"its second")
    write("/b.txt", b"new")
    assert (numbers("/b.txt"), numbers("/dir/a.txt")) == ([1], [1, 2])
    assert text("/dir/a.txt", 1) == b"another file"


def test_files(contract: Contract) -> None:
    """§13: written, listed, moved, revised, found, packed, deleted."""
    place = {"namespace": NS}
    for text in (b"first", b"second"):
        contract.call("createNamespaceFile", query={"path": "/dir/a.txt"}, form={"fileContent": text}, **place)
    assert contract.call("getFileContent", query={"path": "/dir/a.txt"}, **place).body == b"second"
    assert contract.call("getFileContent", query={"path": "/dir/a.txt", "revision": 1}, **place).body == b"first"
    assert contract.json("getFileRevisions", query={"path": "/dir/a.txt"}, **place) == [
        {"revision": 1},
        {"revision": 2},
    ]
    stats = contract.json("getFileMetadatas", query={"path": "/dir/a.txt"}, **place)
    assert (stats["type"], stats["size"], stats["fileName"], stats["version"]) == ("File", 6, "a.txt", 2)
    contract.call("createNamespaceDirectory", query={"path": "/empty"}, **place)
    listed = contract.json("listNamespaceDirectoryFiles", query={"path": "/"}, **place)
    assert {(one["fileName"], one["type"]) for one in listed} == {("dir", "Directory"), ("empty", "Directory")}
    assert contract.json("listNamespaceDirectoryFiles", namespace=NS + ".none") == []
    contract.call("listNamespaceDirectoryFiles", query={"path": "/none"}, status=404, **place)
    contract.call("moveFileDirectory", query={"from": "/dir/a.txt", "to": "/dir/b.txt"}, **place)
    assert contract.json("searchNamespaceFiles", query={"q": "b.t"}, **place) == ["/dir/b.txt"]
    packed = contract.call("exportNamespaceFiles", **place)
    assert zipfile.ZipFile(io.BytesIO(packed.body)).namelist() == ["dir/b.txt"]
    assert f"{NS}_files.zip" in packed.headers["content-disposition"]
    contract.call("deleteFileDirectory", query={"path": "/dir"}, **place)
    for operation, query, status in (
        ("getFileContent", {"path": "/dir/b.txt"}, 404),
        ("getFileContent", {}, 400),
        ("getFileContent", {"path": "/../../etc/passwd"}, 422),
        ("getFileMetadatas", {"path": "/none"}, 404),
        ("getFileRevisions", {"path": "/none"}, 404),
        ("deleteFileDirectory", {"path": "/none"}, 404),
        ("deleteFileDirectory", {}, 400),
        ("moveFileDirectory", {"from": "/none", "to": "/x"}, 404),
        ("moveFileDirectory", {"from": "/empty"}, 400),
        ("searchNamespaceFiles", {}, 400),
        ("createNamespaceDirectory", {"path": "/" + "x" * 300}, 422),
    ):
        assert contract.json(operation, query=query, status=status, **place)["message"], (operation, query)
    contract.call("createNamespaceFile", query={"path": "/x"}, form={"other": b""}, status=400, **place)
    contract.call(
        "createNamespaceFile", query={"path": "/x"}, body="{}", content_type="application/json", status=415, **place
    )


def test_namespaces(contract: Contract, done: str) -> None:
    """§13: those of flows with all above them; any valid name answers; ours are written down."""
    found = contract.json("searchNamespaces", query={"q": "operations", "size": 100, "sort": "id:asc"})["results"]
    assert {"operations", NS} <= {one["id"] for one in found} and all(one["deleted"] is False for one in found)
    only = contract.json("searchNamespaces", query={"q": "operations", "existing": True, "size": 100})["results"]
    assert NS in {one["id"] for one in only}
    assert contract.json("getNamespace", id="any.valid.name") == {"id": "any.valid.name", "deleted": False}
    contract.call("getNamespace", id="not valid", status=404)
    names = contract.json("autocompleteNamespaces", body={"q": "operations.da", "ids": ["forced"]})
    assert NS in names and names[-1] == "forced"
    written = {"id": NS + ".own", "description": "ours", "variables": {"a": 1}, "deleted": False}
    assert contract.json("createNamespace", body=written)["description"] == "ours"
    contract.call("createNamespace", body=written, status=422)
    place = {"id": NS + ".own"}
    assert contract.json("updateNamespace", body={**written, "variables": {"a": 2}}, **place)["variables"] == {"a": 2}
    for wrong in ({"description": {}}, {"variables": "x"}, {"pluginDefaults": [1]}, {"id": "other"}):
        assert contract.json("updateNamespace", body={**written, **wrong}, status=422, **place)["message"], wrong
    assert contract.json("inheritedVariables", id=NS + ".own.below") == {"a": 2}
    assert contract.json("inheritedPluginDefaults", id=NS + ".own.below") == []
    contract.call("deleteNamespace", status=204, **place)
    contract.call("deleteNamespace", status=404, **place)


def test_secrets(contract: Contract) -> None:
    """§13: written and described, listed by name, never told."""
    value = "value-that-no-answer-tells"
    place: dict[str, Any] = {"namespace": NS}
    made = contract.json(
        "putSecrets", body={"key": "TOKEN_OF_OPS", "value": value, "tags": [], "description": "d"}, **place
    )
    assert [one["key"] for one in made if one["key"] == "TOKEN_OF_OPS"]
    body = {"key": "TOKEN_OF_OPS", "description": "other", "tags": [{"key": "a", "value": "b"}]}
    told = contract.json("patchSecret", body=body, key="TOKEN_OF_OPS", **place)
    assert next(one for one in told if one["key"] == "TOKEN_OF_OPS")["description"] == "other"
    answers = [
        contract.call("listNamespaceSecrets", query={"filters[q][EQUALS]": "TOKEN"}, **place),
        contract.call("listSecrets", query={"filters[namespace][EQUALS]": NS, "sort": "key:desc"}),
        contract.call("getInheritedSecrets", namespace=NS + ".below"),
    ]
    assert all("TOKEN_OF_OPS" in one.text and value not in one.text for one in answers)
    for wrong in ({"key": ""}, {"value": ""}, {"key": {}}, {"tags": "x"}, {"description": {}}):
        sent = {"key": "X", "value": "y", "tags": [], **wrong}
        assert contract.json("putSecrets", body=sent, status=422, **place)["message"], wrong
    contract.call("patchSecret", body={**body, "description": {}}, key="TOKEN_OF_OPS", status=422, **place)
    contract.call("deleteSecret", key="TOKEN_OF_OPS", status=204, **place)
    contract.call("deleteSecret", key="TOKEN_OF_OPS", status=404, **place)
