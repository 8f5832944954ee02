"""Logs of all executions and triggers of the tenant (`spec` UI-LG)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.list_page import ListPage
from app.listing import list_filters, list_pager
from app.tab import Tab
from backend_client import LogRow
from components.button import button, copy_button, link
from components.chart import chart
from components.clock import moment
from components.filters import NAMESPACE_OPERATORS, filter_key
from components.message import empty_state, skeleton_rows
from components.reactive import testid

LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]
DEFAULTS = [
    {"field": "timeRange", "operator": "EQUALS", "value": "PT24H"},
    {"field": "minLevel", "operator": "EQUALS", "value": "INFO"},
]
FILTERS = [
    filter_key("timeRange", "time", kind="period"),
    filter_key("minLevel", "level from", operators=["EQUALS"], kind="choice", options=LEVELS),
    filter_key(
        "namespace",
        "namespace",
        operators=NAMESPACE_OPERATORS,
        kind="choice",
        options_url="/api/v1/{tenant}/flows/distinct-namespaces",
    ),
    filter_key("flowId", "flow"),
    filter_key("taskId", "task"),
    filter_key("executionId", "execution", operators=["EQUALS"]),
    filter_key("triggerId", "trigger"),
    filter_key("startDate", "from", kind="date"),
]

CHARTED = ("namespace", "flowId", "taskId", "executionId", "triggerId")
"""Conditions that hold for the chart too; it shows every level and text."""


class LogsState(ListPage, Tab):
    """A page of lines and the chart above."""

    rows: list[LogRow] = []
    chart_body: dict[str, Any] = {}
    chart_turn: int = 0

    @rx.event
    async def load(self) -> None:
        """Fetch the lines that the URL asks for; the browser fetches the chart."""
        if not self.username:
            return
        self.read_url(filters=DEFAULTS)
        self.chart_body = {
            "chart": "logs-over-time",
            "timeRange": self._span(),
            "filters": [
                {"field": one["field"], "operation": one["operator"], "value": one["value"]}
                for one in self.filters
                if one["field"] in CHARTED
            ],
        }
        self.chart_turn += 1
        asked: dict[str, Any] = self.wanted() | {"sort": self.sort_by or "timestamp:desc"}
        async with self.api() as api:
            self.take(await api.logs.search(**asked))

    def _span(self) -> Any:
        for one in self.filters:
            if one["field"] == "timeRange":
                return one["value"]
        since = [one["value"] for one in self.filters if one["field"] == "startDate" and "GREATER" in one["operator"]]
        until = [one["value"] for one in self.filters if one["field"] == "startDate" and "LESS" in one["operator"]]
        now = datetime.now(UTC)
        return {
            "start": since[0] if since else (now - timedelta(days=1)).isoformat(timespec="seconds"),
            "end": until[0] if until else now.isoformat(timespec="seconds"),
        }

    @rx.event
    async def set_brush(self, chosen: dict[str, Any]) -> None:
        """A part of the chart was chosen."""
        if not chosen.get("from"):
            return
        rest = [one for one in self.filters if one["field"] not in ("timeRange", "startDate")]
        instants = [_instant(str(chosen[name])) for name in ("from", "to")]
        if all(instants):
            for value, operator in zip(instants, ("GREATER_THAN_OR_EQUAL_TO", "LESS_THAN_OR_EQUAL_TO"), strict=True):
                rest.append({"field": "startDate", "operator": operator, "value": value})
            self._go(filters=rest)

    @rx.event
    async def only(self, name: str, value: str) -> None:
        """Add a field of a line to the conditions."""
        if name not in ("namespace", "flowId", "taskId", "executionId", "triggerId") or not value:
            return
        rest = [one for one in self.filters if one["field"] != name]
        operator = "IN" if name == "namespace" else "EQUALS"
        self._go(filters=[*rest, {"field": name, "operator": operator, "value": value}])

    @rx.event
    async def begin_anew(self) -> None:
        """Back to the conditions that the list begins with."""
        self._go(text="", filters=list(DEFAULTS))


def _instant(text: str) -> str:
    try:
        found = datetime.fromisoformat(text.replace(" ", "T"))
    except ValueError:
        return ""
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _place(row: LogRow) -> Any:
    page = routes.execution(row.namespace, row.flow, row.execution, "logs")
    return rx.cond(row.no != "", page + "?log=" + row.no, page)


def _level(row: LogRow) -> rx.Component:
    tone = rx.match(
        row.level, ("ERROR", "lvl lv-E"), ("WARN", "lvl lv-W"), ("INFO", "lvl lv-I"), ("DEBUG", "lvl lv-D"), "lvl lv-T"
    )
    return rx.el.span(row.level, class_name=tone)


def _fact(label: str, name: str, value: Any) -> rx.Component:
    return rx.cond(
        value != "",
        rx.el.div(
            rx.el.dt(label),
            rx.el.dd(rx.el.span(value, class_name="mono brk")),
            rx.el.button(
                "Filter by this",
                class_name="link sm",
                on_click=LogsState.only(name, value),
                custom_attrs={"type": "button"},
            ),
            class_name="lgf",
        ),
        rx.fragment(),
    )


def _line(row: LogRow) -> rx.Component:
    flow = rx.el.span(row.flow, class_name="ell lgw", title=row.namespace + "." + row.flow)
    return rx.el.details(
        rx.el.summary(
            rx.icon("chevron-right", size=12),
            rx.el.span(moment(row.time), class_name="num lgt"),
            _level(row),
            flow,
            rx.el.span(rx.cond(row.task != "", row.task, row.trigger), class_name="mut ell lgk hide-m"),
            rx.el.span(row.message, class_name="mono ell grow lgm"),
            class_name="lgs",
        ),
        rx.el.div(
            rx.el.pre(row.message, class_name="lgx"),
            rx.el.dl(
                _fact("Namespace", "namespace", row.namespace),
                _fact("Flow", "flowId", row.flow),
                _fact("Execution", "executionId", row.execution),
                _fact("Task", "taskId", row.task),
                _fact("Trigger", "triggerId", row.trigger),
            ),
            rx.el.div(
                rx.el.span(moment(row.time, mode="full"), class_name="mut sm"),
                rx.cond(
                    row.execution != "",
                    link("Show in the execution", to=_place(row), class_name="link sm"),
                    rx.fragment(),
                ),
                copy_button(row.message, "Copy the line"),
                class_name="row g12",
            ),
            class_name="lgd",
        ),
        key=row.key,
        class_name="lg_",
    )


def logs_page() -> rx.Component:
    """The screen."""
    state: Any = LogsState
    none = empty_state(
        "No line matches",
        hint="No log line of the chosen time fits the level and the conditions above.",
        icon="search-x",
        actions=[
            button("Last 24 hours, from INFO", kind="primary", on_click=LogsState.begin_anew, test="logs-reset"),
        ],
        test="logs-none",
    )
    return page_shell(
        "Logs",
        list_filters(LogsState, FILTERS, placeholder="Text of the line", on_refresh=LogsState.load),
        rx.el.div(
            rx.el.h2("Lines by level, whatever their text", class_name="sm mut"),
            chart(
                # Not before the conditions are known: an empty body would ask for a stored figure.
                figure_url=rx.cond(
                    state.chart_body.length() > 0, "/api/v1/" + state.tenant_id + "/console/figures", ""
                ),
                body=state.chart_body,
                reload=state.chart_turn,
                height=96,
                label="Log lines over time by level",
                on_range=LogsState.set_brush,
            ),
            class_name="lgc hide-s",
        ),
        rx.cond(
            state.rows.length() > 0,
            rx.el.div(
                rx.foreach(LogsState.rows, _line), class_name="scroll", custom_attrs=testid("logs-lines"), tab_index=0
            ),
            rx.cond(LogsState.loading, skeleton_rows(), none),
        ),
        list_pager(LogsState),
        on_retry=LogsState.load,
    )
