"""Dag (§8.3) and LoopUntil (§8.7): what starts when, what a round leaves, what restarts and crashes keep."""

from __future__ import annotations

from typing import Any

import pytest

from flowdeck.model.states import State
from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow

DAG = f"""
tasks:
  - id: d
    type: io.kestra.plugin.core.flow.Dag
    tasks:
      - {{task: {{id: last, {W}}}, dependsOn: [left, right]}}
      - {{task: {{id: left, {W}}}, dependsOn: [first]}}
      - {{task: {{id: right, {W}}}, dependsOn: [first, absent]}}
      - {{task: {{id: first, {W}}}}}
      - {{task: {{id: absent, {W}, disabled: true}}}}
      - {{task: {{id: free, {W}}}}}
    errors:
      - {{id: help, {W}}}
"""


def open_tasks(engine: Engine) -> set[str]:
    return {t for (t,) in engine.all("select task_id from task_run where state < 20")} - {"d", "loop"}


def finish(engine: Engine, task: str, outcome: str = "SUCCESS") -> None:
    for (seq, fence), job in list(engine.worker.jobs.items()):
        if engine.task_id(job) == task:  # type: ignore[arg-type]
            engine.end(seq, fence, outcome)
    engine.steps()


@pytest.mark.parametrize("crash", [False, True])
def test_a_task_of_a_dag_starts_when_all_it_depends_on_has_ended(engine: Engine, crash: bool) -> None:
    """§8.3; a dependency that is disabled is absent, one that warns releases."""
    engine.save(flow(DAG))
    e = engine.start("f")
    engine.steps()
    assert open_tasks(engine) == {"first", "free"}
    finish(engine, "first")
    assert open_tasks(engine) == {"left", "right", "free"}
    if crash:
        engine.crash()
        engine.steps()
    finish(engine, "left", "WARNING")
    assert open_tasks(engine) == {"right", "free"}
    finish(engine, "right")
    assert open_tasks(engine) == {"last", "free"}
    engine.run()
    assert engine.tasks(e)[0] == "d WARNING"
    assert engine.state(e) == "WARNING"
    assert "help SUCCESS" not in engine.tasks(e)
    engine.check()


def test_after_a_failure_nothing_of_a_dag_starts_and_a_restart_goes_on(engine: Engine) -> None:
    """§8.3, §18."""
    engine.save(flow(DAG))
    engine.outcomes = {"left": "FAILED"}
    e = engine.start("f")
    engine.run()
    assert engine.state(e) == "FAILED"
    names = [x.split()[0] for x in engine.tasks(e)]
    assert "last" not in names
    assert "help" in names
    engine.outcomes = {}
    engine.command("execution.restart", id=e)
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert {x.split()[0] for x in engine.tasks(e)} == {"d", "first", "free", "left", "right", "last"}
    engine.check()


def test_a_replay_from_a_task_of_a_dag_repeats_what_depends_on_it(engine: Engine) -> None:
    """§18: graph successors are removed, the others stay."""
    engine.save(flow(DAG))
    e = engine.start("f")
    engine.run()
    run = engine.one("select id from task_run where task_id = 'left'")
    engine.worker.seen.clear()
    new = engine.command("execution.replay", id=e, task_run=run)["id"]
    engine.run()
    assert engine.state(new) == "SUCCESS"
    assert sorted(engine.task_id(j) for j in engine.worker.seen) == ["last", "left"]


def test_a_dag_obeys_its_limit(engine: Engine) -> None:
    engine.save(flow(DAG.replace("    tasks:\n", "    concurrent: 1\n    tasks:\n", 1)))
    engine.start("f")
    for _ in range(5):
        engine.steps()
        assert len(open_tasks(engine)) == 1
        finish(engine, next(iter(open_tasks(engine))))
    assert open_tasks(engine) == set()


LOOP = f"""
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.LoopUntil
    condition: "{{{{ outputs.ask.v == '3' }}}}"
    checkFrequency: {{interval: PT10S, maxIterations: 5}}
    tasks:
      - {{id: ask, {W}}}
      - id: inner
        type: io.kestra.plugin.core.flow.ForEach
        values: [x, z]
        tasks:
          - {{id: deep, {W}, format: "{{{{ outputs.loop.iterationCount ?? 0 }}}}"}}
    errors:
      - {{id: help, {W}}}
    finally:
      - {{id: last, {W}}}
  - {{id: after, {W}, format: "{{{{ outputs.loop.iterationCount }}}} {{{{ outputs.ask.v }}}}"}}
"""


def rounds(engine: Engine, values: list[Any]) -> None:
    """Answers of `ask`, a round each."""
    left = iter(values)
    engine.outcomes["ask"] = lambda job: next(left)


@pytest.mark.parametrize("crash", [False, True])
def test_a_loop_repeats_until_its_condition_holds(engine: Engine, crash: bool) -> None:
    """§8.7: paused between rounds, only the last round's task runs stay, the history begins anew."""
    engine.save(flow(LOOP))
    rounds(engine, [{"v": "1"}, {"v": "2"}, {"v": "3"}])
    e = engine.start("f")
    for done in (1, 2):
        engine.run()
        assert engine.state(e) == "PAUSED"
        assert engine.tasks(e) == [
            "loop PAUSED",
            "ask SUCCESS",
            "inner SUCCESS",
            "deep[x] SUCCESS",
            "deep[z] SUCCESS",
        ]
        assert engine.one("select outputs from task_run where task_id = 'loop'") == f'{{"iterationCount":{done}}}'
        engine.later(9_999)
        if crash:
            engine.crash()
        engine.run()
        assert engine.state(e) == "PAUSED"
        engine.check()
        engine.later(1)
        if crash:
            engine.steps()
            engine.crash()
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.tasks(e) == [
        "loop SUCCESS",
        "ask SUCCESS",
        "inner SUCCESS",
        "deep[x] SUCCESS",
        "deep[z] SUCCESS",
        "last SUCCESS",
        "after SUCCESS",
    ]
    assert engine.history(e, "loop") == ["CREATED", "RUNNING", "SUCCESS"]
    assert engine.history(e) == ["CREATED", "RUNNING", "PAUSED", "RUNNING", "PAUSED", "RUNNING", "SUCCESS"]
    assert engine.worker.seen[-1].context["outputs"] == {"loop": {"iterationCount": 3}, "ask": {"v": "3"}}
    runs = engine.one("select count(*) from task_run")
    assert engine.one("select count(distinct task_run_seq) from event where task_run_seq > 0") == runs
    assert engine.one("select count(*) from attempt") == 5
    engine.check()
    assert not engine.executor.world.timers


@pytest.mark.parametrize(("fail", "state"), [("false", "SUCCESS"), ("true", "FAILED")])
def test_a_loop_ends_at_its_maximum(engine: Engine, fail: str, state: str) -> None:
    """§8.7; a restart after `failOnMaxReached` begins with the first round."""
    engine.save(flow(LOOP.replace("maxIterations: 5}", f"maxIterations: 2}}\n    failOnMaxReached: {fail}")))
    engine.outcomes["ask"] = {"v": "0"}
    e = engine.start("f")
    engine.run()
    engine.later(10_000)
    engine.run()
    assert engine.state(e) == state
    assert "last SUCCESS" in engine.tasks(e)
    assert "help SUCCESS" not in engine.tasks(e)
    assert any("Max iterations reached" in text for _, level, text in engine.lines if level == "WARN")
    if state == "FAILED":
        engine.outcomes["ask"] = {"v": "3"}
        engine.command("execution.restart", id=e)
        engine.run()
        assert engine.state(e) == "SUCCESS"
        assert engine.one("select outputs from task_run where task_id = 'loop'") == '{"iterationCount":1}'
    engine.check()


def test_a_loop_ends_when_it_is_too_old(engine: Engine) -> None:
    """§8.7: the age counts from the first CREATED."""
    engine.save(flow(LOOP.replace("maxIterations: 5", "maxDuration: PT15S")))
    engine.outcomes["ask"] = {"v": "0"}
    e = engine.start("f")
    engine.run()
    engine.later(10_000)
    engine.run()
    assert engine.state(e) == "PAUSED"
    engine.later(10_000)
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert any("Max duration reached" in text for *_, text in engine.lines)


def test_a_failed_child_ends_the_loop_and_a_restart_goes_on_in_its_round(engine: Engine) -> None:
    """§8.7."""
    engine.save(flow(LOOP))
    rounds(engine, [{"v": "1"}, "FAILED", {"v": "3"}])
    e = engine.start("f")
    engine.run()
    engine.later(10_000)
    engine.run()
    assert engine.tasks(e) == ["loop FAILED", "ask FAILED", "help SUCCESS", "last SUCCESS"]
    assert engine.state(e) == "FAILED"
    engine.command("execution.restart", id=e)
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.one("select outputs from task_run where task_id = 'loop'") == '{"iterationCount":2}'
    engine.check()


def test_a_waiting_loop_may_be_resumed_and_killed(engine: Engine) -> None:
    """§8.7, §18: a resume starts the next round at once, a kill ends the loop."""
    engine.save(flow(LOOP))
    engine.outcomes["ask"] = {"v": "0"}
    e = engine.start("f")
    engine.run()
    engine.command("execution.resume", id=e)
    engine.run()
    assert engine.one("select outputs from task_run where task_id = 'loop'") == '{"iterationCount":2}'
    assert engine.state(e) == "PAUSED"
    engine.command("execution.kill", id=e)
    engine.run()
    assert engine.state(e) == "KILLED"
    assert engine.tasks(e)[0] == "loop KILLED"
    assert not engine.executor.world.timers
    engine.check()


def test_loops_within_loops_leave_only_their_last_rounds(engine: Engine) -> None:
    """§8.7."""
    engine.save(
        flow(f"""
        tasks:
          - id: outer
            type: io.kestra.plugin.core.flow.LoopUntil
            condition: "{{{{ outputs.outer.iterationCount == 2 }}}}"
            checkFrequency: {{interval: PT1S}}
            tasks:
              - id: inner
                type: io.kestra.plugin.core.flow.LoopUntil
                condition: "{{{{ outputs.inner.iterationCount == 3 }}}}"
                checkFrequency: {{interval: PT1S}}
                tasks:
                  - {{id: a, {W}}}
        """)
    )
    e = engine.start("f")
    for n in range(20):
        engine.run()
        assert len(engine.tasks(e)) <= 3
        engine.later(1_000)
        if n == 2:
            engine.crash()
    assert engine.state(e) == "SUCCESS"
    assert engine.tasks(e) == ["outer SUCCESS", "inner SUCCESS", "a SUCCESS"]
    assert len(engine.worker.seen) == 6
    engine.check()


def test_a_manual_pause_outlasts_the_interval_of_a_loop(engine: Engine) -> None:
    """A loop wakes only what it has put to sleep."""
    engine.save(
        flow(f"""
        tasks:
          - id: loop
            type: io.kestra.plugin.core.flow.LoopUntil
            condition: "{{{{ false }}}}"
            checkFrequency: {{interval: PT1S}}
            tasks: [{{id: a, {W}}}]
        """)
    )
    engine.outcomes["a"] = None
    e = engine.start("f")
    engine.run()
    engine.command("execution.pause", id=e)
    engine.outcomes = {}
    engine.run()
    engine.later(5_000)
    engine.run()
    assert engine.state(e) == "PAUSED"
    engine.command("execution.resume", id=e)
    engine.run()
    assert State[engine.state(e)] is State.PAUSED  # its own pause between rounds now
    engine.check()


def test_a_round_costs_the_same_whatever_the_number_of_rounds(engine: Engine) -> None:
    """Design law 3."""
    engine.save(flow(LOOP.replace("maxIterations: 5", "maxIterations: 200")))
    engine.outcomes["ask"] = {"v": "0"}
    engine.start("f")
    engine.run()
    changes: list[int] = []
    for _ in range(60):
        engine.later(10_000)
        before = engine.executor.world.last_event
        engine.run()
        changes.append(engine.executor.world.last_event - before)
    assert len(set(changes)) == 1
    assert engine.one("select count(*) from task_run") == 5
    assert engine.one("select count(*) from event where task_run_seq > 0") < 20
