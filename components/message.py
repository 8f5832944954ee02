"""What is said to the reader: messages beside their cause, empty states, errors, skeletons, chips."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

from components.button import button
from components.reactive import Content, Reactive

Level = Literal["bad", "warn", "live", "ok"]
_ICONS: dict[str, str] = {"bad": "octagon-x", "warn": "triangle-alert", "live": "info", "ok": "circle-check"}


def message(level: Level, *content: Content, test: str = "") -> rx.Component:
    """An inline message: bold subject, one sentence, beside its cause."""
    return rx.el.div(
        rx.icon(_ICONS[level], size=16),
        rx.el.div(*content, class_name="grow"),
        class_name=f"al {level}",
        role="alert" if level == "bad" else "status",
        custom_attrs={"data-testid": test} if test else {},
    )


def notice_bar(
    level: Reactive[str], icon: str, *words: Any, actions: list[rx.Component] | None = None, test: str
) -> rx.Component:
    """One line across the page about what is on it, with what can be done about it at its end.

    Args:
        level: `live`, `warn` or `bad`; a bar that is always `bad` is read out at once.
    """
    return rx.el.div(
        rx.icon(icon, size=14),
        rx.el.div(*words, class_name="grow brk"),
        *(actions or []),
        class_name=f"ebar {level}",
        role="alert" if isinstance(level, str) and level == "bad" else "status",
        custom_attrs={"data-testid": test},
    )


def empty_state(
    title: Reactive[str],
    *,
    hint: Reactive[str] = "",
    icon: str = "inbox",
    actions: list[rx.Component] | None = None,
    test: str = "empty",
) -> rx.Component:
    """Nothing is here: what it would be, one primary action, one or two others."""
    return rx.el.div(
        rx.el.span(rx.icon(icon, size=24), class_name="emi"),
        rx.el.h2(title),
        rx.el.p(hint, class_name="mut"),
        rx.el.div(*(actions or []), class_name="row", style={"marginTop": "8px"}),
        class_name="empty",
        custom_attrs={"data-testid": test},
    )


def error_state(
    title: Reactive[str],
    *,
    text: Reactive[str],
    request_id: Reactive[str] = "",
    details: Reactive[list[str]] | None = None,
    on_retry: Any = None,
    actions: list[rx.Component] | None = None,
) -> rx.Component:
    """What did not happen and why; the request id in small mono, Retry, and further ways on."""
    rows: list[rx.Component] = []
    if isinstance(details, rx.Var):
        rows.append(rx.foreach(details, lambda line: rx.el.p(line, class_name="sm mut brk")))
    return rx.el.div(
        rx.el.span(rx.icon("octagon-x", size=24), class_name="emi fgs bad"),
        rx.el.h2(title),
        rx.el.p(text, class_name="mut brk"),
        *rows,
        rx.cond(
            request_id != "",
            rx.el.p("Request ", request_id, class_name="mono faint", style={"fontSize": "11px"}),
            rx.fragment(),
        )
        if isinstance(request_id, rx.Var)
        else rx.fragment(),
        rx.el.div(
            *([button("Retry", icon="rotate-cw", on_click=on_retry, test="retry")] if on_retry is not None else []),
            *(actions or []),
            class_name="row",
            style={"marginTop": "8px"},
        ),
        class_name="empty",
        role="alert",
        custom_attrs={"data-testid": "problem"},
    )


def skeleton_rows(count: int = 8) -> rx.Component:
    """Bars where rows will stand; same height, no shimmer, shown after 150 ms."""
    widths = (180, 140, 210, 160)
    return rx.el.div(
        *(
            rx.el.div(
                rx.el.i(class_name="sk", style={"width": "14px", "height": "14px"}),
                rx.el.i(class_name="sk", style={"width": "72px"}),
                rx.el.i(class_name="sk", style={"width": f"{widths[i % 4]}px"}),
                rx.el.i(class_name="sk", style={"width": "56px", "marginLeft": "auto"}),
                rx.el.i(class_name="sk", style={"width": "40px"}),
                class_name="skr",
            )
            for i in range(count)
        ),
        class_name="skb",
        aria_busy="true",
        aria_label="Loading",
        role="status",
    )


def label_chip(key: Reactive[str], value: Reactive[str], *, on_click: Any = None) -> rx.Component:
    """A label `key: value`; with a handler it is a button (adds the filter)."""
    parts = (rx.el.em(key, ":"), rx.el.span(value))
    if on_click is None:
        return rx.el.span(*parts, class_name="lab")
    return rx.el.button(*parts, class_name="lab", on_click=on_click, custom_attrs={"type": "button"})


def count(value: Reactive[str] | Reactive[int]) -> rx.Component:
    """A small count or tag on a grey ground."""
    return rx.el.i(value, class_name="cnt")


def flow_name(namespace: Reactive[str], flow: Reactive[str]) -> rx.Component:
    """`namespace/flow`, the flow in medium weight; where it is too long its beginning is left out, not the flow."""
    return rx.el.span(
        rx.el.bdi(
            rx.el.span(namespace, rx.el.span("/", class_name="faint"), class_name="ns"),
            rx.el.span(flow, class_name="id"),
        ),
        class_name="fn",
    )
