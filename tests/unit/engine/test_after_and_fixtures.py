"""What follows the end (§10.1: listeners, afterExecution), and results that stand for tasks (§17: fixtures)."""

from __future__ import annotations

import pytest

from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow

LISTENERS = f"""
tasks:
  - {{id: a, {W}}}
listeners:
  - conditions:
      - type: io.kestra.plugin.core.condition.ExecutionStatus
        in: [FAILED]
    tasks: [{{id: on-failure, {W}}}, {{id: more, {W}}}]
  - tasks: [{{id: always, {W}}}]
  - conditions:
      - type: io.kestra.plugin.core.condition.Expression
        expression: "{{{{ outputs.a.v == 'x' }}}}"
    tasks: [{{id: on-x, {W}}}]
  - conditions:
      - type: io.kestra.plugin.core.condition.Expression
        expression: "{{{{ nothing.at.all }}}}"
    tasks: [{{id: never, {W}}}]
afterExecution:
  - {{id: last, {W}}}
"""


@pytest.mark.parametrize("crash", [False, True])
def test_listeners_run_before_after_execution_when_their_conditions_hold(engine: Engine, crash: bool) -> None:
    engine.save(flow(LISTENERS))
    engine.outcomes = {"a": "FAILED", "more": "FAILED"}
    failed = engine.start("f")
    if crash:
        engine.outcomes |= {"more": None}
        engine.run()
        engine.crash()
        engine.outcomes |= {"more": "FAILED"}
    engine.run()
    assert engine.tasks(failed) == [
        "a FAILED",
        "on-failure SUCCESS",
        "more FAILED",
        "always SUCCESS",
        "last SUCCESS",
    ]
    assert engine.state(failed) == "FAILED"
    engine.outcomes = {"a": {"v": "x"}}
    good = engine.start("f")
    engine.run()
    assert engine.tasks(good) == ["a SUCCESS", "always SUCCESS", "on-x SUCCESS", "last SUCCESS"]
    assert engine.state(good) == "SUCCESS"
    assert any("listener 4" in text for _, level, text in engine.lines if level == "WARN")
    assert all(after for (after,) in engine.all("select after_execution from task_run where task_id <> 'a'"))
    engine.check()
    assert not engine.executor.world.executions


def test_a_listener_alone_follows_the_end(engine: Engine) -> None:
    engine.save(flow(LISTENERS.split("afterExecution")[0]))
    e = engine.start("f")
    engine.run()
    assert engine.tasks(e) == ["a SUCCESS", "always SUCCESS"]
    assert engine.one("select count(*) from timer") == 0


RETRIED = f"""
tasks:
  - {{id: a, retry: {{type: constant, interval: PT1S, maxAttempts: 3}}, {W}}}
  - {{id: b, {W}}}
listeners:
  - conditions:
      - type: io.kestra.plugin.core.condition.HasRetryAttempt
        in: [FAILED]
    tasks: [{{id: on-retry, {W}}}]
  - conditions:
      - type: io.kestra.plugin.core.condition.HasRetryAttempt
        in: [KILLED]
    tasks: [{{id: on-kill, {W}}}]
"""


@pytest.mark.parametrize("crash", [False, True])
def test_a_listener_knows_attempts_that_were_retried(engine: Engine, crash: bool) -> None:
    """§15.4 HasRetryAttempt: a task run with several attempts has one in such a state."""
    engine.save(flow(RETRIED))
    engine.outcomes = {"b": "FAILED"}
    once = engine.start("f")
    engine.run()
    assert engine.tasks(once) == ["a SUCCESS", "b FAILED"]  # a failure that nothing retried
    engine.outcomes = {"a": "FAILED"}
    again = engine.start("f")
    engine.run()
    if crash:
        engine.crash()
    engine.outcomes = {}
    engine.later(2_000)
    engine.run()
    assert engine.tasks(again) == ["a SUCCESS", "b SUCCESS", "on-retry SUCCESS"]


FIXED = f"""
concurrency: {{limit: 1, behavior: FAIL}}
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.ForEach
    values: [p, q]
    tasks:
      - {{id: a, {W}}}
  - {{id: child, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: nowhere}}
  - {{id: c, {W}, format: "{{{{ outputs.a.p.v }}}} {{{{ outputs.a.q.v }}}} {{{{ outputs.child.outputs.n }}}}"}}
errors:
  - {{id: help, {W}}}
"""


def test_a_fixture_stands_for_its_task(engine: Engine) -> None:
    """§17; executions of kind TEST count under no limit."""
    engine.save(flow(FIXED))
    engine.outcomes = {"a": None, "c": None}
    engine.start("f")
    fixtures = [
        {"id": "a", "outputs": {"v": "any"}},
        {"id": "a", "value": "q", "state": "WARNING", "outputs": {"v": "special"}},
        {"id": "child", "outputs": {"outputs": {"n": 3}}},
    ]
    e = engine.start("f", kind="TEST", fixtures=fixtures)
    engine.crash()
    engine.run()
    assert engine.tasks(e) == ["loop WARNING", "a[p] SUCCESS", "a[q] WARNING", "child SUCCESS", "c CREATED"]
    job = next(j for j in engine.worker.seen if j.execution == e)
    assert job.context["outputs"] == {
        "a": {"p": {"v": "any"}, "q": {"v": "special"}},
        "child": {"outputs": {"n": 3}},
    }
    engine.outcomes = {}
    engine.run()
    assert engine.state(e) == "WARNING"
    engine.check()


def test_a_fixture_may_fail(engine: Engine) -> None:
    engine.save(flow(FIXED))
    e = engine.start("f", kind="TEST", fixtures=[{"id": "a", "state": "FAILED"}])
    engine.run()
    assert engine.tasks(e) == ["loop FAILED", "a[p] FAILED", "help SUCCESS"]
    assert engine.state(e) == "FAILED"


def test_a_fixture_may_name_outputs_that_lie_in_a_file(engine: Engine) -> None:
    """The playground keeps large results of earlier plays as they are (ui §5.9)."""
    engine.save(flow(FIXED))
    kept = {"uri": "kestra:///x/outputs.json", "size": 70_000}
    e = engine.start("f", kind="PLAYGROUND", fixtures=[{"id": "child", **kept}, {"id": "a"}, {"id": "c"}])
    engine.run()
    assert engine.state(e) == "SUCCESS"
    rows = engine.all("select outputs, outputs_uri, outputs_size from task_run where task_id = 'child'")
    assert [tuple(row) for row in rows] == [(None, kept["uri"], kept["size"])]
