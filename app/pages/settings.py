"""Settings of the reader: kept by the server, applied at once (`spec` UI-ST-01)."""

from __future__ import annotations

import reflex as rx

from app import routes
from app.frame import page_shell
from app.navigation import ENTRIES
from app.tab import Tab
from components.button import link_button
from components.client import SettingsForm


def settings_page() -> rx.Component:
    """The screen."""
    facts = rx.el.section(
        rx.el.header(rx.el.h2("This server"), class_name="sec"),
        rx.el.div(
            rx.el.b("Version", class_name="med"), rx.el.span(Tab.version, class_name="mono"), class_name="set-row"
        ),
        rx.el.div(rx.el.b("You", class_name="med"), rx.el.span(Tab.username, class_name="mono"), class_name="set-row"),
    )
    return page_shell(
        "Settings",
        rx.el.div(
            SettingsForm.create(
                settings=Tab.settings,
                tenant=Tab.tenant_id,
                entries=[entry.told(ENTRIES) for entry in ENTRIES],
                defaults=Tab.defaults,
                administers=Tab.administers,
                on_change=Tab.keep_settings,
                on_reset=Tab.forget_settings,
                on_defaults=Tab.keep_defaults,
                on_defaults_reset=Tab.forget_defaults,
            ),
            facts,
            class_name="settings",
        ),
        actions=[link_button("Profile", routes.PROFILE, icon="user-round", test="settings-profile")],
    )
