"""`TriggersState`: the triggers of a flow with their states, switches and backfills (UI-FP-30 to UI-FP-33)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import turns
from app.conditions import pairs_of
from app.pages.flows.state import FlowState, openers
from app.words import say, spoken
from backend_client import ApiError, Client, LogRow, TriggerRow

REALTIME = ("RealtimeTrigger",)
PRESETS = {
    "PT24H": timedelta(hours=24),
    "P7D": timedelta(days=7),
    "P30D": timedelta(days=30),
    "P90D": timedelta(days=90),
}
BARS = 90
LINES = 50
"""Log lines of a trigger in its row."""
BACKFILL_LABEL = "backfill"
"""Label by which the executions of one backfill are told from others; the form offers it, the reader may change it."""


@dataclass(frozen=True)
class TriggerLine:
    """A declared trigger and, where the scheduler keeps one, its state."""

    id: str = ""
    type: str = ""
    short: str = ""
    kind: str = "polling"
    starts: str = ""
    cron: str = ""
    timezone: str = ""
    webhook: str = ""
    about: str = ""
    kept: bool = False
    on: bool = True
    fixed_off: bool = False
    next: str = ""
    next_word: str = ""
    last: str = ""
    updated: str = ""
    execution: str = ""
    worker: str = ""
    locked: bool = False
    backfill: bool = False
    paused: bool = False
    fill_start: str = ""
    fill_end: str = ""
    fill_at: str = ""
    fill_query: str = ""
    """Conditions under which the executions of the backfill are found: its labels, else the trigger."""
    percent: int = 0


def kind_of(cls: str) -> str:
    """Return how a trigger starts: `schedule`, `webhook`, `flow`, `realtime` or `polling`."""
    name = cls.rsplit(".", 1)[-1]
    if cls.endswith("trigger.Flow"):
        return "flow"
    if name == "RealtimeTrigger":
        return "realtime"
    return {"Schedule": "schedule", "ScheduleOnDates": "dates", "Webhook": "webhook"}.get(name, "polling")


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _percent(row: TriggerRow) -> int:
    start, end, at = _instant(row.backfill_start), _instant(row.backfill_end), _instant(row.backfill_current)
    if not start or not end or not at or end <= start:
        return 0
    return max(0, min(100, round((at - start) / (end - start) * 100)))


def line_of(declared: dict[str, Any], row: TriggerRow | None, words: str, flow_disabled: bool) -> TriggerLine:
    """Join what the source declares with what the scheduler keeps."""
    cls = str(declared.get("type") or "")
    kind = kind_of(cls)
    starts = {
        "schedule": words or str(declared.get("cron") or ""),
        "dates": f"on {len(declared.get('dates') or [])} dates",
        "webhook": "on request",
        "flow": "after other flows",
        "realtime": "on every event",
    }.get(
        kind, say("polls every {interval}", interval=str(declared.get("interval") or "PT1M").removeprefix("PT").lower())
    )
    off = bool(declared.get("disabled"))
    line = TriggerLine(
        id=str(declared.get("id") or ""),
        type=cls,
        short=cls.rsplit(".", 1)[-1] if "core" in cls else ".".join(cls.split(".")[-2:]),
        kind=kind,
        starts=starts,
        cron=str(declared.get("cron") or ""),
        timezone=str(declared.get("timezone") or ""),
        webhook=str(declared.get("key") or "") if kind == "webhook" else "",
        about=str(declared.get("description") or ""),
        on=not off,
        fixed_off=off,
        next_word="off" if off or flow_disabled else say("on event") if kind in ("webhook", "flow", "realtime") else "",
    )
    if row is None:
        return line
    return replace(
        line,
        kept=True,
        on=not off and not row.disabled,
        next="" if off or row.disabled or flow_disabled or row.backfill_start else row.next,
        next_word="off"
        if off or row.disabled or flow_disabled
        else "backfilling"
        if row.backfill_start
        else line.next_word,
        last=row.date,
        updated=row.updated,
        execution=row.execution,
        worker=row.worker,
        locked=bool(row.execution or row.locked),
        backfill=bool(row.backfill_start),
        paused=row.backfill_paused,
        fill_start=row.backfill_start,
        fill_end=row.backfill_end,
        fill_at=row.backfill_current,
        fill_query=backfill_query(line.id, row) if row.backfill_start else "",
        percent=_percent(row),
    )


def backfill_query(trigger: str, row: TriggerRow) -> str:
    """Return the conditions of the executions that a backfill made: by its own label, without one by its trigger."""
    own = [one for one in row.backfill_labels if one["key"] == BACKFILL_LABEL] or row.backfill_labels
    conditions = [{"field": "labels", "operator": "EQUALS", "value": f"{one['key']}:{one['value']}"} for one in own]
    return urlencode(
        pairs_of("", conditions or [{"field": "triggerId", "operator": "EQUALS", "value": trigger}]), safe="[],:"
    )


SHOWN_VALUE = 20_000
"""Characters of what a dry run found that the dialog shows."""


@dataclass(frozen=True)
class Trial:
    """What a dry run told; texts as the dialog shows them."""

    found: bool = False
    held: bool = False
    """The conditions of the trigger would have kept it from looking."""
    conditions: str = ""
    error: str = ""
    refused: str = ""
    variables: str = ""
    inputs: str = ""
    labels: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lines: list[dict[str, str]] = field(default_factory=list)
    took: int = 0

    @classmethod
    def of(cls, body: dict[str, Any]) -> Trial:
        """Read the answer of the API."""
        starts = body.get("starts") or {}
        shown = lambda value: json.dumps(value, indent=2, ensure_ascii=False)[:SHOWN_VALUE]  # noqa: E731
        return cls(
            found=bool(body.get("found")),
            held=body.get("conditions") is False,
            conditions=str(body.get("conditionsError") or ""),
            error=str(body.get("error") or ""),
            refused=str(starts.get("error") or ""),
            variables=shown(body["variables"]) if body.get("variables") is not None else "",
            inputs=shown(starts["inputs"]) if starts.get("inputs") else "",
            labels=[{"key": str(one["key"]), "value": str(one["value"])} for one in starts.get("labels") or []],
            warnings=[str(one) for one in starts.get("warnings") or []],
            lines=[
                {
                    "at": datetime.fromtimestamp(int(one["at"]) / 1000, UTC).isoformat(),
                    "level": str(one["level"]),
                    "text": str(one["text"]),
                    "key": str(place),
                }
                for place, one in enumerate(body.get("lines") or [])
            ],
            took=int(body.get("tookMs") or 0),
        )


class TriggersState(FlowState):
    """Triggers of the flow, the chosen one, the backfill being planned."""

    triggers: list[TriggerLine] = []
    triggers_ready: bool = False
    triggers_of: str = ""
    chosen: str = ""
    chosen_line: TriggerLine = TriggerLine()
    chosen_fields: list[str] = []
    chosen_words: str = ""
    chosen_dates: list[str] = []
    chosen_notes: list[str] = []
    chosen_fault: str = ""
    pending: str = ""

    filling: bool = False
    fill_trigger: str = ""
    fill_preset: str = ""
    fill_from: str = ""
    fill_to: str = ""
    fill_labels: str = ""
    fill_inputs: dict[str, str] = {}
    fill_count: int = -1
    fill_done: int = 0
    fill_missing: int = 0
    fill_estimate: int = -1
    fill_parallel: int = 0
    fill_bars: list[dict[str, str]] = []
    fill_fault: str = ""
    fill_busy: bool = False

    asking: str = ""
    asked: str = ""

    trying: str = ""
    try_busy: bool = False
    try_fault: str = ""
    tried: Trial = Trial()
    try_done: bool = False

    lines_for: str = ""
    lines: list[LogRow] = []
    lines_ready: bool = False
    key_shown: bool = False

    @turns.reads
    async def open_triggers(self):
        """Load triggers and states."""
        if self.triggers_of != f"{self.flow_ns}/{self.flow_id}":
            self.triggers, self.triggers_ready, self.chosen = [], False, ""
            self.triggers_of = f"{self.flow_ns}/{self.flow_id}"
        self.filling, self.asking, self.lines_for, self.key_shown = False, "", "", False
        self.trying, self.try_busy = "", False
        async with self.api() as api:
            await self._read(api)
            first = next((one.id for one in self.triggers if one.kind == "schedule"), "")
            if not self.chosen and (first or self.triggers):
                await self._choose(api, first or self.triggers[0].id)
        place = self.query("open")
        if any(one.id == place and one.kind == "schedule" and one.on and not one.backfill for one in self.triggers):
            return TriggersState.plan(place)
        return None

    async def _read(self, api: Client) -> None:
        flow = await api.flows.get(self.flow_ns, self.flow_id, source=False, deleted=self.flow_deleted)
        states = {row.id: row for row in (await api.triggers.of_flow(self.flow_ns, self.flow_id)).rows}
        known = {one.id: one for one in self.triggers}
        lines = []
        for declared in flow.get("triggers") or []:
            if not isinstance(declared, dict):
                continue
            name = str(declared.get("id") or "")
            before, words = known.get(name), ""
            if before is not None and before.cron == str(declared.get("cron") or ""):
                words = before.starts
            elif declared.get("cron"):
                words = (await self._preview(api, declared, 1))[0]
            lines.append(line_of(declared, states.get(name), words, bool(flow.get("disabled"))))
        self.triggers = lines
        self.triggers_ready = True
        self.chosen_line = next((one for one in lines if one.id == self.chosen), TriggerLine())

    async def _preview(
        self, api: Client, declared: dict[str, Any], count: int
    ) -> tuple[str, list[str], list[str], str]:
        body = {
            k: declared[k] for k in ("cron", "timezone", "withSeconds", "conditions") if declared.get(k) is not None
        }
        try:
            answer = await api.console.preview_schedule({**body, "count": count})
        except ApiError as error:
            return "", [], [], error.message
        notes = [str(one.get("text") or "") for one in answer.get("notes") or []]
        return str(answer.get("words") or ""), [str(one) for one in answer.get("dates") or []], notes, ""

    async def _choose(self, api: Client, name: str) -> None:
        self.chosen, self.key_shown = name, False
        self.chosen_line = next((one for one in self.triggers if one.id == name), TriggerLine())
        self.chosen_fields = self.chosen_line.cron.split()
        self.chosen_words, self.chosen_dates, self.chosen_notes, self.chosen_fault = "", [], [], ""
        if self.chosen_line.cron:
            flow = await api.flows.get(self.flow_ns, self.flow_id, source=False, deleted=self.flow_deleted)
            declared = next((one for one in flow.get("triggers") or [] if one.get("id") == name), {})
            found = await self._preview(api, declared, 10)
            self.chosen_words, self.chosen_dates, self.chosen_notes, self.chosen_fault = found

    @turns.asks
    async def choose(self, name: str):
        """Show the details of a trigger."""
        async with self.api(say("Could not read the schedule")) as api:
            await self._choose(api, name)

    @turns.reads
    async def moved(self, change: dict[str, Any]):
        """The server tells of a trigger or an execution of the flow."""
        if self.flow_tab == "triggers" and self.triggers_ready:
            async with self.api(say("Could not refresh the triggers")) as api:
                await self._read(api)
                if self.lines_for:
                    await self._read_lines(api)

    @turns.asks
    async def toggle_lines(self, name: str):
        """Open or close the log of a trigger below its row."""
        self.lines_for = "" if self.lines_for == name else name
        self.lines, self.lines_ready = [], False
        if self.lines_for:
            async with self.api(say("Could not read the log of the trigger")) as api:
                await self._read_lines(api)

    async def _read_lines(self, api: Client) -> None:
        wanted = {"namespace": self.flow_ns, "flowId": self.flow_id, "triggerId": self.lines_for}
        filters = [{"field": key, "operator": "EQUALS", "value": value} for key, value in wanted.items()]
        self.lines = (await api.logs.search(size=LINES, sort="timestamp:desc", filters=filters)).rows
        self.lines_ready = True

    @turns.writes
    async def evaluate(self, name: str):
        """Evaluate a polling trigger now; what it finds starts an execution, what it says stands in its log."""
        async with self.api(say("Could not evaluate the trigger")) as api:
            await api.triggers.evaluate(self.flow_ns, self.flow_id, name)
            self.toast(say("Being evaluated"), name, level="info")
            self.lines_for = name
            await self._read_lines(api)
            await self._read(api)

    # -- dry run ------------------------------------------------------------------------------------------

    @rx.event
    async def ask_try(self, name: str):
        """Say what a dry run does before it is done."""
        self.trying, self.try_busy, self.try_done, self.try_fault = name, False, False, ""

    @rx.event
    async def close_try(self):
        """Close the dry run; an answer that is still to come is dropped."""
        self.trying, self.try_busy = "", False

    @turns.behind
    async def try_out(self):
        """Let the trigger look once and show what it would start; nothing starts (UI-FP-31)."""
        async with self:
            if not self.trying or self.try_busy:
                return
            name, client = self.trying, self._client()
            place = (self.flow_ns, self.flow_id, name)
            self.try_busy, self.try_done, self.try_fault = True, False, ""
        try:
            told = Trial.of(await client.triggers.try_out(*place))
        except ApiError as error:
            async with self:
                if self.trying == name:
                    self.try_fault, self.try_busy = error.message or say("The server did not say why."), False
        else:
            async with self:
                if self.trying == name:
                    self.tried, self.try_done, self.try_busy = told, True, False
        finally:
            await client.close()

    @rx.event
    async def show_key(self):
        """Show or hide the key in the address of the webhook."""
        self.key_shown = not self.key_shown

    def _key(self, name: str) -> dict[str, Any]:
        return {"namespace": self.flow_ns, "flowId": self.flow_id, "triggerId": name}

    @turns.writes
    async def switch_trigger(self, name: str, on: bool):
        """Enable or disable a trigger."""
        self.pending = name
        yield
        async with self.api(say("Could not enable the trigger") if on else say("Could not disable the trigger")) as api:
            await api.triggers.update({**self._key(name), "disabled": not on})
            await self._read(api)
        self.pending = ""

    @turns.writes
    async def restart_trigger(self, name: str):
        """Begin the evaluation anew."""
        async with self.api(say("Could not restart the trigger")) as api:
            await api.triggers.restart(self.flow_ns, self.flow_id, name)
            await self._read(api)
            self.toast(say("Trigger restarted"), name)

    @rx.event
    async def ask(self, action: str, name: str):
        """Ask before `unlock`, `delete` (the state) or `drop` (the backfill)."""
        self.asking, self.asked = action, name

    @rx.event
    async def keep(self):
        """Do nothing."""
        self.asking = ""

    @turns.writes
    async def confirm(self):
        """Do what was asked."""
        action, name, self.asking = self.asking, self.asked, ""
        words = {
            "unlock": say("unlock the trigger"),
            "delete": say("delete the state"),
            "drop": say("delete the backfill"),
        }
        if action not in words:
            return
        async with self.api(say("Could not {words}", words=words[action])) as api:
            if action == "unlock":
                await api.triggers.unlock(self.flow_ns, self.flow_id, name)
            elif action == "delete":
                await api.triggers.delete(self.flow_ns, self.flow_id, name)
            elif action == "drop":
                await api.triggers.backfill("delete", self._key(name))
            await self._read(api)
            self.toast(
                {"unlock": say("Trigger unlocked"), "delete": say("State deleted")}.get(
                    action, say("Backfill deleted")
                ),
                name,
            )

    @rx.event
    async def copy_webhook(self, name: str, with_key: bool):
        """Copy the address that starts the flow, with its key or with a place for it."""
        line = next((one for one in self.triggers if one.id == name), TriggerLine())
        origin = str(self.router.headers.origin or "")
        key = line.webhook if with_key else "{key}"
        self.copy_text(f"{origin}/api/v1/{self.tenant_id}/executions/webhook/{self.flow_ns}/{self.flow_id}/{key}")
        words = (
            say("Who knows it can start the flow.") if with_key else say("Put the key in the place of {key}.", key=key)
        )
        self.toast(say("Address copied"), words, level="info")

    # -- backfill -----------------------------------------------------------------------------------------

    @turns.asks
    async def plan(self, name: str):
        """Open the backfill drawer."""
        self.fill_trigger, self.filling = name, True
        self.fill_inputs, self.fill_fault, self.fill_busy = {}, "", False
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        self.fill_labels = f"{BACKFILL_LABEL}: {name}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        self.fill_preset = "PT24H"
        self.fill_from, self.fill_to = (now - PRESETS["PT24H"]).isoformat(), ""
        await self._count()

    @rx.event
    async def close_plan(self):
        """Close without creating."""
        self.filling = False

    @turns.asks
    async def preset(self, span: str):
        """A range that ends now."""
        self.fill_preset = span
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        self.fill_from, self.fill_to = (now - PRESETS.get(span, PRESETS["PT24H"])).isoformat(), ""
        await self._count()

    @turns.asks
    async def set_from(self, instant: str):
        """Another start."""
        self.fill_from, self.fill_preset = instant, ""
        await self._count()

    @turns.asks
    async def set_to(self, instant: str):
        """Another end; empty means now."""
        self.fill_to, self.fill_preset = instant, ""
        await self._count()

    @rx.event
    async def set_fill_labels(self, text: str):
        """Labels of the executions."""
        self.fill_labels = text

    @rx.event
    async def set_fill_input(self, name: str, value: str):
        """A value for all executions."""
        self.fill_inputs = {**self.fill_inputs, name: value}

    async def _count(self) -> None:
        self.fill_fault, self.fill_count, self.fill_bars = "", -1, []
        if not self.fill_from:
            self.fill_fault = say("A start is needed.")
            return
        try:
            async with self.api(raising=True) as api:
                answer = await api.triggers.count_backfill(
                    self.flow_ns, self.flow_id, self.fill_trigger, start=self.fill_from, end=self.fill_to
                )
        except ApiError as error:
            self.fill_fault = error.message
            return
        if not isinstance(answer, dict):
            return
        self.fill_count = int(answer.get("count") or 0)
        self.fill_done, self.fill_missing = int(answer.get("succeeded") or 0), int(answer.get("failedOrMissing") or 0)
        estimate = answer.get("estimateMs")
        self.fill_estimate = -1 if estimate is None else int(estimate)
        self.fill_parallel = int(answer.get("parallel") or 0)
        series = [one for one in answer.get("series") or [] if isinstance(one, dict)]
        most = max((int(one.get("n") or 0) for one in series), default=1)
        self.fill_bars = [
            {
                "title": f"{one.get('day')}: {one.get('n')}",
                "height": f"{max(8, round(100 * int(one.get('n') or 0) / most))}%",
            }
            for one in series[-BARS:]
        ]

    def _labels(self) -> list[dict[str, str]]:
        found = []
        for part in self.fill_labels.replace("\n", ",").split(","):
            if part.strip():
                key, _, value = part.strip().partition(":")
                found.append({"key": key.strip(), "value": value.strip()})
        return found

    @turns.writes
    async def create_backfill(self):
        """Let the scheduler make the executions."""
        labels = self._labels()
        if any(not one["key"] or not one["value"] for one in labels):
            self.fill_fault = say("A label is key: value.")
            return
        self.fill_busy, self.fill_fault = True, ""
        yield
        backfill: dict[str, Any] = {"start": self.fill_from}
        if self.fill_to:
            backfill["end"] = self.fill_to
        inputs = {k: v for k, v in self.fill_inputs.items() if v != ""}
        if inputs:
            backfill["inputs"] = inputs
        if labels:
            backfill["labels"] = labels
        try:
            async with self.api(raising=True) as api:
                await api.triggers.update({**self._key(self.fill_trigger), "backfill": backfill})
                self.filling = False
                self.toast(
                    say("Backfill started"),
                    say(
                        "{fill_count} executions of {flow_id}", fill_count=spoken(self.fill_count), flow_id=self.flow_id
                    ),
                )
                await self._read(api)
        except ApiError as error:
            details = "; ".join(f"{one.path}: {one.message}" if one.path else one.message for one in error.errors)
            self.fill_fault = details or error.message
        self.fill_busy = False

    @turns.writes
    async def pause_backfill(self, name: str):
        """Make no more executions for now."""
        await self._backfill("pause", name)

    @turns.writes
    async def continue_backfill(self, name: str):
        """Go on with a paused backfill."""
        await self._backfill("unpause", name)

    async def _backfill(self, action: str, name: str) -> None:
        async with self.api(say("Could not change the backfill")) as api:
            await api.triggers.backfill(action, self._key(name))
            await self._read(api)


openers["triggers"] = TriggersState.open_triggers
