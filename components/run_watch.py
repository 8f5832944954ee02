"""What the browser's tab says of an execution: the icon's colour, and a notice when it ends (UI-SH-04, UI-XP-02)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS

_JS = rx.asset("run_watch.jsx", shared=True)
__all__ = ["GLYPHS", "RunWatch", "run_watch"]


class RunWatch(rx.NoSSRComponent):
    """Colours the tab's icon by ``state``; while it runs, a button asks for a notice of the browser at the end."""

    library = _JS.importable_path
    tag = "RunWatch"
    lib_dependencies: list[str] = [ICONS]
    state: rx.Var[str]
    name: rx.Var[str]
    terminal: rx.Var[bool]


run_watch = RunWatch.create
