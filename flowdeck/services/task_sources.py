"""A task as it ran: its text in the revision that ran, its properties rendered again (ui.md UI-XP-21, UI-XP-70)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowdeck.commands.due import server_zone
from flowdeck.expr import Environment, ExpressionError, compile, references, render_value
from flowdeck.expr.texts import text_of
from flowdeck.model.errors import DomainError, NotFound
from flowdeck.services import flows
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.evaluation import context_of
from flowdeck.services.executions import row_of
from flowdeck.services.flow_edits import task_text
from flowdeck.services.wire import compact
from flowdeck.store.queries import executions as execution_queries

PROPERTIES = 100
"""Properties with expressions that are shown of a task."""
LONGEST = 4_000
"""Characters shown of a rendered value."""
SECRET = frozenset({"secret", "credential"})


async def of_task_run(backend: Backend, caller: Caller, execution_id: str, task_run_id: str) -> dict[str, Any]:
    """`{taskId, type, revision, source, line, properties}` of a task run. `NotFound`, also without its revision.

    What a task saw is not stored: properties are rendered again from what the execution kept. Each is `{path,
    expression}` with `value`, or with the reason why there is none: `secret`, `worker` (it reads something outside),
    or `problem` with its words.
    """
    row = await row_of(backend, caller, execution_id)
    run = await backend.read(execution_queries.task_run, row["seq"], task_run_id)
    if run is None:
        raise NotFound(f"task run '{task_run_id}'")
    _, stored, flow = await flows.of_execution(backend, row)
    if not 0 <= run["task_key"] < len(flow.tasks):
        raise NotFound(f"task '{run['task_id']}' in revision {row['flow_rev']}")
    task = flow.tasks[run["task_key"]]
    found = await backend.thread(lambda: _text(stored["source"], flow, task))
    wanted = list(_expressions(task.props))
    return compact(
        {
            "taskId": task.id,
            "type": task.type,
            "revision": row["flow_rev"],
            "source": found[0] if found else None,
            "line": found[1] if found else None,
            "properties": await _rendered(backend, row, task_run_id, wanted[:PROPERTIES]),
            "more": max(0, len(wanted) - PROPERTIES) or None,
        }
    )


def _text(source: str, flow: Any, task: Any) -> tuple[str, int] | None:
    """The task's text; that of the task around it when the engine made it (parts of a ForEachItem)."""
    while task is not None:
        found = task_text(source, task.id)
        if found is not None:
            return found
        task = flow.tasks[task.parent] if task.parent is not None else None
    return None


def _expressions(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Texts with expressions and where they stand; names that hold tasks are not among a task's properties."""
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _expressions(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            yield from _expressions(inner, f"{path}[{place}]")


async def _rendered(
    backend: Backend, row: Any, task_run_id: str, wanted: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    pure: dict[int, str] = {}
    answers: list[dict[str, Any]] = []
    refs: frozenset[tuple[str, ...]] = frozenset()
    for path, expression in wanted:
        answer: dict[str, Any] = {"path": path, "expression": expression}
        try:
            named, needs_io = references(expression)
            if compile(expression).functions & SECRET:
                answer["without"] = "secret"
            elif needs_io:
                answer["without"] = "worker"
            else:
                pure[len(answers)] = expression
                refs |= named
        except ExpressionError as error:
            answer |= {"without": "problem", "problem": str(error)}
        answers.append(answer)
    if not pure:
        return answers
    try:
        context = await backend.read(context_of, row, task_run_id, backend.storage, backend.config.variables, refs)
    except DomainError as error:
        return [one if "without" in one else one | {"without": "problem", "problem": error.message} for one in answers]

    def work() -> None:
        environment = Environment(zone=server_zone())
        for place, expression in pure.items():
            try:
                value = text_of(render_value(expression, context, environment))
                answers[place]["value"] = value[:LONGEST]
                if len(value) > LONGEST:
                    answers[place]["cut"] = True
            except ExpressionError as error:
                answers[place] |= {"without": "problem", "problem": str(error)}

    await backend.thread(work)
    return answers
