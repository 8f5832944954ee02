"""Evaluation of trigger conditions over plain facts (spec: workflow components §15.9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from flowdeck.expr import ExpressionError, references, render
from flowdeck.model.coerce import ConversionError, to_datetime, to_text
from flowdeck.model.labels import LabelError, read_labels
from flowdeck.model.public_holidays import UnknownCountry, is_public_holiday
from flowdeck.model.triggers.conditions import CONDITIONS, DATE

Render = Callable[[Any, Mapping[str, Any]], Any]
"""Renders a value with a context to text; raises `ExpressionError`."""

_CANONICAL = {name: cls.spec.name for cls in CONDITIONS for name in (cls.spec.type, *cls.spec.aliases)}
_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_ORDINALS = {"FIRST": 0, "SECOND": 1, "THIRD": 2, "FOURTH": 3}
_ABOUT_DATES = frozenset(
    (
        "DateTimeBetween",
        "TimeBetween",
        "DayWeek",
        "DayWeekInMonth",
        "Weekend",
        "PublicHoliday",
        "Expression",
        "Not",
        "Or",
    )
)


class ConditionError(ValueError):
    """A condition can not be evaluated with these facts."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """An execution that conditions and Flow triggers look at.

    `attempts` holds, for each task run, the states of its attempts.
    """

    id: str
    namespace: str
    flow_id: str
    revision: int
    state: str
    labels: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Any] | None = None
    attempts: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a condition may look at: the context of expressions, an execution, the flow of the trigger, a date."""

    context: Mapping[str, Any] = field(default_factory=dict)
    execution: Upstream | None = None
    namespace: str = ""
    flow_id: str = ""
    date: datetime | None = None  # the same instant as `trigger.date` of the context


def render_locally(value: Any, context: Mapping[str, Any]) -> Any:
    """A `Render` that refuses expressions which need I/O."""
    if references(value)[1]:
        raise ExpressionError("kv(), secret(), http() and their kin can not be used in conditions")
    return render(value, context)


def name_of(condition: Mapping[str, Any]) -> str:
    """Canonical short name of a condition's type, "" for an unknown one."""
    return _CANONICAL.get(str(condition.get("type")), "")


def about_dates(condition: Mapping[str, Any]) -> bool:
    """Whether a condition can be used to compute dates of a schedule."""
    return name_of(condition) in _ABOUT_DATES


def all_hold(conditions: Sequence[Mapping[str, Any]], facts: Facts, render: Render = render_locally) -> bool:
    """Whether all conditions hold; `ConditionError` as soon as one can not be evaluated."""
    return all(evaluate(condition, facts, render) for condition in conditions)


def evaluate(condition: Mapping[str, Any], facts: Facts, render: Render = render_locally) -> bool:
    """Whether one condition holds; `ConditionError` when it can not be evaluated."""
    name = name_of(condition)
    check = _CHECKS.get(name)
    if check is None:
        raise ConditionError(f"unknown condition type: {condition.get('type')}")
    try:
        return check(condition, facts, render)
    except ExpressionError as error:
        raise ConditionError(f"{name}: {error.message}") from None
    except (ConversionError, LabelError, UnknownCountry) as error:
        raise ConditionError(f"{name}: {error}") from None


def loosely_true(rendered: Any) -> bool:
    """The looser truth of `Expression` and `ExecutionOutputs`: only blank and `false` are false (§0)."""
    return to_text(rendered).strip() not in ("", "false")


def _text(condition: Mapping[str, Any], name: str, facts: Facts, render: Render) -> str | None:
    value = condition.get(name)
    if not isinstance(value, str) or ("{{" not in value and "{%" not in value):
        return None if value is None else to_text(value)
    return to_text(render(value, facts.context))


def _date(condition: Mapping[str, Any], facts: Facts, render: Render) -> datetime:
    value = condition.get("date") or DATE
    if value == DATE and facts.date is not None:
        return facts.date
    return to_datetime(to_text(render(value, facts.context)))


def _date_time_between(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    after, before = _text(condition, "after", facts, render), _text(condition, "before", facts, render)
    if after is None and before is None:
        raise ConditionError("DateTimeBetween: 'after' or 'before' must be given")
    when = _date(condition, facts, render)
    return (after is None or when > to_datetime(after)) and (before is None or when < to_datetime(before))


def _seconds(text: str, what: str) -> float:
    """Seconds of the day, in UTC, of a time with offset."""
    try:
        found = time.fromisoformat(text.strip())
    except ValueError:
        raise ConditionError(f"{what}: '{text}' is no time such as 16:19:12+02:00") from None
    offset = found.utcoffset() or timedelta(0)
    return found.hour * 3600 + found.minute * 60 + found.second + found.microsecond / 1e6 - offset.total_seconds()


def _time_between(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    after, before = _text(condition, "after", facts, render), _text(condition, "before", facts, render)
    if after is None and before is None:
        raise ConditionError("TimeBetween: 'after' or 'before' must be given")
    when = _date(condition, facts, render)
    # As the reference compares offset times: by the instant that both have on one day, the date's own offset kept.
    here = _seconds(when.timetz().isoformat(), "TimeBetween")
    return (after is None or here > _seconds(after, "TimeBetween")) and (
        before is None or here < _seconds(before, "TimeBetween")
    )


def _day(condition: Mapping[str, Any], facts: Facts, render: Render) -> int:
    text = (_text(condition, "dayOfWeek", facts, render) or "").strip().upper()
    if text not in _DAYS:
        raise ConditionError(f"'{text}' is no day of the week")
    return _DAYS.index(text)


def _day_week(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    return _date(condition, facts, render).weekday() == _day(condition, facts, render)


def _day_week_in_month(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    when = _date(condition, facts, render)
    if when.weekday() != _day(condition, facts, render):
        return False
    which = (_text(condition, "dayInMonth", facts, render) or "").strip().upper()
    if which == "LAST":
        return (when + timedelta(days=7)).month != when.month
    if which not in _ORDINALS:
        raise ConditionError(f"'{which}' is none of FIRST, SECOND, THIRD, FOURTH, LAST")
    return (when.day - 1) // 7 == _ORDINALS[which]


def _weekend(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    return _date(condition, facts, render).weekday() >= 5


def _expression(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    return loosely_true(render(condition.get("expression"), facts.context))


def _public_holiday(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    country = _text(condition, "country", facts, render)
    return is_public_holiday(
        _date(condition, facts, render).date(), country, _text(condition, "subDivision", facts, render)
    )


def _inner(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    """Whether any of the conditions inside holds; a date given outside is the one that they test."""
    if condition.get("date") not in (None, DATE):
        facts = replace(facts, date=_date(condition, facts, render))
    return any(evaluate(inner, facts, render) for inner in condition.get("conditions") or ())


def _not(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    return not _inner(condition, facts, render)


def _or(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    return _inner(condition, facts, render)


def _execution(facts: Facts) -> Upstream:
    if facts.execution is None:
        raise ConditionError("this condition needs an execution")
    return facts.execution


def _execution_flow(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    found = _execution(facts)
    return (found.namespace, found.flow_id) == (condition.get("namespace"), condition.get("flowId"))


def _execution_namespace(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    found, wanted = _execution(facts).namespace, str(condition.get("namespace"))
    comparison = condition.get("comparison") or ("PREFIX" if condition.get("prefix") else "EQUALS")
    if comparison == "PREFIX":
        return found.startswith(wanted)
    return found.endswith(wanted) if comparison == "SUFFIX" else found == wanted


def _execution_status(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    return _in_and_not_in(_execution(facts).state, condition)


def _in_and_not_in(state: str, condition: Mapping[str, Any]) -> bool:
    inside, outside = condition.get("in"), condition.get("notIn")
    return (inside is None or state in inside) and (outside is None or state not in outside)


def _execution_labels(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    found = _execution(facts).labels
    return all(found.get(k) == v for k, v in read_labels(condition.get("labels")))


def _execution_outputs(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    found = _execution(facts).outputs
    if not found:
        return False
    trigger = {**(facts.context.get("trigger") or {}), "outputs": found}
    return loosely_true(render(condition.get("expression"), {**facts.context, "trigger": trigger}))


def _has_retry_attempt(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    return any(
        len(states) > 1 and any(_in_and_not_in(state, condition) for state in states)
        for states in _execution(facts).attempts
    )


def _flow(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    return (facts.namespace, facts.flow_id) == (condition.get("namespace"), condition.get("flowId"))


def _flow_namespace(condition: Mapping[str, Any], facts: Facts, render: Render) -> bool:
    wanted = str(condition.get("namespace"))
    return facts.namespace.startswith(wanted) if condition.get("prefix") else facts.namespace == wanted


_CHECKS: dict[str, Callable[[Mapping[str, Any], Facts, Render], bool]] = {
    "DateTimeBetween": _date_time_between,
    "TimeBetween": _time_between,
    "DayWeek": _day_week,
    "DayWeekInMonth": _day_week_in_month,
    "Weekend": _weekend,
    "PublicHoliday": _public_holiday,
    "Expression": _expression,
    "Not": _not,
    "Or": _or,
    "ExecutionFlow": _execution_flow,
    "ExecutionNamespace": _execution_namespace,
    "ExecutionStatus": _execution_status,
    "ExecutionLabels": _execution_labels,
    "ExecutionOutputs": _execution_outputs,
    "HasRetryAttempt": _has_retry_attempt,
    "FlowCondition": _flow,
    "FlowNamespaceCondition": _flow_namespace,
}
