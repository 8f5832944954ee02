"""The head of a file of internal storage (UI-XP-52)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("file_preview.jsx", shared=True)
_CSS = rx.asset("file_preview.css", shared=True)
__all__ = ["GLYPHS", "NET", "FilePreview", "file_preview"]


class FilePreview(rx.NoSSRComponent):
    """Tables with types, sort and search of the loaded rows; JSON as tree; pictures; text; bytes for the rest.

    ``preview_url`` and ``file_url`` are ``…/executions/{id}/file/preview`` and ``…/file``; ``uri`` names the file.
    """

    library = _JS.importable_path
    tag = "FilePreview"
    lib_dependencies: list[str] = [ICONS]
    preview_url: rx.Var[str]
    file_url: rx.Var[str]
    uri: rx.Var[str]


file_preview = FilePreview.create
