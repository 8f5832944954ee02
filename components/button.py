"""Buttons, links that look like buttons, and groups of them."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

from components.client import AppLink, CopyButton, RawLink
from components.reactive import Content, Reactive, testid

Kind = Literal["default", "primary", "ghost", "danger", "danger-solid"]
Size = Literal["small", "normal", "large"]

_KINDS: dict[str, str] = {"default": "", "primary": " pri", "ghost": " gho", "danger": " dan", "danger-solid": " dans"}
_SIZES: dict[str, str] = {"small": " s", "normal": "", "large": " l"}


def _classes(kind: Kind, size: Size, icon_only: bool, more: str) -> str:
    return "btn" + _KINDS[kind] + _SIZES[size] + (" ic" if icon_only else "") + (f" {more}" if more else "")


def button(
    label: Reactive[str] = "",
    *,
    icon: str = "",
    kind: Kind = "default",
    size: Size = "normal",
    on_click: Any = None,
    disabled: Reactive[bool] = False,
    reason: Reactive[str] = "",
    title: Reactive[str] = "",
    test: str = "",
    primary_of_dialog: bool = False,
    class_name: str = "",
    after: rx.Component | None = None,
) -> rx.Component:
    """A button: verb, and the object where it destroys.

    Args:
        label: the words; with an icon alone give `title` as its name.
        icon: lucide name, drawn at 14 px before the label.
        kind: one `primary` a view; `danger` in bars, `danger-solid` in the confirming dialog.
        size: 24, 28 or 32 px high.
        on_click: event handler.
        disabled: flat and dead; then `reason` is the tooltip.
        title: tooltip and accessible name.
        test: value of `data-testid`.
        primary_of_dialog: Enter in the dialog around it presses this button.
    """
    alone = not isinstance(label, rx.Var) and not label
    attributes: dict[str, Any] = {"type": "button"}
    if test:
        attributes |= testid(test)
    if primary_of_dialog:
        attributes["data-primary"] = "true"
    props: dict[str, Any] = {"class_name": _classes(kind, size, alone, class_name), "custom_attrs": attributes}
    if on_click is not None:
        props["on_click"] = on_click
    if disabled is not False:
        props["disabled"] = disabled
    explained = isinstance(reason, rx.Var) or bool(reason)
    hint = rx.cond(disabled, reason, title) if disabled is not False and explained else title
    if isinstance(hint, rx.Var) or hint:
        props["title"] = hint
    if alone:
        props["aria_label"] = title
    parts: list[Any] = []
    if icon:
        parts.append(rx.icon(icon, size=14))
    if not alone:
        parts.append(label)
    if after is not None:
        parts.append(after)
    return rx.el.button(*parts, **props)


def icon_button(
    icon: str, label: Reactive[str], *, on_click: Any = None, on: Reactive[bool] = False, test: str = ""
) -> rx.Component:
    """A bare 24-px icon button; `label` is its name and tooltip."""
    props: dict[str, Any] = {"custom_attrs": {"type": "button"} | (testid(test) if test else {})}
    if on_click is not None:
        props["on_click"] = on_click
    class_name = rx.cond(on, "ib on", "ib") if isinstance(on, rx.Var) else ("ib on" if on else "ib")
    return rx.el.button(rx.icon(icon, size=14), class_name=class_name, title=label, aria_label=label, **props)


def link_button(
    label: Reactive[str],
    to: Reactive[str],
    *,
    icon: str = "",
    kind: Kind = "default",
    size: Size = "normal",
    test: str = "",
) -> rx.Component:
    """A link to a place below the tenant that looks like a button (`to` from `app.routes`)."""
    parts = ([rx.icon(icon, size=14)] if icon else []) + [label]
    return AppLink.create(*parts, to=to, class_name=_classes(kind, size, False, ""), testid=test)


def link(
    *children: Content, to: Reactive[str], class_name: Reactive[str] = "", title: Reactive[str] = "", test: str = ""
) -> rx.Component:
    """A link below the tenant; `to` comes from `app.routes`."""
    return AppLink.create(*children, to=to, class_name=class_name, title=title, testid=test)


def raw_link(
    *children: Content,
    href: Reactive[str],
    class_name: str = "link",
    download: bool = False,
    new_tab: bool = False,
    title: Reactive[str] = "",
    test: str = "",
) -> rx.Component:
    """A link outside the console's pages: downloads, exports, the API description; an icon alone needs a `title`."""
    return RawLink.create(
        *children, href=href, class_name=class_name, download=download, new_tab=new_tab, title=title, testid=test
    )


def copy_button(text: Reactive[str] = "", label: str = "Copy", *, url: Reactive[str] = "") -> rx.Component:
    """An icon that copies `text`, or what lies at `url`, and confirms in place."""
    return CopyButton.create(rx.icon("copy", size=14), text=text, url=url, label=label)


def button_group(*buttons: rx.Component) -> rx.Component:
    """Buttons that belong together, joined (split button, previous and next)."""
    return rx.el.span(*buttons, class_name="grp")


def segmented(
    options: list[tuple[str, str]] | list[tuple[str, str, str]],
    value: Reactive[str],
    on_change: Any,
    *,
    label: str,
    test: str = "",
) -> rx.Component:
    """Two to five views of the same data; `options` are `(value, word)` or `(value, word, icon)`.

    `on_change` is a handler of one string.
    """
    items: list[rx.Component] = []
    for option in options:
        key, text = option[0], option[1]
        parts: list[Any] = [rx.icon(option[2], size=14)] if len(option) > 2 else []  # type: ignore[misc]
        on: Any = value == key
        chosen = rx.cond(on, "on", "") if isinstance(on, rx.Var) else ("on" if on else "")
        items.append(
            rx.el.button(
                *parts,
                text,
                class_name=chosen,
                on_click=on_change(key),
                role="radio",
                aria_checked=on,
                custom_attrs={"type": "button"} | (testid(f"{test}-{key}") if test else {}),
            )
        )
    return rx.el.div(*items, class_name="seg", role="radiogroup", aria_label=label)


def key_cap(*keys: str) -> rx.Component:
    """Key caps of a shortcut: `key_cap("Ctrl", "K")`."""
    return rx.el.span(*(rx.el.span(key, class_name="kbd") for key in keys), class_name="row g4")
