"""Functions that walk the execution's context (expressions §8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.runtime import Runtime
from flowdeck.expr.signature import Table
from flowdeck.expr.texts import text_of
from flowdeck.expr.values import integer

TABLE = Table()


def _get(context: Any, *path: str) -> Any:
    value = context
    for key in path:
        try:
            value = value[key]
        except (KeyError, TypeError, IndexError):
            return None
    return value


def _loop_values(context: Any) -> list[str]:
    """Loop values of all parents, outermost first, then of this task run."""
    values = [_get(parent, "taskrun", "value") for parent in reversed(_get(context, "parents") or [])]
    values.append(_get(context, "taskrun", "value"))
    return [text_of(value) for value in values if value is not None]


@TABLE.entry("currentEachOutput", "outputs", needs="context")
def current_each_output(rt: Runtime, context: Any, outputs: Any) -> Any:
    """The element of an output map for the current loop values."""
    if not isinstance(outputs, Mapping):
        raise ExpressionError("The 'currentEachOutput' function expects an argument 'outputs' with type map.")
    value: Any = outputs
    for key in _loop_values(context):
        value = _get(value, key)
        if value is None:
            raise ExpressionError("No execution outputs for the current task runs path")
    return value


@TABLE.entry("iterationOutput", ("taskId", None), ("iteration", None), needs="context")
def iteration_output(rt: Runtime, context: Any, task: Any, iteration: Any) -> Any:
    """Output of an earlier iteration of the innermost loop."""
    values = _loop_values(context)
    if not values:
        raise ExpressionError("`iterationOutput` works inside a loop only")
    current = _get(context, "taskrun", "iteration")
    if iteration is None:
        if current is None:
            raise ExpressionError("The iteration of this task run is unknown")
        index = integer(current, "iteration") - 1
    else:
        index = integer(iteration, "iteration")
    whole = isinstance(task, Mapping)
    name = task if not whole else None
    if name is None and not whole:
        name = _get(context, "task", "id")
    found: Any = task if whole else _get(context, "outputs", text_of(name))
    for key in values[:-1]:
        found = _get(found, key)
    iterations = list(found.values()) if isinstance(found, Mapping) else []
    if not 0 <= index < len(iterations):
        raise ExpressionError(f"No output for the iteration {index}")
    return iterations[index] if whole else _get(iterations[index], "value")


@TABLE.entry("parentOutput", ("index", None), needs="context")
def parent_output(rt: Runtime, context: Any, index: Any) -> Any:
    """Outputs of the direct parent, or of the parent with an index from the outermost."""
    parents = _get(context, "parents") or ([_get(context, "parent")] if _get(context, "parent") else [])
    if index is None:
        at = 0
    else:
        place = integer(index, "index")
        at = len(parents) - 1 - place if place >= 0 else -1
    if not 0 <= at < len(parents):
        raise ExpressionError("There is no such parent task run")
    return _get(parents[at], "outputs")


def _with_state(found: list[dict[str, Any]], task: str, node: Any, wanted: str, value: str | None) -> None:
    if not isinstance(node, Mapping):
        return
    state = node.get("state")
    if isinstance(state, str):
        if state.upper() == wanted:
            found.append({"taskId": task, "state": state} | ({} if value is None else {"value": value}))
        return
    for key, inner in node.items():
        _with_state(found, task, inner, wanted, text_of(key))


@TABLE.entry("tasksWithState", "state", needs="context")
def tasks_with_state(rt: Runtime, context: Any, state: Any) -> list[dict[str, Any]]:
    """Task runs in a state, as maps of taskId, state and value."""
    found: list[dict[str, Any]] = []
    for task, node in (_get(context, "tasks") or {}).items():
        _with_state(found, text_of(task), node, text_of(state).upper(), None)
    return found


@TABLE.entry("fileURI", "path", ("namespace", None), needs="context")
def file_uri(rt: Runtime, context: Any, path: Any, namespace: Any) -> str:
    """Internal URI of a namespace file."""
    name, owner = text_of(path), namespace if namespace is not None else _get(context, "flow", "namespace")
    if owner is None:
        raise ExpressionError("The 'fileURI' function needs a namespace here")
    if ".." in name.split("/"):
        raise ExpressionError("A path must not contain `..`")
    return f"kestra:///{text_of(owner).replace('.', '/')}/_files/{name.lstrip('/')}"
