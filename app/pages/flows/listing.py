"""The list of flows (UI-FL-01 to UI-FL-09, picture 02)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes
from app.frame import page_shell
from app.list_page import ListPage
from app.listing import list_filters, list_pager
from app.pages.flows.execute import ExecuteState, execute_dialog
from app.tab import Tab
from backend_client import FlowRow, Page, query_of
from backend_client.flows import FlowFigures
from components.button import button, icon_button, link, link_button
from components.client import Dialog
from components.clock import duration, moment
from components.dialog import confirm_dialog, menu, menu_item, menu_line
from components.filters import NAMESPACE_OPERATORS, filter_key
from components.flow_tools import export_button, flow_import
from components.message import empty_state, label_chip
from components.sparkline import sparkline
from components.states import state_icon
from components.table import Bulk, Column, data_table

RUNS = 14
SHOWN_LABELS = 2
KINDS = (("Schedule", "clock"), ("Webhook", "webhook"), ("trigger.Flow", "workflow"))


def _trigger_kind(kind: str) -> str:
    return next((icon for part, icon in KINDS if kind.endswith(part)), "activity")


@dataclass(frozen=True)
class FlowLine:
    """A flow as the list shows it: the row of the API and, a moment later, what its last runs say."""

    key: str = ""
    namespace: str = ""
    id: str = ""
    revision: int = 0
    description: str = ""
    disabled: bool = False
    updated: str = ""
    labels: list[dict[str, str]] = field(default_factory=list)
    more_labels: str = ""
    triggers: list[dict[str, str]] = field(default_factory=list)
    next: str = ""
    next_word: str = ""
    known: bool = False
    runs: list[list[Any]] = field(default_factory=list)
    last_id: str = ""
    last_state: str = ""
    last_at: str = ""
    success: str = ""
    success_level: str = ""
    median_ms: int = -1

    @classmethod
    def of(cls, row: FlowRow) -> FlowLine:
        """Read a row of the API."""
        labels = [one for one in row.labels if not one["key"].startswith("system.")]
        kinds = [{"icon": _trigger_kind(t["type"]), "id": t["id"], "type": t["type"]} for t in row.triggers]
        word = "off" if row.disabled else "on event" if kinds else "manual"
        return cls(
            key=row.key,
            namespace=row.namespace,
            id=row.id,
            revision=row.revision,
            description=row.description.strip()[:400],
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


class FlowsState(ListPage, Tab):
    """Rows on screen, pending deletion, import."""

    rows: list[FlowLine] = []
    deleting: bool = False
    importing: bool = False
    export_url: str = ""

    @rx.event
    async def visit(self):
        """Open the page: no dialog of an earlier visit stays open."""
        self.deleting = self.importing = False
        (await self.get_state(ExecuteState)).executing = False
        return FlowsState.load

    @rx.event
    async def load(self):
        """Fetch the page that the URL asks for; the figures of the runs come after the rows (UI-FL-02)."""
        self.read_url(sort="id:asc")
        query = query_of(query=self.search_text, filters=self.filters)
        self.export_url = f"/api/v1/{self.tenant_id}/flows/export/by-query?" + urlencode(query)
        old = {line.key: line for line in self.rows}
        async with self.api() as api:
            page = await api.flows.search(**self.wanted())
            lines = []
            for row in page.rows:
                line, before = FlowLine.of(row), old.get(row.key)
                if before is not None and before.known:  # a refresh keeps the bars until the new ones are there
                    line = replace(
                        line, known=True, runs=before.runs, next=before.next, last_id=before.last_id,
                        last_state=before.last_state, last_at=before.last_at, success=before.success,
                        success_level=before.success_level, median_ms=before.median_ms,
                    )  # fmt: skip
                lines.append(line)
            self.take(Page(lines, page.total))
        if self.problem_title or not self.rows:
            return
        yield
        async with self.api("The figures of the runs could not be loaded") as api:
            figures = await api.flows.sparklines([(line.namespace, line.id) for line in self.rows], runs=RUNS)
            found = {one.key: one for one in figures}
            self.rows = [line.with_figures(found.get(line.key)) for line in self.rows]

    @rx.event
    async def add_label(self, key: str, value: str):
        """A label was pressed: filter by it, or no longer."""
        one = {"field": "labels", "operator": "EQUALS", "value": f"{key}:{value}"}
        self._go(filters=[f for f in self.filters if f != one] if one in self.filters else [*self.filters, one])

    @rx.event
    async def open_run(self, namespace: str, flow_id: str, execution: str):
        """A bar was pressed: its execution."""
        self.navigate(routes.execution(namespace, flow_id, execution))

    def _chosen(self) -> list[tuple[str, str]]:
        return [(key.partition("/")[0], key.partition("/")[2]) for key in self.selected]

    async def _act(self, action: str, done: str) -> None:
        async with self.api(f"Could not {action} the flows") as api:
            if self.select_everything:
                count = await api.flows.bulk_by_query(action, query=self.search_text, filters=self.filters)
            else:
                count = await api.flows.bulk(action, self._chosen())
            self.toast(f"1 flow {done}" if count == 1 else f"{count} flows {done}")
            self.selected, self.select_everything = [], False

    @rx.event
    async def disable(self):
        """Disable the selection."""
        await self._act("disable", "disabled")
        return FlowsState.load

    @rx.event
    async def enable(self):
        """Enable the selection."""
        await self._act("enable", "enabled")
        return FlowsState.load

    @rx.event
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
        self.deleting = True

    @rx.event
    async def keep(self):
        """Do not delete."""
        self.deleting = False

    @rx.event
    async def delete(self):
        """Delete the selection."""
        self.deleting = False
        await self._act("delete", "deleted")
        return FlowsState.load

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
            self.toast("Flows imported")
        return FlowsState.load


COUNT: Any = rx.cond(FlowsState.select_everything, FlowsState.total, rx.Var.create(FlowsState.selected).length())
CONDITIONS: Any = rx.Var.create(FlowsState.filters).length()

FILTERS = [
    filter_key(
        "namespace",
        "namespace",
        operators=NAMESPACE_OPERATORS,
        kind="choice",
        options_url="/api/v1/{tenant}/flows/distinct-namespaces",
    ),
    filter_key("labels", "label", kind="labels"),
    filter_key("scope", "scope", operators=["EQUALS"], kind="choice", options=["USER", "SYSTEM"]),
]


def _name(line: Any) -> rx.Component:
    return rx.el.span(
        link(
            line.id,
            to=routes.flow(line.namespace, line.id),
            class_name=rx.cond(line.disabled, "id dis", "id"),
            title=line.id,
        ),
        rx.cond(
            line.description != "",
            rx.el.span(rx.icon("file-text", size=12), title=line.description, class_name="faint abt"),
            rx.fragment(),
        ),
        rx.cond(line.disabled, rx.el.i("disabled", class_name="cnt"), rx.fragment()),
        class_name="row g6",
    )


def _last(line: Any) -> rx.Component:
    there = link(
        state_icon(line.last_state),
        moment(line.last_at, mode="relative"),
        to=routes.execution(line.namespace, line.id, line.last_id),
        class_name="row g6 lst",
    )
    return rx.cond(
        line.last_id != "", there, rx.cond(line.known, rx.el.span("never", class_name="faint"), rx.fragment())
    )


def _bars(line: Any) -> rx.Component:
    bars = sparkline(
        runs=line.runs,
        slots=RUNS,
        height=20,
        label="Last runs of " + line.id,
        on_pick=lambda execution: FlowsState.open_run(line.namespace, line.id, execution),
    )
    return rx.el.span(
        rx.cond(
            line.last_id != "",
            bars,
            rx.cond(line.known, rx.el.span("no runs yet", class_name="xs faint"), rx.fragment()),
        ),
        class_name="spk",
    )


def _success(line: Any) -> rx.Component:
    return rx.el.span(
        line.success, class_name=rx.match(line.success_level, ("bad", "fgs bad"), ("warn", "fgs warn"), "")
    )


def _triggers(line: Any) -> rx.Component:
    def one(trigger: Any) -> rx.Component:
        return link(
            rx.match(
                trigger["icon"],
                ("clock", rx.icon("clock", size=14)),
                ("webhook", rx.icon("webhook", size=14)),
                ("workflow", rx.icon("workflow", size=14)),
                rx.icon("activity", size=14),
            ),
            to=routes.flow(line.namespace, line.id, "triggers"),
            title=trigger["id"] + " · " + trigger["type"],
            class_name="trg",
        )

    return rx.el.span(
        rx.cond(line.triggers.length() > 0, rx.foreach(line.triggers, one), rx.el.span("none", class_name="sm faint")),
        class_name="row g6",
    )


def _next(line: Any) -> rx.Component:
    return rx.cond(line.next != "", moment(line.next), rx.el.span(line.next_word, class_name="faint"))


def _labels(line: Any) -> rx.Component:
    return rx.el.span(
        rx.foreach(
            line.labels,
            lambda one: label_chip(one["key"], one["value"], on_click=FlowsState.add_label(one["key"], one["value"])),
        ),
        rx.cond(line.more_labels != "", rx.el.i(line.more_labels, class_name="cnt"), rx.fragment()),
        class_name="row g4",
    )


COLUMNS = [
    Column("Flow", _name, sort="id"),
    Column(
        "Namespace",
        lambda line: link(line.namespace, to=routes.namespace(line.namespace), class_name="ns"),
        sort="namespace",
    ),
    Column("Last run", _last),
    Column(f"{RUNS} runs", _bars, hide="m", width="120px"),
    Column("Success", _success, numeric=True),
    Column("Median", lambda line: duration(ms=line.median_ms), numeric=True, hide="m"),
    Column("Triggers", _triggers, hide="m"),
    Column("Next run", _next, numeric=True),
    Column("Labels", _labels, fill=True, hide="m"),
]


def _row_menu(line: Any) -> rx.Component:
    return rx.fragment(
        icon_button("play", "Execute", on_click=ExecuteState.open_for(line.namespace, line.id), test="flows-execute"),
        menu(
            icon_button("ellipsis", "More"),
            menu_item("Open", icon="arrow-right", to=routes.flow(line.namespace, line.id)),
            menu_item("Edit", icon="pencil", to=routes.flow(line.namespace, line.id, "edit")),
            menu_item("Execute", icon="play", on_select=ExecuteState.open_for(line.namespace, line.id)),
            menu_item(
                "Copy", icon="copy", to=routes.NEW_FLOW + "?copy=true&namespace=" + line.namespace + "&flow=" + line.id
            ),
            rx.cond(
                line.disabled,
                menu_item("Enable", icon="power", on_select=FlowsState.switch_one(line.key, False)),
                menu_item("Disable", icon="power-off", on_select=FlowsState.switch_one(line.key, True)),
            ),
            menu_line(),
            menu_item("Delete", icon="trash-2", danger=True, on_select=FlowsState.ask_delete([line.key])),
            label="Actions on the flow",
        ),
    )


def _small(line: Any) -> rx.Component:
    return rx.el.div(
        rx.cond(line.last_id != "", state_icon(line.last_state), rx.el.span(class_name="si")),
        rx.el.div(
            link(
                line.id,
                to=routes.flow(line.namespace, line.id),
                class_name=rx.cond(line.disabled, "id dis ell", "id ell"),
            ),
            rx.el.span(line.namespace, class_name="xs mut ell"),
            class_name="col grow",
            style={"minWidth": "0"},
        ),
        rx.cond(line.last_id != "", sparkline(runs=line.runs, slots=RUNS, width=72, height=20), rx.fragment()),
        icon_button("play", "Execute", on_click=ExecuteState.open_for(line.namespace, line.id)),
        class_name="fcard",
    )


def flows_page() -> rx.Component:
    """The screen: filters, table, pager; dialogs over it."""
    create = link_button("Create", routes.NEW_FLOW, icon="plus", kind="primary", test="flows-create")
    nothing = rx.cond(
        (CONDITIONS > 0) | (FlowsState.search_text != ""),
        empty_state(
            "Nothing matches",
            hint="No flow fits the search and the conditions above.",
            icon="search-x",
            actions=[button("Reset filters", on_click=FlowsState.set_filters([]), test="flows-reset")],
        ),
        empty_state(
            "No flows yet",
            hint="A flow is a list of tasks in YAML, started by hand, by a schedule or by an event.",
            icon="workflow",
            actions=[
                link_button("New flow", routes.NEW_FLOW, icon="plus", kind="primary", test="flows-first"),
                button("Import", icon="upload", on_click=FlowsState.open_import),
            ],
        ),
    )
    small: Any = "small"
    bulk = Bulk(
        [
            button("Enable", icon="power", size=small, on_click=FlowsState.enable, test="flows-enable"),
            button("Disable", icon="power-off", size=small, on_click=FlowsState.disable, test="flows-disable"),
            export_button(
                url="/api/v1/" + FlowsState.tenant_id + "/flows/export/by-ids",
                items=FlowsState.selected,
                testid="flows-export",
            ),
            button(
                "Delete",
                icon="trash-2",
                kind="danger",
                size=small,
                on_click=FlowsState.ask_delete([]),
                test="flows-delete-selected",
            ),
        ],
        on_all=FlowsState.set_everything,
        total=FlowsState.total,
        everything=FlowsState.select_everything,
    )
    return page_shell(
        "Flows",
        list_filters(FlowsState, FILTERS, placeholder="Flow, namespace, label", on_refresh=FlowsState.load),
        rx.el.div(
            data_table(
                FlowsState.rows,
                COLUMNS,
                label="Flows",
                row_id=lambda line: line.key,
                selected=FlowsState.selected,
                on_select=FlowsState.set_selected,
                sort=FlowsState.sort_by,
                on_sort=FlowsState.set_sort,
                loading=FlowsState.loading,
                none=nothing,
                actions=_row_menu,
                small=_small,
                bulk=bulk,
                test="flows-table",
            ),
            class_name="flows tbl",
        ),
        list_pager(FlowsState),
        confirm_dialog(
            rx.cond(COUNT == 1, "Delete this flow", f"Delete {COUNT} flows"),
            rx.el.p("Their triggers stop. Executions and revisions stay; a deleted flow can be restored."),
            rx.cond(
                FlowsState.select_everything,
                rx.el.p("All flows that match the filters above."),
                rx.el.ul(rx.foreach(FlowsState.selected, lambda one: rx.el.li(one, class_name="mono"))),
            ),
            open=FlowsState.deleting,
            on_cancel=FlowsState.keep,
            on_confirm=FlowsState.delete,
            verb=rx.cond(COUNT == 1, "Delete flow", f"Delete {COUNT} flows"),
            test="flows-delete",
        ),
        Dialog.create(
            flow_import(
                validate_url="/api/v1/" + FlowsState.tenant_id + "/flows/validate",
                import_url="/api/v1/" + FlowsState.tenant_id + "/flows/import",
                on_done=FlowsState.imported,
                on_cancel=FlowsState.close_import,
            ),
            open=FlowsState.importing,
            title="Import flows",
            width=560,
            on_close=FlowsState.close_import,
            testid="flows-import",
        ),
        execute_dialog(),
        actions=[
            rx.el.span(
                menu(
                    button("Export", icon="download", test="flows-export-all"),
                    menu_item("ZIP of all that match", icon="file-archive", href=FlowsState.export_url),
                    menu_item(
                        "CSV of all that match",
                        icon="file-spreadsheet",
                        href=FlowsState.export_url.replace("/by-query?", "/by-query/csv?"),
                    ),
                    label="Export",
                ),
                button("Import", icon="upload", on_click=FlowsState.open_import, test="flows-import-open"),
                link_button("Search sources", "/flows/search", icon="file-search", test="flows-search"),
                class_name="row g8 hide-s facts",
            ),
            create,
        ],
        commands=[
            {"title": "Create a flow", "event": "flows-create"},
            {"title": "Import flows", "event": "flows-import-open"},
        ],
        on_retry=FlowsState.load,
    )
