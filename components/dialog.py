"""Layers: dialogs, confirmations, drawers, menus and popovers."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.button import button
from components.client import ConfirmButton, Dialog, MenuItem, Popover, TypeToConfirm
from components.reactive import Content, Reactive, testid

TYPED_ABOVE = 100


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

    Focus goes to the first field, Tab stays inside, Enter presses the button marked `primary_of_dialog`. Escape, the
    backdrop and the cross close; once something was typed they ask before (fields marked `data-find` do not count).

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
    expected: Reactive[str] | None = None,
    test: str = "confirm",
) -> rx.Component:
    """Ask before destroying: name the object and the consequence; focus stands on Cancel.

    Args:
        verb: the button's words, verb and object (`Delete key`).
        blocked: keeps the button dead for another reason.
        expected: a name or a number (`number_to_type`) that must be typed before the button acts; empty for none.
    """
    must: dict[str, Any] = {} if expected is None else {"expected": expected}
    typing = [] if expected is None else [TypeToConfirm.create(**must, testid=f"{test}-typed")]
    return Dialog.create(
        rx.el.div(*body, *typing, class_name="dbody mut"),
        rx.el.div(
            rx.el.span(class_name="grow"),
            rx.el.button(
                "Cancel",
                class_name="btn",
                on_click=on_cancel,
                custom_attrs={"type": "button", "data-cancel": "true"} | testid(f"{test}-cancel"),
            ),
            ConfirmButton.create(
                rx.icon(icon, size=14), verb, **must, disabled=blocked, on_click=on_confirm, testid=f"{test}-confirm"
            ),
            class_name="df",
        ),
        open=open,
        title=title,
        width=400,
        destructive=True,
        on_close=on_cancel,
        testid=test,
    )


def number_to_type(count: Any) -> Any:
    """Return what is to be typed before so many things go: the number above 100, else nothing (UI-DG-02)."""
    return rx.cond(count > TYPED_ABOVE, count.to(str), "")


def drawer(
    title: Reactive[str],
    *body: Content,
    open: Reactive[bool],
    on_close: Any,
    footer: list[rx.Component] | None = None,
    width: int = 480,
    at: Reactive[str] = "",
    test: str = "",
) -> rx.Component:
    """Details at the right edge without leaving the list; drawn wider by its edge, or to the whole width.

    Args:
        at: what it shows, as a short name: it stands in the address as `open=…` while the drawer is open. The page's
            `load` opens it again (`self.query("open")`, in lists `self.opened()`).
    """
    return Dialog.create(
        rx.el.div(*body, class_name="dbody"),
        rx.el.div(*_spread(footer or []), class_name="df") if footer else rx.fragment(),
        open=open,
        title=title,
        width=width,
        kind="drawer",
        at=at,
        on_close=on_close,
        testid=test,
    )


def editor_buttons(
    is_new: Reactive[bool], on_delete: Any, on_close: Any, on_save: Any, *, test: str
) -> list[rx.Component]:
    """Delete (of what is there already), Cancel and Save at the foot of an editor."""
    return [
        rx.cond(is_new, rx.fragment(), button("Delete", icon="trash-2", kind="danger", on_click=on_delete)),
        button("Cancel", on_click=on_close),
        button("Save", icon="save", kind="primary", on_click=on_save, primary_of_dialog=True, test=test),
    ]


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
