"""Laws of stepping Schedule triggers (spec: workflow components §15.3–§15.6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from flowdeck.model.flow import TriggerDef
from flowdeck.model.schedule_trigger import Backfill, NoBackfill, SchedulePlan, ScheduleState

HOUR = 3_600_000
DAY = 24 * HOUR
CONDITION = "io.kestra.plugin.core.condition."


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


NOON = ms("2024-05-01T12:00:00")  # a Wednesday


def plan(cron: str = "0 * * * *", **props: Any) -> SchedulePlan:
    recover = props.pop("recover", "ALL")
    return SchedulePlan(
        TriggerDef("t", "io.kestra.plugin.core.trigger.Schedule", "schedule", {"cron": cron, **props}), recover=recover
    )


def test_a_new_trigger_waits_for_its_next_date() -> None:
    assert plan().begin(NOON) == ScheduleState(next_due=NOON + HOUR)
    assert plan().begin(NOON, disabled=True).next_due is None


def test_a_due_date_fires_once_and_locks() -> None:
    firings, state = plan().step(ScheduleState(next_due=NOON), NOON + 5)
    assert [(f.date, f.next, f.previous) for f in firings] == [(NOON, NOON + HOUR, NOON - HOUR)]
    assert state == ScheduleState(last_date=NOON, next_due=NOON + HOUR, locked=True)
    assert plan().step(state, NOON + 2 * HOUR) == ([], state)
    assert plan().variables(NOON, None, NOON - HOUR) == {
        "date": "2024-05-01T12:00:00Z",
        "previous": "2024-05-01T11:00:00Z",
    }


def test_missed_dates_run_one_after_another_while_locked() -> None:
    here = plan()
    state = ScheduleState(next_due=NOON)
    fired = []
    for _ in range(3):
        firings, state = here.step(state, NOON + 2 * HOUR + 1)
        fired += [f.date for f in firings]
        state = here.ended(state, "SUCCESS")
    assert fired == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    assert here.step(state, NOON + 2 * HOUR + 1)[0] == []


def test_concurrent_triggers_fire_all_due_dates_at_once() -> None:
    firings, state = plan(allowConcurrent=True).step(ScheduleState(next_due=NOON), NOON + 3 * HOUR)
    assert [f.date for f in firings] == [NOON + n * HOUR for n in range(4)]
    assert state.next_due == NOON + 4 * HOUR


def test_late_dates_are_left_out() -> None:
    firings, state = plan(lateMaximumDelay="PT90M").step(ScheduleState(next_due=NOON), NOON + 5 * HOUR)
    assert [f.date for f in firings] == [NOON + 4 * HOUR]
    assert state.next_due == NOON + 5 * HOUR


@pytest.mark.parametrize(("how", "due"), [("ALL", NOON), ("LAST", NOON + 3 * HOUR), ("NONE", NOON + 4 * HOUR)])
def test_missed_dates_are_made_up_for_as_configured(how: str, due: int) -> None:
    state = ScheduleState(last_date=NOON - HOUR, next_due=NOON)
    now = NOON + 3 * HOUR + 60_000
    assert plan(recoverMissedSchedules=how).recovered(state, now).next_due == due
    assert plan(recover=how).recovered(state, now).next_due == due
    disabled = plan(recover=how).set_disabled(state, True, NOON - 1)
    assert disabled.next_due is None
    assert plan(recover=how).set_disabled(disabled, False, now).next_due == due


def test_enabling_a_trigger_that_never_ran_makes_up_for_nothing() -> None:
    assert plan().set_disabled(ScheduleState(disabled=True), False, NOON).next_due == NOON + HOUR


def test_disabled_triggers_do_nothing() -> None:
    state = ScheduleState(next_due=NOON, disabled=True)
    assert plan().step(state, NOON + DAY) == ([], state)


def test_dates_are_those_for_which_the_conditions_hold() -> None:
    here = plan("0 12 * * *", conditions=[{"type": CONDITION + "DayWeek", "dayOfWeek": "MONDAY"}])
    assert here.begin(NOON).next_due == ms("2024-05-06T12:00:00")
    firings, state = here.step(ScheduleState(next_due=NOON), NOON)
    assert firings == []
    assert state.next_due == ms("2024-05-06T12:00:00")
    firings, _ = here.step(state, state.next_due or 0)
    assert (firings[0].next, firings[0].previous) == (ms("2024-05-13T12:00:00"), ms("2024-04-29T12:00:00"))


def test_conditions_that_never_hold_are_given_up_soon() -> None:
    here = plan("* * * * *", conditions=[{"type": CONDITION + "DateTimeBetween", "before": "2020-01-01T00:00:00Z"}])
    assert here.begin(NOON).next_due is None
    rare = plan(
        "* * * * *", conditions=[{"type": CONDITION + "DayWeekInMonth", "dayOfWeek": "MONDAY", "dayInMonth": "FIRST"}]
    )
    assert rare.begin(NOON).next_due == ms("2024-05-06T00:00:00")


def test_a_condition_that_fails_to_render_makes_one_failed_execution() -> None:
    here = plan(conditions=[{"type": CONDITION + "Expression", "expression": "{{ nothing.here }}"}])
    firings, state = here.step(ScheduleState(next_due=NOON), NOON)
    assert len(firings) == 1
    assert "nothing" in (firings[0].error or "")
    assert state.next_due == NOON + HOUR


def test_an_expression_sees_the_date() -> None:
    expression = "{{ trigger.date | date('H') == '13' }}"
    here = plan(conditions=[{"type": CONDITION + "Expression", "expression": expression}])
    assert here.begin(NOON).next_due == NOON + HOUR
    assert here.begin(NOON + HOUR).next_due == NOON + HOUR + DAY


def test_stop_after_disables() -> None:
    here = plan(stopAfter=["FAILED"])
    state = ScheduleState(next_due=NOON, locked=True)
    assert here.ended(state, "SUCCESS") == replace(state, locked=False)
    assert here.ended(state, "FAILED") == ScheduleState(disabled=True)


def run(here: SchedulePlan, state: ScheduleState, now: int, rounds: int = 20) -> tuple[list[int], ScheduleState]:
    fired = []
    for _ in range(rounds):
        firings, state = here.step(state, now)
        fired += [f.date for f in firings]
        state = here.ended(state, "SUCCESS")
    return fired, state


def test_a_backfill_runs_its_dates_and_gives_the_saved_date_back() -> None:
    here = plan()
    state = here.create_backfill(
        ScheduleState(last_date=NOON, next_due=NOON + HOUR), NOON - 5 * HOUR, NOON - 3 * HOUR, {"a": 1}
    )
    assert state.next_due == NOON - 5 * HOUR
    firings, after_first = here.step(state, NOON + 1)
    assert firings[0].backfill
    assert firings[0].inputs == {"a": 1}
    assert after_first.backfill is not None
    assert after_first.backfill.current == NOON - 4 * HOUR
    fired, ended = run(here, state, NOON + 1)
    assert fired == [NOON - 5 * HOUR, NOON - 4 * HOUR, NOON - 3 * HOUR]
    assert ended == ScheduleState(last_date=NOON, next_due=NOON + HOUR) or ended.next_due == NOON + HOUR
    assert ended.backfill is None


def test_a_backfill_can_rest_go_on_and_be_deleted() -> None:
    here = plan()
    state = here.create_backfill(ScheduleState(next_due=NOON), NOON - 5 * HOUR + 1, NOON - HOUR)
    paused = here.pause_backfill(state, True)
    assert paused.next_due is None
    assert run(here, paused, NOON + DAY)[0] == []
    again = here.pause_backfill(paused, False)
    assert run(here, again, NOON - 1)[0] == [NOON - 4 * HOUR, NOON - 3 * HOUR, NOON - 2 * HOUR, NOON - HOUR]
    assert here.end_backfill(again) == ScheduleState(next_due=NOON)
    replaced = here.create_backfill(state, NOON - 2 * HOUR, NOON)
    assert replaced.backfill is not None
    assert replaced.backfill.previous_next == NOON
    with pytest.raises(NoBackfill, match="No backfill found"):
        here.end_backfill(ScheduleState())


def test_a_backfill_without_dates_ends_at_once() -> None:
    here = plan("0 0 1 1 *")
    state = here.create_backfill(ScheduleState(next_due=NOON), NOON - 2 * HOUR, NOON - HOUR)
    assert here.step(state, NOON - 1) == ([], ScheduleState(next_due=NOON))


def test_regular_dates_follow_after_the_backfill() -> None:
    here = plan()
    state = here.create_backfill(ScheduleState(next_due=NOON), NOON - 2 * HOUR, NOON - HOUR)
    assert run(here, state, NOON + HOUR)[0] == [NOON - 2 * HOUR, NOON - HOUR, NOON, NOON + HOUR]


def test_a_backfill_is_stored_as_json() -> None:
    one = Backfill(1, 2, 1, True, {"a": 1}, ({"key": "k", "value": "v"},), 5)
    assert Backfill.from_json(one.to_json()) == one
