"""The frame: environment strip, sidebar, top bar, context rail, bottom bar on phones (`spec` UI-SH)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from components.button import icon_button
from components.client import (
    AppLink,
    Bridge,
    ConnectionNotice,
    DensityKeeper,
    Guarded,
    Hotkeys,
    KeyList,
    KeysButton,
    LoginDialog,
    LogoutItem,
    MoreButton,
    NavItem,
    Palette,
    Shell,
    SidebarToggle,
    Star,
    Starred,
    ThemeSwitch,
    Title,
)
from components.dialog import menu, menu_item, menu_line
from components.message import error_state
from components.reactive import Content, Reactive, testid


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the menu.

    Attributes:
        to: place below the tenant.
        icon: lucide name.
        group: caption under which it stands; empty for the first block.
        key: letter that leads there after `g`.
        also: further prefixes under which the entry is the active one.
        bottom: word in the bottom bar of phones, if it stands there.
    """

    label: str
    to: str
    icon: str
    group: str = ""
    key: str = ""
    also: tuple[str, ...] = ()
    bottom: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """What the frame shows of the reader and the server; all reactive."""

    user: Any
    initials: Any
    environment: Any
    environment_colour: Any
    environment_ink: Any
    version: Any
    tenant: Any
    on_leave: Any = None


@dataclass(frozen=True, slots=True)
class Fault:
    """The page's problem as the frame shows it; all reactive."""

    title: Any
    text: Any
    request_id: Any
    details: Any
    on_retry: Any = None
    extra: list[rx.Component] = field(default_factory=list)


def logo(size: int = 22) -> rx.Component:
    """The mark: three cards on a time axis."""
    return rx.el.svg(
        rx.el.svg.rect(x="3", y="4.5", width="15", height="6", rx="2", fill="#8da4ef"),
        rx.el.svg.rect(x="9", y="13", width="20", height="6", rx="2", fill="#3e63dd"),
        rx.el.svg.rect(x="3", y="21.5", width="11", height="6", rx="2", fill="#b9a68a"),
        rx.el.svg.path(
            d="M21.5 7.5h2.2a2.3 2.3 0 0 1 2.3 2.3V10",
            fill="none",
            stroke="#8da4ef",
            stroke_width="1.8",
            stroke_linecap="round",
        ),
        rx.el.svg.path(
            d="M17.5 24.5h4.2a2.3 2.3 0 0 0 2.3-2.3V22",
            fill="none",
            stroke="#3e63dd",
            stroke_width="1.8",
            stroke_linecap="round",
        ),
        width=str(size),
        height=str(size),
        view_box="0 0 32 32",
        aria_hidden=True,
    )


def environment_badge(name: Any, colour: Any, ink: Any) -> rx.Component:
    """The environment's name on its colour; nothing without a name."""
    return rx.cond(
        name != "", rx.el.span(name, class_name="env", style={"background": colour, "color": ink}), rx.fragment()
    )


def _nav(entry: Entry) -> rx.Component:
    return NavItem.create(rx.icon(entry.icon, size=16), to=entry.to, label=entry.label, prefixes=list(entry.also))


def sidebar(entries: list[Entry], who: Who, settings: str) -> rx.Component:
    """Logo, environment, tenant, menu by groups, starred places, the reader."""
    blocks: list[rx.Component] = []
    group = ""
    for entry in entries:
        if entry.group != group:
            group = entry.group
            blocks.append(rx.el.h6(group))
        blocks.append(_nav(entry))
    me = rx.el.button(
        rx.el.span(who.initials, class_name="av"),
        rx.el.span(who.user, class_name="ell grow"),
        rx.el.span(rx.icon("ellipsis", size=16), class_name="faint"),
        class_name="me",
        aria_label="Your menu",
        custom_attrs={"type": "button"} | testid("user-menu"),
    )
    return rx.el.nav(
        rx.el.div(
            logo(),
            rx.el.span("flowdeck"),
            environment_badge(who.environment, who.environment_colour, who.environment_ink),
            class_name="brand",
        ),
        rx.el.div(
            rx.el.i(who.tenant.upper()[0:1]),
            rx.el.span(who.tenant, class_name="med ell"),
            class_name="tenant",
            title="Tenant",
        ),
        rx.el.div(*blocks, Starred.create(rx.icon("star", size=16)), class_name="nav-list"),
        menu(
            me,
            rx.el.div(
                ThemeSwitch.create(
                    rx.icon("sun", size=14), rx.icon("moon", size=14), rx.icon("monitor", size=14), compact=True
                ),
                class_name="menu-row",
            ),
            menu_line(),
            menu_item("Settings", icon="settings", to=settings, test="menu-settings"),
            menu_line(),
            LogoutItem.create(rx.icon("log-out", size=14), "Log out", class_name="mi", on_leave=who.on_leave),
            rx.el.div("flowdeck ", who.version, class_name="xs faint", style={"padding": "4px 8px"}),
            label="Your menu",
            align="start",
            width=224,
        ),
        class_name="sb",
        aria_label="Main menu",
    )


def crumbs(parts: list[tuple[Content, Reactive[str]]], title: Reactive[str]) -> rx.Component:
    """The breadcrumb; `parts` are `(words, to)`, the last part is the page itself and its `h1`."""
    items: list[rx.Component] = []
    for text, to in parts:
        items.append(AppLink.create(text, to=to, class_name="hide-s"))
        items.append(rx.el.span("/", class_name="s"))
    return rx.el.nav(*items, rx.el.h1(title, class_name="ell"), class_name="bc", aria_label="Breadcrumb")


def page_frame(
    title: Reactive[str],
    body: list[Content],
    *,
    entries: list[Entry],
    who: Who,
    command: Any,
    fault: Fault | None = None,
    blocked: Any = False,
    parts: list[tuple[Content, Reactive[str]]] | None = None,
    actions: list[rx.Component] | None = None,
    commands: list[dict[str, str]] | None = None,
    collapsed: bool = False,
    hotkeys: list[str] | None = None,
    on_hotkey: Any = None,
    settings: str = "/settings",
    notices: list[rx.Component] | None = None,
    rail: list[rx.Component] | None = None,
) -> rx.Component:
    """A whole page.

    Args:
        body: below the top bar; it takes the remaining height and scrolls itself.
        fault: instead of the body while `blocked` is true.
        commands: actions of the page in the palette, `{title, event}`; `event` is the `data-testid` of a button.
        collapsed: begin with the small sidebar (editor, execution, revisions).
        hotkeys: combinations like `mod+e`, told to `on_hotkey`.
        rail: icon buttons of the context rail.
    """
    top = rx.el.header(
        crumbs(parts or [], title),
        Star.create(rx.icon("star", size=14), title=title),
        Palette.create(
            rx.icon("search", size=14),
            entries=[{"label": e.label, "to": e.to, "group": e.group} for e in entries],
            actions=commands or [],
            title=title,
        ),
        *(actions or []),
        class_name="tb",
    )
    content: Any = rx.el.div(Guarded.create(*body), class_name="body")
    if fault is not None:
        content = rx.cond(
            blocked,
            rx.el.div(
                error_state(
                    fault.title,
                    text=fault.text,
                    request_id=fault.request_id,
                    details=fault.details,
                    on_retry=fault.on_retry,
                ),
                class_name="body",
            ),
            content,
        )
    bottom = [
        NavItem.create(
            rx.icon(entry.icon, size=18), to=entry.to, label=entry.bottom, prefixes=list(entry.also), mark="short"
        )
        for entry in entries
        if entry.bottom
    ]
    keys: dict[str, Any] = {"keys": hotkeys or [], "go": {e.key: e.to for e in entries if e.key}}
    if on_hotkey is not None:
        keys["on_hotkey"] = on_hotkey
    return Shell.create(
        rx.el.div(class_name="strip", style={"background": who.environment_colour}),
        sidebar(entries, who, settings),
        rx.el.main(
            Title.create(text=title, environment=who.environment),
            top,
            ConnectionNotice.create(),
            *(notices or []),
            content,
            class_name="main",
            id="content",
            tab_index=-1,
        ),
        rx.el.aside(
            SidebarToggle.create(rx.icon("panel-left", size=16)),
            *(rail or []),
            KeysButton.create(rx.icon("keyboard", size=16)),
            rx.el.span(who.version, class_name="ver"),
            class_name="rail",
            aria_label="Context",
        ),
        rx.el.nav(
            *bottom,
            MoreButton.create(rx.icon("menu", size=18), rx.el.span("More")),
            class_name="botnav",
            aria_label="Main menu, short",
        ),
        Bridge.create(command=command),
        Hotkeys.create(**keys),
        KeyList.create(groups=_keys(entries)),
        LoginDialog.create(username=who.user),
        DensityKeeper.create(),
        rx.cond(rx.State.is_hydrated, rx.el.i(custom_attrs=testid("hydrated"), hidden=True), rx.fragment()),
        collapsed=collapsed,
    )


def _keys(entries: list[Entry]) -> list[dict[str, Any]]:
    return [
        {
            "title": "Everywhere",
            "keys": [["Ctrl K", "Search or jump to"], ["?", "This list"], ["/", "Filter the list"]],
        },
        {"title": "Go to", "keys": [[f"g {e.key}", e.label] for e in entries if e.key]},
        {
            "title": "Lists",
            "keys": [
                ["j", "Next row"],
                ["k", "Row before"],
                ["Enter", "Open"],
                ["x", "Select"],
                ["r", "Refresh"],
                ["[", "Page before"],
                ["]", "Next page"],
            ],
        },
        {"title": "Entities", "keys": [["1 … 9", "Tab by number"]]},
    ]


def plain_frame(
    *body: Content, title: str, command: Any, environment: Any = "", colour: Any = "var(--fd-brass)"
) -> rx.Component:
    """A page without menu: log-in, set-up."""
    return rx.el.div(
        rx.el.div(class_name="strip", style={"background": colour, "height": "3px"}),
        Title.create(text=title, environment=environment),
        rx.el.main(*body, id="content", class_name="gate", tab_index=-1),
        Bridge.create(command=command),
        rx.cond(rx.State.is_hydrated, rx.el.i(custom_attrs=testid("hydrated"), hidden=True), rx.fragment()),
        class_name="gate-page",
    )


def rail_button(icon: str, label: str, *, on_click: Any = None) -> rx.Component:
    """An icon of the context rail."""
    return icon_button(icon, label, on_click=on_click)
