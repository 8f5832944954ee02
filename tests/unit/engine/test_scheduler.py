"""Schedules over a real executor and database: each date once, in order, whatever breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine.executor import Executor
from flowdeck.engine.plans import PlanStore, parser
from flowdeck.engine.scheduler import Scheduler
from flowdeck.model.errors import IllegalState
from flowdeck.model.schedule import zone_of
from flowdeck.sdk.index import load_catalog
from tests.unit.engine.harness import Engine

DAY = 86_400_000
START = int(datetime(2025, 3, 10, 12, 30, tzinfo=UTC).timestamp() * 1000)

FLOW = """\
id: {id}
namespace: a.b
{head}
tasks:
  - id: one
    type: io.kestra.plugin.core.debug.Return
    format: "{{{{ trigger.date ?? '' }}}}"
{tail}
"""


def flow(trigger: str = "", *, id: str = "daily", head: str = "") -> str:
    """A flow with one trigger written in block style."""
    lines = "\n".join(f"    {line}" for line in trigger.strip().splitlines())
    tail = "triggers:\n  - id: cron\n" + lines if trigger else ""
    return FLOW.format(id=id, head=head, tail=tail)


def daily(*more: str) -> str:
    """A schedule at midnight, with more properties."""
    return "\n".join(("type: io.kestra.plugin.core.trigger.Schedule", 'cron: "0 0 * * *"', *more))


class Scheduled(Engine):
    """The engine of a test with a scheduler that is turned by hand."""

    zone = "UTC"

    def __init__(self, path: Path) -> None:
        self.recover = "ALL"
        super().__init__(path)
        self.now = START
        self.executor.world.now = START

    def _build(self) -> Executor:
        executor = super()._build()
        executor.plans = self.plans = PlanStore(self.database, parser(load_catalog()))
        executor.world.flows = self.plans
        self.scheduler = Scheduler(executor, self.database, recover=self.recover, zone=zone_of(self.zone))
        return executor

    def crash(self, *, keep_worker: bool = True) -> None:
        super().crash(keep_worker=keep_worker)
        self.scheduler.load()

    def put(self, source: str) -> None:
        self.command("flow.save", source=source)
        self.turn()

    def turn(self) -> None:
        """Fire and apply all that is due now; workers are not asked."""
        for _ in range(200):
            scheduler: Any = self.scheduler
            if scheduler._stale or scheduler._stale_flows:
                scheduler._refresh()
            self.scheduler.dispatch(self.now)
            if not self.executor.step() and not scheduler._stale:
                return
        raise AssertionError("the scheduler does not come to rest")

    def until_rest(self) -> None:
        """Let workers succeed and the scheduler fire until nothing moves."""
        for _ in range(2_000):
            self.turn()
            if not self.work():
                return
        raise AssertionError("executions do not come to rest")

    def dates(self) -> list[str]:
        """`trigger.date` of all executions in order of creation."""
        return [json.loads(t)["variables"]["date"] for (t,) in self.all('select "trigger" from execution order by seq')]

    def trigger(self, name: str) -> Any:
        return self.one(f"select {name} from trigger_state where trigger_id = 'cron'")

    def act(self, name: str, **args: Any) -> Any:
        answer = self.command(f"trigger.{name}", namespace="a.b", flow_id="daily", trigger_id="cron", **args)
        self.turn()
        return answer


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Scheduled]:
    one = Scheduled(tmp_path / "engine.db")
    try:
        yield one
    finally:
        one.close()


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def test_a_new_schedule_fires_at_its_next_date_only(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    assert engine.dates() == []
    assert engine.trigger("next_due") == ms("2025-03-11T00:00:00Z")
    engine.now = ms("2025-03-11T00:00:00.004Z")
    engine.until_rest()
    assert engine.dates() == ["2025-03-11T00:00:00Z"]
    assert engine.trigger("next_due") == ms("2025-03-12T00:00:00Z")
    assert engine.trigger("last_date") == ms("2025-03-11T00:00:00Z")
    assert engine.one("select schedule_date from execution") == ms("2025-03-11T00:00:00Z")
    variables = json.loads(engine.one('select "trigger" from execution'))
    assert variables == {
        "id": "cron",
        "type": "io.kestra.plugin.core.trigger.Schedule",
        "variables": {
            "date": "2025-03-11T00:00:00Z",
            "next": "2025-03-12T00:00:00Z",
            "previous": "2025-03-10T00:00:00Z",
        },
    }


def test_a_locked_trigger_waits_and_catches_up_one_by_one(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.turn()
    assert engine.trigger("execution_id") is not None
    engine.later(3 * DAY)
    engine.turn()
    assert len(engine.dates()) == 1
    engine.work()
    engine.turn()
    assert len(engine.dates()) == 2
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["11", "12", "13", "14"]
    assert engine.trigger("execution_id") is None


def test_concurrent_executions_start_on_time(engine: Scheduled) -> None:
    engine.put(flow(daily("allowConcurrent: true")))
    engine.now = ms("2025-03-13T00:00:00Z")
    engine.turn()
    assert [d[8:10] for d in engine.dates()] == ["11", "12", "13"]


def test_inputs_and_labels_of_the_trigger_are_rendered(engine: Scheduled) -> None:
    engine.put(
        flow(
            daily(
                "inputs:",
                "  day: \"{{ trigger.date | date('yyyy-MM-dd') }}\"",
                "labels:",
                "  day: '{{ trigger.date }}'",
            ),
            head="labels: {team: x}\ninputs: [{id: day, type: STRING}, {id: n, type: INT, defaults: 3}]",
        )
    )
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.turn()
    assert json.loads(engine.one("select inputs from execution")) == {"day": "2025-03-11", "n": 3}
    labels = {x["key"]: x["value"] for x in json.loads(engine.one("select labels from execution"))}
    assert labels["team"] == "x" and labels["day"] == "2025-03-11T00:00:00Z" and "system.correlationId" in labels


def test_inputs_that_do_not_validate_make_a_failed_execution_and_the_schedule_goes_on(engine: Scheduled) -> None:
    engine.put(flow(daily(), head="inputs: [{id: n, type: INT}]"))
    engine.now = ms("2025-03-12T00:00:00Z")
    engine.until_rest()
    assert [s for (s,) in engine.all("select state from execution")] == [22, 22]
    assert any("Missing required input:n" in text for _, _, text in engine.lines)
    assert engine.trigger("execution_id") is None


def test_inputs_with_io_are_rendered_by_a_worker(engine: Scheduled) -> None:
    engine.put(flow(daily("inputs:", "  x: \"{{ kv('name') }}\""), head="inputs: [{id: x, type: STRING}]"))
    engine.now = ms("2025-03-12T00:00:00Z")
    engine.turn()
    assert engine.dates() == [] and len(engine.worker.jobs) == 1
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["11", "12"]
    # The transport's double answers the text as it is.
    assert json.loads(engine.one("select inputs from execution")) == {"x": "{{ kv('name') }}"}


def test_concurrent_dates_with_io_are_lost_by_none(engine: Scheduled) -> None:
    engine.put(
        flow(
            daily("allowConcurrent: true", "inputs:", "  x: \"{{ kv('name') ~ trigger.date }}\""),
            head="inputs: [{id: x, type: STRING}]",
        )
    )
    engine.now = ms("2025-03-14T00:00:00Z")
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["11", "12", "13", "14"]


def test_conditions_choose_the_dates(engine: Scheduled) -> None:
    engine.put(flow(daily("conditions:", "  - type: io.kestra.plugin.core.condition.Weekend")))
    engine.now = ms("2025-03-24T00:00:00Z")
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["15", "16", "22", "23"]
    assert json.loads(engine.one('select "trigger" from execution where seq = 2'))["variables"]["next"][8:10] == "22"


def test_a_broken_condition_fails_one_execution(engine: Scheduled) -> None:
    engine.put(
        flow(
            daily(
                "conditions:",
                "  - type: io.kestra.plugin.core.condition.Expression",
                '    expression: "{{ nothing.there }}"',
            )
        )
    )
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.until_rest()
    assert [s for (s,) in engine.all("select state from execution")] == [22]


@pytest.mark.parametrize(("state", "disabled"), [("FAILED", 1), ("SUCCESS", 0)])
def test_stop_after_disables_the_trigger(engine: Scheduled, state: str, disabled: int) -> None:
    engine.put(flow(daily("stopAfter: [FAILED]")))
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.outcomes["one"] = state
    engine.until_rest()
    assert engine.trigger("disabled") == disabled
    engine.later(DAY)
    engine.until_rest()
    assert len(engine.dates()) == 2 - disabled


def test_late_dates_are_left_out(engine: Scheduled) -> None:
    engine.put(flow(daily("lateMaximumDelay: P1D")))
    engine.now = ms("2025-03-15T06:00:00Z")
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["15"]


@pytest.mark.parametrize(
    ("recover", "expected"),
    [
        ("ALL", ["11", "12", "13", "14"]),
        ("LAST", ["11", "14"]),
        ("NONE", ["11"]),
    ],
)
@pytest.mark.parametrize("by", ["definition", "configuration"])
def test_missed_dates_at_the_start_of_the_process(
    engine: Scheduled, recover: str, expected: list[str], by: str
) -> None:
    engine.put(flow(daily(*([f"recoverMissedSchedules: {recover}"] if by == "definition" else []))))
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.until_rest()
    engine.now = ms("2025-03-14T06:00:00Z")
    engine.recover = recover if by == "configuration" else "ALL"
    engine.crash()
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == expected
    engine.now = ms("2025-03-15T00:00:00Z")
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == [*expected, "15"]


@pytest.mark.parametrize(
    ("recover", "expected"),
    [
        ("ALL", ["11", "12", "13", "14"]),
        ("LAST", ["11", "14"]),
        ("NONE", ["11"]),
    ],
)
def test_missed_dates_when_the_trigger_is_enabled_again(engine: Scheduled, recover: str, expected: list[str]) -> None:
    engine.put(flow(daily(f"recoverMissedSchedules: {recover}")))
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.until_rest()
    engine.act("set_disabled", disabled=True)
    assert engine.trigger("next_due") is None
    engine.now = ms("2025-03-14T06:00:00Z")
    engine.until_rest()
    assert len(engine.dates()) == 1
    engine.act("set_disabled", disabled=False)
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == expected


def backfill(engine: Scheduled, start: str, end: str, **args: Any) -> None:
    engine.act("backfill_create", start=ms(start), end=ms(end), **args)


def test_a_backfill_runs_its_dates_in_order_and_the_schedule_goes_on(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    backfill(engine, "2025-03-01T00:00:00Z", "2025-03-03T12:00:00Z", labels=[{"key": "why", "value": "again"}])
    assert len(engine.dates()) == 1
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["01", "02", "03"]
    assert engine.trigger("backfill") is None and engine.trigger("next_due") == ms("2025-03-11T00:00:00Z")
    assert all('"why"' in labels for (labels,) in engine.all("select labels from execution"))
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["01", "02", "03", "11"]


def test_a_backfills_inputs_win_over_those_of_the_trigger(engine: Scheduled) -> None:
    engine.put(flow(daily("inputs: {n: 1}"), head="inputs: [{id: n, type: INT}]"))
    backfill(engine, "2025-03-01T00:00:00Z", "2025-03-01T00:00:00Z", inputs={"n": 7})
    engine.until_rest()
    assert json.loads(engine.one("select inputs from execution")) == {"n": 7}


def test_a_paused_backfill_rests_with_its_schedule(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    backfill(engine, "2025-03-01T00:00:00Z", "2025-03-03T00:00:00Z")
    engine.act("backfill_pause")
    engine.now = ms("2025-03-11T06:00:00Z")
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["01"]
    engine.put(flow(daily(), head="description: saved meanwhile"))
    engine.crash()
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["01"]
    engine.act("backfill_continue")
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["01", "02", "03", "11"]


def test_a_deleted_backfill_gives_the_saved_date_back(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    backfill(engine, "2025-03-01T00:00:00Z", "2025-03-05T00:00:00Z")
    engine.act("backfill_delete")
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["01"]
    assert engine.trigger("next_due") == ms("2025-03-11T00:00:00Z")
    with pytest.raises(IllegalState, match="No backfill found"):
        engine.act("backfill_delete")


def test_a_backfill_of_a_disabled_trigger_waits_for_it(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    engine.act("set_disabled", disabled=True)
    backfill(engine, "2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z")
    engine.until_rest()
    assert engine.dates() == []
    engine.act("set_disabled", disabled=False)
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["01", "02"]
    assert engine.trigger("next_due") == ms("2025-03-11T00:00:00Z")


@pytest.mark.parametrize("moment", range(12))
def test_a_crash_while_backfilling_loses_no_date_and_starts_none_twice(engine: Scheduled, moment: int) -> None:
    engine.put(flow(daily()))
    backfill(engine, "2025-03-01T00:00:00Z", "2025-03-04T00:00:00Z")
    scheduler: Any = engine.scheduler
    for _ in range(moment):
        if scheduler._stale:
            scheduler._refresh()
        engine.scheduler.dispatch(engine.now)
        if not engine.executor.step():
            engine.work()
    engine.crash()
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["01", "02", "03", "04"]
    engine.check()


def test_an_unlocked_trigger_fires_while_its_execution_runs(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    engine.now = ms("2025-03-12T00:00:00Z")
    engine.turn()
    assert len(engine.dates()) == 1
    engine.act("unlock")
    assert len(engine.dates()) == 2
    engine.act("unlock")
    with pytest.raises(IllegalState, match="Trigger is not locked"):
        engine.act("unlock")


def test_a_restarted_trigger_begins_anew(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    engine.now = ms("2025-03-12T06:00:00Z")
    engine.turn()
    engine.act("restart")
    engine.until_rest()
    assert len(engine.dates()) == 1 and engine.trigger("next_due") == ms("2025-03-13T00:00:00Z")


def test_a_changed_cron_counts_from_now(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    engine.put(flow(daily().replace("0 0 * * *", "0 13 * * *")))
    assert engine.trigger("next_due") == ms("2025-03-10T13:00:00Z")
    engine.now = ms("2025-03-10T13:00:00Z")
    engine.until_rest()
    assert engine.dates() == ["2025-03-10T13:00:00Z"]


def test_a_disabled_flow_fires_nothing_until_it_is_enabled(engine: Scheduled) -> None:
    engine.put(flow(daily("recoverMissedSchedules: NONE")))
    engine.command("flow.set_disabled", namespace="a.b", id="daily", disabled=True)
    engine.now = ms("2025-03-12T06:00:00Z")
    engine.until_rest()
    assert engine.dates() == []
    engine.command("flow.set_disabled", namespace="a.b", id="daily", disabled=False)
    engine.now = ms("2025-03-13T00:00:00Z")
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["13"]


def test_a_deleted_flow_leaves_no_trigger(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    engine.command("flow.delete", namespace="a.b", id="daily")
    engine.later(5 * DAY)
    engine.until_rest()
    assert engine.dates() == [] and engine.one("select count(*) from trigger_state") == 0


def test_deleting_the_running_execution_releases_its_trigger(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.turn()
    engine.command("execution.delete", id=engine.one("select id from execution"))
    assert engine.trigger("execution_id") is None


def test_a_herd_of_schedules_fires_in_chunks_and_completely(engine: Scheduled) -> None:
    for n in range(40):
        engine.command("flow.save", source=flow(daily(), id=f"f{n}"))
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.until_rest()
    assert engine.dates() == ["2025-03-11T00:00:00Z"] * 40
    assert engine.one("select count(*) from trigger_state where execution_id is not null") == 0


def test_the_loop_sleeps_until_the_next_date_and_at_most_a_second(engine: Scheduled) -> None:
    assert engine.scheduler.dispatch(engine.now) is None
    engine.put(flow(daily()))
    assert engine.scheduler.dispatch(engine.now) == 1.0
    assert engine.scheduler.dispatch(ms("2025-03-10T23:59:59.750Z")) == 0.25


async def test_the_running_loop_fires_by_itself_and_stops(engine: Scheduled) -> None:
    engine.put(flow(daily()))
    engine.now = ms("2025-03-11T00:00:00Z")
    loops = [asyncio.create_task(engine.executor.run()), asyncio.create_task(engine.scheduler.run())]
    for _ in range(200):
        await asyncio.sleep(0.005)
        if engine.dates():
            break
    engine.scheduler.stop()
    engine.executor.stop()
    await asyncio.gather(*loops)
    assert engine.dates() == ["2025-03-11T00:00:00Z"]


def test_an_evaluation_that_is_lost_with_its_worker_is_asked_again(engine: Scheduled) -> None:
    engine.put(flow(daily("inputs:", "  x: \"{{ kv('name') }}\""), head="inputs: [{id: x, type: STRING}]"))
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.turn()
    ((seq, fence),) = engine.worker.jobs
    del engine.worker.jobs[seq, fence]
    engine.executor.on_lost("w1", [(seq, fence)])
    engine.until_rest()
    assert [d[8:10] for d in engine.dates()] == ["11"]


def test_a_change_while_a_worker_is_asked_counts(engine: Scheduled) -> None:
    engine.put(flow(daily("inputs:", "  x: \"{{ kv('name') }}\""), head="inputs: [{id: x, type: STRING}]"))
    engine.now = ms("2025-03-11T00:00:00Z")
    engine.turn()
    engine.act("set_disabled", disabled=True)
    engine.until_rest()
    assert engine.dates() == []


async def test_a_trigger_that_raises_rests_and_the_others_fire(
    engine: Scheduled, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        engine.command("flow.save", source=flow(daily(), id=name))
    from flowdeck.engine import firings

    real: Any = firings.start

    def start(step: Any, plan: Any, *rest: Any) -> Any:
        live = real(step, plan, *rest)
        if plan.flow.id == "two":
            raise RuntimeError("a fault of ours")
        return live

    monkeypatch.setattr(firings, "start", start)
    engine.now = ms("2025-03-11T00:00:00Z")
    for _ in range(3):
        engine.until_rest()
        await asyncio.sleep(0)
    assert sorted(f for (f,) in engine.all("select flow_id from execution")) == ["one", "three"]
    monkeypatch.setattr(firings, "start", real)
    engine.later(61_000)
    engine.until_rest()
    assert len(engine.dates()) == 3
    engine.check()


def test_a_blocked_trigger_is_told_once_its_execution_is_missing_for_a_minute(
    engine: Scheduled, caplog: pytest.LogCaptureFixture
) -> None:
    engine.put(flow(daily()))
    with engine.executor.writer.transaction(engine.now) as tx:
        tx.sql("update trigger_state set execution_id = 'gone'")
    scheduler: Any = engine.scheduler
    scheduler._housekeep(engine.now)
    assert not caplog.records
    scheduler._housekeep(engine.now + 60_000)
    assert "Execution 'gone' is not found, schedule is blocked since" in caplog.text


async def test_the_loop_survives_a_database_that_can_not_be_read(
    engine: Scheduled, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowdeck.engine import scheduler

    engine.put(flow(daily()))
    monkeypatch.setattr(scheduler, "LONGEST_WAIT", 0.01)
    one: Any = engine.scheduler
    real = one._refresh

    def refuse() -> None:
        one._stale.clear()
        monkeypatch.setattr(one, "_refresh", real)
        raise OSError("the disk is gone")

    monkeypatch.setattr(one, "_refresh", refuse)
    loops = [asyncio.create_task(engine.executor.run()), asyncio.create_task(engine.scheduler.run())]
    one._due.clear()
    one._stale.add(("main", "a.b", "daily", "cron"))
    engine.now = ms("2025-03-11T00:00:00Z")
    for _ in range(200):
        await asyncio.sleep(0.005)
        if engine.dates():
            break
    engine.scheduler.stop()
    engine.executor.stop()
    await asyncio.gather(*loops)
    assert engine.dates() == ["2025-03-11T00:00:00Z"]
