"""Rules of the engine on the real server: Dag, LoopUntil, listeners, limits, retries, poison (§8, §10, §11, §16)."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, messages, run_of, states
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(120)


def play(server: Server, name: str, body: str, **more: Any) -> Any:
    """Save a flow, run it to its end; answers the execution."""
    server.save_flow(flow_text(name, body))
    return server.finished(server.execute("conformance", name, **more)["id"])


def test_a_dag_runs_in_the_order_of_its_dependencies(server: Server) -> None:
    """§8.3"""
    ended = play(
        server,
        "dag_order",
        """
        tasks:
          - id: graph
            type: @flow.Dag
            tasks:
              - task: {id: last, type: @debug.Return, format: "{{ outputs.left.value }}{{ outputs.right.value }}"}
                dependsOn: [left, right]
              - task: {id: left, type: @debug.Return, format: "{{ outputs.first.value }}l"}
                dependsOn: [first]
              - task: {id: right, type: @debug.Return, format: "{{ outputs.first.value }}r"}
                dependsOn: [first]
              - task: {id: first, type: @debug.Return, format: f}
        """,
    )
    assert ended["state"]["current"] == "SUCCESS"
    assert run_of(ended, "last")["outputs"]["value"] == "flfr"
    assert states(ended)[0] == ("graph", "SUCCESS")
    parent = run_of(ended, "graph")
    assert all(r["parentTaskRunId"] == parent["id"] for r in ended["taskRunList"][1:])
    assert parent["attempts"] in (None, [])


def test_a_dag_with_a_circle_is_refused(server: Server) -> None:
    """§2.5"""
    body = """
        tasks:
          - id: graph
            type: @flow.Dag
            tasks:
              - {task: {id: a, type: @debug.Return}, dependsOn: [b]}
              - {task: {id: b, type: @debug.Return}, dependsOn: [a, c]}
        """
    text = flow_text("dag_circle", body)
    answer = server.call("POST", "/api/v1/main/flows", body=text.encode(), content_type="application/x-yaml")
    assert answer.status == 422
    assert "Cyclic dependency detected: a, b" in answer.text
    assert "Not existing task id in dependency: c" in answer.text


@pytest.mark.parametrize("kind", ["LoopUntil", "WaitFor"])
def test_a_loop_ends_when_its_condition_holds(server: Server, kind: str) -> None:
    """§8.7: paused between rounds; the last round's task runs and outputs stay."""
    ended = play(
        server,
        f"until_{kind.lower()}",
        f"""
        tasks:
          - id: loop
            type: @flow.{kind}
            condition: "{{{{ outputs.ask.value == '3' }}}}"
            checkFrequency: {{interval: PT0.2S, maxIterations: 10}}
            tasks:
              - {{id: ask, type: @debug.Return, format: "{{{{ (outputs.loop.iterationCount ?? 0) + 1 }}}}"}}
          - {{id: after, type: @debug.Return, format: "{{{{ outputs.loop.iterationCount }}}} {{{{ outputs.ask.value }}}}"}}
        """,
    )
    assert ended["state"]["current"] == "SUCCESS"
    assert states(ended) == [("loop", "SUCCESS"), ("ask", "SUCCESS"), ("after", "SUCCESS")]
    assert run_of(ended, "after")["outputs"]["value"] == "3 3"
    assert run_of(ended, "loop")["outputs"] == {"iterationCount": 3}
    assert [h["state"] for h in run_of(ended, "loop")["state"]["histories"]] == ["CREATED", "RUNNING", "SUCCESS"]
    seen = [h["state"] for h in ended["state"]["histories"]]
    assert seen == ["CREATED", "RUNNING", "PAUSED", "RUNNING", "PAUSED", "RUNNING", "SUCCESS"]


@pytest.mark.parametrize(("fail", "state"), [("true", "FAILED"), ("false", "SUCCESS")])
def test_a_loop_ends_at_its_maximum(server: Server, fail: str, state: str) -> None:
    """§8.7"""
    ended = play(
        server,
        f"until_max_{fail}",
        f"""
        tasks:
          - id: loop
            type: @flow.LoopUntil
            condition: "{{{{ false }}}}"
            failOnMaxReached: {fail}
            checkFrequency: {{interval: PT0.1S, maxIterations: 2}}
            tasks: [{{id: ask, type: @debug.Return}}]
        """,
    )
    assert ended["state"]["current"] == state
    assert run_of(ended, "loop")["outputs"] == {"iterationCount": 2}
    messages(server, ended["id"], "Max iterations reached")


def test_children_of_one_value_are_not_ordered_in_each_parallel(server: Server) -> None:
    """core plugins §1: EachParallel."""
    ended = play(
        server,
        "each_parallel",
        """
        tasks:
          - id: each
            type: @flow.EachParallel
            value: ["x", "z"]
            tasks:
              - {id: slow, type: @flow.Sleep, duration: PT0.5S}
              - {id: quick, type: @debug.Return, format: "{{ taskrun.value }}"}
        """,
    )
    assert ended["state"]["current"] == "SUCCESS"
    for value in "xz":
        quick, slow = run_of(ended, "quick", value), run_of(ended, "slow", value)
        assert quick["state"]["endDate"] < slow["state"]["endDate"]
        assert quick["outputs"]["value"] == value


def test_listeners_follow_the_end(server: Server) -> None:
    """§10.1: deprecated; those whose conditions hold, before afterExecution."""
    ended = play(
        server,
        "listeners",
        """
        tasks: [{id: bad, type: @execution.Fail}]
        listeners:
          - conditions: [{type: @condition.ExecutionStatus, in: [FAILED]}]
            tasks: [{id: told, type: @log.Log, message: "it is {{ execution.state }}"}]
          - conditions: [{type: @condition.ExecutionStatus, in: [SUCCESS]}]
            tasks: [{id: never, type: @log.Log, message: no}]
        afterExecution: [{id: last, type: @log.Log, message: last}]
        """,
    )
    whole = eventually(
        lambda: (
            (e := server.execution(ended["id"])) and len(e["taskRunList"]) == 3 and states(e)[2][1] == "SUCCESS" and e
        ),
        what="what follows the end",
    )
    assert states(whole) == [("bad", "FAILED"), ("told", "SUCCESS"), ("last", "SUCCESS")]
    messages(server, ended["id"], "it is FAILED")
    assert run_of(whole, "told")["forceExecution"] is True


def test_a_sibling_of_a_failed_task_ends_in_its_own_state(server: Server) -> None:
    """§8.2: visible in its history only; the flow has ended before."""
    name = "late_sibling"
    server.save_flow(
        flow_text(
            name,
            """
            tasks:
              - id: both
                type: @flow.Parallel
                tasks:
                  - {id: long, type: @flow.Sleep, duration: PT1.5S}
                  - id: after_a_while
                    type: @flow.Sequential
                    tasks:
                      - {id: nap, type: @flow.Sleep, duration: PT0.5S}
                      - {id: bad, type: @execution.Fail}
            """,
        )
    )
    ended = server.finished(server.execute("conformance", name)["id"])
    assert ended["state"]["current"] == "FAILED"
    assert run_of(ended, "long")["state"]["current"] == "FAILED"
    later = eventually(
        lambda: (e := server.execution(ended["id"])) and run_of(e, "long")["state"]["current"] == "SUCCESS" and e,
        what="the sibling's own result",
    )
    assert [h["state"] for h in run_of(later, "long")["state"]["histories"]] == [
        "CREATED",
        "RUNNING",
        "FAILED",
        "SUCCESS",
    ]
    assert later["state"]["current"] == "FAILED"
    assert run_of(later, "both")["state"]["current"] == "FAILED"
    assert run_of(later, "long")["attempts"][0]["state"]["current"] == "SUCCESS"


def test_a_raised_limit_lets_waiting_executions_go_at_once(server: Server) -> None:
    """§11.3"""
    name = "limit_raised"

    def text(limit: str) -> str:
        return flow_text(name, f"{limit}\ntasks: [{{id: nap, type: @flow.Pause}}]")

    server.save_flow(text("concurrency: {limit: 1}"))
    ids = [server.execute("conformance", name)["id"] for _ in range(4)]

    def now() -> list[str]:
        return [server.execution(i)["state"]["current"] for i in ids]

    eventually(lambda: now() == ["PAUSED", "QUEUED", "QUEUED", "QUEUED"], what="a queue")
    server.save_flow(text("concurrency: {limit: 2}"))
    eventually(lambda: now() == ["PAUSED", "PAUSED", "QUEUED", "QUEUED"], what="one more")
    server.save_flow(text(""))
    eventually(lambda: now() == ["PAUSED"] * 4, what="all")
    for execution in ids:
        assert server.call("POST", f"/api/v1/main/executions/{execution}/resume").status in (200, 204)
    assert [server.finished(i)["state"]["current"] for i in ids] == ["SUCCESS"] * 4


def test_a_restart_is_counted_again(server: Server) -> None:
    """§11.3: an ended execution has given its place back."""
    name = "limit_restart"
    server.save_flow(
        flow_text(
            name,
            """
            concurrency: {limit: 1}
            inputs: [{id: bad, type: BOOL, defaults: false}]
            tasks:
              - {id: maybe, type: @execution.Fail, runIf: "{{ inputs.bad }}"}
              - {id: wait, type: @flow.Pause}
            """,
        )
    )
    failed = server.finished(server.execute("conformance", name, {"bad": "true"})["id"])
    assert failed["state"]["current"] == "FAILED"
    other = server.execute("conformance", name)["id"]
    eventually(lambda: server.execution(other)["state"]["current"] == "PAUSED", what="the other holds the place")
    again = server.call("POST", f"/api/v1/main/executions/{failed['id']}/restart")
    assert again.status == 200
    eventually(lambda: server.execution(failed["id"])["state"]["current"] == "QUEUED", what="the restarted waits")
    server.call("POST", f"/api/v1/main/executions/{other}/resume")
    ended = server.finished(failed["id"])
    seen = [h["state"] for h in ended["state"]["histories"]]
    assert seen == ["CREATED", "RUNNING", "FAILED", "QUEUED", "RESTARTED", "RUNNING", "FAILED"]


def test_the_nearest_policy_of_retries_counts(server: Server) -> None:
    """§11.1: the task's own, else the nearest block's, else the flow's; attempts of the failed task run."""
    ended = play(
        server,
        "retry_nearest",
        """
        retry: {type: constant, interval: PT0.1S, maxAttempts: 2}
        tasks:
          - id: outer
            type: @flow.Sequential
            allowFailure: true
            retry: {type: constant, interval: PT0.1S, maxAttempts: 3}
            tasks:
              - id: inner
                type: @flow.Sequential
                tasks: [{id: three, type: @execution.Fail, allowFailure: true}]
              - {id: one, type: @execution.Fail, retry: {type: constant, interval: PT1S, maxAttempts: 1}}
          - {id: two, type: @execution.Fail}
        """,
    )
    assert {t: len(run_of(ended, t)["attempts"]) for t in ("three", "one", "two")} == {"three": 3, "one": 1, "two": 2}
    assert [s for _, s in states(ended)] == ["WARNING", "WARNING", "WARNING", "FAILED", "FAILED"]


def test_retries_end_with_their_duration(server: Server) -> None:
    """§11.1: exponential delays; none that starts later than the first attempt's start + maxDuration."""
    ended = play(
        server,
        "retry_duration",
        """
        tasks:
          - id: bad
            type: @execution.Fail
            retry: {type: exponential, interval: PT0.2S, maxInterval: PT10S, delayFactor: 3, maxDuration: PT1.5S}
        """,
    )
    assert ended["state"]["current"] == "FAILED"
    attempts = run_of(ended, "bad")["attempts"]
    assert len(attempts) == 3  # after 0.2 s and 0.6 s; 1.8 s more would be too late


@pytest.mark.skipif("FLOWDECK_TEST_DATABASE" in os.environ, reason="edits the file of SQLite")
def test_a_poisoned_execution_fails_alone_after_a_restart(tmp_path: Path) -> None:
    """A plugin that is gone and a flow that is deleted while executions run: one fails with its reason, once."""
    server = Server(tmp_path / "home")
    try:
        server.start(seconds=90)
        for name in ("gone", "deleted", "good"):
            body = "tasks: [{id: nap, type: @flow.Sleep, duration: PT8S}, {id: after, type: @log.Log, message: on}]"
            server.save_flow(flow_text(name, body))
        ids = {name: server.execute("conformance", name)["id"] for name in ("gone", "deleted", "good")}
        for execution in ids.values():
            eventually(lambda e=execution: server.execution(e)["state"]["current"] == "RUNNING", what="running")
        assert server.call("DELETE", "/api/v1/main/flows/conformance/deleted").status in (200, 204)
        server.stop()
        path = next((tmp_path / "home").rglob("flowdeck.db"))
        with sqlite3.connect(path) as connection:
            connection.execute(
                "update flow_revision set source = replace(source, 'flow.Sleep', 'flow.Slept') where source like 'id: gone%'"
            )
        connection.close()
        for _ in range(2):
            server.start(seconds=90, setup=False)
            poisoned = server.finished(ids["gone"])
            assert poisoned["state"]["current"] == "FAILED"
            reason = [m for m in messages(server, ids["gone"]) if "can't go on" in m]
            assert len(reason) == 1 and "Invalid type: io.kestra.plugin.core.flow.Slept" in reason[0]
            if _ == 0:
                assert server.finished(ids["good"], seconds=60)["state"]["current"] == "SUCCESS"
                assert server.finished(ids["deleted"], seconds=60)["state"]["current"] == "SUCCESS"
            server.stop()
            time.sleep(0.1)
    finally:
        server.stop()
