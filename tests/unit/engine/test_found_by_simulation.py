"""What the simulation has found, one case each, without chance."""

from __future__ import annotations

import pytest

from flowdeck.engine.messages import Done
from flowdeck.model.errors import IllegalArgument
from flowdeck.model.states import State
from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow

SEQ = "type: io.kestra.plugin.core.flow.Sequential"
PAUSE = "type: io.kestra.plugin.core.flow.Pause"


def run_id(engine: Engine, execution: str, task: str) -> str:
    return engine.one(
        "select t.id from task_run t join execution e on e.seq = t.execution_seq where e.id = ? and t.task_id = ?",
        execution,
        task,
    )


def test_a_report_that_comes_twice_is_one_attempt(engine: Engine) -> None:
    """§11.1, C3: also while the next attempt is waited for."""
    engine.save(flow(f"tasks: [{{id: a, {W}, retry: {{type: constant, interval: PT1S, maxAttempts: 3}}}}]"))
    e = engine.start("f")
    engine.steps()
    key = next(iter(engine.worker.jobs))
    engine.end(*key, "FAILED")
    engine.end(*key, "FAILED")
    engine.steps()
    assert engine.one("select attempts from task_run") == 1
    engine.end(*key, "SUCCESS")
    engine.steps()
    assert engine.tasks(e) == ["a RETRYING"]
    engine.later(1_000)
    engine.steps()
    engine.end(*key, "SUCCESS")  # before the new attempt begins
    engine.steps()
    assert engine.tasks(e) == ["a CREATED"]
    engine.run()
    assert engine.one("select attempts from task_run") == 2
    engine.check()


def test_outputs_are_those_of_the_last_attempt(engine: Engine) -> None:
    """§14"""
    engine.save(flow(f"tasks: [{{id: a, {W}, retry: {{type: constant, interval: PT1S, maxAttempts: 2}}}}]"))
    engine.start("f")
    engine.steps()
    (seq, fence) = next(iter(engine.worker.jobs))
    del engine.worker.jobs[seq, fence]
    engine.executor.on_done(Done(seq, fence, State.FAILED, engine.now, engine.now, outputs={"v": 1}, error="x"), "w1")
    engine.steps()
    engine.later(1_000)
    engine.outcomes = {"a": "FAILED"}
    engine.run()
    assert engine.one("select outputs from task_run") is None


@pytest.mark.parametrize("task", ["e1", "e2", "f1", "f2"])
def test_a_state_set_by_hand_in_a_side_list_goes_on_behind_it(engine: Engine, task: str) -> None:
    """§18"""
    engine.save(
        flow(
            f"tasks: [{{id: a, {W}}}]\nerrors: [{{id: e1, {W}}}, {{id: e2, {W}}}]\n"
            f"finally: [{{id: f1, {W}}}, {{id: f2, {W}}}]\nafterExecution: [{{id: z, {W}}}]"
        )
    )
    engine.outcomes = {"a": "FAILED"}
    e = engine.start("f")
    engine.run()
    engine.worker.seen.clear()
    engine.command("execution.change_task_state", id=e, task_run=run_id(engine, e, task), state="WARNING")
    engine.run()
    assert engine.state(e) == "FAILED"
    names = [x.split()[0] for x in engine.tasks(e)]
    assert sorted(names) == ["a", "e1", "e2", "f1", "f2", "z"]
    order = ["e1", "e2", "f1", "f2", "z"]
    assert [engine.task_id(j) for j in engine.worker.seen] == order[order.index(task) + 1 :]
    assert f"{task} WARNING" in engine.tasks(e)
    engine.check()


@pytest.mark.parametrize("ended", [True, False])
def test_a_state_set_by_hand_after_the_end_changes_the_row_only(engine: Engine, ended: bool) -> None:
    engine.save(flow(f"tasks: [{{id: a, {W}}}]\nafterExecution: [{{id: y, {W}}}, {{id: z, {W}}}]"))
    engine.outcomes = {} if ended else {"y": None}
    e = engine.start("f")
    engine.run()
    if not ended:
        engine.started("y")
        engine.steps()
    engine.command("execution.change_task_state", id=e, task_run=run_id(engine, e, "y"), state="WARNING")
    engine.run()
    assert engine.tasks(e) == ["a SUCCESS", "y WARNING", "z SUCCESS"]
    assert engine.history(e) == ["CREATED", "RUNNING", "SUCCESS"]
    assert bool(engine.worker.kills) == (not ended)


def test_a_killed_pause_with_its_notification_can_be_restarted(engine: Engine) -> None:
    """§8.10, §18"""
    engine.save(flow(f"tasks: [{{id: p, {PAUSE}, onPause: {{id: tell, {W}}}}}, {{id: a, {W}}}]"))
    engine.outcomes = {"tell": None}
    e = engine.start("f")
    engine.run()
    engine.command("execution.kill", id=e)
    engine.run()
    assert engine.tasks(e) == ["p KILLED", "tell KILLED"]
    engine.command("execution.restart", id=e)
    engine.run()
    assert engine.tasks(e) == ["p SUCCESS", "tell KILLED", "a SUCCESS"]
    assert engine.state(e) == "SUCCESS"
    engine.check()


def test_the_other_pause_still_holds_after_a_change_by_hand(engine: Engine) -> None:
    engine.save(
        flow(f"""
        tasks:
          - id: par
            type: io.kestra.plugin.core.flow.Parallel
            tasks: [{{id: a, {W}}}, {{id: p, {PAUSE}}}]
        """)
    )
    engine.outcomes = {"a": None}
    e = engine.start("f")
    engine.run()
    engine.command("execution.change_task_state", id=e, task_run=run_id(engine, e, "a"), state="SUCCESS")
    engine.outcomes = {}
    engine.run()
    assert engine.state(e) == "PAUSED"
    engine.command("execution.resume", id=e)
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert set(engine.tasks(e)) == {"par SUCCESS", "p SUCCESS", "a SUCCESS"}


def test_a_restarted_execution_is_killed_in_its_queue(engine: Engine) -> None:
    """§18: straight to KILLED."""
    engine.save(flow(f"concurrency: {{limit: 1}}\ntasks: [{{id: a, {W}}}]"))
    engine.outcomes = {"a": "FAILED"}
    e = engine.start("f")
    engine.run()
    engine.outcomes = {"a": None}
    other = engine.start("f")
    engine.run()
    engine.command("execution.restart", id=e)
    engine.steps()
    assert engine.state(e) == "QUEUED"
    engine.command("execution.kill", id=e)
    engine.run()
    assert engine.history(e)[-2:] == ["QUEUED", "KILLED"]
    assert engine.tasks(e) == ["a KILLED"]
    assert engine.state(other) == "RUNNING"
    engine.check()


LOOP = f"""
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.LoopUntil
    condition: "{{{{ outputs.loop.iterationCount == 3 }}}}"
    checkFrequency: {{interval: PT0S}}
    tasks: [{{id: a, {W}}}]
"""


def test_a_kill_in_the_step_of_the_next_round(engine: Engine) -> None:
    engine.save(flow(LOOP))
    engine.outcomes = {"a": None}
    e = engine.start("f")
    engine.steps()
    engine.end(*next(iter(engine.worker.jobs)), "SUCCESS")
    engine.executor.step()
    assert engine.state(e) == "PAUSED"
    engine.command("execution.kill", id=e)
    engine.run()
    assert engine.tasks(e) == ["loop KILLED", "a SUCCESS"]
    assert engine.state(e) == "KILLED"
    engine.check()


def test_work_of_an_old_round_does_not_touch_the_next_one(engine: Engine) -> None:
    """After a crash the old round is looked at again in the step in which the next one begins."""
    engine.save(flow(LOOP))
    engine.outcomes = {"a": None}
    e = engine.start("f")
    for _ in range(3):
        engine.steps()
        engine.end(*next(iter(engine.worker.jobs)), "SUCCESS")
        engine.executor.step()
        engine.crash()
    engine.outcomes = {}
    engine.run()
    assert engine.tasks(e) == ["loop SUCCESS", "a SUCCESS"]
    assert engine.one("select outputs from task_run where task_id = 'loop'") == '{"iterationCount":3}'
    engine.check()


def test_exit_after_the_end_of_a_flow_with_outputs(engine: Engine) -> None:
    engine.save(
        flow(
            f"tasks: [{{id: a, {W}}}]\noutputs: [{{id: o, type: STRING, value: x}}]\nafterExecution:\n"
            f"  - {{id: x, type: io.kestra.plugin.core.execution.Exit, state: FAILED}}\n  - {{id: z, {W}}}"
        )
    )
    e = engine.start("f")
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.tasks(e) == ["a SUCCESS", "x FAILED", "z SUCCESS"]
    assert not engine.executor.world.executions
    assert engine.one("select count(*) from timer") == 0


DIRECTORY = f"""
tasks:
  - id: d
    type: io.kestra.plugin.core.flow.WorkingDirectory
    tasks: [{{id: a, {W}}}, {{id: b, {W}}}]
"""


def test_a_refused_replay_creates_nothing(engine: Engine) -> None:
    """§18: the task stands elsewhere in the chosen revision."""
    engine.save(flow(f"tasks: [{{id: a, {W}}}, {{id: b, {W}}}]"))
    e = engine.start("f")
    engine.run()
    engine.save(flow(f"tasks: [{{id: s, {SEQ}, tasks: [{{id: a, {W}}}]}}, {{id: b, {W}, disabled: true}}]"), revision=2)
    for task in ("a", "b"):
        with pytest.raises(IllegalArgument, match="another place"):
            engine.command("execution.replay", id=e, task_run=run_id(engine, e, task), revision=2)
    engine.run()
    assert engine.one("select count(*) from execution") == 1
    assert not engine.executor.world.executions


def test_a_worker_that_is_lost_after_its_directory_changes_nothing(engine: Engine) -> None:
    """§8.9: the local errors run already."""
    engine.save(flow(DIRECTORY + f"    errors: [{{id: help, {W}}}]\n"))
    engine.outcomes = {"d": None, "help": None}
    e = engine.start("f")
    engine.steps()
    (seq, fence) = next(iter(engine.worker.jobs))
    engine.end(seq, fence, "FAILED")
    engine.steps()
    engine.executor.on_lost("w1", [(seq, fence)])
    engine.outcomes = {}
    engine.run()
    assert engine.tasks(e) == ["d FAILED", "help SUCCESS"]
    assert engine.state(e) == "FAILED"
    engine.check()


def test_a_directory_ends_once_and_leaves_no_child_of_an_earlier_job(engine: Engine) -> None:
    """§8.9: also when core dies between the reports of its children."""
    engine.save(flow(DIRECTORY))
    engine.outcomes = {"d": None}
    e = engine.start("f")
    engine.steps()
    ((seq, fence), job) = next(iter(engine.worker.jobs.items()))
    first = job.children[0][1]  # type: ignore[union-attr]
    engine.executor.on_done(Done(first, fence, State.SUCCESS, engine.now, engine.now), "w1")
    engine.steps()
    assert engine.tasks(e) == ["d CREATED", "a SUCCESS"]
    engine.crash(keep_worker=False)
    engine.steps()
    ((seq, fence), job) = next(iter(engine.worker.jobs.items()))
    numbers = [child[1] for child in job.children]  # type: ignore[union-attr]
    assert min(numbers) > first + 1
    for number in numbers:
        engine.executor.on_done(Done(number, fence, State.SUCCESS, engine.now, engine.now), "w1")
    engine.executor.on_done(Done(seq, fence, State.SUCCESS, engine.now, engine.now), "w1")
    engine.executor.on_done(Done(seq, fence, State.SUCCESS, engine.now, engine.now), "w1")
    engine.steps()
    assert engine.tasks(e) == ["d SUCCESS", "a SUCCESS", "b SUCCESS"]
    assert engine.one("select count(*) from attempt") == 3
    assert engine.one("select count(*) from event where task_run_seq = ?", first) == 0
    engine.check()
