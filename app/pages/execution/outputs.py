"""Outputs with the expression box and the preview of files (UI-XP-50…52)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.pages.execution.state import ExecutionState
from components.button import button, copy_button
from components.chrome import allowed
from components.dialog import drawer
from components.expression_box import expression_box
from components.field import text_input
from components.file_preview import file_preview
from components.states import state_icon
from components.value_tree import value_tree

State: Any = ExecutionState
F: Any = ExecutionState.facts
OWN: Any = f"/api/v1/{State.tenant_id}/console/executions/{F.id}"
WHOLE: Any = f"/api/v1/{State.tenant_id}/executions/{F.id}"


def _browser() -> rx.Component:
    """Task runs level by level: a group opens the level below it."""

    def one(run: Any) -> rx.Component:
        tag = rx.cond(run.value != "", rx.el.span(run.value, class_name="xs-val ell"), rx.fragment())
        below = rx.cond(
            run.group,
            rx.el.button(
                run.children,
                rx.icon("chevron-right", size=14),
                class_name="btn s gho",
                on_click=State.open_level(run.id, run.task),
                title="Show what runs below it",
                custom_attrs={"type": "button", "data-testid": "outputs-open"},
            ),
            rx.fragment(),
        )
        return rx.el.div(
            rx.el.button(
                state_icon(run.state),
                rx.el.span(run.task, class_name="mono med ell"),
                tag,
                class_name="xs-pick grow",
                on_click=State.show_outputs(run.id, run.task, run.value),
                custom_attrs={"type": "button", "data-testid": "outputs-task"},
            ),
            below,
            class_name=rx.cond(State.shown_run == run.id, "xs-orow on", "xs-orow"),
            key=run.id,
        )

    path = rx.cond(
        State.level_path.length() > 0,
        rx.el.div(
            rx.el.button(
                rx.icon("chevron-left", size=14),
                class_name="ib",
                title="One level up",
                on_click=State.close_level(State.level_path.length() - 1),
                custom_attrs={"type": "button", "data-testid": "outputs-up"},
            ),
            rx.foreach(State.level_path, lambda one: rx.el.span(one["word"], class_name="mono sm ell")),
            class_name="xs-orow",
        ),
        rx.el.div(
            rx.el.button(
                rx.icon("workflow", size=14),
                rx.el.span("Outputs of the flow", class_name="med"),
                class_name="xs-pick grow",
                on_click=State.show_outputs("", "", ""),
                custom_attrs={"type": "button", "data-testid": "outputs-flow"},
            ),
            class_name=rx.cond(State.shown_run == "", "xs-orow on", "xs-orow"),
        ),
    )
    more = rx.cond(
        State.level_after != "",
        rx.el.div(
            rx.el.span(State.level_total, " task runs", class_name="mut sm"),
            rx.el.span(class_name="grow"),
            button("Next", size="small", on_click=State.next_level_page),
            class_name="xs-orow",
        ),
        rx.fragment(),
    )
    return rx.el.nav(
        rx.el.div(
            text_input(
                State.level_text, State.find_output, label="Find a task", placeholder="Find a task", test="outputs-find"
            ),
            class_name="xs-find",
        ),
        rx.el.div(path, rx.foreach(State.level_rows, one), more, class_name="scroll"),
        class_name="xs-browse",
        aria_label="Task runs",
    )


def _tree() -> rx.Component:
    common: dict[str, Any] = {
        "preview_url": f"{WHOLE}/file/preview?maxRows=100",
        "download_url": f"{WHOLE}/file",
        "on_preview": State.preview,
        "on_path": State.choose_path,
    }
    return rx.cond(
        State.shown_run != "",
        value_tree(
            url=f"{OWN}/taskruns/{State.shown_run}",
            pick="outputs",
            path=State.shown_root,
            none="This task run gave no outputs.",
            key=State.shown_run,
            **common,
        ),
        value_tree(value=State.outputs, path="outputs", none="The flow gave no outputs. Choose a task.", **common),
    )


def outputs_tab() -> rx.Component:
    """Task runs at the left, values at the right, the expression box below them."""
    return rx.el.div(
        _browser(),
        rx.el.div(
            rx.el.div(_tree(), class_name="xs-tree"),
            allowed(
                expression_box(
                    api=f"/api/v1/{State.tenant_id}",
                    execution=F.id,
                    task_run=State.shown_run,
                    scope=State.shown_root,
                    insert=State.expression,
                ),
                needs="FLOW:UPDATE",
                namespace=F.namespace,
            ),
            class_name="xs-values",
        ),
        class_name="xs-outputs",
    )


def preview_drawer() -> rx.Component:
    """The head of a file; the browser reads it."""
    return drawer(
        "File",
        rx.cond(
            State.preview_uri != "",
            file_preview(preview_url=f"{WHOLE}/file/preview", file_url=f"{WHOLE}/file", uri=State.preview_uri),
            rx.fragment(),
        ),
        open=State.preview_uri != "",
        at=State.preview_uri,
        on_close=State.close_preview,
        width=860,
        footer=[
            copy_button(State.preview_uri, "Copy the URI"),
            button("Close", on_click=State.close_preview),
            button("Download", icon="download", kind="primary", on_click=State.download_file, test="preview-download"),
        ],
        test="file-preview",
    )
