"""Rows of the Gantt: task runs in pages, their ancestors, one in detail (spec: extensions §5, §7)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model.errors import IllegalArgument, NotFound
from flowdeck.model.flowables.items import ITEMS
from flowdeck.model.states import State
from flowdeck.services import flows
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.documents import is_dynamic
from flowdeck.services.executions import masked, row_of, state_named
from flowdeck.services.wire import compact, instant, instant_or_none
from flowdeck.store.queries import executions as execution_queries
from flowdeck.store.queries import task_runs as queries

SMALL = 500
"""Up to here an execution is sent whole."""


async def types_of(backend: Backend, row: Any) -> list[str]:
    """Type of each task of the execution's revision, by key."""
    try:
        _, _, flow = await flows.of_execution(backend, row)
    except Exception:  # a flow that is gone or does not parse any more has no types to show
        return []
    return [t.type for t in flow.tasks]


def waiting_of(run: Any, detail: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Why a task run that is neither running nor terminal waits."""
    if run["state"] >= State.SUCCESS or run["state"] in (State.RUNNING, State.RESTARTED):
        return None
    detail = detail if detail is not None else json.loads(run["detail"]) if run["detail"] else {}
    stored = detail.get("waiting") if isinstance(detail, Mapping) else None
    if isinstance(stored, Mapping):
        out = dict(stored)
        for key in ("since", "until"):
            if isinstance(out.get(key), int):
                out[key] = instant(out[key])
        out.setdefault("since", instant(run["created"]))
        return out
    due = detail.get("due") if isinstance(detail, Mapping) else None
    until = instant(due) if isinstance(due, int) else None
    since = instant(run["created"])
    match State(run["state"]):
        case State.PAUSED:
            return compact(
                {
                    "kind": "paused",
                    "text": "Waits for a resume" if until is None else "Paused until a date",
                    "since": instant(run["started"] or run["created"]),
                    "until": until,
                    "task": run["task_id"],
                    "canResume": True,
                    "action": "resume",
                }
            )
        case State.RETRYING:
            return compact(
                {
                    "kind": "retry",
                    "text": "Waits for the next attempt",
                    "since": since,
                    "until": until,
                    "attempt": run["attempts"],
                }
            )
        case State.BREAKPOINT:
            return {
                "kind": "breakpoint",
                "text": "Stopped at a breakpoint",
                "since": since,
                "task": run["task_id"],
                "canResume": True,
            }
        case State.KILLING:
            return {"kind": "killing", "text": "Being killed", "since": since}
        case _:
            return {"kind": "slot", "text": "Waits for a free worker", "since": since}


def shape(
    run: Any, parent: str | None, types: Sequence[str], children: Mapping[int, int] | None, expected: int | None = None
) -> dict[str, Any]:
    """`row` of extensions §5."""
    counted = None
    if children:
        counted = {"total": sum(children.values()), **{State(s).name: n for s, n in sorted(children.items())}}
    elif run["children"]:
        stored = json.loads(run["children"])
        counted = {"total": sum(v for k, v in stored.items() if k != "total"), **stored} if stored else None
    return compact(
        {
            "id": run["id"],
            "taskId": run["task_id"],
            "type": types[run["task_key"]] if 0 <= run["task_key"] < len(types) else None,
            "parent": parent,
            "value": run["value"],
            "iteration": run["iteration"] if run["iteration"] >= 0 and not is_dynamic(run) else None,
            "dynamic": True if is_dynamic(run) else None,
            "state": State(run["state"]).name,
            "attempts": run["attempts"],
            "created": instant(run["created"]),
            "started": instant_or_none(run["started"]),
            "ended": instant_or_none(run["ended"]),
            "waitedMs": max(0, run["started"] - run["created"]) if run["started"] is not None else None,
            "waiting": waiting_of(run),
            "worker": run["worker"],
            "children": counted,
            "expectedMs": expected,
            "batches": _batches(run, types),
            "childExecution": run["child_execution"],
        }
    )


def _batches(run: Any, types: Sequence[str]) -> dict[str, int] | None:
    """How many executions a ForEachItem starts, and how many are in which state; the engine counts them as they go."""
    if not run["outputs"] or not 0 <= run["task_key"] < len(types) or types[run["task_key"]] != ITEMS:
        return None
    outputs = json.loads(run["outputs"])
    states = {name: n for name, n in (outputs.get("iterations") or {}).items() if n}
    return {"total": int(outputs.get("numberOfBatches") or 0), **states}


def rows_of(reader: Any, execution_seq: int, runs: Sequence[Any], types: Sequence[str]) -> list[dict[str, Any]]:
    """Rows with their parents' ids and counts of children."""
    parents = queries.ids(reader, execution_seq, [r["parent_seq"] for r in runs])
    counted = queries.counts(reader, execution_seq, [r["seq"] for r in runs])
    return [shape(r, parents.get(r["parent_seq"]), types, counted.get(r["seq"])) for r in runs]


async def page(
    backend: Backend,
    caller: Caller,
    execution_id: str,
    *,
    parent: str | None,
    after: str | None,
    limit: int,
    state: str | None,
    text: str,
    sort: str,
    leaves: bool = False,
) -> dict[str, Any]:
    """One page below a parent; with `leaves` the states of all task runs without children. `IllegalArgument`."""
    if sort not in queries.ORDERS:
        raise IllegalArgument(f"sort: {', '.join(queries.ORDERS)} are known")
    if not 1 <= limit <= 500:
        raise IllegalArgument("limit: 1…500")
    row = await row_of(backend, caller, execution_id)
    types = await types_of(backend, row)
    number = int(state_named(state)) if state else None
    now = backend.now()

    def work(reader: Any) -> dict[str, Any]:
        with reader.snapshot():
            seq = row["seq"]
            above: int | None = 0
            if parent:
                found = execution_queries.task_run(reader, seq, parent)
                if found is None:
                    raise NotFound(f"task run '{parent}'")
                above = found["seq"]
            elif text or state:
                above = None  # a search looks at every level
            mark = execution_queries.task_run(reader, seq, after) if after else None
            runs = queries.page(
                reader,
                seq,
                above,
                after=mark["seq"] if mark else None,
                limit=limit,
                state=number,
                text=text,
                sort=sort,
                now=now,
            )
            counts = (
                queries.counts(reader, seq, [above]).get(above, {})
                if above is not None
                else queries.states(reader, seq)
            )
            answer = {
                "rows": rows_of(reader, seq, runs, types),
                "counts": {State(s).name: n for s, n in counts.items()},
                "total": queries.total(reader, seq, above, number, text),
            }
            if leaves:
                answer["leaves"] = {State(s).name: n for s, n in queries.leaves(reader, seq).items()}
            if len(runs) == limit:
                answer["after"] = runs[-1]["id"]
            return answer

    return await backend.read(work)


async def path(backend: Backend, caller: Caller, execution_id: str, task_run_id: str) -> list[dict[str, Any]]:
    """Ancestors from the top and the offset in each level, the task run itself last. `NotFound`."""
    row = await row_of(backend, caller, execution_id)
    types = await types_of(backend, row)

    def work(reader: Any) -> list[dict[str, Any]]:
        run = execution_queries.task_run(reader, row["seq"], task_run_id)
        if run is None:
            raise NotFound(f"task run '{task_run_id}'")
        chain = []
        while run is not None:
            chain.append(run)
            run = (
                reader.one("select * from task_run where seq = :seq", seq=run["parent_seq"])
                if run["parent_seq"]
                else None
            )
        chain.reverse()
        return [
            {**shaped, "offset": queries.position(reader, one)}
            for one, shaped in zip(chain, rows_of(reader, row["seq"], chain, types), strict=True)
        ]

    return await backend.read(work)


async def detail(backend: Backend, caller: Caller, execution_id: str, task_run_id: str) -> dict[str, Any]:
    """One task run with its attempts, history and outputs' sizes. `NotFound`."""
    row = await row_of(backend, caller, execution_id)
    types = await types_of(backend, row)

    def work(reader: Any) -> dict[str, Any]:
        run = execution_queries.task_run(reader, row["seq"], task_run_id)
        if run is None:
            raise NotFound(f"task run '{task_run_id}'")
        attempts = reader.all("select * from attempt where task_run_seq = :seq order by no", seq=run["seq"])
        events = reader.all(
            "select state, at, attempt, cause from event where execution_seq = :e and task_run_seq = :t order by seq",
            e=row["seq"],
            t=run["seq"],
        )
        answer = rows_of(reader, row["seq"], [run], types)[0]
        answer["attemptList"] = [
            compact(
                {
                    "no": a["no"],
                    "state": State(a["state"]).name,
                    "started": instant_or_none(a["started"]),
                    "ended": instant_or_none(a["ended"]),
                    "workerId": a["worker"],
                    "exit": json.loads(a["exit_info"]) if a["exit_info"] else None,
                }
            )
            for a in attempts
        ]
        answer["histories"] = [
            compact(
                {
                    "state": State(e["state"]).name,
                    "date": instant(e["at"]),
                    "cause": e["cause"],
                    "attempt": e["attempt"] or None,
                }
            )
            for e in events
        ]
        if run["outputs"]:
            answer["outputs"] = masked(json.loads(run["outputs"]))
        answer["outputsSize"] = run["outputs_size"] or len(run["outputs"] or "")
        if run["outputs_uri"]:
            answer["outputsUri"] = run["outputs_uri"]
        stored = json.loads(run["detail"]) if run["detail"] else {}
        if isinstance(stored, Mapping) and stored.get("error"):
            answer["error"] = stored["error"]
        return answer

    return await backend.read(work)


async def critical_path(backend: Backend, caller: Caller, execution_id: str) -> dict[str, Any]:
    """The chain of task runs that decided when the execution ended; empty beyond 20,000 rows."""
    row = await row_of(backend, caller, execution_id)
    if row["task_count"] > 20_000:
        return {"rows": [], "totalMs": 0}
    now = backend.now()

    def work(reader: Any) -> dict[str, Any]:
        runs = [r for r in queries.all_of(reader, row["seq"]) if r["started"] is not None]
        parents = {r["parent_seq"] for r in runs}
        leaves = sorted((r for r in runs if r["seq"] not in parents), key=lambda r: r["ended"] or now)
        chain: list[Any] = []
        start: int | None = None
        for run in reversed(leaves):
            end = run["ended"] or now
            if start is None or end <= start:
                chain.append(run)
                start = run["started"]
        chain.reverse()
        return {"rows": [r["id"] for r in chain], "totalMs": sum((r["ended"] or now) - r["started"] for r in chain)}

    return await backend.read(work)
