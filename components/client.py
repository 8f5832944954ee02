"""The shell's own client components: one class for each name that its `.jsx` files export.

They are ordinary (not lazy) components: the frame needs them at first paint. Props are described where the
function that wraps them is (`frame.py`, `dialog.py`, `table.py`, …); page authors use those.
"""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.net import NET

SHELL = rx.asset("shell.jsx", shared=True)
OVERLAY = rx.asset("overlay.jsx", shared=True)
CLOCK = rx.asset("clock.jsx", shared=True)
BRIDGE = rx.asset("bridge.jsx", shared=True)
HOTKEYS = rx.asset("hotkeys.jsx", shared=True)
PALETTE = rx.asset("palette.jsx", shared=True)
FILTERS = rx.asset("filters.jsx", shared=True)
TABLE = rx.asset("table.jsx", shared=True)
SESSION = rx.asset("session.jsx", shared=True)

__all__ = ["NET"]

TEXT = rx.event.passthrough_event_spec(str)
NUMBER = rx.event.passthrough_event_spec(int)
NAMES = rx.event.passthrough_event_spec(list[str])
OBJECT = rx.event.passthrough_event_spec(dict[str, Any])
OBJECTS = rx.event.passthrough_event_spec(list[dict[str, str]])


class _Shell(rx.Component):
    library = SHELL.importable_path


class AppLink(_Shell):
    """A link below the tenant."""

    tag = "AppLink"
    to: rx.Var[str]
    title: rx.Var[str]
    label: rx.Var[str]
    testid: rx.Var[str]


class RawLink(_Shell):
    """A plain link that the console's router leaves alone."""

    tag = "RawLink"
    href: rx.Var[str]
    title: rx.Var[str]
    download: rx.Var[bool]
    new_tab: rx.Var[bool]
    testid: rx.Var[str]


class NavItem(_Shell):
    """An entry of the sidebar."""

    tag = "NavItem"
    to: rx.Var[str]
    label: rx.Var[str]
    count: rx.Var[str]
    prefixes: rx.Var[list[str]]
    mark: rx.Var[str]


class Shell(_Shell):
    """The grid of the page."""

    tag = "Shell"
    collapsed: rx.Var[bool]
    plain: rx.Var[bool]


class SidebarToggle(_Shell):
    """Collapse the sidebar."""

    tag = "SidebarToggle"


class KeysButton(_Shell):
    """Open the list of shortcuts."""

    tag = "KeysButton"


class MoreButton(_Shell):
    """Open the menu sheet on a phone."""

    tag = "MoreButton"


class Title(_Shell):
    """The document's title."""

    tag = "Title"
    text: rx.Var[str]
    environment: rx.Var[str]


class Home(_Shell):
    """Go to the tenant used last."""

    tag = "Home"


class Star(_Shell):
    """Keep this place."""

    tag = "Star"
    title: rx.Var[str]


class Starred(_Shell):
    """The kept places."""

    tag = "Starred"


class Guarded(_Shell):
    """A panel whose failure stays its own."""

    tag = "Guarded"


class _Overlay(rx.Component):
    library = OVERLAY.importable_path


class Dialog(_Overlay):
    """A modal layer."""

    tag = "Dialog"
    open: rx.Var[bool]
    title: rx.Var[str]
    width: rx.Var[int]
    kind: rx.Var[str]
    destructive: rx.Var[bool]
    testid: rx.Var[str]
    on_close: rx.EventHandler[rx.event.no_args_event_spec]


class Popover(_Overlay):
    """A floating layer at its first child."""

    tag = "Popover"
    label: rx.Var[str]
    menu: rx.Var[bool]
    align: rx.Var[str]
    width: rx.Var[int]
    testid: rx.Var[str]


class PopoverClose(_Overlay):
    """Close the popover around it."""

    tag = "PopoverClose"


class MenuItem(_Overlay):
    """An entry of a menu."""

    tag = "MenuItem"
    to: rx.Var[str]
    href: rx.Var[str]
    danger: rx.Var[bool]
    disabled: rx.Var[bool]
    checked: rx.Var[bool]
    reason: rx.Var[str]
    keys: rx.Var[str]
    testid: rx.Var[str]
    on_select: rx.EventHandler[rx.event.no_args_event_spec]


class _Clock(rx.Component):
    library = CLOCK.importable_path


class Time(_Clock):
    """An instant."""

    tag = "Time"
    value: rx.Var[str]
    mode: rx.Var[str]
    warn_within: rx.Var[int]
    empty: rx.Var[str]


class Duration(_Clock):
    """A span."""

    tag = "Duration"
    ms: rx.Var[int | None]
    start: rx.Var[str]
    end: rx.Var[str]
    live: rx.Var[bool]
    empty: rx.Var[str]


class _Bridge(rx.Component):
    library = BRIDGE.importable_path


class Bridge(_Bridge):
    """Performs the commands of the tab's state."""

    tag = "Bridge"
    command: rx.Var[list[dict[str, Any]]]


class CopyButton(_Bridge):
    """Copies a text and says so in place."""

    tag = "CopyButton"
    text: rx.Var[str]
    label: rx.Var[str]


class ConnectionNotice(_Bridge):
    """A line while the websocket is away."""

    tag = "ConnectionNotice"


class Hotkeys(rx.Component):
    """Keys handled in the browser."""

    library = HOTKEYS.importable_path
    tag = "Hotkeys"
    keys: rx.Var[list[str]]
    go: rx.Var[dict[str, str]]
    on_hotkey: rx.EventHandler[TEXT]


class _Palette(rx.Component):
    library = PALETTE.importable_path


class Palette(_Palette):
    """Search field and command palette."""

    tag = "Palette"
    entries: rx.Var[list[dict[str, str]]]
    actions: rx.Var[list[dict[str, str]]]
    title: rx.Var[str]


class KeyList(_Palette):
    """The list of shortcuts."""

    tag = "KeyList"
    groups: rx.Var[list[dict[str, Any]]]


class _Filters(rx.Component):
    library = FILTERS.importable_path


class FilterBar(_Filters):
    """Search box and chips."""

    tag = "FilterBar"
    keys: rx.Var[list[dict[str, Any]]]
    value: rx.Var[list[dict[str, str]]]
    query: rx.Var[str]
    placeholder: rx.Var[str]
    searchable: rx.Var[bool]
    testid: rx.Var[str]
    on_change: rx.EventHandler[OBJECTS]
    on_query: rx.EventHandler[TEXT]


class Refresh(_Filters):
    """Refresh button with an interval."""

    tag = "Refresh"
    seconds: rx.Var[int]
    on_refresh: rx.EventHandler[rx.event.no_args_event_spec]
    on_seconds: rx.EventHandler[NUMBER]


class _Table(rx.Component):
    library = TABLE.importable_path


class TableFrame(_Table):
    """Selection and keys of a table."""

    tag = "TableFrame"
    selected: rx.Var[list[str]]
    testid: rx.Var[str]
    label: rx.Var[str]
    on_select: rx.EventHandler[NAMES]


class TextInput(_Table):
    """Text that stays in the browser while one types."""

    tag = "TextInput"
    value: rx.Var[str]
    type: rx.Var[str]
    placeholder: rx.Var[str]
    rows: rx.Var[int]
    mono: rx.Var[bool]
    error: rx.Var[bool]
    large: rx.Var[bool]
    disabled: rx.Var[bool]
    required: rx.Var[bool]
    label: rx.Var[str]
    name: rx.Var[str]
    testid: rx.Var[str]
    delay: rx.Var[int]
    on_change: rx.EventHandler[TEXT]
    on_enter: rx.EventHandler[TEXT]


class _Session(rx.Component):
    library = SESSION.importable_path


class LoginForm(_Session):
    """Name and password."""

    tag = "LoginForm"


class LoginDialog(_Session):
    """Log-in over the page."""

    tag = "LoginDialog"
    username: rx.Var[str]


class SetupForm(_Session):
    """The first account."""

    tag = "SetupForm"
    messages: rx.Var[list[str]]
    token_needed: rx.Var[bool]


class LogoutItem(_Session):
    """The menu entry that ends the session."""

    tag = "LogoutItem"
    on_leave: rx.EventHandler[rx.event.no_args_event_spec]


class ThemeSwitch(_Session):
    """Light, dark, system."""

    tag = "ThemeSwitch"
    compact: rx.Var[bool]


class Preferences(_Session):
    """One preference of this browser."""

    tag = "Preferences"
    part: rx.Var[str]
    zones: rx.Var[list[str]]
    on_change: rx.EventHandler[OBJECT]


class DensityKeeper(_Session):
    """Applies the density at start."""

    tag = "DensityKeeper"
