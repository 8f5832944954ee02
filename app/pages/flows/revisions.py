"""Revisions of a flow: the list, the difference of two, restore (UI-FP-20, UI-FP-21, picture 08)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import reflex as rx

from app.pages.flows.changes import Change, changes_of
from app.pages.flows.execute import ExecuteState
from app.pages.flows.state import FlowState, openers
from backend_client import ApiError
from components.button import button, button_group, icon_button, segmented
from components.clock import moment
from components.dialog import confirm_dialog
from components.diff_editor import diff_editor
from components.field import checkbox, select
from components.message import empty_state, message, skeleton_rows

KEPT = 200


@dataclass(frozen=True)
class RevisionLine:
    """A revision in the list at the left."""

    number: int = 0
    updated: str = ""
    note: str = ""


class RevisionsState(FlowState):
    """The pair on screen."""

    revision_lines: list[RevisionLine] = []
    revision_numbers: list[str] = []
    left: int = 0
    right: int = 0
    left_source: str = ""
    right_source: str = ""
    differences: list[Change] = []
    side_by_side: bool = True
    ignore_space: bool = False
    added: int = 0
    removed: int = 0
    change_count: int = 0
    step: dict[str, Any] = {}
    pair_ready: bool = False
    restoring: bool = False
    restore_problem: str = ""

    @rx.event
    async def open_pair(self):
        """Load the list and the pair that the URL names; the newest against the one before by default."""
        self.restoring, self.restore_problem = False, ""
        async with self.api() as api:
            found = await api.flows.revisions(self.flow_ns, self.flow_id)
            lines: list[RevisionLine] = []
            before = None
            for one in found:
                note = "first revision" if before is None else _note(before, one.source)
                lines.append(RevisionLine(one.revision, one.updated, note))
                before = one.source
            self.revision_lines = lines[::-1][:KEPT]
            self.revision_numbers = [str(one.number) for one in self.revision_lines]
            known = [one.number for one in self.revision_lines]
            if not known:
                return
            right, left = self.query("revisionRight"), self.query("revisionLeft")
            self.right = int(right) if right.isdigit() and int(right) in known else known[0]
            older = [n for n in known if n < self.right]
            self.left = int(left) if left.isdigit() and int(left) in known else (older or known)[0]
        if not self.problem_title:
            await self._read_pair()

    async def _read_pair(self) -> None:
        async with self.api("Could not read the revisions") as api:
            old = await api.flows.get(self.flow_ns, self.flow_id, revision=self.left, deleted=self.flow_deleted)
            new = await api.flows.get(self.flow_ns, self.flow_id, revision=self.right, deleted=self.flow_deleted)
            self.left_source, self.right_source = str(old.get("source") or ""), str(new.get("source") or "")
            self.differences = changes_of(old, new)[:100]
            self.pair_ready = True

    async def _show(self, left: int, right: int) -> None:
        self.left, self.right = left, right
        self.replace_url([("revisionLeft", str(left)), ("revisionRight", str(right))])
        await self._read_pair()

    @rx.event
    async def pick_left(self, number: str):
        """Another older side."""
        await self._show(int(number), self.right)

    @rx.event
    async def pick_right(self, number: str):
        """Another newer side."""
        await self._show(self.left, int(number))

    @rx.event
    async def pick(self, number: int):
        """A revision of the list was pressed: it against the one before it."""
        older = [one.number for one in self.revision_lines if one.number < number]
        await self._show(older[0] if older else number, number)

    @rx.event
    async def swap(self):
        """Change the sides."""
        await self._show(self.right, self.left)

    @rx.event
    async def set_view(self, view: str):
        """Side by side, or line by line."""
        self.side_by_side = view == "side"

    @rx.event
    async def set_ignore(self, on: bool):
        """Heed white space or not."""
        self.ignore_space = on

    @rx.event
    async def take_stats(self, stats: dict[str, Any]):
        """How much differs."""
        self.added, self.removed = int(stats.get("added") or 0), int(stats.get("removed") or 0)
        self.change_count = int(stats.get("changes") or 0)

    @rx.event
    async def go(self, by: int):
        """To the next or the previous change."""
        self.step = {"seq": time.time_ns() // 1_000_000, "by": by}

    @rx.event
    async def ask_restore(self):
        """Ask before restoring the older side."""
        self.restoring, self.restore_problem = True, ""

    @rx.event
    async def keep_current(self):
        """Do not restore."""
        self.restoring = False

    @rx.event
    async def restore(self):
        """Make a new revision with the source of the older side."""
        try:
            async with self.api(raising=True) as api:
                await api.flows.update(self.flow_ns, self.flow_id, self.left_source)
                restored = self.left
                await self.read_head(api)
                self.restoring = False
                self.toast("Revision restored", f"Revision {self.flow_revision} has the source of revision {restored}.")
                self.navigate(f"/flows/edit/{self.flow_ns}/{self.flow_id}/revisions", replace=True)
        except ApiError as error:
            details = "; ".join(f"{one.path}: {one.message}" if one.path else one.message for one in error.errors)
            self.restore_problem = details or error.message


def _note(before: str, after: str) -> str:
    old, new = before.splitlines(), after.splitlines()
    known, now = set(old), set(new)
    plus, minus = sum(1 for one in new if one not in known), sum(1 for one in old if one not in now)
    return f"+{plus} −{minus} lines" if plus or minus else "same lines"


S: Any = RevisionsState


def _list() -> rx.Component:
    def one(line: Any) -> rx.Component:
        side = rx.cond(
            line.number == S.right,
            rx.el.i("right", class_name="cnt"),
            rx.cond(line.number == S.left, rx.el.i("left", class_name="cnt"), rx.fragment()),
        )
        return rx.el.button(
            rx.el.span(
                rx.el.b(line.number, class_name="num semi"),
                side,
                rx.el.span(class_name="grow"),
                moment(line.updated, mode="relative"),
                class_name="row g6",
            ),
            rx.el.span(line.note, class_name="xs faint num"),
            class_name=rx.cond(line.number == S.right, "rv to", rx.cond(line.number == S.left, "rv from", "rv")),
            on_click=S.pick(line.number),
            custom_attrs={"type": "button", "data-testid": "revision"},
        )

    return rx.el.aside(rx.foreach(S.revision_lines, one), class_name="rl_ scroll hide-m", aria_label="Revisions")


def _bar() -> rx.Component:
    return rx.el.div(
        rx.el.span("Revision", class_name="sm mut hide-s"),
        select(S.revision_numbers, S.left.to_string(), S.pick_left, label="Older side", test="revision-left"),
        rx.icon("arrow-right", size=14),
        select(S.revision_numbers, S.right.to_string(), S.pick_right, label="Newer side", test="revision-right"),
        icon_button("arrow-left-right", "Change the sides", on_click=S.swap),
        rx.el.span(class_name="vline"),
        rx.el.span(
            rx.el.span("+", S.added, class_name="fgs ok med"),
            rx.el.span("−", S.removed, class_name="fgs bad med"),
            class_name="row g4 sm num",
        ),
        button_group(
            rx.el.button(
                rx.icon("chevron-up", size=14),
                class_name="btn s ic",
                on_click=S.go(-1),
                aria_label="Previous change",
                custom_attrs={"type": "button"},
            ),
            rx.el.button(
                rx.icon("chevron-down", size=14),
                class_name="btn s ic",
                on_click=S.go(1),
                aria_label="Next change",
                custom_attrs={"type": "button"},
            ),
        ),
        rx.el.span(S.change_count, rx.cond(S.change_count == 1, " change", " changes"), class_name="sm mut num hide-s"),
        rx.el.span(class_name="grow"),
        rx.el.span(checkbox("Ignore white space", S.ignore_space, S.set_ignore), class_name="sm mut hide-m"),
        rx.el.span(
            segmented(
                [("line", "Unified"), ("side", "Side by side")],
                rx.cond(S.side_by_side, "side", "line"),
                S.set_view,
                label="View of the difference",
                test="revisions-view",
            ),
            class_name="hide-s",
        ),
        rx.cond(
            S.flow_deleted,
            rx.fragment(),
            rx.fragment(
                button(
                    "Execute " + S.left.to_string(),
                    icon="play",
                    on_click=ExecuteState.open_revision(S.flow_ns, S.flow_id, S.left),
                    disabled=S.flow_disabled,
                    reason="The flow is disabled",
                    test="revision-execute",
                ),
                button(
                    "Restore " + S.left.to_string(),
                    icon="history",
                    on_click=S.ask_restore,
                    disabled=S.left == S.flow_revision,
                    reason="This is the current revision",
                    test="revision-restore",
                ),
            ),
        ),
        class_name="rtb",
    )


def _changes() -> rx.Component:
    def one(change: Any) -> rx.Component:
        return rx.el.div(
            rx.match(
                change.kind,
                ("added", rx.el.span(rx.icon("circle-plus", size=14), class_name="fgs ok")),
                ("removed", rx.el.span(rx.icon("circle-minus", size=14), class_name="fgs bad")),
                rx.el.span(rx.icon("pencil", size=14), class_name="fgs live"),
            ),
            rx.el.div(
                rx.el.div(rx.el.b(change.name, class_name="mono med"), " ", change.what),
                rx.el.div(change.detail, class_name="sm mut brk"),
                class_name="grow",
            ),
            rx.el.span(change.group, class_name="xs faint"),
            class_name="chg_",
        )

    return rx.el.aside(
        rx.el.div(
            "What changed",
            rx.el.span(S.left, " to ", S.right, class_name="r sm mut num"),
            class_name="pnh bb",
        ),
        rx.cond(
            S.differences.length() > 0,
            rx.el.div(
                rx.foreach(S.differences, one), class_name="scroll", tab_index=0, role="group", aria_label="Changes"
            ),
            rx.el.p("Both mean the same.", class_name="mut sm dc"),
        ),
        class_name="sem hide-m",
        aria_label="What changed",
    )


def revisions_panel() -> rx.Component:
    """The tab."""
    return rx.cond(
        S.pair_ready,
        rx.el.div(
            _bar(),
            rx.cond(
                S.revision_lines.length() > 1,
                rx.el.div(
                    _list(),
                    rx.el.div(
                        diff_editor(
                            original=S.left_source,
                            modified=S.right_source,
                            language="yaml",
                            side_by_side=S.side_by_side,
                            ignore_space=S.ignore_space,
                            fold=True,
                            theme=rx.color_mode,
                            step=S.step,
                            on_stats=S.take_stats,
                        ),
                        class_name="fillbox",
                        custom_attrs={"data-testid": "revisions-diff"},
                    ),
                    _changes(),
                    class_name="rg",
                ),
                empty_state(
                    "One revision so far",
                    hint="Each save that changes the source makes another; here two of them are compared.",
                    icon="git-commit-horizontal",
                ),
            ),
            confirm_dialog(
                "Restore revision " + S.left.to_string(),
                rx.el.p(
                    "The source of revision ",
                    S.left,
                    " becomes a new revision of ",
                    rx.el.b(S.flow_id, class_name="mono"),
                    ". Nothing is lost: all revisions stay.",
                ),
                rx.cond(S.restore_problem != "", message("bad", S.restore_problem), rx.fragment()),
                open=S.restoring,
                on_cancel=S.keep_current,
                on_confirm=S.restore,
                verb="Restore",
                icon="history",
                test="revision-ask",
            ),
            class_name="editor",
        ),
        skeleton_rows(),
    )


openers["revisions"] = RevisionsState.open_pair
