"""Executions that can't go on: their flow or a row of theirs can't be read any more.

They are taken into memory with a plan that knows nothing but the names of their tasks, so that they end FAILED with
the reason in their log, alone, and can be shown, labelled and deleted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flowdeck.engine import executor_store as rows
from flowdeck.engine.plans import PlanStore
from flowdeck.model.engine import Live, Plan, rebuild
from flowdeck.model.flow import Flow, TaskDef, TaskKind
from flowdeck.model.states import State

log = logging.getLogger("flowdeck.executor")


def live_of(plans: PlanStore, row: Any) -> Live:
    """An execution without its task runs; a broken one (`plan.broken` says why) when row or flow can't be read."""
    try:
        stored = rows.execution_row(row)
        plan = plans.by_key(stored["flow_key"], stored["flow_rev"], stored["tenant"])
        return rebuild.live_from(plan, stored)
    except LookupError as problem:
        text = str(problem.args[0]) if problem.args else ""
        reason = f"revision {row['flow_rev']} of the flow is gone" if text in ("", "unknown") else text
    except (ValueError, TypeError, AttributeError) as problem:
        reason = f"its row can't be read: {type(problem).__name__}: {problem}"[:500]
    return stand_in(row, (), reason)


def stand_in(row: Any, task_runs: Iterable[Any], reason: str) -> Live:
    """The execution as far as it can be read, with a plan that can do nothing."""
    keys = {run["task_key"]: str(run["task_id"]) for run in task_runs}
    tasks = tuple(
        TaskDef(
            key=key,
            id=keys.get(key, f"_{key}"),
            type="",
            kind=TaskKind.RUNNABLE,
            parent=None,
            branch="tasks",
            props={},
        )
        for key in range(max(keys, default=-1) + 1)
    )
    flow = Flow(row["tenant"], row["namespace"], row["flow_id"], row["flow_rev"], tasks, {})
    plan = Plan(flow, row["flow_key"])
    plan.broken = reason
    return rebuild.live_from(plan, _tolerant(row, rows.EXECUTION_JSON))


def join(live: Live, row: Any, stored: Sequence[Any], attempts: Mapping[int, int]) -> Live:
    """Give an execution its task runs, rows in order of creation; a broken one instead when that is impossible."""
    if not live.plan.broken:
        try:
            connect(live, [rows.task_run_row(r) for r in stored], attempts)
            return live
        except Exception as problem:  # whatever a row makes of it: one execution must not stop all others
            log.exception("execution %s can't be read", live.id)
            reason = f"a task run of it can't be read: {type(problem).__name__}: {problem}"[:500]
            live = stand_in(row, stored, reason)
    else:
        live = stand_in(row, stored, live.plan.broken)
    connect(live, [_tolerant(r, rows.RUN_JSON) for r in stored], attempts)
    return live


def connect(live: Live, stored: Sequence[Mapping[str, Any]], attempts: Mapping[int, int]) -> None:
    """Join decoded task runs into the tree of their execution."""
    runs = [(rebuild.run_from(live, r), r["parent_seq"]) for r in stored]
    for run, _ in runs:
        run.attempt_started = attempts.get(run.seq)
    rebuild.connect(live, runs)


def _tolerant(row: Any, names: Iterable[str]) -> dict[str, Any]:
    """A row with its JSON columns decoded; what can't be is nothing, an unknown state is RUNNING."""
    out = dict(row)
    for name in names:
        try:
            out[name] = json.loads(out[name]) if out[name] is not None else None
        except (ValueError, TypeError):
            out[name] = None
    wanted = {"labels": list, "breakpoints": list, "fixtures": list}
    for name in names:
        if out[name] is not None and not isinstance(out[name], wanted.get(name, dict)):
            out[name] = None
    if "labels" in out:
        out["labels"] = [x for x in out["labels"] or [] if isinstance(x, dict) and "key" in x and "value" in x]
    try:
        State(out["state"])
    except ValueError:
        out["state"] = int(State.RUNNING)
    return out


__all__ = ["connect", "join", "live_of", "stand_in"]
