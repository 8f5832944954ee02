"""What the API answers to bad input: status, reason, shape (spec: REST contract §2, §3)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pytest

from tests.conformance.conftest import flow_text
from tests.support.server import Answer, Server

pytestmark = pytest.mark.timeout(60)

T = "/api/v1/main"
NS = "conformance.statuses"
YAML = "application/x-yaml"


def source(name: str, body: str) -> str:
    return flow_text(name, body, NS)


SOUND = source("sound", "tasks: [{id: t, type: @log.Log, message: x}]")


@dataclass(frozen=True)
class Bad:
    """A request; `{e}` in its path is an ended execution, `{p}` a paused one."""

    method: str
    path: str
    status: int
    starts: str = ""
    body: str | None = None
    kind: str | None = None

    def __str__(self) -> str:
        return f"{self.status} {self.method} {self.path[:70]}"


def post_flow(text: str, status: int = 422, starts: str = "Invalid entity") -> Bad:
    return Bad("POST", f"{T}/flows", status, starts, text, YAML)


BAD: list[Bad] = [
    # nothing there
    Bad("GET", f"{T}/nothing", 404, "Not Found"),
    Bad("GET", "/api/v1/other/flows/search", 404, "Not Found"),
    Bad("GET", f"{T}/flows/{NS}/unknown", 404, "Not Found"),
    Bad("GET", f"{T}/flows/{NS}/sound?revision=99", 404, "Not Found"),
    Bad("PUT", f"{T}/flows/{NS}/unknown", 404, "Not Found", SOUND.replace("id: sound", "id: unknown"), YAML),
    Bad("DELETE", f"{T}/flows/{NS}/unknown", 404, "Not Found"),
    Bad("GET", f"{T}/flows/{NS}/sound/tasks/unknown", 404, "Not Found"),
    Bad("GET", f"{T}/flows/{NS}/unknown/graph", 404, "Not Found"),
    Bad("GET", f"{T}/flows/{NS}/unknown/revisions", 404, "Not Found"),
    Bad("GET", f"{T}/executions/unknown", 404, "Not Found"),
    Bad("DELETE", f"{T}/executions/unknown", 404, "Not Found"),
    Bad("DELETE", f"{T}/executions/unknown/kill", 404, "Not Found"),
    Bad("POST", f"{T}/executions/unknown/restart", 404, "Not Found"),
    Bad("POST", f"{T}/executions/unknown/replay", 404, "Not Found"),
    Bad("POST", f"{T}/executions/unknown/pause", 404, "Not Found"),
    Bad("POST", f"{T}/executions/unknown/resume", 404, "Not Found"),
    Bad("POST", f"{T}/executions/unknown/change-status?status=SUCCESS", 404, "Not Found"),
    Bad("POST", f"{T}/executions/unknown/unqueue", 404, "Not Found"),
    Bad("POST", f"{T}/executions/unknown/force-run", 404, "Not Found"),
    Bad("POST", f"{T}/executions/{NS}/unknown", 404, "Not Found"),
    Bad("POST", f"{T}/executions/{NS}/sound?revision=99", 404, "Not Found"),
    Bad("GET", f"{T}/executions/{{e}}/file?path=kestra:///conformance/statuses/sound/executions/{{e}}/x", 404, "Not F"),
    Bad("POST", f"{T}/executions/webhook/{NS}/sound/key", 404, "Not Found"),
    Bad("GET", f"{T}/namespaces/{NS}/kv/unknown", 404, "Not Found"),
    Bad("GET", f"{T}/namespaces/{NS}/files?path=/unknown.txt", 404, "Not Found"),
    Bad("GET", f"{T}/dashboards/unknown", 404, "Not Found"),
    Bad("GET", "/api/v1/plugins/io.kestra.plugin.core.log.Unknown", 404, "Not Found"),
    Bad("POST", f"{T}/triggers/{NS}/unknown/none/unlock", 404, "Not Found"),
    # wrong method
    Bad("PATCH", f"{T}/flows/search", 405, "Method Not Allowed"),
    Bad("DELETE", f"{T}/executions/search", 404),
    Bad("GET", f"{T}/executions/{{e}}/restart", 405, "Method Not Allowed"),
    # what is missing in the query
    Bad("GET", f"{T}/executions", 400, "Bad Request"),
    Bad("GET", f"{T}/executions?namespace={NS}", 400, "Bad Request"),
    Bad("GET", f"{T}/executions/{{e}}/file", 400, "Bad Request"),
    Bad("POST", f"{T}/executions/{{e}}/change-status", 400, "Bad Request"),
    Bad("POST", f"{T}/executions/change-status/by-ids", 400, "Bad Request", "[]", "application/json"),
    # filters
    Bad("GET", f"{T}/flows/search?filters[unknown][EQUALS]=x", 400, "Invalid query filters"),
    Bad("GET", f"{T}/flows/search?filters[namespace][NONSENSE]=x", 400, "Invalid query filters"),
    Bad("GET", f"{T}/flows/search?filters[state][EQUALS]=SUCCESS", 400, "Invalid query filters"),
    Bad("GET", f"{T}/executions/search?filters[state][CONTAINS]=S", 400, "Invalid query filters"),
    Bad("GET", f"{T}/logs/search?filters[labels][EQUALS][a]=b", 400, "Invalid query filters"),
    Bad("GET", f"{T}/executions/search?filters[state][EQUALS]=NONSENSE", 422, "Invalid"),
    Bad("GET", f"{T}/executions/search?filters[startDate][GREATER_THAN]=yesterday", 422, "Invalid"),
    Bad("GET", f"{T}/executions/search?labels=novalue", 422, "Illegal argument"),
    # paging and sorting
    Bad("GET", f"{T}/flows/search?page=0", 422),
    Bad("GET", f"{T}/flows/search?page=abc", 422, "Invalid format"),
    Bad("GET", f"{T}/flows/search?size=0", 422),
    Bad("GET", f"{T}/executions/search?sort=unknown:asc", 422, "Illegal argument"),
    Bad("GET", f"{T}/executions/search?sort=id:sideways", 422, "Illegal argument"),
    # flows
    post_flow(SOUND),
    post_flow("id: [", starts="Invalid"),
    post_flow("just text", starts="Invalid"),
    post_flow("", starts="Invalid"),
    post_flow(source("no_tasks", "description: x")),
    post_flow(source("empty_tasks", "tasks: []")),
    post_flow(source("twice", "tasks: [{id: a, type: @log.Log, message: x}, {id: a, type: @log.Log, message: x}]")),
    post_flow(source("type", "tasks: [{id: a, type: @log.Unknown, message: x}]")),
    post_flow(source("property", "tasks: [{id: a, type: @log.Log, message: x, colour: red}]")),
    post_flow(source("bad id!", "tasks: [{id: a, type: @log.Log, message: x}]")),
    post_flow(source("missing", "tasks: [{id: a, type: @debug.Echo}]"), status=422),
    post_flow(source("cycle", "tasks: [{id: a, type: @flow.Subflow, namespace: conformance.statuses, flowId: cycle}]")),
    post_flow(source("sys", "labels: {system.mine: x}\ntasks: [{id: a, type: @log.Log, message: x}]")),
    Bad("PUT", f"{T}/flows/{NS}/sound", 422, "Invalid entity", SOUND.replace("id: sound", "id: other"), YAML),
    Bad("PUT", f"{T}/flows/{NS}/sound", 422, "Invalid entity", SOUND.replace(NS, "other.place"), YAML),
    Bad("POST", f"{T}/flows/{NS}", 422, "Invalid entity", SOUND.replace(NS, "other.place"), YAML),
    Bad(
        "DELETE",
        f"{T}/flows/delete/by-ids",
        404,
        "Not Found",
        json.dumps([{"namespace": NS, "id": "unknown"}]),
        "application/json",
    ),
    Bad("DELETE", f"{T}/flows/delete/by-ids", 422, "Invalid json", "{broken", "application/json"),
    Bad("POST", f"{T}/flows/disable/by-ids", 422, "Invalid json", '{"not": "a list"}', "application/json"),
    Bad("DELETE", f"{T}/flows/{NS}/sound/revisions?revisions=1", 422),
    # creating executions
    Bad("POST", f"{T}/executions/{NS}/off", 409, "Illegal state"),
    Bad("POST", f"{T}/executions/{NS}/sound?labels=novalue", 422, "Illegal argument"),
    Bad("POST", f"{T}/executions/{NS}/sound?labels=system.mine:x", 422, "Illegal argument"),
    Bad("POST", f"{T}/executions/{NS}/sound?labels=a:%00", 422, "Illegal argument"),
    Bad("POST", f"{T}/executions/{NS}/sound?scheduleDate=tomorrow", 422, "Invalid format"),
    Bad("POST", f"{T}/executions/{NS}/sound?kind=NONSENSE", 422, "Invalid"),
    Bad("POST", f"{T}/executions/{NS}/sound?revision=one", 422, "Invalid format"),
    Bad("POST", f"{T}/executions/{NS}/needs", 422, "Invalid entity"),
    Bad("POST", f"{T}/executions/{NS}/needs", 415, "Unsupported Media Type", "<x/>", "application/xml"),
    # states
    Bad("POST", f"{T}/executions/{{e}}/restart", 409, "Illegal state"),
    Bad("POST", f"{T}/executions/{{e}}/pause", 409, "Illegal state"),
    Bad("POST", f"{T}/executions/{{e}}/resume", 409, "Illegal state"),
    Bad("POST", f"{T}/executions/{{e}}/resume-from-breakpoint", 409, "Illegal state"),
    Bad("POST", f"{T}/executions/{{e}}/unqueue", 409, "Illegal state"),
    Bad("DELETE", f"{T}/executions/{{e}}/kill?isOnKillCascade=false", 409, "Illegal state"),
    Bad("POST", f"{T}/executions/{{e}}/force-run", 422, "Illegal argument"),
    Bad("POST", f"{T}/executions/{{e}}/change-status?status=RUNNING", 422, "Illegal argument"),
    Bad("POST", f"{T}/executions/{{e}}/change-status?status=NONSENSE", 422, "Invalid"),
    Bad("POST", f"{T}/executions/{{p}}/change-status?status=SUCCESS", 422, "Illegal argument"),
    Bad("POST", f"{T}/executions/{{e}}/replay?revision=99", 404, "Not Found"),
    Bad("POST", f"{T}/executions/{{e}}/state", 422, "Invalid", "{broken", "application/json"),
    Bad("POST", f"{T}/executions/{{e}}/state", 422, "Invalid", '{"taskRunId": "x", "state": "N"}', "application/json"),
    Bad(
        "POST",
        f"{T}/executions/{{e}}/labels",
        422,
        "Illegal argument",
        '[{"key": "system.x", "value": "y"}]',
        "application/json",
    ),
    Bad("POST", f"{T}/executions/{{e}}/labels", 422, "Invalid", '{"key": 1}', "application/json"),
    Bad("GET", f"{T}/executions/{{e}}/file?path=kestra:///other/place.txt", 422, "Illegal argument"),
    Bad("GET", f"{T}/executions/{{e}}/file?path=/etc/passwd", 422, "Illegal argument"),
    # keys, files, triggers
    Bad("PUT", f"{T}/namespaces/{NS}/kv/bad", 422, "", "{not json", "text/plain"),
    Bad("PUT", f"{T}/namespaces/{NS}/kv/bad%20key!", 422, "", '"x"', "text/plain"),
    Bad("GET", f"{T}/namespaces/{NS}/files?path=/../../secret.key", 422),
    Bad("GET", f"{T}/namespaces/{NS}/files", 400, "Bad Request"),
    Bad("POST", f"{T}/triggers/{NS}/timed/day/unlock", 409, "Illegal state"),
    Bad("PUT", f"{T}/triggers", 422, "", "{broken", "application/json"),
    Bad(
        "PUT",
        f"{T}/triggers/backfill/pause",
        400,
        "Bad Request",
        json.dumps({"namespace": NS, "flowId": "timed", "triggerId": "day"}),
        "application/json",
    ),
    Bad("POST", f"{T}/basicAuth", 400, "", '{"username": "x", "password": "short"}', "application/json"),
]


@pytest.fixture(scope="module")
def there(server: Server) -> dict[str, str]:
    """Flows that the requests name; ids of an ended and of a paused execution."""
    server.save_flow(SOUND)
    server.save_flow(source("off", "disabled: true\ntasks: [{id: t, type: @log.Log, message: x}]"))
    server.save_flow(source("needs", "inputs: [{id: n, type: INT}]\ntasks: [{id: t, type: @log.Log, message: x}]"))
    server.save_flow(
        source(
            "timed",
            """
            tasks: [{id: t, type: @log.Log, message: x}]
            triggers: [{id: day, type: @trigger.Schedule, cron: "0 3 1 1 *"}]
            """,
        )
    )
    paused = server.save_flow(source("held", "tasks: [{id: w, type: @flow.Pause}]"))
    ended = server.finished(server.execute(NS, "sound")["id"])["id"]
    return {"e": ended, "p": server.execute(paused["namespace"], paused["id"])["id"]}


def shaped(answer: Answer, request: Bad, path: str) -> None:
    """The body of every error."""
    assert answer.headers["content-type"].startswith("application/json")
    body: dict[str, Any] = answer.json
    assert isinstance(body["message"], str) and body["message"]
    (link,) = body["_links"]["self"]
    assert unquote(link["href"].split("?")[0]) == unquote(path.split("?")[0])
    assert "Traceback" not in answer.text and "flowdeck/" not in answer.text
    for one in body.get("_embedded", {}).get("errors", []):
        assert one["message"]


@pytest.mark.parametrize("request_", BAD, ids=str)
def test_bad_input_is_told_with_its_status(server: Server, there: dict[str, str], request_: Bad) -> None:
    path = request_.path.replace("{e}", there["e"]).replace("{p}", there["p"]).replace("[", "%5B").replace("]", "%5D")
    answer = server.call(request_.method, path, body=request_.body, content_type=request_.kind)
    assert answer.status == request_.status, answer.text
    shaped(answer, request_, path)
    assert answer.json["message"].startswith(request_.starts), answer.text


def test_labels_of_a_running_execution_answer_a_bare_text(server: Server, there: dict[str, str]) -> None:
    answer = server.call("POST", f"{T}/executions/{there['p']}/labels", json_body=[{"key": "a", "value": "b"}])
    assert (answer.status, answer.json) == (400, "The execution is not terminated")


def test_bulk_answers_name_every_unusable_execution(server: Server, there: dict[str, str]) -> None:
    answer = server.call("DELETE", f"{T}/executions/kill/by-ids", json_body=[there["e"], "unknown"])
    assert answer.status == 400 and answer.json["message"] == "invalid bulk kill"
    assert {(one["message"], one["invalidValue"]) for one in answer.json["invalids"]} == {
        ("execution already finished", there["e"]),
        ("execution not found", "unknown"),
    }


def test_an_expired_key_is_gone(server: Server) -> None:
    path = f"{T}/namespaces/{NS}/kv/brief"
    assert server.call("PUT", path, body='"x"', content_type="text/plain", headers={"ttl": "PT0.001S"}).status == 200
    answer = server.call("GET", path)
    assert answer.status == 410 and answer.json["message"].startswith("Resource has expired")


def test_who_is_not_known_gets_an_empty_401(server: Server) -> None:
    for path in (f"{T}/flows/search", f"{T}/executions/x", "/api/v1/plugins"):
        answer = server.call("GET", path, auth=False)
        assert answer.status == 401 and answer.body == b"", path
        assert answer.headers.get("www-authenticate", "").startswith("Basic")
    quiet = server.call("GET", f"{T}/flows/search", auth=False, headers={"X-Flowdeck-Console": "1"})
    assert quiet.status == 401 and "www-authenticate" not in quiet.headers
    wrong = server.call("GET", f"{T}/flows/search", auth=False, headers={"Authorization": "Basic bm86bm8="})
    assert wrong.status == 401
    assert server.call("GET", "/api/v1/configs", auth=False).status == 200


def test_old_paths_without_tenant_mean_main(server: Server, there: dict[str, str]) -> None:
    assert server.call("GET", f"/api/v1/executions/{there['e']}").json["id"] == there["e"]
    assert server.call("GET", f"/api/v1/flows/{NS}/sound").json["id"] == "sound"
    answer = server.call("POST", "/api/v1/executions/webhook/nowhere/flow/key", auth=False)
    assert answer.status == 404


def test_a_slash_at_the_end_of_a_path_changes_nothing(server: Server, there: dict[str, str]) -> None:
    """Documented calls end in one (`GET …/kv/`); with and without tenant."""
    assert server.call("GET", f"{T}/executions/{there['e']}/").json["id"] == there["e"]
    for path in (f"{T}/kv/", "/api/v1/kv/"):
        assert server.call("GET", path).json["results"] is not None
    assert server.call("GET", f"{T}/nothing/").status == 404 == server.call("GET", "/api/v1/").status


def test_any_accept_header_is_answered(server: Server, there: dict[str, str]) -> None:
    for accept in ("application/octet-stream", "text/csv", "text/plain", "application/yaml", "text/event-stream"):
        answer = server.call("GET", f"{T}/executions/{there['e']}", headers={"Accept": accept})
        assert answer.status == 200
