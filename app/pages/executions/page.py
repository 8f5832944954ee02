"""The screen of executions: views, filters, chart, table, confirmations (picture 07)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.listing import list_pager
from app.pages.executions.bulk import DEEDS
from app.pages.executions.dialogs import confirmation, picker, view_dialog
from app.pages.executions.state import VIEWS, ExecutionsState
from components.button import button, copy_button, icon_button, link, raw_link
from components.chart import chart
from components.clock import duration, moment
from components.dialog import menu, menu_item, menu_line
from components.filters import NAMESPACE_OPERATORS, filter_bar, filter_key, refresh
from components.message import empty_state, flow_name, label_chip
from components.states import STATES, state_badge, state_icon
from components.stream import stream_host
from components.table import Bulk, Column, data_table

State: Any = ExecutionsState

FILTERS = [
    filter_key("state", "state", kind="choice", options=list(STATES)),
    filter_key(
        "namespace",
        "namespace",
        operators=NAMESPACE_OPERATORS,
        kind="choice",
        options_url="/api/v1/{tenant}/executions/namespaces",
    ),
    filter_key("flowId", "flow", operators=["EQUALS", "CONTAINS", "IN", "NOT_IN", "STARTS_WITH", "REGEX"]),
    filter_key("labels", "label", kind="labels"),
    filter_key("timeRange", "time", kind="period"),
    filter_key("startDate", "started", kind="date"),
    filter_key("endDate", "ended", kind="date"),
    filter_key("childFilter", "hierarchy", kind="choice", operators=["EQUALS"], options=["MAIN", "CHILD"]),
    filter_key("triggerExecutionId", "parent", operators=["EQUALS", "IN"], placeholder="id of an execution"),
    filter_key("triggerId", "trigger", operators=["EQUALS", "IN", "CONTAINS"]),
    filter_key("kind", "kind", kind="choice", options=["NORMAL", "PLAYGROUND", "TEST"]),
    filter_key("scope", "scope", kind="choice", operators=["EQUALS"], options=["USER", "SYSTEM"]),
]


KEYS = [
    ("Success", "ok"),
    ("Warning", "warn"),
    ("Failed", "bad"),
    ("Stopped", "stop"),
    ("Held", "hold"),
    ("Running", "live"),
]


def _place(row: Any, tab: str = "gantt") -> str:
    return routes.execution(row.namespace, row.flow, row.id, tab)


def _duration(row: Any) -> rx.Component:
    span = rx.cond(row.terminal, duration(ms=row.duration_ms), duration(start=row.started))
    shown = rx.match(
        row.state,
        ("CREATED", rx.el.span("not started", class_name="mut")),
        ("QUEUED", rx.el.span("not started", class_name="mut")),
        span,
    )
    families = {name: f"xl-bar {family}{' stripe' if family == 'live' else ''}" for name, (family, _) in STATES.items()}
    look = rx.match(row.state, *families.items(), "xl-bar idle")
    return rx.el.span(shown, rx.el.i(class_name=look, style={"width": row.bar}), class_name="xl-dur")


def _trigger(row: Any) -> rx.Component:
    icon = rx.match(
        row.trigger_type.split(".")[-1],
        ("Schedule", rx.icon("clock", size=14)),
        ("Webhook", rx.icon("webhook", size=14)),
        ("Subflow", rx.icon("workflow", size=14)),
        ("Flow", rx.icon("workflow", size=14)),
        rx.icon("activity", size=14),
    )
    return rx.cond(
        row.trigger != "",
        rx.el.span(icon, rx.el.span(row.trigger, class_name="ell"), class_name="row g6 mut xl-trig"),
        rx.el.span(rx.icon("user", size=14), "by hand", class_name="row g6 faint"),
    )


def _labels(row: Any) -> rx.Component:
    return rx.el.span(
        rx.foreach(
            row.shown_labels,
            lambda one: label_chip(
                one["key"], one["value"], on_click=State.toggle_label(f"{one['key']}:{one['value']}")
            ),
        ),
        rx.cond(row.more_labels != "", rx.el.i(row.more_labels, class_name="cnt"), rx.fragment()),
        class_name="row g4",
    )


def _note(row: Any) -> rx.Component:
    look = rx.match(row.state, ("FAILED", "fgs bad"), ("WARNING", "fgs warn"), "mut")
    return rx.el.span(row.note, class_name=look, title=row.note)


COLUMNS = [
    Column("State", lambda row: state_badge(row.state), sort="state.current"),
    Column("Flow", lambda row: link(flow_name(row.namespace, row.flow), to=_place(row)), sort="flowId"),
    Column(
        "Id",
        lambda row: rx.el.span(
            row.short_id, copy_button(row.id, "Copy the id"), class_name="row g4 mono mut xl-id", title=row.id
        ),
        sort="id",
        hide="m",
    ),
    Column("Started", lambda row: moment(row.started), sort="state.startDate", numeric=True),
    Column("Duration", _duration, sort="state.duration", numeric=True),
    Column("Trigger", _trigger, hide="m"),
    Column("Labels", _labels, hide="m"),
    Column("Note", _note, fill=True),
]


def _row_menu(row: Any) -> rx.Component:
    def deed(name: str, icon: str, *, danger: bool = False) -> rx.Component:
        allowed = [state for state in STATES if DEEDS[name].allows(state)]
        on: Any = rx.match(row.state, *((state, True) for state in allowed), False)
        return menu_item(
            DEEDS[name].word,
            icon=icon,
            on_select=State.ask(name, row.id),
            disabled=~(on & State.rights.contains(name)),
            reason=_single(DEEDS[name].reason),
            danger=danger,
            test=f"row-{name}",
        )

    return menu(
        icon_button("ellipsis", "Actions", test="executions-row-menu"),
        menu_item("Open", icon="square-arrow-out-up-right", to=_place(row)),
        menu_item("Logs", icon="scroll-text", to=_place(row, "logs")),
        menu_item("Flow", icon="workflow", to=routes.flow(row.namespace, row.flow)),
        menu_line(),
        deed("replay", "rewind"),
        deed("restart", "rotate-ccw"),
        deed("labels", "tag"),
        menu_line(),
        deed("kill", "square", danger=True),
        deed("delete", "trash-2", danger=True),
        label="Actions on the execution",
    )


def _single(reason: str) -> str:
    return (
        reason.replace("None of them has", "It has not")
        .replace("None of them is", "It is not")
        .replace("All of them have", "It has")
    )


def _small(row: Any) -> rx.Component:
    word = rx.match(
        row.state,
        *((name, rx.el.span(name.capitalize(), class_name=f"fgs {f} med")) for name, (f, _) in STATES.items()),
        rx.fragment(),
    )
    return rx.el.div(
        state_icon(row.state, size=16),
        rx.el.div(
            rx.el.div(
                link(flow_name(row.namespace, row.flow), to=_place(row), class_name="ell"),
                rx.el.span(class_name="grow"),
                rx.el.span(moment(row.started), class_name="sm mut"),
                class_name="row",
            ),
            rx.el.div(
                word,
                rx.cond(row.terminal, duration(ms=row.duration_ms), duration(start=row.started)),
                rx.el.span(row.note, class_name="ell faint"),
                class_name="row sm mut g6",
            ),
            class_name="grow",
        ),
        _row_menu(row),
        class_name="xl-card",
    )


def _bulk() -> Bulk:
    def one(name: str, icon: str, *, danger: bool = False, narrow: bool = True) -> rx.Component:
        made = button(
            DEEDS[name].word,
            icon=icon,
            size="small",
            kind="danger" if danger else "default",
            on_click=State.ask(name, ""),
            disabled=~State.allowed.contains(name),
            reason=DEEDS[name].reason,
            test=f"executions-{name}",
        )
        return made if narrow else rx.el.span(made, class_name="hide-m")

    def item(name: str, icon: str) -> rx.Component:
        return menu_item(
            DEEDS[name].word,
            icon=icon,
            on_select=State.ask(name, ""),
            disabled=~State.allowed.contains(name),
            reason=DEEDS[name].reason,
            test=f"executions-{name}",
        )

    more = menu(
        button("More", size="small", after=rx.icon("chevron-down", size=12), test="executions-more"),
        item("change-status", "arrow-left-right"),
        item("pause", "pause"),
        item("resume", "play"),
        item("unqueue", "list-end"),
        item("force-run", "fast-forward"),
        label="More actions on the selection",
        width=224,
    )
    return Bulk(
        [
            one("replay", "rewind"),
            one("restart", "rotate-ccw"),
            one("labels", "tag", narrow=False),
            more,
            one("kill", "square", danger=True),
            one("delete", "trash-2", danger=True),
        ],
        note=State.selection_note,
        on_all=State.select_all,
        total=State.total,
        everything=State.select_everything,
    )


def _views() -> rx.Component:
    """Kept conditions as tabs; the URL says which one is open."""

    def one(name: Any, query: Any, test: str) -> rx.Component:
        return link(
            name,
            to=f"{routes.EXECUTIONS}?{query}" if isinstance(query, str) and query else routes.EXECUTIONS,
            class_name=rx.cond(State.view == query, "tab on", "tab"),
            test=test,
        )

    def kept(view: Any) -> rx.Component:
        return rx.el.span(
            link(
                view["name"],
                to=f"{routes.EXECUTIONS}?{view['query']}",
                class_name=rx.cond(State.view == view["query"], "tab on", "tab"),
            ),
            rx.el.button(
                rx.icon("x", size=12),
                class_name="ib xl-x",
                title="Forget this view",
                aria_label="Forget this view",
                on_click=State.forget_view(view["id"]),
                custom_attrs={"type": "button"},
            ),
            class_name="row g4 xl-view",
        )

    return rx.el.div(
        rx.el.nav(
            *(one(name, query, f"view-{place}") for place, (name, query) in enumerate(VIEWS)),
            rx.foreach(State.views, kept),
            rx.el.button(
                rx.icon("plus", size=14),
                "Save view",
                class_name="tab",
                on_click=State.name_view,
                custom_attrs={"type": "button", "data-testid": "executions-save-view"},
            ),
            class_name="tabs xl-views",
            aria_label="Views",
        ),
        class_name="xl-top",
    )


def _bar() -> rx.Component:
    return filter_bar(
        FILTERS,
        filters=State.filters,
        on_filters=State.set_conditions,
        query=State.search_text,
        on_query=State.set_search,
        placeholder="Id, flow, label",
        tools=[
            refresh(State.again, seconds=State.refresh_seconds, on_seconds=State.set_refresh),
            rx.el.span(
                icon_button(
                    "chart-column",
                    "Chart above the list",
                    on_click=State.toggle_chart,
                    on=State.chart_on,
                    test="executions-chart",
                ),
                class_name="hide-s",
            ),
            raw_link(
                rx.icon("download", size=14),
                href=State.csv_url,
                class_name="ib hide-s",
                download=True,
                title="Export as CSV",
                test="executions-csv",
            ),
        ],
    )


def _chart() -> rx.Component:
    return rx.cond(
        State.chart_on & (State.total > 0),
        rx.el.div(
            rx.el.div(
                rx.el.b(State.total, rx.cond(State.total == 1, " execution", " executions"), class_name="semi num"),
                rx.el.span(class_name="grow"),
                *(
                    rx.el.span(rx.el.i(class_name=f"xl-key {family}"), name, class_name="row g4")
                    for name, family in KEYS
                ),
                class_name="row g12 xs mut xl-head",
            ),
            chart(
                figure_url=State.chart_url,
                body=State.chart_body,
                height=104,
                label="Executions over time",
                reload=State.chart_turn,
                legend=False,
                on_range=State.choose_range,
            ),
            class_name="xl-chart",
        ),
        rx.fragment(),
    )


def _nothing() -> rx.Component:
    near = rx.cond(
        State.near_count > 0,
        button(
            f"Show {State.near_words} ({State.near_count})",
            kind="primary",
            on_click=State.show_near,
            test="executions-near",
        ),
        rx.fragment(),
    )
    return rx.cond(
        State.none_words != "",
        empty_state(
            "Nothing matches",
            hint=f"No execution fits: {State.none_words}.",
            icon="search-x",
            actions=[near, button("Reset filters", on_click=State.reset_conditions, test="executions-reset")],
        ),
        empty_state(
            "No executions yet",
            hint="An execution is one run of a flow, with its task runs, logs and outputs.",
            icon="activity",
            actions=[button("Execute a flow", icon="play", kind="primary", on_click=State.open_picker)],
        ),
    )


def executions_page() -> rx.Component:
    """The screen."""
    fresh = rx.cond(
        State.fresh > 0,
        rx.el.button(
            rx.icon("arrow-up", size=14),
            State.fresh,
            " new",
            class_name="xl-new",
            on_click=State.set_page(1),
            custom_attrs={"type": "button", "data-testid": "executions-fresh"},
        ),
        rx.fragment(),
    )
    return page_shell(
        "Executions",
        _views(),
        _bar(),
        _chart(),
        rx.el.div(
            fresh,
            data_table(
                State.rows,
                COLUMNS,
                label="Executions",
                selected=State.selected,
                on_select=State.select,
                sort=State.sort_by,
                on_sort=State.set_sort,
                loading=State.loading,
                none=_nothing(),
                actions=_row_menu,
                small=_small,
                bulk=_bulk(),
                density="normal",
                test="executions-table",
            ),
            class_name="xl-body",
        ),
        list_pager(State),
        stream_host(url=f"/api/v1/{State.tenant_id}/console/stream?topics=executions", on_topic=State.changed),
        confirmation(),
        view_dialog(),
        picker(),
        actions=[
            button(
                "Execute",
                icon="play",
                kind="primary",
                on_click=State.open_picker,
                test="executions-execute",
                class_name="ic-s",
            )
        ],
        commands=[{"title": "Execute a flow", "event": "executions-execute"}],
        on_retry=State.load,
    )
