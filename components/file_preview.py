"""The head of a file of internal storage (UI-XP-52)."""

from __future__ import annotations

import reflex as rx

from components.client import WORDS
from components.glyphs import GLYPHS, ICONS
from components.net import NET
from components.pdf_view import _CSS as _PDF_CSS
from components.pdf_view import _JS as _PDF
from components.pdf_view import PDFJS

_JS = rx.asset("file_preview.jsx", shared=True)
_CSS = rx.asset("file_preview.css", shared=True)
__all__ = ["GLYPHS", "NET", "WORDS", "_PDF", "_PDF_CSS", "FilePreview", "file_preview"]


class FilePreview(rx.NoSSRComponent):
    """Tables with types, sort and search of the loaded rows; JSON as tree; Markdown, pictures, PDF, text; else bytes.

    ``preview_url`` and ``file_url`` are ``…/executions/{id}/file/preview`` and ``…/file``; ``uri`` names the file.
    """

    library = _JS.importable_path
    tag = "FilePreview"
    lib_dependencies: list[str] = [PDFJS, ICONS]
    preview_url: rx.Var[str]
    file_url: rx.Var[str]
    uri: rx.Var[str]


file_preview = FilePreview.create
