"""The screen of executions: views, filters, chart, table, confirmations (picture 07)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.listing import list_body, list_filters, list_none, list_pager, list_table
from app.pages.executions.bulk import DEEDS, right_of
from app.pages.executions.dialogs import confirmation, picker
from app.pages.executions.keys import FILTERS
from app.pages.executions.state import VIEWS, ExecutionsState
from components.button import button, copy_button, icon_button, link, segmented
from components.chart import chart
from components.chrome import allowed
from components.client import ViewTabs
from components.clock import duration, moment, run_span
from components.dialog import menu, menu_item, menu_line, popover
from components.message import flow_name, label_chip
from components.run_calendar import run_calendar
from components.run_timeline import run_timeline
from components.states import STATES, state_badge, state_icon, word
from components.stream import stream_host
from components.table import Bulk, Column

State: Any = ExecutionsState

KEYS = [
    ("Success", "ok"),
    ("Warning", "warn"),
    ("Failed", "bad"),
    ("Stopped", "stop"),
    ("Held", "hold"),
    ("Running", "live"),
]


def _place(row: Any, tab: Any = ExecutionsState.execution_tab) -> str:
    return routes.execution(row.namespace, row.flow, row.id, tab)


def _duration(row: Any) -> rx.Component:
    shown = rx.match(
        row.state,
        ("CREATED", rx.el.span("not started", class_name="mut")),
        ("QUEUED", rx.el.span("not started", class_name="mut")),
        run_span(row),
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


def labels_cell(row: Any, state: Any = State) -> rx.Component:
    return rx.el.span(
        rx.foreach(
            row.shown_labels,
            lambda one: label_chip(
                one["key"], one["value"], on_click=state.toggle_label(f"{one['key']}:{one['value']}")
            ),
        ),
        rx.cond(row.more_labels != "", rx.el.i(row.more_labels, class_name="cnt"), rx.fragment()),
        class_name="row g4",
    )


def _note(row: Any) -> rx.Component:
    look = rx.match(row.state, ("FAILED", "fgs bad"), ("WARNING", "fgs warn"), "mut")
    return rx.el.span(row.note, class_name=look, title=row.note)


def _peek(word: str, text: Any, test: str) -> rx.Component:
    """Inputs, outputs or a trigger's data behind a word."""
    return rx.cond(
        text != "",
        popover(
            rx.el.button(word, class_name="link sm", custom_attrs={"type": "button", "data-testid": test}),
            rx.el.pre(text, class_name="mono xl-json"),
            label=word,
        ),
        rx.fragment(),
    )


def id_cell(row: Any) -> rx.Component:
    """The short id, a link to the execution (UI-LS-08)."""
    shown = link(row.short_id, to=_place(row), title=row.id)
    return rx.el.span(shown, copy_button(row.id, "Copy the id"), class_name="row g4 mono xl-id")


def _parent(row: Any) -> rx.Component:
    short = rx.el.span(row.parent[:8], class_name="mono", title=row.parent)
    known = link(short, to=routes.execution(row.parent_namespace, row.parent_flow, row.parent), class_name="link")
    return rx.cond(row.parent != "", rx.cond(row.parent_flow != "", known, short), rx.fragment())


def _last_task(row: Any) -> rx.Component:
    return rx.el.span(
        rx.el.span(row.last_task, class_name="mono"),
        rx.cond(row.attempts > 1, rx.el.i(row.attempts, class_name="cnt", title="attempts"), rx.fragment()),
        class_name="row g4",
    )


COLUMNS = [
    Column("State", lambda row: state_badge(row.state), sort="state.current", key="state"),
    Column("Flow", lambda row: link(flow_name(row.namespace, row.flow), to=_place(row)), sort="flowId", key="flow"),
    Column("Id", id_cell, sort="id", hide="m", key="id"),
    Column("Started", lambda row: moment(row.started), sort="state.startDate", numeric=True, key="started"),
    Column("Ended", lambda row: moment(row.ended), sort="state.endDate", numeric=True, hide="m", key="ended"),
    Column("Duration", _duration, sort="state.duration", numeric=True, key="duration"),
    Column("Trigger", _trigger, hide="m", key="trigger"),
    Column("Labels", labels_cell, hide="m", key="labels"),
    Column("Note", _note, fill=True, key="note"),
    Column("Waited", lambda row: duration(ms=row.waited_ms), numeric=True, key="waited", off=True),
    Column(
        "Namespace",
        lambda row: link(row.namespace, to=routes.namespace(row.namespace), class_name="ns"),
        sort="namespace",
        key="namespace",
        off=True,
    ),
    Column("Revision", lambda row: row.revision, numeric=True, key="revision", off=True),
    Column("Parent", _parent, key="parent", off=True),
    Column("Trigger data", lambda row: _peek("data", row.trigger_text, "row-trigger"), key="trigger-data", off=True),
    Column("Inputs", lambda row: _peek("inputs", row.inputs_text, "row-inputs"), key="inputs", off=True),
    Column("Outputs", lambda row: _peek("outputs", row.outputs_text, "row-outputs"), key="outputs", off=True),
    Column("Last task", _last_task, key="last-task", off=True),
    Column("Scheduled", lambda row: moment(row.schedule), numeric=True, key="scheduled", off=True),
    Column("Created", lambda row: moment(row.created), numeric=True, key="created", off=True),
    Column("Kind", lambda row: rx.el.span(row.kind.lower(), class_name="mut"), key="kind", off=True),
    Column("Created by", lambda row: rx.el.span(row.created_by, class_name="mut"), key="created-by", off=True),
]


def label_column(row: Any, key: Any) -> Any:
    """The value of a label that the reader made a column of."""
    return row.label_map[key.to(str).split(":")[1]]


def row_menu(row: Any, state: Any = State) -> rx.Component:
    def deed(name: str, icon: str, *, danger: bool = False) -> rx.Component:
        fit = [state for state in STATES if DEEDS[name].allows(state)]
        on: Any = rx.match(row.state, *((state, True) for state in fit), False)
        item = menu_item(
            DEEDS[name].word,
            icon=icon,
            on_select=state.ask(name, row.id),
            disabled=~on,
            reason=_single(DEEDS[name].reason),
            danger=danger,
            test=f"row-{name}",
        )
        return allowed(item, needs=right_of(name), namespace=row.namespace)

    return menu(
        icon_button("ellipsis", "Actions", test="executions-row-menu"),
        menu_item("Open", icon="square-arrow-out-up-right", to=_place(row, "overview")),
        menu_item("Gantt", icon="chart-gantt", to=_place(row, "gantt")),
        menu_item("Logs", icon="scroll-text", to=_place(row, "logs")),
        menu_item("Flow", icon="workflow", to=routes.flow(row.namespace, row.flow, ExecutionsState.flow_first)),
        menu_item("Copy id", icon="copy", on_select=state.copy_id(row.id)),
        menu_item("Copy link", icon="link", on_select=state.copy_link(row.namespace, row.flow, row.id)),
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


def small(row: Any, state: Any = State, *, named: bool = True) -> rx.Component:
    """A row on a phone; `named` says the flow, the list of one flow says the execution's id."""
    what = flow_name(row.namespace, row.flow) if named else rx.el.span(row.short_id, class_name="mono med")
    said = rx.match(
        row.state,
        *((name, rx.el.span(word(name), class_name=f"fgs {f} med")) for name, (f, _) in STATES.items()),
        rx.fragment(),
    )
    return rx.el.div(
        state_icon(row.state, size=16),
        rx.el.div(
            rx.el.div(
                link(what, to=_place(row), class_name="ell"),
                rx.el.span(class_name="grow"),
                rx.el.span(moment(row.started), class_name="sm mut nw"),
                class_name="row",
            ),
            rx.el.div(
                said,
                run_span(row),
                rx.el.span(row.note, class_name="ell faint"),
                class_name="row sm mut g6",
            ),
            class_name="grow",
        ),
        row_menu(row, state),
        class_name="xl-card",
    )


def bulk_bar(state: Any = State) -> Bulk:
    def one(name: str, icon: str, *, danger: bool = False, narrow: bool = True) -> rx.Component:
        made = button(
            DEEDS[name].word,
            icon=icon,
            size="small",
            kind="danger" if danger else "default",
            on_click=state.ask(name, ""),
            disabled=~state.allowed.contains(name),
            reason=DEEDS[name].reason,
            test=f"executions-{name}",
        )
        return allowed(made if narrow else rx.el.span(made, class_name="hide-m"), needs=right_of(name))

    def item(name: str, icon: str) -> rx.Component:
        return menu_item(
            DEEDS[name].word,
            icon=icon,
            on_select=state.ask(name, ""),
            disabled=~state.allowed.contains(name),
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
    compare = rx.el.span(
        button(
            "Compare",
            icon="git-compare",
            size="small",
            on_click=state.compare,
            disabled=state.selected.length() != 2,
            reason="Select two executions",
            test="executions-compare",
        ),
        class_name="hide-m",
    )
    return Bulk(
        [
            compare,
            one("replay", "rewind"),
            one("restart", "rotate-ccw"),
            one("labels", "tag", narrow=False),
            allowed(more, needs="EXECUTION:UPDATE"),
            one("kill", "square", danger=True),
            one("delete", "trash-2", danger=True),
        ],
        note=state.selection_note,
        on_all=state.select_all,
        total=state.total,
        everything=state.select_everything,
    )


def _views() -> rx.Component:
    """Kept conditions as tabs, and how the executions are drawn; the URL says which."""
    modes = segmented(
        [
            ("table", "Table", "table-2"),
            ("timeline", "Timeline", "chart-gantt"),
            ("calendar", "Heat map", "calendar-days"),
        ],
        State.mode,
        State.set_mode,
        label="View",
        test="executions-mode",
    )
    return ViewTabs.create(
        modes,
        list_name="executions",
        path=routes.EXECUTIONS,
        keys=FILTERS,
        own=VIEWS,
        query=State.list_query,
        default_view=State.default_view,
        on_default=State.set_default_view,
    )


def _bar() -> rx.Component:
    return list_filters(
        State,
        FILTERS,
        placeholder="Id, flow, label",
        on_refresh=State.again,
        columns=COLUMNS,
        label_columns=True,
        csv=State.csv_url,
        tools=[
            menu(
                icon_button("group", "Group what matches", test="executions-group"),
                *(
                    menu_item(word, on_select=State.set_grouping(by), checked=State.grouping == by, test=f"group-{by}")
                    for by, word in (
                        ("", "No groups"),
                        ("flow", "By flow"),
                        ("state", "By state"),
                        ("labels", "By label"),
                        ("message", "By error message"),
                    )
                ),
                label="Group what matches",
            ),
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
        ],
    )


def _groups() -> rx.Component:
    """What matches, counted by flow, state, label or message (UI-EX-06)."""

    def one(group: Any) -> rx.Component:
        return rx.el.button(
            rx.el.span(group["word"], class_name="ell grow", title=group["word"]),
            rx.el.span(group["more"], class_name="xs faint ell"),
            rx.el.b(group["count"], class_name="num semi"),
            class_name="xl-group",
            on_click=State.choose_group(group["field"], group["value"]),
            custom_attrs={"type": "button", "data-testid": "execution-group"},
            key=group["value"],
        )

    return rx.cond(
        (State.grouping != "") & (State.groups.length() > 0),
        rx.el.div(rx.foreach(State.groups, one), class_name="xl-groups"),
        rx.fragment(),
    )


def _chart() -> rx.Component:
    return rx.cond(
        State.chart_on & (State.total > 0),
        rx.el.div(
            rx.el.div(
                rx.el.b(
                    rx.cond(State.total == 1, f"{State.total} execution", f"{State.total} executions"),
                    class_name="semi num",
                ),
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


def executions_page() -> rx.Component:
    """The screen."""
    fresh = rx.cond(
        State.fresh > 0,
        rx.el.button(
            rx.icon("arrow-up", size=14),
            State.fresh,
            " new",
            class_name="xl-new",
            on_click=State.show_fresh,
            custom_attrs={"type": "button", "data-testid": "executions-fresh", "data-to-top": "true"},
        ),
        rx.fragment(),
    )
    nothing = list_none(
        State,
        what="execution",
        title="No executions yet",
        hint="An execution is one run of a flow, with its task runs, logs and outputs.",
        icon="activity",
        actions=[
            allowed(
                button("Execute a flow", icon="play", kind="primary", on_click=State.open_picker),
                needs="EXECUTION:CREATE",
            )
        ],
        test="executions",
    )
    table = list_table(
        State,
        COLUMNS,
        label="Executions",
        choose=State.select,
        none=nothing,
        actions=row_menu,
        small=small,
        bulk=bulk_bar(),
        density="normal",
        extra=label_column,
        test="executions-table",
    )
    search = f"/api/v1/{State.tenant_id}/executions/search?{State.search_query}"
    calendar = f"/api/v1/{State.tenant_id}/console/executions/calendar?{State.search_query}"
    body = rx.fragment(
        rx.match(
            State.mode,
            (
                "timeline",
                rx.cond(
                    State.loading | (State.total > 0),
                    run_timeline(url=search, reload=State.chart_turn, key="timeline"),
                    nothing,
                ),
            ),
            ("calendar", run_calendar(url=calendar, reload=State.chart_turn, key="calendar")),
            rx.el.div(fresh, table, class_name="xl-body"),
        )
    )
    return page_shell(
        "Executions",
        _views(),
        _bar(),
        rx.cond(State.mode == "table", _chart(), rx.fragment()),
        _groups(),
        list_body(State, body, on_retry=State.again),
        rx.cond(State.mode == "table", list_pager(State), rx.fragment()),
        stream_host(url=f"/api/v1/{State.tenant_id}/console/stream?topics=executions", on_topic=State.changed),
        confirmation(),
        picker(),
        actions=[
            allowed(
                button(
                    "Execute",
                    icon="play",
                    kind="primary",
                    on_click=State.open_picker,
                    test="executions-execute",
                    class_name="ic-s",
                ),
                needs="EXECUTION:CREATE",
            )
        ],
        commands=[{"title": "Execute a flow", "event": "executions-execute"}],
        on_retry=State.load,
    )
