"""The screen of what waits for somebody: a list, the oldest first, with the form of one in a drawer (UI-XP-80)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.listing import list_body, list_filters, list_none, list_pager
from app.pages.waiting.keys import FILTERS
from app.pages.waiting.state import WaitingState
from app.resume_form import resume_form
from components.button import button, icon_button, link, link_button
from components.client import Dialog
from components.clock import moment
from components.dialog import confirm_dialog, menu, menu_item, menu_line
from components.message import flow_name, message
from components.states import state_badge, state_icon
from components.stream import stream_host
from components.table import Column, data_table
from components.value_tree import value_tree

State: Any = WaitingState
ONE: Any = WaitingState.chosen
API: Any = f"/api/v1/{State.tenant_id}/executions"


def _place(row: Any, tab: str = "overview") -> str:
    return routes.execution(row.namespace, row.flow, row.id, tab)


def _step(row: Any) -> rx.Component:
    words = rx.cond(row.description != "", row.description, rx.cond(row.step == "", "Paused by hand", ""))
    return rx.el.span(
        rx.cond(row.step != "", rx.el.span(row.step, class_name="mono"), rx.fragment()),
        rx.cond(row.value != "", rx.el.span(row.value, class_name="mono faint"), rx.fragment()),
        rx.cond(row.more > 0, rx.el.i("+", row.more, class_name="cnt", title="more steps wait"), rx.fragment()),
        rx.el.span(words, class_name="mut ell", title=words),
        class_name="row g6",
    )


def _asks(row: Any) -> rx.Component:
    return rx.cond(
        row.asks > 0,
        rx.el.span(row.asks, rx.cond(row.asks == 1, " input", " inputs")),
        rx.el.span("nothing", class_name="faint"),
    )


def _decide(row: Any) -> rx.Component:
    """The decision itself stands in the row: the form where something is asked, else the resume at once."""
    answer = button("Answer", icon="pencil", size="small", on_click=State.open_row(row.id), test="waiting-answer")
    resume = button(
        "Resume", icon="play", size="small", on_click=State.resume(row.id), disabled=State.busy, test="waiting-resume"
    )
    return rx.cond(
        State.may_update,
        rx.fragment(
            rx.cond(row.asks > 0, answer, resume),
            menu(
                icon_button("ellipsis", "Actions", test="waiting-menu"),
                menu_item("What it waits for", icon="hourglass", on_select=State.open_row(row.id), test="waiting-open"),
                menu_item("Open the execution", icon="square-arrow-out-up-right", to=_place(row)),
                menu_item("Logs", icon="scroll-text", to=_place(row, "logs")),
                menu_line(),
                menu_item(
                    "Reject",
                    icon="square-x",
                    danger=True,
                    on_select=State.ask_reject(row.id),
                    test="waiting-reject",
                ),
                label="Actions on the execution",
            ),
        ),
        rx.fragment(),
    )


COLUMNS = [
    Column("State", lambda row: state_badge(row.state), key="state"),
    Column("Flow", lambda row: link(flow_name(row.namespace, row.flow), to=_place(row)), sort="flowId", key="flow"),
    Column("Id", lambda row: rx.el.span(row.short_id, class_name="mono mut", title=row.id), hide="m", key="id"),
    Column("Waits at", _step, fill=True, key="step"),
    Column(
        "Waits since", lambda row: moment(row.since, mode="relative"), sort="state.startDate", numeric=True, key="since"
    ),
    Column(
        "Goes on by itself",
        lambda row: moment(row.until, mode="relative", empty="never"),
        numeric=True,
        hide="m",
        key="until",
    ),
    Column("Asks for", _asks, hide="m", key="asks"),
]


def _small(row: Any) -> rx.Component:
    return rx.el.div(
        state_icon(row.state, size=16),
        rx.el.div(
            link(flow_name(row.namespace, row.flow), to=_place(row), class_name="ell"),
            rx.el.div(_step(row), class_name="sm ell"),
            rx.el.span("since ", moment(row.since, mode="relative"), class_name="xs faint"),
            class_name="grow col wl-words",
        ),
        _decide(row),
        class_name="xl-card",
    )


def _drawer() -> rx.Component:
    facts = rx.el.dl(
        rx.el.dt("Flow"),
        rx.el.dd(link(flow_name(ONE.namespace, ONE.flow), to=routes.flow(ONE.namespace, ONE.flow))),
        rx.el.dt("Execution"),
        rx.el.dd(
            link(ONE.short_id, to=_place(ONE), class_name="link mono", test="waiting-execution"),
            " ",
            link("logs", to=_place(ONE, "logs"), class_name="link sm"),
        ),
        rx.el.dt("Waits at"),
        rx.el.dd(_step(ONE)),
        rx.el.dt("Since"),
        rx.el.dd(moment(ONE.since, mode="full")),
        rx.cond(ONE.until != "", rx.fragment(rx.el.dt("Goes on by itself"), rx.el.dd(moment(ONE.until, mode="full")))),
        class_name="wl-facts",
    )
    started_with = rx.cond(
        State.has_inputs,
        rx.el.div(
            rx.el.h3("Started with", class_name="sm semi"),
            value_tree(value=State.started_with, path="inputs", filter=False, key=ONE.id),
            class_name="col g6 wl-inputs",
        ),
        rx.fragment(),
    )
    return Dialog.create(
        resume_form(
            facts,
            started_with,
            api=API,
            execution=ONE.id,
            inputs=State.inputs,
            known=State.inputs_known,
            problem=State.problem,
            on_reject=State.ask_reject(ONE.id),
            on_resume=State.resume(ONE.id),
            on_resumed=State.resumed,
            on_cancel=State.close,
            busy=State.busy,
            test="waiting-form",
        ),
        open=(ONE.id != "") & (State.rejecting.id == ""),
        title=f"Resume {ONE.flow} {ONE.short_id}",
        kind="drawer",
        width=560,
        on_close=State.close,
        testid="waiting-drawer",
    )


def _reject() -> rx.Component:
    return confirm_dialog(
        f"Reject {State.rejecting.flow} {State.rejecting.short_id}",
        rx.cond(State.problem != "", message("bad", State.problem, test="dialog-error"), rx.fragment()),
        rx.el.p("The execution is killed where it waits; nothing after the pause runs."),
        open=State.rejecting.id != "",
        on_cancel=State.keep,
        on_confirm=State.reject,
        verb="Reject and kill",
        icon="square-x",
        test="reject",
    )


def waiting_page() -> rx.Component:
    """The screen."""
    table = data_table(
        State.rows,
        COLUMNS,
        label="Executions that wait for somebody",
        sort=State.sort_by,
        on_sort=State.set_sort,
        loading=State.loading,
        none=list_none(
            State,
            what="waiting execution",
            title="Nothing waits for you",
            hint="An execution that pauses for a decision appears here, with the form that it asks to be filled in.",
            icon="circle-check",
            actions=[link_button("How to pause for a person", routes.blueprints("flow", "approval"))],
            test="waiting",
        ),
        actions=_decide,
        small=_small,
        test="waiting-table",
    )
    return page_shell(
        "Waiting for me",
        list_filters(State, FILTERS, placeholder="Id, flow, label", on_refresh=State.again),
        list_body(State, table, on_retry=State.again),
        list_pager(State),
        stream_host(url=f"/api/v1/{State.tenant_id}/console/stream?topics=executions", on_topic=State.changed),
        _drawer(),
        _reject(),
        on_retry=State.load,
    )
