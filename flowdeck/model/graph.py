"""The graph of a flow for topology views (spec: workflow components §19).

Nodes, edges and clusters as the reference names them. A cluster is a block with its children; its `start` and `end`
are the points through which edges enter and leave; names that begin with `_` are never task ids. Errors, finally
and afterExecution branches are clusters of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowdeck.model.flow import Flow, TaskDef, TaskKind

_PACKAGE = "io.kestra.core.models.hierarchies."
_PARALLEL = frozenset(("Parallel", "Dag"))
_DYNAMIC = frozenset(("ForEach", "EachSequential", "EachParallel", "ForEachItem", "LoopUntil"))
_STARTING = (TaskKind.SUBFLOW, TaskKind.ITEMS)
_SINGLE = ("errors", "finally", "afterExecution")
_RELATION = {"errors": "ERROR", "finally": "FINALLY", "afterExecution": "AFTER_EXECUTION"}


def flow_graph(flow: Flow, *, runs: Mapping[str, list[Mapping[str, Any]]] | None = None) -> dict[str, Any]:
    """Graph of a flow as JSON: `{nodes, edges, clusters, flowables, inputs?}`.

    `runs` are task runs (as API JSON) by task id; the last one of a task is attached to its node.
    """
    return _Graph(flow, runs or {}).build()


class _Graph:
    def __init__(self, flow: Flow, runs: Mapping[str, list[Mapping[str, Any]]]) -> None:
        self.flow = flow
        self.runs = runs
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []
        self.clusters: list[dict[str, Any]] = []
        self.flowables: list[str] = []
        self.nested: list[tuple[dict[str, Any], list[str]]] = []
        self.hidden: set[int] = set()

    def build(self) -> dict[str, Any]:
        flow = self.flow
        root = self._open("root", "GraphClusterRoot", "root", None)
        last = self._sequence("tasks", None, root["start"], "SEQUENTIAL")
        self._edge(last, root["end"], "SEQUENTIAL")
        for name in _SINGLE:
            if name in flow.branches:
                self._side(name, None, "", root["end"])
        self._triggers(root["start"])
        self._close(root)
        found = {"nodes": self.nodes, "edges": self.edges, "clusters": self.clusters, "flowables": self.flowables}
        if flow.inputs:  # what feeds the start beside triggers (ui §5.5)
            found["inputs"] = [one.id for one in flow.inputs]
        return found

    # ---- parts

    def _node(self, uid: str, kind: str, **more: Any) -> str:
        node = {"uid": uid, "type": _PACKAGE + kind}
        node.update((k, v) for k, v in more.items() if v is not None)
        self.nodes.append(node)
        for _, members in self.nested:
            members.append(uid)
        return uid

    def _edge(self, source: str, target: str, relation: str, value: str | None = None) -> None:
        edge: dict[str, Any] = {"source": source, "target": target, "relation": {"relationType": relation}}
        if value is not None:
            edge["relation"]["value"] = value
        self.edges.append(edge)

    def _open(self, uid: str, kind: str, prefix: str, task: Any, relation: str | None = None) -> dict[str, Any]:
        """Start a cluster with its two points."""
        cluster: dict[str, Any] = {"uid": f"cluster_{uid}", "type": _PACKAGE + kind}
        if task is not None:
            cluster["taskNode"] = task
        if relation:
            cluster["relationType"] = relation
        parents = [entry["cluster"]["uid"] for entry, _ in self.nested]
        entry = {
            "cluster": cluster,
            "nodes": [],
            "parents": parents,
            "start": f"{prefix}._start",
            "end": f"{prefix}._end",
        }
        self.nested.append((entry, entry["nodes"]))
        if uid != "root":
            self.clusters.append(entry)
        self._node(entry["start"], "GraphClusterRoot")
        self._node(entry["end"], "GraphClusterEnd")
        return entry

    def _close(self, entry: dict[str, Any]) -> None:
        assert self.nested[-1][0] is entry
        self.nested.pop()

    def _keys(self, branch: str, parent: int | None) -> list[TaskDef]:
        """Tasks of a branch, disabled ones included."""
        return [t for t in self.flow.tasks if t.parent == parent and t.branch == branch]

    def _sequence(self, branch: str, parent: int | None, start: str, relation: str, value: str | None = None) -> str:
        """Tasks one after another; returns the point behind the last."""
        here = start
        for task in self._keys(branch, parent):
            first, last = self._task(task)
            self._edge(here, first, relation, value)
            here, relation, value = last, "SEQUENTIAL", None
        return here

    def _task(self, task: TaskDef) -> tuple[str, str]:
        """Node or cluster of a task; returns where edges enter and leave."""
        if task.kind is TaskKind.FLOWABLE or task.children:
            return self._block(task)
        kind = "SubflowGraphTask" if task.kind in _STARTING else "GraphTask"
        uid = self._task_node(task, kind)
        return uid, uid

    def _task_node(self, task: TaskDef, kind: str, values: list[str] | None = None) -> str:
        runs = self.runs.get(task.id)
        branch = task.branch.partition(".")[0]
        return self._node(
            self._uid(task),
            kind,
            task=_task_json(task),
            taskRun=runs[-1] if runs else None,
            relationType=_RELATION.get(branch, "SEQUENTIAL"),
            values=values,
            error=True if branch == "errors" else None,
        )

    def _uid(self, task: TaskDef) -> str:
        """Path of task ids from the outside."""
        names = [task.id]
        parent = task.parent
        while parent is not None:
            above = self.flow.tasks[parent]
            names.append(above.id)
            parent = above.parent
        return "root." + ".".join(reversed(names))

    def _block(self, task: TaskDef) -> tuple[str, str]:
        uid = self._uid(task)
        name = task.type.rpartition(".")[2]
        relation = (
            "PARALLEL"
            if name in _PARALLEL
            else "DYNAMIC"
            if name in _DYNAMIC
            else ("CHOICE" if name in ("If", "Switch") else "SEQUENTIAL")
        )
        entry = self._open(uid, "GraphCluster", uid, {"uid": uid, "task": _task_json(task)}, relation)
        self.flowables.append(uid)
        self._task_node(task, "GraphTask")
        self._edge(entry["start"], uid, "SEQUENTIAL")
        branches = list(dict.fromkeys(t.branch for t in self.flow.tasks if t.parent == task.key))
        ends: list[str] = []
        for branch in branches:
            if branch in _SINGLE:
                continue
            value = {"then": "true", "else": "false", "defaults": "default"}.get(branch)
            if branch.startswith("cases."):
                value = branch[6:]
            if name == "Dag":
                ends += self._dag(task, branch, uid)
            elif relation == "PARALLEL" or name == "EachParallel":
                for child in self._keys(branch, task.key):
                    first, last = self._task(child)
                    self._edge(uid, first, relation, _iterated(task))
                    ends.append(last)
            elif relation == "CHOICE":
                ends.append(self._sequence(branch, task.key, uid, "CHOICE", value))
            else:
                ends.append(self._sequence(branch, task.key, uid, relation, _iterated(task)))
        for last in dict.fromkeys(ends or [uid]):
            self._edge(last, entry["end"], "SEQUENTIAL")
        for branch in _SINGLE:
            if branch in branches:
                self._side(branch, task.key, f"{uid}.", entry["end"])
        self._close(entry)
        return entry["start"], entry["end"]

    def _dag(self, task: TaskDef, branch: str, uid: str) -> list[str]:
        """Tasks behind those that they wait for; answers the points behind tasks that nothing waits for."""
        depends: Mapping[str, list[str]] = task.props.get("dependsOn") or {}
        points = {child.id: self._task(child) for child in self._keys(branch, task.key)}
        waited: set[str] = set()
        for name, (first, _) in points.items():
            wanted = [other for other in dict.fromkeys(depends.get(name) or ()) if other in points]
            waited.update(wanted)
            for source in [points[other][1] for other in wanted] or [uid]:
                self._edge(source, first, "PARALLEL")
        return [last for name, (_, last) in points.items() if name not in waited]

    def _side(self, branch: str, parent: int | None, prefix: str, end: str) -> None:
        """An errors, finally or afterExecution branch."""
        relation = _RELATION[branch]
        uid = f"{prefix or 'root.'}_{branch}"
        entry = self._open(uid, "GraphCluster", uid, None, relation)
        last = self._sequence(branch, parent, entry["start"], relation)
        self._edge(last, entry["end"], relation)
        self._close(entry)
        if branch == "afterExecution":
            self._edge(end, entry["start"], relation)
        else:
            owner = self.nested[-1][0]
            self._edge(owner["start"], entry["start"], relation)
            self._edge(entry["end"], end, relation)

    def _triggers(self, start: str) -> None:
        if not self.flow.triggers:
            return
        entry = self._open("root._triggers", "GraphCluster", "root._triggers", None)
        for trigger in self.flow.triggers:
            body = {
                "id": trigger.id,
                "type": trigger.type,
                "disabled": trigger.disabled,
                "description": trigger.props.get("description"),
            }
            uid = self._node(
                f"root._triggers.{trigger.id}",
                "GraphTrigger",
                triggerDeclaration={k: v for k, v in body.items() if v is not None},
            )
            self._edge(entry["start"], uid, "SEQUENTIAL")
            self._edge(uid, entry["end"], "SEQUENTIAL")
        self._close(entry)
        self._edge(entry["end"], start, "SEQUENTIAL")


def _iterated(task: TaskDef) -> str | None:
    """What a loop goes through, for the label of its edge."""
    values = task.props.get("values", task.props.get("value"))
    if values is None:
        return None
    text = values if isinstance(values, str) else ", ".join(str(v) for v in values) if isinstance(values, list) else ""
    return text[:60] or None


def _task_json(task: TaskDef) -> dict[str, Any]:
    """What a topology shows of a task: identity and badges, no property values."""
    out: dict[str, Any] = {"id": task.id, "type": task.type}
    if task.disabled:
        out["disabled"] = True
    if description := task.props.get("description"):
        out["description"] = description
    if task.retry is not None:
        out["retry"] = {"type": task.retry.kind}
    if task.timeout is not None:
        out["timeout"] = task.timeout
    if task.run_if is not None:
        out["runIf"] = task.run_if
    if task.allow_failure:
        out["allowFailure"] = True
    if isinstance(cache := task.props.get("taskCache"), Mapping) and cache.get("enabled"):
        out["taskCache"] = {"enabled": True}
    if isinstance(group := task.props.get("workerGroup"), Mapping) and group.get("key"):
        out["workerGroup"] = {"key": group["key"]}
    if task.kind in _STARTING:
        out["namespace"] = task.props.get("namespace")
        out["flowId"] = task.props.get("flowId")
        out["subflowId"] = {"namespace": task.props.get("namespace"), "flowId": task.props.get("flowId")}
    return out
