"""A subflow inside the graph of its caller (spec: workflow components §19)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.graph import flow_graph
from flowdeck.model.graph_subflows import expanded, subflow_of
from flowdeck.model.source import parse_flow
from flowdeck.sdk.index import load_catalog

CATALOG = load_catalog()
OUTER = """
id: outer
namespace: a.b
tasks:
  - {id: first, type: io.kestra.plugin.core.log.Log, message: x}
  - id: block
    type: io.kestra.plugin.core.flow.Sequential
    tasks:
      - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: inner}
      - {id: other, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: "{{ inputs.x }}"}
inputs: [{id: x, type: STRING, defaults: y}]
"""
INNER = """
id: inner
namespace: a.b
tasks:
  - id: both
    type: io.kestra.plugin.core.flow.Parallel
    tasks: [{id: one, type: io.kestra.plugin.core.log.Log, message: x}]
triggers: [{id: day, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 3 * * *"}]
"""


def graph(source: str) -> dict[str, Any]:
    found = parse_flow(source, CATALOG, tenant="main").flow
    assert found is not None
    return flow_graph(found)


def test_the_node_becomes_a_cluster_that_edges_lead_through() -> None:
    """§19: names begin with the task's, every edge ends at a node, no name is given twice, triggers stay outside."""
    outer, inner = graph(OUTER), graph(INNER)
    before = repr(outer), repr(inner)
    found = expanded(outer, "root.block.call", inner)
    assert (repr(outer), repr(inner)) == before
    names = [node["uid"] for node in found["nodes"]]
    assert len(names) == len(set(names)) and "root.block.call" not in names
    assert "root.block.call.both.one" in names and not any("day" in name for name in names)
    assert {end for edge in found["edges"] for end in (edge["source"], edge["target"])} <= set(names)
    (own,) = [c for c in found["clusters"] if c["cluster"]["uid"] == "cluster_root.block.call"]
    assert own["parents"] == ["cluster_root", "cluster_root.block"] and own["start"] in own["nodes"]
    (block,) = [c for c in found["clusters"] if c["cluster"]["uid"] == "cluster_root.block"]
    assert set(own["nodes"]) <= set(block["nodes"])
    (nested,) = [c for c in found["clusters"] if c["cluster"]["uid"] == "cluster_root.block.call.both"]
    assert nested["parents"] == ["cluster_root", "cluster_root.block", "cluster_root.block.call"]


def test_only_flows_with_plain_names_are_opened() -> None:
    """§19: a flow that an expression names is not known before it runs."""
    outer = graph(OUTER)
    assert subflow_of(outer, "root.block.call") == ("a.b", "inner")
    assert subflow_of(outer, "root.block.other") is None
    assert subflow_of(outer, "root.first") is None and subflow_of(outer, "root.none") is None
