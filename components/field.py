"""Fields of forms: a label, a control and its hint or error."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.client import TextInput
from components.reactive import Content, Reactive, testid


def field(
    label: Reactive[str],
    control: rx.Component,
    *,
    hint: Reactive[str] = "",
    error: Reactive[str] = "",
    kind: Reactive[str] = "",
    required: bool = False,
) -> rx.Component:
    """Label above, control, and below it the hint or, instead of it, the rule that was broken.

    Args:
        kind: the value's type in mono at the right of the label (`INT`).
        error: says the rule, like *At most 5,000.*
    """
    below: rx.Component
    hint_line = rx.el.span(hint, class_name="hint") if isinstance(hint, rx.Var) or hint else rx.fragment()
    error_line = rx.el.span(rx.icon("circle-x", size=12), rx.el.span(error), class_name="er", role="alert")
    if isinstance(error, rx.Var):
        below = rx.cond(error, error_line, hint_line)
    else:
        below = error_line if error else hint_line
    return rx.el.div(
        rx.el.label(
            label,
            rx.el.span("*", class_name="req") if required else rx.fragment(),
            rx.el.span(kind, class_name="ty") if isinstance(kind, rx.Var) or kind else rx.fragment(),
        ),
        control,
        below,
        class_name="fld",
    )


def text_input(
    value: Reactive[str],
    on_change: Any,
    *,
    label: Reactive[str],
    placeholder: Reactive[str] = "",
    kind: str = "text",
    rows: int = 0,
    mono: bool = False,
    error: Reactive[bool] = False,
    disabled: Reactive[bool] = False,
    on_enter: Any = None,
    test: str = "",
) -> rx.Component:
    """A text box, or a text area of `rows` lines.

    What is typed stays in the browser; `on_change` gets it after a pause of 250 ms and when focus leaves.
    """
    props: dict[str, Any] = {
        "value": value,
        "on_change": on_change,
        "label": label,
        "placeholder": placeholder,
        "type": kind,
        "rows": rows,
        "mono": mono,
        "error": error,
        "disabled": disabled,
        "testid": test,
    }
    if on_enter is not None:
        props["on_enter"] = on_enter
    return TextInput.create(**props)


def select(
    options: Reactive[list[str]] | list[tuple[str, str]],
    value: Reactive[str],
    on_change: Any,
    *,
    label: Reactive[str],
    disabled: Reactive[bool] = False,
    placeholder: str = "",
    test: str = "",
) -> rx.Component:
    """A choice of one; `options` are values, or `(value, word)` pairs."""
    first = [rx.el.option(placeholder, value="", disabled=True)] if placeholder else []
    if isinstance(options, rx.Var):
        items: list[Any] = [rx.foreach(options, lambda o: rx.el.option(o, value=o))]
    else:
        items = [rx.el.option(o[1], value=o[0]) if isinstance(o, tuple) else rx.el.option(o, value=o) for o in options]
    return rx.el.select(
        *first,
        *items,
        value=value,
        on_change=on_change,
        class_name="inp",
        disabled=disabled,
        aria_label=label,
        custom_attrs=testid(test) if test else {},
    )


def checkbox(
    label: Content, checked: Reactive[bool], on_change: Any, *, disabled: Reactive[bool] = False, test: str = ""
) -> rx.Component:
    """A box and its words; `on_change` is a handler of one boolean."""
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            checked=checked,
            on_change=on_change(~checked if isinstance(checked, rx.Var) else not checked),
            disabled=disabled,
            custom_attrs=testid(test) if test else {},
        ),
        label,
        class_name="row g6 pick",
    )


def switch(
    checked: Reactive[bool], on_change: Any, *, label: Reactive[str], disabled: Reactive[bool] = False, test: str = ""
) -> rx.Component:
    """On or off, at once; `on_change` is a handler of one boolean, `label` its accessible name."""
    on = rx.cond(checked, "sw on", "sw") if isinstance(checked, rx.Var) else ("sw on" if checked else "sw")
    return rx.el.button(
        class_name=on,
        role="switch",
        aria_checked=checked,
        aria_label=label,
        title=label,
        disabled=disabled,
        on_click=on_change(~checked if isinstance(checked, rx.Var) else not checked),
        custom_attrs={"type": "button"} | (testid(test) if test else {}),
    )


def form(*fields: rx.Component) -> rx.Component:
    """Fields below one another, 14 px apart."""
    return rx.el.div(*fields, class_name="col", style={"gap": "14px"})
