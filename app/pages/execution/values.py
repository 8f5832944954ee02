"""Outputs, the expression box, file previews and metrics of the execution page (UI-XP-50, UI-XP-51, UI-XP-60)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import reflex as rx

from app import turns
from app.words import say, spoken
from backend_client.client import text_of

MOST_METRICS = 1000
"""Values that sums are made of."""
LEVEL_SIZE = 50


@dataclass(frozen=True, slots=True)
class OutputRow:
    """A task run in the browser of outputs."""

    id: str = ""
    task: str = ""
    value: str = ""
    state: str = ""
    group: bool = False
    children: str = ""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One measured value."""

    key: str = ""
    task: str = ""
    name: str = ""
    kind: str = ""
    value: str = ""
    tags: str = ""
    at: str = ""
    task_run: str = ""


@dataclass(frozen=True, slots=True)
class MetricSum:
    """All values of one metric."""

    key: str = ""
    name: str = ""
    value: str = ""
    count: str = ""


class Values(rx.State, mixin=True):
    """What the outputs tab shows; trees are read by the browser itself."""

    level_rows: list[OutputRow] = []
    level_path: list[dict[str, str]] = []
    level_text: str = ""
    level_total: int = 0
    level_after: str = ""
    shown_run: str = ""
    shown_root: str = "outputs"
    expression: str = ""
    preview_uri: str = ""
    metric_rows: list[MetricRow] = []
    metric_total: int = 0
    metric_task: str = ""
    metric_tasks: list[str] = []
    metric_sums: list[MetricSum] = []

    def _forget_values(self: Any) -> None:
        self.level_rows, self.level_path, self.level_text = [], [], ""
        self.shown_run, self.shown_root = "", "outputs"
        self.expression, self.preview_uri = "", ""
        self.metric_rows, self.metric_total, self.metric_sums, self.metric_task = [], 0, [], ""

    # -- the browser of task runs -----------------------------------------------------------------------------

    async def _read_levels(self: Any, api: Any, *, more: bool = False) -> None:
        parent = self.level_path[-1]["id"] if self.level_path else ""
        page = await api.executions.task_runs(
            self.facts.id,
            parent=None if self.level_text else parent or None,
            q=self.level_text or None,
            after=self.level_after if more and self.level_after else None,
            limit=LEVEL_SIZE,
        )
        rows = [
            OutputRow(
                id=one["id"],
                task=one["taskId"],
                value=text_of(one.get("value")),
                state=one["state"],
                group=bool((one.get("children") or {}).get("total")),
                children=f"{(one.get('children') or {}).get('total') or ''}",
            )
            for one in page["rows"]
        ]
        self.level_rows = rows
        self.level_total = int(page.get("total") or len(rows))
        self.level_after = text_of(page.get("after"))

    @turns.asks
    async def find_output(self: Any, text: str) -> None:
        """Look for a task over all levels."""
        self.level_text, self.level_after = text.strip(), ""
        async with self.api(say("Could not read the task runs")) as api:
            await self._read_levels(api)

    @turns.asks
    async def open_level(self: Any, task_run: str, word: str) -> None:
        """Show what runs below a group."""
        self.level_path = [*self.level_path, {"id": task_run, "word": word}]
        self.level_text, self.level_after = "", ""
        async with self.api(say("Could not read the task runs")) as api:
            await self._read_levels(api)

    @turns.asks
    async def close_level(self: Any, depth: int) -> None:
        """Go back up."""
        self.level_path = self.level_path[: max(0, depth)]
        self.level_text, self.level_after = "", ""
        async with self.api(say("Could not read the task runs")) as api:
            await self._read_levels(api)

    @turns.asks
    async def next_level_page(self: Any) -> None:
        """The next task runs of the level."""
        async with self.api(say("Could not read the task runs")) as api:
            await self._read_levels(api, more=True)

    @rx.event
    async def show_outputs(self: Any, task_run: str, task: str, value: str) -> None:
        """Show the outputs of a task run; without one those of the flow."""
        self.shown_run = task_run
        if not task_run:
            self.shown_root = "outputs"
            return
        name = f"outputs.{task}" if task.replace("_", "a").isalnum() else f"outputs['{task}']"
        self.shown_root = f"{name}['{value}']" if value else name

    # -- expressions --------------------------------------------------------------------------------------------

    @rx.event
    async def choose_path(self: Any, node: dict[str, Any]) -> None:
        """A node of the tree was chosen: its expression goes into the box."""
        found = text_of(node.get("expression")) or text_of(node.get("path"))
        if found:
            self.expression = found if found.startswith("{{") else f"{{{{ {found} }}}}"

    # -- files ----------------------------------------------------------------------------------------------------

    @rx.event
    async def preview(self: Any, uri: str) -> None:
        """Show the head of a file of internal storage."""
        self.preview_uri = uri

    @rx.event
    async def close_preview(self: Any) -> None:
        """Close the preview."""
        self.preview_uri = ""

    @rx.event
    async def download_file(self: Any) -> None:
        """Download the previewed file."""
        self.download(
            f"/api/v1/{self.tenant_id}/executions/{self.facts.id}/file?path={quote(self.preview_uri, safe='')}"
        )

    # -- metrics --------------------------------------------------------------------------------------------------

    async def _read_metrics(self: Any, api: Any) -> None:
        page = await api.executions.metrics(self.facts.id, task=self.metric_task, size=MOST_METRICS)
        self.metric_total = page.total
        self.metric_rows = [
            MetricRow(
                key=f"{place}",
                task=text_of(one.get("taskId")),
                name=text_of(one.get("name")),
                kind=text_of(one.get("type")),
                value=measured(one.get("type"), one.get("value")),
                tags=", ".join(f"{k}: {v}" for k, v in (one.get("tags") or {}).items()),
                at=text_of(one.get("timestamp")),
                task_run=text_of(one.get("taskRunId")),
            )
            for place, one in enumerate(page.rows[:100])
        ]
        self.metric_sums = sums_of(page.rows)
        if not self.metric_task:
            self.metric_tasks = sorted({text_of(one.get("taskId")) for one in page.rows} - {""})

    @turns.asks
    async def choose_metric_task(self: Any, task: str) -> None:
        """Only the values of one task."""
        self.metric_task = task
        async with self.api(say("Could not read the metrics")) as api:
            await self._read_metrics(api)

    @rx.event
    async def export_metrics(self: Any) -> None:
        """Download the values as CSV."""
        query = urlencode([("taskId", self.metric_task)] if self.metric_task else [])
        self.download(f"/api/v1/{self.tenant_id}/console/executions/{self.facts.id}/metrics.csv?{query}")


def sums_of(rows: Sequence[Mapping[str, Any]]) -> list[MetricSum]:
    """Return the sum of each metric over its rows, at most 24 in order of names."""
    found: dict[tuple[str, str], list[float]] = {}
    for one in rows:
        try:
            value = float(one.get("value") or 0)
        except (TypeError, ValueError):
            continue
        found.setdefault((text_of(one.get("name")), text_of(one.get("type"))), []).append(value)
    return [
        MetricSum(
            f"{name}/{kind}",
            name,
            measured(kind, sum(values)),
            say("{values} values", values=len(values)) if len(values) > 1 else "",
        )
        for (name, kind), values in sorted(found.items())[:24]
    ]


def measured(kind: Any, value: Any) -> str:
    """Return a metric in words: timers (ms on the wire) as a span, counters with grouped digits."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return text_of(value)
    if text_of(kind) == "timer":
        if number < 1000:
            return say("{number} ms", number=spoken(number, 0))
        return (
            f"{number / 1000:.1f}s" if number < 60_000 else f"{int(number // 60_000)}m {int(number // 1000 % 60):02d}s"
        )
    return f"{number:,.0f}" if number == int(number) else f"{number:,.3f}"
