"""The documentation beside the code: of the type at the cursor, of one looked for, or a pinned page (UI-ED-50)."""

from __future__ import annotations

import re
from typing import Any

import reflex as rx

from app import turns
from app.pages.flows.documentation import FLOW, Documentation, page_of
from app.words import say
from backend_client import ApiError

KEPT_PAGES = 30
MINIMUM_QUERY = 2
KINDS = ("tasks", "triggers", "conditions", "taskRunners")


class Reading(rx.State, mixin=True):
    """Cursor and documentation of the editor's document."""

    cursor_place: str = ""
    cursor_path: str = ""
    cursor_type: str = ""

    doc: Documentation = Documentation()
    doc_view: str = "properties"
    doc_pinned: bool = False
    doc_query: str = ""
    _doc_trail: list[str] = []
    _doc_at: int = -1
    _doc_wanted: str = ""

    def _close_docs(self: Any) -> None:
        self.doc, self.doc_view, self.doc_pinned, self.doc_query = Documentation(), "properties", False, ""
        self._doc_trail, self._doc_at = [], -1

    @rx.event
    async def take_cursor(self: Any, cursor: dict[str, Any]):
        """The cursor moved: the documentation follows it unless it is pinned."""
        self.cursor_place = f"{cursor.get('line', 1)}:{cursor.get('column', 1)}"
        self.cursor_path = str(cursor.get("path") or "")
        self.cursor_type = str(cursor.get("type") or "")
        return self._follow(self._subject())

    def _subject(self: Any) -> str:
        """What the documentation is about at the cursor: a type, the flow at its top, nothing while a type is typed."""
        root = re.split(r"[.\[]", self.cursor_path, maxsplit=1)[0]
        inside = self.cursor_path != root and root in (*KINDS, "errors", "finally", "afterExecution")
        return self.cursor_type or ("" if inside else FLOW)

    @rx.event
    async def take_type(self: Any, cls: str):
        """An element was opened in the form."""
        return self._follow(cls)

    def _follow(self: Any, cls: str) -> Any:
        """The event that shows the documentation of what the cursor is at, where there is room and it is another."""
        wanted = cls and cls != self.doc.type and not self.doc_pinned and "docs" in self.shown_panels
        return type(self).read_doc(cls) if wanted else None

    @rx.event(background=True)
    async def read_doc(self: Any, cls: str) -> None:
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

    async def _read_doc(self: Any, cls: str, *, keep: bool = True) -> None:
        if keep:
            self._keep_doc(cls)
        self._doc_wanted = cls
        try:
            async with self.api(raising=True) as api:
                self._show_doc(await page_of(api, cls))
        except ApiError:
            pass  # the last page stays

    def _keep_doc(self: Any, cls: str) -> None:
        self._doc_trail = [*self._doc_trail[: self._doc_at + 1], cls][-KEPT_PAGES:]
        self._doc_at = len(self._doc_trail) - 1

    def _show_doc(self: Any, found: Documentation) -> None:
        self.doc = found
        self.doc_view = "properties" if found.properties else "examples"

    @turns.asks
    async def doc_step(self: Any, by: int):
        """The documentation page before or after the one that is shown."""
        at = self._doc_at + by
        if 0 <= at < len(self._doc_trail):
            self._doc_at = at
            await self._read_doc(self._doc_trail[at], keep=False)

    @turns.asks
    async def find_doc(self: Any, words: str):
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
    async def insert_example(self: Any, code: str):
        """Put the tasks of an example after the element at the cursor."""
        self._order("insert-tasks", text=code)

    @rx.event
    async def show_doc(self: Any, view: str):
        """Another part of the documentation."""
        self.doc_view = view

    @rx.event
    async def pin_doc(self: Any):
        """Stop following the cursor, or follow it again."""
        self.doc_pinned = not self.doc_pinned
