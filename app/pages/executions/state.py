"""State of the executions list: filters, rows, live refresh (UI-EX, UI-LS, UI-LV)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes, turns
from app.conditions import TIME_FIELDS, iso, pairs_of, time_range, without_time
from app.pages.executions.keys import FILTERS, SHOWN
from app.pages.executions.run_rows import RunRows
from app.tab import Tab
from app.words import say
from backend_client import Client
from backend_client.client import text_of

DEFAULT_FILTERS = [{"field": "timeRange", "operator": "EQUALS", "value": "PT720H"}]
DEFAULT_SORT = "state.startDate:desc"
HALF_LIVE = "filters[state][IN]=CREATED,QUEUED,RUNNING,RETRYING,RESTARTED,KILLING&filters[timeRange][EQUALS]=PT720H"
VIEWS = [
    {"name": "All", "query": "own=1", "match": urlencode(pairs_of("", DEFAULT_FILTERS), safe="[],:")},
    {"name": "Running", "query": HALF_LIVE},
    {"name": "Failed today", "query": "filters[state][IN]=FAILED,WARNING&filters[timeRange][EQUALS]=PT24H"},
    {"name": "Paused", "query": "filters[state][IN]=PAUSED,BREAKPOINT&filters[timeRange][EQUALS]=PT8760H"},
]
COUNTED = 10_000
"""The API counts no further."""
MODES = ("table", "timeline", "calendar")


class ExecutionsState(RunRows, Tab):
    """One page of executions."""

    list_name: str = "executions"
    fresh: int = 0
    csv_url: str = ""
    chart_url: str = ""
    chart_body: dict[str, Any] = {}
    chart_on: bool = True
    mode: str = "table"
    search_query: str = ""
    grouping: str = ""
    groups: list[dict[str, Any]] = []
    picking: bool = False
    pick_namespace: str = ""
    pick_flow: str = ""
    pick_namespaces: list[str] = []
    pick_flows: list[str] = []

    # -- loading ------------------------------------------------------------------------------------------

    @rx.event
    async def load(self):
        """Enter the list: close what was open, fetch the page that the URL asks for."""
        self.deed, self.picking = "", False
        return ExecutionsState.again

    @turns.reads
    async def again(self):
        """Fetch the page of rows that the URL asks for."""
        self.read_url(sort=DEFAULT_SORT, filters=DEFAULT_FILTERS, keys=FILTERS, columns=SHOWN)
        view = self.query("view")
        self.mode = view if view in MODES else "table"
        self.fresh, self._charted = 0, 0.0
        self.chart_on = self.settings.get("executionsChart", True) is not False
        self._addresses()
        async with self.listing() as api:
            if self.mode == "table":
                await self._fetch(api)
                yield
                await self.explain(api.executions.search, "started")
                await self._read_groups(api)
            else:
                page = await api.executions.search(**{**self.wanted(), "page": 1, "size": 1})
                self.total = page.total

    def _addresses(self) -> None:
        sent = self.conditions()
        query = urlencode(pairs_of(self.search_text, sent), safe="[],:")
        base = f"/api/v1/{self.tenant_id}"
        self.search_query = query
        self.csv_url = f"{base}/executions/export/by-query/csv?{query}"
        plain = [one for one in sent if one["field"] not in TIME_FIELDS]
        self.chart_url = f"{base}/console/figures?{urlencode(pairs_of(self.search_text, plain), safe='[],:')}"
        self.chart_body = {"chart": "executions-over-time", "timeRange": time_range(sent), "format": "json"}

    # -- conditions ---------------------------------------------------------------------------------------

    @rx.event
    async def set_mode(self, mode: str) -> None:
        """Table, timeline or calendar (UI-EX-07); it stands in the URL."""
        pairs = [(k, v) for k, v in self.query_pairs() if k not in ("view", "page")] or [("own", "1")]
        self._open(pairs + ([("view", mode)] if mode in MODES[1:] else []))

    @turns.asks
    async def set_grouping(self, by: str):
        """Group what matches by flow, label key or error message, with counts (UI-EX-06)."""
        self.grouping = by
        async with self.api(say("Could not group the executions")) as api:
            await self._read_groups(api)

    async def _read_groups(self, api: Client) -> None:
        if not self.grouping:
            self.groups = []
            return
        found = await api.executions.groups(self.grouping, query=self.search_text, filters=self.conditions())
        self.groups = found[:20]

    @rx.event
    async def choose_group(self, field: str, value: str) -> None:
        """A group was pressed: only its executions."""
        if field == "labels":
            self._go(filters=[*self.filters, {"field": "labels", "operator": "EQUALS", "value": value}])
        elif field == "flow":
            namespace, _, flow = value.rpartition("/")
            rest = [one for one in self.filters if one["field"] not in ("namespace", "flowId")]
            rest.append({"field": "namespace", "operator": "EQUALS", "value": namespace})
            self._go(filters=[*rest, {"field": "flowId", "operator": "EQUALS", "value": flow}])
        elif field == "state":
            rest = [one for one in self.filters if one["field"] != "state"]
            self._go(filters=[*rest, {"field": "state", "operator": "IN", "value": value}])

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

    @turns.keeps
    async def toggle_chart(self):
        """Show or hide the chart; kept for the user."""
        self.chart_on = not self.chart_on
        async with self.api(say("Could not save the setting")) as api:
            await api.console.patch_settings({"executionsChart": self.chart_on})
            self.settings = {**self.settings, "executionsChart": self.chart_on}

    # -- live ---------------------------------------------------------------------------------------------

    @turns.reads
    async def changed(self, change: dict[str, Any]):
        """Executions came or changed: read the page again, or only count while the reader is busy (UI-EX-05)."""
        busy = bool(self.selected or self.deed or self.picking or change.get("scrolled"))
        if self.loading:
            return
        if busy or self.page_number > 1 or self.sort_by != DEFAULT_SORT:
            await self._count_fresh(int(change.get("n") or 1))
            return
        if self.mode != "table" or self.list_problem:
            return
        async with self.api(say("Could not refresh the list")) as api:
            await self._fetch(api)

    async def _count_fresh(self, changes: int) -> None:
        """How many match now that did not when the rows were read; beyond what the API counts, how many changed."""
        if self.total >= COUNTED:
            self.fresh = min(self.fresh + changes, 999)
            return
        async with self.api(say("Could not refresh the list")) as api:
            now = await api.executions.search(**{**self.wanted(), "page": 1, "size": 1})
            self.fresh = min(max(0, now.total - self.total), 999)

    @rx.event
    async def show_fresh(self):
        """Those that came meanwhile: the first page, read anew; the browser scrolls to its top."""
        if self.page_number == 1:
            return ExecutionsState.again
        self._go()
        return None

    # -- execute ------------------------------------------------------------------------------------------

    @turns.opens
    async def open_picker(self):
        """Choose a flow to execute (UI-EX-02)."""
        spaces = [one["value"] for one in self.filters if one["field"] == "namespace" and "," not in one["value"]]
        self.pick_flow, self.pick_flows, self.picking = "", [], True
        async with self.api(say("Could not read the namespaces")) as api:
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

    @turns.asks
    async def pick_a_namespace(self, name: str) -> None:
        """Another namespace."""
        self.pick_namespace, self.pick_flow, self.pick_flows = name, "", []
        async with self.api(say("Could not read the flows")) as api:
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
        self.navigate(routes.execution(namespace, flow, text_of(made.get("id")), self.execution_tab))


def _instant(text: str) -> str:
    """Return what a chart tells (`2026-11-20 06:00:00.5`, UTC) as an ISO instant; empty when it is none."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "T")[:26])
    except ValueError:
        return ""
    return iso(found.replace(tzinfo=UTC))
