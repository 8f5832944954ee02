"""A PDF, one page at a time, drawn in the browser by pdf.js (UI-XP-52, UI-NS-07, UI-RX-05)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("pdf_view.jsx", shared=True)
_CSS = rx.asset("pdf_view.css", shared=True)
PDFJS = "pdfjs-dist@6.5.438"
"""What every component names that may open a PDF; `rxconfig.py` publishes its fonts and character maps."""
__all__ = ["GLYPHS", "NET", "PDFJS", "PdfView", "pdf_view"]


class PdfView(rx.NoSSRComponent):
    """The PDF at ``url`` with page number, zoom, and its text for readers; ``name`` is the file's.

    The library and its worker come from our own origin, and only when a PDF is opened. Scripts in the file never run.
    """

    library = _JS.importable_path
    tag = "PdfView"
    lib_dependencies: list[str] = [PDFJS, ICONS]
    url: rx.Var[str]
    name: rx.Var[str]


pdf_view = PdfView.create
