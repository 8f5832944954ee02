"""Webhooks, chains of flows and what the console asks about schedules, on the real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.server import Server, eventually, free_port

pytestmark = pytest.mark.timeout(120)

NAMESPACE = "it.hooks"
HOOK = "/api/v1/main/executions/webhook/it.hooks"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("home"), port=free_port(), management_port=free_port())
    try:
        yield one.start(seconds=60)
    finally:
        one.discard()


def flow(name: str, trigger: str, *, head: str = "", format: str = "{{ trigger.body ?? 'none' }}") -> str:
    lines = "\n".join(f"    {line}" for line in trigger.strip().splitlines())
    return (
        f"id: {name}\nnamespace: {NAMESPACE}\n{head}\ntasks:\n  - id: one\n"
        f'    type: io.kestra.plugin.core.debug.Return\n    format: "{format}"\n'
        f"triggers:\n  - id: on\n{lines}\n"
    )


def hook(*more: str) -> str:
    return "\n".join(("type: io.kestra.plugin.core.trigger.Webhook", "key: the-long-key", *more))


def of_flow(server: Server, name: str) -> list[Any]:
    answer = server.call("GET", f"/api/v1/main/executions?namespace={NAMESPACE}&flowId={name}&size=100")
    assert answer.status == 200, answer.text
    return sorted(answer.json["results"], key=lambda e: e["id"])


def test_a_webhook_creates_an_execution_with_what_was_sent(server: Server) -> None:
    server.save_flow(
        flow(
            "plain",
            hook('inputs: {who: "{{ trigger.body.who }}"}', 'labels: {from: "{{ trigger.parameters.tag[0] }}"}'),
            head="inputs: [{id: who, type: STRING}]",
        )
    )
    answer = server.call("POST", f"{HOOK}/plain/the-long-key?tag=x&tag=y", json_body={"who": "me"}, auth=False)
    assert answer.status == 200, answer.text
    created = answer.json
    assert (
        created["flowId"] == "plain" and created["inputs"] == {"who": "me"} and created["state"]["current"] == "CREATED"
    )
    ended = server.finished(created["id"])
    variables = ended["trigger"]["variables"]
    assert ended["state"]["current"] == "SUCCESS" and ended["trigger"]["id"] == "on"
    assert variables["body"] == {"who": "me"} and variables["parameters"] == {"tag": ["x", "y"]}
    assert {"key": "from", "value": "x"} in ended["labels"]
    for method in ("GET", "PUT"):
        assert server.call(method, f"{HOOK}/plain/the-long-key?tag=z", auth=False).status == 422


def test_an_unknown_webhook_gives_no_hint(server: Server) -> None:
    server.save_flow(flow("known", hook()))
    server.save_flow(flow("off", hook("disabled: true")))
    paths = ("known/wrong-key", "unknown/the-long-key", "off/the-long-key", "known/the-long-key/more")
    answers = [server.call("POST", f"{HOOK}/{path}", auth=False) for path in paths]
    assert [a.status for a in answers] == [404] * 4
    assert of_flow(server, "known") == of_flow(server, "off") == []


def test_the_webhook_of_a_disabled_flow_conflicts(server: Server) -> None:
    server.save_flow(flow("disabled", hook(), head="disabled: true"))
    assert server.call("POST", f"{HOOK}/disabled/the-long-key", auth=False).status == 409
    assert server.call("POST", f"{HOOK}/disabled/wrong", auth=False).status == 404


def test_false_conditions_create_nothing(server: Server) -> None:
    server.save_flow(
        flow(
            "only",
            hook(
                "conditions:",
                "  - type: io.kestra.plugin.core.condition.Expression",
                "    expression: \"{{ trigger.body.kind == 'good' }}\"",
            ),
        )
    )
    assert server.call("POST", f"{HOOK}/only/the-long-key", json_body={"kind": "bad"}, auth=False).status == 204
    assert of_flow(server, "only") == []
    assert server.call("POST", f"{HOOK}/only/the-long-key", json_body={"kind": "good"}, auth=False).status == 200
    assert len(of_flow(server, "only")) == 1


def test_a_waiting_webhook_answers_with_the_outputs(server: Server) -> None:
    head = 'outputs: [{id: said, type: STRING, value: "{{ outputs.one.value }}"}]'
    server.save_flow(
        flow("waits", hook("wait: true", "returnOutputs: true"), head=head, format="heard {{ trigger.body }}")
    )
    answer = server.call("POST", f"{HOOK}/waits/the-long-key", body="hello", content_type="text/plain", auth=False)
    assert answer.status == 200, answer.text
    assert answer.json["state"]["current"] == "SUCCESS" and answer.json["outputs"] == {"said": "heard hello"}
    server.save_flow(
        flow(
            "bare",
            hook("wait: true", "returnOutputs: true", "responseContentType: application/json", "responseCode: 202"),
            head=head,
            format="heard {{ trigger.body }}",
        )
    )
    answer = server.call("POST", f"{HOOK}/bare/the-long-key", body="hi", content_type="text/plain", auth=False)
    assert answer.status == 202 and answer.json == {"said": "heard hi"}


def test_a_webhook_answers_outputs_as_text(server: Server) -> None:
    """§15.8 `responseContentType: text/plain`: one line an output, what is no text as JSON."""
    outputs = [
        "{id: map, type: JSON, value: '{{ trigger.body }}'}",
        "{id: yes, type: BOOLEAN, value: '{{ true }}'}",
        "{id: none, type: STRING, required: false, value: '{{ null }}'}",
    ]
    extra = hook("wait: true", "returnOutputs: true", "responseContentType: text/plain")
    server.save_flow(flow("textual", extra, head=f"outputs: [{', '.join(outputs)}]"))
    answer = server.call("POST", f"{HOOK}/textual/the-long-key", json_body={"a": [1, "ü"]}, auth=False)
    assert (answer.status, answer.text) == (200, '{"a":[1,"ü"]}\ntrue\n')


def test_a_waiting_webhook_of_a_failing_flow_answers_500(server: Server) -> None:
    server.save_flow(
        flow("fails", hook("wait: true"))
        .replace("type: io.kestra.plugin.core.debug.Return", "type: io.kestra.plugin.core.execution.Fail")
        .replace("format:", "errorMessage:")
    )
    answer = server.call("POST", f"{HOOK}/fails/the-long-key", auth=False)
    assert answer.status == 500 and answer.json["state"]["current"] == "FAILED", answer.text


def test_a_key_can_come_from_the_key_value_store(server: Server) -> None:
    assert (
        server.call(
            "PUT", f"/api/v1/main/namespaces/{NAMESPACE}/kv/hook", body='"stored-key"', content_type="application/json"
        ).status
        == 200
    )
    server.save_flow(flow("kv", hook().replace("the-long-key", "\"{{ kv('hook') }}\"")))
    assert server.call("POST", f"{HOOK}/kv/other", auth=False).status == 404
    assert server.call("POST", f"{HOOK}/kv/stored-key", auth=False).status == 200


def after(flow_id: str, *more: str) -> str:
    return "\n".join(
        (
            "type: io.kestra.plugin.core.trigger.Flow",
            "states: [SUCCESS]",
            "conditions:",
            f"  - {{type: io.kestra.plugin.core.condition.ExecutionFlow, namespace: {NAMESPACE}, flowId: {flow_id}}}",
            *more,
        )
    )


def test_a_chain_of_flows_hands_outputs_on_and_keeps_its_correlation(server: Server) -> None:
    server.save_flow(flow("first", hook(), head="outputs: [{id: n, type: INT, value: 7}]"))
    server.save_flow(
        flow("second", after("first", 'inputs: {n: "{{ trigger.outputs.n }}"}'), head="inputs: [{id: n, type: INT}]")
    )
    server.save_flow(flow("third", after("second")))
    first = server.call("POST", f"{HOOK}/first/the-long-key", auth=False).json["id"]
    eventually(lambda: of_flow(server, "third"), what="the third flow")
    second, third = of_flow(server, "second")[0], of_flow(server, "third")[0]
    assert server.finished(third["id"])["state"]["current"] == "SUCCESS"
    assert second["inputs"] == {"n": 7} and second["trigger"]["variables"]["executionId"] == first
    for one in (second, third):
        assert {"key": "system.correlationId", "value": first} in one["labels"]
    assert len(of_flow(server, "second")) == len(of_flow(server, "third")) == 1


def test_inputs_of_a_flow_trigger_may_need_a_worker(server: Server) -> None:
    server.save_flow(flow("before", hook()))
    server.call(
        "PUT", f"/api/v1/main/namespaces/{NAMESPACE}/kv/greeting", body='"good day"', content_type="application/json"
    )
    server.save_flow(
        flow(
            "asks",
            after("before", "inputs: {said: \"{{ kv('greeting') }}\"}"),
            head="inputs: [{id: said, type: STRING}]",
        )
    )
    server.call("POST", f"{HOOK}/before/the-long-key", auth=False)
    found = eventually(lambda: of_flow(server, "asks"), what="the flow that asks")
    assert found[0]["inputs"] == {"said": "good day"}


def test_why_a_flow_trigger_started_nothing_is_in_its_log(server: Server) -> None:
    server.save_flow(flow("source", hook()))
    server.save_flow(flow("needs", after("source"), head="inputs: [{id: n, type: INT}]"))
    server.call("POST", f"{HOOK}/source/the-long-key", auth=False)
    path = f"/api/v1/main/logs/search?filters[namespace][EQUALS]={NAMESPACE}&filters[flowId][EQUALS]=needs"

    def lines() -> list[Any]:
        answer = server.call("GET", path)
        assert answer.status == 200, answer.text
        return answer.json["results"]

    found = eventually(lines, what="a line of the trigger")
    assert found[0]["triggerId"] == "on" and found[0]["level"] == "WARN"
    assert "Missing required input:n" in found[0]["message"] and of_flow(server, "needs") == []


def test_the_preview_of_a_schedule_tells_words_dates_and_clock_changes(server: Server) -> None:
    path = "/api/v1/main/console/schedules/preview"
    body = {"cron": "30 2 * * *", "timezone": "America/New_York", "from": "2025-03-07T12:00:00Z", "count": 3}
    answer = server.call("POST", path, json_body=body).json
    assert answer["dates"] == ["2025-03-08T02:30:00-05:00", "2025-03-09T03:00:00-04:00", "2025-03-10T02:30:00-04:00"]
    assert [(n["at"], n["kind"]) for n in answer["notes"]] == [("2025-03-09T03:00:00-04:00", "gap")]
    body["conditions"] = [{"type": "io.kestra.plugin.core.condition.DayWeek", "dayOfWeek": "MONDAY"}]
    assert server.call("POST", path, json_body=body).json["dates"][0] == "2025-03-10T02:30:00-04:00"
    refused = server.call("POST", path, json_body={"cron": "0 25 * * *"})
    assert refused.status == 422 and "25" in refused.text


def test_the_size_of_a_backfill_is_told(server: Server) -> None:
    server.save_flow(flow("counted", "type: io.kestra.plugin.core.trigger.Schedule\ncron: '0 */6 * * *'"))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    body = {"start": (today - timedelta(days=2)).isoformat(), "end": (today - timedelta(seconds=1)).isoformat()}
    path = f"/api/v1/main/console/flows/{NAMESPACE}/counted/triggers/on/backfill/count"
    answer = server.call("POST", path, json_body=body).json
    assert answer["count"] == answer["failedOrMissing"] == 8 and [d["n"] for d in answer["series"]] == [4, 4]
    key = {"namespace": NAMESPACE, "flowId": "counted", "triggerId": "on"}
    backfill = {"start": body["start"], "end": (today - timedelta(days=1, seconds=1)).isoformat()}
    assert server.call("PUT", "/api/v1/main/triggers", json_body={**key, "backfill": backfill}).status == 200
    eventually(
        lambda: server.call("POST", path, json_body={**body, "onlyMissing": True}).json["count"] == 4, what="four done"
    )
    assert server.call("POST", path, json_body={"start": body["end"], "end": body["start"]}).status == 422
    assert server.call("POST", path.replace("/on/", "/none/"), json_body=body).status == 404
