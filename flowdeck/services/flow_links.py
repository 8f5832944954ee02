"""Which flows call which: by subflow tasks and by Flow triggers (spec: REST contract §7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.flows import head, matching
from flowdeck.store.queries.where import Filter


def _calls(document: Any) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    stack = [document.get(k) for k in ("tasks", "errors", "finally", "afterExecution")]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(one)
        elif isinstance(one, Mapping):
            if str(one.get("type", "")).rsplit(".", 1)[-1] in ("Subflow", "ForEachItem", "Flow") and one.get("flowId"):
                found.append(("FLOW_TASK", str(one.get("namespace")), str(one["flowId"])))
            stack.extend(v for v in one.values() if isinstance(v, list | Mapping))
    for trigger in document.get("triggers") or []:
        if isinstance(trigger, Mapping) and str(trigger.get("type", "")).endswith("trigger.Flow"):
            conditions = trigger.get("preconditions") or {}
            entries = list(conditions.get("flows") or []) if isinstance(conditions, Mapping) else []
            entries += [c for c in trigger.get("conditions") or [] if isinstance(c, Mapping)]
            found += [
                ("FLOW_TRIGGER", str(one["namespace"]), str(one["flowId"]))
                for one in entries
                if isinstance(one, Mapping) and one.get("namespace") and one.get("flowId")
            ]
    return found


async def dependencies(
    backend: Backend, caller: Caller, namespace: str, flow_id: str | None, *, destination_only: bool, expand: bool
) -> dict[str, Any]:
    """`FlowTopologyGraph` around a flow, or of a namespace with its children."""
    rows = await backend.read(
        lambda r: r.all(
            "select f.namespace, f.id, r.document from flow f join flow_revision r on r.flow_key = f.flow_key "
            "and r.revision = f.revision where f.tenant = :tenant and not f.deleted and "
            "(r.document like '%Subflow%' or r.document like '%ForEachItem%' or r.document like '%trigger.Flow%')",
            tenant=caller.tenant,
        )
    )
    edges: list[tuple[tuple[str, str], tuple[str, str], str]] = []
    for row in rows:
        own = (row["namespace"], row["id"])
        for relation, ns, other in _calls(json.loads(row["document"])):
            edges.append((own, (ns, other), relation) if relation == "FLOW_TASK" else ((ns, other), own, relation))
    if flow_id is not None:
        await head(backend, caller, namespace, flow_id)
        seen, queue = {(namespace, flow_id)}, [(namespace, flow_id)]
        kept: set[int] = set()
        while queue:
            one = queue.pop()
            for i, (a, b, _) in enumerate(edges):
                if a == one or (b == one and not destination_only):
                    kept.add(i)
                    for other in (a, b):
                        if other not in seen:
                            seen.add(other)
                            if expand:
                                queue.append(other)
        nodes, chosen = seen, [edges[i] for i in sorted(kept)]
    else:
        inside = [namespace, namespace + "."]
        chosen = [
            e
            for e in edges
            if e[0][0] == inside[0]
            or e[0][0].startswith(inside[1])
            or (not destination_only and (e[1][0] == inside[0] or e[1][0].startswith(inside[1])))
        ]
        own_rows = await matching(backend, caller, [Filter("namespace", "PREFIX", namespace)])
        nodes = {(r["namespace"], r["id"]) for r in own_rows} | {n for e in chosen for n in e[:2]}

    def uid(node: tuple[str, str]) -> str:
        return f"{caller.tenant}_{node[0]}_{node[1]}"

    return {
        "nodes": [{"uid": uid(n), "namespace": n[0], "id": n[1]} for n in sorted(nodes)],
        "edges": [
            {"source": uid(a), "target": uid(b), "relation": relation} for a, b, relation in dict.fromkeys(chosen)
        ],
    }


async def of_namespace(backend: Backend, caller: Caller, namespace: str, *, children: bool = True) -> dict[str, Any]:
    """The graph of a namespace; `apart` are the flows without any edge (UI-NS-03).

    Args:
        children: with the flows of the namespaces below it; else these are there only as neighbours of its own.
    """
    graph = await dependencies(backend, caller, namespace, None, destination_only=False, expand=False)
    if not children:
        own = {one["uid"] for one in graph["nodes"] if one["namespace"] == namespace}
        edges = [one for one in graph["edges"] if one["source"] in own or one["target"] in own]
        near = own | {end for edge in edges for end in (edge["source"], edge["target"])}
        graph = {"nodes": [one for one in graph["nodes"] if one["uid"] in near], "edges": edges}
    joined = {end for edge in graph["edges"] for end in (edge["source"], edge["target"])}
    apart = [{"namespace": one["namespace"], "id": one["id"]} for one in graph["nodes"] if one["uid"] not in joined]
    return {**graph, "nodes": [one for one in graph["nodes"] if one["uid"] in joined], "apart": apart}
