"""A custom dashboard: filters, charts, actions, the mode for a screen on the wall (UI-DB-01, 03…07)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes, turns
from app.filter_keys import flow_filter, namespace_filter
from app.frame import page_shell
from app.list_page import filters_of, pairs_of
from app.pages.dashboards.removal import Removal, removal_dialog
from app.pages.dashboards.switcher import Boards, switcher
from app.tab import Tab
from app.words import say
from backend_client import ApiError
from components.button import button, icon_button, link_button
from components.chrome import allowed
from components.dashboard_grid import dashboard_grid
from components.dialog import menu, menu_item, menu_line
from components.field import select
from components.filters import filter_bar, filter_key, refresh
from components.message import empty_state, skeleton_rows
from components.reactive import testid

RANGES = [
    ("", "Its own range"),
    ("PT1H", "Last hour"),
    ("PT24H", "Last 24 hours"),
    ("P7D", "Last 7 days"),
    ("P30D", "Last 30 days"),
    ("P365D", "Last 365 days"),
]
KEYS = [
    namespace_filter(),
    flow_filter(),
    filter_key("labels", "label", kind="labels", placeholder="key:value"),
]


class BoardState(Tab):
    """The open dashboard, what its charts are asked for, the wall mode."""

    identity: str = ""
    title: str = ""
    about: str = ""
    own_window: str = ""
    cards: list[dict[str, Any]] = []
    source: str = ""
    shown: bool = False

    filters: list[dict[str, str]] = []
    span: str = ""
    seconds: int = 0
    turn: int = 0
    figures_url: str = ""
    wall: bool = False
    cycle: str = ""
    every: int = 30
    is_home: bool = False
    of_flows: bool = False
    of_namespaces: bool = False

    @turns.reads
    async def load(self) -> None:
        """Read the dashboard that the URL names, and the conditions."""
        if not self.username:
            return
        self.clear()
        name = self.arg("dashboard")
        if name != self.identity:
            self.cards, self.shown, self.title, self.about = [], False, "", ""
        self.identity = name
        _, self.filters = filters_of(self.query_pairs())
        self.span = self.query("range")
        self.wall = self.query("tv") == "1"
        every = self.query("every", "30")
        self.every = int(every) if every.isdigit() else 30
        self.figures_url = f"/api/v1/{self.tenant_id}/console/figures"
        async with self.api() as api:
            body = await api.dashboards.get(name)
            self.source = str(body.get("sourceCode") or "")
            outline = await api.console.outline(self.source)
            self.title, self.about = str(outline["title"]), str(outline.get("description") or "")
            self.own_window = str(outline.get("window") or "P30D")
            self.cards, self.shown = outline["charts"], True
            self.cycle = ""
            if self.wall:
                self.seconds = self.seconds or 30
                self.cycle = await self._next(api)
        kept = dict(self.settings.get("dashboard") or {})
        self.is_home = kept.get("home") == name
        self.of_flows, self.of_namespaces = kept.get("flow") == name, kept.get("namespace") == name
        if kept.get("last") != name:
            await self._remember({**kept, "last": name})

    async def _next(self, api: Any) -> str:
        names = [one for one in self.query("cycle").split(",") if one]
        if self.query("cycle") == "all":
            names = [row.id for row in await api.dashboards.search()]
        if len(names) < 2:
            return ""
        place = names.index(self.identity) if self.identity in names else -1
        pairs = [("tv", "1"), ("every", str(self.every)), ("cycle", ",".join(names))]
        return f"{routes.dashboard(names[(place + 1) % len(names)])}?{urlencode(pairs, safe=',')}"

    async def _remember(self, changes: dict[str, Any]) -> None:
        try:
            async with self.api(raising=True) as api:
                await api.console.patch_settings({"dashboard": changes})
            self.settings = {**self.settings, "dashboard": changes}
        except ApiError:
            pass  # a place that is not remembered is no reason for words

    def _go(self, *, filters: list[dict[str, str]] | None = None, span: str | None = None) -> None:
        pairs = pairs_of("", self.filters if filters is None else filters)
        chosen = self.span if span is None else span
        pairs += [("range", chosen)] if chosen else []
        query = urlencode(pairs, safe="[],:")
        self.navigate(routes.dashboard(self.identity) + (f"?{query}" if query else ""))

    @rx.event
    async def set_filters(self, filters: list[dict[str, str]]) -> None:
        """The conditions changed."""
        self._go(filters=[{k: str(v) for k, v in one.items()} for one in filters])

    @rx.event
    async def set_span(self, span: str) -> None:
        """Another range."""
        self._go(span=span)

    @rx.event
    async def again(self) -> None:
        """Read all charts anew."""
        self.turn += 1

    @rx.event
    async def set_seconds(self, seconds: int) -> None:
        """Another interval of the refresh."""
        self.seconds = seconds

    @turns.keeps
    async def set_home(self) -> None:
        """This dashboard is the reader's home, or no longer."""
        kept = dict(self.settings.get("dashboard") or {})
        kept["home"] = "" if self.is_home else self.identity
        await self._remember(kept)
        self.is_home = not self.is_home
        self.toast(
            say("Your home is this dashboard") if self.is_home else say("Your home is the default dashboard"),
            self.title,
        )

    @turns.keeps
    async def set_overview(self, kind: str) -> None:
        """This dashboard is the overview of flows or of namespaces, or no longer (UI-DB-01)."""
        if kind not in ("flow", "namespace"):
            return
        kept = dict(self.settings.get("dashboard") or {})
        on = kept.get(kind) != self.identity
        kept[kind] = self.identity if on else ""
        await self._remember(kept)
        self.of_flows, self.of_namespaces = kept.get("flow") == self.identity, kept.get("namespace") == self.identity
        if kind == "flow":
            title = say("The overview of flows is this dashboard") if on else say("Flows have their own overview again")
        else:
            title = (
                say("The overview of namespaces is this dashboard")
                if on
                else say("Namespaces have their own overview again")
            )
        self.toast(title, self.title)

    @rx.event
    async def duplicate(self) -> None:
        """Open the editor with a copy."""
        self.navigate(f"{routes.NEW_DASHBOARD}?copy={self.identity}")

    @rx.event
    async def copy_source(self) -> None:
        """The YAML to the clipboard."""
        self.copy_text(self.source)
        self.toast(say("Source copied"), level="info")

    @rx.event
    async def start_wall(self, cycle: bool) -> None:
        """Only charts, for a screen on the wall."""
        self.navigate(f"{routes.dashboard(self.identity)}?tv=1" + ("&every=30&cycle=all" if cycle else ""))

    @rx.event
    async def end_wall(self) -> None:
        """The frame comes back."""
        self.navigate(routes.dashboard(self.identity))


S: Any = BoardState


def _menu() -> rx.Component:
    return menu(
        icon_button("ellipsis", "More", test="dashboard-more"),
        menu_item("Duplicate", icon="copy-plus", on_select=S.duplicate, test="dashboard-duplicate"),
        menu_item("Copy the source", icon="copy", on_select=S.copy_source),
        menu_item("Show as my home", icon="house", checked=S.is_home, on_select=S.set_home, test="dashboard-home"),
        menu_item(
            "Show as overview of flows",
            icon="workflow",
            checked=S.of_flows,
            on_select=S.set_overview("flow"),
            test="dashboard-of-flows",
        ),
        menu_item(
            "Show as overview of namespaces",
            icon="folder-tree",
            checked=S.of_namespaces,
            on_select=S.set_overview("namespace"),
            test="dashboard-of-namespaces",
        ),
        menu_line(),
        menu_item("TV mode", icon="tv", on_select=S.start_wall(False), test="dashboard-tv"),
        menu_item("TV mode, all dashboards in turn", icon="tv", on_select=S.start_wall(True)),
        allowed(
            menu_line(),
            menu_item(
                "Delete",
                icon="trash-2",
                danger=True,
                on_select=Removal.ask(S.identity, S.title),
                test="dashboard-delete",
            ),
            needs="DASHBOARD:DELETE",
        ),
        label="Actions on the dashboard",
    )


def board_page() -> rx.Component:
    """The screen."""
    grid = dashboard_grid(
        cards=S.cards,
        url=S.figures_url,
        dashboard=S.identity,
        filters=S.filters,
        range=S.span,
        reload=S.turn,
        cycle=S.cycle,
        seconds=S.every,
        on_widen=BoardState.set_span,
        key=S.identity,
    )
    none = empty_state(
        "This dashboard has no charts",
        hint="Its source lists none yet.",
        icon="layout-dashboard",
        actions=[
            allowed(
                link_button("Edit", routes.dashboard_editor(S.identity), icon="pencil", kind="primary"),
                needs="DASHBOARD:UPDATE",
            )
        ],
    )
    return page_shell(
        rx.cond(S.title != "", S.title, "Dashboard"),
        rx.el.div(
            filter_bar(
                KEYS,
                filters=S.filters,
                on_filters=BoardState.set_filters,
                tools=[
                    rx.el.div(
                        select(RANGES, S.span, BoardState.set_span, label="Time range", test="dashboard-range"),
                        class_name="orderer",
                    ),
                    refresh(BoardState.again, seconds=S.seconds, on_seconds=BoardState.set_seconds),
                ],
            ),
            class_name="dbf",
        ),
        rx.el.div(
            rx.cond(S.about != "", rx.el.p(S.about, class_name="mut dbabout dbf"), rx.fragment()),
            rx.cond(S.cards.length() > 0, grid, rx.cond(S.shown, none, skeleton_rows())),
            rx.cond(
                S.wall,
                rx.el.div(
                    button("Leave TV mode", icon="x", on_click=S.end_wall, test="dashboard-tv-end"), class_name="tvmode"
                ),
                rx.fragment(),
            ),
            class_name="scroll",
            custom_attrs=testid("dashboard"),
        ),
        removal_dialog(),
        parts=[("Dashboards", routes.DASHBOARDS + "?default=1")],
        actions=[
            switcher(rx.cond(S.title != "", S.title, "Dashboard")),
            _menu(),
            allowed(
                link_button(
                    "Edit", routes.dashboard_editor(S.identity), icon="pencil", kind="primary", test="dashboard-edit"
                ),
                needs="DASHBOARD:UPDATE",
            ),
        ],
        on_retry=[BoardState.load, Boards.load],
    )
