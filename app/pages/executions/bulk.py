"""What one does to many executions: the words, which states allow it, the calls (UI-EX-04, UI-LS-06)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from app.pages.executions.ranges import in_words
from backend_client import ApiError
from backend_client.executions import TERMINAL

TYPED_ABOVE = 100
"""Deleting more than this many asks to type the number (UI-DG-02)."""
LABEL = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._/-]*)\s*[:=]\s*(\S.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Deed:
    """A bulk action.

    Attributes:
        verb: goes before the object in titles; `word` is the button's.
        done: what the toast says of them.
        allows: which states it can be done to.
        reason: why a selection can't have it.
        consequence: what happens, in the confirmation.
    """

    verb: str
    done: str
    allows: Callable[[str], bool]
    reason: str
    consequence: str

    @property
    def word(self) -> str:
        """The button's words."""
        return self.verb.removesuffix(" of")


DEEDS: dict[str, Deed] = {
    "replay": Deed(
        "Replay",
        "replayed",
        lambda s: s in TERMINAL or s == "PAUSED",
        "None of them has ended",
        "Each gets a new execution with the same inputs; the old ones stay as they are.",
    ),
    "restart": Deed(
        "Restart",
        "restarted",
        lambda s: s == "FAILED",
        "None of them has failed",
        "Failed tasks and what follows them run again under the same ids; successful tasks are kept.",
    ),
    "kill": Deed(
        "Kill",
        "being killed",
        lambda s: s not in TERMINAL and s != "KILLING",
        "None of them is running",
        "Running tasks are stopped where they are. Executions that they started as subflows go on.",
    ),
    "pause": Deed(
        "Pause",
        "being paused",
        lambda s: s == "RUNNING",
        "None of them is running",
        "Tasks that run end normally, no new one starts.",
    ),
    "resume": Deed(
        "Resume",
        "resumed",
        lambda s: s == "PAUSED",
        "None of them is paused",
        "They go on without inputs; a pause that requires some is left out.",
    ),
    "unqueue": Deed(
        "Unqueue",
        "taken out of the queue",
        lambda s: s == "QUEUED",
        "None of them is queued",
        "They start now, beyond the concurrency limit of their flows.",
    ),
    "force-run": Deed(
        "Force run",
        "forced to run",
        lambda s: s not in TERMINAL,
        "All of them have ended",
        "They start regardless of limits. A task that runs already may run twice.",
    ),
    "change-status": Deed(
        "Change state of",
        "changed",
        lambda s: s in TERMINAL,
        "None of them has ended",
        "Only the state changes: no task runs again.",
    ),
    "labels": Deed(
        "Set labels of",
        "labelled",
        lambda s: s in TERMINAL,
        "None of them has ended",
        "A key that exists gets the new value, other labels stay.",
    ),
    "delete": Deed(
        "Delete",
        "deleted",
        lambda s: s in TERMINAL,
        "None of them has ended",
        "They and their task runs are gone for good. The flows stay.",
    ),
}


RIGHTS = {"replay": "CREATE", "delete": "DELETE"}
"""What an action needs on executions, where it is not UPDATE."""


def labels_of(text: str) -> tuple[list[dict[str, str]], str]:
    """Return labels written one a line as `key: value`, and the rule that a line breaks."""
    labels: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        match = LABEL.match(line)
        if not match:
            return [], f"'{line.strip()}' is not written as key: value."
        if match.group(1).startswith("system."):
            return [], "Keys that begin with system. are set by the system only."
        labels[match.group(1)] = match.group(2)
    if not labels:
        return [], "Write at least one label as key: value."
    return [{"key": k, "value": v} for k, v in labels.items()], ""


class BulkActions(rx.State, mixin=True):
    """The confirmation that is open and what it was chosen for."""

    deed: str = ""
    deed_title: str = ""
    deed_text: str = ""
    deed_note: str = ""
    deed_button: str = ""
    deed_error: str = ""
    deed_busy: bool = False
    deed_ids: list[str] = []
    deed_count: int = 0
    deed_blocked: bool = False
    typed: str = ""
    label_text: str = ""
    new_status: str = "SUCCESS"
    latest: bool = False
    with_logs: bool = True
    with_metrics: bool = True
    with_files: bool = True
    allowed: list[str] = []
    rights: list[str] = []
    selection_note: str = ""

    _states: dict[str, str] = {}
    _flows: dict[str, str] = {}

    def _judge(self: Any) -> None:
        """Learn which actions the selection allows and what its rows have in common."""
        states = [self._states.get(one, "") for one in self.selected]
        held = {name: self.may("EXECUTION", RIGHTS.get(name, "UPDATE")) for name in DEEDS}
        self.rights = [name for name in DEEDS if held[name]]
        self.allowed = [
            name
            for name, deed in DEEDS.items()
            if held[name] and (self.select_everything or any(map(deed.allows, states)))
        ]
        kinds, flows = set(states), {self._flows.get(one, "") for one in self.selected}
        common = (
            f"all {next(iter(kinds)).capitalize()}" if len(kinds) == 1 and "" not in kinds else f"{len(kinds)} states"
        )
        self.selection_note = f"{common}, {len(flows)} {'flow' if len(flows) == 1 else 'flows'}" if states else ""

    @rx.event
    async def ask(self: Any, name: str, identity: str) -> None:
        """Open the confirmation of an action, for one row or (empty `identity`) for the selection."""
        deed = DEEDS.get(name)
        if deed is None:
            return
        everything = self.select_everything and not identity
        chosen = [identity] if identity else list(self.selected)
        usable = [one for one in chosen if deed.allows(self._states.get(one, ""))]
        self.deed, self.deed_ids, self.deed_error, self.deed_busy = name, usable, "", False
        self.deed_count = int(self.total) if everything else len(usable)
        self.typed, self.latest = "", False
        self.with_logs = self.with_metrics = self.with_files = True
        left = 0 if everything else len(chosen) - len(usable)
        noun = "execution" if self.deed_count == 1 else "executions"
        self.deed_title = f"{deed.verb} {self.deed_count:,} {noun}"
        if len(usable) == 1 and not everything:
            flow = self._flows.get(usable[0], "").rsplit("/", 1)[-1]
            self.deed_title = f"{deed.verb} {flow} {usable[0][:8]}"
        self.deed_text = deed.consequence
        notes = []
        if everything:
            told = in_words(self.search_text, self.filters)
            notes.append(f"All that match {told}." if told else "All executions of this tenant.")
            notes.append("Those whose state does not allow it are left out.")
        elif left:
            notes.append(f"{left} of the {len(chosen)} selected stay as they are: their state does not allow it.")
        self.deed_note = " ".join(notes)
        self.deed_button = (
            f"{deed.verb} {self.deed_count:,} {noun}" if self.deed_count != 1 else f"{deed.verb} execution"
        )
        if name not in ("replay", "restart", "kill", "pause", "resume", "delete"):
            self.deed_button = deed.word
        self.deed_blocked = name == "delete" and self.deed_count > TYPED_ABOVE

    @rx.event
    async def forget_deed(self: Any) -> None:
        """Close the confirmation."""
        self.deed, self.deed_error = "", ""

    @rx.event
    async def type_count(self: Any, text: str) -> None:
        """The number was typed."""
        self.typed = text
        self.deed_blocked = text.replace(",", "").strip() != str(self.deed_count)

    @rx.event
    async def write_labels(self: Any, text: str) -> None:
        """Labels were typed."""
        self.label_text, self.deed_error = text, ""

    @rx.event
    async def set_status(self: Any, state: str) -> None:
        """Another target state."""
        self.new_status = state

    @rx.event
    async def mark(self: Any, name: str, on: bool) -> None:
        """A box of the confirmation."""
        if name in {"latest", "with_logs", "with_metrics", "with_files"}:
            setattr(self, name, on)

    def _parameters(self: Any) -> dict[str, Any]:
        match self.deed:
            case "delete":
                return {
                    "deleteLogs": self.with_logs,
                    "deleteMetrics": self.with_metrics,
                    "deleteStorage": self.with_files,
                }
            case "change-status":
                return {"newStatus": self.new_status}
            case "replay":
                return {"latestRevision": self.latest}
            case "unqueue":
                return {"state": "RUNNING", "newState": "RUNNING"}
            case _:
                return {}

    @rx.event
    async def carry_out(self: Any):
        """Do it to the chosen executions, then read the list anew."""
        name, ids = self.deed, list(self.deed_ids)
        deed = DEEDS.get(name)
        if deed is None or self.deed_busy:
            return
        labels: list[dict[str, str]] = []
        if name == "labels":
            labels, self.deed_error = labels_of(self.label_text)
            if self.deed_error:
                return
        everything = self.deed_count != len(ids)
        self.deed_busy = True
        yield
        try:
            async with self.api(raising=True) as api:
                text, conditions = self.search_text, self.filters
                if name == "labels" and everything:
                    count = await api.executions.bulk_labels_by_query(labels, query=text, filters=conditions)
                elif name == "labels":
                    count = await api.executions.bulk_labels(ids, labels)
                elif everything:
                    more = self._parameters()
                    count = await api.executions.bulk_by_query(name, query=text, filters=conditions, **more)
                else:
                    count = await api.executions.bulk(name, ids, **self._parameters())
                left = self.deed_count - count
                self.deed, self.selected, self.select_everything = "", [], False
                noun = "execution" if count == 1 else "executions"
                rest = f"{left:,} left out: their state does not allow it." if left > 0 else ""
                self.toast(f"{count:,} {noun} {deed.done}", rest, level="warning" if left > 0 else "success")
                await self._fetch(api)
        except ApiError as error:
            details = "; ".join(dict.fromkeys(f"{one.path} {one.message}".strip() for one in error.errors[:5]))
            asked = f" (request {error.request_id})" if error.request_id else ""
            self.deed_error = error.message + (f": {details}" if details else "") + asked
        finally:
            self.deed_busy = False
