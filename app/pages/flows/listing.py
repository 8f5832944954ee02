"""The list of flows (UI-FL-01 to UI-FL-09, picture 02)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.listing import list_body, list_filters, list_none, list_pager, list_table
from app.pages.flows.bulk import RIGHTS, deed_dialogs
from app.pages.flows.execute import ExecuteState, execute_dialog
from app.pages.flows.listing_state import FILTERS, RUNS, FlowsState
from components.button import button, icon_button, link, link_button, segmented
from components.chart import chart
from components.chrome import allowed
from components.client import Dialog
from components.clock import duration, moment
from components.day_bars import day_bars
from components.dialog import confirm_dialog, menu, menu_item, menu_line, number_to_type, popover
from components.flow_tools import export_button, flow_import
from components.flow_tree import flow_tree
from components.message import label_chip
from components.sparkline import sparkline
from components.states import state_icon
from components.table import Bulk, Column
from components.trigger_peek import trigger_peek

COUNT: Any = rx.cond(FlowsState.select_everything, FlowsState.total, rx.Var.create(FlowsState.selected).length())


def _name(line: Any) -> rx.Component:
    return rx.el.span(
        link(
            line.id,
            to=routes.flow(line.namespace, line.id, FlowsState.flow_first),
            class_name=rx.cond(line.disabled, "id dis", "id"),
            title=line.id,
        ),
        rx.cond(
            line.about != "",
            popover(
                rx.el.button(
                    rx.icon("file-text", size=12),
                    class_name="faint abt ib",
                    aria_label="Description",
                    custom_attrs={"type": "button", "data-testid": "flows-about"},
                ),
                rx.html(line.about, class_name="prose aboutpop"),
                label="Description",
            ),
            rx.fragment(),
        ),
        rx.cond(line.disabled, rx.el.i("disabled", class_name="cnt"), rx.fragment()),
        class_name="row g6",
    )


def _last(line: Any) -> rx.Component:
    there = link(
        state_icon(line.last_state),
        moment(line.last_at, mode="relative"),
        to=routes.execution(line.namespace, line.id, line.last_id, FlowsState.execution_tab),
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


def _days(line: Any) -> rx.Component:
    return day_bars(
        days=line.days,
        label="Executions of " + line.id + " by day",
        on_pick=lambda day: FlowsState.open_day(line.namespace, line.id, day),
    )


def _success(line: Any) -> rx.Component:
    return rx.el.span(
        line.success, class_name=rx.match(line.success_level, ("bad", "fgs bad"), ("warn", "fgs warn"), "")
    )


def _triggers(line: Any) -> rx.Component:
    def one(trigger: Any) -> rx.Component:
        return trigger_peek(
            rx.match(
                trigger["icon"],
                ("clock", rx.icon("clock", size=14)),
                ("webhook", rx.icon("webhook", size=14)),
                ("workflow", rx.icon("workflow", size=14)),
                rx.icon("activity", size=14),
            ),
            api=f"/api/v1/{FlowsState.tenant_id}",
            namespace=line.namespace,
            flow=line.id,
            trigger=trigger["id"],
            kind=trigger["type"],
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
            lambda one: label_chip(
                one["key"], one["value"], on_click=FlowsState.toggle_label(f"{one['key']}:{one['value']}")
            ),
        ),
        rx.cond(line.more_labels != "", rx.el.i(line.more_labels, class_name="cnt"), rx.fragment()),
        class_name="row g4",
    )


COLUMNS = [
    Column("Flow", _name, sort="id", key="flow"),
    Column(
        "Namespace",
        lambda line: link(line.namespace, to=routes.namespace(line.namespace), class_name="ns"),
        sort="namespace",
        hide="m",
        key="namespace",
    ),
    Column("Last run", _last, key="last"),
    Column(f"{RUNS} runs", _bars, width="120px", key="runs"),
    Column("30 days", _days, hide="m", width="132px", key="days", off=True),
    Column("Success", _success, numeric=True, key="success"),
    Column("Median", lambda line: duration(ms=line.median_ms), numeric=True, hide="m", key="median"),
    Column("Triggers", _triggers, hide="m", key="triggers"),
    Column("Next run", _next, numeric=True, key="next"),
    Column("Labels", _labels, fill=True, hide="m", key="labels"),
    Column("Revision", lambda line: line.revision, numeric=True, key="revision", off=True),
    Column("Updated", lambda line: moment(line.updated), numeric=True, key="updated", off=True),
]


def _row_menu(line: Any) -> rx.Component:
    return rx.fragment(
        allowed(
            icon_button(
                "play", "Execute", on_click=ExecuteState.open_for(line.namespace, line.id), test="flows-execute"
            ),
            needs="EXECUTION:CREATE",
            namespace=line.namespace,
        ),
        menu(
            icon_button("ellipsis", "More"),
            menu_item("Open", icon="arrow-right", to=routes.flow(line.namespace, line.id, FlowsState.flow_first)),
            allowed(
                menu_item("Edit", icon="pencil", to=routes.flow(line.namespace, line.id, "edit")),
                needs="FLOW:UPDATE",
                namespace=line.namespace,
            ),
            allowed(
                menu_item("Execute", icon="play", on_select=ExecuteState.open_for(line.namespace, line.id)),
                needs="EXECUTION:CREATE",
                namespace=line.namespace,
            ),
            allowed(
                menu_item(
                    "Copy",
                    icon="copy",
                    to=routes.NEW_FLOW + "?copy=true&namespace=" + line.namespace + "&flow=" + line.id,
                ),
                needs="FLOW:CREATE",
            ),
            menu_item(
                "Export",
                icon="download",
                on_select=FlowsState.export_one(line.namespace, line.id),
                test="flows-export-one",
            ),
            allowed(
                rx.cond(
                    line.disabled,
                    menu_item("Enable", icon="power", on_select=FlowsState.switch_one(line.key, False)),
                    menu_item("Disable", icon="power-off", on_select=FlowsState.switch_one(line.key, True)),
                ),
                needs="FLOW:UPDATE",
                namespace=line.namespace,
            ),
            allowed(
                menu_line(),
                menu_item("Delete", icon="trash-2", danger=True, on_select=FlowsState.ask_delete([line.key])),
                needs="FLOW:DELETE",
                namespace=line.namespace,
            ),
            label="Actions on the flow",
        ),
    )


def _small(line: Any) -> rx.Component:
    return rx.el.div(
        rx.cond(line.last_id != "", state_icon(line.last_state), rx.el.span(class_name="si")),
        rx.el.div(
            link(
                line.id,
                to=routes.flow(line.namespace, line.id, FlowsState.flow_first),
                class_name=rx.cond(line.disabled, "id dis ell", "id ell"),
            ),
            rx.el.span(line.namespace, class_name="xs mut ell"),
            class_name="col grow",
            style={"minWidth": "0"},
        ),
        rx.cond(line.last_id != "", sparkline(runs=line.runs, slots=RUNS, width=72, height=20), rx.fragment()),
        allowed(
            icon_button("play", "Execute", on_click=ExecuteState.open_for(line.namespace, line.id)),
            needs="EXECUTION:CREATE",
            namespace=line.namespace,
        ),
        class_name="fcard",
    )


def flows_page() -> rx.Component:
    """The screen: filters, table, pager; dialogs over it."""
    create = allowed(
        link_button("Create", FlowsState.create_place, icon="plus", kind="primary", test="flows-create"),
        needs="FLOW:CREATE",
    )
    nothing = list_none(
        FlowsState,
        what="flow",
        title="No flows yet",
        hint="A flow is a list of tasks in YAML, started by hand, by a schedule or by an event.",
        icon="workflow",
        actions=[
            allowed(
                link_button("New flow", routes.NEW_FLOW, icon="plus", kind="primary", test="flows-first"),
                button("Import", icon="upload", on_click=FlowsState.open_import),
                needs="FLOW:CREATE",
            ),
        ],
        test="flows",
    )
    small: Any = "small"
    more = {
        "labels": menu_item("Labels", icon="tag", on_select=FlowsState.ask_deed("labels"), test="flows-labels"),
        "move": menu_item(
            "Move to a namespace", icon="folder-input", on_select=FlowsState.ask_deed("move"), test="flows-move"
        ),
        "run": menu_item("Execute", icon="play", on_select=FlowsState.ask_deed("run"), test="flows-run"),
    }
    bulk = Bulk(
        [
            allowed(
                rx.cond(
                    FlowsState.some_off | FlowsState.select_everything,
                    button("Enable", icon="power", size=small, on_click=FlowsState.enable, test="flows-enable"),
                    rx.fragment(),
                ),
                button("Disable", icon="power-off", size=small, on_click=FlowsState.disable, test="flows-disable"),
                needs="FLOW:UPDATE",
            ),
            export_button(
                url="/api/v1/" + FlowsState.tenant_id + "/flows/export/by-ids",
                items=FlowsState.selected,
                testid="flows-export",
            ),
            allowed(
                menu(
                    button("More", size=small, after=rx.icon("chevron-down", size=12), test="flows-bulk-more"),
                    *(allowed(item, needs=RIGHTS[name]) for name, item in more.items()),
                    label="More actions on the selection",
                ),
                needs="|".join(RIGHTS.values()),
            ),
            allowed(
                button(
                    "Delete",
                    icon="trash-2",
                    kind="danger",
                    size=small,
                    on_click=FlowsState.ask_delete([]),
                    test="flows-delete-selected",
                ),
                needs="FLOW:DELETE",
            ),
        ],
        on_all=FlowsState.set_everything,
        total=FlowsState.total,
        everything=FlowsState.select_everything,
    )
    return page_shell(
        "Flows",
        list_filters(
            FlowsState,
            FILTERS,
            placeholder="Flow, namespace, label",
            on_refresh=FlowsState.load,
            csv_list="flows",
            columns=COLUMNS,
            tools=[
                rx.el.span(
                    segmented(
                        [("list", "List", "rows-3"), ("tree", "Tree", "list-tree")],
                        FlowsState.mode,
                        FlowsState.set_mode,
                        label="View",
                        test="flows-mode",
                    ),
                    class_name="hide-s",
                ),
                rx.el.span(
                    icon_button(
                        "chart-column",
                        "Executions of these flows",
                        on_click=FlowsState.toggle_chart,
                        on=FlowsState.chart_on,
                        test="flows-chart",
                    ),
                    class_name="hide-s",
                ),
            ],
        ),
        rx.cond(
            FlowsState.chart_on & (FlowsState.mode == "list"),
            rx.el.div(
                rx.el.h2("Executions of the last 30 days", class_name="xs mut xl-head"),
                chart(
                    figure_url=FlowsState.chart_url,
                    body={"chart": "executions-over-time", "timeRange": "PT720H", "format": "json"},
                    height=104,
                    label="Executions of the last 30 days",
                    reload=FlowsState.chart_turn,
                    legend=False,
                ),
                class_name="xl-chart hide-s",
                custom_attrs={"data-testid": "flows-figure"},
            ),
            rx.fragment(),
        ),
        rx.cond(
            FlowsState.mode == "tree",
            flow_tree(
                api=f"/api/v1/{FlowsState.tenant_id}",
                search=FlowsState.search_query,
                on_execute=FlowsState.execute_one,
            ),
            list_body(
                FlowsState,
                rx.el.div(
                    list_table(
                        FlowsState,
                        COLUMNS,
                        label="Flows",
                        row_id=lambda line: line.key,
                        choose=FlowsState.choose,
                        none=nothing,
                        actions=_row_menu,
                        small=_small,
                        bulk=bulk,
                        test="flows-table",
                    ),
                    class_name="flows tbl",
                ),
                on_retry=FlowsState.load,
            ),
        ),
        rx.cond(FlowsState.mode == "tree", rx.fragment(), list_pager(FlowsState)),
        confirm_dialog(
            rx.cond(COUNT == 1, "Delete this flow", f"Delete {COUNT} flows"),
            rx.el.p("Their triggers stop. Executions and revisions stay; a deleted flow can be restored."),
            rx.cond(FlowsState.delete_note != "", rx.el.p(rx.el.b(FlowsState.delete_note)), rx.fragment()),
            rx.cond(
                FlowsState.select_everything,
                rx.el.p("All flows that match the filters above."),
                rx.el.ul(rx.foreach(FlowsState.selected, lambda one: rx.el.li(one, class_name="mono"))),
            ),
            open=FlowsState.deleting,
            on_cancel=FlowsState.keep,
            on_confirm=FlowsState.delete,
            verb=rx.cond(COUNT == 1, "Delete flow", f"Delete {COUNT} flows"),
            expected=number_to_type(COUNT),
            test="flows-delete",
        ),
        deed_dialogs(FlowsState),
        Dialog.create(
            flow_import(
                judge_url="/api/v1/" + FlowsState.tenant_id + "/console/flows/import/judge",
                import_url="/api/v1/" + FlowsState.tenant_id + "/console/flows/import",
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
                allowed(
                    button("Import", icon="upload", on_click=FlowsState.open_import, test="flows-import-open"),
                    needs="FLOW:CREATE",
                ),
                link_button("Search sources", "/flows/search", icon="file-search", test="flows-search"),
                class_name="row hide-s",
            ),
            create,
        ],
        commands=[
            {"title": "Create a flow", "event": "flows-create"},
            {"title": "Import flows", "event": "flows-import-open"},
        ],
        on_retry=FlowsState.load,
    )
