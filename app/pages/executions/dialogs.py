"""Layers of the executions list: confirmations of bulk actions, naming a view, choosing a flow to execute."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.pages.executions.state import ExecutionsState
from components.button import button
from components.client import Dialog
from components.dialog import confirm_dialog, dialog
from components.execute_form import execute_form
from components.field import checkbox, field, form, select, text_input
from components.message import message

State: Any = ExecutionsState


def confirmation() -> rx.Component:
    """Name what is done to how many, and what follows; destroying ones are dialogs of their own."""
    problem = rx.cond(State.deed_error != "", message("bad", State.deed_error, test="deed-error"), rx.fragment())
    text = rx.fragment(
        rx.el.p(State.deed_text),
        rx.cond(State.deed_note != "", rx.el.p(State.deed_note, class_name="mut"), rx.fragment()),
    )

    def tick(label: str, name: str) -> rx.Component:
        return checkbox(label, getattr(State, name), lambda on: State.mark(name, on), test=f"deed-{name}")

    def danger(name: str, icon: str, *more: rx.Component) -> rx.Component:
        return confirm_dialog(
            State.deed_title,
            problem,
            text,
            *more,
            open=State.deed == name,
            on_cancel=State.forget_deed,
            on_confirm=State.carry_out,
            verb=State.deed_button,
            icon=icon,
            blocked=State.deed_blocked | State.deed_busy | (State.deed_count == 0),
            test=f"deed-{name}",
        )

    typed = field(
        f"Type {State.deed_count} to confirm",
        text_input(State.typed, State.type_count, label="Number of executions", test="deed-typed"),
    )
    destroying = rx.fragment(
        danger("kill", "square"),
        danger(
            "delete",
            "trash-2",
            tick("Their log lines", "with_logs"),
            tick("Their metrics", "with_metrics"),
            tick("Their files in internal storage", "with_files"),
            rx.cond(State.deed_count > 100, typed, rx.fragment()),
        ),
    )
    plain = dialog(
        State.deed_title,
        problem,
        text,
        rx.match(
            State.deed,
            (
                "labels",
                field(
                    "Labels",
                    text_input(
                        State.label_text,
                        State.write_labels,
                        label="Labels",
                        placeholder="team: data",
                        rows=4,
                        mono=True,
                        test="deed-labels",
                    ),
                    hint="One a line, as key: value.",
                ),
            ),
            (
                "change-status",
                field(
                    "State",
                    select(
                        [
                            ("SUCCESS", "Success"),
                            ("WARNING", "Warning"),
                            ("FAILED", "Failed"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        State.new_status,
                        State.set_status,
                        label="State",
                        test="deed-status",
                    ),
                ),
            ),
            ("replay", tick("With the latest revision of each flow", "latest")),
            rx.fragment(),
        ),
        open=(State.deed != "") & (State.deed != "delete") & (State.deed != "kill"),
        on_close=State.forget_deed,
        footer=[
            button("Cancel", on_click=State.forget_deed),
            button(
                State.deed_button,
                kind="primary",
                on_click=State.carry_out,
                disabled=State.deed_busy | (State.deed_count == 0),
                primary_of_dialog=True,
                test="deed-confirm",
            ),
        ],
        test="deed",
    )
    return rx.fragment(destroying, plain)


def view_dialog() -> rx.Component:
    """Ask for the name under which search, conditions and order are kept."""
    return dialog(
        "Save view",
        field(
            "Name",
            text_input(
                State.view_name, State.put_view_name, label="Name", placeholder="Night window", test="view-name"
            ),
            error=State.view_error,
            hint="Search, conditions and order are kept for you; an existing name is replaced.",
        ),
        open=State.naming_view,
        on_close=State.close_view,
        footer=[
            button("Cancel", on_click=State.close_view),
            button("Save view", kind="primary", on_click=State.save_view, primary_of_dialog=True, test="view-save"),
        ],
        test="view-dialog",
    )


def picker() -> rx.Component:
    """Namespace and flow, then the flow's form."""
    ready = (State.pick_namespace != "") & (State.pick_flow != "")
    base = f"/api/v1/{State.tenant_id}/executions/{State.pick_namespace}/{State.pick_flow}"
    choices = rx.el.div(
        form(
            field(
                "Namespace",
                select(
                    State.pick_namespaces,
                    State.pick_namespace,
                    State.pick_a_namespace,
                    label="Namespace",
                    placeholder="Choose a namespace",
                    test="pick-namespace",
                ),
            ),
            field(
                "Flow",
                select(
                    State.pick_flows,
                    State.pick_flow,
                    State.pick_a_flow,
                    label="Flow",
                    placeholder="Choose a flow",
                    disabled=State.pick_namespace == "",
                    test="pick-flow",
                ),
            ),
        ),
        class_name="dbody",
    )
    waiting = rx.el.div(
        rx.el.span(class_name="grow"),
        button("Cancel", on_click=State.close_picker),
        button("Execute", icon="play", kind="primary", disabled=True, reason="Choose a flow first"),
        class_name="df",
    )
    return Dialog.create(
        rx.el.div(
            choices,
            rx.cond(
                ready,
                execute_form(
                    flow_url=f"/api/v1/{State.tenant_id}/flows/{State.pick_namespace}/{State.pick_flow}",
                    validate_url=f"{base}/validate",
                    create_url=base,
                    on_created=State.started,
                    on_cancel=State.close_picker,
                    key=f"{State.pick_namespace}/{State.pick_flow}",
                ),
                waiting,
            ),
            class_name="xs-dform",
        ),
        open=State.picking,
        title="Execute a flow",
        width=720,
        on_close=State.close_picker,
        testid="execute-picker",
    )
