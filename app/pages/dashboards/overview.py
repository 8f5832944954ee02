"""A dashboard as the overview of a flow or of a namespace, limited to it (UI-DB-01, UI-NS-03)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.tab import Tab
from app.words import say
from backend_client import ApiError
from components.button import link_button
from components.dashboard_grid import dashboard_grid
from components.reactive import testid

KINDS = ("flow", "namespace")


class OverviewBoard(Tab):
    """The chosen dashboard of the place that the URL names; none means the page's own overview."""

    board_kind: str = ""
    board_id: str = ""
    board_cards: list[dict[str, Any]] = []
    board_choices: list[list[str]] = []
    board_filters: list[dict[str, str]] = []
    board_url: str = ""
    board_span: str = ""
    board_turn: int = 0

    @turns.reads
    async def load(self) -> None:
        """Read which dashboard it is, and its charts."""
        if not self.username or (self.arg("tab") or "overview") != "overview":
            return
        namespace, flow = self.arg("ns"), self.arg("flow")
        self.board_kind = "flow" if flow else "namespace"
        below = self.query("below", "1") != "0"
        self.board_filters = [
            {"field": "namespace", "operator": "EQUALS" if flow or not below else "PREFIX", "value": namespace},
            *([{"field": "flowId", "operator": "EQUALS", "value": flow}] if flow else []),
        ]
        self.board_url = f"/api/v1/{self.tenant_id}/console/figures"
        self.board_turn += 1
        await self._read()

    async def _read(self) -> None:
        chosen = str((self.settings.get("dashboard") or {}).get(self.board_kind) or "")
        try:
            async with self.api(raising=True) as api:
                rows = await api.dashboards.search()
                self.board_choices = [["", say("Own overview")], *([row.id, row.title or row.id] for row in rows)]
                if chosen not in {row.id for row in rows}:  # none chosen, or it is gone
                    self.board_id, self.board_cards = "", []
                    return
                if chosen != self.board_id:
                    source = str((await api.dashboards.get(chosen)).get("sourceCode") or "")
                    self.board_cards = (await api.console.outline(source))["charts"]
                self.board_id = chosen
        except ApiError:
            self.board_id, self.board_cards = "", []  # the own overview is there at any rate

    @turns.keeps
    async def choose_board(self, identity: str):
        """Another dashboard, or the page's own overview; kept for the reader."""
        if self.board_kind not in KINDS:
            return
        kept = {**(self.settings.get("dashboard") or {}), self.board_kind: identity}
        async with self.api(say("Could not keep the choice")) as api:
            await api.console.patch_settings({"dashboard": kept})
            self.settings = {**self.settings, "dashboard": kept}
        await self._read()

    @rx.event
    async def widen(self, span: str) -> None:
        """A longer range for charts that are empty."""
        self.board_span = span


S: Any = OverviewBoard


def overview_board(own: rx.Component) -> rx.Component:
    """The chosen dashboard, or `own`; a chooser above where the tenant has dashboards."""
    chooser = rx.el.div(
        rx.el.select(
            rx.foreach(S.board_choices, lambda one: rx.el.option(one[1], value=one[0])),
            value=S.board_id,
            on_change=S.choose_board,
            class_name="btn s",
            aria_label="Overview",
            custom_attrs=testid("overview-board"),
        ),
        rx.el.span(class_name="grow"),
        rx.cond(
            S.board_id != "",
            link_button("Open the dashboard", routes.dashboard(S.board_id), icon="layout-dashboard", size="small"),
            rx.fragment(),
        ),
        class_name="toolbar",
    )
    grid = rx.el.div(
        dashboard_grid(
            cards=S.board_cards,
            url=S.board_url,
            dashboard=S.board_id,
            filters=S.board_filters,
            range=S.board_span,
            reload=S.board_turn,
            on_widen=S.widen,
            key=S.board_id,
        ),
        class_name="scroll",
        custom_attrs=testid("overview-charts"),
    )
    return rx.el.div(
        rx.cond(S.board_choices.length() > 1, chooser, rx.fragment()),
        rx.cond(S.board_id != "", grid, own),
        class_name="col fillcol",
    )
