"""Markdown as a page, CSV as a table (``spec/ui.md`` UI-NS-07)."""

from __future__ import annotations

import reflex as rx

from components.client import WORDS
from components.file_preview import _CSS, GLYPHS, ICONS, NET
from components.file_preview import _JS as _FILE
from components.pdf_view import PDFJS
from components.value_tree import _CSS as _TREE_CSS
from components.value_tree import _JS as _TREE

_JS = rx.asset("text_preview.jsx", shared=True)
__all__ = ["GLYPHS", "NET", "WORDS", "_CSS", "_FILE", "_TREE", "_TREE_CSS", "TextPreview", "text_preview"]


class TextPreview(rx.NoSSRComponent):
    """The text of ``url``, drawn as ``kind`` says: ``page`` or ``table``."""

    library = _JS.importable_path
    tag = "TextPreview"
    lib_dependencies: list[str] = [PDFJS, ICONS]
    url: rx.Var[str]
    kind: rx.Var[str]


text_preview = TextPreview.create
