"""Every condition of triggers: when it holds, and what it says when it can't be tested (workflow components §15.9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from flowdeck.model.conditions import ConditionError, Facts, Upstream, about_dates, all_hold, evaluate, name_of
from flowdeck.model.triggers.conditions import CONDITIONS

CORE = "io.kestra.plugin.core.condition."
OLD = "io.kestra.core.models.conditions.types."

UPSTREAM = Upstream(
    "ex",
    "shop.orders",
    "load",
    3,
    "SUCCESS",
    {"env": "prod", "team": "a"},
    {"rows": 3},
    ((), ("FAILED", "SUCCESS")),
)


def at(text: str) -> Facts:
    """Facts of a schedule's date."""
    return Facts({"trigger": {"date": text}}, date=datetime.fromisoformat(text))


def holds(name: str, facts: Facts, **members: Any) -> bool:
    return evaluate({"type": CORE + name, **members}, facts)


SATURDAY = at("2024-06-01T10:15:00+02:00")
MONDAY = at("2024-06-03T10:15:00+02:00")


@pytest.mark.parametrize(
    ("name", "facts", "members", "expected"),
    [
        # strictly after and before
        ("DateTimeBetween", SATURDAY, {"after": "2024-06-01T10:14:59+02:00"}, True),
        ("DateTimeBetween", SATURDAY, {"after": "2024-06-01T08:15:00Z"}, False),
        ("DateTimeBetween", SATURDAY, {"before": "2024-06-01T08:15:00Z"}, False),
        ("DateTimeBetween", SATURDAY, {"after": "2024-01-01T00:00:00Z", "before": "2025-01-01T00:00:00Z"}, True),
        ("DateTimeBetween", SATURDAY, {"date": "2023-05-05T00:00:00Z", "after": "2024-01-01T00:00:00Z"}, False),
        ("TimeBetween", SATURDAY, {"after": "10:15:00+02:00"}, False),
        ("TimeBetween", SATURDAY, {"after": "08:14:59Z"}, True),
        ("TimeBetween", SATURDAY, {"after": "10:00:00+02:00", "before": "11:00:00+02:00"}, True),
        ("TimeBetween", SATURDAY, {"after": "10:00:00Z"}, False),
        ("DayWeek", MONDAY, {"dayOfWeek": "MONDAY"}, True),
        ("DayWeek", MONDAY, {"dayOfWeek": "TUESDAY"}, False),
        ("DayWeekInMonth", SATURDAY, {"dayOfWeek": "SATURDAY", "dayInMonth": "FIRST"}, True),
        ("DayWeekInMonth", MONDAY, {"dayOfWeek": "MONDAY", "dayInMonth": "SECOND"}, False),
        ("DayWeekInMonth", at("2024-06-24T00:00:00Z"), {"dayOfWeek": "MONDAY", "dayInMonth": "FOURTH"}, True),
        ("DayWeekInMonth", at("2024-06-24T00:00:00Z"), {"dayOfWeek": "MONDAY", "dayInMonth": "LAST"}, True),
        ("DayWeekInMonth", at("2024-07-22T00:00:00Z"), {"dayOfWeek": "MONDAY", "dayInMonth": "LAST"}, False),
        ("Weekend", SATURDAY, {}, True),
        ("Weekend", MONDAY, {}, False),
        ("PublicHoliday", at("2026-07-04T12:00:00Z"), {"country": "US"}, True),
        ("PublicHoliday", at("2026-07-14T12:00:00Z"), {"country": "FR"}, True),
        ("PublicHoliday", at("2026-07-14T12:00:00Z"), {"country": "{{ 'DE' }}"}, False),
        ("PublicHoliday", at("2026-01-06T12:00:00Z"), {"country": "DE", "subDivision": "BY"}, True),
        ("PublicHoliday", at("2026-01-06T12:00:00Z"), {"country": "DE", "subDivision": "DE-BE"}, False),
        ("PublicHoliday", at("2026-11-26T12:00:00Z"), {}, True),  # US without a country
        ("Expression", MONDAY, {"expression": "{{ trigger.date }}"}, True),
        ("Expression", MONDAY, {"expression": "{{ 1 == 2 }}"}, False),
        ("Expression", MONDAY, {"expression": "  "}, False),
        ("Expression", MONDAY, {"expression": "0"}, True),  # only blank and false are false
        ("ExecutionFlow", Facts(execution=UPSTREAM), {"namespace": "shop.orders", "flowId": "load"}, True),
        ("ExecutionFlow", Facts(execution=UPSTREAM), {"namespace": "shop", "flowId": "load"}, False),
        ("ExecutionNamespace", Facts(execution=UPSTREAM), {"namespace": "shop.orders"}, True),
        ("ExecutionNamespace", Facts(execution=UPSTREAM), {"namespace": "shop", "prefix": True}, True),
        ("ExecutionNamespace", Facts(execution=UPSTREAM), {"namespace": "sho", "comparison": "PREFIX"}, True),
        ("ExecutionNamespace", Facts(execution=UPSTREAM), {"namespace": "orders", "comparison": "SUFFIX"}, True),
        (
            "ExecutionNamespace",
            Facts(execution=UPSTREAM),
            {"namespace": "shop", "comparison": "EQUALS", "prefix": True},
            False,
        ),
        ("ExecutionStatus", Facts(execution=UPSTREAM), {"in": ["SUCCESS"], "notIn": ["FAILED"]}, True),
        ("ExecutionStatus", Facts(execution=UPSTREAM), {"notIn": ["SUCCESS"]}, False),
        ("ExecutionLabels", Facts(execution=UPSTREAM), {"labels": {"env": "prod"}}, True),
        ("ExecutionLabels", Facts(execution=UPSTREAM), {"labels": [{"key": "env", "value": "dev"}]}, False),
        ("ExecutionOutputs", Facts(execution=UPSTREAM), {"expression": "{{ trigger.outputs.rows == 3 }}"}, True),
        ("ExecutionOutputs", Facts(execution=Upstream("e", "n", "f", 1, "SUCCESS")), {"expression": "yes"}, False),
        ("HasRetryAttempt", Facts(execution=UPSTREAM), {"in": ["FAILED"]}, True),
        ("HasRetryAttempt", Facts(execution=UPSTREAM), {"in": ["KILLED"]}, False),
        ("HasRetryAttempt", Facts(execution=Upstream("e", "n", "f", 1, "FAILED", attempts=(("FAILED",),))), {}, False),
        ("FlowCondition", Facts(namespace="a", flow_id="b"), {"namespace": "a", "flowId": "b"}, True),
        ("FlowNamespaceCondition", Facts(namespace="a.b"), {"namespace": "a", "prefix": True}, True),
        ("FlowNamespaceCondition", Facts(namespace="a.b"), {"namespace": "a"}, False),
    ],
)
def test_each_condition_holds_when_it_says(name: str, facts: Facts, members: dict[str, Any], expected: bool) -> None:
    assert holds(name, facts, **members) is expected


def test_not_and_or_look_at_all_inside() -> None:
    weekend, monday = {"type": CORE + "Weekend"}, {"type": CORE + "DayWeek", "dayOfWeek": "MONDAY"}
    assert holds("Or", MONDAY, conditions=[weekend, monday])
    assert not holds("Or", at("2024-06-04T00:00:00Z"), conditions=[weekend, monday])
    assert holds("Not", at("2024-06-04T00:00:00Z"), conditions=[weekend, monday])
    assert not holds("Not", MONDAY, conditions=[weekend, monday])
    # a date given to the outer one is tested inside
    assert holds("Or", MONDAY, date="2024-06-01T00:00:00Z", conditions=[weekend])


@pytest.mark.parametrize(
    ("condition", "facts", "words"),
    [
        ({"type": CORE + "DateTimeBetween"}, MONDAY, "'after' or 'before'"),
        ({"type": CORE + "TimeBetween"}, MONDAY, "'after' or 'before'"),
        ({"type": CORE + "TimeBetween", "after": "soon"}, MONDAY, "no time such as"),
        ({"type": CORE + "PublicHoliday", "country": "XX"}, MONDAY, "no calendar"),
        ({"type": CORE + "DayWeek", "dayOfWeek": "{{ 'NODAY' }}"}, MONDAY, "NODAY"),
        ({"type": CORE + "Expression", "expression": "{{ nothing.here }}"}, MONDAY, "nothing"),
        ({"type": CORE + "ExecutionFlow", "namespace": "a", "flowId": "b"}, MONDAY, "needs an execution"),
        ({"type": CORE + "ExecutionStatus", "in": ["FAILED"]}, MONDAY, "needs an execution"),
        ({"type": CORE + "Expression", "expression": "{{ secret('X') }}"}, MONDAY, "can not be used in conditions"),
        ({"type": "nothing"}, MONDAY, "unknown condition type"),
    ],
)
def test_what_can_not_be_tested_is_an_error(condition: dict[str, Any], facts: Facts, words: str) -> None:
    with pytest.raises(ConditionError, match=words):
        evaluate(condition, facts)


def test_former_names_mean_the_same() -> None:
    """Core plugins §11: `<Name>Condition` in both packages."""
    for name in ("DayWeek", "Weekend", "PublicHoliday", "ExecutionFlow", "HasRetryAttempt", "Not", "Or"):
        assert {name_of({"type": f"{prefix}{name}Condition"}) for prefix in (CORE, OLD)} == {name}
    assert {name_of({"type": f"{OLD}{n}Condition"}) for n in ("Variable", "Expression")} == {"Expression"}


def test_which_are_about_dates() -> None:
    """§15.9, kind S."""
    dated = {cls.spec.name for cls in CONDITIONS if about_dates({"type": cls.spec.type})}
    assert dated == {
        "DateTimeBetween",
        "TimeBetween",
        "DayWeek",
        "DayWeekInMonth",
        "Weekend",
        "PublicHoliday",
        "Expression",
        "Not",
        "Or",
    }


def test_all_must_hold() -> None:
    weekend, true = {"type": CORE + "Weekend"}, {"type": CORE + "Expression", "expression": "yes"}
    assert all_hold([weekend, true], SATURDAY) and not all_hold([weekend, true], MONDAY)
