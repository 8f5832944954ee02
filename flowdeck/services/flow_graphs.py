"""Graphs of flows with the subflows that a client wants to see inside (spec: REST contract §7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowdeck.model.errors import IllegalArgument, NotFound
from flowdeck.model.graph_subflows import expanded, subflow_of
from flowdeck.services import flows
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller

MOST = 50
"""Subflows that one graph shows inside."""


async def expand(backend: Backend, caller: Caller, graph: dict[str, Any], uids: Iterable[str]) -> dict[str, Any]:
    """The graph with these nodes opened, outer ones first; what calls no known flow stays a node.

    `IllegalArgument` beyond `MOST`.
    """
    wanted = sorted(dict.fromkeys(uids), key=len)
    if len(wanted) > MOST:
        raise IllegalArgument(f"subflows: at most {MOST}")
    for uid in wanted:
        called = subflow_of(graph, uid)
        if called is None:
            continue
        try:
            inner = await flows.graph(backend, caller, *called, None)
        except NotFound:
            continue
        graph = expanded(graph, uid, inner)
    return graph
