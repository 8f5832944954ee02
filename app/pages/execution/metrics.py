"""What the task runs of an execution measured: sums, rows, export (UI-XP-60)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.pages.execution.state import ExecutionState
from components.button import button, link_button
from components.clock import moment
from components.message import empty_state
from components.table import Column, data_table

State: Any = ExecutionState
F: Any = ExecutionState.facts

METRICS = [
    Column("Task", lambda row: row.task, mono=True),
    Column("Metric", lambda row: rx.el.span(row.name, class_name="mono med")),
    Column("Tags", lambda row: rx.el.span(row.tags, class_name="mut"), fill=True, hide="s"),
    Column("Kind", lambda row: rx.el.span(row.kind, class_name="mut"), hide="m"),
    Column("Value", lambda row: row.value, numeric=True),
    Column("Measured", lambda row: moment(row.at), numeric=True, hide="s"),
]


def metrics_tab() -> rx.Component:
    """A sum for each metric, then the rows; a task can be chosen."""

    def one(total: Any) -> rx.Component:
        return rx.el.div(
            rx.el.span(total.name, class_name="mono ell", title=total.name),
            rx.el.b(total.value, class_name="num"),
            rx.el.span(total.count, class_name="xs faint num"),
            class_name="xs-sum",
            key=total.key,
        )

    sums = rx.cond(
        State.metric_sums.length() > 0,
        rx.el.div(
            rx.foreach(State.metric_sums, one), class_name="xs-sums", custom_attrs={"data-testid": "metric-sums"}
        ),
        rx.fragment(),
    )
    bar = rx.cond(
        State.metric_total > 0,
        rx.el.div(
            rx.el.select(
                rx.el.option("All tasks", value=""),
                rx.foreach(State.metric_tasks, lambda task: rx.el.option(task, value=task)),
                value=State.metric_task,
                on_change=State.choose_metric_task,
                class_name="btn s sel",
                aria_label="Task",
                custom_attrs={"data-testid": "metric-task"},
            ),
            rx.el.span(State.metric_total, " measured values", class_name="sm mut num"),
            rx.el.span(class_name="grow"),
            button("CSV", icon="download", size="small", on_click=State.export_metrics, test="metric-csv"),
            class_name="fb",
        ),
        rx.fragment(),
    )
    return rx.fragment(
        bar,
        sums,
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
