"""A subflow's graph in the place of the task that calls it (spec: workflow components §19, REST contract §7)."""

from __future__ import annotations

from typing import Any

_CLUSTER = "io.kestra.core.models.hierarchies.SubflowGraphCluster"
_TRIGGERS = "root._triggers"


def subflow_of(graph: dict[str, Any], uid: str) -> tuple[str, str] | None:
    """Namespace and id of the flow that a node calls; None when it calls none, or by an expression."""
    node = next((n for n in graph["nodes"] if n["uid"] == uid), None)
    task = (node or {}).get("task") or {}
    names = task.get("namespace"), task.get("flowId")
    if not all(isinstance(name, str) and name and "{{" not in name for name in names):
        return None
    return str(names[0]), str(names[1])


def expanded(graph: dict[str, Any], uid: str, inner: dict[str, Any]) -> dict[str, Any]:
    """The graph with the node `uid` replaced by a cluster that holds the graph of its subflow.

    Names of the inner nodes begin with `uid` instead of `root`; its triggers are left out. The graphs given are not
    changed.
    """
    node = next(n for n in graph["nodes"] if n["uid"] == uid)

    def named(name: str) -> str:
        cluster, bare = ("cluster_", name[8:]) if name.startswith("cluster_") else ("", name)
        return cluster + uid + bare.removeprefix("root")

    def ours(name: str) -> bool:
        return not name.removeprefix("cluster_").startswith(_TRIGGERS)

    members = [named(n["uid"]) for n in inner["nodes"] if ours(n["uid"])]
    own = {
        "cluster": {"uid": f"cluster_{uid}", "type": _CLUSTER, "taskNode": node},
        "nodes": members,
        "parents": ["cluster_root", *(c["cluster"]["uid"] for c in graph["clusters"] if uid in c["nodes"])],
        "start": f"{uid}._start",
        "end": f"{uid}._end",
    }
    if relation := node.get("relationType"):
        own["cluster"]["relationType"] = relation
    above = [*own["parents"], own["cluster"]["uid"]]
    clusters = []
    for cluster in graph["clusters"]:
        nodes = [x for name in cluster["nodes"] for x in (members if name == uid else [name])]
        clusters.append({**cluster, "nodes": nodes})
    clusters.append(own)
    for cluster in inner["clusters"]:
        if not ours(cluster["cluster"]["uid"]):
            continue
        body = {**cluster["cluster"], "uid": named(cluster["cluster"]["uid"])}
        if "taskNode" in body:
            body["taskNode"] = {**body["taskNode"], "uid": named(body["taskNode"]["uid"])}
        clusters.append(
            {
                "cluster": body,
                "nodes": [named(n) for n in cluster["nodes"]],
                "parents": [*above, *(named(p) for p in cluster["parents"] if p != "cluster_root")],
                "start": named(cluster["start"]),
                "end": named(cluster["end"]),
            }
        )
    nodes = [n for n in graph["nodes"] if n["uid"] != uid]
    nodes += [{**n, "uid": named(n["uid"])} for n in inner["nodes"] if ours(n["uid"])]
    edges = [
        {
            **edge,
            "source": own["end"] if edge["source"] == uid else edge["source"],
            "target": own["start"] if edge["target"] == uid else edge["target"],
        }
        for edge in graph["edges"]
    ]
    edges += [
        {**edge, "source": named(edge["source"]), "target": named(edge["target"])}
        for edge in inner["edges"]
        if ours(edge["source"]) and ours(edge["target"])
    ]
    flowables = [*graph["flowables"], *(named(name) for name in inner["flowables"])]
    return {**graph, "nodes": nodes, "edges": edges, "clusters": clusters, "flowables": flowables}
