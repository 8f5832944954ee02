"""State of the execution page: what the URL asks for, what the API told, which dialog is open (UI-XP)."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes, turns
from app.pages.execution.actions import Actions
from app.pages.execution.facts import Facts, OtherRun, other_runs, small
from app.pages.execution.neighbours import Neighbours
from app.pages.execution.values import Values
from app.pages.flows.editor_state import EditorState
from app.reasons import waits_for
from app.stored_texts import flow_sources
from app.tab import Tab
from app.words import say
from backend_client import ApiError, Client
from backend_client.client import text_of

TABS = ("overview", "gantt", "logs", "topology", "outputs", "metrics", "dependencies", "source")
FRESH_SECONDS = 5.0
"""Going to another tab of the page within this time reads only what that tab shows; the stream tells changes."""
LONGEST_REPAIR = 4000
"""Characters of error messages that the assistant is told."""
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")


class ExecutionState(Actions, Neighbours, Values, Tab):
    """One execution. Rows, lines and graphs are read by the client components; here are facts and choices."""

    facts: Facts = Facts()
    tab_name: str = "gantt"
    run_id: str = ""
    log_line: int = 0
    log_level: str = "INFO"
    own_level: str = "INFO"
    log_folding: str = ""
    log_grouping: str = "time"
    log_total: int = 0
    stream_turn: int = 0
    sources_url: str = ""
    """Where the sources of the flow's revisions lie, up to the number: they do not travel through the state."""

    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    trigger: dict[str, Any] = {}
    has: list[str] = []
    large: list[str] = []

    waiting_text: str = ""
    waiting_kind: str = ""
    waiting_until: str = ""
    waiting_child: str = ""
    source_diff: bool = False
    error_lines: list[dict[str, str]] = []
    error_line_no: int = 0
    error_run: str = ""
    similar: int = 0
    similar_at: str = ""
    may_repair: bool = False
    """A model is configured, and the reader may change the flow that failed."""
    others: list[OtherRun] = []
    median_ms: int = -1
    median_at: str = ""
    children: list[dict[str, str]] = []
    children_total: int = 0
    family_count: str = ""
    latest_revision: int = 0
    flow_gone: bool = False
    flow_disabled: bool = False
    may_create: bool = True
    may_update: bool = True
    may_delete: bool = True
    _read_at: float = 0.0

    # -- loading ------------------------------------------------------------------------------------------

    @turns.reads
    async def load(self):
        """Show what the URL names: execution, tab, chosen task run, line."""
        self.clear()
        self.ask, self.preview_uri = "", ""
        identity = self.arg("exec")
        named = self.arg("tab")
        self.tab_name = named if named in TABS else self.execution_tab
        self.run_id = self.query("taskRun")
        line = self.query("log")
        self.log_line = int(line) if line.isdigit() else 0
        level = self.query("level").upper()
        own = str(self.settings.get("logLevel") or "INFO")
        self.own_level = own if own in LEVELS else "INFO"
        self.log_level = level if level in LEVELS else self.own_level if not self.log_line else "TRACE"
        self.log_folding = str(self.settings.get("logDisplay") or "")
        view = self.query("view")
        self.log_grouping = view if view in ("time", "task", "raw") else "time"
        if identity != self.facts.id:
            self._forget()
            # Shown before the answer: tabs and header never belong to the execution that was left.
            self.facts = Facts(
                id=identity, short_id=identity[:8], namespace=self.arg("ns"), flow=self.arg("flow"), family=identity
            )
            yield
        async with self.api() as api:
            if identity == self.facts.id and time.monotonic() - self._read_at < FRESH_SECONDS:
                await self._read_tab(api)  # another tab of what was just read
                self._open_file()
                return
            await self._read(api, identity)
            self._open_file()
            yield
            await self._read_more(api)

    def _open_file(self) -> None:
        """Show the file that the address names (UI-DG-03); the API says whether the execution has it."""
        place = self.query("open")
        self.preview_uri = place if place.startswith("kestra://") else ""

    def _forget(self) -> None:
        self._read_at = 0.0
        self.facts = Facts()
        self.log_total, self.sources_url = 0, ""
        self.ask, self.pending = "", ""
        self.has, self.large = [], []
        self.error_lines, self.error_line_no, self.error_run, self.similar = [], 0, "", 0
        self.may_repair = False
        self.waiting_text, self.waiting_kind, self.waiting_until = "", "", ""
        self.earlier_place, self.later_place, self.last_success = "", "", ""
        self.source_diff = False
        self.others, self.children, self.children_total = [], [], 0
        self._forget_values()

    async def _read(self, api: Client, identity: str) -> None:
        body = await api.executions.head(identity)
        facts = Facts.of(body)
        if self.pending and facts.state != self.facts.state:
            self.pending = ""
        if facts.id == self.facts.id and self.facts.terminal and not facts.terminal:
            self.stream_turn += 1  # the stream ended with the execution: it is opened anew
        self.facts = facts
        self.may_create = self.may("EXECUTION", "CREATE", facts.namespace)
        self.may_update = self.may("EXECUTION", "UPDATE", facts.namespace)
        self.may_delete = self.may("EXECUTION", "DELETE", facts.namespace)
        found = {name: body.get(name) for name in ("inputs", "outputs", "variables", "trigger")}
        self.has = [name for name, value in found.items() if value]
        self.large = [name for name, value in found.items() if value and not small(value)]
        for name, value in found.items():
            setattr(self, name, value if value and name not in self.large else {})

    async def _read_more(self, api: Client) -> None:
        """What stands beside the facts; a part that can't be read stays empty, the page stays."""
        facts = self.facts
        self._read_at = time.monotonic()
        results = await turns.together(
            self._waiting(api, facts),
            self._error(api, facts),
            self._neighbours(api, facts),
            self._other_runs(api, facts),
            self._children(api, facts),
            self._flow(api, facts),
            self._lines(api, facts),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, ApiError):
                raise result
            if isinstance(result, ApiError) and result.status == 401:
                raise result
        await self._read_tab(api)

    async def _read_tab(self, api: Client) -> None:
        if self.tab_name == "outputs":
            await self._read_levels(api)
            chosen = self.query("run")
            if chosen and chosen != self.shown_run:
                one = await api.executions.task_run(self.facts.id, chosen)
                await self.show_outputs(chosen, text_of(one.get("taskId")), text_of(one.get("value")))
        if self.tab_name == "metrics":
            await self._read_metrics(api)
        if self.tab_name == "source":
            self.sources_url = flow_sources(self.tenant_id, self.facts.namespace, self.facts.flow)

    async def _waiting(self, api: Client, facts: Facts) -> None:
        reason = {} if facts.terminal else (await api.executions.waiting([facts.id])).get(facts.id) or {}
        self.waiting_text = waits_for(reason, dated=True)
        self.waiting_kind = text_of(reason.get("kind"))
        self.waiting_until = text_of(reason.get("until"))
        self.waiting_child = text_of(reason.get("execution"))

    async def _error(self, api: Client, facts: Facts) -> None:
        if facts.state not in {"FAILED", "WARNING"}:
            self.error_lines, self.error_line_no, self.error_run, self.similar = [], 0, "", 0
            self.may_repair = False
            return
        told = await api.executions.errors(facts.id)
        lines = told.get("lines") or []
        self.error_lines = [
            {
                "no": text_of(one.get("no")),
                "at": text_of(one.get("at")),
                "level": text_of(one.get("level")),
                "text": text_of(one.get("text"))[:600],
            }
            for one in lines
        ]
        self.error_line_no = int(lines[-1].get("no") or 0) if lines else 0
        self.error_run = text_of(lines[-1].get("taskRun")) if lines else ""
        similar = told.get("similar") or {}
        self.similar, self.similar_at = int(similar.get("count") or 0), text_of(similar.get("lastAt"))
        may = "copilot" in self.features and self.may("FLOW", "UPDATE", facts.namespace)
        self.may_repair = may and bool(await api.ai.providers())

    async def _other_runs(self, api: Client, facts: Facts) -> None:
        lines = await api.executions.sparklines([(facts.namespace, facts.flow)], runs=12)
        line = lines[0] if lines else {}
        median = line.get("medianMs")
        self.median_ms = int(median) if median is not None else -1
        self.others, self.median_at = other_runs(line.get("runs") or [], self.median_ms)

    async def _children(self, api: Client, facts: Facts) -> None:
        only = [{"field": "triggerExecutionId", "operator": "EQUALS", "value": facts.id}]
        page = await api.executions.search(size=10, filters=only)
        self.children_total = page.total
        kin = [{"field": "labels", "operator": "EQUALS", "value": f"system.correlationId:{facts.family}"}]
        others = (await api.executions.search(size=1, filters=kin)).total - 1
        self.family_count = f"{others + 1}" if others > 0 else ""
        self.children = [
            {"id": row.id, "namespace": row.namespace, "flow": row.flow, "state": row.state} for row in page.rows
        ]

    async def _flow(self, api: Client, facts: Facts) -> None:
        try:
            flow = await api.flows.get(facts.namespace, facts.flow, source=False)
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            self.flow_gone, self.latest_revision = True, facts.revision
            return
        self.flow_gone, self.flow_disabled = False, bool(flow.get("disabled"))
        self.latest_revision = int(flow.get("revision") or facts.revision)

    async def _lines(self, api: Client, facts: Facts) -> None:
        self.log_total = await api.executions.log_total(facts.id)

    @rx.event
    async def show_diff(self) -> None:
        """The source that ran beside the latest one, or alone again (UI-XP-70)."""
        self.source_diff = not self.source_diff

    @rx.event
    async def copy_values(self, name: str) -> None:
        """Copy inputs, outputs, variables or the trigger's data as JSON."""
        if name in ("inputs", "outputs", "variables", "trigger"):
            self.copy_text(json.dumps(getattr(self, name), indent=2, ensure_ascii=False, default=str))

    @rx.event
    async def copy_place(self) -> None:
        """Copy the page's address."""
        self.copy_text(str(self.router.url))

    @rx.event
    async def open_label(self, label: str) -> None:
        """Executions that bear a label."""
        key, _, value = label.partition(":")
        self.navigate(f"{routes.EXECUTIONS}?" + urlencode([(f"filters[labels][EQUALS][{key}]", value)], safe="[]"))

    # -- the stream ---------------------------------------------------------------------------------------

    @turns.reads
    async def follow(self, told: dict[str, Any]):
        """The stream told a change of the execution itself."""
        if told.get("id") != self.facts.id or told.get("state") == self.facts.state:
            return
        async with self.api(say("Could not refresh the execution")) as api:
            await self._read(api, self.facts.id)
            yield
            await self._read_more(api)

    @turns.reads
    async def stream_ended(self, told: dict[str, Any]):
        """The stream ended: one plain read brings the last state and counts (UI-LV-01)."""
        if not self.facts.id or told.get("reason") in ("session", "forbidden"):
            return
        if told.get("reason") == "terminal" and self.facts.terminal:
            return
        async with self.api(say("Could not refresh the execution")) as api:
            await self._read(api, self.facts.id)
            await self._read_more(api)

    # -- choices that stand in the URL ----------------------------------------------------------------------

    def _query_of(self) -> list[tuple[str, str]]:
        pairs = [("taskRun", self.run_id)] if self.run_id else []
        if self.tab_name == "logs":
            pairs += [("log", str(self.log_line))] if self.log_line else []
            pairs += [("level", self.log_level)] if self.log_level != self.own_level else []
            pairs += [("view", self.log_grouping)] if self.log_grouping != "time" else []
        return pairs

    @rx.event
    async def choose_run(self, task_run: str) -> None:
        """A row of the Gantt was chosen; the same once more closes its details."""
        self.run_id = "" if task_run == self.run_id else task_run
        self.replace_url(self._query_of())

    @turns.asks
    async def choose_node(self, task: str) -> None:
        """A node of the topology was chosen: show the newest task run of the task."""
        if not task:
            self.run_id = ""
            return
        async with self.api(say("Could not find the task's run")) as api:
            page = await api.executions.task_runs(self.facts.id, q=task, limit=100)
            runs = [one for one in page["rows"] if one.get("taskId") == task]
            self.run_id = runs[-1]["id"] if runs else ""
            self.replace_url(self._query_of())

    @rx.event
    async def open_node(self, identity: str) -> None:
        """A node was opened: its task run in the Gantt."""
        self._to_tab("gantt", identity)

    @rx.event
    async def close_run(self) -> None:
        """Close the details."""
        self.run_id = ""
        self.replace_url(self._query_of())

    def _to_tab(self, tab: str, task_run: str = "", line: int = 0) -> None:
        place = routes.execution(self.facts.namespace, self.facts.flow, self.facts.id, tab)
        query = "&".join(
            part for part in (f"taskRun={task_run}" if task_run else "", f"log={line}" if line else "") if part
        )
        self.navigate(place + (f"?{query}" if query else ""))

    @rx.event
    async def open_logs(self, task_run: str) -> None:
        """Lines of one task run."""
        self._to_tab("logs", task_run)

    @rx.event
    async def all_lines(self) -> None:
        """Lines of the whole execution."""
        self._to_tab("logs")

    @rx.event
    async def logs_at_error(self) -> None:
        """The last error line within the log."""
        self._to_tab("logs", line=self.error_line_no)

    @rx.event
    async def repair(self) -> None:
        """Open the flow's editor with a repair that the assistant proposes (UI-XP-11)."""
        lines = "\n".join(f"{one['level']} {one['text']}" for one in self.error_lines)
        told = "\n".join(part for part in (self.facts.error_message, lines) if part)[:LONGEST_REPAIR]
        task = self.facts.error_task
        words = (
            say("Task {task} of this flow failed. Repair the flow.", task=task)
            if task
            else say("An execution of this flow failed. Repair the flow.")
        )
        editor = await self.get_state(EditorState)
        editor.repair(self.facts.namespace, self.facts.flow, f"{words}\n\n{told}")
        self.navigate(routes.flow(self.facts.namespace, self.facts.flow, "edit"))

    @rx.event
    async def choose_line(self, number: int) -> None:
        """A line was chosen."""
        self.log_line = number
        self.replace_url(self._query_of())

    @rx.event
    async def choose_view(self, view: dict[str, Any]) -> None:
        """Level or grouping of the log changed."""
        level, grouping = text_of(view.get("level")).upper(), text_of(view.get("grouping"))
        self.log_level = level if level in LEVELS else self.log_level
        self.log_grouping = grouping if grouping in ("time", "task", "raw") else self.log_grouping
        self.replace_url(self._query_of())

    @turns.asks
    async def open_child(self, identity: str) -> None:
        """Go to the execution that a task run started."""
        async with self.api(say("Could not open the subflow's execution")) as api:
            child = Facts.of(await api.executions.head(identity))
            self.navigate(routes.execution(child.namespace, child.flow, child.id, self.tab_name))
