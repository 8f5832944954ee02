"""Outputs with the expression box, metrics, and the source that ran (UI-XP-50…52, UI-XP-60, UI-XP-70)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.pages.execution.state import ExecutionState
from components.button import button, copy_button, icon_button, link_button
from components.clock import moment
from components.code_editor import code_editor
from components.dialog import drawer, menu, menu_item
from components.field import text_input
from components.message import empty_state, message
from components.states import state_icon
from components.table import Column, data_table
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


def _debug() -> rx.Component:
    """The expression box: what a template would give here (UI-XP-51)."""
    earlier = rx.cond(
        State.expressions.length() > 0,
        menu(
            icon_button("history", "Earlier expressions"),
            rx.foreach(State.expressions, lambda one: menu_item(one, on_select=State.recall(one))),
            label="Earlier expressions",
            width=320,
        ),
        rx.fragment(),
    )
    result = rx.cond(
        State.evaluated != "",
        rx.el.div(
            rx.el.pre(
                State.evaluated,
                class_name=rx.cond(State.evaluation_failed, "xs-result bad", "xs-result"),
                role="status",
                custom_attrs={"data-testid": "expression-result"},
            ),
            copy_button(State.evaluated, "Copy the result"),
            class_name="xs-got",
        ),
        rx.el.p(
            "Choose a value above or type an expression; it is rendered as it would be in this execution. "
            "Secrets stay masked.",
            class_name="faint sm",
        ),
    )
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Debug expression"),
            rx.cond(
                State.shown_run != "",
                rx.el.span(
                    "in the scope of ", rx.el.span(State.shown_root, class_name="mono"), class_name="mut sm ell"
                ),
                rx.el.span("in the scope of the execution", class_name="mut sm"),
            ),
            rx.el.span(class_name="grow"),
            earlier,
            class_name="row",
        ),
        rx.el.div(
            text_input(
                State.expression,
                State.put_expression,
                label="Expression",
                placeholder="{{ outputs.task.value }}",
                mono=True,
                on_enter=State.evaluate_text,
                test="expression-input",
            ),
            button(
                "Evaluate",
                icon="play",
                kind="primary",
                on_click=State.evaluate,
                disabled=State.evaluating,
                test="expression-run",
            ),
            class_name="xs-expr",
        ),
        result,
        class_name="xs-debug",
    )


def outputs_tab() -> rx.Component:
    """Task runs at the left, values at the right, the expression box below them."""
    return rx.el.div(
        _browser(),
        rx.el.div(rx.el.div(_tree(), class_name="xs-tree"), _debug(), class_name="xs-values"),
        class_name="xs-outputs",
    )


def preview_drawer() -> rx.Component:
    """The first rows of a file."""
    table = rx.el.div(
        rx.el.table(
            rx.el.thead(rx.el.tr(rx.foreach(State.preview_columns, lambda name: rx.el.th(name, scope="col")))),
            rx.el.tbody(
                rx.foreach(
                    State.preview_rows,
                    lambda row: rx.el.tr(rx.foreach(row, lambda cell: rx.el.td(cell, class_name="mono"))),
                )
            ),
            class_name="cpt",
        ),
        class_name="scroll xs-ptab",
    )
    loaded = (State.preview_text != "") | (State.preview_columns.length() > 0)
    return drawer(
        "File",
        rx.el.p(State.preview_uri, class_name="mono sm brk mut"),
        rx.cond(State.preview_problem != "", message("bad", State.preview_problem), rx.fragment()),
        rx.cond(State.preview_note != "", rx.el.p(State.preview_note, class_name="sm mut"), rx.fragment()),
        rx.cond(
            State.preview_columns.length() > 0,
            table,
            rx.cond(
                State.preview_text != "",
                rx.el.pre(State.preview_text, class_name="xs-result file"),
                rx.cond(
                    loaded | (State.preview_problem != ""), rx.fragment(), rx.el.p("Reading …", class_name="faint")
                ),
            ),
        ),
        open=State.preview_uri != "",
        on_close=State.close_preview,
        width=720,
        footer=[
            copy_button(State.preview_uri, "Copy the URI"),
            button("Close", on_click=State.close_preview),
            button("Download", icon="download", kind="primary", on_click=State.download_file, test="preview-download"),
        ],
        test="file-preview",
    )


METRICS = [
    Column("Task", lambda row: row.task, mono=True),
    Column("Metric", lambda row: rx.el.span(row.name, class_name="mono med")),
    Column("Tags", lambda row: rx.el.span(row.tags, class_name="mut"), fill=True, hide="s"),
    Column("Kind", lambda row: rx.el.span(row.kind, class_name="mut"), hide="m"),
    Column("Value", lambda row: row.value, numeric=True),
    Column("Measured", lambda row: moment(row.at), numeric=True, hide="s"),
]


def metrics_tab() -> rx.Component:
    """What the task runs measured, at most 100 rows."""
    return rx.fragment(
        data_table(
            State.metric_rows,
            METRICS,
            label="Metrics",
            row_id=lambda row: row.key,
            none=empty_state(
                "No metrics",
                hint="Tasks that count rows, bytes or time write metrics; none of this execution did.",
                icon="gauge",
                actions=[link_button("Open the Gantt", f"/executions/{F.namespace}/{F.flow}/{F.id}/gantt")],
            ),
            density="normal",
            test="metrics-table",
        ),
        rx.cond(
            State.metric_total > 100,
            rx.el.div("The first 100 of ", State.metric_total, class_name="pager"),
            rx.fragment(),
        ),
    )


def source_tab() -> rx.Component:
    """The revision that ran, and how far it is behind the latest."""
    behind = rx.cond(
        State.latest_revision > F.revision,
        rx.fragment(
            rx.el.span("The latest is ", State.latest_revision, ".", class_name="mut"),
            link_button(
                "Compare with the latest",
                f"{routes.flow(F.namespace, F.flow, 'revisions')}"
                f"?revisionLeft={F.revision}&revisionRight={State.latest_revision}",
                size="small",
                test="source-compare",
            ),
        ),
        rx.el.span("It is the latest.", class_name="mut"),
    )
    return rx.el.div(
        rx.el.div(
            rx.icon("file-code", size=14),
            rx.el.span("Revision ", F.revision, " of ", rx.el.b(F.flow, class_name="med"), " ran here."),
            behind,
            rx.el.span(class_name="grow"),
            copy_button(State.source, "Copy the source"),
            class_name="xs-wait",
        ),
        rx.el.div(
            rx.cond(
                State.source_problem != "",
                rx.el.div(message("bad", State.source_problem), class_name="pad"),
                rx.cond(
                    State.source != "", code_editor(value=State.source, language="yaml", read_only=True), rx.fragment()
                ),
            ),
            class_name="xs-main",
            custom_attrs={"data-testid": "execution-source"},
        ),
        class_name="xs-fill",
    )
