"""The switcher between the default dashboard and those of the tenant (UI-DB-01)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.tab import Tab
from backend_client import ApiError
from components.chrome import allowed
from components.client import PopoverClose
from components.dialog import menu_item, menu_line, popover
from components.field import text_input


class Boards(Tab):
    """The known dashboards."""

    boards: list[dict[str, str]] = []
    wanted: str = ""
    home: str = ""

    @turns.reads
    async def load(self) -> None:
        """Read the titles."""
        if not self.username:
            return
        try:
            async with self.api(raising=True) as api:
                rows = await api.dashboards.search(self.wanted)
        except ApiError:
            return
        self.boards = [{"id": row.id, "title": row.title or row.id} for row in rows]
        self.home = str((self.settings.get("dashboard") or {}).get("home") or "")

    @rx.event
    async def find(self, text: str) -> None:
        """Search by title."""
        self.wanted = text
        return Boards.load  # type: ignore[return-value]


S: Any = Boards


def switcher(title: Any) -> rx.Component:
    """A button with the open dashboard's title; its layer leads to the others."""
    row = lambda one: PopoverClose.create(  # noqa: E731
        menu_item(
            one["title"],
            icon="layout-dashboard",
            to=routes.dashboard(one["id"]),
            keys="",
            test="dashboard-choice",
        )
    )
    return popover(
        rx.el.button(
            rx.icon("layout-dashboard", size=14),
            rx.el.span(title, class_name="ell"),
            rx.icon("chevron-down", size=12),
            class_name="btn dbsw",
            custom_attrs={"type": "button", "data-testid": "dashboard-switch"},
        ),
        rx.cond(
            (S.boards.length() > 10) | (S.wanted != ""),
            text_input(S.wanted, S.find, label="Search dashboards", placeholder="Title", kind="search"),
            rx.fragment(),
        ),
        rx.el.div(
            menu_item("Default dashboard", icon="gauge", to=routes.DASHBOARDS + "?default=1", test="dashboard-default"),
            rx.foreach(S.boards, row),
            allowed(
                menu_line(),
                menu_item("New dashboard", icon="plus", to=routes.NEW_DASHBOARD, test="dashboard-new"),
                menu_item("From a blueprint", icon="library", to=routes.blueprints("dashboard")),
                needs="DASHBOARD:CREATE",
            ),
            class_name="dbmenu",
        ),
        label="Dashboards",
        width=264,
    )
