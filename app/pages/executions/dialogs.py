"""Layers of the executions list: confirmations of bulk actions, choosing a flow to execute."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.pages.executions.state import ExecutionsState
from components.button import button, segmented
from components.client import Dialog
from components.dialog import confirm_dialog, dialog
from components.execute_form import execute_form
from components.field import checkbox, field, form, select, text_input
from components.message import message

State: Any = ExecutionsState


def confirmation(state: Any = State) -> rx.Component:
    """Name what is done to how many, and what follows; destroying ones are dialogs of their own."""
    problem = rx.cond(state.deed_error != "", message("bad", state.deed_error, test="deed-error"), rx.fragment())
    text = rx.fragment(
        rx.el.p(state.deed_text),
        rx.cond(state.deed_note != "", rx.el.p(state.deed_note, class_name="mut"), rx.fragment()),
    )

    def tick(label: str, name: str) -> rx.Component:
        return checkbox(label, getattr(state, name), lambda on: state.mark(name, on), test=f"deed-{name}")

    def danger(name: str, icon: str, *more: rx.Component) -> rx.Component:
        return confirm_dialog(
            state.deed_title,
            problem,
            text,
            *more,
            open=state.deed == name,
            on_cancel=state.forget_deed,
            on_confirm=state.carry_out,
            verb=state.deed_button,
            icon=icon,
            blocked=state.deed_blocked | (state.deed_count == 0),
            test=f"deed-{name}",
        )

    typed = field(
        f"Type {state.deed_count} to confirm",
        text_input(state.typed, state.type_count, label="Number of executions", test="deed-typed"),
    )
    destroying = rx.fragment(
        danger("kill", "square"),
        danger(
            "delete",
            "trash-2",
            tick("Their log lines", "with_logs"),
            tick("Their metrics", "with_metrics"),
            tick("Their files in internal storage", "with_files"),
            rx.cond(state.deed_count > 100, typed, rx.fragment()),
        ),
    )
    plain = dialog(
        state.deed_title,
        problem,
        text,
        rx.match(
            state.deed,
            (
                "labels",
                field(
                    "Labels",
                    text_input(
                        state.label_text,
                        state.write_labels,
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
                        state.new_status,
                        state.set_status,
                        label="State",
                        test="deed-status",
                    ),
                ),
            ),
            (
                "unqueue",
                field(
                    "And then",
                    segmented(
                        [("RUNNING", "Run now"), ("CANCELLED", "Cancel them"), ("FAILED", "Let them fail")],
                        state.unqueue_to,
                        state.set_unqueue_to,
                        label="State",
                        test="deed-unqueue",
                    ),
                ),
            ),
            ("replay", tick("With the latest revision of each flow", "latest")),
            rx.fragment(),
        ),
        open=(state.deed != "") & (state.deed != "delete") & (state.deed != "kill"),
        on_close=state.forget_deed,
        footer=[
            button("Cancel", on_click=state.forget_deed),
            button(
                state.deed_button,
                kind="primary",
                on_click=state.carry_out,
                disabled=state.deed_count == 0,
                primary_of_dialog=True,
                test="deed-confirm",
            ),
        ],
        test="deed",
    )
    return rx.fragment(destroying, plain)


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
