"""The home dashboard: numbers, executions over time, namespaces, what runs, what comes, what failed."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.filter_keys import flow_filter, namespace_filter
from app.frame import page_shell
from app.pages.dashboards.switcher import switcher
from app.pages.home import numbers
from app.pages.home.numbers import Active, Card, Failure, NamespaceRatio
from app.pages.home.state import HomeState
from app.rights import TRIGGERS
from backend_client import TriggerRow
from components.button import button, link, link_button, segmented
from components.chrome import allowed
from components.client import Home
from components.clock import moment, run_span
from components.dashboard_grid import dashboard_grid
from components.field import switch
from components.filters import filter_bar, filter_key, refresh
from components.message import count, flow_name, message, skeleton_rows
from components.reactive import testid
from components.states import state_icon

FILTERS = [
    namespace_filter(),
    flow_filter(),
    filter_key("labels", "label", placeholder="key:value"),
]


STATE: Any = HomeState
"""The same state for values whose client-side type the checker does not know."""


def root_page() -> rx.Component:
    """The root."""
    return Home.create()


def start_page() -> rx.Component:
    """The frame with empty rows, for the moment until the dashboard is known."""
    return page_shell("Start", skeleton_rows())


def _line(card: Any, colour: str) -> rx.Component:
    return rx.cond(
        card.points != "",
        rx.el.svg(
            rx.el.path(d=card.points, fill="none", stroke=f"var(--fd-{colour}-solid)", stroke_width="1.5"),
            rx.el.circle(cx=card.end_x, cy=card.end_y, r="2.5", fill=f"var(--fd-{colour}-solid)"),
            view_box="0 0 88 30",
            width="88",
            height="30",
            aria_hidden="true",
        ),
        rx.fragment(),
    )


def _stack(card: Any) -> rx.Component:
    def part(one: Any) -> rx.Component:
        texture = rx.match(
            one["family"],
            ("live", "live stripe"),
            ("queued", "queued hatch"),
            ("idle", "idle dash"),
            ("hold", "hold fill"),
            "stop fill",
        )
        return rx.el.i(class_name=texture, style={"flex": one["weight"]})

    return rx.el.span(rx.foreach(card.parts, part), class_name="stk", aria_hidden="true")


def _card(place: int, icon: str, title: str, picture: Any, test: str) -> rx.Component:
    card: Card = HomeState.cards[place]  # type: ignore[assignment]
    change = rx.cond(
        card.change != "",
        rx.el.span(card.change, " ", class_name=rx.cond(card.good, "fgs ok med", "fgs bad med")),
        rx.fragment(),
    )
    return link(
        rx.el.span(state_icon(icon), title, class_name="row g6 mut sm"),
        rx.el.span(
            rx.el.span(
                rx.cond(
                    card.value != "",
                    rx.el.b(card.value, class_name="kv num"),
                    rx.el.i(class_name="sk kvsk"),
                ),
                rx.el.span(change, card.note, rx.el.span(" "), class_name="sm mut num kn"),
                class_name="col",
            ),
            picture(card),
            class_name="row sp kf",
        ),
        to=card.place,
        class_name="kpi",
        test=test,
    )


def _numbers() -> rx.Component:
    return rx.el.div(
        _card(0, "SUCCESS", "Success ratio", lambda c: _line(c, "ok"), "home-ratio"),
        _card(1, "FAILED", "Failed", lambda c: _line(c, "bad"), "home-failed"),
        _card(2, "RUNNING", "In progress", _stack, "home-active"),
        _card(3, "QUEUED", "Waiting", _stack, "home-pending"),
        class_name="kpis",
    )


def _head(title: str, *more: Any) -> rx.Component:
    return rx.el.header(rx.el.h2(title), *more, class_name="sec")


def _fault(name: str) -> rx.Component:
    fault = HomeState.faults[name]
    again = button("Try again", size="small", on_click=HomeState.load, test=f"home-again-{name}")
    return rx.cond(fault, message("bad", rx.el.b("Not loaded. "), fault, " ", again), rx.fragment())


def _empty(words: str) -> rx.Component:
    return rx.el.p(words, class_name="mut sm none")


def _bars(rows: int, height: int) -> rx.Component:
    return rx.el.div(
        *(rx.el.i(class_name="sk", style={"width": f"{62 + (i * 17) % 30}%"}) for i in range(rows)),
        class_name="late col",
        style={"--row": f"{height}px"},
        aria_busy="true",
    )


def _wider() -> rx.Component:
    return rx.el.div(
        rx.el.p("No executions in this range.", class_name="mut"),
        rx.el.div(
            button("Last 7 days", size="small", on_click=HomeState.set_range("P7D"), test="home-wider-7"),
            button("Last 30 days", size="small", on_click=HomeState.set_range("P30D"), test="home-wider-30"),
            class_name="row",
        ),
        class_name="col wider",
        custom_attrs=testid("home-nothing"),
    )


def _came(name: str) -> Any:
    return STATE.came.contains(name)


def _grid(*cards: dict[str, Any]) -> rx.Component:
    """Charts that ask for themselves when they come near the view."""
    return dashboard_grid(
        cards=list(cards),
        url=HomeState.figures_url,
        filters=HomeState.filters,
        range=HomeState.charted,
        reload=HomeState.turn,
        on_widen=HomeState.set_range,
        on_range=HomeState.set_brush,
    )


def _chart(identity: str, kind: str, title: str, *, width: int = 12, **more: Any) -> dict[str, Any]:
    """A card of the grid; `more` are the options of its kind of chart."""
    return {
        "id": identity,
        "type": kind,
        "title": title,
        "description": "",
        "width": width,
        "broken": False,
        **more,
    }


OF_LOGS = ["namespace", "flowId"]
"""Conditions that lines of logs know."""
OVER_TIME = _chart(
    "executions-over-time", "TimeSeries", "Executions over time", up=True, counted=True, brush=True, height=204
)
STATES_SHARE = _chart("executions-by-state", "Pie", "Executions by state", width=4, counted=True, height=264)
NAMESPACES = _chart("executions-by-namespace", "Bar", "Executions by namespace", width=8, up=True, height=264)
LOGS = _chart(
    "logs-over-time", "TimeSeries", "Logs over time", up=True, counted=True, brush=True, height=150, only=OF_LOGS
)
ERROR_LOGS = _chart(
    "error-logs",
    "Table",
    "Error logs",
    only=OF_LOGS,
    to=f"{routes.LOGS}?filters[minLevel][EQUALS]=ERROR",
    all="All error logs",
)


def _over_time() -> rx.Component:
    return rx.el.div(
        rx.cond(
            _came("numbers") & HomeState.nothing,
            rx.el.section(_head("Executions over time"), _wider(), class_name="wide_"),
            _grid(OVER_TIME),
        ),
        class_name="gch",
        custom_attrs=testid("home-time"),
    )


def _space(row: NamespaceRatio) -> rx.Component:
    return link(
        rx.el.span(rx.el.bdi(row.id), class_name="ell tail", title=row.id),
        rx.el.span(
            rx.el.i(
                class_name=rx.match(row.family, ("bad", "bad fill"), ("warn", "warn fill"), "shut fill"),
                style={"width": row.width},
            ),
            class_name="bar",
        ),
        rx.el.b(row.ratio, class_name=rx.match(row.family, ("bad", "num fgs bad"), ("warn", "num fgs warn"), "num")),
        rx.el.span(row.total, class_name="faint num"),
        to=row.place,
        class_name="nsr",
    )


def _namespaces() -> rx.Component:
    return rx.el.section(
        _head("Success ratio by namespace", rx.el.span("worst first", class_name="more")),
        _fault("namespaces"),
        rx.cond(
            STATE.spaces.length() > 0,
            rx.el.div(
                rx.foreach(HomeState.spaces, _space),
                rx.el.p(rx.el.span("0"), rx.el.span("25 % failed"), class_name="nscale faint"),
            ),
            rx.cond(_came("namespaces"), _empty("No execution ended in this range."), _bars(6, 26)),
        ),
        custom_attrs=testid("home-namespaces"),
    )


def _active(row: Active) -> rx.Component:
    texture = rx.cond(row.family == "hold", "hold fill", rx.cond(row.family == "stop", "stop fill", "live stripe"))
    moving = rx.el.span(
        rx.el.i(class_name=texture),
        class_name="mv",
        style={"animationDuration": row.span, "animationDelay": row.delay},
    )
    fixed = rx.el.span(rx.el.i(class_name=texture), class_name="fx", style={"width": row.width})
    return link(
        state_icon(row.state),
        rx.el.span(
            rx.el.span(flow_name(row.namespace, row.flow), class_name="ell blk"),
            rx.el.span(rx.cond(row.still, fixed, moving), rx.el.u(), class_name="ipb", aria_hidden="true"),
            class_name="grow ipm",
        ),
        rx.el.span(
            rx.el.b(run_span(row), class_name="num med blk"),
            rx.el.span(row.note, class_name=rx.cond(row.late, "sm fgs warn ell blk", "sm mut ell blk"), title=row.note),
            class_name="r",
        ),
        to=row.place,
        class_name="ipr",
    )


def _in_progress() -> rx.Component:
    return rx.el.section(
        _head(
            "In progress",
            count(HomeState.running_total),
            link("All", to=HomeState.running_to, class_name="more", test="home-active-all"),
        ),
        _fault("active"),
        rx.cond(
            STATE.running.length() > 0,
            rx.el.div(rx.foreach(HomeState.running, _active)),
            rx.cond(_came("active"), _empty("Nothing runs now."), _bars(5, 38)),
        ),
        custom_attrs=testid("home-running"),
    )


def _trigger(row: TriggerRow) -> rx.Component:
    return rx.el.div(
        rx.el.b(moment(row.next), class_name="num med nxt"),
        rx.el.span(moment(row.next, mode="relative"), class_name="sm mut num nxr"),
        link(
            flow_name(row.namespace, row.flow),
            to=routes.flow(row.namespace, row.flow, "triggers"),
            class_name="ell grow",
        ),
        rx.el.span(row.id, class_name="sm mut ell hide-s"),
        allowed(
            switch(
                ~rx.Var.create(row.disabled).to(bool),
                lambda on: HomeState.switch_trigger(row.key, on),
                label=f"Trigger {row.id}",
            ),
            needs=TRIGGERS,
            namespace=row.namespace,
        ),
        class_name="nx",
    )


def _next() -> rx.Component:
    return rx.el.section(
        _head("Next runs"),
        _fault("next"),
        rx.cond(
            STATE.triggers.length() > 0,
            rx.el.div(rx.foreach(HomeState.triggers, _trigger)),
            rx.cond(
                _came("next"),
                _empty("No schedule is due. A flow runs by itself once it has a Schedule trigger."),
                _bars(5, 38),
            ),
        ),
        custom_attrs=testid("home-next"),
    )


def _failure(row: Failure) -> rx.Component:
    return rx.el.div(
        state_icon("FAILED"),
        rx.el.span(moment(row.last), class_name="num ft"),
        link(
            flow_name(row.namespace, row.flow),
            to=routes.flow(row.namespace, row.flow, "executions"),
            class_name="ell ff",
        ),
        rx.el.span(row.task, class_name="mono ell fk hide-m"),
        link(row.message, to=row.place, class_name="mono msg ell grow", title=row.message),
        link(row.count, to=row.all, class_name="mut fc num"),
        class_name="fr",
    )


def _failures() -> rx.Component:
    return rx.el.section(
        _head(
            "Failures",
            count(HomeState.failed_total),
            link("All failed executions", to=HomeState.failed_to, class_name="more", test="home-failed-all"),
        ),
        _fault("failures"),
        rx.cond(
            STATE.failures.length() > 0,
            rx.el.div(rx.foreach(HomeState.failures, _failure)),
            rx.cond(
                _came("failures") & _came("numbers"),
                rx.cond(
                    (HomeState.failed_total != "") & (HomeState.failed_total != "0"),
                    _empty("No task of these executions told an error: see the list of all failed executions."),
                    _empty("Nothing failed in this range."),
                ),
                _bars(4, 28),
            ),
        ),
        class_name="last",
        custom_attrs=testid("home-failures"),
    )


def _span() -> rx.Component:
    chosen = rx.cond(HomeState.since != "", "", HomeState.span)
    brush = rx.cond(
        HomeState.since != "",
        rx.el.span(
            rx.el.span("range", class_name="k"),
            rx.el.span(moment(HomeState.since), " to ", moment(HomeState.until), class_name="v num"),
            rx.el.button(
                rx.icon("x", size=12),
                class_name="x",
                on_click=HomeState.clear_brush,
                aria_label="Remove the range",
                custom_attrs={"type": "button"} | testid("home-brush-clear"),
            ),
            class_name="chip rng",
            custom_attrs=testid("home-brush"),
        ),
        rx.fragment(),
    )
    return rx.fragment(
        brush, segmented(numbers.RANGES, chosen, HomeState.set_range, label="Time range", test="home-range")
    )


def dashboard_page() -> rx.Component:
    """The whole dashboard."""
    return page_shell(
        "Dashboard",
        filter_bar(
            FILTERS,
            filters=HomeState.filters,
            on_filters=HomeState.set_filters,
            tools=[
                _span(),
                refresh(HomeState.load, seconds=HomeState.refresh_seconds, on_seconds=HomeState.set_refresh),
            ],
        ),
        rx.el.div(
            _numbers(),
            rx.el.div(_over_time(), _namespaces(), class_name="g2"),
            rx.el.div(_in_progress(), _next(), class_name="g2 b"),
            _grid(STATES_SHARE, NAMESPACES),
            _failures(),
            _grid(LOGS, ERROR_LOGS),
            class_name="scroll dashb",
        ),
        actions=[
            switcher("Default dashboard"),
            allowed(link_button("New flow", routes.NEW_FLOW, icon="plus", test="home-new"), needs="FLOW:CREATE"),
        ],
        on_retry=HomeState.load,
    )
