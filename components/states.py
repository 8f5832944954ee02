"""The seventeen states of executions and task runs: family, icon and word (`ui-mock` §6)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.reactive import Reactive

STATES: dict[str, tuple[str, str]] = {
    "CREATED": ("idle", "circle-dashed"),
    "SUBMITTED": ("idle", "circle-dot-dashed"),
    "QUEUED": ("queued", "hourglass"),
    "RUNNING": ("live", "circle-play"),
    "RETRYING": ("live", "refresh-cw"),
    "RESTARTED": ("live", "rewind"),
    "PAUSED": ("hold", "circle-pause"),
    "BREAKPOINT": ("hold", "bug"),
    "SUCCESS": ("ok", "circle-check"),
    "WARNING": ("warn", "triangle-alert"),
    "FAILED": ("bad", "octagon-x"),
    "KILLING": ("stop", "square"),
    "KILLED": ("stop", "square-x"),
    "CANCELLED": ("shut", "ban"),
    "SKIPPED": ("shut", "skip-forward"),
    "RETRIED": ("shut", "refresh-cw-off"),
    "RESUBMITTED": ("shut", "copy-plus"),
}
"""State → family class and lucide icon."""


def word(state: str) -> str:
    """Return how a state reads: `FAILED` is *Failed*."""
    return state.capitalize()


def state_text(state: Reactive[str]) -> Any:
    """The state's word alone; a name that nobody knows as it is."""
    if isinstance(state, str):
        return word(state)
    return rx.match(state, *((name, word(name)) for name in STATES), state)


def state_badge(state: Reactive[str], *, large: bool = False) -> rx.Component:
    """The state as icon and word, for places where the state is the subject.

    Args:
        state: a name of `STATES`, plain or reactive.
        large: 24 px instead of 20, for headers.
    """
    size = " l" if large else ""
    if isinstance(state, str):
        family, icon = STATES[state]
        return rx.el.span(rx.icon(icon, size=14 if large else 12), word(state), class_name=f"st {family}{size}")
    return rx.fragment(
        rx.match(
            state,
            *((name, state_badge(name, large=large)) for name in STATES),
            rx.el.span(state, class_name=f"st idle{size}"),
        )
    )


def state_icon(state: Reactive[str], *, size: int = 14) -> rx.Component:
    """The state's icon alone, for trees, lists and cards; its word is the tooltip."""
    if isinstance(state, str):
        family, icon = STATES[state]
        return rx.el.span(
            rx.icon(icon, size=size), class_name=f"si {family}", title=word(state), role="img", aria_label=word(state)
        )
    return rx.fragment(
        rx.match(state, *((name, state_icon(name, size=size)) for name in STATES), rx.el.span(class_name="si"))
    )


def state_bar(state: str, *, width: str = "72px") -> rx.Component:
    """The bar texture of a state's family, as in charts and the Gantt."""
    family = STATES[state][0]
    texture = {"queued": " hatch", "live": " stripe"}.get(family, "")
    style = {"width": width}
    if family == "idle":
        style["border"] = "1px dashed var(--s)"
    elif family == "hold":
        style |= {"background": "var(--t)", "border": "1px solid var(--s)"}
    elif not texture:
        style["background"] = "var(--s)"
    return rx.el.i(class_name=f"sbar_ {family}{texture}", style=style)
