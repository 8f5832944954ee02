"""Flows over REST: revisions, sets of flows, switching off, finding, dependencies (spec: §1, REST contract §7)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.conftest import flow_text
from tests.support.server import Server

pytestmark = pytest.mark.timeout(60)

T = "/api/v1/main"
YAML = "application/x-yaml"


def text(name: str, message: str = "x", namespace: str = "conformance.flows", head: str = "") -> str:
    return flow_text(name, f"{head}\ntasks: [{{id: t, type: @log.Log, message: {message}}}]".strip(), namespace)


def call(server: Server, method: str, path: str, status: int = 200, **args: Any) -> Any:
    answer = server.call(method, f"{T}/{path}".replace("[", "%5B").replace("]", "%5D"), **args)
    assert answer.status == status, answer.text
    return answer.json if answer.body and "json" in answer.headers.get("content-type", "") else answer


def ids(server: Server, namespace: str) -> list[str]:
    return [one["id"] for one in call(server, "GET", f"flows/{namespace}")]


def test_revisions_count_changes_only(server: Server) -> None:
    base = "flows/conformance.flows/counted"
    source = "# kept comment\nrevision: 7\n" + text("counted")
    first = call(server, "POST", "flows", body=source, content_type=YAML)
    assert first["revision"] == 1 and first["source"] == source.replace("revision: 7\n", "")
    assert call(server, "PUT", base, body=source, content_type=YAML)["revision"] == 1
    assert call(server, "PUT", base, body=text("counted", "y"), content_type=YAML)["revision"] == 2
    call(server, "DELETE", base, 204)
    call(server, "GET", base, 404)
    gone = call(server, "GET", f"{base}?allowDeleted=true")
    assert gone["deleted"] is True and gone["revision"] == 3
    again = call(server, "POST", "flows", body=text("counted", "z"), content_type=YAML)
    assert again["revision"] == 4 and again["deleted"] is False
    assert [one["revision"] for one in call(server, "GET", f"{base}/revisions")] == [1, 2, 4]
    assert "message: y" in call(server, "GET", f"{base}?revision=2&source=true")["source"]
    call(server, "DELETE", f"{base}/revisions?revisions=1,2", 204)
    assert [one["revision"] for one in call(server, "GET", f"{base}/revisions")] == [4]


def test_a_namespace_is_written_as_a_whole(server: Server) -> None:
    namespace = "conformance.whole"
    path = f"flows/{namespace}"
    body = "---\n".join(text(name, namespace=namespace) for name in ("a", "b"))
    call(server, "POST", path, body=body, content_type=YAML)
    assert ids(server, namespace) == ["a", "b"]
    body = "---\n".join(text(name, namespace=namespace) for name in ("b", "c"))
    call(server, "POST", f"{path}?delete=false", body=body, content_type=YAML)
    assert ids(server, namespace) == ["a", "b", "c"]
    call(server, "POST", path, body=body, content_type=YAML)
    assert ids(server, namespace) == ["b", "c"]
    twice = "---\n".join(text("d", namespace=namespace) for _ in range(2))
    call(server, "POST", path, 422, body=twice, content_type=YAML)
    foreign = "---\n".join([text("e", namespace=namespace), text("e", namespace="elsewhere")])
    call(server, "POST", path, 422, body=foreign, content_type=YAML)
    broken = "---\n".join([text("f", namespace=namespace), "id: g\nnamespace: conformance.whole\n"])
    call(server, "POST", path, 422, body=broken, content_type=YAML)
    assert ids(server, namespace) == ["b", "c"], "a refused set changes nothing"
    bulk = text("h", namespace=f"{namespace}.below")
    call(server, "POST", f"flows/bulk?delete=false&namespace={namespace}", 422, body=bulk, content_type=YAML)
    call(
        server,
        "POST",
        f"flows/bulk?delete=false&namespace={namespace}&allowNamespaceChild=true",
        body=bulk,
        content_type=YAML,
    )
    assert ids(server, f"{namespace}.below") == ["h"]


def test_switching_flows_off_rewrites_their_source(server: Server) -> None:
    namespace = "conformance.off"
    for name in ("a", "b"):
        server.save_flow(text(name, namespace=namespace))
    both = [{"namespace": namespace, "id": name} for name in ("a", "b")]
    assert call(server, "POST", "flows/disable/by-ids", json_body=both[:1]) == {"count": 1}
    assert call(server, "POST", "flows/disable/by-ids", json_body=both) == {"count": 1}
    off = call(server, "GET", f"flows/{namespace}/a?source=true")
    assert off["disabled"] is True and off["revision"] == 2 and "disabled: true" in off["source"]
    call(server, "POST", f"executions/{namespace}/a", 409)
    query = f"flows/enable/by-query?filters[namespace][EQUALS]={namespace}"
    assert call(server, "POST", query) == {"count": 2}
    on = call(server, "GET", f"flows/{namespace}/a?source=true")
    assert on["disabled"] is False and on["revision"] == 3 and "disabled: true" not in on["source"]
    assert call(server, "POST", f"executions/{namespace}/a")["state"]["current"] == "CREATED"
    call(server, "POST", "flows/disable/by-ids", 404, json_body=[*both, {"namespace": namespace, "id": "unknown"}])
    assert call(server, "DELETE", "flows/delete/by-ids", json_body=both) == {"count": 2}
    assert ids(server, namespace) == []


def test_words_of_sources_are_found_and_marked(server: Server) -> None:
    namespace = "conformance.words"
    server.save_flow(text("hay", "straw", namespace))
    server.save_flow(text("needle", "xylograph", namespace))
    found = call(server, "GET", f"flows/source?q=xylograph&namespace={namespace}")
    assert found["total"] == 1 and found["results"][0]["model"]["id"] == "needle"
    assert "[mark]xylograph[/mark]" in " ".join(found["results"][0]["fragments"])


def test_dependencies_lead_both_ways(server: Server) -> None:
    namespace = "conformance.web"
    server.save_flow(text("leaf", namespace=namespace))
    server.save_flow(
        flow_text("root", f"tasks: [{{id: s, type: @flow.Subflow, namespace: {namespace}, flowId: leaf}}]", namespace)
    )
    server.save_flow(
        flow_text(
            "later",
            f"""
            tasks: [{{id: t, type: @log.Log, message: x}}]
            triggers:
              - id: on
                type: @trigger.Flow
                preconditions: {{id: p, flows: [{{namespace: {namespace}, flowId: leaf}}]}}
            """,
            namespace,
        )
    )
    found = call(server, "GET", f"flows/{namespace}/leaf/dependencies")
    names = {node["uid"]: node["id"] for node in found["nodes"]}
    edges = {(names[e["source"]], names[e["target"]], e["relation"]) for e in found["edges"]}
    assert edges == {("root", "leaf", "FLOW_TASK"), ("leaf", "later", "FLOW_TRIGGER")}
    onwards = call(server, "GET", f"flows/{namespace}/leaf/dependencies?destinationOnly=true")
    assert {node["id"] for node in onwards["nodes"]} == {"leaf", "later"}
    whole = call(server, "GET", f"namespaces/{namespace}/dependencies")
    assert {node["id"] for node in whole["nodes"]} == {"leaf", "root", "later"}


def test_a_change_of_the_limit_lets_waiting_executions_go(server: Server) -> None:
    from tests.support.server import eventually

    def limited(limit: int) -> str:
        return flow_text(
            "limited",
            f"concurrency: {{limit: {limit}}}\ntasks: [{{id: nap, type: @flow.Sleep, duration: PT20S}}]",
            "conformance.flows",
        )

    server.save_flow(limited(1))
    started = [server.execute("conformance.flows", "limited")["id"] for _ in range(3)]

    def seen() -> list[str]:
        return [server.execution(one)["state"]["current"] for one in started]

    eventually(lambda: seen() == ["RUNNING", "QUEUED", "QUEUED"], what="one slot")
    (row,) = [one for one in call(server, "GET", "concurrency-limit/search")["results"] if one["flowId"] == "limited"]
    assert row["running"] == 1
    server.save_flow(limited(2))
    eventually(lambda: seen() == ["RUNNING", "RUNNING", "QUEUED"], what="two slots")
    server.save_flow(text("limited"))
    eventually(lambda: seen() == ["RUNNING"] * 3, what="no limit")
    for one in started:
        call(server, "DELETE", f"executions/{one}/kill", 202)


def test_what_the_editor_asks_is_answered_without_saving(server: Server) -> None:
    source = text("never_saved", head="labels: {a: b}")
    graph = call(server, "POST", "flows/graph", body=source, content_type=YAML)
    assert any(node.get("task", {}).get("id") == "t" for node in graph["nodes"])
    call(server, "POST", "flows/graph", 422, body="id: [", content_type=YAML)
    call(server, "GET", "flows/conformance.flows/never_saved", 404)
    outdated = "revision: 1\n" + text("counted_again")
    call(server, "POST", "flows", body=outdated, content_type=YAML)
    call(server, "PUT", "flows/conformance.flows/counted_again", body=text("counted_again", "y"), content_type=YAML)
    (found,) = call(server, "POST", "flows/validate", body=outdated, content_type=YAML)
    assert found["outdated"] is True and not found.get("constraints")
    (old,) = call(
        server,
        "POST",
        "flows/validate",
        body=text("aliased").replace("io.kestra.plugin.core.log.Log", "io.kestra.core.tasks.log.Log"),
        content_type=YAML,
    )
    assert not old.get("constraints") and "io.kestra.plugin.core.log.Log" in " ".join(old["infos"])
