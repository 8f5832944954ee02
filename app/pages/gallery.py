"""All components on one sheet, to look at and to compare with the design."""

from __future__ import annotations

import reflex as rx

from app.frame import page_shell
from app.tab import Tab
from components.button import button, button_group, copy_button, icon_button, key_cap, segmented
from components.clock import duration, moment
from components.dialog import confirm_dialog, dialog, drawer, menu, menu_item, menu_line
from components.field import checkbox, field, select, switch, text_input
from components.filters import filter_bar, filter_key
from components.message import count, empty_state, error_state, flow_name, label_chip, message, skeleton_rows
from components.states import STATES, state_badge, state_bar, state_icon

SURFACES = [
    "chrome",
    "page",
    "panel",
    "raised",
    "float",
    "hover",
    "press",
    "select",
    "line",
    "line-2",
    "ctl-line",
    "fg",
    "fg-2",
    "fg-3",
    "accent",
    "accent-fg",
    "accent-tint",
    "brass",
]
FAMILIES = [
    ("Not started, outline", ["CREATED", "SUBMITTED"]),
    ("Waiting, hatched", ["QUEUED"]),
    ("Live, striped", ["RUNNING", "RETRYING", "RESTARTED"]),
    ("Held, framed", ["PAUSED", "BREAKPOINT"]),
    ("Ended well", ["SUCCESS"]),
    ("Ended with warnings", ["WARNING"]),
    ("Ended badly", ["FAILED"]),
    ("Stopped", ["KILLING", "KILLED"]),
    ("Closed, no result", ["CANCELLED", "SKIPPED", "RETRIED", "RESUBMITTED"]),
]
KEYS = [
    filter_key("state", "state", kind="choice", options=list(STATES)),
    filter_key("namespace", "namespace", operators=["PREFIX", "IN", "CONTAINS"]),
    filter_key("labels", "labels", kind="labels"),
    filter_key("timeRange", "time", kind="period"),
]
STARTED = [
    {"field": "state", "operator": "IN", "value": "FAILED,WARNING"},
    {"field": "namespace", "operator": "PREFIX", "value": "company"},
]
TABLE = [
    ("RUNNING", "orders_ingest", "06:02:32", "5m 12s", "kf"),
    ("FAILED", "orders_ingest", "05:41:52", "2m 08s", "sel"),
    ("SUCCESS", "products_sync", "05:30:01", "1m 07s", "hov"),
    ("CANCELLED", "orders_backfill", "03:48:19", "0s", ""),
]


class GalleryState(Tab):
    """What can be tried on the sheet."""

    view: str = "task"
    text: str = "orders_in"
    choice: str = "company.data"
    ticked: bool = True
    on: bool = True
    layer: str = ""
    chips: list[dict[str, str]] = STARTED

    @rx.event
    async def put_view(self, value: str) -> None:
        """Another segment."""
        self.view = value

    @rx.event
    async def put_text(self, value: str) -> None:
        """Typed."""
        self.text = value

    @rx.event
    async def put_choice(self, value: str) -> None:
        """Chosen."""
        self.choice = value

    @rx.event
    async def tick(self, value: bool) -> None:
        """Ticked."""
        self.ticked = value

    @rx.event
    async def turn(self, value: bool) -> None:
        """Switched."""
        self.on = value

    @rx.event
    async def open(self, layer: str) -> None:
        """Open a layer, or close with an empty name."""
        self.layer = layer

    @rx.event
    async def put_chips(self, chips: list[dict[str, str]]) -> None:
        """Conditions changed."""
        self.chips = chips

    @rx.event
    async def say(self, level: str) -> None:
        """Show a toast."""
        words = {
            "success": ("Revision 42 saved", "orders_ingest, 2 tasks changed"),
            "error": ("Could not restart 2 of 7", "Their flow was deleted. Nothing else changed."),
            "info": ("12 executions queued", "Limit of company.data is 5 at a time"),
            "warning": ("Someone saved revision 42", "You edit 41."),
        }
        title, text = words[level]
        self.toast(title, text, level=level, action=("Show", "/kv") if level == "success" else None)

    @rx.event
    async def fetch_copy(self) -> None:
        """Copy through the bridge."""
        self.copy_text("7Qm2kX9a")


def _section(title: str, *content: rx.Component) -> rx.Component:
    return rx.el.section(rx.el.h2(title), *content)


def _row(title: str, *content: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.span(title, class_name="rl"), rx.el.div(*content, class_name="row wrap g12"), class_name="rw"
    )


def _sample(density: str) -> rx.Component:
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                rx.el.th("State"),
                rx.el.th("Flow"),
                rx.el.th("Started", rx.icon("arrow-down", size=12), class_name="num"),
                rx.el.th("Duration", class_name="num"),
            )
        ),
        rx.el.tbody(
            *(
                rx.el.tr(
                    rx.el.td(state_badge(s)),
                    rx.el.td(flow_name("company.data", f)),
                    rx.el.td(a, class_name="num"),
                    rx.el.td(d, class_name="num"),
                    class_name=c,
                )
                for s, f, a, d, c in TABLE
            )
        ),
        class_name=density,
    )


def _first() -> rx.Component:
    return rx.el.div(
        _section(
            "Buttons",
            _row(
                "Primary",
                button("Execute", icon="play", kind="primary", test="gallery-primary"),
                button("Execute", icon="play", disabled=True, reason="Nothing to run"),
            ),
            _row(
                "Default",
                button("Edit flow", icon="pencil"),
                button("Save", icon="save", after=rx.el.i(class_name="dirty")),
            ),
            _row(
                "Ghost, danger",
                button("Clear", kind="ghost"),
                button("Kill", icon="square", kind="danger"),
                button("Delete 3 flows", icon="trash-2", kind="danger-solid"),
            ),
            _row(
                "Sizes",
                button("Log in", kind="primary", size="large"),
                button("Save", icon="save"),
                button("Replay", icon="rewind", size="small"),
                button(icon="ellipsis", title="More"),
                icon_button("pin", "Pin", on=True),
                copy_button("7Qm2kX9a"),
            ),
            _row(
                "Split, group",
                button_group(
                    button("Execute", icon="play", kind="primary"),
                    button(icon="chevron-down", kind="primary", title="More ways"),
                ),
                segmented(
                    [("task", "By task"), ("time", "By time"), ("raw", "Raw")],
                    GalleryState.view,
                    GalleryState.put_view,
                    label="Order",
                ),
            ),
        ),
        _section(
            "Inputs",
            rx.el.div(
                field(
                    "Rest",
                    text_input("", GalleryState.put_text, label="Rest", placeholder="company.team"),
                    hint="Lower case, dots between parts.",
                ),
                field("Text", text_input(GalleryState.text, GalleryState.put_text, label="Text", test="gallery-text")),
                field(
                    "Error",
                    text_input("orders ingest", GalleryState.put_text, label="Error", error=True),
                    error="Blanks are not allowed.",
                ),
                field(
                    "Select",
                    select(
                        ["company.data", "company.team"], GalleryState.choice, GalleryState.put_choice, label="Select"
                    ),
                ),
                class_name="fg",
            ),
            _row(
                "Choice",
                checkbox("Ticked", GalleryState.ticked, GalleryState.tick),
                rx.el.span(
                    switch(GalleryState.on, GalleryState.turn, label="Switch"),
                    rx.cond(GalleryState.on, "On", "Off"),
                    class_name="row g6",
                ),
            ),
        ),
        _section(
            "Chips, labels, names",
            filter_bar(KEYS, filters=GalleryState.chips, on_filters=GalleryState.put_chips),
            _row("Label", label_chip("team", "data-platform"), label_chip("tier", "1"), count("+2")),
            _row("Count, key", count("4,310"), count("disabled"), key_cap("Ctrl", "K")),
            _row("Name", flow_name("company.data", "orders_ingest"), rx.el.span("7Qm2kX9a", class_name="mono mut")),
            _row(
                "Log level",
                *(rx.el.span(w, class_name=f"lvl lv-{w[0]}") for w in ("ERROR", "WARN", "INFO", "DEBUG", "TRACE")),
            ),
            _row(
                "Time",
                moment("2026-11-20T06:02:32Z"),
                moment("2026-11-20T06:02:32Z", mode="relative"),
                duration(ms=312_000),
                duration(ms=350),
            ),
        ),
        _section(
            "Type",
            rx.el.div(
                rx.el.div(
                    "96.8 %",
                    rx.el.span("display 24/32 semi"),
                    style={"font": "600 24px/32px var(--fd-font)", "letterSpacing": "-.02em"},
                ),
                rx.el.div(
                    "orders_ingest", rx.el.span("title 18/24 semi"), style={"font": "600 18px/24px var(--fd-font)"}
                ),
                rx.el.div(
                    "Execute flow", rx.el.span("lead 15/20 semi"), style={"font": "600 15px/20px var(--fd-font)"}
                ),
                rx.el.div("Every text of the console", rx.el.span("base 13/20 regular")),
                rx.el.div("Started 06:02:32", rx.el.span("small 12/16"), class_name="sm mut"),
                rx.el.div("company 2.4 MB", rx.el.span("micro 11/16"), class_name="xs faint"),
                rx.el.div("kestra:///company/data/1kQ.json", rx.el.span("code 12.5/20"), class_name="mono"),
                class_name="tyl",
            ),
        ),
    )


def _second() -> rx.Component:
    return rx.el.div(
        _section(
            "States: shape of the bar, icon and word carry the meaning, colour repeats it",
            *(
                rx.el.div(
                    rx.el.span(name, class_name="rl"),
                    state_bar(states[0]),
                    rx.el.div(*(state_badge(s) for s in states), class_name="row g6 wrap"),
                    class_name="srow",
                )
                for name, states in FAMILIES
            ),
            rx.el.div(*(state_icon(s) for s in STATES), class_name="row wrap", style={"marginTop": "12px"}),
        ),
        _section("Table, comfortable 40", _sample("")),
        _section("Table, compact 28", _sample("cpt")),
        _section("Skeleton", skeleton_rows(4)),
    )


def _third() -> rx.Component:
    return rx.el.div(
        _section(
            "Toasts",
            rx.el.div(
                *(
                    button(level.capitalize(), size="small", on_click=GalleryState.say(level), test=f"toast-{level}")
                    for level in ("success", "info", "warning", "error")
                ),
                button("Copy", size="small", on_click=GalleryState.fetch_copy, test="gallery-copy"),
                class_name="row wrap",
            ),
        ),
        _section(
            "Layers",
            rx.el.div(
                button("Dialog", on_click=GalleryState.open("dialog"), test="open-dialog"),
                button("Confirm", on_click=GalleryState.open("confirm"), test="open-confirm"),
                button("Drawer", on_click=GalleryState.open("drawer"), test="open-drawer"),
                menu(
                    button("Menu", after=rx.icon("chevron-down", size=14), test="open-menu"),
                    menu_item("Replay", icon="rewind", keys="R"),
                    menu_item("Restart", icon="rotate-ccw"),
                    menu_item("Set labels", icon="tag"),
                    menu_item("Kill", icon="square", disabled=True, reason="not running"),
                    menu_line(),
                    menu_item("Delete", icon="trash-2", danger=True),
                    label="Actions",
                ),
                class_name="row wrap",
            ),
            dialog(
                "Set labels",
                field("Label", text_input("", GalleryState.put_text, label="Label", placeholder="team:data")),
                open=GalleryState.layer == "dialog",
                on_close=GalleryState.open(""),
                footer=[
                    button("Cancel", on_click=GalleryState.open("")),
                    button("Save labels", kind="primary", primary_of_dialog=True, on_click=GalleryState.open("")),
                ],
            ),  # type: ignore[arg-type]
            confirm_dialog(
                "Delete orders_backfill",
                "The flow and its 3 triggers go. Its 214 executions stay and stay readable. ",
                rx.el.span("nightly_dbt", style={"color": "var(--fd-fg)"}),
                " waits for this flow and would not start any more.",
                open=GalleryState.layer == "confirm",
                on_cancel=GalleryState.open(""),
                on_confirm=GalleryState.open(""),
                verb="Delete flow",
            ),  # type: ignore[arg-type]
            drawer(
                "exchange_rates",
                rx.el.p("Details without leaving the list.", class_name="mut"),
                open=GalleryState.layer == "drawer",
                on_close=GalleryState.open(""),
            ),  # type: ignore[arg-type]
        ),
        _section(
            "Inline messages",
            rx.el.div(
                message("bad", rx.el.b("load_orders failed."), " deadlock detected on staging.orders_us"),
                message("warn", rx.el.b("operator saved revision 42"), " while you edit 41."),
                message("live", "Maintenance mode: running work continues, nothing new starts."),
                class_name="col g12",
            ),
        ),
        _section(
            "Empty and error",
            empty_state(
                "No flows yet",
                hint="A flow is a list of tasks.",
                icon="workflow",
                actions=[button("New flow", icon="plus", kind="primary")],
            ),
            error_state("This could not be loaded", text="The server took too long to answer."),
        ),
        _section(
            "Surfaces, lines, text, accent",
            rx.el.div(
                *(
                    rx.el.div(rx.el.i(style={"background": f"var(--fd-{name})"}), rx.el.span(name), class_name="swt")
                    for name in SURFACES
                ),
                class_name="sws",
            ),
        ),
    )


def gallery_page() -> rx.Component:
    """The sheet."""
    return page_shell(
        "Components",
        rx.el.div(rx.el.div(_first(), _second(), _third(), class_name="gridx"), class_name="sheet"),
        collapsed=True,
    )
