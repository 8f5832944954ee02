"""Pause in all its forms (§8.10): how it begins, how it ends, what it leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow

PAUSE = "type: io.kestra.plugin.core.flow.Pause"


def outputs(engine: Engine, task: str = "p") -> dict[str, Any]:
    return json.loads(engine.one("select outputs from task_run where task_id = ?", task) or "{}")


@pytest.mark.parametrize("name", ["pauseDuration", "delay"])
@pytest.mark.parametrize(
    ("behavior", "task", "execution", "follows"),
    [
        ("RESUME", "SUCCESS", "SUCCESS", True),
        ("WARN", "WARNING", "WARNING", True),
        ("FAIL", "FAILED", "FAILED", False),
        ("CANCEL", "CANCELLED", "CANCELLED", False),
    ],
)
def test_the_end_of_the_duration(
    engine: Engine, name: str, behavior: str, task: str, execution: str, follows: bool
) -> None:
    engine.save(flow(f"tasks: [{{id: p, {PAUSE}, {name}: PT5S, behavior: {behavior}}}, {{id: a, {W}}}]"))
    e = engine.start("f")
    engine.run()
    engine.later(4_999)
    engine.crash()
    engine.run()
    assert engine.state(e) == "PAUSED"
    engine.later(1)
    engine.run()
    assert engine.tasks(e) == [f"p {task}", *(["a SUCCESS"] if follows else [])]
    assert engine.state(e) == execution
    if behavior == "RESUME":
        assert engine.history(e) == ["CREATED", "RUNNING", "PAUSED", "RESTARTED", "RUNNING", "SUCCESS"]
        assert engine.history(e, "p") == ["CREATED", "RUNNING", "PAUSED", "RUNNING", "SUCCESS"]
    engine.check()


@pytest.mark.parametrize("behavior", ["WARN", "FAIL", "CANCEL"])
def test_a_resume_by_hand_is_always_success(engine: Engine, behavior: str) -> None:
    engine.save(flow(f"tasks: [{{id: p, {PAUSE}, pauseDuration: PT5S, behavior: {behavior}}}]"))
    e = engine.start("f")
    engine.run()
    engine.command("execution.resume", id=e, by="ada", inputs={"reason": "good"})
    engine.run()
    assert engine.tasks(e) == ["p SUCCESS"]
    found = outputs(engine)
    assert found["onResume"] == {"reason": "good"}
    assert found["resumed"]["by"] == "ada"
    assert found["resumed"]["to"] == "SUCCESS"
    assert found["resumed"]["on"].startswith("2023-11-14T")
    engine.later(10_000)
    engine.run()
    assert engine.state(e) == "SUCCESS"


@pytest.mark.parametrize(
    ("more", "task", "follows"),
    [
        ("", "FAILED", False),
        (", allowFailure: true", "WARNING", True),
        (", allowFailure: true, allowWarning: true", "SUCCESS", True),
    ],
)
def test_a_timeout_fails_the_task(engine: Engine, more: str, task: str, follows: bool) -> None:
    engine.save(flow(f"tasks: [{{id: p, {PAUSE}, timeout: '{{{{ \"PT5S\" }}}}'{more}}}, {{id: a, {W}}}]"))
    e = engine.start("f")
    engine.run()
    engine.later(5_000)
    engine.run()
    assert engine.tasks(e) == [f"p {task}", *(["a SUCCESS"] if follows else [])]


def test_the_duration_wins_over_the_timeout(engine: Engine) -> None:
    engine.save(flow(f"tasks: [{{id: p, {PAUSE}, pauseDuration: PT10S, timeout: PT1S}}]"))
    e = engine.start("f")
    engine.run()
    engine.later(5_000)
    engine.run()
    assert engine.state(e) == "PAUSED"


def test_without_duration_and_timeout_it_waits_for_ever(engine: Engine) -> None:
    engine.save(flow(f"tasks: [{{id: p, {PAUSE}}}]"))
    e = engine.start("f")
    engine.run()
    engine.later(10**10)
    engine.run()
    assert engine.state(e) == "PAUSED"
    assert not engine.executor.world.timers


def test_defaults_stand_for_inputs_that_nobody_gives(engine: Engine) -> None:
    """core plugins §1.4: on automatic resume input defaults are used."""
    engine.save(
        flow(f"""
        tasks:
          - id: p
            {PAUSE}
            pauseDuration: PT1S
            onResume:
              - {{id: reason, type: STRING, defaults: none given}}
              - {{id: count, type: INT, defaults: 3}}
              - {{id: late, type: BOOL, defaults: "{{{{ 1 == 1 }}}}"}}
              - {{id: name, type: STRING}}
          - {{id: a, {W}, format: "{{{{ outputs.p.onResume.reason }}}}"}}
        """)
    )
    engine.start("f")
    engine.run()
    engine.later(1_000)
    engine.run()
    assert outputs(engine)["onResume"] == {"reason": "none given", "count": 3, "late": True, "name": None}
    assert engine.worker.seen[-1].context["outputs"]["p"]["onResume"]["reason"] == "none given"


@pytest.mark.parametrize("ends", ["SUCCESS", "FAILED"])
def test_the_task_at_the_beginning_of_a_pause_does_not_end_it(engine: Engine, ends: str) -> None:
    engine.save(flow(f"tasks: [{{id: p, {PAUSE}, onPause: {{id: tell, {W}}}}}, {{id: a, {W}}}]"))
    engine.outcomes = {"tell": ends}
    e = engine.start("f")
    engine.run()
    assert engine.state(e) == "PAUSED"
    assert engine.tasks(e) == ["p PAUSED", f"tell {ends}"]
    engine.crash()
    engine.command("execution.resume", id=e)
    engine.run()
    assert engine.tasks(e) == ["p SUCCESS", f"tell {ends}", "a SUCCESS"]
    assert engine.state(e) == "SUCCESS"
    engine.check()


def test_tasks_of_a_pause_run_after_the_resume(engine: Engine) -> None:
    """Deprecated."""
    engine.save(flow(f"tasks: [{{id: p, {PAUSE}, tasks: [{{id: a, {W}}}, {{id: b, {W}}}]}}, {{id: c, {W}}}]"))
    e = engine.start("f")
    engine.run()
    assert engine.tasks(e) == ["p PAUSED"]
    engine.command("execution.resume", id=e)
    engine.crash()
    engine.run()
    assert engine.tasks(e) == ["p SUCCESS", "a SUCCESS", "b SUCCESS", "c SUCCESS"]


def test_two_pauses_at_once_are_resumed_one_after_the_other(engine: Engine) -> None:
    """The execution stays PAUSED while one is left; followers start on the last resume."""
    engine.save(
        flow(f"""
        tasks:
          - id: par
            type: io.kestra.plugin.core.flow.Parallel
            tasks:
              - {{id: one, type: io.kestra.plugin.core.flow.Sequential, tasks: [{{id: p, {PAUSE}}}, {{id: a, {W}}}]}}
              - {{id: two, type: io.kestra.plugin.core.flow.Sequential, tasks: [{{id: q, {PAUSE}}}, {{id: b, {W}}}]}}
        """)
    )
    e = engine.start("f")
    engine.run()
    # The second is held by the first: nothing new starts while the execution is paused.
    engine.command("execution.resume", id=e)
    engine.run()
    assert engine.state(e) == "PAUSED"
    engine.command("execution.resume", id=e)
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert {"a SUCCESS", "b SUCCESS"} <= set(engine.tasks(e))
    engine.check()


def test_a_pause_is_entered_once_per_task_run(engine: Engine) -> None:
    """§8.10: one whose history holds PAUSED does not pause again after a restart."""
    engine.save(flow(f"tasks: [{{id: p, {PAUSE}}}, {{id: a, {W}}}]"))
    e = engine.start("f")
    engine.run()
    engine.command("execution.restart", id=e)
    engine.run()
    assert engine.tasks(e) == ["p SUCCESS", "a SUCCESS"]
    assert engine.state(e) == "SUCCESS"
    engine.check()


def test_a_paused_execution_is_killed_without_resuming(engine: Engine) -> None:
    """§18: straight into KILLING; what follows the end runs."""
    engine.save(
        flow(
            f"tasks: [{{id: p, {PAUSE}, onPause: {{id: tell, {W}}}}}, {{id: a, {W}}}]\nafterExecution: [{{id: z, {W}}}]"
        )
    )
    engine.outcomes = {"tell": None}
    e = engine.start("f")
    engine.run()
    engine.started("tell")
    engine.steps()
    engine.command("execution.kill", id=e)
    engine.run()
    assert engine.state(e) == "KILLED"
    assert engine.tasks(e) == ["p KILLED", "tell KILLED", "z SUCCESS"]
    engine.check()


def test_a_pause_after_the_end_does_not_touch_the_execution(engine: Engine) -> None:
    engine.save(
        flow(f"tasks: [{{id: a, {W}}}]\nafterExecution: [{{id: p, {PAUSE}, pauseDuration: PT1S}}, {{id: z, {W}}}]")
    )
    e = engine.start("f")
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.tasks(e) == ["a SUCCESS", "p PAUSED"]
    engine.later(1_000)
    engine.run()
    assert engine.tasks(e) == ["a SUCCESS", "p SUCCESS", "z SUCCESS"]
    assert engine.history(e) == ["CREATED", "RUNNING", "SUCCESS"]


def test_a_wrong_duration_fails_the_task(engine: Engine) -> None:
    engine.save(flow(f"tasks: [{{id: p, {PAUSE}, pauseDuration: '{{{{ \"soon\" }}}}'}}]"))
    e = engine.start("f")
    engine.run()
    assert engine.tasks(e) == ["p FAILED"]
    assert any("soon" in text for _, level, text in engine.lines if level == "ERROR")
