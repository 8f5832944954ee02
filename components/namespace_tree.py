"""The tree of namespaces with counts (``spec/ui.md`` UI-NS-01)."""

from __future__ import annotations

import reflex as rx

from components.client import SHELL
from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("namespace_tree.jsx", shared=True)
_CSS = rx.asset("namespace_tree.css", shared=True)
__all__ = ["GLYPHS", "NET", "SHELL", "NamespaceTree", "namespace_tree"]


class NamespaceTree(rx.NoSSRComponent):
    """Rows of ``url``: ``{results: [{id, description, flows, runs, running, failed}]}``, folded by their dots.

    ``query`` shows what has its words in name or description, with all above it; ``system`` stands on top. What is
    folded is kept for the session. ``reload`` is any number; a change reads again.
    """

    library = _JS.importable_path
    tag = "NamespaceTree"
    lib_dependencies: list[str] = [ICONS]
    url: rx.Var[str]
    query: rx.Var[str]
    reload: rx.Var[int]
    system: rx.Var[str]


namespace_tree = NamespaceTree.create
