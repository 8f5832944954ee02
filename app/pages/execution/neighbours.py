"""The executions before and after the one on screen: of the list one came from, or of its flow (UI-XP-01)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.execution.facts import Facts
from app.pages.executions.state import ExecutionsState
from app.words import say
from backend_client import Client, ExecutionRow

Walk = list[tuple[str, str, str]]
"""Namespace, flow and id of executions in the order of a list."""


class Neighbours(rx.State, mixin=True):
    """Where `p` and `n` lead, and the flow's last success."""

    earlier_place: str = ""
    later_place: str = ""
    last_success: str = ""
    in_list: bool = False
    by_flow: bool = False
    _earlier: str = ""
    _later: str = ""
    _walk: Walk = []
    _walk_pages: tuple[int, int] = (1, 1)

    async def _neighbours(self: Any, api: Client, facts: Facts) -> None:
        def beside(operator: str) -> list[dict[str, str]]:
            return [
                {"field": "namespace", "operator": "EQUALS", "value": facts.namespace},
                {"field": "flowId", "operator": "EQUALS", "value": facts.flow},
                {"field": "startDate", "operator": operator, "value": facts.created},
            ]

        successes = [*beside("LESS_THAN"), {"field": "state", "operator": "IN", "value": "SUCCESS"}]
        earlier, later, success = await turns.together(
            api.executions.search(size=1, sort="state.startDate:desc", filters=beside("LESS_THAN")),
            api.executions.search(size=1, sort="state.startDate:asc", filters=beside("GREATER_THAN")),
            api.executions.search(size=1, sort="state.startDate:desc", filters=successes),
        )
        self.last_success = success.rows[0].id if success.rows else ""
        self._earlier = earlier.rows[0].id if earlier.rows else ""
        self._later = later.rows[0].id if later.rows else ""
        await self._place_neighbours(api)

    async def _place_neighbours(self: Any, api: Client) -> None:
        facts: Facts = self.facts
        own = (facts.namespace, facts.flow, facts.id)
        self.in_list = await self._walks(api, own)
        before: tuple[str, str, str] | None
        after: tuple[str, str, str] | None
        if self.in_list and not self.by_flow:
            place = self._walk.index(own)
            before = self._walk[place - 1] if place > 0 else None
            after = self._walk[place + 1] if place + 1 < len(self._walk) else None
        else:
            before = (facts.namespace, facts.flow, self._earlier) if self._earlier else None
            after = (facts.namespace, facts.flow, self._later) if self._later else None
        self.earlier_place = routes.execution(*before, "") if before else ""
        self.later_place = routes.execution(*after, "") if after else ""

    async def _walks(self: Any, api: Client, own: tuple[str, str, str]) -> bool:
        """Whether the execution stands in the list that was looked at; at the edge of a page the next one is read."""
        listing = await self.get_state(ExecutionsState)
        if own not in self._walk:
            self._walk = _order(listing.rows) if listing.mode == "table" else []
            self._walk_pages = (listing.page_number, listing.page_number)
        if own not in self._walk:
            return False
        first, last = self._walk_pages
        if own == self._walk[0] and first > 1:
            page = await api.executions.search(**{**listing.wanted(), "page": first - 1})
            before = [one for one in _order(page.rows) if one not in self._walk]
            self._walk, self._walk_pages = [*before, *self._walk], (first - 1, last)
        if own == self._walk[-1] and last * listing.page_size < listing.total:
            page = await api.executions.search(**{**listing.wanted(), "page": last + 1})
            self._walk = [*self._walk, *(one for one in _order(page.rows) if one not in self._walk)]
            self._walk_pages = (self._walk_pages[0], last + 1)
        return own in self._walk

    @turns.asks
    async def step_by(self: Any, what: str) -> None:
        """Step through the list that one came from, or through the flow's executions."""
        self.by_flow = what == "flow"
        async with self.api(say("Could not read the neighbours")) as api:
            await self._place_neighbours(api)

    @rx.event
    async def step(self: Any, key: str) -> None:
        """`n` and `p`: the next and the previous execution; the tab stays."""
        to = self.later_place if key == "n" else self.earlier_place
        if to:
            self.navigate(to + self.tab_name)


def _order(rows: list[ExecutionRow]) -> Walk:
    return [(row.namespace, row.flow, row.id) for row in rows]
