"""How the editor is arranged: its panels, and what the reader likes of the code's looks (UI-ED-02, UI-SH-01)."""

from __future__ import annotations

import time
from typing import Any

import reflex as rx

from app import turns
from app.pages.flows.editor_layout import (
    DEFAULT_LAYOUT,
    VISUAL_LAYOUT,
    holds,
    layout_of,
    panels_of,
    with_panel,
    word_of,
)
from app.words import say


class Arranged(rx.State, mixin=True):
    """Panels, their places, and switches of the code."""

    layout: list[dict[str, Any]] = []
    layout_turn: int = 0
    """Grows when the page shall take another layout; what it tells of an earlier turn is over."""
    shown_panels: list[str] = []
    playing: bool = False
    """The playground is on: its panel has a place, tasks have a Play button (UI-ED-80)."""
    panel_problems: bool = True
    word_wrap: bool = False
    minimap: bool = False
    vim_keys: bool = False
    show_panel: dict[str, Any] = {}
    front_panel: str = ""
    """The panel that is seen first where there is room for one alone."""
    run_in: str = "same"
    _arranged: str = ""
    """The short form of the panels that were told last; empty before the page told any."""
    _linked: bool = False
    """The panels stand as the URL says, not as the reader has them."""

    def _arrange(self: Any) -> None:
        """Begin with the reader's own arrangement, or that of the URL."""
        kept = self.settings.get("editor") or {}
        visual = str(self.settings.get("editorType") or "").upper() in {"NO_CODE", "NOCODE"}
        given = kept.get("layout")
        own = given if isinstance(given, list) and given else VISUAL_LAYOUT if visual else DEFAULT_LAYOUT
        linked = layout_of(self.query("panels"))
        self._linked = bool(linked) and word_of(linked) != word_of(own)
        self._show_layout(linked if self._linked else own)
        self.show_panel, self.front_panel = {}, ""
        if self.settings.get("playground") and "playground" not in self.shown_panels:
            self._bring("playground")
        self.panel_problems = bool(kept.get("problems", True))
        self.word_wrap, self.minimap = bool(kept.get("wrap", False)), bool(kept.get("minimap", False))
        self.vim_keys = bool(kept.get("vim", False))
        self.run_in = str(kept.get("runIn") or "same")

    def _bring(self: Any, panel: str) -> None:
        self.show_panel = {"seq": time.time_ns() // 1_000_000, "panel": panel}

    def _front(self: Any, panel: str) -> None:
        """Show a panel for this visit alone: the reader's own arrangement is not touched."""
        self._linked = True
        self._show_layout(with_panel(self.layout, panel))
        self.front_panel = panel

    def _show_layout(self: Any, layout: list[dict[str, Any]]) -> None:
        self.layout, self.layout_turn, self._arranged = layout, time.time_ns() // 1_000_000, ""
        self.shown_panels, self.playing = panels_of(layout), holds(layout, "playground")

    @turns.keeps
    async def take_layout(self: Any, layout: list[dict[str, Any]], turn: int):
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

    async def _keep(self: Any, **changes: Any) -> None:
        kept = {**(self.settings.get("editor") or {}), **changes}
        self.settings = {**self.settings, "editor": kept}
        async with self.api(say("Could not keep the layout")) as api:
            await api.console.patch_settings({"editor": kept})

    @turns.keeps
    async def toggle(self: Any, what: str):
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
    async def choose_run(self: Any, place: str):
        """Where an execution from the editor is shown: `same`, `tab`, `panel` (UI-ED-70); kept for the user."""
        self.run_in = place
        await self._keep(runIn=place)
