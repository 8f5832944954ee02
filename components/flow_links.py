"""Flows that start one another, around one flow (UI-FP-41)."""

from __future__ import annotations

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.graph import FlowGraph
from components.net import NET

_JS = rx.asset("flow_links.jsx", shared=True)
_CSS = rx.asset("flow_links.css", shared=True)
__all__ = ["GLYPHS", "NET", "FlowGraph", "FlowLinks", "flow_links"]


class FlowLinks(rx.NoSSRComponent):
    """The graph of subflows and Flow triggers with last states, and a list of the chosen flow's neighbours.

    ``api`` is ``/api/v1/{tenant}``. A press chooses a flow, a double click tells ``on_open`` its ``namespace/id``;
    ``on_count`` tells how many other flows there are.
    """

    library = _JS.importable_path
    tag = "FlowLinks"
    lib_dependencies: list[str] = [ICONS]
    api: rx.Var[str]
    namespace: rx.Var[str]
    flow: rx.Var[str]
    on_open: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_count: rx.EventHandler[rx.event.passthrough_event_spec(int)]


flow_links = FlowLinks.create
