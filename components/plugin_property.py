"""A property of a plugin as the panels beside code tell it."""

from __future__ import annotations

from typing import Any

import reflex as rx


def plugin_property(one: Any) -> rx.Component:
    """Name, star of a required one, kind and default in a line; what it does below.

    Args:
        one: an object with `name`, `required`, `kind`, `default` and `text` (HTML), of a list in the page's state.
    """
    return rx.el.div(
        rx.el.div(
            rx.el.code(one.name, class_name="mono med"),
            rx.cond(one.required, rx.el.span("*", class_name="req", title="Required"), rx.fragment()),
            rx.el.span(one.kind, class_name="ptt"),
            rx.cond(one.default != "", rx.el.span("default ", one.default, class_name="ptt end ell"), rx.fragment()),
            class_name="row g6",
        ),
        rx.html(one.text, class_name="prose"),
        class_name="pr",
    )
