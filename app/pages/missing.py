"""The page of a place that does not exist."""

from __future__ import annotations

import reflex as rx

from app import routes
from app.frame import page_shell
from components.button import link_button
from components.message import empty_state


def missing_page() -> rx.Component:
    """Say that nothing is here and where to go."""
    return page_shell(
        "Not found",
        empty_state(
            "There is no such page",
            hint="The address may be mistyped, or the page has moved. Ctrl K finds flows, executions and keys by name.",
            icon="compass",
            actions=[link_button("Go to the start", routes.HOME, icon="arrow-left", kind="primary")],
            test="not-found",
        ),
    )
