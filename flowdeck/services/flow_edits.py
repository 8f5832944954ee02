"""A task of a stored source replaced by another one: the text around it stays as it is, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from flowdeck.model.errors import InvalidEntity, NotFound
from flowdeck.services import flows
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller

ELSEWHERE = frozenset({"inputs", "outputs", "triggers", "variables"})
"""Properties that hold no tasks, though what they hold may look like one."""


def _found(root: yaml.Node, task_id: str) -> tuple[yaml.MappingNode, bool] | None:
    """The node of a task, and whether it stands within brackets."""
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, inline = stack.pop()
        inline = inline or bool(getattr(node, "flow_style", False))
        if isinstance(node, yaml.MappingNode):
            own = {k.value: v.value for k, v in node.value if isinstance(v, yaml.ScalarNode)}
            if own.get("id") == task_id and "." in str(own.get("type", "")):
                return node, inline
            stack += [(v, inline) for k, v in reversed(node.value) if k.value not in ELSEWHERE]
        elif isinstance(node, yaml.SequenceNode):
            stack += [(one, inline) for one in reversed(node.value)]
    return None


def _end(node: yaml.Node, source: str) -> int:
    """Where the last character of a node's content is; marks of blocks point behind the comments that follow."""
    if isinstance(node, yaml.ScalarNode):
        end = node.end_mark.index
        if node.style in ("|", ">"):
            end = node.start_mark.index + len(source[node.start_mark.index : end].rstrip())
        return end
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        return node.end_mark.index
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last, source)


def task_text(source: str, task_id: str) -> tuple[str, int] | None:
    """The text of a task as its author wrote it, indented from the left edge, and its line; None when there is none."""
    root = yaml.compose(source, Loader=yaml.SafeLoader)
    found = _found(root, task_id) if root is not None else None
    if found is None:
        return None
    node = found[0]
    first, *lines = source[node.start_mark.index : _end(node, source)].split("\n")
    indent = " " * node.start_mark.column
    return "\n".join([first, *(line.removeprefix(indent) for line in lines)]), node.start_mark.line + 1


def with_task(source: str, task_id: str, task: Mapping[str, Any]) -> str | None:
    """The source with the task `task_id` replaced; None when it has none.

    The properties of the new task stand in the order given; comments within the old one go with it.
    """
    root = yaml.compose(source, Loader=yaml.SafeLoader)
    found = _found(root, task_id) if root is not None else None
    if found is None:
        return None
    node, inline = found
    text = yaml.safe_dump(
        dict(task), sort_keys=False, allow_unicode=True, default_flow_style=inline, width=100_000
    ).rstrip("\n")
    lines = text.split("\n")
    indent = " " * node.start_mark.column
    text = "\n".join([lines[0], *(indent + line if line else line for line in lines[1:])])
    return source[: node.start_mark.index] + text + source[_end(node, source) :]


async def replace_task(
    backend: Backend, caller: Caller, namespace: str, flow_id: str, task_id: str, task: Any
) -> dict[str, Any]:
    """Write a new revision with another task in the place of this one (§7); the answer is the `Flow`.

    `NotFound` for an unknown flow or task, `InvalidEntity` when the task is none or names itself otherwise.
    """
    head = await flows.head(backend, caller, namespace, flow_id)
    if not isinstance(task, dict):
        raise InvalidEntity("task: an object is expected")
    if task.get("id") != task_id:
        raise InvalidEntity(f"task.id: must be '{task_id}', the id in the path")
    source = await backend.thread(lambda: with_task(head["source"], task_id, task))
    if source is None:
        raise NotFound(f"task '{task_id}'")
    saved = await flows.save(backend, caller, source, namespace=namespace, flow_id=flow_id)
    saved.pop("source", None)
    return saved
