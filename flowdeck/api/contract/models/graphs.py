"""Models of graphs (spec: REST contract, models)."""

from __future__ import annotations

from enum import StrEnum
from typing import NotRequired, TypedDict


class AbstractGraphBranchType(StrEnum):
    """Branches beside the main one."""

    ERROR = "ERROR"
    FINALLY = "FINALLY"
    AFTER_EXECUTION = "AFTER_EXECUTION"


class AbstractGraph(TypedDict):
    """A node of a graph."""

    uid: NotRequired[str]
    type: NotRequired[str]
    branchType: NotRequired[AbstractGraphBranchType]


class RelationType(StrEnum):
    """Kinds of edges."""

    SEQUENTIAL = "SEQUENTIAL"
    CHOICE = "CHOICE"
    ERROR = "ERROR"
    FINALLY = "FINALLY"
    AFTER_EXECUTION = "AFTER_EXECUTION"
    PARALLEL = "PARALLEL"
    DYNAMIC = "DYNAMIC"


class Relation(TypedDict):
    """Kind of an edge."""

    relationType: NotRequired[RelationType]
    value: NotRequired[str]


class FlowGraphEdge(TypedDict):
    """From node to node."""

    source: NotRequired[str]
    target: NotRequired[str]
    relation: NotRequired[Relation]


class FlowGraphCluster(TypedDict):
    """Nodes that belong together."""

    cluster: NotRequired[AbstractGraph]
    nodes: NotRequired[list[str]]
    parents: NotRequired[list[str]]
    start: NotRequired[str]
    end: NotRequired[str]


class FlowGraph(TypedDict):
    """A flow as nodes, edges and clusters."""

    nodes: NotRequired[list[AbstractGraph]]
    edges: NotRequired[list[FlowGraphEdge]]
    clusters: NotRequired[list[FlowGraphCluster]]
    flowables: NotRequired[list[str]]
    inputs: NotRequired[list[str]]


class FlowNode(TypedDict):
    """A flow in a graph of flows."""

    uid: str
    namespace: NotRequired[str]
    id: NotRequired[str]


class FlowRelation(StrEnum):
    """How one flow leads to another."""

    FLOW_TASK = "FLOW_TASK"
    FLOW_TRIGGER = "FLOW_TRIGGER"


class FlowTopologyGraphEdge(TypedDict):
    """From flow to flow."""

    source: NotRequired[str]
    target: NotRequired[str]
    relation: NotRequired[FlowRelation]


class FlowTopologyGraph(TypedDict):
    """Flows and how they lead to each other."""

    nodes: NotRequired[list[FlowNode]]
    edges: NotRequired[list[FlowTopologyGraphEdge]]
