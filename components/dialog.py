"""Layers: dialogs, confirmations, drawers, menus and popovers."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.button import button
from components.client import Dialog, MenuItem, Popover
from components.reactive import Content, Reactive, testid


def dialog(
    title: Reactive[str],
    *body: Content,
    open: Reactive[bool],
    on_close: Any,
    footer: list[rx.Component] | None = None,
    width: int = 480,
    test: str = "",
) -> rx.Component:
    """A form or a detail over the page.

    Focus goes to the first field, Tab stays inside, Escape and the backdrop close (the backdrop not once
    something was typed), Enter presses the button marked `primary_of_dialog`.

    Args:
        width: px; 480 for forms, 720 for the execute dialog.
        footer: buttons, secondary ones first; a `rx.spacer`-like gap is put before the last two.
    """
    return Dialog.create(
        rx.el.div(*body, class_name="dbody"),
        rx.el.div(*_spread(footer or []), class_name="df") if footer else rx.fragment(),
        open=open,
        title=title,
        width=width,
        on_close=on_close,
        testid=test,
    )


def _spread(buttons: list[rx.Component]) -> list[rx.Component]:
    gap = rx.el.span(class_name="grow")
    return [*buttons[:-2], gap, *buttons[-2:]]


def confirm_dialog(
    title: Reactive[str],
    *body: Content,
    open: Reactive[bool],
    on_cancel: Any,
    on_confirm: Any,
    verb: Reactive[str],
    icon: str = "trash-2",
    blocked: Reactive[bool] = False,
    test: str = "confirm",
) -> rx.Component:
    """Ask before destroying: name the object and the consequence; focus stands on Cancel.

    Args:
        verb: the button's words, verb and object (`Delete key`).
        blocked: keeps the button dead until a name or number was typed.
    """
    return Dialog.create(
        rx.el.div(*body, class_name="dbody mut"),
        rx.el.div(
            rx.el.span(class_name="grow"),
            rx.el.button(
                "Cancel",
                class_name="btn",
                on_click=on_cancel,
                custom_attrs={"type": "button", "data-cancel": "true"} | testid(f"{test}-cancel"),
            ),
            button(verb, icon=icon, kind="danger-solid", on_click=on_confirm, disabled=blocked, test=f"{test}-confirm"),
            class_name="df",
        ),
        open=open,
        title=title,
        width=400,
        destructive=True,
        on_close=on_cancel,
        testid=test,
    )


def drawer(
    title: Reactive[str],
    *body: Content,
    open: Reactive[bool],
    on_close: Any,
    footer: list[rx.Component] | None = None,
    width: int = 480,
    test: str = "",
) -> rx.Component:
    """Details at the right edge without leaving the list."""
    return Dialog.create(
        rx.el.div(*body, class_name="dbody"),
        rx.el.div(*_spread(footer or []), class_name="df") if footer else rx.fragment(),
        open=open,
        title=title,
        width=width,
        kind="drawer",
        on_close=on_close,
        testid=test,
    )


def menu(
    trigger: rx.Component, *items: rx.Component, label: str, align: str = "end", width: int = 208, test: str = ""
) -> rx.Component:
    """A menu at `trigger`; items from `menu_item` and `menu_line`. Arrow keys, first letters, Escape."""
    return Popover.create(trigger, *items, label=label, menu=True, align=align, width=width, testid=test)


def menu_item(
    label: Reactive[str],
    *,
    icon: str = "",
    on_select: Any = None,
    to: Reactive[str] | None = None,
    href: Reactive[str] | None = None,
    danger: bool = False,
    disabled: Reactive[bool] = False,
    reason: Reactive[str] = "",
    keys: str = "",
    checked: Reactive[bool] = False,
    test: str = "",
) -> rx.Component:
    """An entry: acts (`on_select`) or leads (`to` below the tenant, `href` outside). Destructive ones come last.

    A `disabled` entry shows its `reason`.
    """
    props: dict[str, Any] = {
        "danger": danger,
        "disabled": disabled,
        "reason": reason,
        "keys": keys,
        "checked": checked,
        "testid": test,
    }
    if on_select is not None:
        props["on_select"] = on_select
    if to is not None:
        props["to"] = to
    if href is not None:
        props["href"] = href
    parts: list[Any] = [rx.icon(icon, size=14)] if icon else []
    return MenuItem.create(*parts, rx.el.span(label, class_name="ell"), **props)


def menu_line() -> rx.Component:
    """A hairline between groups of a menu."""
    return rx.el.hr()


def popover(
    trigger: rx.Component, *content: Content, label: str, align: str = "start", width: int = 248
) -> rx.Component:
    """Free content at `trigger`."""
    return Popover.create(trigger, rx.el.div(*content, class_name="popin"), label=label, align=align, width=width)
