"""Logs of all executions and triggers of the tenant (`spec` UI-LG)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes, turns
from app.conditions import TIME_FIELDS, pairs_of, time_range
from app.filter_keys import flow_filter, namespace_filter
from app.frame import page_shell
from app.list_page import ListPage
from app.listing import list_body, list_filters, list_none, list_pager
from app.tab import Tab
from backend_client import LogRow
from components.button import copy_button, link, segmented
from components.chart import chart
from components.clock import moment
from components.dialog import menu, menu_item
from components.filters import filter_key
from components.log_tail import log_patterns, log_tail
from components.message import skeleton_rows
from components.reactive import testid

LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]
DEFAULTS = [
    {"field": "timeRange", "operator": "EQUALS", "value": "PT24H"},
    {"field": "minLevel", "operator": "EQUALS", "value": "INFO"},
]
FILTERS = [
    filter_key("timeRange", "time", kind="period"),
    filter_key("minLevel", "level from", operators=["EQUALS"], kind="choice", options=LEVELS),
    namespace_filter(),
    flow_filter(),
    filter_key("taskId", "task"),
    filter_key("executionId", "execution", operators=["EQUALS"]),
    filter_key("triggerId", "trigger"),
    filter_key("scope", "scope", kind="choice", operators=["EQUALS"], options=["USER", "SYSTEM"]),
    filter_key("startDate", "from", kind="date"),
]
MODES = ("lines", "tail", "patterns")
FAMILIES = {"ERROR": "bad", "WARN": "warn", "INFO": "live", "DEBUG": "idle", "TRACE": "queued"}
"""Colours of the levels in the chart, as `figures` gives them."""

CHARTED = ("namespace", "flowId", "taskId", "executionId", "triggerId")
"""Conditions that hold for the chart too; it shows every level and text."""


class LogsState(ListPage, Tab):
    """A page of lines and the chart above; the tail and the patterns are read by the browser."""

    list_name: str = "logs"
    rows: list[LogRow] = []
    mode: str = "lines"
    chart_body: dict[str, Any] = {}
    chart_turn: int = 0
    search_query: str = ""
    tail_query: str = ""

    @turns.reads
    async def load(self) -> None:
        """Fetch the lines that the URL asks for; the browser fetches the chart."""
        if not self.username:
            return
        level = str(self.settings.get("logLevel") or "INFO")
        lowest = {"field": "minLevel", "operator": "EQUALS", "value": level if level in LEVELS else "INFO"}
        self.read_url(filters=[DEFAULTS[0], lowest], keys=FILTERS)
        view = self.query("view")
        self.mode = view if view in MODES else "lines"
        sent = self.conditions()
        self.search_query = urlencode(pairs_of(self.search_text, sent), safe="[],:")
        untimed = [one for one in sent if one["field"] not in TIME_FIELDS]
        self.tail_query = urlencode(pairs_of(self.search_text, untimed), safe="[],:")
        self.chart_body = {
            "chart": "logs-over-time",
            "timeRange": time_range(sent, "PT24H"),
            "filters": [
                {"field": one["field"], "operation": one["operator"], "value": one["value"]}
                for one in sent
                if one["field"] in CHARTED
            ],
        }
        self.chart_turn += 1
        if self.mode != "lines":
            self.loading = False
            return
        asked: dict[str, Any] = self.wanted() | {"sort": self.sort_by or "timestamp:desc"}
        async with self.listing() as api:
            self.take(await api.logs.search(**asked))
            await self.explain(api.logs.search, "time")

    @rx.event
    async def set_mode(self, mode: str) -> None:
        """Lines, live tail or patterns; it stands in the URL."""
        pairs = [(k, v) for k, v in self.query_pairs() if k not in ("view", "page")] or [("own", "1")]
        self._open(pairs + ([("view", mode)] if mode in MODES[1:] else []))

    @rx.event
    async def open_pattern(self, chosen: dict[str, Any]) -> None:
        """A pattern was chosen: lines with the longest part that its messages share."""
        parts = sorted(str(chosen.get("pattern") or "").split("#"), key=len)
        self.search_text = parts[-1].strip()[:120] if parts else ""
        pairs = pairs_of(self.search_text, self.filters)
        self._open(pairs or [("own", "1")])

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


def _instant(text: str) -> str:
    try:
        found = datetime.fromisoformat(text.replace(" ", "T"))
    except ValueError:
        return ""
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _place(row: LogRow) -> Any:
    """The line within its execution's log."""
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
                    link("Show in the execution", to=_place(row), class_name="link sm", test="log-show"),
                    link(
                        "Show the trigger",
                        to=routes.flow(row.namespace, row.flow, "triggers"),
                        class_name="link sm",
                    ),
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
    base = f"/api/v1/{state.tenant_id}"
    none = list_none(
        state,
        what="log line",
        title="No log lines yet",
        hint="Tasks and triggers write log lines while they run.",
        icon="scroll-text",
        test="logs",
    )
    exports = menu(
        rx.el.button(
            rx.icon("download", size=14),
            class_name="ib hide-s",
            title="Export the filtered lines",
            aria_label="Export the filtered lines",
            custom_attrs={"type": "button", "data-testid": "logs-export"},
        ),
        menu_item("CSV", icon="file-spreadsheet", href=f"{base}/console/logs/export?format=csv&{state.search_query}"),
        menu_item("Text", icon="file-text", href=f"{base}/console/logs/export?format=txt&{state.search_query}"),
        label="Export the filtered lines",
    )
    modes = segmented(
        [("lines", "Lines"), ("tail", "Live tail"), ("patterns", "Patterns")],
        state.mode,
        LogsState.set_mode,
        label="View",
        test="logs-mode",
    )
    lines = rx.cond(
        state.rows.length() > 0,
        rx.el.div(
            rx.foreach(LogsState.rows, _line), class_name="scroll", custom_attrs=testid("logs-lines"), tab_index=0
        ),
        rx.cond(LogsState.loading, skeleton_rows(), none),
    )
    figure = rx.el.div(
        rx.el.div(
            rx.el.h2("Lines by level, whatever their text", class_name="sm mut"),
            rx.el.span(class_name="grow"),
            *(
                rx.el.span(rx.el.i(class_name=f"xl-key {family}"), rx.el.span(level), class_name="row g4")
                for level, family in FAMILIES.items()
            ),
            class_name="row g12 xs mut",
        ),
        chart(
            # Not before the conditions are known: an empty body would ask for a stored figure.
            figure_url=rx.cond(state.chart_body.length() > 0, f"{base}/console/figures", ""),
            body=state.chart_body,
            reload=state.chart_turn,
            height=96,
            legend=False,
            label="Log lines over time by level",
            on_range=LogsState.set_brush,
        ),
        class_name="lgc hide-s",
    )
    return page_shell(
        "Logs",
        list_filters(
            LogsState, FILTERS, placeholder="Text of the line", on_refresh=LogsState.load, tools=[exports, modes]
        ),
        rx.cond(state.mode == "tail", rx.fragment(), figure),
        rx.match(
            state.mode,
            ("tail", log_tail(url=f"{base}/logs/search?{state.tail_query}")),
            (
                "patterns",
                log_patterns(
                    url=f"{base}/console/logs/patterns?{state.search_query}&turn={state.chart_turn}",
                    on_pick=LogsState.open_pattern,
                ),
            ),
            list_body(state, lines, on_retry=LogsState.load),
        ),
        rx.cond(state.mode == "lines", list_pager(LogsState), rx.fragment()),
        on_retry=LogsState.load,
    )
