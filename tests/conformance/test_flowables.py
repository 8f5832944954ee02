"""Every flowable, and what happens at failures, on the real server (spec: workflow components §8 to §12)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, messages, run_of, states
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(90)


@dataclass
class Case:
    """A flow's body, its final state, its task runs in order, and log lines that must be there."""

    body: str
    state: str = "SUCCESS"
    runs: list[str] = field(default_factory=list)
    said: tuple[str, ...] = ()
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] | None = None


CASES: dict[str, Case] = {
    "sequential_with_local_errors_and_finally": Case(
        """
        tasks:
          - id: seq
            type: @flow.Sequential
            tasks:
              - {id: a, type: @execution.Fail, errorMessage: broke}
              - {id: b, type: @log.Log, message: never}
            errors:
              - {id: e1, type: @execution.Fail}
              - {id: e2, type: @log.Log, message: "{{ error.taskId }}: {{ error.message }}, {{ tasks.a.state }}"}
            finally:
              - {id: f, type: @log.Log, message: "local {{ execution.state }}"}
        errors:
          - {id: ge, type: @log.Log, message: all}
        finally:
          - {id: gf, type: @execution.Fail}
        afterExecution:
          - {id: after, type: @log.Log, message: "after {{ execution.state }}"}
        """,
        "FAILED",
        ["seq FAILED", "a FAILED", "e1 FAILED", "e2 SUCCESS", "f SUCCESS", "ge SUCCESS", "gf FAILED", "after SUCCESS"],
        ("a: broke, FAILED", "local RUNNING", "after FAILED"),
    ),
    "a_failing_finally_does_not_worsen": Case(
        """
        tasks: [{id: a, type: @log.Log, message: x}]
        finally: [{id: f, type: @execution.Fail}]
        """,
        "SUCCESS",
        ["a SUCCESS", "f FAILED"],
    ),
    "the_error_is_that_of_the_first_failed_task": Case(
        """
        tasks:
          - {id: mild, type: @execution.Fail, errorMessage: mild, allowFailure: true}
          - {id: bad, type: @execution.Fail, errorMessage: bad}
        errors: [{id: e, type: @log.Log, message: "because {{ error.taskId }} {{ error.message }}"}]
        """,
        "FAILED",
        ["mild WARNING", "bad FAILED", "e SUCCESS"],
        ("because bad bad",),
    ),
    "parallel_with_limit": Case(
        """
        tasks:
          - id: p
            type: @flow.Parallel
            concurrent: 2
            tasks:
              - {id: a, type: @flow.Sleep, duration: PT0.2S}
              - {id: b, type: @flow.Sleep, duration: PT0.2S}
              - {id: c, type: @flow.Sleep, duration: PT0.01S}
        """,
        runs=["p SUCCESS", "a SUCCESS", "b SUCCESS", "c SUCCESS"],
    ),
    "if_and_else": Case(
        """
        inputs: [{id: n, type: INT, defaults: 3}]
        tasks:
          - id: which
            type: @flow.If
            condition: "{{ inputs.n > 5 }}"
            then: [{id: big, type: @log.Log, message: big}]
            else: [{id: small, type: @log.Log, message: "small {{ outputs.which.evaluationResult }}"}]
        """,
        runs=["which SUCCESS", "small SUCCESS"],
        said=("small false",),
    ),
    "switch_compares_text": Case(
        """
        tasks:
          - id: sw
            type: @flow.Switch
            value: "{{ 2 > 1 }}"
            cases:
              "true": [{id: yes, type: @log.Log, message: "v={{ outputs.sw.value }} d={{ outputs.sw.defaults }}"}]
            defaults: [{id: no, type: @log.Log, message: no}]
        """,
        runs=["sw SUCCESS", "yes SUCCESS"],
        said=("v=true d=false",),
    ),
    "switch_without_a_match_fails": Case(
        """
        tasks:
          - id: sw
            type: @flow.Switch
            value: other
            cases: {a: [{id: x, type: @log.Log, message: x}]}
        """,
        "FAILED",
        ["sw FAILED"],
    ),
    "nested_loops_and_outputs_by_value": Case(
        """
        tasks:
          - id: outer
            type: @flow.ForEach
            values: ["a", "b", "a"]
            tasks:
              - id: inner
                type: @flow.ForEach
                values: [1, 2]
                tasks:
                  - id: r
                    type: @debug.Return
                    format: "{{ parent.taskrun.value }}{{ taskrun.value }}{{ taskrun.iteration }}"
                  - {id: s, type: @log.Log, message: "own {{ currentEachOutput(outputs.r).value }}"}
        outputs: [{id: last, type: STRING, value: "{{ outputs.r['b']['2'].value }}"}]
        """,
        outputs={"last": "b21"},
        runs=[
            "outer SUCCESS",
            *("inner a SUCCESS", "r 1 SUCCESS", "s 1 SUCCESS", "r 2 SUCCESS", "s 2 SUCCESS"),
            *("inner b SUCCESS", "r 1 SUCCESS", "s 1 SUCCESS", "r 2 SUCCESS", "s 2 SUCCESS"),
        ],
        said=("own a10", "own b21"),
    ),
    "for_each_over_maps_gives_json_text": Case(
        """
        tasks:
          - id: each
            type: @flow.ForEach
            values: "{{ [{'k': 1}, {'k': 2}] }}"
            concurrencyLimit: 0
            tasks: [{id: r, type: @log.Log, message: "k is {{ fromJson(taskrun.value).k }}"}]
        """,
        said=("k is 1", "k is 2"),
    ),
    "a_failing_iteration_stops_a_loop_of_one": Case(
        """
        tasks:
          - id: each
            type: @flow.ForEach
            values: [1, 2, 3]
            tasks: [{id: r, type: @execution.Fail, condition: "{{ taskrun.value == '2' }}"}]
        """,
        "FAILED",
        ["each FAILED", "r 1 SUCCESS", "r 2 FAILED"],
    ),
    "allow_failure_block": Case(
        """
        tasks:
          - id: block
            type: @flow.AllowFailure
            tasks:
              - {id: a, type: @execution.Fail}
              - {id: b, type: @log.Log, message: never}
            errors: [{id: e, type: @log.Log, message: e}]
          - {id: c, type: @log.Log, message: "on: {{ tasks.block.state }}"}
        """,
        "WARNING",
        ["block WARNING", "a FAILED", "e SUCCESS", "c SUCCESS"],
        ("on: WARNING",),
    ),
    "allow_warning_makes_success": Case(
        """
        tasks:
          - {id: a, type: @execution.Fail, allowFailure: true, allowWarning: true}
        """,
        "SUCCESS",
        ["a SUCCESS"],
    ),
    "run_if": Case(
        """
        tasks:
          - {id: a, type: @log.Log, message: a, runIf: "{{ 1 > 2 }}"}
          - id: seq
            type: @flow.Sequential
            runIf: "{{ tasks.a.state == 'SKIPPED' }}"
            tasks: [{id: b, type: @log.Log, message: b}]
          - id: seq2
            type: @flow.Sequential
            runIf: "0"
            tasks: [{id: d, type: @log.Log, message: d}]
        """,
        runs=["a SKIPPED", "seq SUCCESS", "b SUCCESS", "seq2 SKIPPED"],
    ),
    "run_if_that_can_not_be_rendered": Case(
        """
        tasks: [{id: a, type: @log.Log, message: a, runIf: "{{ nothing.there }}"}]
        """,
        "FAILED",
        ["a FAILED"],
        ("Unable to evaluate the runIf condition for task a",),
    ),
    "disabled_tasks_are_absent": Case(
        """
        tasks:
          - {id: a, type: @log.Log, message: a, disabled: true}
          - id: seq
            type: @flow.Sequential
            tasks: [{id: b, type: @log.Log, message: b, disabled: true}]
        """,
        runs=["seq SUCCESS"],
    ),
    "all_tasks_disabled": Case("tasks: [{id: a, type: @log.Log, message: a, disabled: true}]", runs=[]),
    "exit_ends_at_once": Case(
        """
        tasks:
          - id: seq
            type: @flow.Sequential
            tasks:
              - {id: out, type: @execution.Exit, state: WARNING}
              - {id: never, type: @log.Log, message: x}
            finally: [{id: nf, type: @log.Log, message: x}]
        errors: [{id: ne, type: @log.Log, message: x}]
        afterExecution: [{id: after, type: @log.Log, message: x}]
        """,
        "WARNING",
        ["seq WARNING", "out WARNING", "after SUCCESS"],
    ),
    "assert_names_what_is_false": Case(
        """
        tasks:
          - {id: a, type: @execution.Assert, conditions: ["{{ 1 == 1 }}", "{{ 1 == 2 }}"], errorMessage: not so}
        """,
        "FAILED",
        ["a FAILED"],
        ("1 assertion failed!\nnot so",),
    ),
    "labels_and_variables": Case(
        """
        labels: {team: data}
        variables: {a: {b: 1}, t: "{{ 1 + 1 }}"}
        tasks:
          - {id: l, type: @execution.Labels, labels: {team: "new", made: "{{ execution.id | length }}"}}
          - {id: s, type: @execution.SetVariables, variables: {a: {c: "{{ vars.a.b }}"}}}
          - {id: u, type: @execution.UnsetVariables, variables: [a.b]}
          - {id: say, type: @log.Log, message: "{{ labels.team }} {{ labels.made }} {{ vars.a }} {{ render(vars.t) }}"}
          - {id: no, type: @execution.SetVariables, variables: {t: 1}, overwrite: false, allowFailure: true}
        """,
        "WARNING",
        ["l SUCCESS", "s SUCCESS", "u SUCCESS", "say SUCCESS", "no WARNING"],
        ('new 22 {"c":1} 2', "Variable 't' already exist and 'overwrite' is set to 'false'."),
    ),
    "plugin_defaults": Case(
        """
        pluginDefaults:
          - {type: io.kestra.plugin.core.debug, values: {format: general}}
          - {type: io.kestra.plugin.core.debug.Return, values: {format: special}}
          - {type: io.kestra.plugin.core.log.Log, forced: true, values: {level: WARN, message: forced}}
          - {type: io.kestra.plugin.core.debug.Return, ref: mine, values: {format: named}}
        tasks:
          - {id: a, type: @debug.Return}
          - {id: b, type: @debug.Return, format: own}
          - {id: c, type: @debug.Return, pluginDefaultsRef: mine}
          - {id: d, type: @log.Log, message: own}
        outputs:
          - {id: all, type: STRING, value: "{{ outputs.a.value }} {{ outputs.b.value }} {{ outputs.c.value }}"}
        """,
        outputs={"all": "special own named"},
        said=("forced",),
    ),
    "constant_retry": Case(
        """
        tasks:
          - id: t
            type: @execution.Fail
            condition: "{{ taskrun.attemptsCount < 2 }}"
            retry: {type: constant, interval: PT0.05S, maxAttempts: 3}
        """,
        runs=["t SUCCESS"],
    ),
    "retry_with_warning": Case(
        """
        tasks:
          - id: t
            type: @execution.Fail
            condition: "{{ taskrun.attemptsCount < 1 }}"
            retry:
              {type: exponential, interval: PT0.02S, maxInterval: PT0.1S, maxAttempts: 3, warningOnRetry: true}
        """,
        "WARNING",
        ["t WARNING"],
    ),
    "random_retry_runs_out": Case(
        """
        tasks:
          - id: t
            type: @execution.Fail
            retry: {type: random, minInterval: PT0.01S, maxInterval: PT0.03S, maxAttempts: 3}
        errors: [{id: e, type: @log.Log, message: "attempts {{ tasks.t.state }}"}]
        """,
        "FAILED",
        ["t FAILED", "e SUCCESS"],
    ),
    "retry_of_the_flow_and_of_a_parent": Case(
        """
        retry: {type: constant, interval: PT0.02S, maxAttempts: 2}
        tasks:
          - id: seq
            type: @flow.Sequential
            retry: {type: constant, interval: PT0.02S, maxAttempts: 4}
            tasks: [{id: a, type: @execution.Fail, condition: "{{ taskrun.attemptsCount < 3 }}"}]
          - {id: b, type: @execution.Fail, condition: "{{ taskrun.attemptsCount < 1 }}"}
        """,
        runs=["seq SUCCESS", "a SUCCESS", "b SUCCESS"],
    ),
    "timeout_of_an_attempt": Case(
        """
        tasks:
          - id: t
            type: @flow.Sleep
            duration: PT20S
            timeout: PT0.1S
            retry: {type: constant, interval: PT0.02S, maxAttempts: 2}
        """,
        "FAILED",
        ["t FAILED"],
        ("Timeout after 00:00:00.100",),
    ),
    "outputs_of_a_failed_run_fail_softly": Case(
        """
        tasks:
          - {id: a, type: @execution.Fail}
          - {id: b, type: @debug.Return, format: x}
        outputs: [{id: o, type: STRING, value: "{{ outputs.b.value }}"}]
        """,
        "FAILED",
        ["a FAILED"],
    ),
    "outputs_that_can_not_be_rendered_fail_the_run": Case(
        """
        tasks: [{id: a, type: @log.Log, message: x}]
        outputs: [{id: o, type: INT, value: "{{ 'no number' }}"}]
        """,
        "FAILED",
        ["a SUCCESS"],
    ),
    "allowed_failures_with_branches_and_after_execution": Case(
        """
        tasks:
          - id: af
            type: @flow.AllowFailure
            tasks: [{id: f, type: @execution.Fail, retry: {type: constant, interval: PT0.02S, maxAttempts: 2}}]
            finally: [{id: ff, type: @log.Log, message: ff}]
          - id: sq
            type: @flow.Sequential
            allowFailure: true
            tasks: [{id: g, type: @execution.Fail}, {id: h, type: @log.Log, message: h}]
            errors: [{id: ge, type: @log.Log, message: ge}]
          - {id: z, type: @log.Log, message: "{{ tasks.sq.state }} {{ tasks.f.state }}"}
        afterExecution:
          - {id: failing, type: @execution.Fail}
          - {id: after, type: @log.Log, message: "{{ execution.state }} {{ execution.outputs.o }}"}
        outputs: [{id: o, type: STRING, value: "{{ tasks.z.state }}"}]
        """,
        "WARNING",
        [
            *("af WARNING", "f FAILED", "ff SUCCESS", "sq WARNING", "g FAILED", "ge SUCCESS", "z SUCCESS"),
            *("failing FAILED", "after SUCCESS"),
        ],
        ("WARNING FAILED", "WARNING SUCCESS"),
        outputs={"o": "SUCCESS"},
    ),
    "choices_within_a_loop": Case(
        """
        tasks:
          - id: e
            type: @flow.ForEach
            values: '["1","2","3"]'
            tasks:
              - id: i
                type: @flow.If
                condition: "{{ (taskrun.value | number) > 1 }}"
                then:
                  - id: sw
                    type: @flow.Switch
                    value: "{{ parent.taskrun.value }}"
                    cases:
                      "2": [{id: two, type: @debug.Return, format: "two {{ parents[1].taskrun.value }}"}]
                    defaults: [{id: other, type: @debug.Return, format: "other"}]
          - id: o
            type: @log.Log
            message: "{{ outputs.two['2'].value }} {{ outputs.other['3'].value }} {{ outputs.i['1'].evaluationResult }}"
        """,
        said=("two 2 other false",),
    ),
    "exit_as_killed_kills_what_runs_beside": Case(
        """
        tasks:
          - id: p
            type: @flow.Parallel
            tasks:
              - {id: slow, type: @flow.Sleep, duration: PT20S}
              - id: s
                type: @flow.Sequential
                tasks: [{id: x, type: @execution.Exit, state: KILLED}]
        afterExecution: [{id: after, type: @log.Log, message: "{{ execution.state }}"}]
        """,
        "KILLED",
        ["p KILLED", "slow KILLED", "s KILLED", "x KILLED", "after SUCCESS"],
        ("KILLED",),
    ),
    "loops_over_nothing_and_over_mixed_values": Case(
        """
        tasks:
          - {id: e, type: @flow.ForEach, values: "{{ [] }}", tasks: [{id: x, type: @log.Log, message: x}]}
          - id: m
            type: @flow.ForEach
            values: [{a: "{{ flow.namespace }}"}, 2, true, "{{ flow.namespace }}"]
            tasks: [{id: v, type: @log.Log, message: "<{{ taskrun.value }}>"}]
        """,
        said=('<{"a":"conformance"}>', "<2>", "<true>", "<conformance>"),
    ),
    "log_level_keeps_what_is_worse": Case(
        """
        tasks:
          - {id: a, type: @log.Log, message: [one, two], level: WARN, logLevel: INFO}
          - {id: b, type: @log.Log, message: quiet, level: DEBUG, logLevel: INFO}
        """,
        said=("one", "two"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_flow_ends_as_its_tasks_say(server: Server, name: str) -> None:
    case = CASES[name]
    ended = server.run(flow_text(name, case.body), case.inputs)
    assert ended["state"]["current"] == case.state, (states(ended), messages(server, ended["id"]))
    if any("afterExecution" in line for line in case.body.splitlines()):
        ended = eventually(
            lambda: (
                (e := server.execution(ended["id"]))
                and any(run["taskId"] == "after" and run["state"]["current"] == "SUCCESS" for run in e["taskRunList"])
                and e
            ),
            what="afterExecution",
        )
    if case.runs or name == "all_tasks_disabled":
        shown = [
            " ".join(filter(None, (run["taskId"], run.get("value"), run["state"]["current"])))
            for run in ended.get("taskRunList") or []
        ]
        assert shown == case.runs
    if case.outputs is not None:
        assert ended["outputs"] == case.outputs
    messages(server, ended["id"], *case.said)


def attempts(execution: Any, task: str) -> list[str]:
    return [one["state"]["current"] for one in run_of(execution, task)["attempts"]]


def test_each_try_is_an_attempt(server: Server) -> None:
    ended = server.run(flow_text("tries", CASES["constant_retry"].body))
    assert attempts(ended, "t") == ["FAILED", "FAILED", "SUCCESS"]
    passed = [one["state"] for one in run_of(ended, "t")["state"]["histories"]]
    assert passed.count("RETRYING") == 2 and passed[-1] == "SUCCESS"
    ended = server.run(flow_text("tries_timeout", CASES["timeout_of_an_attempt"].body))
    assert attempts(ended, "t") == ["FAILED", "FAILED"]


def test_a_retry_may_make_new_executions(server: Server) -> None:
    first = server.run(
        flow_text(
            "retry_new",
            """
            retry: {type: constant, interval: PT0.05S, maxAttempts: 3, behavior: CREATE_NEW_EXECUTION}
            tasks: [{id: a, type: @execution.Fail}]
            errors: [{id: e, type: @log.Log, message: e}]
            """,
        )
    )
    assert first["state"]["current"] == "RETRIED"

    def chain() -> list[Any]:
        found = server.call("GET", "/api/v1/main/executions?namespace=conformance&flowId=retry_new&size=10").json
        every = sorted(found["results"], key=lambda e: e["metadata"]["attemptNumber"])
        return every if len(every) == 3 and every[-1]["state"]["current"] == "FAILED" else []

    every = eventually(chain, what="three executions")
    assert [e["state"]["current"] for e in every] == ["RETRIED", "RETRIED", "FAILED"]
    assert {e["originalId"] for e in every} == {first["id"]}
    assert [e.get("parentId") for e in every] == [None, every[0]["id"], every[1]["id"]]
    assert states(server.execution(every[0]["id"])) == [("a", "RETRIED")]
    assert states(server.execution(every[2]["id"])) == [("a", "FAILED"), ("e", "SUCCESS")]


# ── pause ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def paused(server: Server, execution: str) -> Any:
    return eventually(
        lambda: (e := server.execution(execution))["state"]["current"] == "PAUSED" and e, what="the pause"
    )


PAUSE = """
tasks:
  - id: wait
    type: @flow.Pause
    onPause: {id: note, type: @log.Log, message: paused now}
    onResume:
      - {id: reason, type: STRING}
      - {id: count, type: INT, defaults: 2}
      - {id: token, type: SECRET, required: false}
  - {id: after, type: @log.Log, message: "because {{ outputs.wait.onResume.reason }} {{ outputs.wait.onResume.count }}"}
"""


def test_a_pause_asks_for_inputs(server: Server) -> None:
    from tests.support.server import multipart

    flow = server.save_flow(flow_text("pause_inputs", PAUSE))
    created = server.execute(flow["namespace"], flow["id"])["id"]
    paused(server, created)
    messages(server, created, "paused now")
    resume = f"/api/v1/main/executions/{created}/resume"
    asked = server.call("POST", f"{resume}/validate")
    assert asked.status == 200
    assert [(one["input"]["id"], one.get("value")) for one in asked.json["inputs"]] == [
        ("reason", None),
        ("count", 2),
        ("token", None),
    ]
    refused = server.call("POST", resume)
    assert refused.status == 422 and "reason" in refused.json["message"]
    assert server.execution(created)["state"]["current"] == "PAUSED"
    body, content_type = multipart({"reason": "it is fine", "token": "resume-t0ken"})
    answer = server.call("POST", resume, body=body, content_type=content_type)
    assert answer.status in (200, 204), answer.text
    ended = server.finished(created)
    assert ended["state"]["current"] == "SUCCESS"
    messages(server, created, "because it is fine 2")
    outputs = run_of(ended, "wait")["outputs"]
    assert outputs["onResume"] == {"reason": "it is fine", "count": 2, "token": "******"}
    assert outputs["resumed"]["by"] == server.username
    assert "resume-t0ken" not in json.dumps(ended)
    again = server.call("POST", resume)
    assert again.status == 409
    passed = [one["state"] for one in ended["state"]["histories"]]
    assert passed == ["CREATED", "RUNNING", "PAUSED", "RESTARTED", "RUNNING", "SUCCESS"]


@pytest.mark.parametrize(
    ("behavior", "state"), [("RESUME", "SUCCESS"), ("WARN", "WARNING"), ("FAIL", "FAILED"), ("CANCEL", "CANCELLED")]
)
def test_a_pause_ends_by_itself(server: Server, behavior: str, state: str) -> None:
    body = f"tasks: [{{id: wait, type: @flow.Pause, pauseDuration: PT0.1S, behavior: {behavior}}}]"
    assert server.run(flow_text(f"pause_{behavior.lower()}", body))["state"]["current"] == state


def test_a_pause_with_a_timeout_fails(server: Server) -> None:
    assert (
        server.run(flow_text("pause_timeout", "tasks: [{id: w, type: @flow.Pause, timeout: PT0.1S}]"))["state"][
            "current"
        ]
        == "FAILED"
    )


def test_a_flow_resumes_another(server: Server) -> None:
    server.save_flow(flow_text("waits", "tasks: [{id: w, type: @flow.Pause}]"))
    created = server.execute("conformance", "waits")["id"]
    paused(server, created)
    ended = server.run(
        flow_text(
            "resumes",
            """
            inputs: [{id: who, type: STRING}]
            tasks: [{id: r, type: @execution.Resume, executionId: "{{ inputs.who }}"}]
            """,
        ),
        {"who": created},
    )
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    assert server.finished(created)["state"]["current"] == "SUCCESS"


# ── subflows ────────────────────────────────────────────────────────────────────────────────────────────────────────

CHILD = """
inputs:
  - {id: n, type: INT, defaults: 1}
  - {id: bag.color, type: STRING, required: false}
labels: {own: child}
tasks:
  - {id: nap, type: @flow.Sleep, duration: PT0.2S}
  - {id: t, type: @execution.Fail, condition: "{{ inputs.n > 5 }}"}
outputs:
  - {id: twice, type: INT, value: "{{ inputs.n * 2 }}"}
  - {id: color, type: STRING, required: false, value: "{{ inputs.bag.color }}"}
"""


def test_options_of_a_subflow(server: Server) -> None:
    server.save_flow(flow_text("sub_child", CHILD))
    ended = server.run(
        flow_text(
            "sub_parent",
            """
            labels: {team: data}
            tasks:
              - id: plain
                type: @flow.Subflow
                namespace: conformance
                flowId: sub_child
                inputs: {n: "{{ 2 + 2 }}", bag.color: red}
                labels: {from: "{{ flow.id }}"}
                inheritLabels: true
              - {id: off, type: @flow.Subflow, namespace: conformance, flowId: sub_child, wait: false}
              - id: untransmitted
                type: @flow.Subflow
                namespace: conformance
                flowId: sub_child
                inputs: {n: 7}
                transmitFailed: false
              - id: transmitted
                type: @flow.Subflow
                namespace: conformance
                flowId: sub_child
                inputs: {n: 7}
                allowFailure: true
              - id: wrong
                type: @flow.Subflow
                namespace: conformance
                flowId: sub_child
                inputs: {n: many}
                allowFailure: true
              - {id: nobody, type: @flow.Subflow, namespace: conformance, flowId: not_there, allowFailure: true}
            """,
        )
    )
    assert ended["state"]["current"] == "WARNING"
    assert states(ended) == [
        ("plain", "SUCCESS"),
        ("off", "SUCCESS"),
        ("untransmitted", "SUCCESS"),
        ("transmitted", "WARNING"),
        ("wrong", "WARNING"),
        ("nobody", "WARNING"),
    ]
    outputs = run_of(ended, "plain")["outputs"]
    assert outputs["outputs"] == {"twice": 8, "color": "red"} and outputs["state"] == "SUCCESS"
    child = server.execution(outputs["executionId"])
    labels = {one["key"]: one["value"] for one in child["labels"]}
    system = {"system.correlationId": ended["id"], "system.username": server.username}
    assert labels == {"own": "child", "team": "data", "from": "sub_parent", **system}
    assert child["trigger"]["id"] == "plain" and child["trigger"]["variables"]["executionId"] == ended["id"]
    assert run_of(ended, "untransmitted")["outputs"]["state"] == "FAILED"

    def both_reasons_are_logged() -> bool:
        said = " ".join(messages(server, ended["id"]))
        return "Invalid value for input `n`" in said and "Unable to find flow 'conformance'.'not_there'" in said

    eventually(both_reasons_are_logged, what="the reasons in the log")


def test_a_flow_that_calls_itself_in_a_circle_fails(server: Server) -> None:
    for own, other in (("ring_a", "ring_b"), ("ring_b", "ring_a")):
        server.save_flow(
            flow_text(own, f"tasks: [{{id: s, type: @flow.Subflow, namespace: conformance, flowId: {other}}}]")
        )
    ended = server.finished(server.execute("conformance", "ring_a")["id"])
    assert ended["state"]["current"] == "FAILED"
    child = server.execution(run_of(ended, "s")["outputs"]["executionId"])
    assert child["state"]["current"] == "FAILED" and "executionId" not in (run_of(child, "s")["outputs"] or {})
    messages(server, child["id"], "Recursive call to flow [conformance.ring_a]")


# ── concurrency, dates ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("behavior", "state"), [("QUEUE", "QUEUED"), ("CANCEL", "CANCELLED"), ("FAIL", "FAILED")])
def test_a_limit_of_executions(server: Server, behavior: str, state: str) -> None:
    name = f"limit_{behavior.lower()}"
    server.save_flow(
        flow_text(
            name,
            f"""
            concurrency: {{limit: 1, behavior: {behavior}}}
            tasks: [{{id: nap, type: @flow.Sleep, duration: PT0.7S}}]
            errors: [{{id: e, type: @log.Log, message: e}}]
            """,
        )
    )
    first = server.execute("conformance", name)["id"]
    second = server.execute("conformance", name)["id"]
    now = eventually(
        lambda: (e := server.execution(second))["state"]["current"] not in ("CREATED",) and e, what="a decision"
    )
    assert now["state"]["current"] == state and not now.get("taskRunList")
    assert server.finished(first)["state"]["current"] == "SUCCESS"
    if behavior == "QUEUE":
        ended = server.finished(second)
        assert [one["state"] for one in ended["state"]["histories"]] == ["CREATED", "QUEUED", "RUNNING", "SUCCESS"]
        assert ended["state"]["histories"][2]["date"] >= server.execution(first)["state"]["endDate"]


def test_a_future_date_is_waited_for(server: Server) -> None:
    from datetime import UTC, datetime, timedelta

    server.save_flow(flow_text("later", "tasks: [{id: t, type: @log.Log, message: x}]"))
    when = (datetime.now(UTC) + timedelta(seconds=1.2)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    created = server.execute("conformance", "later", query=f"?scheduleDate={when}")
    assert created["scheduleDate"] == when
    time.sleep(0.05)
    assert server.execution(created["id"])["state"]["current"] == "CREATED"
    ended = server.finished(created["id"])
    assert ended["state"]["histories"][1]["date"] >= when


def test_a_parent_follows_its_child_through_retries_as_new_executions(server: Server) -> None:
    server.save_flow(
        flow_text(
            "retried_child",
            """
            retry: {type: constant, interval: PT0.05S, maxAttempts: 3, behavior: CREATE_NEW_EXECUTION}
            tasks: [{id: f, type: @execution.Fail, condition: "{{ execution.id == execution.originalId }}"}]
            outputs: [{id: first, type: BOOLEAN, value: "{{ execution.id == execution.originalId }}"}]
            """,
        )
    )
    ended = server.run(
        flow_text(
            "parent_of_retried",
            "tasks: [{id: s, type: @flow.Subflow, namespace: conformance, flowId: retried_child}]",
        )
    )
    outputs = run_of(ended, "s")["outputs"]
    assert ended["state"]["current"] == "SUCCESS" and outputs["outputs"] == {"first": False}
    child = server.execution(outputs["executionId"])
    assert child["originalId"] != child["id"] and child["metadata"]["attemptNumber"] == 2
