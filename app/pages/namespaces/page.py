"""The page of a namespace: overview, files, pairs (`spec` UI-NS-02)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.pages.kv import KvState, kv_body, new_key
from app.pages.namespaces.files import files_body
from app.pages.namespaces.state import FlowLine, NamespaceState
from components.button import link, link_button
from components.clock import moment
from components.message import count, empty_state
from components.reactive import testid
from components.sparkline import sparkline
from components.states import state_badge
from components.table import Column, data_table
from components.tabs import tabs

S: Any = NamespaceState


def _list(place: str, *more: str) -> Any:
    return place + "?filters[namespace][EQUALS]=" + S.ns_name + "".join(f"&{one}" for one in more)


COLUMNS = [
    Column(
        "Flow",
        lambda row: rx.el.span(
            link(row.id, to=routes.flow(S.ns_name, row.id), class_name=rx.cond(row.disabled, "id mut", "id")),
            rx.cond(row.disabled, count("disabled"), rx.fragment()),
            class_name="row g6",
        ),
    ),
    Column("Description", lambda row: rx.el.span(row.description, class_name="mut"), fill=True, hide="m"),
    Column("Last runs", lambda row: sparkline(runs=row.runs), width="100px"),
    Column("Next", lambda row: moment(row.next, mode="relative"), numeric=True, hide="s"),
]


def _small(row: FlowLine) -> rx.Component:
    return link(
        rx.el.span(row.id, class_name="med"),
        rx.el.span(row.description, class_name="mut sm ell"),
        to=routes.flow(S.ns_name, row.id),
        class_name="two",
    )


def _state(one: Any) -> rx.Component:
    return link(
        state_badge(one["state"]), rx.el.b(one["count"], class_name="num med"), to=one["place"], class_name="row g6"
    )


def _overview() -> rx.Component:
    children = rx.cond(
        S.children.length() > 0,
        rx.el.section(
            rx.el.header(rx.el.h2("Namespaces below"), count(S.children.length()), class_name="sec"),
            rx.el.div(
                rx.foreach(
                    S.children,
                    lambda name: link(
                        rx.icon("folder-tree", size=14), name, to=routes.namespace(name), class_name="lab nsl"
                    ),
                ),
                class_name="row wrap",
            ),
            class_name="nssec",
        ),
        rx.fragment(),
    )
    day = rx.el.section(
        rx.el.header(
            rx.el.h2("Last 24 hours"),
            link("All executions", to=_list(routes.EXECUTIONS), class_name="more"),
            class_name="sec",
        ),
        rx.cond(
            S.states.length() > 0,
            rx.el.div(rx.foreach(S.states, _state), class_name="row wrap g16"),
            rx.el.p("Nothing ran.", class_name="mut sm"),
        ),
        class_name="nssec",
        custom_attrs=testid("namespace-day"),
    )
    flows = rx.el.section(
        rx.el.header(
            rx.el.h2("Flows"),
            count(S.flow_count),
            link("All flows", to=_list(routes.FLOWS), class_name="more"),
            class_name="sec nshead",
        ),
        data_table(
            S.flows,
            COLUMNS,
            label="Flows",
            loading=~S.shown,
            small=_small,
            none=empty_state(
                "No flow here",
                hint="A namespace groups flows, keys and files.",
                icon="workflow",
                actions=[
                    link_button("New flow", routes.NEW_FLOW + "?namespace=" + S.ns_name, icon="plus", kind="primary")
                ],
            ),
            test="namespace-flows",
        ),
        class_name="nsflows",
    )
    return rx.el.div(day, children, flows, class_name="scroll nsov")


def namespace_page() -> rx.Component:
    """`/namespaces/edit/{namespace}/{tab}`."""
    place = lambda tab: routes.namespace(S.ns_name, tab)  # noqa: E731
    strip = tabs(
        [
            ("overview", "Overview", place("overview")),
            ("files", "Files", place("files")),
            ("kv", "KV Store", place("kv"), S.key_count),
        ],
        S.ns_tab,
        label="Parts of the namespace",
    )
    action: Any = rx.match(
        S.ns_tab,
        ("kv", new_key()),
        ("files", rx.fragment()),
        link_button("New flow", routes.NEW_FLOW + "?namespace=" + S.ns_name, icon="plus", test="namespace-new-flow"),
    )
    return page_shell(
        S.ns_name,
        strip,
        rx.match(
            S.ns_tab,
            ("files", files_body()),
            ("kv", rx.el.div(kv_body(one=True), class_name="col fillcol")),
            _overview(),
        ),
        parts=[("Namespaces", routes.NAMESPACES)],
        actions=[action],
        on_retry=[NamespaceState.load, KvState.load],
    )


__all__ = ["namespace_page"]
