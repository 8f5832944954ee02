"""Dropping the executor after every commit changes nothing of what comes out."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow

FLOW = flow(f"""
concurrency: {{limit: 1}}
tasks:
  - {{id: a, {W}, runIf: "{{{{ kv('x') }}}}"}}
  - id: p
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
      - {{id: b, {W}, retry: {{type: constant, interval: PT1S, maxAttempts: 2}}, allowFailure: true}}
      - id: l
        type: io.kestra.plugin.core.flow.ForEach
        values: [u, v, w]
        concurrencyLimit: 2
        tasks:
          - {{id: c, {W}}}
          - {{id: d, {W}, format: "{{{{ outputs.c[taskrun.value].v }}}}"}}
  - id: i
    type: io.kestra.plugin.core.flow.If
    condition: "{{{{ outputs.c.v.v == 1 }}}}"
    then:
      - {{id: s, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: child}}
      - {{id: x, type: io.kestra.plugin.core.flow.Pause, pauseDuration: PT1S}}
  - {{id: f, {W}}}
errors:
  - {{id: e, {W}}}
finally:
  - {{id: z, {W}}}
outputs:
  - {{id: o, type: STRING, value: "{{{{ outputs.c.v.v }}}}"}}
afterExecution:
  - {{id: y, {W}}}
""")
CHILD = flow(f"tasks: [{{id: q, {W}}}]", "child")


def play(path: Path, *, chance: float, keep_worker: bool) -> tuple[list[str], list[str], str]:
    engine = Engine(path)
    try:
        engine.save(CHILD)
        engine.save(FLOW)
        engine.outcomes = {"b": "FAILED", "f": "FAILED", "c": {"v": 1}}
        execution = engine.start("f")
        second = engine.start("f")
        rand = random.Random(5)
        for _ in range(400):
            if engine.executor.step() and rand.random() < chance:
                engine.crash(keep_worker=keep_worker)
                engine.executor.step()
            if engine.worker.jobs:
                (seq, fence), job = list(engine.worker.jobs.items())[-1]
                if fence < 0:
                    engine.end(
                        seq, fence, {"value": ["true", None, None] if isinstance(job.value, list) else job.value}
                    )  # type: ignore[union-attr]
                else:
                    task = engine.task_id(job)  # type: ignore[arg-type]
                    engine.end(seq, fence, engine.outcomes.get(task, "SUCCESS"))
            elif not engine.executor.inputs and not engine.executor.world.todo:
                if not engine.executor.world.timers:
                    break
                engine.later(1_000)
        engine.check()
        assert engine.state(second) == engine.state(execution)
        return sorted(engine.tasks(execution)), engine.history(execution), engine.state(execution)
    finally:
        engine.close()


def test_a_crash_after_any_commit_changes_nothing(tmp_path: Path) -> None:
    calm = play(tmp_path / "calm.db", chance=0, keep_worker=True)
    assert calm[2] == "FAILED"
    # A worker that dies with core at every commit would never end a task that takes two.
    for chance, keep in ((1.0, True), (0.5, True), (0.4, False), (0.2, False)):
        shaken = play(tmp_path / f"{chance}{keep}.db", chance=chance, keep_worker=keep)
        assert shaken == calm, (chance, keep)


def test_a_hundred_thousand_open_task_runs_are_read_quickly(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "x.db")
    engine.save(
        flow(f"""
tasks:
  - id: l
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{{{ inputs.values }}}}"
    concurrencyLimit: 0
    tasks:
      - {{id: a, {W}}}
""")
    )
    number = 20_000
    engine.start("f", inputs={"values": list(range(number))})
    engine.steps()
    assert len(engine.worker.jobs) == number
    before = time.process_time()
    engine.crash()
    engine.steps()
    spent = time.process_time() - before
    engine.close()
    assert spent < 5, spent


@pytest.mark.parametrize("durability", ["full", "barrier"])
def test_what_is_acknowledged_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durability: str) -> None:
    engine = Engine(tmp_path / "x.db")
    engine.database.durability = durability  # type: ignore[assignment]
    flushed: list[bool] = []
    commit = engine.executor.writer.commit
    monkeypatch.setattr(engine.executor.writer, "commit", lambda full=False: (flushed.append(full), commit(full))[1])
    engine.save(flow(f"tasks: [{{id: a, {W}}}, {{id: b, {W}}}]"))
    flushed.clear()
    engine.start("f")
    assert flushed == [True]
    engine.work()
    engine.executor.step()
    assert flushed == [True, False]
    engine.work()
    engine.executor.step()
    assert flushed == [True, False, True]
    engine.close()
