"""The flows of `make seed` belong together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FLOWS = [
    flow
    for flow in yaml.safe_load_all((Path(__file__).parents[2] / "scripts" / "seed_flows.yaml").read_text("utf-8"))
    if flow
]


def _named(node: Any) -> Iterator[tuple[str, str]]:
    """Namespace and id of the flows that a part of a flow names."""
    if isinstance(node, dict):
        if "namespace" in node and "flowId" in node:
            yield str(node["namespace"]), str(node["flowId"])
        node = list(node.values())
    for one in node if isinstance(node, list) else ():
        yield from _named(one)


def test_flows_that_are_named_are_there() -> None:
    there = {(flow["namespace"], flow["id"]) for flow in FLOWS}
    named = {one for flow in FLOWS for one in _named(flow)}
    assert named and named <= there
