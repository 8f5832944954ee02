"""Laws of schedules under random orders of time, ends of executions, commands, edits and crashes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowdeck.model.errors import DomainError
from tests.unit.engine.test_scheduler import DAY, Scheduled, daily, flow, ms

MOVES = st.lists(
    st.sampled_from(
        [
            "later",
            "later",
            "fire",
            "fire",
            "step",
            "work",
            "work",
            "crash",
            "forget",
            "save",
            "pause",
            "continue",
            "unlock",
        ]
    ),
    max_size=30,
)


def half_turn(engine: Scheduled) -> None:
    """One pass of the scheduler without the executor's step."""
    scheduler: Any = engine.scheduler
    if scheduler._stale or scheduler._stale_flows:
        scheduler._refresh()
    scheduler.dispatch(engine.now)


def make(engine: Scheduled, moves: list[str], schedule: str) -> None:
    """Carry the moves out; refused commands are moves too."""
    saved = 0
    for move in moves:
        match move:
            case "later":
                engine.later(DAY // 2)
            case "fire":
                half_turn(engine)
            case "step":
                engine.executor.step()
            case "work":
                engine.work()
            case "crash":
                engine.crash()
            case "forget":
                engine.crash(keep_worker=False)
            case "save":
                saved += 1
                engine.command("flow.save", source=flow(schedule, head=f"description: edit {saved}\n{HEAD}"))
            case "pause" | "continue" | "unlock":
                name = "unlock" if move == "unlock" else f"backfill_{move}"
                try:
                    engine.command(f"trigger.{name}", namespace="a.b", flow_id="daily", trigger_id="cron")
                except DomainError:
                    pass


HEAD = "inputs: [{id: x, type: STRING, defaults: y}]"


@pytest.mark.parametrize("io", [False, True])
@given(moves=MOVES, backfill=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_date_fires_once_and_in_order_whatever_happens(io: bool, moves: list[str], backfill: bool) -> None:
    schedule = daily("inputs:", "  x: \"{{ kv('k') }}\"") if io else daily()
    with tempfile.TemporaryDirectory() as folder:
        engine = Scheduled(Path(folder) / "engine.db")
        try:
            engine.put(flow(schedule, head=HEAD))
            if backfill:
                engine.act("backfill_create", start=ms("2025-03-01T00:00:00Z"), end=ms("2025-03-04T00:00:00Z"))
            make(engine, moves, schedule)
            if engine.trigger("backfill"):
                engine.act("backfill_continue")
            engine.until_rest()
            found = [ms(date) for date in engine.dates()]
            expected = [ms(f"2025-03-0{n}T00:00:00Z") for n in (1, 2, 3, 4)] if backfill else []
            at = ms("2025-03-11T00:00:00Z")
            while at <= engine.now:
                expected.append(at)
                at += DAY
            assert found == expected
            assert engine.trigger("execution_id") is None
            assert engine.trigger("next_due") == at
            engine.check()
        finally:
            engine.close()
