"""The slice of the expression context that a value needs (spec: workflow components §20, engine notes §2.7).

Only what the compiled references name is put in: a task costs the same whether its execution has 10 or 10,000 others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flowdeck.model.engine.plan import LOOPS, Needs
from flowdeck.model.engine.world import Live, Run
from flowdeck.model.flow import TaskKind
from flowdeck.model.flowables.items import is_part
from flowdeck.model.instants import instant
from flowdeck.model.labels import nested
from flowdeck.model.states import State

OFFLOADED = "$outputs"
"""Key of a map that stands for outputs which lie in storage: `{"$outputs": uri}`; a worker loads them."""
ENCRYPTED = "io.kestra.datatype:aes_encrypted"
"""Type of the map that stands for an encrypted text; a worker decrypts it."""


def _pick(values: Mapping[str, Any], names: frozenset[str] | None) -> dict[str, Any]:
    if names is None:
        return dict(values)
    return {n: values[n] for n in names if n in values}


def _outputs_of(run: Run) -> Any:
    return {OFFLOADED: run.outputs_uri} if run.outputs_uri else (run.outputs if run.outputs is not None else {})


def _entries(
    live: Live,
    name: str,
    near: tuple[str, ...] | None,
    pick: Any,
) -> Any:
    """The value under `outputs.<name>` or `tasks.<name>`: nested by loop values, or direct outside loops."""
    task = live.plan.task_ids.get(name)
    if task is None:
        return None
    entries = live.by_task.get(task.key)
    if not entries:
        return None
    if () in entries:
        return pick(entries[()])
    if near is not None:
        # every use of it asks for the values of the asking task's own loops
        chosen: Iterable[tuple[tuple[str, ...], Run]] = [
            (path, entries[path]) for n in range(len(near), 0, -1) if (path := near[:n]) in entries
        ][:1]
    else:
        chosen = entries.items()
    root: dict[str, Any] = {}
    for path, run in chosen:
        value = pick(run)
        if value is None:
            continue
        node = root
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = value
    return root or None


def _visible(run: Run) -> Any:
    """Outputs that others may read: none of skipped task runs and of those that produced nothing yet."""
    if run.outputs is None and run.outputs_uri is None:
        return None if run.state in (State.SKIPPED, State.CREATED) or not run.state.terminal else {}
    return _outputs_of(run)


def _state(run: Run) -> dict[str, str]:
    return {"state": run.state.name}


def build(
    live: Live,
    run: Run | None,
    needs: Needs,
    globals_: Mapping[str, Any],
    state: State | None = None,
) -> tuple[dict[str, Any], bool]:
    """Build the context for a task run (or, without one, for the execution).

    Answers the context and whether some outputs in it lie in storage, so that only a worker can render with it.
    `state` is what `execution.state` shows (default: the state in memory).
    """
    shown = State.RUNNING if state is None and not live.state.terminal else (state or live.state)
    execution: dict[str, Any] = {
        "id": live.id,
        "startDate": instant(live.created),
        "state": shown.name,
        "originalId": live.original_id,
    }
    if live.outputs is not None and live.state.terminal:
        execution["outputs"] = live.outputs
    context: dict[str, Any] = {
        "flow": {"id": live.flow_id, "namespace": live.namespace, "revision": live.flow_rev, "tenantId": live.tenant},
        "execution": execution,
    }
    roots = needs.roots
    offloaded = "execution" in roots and _is_offloaded(execution.get("outputs"))
    if run is not None:
        context["task"] = {"id": run.task.id, "type": run.task.type}
        taskrun: dict[str, Any] = {
            "id": run.id,
            "startDate": instant(run.created),
            "attemptsCount": run.attempts,
        }
        if run.parent is not None:
            taskrun["parentId"] = run.parent.id
        looped = run
        if run.value is None and run.parent is not None and is_part(run.parent.task, run.task):
            looped = run.parent  # the properties were written for the ForEachItem itself
        if looped.value is not None:
            taskrun["value"] = _loop_value(looped)
            offloaded = offloaded or not isinstance(taskrun["value"], str)
        if run.iteration >= 0:
            taskrun["iteration"] = run.iteration
        if run.task.kind is TaskKind.ITEMS and run.scratch is not None:
            taskrun.update(run.scratch.variables)  # of the batch whose child is being made (§9.2)
        context["taskrun"] = taskrun
        if run.parent is not None and (roots & {"parent", "parents"} or run.path):
            parents = _parents(run)
            offloaded = offloaded or any(_is_offloaded(parent) for parent in parents)
            if parents:
                context["parent"] = parents[0]
                context["parents"] = parents
    near = run.path if run is not None else ()
    if "inputs" in roots or needs.inputs is None:
        context["inputs"] = _pick(live.inputs, needs.inputs)
        offloaded = offloaded or any(_is_offloaded(v) for v in context["inputs"].values())
    if "vars" in roots or needs.vars is None:
        context["vars"] = _pick(live.variables, needs.vars)
        offloaded = offloaded or _is_offloaded(context["vars"])
    if "labels" in roots:
        context["labels"] = nested(live.labels)
    if live.trigger is not None and roots & {"trigger", "schedule"}:
        context["trigger"] = live.trigger.get("variables") or {}
        if "schedule" in roots:
            context["schedule"] = context["trigger"]
    if "error" in roots and live.error:
        context["error"] = live.error
    if "outputs" in roots or needs.outputs is None:
        names: Iterable[str] = (
            needs.outputs if needs.outputs is not None else [live.plan.flow.tasks[k].id for k in live.by_task]
        )
        outputs: dict[str, Any] = {}
        for name in names:
            value = _entries(live, name, near if name in needs.own_iteration else None, _visible)
            if value is not None:
                outputs[name] = value
                offloaded = offloaded or _is_offloaded(value)
        context["outputs"] = outputs
    if "tasks" in roots or needs.tasks is None:
        names = needs.tasks if needs.tasks is not None else [live.plan.flow.tasks[k].id for k in live.by_task]
        context["tasks"] = {n: v for n in names if (v := _entries(live, n, None, _state)) is not None}
    if "namespace" in roots and live.plan.namespace:
        context["namespace"] = live.plan.namespace
    for name in ("envs", "globals", "kestra"):
        if name in roots and name in globals_:
            context[name] = globals_[name]
    return context, offloaded


def _loop_value(run: Run) -> Any:
    """The value of a task run in a loop; one that is made of a secret is sealed."""
    if run.parent is not None and (sealed := run.parent.detail.get("sealed")):
        return sealed.get(str(run.iteration), run.value)
    return run.value


def _is_offloaded(value: Any, depth: int = 6) -> bool:
    """Whether only a worker can read something in a value: it lies in storage, or is encrypted."""
    if not isinstance(value, dict):
        return False
    if OFFLOADED in value or value.get("type") == ENCRYPTED:
        return True
    return depth > 0 and any(_is_offloaded(v, depth - 1) for v in value.values())


def _parents(run: Run) -> list[dict[str, Any]]:
    """Ancestors with a loop value or outputs, nearest first."""
    found: list[dict[str, Any]] = []
    parent = run.parent
    while parent is not None:
        entry: dict[str, Any] = {}
        if parent.value is not None:
            entry["taskrun"] = {"value": _loop_value(parent)}
        if parent.outputs and parent.task.type not in LOOPS:
            entry["outputs"] = parent.outputs
        if entry:
            found.append(entry)
        parent = parent.parent
    return found
