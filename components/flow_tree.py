"""Flows by namespace, as a tree (UI-FL-07)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("flow_tree.jsx", shared=True)
__all__ = ["GLYPHS", "NET", "FlowTree", "flow_tree"]


class FlowTree(rx.NoSSRComponent):
    """Namespaces that open; the flows of one are read when it does. ``search`` is the list's query of the API."""

    library = _JS.importable_path
    tag = "FlowTree"
    lib_dependencies: list[str] = [ICONS]
    api: rx.Var[str]
    search: rx.Var[str]
    on_execute: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, str])]


flow_tree = FlowTree.create
