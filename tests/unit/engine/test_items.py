"""ForEachItem in the pure engine: each child costs the same, whatever the number of batches (§9.2, design law 3)."""

from __future__ import annotations

import json

import pytest

from flowdeck.engine.messages import Evaluate
from flowdeck.model.states import State
from tests.unit.engine.harness import Engine
from tests.unit.engine.test_cost import Count
from tests.unit.engine.test_flowables import W, flow

PARENT = """
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEachItem
    items: "kestra:///x"
    namespace: a.b
    flowId: child
    inputs: {uri: "{{ taskrun.items }}", n: "{{ taskrun.iteration }}"}
"""
CHILD = f"""
concurrency: {{limit: 1}}
inputs: [{{id: uri, type: STRING}}, {{id: n, type: INT}}]
tasks: [{{id: w, {W}}}]
"""


def begin(engine: Engine, batches: int, *, settle: bool = True) -> str:
    """Start the parent and answer the split and the reading of its list; without `settle` no child is made yet."""
    engine.save(flow(CHILD).replace("id: f\n", "id: child\n", 1))
    engine.save(flow(PARENT))
    execution = engine.start("f")
    engine.outcomes = {"each_split": {"splits": "kestra:///list"}, "w": None}
    engine.steps()
    engine.work()
    engine.steps()
    (key, job), *_ = [(k, j) for k, j in engine.worker.jobs.items() if isinstance(j, Evaluate)]
    assert job.value == {"text": "{{ read(uri) }}"}
    text = "".join(f"kestra:///batch-{n}\n" for n in range(batches))
    engine.end(*key, {"value": {"text": text}})
    if settle:
        engine.steps()
    return execution


def items(engine: Engine, execution: str) -> dict[str, object]:
    """Outputs of the part that makes executions."""
    text = engine.one(
        "select t.outputs from task_run t join execution e on e.seq = t.execution_seq"
        " where e.id = ? and t.task_id = 'each_items'",
        execution,
    )
    return json.loads(text) if text else {}


def test_counts_are_live_and_inputs_see_the_batch(engine: Engine) -> None:
    execution = begin(engine, 3)
    assert items(engine, execution)["iterations"] == {"CREATED": 0, "RUNNING": 1, "QUEUED": 2}
    rows = engine.all("select inputs from execution where flow_id = 'child' order by seq")
    assert [json.loads(r[0]) for r in rows] == [{"uri": f"kestra:///batch-{n}", "n": n} for n in range(3)]
    engine.outcomes["w"] = "SUCCESS"
    engine.run()
    assert items(engine, execution)["iterations"] == {"CREATED": 0, "RUNNING": 0, "QUEUED": 0, "SUCCESS": 3}
    assert engine.tasks(execution) == [
        "each SUCCESS",
        "each_split SUCCESS",
        "each_items SUCCESS",
        "each_merge SUCCESS",
    ]
    engine.check()


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 13])
def test_a_crash_anywhere_loses_and_doubles_no_batch(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr("flowdeck.model.engine.items.CHUNK", 7)
    monkeypatch.setattr("flowdeck.model.transitions.BATCH", 5)  # small steps
    execution = begin(engine, 50, settle=False)
    engine.outcomes["w"] = "SUCCESS"
    for _ in range(steps):
        engine.executor.step()
        engine.work()
    made = engine.one("select count(*) from execution where flow_id = 'child'")
    assert made < 50 or steps == 13
    engine.crash()
    for _ in range(3):  # the list is read again if children are still to be made
        engine.steps()
        for key, job in list(engine.worker.jobs.items()):
            if isinstance(job, Evaluate):
                text = "".join(f"kestra:///batch-{n}\n" for n in range(50))
                engine.end(*key, {"value": {"text": text}})
    engine.run()
    assert engine.state(execution) == "SUCCESS"
    found = engine.all("select inputs, state from execution where flow_id = 'child'")
    assert sorted(json.loads(r[0])["n"] for r in found) == list(range(50))
    assert {r[1] for r in found} == {int(State.SUCCESS)}
    assert items(engine, execution)["iterations"]["SUCCESS"] == 50  # type: ignore[index]
    engine.check()


def test_the_end_of_a_child_costs_the_same_at_any_place(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(engine, 300)
    counter = Count(monkeypatch)
    costs: list[tuple[int, int]] = []
    for _ in range(300):
        ((seq, fence), _), *more = engine.worker.jobs.items()
        assert not more  # one at a time
        counter.take()
        engine.end(seq, fence, "SUCCESS")
        engine.steps()
        costs.append(counter.take())
    middle = costs[20:-20]
    assert max(s for s, _ in middle) <= min(s for s, _ in middle) + 2
    assert max(r for _, r in middle) <= min(r for _, r in middle) + 4
