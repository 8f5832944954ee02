"""The dry run of a polling trigger: what it does, what it found and would start, its log (UI-FP-31)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app.pages.flows.trigger_state import TriggersState
from components.button import button
from components.clock import duration, moment
from components.dialog import dialog
from components.message import label_chip, message, skeleton_rows
from components.reactive import testid

S: Any = TriggersState


def trial_dialog() -> rx.Component:
    """Says what a dry run does before it is done, then what came of it."""
    told = S.tried
    line = lambda row: rx.el.div(  # noqa: E731
        moment(row["at"], mode="auto"),
        rx.el.span(
            row["level"], class_name=rx.match(row["level"], ("ERROR", "fgs bad"), ("WARN", "fgs warn"), "faint")
        ),
        rx.el.span(row["text"], class_name="msg"),
        class_name="lgr three",
        key=row["key"],
    )
    part = lambda word, *body: rx.el.section(rx.el.h3(word, class_name="sm semi"), *body, class_name="col g6")  # noqa: E731
    starts = rx.fragment(
        rx.cond(
            told.refused != "",
            message("bad", rx.el.b("No execution would start. "), told.refused),
            rx.fragment(),
        ),
        rx.foreach(told.warnings, lambda text: message("warn", text)),
        rx.cond(
            told.inputs != "",
            part("Inputs of the execution", rx.el.pre(rx.el.code(told.inputs), class_name="sample mono trydata")),
            rx.fragment(),
        ),
        rx.cond(
            told.labels.length() > 0,
            part(
                "Labels of the execution",
                rx.el.div(
                    rx.foreach(told.labels, lambda one: label_chip(one["key"], one["value"])), class_name="row wrap"
                ),
            ),
            rx.fragment(),
        ),
        part("trigger, as expressions see it", rx.el.pre(rx.el.code(told.variables), class_name="sample mono trydata")),
    )
    result = rx.el.div(
        rx.cond(
            told.held,
            message(
                "warn",
                rx.el.b("Its conditions do not hold now. "),
                "The scheduler would not have let it look. ",
                told.conditions,
            ),
            rx.fragment(),
        ),
        rx.cond(
            told.error != "",
            message("bad", rx.el.b("The evaluation failed. "), told.error, test="try-error"),
            rx.cond(
                told.found,
                message("ok", rx.el.b("It found something: an execution would start."), test="try-found"),
                message("live", rx.el.b("It found nothing: no execution would start."), test="try-nothing"),
            ),
        ),
        rx.cond(told.found, starts, rx.fragment()),
        part(
            "Log",
            rx.cond(
                told.lines.length() > 0,
                rx.el.div(rx.foreach(told.lines, line), class_name="lgb mono trglog", custom_attrs=testid("try-lines")),
                rx.el.p("It wrote no lines.", class_name="mut sm"),
            ),
        ),
        rx.el.p("Took ", duration(ms=told.took), class_name="faint xs num"),
        class_name="col g12",
        custom_attrs=testid("try-result"),
    )
    return dialog(
        "Dry run of " + S.trying,
        rx.el.p(
            "The trigger looks once. Nothing is started, its next date and its state stay, its log gets no line.",
            class_name="mut",
        ),
        message(
            "warn",
            rx.el.b("Not undone: "),
            "what looking itself does at the source. Requests are really sent, and a plugin that knows no dry runs may "
            "take what it finds away from there.",
        ),
        rx.cond(S.try_fault != "", message("bad", S.try_fault, test="try-fault"), rx.fragment()),
        rx.cond(S.try_busy, rx.el.div(skeleton_rows(), role="status", aria_label="The trigger looks"), rx.fragment()),
        rx.cond(S.try_done, result, rx.fragment()),
        open=S.trying != "",
        on_close=S.close_try,
        width=680,
        footer=[
            button("Close", on_click=S.close_try),
            button(
                rx.cond(S.try_done, "Look again", "Look once"),
                icon="flask-conical",
                kind="primary",
                on_click=S.try_out,
                disabled=S.try_busy,
                primary_of_dialog=True,
                test="try-run",
            ),
        ],
        test="trigger-trial",
    )
