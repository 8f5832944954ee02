"""Inputs, outputs and variables as a tree (``spec/ui.md`` §8.2, §8.6)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("value_tree.jsx", shared=True)
_CSS = rx.asset("value_tree.css", shared=True)
__all__ = ["GLYPHS", "NET", "ValueTree", "value_tree"]


class ValueTree(rx.NoSSRComponent):
    """JSON as a tree with types and sizes, given as ``value`` or read from ``url`` (with ``pick`` as dotted path).

    ``path`` is the root of the expressions that are copied (``outputs``, ``inputs``). ``kestra:///`` URIs get links
    to ``preview_url`` and ``download_url`` (``?path=`` is added); with ``on_preview`` bound the preview is the
    page's. ``on_path`` gives ``{path, expression, type}`` of the node that was chosen.
    """

    library = _JS.importable_path
    tag = "ValueTree"
    lib_dependencies: list[str] = [ICONS]
    value: rx.Var[Any]
    url: rx.Var[str]
    pick: rx.Var[str]
    path: rx.Var[str]
    preview_url: rx.Var[str]
    download_url: rx.Var[str]
    filter: rx.Var[bool]
    open_depth: rx.Var[int]
    none: rx.Var[str]
    on_path: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_preview: rx.EventHandler[rx.event.passthrough_event_spec(str)]


value_tree = ValueTree.create
