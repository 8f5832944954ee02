"""Thousands of schedules due in one second (engine notes §2.11; quality §2.3, fault 21): chunks of a fixed cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine import firings as module
from flowdeck.engine.scheduler import AT_ONCE, CHUNK, Scheduler
from tests.unit.engine.test_cost import Count
from tests.unit.engine.test_scheduler import DAY, Scheduled

FLOWS, EACH = 3, 400


@pytest.fixture
def herd(tmp_path: Path) -> Iterator[Scheduled]:
    """An engine with 1,200 schedules of midnight."""
    engine = Scheduled(tmp_path / "engine.db")
    for number in range(FLOWS):
        triggers = "\n".join(
            f"  - {{id: s{n}, type: io.kestra.plugin.core.trigger.Schedule, cron: '0 0 * * *'}}" for n in range(EACH)
        )
        task = "{id: one, type: io.kestra.plugin.core.debug.Return, format: x}"
        engine.put(f"id: f{number}\nnamespace: a.b\ntasks: [{task}]\ntriggers:\n{triggers}\n")
    try:
        yield engine
    finally:
        engine.close()


def test_a_chunk_of_schedules_costs_a_fixed_number_of_statements(
    herd: Scheduled, monkeypatch: pytest.MonkeyPatch
) -> None:
    herd.now += DAY
    counter = Count(monkeypatch)
    costs: list[tuple[int, int]] = []
    while herd.scheduler.fired < FLOWS * EACH:
        before = herd.scheduler.fired
        herd.scheduler.dispatch(herd.now)
        counter.take()
        herd.executor.step()
        if herd.scheduler.fired > before:
            costs.append((herd.scheduler.fired - before, counter.take()[0]))
    assert [size for size, _ in costs] == [AT_ONCE, FLOWS * EACH - AT_ONCE]
    assert all(statements <= 10 + 10 * -(-size // CHUNK) for size, statements in costs), costs
    rows = herd.all("select flow_id, trigger_id, count(*) from execution group by 1, 2")
    assert len(rows) == FLOWS * EACH and {row[2] for row in rows} == {1}
    # Executions start in the order in which they fired.
    order = [row[0] for row in herd.all("select seq from execution order by created, seq")]
    assert order == sorted(order)


def test_one_that_fails_does_not_hold_up_the_others(herd: Scheduled, monkeypatch: pytest.MonkeyPatch) -> None:
    start = module.start

    def broken(step: Any, plan: Any, trigger: Any, *more: Any, **named: Any) -> Any:
        if (plan.flow.id, trigger.id) == ("f1", "s7"):
            raise RuntimeError("this one is broken")
        return start(step, plan, trigger, *more, **named)

    monkeypatch.setattr(module, "start", broken)
    monkeypatch.setattr(Scheduler, "_rest", lambda self, key, until: None)
    herd.now += DAY
    for _ in range(2_000):
        herd.scheduler.dispatch(herd.now)
        if not herd.executor.step():
            break
    found = {(row[0], row[1]) for row in herd.all("select flow_id, trigger_id from execution")}
    assert len(found) == FLOWS * EACH - 1 and ("f1", "s7") not in found


def test_schedules_that_are_due_soon_are_made_ready_before(herd: Scheduled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engine notes §2.11: what can be done before the date does not make its executions late."""
    herd.now += DAY - 10_000
    while herd.scheduler._read_ahead(herd.now, 1.0):
        pass
    made: list[str] = []
    real = module.SchedulePlan

    def counted(*args: Any, **named: Any) -> Any:
        made.append("one")
        return real(*args, **named)

    monkeypatch.setattr(module, "SchedulePlan", counted)
    herd.now += 10_000
    while herd.scheduler.fired < FLOWS * EACH:
        herd.scheduler.dispatch(herd.now)
        herd.executor.step()
    assert not made
