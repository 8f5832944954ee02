"""Executions and log lines of one flow: the lists of all, narrowed to the flow (UI-FP-03, UI-FP-04)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes, turns
from app.conditions import pairs_of
from app.list_page import ListPage
from app.listing import list_body, list_filters, list_none, list_pager, list_table
from app.pages.executions.dialogs import confirmation
from app.pages.executions.keys import FILTERS
from app.pages.executions.page import COLUMNS, bulk_bar, label_column, labels_cell, row_menu, small
from app.pages.executions.run_rows import RunRows
from app.pages.flows.execute import ExecuteState
from app.pages.flows.state import FlowState, openers
from app.tab import internal
from app.words import later, say, say_count, spoken
from backend_client import ApiError, LogRow
from components.button import button, icon_button, link
from components.clock import moment
from components.dialog import confirm_dialog
from components.filters import filter_key
from components.message import empty_state, skeleton_rows
from components.stream import stream_host
from components.table import Column, keys_of


def _own(state: Any) -> list[dict[str, str]]:
    return [
        {"field": "namespace", "operator": "EQUALS", "value": state.flow_ns},
        {"field": "flowId", "operator": "EQUALS", "value": state.flow_id},
    ]


class FlowRunsState(RunRows, FlowState):
    """Executions of the flow."""

    list_name: str = "flow-executions"
    runs_of: str = ""
    csv_url: str = ""

    @turns.reads
    async def open_runs(self):
        """Fetch the page that the URL asks for."""
        self.deed = ""
        self.read_url(sort="state.startDate:desc", keys=RUN_FILTERS, columns=keys_of(RUN_COLUMNS))
        if self.runs_of != f"{self.flow_ns}/{self.flow_id}":
            self.rows, self.total, self.loading, self.selected = [], 0, True, []
            self.runs_of = f"{self.flow_ns}/{self.flow_id}"
        query = urlencode(pairs_of(self.search_text, self.conditions()), safe="[],:")
        self.csv_url = f"/api/v1/{self.tenant_id}/executions/export/by-query/csv?{query}"
        async with self.listing() as api:
            await self._fetch(api)
            await self.explain(self._search(api), "started")

    def _search(self, api: Any) -> Any:
        """The search that never leaves the flow: ranges of time are tried with it."""

        async def search(*, filters: list[dict[str, str]], **more: Any) -> Any:
            return await api.executions.search(filters=[*_own(self), *filters], **more)

        return search

    @internal
    def conditions(self) -> list[dict[str, str]]:
        """The reader's conditions within the flow."""
        return [*_own(self), *super().conditions()]

    @turns.reads
    async def changed(self, change: dict[str, Any]):
        """An execution of the flow came or changed; the rows stay as they are while some are chosen."""
        if self.flow_tab == "executions" and not self.selected and not self.deed and not self.loading:
            async with self.api(say("Could not refresh the list")) as api:
                await self._fetch(api)


class FlowLogsState(ListPage, FlowState):
    """Log lines of the flow's executions."""

    list_name: str = "flow-logs"
    rows: list[LogRow] = []
    lines_of: str = ""
    line_keys: list[dict[str, Any]] = []
    may_delete: bool = False
    asking_lines: bool = False
    lines_told: str = ""

    @turns.reads
    async def open_lines(self):
        """Fetch the page that the URL asks for."""
        level = str(self.settings.get("logLevel") or "INFO")
        own = [{"field": "level", "operator": "EQUALS", "value": level}]
        self.read_url(sort="timestamp:desc", filters=own, keys=LINE_FILTERS)
        self.asking_lines = False
        self.may_delete = self.may("EXECUTION", "DELETE", self.flow_ns)
        if self.lines_of != f"{self.flow_ns}/{self.flow_id}":
            self.rows, self.total, self.loading = [], 0, True
            self.lines_of, self.line_keys = f"{self.flow_ns}/{self.flow_id}", _spoken(LINE_FILTERS)
        async with self.listing() as api:
            self.take(await api.logs.search(**{**self.wanted(), "filters": [*_own(self), *self.conditions()]}))
            if not any(one["options"] for one in self.line_keys[1:2]):
                await self._options(api)

    async def _options(self, api: Any) -> None:
        """Tasks and triggers to filter by."""
        flow = await api.flows.get(self.flow_ns, self.flow_id, source=False, deleted=self.flow_deleted)
        options = {
            "taskId": tasks_of(flow),
            "triggerId": [str(one.get("id")) for one in flow.get("triggers") or [] if isinstance(one, dict)],
        }
        self.line_keys = [
            {**key, "options": options.get(key["field"], key["options"])} for key in _spoken(LINE_FILTERS)
        ]

    @turns.opens
    async def ask_delete_lines(self):
        """Ask before the lines of the flow are deleted."""
        self.asking_lines, self.lines_told = True, ""
        trigger = next((one["value"] for one in self.filters if one["field"] == "triggerId"), "")
        async with self.api(say("Could not count the lines")) as api:
            found = (await api.logs.search(size=1, filters=_own(self))).total
            self.lines_told = say_count(found, "{n} line of all its runs", "{n} lines of all its runs", n=spoken(found))
            if trigger and "," not in trigger:
                self.lines_told = say("the lines of the trigger {trigger}", trigger=trigger)

    @rx.event
    async def keep_lines(self):
        """Delete nothing."""
        self.asking_lines = False

    @turns.writes
    async def delete_lines(self):
        """Delete the lines of the flow, or of the one trigger that is shown."""
        self.asking_lines = False
        trigger = next((one["value"] for one in self.filters if one["field"] == "triggerId"), "")
        trigger = "" if "," in trigger else trigger
        try:
            async with self.api(raising=True) as api:
                if trigger:
                    await api.logs.delete_of_trigger(self.flow_ns, self.flow_id, trigger)
                else:
                    await api.logs.delete_of_flow(self.flow_ns, self.flow_id)
        except ApiError as error:
            self.fail(error, say("Could not delete the lines"))
            return None
        self.toast(say("Lines deleted"), self.flow_id)
        return FlowLogsState.open_lines


def tasks_of(flow: dict[str, Any]) -> list[str]:
    """Ids of all tasks of a flow, nested ones too, in the order of the source."""
    found: list[str] = []
    stack: list[Any] = [[flow.get(name) for name in ("tasks", "errors", "finally", "afterExecution")]]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(reversed(one))
        elif isinstance(one, dict):
            if isinstance(one.get("id"), str) and isinstance(one.get("type"), str):
                found.append(one["id"])
            stack.extend(value for value in reversed(list(one.values())) if isinstance(value, (list, dict)))
    return list(dict.fromkeys(found))


RUN_FILTERS = [one for one in FILTERS if one["field"] not in ("namespace", "flowId", "scope")]
LINE_FILTERS = [
    filter_key(
        "level",
        later("level at least"),
        kind="choice",
        operators=["EQUALS"],
        options=["TRACE", "DEBUG", "INFO", "WARN", "ERROR"],
    ),
    filter_key("taskId", later("task"), kind="choice", operators=["IN", "EQUALS", "CONTAINS"]),
    filter_key("triggerId", later("trigger"), kind="choice", operators=["EQUALS", "IN"]),
    filter_key("timeRange", later("time"), kind="period"),
    filter_key("startDate", later("start"), kind="date", operators=["GREATER_THAN_OR_EQUAL_TO"]),
    filter_key("endDate", later("end"), kind="date", operators=["LESS_THAN_OR_EQUAL_TO"]),
]


def _spoken(keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**key, "label": say(str(key["label"]))} for key in keys]


def _run_columns() -> list[Column]:
    """Those of all executions without namespace and flow: the id leads to the run, the revision is shown."""
    cells: dict[str, Any] = {"labels": lambda row: labels_cell(row, FlowRunsState)}
    found = []
    for one in COLUMNS:
        if one.key in ("namespace", "flow"):
            continue
        hide = "" if one.key == "id" else one.hide
        cell = cells.get(one.key, one.cell)
        found.append(replace(one, cell=cell, hide=hide, off=one.off and one.key != "revision"))
    return found


RUN_COLUMNS = _run_columns()


def runs_panel() -> rx.Component:
    """The tab *Executions*."""
    s: Any = FlowRunsState
    none = list_none(
        s,
        what="execution of this flow",
        title="Not executed yet",
        hint="Each run of the flow stands here, with its state, its start and its duration.",
        icon="activity",
        actions=[button("Execute", icon="play", kind="primary", on_click=ExecuteState.open_for(s.flow_ns, s.flow_id))],
        test="flow-runs",
    )
    return rx.el.div(
        list_filters(
            s,
            RUN_FILTERS,
            placeholder="Execution or label",
            on_refresh=s.open_runs,
            columns=RUN_COLUMNS,
            label_columns=True,
            csv=s.csv_url,
        ),
        list_body(
            s,
            list_table(
                s,
                RUN_COLUMNS,
                label="Executions",
                row_id=lambda row: row.id,
                choose=s.select,
                none=none,
                actions=lambda row: row_menu(row, s),
                small=lambda row: small(row, s, named=False),
                bulk=bulk_bar(s),
                extra=label_column,
                test="flow-executions",
            ),
            on_retry=s.open_runs,
        ),
        list_pager(s),
        confirmation(s),
        stream_host(
            url="/api/v1/" + s.tenant_id + "/console/stream?topics=flow:" + s.flow_ns + "/" + s.flow_id,
            on_topic=s.changed,
        ),
        class_name="editor",
    )


def _line(row: Any) -> rx.Component:
    return rx.el.div(
        moment(row.time, mode="auto"),
        rx.el.span(
            row.level,
            class_name=rx.match(
                row.level,
                ("ERROR", "lvl lv-E"),
                ("WARN", "lvl lv-W"),
                ("INFO", "lvl lv-I"),
                ("DEBUG", "lvl lv-D"),
                "lvl lv-T",
            ),
        ),
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
        list_filters(
            s,
            s.line_keys,
            placeholder="Text of the line",
            on_refresh=s.open_lines,
            tools=[
                rx.cond(
                    s.may_delete & (s.total > 0),
                    icon_button("trash-2", "Delete the lines", on_click=s.ask_delete_lines, test="flow-logs-delete"),
                    rx.fragment(),
                )
            ],
        ),
        rx.cond(
            s.rows.length() > 0,
            rx.el.div(
                rx.foreach(s.rows, _line), class_name="scroll lgl mono", custom_attrs={"data-testid": "flow-logs"}
            ),
            rx.cond(s.loading, skeleton_rows(), none),
        ),
        list_pager(s),
        confirm_dialog(
            "Delete the lines of this flow",
            rx.el.p(
                rx.el.b(s.flow_id, class_name="mono"),
                " loses ",
                rx.cond(s.lines_told != "", s.lines_told, "its lines"),
                ". Executions stay; lines cannot be brought back.",
            ),
            open=s.asking_lines,
            on_cancel=s.keep_lines,
            on_confirm=s.delete_lines,
            verb="Delete lines",
            test="flow-logs-ask",
        ),
        class_name="editor",
    )


openers["executions"] = FlowRunsState.open_runs
openers["logs"] = FlowLogsState.open_lines
