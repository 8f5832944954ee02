"""State of the executions list: filters, rows, live refresh (UI-EX, UI-LS, UI-LV)."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes
from app.list_page import ListPage
from app.pages.executions.bulk import BulkActions
from app.pages.executions.ranges import TIME_FIELDS, in_words, nearest_range, one_time, without_time
from app.tab import Tab
from backend_client import ApiError, Client, ExecutionRow, query_of
from backend_client.client import text_of

DEFAULT_FILTERS = [{"field": "timeRange", "operator": "EQUALS", "value": "PT720H"}]
DEFAULT_SORT = "state.startDate:desc"
CHART_SECONDS = 10.0
"""A list that changes all the time draws its chart no more often."""
BAR = 64
"""Widest bar below a duration, in px."""
VIEWS = [
    ("All", ""),
    (
        "Running",
        "filters[state][IN]=CREATED,QUEUED,RUNNING,RETRYING,RESTARTED,KILLING&filters[timeRange][EQUALS]=PT720H",
    ),
    ("Failed today", "filters[state][IN]=FAILED,WARNING&filters[timeRange][EQUALS]=PT24H"),
    ("Paused", "filters[state][IN]=PAUSED,BREAKPOINT&filters[timeRange][EQUALS]=PT8760H"),
]


class ExecutionsState(BulkActions, ListPage, Tab):
    """One page of executions."""

    rows: list[ExecutionRow] = []
    fresh: int = 0
    csv_url: str = ""
    chart_url: str = ""
    chart_body: dict[str, Any] = {}
    chart_turn: int = 0
    chart_on: bool = True
    view: str = ""
    views: list[dict[str, str]] = []
    view_name: str = ""
    naming_view: bool = False
    view_error: str = ""
    none_words: str = ""
    near_range: str = ""
    near_words: str = ""
    near_count: int = 0
    picking: bool = False
    pick_namespace: str = ""
    pick_flow: str = ""
    pick_namespaces: list[str] = []
    pick_flows: list[str] = []
    _charted: float = 0.0

    # -- loading ------------------------------------------------------------------------------------------

    @rx.event
    async def load(self):
        """Enter the list: close what was open, fetch the page that the URL asks for."""
        self.deed, self.naming_view, self.picking = "", False, False
        return ExecutionsState.again

    @rx.event
    async def again(self):
        """Fetch the page of rows that the URL asks for."""
        self.read_url(sort=DEFAULT_SORT, filters=DEFAULT_FILTERS)
        self.fresh, self._charted = 0, 0.0
        self.chart_on = self.settings.get("executionsChart", True) is not False
        self._addresses()
        async with self.api() as api:
            await self._fetch(api)
            yield
            await self._explain(api)
            await self._read_views(api)

    async def _fetch(self, api: Client) -> None:
        page = await api.executions.search(**self.wanted())
        waiting: dict[str, dict[str, Any]] = {}
        held = [row.id for row in page.rows if not row.terminal]
        if held:
            try:
                waiting = await api.executions.waiting(held)
            except ApiError:
                waiting = {}  # the list is worth more than the reasons
        now = time.time()
        spans = {row.id: row.duration_ms if row.terminal else _since(row.started, now) for row in page.rows}
        longest = max([*spans.values(), 1])
        rows = [
            replace(
                row,
                note=row.note or text_of((waiting.get(row.id) or {}).get("text")),
                bar=f"{max(1, round(BAR * spans[row.id] / longest))}px" if spans[row.id] > 0 else "0px",
            )
            for row in page.rows
        ]
        self.take(replace(page, rows=rows))
        self._states = {**self._states, **{row.id: row.state for row in rows}}
        self._flows = {**self._flows, **{row.id: f"{row.namespace}/{row.flow}" for row in rows}}
        if len(self._states) > 2000:
            self._states = {row.id: row.state for row in rows}
            self._flows = {row.id: f"{row.namespace}/{row.flow}" for row in rows}
        self._judge()
        if now - self._charted > CHART_SECONDS:
            self._charted = now
            self.chart_turn += 1

    def _addresses(self) -> None:
        pairs = query_of(query=self.search_text, filters=self.filters)
        base = f"/api/v1/{self.tenant_id}"
        self.csv_url = f"{base}/executions/export/by-query/csv?{urlencode(pairs, safe='[],:')}"
        plain = [one for one in self.filters if one["field"] not in TIME_FIELDS]
        self.chart_url = (
            f"{base}/console/figures?{urlencode(query_of(query=self.search_text, filters=plain), safe='[],:')}"
        )
        period = next((one["value"] for one in self.filters if one["field"] == "timeRange"), "")
        start = next((one["value"] for one in self.filters if one["field"] == "startDate"), "")
        end = next((one["value"] for one in self.filters if one["field"] == "endDate"), "")
        given: Any = {k: v for k, v in (("start", start), ("end", end)) if v} if start or end else period or "PT720H"
        self.chart_body = {"chart": "executions-over-time", "timeRange": given, "format": "json"}
        query = urlencode([*query_of(query=self.search_text, filters=self.filters)], safe="[],:")
        defaults = urlencode(query_of(filters=DEFAULT_FILTERS), safe="[],:")
        self.view = "" if query == defaults else query

    async def _explain(self, api: Client) -> None:
        """Say why the list is empty, and which range would show something (UI-LS-11)."""
        self.none_words, self.near_range, self.near_words, self.near_count = "", "", "", 0
        if self.total:
            return
        self.none_words = in_words(self.search_text, self.filters)
        rest = without_time(self.filters)
        if len(rest) == len(self.filters):
            return
        ever = await api.executions.search(size=1, query=self.search_text, filters=rest)
        if not ever.rows:
            if not rest and not self.search_text:
                self.none_words = ""  # there is none at all: the range is not to blame
            return
        self.near_range, self.near_words = nearest_range(ever.rows[0].started)
        if self.near_range:
            period = {"field": "timeRange", "operator": "EQUALS", "value": self.near_range}
            self.near_count = (
                await api.executions.search(size=1, query=self.search_text, filters=[*rest, period])
            ).total
        else:
            self.near_words, self.near_count = "all time", ever.total

    @rx.event
    async def show_near(self) -> None:
        """Take the nearest range that shows something."""
        rest = without_time(self.filters)
        if self.near_range:
            rest.append({"field": "timeRange", "operator": "EQUALS", "value": self.near_range})
        self._go(filters=rest)

    # -- conditions ---------------------------------------------------------------------------------------

    @rx.event
    async def set_conditions(self, filters: list[dict[str, str]]) -> None:
        """The conditions changed; a period and dates exclude each other."""
        new = [{k: str(v) for k, v in one.items()} for one in filters]
        self._go(filters=one_time(self.filters, new))

    @rx.event
    async def reset_conditions(self) -> None:
        """Back to the list's own conditions."""
        self.navigate(routes.EXECUTIONS)

    @rx.event
    async def choose_range(self, chosen: dict[str, Any]) -> None:
        """A range was drawn in the chart (UI-TR-02)."""
        rest = without_time(self.filters)
        for field, operator, key in (
            ("startDate", "GREATER_THAN_OR_EQUAL_TO", "from"),
            ("endDate", "LESS_THAN_OR_EQUAL_TO", "to"),
        ):
            instant = _instant(text_of(chosen.get(key)))
            if instant:
                rest.append({"field": field, "operator": operator, "value": instant})
        self._go(filters=rest or DEFAULT_FILTERS)

    @rx.event
    async def toggle_label(self, label: str) -> None:
        """A label was pressed: its condition comes or goes (UI-LS-09)."""
        condition = {"field": "labels", "operator": "EQUALS", "value": label}
        rest = [one for one in self.filters if one != condition]
        self._go(filters=rest if len(rest) < len(self.filters) else [*rest, condition])

    @rx.event
    async def toggle_chart(self):
        """Show or hide the chart; kept for the user."""
        self.chart_on = not self.chart_on
        async with self.api("Could not save the setting") as api:
            await api.console.patch_settings({"executionsChart": self.chart_on})
            self.settings = {**self.settings, "executionsChart": self.chart_on}

    # -- selection ----------------------------------------------------------------------------------------

    @rx.event
    async def select(self, ids: list[str]) -> None:
        """Another selection."""
        self.selected, self.select_everything = ids, False
        self._judge()

    @rx.event
    async def select_all(self) -> None:
        """All that match are meant."""
        self.select_everything = True
        self._judge()

    # -- live ---------------------------------------------------------------------------------------------

    @rx.event
    async def changed(self, change: dict[str, Any]):
        """Executions came or changed: read the page again, or only count while the reader is busy (UI-EX-05)."""
        busy = bool(self.selected or self.deed or self.naming_view or self.picking)
        if busy or self.page_number > 1 or self.sort_by != DEFAULT_SORT or self.loading:
            if text_of(change.get("kind")) == "created":
                self.fresh = min(self.fresh + int(change.get("n") or 1), 999)
            return
        async with self.api("Could not refresh the list") as api:
            await self._fetch(api)

    # -- views --------------------------------------------------------------------------------------------

    async def _read_views(self, api: Client) -> None:
        try:
            found = await api.console.views("executions")
        except ApiError:
            return
        self.views = [
            {"id": text_of(one.get("id")), "name": text_of(one.get("name")), "query": text_of(one.get("query"))}
            for one in found[:12]
        ]

    @rx.event
    async def name_view(self) -> None:
        """Ask for the name under which the conditions are kept (UI-FI-05)."""
        self.view_name, self.view_error, self.naming_view = "", "", True

    @rx.event
    async def put_view_name(self, text: str) -> None:
        """The name was typed."""
        self.view_name, self.view_error = text, ""

    @rx.event
    async def close_view(self) -> None:
        """Keep nothing."""
        self.naming_view = False

    @rx.event
    async def save_view(self) -> None:
        """Keep search, conditions and sort under a name."""
        name = self.view_name.strip()
        if not name:
            self.view_error = "Give it a name."
            return
        same = next((one["id"] for one in self.views if one["name"] == name), "")
        identity = same or f"executions-{int(time.time() * 1000):x}"
        pairs = query_of(query=self.search_text, filters=self.filters)
        if self.sort_by and self.sort_by != DEFAULT_SORT:
            pairs.append(("sort", self.sort_by))
        body = {"list": "executions", "name": name, "query": urlencode(pairs, safe="[],:"), "shared": False}
        try:
            async with self.api(raising=True) as api:
                await api.console.put_view(identity, body | {"isDefault": False})
                self.naming_view = False
                await self._read_views(api)
        except ApiError as error:
            self.view_error = error.message

    @rx.event
    async def forget_view(self, identity: str) -> None:
        """Drop a kept view."""
        async with self.api("Could not delete the view") as api:
            await api.console.delete_view(identity)
            await self._read_views(api)

    # -- execute ------------------------------------------------------------------------------------------

    @rx.event
    async def open_picker(self):
        """Choose a flow to execute (UI-EX-02)."""
        spaces = [one["value"] for one in self.filters if one["field"] == "namespace" and "," not in one["value"]]
        self.pick_flow, self.pick_flows, self.picking = "", [], True
        async with self.api("Could not read the namespaces") as api:
            self.pick_namespaces = await api.flows.namespaces()
            known = spaces[0] if spaces and spaces[0] in self.pick_namespaces else ""
            self.pick_namespace = known or (self.pick_namespaces[0] if len(self.pick_namespaces) == 1 else "")
            await self._read_flows(api)

    async def _read_flows(self, api: Client) -> None:
        if not self.pick_namespace:
            return
        only = [{"field": "namespace", "operator": "EQUALS", "value": self.pick_namespace}]
        page = await api.flows.search(size=100, sort="id:asc", filters=only)
        self.pick_flows = [row.id for row in page.rows if not row.disabled]
        self.pick_flow = self.pick_flows[0] if len(self.pick_flows) == 1 else ""

    @rx.event
    async def pick_a_namespace(self, name: str) -> None:
        """Another namespace."""
        self.pick_namespace, self.pick_flow, self.pick_flows = name, "", []
        async with self.api("Could not read the flows") as api:
            await self._read_flows(api)

    @rx.event
    async def pick_a_flow(self, name: str) -> None:
        """A flow was chosen; its form appears."""
        self.pick_flow = name

    @rx.event
    async def close_picker(self) -> None:
        """Start nothing."""
        self.picking = False

    @rx.event
    async def started(self, made: dict[str, Any]) -> None:
        """The form started an execution: go there."""
        self.picking = False
        namespace = text_of(made.get("namespace")) or self.pick_namespace
        flow = text_of(made.get("flowId")) or self.pick_flow
        self.navigate(routes.execution(namespace, flow, text_of(made.get("id"))))


def _since(started: str, now: float) -> int:
    try:
        return max(0, int((now - datetime.fromisoformat(started).timestamp()) * 1000))
    except ValueError:
        return 0


def _instant(text: str) -> str:
    """Return what a chart tells (`2026-11-20 06:00:00.5`, UTC) as an ISO instant; empty when it is none."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "T")[:26])
    except ValueError:
        return ""
    return found.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
