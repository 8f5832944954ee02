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
DRAWER_STEPS = rx.asset("drawer_steps.jsx", shared=True)
CLOCK = rx.asset("clock.jsx", shared=True)
BRIDGE = rx.asset("bridge.jsx", shared=True)
TOASTS = rx.asset("toasts.jsx", shared=True)
HOTKEYS = rx.asset("hotkeys.jsx", shared=True)
PALETTE = rx.asset("palette.jsx", shared=True)
FILTERS = rx.asset("filters.jsx", shared=True)
CALENDAR = rx.asset("calendar.jsx", shared=True)
FILTER_WORDS = rx.asset("filter_words.jsx", shared=True)
VIEWS = rx.asset("views.jsx", shared=True)
COLUMNS = rx.asset("columns.jsx", shared=True)
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
    needs: rx.Var[str]
    group: rx.Var[str]
    parent: rx.Var[str]
    but: rx.Var[list[str]]
    mark: rx.Var[str]


class NavList(_Shell):
    """The entries of the sidebar in the reader's order; `places` describe the first children."""

    tag = "NavList"
    places: rx.Var[list[dict[str, str]]]


class Shell(_Shell):
    """The grid of the page."""

    tag = "Shell"
    collapsed: rx.Var[bool]
    plain: rx.Var[bool]
    rights: rx.Var[list[str]]
    closed: rx.Var[list[str]]
    places: rx.Var[list[list[str]]]


class Gate(_Shell):
    """The page's body, or which right the reader lacks for the place in the address."""

    tag = "Gate"


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
    at: rx.Var[str]
    testid: rx.Var[str]
    on_close: rx.EventHandler[rx.event.no_args_event_spec]


class TypeToConfirm(_Overlay):
    """A name or number to be typed."""

    tag = "TypeToConfirm"
    expected: rx.Var[str]
    testid: rx.Var[str]


class ConfirmButton(_Overlay):
    """The button that waits for what was to be typed."""

    tag = "ConfirmButton"
    expected: rx.Var[str]
    disabled: rx.Var[bool]
    testid: rx.Var[str]


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


class Amount(_Clock):
    """A number."""

    tag = "Amount"
    value: rx.Var[int]


class _Bridge(rx.Component):
    library = BRIDGE.importable_path


class Bridge(_Bridge):
    """Performs the commands of the tab's state."""

    tag = "Bridge"
    command: rx.Var[list[dict[str, Any]]]
    on_act: rx.EventHandler[TEXT]


class CopyButton(_Bridge):
    """Copies a text, or what lies at ``url``, and says so in place."""

    tag = "CopyButton"
    text: rx.Var[str]
    url: rx.Var[str]
    label: rx.Var[str]


class ConnectionNotice(_Bridge):
    """A line while the websocket is away."""

    tag = "ConnectionNotice"


class Hotkeys(rx.Component):
    """Keys handled in the browser."""

    library = HOTKEYS.importable_path
    tag = "Hotkeys"
    keys: rx.Var[list[str]]
    go: rx.Var[dict[str, dict[str, str]]]
    on_hotkey: rx.EventHandler[TEXT]


class _Palette(rx.Component):
    library = PALETTE.importable_path


class FindMissing(_Palette):
    """Look for the id in the address of a page that was not found."""

    tag = "FindMissing"


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
    list_name: rx.Var[str]
    list_query: rx.Var[str]
    default_view: rx.Var[str]
    on_change: rx.EventHandler[OBJECTS]
    on_query: rx.EventHandler[TEXT]
    on_reset: rx.EventHandler[rx.event.no_args_event_spec]
    on_open: rx.EventHandler[TEXT]
    on_default: rx.EventHandler[TEXT]


class Refresh(_Filters):
    """Refresh button with an interval."""

    tag = "Refresh"
    seconds: rx.Var[int]
    busy: rx.Var[bool]
    on_refresh: rx.EventHandler[rx.event.no_args_event_spec]
    on_seconds: rx.EventHandler[NUMBER]


class ViewTabs(rx.Component):
    """Saved views as tabs."""

    library = VIEWS.importable_path
    tag = "ViewTabs"
    list_name: rx.Var[str]
    path: rx.Var[str]
    keys: rx.Var[list[dict[str, Any]]]
    own: rx.Var[list[dict[str, str]]]
    query: rx.Var[str]
    default_view: rx.Var[str]
    on_default: rx.EventHandler[TEXT]


class ColumnChooser(rx.Component):
    """Which columns a list shows, in which order."""

    library = COLUMNS.importable_path
    tag = "ColumnChooser"
    all: rx.Var[list[dict[str, str]]]
    value: rx.Var[list[str]]
    own: rx.Var[list[str]]
    custom: rx.Var[bool]
    testid: rx.Var[str]
    on_change: rx.EventHandler[NAMES]


class _Table(rx.Component):
    library = TABLE.importable_path


class TableFrame(_Table):
    """Selection and keys of a table."""

    tag = "TableFrame"
    selected: rx.Var[list[str]]
    widths: rx.Var[dict[str, int]]
    testid: rx.Var[str]
    label: rx.Var[str]
    on_select: rx.EventHandler[NAMES]
    on_widths: rx.EventHandler[OBJECT]


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
    """Applies what the server keeps for the reader."""

    tag = "DensityKeeper"
    settings: rx.Var[dict[str, Any]]
    server_zone: rx.Var[str]


SETTINGS = rx.asset("settings_form.jsx", shared=True)


class SettingsForm(rx.Component):
    """All settings by groups; `on_change` gives what changed, `on_reset` the keys of a group.

    Who `administers` the tenant changes its `defaults` there too.
    """

    library = SETTINGS.importable_path
    tag = "SettingsForm"
    settings: rx.Var[dict[str, Any]]
    defaults: rx.Var[dict[str, Any]]
    administers: rx.Var[bool]
    tenant: rx.Var[str]
    entries: rx.Var[list[dict[str, str]]]
    on_change: rx.EventHandler[OBJECT]
    on_reset: rx.EventHandler[NAMES]
    on_defaults: rx.EventHandler[OBJECT]
    on_defaults_reset: rx.EventHandler[NAMES]


CONTEXT = rx.asset("context_bar.jsx", shared=True)
WORDS = rx.asset("words.jsx", shared=True)


class ContextBar(rx.Component):
    """The documentation beside the page, as a button of the rail with its panel."""

    library = CONTEXT.importable_path
    tag = "ContextBar"
