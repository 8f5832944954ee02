"""What one does to many executions: the words, which states allow it, the calls (UI-EX-04, UI-LS-06)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from app import turns
from app.conditions import in_words
from app.rights import permitted, shortfall
from app.words import say, say_count, spoken, state_word
from app.work import Outcome, Work, carry_out, failures_of, slices
from backend_client import Client
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
        "They leave the queue; those that run exceed the concurrency limit of their flows.",
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


def right_of(name: str) -> str:
    """The right to an action."""
    return f"EXECUTION:{RIGHTS.get(name, 'UPDATE')}"


def labels_of(text: str) -> tuple[list[dict[str, str]], str]:
    """Return labels written one a line as `key: value`, and the rule that a line breaks."""
    labels: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        match = LABEL.match(line)
        if not match:
            return [], say("'{line}' is not written as key: value.", line=line.strip())
        if match.group(1).startswith("system."):
            return [], say("Keys that begin with system. are set by the system only.")
        labels[match.group(1)] = match.group(2)
    if not labels:
        return [], say("Write at least one label as key: value.")
    return [{"key": k, "value": v} for k, v in labels.items()], ""


class BulkActions(rx.State, mixin=True):
    """The confirmation that is open and what it was chosen for."""

    deed: str = ""
    deed_title: str = ""
    deed_text: str = ""
    deed_note: str = ""
    deed_button: str = ""
    deed_error: str = ""
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
    unqueue_to: str = "RUNNING"

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
            say("all {kinds}", kinds=state_word(next(iter(kinds))))
            if len(kinds) == 1 and "" not in kinds
            else say("{kinds} states", kinds=len(kinds))
        )
        self.selection_note = (
            f"{common}, {say_count(len(flows), '{n} flow', '{n} flows', n=len(flows))}" if states else ""
        )

    @rx.event
    async def ask(self: Any, name: str, identity: str) -> None:
        """Open the confirmation of an action, for one row or (empty `identity`) for the selection."""
        deed = DEEDS.get(name)
        if deed is None:
            return
        everything = self.select_everything and not identity
        chosen = [identity] if identity else list(self.selected)
        suited = [one for one in chosen if deed.allows(self._states.get(one, ""))]
        right = f"EXECUTION:{RIGHTS.get(name, 'UPDATE')}"
        usable = permitted(
            self.permissions, right, {one: self._flows.get(one, "").rpartition("/")[0] for one in suited}
        )
        self.deed, self.deed_ids, self.deed_error = name, usable, ""
        self.deed_count = int(self.total) if everything else len(usable)
        self.typed, self.latest = "", False
        self.with_logs = self.with_metrics = self.with_files = True
        left = 0 if everything else len(chosen) - len(suited)
        self.deed_title = about(deed, self.deed_count)
        if len(usable) == 1 and not everything:
            flow = self._flows.get(usable[0], "").rsplit("/", 1)[-1]
            self.deed_title = say("{verb} {flow} {id}", verb=say(deed.verb), flow=flow, id=usable[0][:8])
        self.deed_text = say(deed.consequence)
        notes = []
        if everything:
            told = in_words(self.search_text, self.filters)
            notes.append(say("All that match {told}.", told=told) if told else say("All executions of this tenant."))
            notes.append(say("Those whose state does not allow it are left out."))
        elif left:
            notes.append(
                say(
                    "{left} of the {chosen} selected stay as they are: their state does not allow it.",
                    left=left,
                    chosen=len(chosen),
                )
            )
        if not everything:
            notes.append(shortfall(len(usable), len(suited), right))
        self.deed_note = " ".join(filter(None, notes))
        self.deed_button = (
            about(deed, self.deed_count) if self.deed_count != 1 else say("{verb} execution", verb=say(deed.verb))
        )
        if name not in ("replay", "restart", "kill", "pause", "resume", "delete"):
            self.deed_button = say(deed.word)
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
    async def set_unqueue_to(self: Any, state: str) -> None:
        """Which state taken-out executions get."""
        self.unqueue_to = state

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
                return {"state": self.unqueue_to, "newState": self.unqueue_to}
            case _:
                return {}

    @turns.behind
    async def carry_out(self: Any):
        """Do it to the chosen executions behind the page, then read the list anew."""
        async with self:
            name, ids, count = self.deed, list(self.deed_ids), self.deed_count
            if name not in DEEDS:
                return
            labels: list[dict[str, str]] = []
            if name == "labels":
                labels, self.deed_error = labels_of(self.label_text)
                if self.deed_error:
                    return
            text, conditions, more = self.search_text, self.conditions(), self._parameters()
            self.deed, self.selected, self.select_everything = "", [], False
        everything = count != len(ids)
        deed = DEEDS[name]

        async def of_some(api: Client, part: list[str]) -> Outcome:
            if name == "labels":
                return Outcome(await api.executions.bulk_labels(part, labels))
            return told(await api.executions.bulk_told(name, part, **more), len(part))

        async def of_all(api: Client, _part: list[str]) -> Outcome:
            if name == "labels":
                done = await api.executions.bulk_labels_by_query(labels, query=text, filters=conditions)
                return Outcome(done, skipped=max(0, count - done))
            return told(await api.executions.bulk_by_query_told(name, query=text, filters=conditions, **more), count)

        await carry_out(
            self,
            Work(
                about(deed, count),
                lambda n: say_count(
                    n, "{n} execution {done}", "{n} executions {done}", n=spoken(n), done=say(deed.done)
                ),
                parts=[[]] if everything else slices(ids),
                step=of_all if everything else of_some,
                total=count,
                skipped=say("their state does not allow it"),
            ),
        )
        async with self:
            stays = not self.deed and not self.selected
        if stays:
            yield self.__class__.load


def about(deed: Deed, count: int) -> str:
    """Return what is done to how many executions: *Kill 12 executions*."""
    return say_count(count, "{verb} {n} execution", "{verb} {n} executions", verb=say(deed.verb), n=spoken(count))


def told(answer: dict[str, Any], asked: int) -> Outcome:
    """Return what a bulk call says of the executions that it was asked for."""
    done, failed = int(answer.get("count") or 0), failures_of(answer.get("failures") or [])
    return Outcome(done, failed, max(0, asked - done - len(failed)))
