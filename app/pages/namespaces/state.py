"""What every tab of a namespace's page knows, and its overview (`spec` UI-NS-02, UI-NS-03)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from app import routes
from app.tab import Tab

TABS = ("overview", "files", "kv")
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
    children: list[str] = []
    flows: list[FlowLine] = []
    flow_count: int = 0
    key_count: str = ""
    states: list[dict[str, str]] = []
    shown: bool = False

    @rx.event
    async def load(self) -> None:
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
            return
        if self.ns_tab == "overview":
            await self._overview()
        self.shown = True

    async def _overview(self) -> None:
        own = [{"field": "namespace", "operator": "EQUALS", "value": self.ns_name}]
        async with self.api() as api:
            flows, spaces, day, keys = await asyncio.gather(
                api.flows.search(size=25, sort="id:asc", filters=own),
                api.namespaces.search(size=100, query=self.ns_name + "."),
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
            prefix = self.ns_name + "."
            self.children = [row.id for row in spaces.rows if row.id.startswith(prefix)]
            self.states = [
                {
                    "state": str(state),
                    "count": f"{int(number):,}",
                    "place": f"{routes.EXECUTIONS}?filters[namespace][EQUALS]={self.ns_name}"
                    f"&filters[state][IN]={state}&{DAY}",
                }
                for state, number in day["rows"]
            ]
