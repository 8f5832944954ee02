"""Outputs, the expression box, file previews and metrics of the execution page (UI-XP-50, UI-XP-51, UI-XP-60)."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend_client import ApiError
from backend_client.client import text_of

KEPT_EXPRESSIONS = 20
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
    evaluated: str = ""
    evaluation_failed: bool = False
    evaluating: bool = False
    expressions: list[str] = []
    preview_uri: str = ""
    preview_text: str = ""
    preview_problem: str = ""
    preview_note: str = ""
    preview_columns: list[str] = []
    preview_rows: list[list[str]] = []
    metric_rows: list[MetricRow] = []
    metric_total: int = 0

    def _forget_values(self: Any) -> None:
        self.level_rows, self.level_path, self.level_text = [], [], ""
        self.shown_run, self.shown_root = "", "outputs"
        self.evaluated, self.evaluation_failed, self.preview_uri = "", False, ""
        self.metric_rows, self.metric_total = [], 0

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

    @rx.event
    async def find_output(self: Any, text: str) -> None:
        """Look for a task over all levels."""
        self.level_text, self.level_after = text.strip(), ""
        async with self.api("Could not read the task runs") as api:
            await self._read_levels(api)

    @rx.event
    async def open_level(self: Any, task_run: str, word: str) -> None:
        """Show what runs below a group."""
        self.level_path = [*self.level_path, {"id": task_run, "word": word}]
        self.level_text, self.level_after = "", ""
        async with self.api("Could not read the task runs") as api:
            await self._read_levels(api)

    @rx.event
    async def close_level(self: Any, depth: int) -> None:
        """Go back up."""
        self.level_path = self.level_path[: max(0, depth)]
        self.level_text, self.level_after = "", ""
        async with self.api("Could not read the task runs") as api:
            await self._read_levels(api)

    @rx.event
    async def next_level_page(self: Any) -> None:
        """The next task runs of the level."""
        async with self.api("Could not read the task runs") as api:
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

    @rx.event
    async def put_expression(self: Any, text: str) -> None:
        """The expression was typed."""
        self.expression = text

    @rx.event
    async def evaluate(self: Any):
        """Render the expression in the execution's or the task run's scope."""
        text = self.expression.strip()
        if not text:
            return
        self.evaluating = True
        yield
        try:
            async with self.api(raising=True) as api:
                answer = await api.executions.evaluate(self.facts.id, text, self.shown_run)
                problem = text_of(answer.get("error"))
                self.evaluation_failed = bool(problem)
                self.evaluated = problem or pretty(answer.get("result"))
                self.expressions = [text, *(one for one in self.expressions if one != text)][:KEPT_EXPRESSIONS]
        except ApiError as error:
            self.evaluation_failed = True
            self.evaluated = error.message + (f" (request {error.request_id})" if error.request_id else "")
        self.evaluating = False

    @rx.event
    async def evaluate_text(self: Any, text: str):
        """Enter in the box: render what stands there now."""
        self.expression = text
        return type(self).evaluate

    @rx.event
    async def recall(self: Any, text: str) -> None:
        """An earlier expression again."""
        self.expression = text

    # -- files ----------------------------------------------------------------------------------------------------

    @rx.event
    async def preview(self: Any, uri: str):
        """Show the first rows of a file of internal storage."""
        self.preview_uri, self.preview_text, self.preview_problem, self.preview_note = uri, "", "", ""
        self.preview_columns, self.preview_rows = [], []
        yield
        try:
            async with self.api(raising=True) as api:
                found = await api.executions.preview(self.facts.id, uri, rows=100)
        except ApiError as error:
            self.preview_problem = error.message
            return
        content = found.get("content")
        self.preview_note = "Only the first 100 rows are shown." if found.get("truncated") else ""
        if isinstance(content, list) and content and all(isinstance(one, dict) for one in content):
            columns = list(dict.fromkeys(key for one in content for key in one))[:40]
            self.preview_columns = [str(one) for one in columns]
            self.preview_rows = [[text_of(one.get(name))[:200] for name in columns] for one in content[:100]]
        elif text_of(found.get("extension")).lower() in ("csv", "tsv") and isinstance(content, str):
            self.preview_columns, self.preview_rows = table_of(content, text_of(found.get("extension")).lower())
        else:
            self.preview_text = content if isinstance(content, str) else json.dumps(content, indent=2, default=str)
            self.preview_text = self.preview_text[:100_000]

    @rx.event
    async def close_preview(self: Any) -> None:
        """Close the preview."""
        self.preview_uri = ""

    @rx.event
    async def download_file(self: Any) -> None:
        """Download the previewed file."""
        from urllib.parse import quote

        self.download(
            f"/api/v1/{self.tenant_id}/executions/{self.facts.id}/file?path={quote(self.preview_uri, safe='')}"
        )

    # -- metrics --------------------------------------------------------------------------------------------------

    async def _read_metrics(self: Any, api: Any) -> None:
        page = await api.executions.metrics(self.facts.id)
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
            for place, one in enumerate(page.rows)
        ]


def table_of(text: str, kind: str) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the first lines of a CSV or TSV; at most 40 columns and 100 rows."""
    found = list(csv.reader(io.StringIO(text), delimiter="\t" if kind == "tsv" else ","))
    if not found:
        return [], []
    width = min(40, len(found[0]))
    rows = [[cell[:200] for cell in (row + [""] * width)[:width]] for row in found[1:101]]
    return [cell[:200] or f"column {place + 1}" for place, cell in enumerate(found[0][:width])], rows


def measured(kind: Any, value: Any) -> str:
    """Return a metric in words: timers (ms on the wire) as a span, counters with grouped digits."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return text_of(value)
    if text_of(kind) == "timer":
        if number < 1000:
            return f"{number:.0f} ms"
        return (
            f"{number / 1000:.1f}s" if number < 60_000 else f"{int(number // 60_000)}m {int(number // 1000 % 60):02d}s"
        )
    return f"{number:,.0f}" if number == int(number) else f"{number:,.3f}"


def pretty(value: Any) -> str:
    """Return a result as text; JSON is indented."""
    if not isinstance(value, str):
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    text = value.strip()
    if text[:1] in "{[":
        try:
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except ValueError:
            return value
    return value
