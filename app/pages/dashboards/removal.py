"""The question before a dashboard goes: one piece of the view and of the editor (UI-DB-01, UI-DB-20)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.tab import Tab
from app.words import say
from components.dialog import confirm_dialog


class Removal(Tab):
    """The dashboard that is about to go; empty when none is."""

    leaving: str = ""
    leaving_title: str = ""

    @rx.event
    async def ask(self, identity: str, title: str) -> None:
        """Ask before deleting."""
        self.leaving, self.leaving_title = identity, title or identity

    @rx.event
    async def keep(self) -> None:
        """Do not delete."""
        self.leaving = ""

    @turns.writes
    async def delete(self) -> None:
        """Delete it and show the default dashboard."""
        name, self.leaving = self.leaving, ""
        async with self.api(say("Could not delete the dashboard")) as api:
            await api.dashboards.delete(name)
            self.toast(say("Dashboard deleted"), self.leaving_title)
            self.navigate(f"{routes.DASHBOARDS}?default=1")


S: Any = Removal


def removal_dialog() -> rx.Component:
    """The dialog; a page that shows it calls `Removal.ask`."""
    return confirm_dialog(
        "Delete this dashboard",
        rx.el.p(rx.el.b(S.leaving_title), " goes for everybody of the tenant. The data that it shows stays."),
        open=S.leaving != "",
        on_cancel=S.keep,
        on_confirm=S.delete,
        verb="Delete dashboard",
        test="dashboard-delete-dialog",
    )
