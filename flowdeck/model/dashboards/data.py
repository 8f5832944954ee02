"""What charts show: columns, filters and fields of executions, logs, metrics, flows, triggers (core plugins §12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from flowdeck.model.declare import Declared, DeclaredMeta, Example, field

PREFIX = "io.kestra.plugin.core.dashboard.data."
Aggregation = Literal["AVG", "COUNT", "MAX", "MIN", "SUM"]
FilterType = Literal[
    "CONTAINS",
    "NOT_CONTAINS",
    "STARTS_WITH",
    "ENDS_WITH",
    "PREFIX",
    "REGEX",
    "EQUAL_TO",
    "NOT_EQUAL_TO",
    "GREATER_THAN",
    "GREATER_THAN_OR_EQUAL_TO",
    "LESS_THAN",
    "LESS_THAN_OR_EQUAL_TO",
    "IN",
    "NOT_IN",
    "IS_NULL",
    "IS_NOT_NULL",
    "IS_TRUE",
    "IS_FALSE",
    "OR",
]
MANY = frozenset({"IN", "NOT_IN", "OR"})
NO_VALUE = frozenset({"IS_NULL", "IS_NOT_NULL", "IS_TRUE", "IS_FALSE"})


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that a chart may be made of.

    `fields` maps each field to what it holds: text, number, date, state, level or labels. `plain` fields can't be
    aggregated; `window` is the date that the time window of a dashboard chooses by, "" for rows without time.
    """

    name: str
    fields: dict[str, str]
    window: str = ""
    plain: frozenset[str] = frozenset()


EXECUTIONS = Source(
    "Executions",
    {
        "ID": "text",
        "NAMESPACE": "text",
        "FLOW_ID": "text",
        "FLOW_REVISION": "number",
        "STATE": "state",
        "DURATION": "number",
        "LABELS": "labels",
        "START_DATE": "date",
        "END_DATE": "date",
        "TRIGGER_EXECUTION_ID": "text",
    },
    "START_DATE",
)
LOGS = Source(
    "Logs",
    {
        "NAMESPACE": "text",
        "FLOW_ID": "text",
        "EXECUTION_ID": "text",
        "TASK_ID": "text",
        "DATE": "date",
        "TASK_RUN_ID": "text",
        "ATTEMPT_NUMBER": "number",
        "TRIGGER_ID": "text",
        "LEVEL": "level",
        "MESSAGE": "text",
    },
    "DATE",
    frozenset({"MESSAGE"}),
)
METRICS = Source(
    "Metrics",
    {
        "NAMESPACE": "text",
        "FLOW_ID": "text",
        "TASK_ID": "text",
        "EXECUTION_ID": "text",
        "TASK_RUN_ID": "text",
        "TYPE": "text",
        "NAME": "text",
        "VALUE": "number",
        "DATE": "date",
    },
    "DATE",
)
FLOWS = Source("Flows", {"ID": "text", "NAMESPACE": "text", "REVISION": "number"})
TRIGGERS = Source(
    "Triggers",
    {
        "ID": "text",
        "NAMESPACE": "text",
        "FLOW_ID": "text",
        "TRIGGER_ID": "text",
        "EXECUTION_ID": "text",
        "NEXT_EXECUTION_DATE": "date",
        "WORKER_ID": "text",
    },
)
SOURCES = {source.name: source for source in (EXECUTIONS, LOGS, METRICS, FLOWS, TRIGGERS)}


class Column(Declared):
    """One column of the data."""

    field_: str | None = field(default=None, doc="Field of the rows; may be absent with `agg: COUNT`.")
    display_name: str | None = field(default=None, doc="Heading.")
    agg: Aggregation | None = field(default=None, doc="How the values of a group become one.")
    label_key: str | None = field(default=None, doc="Which label, for the field LABELS.")
    column_alignment: Literal["LEFT", "RIGHT", "CENTER"] | None = field(
        default=None, doc="Where the values stand, in a Table."
    )
    graph_style: Literal["LINES", "BARS", "POINTS"] | None = field(
        default=None, doc="How the values are drawn, in a TimeSeries; lines unless told otherwise."
    )


class Condition(Declared):
    """A condition on rows."""

    type: FilterType = field(doc="How the field is compared.")
    field_: str | None = field(default=None, doc="Field of the rows; absent for OR.")
    value: Any = field(default=None, doc="What it is compared with.")
    values: Any = field(default=None, doc="A list: for IN and NOT_IN of values, for OR of conditions.")
    label_key: str | None = field(default=None, doc="Which label, for the field LABELS.")


class Order(Declared):
    """Order of the rows."""

    column: str = field(doc="Name of a column.")
    order: Literal["ASC", "DESC"] = field(default="ASC", doc="Direction.")


class DataBase(Declared, kind="data", shared=True):
    """What a chart shows."""

    type: str = field(doc="Type of the data.")
    where: list[Condition] | None = field(default=None, doc="Conditions that all rows must meet.")


class TableData(DataBase):
    """Rows with named columns."""

    columns: dict[str, Column] = field(doc="Columns by name; those without `agg` group the rows.")
    order_by: list[Order] | None = field(default=None, doc="Order of the rows.")


class KpiData(DataBase):
    """One number."""

    columns: Column = field(doc="The one column, with its aggregation.")
    numerator: list[Condition] | None = field(
        default=None, doc="Further conditions of the rows that count; for a percentage, of its numerator."
    )


def _example(chart: str, data: str, columns: str) -> tuple[Example, ...]:
    return (
        Example(
            f"A {chart} chart",
            f"""\
title: Overview
charts:
  - id: chart
    type: io.kestra.plugin.core.dashboard.chart.{chart}
    chartOptions:
      displayName: {data}
    data:
      type: {PREFIX}{data}
      columns:
{columns}""",
        ),
    )


_NUMBER = "        agg: COUNT\n"


class Executions(TableData, type=f"{PREFIX}Executions"):
    """Executions of flows."""

    examples = _example("Pie", "Executions", "        state: {field: STATE}\n        total: {agg: COUNT}\n")


class Logs(TableData, type=f"{PREFIX}Logs"):
    """Log lines of executions and triggers."""

    examples = _example("Pie", "Logs", "        level: {field: LEVEL}\n        total: {agg: COUNT}\n")


class Metrics(TableData, type=f"{PREFIX}Metrics"):
    """Metrics that tasks published."""

    examples = _example("Table", "Metrics", "        name: {field: NAME}\n        sum: {field: VALUE, agg: SUM}\n")


class Flows(TableData, type=f"{PREFIX}Flows"):
    """Flows."""

    examples = _example("Table", "Flows", "        namespace: {field: NAMESPACE}\n        total: {agg: COUNT}\n")


class Triggers(TableData, type=f"{PREFIX}Triggers"):
    """Triggers with their state."""

    examples = _example(
        "Table", "Triggers", "        id: {field: TRIGGER_ID}\n        next: {field: NEXT_EXECUTION_DATE}\n"
    )


class ExecutionsKPI(KpiData, type=f"{PREFIX}ExecutionsKPI"):
    """One number about executions."""

    examples = _example("KPI", "ExecutionsKPI", _NUMBER)


class LogsKPI(KpiData, type=f"{PREFIX}LogsKPI"):
    """One number about log lines."""

    examples = _example("KPI", "LogsKPI", _NUMBER)


class MetricsKPI(KpiData, type=f"{PREFIX}MetricsKPI"):
    """One number about metrics."""

    examples = _example("KPI", "MetricsKPI", _NUMBER)


class FlowsKPI(KpiData, type=f"{PREFIX}FlowsKPI"):
    """One number about flows."""

    examples = _example("KPI", "FlowsKPI", _NUMBER)


class TriggersKPI(KpiData, type=f"{PREFIX}TriggersKPI"):
    """One number about triggers."""

    examples = _example("KPI", "TriggersKPI", _NUMBER)


DATA: tuple[DeclaredMeta, ...] = (
    Executions,
    Logs,
    Metrics,
    Flows,
    Triggers,
    ExecutionsKPI,
    LogsKPI,
    MetricsKPI,
    FlowsKPI,
    TriggersKPI,
)


def source_of(type_name: str) -> tuple[Source, bool] | None:
    """The rows of a data type, and whether it gives one number; None for an unknown one."""
    name = type_name.removeprefix(PREFIX)
    source = SOURCES.get(name.removesuffix("KPI"))
    return None if source is None or name == type_name else (source, name.endswith("KPI"))
