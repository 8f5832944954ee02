"""Topology of a flow or of an execution (``spec/ui.md`` §5.5, §8.5, picture 14)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET
from components.no_code import NoCode
from components.stream import STREAM
from components.yaml_document import PACKAGE

_JS = rx.asset("graph.jsx", shared=True)
_LAYOUT = rx.asset("graph_layout.jsx", shared=True)
_EDIT = rx.asset("graph_edit.jsx", shared=True)
_PARTS = [
    rx.asset(name, shared=True)
    for name in ("graph_nodes.jsx", "graph_runs.jsx", "graph_list.jsx", "graph_drag.jsx", "graph_picture.jsx")
]
_CSS = rx.asset("graph.css", shared=True)
__all__ = ["GLYPHS", "NET", "STREAM", "FlowGraph", "NoCode", "flow_graph"]


class FlowGraph(rx.NoSSRComponent):
    """React Flow over a ``FlowGraph`` document, given as ``graph`` or read from ``graph_url``.

    With ``source`` the graph is asked for by POST (editor); without, by GET. ``document_uri`` follows the text of the
    ``yaml_editor`` with that ``doc_uri`` in the browser. With ``execution`` states and
    durations come from the tab's stream. ``direction`` is ``LR`` or ``TB``. ``on_select`` gives the id of a task,
    ``on_open`` (double click) a task run id, or the task id where nothing ran. A graph of dependencies (nodes
    ``{uid, namespace, id}``) is drawn too. ``editable`` (with ``document_uri``): menus of nodes and "+" on edges edit
    the text of that document, so does dragging; ``playable`` adds Run, told by ``on_run`` with the task's id. Subflows
    are shown inside on demand.
    """

    library = _JS.importable_path
    tag = "FlowGraph"
    lib_dependencies: list[str] = ["@xyflow/react@12.12.1", "@dagrejs/dagre@3.1.3", PACKAGE, ICONS]
    graph_url: rx.Var[str]
    graph: rx.Var[dict[str, Any]]
    source: rx.Var[str]
    document_uri: rx.Var[str]
    execution: rx.Var[str]
    direction: rx.Var[str]
    selected: rx.Var[str]
    toolbar: rx.Var[bool]
    editable: rx.Var[bool]
    playable: rx.Var[bool]
    on_run: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_select: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_open: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_direction: rx.EventHandler[rx.event.passthrough_event_spec(str)]


flow_graph = FlowGraph.create
