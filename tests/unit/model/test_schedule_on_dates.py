"""ScheduleOnDates: one execution a date, then sleep (workflow components §15.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from flowdeck.model.coerce import ConversionError
from flowdeck.model.flow import TriggerDef
from flowdeck.model.schedule import zone_of
from flowdeck.model.schedule_dates import read_dates
from flowdeck.model.schedule_trigger import ASLEEP_MS, SchedulePlan, ScheduleState

HOUR = 3_600_000
TYPE = "io.kestra.plugin.core.trigger.ScheduleOnDates"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


FIRST, SECOND, THIRD = ms("2024-05-01T12:00:00+00:00"), ms("2024-05-01T14:00:00+00:00"), ms("2024-05-02T00:00:00+00:00")


def plan(*, context: dict[str, Any] | None = None, recover: str = "ALL", **props: Any) -> SchedulePlan:
    props.setdefault("dates", ["2024-05-01T14:00:00Z", "2024-05-01T14:00:00+02:00", "2024-05-02T00:00:00Z"])
    return SchedulePlan(TriggerDef("t", TYPE, "schedule", props), recover=recover, context=context)


def run(here: SchedulePlan, state: ScheduleState, now: int) -> tuple[list[int], ScheduleState]:
    """Fire until nothing is due, each execution ending at once."""
    dates: list[int] = []
    while True:
        firings, state = here.step(state, now)
        if not firings:
            return dates, state
        dates += [f.date for f in firings]
        state = here.ended(state, "SUCCESS")


def test_each_date_fires_once_in_order_and_then_nothing_for_a_year() -> None:
    here = plan()
    state = here.begin(FIRST - HOUR)
    assert state.next_due == FIRST
    firings, state = here.step(state, FIRST)
    assert [(f.date, f.next, f.previous) for f in firings] == [(FIRST, SECOND, None)]
    fired, state = run(here, here.ended(state, "SUCCESS"), THIRD + 5)
    assert fired == [SECOND, THIRD]
    assert state.next_due == THIRD + 5 + ASLEEP_MS
    assert run(here, state, THIRD + 5 + ASLEEP_MS)[0] == []


def test_a_new_trigger_does_not_make_up_for_dates() -> None:
    assert plan().begin(SECOND).next_due == THIRD
    assert plan().begin(THIRD).next_due == THIRD + ASLEEP_MS


@pytest.mark.parametrize(("recover", "fired"), [("ALL", [SECOND, THIRD]), ("LAST", [THIRD]), ("NONE", [])])
def test_missed_dates(recover: str, fired: list[int]) -> None:
    here = plan(recover=recover)
    state = here.recovered(ScheduleState(last_date=FIRST, next_due=SECOND), THIRD + HOUR)
    assert run(here, state, THIRD + HOUR)[0] == fired


def test_dates_and_zone_may_be_expressions() -> None:
    here = plan(
        dates="{{ vars.days }}",
        timezone="{{ vars.zone }}",
        context={"vars": {"days": ["2024-05-01T14:00:00"], "zone": "Europe/Paris"}},
    )
    assert here.begin(FIRST - HOUR).next_due == FIRST
    assert here.variables(FIRST, None, None) == {"date": "2024-05-01T14:00:00+02:00"}


def test_dates_that_can_not_be_known_make_one_failed_execution() -> None:
    here = plan(dates=["{{ nowhere.to.find }}"])
    state = here.begin(FIRST)
    assert state.next_due == FIRST
    firings, state = here.step(state, FIRST)
    assert len(firings) == 1 and "can't be rendered" in str(firings[0].error)
    assert here.step(here.ended(state, "FAILED"), FIRST + HOUR)[0] == []
    assert "can't be read" in str(plan(dates=["tomorrow"]).error)


def test_what_no_date_is_is_refused() -> None:
    with pytest.raises(ConversionError):
        read_dates(["2024-13-01T00:00:00Z"], zone_of("UTC"))
    assert read_dates('["2024-05-01T12:00:00.900Z"]', zone_of("UTC")).instants == [FIRST]


def test_the_configuration_says_what_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """§15.4: `kestra.plugins.configurations`, by type; the trigger's own word wins."""
    from flowdeck.commands import due

    monkeypatch.setattr(due, "RECOVERY", {})
    entries = [{"type": "io.kestra.plugin.core.trigger.Schedule", "values": {"recoverMissedSchedules": "NONE"}}]
    due.configure_recovery([*entries, {"type": TYPE, "values": {"recoverMissedSchedules": "SOME"}}])
    assert due.recovery_of("io.kestra.plugin.core.trigger.Schedule") == "NONE"
    assert due.recovery_of(TYPE) == "ALL"
    hourly = {"id": "t", "type": "io.kestra.plugin.core.trigger.Schedule", "cron": "0 * * * *"}
    now = FIRST + 3 * HOUR + 5
    assert due.due_again("schedule", hourly, FIRST, now) == FIRST + 4 * HOUR
    assert due.due_again("schedule", {**hourly, "recoverMissedSchedules": "ALL"}, FIRST, now) == FIRST + HOUR
