"""The other texts of a flow that is edited: draft, stored revisions, what somebody else saved (UI-ED-61 to 66)."""

from __future__ import annotations

import re
import secrets
from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.flows.state import FlowState
from app.stored_texts import flow_source, flow_sources, namespace_file
from app.words import say

KEPT_PAGES = 30
SUGGESTED = 100
_NAME = re.compile(r"^(id|namespace):\s*[\"']?([^\s\"'#]+)", re.MULTILINE)


def names_of(source: str) -> tuple[str, str]:
    """Return namespace and id that a source declares at its top; empty texts where it declares none."""
    found: dict[str, str] = dict(reversed(_NAME.findall(source)))
    return found.get("namespace", ""), found.get("id", "")


def moment_of(history: list[Any], revision: int) -> tuple[str, str, str]:
    """Return author, instant and message of a revision, empty where the history does not have it."""
    one = next((one for one in history if one.number == revision), None)
    return (one.author, one.updated, one.message) if one else ("", "", "")


class Versions(rx.State, mixin=True):
    """Draft, comparison and conflict of the editor's document."""

    draft_saved: str = ""
    draft_text: str = ""
    draft_revision: int = 0
    draft_elsewhere: bool = False
    draft_kept: str = ""
    _draft_visit: int = -1
    """The visit in which the editor told of the draft."""

    stale_revision: int = 0
    stale_author: str = ""
    stale_at: str = ""
    stale_message: str = ""
    others_turn: int = 0
    conflict: bool = False
    conflict_kind: str = ""
    theirs: str = ""
    mine: str = ""
    comparing: bool = False
    compare_left: str = ""
    compare_url: str = ""
    """Where the older side lies when it is stored: such a text does not travel through the state."""
    compare_right: str = ""
    compare_title: str = ""
    compare_kind: str = ""
    compare_with: list[str] = []
    compare_revision: str = ""
    compare_place: str = ""
    compare_places: list[str] = []

    # -- draft --------------------------------------------------------------------------------------------

    @rx.event
    async def take_draft(self: Any, draft: dict[str, Any]):
        """Unsaved text of an earlier visit is kept, in this browser or on the server (UI-ED-63)."""
        self.draft_saved, self.draft_text = str(draft.get("saved") or ""), str(draft.get("text") or "")
        self.draft_revision, self.draft_elsewhere = int(draft.get("revision") or 0), bool(draft.get("elsewhere"))
        self._draft_visit = self._visits

    @rx.event
    async def take_kept(self: Any, instant: str):
        """A draft was kept just now, or forgotten."""
        self.draft_kept = instant

    @rx.event
    async def restore_draft(self: Any):
        """Put the draft into the editor."""
        self._order("replace", text=self.draft_text)
        self.draft_saved = self.draft_text = ""

    @rx.event
    async def drop_draft(self: Any):
        """Forget the draft."""
        self.draft_saved = self.draft_text = ""
        self._order("forget")

    @rx.event
    async def compare_draft(self: Any):
        """Show what the draft changes."""
        self._compare(say("Saved and draft"), self.source, self.draft_text)

    # -- comparisons --------------------------------------------------------------------------------------

    def _compare(self: Any, title: str, left: str, right: str) -> None:
        self.compare_title, self.compare_left, self.compare_right, self.compare_url = title, left, right, ""
        self.compare_kind, self.compare_with, self.comparing = "", [], True

    @rx.event
    async def close_compare(self: Any):
        """Close the comparison."""
        self.comparing = False

    def _compare_text(self: Any, text: str) -> None:
        """Compare the editor's text: with the revision it is based on first, with others on wish (UI-ED-66)."""
        self._compare(
            say("Revision {base_revision} and your text", base_revision=self.base_revision), self.source, text
        )
        newest = self.flow_revision or self.base_revision
        self.compare_with = [str(n) for n in range(newest, max(0, newest - KEPT_PAGES), -1)]
        self.compare_kind, self.compare_revision = "revision", str(self.base_revision)
        self.compare_place, self.compare_places = "", []

    @rx.event
    async def compare_to(self: Any, revision: str):
        """Show the text against another revision."""
        self.compare_url = f"{flow_sources(self.tenant_id, self.flow_ns, self.flow_id)}{int(revision)}"
        self.compare_revision = revision
        self.compare_title = say("Revision {revision} and your text", revision=revision)

    @turns.opens
    async def compare_by(self: Any, kind: str):
        """Compare with a revision, another flow or a file of the namespace; name what there is."""
        self.compare_kind, self.compare_place = kind, ""
        async with self.api(say("Could not read what there is")) as api:
            if kind == "flow":
                found = await api.flows.search(size=SUGGESTED, sort="namespace:asc")
                self.compare_places = [one.key for one in found.rows if one.key != f"{self.flow_ns}/{self.flow_id}"]
            elif kind == "file":
                paths = await api.files.search(self.flow_ns, "")
                self.compare_places = [one.lstrip("/") for one in paths if one.endswith((".yaml", ".yml"))][:SUGGESTED]

    @rx.event
    async def compare_place_to(self: Any, place: str):
        """Show the text against another flow (`namespace/id`) or against a file of the namespace."""
        self.compare_place = place.strip()
        if not self.compare_place:
            return
        if self.compare_kind == "flow":
            namespace, _, flow_id = self.compare_place.rpartition("/")
            self.compare_url = flow_source(self.tenant_id, namespace or self.flow_ns, flow_id)
        else:
            self.compare_url = namespace_file(self.tenant_id, self.flow_ns, self.compare_place)
        self.compare_title = say("{compare_place} and your text", compare_place=self.compare_place)

    # -- somebody else saves ------------------------------------------------------------------------------

    async def _meet(self: Any, api: Any, revision: int) -> None:
        """Learn who saved a revision, and when."""
        self.stale_revision = revision
        history = await api.flows.history(self.flow_ns, self.flow_id)
        self.stale_author, self.stale_at, self.stale_message = moment_of(history, revision)

    async def _meet_conflict(self: Any, text: str) -> None:
        async with self.api(say("Could not read the newer revision")) as api:
            flow = await api.flows.get(self.flow_ns, self.flow_id, deleted=True)
            self.theirs, self.mine = str(flow.get("source") or ""), text
            self.conflict_kind = "deleted" if flow.get("deleted") else "changed"
            if flow.get("deleted"):
                self.theirs = ""
            await self._meet(api, int(flow.get("revision") or 0))
            self.conflict = True

    async def _meet_taken_name(self: Any, text: str, namespace: str, flow_id: str) -> None:
        """A new flow has the name of a stored one."""
        async with self.api(say("Could not read the flow of this name")) as api:
            flow = await api.flows.get(namespace, flow_id)
            self.theirs, self.mine = str(flow.get("source") or ""), text
            history = await api.flows.history(namespace, flow_id)
            self.stale_revision = int(flow.get("revision") or 0)
            self.stale_author, self.stale_at, self.stale_message = moment_of(history, self.stale_revision)
            self.conflict_kind, self.conflict = "created", True

    @rx.event
    async def keep_editing(self: Any):
        """Close the conflict without saving."""
        self.conflict = False

    @turns.writes
    async def overwrite(self: Any):
        """Save on top of the newer revision; a deleted flow comes back with this text."""
        self.conflict = False
        await self._store(self.mine, revision=None, over=self.conflict_kind)

    @rx.event
    async def copy_mine(self: Any):
        """Save the own text as a flow of its own, with a free name."""
        self.conflict = False
        name = f"{self.flow_id or 'flow'}_{secrets.token_hex(2)}"
        self.copy_text_kept = re.sub(r"^id:.*$", f"id: {name}", self.mine, count=1, flags=re.MULTILINE)
        return type(self).save_copy

    @turns.asks
    async def take_theirs(self: Any):
        """Continue with the newer revision; the own text stays as draft that can be restored."""
        mine, self.conflict = self.mine, False
        if self.conflict_kind == "created":
            self.dirty = False  # the text stays as draft of the new flow
            self.navigate(routes.flow(*names_of(mine), "edit"))
            return None
        if self.conflict_kind == "deleted":
            self._order("keep", text=mine, put=self.source)
            self.dirty = False
            return FlowState.load
        await self._reload()
        if mine and mine != self.source:
            self.draft_text, self.draft_saved, self.draft_revision = mine, "now", self.base_revision
            self.draft_elsewhere = False
            self._order("keep", text=mine)
        return None

    @turns.asks
    async def merge(self: Any, text: str):
        """Go on with the changes of both, on top of the newer revision; nothing is saved yet."""
        self.conflict = False
        if self.conflict_kind == "changed":
            await self._reload()
        self._order("replace", text=text)

    @turns.asks
    async def reload_saved(self: Any):
        """Take the newer revision that someone saved; own changes stay as draft."""
        await self._reload()

    async def _reload(self: Any) -> None:
        async with self.api(say("Could not read the newer revision")) as api:
            flow = await api.flows.get(self.flow_ns, self.flow_id)
            await self.read_head(api)
            # After the last question: the revision, its text and what the caller orders reach the editor together.
            self.source = str(flow.get("source") or "")
            self._saved(self.source, flow)

    @turns.asks
    async def compare_newer(self: Any):
        """Show what someone else changed."""
        async with self.api(say("Could not read the newer revision")) as api:
            flow = await api.flows.get(self.flow_ns, self.flow_id)
            title = say(
                "Revision {base_revision} and revision {revision}",
                base_revision=self.base_revision,
                revision=flow.get("revision"),
            )
            self._compare(title, self.source, str(flow.get("source") or ""))

    @turns.asks
    async def noticed(self: Any, change: dict[str, Any]):
        """The server tells that the flow changed, or who edits it (UI-ED-62)."""
        if str(change.get("topic") or "").startswith("editing:"):
            self.others_turn += 1
            return
        if change.get("kind") not in {"changed", "created", "deleted"} or self.saving or self.creating:
            return
        async with self.api(say("Could not read the flow's revision")) as api:
            flow = await self.read_head(api)
            revision = int(flow.get("revision") or 0)
            if revision > self.base_revision and self.flow_tab == "edit":
                await self._meet(api, revision)
