"""What one task costs does not depend on how many its execution has (design law 3): statements, rows, bytes."""

from __future__ import annotations

from typing import Any

import pytest

from flowdeck.store import sqlite
from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow


def sequence(n: int) -> str:
    tasks = "\n".join(
        f"  - {{id: t{i}, {W}" + (f", format: '{{{{ outputs.t{i - 1}.v }}}}'" if i else "") + "}" for i in range(n)
    )
    return f"tasks:\n{tasks}"


def loop(n: int) -> str:
    return f"""
tasks:
  - id: l
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{{{ inputs.values }}}}"
    concurrencyLimit: 8
    tasks:
      - {{id: a, {W}}}
      - {{id: b, {W}, format: "{{{{ outputs.a[taskrun.value].v }}}} {{{{ taskrun.value }}}}"}}
"""


class Count:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements = self.rows = 0
        many, run, rows, one = (getattr(sqlite.SqliteLink, n) for n in ("many", "run", "rows", "one"))

        def count(original: Any, size: Any) -> Any:
            def wrapped(link: Any, text: str, params: Any) -> Any:
                self.statements += 1
                self.rows += size(params)
                return original(link, text, params)

            return wrapped

        monkeypatch.setattr(sqlite.SqliteLink, "many", count(many, len))
        for name, original in (("run", run), ("rows", rows), ("one", one)):
            monkeypatch.setattr(sqlite.SqliteLink, name, count(original, lambda p: 1))

    def take(self) -> tuple[int, int]:
        out = self.statements, self.rows
        self.statements = self.rows = 0
        return out


@pytest.mark.parametrize("kind", ["sequence", "loop"])
def test_a_task_costs_the_same_at_any_place(engine: Engine, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    n = 400
    engine.save(flow(sequence(n) if kind == "sequence" else loop(n)))
    engine.outcomes = {f"t{i}": {"v": i} for i in range(n)} | {"a": {"v": 1}}
    monkeypatch.setattr(engine, "task_id", lambda job: tasks[job.task_key].id)
    engine.start("f", inputs={"values": list(range(n))})
    tasks = engine.executor.world.by_id[next(iter(engine.executor.world.by_id))].plan.flow.tasks
    engine.steps()
    counter = Count(monkeypatch)
    costs: list[tuple[int, int]] = []
    contexts: list[int] = []
    while engine.worker.jobs:
        (seq, fence), job = next(iter(engine.worker.jobs.items()))
        contexts.append(len(repr(job.context)))  # type: ignore[union-attr]
        engine.end(seq, fence, {"v": 1})
        engine.executor.step()
        costs.append(counter.take())
    assert len(costs) == (n if kind == "sequence" else 2 * n)
    middle = costs[20:-20]
    assert max(s for s, _ in middle) <= min(s for s, _ in middle) + 2
    assert max(r for _, r in middle) <= min(r for _, r in middle) + 4
    assert max(r for _, r in middle) <= 14
    assert max(contexts[20:]) <= min(contexts[20:]) * 1.2 + 60


def test_a_batch_writes_with_few_statements(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 1_000
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
    engine.start("f", inputs={"values": list(range(n))})
    engine.steps()
    assert len(engine.worker.jobs) == n
    monkeypatch.setattr("flowdeck.engine.executor.BATCH_SECONDS", 10)
    counter = Count(monkeypatch)
    for seq, fence in list(engine.worker.jobs):
        engine.end(seq, fence, "SUCCESS")
    engine.executor.step()
    statements, _ = counter.take()
    assert statements <= 25


def test_outputs_that_nobody_reads_are_not_kept_in_memory(engine: Engine) -> None:
    engine.save(
        flow(f"""
        tasks:
          - {{id: a, {W}}}
          - {{id: b, {W}, format: "{{{{ outputs.c.v ?? 1 }}}}"}}
          - {{id: c, {W}}}
          - {{id: d, {W}}}
    """)
    )
    engine.outcomes = {"a": {"v": "x" * 1000}, "c": {"v": 2}, "d": None}
    engine.start("f")
    engine.run()
    live = next(iter(engine.executor.world.executions.values()))
    assert [live.plan.flow.tasks[k].id for k in live.by_task] == ["c"]
