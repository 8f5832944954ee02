"""The triggers Schedule and ScheduleOnDates (spec: workflow components §15.4, §15.6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from flowdeck.model.component import ConditionBase, TriggerBase
from flowdeck.model.declare import Declared, Example, Expr, field


class Schedule(
    TriggerBase,
    type="io.kestra.plugin.core.trigger.Schedule",
    role="schedule",
    aliases=("io.kestra.core.models.triggers.types.Schedule",),
):
    """Start executions at the times of a cron expression.

    Five fields: minute, hour, day of month, month, day of week; `@hourly`, `@daily`, `@weekly`, `@monthly` and
    `@yearly` stand for the usual ones. When both day fields are restricted, a day that matches either is due.
    """

    cron: str = field(min_length=1, doc="Cron expression.")
    with_seconds: bool = field(default=False, doc="The expression has a field for seconds in front.")
    timezone: str | None = field(default=None, doc="Time zone in which the expression is read, such as `Europe/Paris`.")
    inputs: Expr[dict[str, Any]] | None = field(default=None, doc="Inputs of the executions.")
    schedule_conditions: list[ConditionBase] | None = field(
        default=None, deprecated="Use conditions.", doc="Conditions on the date."
    )
    recover_missed_schedules: Literal["ALL", "LAST", "NONE"] | None = field(
        default=None, doc="Which dates to make up for that passed while nothing could be started."
    )
    late_maximum_delay: timedelta | None = field(default=None, doc="Dates that are later than this are left out.")
    backfill: Any = field(default=None, deprecated="Backfills are started from the console or the API.", doc="Ignored.")

    class Output(Declared):
        """Variables of the execution under `trigger`."""

        date: datetime = field(doc="Date of the schedule.")
        next: datetime = field(doc="Following date.")
        previous: datetime = field(doc="Preceding date.")

    examples = (
        Example(
            "Every day at a quarter past two, Paris time",
            """\
id: nightly
namespace: company.team
tasks:
  - id: when
    type: io.kestra.plugin.core.debug.Return
    format: "{{ trigger.date ?? execution.startDate }}"
triggers:
  - id: night
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "15 2 * * *"
    timezone: Europe/Paris
""",
        ),
    )


class ScheduleOnDates(
    TriggerBase,
    type="io.kestra.plugin.core.trigger.ScheduleOnDates",
    role="schedule",
    aliases=("io.kestra.core.models.triggers.types.ScheduleOnDates",),
):
    """Start an execution at each of some dates.

    After the last one nothing is started any more.
    """

    dates: Expr[list[str]] = field(doc="Dates and times with zone, or an expression that gives a list of them.")
    timezone: Expr[str] | None = field(default=None, doc="Time zone of dates that name none, such as `Europe/Paris`.")
    inputs: Expr[dict[str, Any]] | None = field(default=None, doc="Inputs of the executions.")
    schedule_conditions: list[ConditionBase] | None = field(
        default=None, deprecated="Use conditions.", doc="Conditions on the date."
    )
    recover_missed_schedules: Literal["ALL", "LAST", "NONE"] | None = field(
        default=None, doc="Which dates to make up for that passed while nothing could be started."
    )

    class Output(Declared):
        """Variables of the execution under `trigger`."""

        date: datetime = field(doc="Date of the schedule.")
        next: datetime | None = field(default=None, doc="Following date.")
        previous: datetime | None = field(default=None, doc="Preceding date.")

    examples = (
        Example(
            "On two evenings of the year",
            """\
id: twice
namespace: company.team
tasks:
  - id: when
    type: io.kestra.plugin.core.debug.Return
    format: "{{ trigger.date ?? execution.startDate }}"
triggers:
  - id: evenings
    type: io.kestra.plugin.core.trigger.ScheduleOnDates
    timezone: Europe/Paris
    dates:
      - "2030-06-21T22:00:00"
      - "2030-12-21T17:00:00+01:00"
""",
        ),
    )
