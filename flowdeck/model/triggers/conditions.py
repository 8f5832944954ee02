"""Conditions of triggers as they are declared (spec: workflow components §15.9)."""

from __future__ import annotations

from typing import Any, Literal

from flowdeck.model.component import ID_PATTERN, ConditionBase, StateName
from flowdeck.model.declare import Labels, field
from flowdeck.model.triggers.flow import TimeWindow

_NEW = "io.kestra.plugin.core.condition."
_OLD = "io.kestra.core.models.conditions.types."

Weekday = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
Comparison = Literal["EQUALS", "PREFIX", "SUFFIX"]
DATE = "{{ trigger.date }}"


def _names(name: str, *more: str) -> tuple[str, ...]:
    """Former names of a condition."""
    return tuple(f"{prefix}{n}Condition" for n in (name, *more) for prefix in (_OLD, _NEW))


class DateTimeBetween(ConditionBase, type=_NEW + "DateTimeBetween", aliases=_names("DateTimeBetween")):
    """The date lies between two instants, exclusive."""

    date: str = field(default=DATE, dynamic=True, doc="Date to test.")
    after: str | None = field(default=None, dynamic=True, doc="Instant with zone.")
    before: str | None = field(default=None, dynamic=True, doc="Instant with zone.")


class TimeBetween(ConditionBase, type=_NEW + "TimeBetween", aliases=_names("TimeBetween")):
    """The time of day lies between two times with offset, exclusive."""

    date: str = field(default=DATE, dynamic=True, doc="Date to test.")
    after: str | None = field(default=None, dynamic=True, doc="Time such as 16:19:12+02:00.")
    before: str | None = field(default=None, dynamic=True, doc="Time such as 16:19:12+02:00.")


class DayWeek(ConditionBase, type=_NEW + "DayWeek", aliases=_names("DayWeek")):
    """The date is a given day of the week."""

    date: str = field(default=DATE, dynamic=True, doc="Date to test.")
    day_of_week: Weekday = field(dynamic=True, doc="The day.")


class DayWeekInMonth(ConditionBase, type=_NEW + "DayWeekInMonth", aliases=_names("DayWeekInMonth")):
    """The date is, say, the first Monday of its month."""

    date: str = field(default=DATE, dynamic=True, doc="Date to test.")
    day_of_week: Weekday = field(dynamic=True, doc="The day.")
    day_in_month: Literal["FIRST", "SECOND", "THIRD", "FOURTH", "LAST"] = field(
        dynamic=True, doc="Which one of the month."
    )


class Weekend(ConditionBase, type=_NEW + "Weekend", aliases=_names("Weekend")):
    """The date is a Saturday or a Sunday."""

    date: str = field(default=DATE, dynamic=True, doc="Date to test.")


class PublicHoliday(ConditionBase, type=_NEW + "PublicHoliday", aliases=_names("PublicHoliday")):
    """The date is a public holiday of a country."""

    date: str = field(default=DATE, dynamic=True, doc="Date to test.")
    country: str | None = field(default=None, dynamic=True, doc="ISO 3166-1 alpha-2 code; US when absent.")
    sub_division: str | None = field(
        default=None, dynamic=True, doc="Part of the country: ISO 3166-2 code without the country, such as BY."
    )


class ExpressionCondition(ConditionBase, type=_NEW + "Expression", aliases=(*_names("Variable", "Expression"),)):
    """An expression renders to something other than blank and `false`."""

    expression: str = field(dynamic=True, doc="Expression to test.")


class ExecutionFlow(ConditionBase, type=_NEW + "ExecutionFlow", aliases=_names("ExecutionFlow")):
    """The execution belongs to a flow."""

    namespace: str = field(doc="Namespace of the flow.")
    flow_id: str = field(doc="Id of the flow.")


class ExecutionNamespace(ConditionBase, type=_NEW + "ExecutionNamespace", aliases=_names("ExecutionNamespace")):
    """The execution belongs to a namespace."""

    namespace: str = field(doc="Text to compare with the namespace.")
    comparison: Comparison | None = field(default=None, doc="How it is compared.")
    prefix: bool = field(default=False, doc="Compare as prefix, when `comparison` is absent.")


class ExecutionStatus(ConditionBase, type=_NEW + "ExecutionStatus", aliases=_names("ExecutionStatus")):
    """The execution is in one of some states and in none of others."""

    in_: list[StateName] | None = field(default=None, doc="States that count.")
    not_in: list[StateName] | None = field(default=None, doc="States that do not.")


class ExecutionLabels(ConditionBase, type=_NEW + "ExecutionLabels", aliases=_names("ExecutionLabels")):
    """The execution has all these labels."""

    labels: Labels = field(doc="Labels with their values.")


class ExecutionOutputs(ConditionBase, type=_NEW + "ExecutionOutputs", aliases=_names("ExecutionOutputs")):
    """An expression over the execution's flow outputs holds."""

    expression: str = field(dynamic=True, doc="Expression over `trigger.outputs`.")


class HasRetryAttempt(ConditionBase, type=_NEW + "HasRetryAttempt", aliases=_names("HasRetryAttempt")):
    """A task of the execution was tried more than once."""

    in_: list[StateName] | None = field(default=None, doc="States of an attempt that count.")
    not_in: list[StateName] | None = field(default=None, doc="States of an attempt that do not.")


class MultipleCondition(
    ConditionBase,
    type=_NEW + "MultipleCondition",
    aliases=(_OLD + "MultipleCondition",),
    deprecated="Use preconditions.",
):
    """Several conditions that different executions meet in a span of time."""

    id: str = field(pattern=ID_PATTERN, doc="Unique name.")
    conditions: dict[str, ConditionBase] = field(doc="Conditions by name.")
    time_window: TimeWindow | None = field(default=None, doc="Span of time.")
    window: Any = field(default=None, deprecated="Use timeWindow.", doc="Length of the window.")
    window_advance: Any = field(default=None, deprecated="Use timeWindow.", doc="Shift of the window.")
    sla: Any = field(default=None, deprecated="Use timeWindow.", doc="Time window.")
    reset_on_success: bool = field(default=True, doc="Begin anew after an execution was started.")


class Not(ConditionBase, type=_NEW + "Not", aliases=_names("Not")):
    """None of the conditions holds."""

    date: str = field(default=DATE, dynamic=True, doc="Date handed on.")
    conditions: list[ConditionBase] = field(min_length=1, doc="Conditions.")


class Or(ConditionBase, type=_NEW + "Or", aliases=_names("Or")):
    """At least one of the conditions holds."""

    date: str = field(default=DATE, dynamic=True, doc="Date handed on.")
    conditions: list[ConditionBase] = field(min_length=1, doc="Conditions.")


class FlowCondition(
    ConditionBase,
    type=_NEW + "FlowCondition",
    aliases=(_OLD + "FlowCondition",),
    deprecated="Use ExecutionFlow.",
):
    """The current flow is the given one."""

    namespace: str = field(doc="Namespace.")
    flow_id: str = field(doc="Id of the flow.")


class FlowNamespaceCondition(
    ConditionBase,
    type=_NEW + "FlowNamespaceCondition",
    aliases=(_OLD + "FlowNamespaceCondition",),
    deprecated="Use ExecutionNamespace.",
):
    """The current flow's namespace is the given one."""

    namespace: str = field(doc="Namespace.")
    prefix: bool = field(default=False, doc="Compare as prefix.")


CONDITIONS = (
    DateTimeBetween,
    TimeBetween,
    DayWeek,
    DayWeekInMonth,
    Weekend,
    PublicHoliday,
    ExpressionCondition,
    ExecutionFlow,
    ExecutionNamespace,
    ExecutionStatus,
    ExecutionLabels,
    ExecutionOutputs,
    HasRetryAttempt,
    MultipleCondition,
    Not,
    Or,
    FlowCondition,
    FlowNamespaceCondition,
)
