"""The Flow trigger with its preconditions and time windows (spec: workflow components §15.7)."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any, Literal

from flowdeck.model.component import ID_PATTERN, StateName, TriggerBase
from flowdeck.model.declare import Declared, Example, Expr, Labels, field


class TimeWindow(Declared):
    """In which span of time all preconditions must be met."""

    type: Literal["DURATION_WINDOW", "SLIDING_WINDOW", "DAILY_TIME_DEADLINE", "DAILY_TIME_WINDOW"] = field(
        default="DURATION_WINDOW", doc="Kind of window."
    )
    window: timedelta | None = field(default=None, doc="Length of the window; P1D when absent.")
    window_advance: timedelta | None = field(default=None, doc="Shift of the windows from midnight.")
    deadline: time | None = field(default=None, doc="Time of day at which the window closes.")
    start_time: time | None = field(default=None, doc="Time of day at which the window opens.")
    end_time: time | None = field(default=None, doc="Time of day at which the window closes.")


class UpstreamFlow(Declared):
    """A flow whose execution must have happened."""

    namespace: str = field(doc="Namespace of the flow.")
    flow_id: str | None = field(default=None, doc="Id of the flow; any flow of the namespace without it.")
    states: list[StateName] | None = field(default=None, doc="States that count.")
    labels: Labels | None = field(default=None, doc="Labels that the execution must have.")


class Filter(Declared):
    """One comparison of a precondition."""

    field_: Literal["FLOW_ID", "NAMESPACE", "STATE", "EXPRESSION"] = field(doc="What is compared.")
    type: Literal[
        "EQUAL_TO",
        "NOT_EQUAL_TO",
        "IN",
        "NOT_IN",
        "IS_TRUE",
        "IS_FALSE",
        "IS_NULL",
        "IS_NOT_NULL",
        "STARTS_WITH",
        "ENDS_WITH",
        "REGEX",
        "CONTAINS",
    ] = field(doc="How it is compared.")
    value: str | None = field(default=None, dynamic=True, doc="With what; the expression itself for EXPRESSION.")
    values: list[str] | None = field(default=None, doc="With which, for IN and NOT_IN.")


class Where(Declared):
    """A named group of filters."""

    id: str = field(pattern=ID_PATTERN, doc="Unique name of the group.")
    operand: Literal["AND", "OR"] = field(default="AND", doc="Whether all or one of the filters must hold.")
    filters: list[Filter] = field(min_length=1, doc="Comparisons with the execution.")


class Preconditions(Declared):
    """What must have happened, in any order, before the flow starts."""

    id: str = field(pattern=ID_PATTERN, doc="Unique name; renaming it starts a new window.")
    time_window: TimeWindow | None = field(default=None, doc="Span of time in which all must happen.")
    reset_on_success: bool = field(default=True, doc="Begin anew after an execution was started.")
    flows: list[UpstreamFlow] | None = field(default=None, doc="Flows that must have run.")
    where: list[Where] | None = field(default=None, doc="Conditions on executions, one of which each must meet.")


class FlowTrigger(
    TriggerBase,
    type="io.kestra.plugin.core.trigger.Flow",
    role="flow",
    aliases=("io.kestra.core.models.triggers.types.Flow",),
):
    """Start an execution when executions of other flows reach a state.

    Without conditions and preconditions it reacts to every flow.
    """

    states: list[StateName] | None = field(
        default=None, doc="States of the other execution that count; end states and PAUSED when absent."
    )
    inputs: Expr[dict[str, Any]] | None = field(
        default=None, doc="Inputs; `trigger.outputs` are the other flow's outputs."
    )
    preconditions: Preconditions | None = field(default=None, doc="What must have happened in a span of time.")

    class Output(Declared):
        """Variables of the execution under `trigger`."""

        execution_id: str = field(doc="Id of the other execution.")
        execution_labels: dict[str, str] = field(doc="Its labels.")
        namespace: str = field(doc="Its namespace.")
        flow_id: str = field(doc="Its flow.")
        flow_revision: int = field(doc="Its flow's revision.")
        state: StateName = field(doc="Its state.")
        outputs: dict[str, Any] = field(doc="Its flow outputs.")

    examples = (
        Example(
            "Run after another flow succeeded",
            """\
id: after-load
namespace: company.team
tasks:
  - id: tell
    type: io.kestra.plugin.core.debug.Return
    format: "{{ trigger.executionId ?? 'started by hand' }}"
triggers:
  - id: loaded
    type: io.kestra.plugin.core.trigger.Flow
    states: [SUCCESS]
    conditions:
      - type: io.kestra.plugin.core.condition.ExecutionFlow
        namespace: company.team
        flowId: load-orders
""",
        ),
    )
