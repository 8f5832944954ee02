"""What every tab of a namespace's page knows, and its overview (`spec` UI-NS-02, UI-NS-03)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.dashboards.overview import OverviewBoard
from app.tab import Tab
from app.words import spoken
from backend_client import Client

TABS = (
    *("overview", "flows", "executions", "logs", "dependencies", "files", "kv", "secrets"),
    *("variables", "plugin-defaults", "edit"),
)
DAY = "filters[timeRange][EQUALS]=PT24H"


@dataclass(frozen=True, slots=True)
class FlowLine:
    """A flow of the namespace with its last runs."""

    id: str = ""
    description: str = ""
    disabled: bool = False
    runs: list[list[Any]] = field(default_factory=list)
    next: str = ""


class NamespaceState(Tab):
    """The namespace, its parents and children, its flows."""

    ns_name: str = ""
    ns_tab: str = "overview"
    parents: list[dict[str, str]] = []
    beside: list[dict[str, str]] = []
    under: list[dict[str, str]] = []
    below: bool = False
    children: list[str] = []
    flows: list[FlowLine] = []
    flow_count: int = 0
    key_count: str = ""
    states: list[dict[str, str]] = []
    shown: bool = False
    figures_url: str = ""
    figure_body: dict[str, Any] = {}

    @turns.reads
    async def load(self):
        """Read the place; the overview asks for its numbers."""
        name, tab = self.arg("ns"), self.arg("tab")
        if name != self.ns_name:
            self.flows, self.states, self.children, self.shown = [], [], [], False
        self.clear()
        self.ns_name = name
        self.ns_tab = tab if tab in TABS else "overview"
        parts = name.split(".")
        self.parents = [
            {"word": part, "place": routes.namespace(".".join(parts[: i + 1]))} for i, part in enumerate(parts[:-1])
        ]
        if not self.username:
            return None
        self.figures_url = f"/api/v1/{self.tenant_id}/console/figures"
        self.below = self.query("below", "1") != "0"
        operator = "PREFIX" if self.below else "EQUALS"
        own = [{"field": "namespace", "operation": operator, "value": name}]
        self.figure_body = {"chart": "executions-over-time", "timeRange": "P7D", "filters": own}
        async with self.api() as api:
            await self._around(api)
        if self.ns_tab == "overview":
            await self._overview()
        self.shown = True
        return OverviewBoard.load if self.ns_tab == "overview" else None

    async def _around(self, api: Client) -> None:
        """What the jump beside the title offers: namespaces below, and those of the same parent (UI-NS-02)."""
        parent = self.ns_name.rpartition(".")[0]
        own = f"{self.ns_name}."
        same, lower = await turns.together(
            api.namespaces.search(size=100, query=f"{parent}." if parent else ""),
            api.namespaces.search(size=100, query=own),
        )
        depth = self.ns_name.count(".")
        entry = lambda name: {"id": name, "word": name.rpartition(".")[2], "place": routes.namespace(name, self.ns_tab)}  # noqa: E731
        self.beside = [
            entry(row.id)
            for row in same.rows
            if row.id.count(".") == depth
            and row.id != self.ns_name
            and row.id.startswith(f"{parent}." if parent else "")
        ]
        self.under = [entry(row.id) for row in lower.rows if row.id.startswith(own) and row.id.count(".") == depth + 1]
        self.children = [row.id for row in lower.rows if row.id.startswith(own)]

    @rx.event
    async def set_below(self, on: bool) -> None:
        """The overview with the namespaces below, or of this one alone."""
        self.navigate(routes.namespace(self.ns_name, "overview") + ("" if on else "?below=0"), replace=True)

    async def _overview(self) -> None:
        mine = [{"field": "namespace", "operator": "EQUALS", "value": self.ns_name}]
        own = [{**mine[0], "operator": "PREFIX" if self.below else "EQUALS"}]
        async with self.api() as api:
            flows, day, keys = await turns.together(
                api.flows.search(size=25, sort="id:asc", filters=mine),
                api.console.figure("totals", "P1D", own),
                api.kv.search(size=1, filters=[{"field": "namespace", "operator": "IN", "value": self.ns_name}]),
            )
            lines = await api.console.sparklines([(row.namespace, row.id) for row in flows.rows]) if flows.rows else []
            by_flow = {one["id"]: one for one in lines}
            self.flow_count, self.key_count = flows.total, str(keys.total)
            self.flows = [
                FlowLine(
                    row.id,
                    row.description.strip().split("\n", 1)[0],
                    row.disabled,
                    by_flow.get(row.id, {}).get("runs", []),
                    by_flow.get(row.id, {}).get("nextAt", ""),
                )
                for row in flows.rows
            ]
            self.states = [
                {
                    "state": str(state),
                    "count": spoken(int(number)),
                    "place": f"{routes.EXECUTIONS}?filters[namespace][{own[0]['operator']}]={self.ns_name}"
                    f"&filters[state][IN]={state}&{DAY}",
                }
                for state, number in day["rows"]
            ]
