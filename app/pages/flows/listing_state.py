"""`FlowsState`: the rows of the list of flows, what is chosen, what is done to them (UI-FL-01 to UI-FL-06)."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes, turns
from app.conditions import iso, pairs_of
from app.filter_keys import LISTED_FLOW_OPERATORS, flow_filter, namespace_filter
from app.list_page import ListPage
from app.pages.flows.bulk import FlowDeeds
from app.pages.flows.execute import ExecuteState
from app.pages.flows.prose import html_of
from app.rights import permitted, shortfall
from app.tab import Tab
from app.words import say, say_count
from backend_client import FlowRow, Page
from backend_client.executions import named_labels, visible_labels
from backend_client.flows import FlowFigures
from components.filters import filter_key
from components.states import STATES

RUNS = 14
SHOWN_LABELS = 2
KINDS = (("Schedule", "clock"), ("Webhook", "webhook"), ("trigger.Flow", "workflow"))


FILTERS = [
    namespace_filter(),
    flow_filter(LISTED_FLOW_OPERATORS),
    filter_key("labels", "label", kind="labels"),
    filter_key("scope", "scope", operators=["EQUALS"], kind="choice", options=["USER", "SYSTEM"]),
    filter_key("enabled", "enabled", operators=["EQUALS"], kind="choice", options=["true", "false"]),
    filter_key("triggerType", "trigger type", operators=["ENDS_WITH", "CONTAINS", "EQUALS"], placeholder="Schedule"),
    filter_key("lastState", "last state", operators=["IN", "NOT_IN"], kind="choice", options=list(STATES)),
]
OF_RUNS = frozenset({"last", "runs", "days", "success", "median"})
"""Columns that tell of executions: gone without the right to read these (UI-FL-02)."""
SHOWN = ["flow", "namespace", "last", "runs", "success", "median", "triggers", "next", "labels"]


def _trigger_kind(kind: str) -> str:
    return next((icon for part, icon in KINDS if kind.endswith(part)), "activity")


@dataclass(frozen=True)
class FlowLine:
    """A flow as the list shows it: the row of the API and, a moment later, what its last runs say."""

    key: str = ""
    namespace: str = ""
    id: str = ""
    revision: int = 0
    about: str = ""
    """The description as HTML."""
    disabled: bool = False
    updated: str = ""
    labels: list[dict[str, str]] = field(default_factory=list)
    more_labels: str = ""
    triggers: list[dict[str, str]] = field(default_factory=list)
    next: str = ""
    next_word: str = ""
    known: bool = False
    runs: list[list[Any]] = field(default_factory=list)
    days: list[dict[str, Any]] = field(default_factory=list)
    last_id: str = ""
    last_state: str = ""
    last_at: str = ""
    success: str = ""
    success_level: str = ""
    median_ms: int = -1

    @classmethod
    def of(cls, row: FlowRow, named: Container[str] = ()) -> FlowLine:
        """Read a row of the API; `named` are keys of labels that the filter names."""
        labels = visible_labels(row.labels, named)
        kinds = [{"icon": _trigger_kind(t["type"]), "id": t["id"], "type": t["type"]} for t in row.triggers]
        word = say("off") if row.disabled else say("on event") if kinds else say("manual")
        return cls(
            key=row.key,
            namespace=row.namespace,
            id=row.id,
            revision=row.revision,
            about=html_of(row.description.strip()[:2000]) if row.description.strip() else "",
            disabled=row.disabled,
            updated=row.updated,
            labels=labels[:SHOWN_LABELS],
            more_labels=f"+{len(labels) - SHOWN_LABELS}" if len(labels) > SHOWN_LABELS else "",
            triggers=kinds[:4],
            next_word=word,
        )

    def with_figures(self, figures: FlowFigures | None) -> FlowLine:
        """Return the line with what the last runs say."""
        if figures is None:
            return replace(self, known=True)
        last = figures.runs[-1] if figures.runs else None
        started = int(last[2] or 0) if last else 0
        ratio = figures.success
        level = "" if ratio < 0 or ratio >= 0.95 else "warn" if ratio >= 0.8 else "bad"
        return replace(
            self,
            known=True,
            runs=figures.runs,
            next="" if self.disabled else figures.next,
            last_id=str(last[0]) if last else "",
            last_state=str(last[1]) if last else "",
            last_at=datetime.fromtimestamp(started / 1000, UTC).isoformat() if started else "",
            success=f"{ratio * 100:.1f} %" if ratio >= 0 else "",
            success_level=level,
            median_ms=figures.median_ms,
        )


MOST_UNDONE = 50
"""Deleted flows that a toast offers to bring back."""


class FlowsState(FlowDeeds, ListPage, Tab):
    """Rows on screen, pending deletion, import."""

    list_name: str = "flows"
    rows: list[FlowLine] = []
    deleting: bool = False
    delete_note: str = ""
    importing: bool = False
    export_url: str = ""
    create_place: str = routes.NEW_FLOW
    mode: str = "list"
    search_query: str = ""
    chart_on: bool = False
    chart_url: str = ""
    chart_turn: int = 0
    some_off: bool = False

    @rx.event
    async def visit(self):
        """Open the page: no dialog of an earlier visit stays open; `import=1` opens that of the import."""
        self.deleting, self.importing, self.deed = False, self.query("import") == "1", ""
        (await self.get_state(ExecuteState)).executing = False
        return FlowsState.load

    @turns.reads
    async def load(self):
        """Fetch the page that the URL asks for; the figures of the runs come after the rows (UI-FL-02)."""
        self.read_url(sort="id:asc", keys=FILTERS, columns=SHOWN)
        sees_runs = self.may("EXECUTION", "READ")
        if not sees_runs:
            self.columns = [one for one in self.columns if one not in OF_RUNS]
        query = pairs_of(self.search_text, self.conditions())
        self.mode = "tree" if self.query("view") == "tree" else "list"
        self.search_query = urlencode(query, safe="[],:")
        self.chart_on = sees_runs and self._preference("charts") is not False
        runs = [one for one in self.conditions() if one["field"] in ("namespace", "flowId", "scope", "labels")]
        base = f"/api/v1/{self.tenant_id}/console/figures"
        self.chart_url = f"{base}?{urlencode(pairs_of(self.search_text, runs), safe='[],:')}"
        self.chart_turn += 1
        spaces = [one["value"] for one in self.filters if one["field"] == "namespace" and "," not in one["value"]]
        self.create_place = routes.NEW_FLOW + (f"?{urlencode({'namespace': spaces[0]})}" if len(spaces) == 1 else "")
        self.export_url = f"/api/v1/{self.tenant_id}/flows/export/by-query?" + urlencode(query)
        if self.mode == "tree":
            self.loading = False
            return
        old = {line.key: line for line in self.rows}
        async with self.listing() as api:
            page = await api.flows.search(**self.wanted())
            lines = []
            for row in page.rows:
                line, before = FlowLine.of(row, named_labels(self.filters)), old.get(row.key)
                if before is not None and before.known:  # a refresh keeps the bars until the new ones are there
                    line = replace(
                        line, known=True, runs=before.runs, days=before.days, next=before.next, last_id=before.last_id,
                        last_state=before.last_state, last_at=before.last_at, success=before.success,
                        success_level=before.success_level, median_ms=before.median_ms,
                    )  # fmt: skip
                lines.append(line)
            self.take(Page(lines, page.total))
            await self.explain(api.flows.search, "updated")
        if self.list_problem or not self.rows or not sees_runs:
            return
        yield
        async with self.api(say("The figures of the runs could not be loaded")) as api:
            figures = await api.flows.sparklines([(line.namespace, line.id) for line in self.rows], runs=RUNS)
            found = {one.key: one for one in figures}
            self.rows = [line.with_figures(found.get(line.key)) for line in self.rows]
            if "days" in self.columns:
                by_day = await api.flows.days([(line.namespace, line.id) for line in self.rows])
                self.rows = [replace(line, days=by_day.get(line.key, [])) for line in self.rows]

    @turns.keeps
    async def set_columns(self, columns: list[str]):
        """Other columns; those of figures that were not read are read."""
        more = "days" in columns and "days" not in self.columns
        await super().set_columns(columns)
        return FlowsState.load if more else None

    @rx.event
    async def open_day(self, namespace: str, flow_id: str, day: str) -> None:
        """A day's bar was pressed: the executions of that day."""
        begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
        conditions = [
            {"field": "namespace", "operator": "IN", "value": namespace},
            {"field": "flowId", "operator": "EQUALS", "value": flow_id},
            {"field": "startDate", "operator": "GREATER_THAN_OR_EQUAL_TO", "value": iso(begin)},
            {"field": "startDate", "operator": "LESS_THAN_OR_EQUAL_TO", "value": iso(begin + timedelta(days=1))},
        ]
        self.navigate(f"{routes.EXECUTIONS}?{urlencode(pairs_of('', conditions), safe='[],:')}")

    @rx.event
    async def choose(self, keys: list[str]) -> None:
        """Other rows are chosen; *Enable* is offered when one of them is off."""
        self.selected, self.select_everything = keys, False
        off = {line.key for line in self.rows if line.disabled}
        self.some_off = any(key in off for key in keys)

    @rx.event
    async def set_mode(self, mode: str) -> None:
        """List or tree (UI-FL-07); it stands in the URL."""
        pairs = [(k, v) for k, v in self.query_pairs() if k not in ("view", "page")] or [("own", "1")]
        self._open(pairs + ([("view", "tree")] if mode == "tree" else []))

    @turns.keeps
    async def toggle_chart(self) -> None:
        """Show or hide the chart; kept for the reader (UI-FL-03)."""
        self.chart_on = not self.chart_on
        await self._keep("charts", None if self.chart_on else False)

    @rx.event
    async def execute_one(self, chosen: dict[str, str]):
        """A flow of the tree is executed."""
        return ExecuteState.open_for(str(chosen.get("namespace") or ""), str(chosen.get("id") or ""))

    @rx.event
    async def open_run(self, namespace: str, flow_id: str, execution: str):
        """A bar was pressed: its execution."""
        self.navigate(routes.execution(namespace, flow_id, execution, self.execution_tab))

    def _chosen(self) -> list[tuple[str, str]]:
        return [(key.partition("/")[0], key.partition("/")[2]) for key in self.selected]

    async def _act(self, action: str, done: str) -> None:
        note = ""
        if not self.select_everything:
            note = self._narrow("FLOW:DELETE" if action == "delete" else "FLOW:UPDATE")
            if not self.selected:
                self.toast(say("Could not change the flows"), note, level="warning")
                return
        async with self.api(say("Could not change the flows")) as api:
            if self.select_everything:
                count = await api.flows.bulk_by_query(action, query=self.search_text, filters=self.conditions())
            else:
                count = await api.flows.bulk(action, self._chosen())
            undo = None
            if action == "delete" and self.selected and not self.select_everything and count <= MOST_UNDONE:
                undo = (say("Undo"), FlowsState.undo_delete, list(self.selected))
            self.toast(
                say("1 flow {done}", done=done) if count == 1 else say("{count} flows {done}", count=count, done=done),
                note,
                action=undo,
            )
            self.selected, self.select_everything = [], False

    @turns.writes
    async def disable(self):
        """Disable the selection."""
        await self._act("disable", "disabled")
        return FlowsState.load

    @turns.writes
    async def enable(self):
        """Enable the selection."""
        await self._act("enable", "enabled")
        return FlowsState.load

    @rx.event
    async def export_one(self, namespace: str, flow_id: str) -> None:
        """The flow's source as a file in an archive."""
        own = [
            {"field": "namespace", "operator": "IN", "value": namespace},
            {"field": "flowId", "operator": "EQUALS", "value": flow_id},
        ]
        self.download(f"/api/v1/{self.tenant_id}/flows/export/by-query?" + urlencode(pairs_of("", own)))

    @turns.writes
    async def switch_one(self, key: str, disabled: bool):
        """Disable or enable one flow."""
        self.selected, self.select_everything = [key], False
        await self._act("disable" if disabled else "enable", "disabled" if disabled else "enabled")
        return FlowsState.load

    @rx.event
    async def ask_delete(self, keys: list[str]):
        """Ask before deleting."""
        if keys:
            self.selected, self.select_everything = keys, False
        self.delete_note = "" if self.select_everything else self._narrow("FLOW:DELETE")
        if not self.selected and not self.select_everything:
            self.toast(say("Nothing to delete"), self.delete_note, level="warning")
            return
        self.deleting = True

    def _narrow(self, right: str) -> str:
        """Keep what the rights allow of the selection; answer words about the rest (UI-PM-04)."""
        places = {one: one.partition("/")[0] for one in self.selected}
        mine = permitted(self.permissions, right, places)
        self.selected = mine
        return shortfall(len(mine), len(places), right)

    @rx.event
    async def keep(self):
        """Do not delete."""
        self.deleting = False

    @turns.writes
    async def delete(self):
        """Delete the selection."""
        self.deleting = False
        await self._act("delete", "deleted")
        return FlowsState.load

    @turns.writes
    async def undo_delete(self, keys: list[str]):
        """Bring back the flows that were deleted a moment ago (UI-DG-05)."""
        async with self.api(say("Could not restore the flows")) as api:
            for key in keys:
                namespace, _, flow_id = key.partition("/")
                await api.flows.restore(namespace, flow_id)
            gone = len(keys)
            self.toast(say_count(gone, "Flow restored", "{n} flows restored", n=gone))
        here = str(self.router.url.path or "").rstrip("/").endswith(routes.FLOWS)
        return FlowsState.load if here else None

    @rx.event
    async def open_import(self):
        """Open the import dialog."""
        self.importing = True

    @rx.event
    async def close_import(self):
        """Close the import dialog."""
        self.importing = False

    @rx.event
    async def imported(self, answer: dict[str, Any]):
        """Files were imported; refused ones stay on screen."""
        refused = answer.get("refused") or []
        if not refused:
            self.importing = False
            self.toast(say("Flows imported"))
        return FlowsState.load
