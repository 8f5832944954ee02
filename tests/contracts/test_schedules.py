"""Schedules, backfills and windows of Flow triggers: the same on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowdeck.store.driver import Database
from tests.unit.engine.harness import FakeWorker
from tests.unit.engine.test_scheduler import START, Scheduled, backfill, daily, flow, ms
from tests.unit.engine.test_scheduler_flow_triggers import TWO, UPSTREAM, downstream, run, started


class OnDatabase(Scheduled):
    """The same engine over a database that the fixture has made."""

    def __init__(self, database: Database) -> None:
        self.recover = "ALL"
        self.database = database
        self.seed = 1
        self.now = START
        self.events, self.lines, self.outcomes, self.flow_keys = [], [], {}, {}
        self.worker = FakeWorker()
        self.executor = self._build()
        self.executor.recover()


@pytest.fixture
def engine(database: Database) -> Iterator[OnDatabase]:
    one = OnDatabase(database)
    try:
        yield one
    finally:
        one.executor.writer.close()


def test_a_backfill_and_the_schedule_after_it(engine: OnDatabase) -> None:
    engine.put(flow(daily("stopAfter: [FAILED]")))
    backfill(engine, "2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z")
    engine.until_rest()
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.outcomes["one"] = "FAILED"
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["01", "02", "11"]
    assert engine.trigger("disabled") and engine.trigger("execution_id") is None


def test_windows_of_flow_triggers(engine: OnDatabase) -> None:
    engine.put(UPSTREAM.format(id="up", namespace="a.b"))
    engine.put(UPSTREAM.format(id="other", namespace="a.c"))
    engine.put(downstream(*TWO, "  resetOnSuccess: false"))
    run(engine, "up")
    run(engine, "other", "a.c")
    assert started(engine) == 1
    engine.later(2 * 86_400_000)
    engine.scheduler._housekeep(engine.now)
    engine.steps()
    assert engine.one("select count(*) from flow_window") == 0


def test_what_waits_for_a_worker_is_a_row(engine: OnDatabase) -> None:
    engine.put(UPSTREAM.format(id="up", namespace="a.b"))
    engine.put(
        downstream("states: [SUCCESS]", "inputs:", "  x: \"{{ kv('k') }}\"", head="inputs: [{id: x, type: STRING}]")
    )
    run(engine, "up")
    assert started(engine) == 1 and engine.one("select count(*) from outbox") == 0
    engine.scheduler.load()
