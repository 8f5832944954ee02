"""Tasks that the executor applies in place: Labels, SetVariables, UnsetVariables, Exit (§4, §5, §7.3)."""

from __future__ import annotations

import json
from typing import Any

from flowdeck.model.engine import tree
from flowdeck.model.engine.plan import EXECUTION
from flowdeck.model.engine.rendering import evaluate, hidden, is_true
from flowdeck.model.engine.stages import WORK, stage, work
from flowdeck.model.engine.tasks import fail
from flowdeck.model.engine.world import Run, World
from flowdeck.model.labels import LabelError, merge_labels, offending, read_labels
from flowdeck.model.masking import ENCRYPTED
from flowdeck.model.states import State


@stage("engine")
def apply_engine(w: World, run: Run, result: Any, error: str | None) -> None:
    """Labels, SetVariables, UnsetVariables, Exit."""
    if error is not None:
        fail(w, run, error, attempt=False)
        return
    live = run.execution
    name = run.task.type.removeprefix(EXECUTION)
    try:
        if name == "Labels":
            given = result.get("labels")
            pairs = read_labels(json.loads(given) if isinstance(given, str) else given)
            if wrong := offending((k, v) for k, v in pairs if (k, v) not in live.labels):
                raise LabelError(wrong)
            live.labels = merge_labels(live.labels, pairs)
            live.labels_changed = True
        elif name == "SetVariables":
            live.labels_changed = True
            given = _mapping(result.get("variables"))
            if w.secrecy is not None:
                given = w.secrecy.seal(given)
            live.variables = _merged(live.variables, given, is_true(result.get("overwrite", True)))
        elif name == "UnsetVariables":
            live.labels_changed = True
            live.variables = _without(
                live.variables, result.get("variables") or [], is_true(result.get("ignoreMissing", False))
            )
        elif name == "Exit":
            exit_state = str(result.get("state") or "SUCCESS").replace("CANCELED", "CANCELLED")
            WORK["exit"](w, (run, State[exit_state]))
            return
        else:
            raise ValueError(f"Task type {run.task.type} can't be applied by the executor")
    except (ValueError, KeyError, LabelError) as problem:
        fail(w, run, hidden(w, str(problem.args[0] if problem.args else problem)), attempt=False)
        return
    w.touch_execution(live)
    tree.end_run(w, run, State.SUCCESS)


@work("engine again")
def engine_again(w: World, run: Run) -> None:
    """Ask again for what a task of the executor needs: the answer was under way when the process ended."""
    if run.state is State.RUNNING:
        evaluate(w, run, "engine", dict(run.task.props), run.execution.plan.body(run.task.key))


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = json.loads(value)
    if not isinstance(value, dict):
        raise ValueError("variables must be a map")
    return value


def _merged(base: dict[str, Any], more: dict[str, Any], overwrite: bool) -> dict[str, Any]:
    out = dict(base)
    for key, value in more.items():
        old = out.get(key)
        if key in out and not overwrite:
            raise ValueError(f"Variable '{key}' already exist and 'overwrite' is set to 'false'.")
        if isinstance(old, dict) and isinstance(value, dict) and ENCRYPTED not in (old.get("type"), value.get("type")):
            value = _merged(old, value, True)
        out[key] = value
    return out


def _without(base: dict[str, Any], names: Any, ignore_missing: bool) -> dict[str, Any]:
    out = json.loads(json.dumps(base))
    for name in json.loads(names) if isinstance(names, str) else names:
        node: Any = out
        *path, last = str(name).split(".")
        for part in path:
            node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, dict) and last in node:
            del node[last]
        elif not ignore_missing:
            raise ValueError(f"Variable '{name}' does not exist")
    return out
