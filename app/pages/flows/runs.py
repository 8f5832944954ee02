"""Executions and log lines of one flow (UI-FP-03, UI-FP-04): small lists with the filters of the URL."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.list_page import ListPage
from app.listing import list_filters, list_pager
from app.pages.flows.execute import ExecuteState
from app.pages.flows.state import FlowState, openers
from backend_client import ExecutionRow, LogRow
from components.button import button, link
from components.clock import duration, moment
from components.filters import filter_key
from components.message import empty_state, label_chip, skeleton_rows
from components.states import STATES, state_badge
from components.stream import stream_host
from components.table import Column, data_table


def _own(state: FlowState) -> list[dict[str, str]]:
    return [
        {"field": "namespace", "operator": "EQUALS", "value": state.flow_ns},
        {"field": "flowId", "operator": "EQUALS", "value": state.flow_id},
    ]


class FlowRunsState(ListPage, FlowState):
    """Executions of the flow."""

    rows: list[ExecutionRow] = []
    runs_of: str = ""

    @rx.event
    async def open_runs(self):
        """Fetch the page that the URL asks for."""
        self.read_url(sort="state.startDate:desc")
        if self.runs_of != f"{self.flow_ns}/{self.flow_id}":
            self.rows, self.total, self.loading = [], 0, True
            self.runs_of = f"{self.flow_ns}/{self.flow_id}"
        async with self.api() as api:
            wanted = self.wanted()
            self.take(await api.executions.search(**{**wanted, "filters": [*_own(self), *self.filters]}))

    @rx.event
    async def changed(self, change: dict[str, Any]):
        """An execution of the flow came or changed."""
        if self.flow_tab == "executions":
            async with self.api("Could not refresh the list") as api:
                wanted = self.wanted()
                self.take(await api.executions.search(**{**wanted, "filters": [*_own(self), *self.filters]}))


class FlowLogsState(ListPage, FlowState):
    """Log lines of the flow's executions."""

    rows: list[LogRow] = []
    lines_of: str = ""

    @rx.event
    async def open_lines(self):
        """Fetch the page that the URL asks for."""
        self.read_url(sort="timestamp:desc", filters=[{"field": "level", "operator": "EQUALS", "value": "INFO"}])
        if self.lines_of != f"{self.flow_ns}/{self.flow_id}":
            self.rows, self.total, self.loading = [], 0, True
            self.lines_of = f"{self.flow_ns}/{self.flow_id}"
        async with self.api() as api:
            self.take(await api.logs.search(**{**self.wanted(), "filters": [*_own(self), *self.filters]}))


RUN_FILTERS = [
    filter_key("state", "state", kind="choice", options=list(STATES)),
    filter_key("labels", "label", kind="labels"),
    filter_key("startDate", "start", kind="date", operators=["GREATER_THAN_OR_EQUAL_TO"]),
    filter_key("endDate", "end", kind="date", operators=["LESS_THAN_OR_EQUAL_TO"]),
]
LINE_FILTERS = [
    filter_key(
        "level",
        "level at least",
        kind="choice",
        operators=["EQUALS"],
        options=["TRACE", "DEBUG", "INFO", "WARN", "ERROR"],
    ),
    filter_key("triggerId", "trigger", operators=["EQUALS", "IN"]),
    filter_key("startDate", "start", kind="date", operators=["GREATER_THAN_OR_EQUAL_TO"]),
    filter_key("endDate", "end", kind="date", operators=["LESS_THAN_OR_EQUAL_TO"]),
]


def _id(row: Any) -> rx.Component:
    return link(row.short_id, to=routes.execution(row.namespace, row.flow, row.id), class_name="mono med", title=row.id)


def _trigger(row: Any) -> rx.Component:
    return rx.cond(
        row.trigger != "", rx.el.span(row.trigger, class_name="mut"), rx.el.span("manual", class_name="faint")
    )


def _labels(row: Any) -> rx.Component:
    return rx.el.span(
        rx.foreach(
            row.labels,
            lambda one: rx.cond(one["key"].startswith("system."), rx.fragment(), label_chip(one["key"], one["value"])),
        ),
        class_name="row g4",
    )


RUN_COLUMNS = [
    Column("State", lambda row: state_badge(row.state)),
    Column("Id", _id, sort="id"),
    Column("Started", lambda row: moment(row.started, mode="relative"), sort="state.startDate", numeric=True),
    Column(
        "Duration",
        lambda row: rx.cond(row.terminal, duration(ms=row.duration_ms), duration(start=row.started)),
        numeric=True,
        sort="state.duration",
    ),
    Column("Trigger", _trigger, hide="m"),
    Column("Revision", lambda row: row.revision, numeric=True, hide="m"),
    Column("Labels", _labels, fill=True, hide="m"),
]


def _small(row: Any) -> rx.Component:
    return rx.el.div(
        state_badge(row.state),
        rx.el.div(
            link(row.short_id, to=routes.execution(row.namespace, row.flow, row.id), class_name="mono med"),
            moment(row.started, mode="relative"),
            class_name="col grow",
        ),
        rx.cond(row.terminal, duration(ms=row.duration_ms), duration(start=row.started)),
        class_name="fcard",
    )


def _searched(state: Any) -> Any:
    filters: Any = rx.Var.create(state.filters)
    return (filters.length() > 0) | (state.search_text != "")


def runs_panel() -> rx.Component:
    """The tab *Executions*."""
    s: Any = FlowRunsState
    none = rx.cond(
        _searched(s),
        empty_state(
            "Nothing matches",
            hint="No execution of this flow fits the conditions above.",
            icon="search-x",
            actions=[button("Reset filters", on_click=s.set_filters([]))],
        ),
        empty_state(
            "Not executed yet",
            hint="Each run of the flow stands here, with its state, its start and its duration.",
            icon="activity",
            actions=[
                button("Execute", icon="play", kind="primary", on_click=ExecuteState.open_for(s.flow_ns, s.flow_id))
            ],
        ),
    )
    return rx.el.div(
        list_filters(s, RUN_FILTERS, placeholder="Execution or label", on_refresh=s.open_runs),
        data_table(
            s.rows,
            RUN_COLUMNS,
            label="Executions",
            sort=s.sort_by,
            on_sort=s.set_sort,
            loading=s.loading,
            none=none,
            small=_small,
            test="flow-executions",
        ),
        list_pager(s),
        stream_host(
            url="/api/v1/" + s.tenant_id + "/console/stream?topics=flow:" + s.flow_ns + "/" + s.flow_id,
            on_topic=s.changed,
        ),
        class_name="editor",
    )


def _line(row: Any) -> rx.Component:
    return rx.el.div(
        moment(row.time, mode="auto"),
        rx.el.span(row.level, class_name=rx.match(row.level, ("ERROR", "fgs bad"), ("WARN", "fgs warn"), "faint")),
        rx.cond(
            row.execution != "",
            link(
                rx.cond(row.task != "", row.task, "flow"),
                to=routes.execution(row.namespace, row.flow, row.execution, "logs"),
                class_name="mut ell",
                title=row.execution,
            ),
            rx.el.span(row.trigger, class_name="mut ell"),
        ),
        rx.el.span(row.message, class_name="msg"),
        class_name="lgr",
        key=row.key,
    )


def logs_panel() -> rx.Component:
    """The tab *Logs*."""
    s: Any = FlowLogsState
    none = empty_state(
        "No lines",
        hint="No log line of this flow fits the conditions above.",
        icon="scroll-text",
        actions=[button("Reset filters", on_click=s.set_filters([]))],
    )
    return rx.el.div(
        list_filters(s, LINE_FILTERS, placeholder="Text of the line", on_refresh=s.open_lines),
        rx.cond(
            s.rows.length() > 0,
            rx.el.div(
                rx.foreach(s.rows, _line), class_name="scroll lgl mono", custom_attrs={"data-testid": "flow-logs"}
            ),
            rx.cond(s.loading, skeleton_rows(), none),
        ),
        list_pager(s),
        class_name="editor",
    )


openers["executions"] = FlowRunsState.open_runs
openers["logs"] = FlowLogsState.open_lines
