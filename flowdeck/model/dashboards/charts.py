"""Charts and the document that holds them (spec: core plugins §12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from flowdeck.model.component import ID_PATTERN
from flowdeck.model.dashboards.data import DataBase
from flowdeck.model.declare import Declared, DeclaredMeta, field

PREFIX = "io.kestra.plugin.core.dashboard.chart."


class Switch(Declared):
    """Whether something is shown."""

    enabled: bool = field(default=True, doc="Whether it is shown.")


class ChartOptions(Declared):
    """How a chart looks."""

    display_name: str = field(min_length=1, doc="Title of the chart.")
    description: str | None = field(default=None, doc="Text below the title.")
    width: int = field(default=6, min=1, max=12, doc="Columns of the page that the chart takes, of 12.")


class TimeSeriesOptions(ChartOptions):
    """How a TimeSeries looks."""

    column: str = field(doc="Name of the column with the date.")
    color_by_column: str | None = field(default=None, doc="Name of the column that makes the series.")
    legend: Switch | None = field(default=None, doc="The legend.")
    tooltip: Literal["NONE", "SINGLE", "ALL"] = field(default="ALL", doc="What the pointer shows.")


class BarOptions(ChartOptions):
    """How a Bar looks."""

    column: str = field(doc="Name of the column that makes the bars.")
    legend: Switch | None = field(default=None, doc="The legend.")
    tooltip: Literal["NONE", "SINGLE", "ALL"] = field(default="ALL", doc="What the pointer shows.")


class PieOptions(ChartOptions):
    """How a Pie looks."""

    color_by_column: str | None = field(default=None, doc="Name of the column that makes the slices.")
    graph_style: Literal["PIE", "DONUT"] = field(default="DONUT", doc="With or without a hole.")
    legend: Switch | None = field(default=None, doc="The legend.")


class TableOptions(ChartOptions):
    """How a Table looks."""

    header: Switch | None = field(default=None, doc="The headings.")
    pagination: Switch | None = field(default=None, doc="Pages instead of one long table.")


class KpiOptions(ChartOptions):
    """How a KPI looks."""

    number_type: Literal["FLAT", "PERCENTAGE"] = field(
        default="FLAT", doc="The number itself, or the part of the rows that the numerator chooses."
    )
    color: str | None = field(default=None, doc="Colour of the number.")


class MarkdownSource(Declared):
    """Where the text of a Markdown comes from."""

    type: Literal["Text", "FlowDescription"] = field(doc="A text, or the description of a flow.")
    content: str | None = field(default=None, doc="The text.")
    namespace: str | None = field(default=None, doc="Namespace of the flow.")
    flow_id: str | None = field(default=None, doc="Id of the flow.")


class ChartBase(Declared, kind="chart", shared=True):
    """A chart of a dashboard."""

    id: str = field(pattern=ID_PATTERN, doc="Unique name of the chart in its dashboard.")
    type: str = field(doc="Type of the chart.")


class TimeSeries(ChartBase, type=f"{PREFIX}TimeSeries"):
    """Numbers over time."""

    chart_options: TimeSeriesOptions = field(doc="How it looks.")
    data: DataBase = field(doc="What it shows.")


class Bar(ChartBase, type=f"{PREFIX}Bar"):
    """Numbers side by side."""

    chart_options: BarOptions = field(doc="How it looks.")
    data: DataBase = field(doc="What it shows.")


class Pie(ChartBase, type=f"{PREFIX}Pie"):
    """Parts of a whole."""

    chart_options: PieOptions | None = field(default=None, doc="How it looks.")
    data: DataBase = field(doc="What it shows.")


class Table(ChartBase, type=f"{PREFIX}Table"):
    """Rows and columns."""

    chart_options: TableOptions | None = field(default=None, doc="How it looks.")
    data: DataBase = field(doc="What it shows.")


class KPI(ChartBase, type=f"{PREFIX}KPI"):
    """One number."""

    chart_options: KpiOptions | None = field(default=None, doc="How it looks.")
    data: DataBase = field(doc="What it shows.")


class Markdown(ChartBase, type=f"{PREFIX}Markdown"):
    """A text."""

    chart_options: ChartOptions | None = field(default=None, doc="How it looks.")
    content: str | None = field(default=None, doc="The text.", deprecated="Use source.")
    source: MarkdownSource | None = field(default=None, doc="Where the text comes from.")


class TimeWindow(Declared):
    """The time that a dashboard shows."""

    default: timedelta = field(default=timedelta(days=30), doc="Window before the reader chooses one.")
    max: timedelta = field(default=timedelta(days=366), doc="Longest window.")


class DashboardProperties(Declared):
    """A dashboard."""

    id: str | None = field(default=None, pattern=ID_PATTERN, max_length=256, doc="Unique name; made when absent.")
    title: str = field(min_length=1, doc="Title.")
    description: str | None = field(default=None, doc="Text below the title.")
    time_window: TimeWindow | None = field(default=None, doc="The time that it shows.")
    charts: list[ChartBase] | None = field(default=None, doc="The charts.")
    tenant_id: Any = field(default=None, doc="Without effect.")
    deleted: Any = field(default=None, doc="Without effect.")
    created: Any = field(default=None, doc="Without effect.")
    updated: Any = field(default=None, doc="Without effect.")
    source_code: Any = field(default=None, doc="Without effect.")


CHARTS: tuple[DeclaredMeta, ...] = (TimeSeries, Bar, Pie, Table, KPI, Markdown)
