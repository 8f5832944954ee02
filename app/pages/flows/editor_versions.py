"""The other texts of a flow that is edited: draft, stored revisions, what somebody else saved (UI-ED-61 to 66)."""

from __future__ import annotations

import secrets
from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.flows.state import FlowState
from app.stored_texts import flow_source, flow_sources, namespace_file
from app.words import say
from components.held_texts import held

KEPT_PAGES = 30
SUGGESTED = 100


def moment_of(history: list[Any], revision: int) -> tuple[str, str, str]:
    """Return author, instant and message of a revision, empty where the history does not have it."""
    one = next((one for one in history if one.number == revision), None)
    return (one.author, one.updated, one.message) if one else ("", "", "")


class Versions(rx.State, mixin=True):
    """Draft, comparison and conflict of the editor's document."""

    draft_saved: str = ""
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
    theirs_url: str = ""
    _taken: tuple[str, str] = ("", "")
    """Namespace and id of the stored flow whose name a new one has too."""
    comparing: bool = False
    compare_left: str = ""
    compare_right: str = ""
    """Where the two texts lie, at the API or in the browser: they do not travel through the state."""
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
        self.draft_saved = str(draft.get("saved") or "")
        self.draft_revision, self.draft_elsewhere = int(draft.get("revision") or 0), bool(draft.get("elsewhere"))
        self._draft_visit = self._visits

    @rx.event
    async def take_kept(self: Any, instant: str):
        """A draft was kept just now, or forgotten."""
        self.draft_kept = instant

    @rx.event
    async def restore_draft(self: Any):
        """Put the draft into the editor."""
        self._order("replace", of="draft")
        self.draft_saved = ""

    @rx.event
    async def drop_draft(self: Any):
        """Forget the draft."""
        self.draft_saved = ""
        self._order("forget")

    @rx.event
    async def compare_draft(self: Any):
        """Show what the draft changes."""
        self._compare(say("Saved and draft"), held(self.doc_uri, "draft"))

    # -- comparisons --------------------------------------------------------------------------------------

    def _compare(self: Any, title: str, right: str) -> None:
        """Compare the text that the editor began with, as it was saved, with the one at an address."""
        self.compare_title, self.compare_left, self.compare_right = title, held(self.doc_uri, "saved"), right
        self.compare_kind, self.compare_with, self.comparing = "", [], True

    @rx.event
    async def close_compare(self: Any):
        """Close the comparison."""
        self.comparing = False

    @rx.event
    async def press_diff(self: Any):
        """Compare the editor's text: with the revision it is based on first, with others on wish (UI-ED-66)."""
        self._compare(
            say("Revision {base_revision} and your text", base_revision=self.base_revision), held(self.doc_uri, "now")
        )
        newest = self.flow_revision or self.base_revision
        self.compare_with = [str(n) for n in range(newest, max(0, newest - KEPT_PAGES), -1)]
        self.compare_kind, self.compare_revision = "revision", str(self.base_revision)
        self.compare_place, self.compare_places = "", []

    @rx.event
    async def compare_to(self: Any, revision: str):
        """Show the text against another revision."""
        self.compare_left = f"{flow_sources(self.tenant_id, self.flow_ns, self.flow_id)}{int(revision)}"
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
            self.compare_left = flow_source(self.tenant_id, namespace or self.flow_ns, flow_id)
        else:
            self.compare_left = namespace_file(self.tenant_id, self.flow_ns, self.compare_place)
        self.compare_title = say("{compare_place} and your text", compare_place=self.compare_place)

    # -- somebody else saves ------------------------------------------------------------------------------

    async def _meet(self: Any, api: Any, revision: int) -> None:
        """Learn who saved a revision, and when."""
        self.stale_revision = revision
        history = await api.flows.history(self.flow_ns, self.flow_id)
        self.stale_author, self.stale_at, self.stale_message = moment_of(history, revision)

    @turns.asks
    async def meet_conflict(self: Any):
        """The flow was saved or deleted meanwhile: ask whose text counts."""
        async with self.api(say("Could not read the newer revision")) as api:
            flow = await api.flows.get(self.flow_ns, self.flow_id, source=False, deleted=True)
            revision = int(flow.get("revision") or 0)
            await self._meet(api, revision)
            self.conflict_kind = "deleted" if flow.get("deleted") else "changed"
            stored = f"{flow_sources(self.tenant_id, self.flow_ns, self.flow_id)}{revision}"
            self.theirs_url, self.conflict = "" if flow.get("deleted") else stored, True

    @turns.asks
    async def meet_taken_name(self: Any, namespace: str, flow_id: str):
        """A new flow has the name of a stored one."""
        async with self.api(say("Could not read the flow of this name")) as api:
            flow = await api.flows.get(namespace, flow_id, source=False)
            history = await api.flows.history(namespace, flow_id)
            self.stale_revision = int(flow.get("revision") or 0)
            self.stale_author, self.stale_at, self.stale_message = moment_of(history, self.stale_revision)
            self.theirs_url = f"{flow_sources(self.tenant_id, namespace, flow_id)}{self.stale_revision}"
            self._taken, self.conflict_kind, self.conflict = (namespace, flow_id), "created", True

    @rx.event
    async def keep_editing(self: Any):
        """Close the conflict without saving."""
        self.conflict = False

    @rx.event
    async def overwrite(self: Any):
        """Save on top of the newer revision; a deleted flow comes back with this text."""
        message, self.said, self.conflict = self.said, "", False
        self._order("store", over=self.conflict_kind, message=message)

    @rx.event
    async def copy_mine(self: Any):
        """Save the own text as a flow of its own, with a free name."""
        self.conflict = False
        self._order("copy", of="mine", name=f"{self.flow_id or 'flow'}_{secrets.token_hex(2)}")

    @turns.asks
    async def take_theirs(self: Any):
        """Continue with the newer revision; the own text stays as draft that can be restored."""
        self.conflict = False
        if self.conflict_kind == "created":
            self.dirty = False  # the text stays as draft of the new flow
            namespace, flow_id = self._taken
            self.navigate(routes.flow(namespace, flow_id, "edit"))
            return None
        if self.conflict_kind == "deleted":
            self._order("keep", put=True)
            self.dirty = False
            return FlowState.load
        await self._reload()
        self._order("keep")
        return None

    @turns.asks
    async def merge(self: Any):
        """Go on with the changes of both, on top of the newer revision; nothing is saved yet."""
        self.conflict = False
        if self.conflict_kind == "changed":
            await self._reload()
        self._order("replace", of="merged")

    @turns.asks
    async def reload_saved(self: Any):
        """Take the newer revision that someone saved; own changes stay as draft."""
        await self._reload()

    async def _reload(self: Any) -> None:
        async with self.api(say("Could not read the newer revision")) as api:
            flow = await self.read_head(api)
            # After the last question: the revision and what the caller orders reach the editor together.
            self._stored(int(flow.get("revision") or 0))
            self.dirty = False
            self._read_text(force=True)

    def _stored(self: Any, revision: int) -> None:
        """The text of a revision is what counts as saved now."""
        self.base_revision, self.stale_revision, self.moved = revision, 0, ""
        self.draft_saved = self.draft_kept = ""

    @turns.asks
    async def compare_newer(self: Any):
        """Show what someone else changed."""
        async with self.api(say("Could not read the newer revision")) as api:
            newest = int((await self.read_head(api)).get("revision") or 0)
            title = say(
                "Revision {base_revision} and revision {revision}", base_revision=self.base_revision, revision=newest
            )
            self._compare(title, f"{flow_sources(self.tenant_id, self.flow_ns, self.flow_id)}{newest}")

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
