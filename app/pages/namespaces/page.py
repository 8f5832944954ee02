"""The page of a namespace: overview, files, pairs (`spec` UI-NS-02)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.listing import below_switch
from app.pages.dashboards.overview import overview_board
from app.pages.kv import KvState, kv_body, new_key
from app.pages.namespaces import details
from app.pages.namespaces.defaults import defaults_part
from app.pages.namespaces.files import files_body
from app.pages.namespaces.flows import NamespaceFlows, flows_part
from app.pages.namespaces.state import FlowLine, NamespaceState
from app.pages.secrets import new_secret, secrets_body
from app.rights import NAMESPACE_TABS
from components.button import icon_button, link, link_button
from components.chart import chart
from components.chrome import allowed
from components.client import PopoverClose
from components.clock import moment
from components.dialog import menu_item, popover
from components.frame import crumb
from components.message import count, empty_state
from components.reactive import testid
from components.sparkline import sparkline
from components.states import state_badge
from components.table import Column, data_table
from components.tabs import tabs

S: Any = NamespaceState


def _list(place: str, *more: str) -> Any:
    operator = rx.cond(S.below, "PREFIX", "EQUALS")
    return place + f"?filters[namespace][{operator}]=" + S.ns_name + "".join(f"&{one}" for one in more)


def _new_flow(**how: Any) -> rx.Component:
    made = link_button("New flow", routes.NEW_FLOW + "?namespace=" + S.ns_name, icon="plus", **how)
    return allowed(made, needs="FLOW:CREATE", namespace=S.ns_name)


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
    week = rx.el.section(
        rx.el.header(
            rx.el.h2("Executions of 7 days"),
            below_switch(S, test="overview-below", place="more row g6 sm"),
            class_name="sec",
        ),
        rx.cond(
            S.figures_url != "",
            chart(
                figure_url=S.figures_url, body=S.figure_body, height=168, label="Executions of 7 days", key=S.ns_name
            ),
            rx.fragment(),
        ),
        class_name="nssec",
    )
    return rx.el.div(day, week, children, _flows(), class_name="scroll nsov")


def _flows() -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Flows"),
            count(S.flow_count),
            link("All flows", to=routes.namespace(S.ns_name, "flows"), class_name="more"),
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
                actions=[_new_flow(kind="primary")],
            ),
            test="namespace-flows",
        ),
        class_name="nsflows",
    )


def _jump() -> rx.Component:
    """From here to a namespace below or beside, in the same tab (UI-NS-02)."""
    row = lambda one: PopoverClose.create(menu_item(one["word"], icon="folder-tree", to=one["place"], keys=""))  # noqa: E731
    part = lambda title, rows: rx.cond(  # noqa: E731
        rows.length() > 0, rx.fragment(rx.el.p(title, class_name="xs faint padx"), rx.foreach(rows, row)), rx.fragment()
    )
    return rx.cond(
        (S.under.length() > 0) | (S.beside.length() > 0),
        popover(
            icon_button("folder-tree", "Namespaces below and beside", test="namespace-jump"),
            rx.el.div(part("Below", S.under), part("Beside", S.beside), class_name="dbmenu"),
            label="Namespaces below and beside",
            width=240,
        ),
        rx.fragment(),
    )


def namespace_page() -> rx.Component:
    """`/namespaces/edit/{namespace}/{tab}`."""
    place = lambda tab: routes.namespace(S.ns_name, tab)  # noqa: E731
    strip = tabs(
        [
            ("overview", "Overview", place("overview")),
            ("flows", "Flows", place("flows")),
            ("executions", "Executions", place("executions")),
            ("logs", "Logs", place("logs")),
            ("dependencies", "Dependencies", place("dependencies")),
            ("files", "Files", place("files")),
            ("kv", "KV Store", place("kv"), S.key_count),
            ("secrets", "Secrets", place("secrets")),
            ("variables", "Variables", place("variables")),
            ("plugin-defaults", "Plugin defaults", place("plugin-defaults")),
            ("edit", "Edit", place("edit")),
        ],
        S.ns_tab,
        label="Parts of the namespace",
        needs=NAMESPACE_TABS,
        namespace=S.ns_name,
    )
    action: Any = rx.match(
        S.ns_tab,
        ("kv", new_key()),
        ("secrets", new_secret()),
        *((name, rx.fragment()) for name in ("files", "variables", "plugin-defaults", "edit", "logs", "dependencies")),
        _new_flow(test="namespace-new-flow"),
    )
    return page_shell(
        S.ns_name,
        strip,
        rx.match(
            S.ns_tab,
            ("files", files_body()),
            ("kv", rx.el.div(kv_body(one=True), class_name="col fillcol")),
            ("secrets", rx.el.div(secrets_body(one=True), class_name="col fillcol")),
            ("flows", flows_part()),
            ("executions", details.executions_part()),
            ("logs", details.logs_part()),
            ("dependencies", details.dependencies_part()),
            ("variables", details.variables_part()),
            ("plugin-defaults", defaults_part()),
            ("edit", details.edit_part()),
            overview_board(_overview()),
        ),
        parts=[
            ("Namespaces", routes.NAMESPACES),
            rx.fragment(rx.foreach(S.parents, lambda one: crumb(one["word"], one["place"]))),
        ],
        actions=[_jump(), action],
        on_retry=[NamespaceState.load, KvState.load, NamespaceFlows.load],
    )


__all__ = ["namespace_page"]
