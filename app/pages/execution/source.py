"""The source that ran, and how it differs from the latest (UI-XP-70)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.pages.execution.state import ExecutionState
from components.button import button, copy_button, link_button
from components.code_editor import code_editor
from components.diff_editor import diff_editor
from components.run_panel import run_sources

State: Any = ExecutionState
F: Any = ExecutionState.facts


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
            button(
                rx.cond(State.source_diff, "Source alone", "Difference here"),
                size="small",
                on_click=State.show_diff,
                test="source-diff",
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
            copy_button(label="Copy the source", url=_ran()),
            class_name="xs-wait",
        ),
        rx.el.div(
            rx.el.div(_text(), class_name="xs-main", custom_attrs={"data-testid": "execution-source"}),
            rx.cond(
                State.source_diff,
                rx.fragment(),
                rx.el.aside(
                    run_sources(execution=F.id, api=f"/api/v1/{State.tenant_id}", on_go=State.open_node, key=F.id),
                    class_name="xs-aside",
                ),
            ),
            class_name=rx.cond(State.source_diff, "xs-split", "xs-split open"),
        ),
        class_name="xs-fill",
    )


def _ran() -> Any:
    return State.sources_url + F.revision.to_string()


def _text() -> rx.Component:
    latest = State.sources_url + State.latest_revision.to_string()
    return rx.cond(
        State.sources_url == "",
        rx.fragment(),
        rx.cond(
            State.source_diff,
            diff_editor(original_url=_ran(), modified_url=latest, language="yaml"),
            code_editor(load_url=_ran(), language="yaml", read_only=True),
        ),
    )
