"""What the tasks of a flow measured over time: one metric, summed up by periods, as chart and table (UI-FP-40)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import reflex as rx

from app import turns
from app.conditions import Condition, iso
from app.list_page import ListPage
from app.listing import list_body
from app.pages.flows.execute import ExecuteState
from app.pages.flows.state import FlowState, openers
from app.words import later, say, spoken
from components.button import button, link_button
from components.chart import chart
from components.clock import moment
from components.filters import filter_bar, filter_key, refresh
from components.message import empty_state, skeleton_rows
from components.table import Column, data_table

AGGREGATIONS = {"sum": "Sum", "avg": "Average", "min": "Smallest", "max": "Largest"}
SECONDS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}
"""How long the periods of the API's answer are; they begin at multiples since 1970."""
MOST_PERIODS = 400
EDGES = ("GREATER_THAN_OR_EQUAL_TO", "LESS_THAN_OR_EQUAL_TO")


@dataclass(frozen=True, slots=True)
class Period:
    """A period in the table."""

    key: str = ""
    at: str = ""
    day: str = ""
    """The date (UTC) where periods are days or longer."""
    value: str = ""
    width: str = "0%"


def told(value: float) -> str:
    """Return a measured number for a reader: thousands apart, four significant digits behind the point."""
    if value == int(value) and abs(value) < 1e15:
        return spoken(int(value))
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:.4g}"


def completed(filters: Sequence[Condition], metrics: Sequence[str]) -> list[Condition]:
    """Return the conditions with what a chart needs at least: a metric that exists, how it is summed up, a time."""
    held = {one["field"]: one for one in filters}
    metric = held.get("metric", {}).get("value", "")
    how = held.get("aggregation", {}).get("value", "")
    first = metric if metric in metrics or not metrics else metrics[0]
    found = [
        {"field": "metric", "operator": "EQUALS", "value": first},
        {"field": "aggregation", "operator": "EQUALS", "value": how if how in AGGREGATIONS else "sum"},
    ]
    found += [dict(one) for one in filters if one["field"] == "taskId"]
    time = [dict(one) for one in filters if one["field"] in ("timeRange", "startDate", "endDate")]
    return found + (time or [{"field": "timeRange", "operator": "EQUALS", "value": "PT720H"}])


def edges(conditions: Sequence[Condition], now: datetime) -> tuple[datetime, datetime]:
    """Return begin and end of the time that conditions ask for; the last 30 days when they ask for none."""
    begin, end = now - timedelta(days=30), now
    for one in conditions:
        value = one["value"]
        if one["field"] == "timeRange" and value.startswith("PT") and value.endswith(("H", "M")):
            unit = "hours" if value.endswith("H") else "minutes"
            begin = now - timedelta(**{unit: int(value[2:-1] or 0)}) if value[2:-1].isdigit() else begin
        elif one["field"] in ("startDate", "endDate"):
            try:
                instant = datetime.fromisoformat(value)
            except ValueError:
                continue
            instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
            if one["field"] == "endDate" or one["operator"].startswith("LESS"):
                end = instant
            else:
                begin = instant
    return begin, end


def figure_of(
    points: Sequence[tuple[str, float]], unit: str, begin: datetime, end: datetime, name: str, how: str
) -> dict[str, Any]:
    """Return bars, one a period from begin to end; a period without a measurement has none (a sum has zero)."""
    size = SECONDS.get(unit, 86_400)
    held = {int(datetime.fromisoformat(at).timestamp()) // size: value for at, value in points}
    first, last = int(begin.timestamp()) // size, int(end.timestamp()) // size
    last = min(last, first + MOST_PERIODS)
    blank = 0.0 if how == "sum" else None
    x = [iso(datetime.fromtimestamp(n * size, UTC)) for n in range(first, last + 1)]
    y = [held.get(n, blank) for n in range(first, last + 1)]
    return {
        "data": [{"type": "bar", "x": x, "y": y, "name": name, "marker": {"color": "accent"}}],
        "layout": {"showlegend": False},
    }


class FlowMetricsState(ListPage, FlowState):
    """The chosen metric; the conditions of the URL are task, metric, aggregation and time."""

    list_name: str = "flow-metrics"
    rows: list[Period] = []
    metric_keys: list[dict[str, Any]] = []
    metric_names: list[str] = []
    metric_unit: str = ""
    metric_word: str = ""
    metric_whole: str = ""
    metric_highest: str = ""
    metric_lowest: str = ""
    metric_figure: dict[str, Any] = {}
    metrics_of: str = ""
    metrics_ready: bool = False

    @turns.reads
    async def open_metrics(self):
        """Read which metrics there are, then the one that the URL names, else the first."""
        self.read_url(keys=KEYS)
        if self.metrics_of != f"{self.flow_ns}/{self.flow_id}":
            self.metrics_of, self.metrics_ready = f"{self.flow_ns}/{self.flow_id}", False
        async with self.listing() as api:
            tasks = await api.metrics.tasks(self.flow_ns, self.flow_id)
            task = next((one["value"] for one in self.filters if one["field"] == "taskId"), "")
            task = task if task in tasks else ""
            self.metric_names = await api.metrics.names(self.flow_ns, self.flow_id, task)
            self.filters = completed(
                [one for one in self.filters if one["field"] != "taskId" or task], self.metric_names
            )
            self.metric_keys = [_with(key, tasks, self.metric_names) for key in KEYS]
            if self.metric_names:
                await self._read(api, task)
        self.metrics_ready = True

    async def _read(self, api: Any, task: str) -> None:
        held = {one["field"]: one["value"] for one in self.filters}
        name, how = held["metric"], held["aggregation"]
        begin, end = edges(self.conditions(), datetime.now(UTC))
        answer = await api.metrics.aggregate(
            self.flow_ns, self.flow_id, name, task=task, start=iso(begin), end=iso(end), aggregation=how
        )
        self.metric_unit = str(answer.get("groupBy") or "day")
        points = [(str(one["date"]), float(one["value"])) for one in answer.get("aggregations") or []]
        self.metric_word = AGGREGATIONS[how]
        self.metric_figure = figure_of(points, self.metric_unit, begin, end, name, how)
        values = [value for _, value in points]
        top = max((abs(value) for value in values), default=0.0) or 1.0
        self.metric_whole = told(sum(values)) if values and how == "sum" else ""
        self.metric_highest = told(max(values)) if values else "–"
        self.metric_lowest = told(min(values)) if values else "–"
        self.rows = [
            Period(
                at,
                at,
                at[:10] if SECONDS.get(self.metric_unit, 0) >= SECONDS["day"] else "",
                told(value),
                f"{max(0.0, value) * 100 / top:.0f}%",
            )
            for at, value in reversed(points)
        ]
        self.total = len(self.rows)

    @rx.event
    async def choose_between(self, chosen: dict[str, Any]):
        """A part of the chart was drawn over: that time."""
        begin, end = (_instant(str(chosen.get(side) or "")) for side in ("from", "to"))
        if begin and end and begin != end:
            rest = [one for one in self.filters if one["field"] not in ("timeRange", "startDate", "endDate")]
            more = [{"field": "startDate", "operator": o, "value": v} for o, v in zip(EDGES, (begin, end), strict=True)]
            self._go(filters=[*rest, *more])


def _instant(text: str) -> str:
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "T")[:26])
    except ValueError:
        return ""
    return iso(found if found.tzinfo else found.replace(tzinfo=UTC))


def _with(key: dict[str, Any], tasks: list[str], names: list[str]) -> dict[str, Any]:
    options = {"taskId": tasks, "metric": names}.get(key["field"])
    told = {**key, "label": say(key["label"])}
    return told if options is None else {**told, "options": options}


KEYS = [
    filter_key("metric", later("metric"), kind="choice", operators=["EQUALS"], fixed=True),
    filter_key(
        "aggregation", later("aggregation"), kind="choice", operators=["EQUALS"], options=list(AGGREGATIONS), fixed=True
    ),
    filter_key("taskId", later("task"), kind="choice", operators=["EQUALS"]),
    filter_key("timeRange", later("time"), kind="period", fixed=True),
]

COLUMNS = [
    Column("Period", lambda row: rx.cond(row.day != "", moment(row.day + "T12:00:00Z", mode="date"), moment(row.at))),
    Column("Value", lambda row: row.value, numeric=True),
    Column(
        "",
        lambda row: rx.el.span(rx.el.i(style={"width": row.width}), class_name="sharebar wide"),
        fill=True,
    ),
]


def _of_unit(*words: str) -> Any:
    return rx.match(FlowMetricsState.metric_unit, *zip(SECONDS, words, strict=True), "")


def metrics_panel() -> rx.Component:
    """The tab *Metrics*."""
    s: Any = FlowMetricsState
    fact = lambda word, value: rx.el.div(  # noqa: E731
        rx.el.span(word, class_name="xs faint"), rx.el.b(value, class_name="fkpi num"), class_name="col"
    )
    nothing = empty_state(
        "No metrics",
        hint="Tasks that count rows, bytes or time publish metrics; none of this flow's executions did. "
        "The task metric.Publish writes any number you like.",
        icon="gauge",
        actions=[
            button("Execute", icon="play", kind="primary", on_click=ExecuteState.open_for(s.flow_ns, s.flow_id)),
            link_button("What metrics are", "/plugins/io.kestra.plugin.core.metric.Publish"),
        ],
    )
    outside = empty_state(
        "Nothing measured in this time",
        hint="The metric was published by other executions. Choose a longer time.",
        icon="search-x",
        actions=[button("Reset", on_click=s.reset_filters, test="metrics-reset")],
    )
    head = rx.el.div(
        rx.cond(s.metric_whole != "", fact("Sum", s.metric_whole), rx.fragment()),
        fact(
            _of_unit("Highest minute", "Highest hour", "Highest day", "Highest week", "Highest month"), s.metric_highest
        ),
        fact(_of_unit("Lowest minute", "Lowest hour", "Lowest day", "Lowest week", "Lowest month"), s.metric_lowest),
        class_name="fkpis mpad",
        custom_attrs={"data-testid": "metrics-facts"},
    )
    figure = rx.el.div(
        chart(
            figure=s.metric_figure,
            height=220,
            label="The metric over time",
            legend=False,
            on_range=FlowMetricsState.choose_between,
        ),
        class_name="xl-chart tall",
        custom_attrs={"data-testid": "metrics-chart"},
    )
    table = data_table(s.rows, COLUMNS, label="Periods", row_id=lambda row: row.key, none=outside, test="metrics-table")
    bar = filter_bar(
        s.metric_keys,
        filters=s.filters,
        on_filters=s.set_filters,
        on_reset=s.reset_filters,
        tools=[
            refresh(FlowMetricsState.open_metrics, seconds=s.refresh_seconds, on_seconds=s.set_refresh, busy=s.loading)
        ],
    )
    body = rx.cond(
        s.metric_names.length() > 0,
        rx.fragment(bar, list_body(s, rx.fragment(head, figure, table), on_retry=FlowMetricsState.open_metrics)),
        list_body(s, nothing, on_retry=FlowMetricsState.open_metrics),
    )
    return rx.el.div(
        rx.cond(s.metrics_ready, body, skeleton_rows()),
        class_name="editor",
        custom_attrs={"data-testid": "flow-metrics"},
    )


openers["metrics"] = FlowMetricsState.open_metrics
