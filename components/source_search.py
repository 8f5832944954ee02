"""Search and replacement in the sources of all flows (UI-FL-08)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("source_search.jsx", shared=True)
_CSS = rx.asset("source_search.css", shared=True)
__all__ = ["GLYPHS", "NET", "SourceSearch", "source_search"]


class SourceSearch(rx.NoSSRComponent):
    """Text or pattern, case, namespace; a card a flow; replacement with a preview and one new revision each.

    ``api`` is ``/api/v1/{tenant}``; what is looked for stands in the page's query.
    """

    library = _JS.importable_path
    tag = "SourceSearch"
    lib_dependencies: list[str] = [ICONS]
    api: rx.Var[str]
    may_replace: rx.Var[bool]


source_search = SourceSearch.create
