"""WorkingDirectory in the pure engine: one job, children as reported, crashes, losses, kills (§8.9)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from flowdeck.engine.messages import Done, Run, Started
from flowdeck.model.states import State
from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow

DIRECTORY = f"""
tasks:
  - id: wd
    type: io.kestra.plugin.core.flow.WorkingDirectory
    tasks: [{{id: a, {W}}}, {{id: b, {W}}}, {{id: c, {W}}}]
    errors: [{{id: e, {W}}}]
    finally: [{{id: f, {W}}}]
  - {{id: after, {W}, format: "{{{{ outputs.b.v ?? 'none' }}}}"}}
"""


def job_of(engine: Engine) -> Run:
    """The job of the directory that is out."""
    return next(j for j in engine.worker.jobs.values() if isinstance(j, Run) and j.children)


def report(engine: Engine, job: Run, index: int, state: State = State.SUCCESS, **more: Any) -> None:
    """The end of a child."""
    seq = job.children[index][1]
    engine.executor.on_done(Done(seq, job.fence, state, engine.now, engine.now, **more), "w1")


def begun(engine: Engine, job: Run, index: int) -> None:
    """The start of a child."""
    engine.executor.on_started(Started(job.children[index][1], job.fence, engine.now))


def test_rows_are_made_as_they_are_reported(engine: Engine) -> None:
    engine.save(flow(DIRECTORY))
    execution = engine.start("f")
    engine.steps()
    assert engine.tasks(execution) == ["wd CREATED"]
    job = job_of(engine)
    engine.executor.on_started(Started(job.seq, job.fence, engine.now))
    begun(engine, job, 0)
    engine.steps()
    assert engine.tasks(execution) == ["wd RUNNING", "a RUNNING"]
    report(engine, job, 0)
    report(engine, job, 1, outputs={"v": 7})
    report(engine, job, 1, outputs={"v": 8})  # sent again: known already
    report(engine, job, 2)
    engine.end(job.seq, job.fence, "SUCCESS")
    engine.run()
    assert engine.tasks(execution) == [
        "wd SUCCESS",
        "a SUCCESS",
        "b SUCCESS",
        "c SUCCESS",
        "f SUCCESS",
        "after SUCCESS",
    ]
    assert engine.worker.seen[-1].context["outputs"] == {"b": {"v": 7}}
    engine.check()


def test_a_failure_starts_the_local_errors_outside(engine: Engine) -> None:
    engine.save(flow(DIRECTORY))
    execution = engine.start("f")
    engine.steps()
    job = job_of(engine)
    report(engine, job, 0)
    report(engine, job, 1, State.FAILED, error="broke")
    engine.end(job.seq, job.fence, "FAILED")
    engine.run()
    assert engine.tasks(execution) == ["wd FAILED", "a SUCCESS", "b FAILED", "e SUCCESS", "f SUCCESS"]
    assert engine.state(execution) == "FAILED"
    engine.check()
    engine.command("execution.restart", id=execution)
    engine.steps()
    again = job_of(engine)
    assert {c[1] for c in again.children}.isdisjoint({c[1] for c in job.children})
    for n in range(3):
        report(engine, again, n)
    engine.end(again.seq, again.fence, "SUCCESS")
    engine.run()
    assert engine.state(execution) == "SUCCESS"
    engine.check()


def test_a_replay_from_a_child_runs_all_of_it_again(engine: Engine) -> None:
    engine.save(flow(DIRECTORY))
    execution = engine.start("f")
    engine.steps()
    job = job_of(engine)
    for n in range(3):
        report(engine, job, n)
    engine.end(job.seq, job.fence, "SUCCESS")
    engine.run()
    child = engine.one("select t.id from task_run t where t.task_id = 'c'")
    new = engine.command("execution.replay", id=execution, task_run=child)["id"]
    engine.steps()
    assert [c[0] for c in job_of(engine).children] == [c[0] for c in job.children]
    assert not [t for t in engine.tasks(new) if t.split()[0] in ("a", "b", "c")]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_on_the_way(engine: Engine, seed: int) -> None:
    """Crashes, lost workers, pauses, kills and repeated reports: the rows stay right and the execution ends."""
    rand = random.Random(seed)
    engine.save(flow(DIRECTORY))
    execution = engine.start("f")
    engine.steps()
    killed = False
    sent: list[Done] = []
    position: dict[int, int] = {}
    for _ in range(40):
        engine.later(rand.randrange(50))
        job = next((j for j in engine.worker.jobs.values() if isinstance(j, Run) and j.children), None)
        action = rand.choice(["child", "child", "child", "end", "crash", "lost", "again", "pause", "resume", "kill"])
        if job is None:
            engine.work()
        elif (job.seq, job.fence) in engine.worker.kills:
            engine.end(job.seq, job.fence, "KILLED")
        elif action == "child":
            index = position.get(job.fence, 0)
            if index < len(job.children):
                position[job.fence] = index + 1
                if rand.random() < 0.5:
                    begun(engine, job, index)
                state = State.FAILED if rand.random() < 0.1 else State.SUCCESS
                sent.append(Done(job.children[index][1], job.fence, state, engine.now, engine.now, error=None))
                engine.executor.on_done(sent[-1], "w1")
                if state is State.FAILED:
                    engine.end(job.seq, job.fence, "FAILED")
            else:
                engine.end(job.seq, job.fence, "SUCCESS")
        elif action == "again" and sent:
            engine.executor.on_done(rand.choice(sent), "w1")
        elif action == "crash":
            engine.crash()
        elif action == "lost" and rand.random() < 0.5:
            engine.worker.jobs.pop((job.seq, job.fence))
            engine.executor.on_lost("w1", [(job.seq, job.fence)])
        elif action in ("pause", "resume", "kill") and rand.random() < 0.3:
            killed = killed or action == "kill"
            try:
                engine.command(f"execution.{action}", id=execution)
            except Exception as refused:
                assert type(refused).__name__ in ("IllegalState", "NotFound"), refused
        engine.steps()
        engine.check()
    if engine.state(execution) == "PAUSED":
        engine.command("execution.resume", id=execution)
    for _ in range(20):
        engine.steps()
        for job in [j for j in engine.worker.jobs.values() if isinstance(j, Run)]:
            if not job.children:
                engine.end(job.seq, job.fence, "SUCCESS")
                continue
            stopped = (job.seq, job.fence) in engine.worker.kills
            for index in range(position.get(job.fence, 0), 0 if stopped else len(job.children)):
                report(engine, job, index)
            engine.end(job.seq, job.fence, "KILLED" if stopped else "SUCCESS")
    engine.steps()
    assert engine.state(execution) in ("SUCCESS", "FAILED", "KILLED")
    assert killed or engine.state(execution) != "KILLED"
    engine.check()
    ids = [t.split()[0] for t in engine.tasks(execution)]
    assert len(ids) == len(set(ids))  # a directory that ran again left no second rows
    assert not engine.executor.world.reserved


def test_parts_that_a_task_tells_of_are_shown_and_count_for_nothing(engine: Engine) -> None:
    """§7.1: dynamic task runs; a failed one fails nobody, a restart does not run it, a replay does not copy it."""
    engine.save(flow(f"tasks: [{{id: a, {W}}}, {{id: b, {W}}}]"))
    execution = engine.start("f")
    engine.steps()
    ((seq, fence), _), *_ = engine.worker.jobs.items()
    engine.worker.jobs.clear()
    told = [("model.x", int(State.SUCCESS), engine.now, engine.now), ("model.y", int(State.FAILED), engine.now, 0)]
    engine.executor.on_done(Done(seq, fence, State.SUCCESS, engine.now, engine.now, dynamic=told), "w1")
    engine.steps()
    engine.crash()
    engine.outcomes = {"b": "FAILED"}
    engine.run()
    assert engine.tasks(execution) == ["a SUCCESS", "model.x SUCCESS", "model.y FAILED", "b FAILED"]
    engine.check()
    engine.command("execution.restart", id=execution)
    engine.outcomes = {}
    engine.run()
    assert engine.tasks(execution) == ["a SUCCESS", "model.x SUCCESS", "model.y FAILED", "b SUCCESS"]
    chosen = engine.one("select id from task_run where task_id = 'b'")
    new = engine.command("execution.replay", id=execution, task_run=chosen)["id"]
    engine.run()
    assert engine.tasks(new) == ["a SUCCESS", "b SUCCESS"]
    engine.check()
