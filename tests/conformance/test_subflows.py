"""Subflow on the real server, row by row (spec: workflow components §9.1)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, messages, put_kv, run_of, states
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(90)

ECHO = """
inputs:
  - {id: text, type: STRING, defaults: none}
  - {id: deep.inner, type: STRING, defaults: none}
  - {id: list, type: ARRAY, itemType: INT, defaults: [0]}
labels: {own: child}
tasks:
  - {id: say, type: @debug.Return, format: "{{ inputs.text }}/{{ inputs.deep.inner }}/{{ inputs.list }}/{{ trigger.flowId }}"}
outputs:
  - {id: said, type: STRING, value: "{{ outputs.say.value }}"}
"""


def call(name: str, child: str, more: str = "", after: str = "", labels: str = "") -> str:
    """A flow with one Subflow task."""
    return flow_text(
        name,
        f"""
        {labels}
        tasks:
          - id: sub
            type: @flow.Subflow
            namespace: conformance
            flowId: {child}
            {more}
          {after}
        """,
    )


def child_of(server: Server, execution: Any, task: str = "sub") -> Any:
    """The execution that a task started."""
    return server.execution(run_of(execution, task)["outputs"]["executionId"])


def said_in(server: Server, execution: Any, text: str) -> bool:
    """Whether a line of its log holds the text."""
    return any(text in line for line in messages(server, execution["id"]))


def label_map(execution: Any) -> dict[str, str]:
    """Labels as a map."""
    return {label["key"]: label["value"] for label in execution.get("labels") or []}


def test_inputs_labels_trigger_and_outputs(server: Server) -> None:
    """Rows `inputs` (dotted keys, native lists), `labels`, system labels, `outputs`, the link in the log."""
    server.save_flow(flow_text("sub-echo", ECHO))
    done = server.run(
        call(
            "sub-call",
            "sub-echo",
            'inputs: {text: hi, deep.inner: low, list: [1, 2]}\n            labels: {mine: "{{ flow.id }}"}',
            '- {id: after, type: @log.Log, message: "{{ outputs.sub.outputs.said }} {{ outputs.sub.state }}"}',
            "labels: {theirs: parent}",
        )
    )
    assert states(done) == [("sub", "SUCCESS"), ("after", "SUCCESS")]
    assert messages(server, done["id"], "hi/low/[1,2]/sub-call SUCCESS")
    child = child_of(server, done)
    link = f'[[link execution="{child["id"]}"'
    assert eventually(lambda: said_in(server, done, link), what=link)
    labels = label_map(child)
    assert (labels["own"], labels["mine"], labels["system.correlationId"]) == ("child", "sub-call", done["id"])
    assert "theirs" not in labels
    trigger = child["trigger"]
    assert (trigger["id"], trigger["variables"]["executionId"]) == ("sub", done["id"])
    assert len(run_of(done, "sub")["attempts"]) == 1


def test_inherited_labels(server: Server) -> None:
    server.save_flow(flow_text("sub-echo", ECHO))
    done = server.run(call("sub-inherit", "sub-echo", "inheritLabels: true", labels="labels: {theirs: parent}"))
    assert label_map(child_of(server, done))["theirs"] == "parent"


def test_not_waiting(server: Server) -> None:
    """`wait: false`: SUCCESS at once with the id alone."""
    server.save_flow(flow_text("sub-slow", "tasks: [{id: nap, type: @flow.Sleep, duration: PT2S}]"))
    done = server.run(call("sub-nowait", "sub-slow", "wait: false"))
    assert done["state"]["current"] == "SUCCESS"
    assert set(run_of(done, "sub")["outputs"]) == {"executionId"}
    assert child_of(server, done)["state"]["current"] in ("CREATED", "RUNNING")


@pytest.mark.parametrize(
    ("more", "state"),
    [("", "FAILED"), ("transmitFailed: false", "SUCCESS"), ("allowFailure: true", "WARNING"),
     ("{both}", "SUCCESS")],
)  # fmt: skip
def test_what_becomes_of_a_failed_child(server: Server, more: str, state: str) -> None:
    server.save_flow(flow_text("sub-fails", "tasks: [{id: f, type: @execution.Fail, errorMessage: inside}]"))
    both = "allowFailure: true\n            allowWarning: true"
    done = server.run(call(f"sub-transmits-{len(more)}", "sub-fails", more.replace("{both}", both)))
    assert states(done) == [("sub", state)]
    assert run_of(done, "sub")["outputs"]["state"] == "FAILED"


def test_errors_that_fail_the_task(server: Server) -> None:
    """Missing and disabled targets, inputs that break a rule."""
    server.save_flow(flow_text("sub-off", "disabled: true\ntasks: [{id: l, type: @log.Log, message: x}]"))
    server.save_flow(
        flow_text("sub-strict", "inputs: [{id: n, type: INT}]\ntasks: [{id: l, type: @log.Log, message: x}]")
    )
    for name, more, text in (
        ("sub-nowhere", "", "Unable to find flow 'conformance'.'sub-nowhere' with revision 'latest'"),
        ("sub-off", "", "Cannot execute a flow which is disabled: 'conformance'.'sub-off'"),
        ("sub-strict", "", "Missing required input:n"),
    ):
        done = server.run(call(f"call-{name}", name, more))
        assert states(done) == [("sub", "FAILED")]
        assert eventually(lambda t=text, d=done: said_in(server, d, t), what=f"{text} of {name}")


def test_a_retry_makes_a_new_child(server: Server) -> None:
    server.save_flow(flow_text("sub-fails", "tasks: [{id: f, type: @execution.Fail}]"))
    done = server.run(call("sub-retry", "sub-fails", "retry: {type: constant, interval: PT0.2S, maxAttempts: 2}"))
    assert done["state"]["current"] == "FAILED"
    links = [line for line in messages(server, done["id"]) if line.startswith("Created new execution")]
    assert len(links) == 2


def test_a_child_that_is_retried_as_a_new_execution_is_followed(server: Server) -> None:
    """RETRIED (flow retry CREATE_NEW_EXECUTION): the parent waits for the last attempt."""
    put_kv(server, "conformance", "sub-retried", "no")
    server.save_flow(
        flow_text(
            "sub-again",
            """
            retry: {type: constant, interval: PT0.5S, maxAttempts: 5, behavior: CREATE_NEW_EXECUTION}
            tasks: [{id: f, type: @execution.Fail, condition: "{{ kv('sub-retried') == 'no' }}"}]
            """,
        )
    )
    server.save_flow(call("sub-follows", "sub-again"))
    started = server.execute("conformance", "sub-follows")
    eventually(
        lambda: sum("Created new" in line for line in messages(server, started["id"])) == 1, what="the first child"
    )
    time.sleep(0.3)
    put_kv(server, "conformance", "sub-retried", "yes")
    done = server.finished(started["id"])
    assert states(done) == [("sub", "SUCCESS")]
    assert child_of(server, done)["state"]["current"] == "SUCCESS"


@pytest.mark.parametrize("behavior", ["RETRY_FAILED", "NEW_EXECUTION"])
def test_a_restart_of_the_parent(server: Server, behavior: str) -> None:
    key = f"sub-restart-{behavior.lower()}"
    put_kv(server, "conformance", key, "no")
    server.save_flow(
        flow_text(
            f"sub-mends-{behavior[:3].lower()}",
            f"""
            tasks:
              - {{id: once, type: @log.Log, message: ran}}
              - {{id: f, type: @execution.Fail, condition: "{{{{ kv('{key}') == 'no' }}}}"}}
            """,
        )
    )
    done = server.run(
        call(
            f"sub-restarts-{behavior[:3].lower()}", f"sub-mends-{behavior[:3].lower()}", f"restartBehavior: {behavior}"
        )
    )
    first = child_of(server, done)["id"]
    assert done["state"]["current"] == "FAILED"
    put_kv(server, "conformance", key, "yes")
    server.call("POST", f"/api/v1/main/executions/{done['id']}/restart")
    eventually(lambda: server.execution(done["id"])["state"]["current"] == "SUCCESS", what="success")
    second = child_of(server, server.execution(done["id"]))["id"]
    assert (first == second) is (behavior == "RETRY_FAILED")


def test_a_date_in_the_future(server: Server) -> None:
    """`scheduleDate`: the child is created now and starts then; the parent waits."""
    server.save_flow(flow_text("sub-echo", ECHO))
    due = datetime.now(UTC) + timedelta(seconds=2)
    server.save_flow(call("sub-dated", "sub-echo", f'scheduleDate: "{due.isoformat()}"'))
    started = server.execute("conformance", "sub-dated")
    eventually(lambda: states(server.execution(started["id"])) == [("sub", "RUNNING")], what="a waiting task run")
    assert child_of(server, server.execution(started["id"]))["state"]["current"] == "CREATED"
    done = server.finished(started["id"])
    begun = datetime.fromisoformat(run_of(child_of(server, done), "say")["state"]["startDate"].replace("Z", "+00:00"))
    assert begun >= due - timedelta(milliseconds=50)


def test_deprecated_outputs_are_rendered_in_the_child(server: Server) -> None:
    server.save_flow(flow_text("sub-plain", 'tasks: [{id: say, type: @debug.Return, format: "{{ execution.id }}"}]'))
    done = server.run(call("sub-outputs", "sub-plain", 'outputs: {id: "{{ outputs.say.value }}", n: "{{ 1 + 1 }}"}'))
    child = child_of(server, done)
    assert run_of(done, "sub")["outputs"]["outputs"] == {"id": child["id"], "n": 2}


def test_kills_cascade_and_flows_that_call_each_other_are_stopped(server: Server) -> None:
    server.save_flow(flow_text("sub-sleeps", "tasks: [{id: nap, type: @flow.Sleep, duration: PT60S}]"))
    server.save_flow(call("sub-killed", "sub-sleeps"))
    started = server.execute("conformance", "sub-killed")
    eventually(lambda: states(server.execution(started["id"])) == [("sub", "RUNNING")], what="the child")
    server.call("DELETE", f"/api/v1/main/executions/{started['id']}/kill")
    done = server.finished(started["id"])
    assert done["state"]["current"] == child_of(server, done)["state"]["current"] == "KILLED"
    server.save_flow(call("sub-ping", "sub-pong"))
    server.save_flow(call("sub-pong", "sub-ping"))
    looped = server.run(call("sub-ping", "sub-pong"))
    assert looped["state"]["current"] == "FAILED"
    inner = child_of(server, looped)
    text = "Recursive call to flow [conformance.sub-ping]"
    assert eventually(lambda: said_in(server, inner, text), what=text)
