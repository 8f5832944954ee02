"""Settings of the reader: theme, density, time zone, keys (`spec` UI-ST-01). Applied at once."""

from __future__ import annotations

import reflex as rx

from app.frame import page_shell
from app.tab import Tab
from components.client import Preferences, ThemeSwitch
from components.reactive import Content


def _row(title: str, hint: str, control: Content) -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.el.b(title, class_name="med"), rx.el.span(hint, class_name="sm mut"), class_name="col"),
        control,
        class_name="set-row",
    )


def settings_page() -> rx.Component:
    """The screen."""
    return page_shell(
        "Settings",
        rx.el.div(
            rx.el.section(
                rx.el.h2("Theme", class_name="sec"),
                _row(
                    "Appearance",
                    "System follows the setting of this computer.",
                    ThemeSwitch.create(rx.icon("sun", size=14), rx.icon("moon", size=14), rx.icon("monitor", size=14)),
                ),
                _row(
                    "Density of lists",
                    "Compact makes every row 28 px high.",
                    Preferences.create(part="density", on_change=Tab.keep_settings),
                ),
            ),
            rx.el.section(
                rx.el.h2("Language and region", class_name="sec"),
                _row(
                    "Time zone",
                    "For display only; schedules keep their own.",
                    Preferences.create(part="zone", on_change=Tab.keep_settings),
                ),
            ),
            rx.el.section(
                rx.el.h2("Keyboard", class_name="sec"),
                _row(
                    "Shortcuts without Ctrl",
                    "Like g then f, or j and k in lists. The key ? lists them all.",
                    Preferences.create(part="keys", on_change=Tab.keep_settings),
                ),
            ),
            rx.el.section(
                rx.el.h2("This server", class_name="sec"),
                _row("Version", "flowdeck", rx.el.span(Tab.version, class_name="mono")),
                _row("You", "The account of this session.", rx.el.span(Tab.username, class_name="mono")),
            ),
            class_name="settings",
        ),
    )
