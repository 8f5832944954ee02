"""Outputs of flows: when they are computed, what becomes of wrong ones (spec: workflow components §14)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowdeck.model.states import State
from tests.unit.engine.harness import Engine

W = "type: test.Work"
EXIT = "type: io.kestra.plugin.core.execution.Exit"


def flow(outputs: str, tasks: str = f"[{{id: a, {W}}}]", more: str = "") -> str:
    return f"id: f\nnamespace: a.b\noutputs: [{outputs}]\ntasks: {tasks}\n{more}"


def out(engine: Engine, execution: str) -> Any:
    text = engine.one("select outputs from execution where id = ?", execution)
    return json.loads(text) if text else None


def said(engine: Engine, execution: str) -> list[str]:
    return [text for live, level, text in engine.lines if live == execution and level == "ERROR"]


VALUE = "{id: x, type: STRING, value: 'v {{ execution.state }}'}"


@pytest.mark.parametrize(
    ("outcome", "state", "computed"),
    [
        ("SUCCESS", "SUCCESS", True),
        ("WARNING", "WARNING", True),
        ("FAILED", "FAILED", True),
    ],
)
def test_outputs_are_computed_for_each_end(engine: Engine, outcome: str, state: str, computed: bool) -> None:
    """§14: after the final state is known and before it is published, for FAILED too."""
    engine.save(flow(VALUE))
    engine.outcomes["a"] = outcome
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == state
    assert out(engine, x) == {"x": f"v {state}"}


@pytest.mark.parametrize(
    ("state", "expected"),
    [("SUCCESS", "v SUCCESS"), ("WARNING", "v WARNING"), ("FAILED", "v FAILED"), ("KILLED", None), ("CANCELED", None)],
)
def test_an_exit_gives_outputs_too(engine: Engine, state: str, expected: str | None) -> None:
    """§14: every end state but KILLED and CANCELLED."""
    engine.save(flow(VALUE, f"[{{id: x, {EXIT}, state: {state}}}, {{id: b, {W}}}]"))
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == state.replace("CANCELED", "CANCELLED")
    assert (out(engine, x) or {}).get("x") == expected
    assert engine.tasks(x) == [f"x {state.replace('CANCELED', 'CANCELLED')}"]
    assert not engine.all("select * from timer")
    engine.check()


def test_a_kill_leaves_no_outputs(engine: Engine) -> None:
    """§14: not computed on KILLED."""
    engine.save(flow(VALUE))
    engine.outcomes["a"] = None
    x = engine.start("f")
    engine.run()
    engine.command("execution.kill", id=x)
    engine.run()
    assert engine.state(x) == "KILLED" and out(engine, x) is None


def test_an_exit_stays_one_when_the_process_ends_meanwhile(engine: Engine) -> None:
    """§14 with I/O: the end is remembered while a worker renders the outputs."""
    text = "{id: x, type: STRING, value: \"{{ kv('k') }}\"}"
    engine.save(flow(text, f"[{{id: x, {EXIT}, state: WARNING}}, {{id: b, {W}}}]"))
    x = engine.start("f")
    engine.steps()
    assert engine.state(x) == "RUNNING"
    engine.crash(keep_worker=False)
    engine.run()
    assert engine.state(x) == "WARNING" and engine.tasks(x) == ["x WARNING"]
    assert out(engine, x) == {"x": "{{ kv('k') }}"}  # the worker of this test answers with what it was asked
    assert not engine.all("select * from timer")


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        ("type: STRING", "1", "1"),
        ("type: INT", "12", 12),
        ("type: FLOAT", "1.5", 1.5),
        ("type: BOOLEAN", "true", True),
        ("type: BOOL", "no", False),
        ("type: DATETIME", "2042-04-02T06:20:42+02:00", "2042-04-02T04:20:42Z"),
        ("type: DATE", "2042-04-02", "2042-04-02"),
        ("type: TIME", "10:15", "10:15"),
        ("type: DURATION", "PT1H", "PT1H"),
        ("type: ARRAY", [1, "a"], [1, "a"]),
        ("type: ARRAY, itemType: INT", ["1"], [1]),
        ("type: MULTISELECT", ["a"], ["a"]),
        ("type: SELECT", "anything", "anything"),
        ("type: JSON", {"a": [1]}, {"a": [1]}),
        ("type: YAML", "a: 1", {"a": 1}),
        ("type: FILE", "kestra:///a/b.txt", "kestra:///a/b.txt"),
        ("type: URI", "https://example.com", "https://example.com"),
        ("type: EMAIL", "a@b.c", "a@b.c"),
        ("type: INT, required: false", None, None),
        ("type: INT, required: false", "", None),
    ],
)
def test_types(engine: Engine, declared: str, value: Any, expected: Any) -> None:
    """§14: any type of §3.3, parsed the same way; what is optional may be null."""
    engine.save(flow(f"{{id: x, {declared}, value: '{{{{ outputs.a.value }}}}'}}"))
    engine.outcomes["a"] = {"value": value}
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == "SUCCESS", said(engine, x)
    assert out(engine, x) == {"x": expected}


def test_values_are_rendered_at_any_depth(engine: Engine) -> None:
    """§14: string, map or list, rendered recursively."""
    engine.save(flow("{id: x, type: JSON, value: {n: ['{{ 1 + 1 }}', {'{{ flow.id }}': '{{ outputs.a.value }}'}]}}"))
    engine.outcomes["a"] = {"value": {"k": 1}}
    x = engine.start("f")
    engine.run()
    assert out(engine, x) == {"x": {"n": [2, {"f": {"k": 1}}]}}


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ("{id: x, type: INT, value: many}", "output 'x': `many` is not a valid `INT`"),
        ("{id: x, type: INT, value: '{{ outputs.a.nothing ?? null }}'}", "output 'x'"),
        ("{id: x, type: STRING, value: '{{ nothing.there }}'}", "nothing"),
        ("{id: x, type: ARRAY, itemType: INT, value: [a]}", "Unable to parse array element as `INT`"),
        ("{id: x, type: SECRET, value: s}", "Unable to use a `SECRET` input/output as encryption is not configured"),
    ],
)
def test_a_failure_fails_the_execution(engine: Engine, declared: str, reason: str) -> None:
    """§14: `Failed to render output values: <reason>`, state FAILED; required is the default."""
    engine.save(flow(declared))
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == "FAILED" and out(engine, x) is None
    assert len(said(engine, x)) == 1
    assert said(engine, x)[0].startswith("Failed to render output values: ") and reason in said(engine, x)[0]
    assert engine.history(x)[-1] == State.FAILED.name


def test_outputs_of_tasks_that_never_ran_fail_softly(engine: Engine) -> None:
    """§14: for a FAILED run the state is FAILED anyway, and its error stays the task's."""
    engine.save(flow("{id: x, type: STRING, value: '{{ outputs.b.value }}'}", f"[{{id: a, {W}}}, {{id: b, {W}}}]"))
    engine.outcomes["a"] = "FAILED"
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == "FAILED"
    assert json.loads(engine.one("select error from execution where id = ?", x))["taskId"] == "a"


def test_after_execution_sees_them(engine: Engine) -> None:
    """§20: `execution.outputs` in afterExecution."""
    after = f"afterExecution: [{{id: z, {W}, format: '{{{{ execution.outputs.x }}}}'}}]"
    engine.save(flow("{id: x, type: INT, value: '{{ 1 + 1 }}'}", more=after))
    x = engine.start("f")
    engine.run()
    job = next(j for j in engine.worker.seen if engine.task_id(j) == "z")
    assert engine.state(x) == "SUCCESS" and job.context["execution"]["outputs"] == {"x": 2}


def test_dots_in_ids_nest_and_a_missing_value_is_told_once(engine: Engine) -> None:
    """§2.2, §3.5."""
    engine.save(flow("{id: db.host, type: STRING, value: h}, {id: db.port, type: INT, value: '{{ 5 }}'}"))
    x = engine.start("f")
    engine.run()
    assert out(engine, x) == {"db": {"host": "h", "port": 5}}
    engine.save(flow("{id: x, type: STRING, value: '{{ null }}'}"), 2)
    x = engine.start("f")
    engine.run()
    assert said(engine, x) == ["Failed to render output values: output 'x': it is required and has no value"]


CALLS = """id: caller
namespace: a.b
tasks:
  - {id: s, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: child, transmitFailed: false,
     outputs: {v: '{{ outputs.nobody.v }}'}}
"""


def test_outputs_that_a_task_asks_for_in_vain_fail_the_task_and_not_the_child(engine: Engine) -> None:
    """§9.1, core plugins §1.5."""
    engine.save(f"id: child\nnamespace: a.b\ntasks: [{{id: a, {W}}}]\n")
    engine.save(CALLS)
    x = engine.start("caller")
    engine.run()
    child = json.loads(engine.one("select outputs from task_run where task_id = 's'"))
    assert engine.state(x) == "FAILED" and engine.state(child["executionId"]) == "SUCCESS"
    assert child["state"] == "SUCCESS" and "outputs" not in child
    assert len(said(engine, x)) == 1 and said(engine, x)[0].startswith(
        "Failed to extract outputs: Unable to find `nobody`"
    )
    assert not said(engine, child["executionId"])
    engine.check()
