"""Set-up and login: the two pages that a reader sees without a session."""

from __future__ import annotations

import reflex as rx

from app.frame import gate_shell
from app.tab import Tab
from components.client import LoginForm, SetupForm
from components.frame import environment_badge, logo


def _brand() -> rx.Component:
    return rx.el.div(
        logo(32),
        rx.el.span("flowdeck", class_name="gate-name"),
        rx.el.span(class_name="grow"),
        environment_badge(Tab.environment, Tab.environment_colour, Tab.environment_ink),
        class_name="row g12 gate-brand",
    )


def _foot() -> rx.Component:
    return rx.el.footer("flowdeck ", Tab.version, ", tenant ", Tab.tenant_id, class_name="faint sm gate-foot")


def login_page() -> rx.Component:
    """Ask for name and password."""
    return gate_shell(
        "Log in", rx.el.div(_brand(), rx.el.h1("Log in"), LoginForm.create(), class_name="gate-box"), _foot()
    )


def setup_page() -> rx.Component:
    """Make the first account."""
    return gate_shell(
        "Set up",
        rx.el.div(
            _brand(),
            rx.el.h1("Set up this deck"),
            rx.el.p("The first account administers everything.", class_name="mut"),
            SetupForm.create(messages=Tab.setup_messages),
            class_name="gate-box wide",
        ),
        _foot(),
    )
