"""`EditorState`: one source being written: checks, draft, save with a guard against overwriting (UI-ED)."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

import reflex as rx

from app import routes
from app.pages.flows.documentation import Documentation, documentation_of
from app.pages.flows.execute import ExecuteState
from app.pages.flows.state import FlowState, openers
from backend_client import ApiError

SAMPLE = """id: {flow}
namespace: {namespace}

tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello from {{{{ flow.id }}}}
"""
PANELS = ("topology", "docs", "problems")
_NAME = re.compile(r"^(id|namespace):\s*[\"']?([^\s\"'#]+)", re.MULTILINE)


def names_of(source: str) -> tuple[str, str]:
    """Return namespace and id that a source declares at its top; empty texts where it declares none."""
    found: dict[str, str] = dict(reversed(_NAME.findall(source)))
    return found.get("namespace", ""), found.get("id", "")


class EditorState(FlowState):
    """The document of the editor."""

    creating: bool = False
    doc_uri: str = ""
    draft_key: str = ""
    source: str = ""
    base_revision: int = 0
    editor_ready: bool = False
    dirty: bool = False
    saving: bool = False
    markers: list[dict[str, Any]] = []
    errors: int = 0
    warnings: int = 0
    cursor_place: str = ""
    cursor_path: str = ""
    cursor_task: str = ""
    editor_command: dict[str, Any] = {}

    panel_topology: bool = True
    panel_docs: bool = True
    panel_problems: bool = True
    word_wrap: bool = False

    doc: Documentation = Documentation()
    doc_view: str = "properties"
    doc_pinned: bool = False

    draft_saved: str = ""
    draft_text: str = ""
    save_problem: str = ""
    save_details: list[str] = []
    save_request: str = ""
    copy_offered: bool = False
    copy_text_kept: str = ""

    stale_revision: int = 0
    conflict: bool = False
    conflict_title: str = ""
    theirs: str = ""
    mine: str = ""
    comparing: bool = False
    compare_left: str = ""
    compare_right: str = ""
    compare_title: str = ""

    _then: str = ""

    # -- opening ------------------------------------------------------------------------------------------

    def _fresh(self) -> None:
        self.dirty = self.saving = self.conflict = self.comparing = False
        self.markers, self.errors, self.warnings = [], 0, 0
        self.draft_saved = self.draft_text = self.save_problem = self.save_request = ""
        self.save_details = []
        self.copy_offered, self.copy_text_kept = False, ""
        self.stale_revision, self._then = 0, ""
        self.doc, self.doc_view, self.doc_pinned = Documentation(), "properties", False
        kept = self.settings.get("editor") or {}
        self.panel_topology = bool(kept.get("topology", True))
        self.panel_docs = bool(kept.get("docs", True))
        self.panel_problems = bool(kept.get("problems", True))
        self.word_wrap = bool(kept.get("wrap", False))

    @rx.event
    async def open_flow(self):
        """Load the source of the flow that the page shows; a line of the URL is shown (`?line=`)."""
        self._fresh()
        self.creating = False
        async with self.api() as api:
            flow = await api.flows.get(self.flow_ns, self.flow_id, deleted=self.flow_deleted)
            self.source = str(flow.get("source") or "")
            self.base_revision = int(flow.get("revision") or 0)
            self.doc_uri = f"{self.tenant_id}/{self.flow_ns}/{self.flow_id}.yaml"
            self.draft_key = f"{self.tenant_id}/{self.flow_ns}/{self.flow_id}"
            self.editor_ready = True
        line = self.query("line")
        if line.isdigit():
            self._order("reveal", line=int(line))

    @rx.event
    async def open_new(self):
        """A new flow: the sample, or the copy of another (UI-ED-04)."""
        self.clear()
        self._fresh()
        self.creating = True
        self.flow_ready = False
        self.flow_ns = self.flow_id = ""
        namespace = self.query("namespace") or str(self.settings.get("defaultNamespace") or "") or "company.team"
        name = f"flow_{secrets.token_hex(3)}"
        self.source = SAMPLE.format(flow=name, namespace=namespace)
        origin = self.query("flow")
        if self.query("copy") and origin:
            async with self.api("Could not read the flow to copy") as api:
                flow = await api.flows.get(namespace, origin)
                text = str(flow.get("source") or "")
                self.source = re.sub(r"^id:.*$", f"id: {origin}_copy", text, count=1, flags=re.MULTILINE)
        self.base_revision = 0
        self.doc_uri = f"{self.tenant_id}/new/{name}.yaml"
        self.draft_key = f"{self.tenant_id}/new"
        self.editor_ready = True

    def _order(self, kind: str, **fields: Any) -> None:
        self.editor_command = {"seq": time.time_ns() // 1_000_000, "kind": kind, **fields}

    # -- what the editor tells ----------------------------------------------------------------------------

    @rx.event
    async def mark_dirty(self, dirty: bool):
        """The text differs from the saved one, or no longer."""
        self.dirty = dirty

    @rx.event
    async def take_markers(self, markers: list[dict[str, Any]]):
        """What schema and server find."""
        self.errors = sum(1 for one in markers if one.get("severity") == "error")
        self.warnings = sum(1 for one in markers if one.get("severity") == "warning")
        self.markers = markers[:100]

    @rx.event
    async def take_cursor(self, cursor: dict[str, Any]):
        """The cursor moved: the documentation follows it unless it is pinned."""
        self.cursor_place = f"{cursor.get('line', 1)}:{cursor.get('column', 1)}"
        self.cursor_path = str(cursor.get("path") or "")
        cls = str(cursor.get("type") or "")
        if cls and cls != self.doc.type and not self.doc_pinned and self.panel_docs:
            await self._read_doc(cls)

    async def _read_doc(self, cls: str) -> None:
        try:
            async with self.api(raising=True) as api:
                self.doc = documentation_of(cls, await api.plugins.documentation(cls))
                self.doc_view = "properties" if self.doc.properties else "examples"
        except ApiError:
            pass  # half a type name while one types; the last page stays

    @rx.event
    async def take_draft(self, draft: dict[str, Any]):
        """This browser holds unsaved text of an earlier visit."""
        self.draft_saved, self.draft_text = str(draft.get("saved") or ""), str(draft.get("text") or "")

    # -- orders to the editor -----------------------------------------------------------------------------

    @rx.event
    async def jump(self, line: int, column: int):
        """A problem was pressed."""
        self._order("reveal", line=line, column=column)

    @rx.event
    async def jump_to(self, task: str):
        """A node of the graph was pressed."""
        self._order("reveal", id=task)

    @rx.event
    async def toggle(self, panel: str):
        """Show or hide a panel; kept for the user."""
        name = f"panel_{panel}" if panel in PANELS else "word_wrap"
        setattr(self, name, not getattr(self, name))
        kept = {one: getattr(self, f"panel_{one}") for one in PANELS} | {"wrap": self.word_wrap}
        self.settings = {**self.settings, "editor": kept}
        async with self.api("Could not keep the layout") as api:
            await api.console.patch_settings({"editor": kept})

    @rx.event
    async def show_doc(self, view: str):
        """Another part of the documentation."""
        self.doc_view = view

    @rx.event
    async def pin_doc(self):
        """Stop following the cursor, or follow it again."""
        self.doc_pinned = not self.doc_pinned

    @rx.event
    async def restore_draft(self):
        """Put the draft into the editor."""
        self._order("replace", text=self.draft_text)
        self.draft_saved = self.draft_text = ""

    @rx.event
    async def drop_draft(self):
        """Forget the draft."""
        self.draft_saved = self.draft_text = ""
        self._order("forget")

    @rx.event
    async def compare_draft(self):
        """Show what the draft changes."""
        self.compare_title, self.compare_left, self.compare_right = "Saved and draft", self.source, self.draft_text
        self.comparing = True

    @rx.event
    async def close_compare(self):
        """Close the comparison."""
        self.comparing = False

    @rx.event
    async def press_save(self):
        """The Save button: the editor answers with its text."""
        self._then = ""
        self._order("save")

    @rx.event
    async def press_diff(self):
        """The Diff button: the editor answers with its text."""
        self._then = "diff"
        self._order("save")

    @rx.event
    async def press_execute(self):
        """Execute the saved revision; unsaved text is saved first when it is valid (UI-ED-70)."""
        if self.dirty and not self.errors:
            self._then = "execute"
            self._order("save")
            return None
        return ExecuteState.open_for(self.flow_ns, self.flow_id)

    @rx.event
    async def take_hotkey(self, keys: str):
        """Ctrl E executes, Ctrl S saves also outside of the editor."""
        if keys == "mod+s":
            self._then = ""
            self._order("save")
            return None
        if keys == "mod+e" and not self.creating:
            return EditorState.press_execute
        return None

    # -- saving -------------------------------------------------------------------------------------------

    @rx.event
    async def take_text(self, text: str):
        """The editor hands over its text: to save it, or to compare it."""
        then, self._then = self._then, ""
        if then == "diff":
            self.compare_title = f"Revision {self.base_revision} and your text"
            self.compare_left, self.compare_right, self.comparing = self.source, text, True
            return
        if text == self.source and not self.creating:
            if then == "execute":
                yield ExecuteState.open_for(self.flow_ns, self.flow_id)
            else:
                self.toast("Nothing to save", f"The text is that of revision {self.base_revision}.", level="info")
            return
        self.saving = True
        yield
        done = await self._store(text, revision=self.base_revision)
        self.saving = False
        if done and then == "execute":
            yield ExecuteState.open_for(self.flow_ns, self.flow_id)

    async def _store(self, text: str, *, revision: int | None) -> bool:
        self.save_problem, self.save_details, self.save_request = "", [], ""
        self.copy_offered = False
        namespace, flow_id = names_of(text)
        if not self.creating and namespace and flow_id and (namespace, flow_id) != (self.flow_ns, self.flow_id):
            self.save_problem = f"Id and namespace of {self.flow_ns}/{self.flow_id} cannot change."
            self.copy_offered, self.copy_text_kept = True, text
            return False
        try:
            async with self.api(raising=True) as api:
                if self.creating:
                    flow = await api.flows.create(text)
                    self._saved(text, flow)
                    self.toast("Flow created", f"{flow.get('id')} in {flow.get('namespace')}")
                    place = routes.flow(str(flow.get("namespace")), str(flow.get("id")), "edit")
                    self.creating, self.dirty = False, False
                    self.navigate(place, replace=True)
                    return True
                flow = await api.flows.update(self.flow_ns, self.flow_id, text, revision=revision)
                self._saved(text, flow)
                self.toast("Flow saved", f"Revision {self.base_revision}")
                await self.read_head(api)
                return True
        except ApiError as error:
            if error.status == 409 and not self.creating:
                await self._meet_conflict(text)
                return False
            self.save_problem, self.save_request = error.message, error.request_id
            self.save_details = [f"{one.path}: {one.message}" if one.path else one.message for one in error.errors][:20]
        return False

    @rx.event
    async def save_copy(self):
        """Save the text whose id or namespace was changed as a flow of its own (UI-ED-22)."""
        try:
            async with self.api(raising=True) as api:
                flow = await api.flows.create(self.copy_text_kept)
                self.save_problem, self.copy_offered, self.copy_text_kept, self.dirty = "", False, "", False
                self._order("forget")
                self.toast("Flow created", f"{flow.get('id')} in {flow.get('namespace')}")
                self.navigate(routes.flow(str(flow.get("namespace")), str(flow.get("id")), "edit"))
        except ApiError as error:
            self.save_problem, self.save_request, self.copy_offered = error.message, error.request_id, False
            self.save_details = [f"{one.path}: {one.message}" if one.path else one.message for one in error.errors][:20]

    def _saved(self, text: str, flow: dict[str, Any]) -> None:
        self.source, self.base_revision = text, int(flow.get("revision") or 1)
        self.dirty, self.stale_revision = False, 0
        self.draft_saved = self.draft_text = ""

    async def _meet_conflict(self, text: str) -> None:
        async with self.api("Could not read the newer revision") as api:
            flow = await api.flows.get(self.flow_ns, self.flow_id, deleted=True)
            newest = int(flow.get("revision") or 0)
            self.theirs, self.mine = str(flow.get("source") or ""), text
            self.stale_revision = newest
            self.conflict_title = f"Revision {newest} was saved meanwhile"
            self.conflict = True

    @rx.event
    async def keep_editing(self):
        """Close the conflict without saving."""
        self.conflict = False

    @rx.event
    async def overwrite(self):
        """Save on top of the newer revision."""
        self.conflict = False
        await self._store(self.mine, revision=None)

    @rx.event
    async def take_theirs(self):
        """Continue with the newer revision; the own text stays as draft that can be restored."""
        mine = self.mine
        self.conflict = False
        await self._reload()
        if mine and mine != self.source:
            self.draft_text, self.draft_saved = mine, "now"

    @rx.event
    async def reload_saved(self):
        """Take the newer revision that someone saved; own changes stay as draft."""
        await self._reload()

    async def _reload(self) -> None:
        async with self.api("Could not read the newer revision") as api:
            flow = await api.flows.get(self.flow_ns, self.flow_id)
            self.source = str(flow.get("source") or "")
            self._saved(self.source, flow)
            await self.read_head(api)

    @rx.event
    async def compare_newer(self):
        """Show what someone else changed."""
        async with self.api("Could not read the newer revision") as api:
            flow = await api.flows.get(self.flow_ns, self.flow_id)
            self.compare_title = f"Revision {self.base_revision} and revision {flow.get('revision')}"
            self.compare_left, self.compare_right = self.source, str(flow.get("source") or "")
            self.comparing = True

    @rx.event
    async def noticed(self, change: dict[str, Any]):
        """The server tells that the flow changed (UI-ED-62)."""
        if change.get("kind") not in {"changed", "created", "deleted"} or self.saving or self.creating:
            return
        async with self.api("Could not read the flow's revision") as api:
            flow = await self.read_head(api)
            revision = int(flow.get("revision") or 0)
            if revision > self.base_revision and self.flow_tab == "edit":
                self.stale_revision = revision


openers["edit"] = EditorState.open_flow
