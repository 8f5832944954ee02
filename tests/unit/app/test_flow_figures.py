"""Metrics and the limit of a flow, as far as the console works them out itself (UI-FP-40, UI-FP-42)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import yaml

from app.limit_form import limited
from app.pages.flows.metrics import completed, edges, figure_of, told
from app.pages.flows.overview import coming
from app.pages.flows.runs import tasks_of
from app.pages.flows.trigger_form import trigger_lines, with_trigger
from app.pages.flows.trigger_state import backfill_query
from backend_client import TriggerRow

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def _of(field: str, value: str, operator: str = "EQUALS") -> dict[str, str]:
    return {"field": field, "operator": operator, "value": value}


def test_a_chart_shows_the_first_metric_summed_over_30_days_until_told_otherwise() -> None:
    """§1.5: defaults of the flow's metrics."""
    found = completed([], ["duration", "orders"])
    assert [(one["field"], one["value"]) for one in found] == [
        ("metric", "duration"),
        ("aggregation", "sum"),
        ("timeRange", "PT720H"),
    ]
    wanted = [_of("metric", "orders"), _of("aggregation", "max"), _of("timeRange", "PT1H"), _of("taskId", "t")]
    assert {one["field"]: one["value"] for one in completed(wanted, ["duration", "orders"])} == {
        "metric": "orders",
        "aggregation": "max",
        "timeRange": "PT1H",
        "taskId": "t",
    }
    strange = completed([_of("metric", "gone"), _of("aggregation", "median")], ["duration"])
    assert [one["value"] for one in strange[:2]] == ["duration", "sum"]


def test_the_time_of_a_chart_is_a_period_or_two_instants() -> None:
    assert edges([_of("timeRange", "PT24H")], NOW)[0] == datetime(2026, 11, 19, 12, 0, tzinfo=UTC)
    begin, end = edges(
        [
            _of("startDate", "2026-11-01T00:00:00Z", "GREATER_THAN_OR_EQUAL_TO"),
            _of("startDate", "2026-11-02T00:00:00Z", "LESS_THAN_OR_EQUAL_TO"),
        ],
        NOW,
    )
    assert (begin.day, end.day) == (1, 2)


def test_every_period_has_its_bar_and_only_a_sum_is_zero_without_measurements() -> None:
    points = [("2026-11-19T00:00:00Z", 4.0)]
    begin, end = edges([_of("timeRange", "PT48H")], NOW)
    summed = figure_of(points, "day", begin, end, "orders", "sum")["data"][0]
    assert summed["x"][0].startswith("2026-11-18") and summed["y"] == [0.0, 4.0, 0.0]
    assert figure_of(points, "day", begin, end, "orders", "avg")["data"][0]["y"] == [None, 4.0, None]


@pytest.mark.parametrize(
    ("value", "words"), [(2040.0, "2,040"), (0.37331, "0.3733"), (1234.567, "1,234.57"), (0.0, "0")]
)
def test_measured_numbers_are_told_short(value: float, words: str) -> None:
    assert told(value) == words


def test_a_limit_is_changed_where_it_stands_and_appended_where_there_is_none() -> None:
    """UI-FP-42: everything else of the source stays as it was written."""
    source = "id: a # the first\nconcurrency:\n  limit: 1\n  behavior: FAIL\ntasks: []\n"
    assert limited(source, 4, "QUEUE") == "id: a # the first\nconcurrency:\n  limit: 4\n  behavior: QUEUE\ntasks: []\n"
    assert limited("id: a\ntasks: []\n", 2, "CANCEL") == (
        "id: a\ntasks: []\n\nconcurrency:\n  limit: 2\n  behavior: CANCEL\n"
    )


def test_triggers_to_come_stand_by_date_and_those_that_are_off_last() -> None:
    """UI-FP-01: next executions with a switch; what is off in the source cannot be switched."""
    rows = [
        TriggerRow(id="late", next="2026-12-02T00:00:00Z"),
        TriggerRow(id="off", next="2026-12-01T00:00:00Z", disabled=True),
        TriggerRow(id="hook"),
        TriggerRow(id="soon", next="2026-12-01T00:00:00Z"),
    ]
    found = coming(rows)
    assert [(one.id, one.on) for one in found] == [("soon", True), ("late", True), ("off", False)]
    assert found[-1].next == ""


SCHEDULE = ["- id: daily", "  type: io.kestra.plugin.core.trigger.Schedule", '  cron: "0 6 * * *"']


def test_a_trigger_is_written_beside_the_others_and_nothing_else_changes() -> None:
    """UI-FP-30: the form writes the source."""
    assert trigger_lines("schedule", {"id": "daily", "cron": "0 6 * * *"}) == SCHEDULE
    bare = "id: a\ntasks: []\n"
    assert with_trigger(bare, SCHEDULE) == bare + "\ntriggers:\n" + "".join(f"  {line}\n" for line in SCHEDULE)
    flat = "id: a\ntriggers: # who starts it\n- id: old\n  type: T\ntasks: []\n"
    assert with_trigger(flat, SCHEDULE) == (
        "id: a\ntriggers: # who starts it\n"
        + "".join(f"{line}\n" for line in SCHEDULE)
        + "- id: old\n  type: T\ntasks: []\n"
    )
    deep = "triggers:\n    - id: old\n      type: T\n"
    assert with_trigger(deep, SCHEDULE).splitlines()[1:4] == [f"    {line}" for line in SCHEDULE]
    assert with_trigger("id: a\ntriggers: []\ntasks: []\n", SCHEDULE).startswith("id: a\ntriggers:\n  - id: daily\n")
    parsed = yaml.safe_load(
        with_trigger(
            bare, trigger_lines("flow", {"id": "f", "namespace": "n.m", "flow": "on", "states": "SUCCESS, FAILED"})
        )
    )
    (flow,) = parsed["triggers"][0]["preconditions"]["flows"]
    assert flow == {"namespace": "n.m", "flowId": "on", "states": ["SUCCESS", "FAILED"]}
    other = trigger_lines("other", {"id": "x", "type": "io.a.B", "more": "uri: http://x\ninterval: PT5M"})
    assert yaml.safe_load("\n".join(other)) == [{"id": "x", "type": "io.a.B", "uri": "http://x", "interval": "PT5M"}]


def test_the_executions_of_a_backfill_are_found_by_its_own_label() -> None:
    """UI-FP-33: filtered by the label that the form offered, else by the trigger."""
    own = {"key": "backfill", "value": "daily-20261120T060000"}
    row = TriggerRow(id="daily", backfill_labels=[{"key": "team", "value": "data"}, own])
    assert backfill_query("daily", row) == "filters[labels][EQUALS][backfill]=daily-20261120T060000"
    assert backfill_query("daily", TriggerRow(id="daily")) == "filters[triggerId][EQUALS]=daily"


def test_the_tasks_of_a_flow_are_offered_in_the_order_of_the_source() -> None:
    """UI-FP-04: nested ones and those of errors too."""
    flow = {
        "tasks": [{"id": "loop", "type": "T", "tasks": [{"id": "in", "type": "T"}]}, {"id": "last", "type": "T"}],
        "errors": [{"id": "alarm", "type": "T"}],
        "inputs": [{"id": "no", "type": "INT"}],
    }
    assert tasks_of(flow) == ["loop", "in", "last", "alarm"]
