"""The frame: environment strip, sidebar, top bar, context rail, bottom bar on phones (`spec` UI-SH)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from components.button import icon_button
from components.chrome import (
    HelpItems,
    HelpMenu,
    Maintenance,
    Notices,
    Progress,
    ReportDialog,
    Tooltips,
    TopActions,
    Tour,
)
from components.client import (
    AppLink,
    Bridge,
    ConnectionNotice,
    ContextBar,
    DensityKeeper,
    Gate,
    Guarded,
    Hotkeys,
    KeyList,
    KeysButton,
    LoginDialog,
    LogoutItem,
    MoreButton,
    NavItem,
    NavList,
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
from components.visit import page_is_here, page_waits


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
        badge: draws a count beside the word.
        needs: right without which the entry is absent, like `FLOW:READ` (UI-PM-01).
        below: place of the entry under which this one stands while that is open.
    """

    label: str
    to: str
    icon: str
    group: str = ""
    key: str = ""
    also: tuple[str, ...] = ()
    bottom: str = ""
    badge: Callable[[], rx.Component] | None = None
    needs: str = ""
    below: str = ""

    def told(self, entries: list[Entry]) -> dict[str, str]:
        """The entry as the browser judges, orders and shows it."""
        parent = next((one.label for one in entries if self.below and one.to == self.below), "")
        described = {
            "to": self.to,
            "label": self.label,
            "group": self.group,
            "needs": self.needs,
            "below": self.below,
            "parent": parent,
        }
        return {key: value for key, value in described.items() if value or key in ("to", "label", "group")}


@dataclass(frozen=True, slots=True)
class Who:
    """What the frame shows of the reader and the server; all reactive."""

    user: Any
    initials: Any
    environment: Any
    environment_colour: Any
    environment_ink: Any
    version: Any
    built_from: Any
    tenant: Any
    on_leave: Any = None
    settings: Any = None
    zone: Any = None
    rights: Any = None
    places: Any = None
    closed: Any = None
    links: Any = None


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


def _nav(entry: Entry, entries: list[Entry]) -> rx.Component:
    badge = [] if entry.badge is None else [entry.badge()]
    told = entry.told(entries)
    return NavItem.create(
        rx.icon(entry.icon, size=16),
        *badge,
        to=entry.to,
        label=entry.label,
        prefixes=list(entry.also),
        but=[one.to for one in entries if one.below == entry.to],
        needs=entry.needs,
        group=entry.group,
        parent=told.get("parent", ""),
    )


def sidebar(entries: list[Entry], who: Who, settings: str, profile: str) -> rx.Component:
    """Logo, environment, tenant, menu by groups, starred places, the reader."""
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
        NavList.create(
            *[_nav(entry, entries) for entry in entries],
            Starred.create(rx.icon("star", size=16)),
            places=[entry.told(entries) for entry in entries],
        ),
        menu(
            me,
            rx.el.div(
                ThemeSwitch.create(
                    rx.icon("sun", size=14), rx.icon("moon", size=14), rx.icon("monitor", size=14), compact=True
                ),
                class_name="menu-row",
            ),
            menu_line(),
            menu_item("Profile", icon="user-round", to=profile, test="menu-profile"),
            menu_item("Settings", icon="settings", to=settings, test="menu-settings"),
            menu_line(),
            rx.el.div(HelpItems.create(**_links(who)), class_name="only-m"),
            LogoutItem.create(rx.icon("log-out", size=14), "Log out", class_name="mi", on_leave=who.on_leave),
            rx.el.div("flowdeck ", who.version, class_name="xs faint", style={"padding": "4px 8px"}),
            label="Your menu",
            align="start",
            width=224,
        ),
        class_name="sb",
        aria_label="Main menu",
    )


Part = tuple[Content, Reactive[str]] | rx.Component
"""A part of the breadcrumb: `(words, to)`, or `crumb`s that the page drew itself."""


def crumb(text: Content, to: Reactive[str]) -> rx.Component:
    """A part of the breadcrumb with its slash, for parts whose number is known in the browser only."""
    return rx.fragment(AppLink.create(text, to=to, class_name="hide-s"), rx.el.span("/", class_name="s"))


def crumbs(parts: list[Part], title: Reactive[str]) -> rx.Component:
    """The breadcrumb; the last part is the page itself and its `h1`."""
    items = [part if isinstance(part, rx.Component) else crumb(*part) for part in parts]
    return rx.el.nav(*items, rx.el.h1(title, class_name="ell"), class_name="bc", aria_label="Breadcrumb")


def page_frame(
    title: Reactive[str],
    body: list[Content],
    *,
    entries: list[Entry],
    who: Who,
    command: Any,
    on_act: Any = None,
    fault: Fault | None = None,
    blocked: Any = False,
    parts: list[Part] | None = None,
    actions: list[rx.Component] | None = None,
    commands: list[dict[str, str]] | None = None,
    collapsed: bool = False,
    hotkeys: list[str] | None = None,
    on_hotkey: Any = None,
    settings: str = "/settings",
    profile: str = "/profile",
    notices: list[rx.Component] | None = None,
    rail: list[rx.Component] | None = None,
    shortcuts: list[dict[str, Any]] | None = None,
) -> rx.Component:
    """A whole page.

    Args:
        body: below the top bar; it takes the remaining height and scrolls itself.
        on_act: gets the key of a toast's action that was pressed.
        fault: instead of the body while `blocked` is true.
        commands: actions of the page in the palette, `{title, event}`; `event` is the `data-testid` of a button.
        collapsed: begin with the small sidebar (editor, execution, revisions).
        hotkeys: combinations like `mod+e`, told to `on_hotkey`.
        rail: icon buttons of the context rail.
        shortcuts: groups for the list of keys, `{title, keys: [[key, what]], at}`; `at` is a pattern of the place.
    """
    top = rx.el.header(
        crumbs(parts or [], title),
        Star.create(rx.icon("star", size=14), title=title),
        Palette.create(
            rx.icon("search", size=14),
            entries=[e.told(entries) for e in entries],
            actions=commands or [],
            title=title,
        ),
        *([TopActions.create(*actions)] if actions else []),
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
                    actions=fault.extra,
                ),
                class_name="body",
            ),
            content,
        )
    bottom = [
        NavItem.create(
            rx.icon(entry.icon, size=18),
            to=entry.to,
            label=entry.bottom,
            prefixes=list(entry.also),
            mark="short",
            needs=entry.needs,
        )
        for entry in entries
        if entry.bottom
    ]
    keys: dict[str, Any] = {"keys": hotkeys or [], "go": {e.key: e.told(entries) for e in entries if e.key}}
    if on_hotkey is not None:
        keys["on_hotkey"] = on_hotkey
    return Shell.create(
        rx.el.div(class_name="strip", style={"background": who.environment_colour}),
        Progress.create(loading=page_waits()),
        sidebar(entries, who, settings, profile),
        rx.el.main(
            Title.create(text=title, environment=who.environment),
            top,
            ConnectionNotice.create(),
            Maintenance.create(),
            *(notices or []),
            Gate.create(content),
            class_name="main",
            id="content",
            tab_index=-1,
        ),
        rx.el.aside(
            SidebarToggle.create(rx.icon("panel-left", size=16)),
            ContextBar.create(),
            *(rail or []),
            KeysButton.create(rx.icon("keyboard", size=16)),
            HelpMenu.create(rx.icon("circle-help", size=16), **_links(who)),
            rx.el.span(who.version, class_name="ver", title=who.built_from, custom_attrs={"data-testid": "version"}),
            class_name="rail",
            aria_label="Context",
        ),
        rx.el.nav(
            *bottom,
            MoreButton.create(rx.icon("menu", size=18), rx.el.span("More")),
            class_name="botnav",
            aria_label="Main menu, short",
        ),
        Bridge.create(command=command, **({} if on_act is None else {"on_act": on_act})),
        Hotkeys.create(**keys),
        KeyList.create(groups=_keys(entries, shortcuts or [])),
        Tooltips.create(),
        Tour.create(),
        Notices.create(),
        ReportDialog.create(version=who.version),
        LoginDialog.create(username=who.user),
        DensityKeeper.create(
            **({} if who.settings is None else {"settings": who.settings}),
            **({} if who.zone is None else {"server_zone": who.zone}),
        ),
        rx.cond(page_is_here(), rx.el.i(custom_attrs=testid("hydrated"), hidden=True), rx.fragment()),
        collapsed=collapsed,
        **({} if who.rights is None else {"rights": who.rights}),
        **({} if who.closed is None else {"closed": who.closed}),
        **({} if who.places is None else {"places": who.places}),
    )


def _links(who: Who) -> dict[str, Any]:
    return {} if who.links is None else {"links": who.links}


def _keys(entries: list[Entry], shortcuts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    places = {"title": "Go to", "keys": [[f"g {e.key}", e.label, e.needs] for e in entries if e.key]}
    return [*shortcuts[:1], places, *shortcuts[1:]]


def plain_frame(
    *body: Content, title: str, command: Any, environment: Any = "", colour: Any = "var(--fd-brass)"
) -> rx.Component:
    """A page without menu: log-in, set-up."""
    return rx.el.div(
        rx.el.div(class_name="strip", style={"background": colour, "height": "3px"}),
        Title.create(text=title, environment=environment),
        rx.el.main(*body, id="content", class_name="gate", tab_index=-1),
        Bridge.create(command=command),
        rx.cond(page_is_here(), rx.el.i(custom_attrs=testid("hydrated"), hidden=True), rx.fragment()),
        class_name="gate-page",
    )


def rail_button(icon: str, label: str, *, on_click: Any = None) -> rx.Component:
    """An icon of the context rail."""
    return icon_button(icon, label, on_click=on_click)
