"""Files of a namespace inside the editor (``spec/ui.md`` UI-ED-52)."""

from __future__ import annotations

import reflex as rx

from components.client import BRIDGE, OVERLAY
from components.code_editor import CodeEditor
from components.diff_editor import DiffEditor
from components.file_tree import FileTree
from components.glyphs import GLYPHS, ICONS
from components.monaco import PACKAGES
from components.net import NET
from components.pdf_view import PDFJS, PdfView

_JS = rx.asset("files_panel.jsx", shared=True)
_VIEWS = rx.asset("files_views.jsx", shared=True)
_CSS = rx.asset("files_panel.css", shared=True)
__all__ = [
    "BRIDGE",
    "GLYPHS",
    "NET",
    "OVERLAY",
    "CodeEditor",
    "DiffEditor",
    "FileTree",
    "FilesPanel",
    "PdfView",
    "files_panel",
]


class FilesPanel(rx.NoSSRComponent):
    """Tree and open files, each with its dirty dot, Save and kept versions; pictures and PDF are shown.

    ``on_dirty`` tells whether one is unsaved.
    """

    library = _JS.importable_path
    tag = "FilesPanel"
    lib_dependencies: list[str] = [*PACKAGES, PDFJS, ICONS]
    api: rx.Var[str]
    namespace: rx.Var[str]
    can_write: rx.Var[bool]
    on_dirty: rx.EventHandler[rx.event.passthrough_event_spec(bool)]


files_panel = FilesPanel.create
