"""The form that adds a trigger to a flow: written into its source, everything else stays (UI-FP-30)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

import reflex as rx

from app import turns
from app.pages.flows.state import FlowState
from app.pages.flows.trigger_state import TriggersState
from app.words import say
from backend_client import ApiError
from components.button import button
from components.chrome import allowed
from components.dialog import dialog
from components.field import field, form, select, text_input
from components.message import message

KINDS = [
    ("schedule", "A schedule"),
    ("webhook", "A request (webhook)"),
    ("flow", "Another flow"),
    ("other", "Something else"),
]
TYPES = {
    "schedule": "io.kestra.plugin.core.trigger.Schedule",
    "webhook": "io.kestra.plugin.core.trigger.Webhook",
    "flow": "io.kestra.plugin.core.trigger.Flow",
}
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def scalar(text: str) -> str:
    """Return a text as YAML writes it on one line."""
    return text if PLAIN.fullmatch(text) and text.lower() not in WORDS else json.dumps(text, ensure_ascii=False)


def trigger_lines(kind: str, given: Mapping[str, str]) -> list[str]:
    """Return the item of a trigger, its first line with `- `.

    Args:
        given: `id`, and by kind `cron` and `timezone`; `key`; `namespace`, `flow` and `states`; `type` and `more`
            (further properties, a line each).
    """
    lines = [f"- id: {given['id']}", f"  type: {TYPES.get(kind) or given.get('type', '')}"]
    if kind == "schedule":
        lines.append(f"  cron: {json.dumps(given['cron'])}")
        lines += [f"  timezone: {scalar(given['timezone'])}"] if given.get("timezone") else []
    elif kind == "webhook":
        lines.append(f"  key: {scalar(given['key'])}")
    elif kind == "flow":
        lines += ["  preconditions:", "    id: upstream", "    flows:"]
        lines += [f"      - namespace: {scalar(given['namespace'])}", f"        flowId: {scalar(given['flow'])}"]
        lines.append(f"        states: [{given.get('states') or 'SUCCESS'}]")
    else:
        lines += [f"  {line}" for line in given.get("more", "").splitlines() if line.strip()]
    return lines


def with_trigger(source: str, item: list[str]) -> str:
    """Return a flow's source with one more trigger before the others; without any the block is appended."""
    empty = re.search(r"^triggers:[ \t]*(\[[ \t]*\]|null|~)[ \t]*$", source, re.MULTILINE)
    if empty:
        body = "\n".join(f"  {line}" for line in item)
        return f"{source[: empty.start()]}triggers:\n{body}{source[empty.end() :]}"
    found = re.search(r"^triggers:[ \t]*(#.*)?\n(?:[ \t]*(?:#.*)?\n)*([ \t]*)- ", source, re.MULTILINE)
    if found:
        at, indent = found.end() - 2 - len(found[2]), found[2]
        return source[:at] + "\n".join(indent + line for line in item) + "\n" + source[at:]
    body = "\n".join(f"  {line}" for line in item)
    return f"{source.rstrip()}\n\ntriggers:\n{body}\n"


class TriggerFormState(FlowState):
    """What was typed into the form."""

    adding: bool = False
    adding_busy: bool = False
    trigger_kind: str = "schedule"
    given: dict[str, str] = {}
    trigger_fault: str = ""
    trigger_faults: dict[str, str] = {}

    @rx.event
    async def open_form(self):
        """Begin a new trigger."""
        self.adding, self.trigger_kind, self.adding_busy = True, "schedule", False
        self.trigger_fault, self.trigger_faults = "", {}
        self.given = {"id": "", "cron": "0 6 * * *", "key": secrets.token_urlsafe(16), "states": "SUCCESS"}

    @rx.event
    async def close_trigger_form(self):
        """Add nothing."""
        self.adding = False

    @rx.event
    async def choose_kind(self, kind: str):
        """Another kind of trigger."""
        self.trigger_kind, self.trigger_fault, self.trigger_faults = kind, "", {}

    @rx.event
    async def give(self, name: str, text: str):
        """A field was typed into."""
        self.given = {**self.given, name: text}
        self.trigger_faults = {key: value for key, value in self.trigger_faults.items() if key != name}

    def _faults(self) -> dict[str, str]:
        needed = {
            "schedule": ("cron",),
            "webhook": ("key",),
            "flow": ("namespace", "flow"),
            "other": ("type",),
        }[self.trigger_kind]
        found = {name: say("This is needed.") for name in needed if not self.given.get(name, "").strip()}
        if not IDENTIFIER.fullmatch(self.given.get("id", "").strip()):
            found["id"] = say("Letters, digits, _ and -, beginning with a letter or a digit.")
        return found

    @turns.writes
    async def add_trigger(self):
        """Save the flow with the trigger: a new revision."""
        self.trigger_faults, self.trigger_fault = self._faults(), ""
        if self.trigger_faults or self.adding_busy:
            return None
        self.adding_busy = True
        item = trigger_lines(self.trigger_kind, {key: value.strip("\n ") for key, value in self.given.items()})
        try:
            async with self.api(raising=True) as api:
                flow = await api.flows.get(self.flow_ns, self.flow_id)
                text = with_trigger(str(flow.get("source") or ""), item)
                await api.flows.update(self.flow_ns, self.flow_id, text, revision=int(flow.get("revision") or 0))
                self.adding = False
                await self.read_head(api)
                self.toast(say("Trigger added"), say("Revision {flow_revision}", flow_revision=self.flow_revision))
        except ApiError as error:
            details = "; ".join(f"{one.path}: {one.message}" if one.path else one.message for one in error.errors[:5])
            self.trigger_fault = details or error.message
            return None
        finally:
            self.adding_busy = False
        return TriggersState.open_triggers


S: Any = TriggerFormState


def _of_writers(part: rx.Component) -> rx.Component:
    """Nobody who may not change the flow sees it."""
    closed = S.flow_read_only | S.flow_deleted
    return rx.cond(closed, rx.fragment(), allowed(part, needs="FLOW:UPDATE", namespace=S.flow_ns))


def _add(**how: Any) -> rx.Component:
    return button("Add trigger", icon="plus", on_click=S.open_form, test="trigger-add", **how)


def add_button() -> rx.Component:
    """The button that opens the form."""
    return _of_writers(_add(kind="primary"))


def add_bar() -> rx.Component:
    """The same above the triggers that there are, in a bar that is gone with it."""
    return _of_writers(rx.el.div(rx.el.span(class_name="grow"), _add(size="small"), class_name="fb trgbar"))


def _field(name: str, label: str, *, hint: str = "", mono: bool = True, rows: int = 0, place: str = "") -> rx.Component:
    return field(
        label,
        text_input(
            rx.cond(S.given.contains(name), S.given[name], ""),
            lambda text: S.give(name, text),
            label=label,
            placeholder=place,
            mono=mono,
            rows=rows,
            test=f"trigger-{name}",
        ),
        hint=hint,
        error=rx.cond(S.trigger_faults.contains(name), S.trigger_faults[name], ""),
    )


def add_dialog() -> rx.Component:
    """The form."""
    schedule = rx.fragment(
        _field("cron", "Cron", hint="Minute, hour, day, month, weekday; or @hourly, @daily, @weekly."),
        _field("timezone", "Time zone", hint="Empty means that of the server.", place="Europe/Paris"),
    )
    webhook = _field("key", "Key", hint="Part of the address; who knows it can start the flow.")
    flow = rx.fragment(
        _field("namespace", "Namespace", place="company.team"),
        _field("flow", "Flow", place="orders_ingest"),
        _field("states", "When it ends with", hint="States, parted by commas."),
    )
    other = rx.fragment(
        _field("type", "Type", place="io.kestra.plugin.core.http.Trigger"),
        _field("more", "Properties", hint="As YAML, a line each.", rows=5, place="uri: https://…\ninterval: PT5M"),
    )
    fields: Any = rx.match(S.trigger_kind, ("schedule", schedule), ("webhook", webhook), ("flow", flow), other)
    return dialog(
        "Add a trigger",
        form(
            rx.cond(S.trigger_fault != "", message("bad", S.trigger_fault, test="trigger-fault"), rx.fragment()),
            field(
                "What starts the flow",
                select(KINDS, S.trigger_kind, S.choose_kind, label="What starts the flow", test="trigger-kind"),
            ),
            _field("id", "Id", place="every_morning"),
            fields,
        ),
        open=S.adding,
        on_close=S.close_trigger_form,
        footer=[
            rx.el.span("Saved into the source as a new revision.", class_name="sm mut"),
            rx.el.span(class_name="grow"),
            button("Cancel", on_click=S.close_trigger_form),
            button(
                "Add trigger",
                icon="plus",
                kind="primary",
                on_click=S.add_trigger,
                disabled=S.adding_busy,
                primary_of_dialog=True,
                test="trigger-save",
            ),
        ],
        test="trigger-form",
    )
