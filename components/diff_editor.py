"""Two texts side by side or line by line (``spec/ui.md`` §6.3, picture 08)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.held_texts import HELD
from components.monaco import MONACO, PACKAGES
from components.net import NET

_JS = rx.asset("diff_editor.jsx", shared=True)
__all__ = ["GLYPHS", "HELD", "MONACO", "NET", "DiffEditor", "diff_editor"]


class DiffEditor(rx.NoSSRComponent):
    """Read-only difference of ``original`` and ``modified``; equal parts are folded when ``fold`` is set.

    A stored text is named by ``original_url`` or ``modified_url`` and read by the browser, one that an editor of the
    page holds by ``held(…)``: neither travels through the page's state (UI-RX-02).

    ``on_stats`` gives ``{added, removed, changes}``. ``step`` ({seq, by}) goes to the next or previous change.
    """

    library = _JS.importable_path
    tag = "DiffEditor"
    lib_dependencies: list[str] = [*PACKAGES, ICONS]
    original: rx.Var[str]
    modified: rx.Var[str]
    original_url: rx.Var[str]
    modified_url: rx.Var[str]
    language: rx.Var[str]
    side_by_side: rx.Var[bool]
    ignore_space: rx.Var[bool]
    fold: rx.Var[bool]
    theme: rx.Var[str]
    step: rx.Var[dict[str, Any]]
    on_stats: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


diff_editor = DiffEditor.create
