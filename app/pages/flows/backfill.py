"""Backfills of a schedule: planned in a drawer, followed below the trigger's row (UI-FP-32, UI-FP-33)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.pages.flows.trigger_state import TriggersState
from app.rights import TRIGGERS
from components.button import button, icon_button, link_button, segmented
from components.chrome import allowed
from components.clock import duration, moment
from components.dialog import drawer
from components.field import field, form, text_input
from components.flow_tools import instant_input
from components.message import message

S: Any = TriggersState


def backfill_row(line: Any) -> rx.Component:
    """What a running backfill has done, below the row of its trigger."""
    return rx.el.tr(
        rx.el.td(
            rx.el.div(
                rx.el.div(
                    rx.el.span(
                        "Backfill ",
                        moment(line.fill_start, mode="date"),
                        " to ",
                        moment(line.fill_end, mode="date"),
                        class_name="med",
                    ),
                    rx.el.span(
                        "at ", moment(line.fill_at, mode="full"), ", ", line.percent, " %", class_name="mut num"
                    ),
                    rx.cond(line.paused, rx.el.i("paused", class_name="cnt"), rx.fragment()),
                    rx.el.span(class_name="grow"),
                    allowed(
                        rx.cond(
                            line.paused,
                            button(
                                "Continue",
                                icon="play",
                                size="small",
                                on_click=S.continue_backfill(line.id),
                                test="backfill-continue",
                            ),
                            button(
                                "Pause",
                                icon="pause",
                                size="small",
                                on_click=S.pause_backfill(line.id),
                                test="backfill-pause",
                            ),
                        ),
                        needs=TRIGGERS,
                        namespace=S.flow_ns,
                    ),
                    allowed(
                        link_button(
                            "Executions",
                            routes.flow(S.flow_ns, S.flow_id, "executions") + "?" + line.fill_query,
                            icon="activity",
                            size="small",
                            test="backfill-executions",
                        ),
                        needs="EXECUTION:READ",
                        namespace=S.flow_ns,
                    ),
                    allowed(
                        icon_button(
                            "trash-2", "Delete the backfill", on_click=S.ask("drop", line.id), test="backfill-delete"
                        ),
                        needs=TRIGGERS,
                        namespace=S.flow_ns,
                    ),
                    class_name="row sm wrapped",
                ),
                rx.el.div(
                    rx.el.i(style={"width": line.percent.to_string() + "%"}),
                    class_name=rx.cond(line.paused, "bfp hold", "bfp ok"),
                    role="progressbar",
                    aria_valuenow=line.percent,
                    aria_valuemin=0,
                    aria_valuemax=100,
                    aria_label="Backfill",
                ),
                class_name="bfr",
            ),
            col_span=9,
        ),
        class_name="xr",
        custom_attrs={"data-testid": "backfill-row"},
    )


def backfill_drawer() -> rx.Component:
    """Range, inputs and labels of a backfill, with what it will create."""
    facts = rx.el.div(
        rx.el.div(
            rx.el.span("Executions to create", class_name="mut"),
            rx.el.b(rx.cond(S.fill_count < 0, "–", S.fill_count.to_string()), class_name="fkpi num"),
            class_name="row sp",
        ),
        rx.el.div(
            rx.foreach(S.fill_bars, lambda bar: rx.el.i(title=bar["title"], style={"height": bar["height"]})),
            class_name="dens",
        ),
        rx.el.div(rx.el.span("Already ran well"), rx.el.span(S.fill_done, class_name="num"), class_name="row sp sm"),
        rx.el.div(
            rx.el.span("Failed or missing"), rx.el.span(S.fill_missing, class_name="num"), class_name="row sp sm"
        ),
        rx.cond(
            S.fill_estimate >= 0,
            rx.el.div(
                rx.el.span("Time, ", S.fill_parallel, " at once"),
                rx.el.span("about ", duration(ms=S.fill_estimate), class_name="num"),
                class_name="row sp sm",
            ),
            rx.fragment(),
        ),
        class_name="bfd",
        custom_attrs={"data-testid": "backfill-count"},
    )

    def value(one: Any) -> rx.Component:
        name = one["id"].to(str)
        return field(
            name,
            text_input(
                rx.cond(S.fill_inputs.contains(name), S.fill_inputs[name], ""),
                lambda text: S.set_fill_input(name, text),
                label=name,
                placeholder=rx.cond(one["defaults"], one["defaults"].to_string(use_json=False), ""),
                test="backfill-input",
            ),
            kind=one["type"].to(str),
        )

    return drawer(
        "Backfill " + S.fill_trigger,
        segmented(
            [("PT24H", "24 h"), ("P7D", "7 days"), ("P30D", "30 days"), ("P90D", "90 days")],
            S.fill_preset,
            S.preset,
            label="Range that ends now",
            test="backfill-preset",
        ),
        rx.el.div(
            field(
                "From",
                instant_input(value=S.fill_from, on_change=S.set_from, label="From", testid="backfill-from"),
                required=True,
            ),
            field(
                "To",
                instant_input(value=S.fill_to, on_change=S.set_to, label="To", testid="backfill-to"),
                hint="Empty means now.",
            ),
            class_name="fg",
        ),
        rx.cond(S.fill_fault != "", message("bad", S.fill_fault, test="backfill-fault"), rx.fragment()),
        facts,
        rx.cond(
            S.fill_done > 0,
            message("warn", "Ended well and run again: ", rx.el.b(S.fill_done)),
            rx.fragment(),
        ),
        form(
            rx.cond(
                S.flow_inputs.length() > 0,
                rx.el.div(rx.foreach(S.flow_inputs, value), class_name="fg"),
                rx.fragment(),
            ),
            field(
                "Labels",
                text_input(
                    S.fill_labels,
                    S.set_fill_labels,
                    label="Labels",
                    placeholder="key: value, key: value",
                    test="backfill-labels",
                ),
                hint="Added to every execution it creates.",
            ),
        ),
        open=S.filling,
        at=S.fill_trigger,
        on_close=S.close_plan,
        footer=[
            button("Cancel", on_click=S.close_plan),
            button(
                rx.cond(S.fill_count > 0, "Create " + S.fill_count.to_string() + " executions", "Create executions"),
                icon="history",
                kind="primary",
                on_click=S.create_backfill,
                disabled=(S.fill_count < 1) | S.fill_busy,
                reason="There is no date in this range",
                primary_of_dialog=True,
                test="backfill-create",
            ),
        ],
        test="backfill-drawer",
    )
