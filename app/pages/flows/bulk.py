"""What one does to many flows beside switching and deleting: labels, another namespace, a run (UI-FL-05, UI-LS-06).

Each begins with a look: flow by flow, what would happen. The work itself runs behind the page; what failed stands in
a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import reflex as rx

from app import turns
from app.pages.executions.bulk import labels_of
from app.pages.flows.trigger_form import scalar
from app.rights import permitted, shortfall
from app.words import say, say_count
from app.work import Failure, Outcome, Work, carry_out
from backend_client import Client
from components.button import button
from components.dialog import dialog
from components.field import field, form, text_input
from components.message import message

MOST = 1000
"""Flows that one work takes; more are done in several."""
LOOKED_AT = 50
"""Flows whose inputs are read for the look before a run."""
SHOWN = 200
NAMESPACE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]*(\.[a-zA-Z0-9_-]+)*")
RIGHTS = {"labels": "FLOW:UPDATE", "move": "FLOW:DELETE", "run": "EXECUTION:CREATE"}
BLOCK = re.compile(r"^labels:[^\n]*\n(?:(?:[ \t]+[^\n]*|-[^\n]*|[ \t]*)\n)*", re.MULTILINE)


def changed_labels(
    present: Sequence[Mapping[str, str]], add: Sequence[Mapping[str, str]], remove: Sequence[str]
) -> dict[str, str]:
    """Return labels after some were set and others taken away, in their order."""
    held = {one["key"]: one["value"] for one in present if one["key"] not in remove}
    return held | {one["key"]: one["value"] for one in add}


def relabelled(source: str, labels: Mapping[str, str]) -> str:
    """Return a flow's source with these labels; only the block of the labels is written anew.

    Raises:
        ValueError: the source is not written as a block.
    """
    lines = [f"  {scalar(key)}: {scalar(value)}" for key, value in labels.items()]
    block = "labels:\n" + "\n".join(lines) + "\n" if lines else ""
    text = source if source.endswith("\n") else source + "\n"
    found = BLOCK.search(text)
    if found:
        rest = re.match(r"(?:[^\n]*\n)*?((?:[ \t]*\n)*)$", found[0])
        return text[: found.start()] + block + (rest[1] if rest and block else "") + text[found.end() :]
    place = re.search(r"^namespace:[^\n]*\n", text, re.MULTILINE)
    if place is None:
        raise ValueError(say("the source is not written as a block"))
    return text[: place.end()] + block + text[place.end() :]


def moved(source: str, namespace: str) -> str:
    """Return a flow's source with another namespace.

    Raises:
        ValueError: the source names no namespace on a line of its own.
    """
    text, n = re.subn(
        r"^(namespace:[ \t]*)\S[^#\n]*?([ \t]*(?:#[^\n]*)?)$", rf"\g<1>{namespace}\g<2>", source, count=1, flags=re.M
    )
    if not n:
        raise ValueError(say("the source names its namespace on no line of its own"))
    return text


def inputs_of(text: str) -> tuple[dict[str, str], str]:
    """Return inputs written one a line as `id: value`, and the line that is none."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or not re.fullmatch(r"\s*[A-Za-z0-9][A-Za-z0-9_.-]*\s*", name):
            return {}, say("'{line}' is not written as id: value.", line=line.strip())
        found[name.strip()] = value.strip()
    return found, ""


def lacking(declared: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> list[str]:
    """Return the inputs that a flow requires and nobody gives."""
    return [
        str(one.get("id"))
        for one in declared
        if one.get("required") is not False and one.get("defaults") is None and str(one.get("id")) not in given
    ]


class FlowDeeds(rx.State, mixin=True):
    """The deed that is open, what was typed, and what would become of each flow."""

    deed: str = ""
    deed_fault: str = ""
    deed_note: str = ""
    deed_add: str = ""
    deed_remove: str = ""
    deed_space: str = ""
    deed_inputs: str = ""
    deed_rows: list[dict[str, str]] = []
    deed_count: int = 0
    deed_more: int = 0

    _deed_keys: list[str] = []
    _deed_labels: dict[str, list[dict[str, str]]] = {}
    _deed_declared: dict[str, list[dict[str, Any]]] = {}
    _deed_taken: list[str] = []

    @turns.opens
    async def ask_deed(self: Any, name: str) -> None:
        """Open a deed for the selection, or for all that match."""
        if name not in RIGHTS:
            return
        self.deed_add = self.deed_remove = self.deed_space = self.deed_inputs = self.deed_fault = ""
        self._deed_labels, self._deed_declared, self._deed_taken = {}, {}, []
        async with self.api(say("Could not read the flows")) as api:
            rows = await self._meant(api)
            places = {row.key: row.namespace for row in rows}
            self._deed_keys = permitted(self.permissions, RIGHTS[name], places)
            self.deed_note = shortfall(len(self._deed_keys), len(places), RIGHTS[name])
            self._deed_labels = {row.key: row.labels for row in rows}
            self.deed_count, self.deed_more = len(self._deed_keys), max(0, len(self._deed_keys) - SHOWN)
            if not self._deed_keys:
                self.toast(say("Nothing to do"), self.deed_note, level="warning")
                return
            if name == "run":
                await self._read_inputs(api)
            self.deed = name
            self._look()

    async def _meant(self: Any, api: Client) -> list[Any]:
        """The chosen flows, or all that match, as the API tells them."""
        if not self.select_everything:
            found = {}
            for at in range(0, len(self.selected), 100):
                part = self.selected[at : at + 100]
                ids = ",".join(sorted({key.partition("/")[2] for key in part}))
                spaces = ",".join(sorted({key.partition("/")[0] for key in part}))
                filters = [
                    {"field": "flowId", "operator": "IN", "value": ids},
                    {"field": "namespace", "operator": "IN", "value": spaces},
                ]
                found |= {row.key: row for row in (await api.flows.search(size=1000, filters=filters)).rows}
            return [found[key] for key in self.selected if key in found]
        rows: list[Any] = []
        while len(rows) < MOST:
            page = await api.flows.search(
                page=len(rows) // 100 + 1, size=100, sort="id:asc", query=self.search_text, filters=self.conditions()
            )
            rows += page.rows
            if len(rows) >= page.total or not page.rows:
                break
        return rows[:MOST]

    async def _read_inputs(self: Any, api: Client) -> None:
        for key in self._deed_keys[:LOOKED_AT]:
            namespace, _, flow_id = key.partition("/")
            flow = await api.flows.get(namespace, flow_id, source=False)
            declared = [dict(one) for one in flow.get("inputs") or [] if isinstance(one, dict)]
            self._deed_declared = {**self._deed_declared, key: declared}

    @rx.event
    async def forget_deed(self: Any) -> None:
        """Do nothing."""
        self.deed = ""

    @turns.asks
    async def write_deed(self: Any, name: str, text: str) -> None:
        """Something was typed: the look follows."""
        if name not in ("deed_add", "deed_remove", "deed_space", "deed_inputs"):
            return
        setattr(self, name, text)
        self.deed_fault = ""
        if name == "deed_space" and NAMESPACE.fullmatch(text.strip()):
            async with self.api(say("Could not read the namespace")) as api:
                filters = [{"field": "namespace", "operator": "IN", "value": text.strip()}]
                self._deed_taken = [row.id for row in (await api.flows.search(size=1000, filters=filters)).rows]
        self._look()

    def _removed(self: Any) -> list[str]:
        return [one for one in re.split(r"[\s,]+", self.deed_remove.strip()) if one]

    def _look(self: Any) -> None:
        """Say what would become of each flow."""
        notes = {
            "labels": self._look_at_labels,
            "move": self._look_at_move,
            "run": self._look_at_run,
        }[self.deed or "labels"]()
        self.deed_rows = [
            {"key": key, "note": note, "bad": "1" if bad else ""} for key, (note, bad) in list(notes.items())[:SHOWN]
        ]

    def _look_at_labels(self: Any) -> dict[str, tuple[str, bool]]:
        add = labels_of(self.deed_add)[0] if self.deed_add.strip() else []
        found = {}
        for key in self._deed_keys:
            before = {one["key"]: one["value"] for one in self._deed_labels.get(key, [])}
            after = changed_labels(self._deed_labels.get(key, []), add, self._removed())
            words = [f"+ {k}: {v}" for k, v in after.items() if before.get(k) != v]
            words += [f"− {k}" for k in before if k not in after]
            found[key] = (", ".join(words) or say("unchanged"), False)
        return found

    def _look_at_move(self: Any) -> dict[str, tuple[str, bool]]:
        space, found, seen = self.deed_space.strip(), {}, set()
        for key in self._deed_keys:
            namespace, _, flow_id = key.partition("/")
            if not space:
                found[key] = ("", False)
            elif namespace == space:
                found[key] = (say("is there already"), False)
            elif flow_id in self._deed_taken or flow_id in seen:
                found[key] = (say("a flow of this id is there"), True)
            else:
                found[key] = (f"→ {space}/{flow_id}", False)
            seen.add(flow_id)
        return found

    def _look_at_run(self: Any) -> dict[str, tuple[str, bool]]:
        given, found = inputs_of(self.deed_inputs)[0], {}
        for key in self._deed_keys:
            declared = self._deed_declared.get(key)
            if declared is None:
                found[key] = (say("its inputs are checked when it starts"), False)
                continue
            missing = lacking(declared, given)
            taken = [name for name in given if name in {str(one.get("id")) for one in declared}]
            words = say("takes {names}", names=", ".join(taken)) if taken else say("with its defaults")
            found[key] = (say("needs {names}", names=", ".join(missing)), True) if missing else (words, False)
        return found

    @turns.behind
    async def carry_out_deed(self: Any):
        """Do it behind the page, flow by flow."""
        async with self:
            name, keys = self.deed, list(self._deed_keys)
            work, self.deed_fault = self._work(name, keys)
            if work is None:
                return
            self.deed, self.selected, self.select_everything = "", [], False
        await carry_out(self, work)
        yield self.__class__.load

    def _work(self: Any, name: str, keys: list[str]) -> tuple[Work[str] | None, str]:
        """The work of a deed, or why what was typed will not do."""
        count = len(keys)
        if name == "labels":
            add, fault = labels_of(self.deed_add) if self.deed_add.strip() else ([], "")
            remove = self._removed()
            if fault or not (add or remove):
                return None, fault or say("Write labels to set, or keys to remove.")

            async def step(api: Client, key: str) -> Outcome:
                return await _rewritten(api, key, lambda flow, text: _labelled(flow, text, add, remove))

            doing = say_count(count, "Labelling 1 flow", "Labelling {n} flows", n=count)
            done = lambda n: say_count(n, "1 flow labelled", "{n} flows labelled", n=n)  # noqa: E731
        elif name == "move":
            space = self.deed_space.strip()
            if not NAMESPACE.fullmatch(space):
                return None, say("A namespace, like company.team.")

            async def step(api: Client, key: str) -> Outcome:
                return await _moved(api, key, space)

            doing = say_count(count, "Moving 1 flow", "Moving {n} flows", n=count)
            done = lambda n: say_count(n, "1 flow moved", "{n} flows moved", n=n)  # noqa: E731
        else:
            given, fault = inputs_of(self.deed_inputs)
            if fault:
                return None, fault

            async def step(api: Client, key: str) -> Outcome:
                return await _run(api, key, given)

            doing = say_count(count, "Starting 1 flow", "Starting {n} flows", n=count)
            done = lambda n: say_count(n, "1 execution started", "{n} executions started", n=n)  # noqa: E731
        return Work(doing, done, parts=keys, step=step, total=count), ""


def _labelled(flow: Mapping[str, Any], text: str, add: Sequence[Mapping[str, str]], remove: Sequence[str]) -> str:
    given = flow.get("labels") or {}
    pairs = given.items() if isinstance(given, Mapping) else ((one.get("key"), one.get("value")) for one in given)
    present = [{"key": str(k), "value": v if isinstance(v, str) else json.dumps(v)} for k, v in pairs]
    after = changed_labels(present, add, remove)
    return text if after == {one["key"]: one["value"] for one in present} else relabelled(text, after)


async def _rewritten(api: Client, key: str, change: Any) -> Outcome:
    """Save a flow's changed source over the revision that was read."""
    namespace, _, flow_id = key.partition("/")
    flow = await api.flows.get(namespace, flow_id)
    text = str(flow.get("source") or "")
    try:
        after = change(flow, text)
    except ValueError as error:
        return Outcome(failed=[Failure(key, str(error))])
    if after == text:
        return Outcome(skipped=1)
    await api.flows.update(namespace, flow_id, after, revision=int(flow.get("revision") or 0))
    return Outcome(1)


async def _moved(api: Client, key: str, space: str) -> Outcome:
    """Copy a flow into another namespace, then delete it where it was."""
    namespace, _, flow_id = key.partition("/")
    if namespace == space:
        return Outcome(skipped=1)
    text = str((await api.flows.get(namespace, flow_id)).get("source") or "")
    try:
        after = moved(text, space)
    except ValueError as error:
        return Outcome(failed=[Failure(key, str(error))])
    await api.flows.create(after)
    await api.flows.delete(namespace, flow_id)
    return Outcome(1)


async def _run(api: Client, key: str, given: Mapping[str, str]) -> Outcome:
    """Start a flow with those of the inputs that it knows."""
    namespace, _, flow_id = key.partition("/")
    flow = await api.flows.get(namespace, flow_id, source=False)
    known = {str(one.get("id")) for one in flow.get("inputs") or [] if isinstance(one, dict)}
    await api.executions.create(namespace, flow_id, {name: value for name, value in given.items() if name in known})
    return Outcome(1)


def deed_dialogs(state: Any) -> rx.Component:
    """The three forms, each with its look flow by flow."""

    def typed(name: str, label: str, *, hint: str, rows: int = 0, place: str = "") -> rx.Component:
        return field(
            label,
            text_input(
                getattr(state, name),
                lambda text: state.write_deed(name, text),
                label=label,
                placeholder=place,
                rows=rows,
                mono=True,
                test=f"flows-{name.replace('_', '-')}",
            ),
            hint=hint,
        )

    look = rx.el.div(
        rx.foreach(
            state.deed_rows,
            lambda row: rx.el.div(
                rx.el.span(row["key"], class_name="mono ell grow"),
                rx.el.span(row["note"], class_name=rx.cond(row["bad"] != "", "sm fgs bad", "sm mut")),
                class_name="impr",
                custom_attrs={"data-testid": "flows-deed-row"},
            ),
        ),
        class_name="imp",
        role="list",
        aria_label="What would become of each flow",
    )
    more = rx.cond(state.deed_more > 0, rx.el.p("and ", state.deed_more, " more", class_name="sm mut"), rx.fragment())
    fault = rx.cond(state.deed_fault != "", message("bad", state.deed_fault, test="flows-deed-fault"), rx.fragment())
    note = rx.cond(state.deed_note != "", rx.el.p(rx.el.b(state.deed_note)), rx.fragment())

    def one(name: str, title: Any, verb: Any, icon: str, *fields: rx.Component) -> rx.Component:
        return dialog(
            title,
            form(fault, note, *fields, look, more),
            open=state.deed == name,
            on_close=state.forget_deed,
            width=560,
            footer=[
                button("Cancel", on_click=state.forget_deed),
                button(
                    verb,
                    icon=icon,
                    kind="primary",
                    on_click=state.carry_out_deed,
                    primary_of_dialog=True,
                    test=f"flows-{name}-confirm",
                ),
            ],
            test=f"flows-{name}-dialog",
        )

    count = state.deed_count
    return rx.fragment(
        one(
            "labels",
            rx.cond(count == 1, "Labels of 1 flow", f"Labels of {count} flows"),
            "Set labels",
            "tag",
            typed("deed_add", "Set", hint="One a line, as key: value.", rows=3, place="team: data"),
            typed("deed_remove", "Remove", hint="Keys, parted by spaces.", place="tier owner"),
        ),
        one(
            "move",
            rx.cond(count == 1, "Move 1 flow", f"Move {count} flows"),
            "Move",
            "folder-input",
            rx.el.p(
                "A flow is copied into the namespace as revision 1 and deleted where it was. Its executions, "
                "revisions and the state of its triggers stay behind; other flows that name it must be changed.",
                class_name="mut",
            ),
            typed("deed_space", "To the namespace", hint="", place="company.team"),
        ),
        one(
            "run",
            rx.cond(count == 1, "Execute 1 flow", f"Execute {count} flows"),
            "Execute",
            "play",
            typed(
                "deed_inputs",
                "Inputs for all",
                hint="One a line, as id: value; each flow takes those that it knows.",
                rows=3,
                place="day: 2026-11-20",
            ),
        ),
    )
