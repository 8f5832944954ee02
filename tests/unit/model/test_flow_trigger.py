"""Laws of Flow triggers and conditions (spec: workflow components §15.7, §15.9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from flowdeck.model.conditions import ConditionError, Facts, Upstream, evaluate
from flowdeck.model.flow import TriggerDef
from flowdeck.model.flow_trigger import Match, Window, match, window_span

CONDITION = "io.kestra.plugin.core.condition."
HOUR = 3_600_000
DAY = 24 * HOUR
OWNER = ("a.b", "mine")
NOW = int(datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp() * 1000)


def up(flow_id: str = "load", state: str = "SUCCESS", **more: Any) -> Upstream:
    return Upstream(f"id-{flow_id}", "a.b", flow_id, 3, state, **more)


def trigger(**props: Any) -> TriggerDef:
    return TriggerDef("t", "io.kestra.plugin.core.trigger.Flow", "flow", props)


def judge(props: dict[str, Any], upstream: Upstream, window: Window | None = None, now: int = NOW) -> Match:
    return match(trigger(**props), OWNER, upstream, window, now)


def test_end_states_and_pauses_of_other_flows_count() -> None:
    assert judge({}, up()).fires
    assert judge({}, up(state="PAUSED")).fires
    assert not judge({}, up(state="RUNNING")).fires
    assert judge({"states": ["RUNNING"]}, up(state="RUNNING")).fires
    assert not judge({"states": ["CREATED"]}, up(state="CREATED")).fires
    assert not judge({}, up("mine")).fires


def test_all_conditions_must_hold_and_errors_count_as_false() -> None:
    conditions = [
        {"type": CONDITION + "ExecutionFlow", "namespace": "a.b", "flowId": "load"},
        {
            "type": "io.kestra.core.models.conditions.types.ExecutionStatusCondition",
            "in": ["SUCCESS"],
            "notIn": ["FAILED"],
        },
    ]
    assert judge({"conditions": conditions}, up()).fires
    assert not judge({"conditions": conditions}, up("other")).fires
    broken = judge({"conditions": [{"type": CONDITION + "Expression", "expression": "{{ no.such }}"}]}, up())
    assert not broken.fires
    assert broken.warnings


def test_the_new_execution_knows_the_other_one() -> None:
    found = judge({}, up(labels={"k": "v"}, outputs={"rows": 3})).variables
    assert found == {
        "executionId": "id-load",
        "namespace": "a.b",
        "flowId": "load",
        "flowRevision": 3,
        "state": "SUCCESS",
        "executionLabels": {"k": "v"},
        "outputs": {"rows": 3},
    }


TWO = {
    "preconditions": {"id": "both", "flows": [{"namespace": "a.b", "flowId": "x"}, {"namespace": "a.b", "flowId": "y"}]}
}


def test_preconditions_are_met_by_different_executions_in_any_order() -> None:
    first = judge(TWO, up("y", outputs={"a": 1}))
    assert (first.fires, first.changed, first.condition_id) == (False, True, "both")
    assert not judge(TWO, up("y"), first.window).fires
    second = judge(TWO, up("x", outputs={"b": 2}), first.window)
    assert second.fires
    assert second.window is None
    assert second.variables["outputs"] == {"a": 1, "b": 2}
    unrelated = judge(TWO, up("z"), first.window)
    assert (unrelated.fires, unrelated.changed, unrelated.window) == (False, False, first.window)


def test_marks_are_forgotten_when_the_window_is_over() -> None:
    first = judge(TWO, up("y"))
    assert not judge(TWO, up("x"), first.window, NOW + DAY).fires


def test_without_reset_each_further_match_fires() -> None:
    props = {"preconditions": {**TWO["preconditions"], "resetOnSuccess": False}}
    window = judge(props, up("y")).window
    second = judge(props, up("x"), window)
    assert second.fires
    assert judge(props, up("y"), second.window).fires


def test_entries_look_at_states_and_labels() -> None:
    entry = {"namespace": "a.b", "states": ["SUCCESS"], "labels": [{"key": "k", "value": "v"}]}
    props = {"preconditions": {"id": "p", "flows": [entry]}}
    assert judge(props, up(labels={"k": "v"})).fires
    assert not judge(props, up(labels={"k": "w"})).fires
    assert not judge(props, up(state="FAILED", labels={"k": "v"})).fires


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        ({"field": "FLOW_ID", "type": "EQUAL_TO", "value": "load"}, True),
        ({"field": "FLOW_ID", "type": "NOT_EQUAL_TO", "value": "load"}, False),
        ({"field": "STATE", "type": "IN", "values": ["SUCCESS", "WARNING"]}, True),
        ({"field": "STATE", "type": "NOT_IN", "values": ["SUCCESS"]}, False),
        ({"field": "NAMESPACE", "type": "STARTS_WITH", "value": "a."}, True),
        ({"field": "NAMESPACE", "type": "ENDS_WITH", "value": "c"}, False),
        ({"field": "NAMESPACE", "type": "REGEX", "value": "a"}, False),
        ({"field": "NAMESPACE", "type": "REGEX", "value": "a..?"}, True),
        ({"field": "NAMESPACE", "type": "REGEX", "value": "["}, False),
        ({"field": "FLOW_ID", "type": "CONTAINS", "value": "oa"}, True),
        ({"field": "EXPRESSION", "type": "IS_TRUE", "value": "{{ labels.k == 'v' }}"}, True),
        ({"field": "EXPRESSION", "type": "IS_FALSE", "value": "{{ trigger.outputs.n > 3 }}"}, True),
        ({"field": "EXPRESSION", "type": "IS_TRUE", "value": "{{ missing }}"}, False),
        ({"field": "STATE", "type": "IS_NOT_NULL"}, True),
    ],
)
def test_filters(one: dict[str, Any], expected: bool) -> None:
    props = {"preconditions": {"id": "p", "where": [{"id": "w", "filters": [one]}]}}
    assert judge(props, up(labels={"k": "v"}, outputs={"n": 2})).fires is expected


def at(hour: int, minute: int = 0, day: int = 1) -> int:
    return int(datetime(2024, 5, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("definition", "now", "span"),
    [
        ({}, at(12), (at(0), at(0, day=2))),
        ({"window": "PT6H"}, at(13), (at(12), at(18))),
        ({"window": "PT7H"}, at(22), (at(21), at(0, day=2))),
        ({"window": "PT6H", "windowAdvance": "PT1H"}, at(0, 30, 2), (at(19), at(1, day=2))),
        ({"type": "SLIDING_WINDOW", "window": "PT1H"}, at(12, 5), (at(12, 5), at(13, 5))),
        ({"type": "DAILY_TIME_DEADLINE", "deadline": "09:00:00"}, at(8), (at(0), at(9))),
        ({"type": "DAILY_TIME_DEADLINE", "deadline": "09:00:00"}, at(9), None),
        ({"type": "DAILY_TIME_DEADLINE", "deadline": "09:00:00+02:00"}, at(6, 59), (at(22, day=1) - DAY, at(7))),
        ({"type": "DAILY_TIME_WINDOW", "startTime": "08:00:00", "endTime": "10:00:00"}, at(9), (at(8), at(10))),
        ({"type": "DAILY_TIME_WINDOW", "startTime": "08:00:00", "endTime": "10:00:00"}, at(11), None),
        (
            {"type": "DAILY_TIME_WINDOW", "startTime": "22:00:00", "endTime": "02:00:00"},
            at(1, day=2),
            (at(22), at(2, day=2)),
        ),
    ],
)
def test_windows(definition: dict[str, Any], now: int, span: tuple[int, int] | None) -> None:
    assert window_span(definition, now) == span


def test_nothing_counts_outside_the_daily_times() -> None:
    window = {"type": "DAILY_TIME_DEADLINE", "deadline": "09:00:00"}
    props = {"preconditions": {"id": "p", "timeWindow": window, "flows": [{"namespace": "a.b"}]}}
    assert judge(props, up(), None, at(8)).fires
    assert not judge(props, up(), None, at(10)).fires


def test_the_old_multiple_condition_works_alike() -> None:
    both = {
        "type": CONDITION + "MultipleCondition",
        "id": "m",
        "window": "PT1H",
        "conditions": {
            "x": {"type": CONDITION + "ExecutionFlow", "namespace": "a.b", "flowId": "x"},
            "y": {"type": CONDITION + "ExecutionFlow", "namespace": "a.b", "flowId": "y"},
        },
    }
    first = judge({"conditions": [both]}, up("x"))
    assert judge({"conditions": [both]}, up("y"), first.window).fires
    assert not judge({"conditions": [both]}, up("y"), first.window, NOW + HOUR).fires


FRIDAY = datetime(2024, 5, 31, 18, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"type": "DayWeek", "dayOfWeek": "FRIDAY"}, True),
        ({"type": "DayWeek", "dayOfWeek": "MONDAY"}, False),
        ({"type": "Weekend"}, False),
        ({"type": "Weekend", "date": "2024-06-01T00:00:00Z"}, True),
        ({"type": "DayWeekInMonth", "dayOfWeek": "FRIDAY", "dayInMonth": "LAST"}, True),
        ({"type": "DayWeekInMonth", "dayOfWeek": "FRIDAY", "dayInMonth": "FIRST"}, False),
        ({"type": "DateTimeBetween", "after": "2024-05-31T16:29:59Z"}, True),
        ({"type": "DateTimeBetween", "after": "2024-05-31T16:30:00Z"}, False),
        ({"type": "DateTimeBetween", "after": "2024-01-01T00:00:00Z", "before": "2024-02-01T00:00:00Z"}, False),
        ({"type": "TimeBetween", "after": "18:00:00+02:00", "before": "19:00:00+02:00"}, True),
        ({"type": "TimeBetween", "after": "17:00:00Z"}, False),
        ({"type": "Expression", "expression": " false "}, False),
        ({"type": "Expression", "expression": "0"}, True),
        ({"type": "Not", "conditions": [{"type": CONDITION + "Weekend"}]}, True),
        ({"type": "Or", "conditions": [{"type": CONDITION + "Weekend"}]}, False),
    ],
)
def test_conditions_about_dates(condition: dict[str, Any], expected: bool) -> None:
    facts = Facts({"trigger": {"date": FRIDAY.isoformat()}}, date=FRIDAY)
    assert evaluate({**condition, "type": CONDITION + condition["type"]}, facts) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"type": "ExecutionNamespace", "namespace": "a"}, False),
        ({"type": "ExecutionNamespace", "namespace": "a", "prefix": True}, True),
        ({"type": "ExecutionNamespace", "namespace": "b", "comparison": "SUFFIX"}, True),
        ({"type": "ExecutionLabels", "labels": {"k": "v"}}, True),
        ({"type": "ExecutionLabels", "labels": {"k": "w"}}, False),
        ({"type": "ExecutionOutputs", "expression": "{{ trigger.outputs.n == 1 }}"}, True),
        ({"type": "HasRetryAttempt", "in": ["FAILED"]}, True),
        ({"type": "HasRetryAttempt", "in": ["KILLED"]}, False),
    ],
)
def test_conditions_about_executions(condition: dict[str, Any], expected: bool) -> None:
    upstream = up(labels={"k": "v"}, outputs={"n": 1}, attempts=[["SUCCESS"], ["FAILED", "SUCCESS"]])
    assert evaluate({**condition, "type": CONDITION + condition["type"]}, Facts(execution=upstream)) is expected


def test_a_condition_about_an_execution_needs_one() -> None:
    with pytest.raises(ConditionError, match="needs an execution"):
        evaluate({"type": CONDITION + "ExecutionStatus", "in": ["SUCCESS"]}, Facts())
