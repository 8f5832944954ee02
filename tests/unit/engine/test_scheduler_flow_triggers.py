"""Flow triggers over a real executor and database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.engine.test_scheduler import Scheduled

DAY = 86_400_000

UPSTREAM = """\
id: {id}
namespace: {namespace}
outputs: [{{id: made, type: STRING, value: "{id}-made"}}]
tasks: [{{id: work, type: io.kestra.plugin.core.debug.Return, format: x}}]
"""

DOWNSTREAM = """\
id: {id}
namespace: a.b
labels: {{team: x}}
{head}
tasks: [{{id: last, type: io.kestra.plugin.core.debug.Return, format: x}}]
triggers:
  - id: after
    type: io.kestra.plugin.core.trigger.Flow
{tail}
"""


def downstream(*lines: str, id: str = "down", head: str = "") -> str:
    return DOWNSTREAM.format(id=id, head=head, tail="\n".join(f"    {line}" for line in lines))


ONLY_UP = ("conditions:", "  - {type: io.kestra.plugin.core.condition.ExecutionFlow, namespace: a.b, flowId: up}")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Scheduled]:
    one = Scheduled(tmp_path / "engine.db")
    one.put(UPSTREAM.format(id="up", namespace="a.b"))
    one.put(UPSTREAM.format(id="other", namespace="a.c"))
    try:
        yield one
    finally:
        one.close()


def run(engine: Scheduled, flow: str, namespace: str = "a.b", **args: object) -> str:
    execution = engine.start(flow, namespace, **args)
    engine.until_rest()
    return execution


def started(engine: Scheduled, flow: str = "down") -> int:
    return engine.one("select count(*) from execution where flow_id = ?", flow)


def test_a_flow_runs_after_another_with_its_outputs_and_correlation(engine: Scheduled) -> None:
    engine.put(
        downstream(
            "states: [SUCCESS]",
            *ONLY_UP,
            "inputs:",
            '  from: "{{ trigger.outputs.made }}"',
            "labels:",
            "  cause: upstream",
            head="inputs: [{id: from, type: STRING}]",
        )
    )
    run(engine, "other", "a.c")
    assert started(engine) == 0
    upstream = run(engine, "up")
    assert started(engine) == 1
    inputs, trigger, labels = engine.all("select inputs, \"trigger\", labels from execution where flow_id = 'down'")[0]
    assert json.loads(inputs) == {"from": "up-made"}
    variables = json.loads(trigger)["variables"]
    assert variables["executionId"] == upstream and variables["state"] == "SUCCESS" and variables["flowId"] == "up"
    found = {x["key"]: x["value"] for x in json.loads(labels)}
    assert found["system.correlationId"] == upstream and found["cause"] == "upstream" and found["team"] == "x"
    assert engine.one("select state from execution where flow_id = 'down'") == 20
    engine.check()


def test_only_the_named_states_count(engine: Scheduled) -> None:
    engine.put(downstream("states: [FAILED]", *ONLY_UP))
    run(engine, "up")
    assert started(engine) == 0
    engine.outcomes["work"] = "FAILED"
    run(engine, "up")
    assert started(engine) == 1


def test_a_flow_does_not_start_itself(engine: Scheduled) -> None:
    engine.put(downstream("states: [SUCCESS]"))
    run(engine, "up")
    assert started(engine) == 1
    run(engine, "down")
    assert started(engine) == 2


def test_a_chain_of_flows_runs_to_its_end(engine: Scheduled) -> None:
    for before, after in (("up", "second"), ("second", "third")):
        engine.put(
            downstream(
                "states: [SUCCESS]",
                "preconditions:",
                "  id: p",
                f"  flows: [{{namespace: a.b, flowId: {before}}}]",
                id=after,
            )
        )
    first = run(engine, "up")
    assert started(engine, "second") == started(engine, "third") == 1
    correlations = engine.all("select value from execution_label where key = 'system.correlationId'")
    assert correlations == [(first,)] * 3


TWO = (
    "states: [SUCCESS]",
    "preconditions:",
    "  id: both",
    "  flows: [{namespace: a.b, flowId: up}, {namespace: a.c, flowId: other}]",
)


def test_preconditions_need_all_flows_within_the_window_and_begin_anew(engine: Scheduled) -> None:
    engine.put(downstream(*TWO))
    run(engine, "up")
    run(engine, "up")
    assert started(engine) == 0 and engine.one("select count(*) from flow_window") == 1
    engine.crash()
    run(engine, "other", "a.c")
    assert started(engine) == 1 and engine.one("select count(*) from flow_window") == 0
    run(engine, "other", "a.c")
    assert started(engine) == 1
    outputs = json.loads(engine.one("select \"trigger\" from execution where flow_id = 'down'"))["variables"]["outputs"]
    assert outputs == {"made": "other-made"}


def test_a_window_that_is_over_counts_nothing(engine: Scheduled) -> None:
    engine.put(downstream(*TWO, "  timeWindow: {type: SLIDING_WINDOW, window: PT1H}"))
    run(engine, "up")
    engine.later(3_700_000)
    run(engine, "other", "a.c")
    assert started(engine) == 0
    run(engine, "up")
    assert started(engine) == 1


def test_without_reset_every_further_match_fires(engine: Scheduled) -> None:
    engine.put(downstream(*TWO, "  resetOnSuccess: false"))
    run(engine, "up")
    run(engine, "other", "a.c")
    run(engine, "up")
    assert started(engine) == 2


def test_windows_that_are_over_are_purged(engine: Scheduled) -> None:
    engine.put(downstream(*TWO))
    run(engine, "up")
    engine.later(2 * DAY)
    engine.scheduler._housekeep(engine.now)
    engine.steps()
    assert engine.one("select count(*) from flow_window") == 0


def test_inputs_that_do_not_validate_start_nothing(engine: Scheduled) -> None:
    engine.put(downstream(*ONLY_UP, head="inputs: [{id: n, type: INT}]"))
    run(engine, "up")
    assert started(engine) == 0


def test_inputs_with_io_survive_a_crash_and_start_once(engine: Scheduled) -> None:
    engine.put(downstream(*ONLY_UP, "inputs:", "  x: \"{{ kv('k') }}\"", head="inputs: [{id: x, type: STRING}]"))
    engine.start("up")
    for _ in range(20):
        engine.turn()
        jobs = [k for k, j in engine.worker.jobs.items() if not hasattr(j, "task_run")]
        if jobs:
            break
        engine.work()
    assert engine.one("select count(*) from outbox") == 1 and started(engine) == 0
    engine.crash(keep_worker=False)
    engine.until_rest()
    assert started(engine) == 1 and engine.one("select count(*) from outbox") == 0
    engine.crash(keep_worker=False)
    engine.until_rest()
    assert started(engine) == 1


def test_disabled_deleted_and_changed_flows_are_known_at_once(engine: Scheduled) -> None:
    engine.put(downstream(*ONLY_UP))
    engine.command("flow.set_disabled", namespace="a.b", id="down", disabled=True)
    run(engine, "up")
    assert started(engine) == 0
    engine.command("flow.set_disabled", namespace="a.b", id="down", disabled=False)
    run(engine, "up")
    assert started(engine) == 1
    engine.command("flow.delete", namespace="a.b", id="down")
    run(engine, "up")
    assert started(engine) == 1


def test_test_executions_start_nothing(engine: Scheduled) -> None:
    engine.put(downstream(*ONLY_UP))
    run(engine, "up", kind="TEST")
    assert started(engine) == 0
