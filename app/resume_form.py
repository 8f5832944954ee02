"""The form that lets a paused execution go on: in the dialog of its page, in the drawer of what waits (UI-XP-03)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.button import button
from components.execute_form import execute_form
from components.message import message


def resume_form(
    *words: Any,
    api: Any,
    execution: Any,
    inputs: Any,
    known: Any,
    problem: Any,
    on_reject: Any,
    on_resume: Any,
    on_resumed: Any,
    on_cancel: Any,
    busy: Any = False,
    test: str = "resume",
) -> rx.Component:
    """What the pause asks for, checked while typing, with Reject, Cancel and Resume; a pause that asks for nothing
    has the buttons alone.

    Args:
        words: stand above the fields.
        api: place of the executions, `/api/v1/{tenant}/executions`.
        inputs: declared `onResume` inputs; empty for none.
        known: whether `inputs` were read.
        on_resume: handler for a pause that asks for nothing; `on_resumed` is told that the form resumed it.
    """
    asks = inputs.length() > 0
    reject = button("Reject", icon="square-x", kind="danger", on_click=on_reject, test=f"{test}-reject")
    simple = rx.el.div(
        reject,
        rx.el.span(class_name="grow"),
        button("Cancel", on_click=on_cancel),
        button(
            "Resume",
            icon="play",
            kind="primary",
            on_click=on_resume,
            disabled=~known | busy,
            primary_of_dialog=True,
            test=f"{test}-confirm",
        ),
        class_name="df",
    )
    told = rx.cond(
        asks,
        rx.el.div(
            rx.el.span("What you enter is the output of the paused step.", class_name="mut grow"),
            reject,
            class_name="row",
        ),
        rx.el.p("The pause asks for nothing; the next task starts at once."),
    )
    waiting = rx.el.div(rx.el.i(class_name="sk", style={"width": "60%"}), class_name="col", aria_busy="true")
    return rx.el.div(
        rx.el.div(
            rx.cond(problem != "", message("bad", problem, test="dialog-error"), rx.fragment()),
            *words,
            rx.cond(known, told, waiting),
            class_name="dbody col xs-form",
        ),
        rx.cond(
            asks,
            execute_form(
                inputs=inputs,
                validate_url=f"{api}/{execution}/resume/validate",
                create_url=f"{api}/{execution}/resume",
                mode="resume",
                on_created=on_resumed,
                on_cancel=on_cancel,
            ),
            simple,
        ),
        class_name="xs-dform",
    )
