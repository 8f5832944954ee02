"""Labels: where they come from, which win, what nobody may set; variables (spec: workflow components §4, §5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.conftest import flow_text, messages, refused, run_of
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(60)

ONE = "tasks: [{id: t, type: @log.Log, message: x}]"


def labels(execution: Any, *, system: bool = False) -> dict[str, str]:
    found = {x["key"]: x["value"] for x in execution["labels"]}
    return found if system else {k: v for k, v in found.items() if not k.startswith("system.")}


def test_labels_of_the_flow_are_copied_as_text(server: Server) -> None:
    """§5: numbers and booleans are converted, keys are unique (last one kept), `system.*` of the flow is not copied."""
    body = (
        "labels: [{key: n, value: 1}, {key: b, value: true}, {key: n, value: 2}, {key: system.readOnly, value: true}]\n"
    )
    ended = server.run(flow_text("own", body + ONE))
    assert labels(ended) == {"n": "2", "b": "true"}
    assert labels(ended, system=True).keys() == {"n", "b", "system.correlationId", "system.username"}
    assert labels(ended, system=True)["system.correlationId"] == ended["id"]


def test_labels_of_the_request_win(server: Server) -> None:
    """§5: `labels=key:value`, the value may contain colons; empty or system keys are refused, nothing is created."""
    server.save_flow(flow_text("asked", "labels: {team: data, other: o}\n" + ONE))
    created = server.execute("conformance", "asked", query="?labels=team:a:b&labels=Any_Key:v")
    assert labels(created) == {"team": "a:b", "other": "o", "Any_Key": "v"}
    for wrong in ("system.x:y", "system.username:me", ":x", "x:", "x"):
        answer = server.call("POST", f"/api/v1/main/executions/conformance/asked?labels={wrong}")
        assert answer.status == 422, wrong
    assert (
        "offending label: system.x=y"
        in server.call("POST", "/api/v1/main/executions/conformance/asked?labels=system.x:y").json["message"]
    )
    assert server.call("GET", "/api/v1/main/executions?namespace=conformance&flowId=asked").json["total"] == 1


@pytest.mark.parametrize(
    "given",
    [
        "{day: '{{ 1 + 1 }}', team: new}",
        "[{key: day, value: '2'}, {key: team, value: new}]",
        '\'{"day": 2, "team": "new"}\'',
    ],
)
def test_the_task_labels_merges(server: Server, given: str) -> None:
    """§5: a map, a list, or a text that renders to a JSON map; rendered values."""
    body = f"labels: {{team: old, kept: k}}\ntasks: [{{id: l, type: @execution.Labels, labels: {given}}}]"
    assert labels(server.run(flow_text("merged", body))) == {"team": "new", "kept": "k", "day": "2"}


def test_the_task_labels_sets_no_system_labels(server: Server) -> None:
    """§5: `system.*` can not be set by users."""
    body = "tasks: [{id: l, type: @execution.Labels, labels: \"{{ {'system.x': 'y'} | toJson }}\"}]"
    ended = server.run(flow_text("system_label", body))
    text = "System labels can only be set by Kestra itself, offending label: system.x=y"
    assert ended["state"]["current"] == "FAILED" and "system.x" not in labels(ended, system=True)
    assert text in messages(server, ended["id"], text)


def test_labels_go_down_to_subflows(server: Server) -> None:
    """§5: the parent's labels with inheritLabels, else its system labels alone; then those of the task."""
    server.save_flow(flow_text("child", "labels: {from: child, own: c}\n" + ONE))
    parent = """
    labels: {{from: parent, up: p}}
    tasks:
      - id: s
        type: @flow.Subflow
        namespace: conformance
        flowId: child
        inheritLabels: {0}
        labels: {{task: "{{{{ flow.id }}}}"}}
    """
    for inherit, wanted in (
        ("false", {"from": "child", "own": "c", "task": "down"}),
        ("true", {"from": "parent", "own": "c", "up": "p", "task": "down"}),
    ):
        ended = server.run(flow_text("down", parent.format(inherit)))
        child = server.execution(run_of(ended, "s")["outputs"]["executionId"])
        assert labels(child) == wanted
        assert labels(child, system=True)["system.correlationId"] == ended["id"]


def test_a_label_of_a_trigger_that_fails_is_dropped(server: Server) -> None:
    """§5: trigger labels, values rendered; a value that fails to render is dropped with a warning."""
    trigger = """
labels: {team: flow}
triggers:
  - id: s
    type: @trigger.Schedule
    cron: "* * * * * *"
    withSeconds: true
    labels: {good: "{{ trigger.date is defined }}", bad: "{{ nothing.there }}", team: trigger}
"""
    server.save_flow(flow_text("scheduled", trigger + ONE))

    def found() -> Any:
        listed = server.call("GET", "/api/v1/main/executions?namespace=conformance&flowId=scheduled").json
        return listed["results"]

    one = eventually(found, what="an execution")[0]
    server.call("DELETE", "/api/v1/main/flows/conformance/scheduled")
    assert labels(one) == {"team": "trigger", "good": "true"}
    assert "system.username" not in labels(one, system=True)

    def warned() -> bool:
        return any("'bad'" in x["message"] and x["level"] == "WARN" for x in server.logs(one["id"]))

    eventually(warned, what="the warning")


def test_expressions_see_a_nested_map(server: Server) -> None:
    """§5, §20: `labels.team`, `labels.system.correlationId`."""
    body = """
    labels: {team: data, a.b: c}
    tasks: [{id: t, type: @debug.Return, format: "{{ labels.team }} {{ labels.a.b }} {{ labels.system.correlationId }}"}]
    """
    ended = server.run(flow_text("nested", body))
    assert run_of(ended, "t")["outputs"]["value"] == f"data c {ended['id']}"


def test_tests_are_labelled(server: Server) -> None:
    """§5: `system.test=true`."""
    server.save_flow(flow_text("tested", ONE))
    created = server.execute("conformance", "tested", query="?kind=TEST")
    assert labels(created, system=True)["system.test"] == "true"


# ── §4 ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_variables_keep_their_structure_and_are_not_followed(server: Server) -> None:
    """§4: `{{ vars.x }}` prints the stored text; lists and maps keep their structure, in text they print as JSON."""
    body = """
    inputs: [{id: who, type: STRING, defaults: Ada}]
    variables:
      hello: "Hi {{ inputs.who }}"
      servers: [{host: a}, {host: b}]
      yes_: yes
      day: 2026-01-31
      number: 1.10
    tasks:
      - {id: stored, type: @debug.Return, format: "{{ vars.hello }}"}
      - {id: rendered, type: @debug.Return, format: "{{ render(vars.hello) }}"}
      - {id: deep, type: @debug.Return, format: "{{ vars.servers[1].host }} {{ vars.servers }}"}
      - {id: scalars, type: @debug.Return, format: "{{ vars.yes_ }} {{ vars.day }} {{ vars.number }}"}
    """
    ended = server.run(flow_text("variables", body))
    values = {x["taskId"]: x["outputs"]["value"] for x in ended["taskRunList"]}
    assert values == {
        "stored": "Hi {{ inputs.who }}",
        "rendered": "Hi Ada",
        "deep": 'b [{"host":"a"},{"host":"b"}]',
        "scalars": "true 2026-01-31 1.1",
    }
    assert ended["variables"]["servers"] == [{"host": "a"}, {"host": "b"}]


def test_variables_change_while_the_execution_runs(server: Server) -> None:
    """§4: SetVariables merges deeply, UnsetVariables deletes; both are strict when asked."""
    body = """
    variables: {a: {x: 1, y: 2}, b: old}
    tasks:
      - {id: set, type: @execution.SetVariables, variables: {a: {y: 3, z: "{{ 2 + 2 }}"}, new: fresh}}
      - {id: unset, type: @execution.UnsetVariables, variables: [a.x, b, gone], ignoreMissing: true}
      - {id: t, type: @debug.Return, format: "{{ vars.a }} {{ vars.new }} {{ vars.b ?? 'none' }}"}
    """
    ended = server.run(flow_text("changing", body))
    assert run_of(ended, "t")["outputs"]["value"] == '{"y":3,"z":4} fresh none'
    assert ended["variables"] == {"a": {"y": 3, "z": 4}, "new": "fresh"}


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("SetVariables, variables: {b: x}, overwrite: false", "Variable 'b' already exist and 'overwrite' is set to 'false'."),
        ("UnsetVariables, variables: [gone]", "gone"),
    ],
)  # fmt: skip
def test_variables_that_can_not_be_changed(server: Server, task: str, reason: str) -> None:
    """§4: `overwrite: false` on an existing key and a missing key without `ignoreMissing` fail the task."""
    ended = server.run(flow_text("unchanged", f"variables: {{b: old}}\ntasks: [{{id: t, type: @execution.{task}}}]"))
    assert ended["state"]["current"] == "FAILED"
    eventually(lambda: any(reason in x["message"] for x in server.logs(ended["id"])), what="the reason")


def test_a_disabled_flow_is_refused(server: Server) -> None:
    """§1.4: 409, nothing created."""
    server.save_flow(flow_text("off", "disabled: true\n" + ONE))
    assert refused(server, "conformance", "off") == (409, "Illegal state: Cannot execute a disabled flow")


def test_triggers_see_static_inputs_and_variables(server: Server) -> None:
    """§4: trigger variables → inputs → variables; in a trigger only inputs with static defaults are visible."""
    body = """
inputs: [{id: key, type: STRING, defaults: fromaninput}, {id: who, type: STRING}]
variables: {greeting: hello}
triggers:
  - {id: w, type: @trigger.Webhook, key: staticinputs, inputs: {who: "{{ vars.greeting }} {{ inputs.key }}"}}
tasks: [{id: t, type: @debug.Return, format: "{{ inputs.who }}"}]
"""
    server.save_flow(flow_text("static_inputs", body))
    answer = server.call("POST", "/api/v1/main/executions/webhook/conformance/static_inputs/staticinputs")
    assert answer.status == 200, answer.text
    ended = server.finished(answer.json["id"])
    assert run_of(ended, "t")["outputs"]["value"] == "hello fromaninput"
