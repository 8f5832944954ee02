"""States of an execution's tasks for its graph, however many task runs there are (`spec/ui.md` UI-XP-40)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.errors import IllegalArgument, NotFound
from flowdeck.model.states import State
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import row_of
from flowdeck.services.wire import compact, instant_or_none
from flowdeck.store.queries import executions as execution_queries
from flowdeck.store.queries import task_runs as queries


async def states(
    backend: Backend, caller: Caller, execution_id: str, loop: str | None, iteration: int
) -> dict[str, Any]:
    """`{execution, tasks: {id: …}}` of an execution, or of one `iteration` (from 0) of its `loop` (a task run's id).

    A task has `counts` by state, `ids` of the newest run in each state, `started`, `ended`, `going`, `attempts`,
    `value` and `child` of the newest, and `rounds` where it is a loop. `NotFound` for an unknown loop.
    """
    if iteration < 0:
        raise IllegalArgument("iteration: from 0 on")
    row = await row_of(backend, caller, execution_id)

    def work(reader: Any) -> dict[str, Any]:
        with reader.snapshot():
            above: int | None = None
            if loop:
                found = execution_queries.task_run(reader, row["seq"], loop)
                if found is None:
                    raise NotFound(f"task run '{loop}'")
                above = found["seq"]
            groups = queries.by_task(reader, row["seq"], above, iteration)
            newest = queries.of_seqs(reader, [one["newest"] for one in groups])
            turns = {one["seq"]: one["rounds"] for one in queries.rounds(reader, row["seq"])}
        tasks: dict[str, dict[str, Any]] = {}
        last: dict[str, int] = {}
        for one in groups:
            name, state, run = one["task_id"], State(one["state"]).name, newest[one["newest"]]
            task = tasks.setdefault(name, {"counts": {}, "ids": {}, "attempts": 0, "going": 0})
            task["counts"][state] = one["n"]
            task["ids"][state] = run["id"]
            task["attempts"] = max(task["attempts"], one["attempts"])
            task["going"] += one["going"]
            for key, better in (("started", min), ("ended", max)):
                if one[key] is not None:
                    task[key] = one[key] if task.get(key) is None else better(task[key], one[key])
            if run["seq"] >= last.get(name, 0):
                last[name] = run["seq"]
                task |= {"value": run["value"], "child": run["child_execution"], "rounds": turns.get(run["seq"])}
                task["run"] = run["id"]
        for task in tasks.values():
            task["started"], task["ended"] = instant_or_none(task.get("started")), instant_or_none(task.get("ended"))
        about = {"id": row["id"], "namespace": row["namespace"], "flowId": row["flow_id"]}
        about |= {"state": State(row["state"]).name, "taskRuns": row["task_count"]}
        return {"execution": about, "tasks": {name: compact(task) for name, task in tasks.items()}}

    return await backend.read(work)


__all__ = ["states"]
