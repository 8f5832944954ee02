"""Which tasks of a flow a playground runs, and which results stand for the others (`spec/ui.md` §5.9): pure.

A play runs the chosen tasks for real. What ran before and comes before them keeps its results, what comes after them or
was never played is left out; results that a user pinned stand for their tasks in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowdeck.model.flow import Flow, TaskDef, TaskKind

SIDES = ("errors", "finally", "afterExecution")
KEPT = ("SUCCESS", "WARNING")
"""States of a task run that are good enough to go on from."""


@dataclass(frozen=True, slots=True)
class Played:
    """One task run of an earlier play; `left_out` says that it was skipped because nobody had asked for it."""

    id: str
    task: str
    state: str
    value: str | None = None
    execution: str = ""
    outputs: Mapping[str, Any] | None = None
    uri: str | None = None
    size: int = 0
    left_out: bool = False


def below(flow: Flow, task: TaskDef) -> set[int]:
    """Keys of a task and of everything inside of it."""
    found = {task.key}
    todo = [task]
    while todo:
        for keys in todo.pop().children.values():
            found.update(keys)
            todo += [flow.tasks[key] for key in keys]
    return found


def following(flow: Flow, task: TaskDef) -> set[int]:
    """Keys of what comes after a task by the flow's order, everything inside of it included."""
    found: set[int] = set()
    for node in _chain(flow, task):
        parent, siblings = _level(flow, node)
        if node.branch in SIDES or node.branch == "onPause":
            after = siblings[siblings.index(node.key) + 1 :]
        elif parent is not None and parent.type.endswith(".Dag"):
            after = _reached(flow, siblings, node, _followers(parent))
        elif parent is not None and _at_once(parent):
            after = ()
        else:
            after = siblings[siblings.index(node.key) + 1 :]
        for key in after:
            found |= below(flow, flow.tasks[key])
        for name in SIDES[SIDES.index(node.branch) + 1 :] if node.branch in SIDES else SIDES:
            for key in (parent.children if parent is not None else flow.branches).get(name, ()):
                found |= below(flow, flow.tasks[key])
    return found


def preceding(flow: Flow, task: TaskDef) -> list[TaskDef]:
    """Tasks before a task and before the blocks around it, in the flow's order; blocks stand for their content."""
    found: list[TaskDef] = []
    for node in _chain(flow, task):
        parent, siblings = _level(flow, node)
        if parent is not None and parent.type.endswith(".Dag") and node.branch == "tasks":
            before = _reached(flow, siblings, node, parent.props.get("dependsOn") or {})
        elif parent is not None and _at_once(parent) and node.branch == "tasks":
            before = ()
        else:
            before = siblings[: siblings.index(node.key)]
        if node.branch in ("finally", "afterExecution"):
            main = (parent.children if parent is not None else flow.branches).get("tasks", ())
            before = (*main, *before)
        found = [*(flow.tasks[key] for key in before), *found]
    return found


def missing(flow: Flow, task: TaskDef, played: Iterable[Played]) -> list[str]:
    """Ids of the tasks before a task that were not played yet."""
    by_task: dict[str, list[Played]] = {}
    for one in played:
        by_task.setdefault(one.task, []).append(one)

    def done(before: TaskDef) -> bool:
        own = by_task.get(before.id)
        if not own or any(one.left_out or one.state not in (*KEPT, "SKIPPED") for one in own):
            return False
        inner = [flow.tasks[key].id for key in below(flow, before)]
        return not any(one.left_out for name in inner for one in by_task.get(name, ()))

    return [one.id for one in preceding(flow, task) if not done(one)]


def fixtures(
    flow: Flow, wanted: Sequence[TaskDef], played: Iterable[Played], pins: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Results that stand for tasks in a play of `wanted`; an empty `wanted` plays all tasks (pins still stand).

    A fixture is `{id, value?, state, outputs?, uri?, size?, from?, pinned?}`; `from` names the task run that was real.
    """
    chosen: set[int] = set()
    after: set[int] = set()
    for task in wanted:
        chosen |= below(flow, task)
        after |= following(flow, task)
    itself = {task.id for task in wanted if task.kind is not TaskKind.FLOWABLE}
    by_task: dict[str, list[Played]] = {}
    for one in played:
        by_task.setdefault(one.task, []).append(one)
    found: list[dict[str, Any]] = []
    for task in _leaves(flow):
        if task.id in pins and not (len(wanted) == 1 and task.id in itself):
            pin = pins[task.id]
            state = pin.get("state") or "SUCCESS"
            found.append({"id": task.id, "state": state, "outputs": dict(pin.get("outputs") or {}), "pinned": True})
            continue
        if not wanted or task.key in chosen:
            continue
        kept = [] if task.key in after else [one for one in by_task.get(task.id, ()) if one.state in KEPT]
        found += [_kept(one) for one in kept]
        if not any(one.value is None for one in kept):
            found.append({"id": task.id, "state": "SKIPPED"})
    return found


def _kept(one: Played) -> dict[str, Any]:
    made: dict[str, Any] = {"id": one.task, "state": one.state, "from": {"execution": one.execution, "taskRun": one.id}}
    if one.value is not None:
        made["value"] = one.value
    if one.outputs is not None:
        made["outputs"] = dict(one.outputs)
    if one.uri:
        made |= {"uri": one.uri, "size": one.size}
    return made


def _leaves(flow: Flow) -> Iterable[TaskDef]:
    """Tasks that begin by themselves: what lies in a WorkingDirectory or a Pause belongs to it."""
    todo = [key for keys in flow.branches.values() for key in reversed(keys)]
    while todo:
        task = flow.tasks[todo.pop()]
        if task.kind is TaskKind.FLOWABLE:
            todo += [key for keys in task.children.values() for key in reversed(keys)]
        else:
            yield task


def standing(flow: Flow, task: TaskDef) -> TaskDef:
    """The task that is played for one: the WorkingDirectory or Pause around it, else itself."""
    found = task
    for node in _chain(flow, task):
        if node.kind in (TaskKind.DIRECTORY, TaskKind.PAUSE):
            found = node
    return found


def _chain(flow: Flow, task: TaskDef) -> list[TaskDef]:
    found = [task]
    while found[-1].parent is not None:
        found.append(flow.tasks[found[-1].parent])
    return found


def _level(flow: Flow, node: TaskDef) -> tuple[TaskDef | None, tuple[int, ...]]:
    parent = flow.tasks[node.parent] if node.parent is not None else None
    siblings = (parent.children if parent is not None else flow.branches).get(node.branch, ())
    return parent, siblings if node.key in siblings else (*siblings, node.key)


def _at_once(parent: TaskDef) -> bool:
    if parent.type.endswith(".EachParallel"):
        return True
    return parent.type.endswith(".Parallel") and int(parent.props.get("concurrent") or 0) != 1


def _followers(parent: TaskDef) -> dict[str, list[str]]:
    """Of a Dag: which tasks wait for a task."""
    found: dict[str, list[str]] = {}
    for name, needed in (parent.props.get("dependsOn") or {}).items():
        for other in needed:
            found.setdefault(other, []).append(name)
    return found


def _reached(flow: Flow, siblings: Sequence[int], node: TaskDef, links: Mapping[str, Sequence[str]]) -> tuple[int, ...]:
    found: set[str] = set()
    todo = [node.id]
    while todo:
        more = [name for name in links.get(todo.pop(), ()) if name not in found]
        found.update(more)
        todo += more
    return tuple(key for key in siblings if flow.tasks[key].id in found)


__all__ = ["Played", "below", "fixtures", "following", "missing", "preceding", "standing"]
