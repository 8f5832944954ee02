"""The tabs of a namespace beside overview, files, keys and secrets (UI-NS-02…06)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.listing import below_switch
from app.pages.namespaces.details_state import NamespaceDetails
from components.button import button, copy_button, link, link_button, segmented
from components.chrome import allowed
from components.clock import moment, run_span
from components.dialog import confirm_dialog
from components.field import field, form, text_input
from components.flow_tools import leave_guard
from components.graph import flow_graph
from components.message import count, empty_state, flow_name, message, skeleton_rows
from components.reactive import testid
from components.states import state_badge, state_icon
from components.table import Column, data_table
from components.yaml_editor import yaml_editor

S: Any = NamespaceDetails

RUNS = [
    Column("State", lambda row: state_badge(row.state)),
    Column(
        "Execution",
        lambda row: link(row.short, to=routes.execution(row.namespace, row.flow, row.id), class_name="mono med"),
    ),
    Column("Flow", lambda row: link(row.flow, to=routes.flow(row.namespace, row.flow), class_name="id")),
    Column("Namespace", lambda row: rx.el.span(row.namespace, class_name="ns"), hide="m"),
    Column("Started", lambda row: moment(row.started), numeric=True),
    Column("Duration", lambda row: _span(row), numeric=True, hide="s"),
]


def writer(*children: Any, needs: str = "NAMESPACE:UPDATE") -> rx.Component:
    """What changes the namespace's own document, for those who may (UI-PM-01)."""
    return allowed(*children, needs=needs, namespace=S.space)


def _span(row: Any) -> rx.Component:
    """How long it ran, as the lists of executions say it: without its time in the queue."""
    return run_span(row)


def _small_run(row: Any) -> rx.Component:
    return rx.el.div(
        state_icon(row.state, size=16),
        rx.el.div(
            rx.el.div(
                link(
                    flow_name(row.namespace, row.flow),
                    to=routes.execution(row.namespace, row.flow, row.id),
                    class_name="ell",
                ),
                rx.el.span(class_name="grow"),
                rx.el.span(moment(row.started), class_name="sm mut nw"),
                class_name="row",
            ),
            rx.el.div(
                rx.el.span(row.short, class_name="mono"),
                _span(row),
                class_name="row sm mut g6",
            ),
            class_name="grow",
        ),
        class_name="xl-card",
    )


def _bar(*parts: Any) -> rx.Component:
    return rx.el.div(
        below_switch(S, test="namespace-below"), rx.el.span(class_name="grow"), *parts, class_name="toolbar"
    )


def _filtered(place: str) -> Any:
    operator = rx.cond(S.below, "PREFIX", "EQUALS")
    return f"{place}?filters[namespace][{operator}]={S.space}"


def executions_part() -> rx.Component:
    """The last executions."""
    return rx.el.div(
        _bar(
            rx.el.span(S.run_total, " in all", class_name="mut sm num"),
            link_button("Open as a list", _filtered(routes.EXECUTIONS), icon="list", size="small"),
        ),
        data_table(
            S.runs,
            RUNS,
            label="Executions",
            small=_small_run,
            loading=~S.ready_,
            none=empty_state("Nothing ran here yet", hint="Executions of the namespace's flows.", icon="activity"),
            density="normal",
            test="namespace-runs",
        ),
        class_name="col fillcol",
    )


def logs_part() -> rx.Component:
    """The last log lines."""
    line = lambda row: rx.el.div(  # noqa: E731
        moment(row["at"]),
        rx.el.b(row["level"]),
        rx.cond(
            row["to"] != "",
            link(rx.el.span(row["flow"], class_name="med"), " ", row["text"], to=row["to"], class_name="brk"),
            rx.el.span(row["text"], class_name="brk"),
        ),
        class_name="xs-line",
    )
    none = empty_state("No lines", hint="What the namespace's flows write to their logs.", icon="scroll-text")
    return rx.el.div(
        _bar(link_button("Open in logs", _filtered(routes.LOGS), icon="scroll-text", size="small")),
        rx.cond(
            S.lines.length() > 0,
            rx.el.div(rx.foreach(S.lines, line), class_name="scroll pad"),
            rx.cond(S.ready_, none, skeleton_rows()),
        ),
        class_name="col fillcol",
    )


def dependencies_part() -> rx.Component:
    """How the flows of the namespace start one another; those that do not stand apart."""
    alone = rx.el.section(
        rx.el.header(rx.el.h2("Not connected"), count(S.alone.length()), class_name="sec"),
        rx.el.div(
            rx.foreach(
                S.alone[:200],
                lambda one: link(
                    rx.icon("workflow", size=14),
                    rx.cond(
                        one["namespace"] == S.space, rx.fragment(), rx.el.span(one["namespace"], "/", class_name="ns")
                    ),
                    one["id"],
                    to=one["place"],
                    class_name="lab nsl",
                ),
            ),
            class_name="row wrap",
        ),
        class_name="nssec nsalone",
        custom_attrs=testid("namespace-alone"),
    )
    return rx.el.div(
        _bar(),
        rx.el.div(
            rx.cond(
                S.ready_ & (S.part == "dependencies"),
                flow_graph(graph_url=S.graph_url, direction="LR", key=S.graph_url),
                skeleton_rows(),
            ),
            class_name="nsgraph",
            custom_attrs=testid("namespace-dependencies"),
        ),
        rx.cond(S.alone.length() > 0, alone, rx.fragment()),
        class_name="col fillcol",
    )


def _variable(row: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.code(row.name, class_name="mono med")),
        rx.el.td(rx.el.span(row.value, class_name="mono brk lines3", title=row.value)),
        rx.el.td(rx.el.span(row.kind, class_name="mut sm"), class_name="hide-s"),
        rx.el.td(copy_button(f"{{{{ namespace.{row.name} }}}}", "Copy the expression"), class_name="acts"),
    )


def _above(row: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.code(row.name, class_name="mono mut")),
        rx.el.td(rx.el.span(row.value, class_name="mono mut brk lines3", title=row.value)),
        rx.el.td(rx.el.span(row.kind, class_name="faint sm"), class_name="hide-s"),
        rx.el.td(
            rx.el.span(
                copy_button(f"{{{{ namespace.{row.name} }}}}", "Copy the expression"),
                writer(
                    button("Override", size="small", on_click=S.override(row.name, row.value), test="variable-override")
                ),
                class_name="row g4",
            ),
            class_name="acts",
        ),
    )


def variables_part() -> rx.Component:
    """Own variables as table or YAML, inherited ones below."""
    editor = rx.el.div(
        yaml_editor(
            doc_uri=S.variables_uri,
            value=S.variables_text,
            read_only=~S.writes,
            on_change=S.take_text,
            on_save=S.save_text,
            key=S.variables_uri,
        ),
        class_name="nsyaml",
        custom_attrs=testid("variables-yaml"),
    )
    table = rx.cond(
        S.variables.length() > 0,
        rx.el.table(rx.el.tbody(rx.foreach(S.variables, _variable)), aria_label="Variables", class_name="cpt2 vart"),
        empty_state(
            "No variables yet",
            hint="Values that all flows of the namespace and below read as {{ namespace.name }}.",
            icon="variable",
            actions=[writer(button("Write the first", icon="plus", kind="primary", on_click=S.set_raw(True)))],
        ),
    )
    inherited = rx.cond(
        S.inherited.length() > 0,
        rx.el.section(
            rx.el.header(rx.el.h2("Inherited"), count(S.inherited.length()), class_name="sec pad16"),
            rx.el.table(
                rx.el.tbody(rx.foreach(S.inherited, _above)), aria_label="Inherited variables", class_name="cpt2 vart"
            ),
            custom_attrs=testid("variables-inherited"),
        ),
        rx.fragment(),
    )
    return rx.el.div(
        rx.el.div(
            rx.el.div(
                segmented(
                    [("", "Table"), ("1", "YAML")], rx.cond(S.raw, "1", ""), _raw, label="Form", test="variables"
                ),
            ),
            rx.el.span(class_name="grow"),
            rx.cond(S.variables_dirty, rx.el.i(class_name="dirty", title="Not saved"), rx.fragment()),
            writer(
                button(
                    "Save",
                    icon="save",
                    kind="primary",
                    size="small",
                    on_click=S.save_variables,
                    disabled=~S.variables_dirty | (S.variables_fault != ""),
                    reason="Nothing to save, or an error in the YAML",
                    test="variables-save",
                )
            ),
            class_name="toolbar",
        ),
        rx.cond(
            S.variables_fault != "",
            rx.el.div(message("bad", rx.el.b("Not saved. "), S.variables_fault), class_name="pad16 padt"),
            rx.fragment(),
        ),
        rx.cond(S.ready_, rx.el.div(rx.cond(S.raw, editor, table), inherited, class_name="scroll"), skeleton_rows()),
        leave_guard(dirty=S.variables_dirty, what="The variables"),
        class_name="col fillcol",
    )


def _raw(value: Any) -> Any:
    return S.set_raw(value == "1")


def edit_part() -> rx.Component:
    """Description, and the end of the namespace."""
    return rx.el.div(
        rx.el.div(
            form(
                field(
                    "Description",
                    text_input(
                        S.description,
                        S.set_description,
                        label="Description",
                        rows=4,
                        disabled=~S.writes,
                        test="namespace-description",
                    ),
                    hint="What the namespace is for; shown in lists.",
                ),
            ),
            writer(
                rx.el.div(
                    button("Save", icon="save", kind="primary", on_click=S.save_description, test="namespace-save"),
                    class_name="row",
                )
            ),
            writer(
                rx.el.section(
                    rx.el.h2("Delete", class_name="sec"),
                    rx.el.p(
                        "Description, variables and plugin defaults go. Flows, keys, secrets and files stay, and with "
                        "them the namespace.",
                        class_name="mut",
                    ),
                    rx.el.div(
                        button(
                            "Delete the namespace",
                            icon="trash-2",
                            kind="danger",
                            on_click=S.ask_delete,
                            disabled=~S.exists,
                            reason="It holds no description, variables or plugin defaults",
                            test="namespace-delete",
                        ),
                        class_name="row",
                    ),
                    class_name="col g12",
                ),
                needs="NAMESPACE:DELETE",
            ),
            class_name="settings nsedit",
        ),
        confirm_dialog(
            "Delete " + S.space,
            rx.el.p(
                "Its ",
                S.variables.length(),
                " variables and ",
                S.plugin_defaults.length(),
                " plugin defaults go for good. Type the name to confirm.",
            ),
            text_input(S.typed, S.set_typed, label="Name of the namespace", mono=True, test="namespace-typed"),
            open=S.deleting,
            on_cancel=S.keep,
            on_confirm=S.delete,
            verb="Delete namespace",
            blocked=S.typed != S.space,
            test="namespace-delete-dialog",
        ),
        class_name="col fillcol",
    )
