"""`EditorState`: one source being written: checks, draft, save with a guard against overwriting (UI-ED)."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.flows.documentation import FLOW, Documentation, page_of
from app.pages.flows.editor_layout import (
    DEFAULT_LAYOUT,
    VISUAL_LAYOUT,
    holds,
    layout_of,
    panels_of,
    with_panel,
    word_of,
)
from app.pages.flows.editor_versions import Versions, moment_of, names_of
from app.pages.flows.execute import ExecuteState, followers
from app.pages.flows.starters import starter
from app.pages.flows.state import FlowState, openers
from app.tab import internal
from app.words import say
from backend_client import ApiError, Client

SAMPLE = """id: {flow}
namespace: {namespace}

tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello from {{{{ flow.id }}}}
"""
KEPT_PAGES = 30
MINIMUM_QUERY = 2
KINDS = ("tasks", "triggers", "conditions", "taskRunners")


class EditorState(Versions, FlowState):
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
    refusals: list[str] = []
    moved: str = ""
    cursor_place: str = ""
    cursor_path: str = ""
    cursor_type: str = ""
    editor_command: dict[str, Any] = {}

    layout: list[dict[str, Any]] = []
    layout_turn: int = 0
    """Grows when the page shall take another layout; what it tells of an earlier turn is over."""
    shown_panels: list[str] = []
    playing: bool = False
    """The playground is on: its panel has a place, tasks have a Play button (UI-ED-80)."""
    panel_problems: bool = True
    word_wrap: bool = False
    breakpoints: list[str] = []
    play: dict[str, Any] = {}
    show_panel: dict[str, Any] = {}
    front_panel: str = ""
    """The panel that is seen first where there is room for one alone."""
    followed: str = ""
    files_dirty: bool = False
    files_writable: bool = True

    doc: Documentation = Documentation()
    doc_view: str = "properties"
    doc_pinned: bool = False
    doc_query: str = ""
    _doc_trail: list[str] = []
    _doc_at: int = -1
    _doc_wanted: str = ""

    save_problem: str = ""
    save_details: list[str] = []
    save_request: str = ""
    copy_offered: bool = False
    copy_text_kept: str = ""
    saying: bool = False
    said: str = ""
    base_author: str = ""
    base_message: str = ""
    run_in: str = "same"
    minimap: bool = False
    vim_keys: bool = False
    adding: dict[str, Any] = {}
    wish: dict[str, Any] = {}
    """What the assistant is asked without a press: `{seq, prompt}`."""

    _then: str = ""
    _save_again: str = ""
    _kept: bool = False
    _arranged: str = ""
    """The short form of the panels that were told last; empty before the page told any."""
    _repair: tuple[str, str] = ("", "")
    """Name of a flow (`namespace/id`) and what the assistant shall mend in it when its editor opens."""
    _linked: bool = False
    """The panels stand as the URL says, not as the reader has them."""

    # -- opening ------------------------------------------------------------------------------------------

    def _fresh(self) -> None:
        self.dirty = self.saving = self.conflict = self.comparing = False
        self.markers, self.errors, self.warnings = [], 0, 0
        self.draft_kept = self.save_problem = self.save_request = ""
        if self._draft_visit != self._visits:  # an editor that stands after a reload tells before the source has come
            self.draft_saved = self.draft_text = ""
        self.refusals, self.moved, self.saying, self.said = [], "", False, ""
        self.base_author = self.base_message = ""
        self.save_details = []
        self.copy_offered, self.copy_text_kept = False, ""
        self.stale_revision, self._then = 0, ""
        self.doc, self.doc_view, self.doc_pinned = Documentation(), "properties", False
        kept = self.settings.get("editor") or {}
        visual = str(self.settings.get("editorType") or "").upper() in {"NO_CODE", "NOCODE"}
        given = kept.get("layout")
        own = given if isinstance(given, list) and given else VISUAL_LAYOUT if visual else DEFAULT_LAYOUT
        linked = layout_of(self.query("panels"))
        self._linked = bool(linked) and word_of(linked) != word_of(own)
        self._show_layout(linked if self._linked else own)
        self.breakpoints, self.followed, self.doc_query = [], "", ""
        self.play, self.show_panel, self.wish, self.front_panel = {}, {}, {}, ""
        if self.settings.get("playground") and "playground" not in self.shown_panels:
            self.show_panel = {"seq": time.time_ns() // 1_000_000, "panel": "playground"}
        self.files_dirty = False
        self._doc_trail, self._doc_at = [], -1
        self.panel_problems = bool(kept.get("problems", True))
        self.word_wrap, self.minimap = bool(kept.get("wrap", False)), bool(kept.get("minimap", False))
        self.vim_keys = bool(kept.get("vim", False))
        self.run_in = str(kept.get("runIn") or "same")

    @turns.reads
    async def open_flow(self):
        """Load the source of the flow that the page shows; a line of the URL is shown (`?line=`)."""
        key = f"{self.tenant_id}/{self.flow_ns}/{self.flow_id}"
        if self.editor_ready and self.dirty and not self.creating and self.draft_key == key:
            self._take_repair()
            await self._come_back()
            return
        self._fresh()
        self._take_repair()
        self.creating = False
        async with self.api() as api:
            flow = await api.flows.get(self.flow_ns, self.flow_id, deleted=self.flow_deleted)
            self.source = str(flow.get("source") or "")
            self.base_revision = int(flow.get("revision") or 0)
            self.doc_uri = f"{self.tenant_id}/{self.flow_ns}/{self.flow_id}.yaml"
            self.draft_key = f"{self.tenant_id}/{self.flow_ns}/{self.flow_id}"
            self.editor_ready = True
            self.files_writable = self.may("FLOW", "UPDATE", self.flow_ns)
            await self._read_author(api)
        line = self.query("line")
        if line.isdigit():
            self._order("reveal", line=int(line))

    @internal
    def repair(self, namespace: str, flow_id: str, prompt: str) -> None:
        """Ask the assistant for a repair as soon as the flow's editor opens (UI-XP-11)."""
        self._repair = (f"{namespace}/{flow_id}", prompt)

    def _take_repair(self) -> None:
        (name, prompt), self._repair = self._repair, ("", "")
        if name != f"{self.flow_ns}/{self.flow_id}":
            return
        self.wish = {"seq": time.time_ns() // 1_000_000, "prompt": prompt}
        # For this visit alone: the reader's own arrangement is not touched.
        self._linked = True
        self._show_layout(with_panel(self.layout, "copilot"))
        self.front_panel = "copilot"  # it asks when it is seen

    def _show_layout(self, layout: list[dict[str, Any]]) -> None:
        self.layout, self.layout_turn, self._arranged = layout, time.time_ns() // 1_000_000, ""
        self.shown_panels, self.playing = panels_of(layout), holds(layout, "playground")

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
        again, self._save_again = self._save_again, ""
        self._order("save" if again == self.draft_key else "report")  # the save that the ended session refused

    @turns.reads
    async def open_new(self):
        """A new flow: the sample, or the copy of another (UI-ED-04)."""
        self.clear()
        self._fresh()
        self.creating = True
        self.flow_ready = self.flow_read_only = False
        self.flow_ns = self.flow_id = ""
        namespace = self.query("namespace") or str(self.settings.get("defaultNamespace") or "") or "company.team"
        name = f"flow_{secrets.token_hex(3)}"
        self.source = SAMPLE.format(flow=name, namespace=namespace)
        if self.query("blueprintId") or self.query("plugin"):
            async with self.api(say("Could not read what the flow begins with")) as api:
                self.source = await starter(api, self.query, name, namespace) or self.source
        origin = self.query("flow")
        if self.query("copy") and origin:
            async with self.api(say("Could not read the flow to copy")) as api:
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
    async def take_cursor(self, cursor: dict[str, Any]):
        """The cursor moved: the documentation follows it unless it is pinned."""
        self.cursor_place = f"{cursor.get('line', 1)}:{cursor.get('column', 1)}"
        self.cursor_path = str(cursor.get("path") or "")
        self.cursor_type = str(cursor.get("type") or "")
        return self._follow(self._subject())

    def _subject(self) -> str:
        """What the documentation is about at the cursor: a type, the flow at its top, nothing while a type is typed."""
        root = re.split(r"[.\[]", self.cursor_path, maxsplit=1)[0]
        inside = self.cursor_path != root and root in (*KINDS, "errors", "finally", "afterExecution")
        return self.cursor_type or ("" if inside else FLOW)

    @rx.event
    async def take_type(self, cls: str):
        """An element was opened in the form."""
        return self._follow(cls)

    def _follow(self, cls: str) -> Any:
        """The event that shows the documentation of what the cursor is at, where there is room and it is another."""
        wanted = cls and cls != self.doc.type and not self.doc_pinned and "docs" in self.shown_panels
        return EditorState.read_doc(cls) if wanted else None

    @rx.event(background=True)
    async def read_doc(self, cls: str) -> None:
        """Read the page of a type beside all else: whoever saves meanwhile does not wait for it."""
        async with self:
            api = self._client()
            self._doc_wanted = cls
        try:
            found = await page_of(api, cls)
        except ApiError:
            return  # half a type name while one types; the last page stays
        finally:
            await api.close()
        async with self:
            if self._doc_wanted == cls and not self.doc_pinned:
                self._keep_doc(cls)
                self._show_doc(found)

    async def _read_doc(self, cls: str, *, keep: bool = True) -> None:
        if keep:
            self._keep_doc(cls)
        self._doc_wanted = cls
        try:
            async with self.api(raising=True) as api:
                self._show_doc(await page_of(api, cls))
        except ApiError:
            pass  # the last page stays

    def _keep_doc(self, cls: str) -> None:
        self._doc_trail = [*self._doc_trail[: self._doc_at + 1], cls][-KEPT_PAGES:]
        self._doc_at = len(self._doc_trail) - 1

    def _show_doc(self, found: Documentation) -> None:
        self.doc = found
        self.doc_view = "properties" if found.properties else "examples"

    # -- orders to the editor -----------------------------------------------------------------------------

    @rx.event
    async def jump(self, line: int, column: int):
        """A problem was pressed."""
        self._order("reveal", line=line, column=column)

    @rx.event
    async def jump_to(self, task: str):
        """A node of the graph was pressed."""
        self._order("reveal", id=task)

    @turns.keeps
    async def take_layout(self, layout: list[dict[str, Any]], turn: int):
        """The panels were arranged: kept for the user (UI-ED-02), and which stand where in the URL (UI-SH-01).

        The first one is what the page began with. One that came by the URL is not kept before the reader changes it.
        """
        if turn != self.layout_turn:
            return None
        word = word_of(layout)
        began, self._arranged = self._arranged, word
        self.layout, self.shown_panels = layout, panels_of(layout)  # a reload begins with what the state holds
        self.playing = holds(layout, "playground")
        then = None if self.doc.type else self._follow(self._subject())
        if began and word != began:
            self._linked = False
            rest = [(k, v) for k, v in self.query_pairs() if k != "panels"]
            self.replace_url([*rest, ("panels", word)] if word else rest)
        kept = self.settings.get("editor") or {}
        if layout and not self._linked and layout != (kept.get("layout") or DEFAULT_LAYOUT):
            await self._keep(layout=layout)
        return then

    async def _keep(self, **changes: Any) -> None:
        kept = {**(self.settings.get("editor") or {}), **changes}
        self.settings = {**self.settings, "editor": kept}
        async with self.api(say("Could not keep the layout")) as api:
            await api.console.patch_settings({"editor": kept})

    @turns.keeps
    async def toggle(self, what: str):
        """Show or hide the problems or the overview, wrap lines or not, Vim keys or not; kept for the user."""
        if what == "problems":
            self.panel_problems = not self.panel_problems
        elif what == "minimap":
            self.minimap = not self.minimap
        elif what == "vim":
            self.vim_keys = not self.vim_keys
        else:
            self.word_wrap = not self.word_wrap
        await self._keep(problems=self.panel_problems, wrap=self.word_wrap, minimap=self.minimap, vim=self.vim_keys)

    @turns.keeps
    async def choose_run(self, place: str):
        """Where an execution from the editor is shown: `same`, `tab`, `panel` (UI-ED-70); kept for the user."""
        self.run_in = place
        await self._keep(runIn=place)

    @rx.event
    async def take_moved(self, name: str):
        """Other names stand in the text than those of the stored flow (UI-ED-22); none do."""
        self.moved = name

    @rx.event
    async def put_names(self):
        """Put the names of the stored flow back into the text."""
        self._order("names")

    @rx.event
    async def copy_moved(self):
        """Make a flow of its own of the text whose names were changed."""
        self._then = "copy"
        self._order("hand")

    @rx.event
    async def export_text(self):
        """Download the stored source as a file."""
        self.download(f"/api/v1/{self.tenant_id}/console/flows/{self.flow_ns}/{self.flow_id}/source.yaml")

    @rx.event
    async def add_element(self, kind: str):
        """`trigger` or `error` is added, `about` (description, labels) edited, the `link` copied (UI-ED-65)."""
        self.adding = {"seq": time.time_ns() // 1_000_000, "kind": kind}

    @turns.asks
    async def doc_step(self, by: int):
        """The documentation page before or after the one that is shown."""
        at = self._doc_at + by
        if 0 <= at < len(self._doc_trail):
            self._doc_at = at
            await self._read_doc(self._doc_trail[at], keep=False)

    @turns.asks
    async def find_doc(self, words: str):
        """Open the page of the plugin whose type holds the words."""
        self.doc_query = words
        if len(words.strip()) < MINIMUM_QUERY:
            return
        async with self.api(say("Could not search the plugins")) as api:
            types = [one.cls for group in await api.plugins.groups() for one in group.elements if one.kind in KINDS]
            parts = words.lower().split()
            hits = sorted((cls for cls in types if all(part in cls.lower() for part in parts)), key=len)
            if hits:
                await self._read_doc(hits[0])

    @rx.event
    async def insert_example(self, code: str):
        """Put the tasks of an example after the element at the cursor."""
        self._order("insert-tasks", text=code)

    @rx.event
    async def format_text(self):
        """Format the document."""
        self._order("format")

    @rx.event
    async def show_outline(self):
        """List tasks, inputs and triggers to jump to."""
        self._order("outline")

    @rx.event
    async def take_breakpoints(self, tasks: list[str]):
        """Tasks before which an execution from here stops (UI-ED-71)."""
        self.breakpoints = tasks

    @rx.event
    async def take_play(self, task: str):
        """Play was pressed beside a task: unsaved text is saved first (UI-ED-80)."""
        if self.dirty:
            if self.errors:
                self.toast(say("Not played"), say("The text has errors."), level="warning")
                return
            self._then = f"play:{task}"
            self._order("save")
            return
        self._play(task)

    def _play(self, task: str) -> None:
        self.play = {"seq": time.time_ns() // 1_000_000, "task": task}
        if "playground" not in self.shown_panels:
            self.show_panel = {"seq": self.play["seq"], "panel": "playground"}

    @rx.event
    async def open_execution(self, execution: str):
        """Show an execution as a page."""
        self.navigate(routes.execution(self.flow_ns, self.flow_id, execution, self.execution_tab))

    @rx.event
    async def use_blueprint(self, text: str):
        """Take a blueprint's source; an existing flow keeps its names (UI-ED-22)."""
        if not self.creating:
            for key, name in (("id", self.flow_id), ("namespace", self.flow_ns)):
                text = re.sub(rf"^{key}:.*$", f"{key}: {name}", text, count=1, flags=re.MULTILINE)
        self._order("replace", text=text)

    @rx.event
    async def follow(self, execution: str):
        """A panel shows this execution as it runs."""
        self.followed = execution

    @rx.event
    async def show_doc(self, view: str):
        """Another part of the documentation."""
        self.doc_view = view

    @rx.event
    async def pin_doc(self):
        """Stop following the cursor, or follow it again."""
        self.doc_pinned = not self.doc_pinned

    @rx.event
    async def press_save(self):
        """The Save button: the editor answers with its text."""
        self._then = ""
        self._order("save")

    @rx.event
    async def press_diff(self):
        """The Diff button: the editor answers with its text."""
        self._then = "diff"
        self._order("hand")

    @rx.event
    async def ask_message(self):
        """Save with words on the revision (UI-ED-60)."""
        self.said, self.saying = "", True

    @rx.event
    async def set_message(self, words: str):
        """What the revision is about."""
        self.said = words

    @rx.event
    async def keep_quiet(self):
        """Do not save."""
        self.saying, self.said = False, ""

    @rx.event
    async def save_with_message(self):
        """Save; the words stay with the revision."""
        self.saying, self._then = False, ""
        self._order("save")

    @rx.event
    async def press_execute(self):
        """Execute the saved revision; unsaved text is saved first when it is valid (UI-ED-70)."""
        if self.dirty and not self.errors:
            self._then = "execute"
            self._order("save")
            return None
        return ExecuteState.open_with(self.flow_ns, self.flow_id, self.breakpoints, self.run_in)

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

    @turns.writes
    async def take_text(self, text: str):
        """The editor hands over its text: to save it, or to compare it."""
        then, self._then = self._then, ""
        if then == "diff":
            self._compare_text(text)
            return
        if then == "copy":
            self.copy_text_kept = text
            yield EditorState.save_copy
            return
        if text == self.source and not self.creating:
            if then == "execute":
                yield ExecuteState.open_with(self.flow_ns, self.flow_id, self.breakpoints, self.run_in)
            elif then.startswith("play:"):
                self._play(then.removeprefix("play:"))
            else:
                self.toast(
                    say("Nothing to save"),
                    say("The text is that of revision {base_revision}.", base_revision=self.base_revision),
                    level="info",
                )
            return
        self.saving = True
        yield
        done = await self._store(text, revision=self.base_revision)
        self.saving = False
        self._save_again = self.draft_key if self._login_asked else ""
        if done and then == "execute":
            yield ExecuteState.open_with(self.flow_ns, self.flow_id, self.breakpoints, self.run_in)
        elif done and then.startswith("play:"):
            self._play(then.removeprefix("play:"))

    async def _store(self, text: str, *, revision: int | None, over: str = "") -> bool:
        """Save; `over` names what is overwritten: `changed`, `deleted` or (a new flow's name) `created`."""
        message, self.said = self.said, ""
        self.save_problem, self.save_details, self.save_request = "", [], ""
        self.copy_offered = False
        namespace, flow_id = names_of(text)
        if not self.creating and namespace and flow_id and (namespace, flow_id) != (self.flow_ns, self.flow_id):
            self.save_problem = say(
                "Id and namespace of {flow_ns}/{flow_id} cannot change.", flow_ns=self.flow_ns, flow_id=self.flow_id
            )
            self.copy_offered, self.copy_text_kept = True, text
            return False
        try:
            async with self.api(raising=True) as api:
                if self.creating:
                    if over == "created":
                        flow = await api.flows.update(namespace, flow_id, text, message=message)
                    else:
                        flow = await api.flows.create(text, message=message)
                    self._saved(text, flow)
                    self.toast(
                        say("Flow saved") if over else say("Flow created"),
                        say("{id} in {namespace}", id=flow.get("id"), namespace=flow.get("namespace")),
                    )
                    place = routes.flow(str(flow.get("namespace")), str(flow.get("id")), "edit")
                    self.creating, self.dirty = False, False
                    self.navigate(place, replace=True)
                    return True
                if over == "deleted":
                    flow = await api.flows.create(text, message=message)
                else:
                    flow = await api.flows.update(self.flow_ns, self.flow_id, text, revision=revision, message=message)
                self._saved(text, flow)
                self.base_author, self.base_message = self.username, message
                self.toast(say("Flow saved"), say("Revision {base_revision}", base_revision=self.base_revision))
                await self.read_head(api)
                return True
        except ApiError as error:
            taken = any("already exists" in one.message for one in error.errors) or "already exists" in error.message
            if (error.status in (404, 409) and not self.creating) or (self.creating and taken):
                self.said = message
                await (self._meet_taken_name(text, namespace, flow_id) if taken else self._meet_conflict(text))
                return False
            self.save_problem, self.save_request = error.message, error.request_id
            self.save_details = [f"{one.path}: {one.message}" if one.path else one.message for one in error.errors][:20]
        return False

    @turns.writes
    async def save_copy(self):
        """Save the text whose id or namespace was changed as a flow of its own (UI-ED-22)."""
        try:
            async with self.api(raising=True) as api:
                flow = await api.flows.create(self.copy_text_kept)
                self.save_problem, self.copy_offered, self.copy_text_kept, self.dirty = "", False, "", False
                self._order("forget")
                self.toast(
                    say("Flow created"), say("{id} in {namespace}", id=flow.get("id"), namespace=flow.get("namespace"))
                )
                self.navigate(routes.flow(str(flow.get("namespace")), str(flow.get("id")), "edit"))
        except ApiError as error:
            self.save_problem, self.save_request, self.copy_offered = error.message, error.request_id, False
            self.save_details = [f"{one.path}: {one.message}" if one.path else one.message for one in error.errors][:20]

    def _saved(self, text: str, flow: dict[str, Any]) -> None:
        self.source, self.base_revision = text, int(flow.get("revision") or 1)
        self.dirty, self.stale_revision, self.moved = False, 0, ""
        self.draft_saved = self.draft_text = self.draft_kept = ""

    @rx.event
    async def show_run(self, execution: str):
        """An execution was started from here: show it beside the code (UI-ED-70)."""
        self.followed = execution
        self.show_panel = {"seq": time.time_ns() // 1_000_000, "panel": "lastrun"}


openers["edit"] = EditorState.open_flow
followers["panel"] = EditorState.show_run
