"""`RunRows`: a page of executions with what is told of them, chosen ones, what is done to them (UI-EX-01, UI-EX-04)."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import datetime
from typing import Any

import reflex as rx

from app import routes
from app.list_page import ListPage
from app.pages.executions.bulk import BulkActions
from app.reasons import waits_for
from backend_client import ApiError, Client, ExecutionRow

CHART_SECONDS = 10.0
"""A list that changes all the time draws its chart no more often."""
PEEK = 2000
"""Characters of inputs or outputs that a row shows."""
BAR = 64
"""Widest bar below a duration, in px."""


class RunRows(BulkActions, ListPage, mixin=True):
    """Mixin of the lists of executions; put it before `Tab` among the bases."""

    rows: list[ExecutionRow] = []
    chart_turn: int = 0
    _charted: float = 0.0

    async def _fetch(self: Any, api: Client) -> None:
        page = await api.executions.search(**self.wanted())
        waiting: dict[str, dict[str, Any]] = {}
        held = [row.id for row in page.rows if not row.terminal]
        if held:
            try:
                waiting = await api.executions.waiting(held)
            except ApiError:
                waiting = {}  # the list is worth more than the reasons
        now = time.time()
        spans = {row.id: _since(row.counted, now) if row.duration_ms < 0 else row.duration_ms for row in page.rows}
        longest = max([*spans.values(), 1])
        rows = [
            replace(
                row,
                note=row.note or waits_for(waiting.get(row.id) or {}),
                bar=f"{max(1, round(BAR * spans[row.id] / longest))}px" if spans[row.id] > 0 else "0px",
                label_map={k: v for k, v in row.label_map.items() if f"label:{k}" in self.columns},
                inputs_text=_told(row.inputs) if "inputs" in self.columns else "",
                outputs_text=_told(row.outputs) if "outputs" in self.columns else "",
                trigger_text=_told(row.trigger_data) if "trigger-data" in self.columns else "",
                inputs={},
                outputs={},
                trigger_data={},
            )
            for row in page.rows
        ]
        self.take(replace(page, rows=rows))
        self._states = {**self._states, **{row.id: row.state for row in rows}}
        self._flows = {**self._flows, **{row.id: f"{row.namespace}/{row.flow}" for row in rows}}
        if len(self._states) > 2000:
            self._states = {row.id: row.state for row in rows}
            self._flows = {row.id: f"{row.namespace}/{row.flow}" for row in rows}
        self._judge()
        if now - self._charted > CHART_SECONDS:
            self._charted = now
            self.chart_turn += 1

    @rx.event
    async def compare(self: Any) -> None:
        """Two selected executions side by side (UI-EX-06)."""
        if len(self.selected) == 2:
            first, second = sorted(self.selected)
            self.navigate(f"/executions/compare?a={first}&b={second}")

    @rx.event
    async def copy_id(self: Any, identity: str) -> None:
        """Copy a row's id."""
        self.copy_text(identity)

    @rx.event
    async def copy_link(self: Any, namespace: str, flow: str, identity: str) -> None:
        """Copy the address of a row."""
        place = routes.execution(namespace, flow, identity)
        self.copy_text(f"{self.router.url.origin}{routes.root()}/{self.tenant_id}{place}")

    # -- selection ----------------------------------------------------------------------------------------

    @rx.event
    async def select(self: Any, ids: list[str]) -> None:
        """Another selection."""
        self.selected, self.select_everything = ids, False
        self._judge()

    @rx.event
    async def select_all(self: Any) -> None:
        """All that match are meant."""
        self.select_everything = True
        self._judge()


def _told(value: Any) -> str:
    """Return a value as JSON for a glance."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str) if value else ""
    return text if len(text) <= PEEK else text[:PEEK] + " …"


def _since(started: str, now: float) -> int:
    try:
        return max(0, int((now - datetime.fromisoformat(started).timestamp()) * 1000))
    except ValueError:
        return 0
