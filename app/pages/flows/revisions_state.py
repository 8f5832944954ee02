"""`RevisionsState`: the history of a flow, the pair that is compared, restore and deletion (UI-FP-20 to UI-FP-22)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import reflex as rx

from app import turns
from app.pages.flows.changes import Change, changes_of
from app.pages.flows.state import FlowState, openers
from app.stored_texts import flow_sources
from app.tab import initials_of
from app.words import say, say_count
from backend_client import ApiError, Client
from backend_client.flows import RevisionHead

KEPT = 200
NO_EFFECT = {"runs": "", "before": "", "share": "", "points": "", "worse": ""}
"""Every key is always there: the page compares each with the empty text."""
GOOD = 0.95
"""Share of good runs below which the figure is red."""


@dataclass(frozen=True)
class RevisionLine:
    """A revision in the list at the left; `share` is the good part of its ended runs in words."""

    number: int = 0
    updated: str = ""
    author: str = ""
    initials: str = ""
    message: str = ""
    lines: str = ""
    runs: int = 0
    share: str = ""
    poor: bool = False
    deleted: bool = False
    exception: str = ""
    chosen: bool = False
    newest: bool = False


def line_of(one: RevisionHead, newest: int) -> RevisionLine:
    """Return how the list shows a revision."""
    changed = one.added > 0 or one.removed > 0
    return RevisionLine(
        number=one.number,
        updated=one.updated,
        author=one.author,
        initials=initials_of(one.author) if one.author else "",
        message=one.message,
        lines="" if one.added < 0 else f"+{one.added} \u2212{one.removed}" if changed else say("same lines"),
        runs=one.executions,
        share="" if one.success < 0 else f"{one.success * 100:.0f} %",
        poor=0 <= one.success < GOOD,
        deleted=one.deleted,
        exception=one.exception,
        newest=one.number == newest,
    )


class RevisionsState(FlowState):
    """The pair on screen."""

    revision_lines: list[RevisionLine] = []
    revision_more: int = 0
    revision_options: list[dict[str, str]] = []
    may_restore: bool = False
    may_remove: bool = False
    choosing: bool = False
    chosen: list[int] = []
    asking_removal: bool = False
    removal_problem: str = ""
    seen: int = 0
    seen_problem: str = ""
    effect: dict[str, str] = dict(NO_EFFECT)
    left: int = 0
    right: int = 0
    sources_url: str = ""
    """Where the sources of the flow's revisions lie, up to the number: they do not travel through the state."""
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

    @turns.reads
    async def open_pair(self):
        """Load the list and the pair that the URL names; the newest against the one before by default."""
        self.restoring, self.restore_problem, self.choosing, self.asking_removal = False, "", False, False
        self.seen = 0
        self.may_restore = self.may("FLOW", "UPDATE", self.flow_ns)
        self.may_remove = self.may("FLOW", "DELETE", self.flow_ns)
        async with self.api() as api:
            await self._read_list(api)
            known = [one.number for one in self.revision_lines]
            if not known:
                return None
            right, left = self.query("revisionRight"), self.query("revisionLeft")
            self.right = int(right) if right.isdigit() and int(right) in known else known[0]
            older = [n for n in known if n < self.right]
            self.left = int(left) if left.isdigit() and int(left) in known else (older or known)[0]
        if not self.problem_title:
            await self._read_pair()
            place = self.query("open")
            if place.isdigit() and int(place) in known:
                return RevisionsState.see(int(place))
        return None

    async def _read_list(self, api: Client) -> None:
        found = await api.flows.history(self.flow_ns, self.flow_id)
        newest = found[0].number if found else 0
        self.revision_lines = [line_of(one, newest) for one in found[:KEPT]]
        self.revision_more = max(0, len(found) - KEPT)
        self.revision_options = [
            {
                "value": str(one.number),
                "word": ", ".join(filter(None, (str(one.number), one.updated[:10], one.initials, one.message)))[:60],
            }
            for one in self.revision_lines
        ]

    async def _read_pair(self) -> None:
        async with self.api(say("Could not read the revisions")) as api:
            old = await api.flows.get(self.flow_ns, self.flow_id, revision=self.left, deleted=self.flow_deleted)
            new = await api.flows.get(self.flow_ns, self.flow_id, revision=self.right, deleted=self.flow_deleted)
            self.sources_url = flow_sources(self.tenant_id, self.flow_ns, self.flow_id)
            self.differences = changes_of(old, new)[:100]
            self._weigh()
            self.pair_ready = True

    def _weigh(self) -> None:
        """What the newer side did to the runs, beside the older one."""
        by = {one.number: one for one in self.revision_lines}
        old, new = by.get(self.left), by.get(self.right)
        self.effect = dict(NO_EFFECT)
        if old is None or new is None or not new.share or self.left == self.right:
            return
        self.effect |= {"runs": str(new.runs), "before": str(old.runs), "share": new.share}
        if old.share:
            points = int(new.share.split()[0]) - int(old.share.split()[0])
            self.effect |= {"points": f"{points:+d}" if points else "\u00b10", "worse": "yes" if points < 0 else ""}

    async def _show(self, left: int, right: int) -> None:
        self.left, self.right = left, right
        self.replace_url([("revisionLeft", str(left)), ("revisionRight", str(right))])
        await self._read_pair()

    @turns.asks
    async def pick_left(self, number: str):
        """Another older side."""
        await self._show(int(number), self.right)

    @turns.asks
    async def pick_right(self, number: str):
        """Another newer side."""
        await self._show(self.left, int(number))

    @turns.asks
    async def pick(self, number: int):
        """A revision of the list was pressed: it against the one before it."""
        older = [one.number for one in self.revision_lines if one.number < number]
        await self._show(older[0] if older else number, number)

    @turns.asks
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

    @turns.writes
    async def restore(self):
        """Make a new revision with the source of the older side."""
        try:
            async with self.api(raising=True) as api:
                old = await api.flows.get(self.flow_ns, self.flow_id, revision=self.left, deleted=self.flow_deleted)
                await api.flows.update(self.flow_ns, self.flow_id, str(old.get("source") or ""))
                restored = self.left
                await self.read_head(api)
                self.restoring = False
                self.toast(
                    say("Revision restored"),
                    say(
                        "Revision {flow_revision} has the source of revision {restored}.",
                        flow_revision=self.flow_revision,
                        restored=restored,
                    ),
                )
                self.navigate(f"/flows/edit/{self.flow_ns}/{self.flow_id}/revisions", replace=True)
        except ApiError as error:
            details = "; ".join(f"{one.path}: {one.message}" if one.path else one.message for one in error.errors)
            self.restore_problem = details or error.message

    # -- one revision -------------------------------------------------------------------------------------

    @turns.asks
    async def see(self, number: int):
        """Show the source of one revision, with what is wrong in it by now (UI-FP-21)."""
        async with self.api(say("Could not read the revision")) as api:
            flow = await api.flows.get(self.flow_ns, self.flow_id, revision=number, deleted=True)
            self.sources_url, self.seen = flow_sources(self.tenant_id, self.flow_ns, self.flow_id), number
            found = await api.flows.validate(str(flow.get("source") or ""))
            self.seen_problem = "; ".join(str(one.get("constraints") or "") for one in found if one.get("constraints"))

    @rx.event
    async def see_no_more(self):
        """Close the source."""
        self.seen = 0

    @rx.event
    async def keep_source(self):
        """Download the source that is shown."""
        self.download(f"{flow_sources(self.tenant_id, self.flow_ns, self.flow_id)}{self.seen}")

    # -- deletion -----------------------------------------------------------------------------------------

    @rx.event
    async def choose(self, on: bool):
        """Begin or end to choose revisions."""
        self.choosing, self.chosen = on, []
        self._mark()

    @rx.event
    async def turn(self, number: int):
        """Choose a revision, or not."""
        self.chosen = [n for n in self.chosen if n != number] if number in self.chosen else [*self.chosen, number]
        self._mark()

    @rx.event
    async def choose_older(self):
        """Choose all that are older than those that are chosen; without one, all but the newest."""
        first = min(self.chosen, default=0)
        self.chosen = [
            one.number for one in self.revision_lines if not one.newest and (not first or one.number <= first)
        ]
        self._mark()

    def _mark(self) -> None:
        self.revision_lines = [replace(one, chosen=one.number in self.chosen) for one in self.revision_lines]

    @rx.event
    async def ask_removal(self, number: int):
        """Ask before deleting one revision, or (0) those that are chosen."""
        if number:
            self.chosen = [number]
        self.asking_removal, self.removal_problem = bool(self.chosen), ""

    @rx.event
    async def keep_all(self):
        """Delete none."""
        self.asking_removal = False

    @turns.writes
    async def remove(self):
        """Delete the chosen revisions."""
        try:
            async with self.api(raising=True) as api:
                await api.flows.delete_revisions(self.flow_ns, self.flow_id, self.chosen)
        except ApiError as error:
            self.removal_problem = error.message
            return
        gone = len(self.chosen)
        self.asking_removal = self.choosing = False
        self.chosen = []
        self.toast(say_count(gone, "Revision deleted", "{n} revisions deleted", n=gone))
        self.replace_url([])
        await self._reread()

    async def _reread(self) -> None:
        async with self.api() as api:
            await self._read_list(api)
            known = [one.number for one in self.revision_lines]
            self.right = self.right if self.right in known else known[0]
            self.left = self.left if self.left in known else ([n for n in known if n < self.right] or known)[0]
        if not self.problem_title:
            await self._read_pair()


openers["revisions"] = RevisionsState.open_pair
