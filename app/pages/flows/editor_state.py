"""`EditorState`: one flow being written: what it begins with, what the editor tells, what it is ordered (UI-ED).

The text itself is in the browser alone: `components/flow_source.jsx` reads and saves it (UI-RX-02).
"""

from __future__ import annotations

import secrets
import time
from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.flows.editor_arranged import Arranged
from app.pages.flows.editor_reading import Reading
from app.pages.flows.editor_saving import Saving
from app.pages.flows.editor_versions import Versions, moment_of
from app.pages.flows.execute import followers
from app.pages.flows.state import FlowState, openers
from app.stored_texts import blueprint_source, flow_source, plugin_page
from app.tab import internal
from app.words import say
from backend_client import ApiError, Client


class EditorState(Saving, Versions, Reading, Arranged, FlowState):
    """The document of the editor."""

    creating: bool = False
    doc_uri: str = ""
    draft_key: str = ""
    begin: dict[str, Any] = {}
    """What the text begins with: its kind, and where the browser reads it."""
    text_load: dict[str, Any] = {"turn": 0, "force": False}
    """Grows when the browser shall read the text again; forced: also over text that is not saved."""
    base_revision: int = 0
    editor_ready: bool = False
    dirty: bool = False
    markers: list[dict[str, Any]] = []
    errors: int = 0
    warnings: int = 0
    refusals: list[str] = []
    moved: str = ""
    editor_command: dict[str, Any] = {}
    breakpoints: list[str] = []
    play: dict[str, Any] = {}
    followed: str = ""
    files_dirty: bool = False
    files_writable: bool = True
    base_author: str = ""
    base_message: str = ""
    adding: dict[str, Any] = {}
    wish: dict[str, Any] = {}
    """What the assistant is asked without a press: `{seq, prompt}`."""

    _kept: bool = False
    _repair: tuple[str, str] = ("", "")
    """Name of a flow (`namespace/id`) and what the assistant shall mend in it when its editor opens."""

    # -- opening ------------------------------------------------------------------------------------------

    def _fresh(self) -> None:
        self._forget_saves()
        self.dirty = self.conflict = self.comparing = False
        self.markers, self.errors, self.warnings = [], 0, 0
        self.draft_kept = ""
        if self._draft_visit != self._visits:  # an editor that stands after a reload tells before the source has come
            self.draft_saved = ""
        self.refusals, self.moved = [], ""
        self.base_author = self.base_message = ""
        self.stale_revision = 0
        self._close_docs()
        self._arrange()
        self.breakpoints, self.followed = [], ""
        self.play, self.wish, self.editor_command = {}, {}, {}
        self.files_dirty = False

    def _read_text(self, *, force: bool = False) -> None:
        turn = max(int(self.text_load["turn"]) + 1, time.time_ns() // 1_000_000)
        self.text_load = {"turn": turn, "force": force}

    @turns.reads
    async def open_flow(self):
        """Let the editor read the flow that the page shows; a line of the URL is shown (`?line=`)."""
        key = f"{self.tenant_id}/{self.flow_ns}/{self.flow_id}"
        if self.editor_ready and self.dirty and not self.creating and self.draft_key == key:
            self._take_repair()
            await self._come_back()
            return
        self._fresh()
        self._take_repair()
        self.creating = False
        self.base_revision = self.flow_revision
        self.begin = {"kind": "stored", "url": flow_source(self.tenant_id, self.flow_ns, self.flow_id)}
        self._read_text()
        self.doc_uri, self.draft_key = f"{key}.yaml", key
        self.editor_ready = True
        self.files_writable = self.may("FLOW", "UPDATE", self.flow_ns)
        line = self.query("line")
        if line.isdigit():
            self._order("reveal", line=int(line))
        async with self.api() as api:
            await self._read_author(api)

    @internal
    def repair(self, namespace: str, flow_id: str, prompt: str) -> None:
        """Ask the assistant for a repair as soon as the flow's editor opens (UI-XP-11)."""
        self._repair = (f"{namespace}/{flow_id}", prompt)

    def _take_repair(self) -> None:
        (name, prompt), self._repair = self._repair, ("", "")
        if name != f"{self.flow_ns}/{self.flow_id}":
            return
        self.wish = {"seq": time.time_ns() // 1_000_000, "prompt": prompt}
        self._front("copilot")  # it asks when it is seen

    async def _read_author(self, api: Client) -> None:
        history = await api.flows.history(self.flow_ns, self.flow_id)
        self.base_author, _, self.base_message = moment_of(history, self.base_revision)

    async def _come_back(self) -> None:
        """The socket came again under unsaved text: the text and the revision that it is based on stay."""
        self.saving = False
        async with self.api(say("Could not read the flow's revision")) as api:
            flow = await self.read_head(api)
            self.stale_revision = max(self.stale_revision, int(flow.get("revision") or 0))
        if self._login_asked:
            return
        self._kept = True
        self._order("report")

    @turns.reads
    async def open_new(self):
        """A new flow: a sample, the copy of another, a blueprint, or the example of a plugin (UI-ED-04)."""
        self.clear()
        self._fresh()
        self.creating = True
        self.flow_ready = self.flow_read_only = False
        self.flow_ns = self.flow_id = ""
        name = f"flow_{secrets.token_hex(3)}"
        self.begin = self._beginning(name)
        self._read_text()
        self.base_revision = 0
        self.doc_uri = f"{self.tenant_id}/new/{name}.yaml"
        self.draft_key = f"{self.tenant_id}/new"
        self.editor_ready = True

    def _beginning(self, name: str) -> dict[str, Any]:
        namespace = self.query("namespace") or str(self.settings.get("defaultNamespace") or "") or "company.team"
        about = {"name": name, "namespace": namespace}
        origin, blueprint, cls = self.query("flow"), self.query("blueprintId"), self.query("plugin")
        if self.query("copy") and origin:
            url = flow_source(self.tenant_id, namespace, origin)
            return {"kind": "copy", "url": url, "origin": origin, **about}
        if blueprint:
            return {"kind": "blueprint", "url": blueprint_source(self.tenant_id, blueprint), **about}
        if cls:
            place = self.query("example", "0")
            example = int(place) if place.isdigit() else 0
            return {"kind": "plugin", "url": plugin_page(cls), "cls": cls, "example": example, **about}
        return {"kind": "sample", **about}

    # -- what the editor tells ----------------------------------------------------------------------------

    @rx.event
    async def take_unread(self, why: dict[str, Any]):
        """What a new flow should begin with could not be read; it begins with a sample."""
        copies = why.get("kind") == "copy"
        title = say("Could not read the flow to copy") if copies else say("Could not read what the flow begins with")
        status, request_id = int(why.get("status") or 0), str(why.get("requestId") or "")
        self.fail(ApiError(status, str(why.get("message") or ""), request_id), title)

    @rx.event
    async def take_base(self, revision: int):
        """Another revision came while one typed or saved: the text goes on with the one that it began with."""
        self.stale_revision = max(self.stale_revision, self.base_revision)
        self.base_revision = revision

    @rx.event
    async def mark_dirty(self, dirty: bool):
        """The text differs from the saved one, or no longer."""
        self.dirty = dirty
        kept, self._kept = self._kept, False
        if kept and not dirty:
            return EditorState.open_flow  # it was the page that came again, not its socket alone
        return None

    @rx.event
    async def mark_files(self, dirty: bool):
        """A namespace file that is open has unsaved text, or none has."""
        self.files_dirty = dirty

    @rx.event
    async def take_markers(self, markers: list[dict[str, Any]]):
        """What schema and server find."""
        self.errors = sum(1 for one in markers if one.get("severity") == "error")
        self.warnings = sum(1 for one in markers if one.get("severity") == "warning")
        self.markers = markers[:100]
        # What the server refuses keeps a save away (UI-ED-21); what only the schema dislikes does not.
        bad = [one for one in markers if one.get("severity") == "error" and one.get("source") == "server"]
        self.refusals = [f"{one.get('line')}: {one.get('message')}" for one in bad[:5]]

    @rx.event
    async def take_moved(self, name: str):
        """Other names stand in the text than those of the stored flow (UI-ED-22); none do."""
        self.moved = name

    @rx.event
    async def take_breakpoints(self, tasks: list[str]):
        """Tasks before which an execution from here stops (UI-ED-71)."""
        self.breakpoints = tasks

    # -- orders to the editor -----------------------------------------------------------------------------

    def _order(self, kind: str, **fields: Any) -> None:
        self.editor_command = {"seq": time.time_ns() // 1_000_000, "kind": kind, **fields}

    @rx.event
    async def jump(self, line: int, column: int):
        """A problem was pressed."""
        self._order("reveal", line=line, column=column)

    @rx.event
    async def jump_to(self, task: str):
        """A node of the graph was pressed."""
        self._order("reveal", id=task)

    @rx.event
    async def put_names(self):
        """Put the names of the stored flow back into the text."""
        self._order("names")

    @rx.event
    async def export_text(self):
        """Download the stored source as a file."""
        self.download(f"/api/v1/{self.tenant_id}/console/flows/{self.flow_ns}/{self.flow_id}/source.yaml")

    @rx.event
    async def add_element(self, kind: str):
        """`trigger` or `error` is added, `about` (description, labels) edited, the `link` copied (UI-ED-65)."""
        self.adding = {"seq": time.time_ns() // 1_000_000, "kind": kind}

    @rx.event
    async def format_text(self):
        """Format the document."""
        self._order("format")

    @rx.event
    async def show_outline(self):
        """List tasks, inputs and triggers to jump to."""
        self._order("outline")

    @rx.event
    async def take_play(self, task: str):
        """Play was pressed beside a task: unsaved text is saved first (UI-ED-80)."""
        if self.dirty:
            if self.errors:
                self.toast(say("Not played"), say("The text has errors."), level="warning")
                return
            self._order_save(f"play:{task}")
            return
        self._play(task)

    def _play(self, task: str) -> None:
        self.play = {"seq": time.time_ns() // 1_000_000, "task": task}
        if "playground" not in self.shown_panels:
            self._bring("playground")

    @rx.event
    async def open_execution(self, execution: str):
        """Show an execution as a page."""
        self.navigate(routes.execution(self.flow_ns, self.flow_id, execution, self.execution_tab))

    @rx.event
    async def follow(self, execution: str):
        """A panel shows this execution as it runs."""
        self.followed = execution

    @rx.event
    async def show_run(self, execution: str):
        """An execution was started from here: show it beside the code (UI-ED-70)."""
        self.followed = execution
        self._bring("lastrun")

    @rx.event
    async def take_hotkey(self, keys: str):
        """Ctrl E executes, Ctrl S saves also outside of the editor."""
        if keys == "mod+s":
            self._order_save()
            return None
        if keys == "mod+e" and not self.creating:
            return EditorState.press_execute
        return None


openers["edit"] = EditorState.open_flow
followers["panel"] = EditorState.show_run
