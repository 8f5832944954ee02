"""The start: the root leads to the tenant used last, the tenant's root to its first page."""

from __future__ import annotations

import reflex as rx

from app import routes
from app.frame import page_shell
from app.navigation import ENTRIES
from app.tab import Tab
from components.client import Home
from components.message import skeleton_rows


class HomeState(Tab):
    """Decides where a reader without a place begins."""

    @rx.event
    async def load(self) -> None:
        """Go to the welcome page while there is no flow, else to the first entry of the menu."""
        if not self.username:
            return
        first = ENTRIES[0].to if ENTRIES else routes.SETTINGS
        async with self.api() as api:
            found = await api.flows.search(size=1)
            self.navigate(first if found.total else routes.WELCOME, replace=True)


def root_page() -> rx.Component:
    """The root."""
    return Home.create()


def home_page() -> rx.Component:
    """The frame with empty rows, for the moment until the place is known."""
    return page_shell("Start", skeleton_rows(), on_retry=HomeState.load)
