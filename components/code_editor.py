"""Editor of a namespace file, or of a value in a form (``spec/ui.md`` §5.6, §10; picture 12)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.client import OVERLAY
from components.diff_editor import DiffEditor
from components.glyphs import GLYPHS, ICONS
from components.monaco import MONACO, PACKAGES
from components.net import NET

_JS = rx.asset("code_editor.jsx", shared=True)
_NEWER = rx.asset("file_newer.jsx", shared=True)
__all__ = ["GLYPHS", "MONACO", "NET", "OVERLAY", "CodeEditor", "DiffEditor", "code_editor"]


class CodeEditor(rx.NoSSRComponent):
    """Monaco with highlighting for a file; its text never travels through state.

    With ``load_url`` the text is read by GET (else ``value``), with ``save_url`` Ctrl S writes it back, by PUT or
    as multipart part ``fileContent`` when ``save_method`` is ``POST``. ``on_saved`` and ``on_error`` tell the
    end: ``ordered`` when a ``command`` asked for the save, ``told`` when the reader sees the fault here already.
    ``language`` is a language or a file name. With ``stats_url`` (of a namespace file) a version that somebody else
    saves meanwhile is told apart: a bar offers to compare, to take it or to keep one's own. Other components show the
    text of an editor with a ``share`` of its own at further places (``CodeTwin``).
    """

    library = _JS.importable_path
    tag = "CodeEditor"
    lib_dependencies: list[str] = [*PACKAGES, ICONS]
    value: rx.Var[str]
    language: rx.Var[str]
    read_only: rx.Var[bool]
    load_url: rx.Var[str]
    save_url: rx.Var[str]
    save_method: rx.Var[str]
    stats_url: rx.Var[str]
    theme: rx.Var[str]
    wrap: rx.Var[bool]
    draft_key: rx.Var[str]
    command: rx.Var[dict[str, Any]]
    on_dirty: rx.EventHandler[rx.event.passthrough_event_spec(bool)]
    on_save: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_saved: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_change: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_error: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]


code_editor = CodeEditor.create
