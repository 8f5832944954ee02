"""Reading live executions from their rows: at the start of the process, and one by one for commands."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

from flowdeck.engine import broken
from flowdeck.engine import executor_store as rows
from flowdeck.engine.left_alone import drop, left_alone
from flowdeck.engine.plans import PlanStore
from flowdeck.model.engine import Live, World, control, rebuild
from flowdeck.model.engine.world import FAR
from flowdeck.model.errors import NotFound
from flowdeck.model.flow import TaskKind
from flowdeck.model.states import State
from flowdeck.store.driver import Reader

log = logging.getLogger("flowdeck.executor")

UNSEEN = 1 << 16
"""Numbers that a new process leaves out: some were given to task runs and events that no row tells of any more."""


def load_world(reader: Reader, plans: PlanStore, w: World, shards: Collection[int] | None = None) -> None:
    """Fill an empty world: open executions with their task runs, slots, queues, timers, numbers.

    With `shards` only theirs are read, into a world that may have others, and no numbers (PostgreSQL).
    """
    if shards is None:
        numbers = rows.counters(reader)
        w.last_event, w.last_execution, w.last_run = numbers["event"], numbers["execution"], numbers["run"]
        w.last_run += UNSEEN if w.last_run else 0
        w.last_event += UNSEEN if w.last_event else 0
    ours: tuple[Any, ...] = () if shards is None else (list(shards),)
    where, joined = ("", "") if shards is None else (" where e.shard = any(?)", " and e.shard = any(?)")
    known = set(w.executions)
    read: dict[int, Any] = {}
    for row in reader.all(f"select e.* from execution e where {rows.OPEN}{joined} order by e.seq", ours):
        live = broken.live_of(plans, row)
        w.add(live)
        read[live.seq] = row
    for row in reader.all("select ref, payload from timer where kind = 'after' and payload is not null"):
        if row[0] in w.executions and row[0] not in known:
            w.executions[row[0]].listeners = tuple(rows.decode(row[1]))
    among = "" if shards is None else " and t.execution_seq in (select seq from execution e where e.shard = any(?))"
    attempts = {row[0]: row[1] for row in reader.all(f"{rows.OPEN_ATTEMPTS}{among}", ours)}
    stored_runs = reader.all(
        f"select t.* from task_run t join execution e on e.seq = t.execution_seq where {rows.OPEN}{joined}"
        " order by t.execution_seq, t.ord",
        ours,
    )
    seen: set[int] = set()
    for seq, group in groupby(stored_runs, key=lambda r: r["execution_seq"]):
        live = w.executions.get(seq)
        if live is not None and seq in read:
            seen.add(seq)
            whole = broken.join(live, read[seq], list(group), attempts)
            if whole is not live:
                w.add(whole)
            w.runs.update(whole.open)
    for seq, live in w.executions.items():
        if seq not in seen and seq not in known:
            broken.connect(live, [], {})
    join = "" if shards is None else " join execution e on e.seq = x.execution_seq"
    for row in reader.all(f"select x.scope, x.execution_seq from slot x{join}{where}", ours):
        w.slots.setdefault(row[0], set()).add(row[1])
    for row in reader.all(
        f"select x.scope, x.execution_seq, x.queued from waiting x{join}{where} order by x.seq", ours
    ):
        w.waiting.setdefault(row[0], {})[row[1]] = row[2]
    if shards is None:
        timers = reader.all("select kind, ref, due from timer")
    else:  # a number names an execution or a task run, never both: `sharing.POOLS`
        timers = reader.all(
            f"select x.kind, x.ref, x.due from timer x join execution e on e.seq = x.ref{where} union all"
            " select x.kind, x.ref, x.due from timer x join task_run t on t.seq = x.ref"
            f" join execution e on e.seq = t.execution_seq{where}",
            (*ours, *ours),
        )
    for row in timers:
        w.timers[row[0], row[1]] = row[2]
    _load_strays(reader, plans, w)
    w.ignored = left_alone()
    drop(w)


def _load_strays(reader: Reader, plans: PlanStore, w: World) -> None:
    """Task runs that were ended from outside while their attempts went on (§8.2)."""
    for kind, seq in [key for key in w.timers if key[0] == "stray" and key[1] not in w.strays]:
        found = reader.one("select * from task_run where seq = ?", seq)
        above = reader.one("select * from execution where seq = ?", found["execution_seq"]) if found else None
        if found is None or above is None:
            w.cancel(kind, seq)
            continue
        live = w.executions.get(above["seq"]) or broken.live_of(plans, above)
        if live.plan.broken:
            w.cancel(kind, seq)
            continue
        run = rebuild.run_from(live, rows.task_run_row(found))
        run.stray = True
        w.strays[seq] = run


def load_execution(reader: Reader, plans: PlanStore, execution_id: str, tenant: str | None) -> Live:
    """One execution with all its task runs, not in memory yet; `NotFound` when there is none."""
    row = reader.one("select * from execution where id = ?", execution_id)
    if row is None or (tenant is not None and row["tenant"] != tenant):
        raise NotFound(f"Execution '{execution_id}' not found")
    live = broken.live_of(plans, row)
    attempts = {r[0]: r[1] for r in reader.all(f"{rows.OPEN_ATTEMPTS} and t.execution_seq = ?", live.seq)}
    stored = reader.all("select * from task_run where execution_seq = ? order by ord", live.seq)
    return broken.join(live, row, list(stored), attempts)


def set_going(w: World, elsewhere: set[int], lives: Iterable[Live] | None = None) -> None:
    """Let executions (default: all) go on from their rows.

    Task runs in `elsewhere` may be with a worker and are left alone.
    """
    for live in list(w.executions.values() if lives is None else lives):
        if live.plan.broken:
            w.later("broken", live)
            continue
        if live.state is State.CREATED and live.root is None:
            if ("schedule", live.seq) not in w.timers:
                w.later("enter", live)
            continue
        if live.state is State.RESTARTED:
            w.later("restarted", live)
            continue
        if (control.EXIT, live.seq) in w.timers:
            w.later("conclude", (live, State(w.timers[control.EXIT, live.seq] - FAR)))
            continue
        for run in live.open.values():
            if run.seq in elsewhere:
                run.begun = True
            elif run.state is State.RUNNING and run.task.kind is TaskKind.ENGINE:
                w.later("engine again", run)
            elif run.state is State.RUNNING and run.task.kind is TaskKind.ITEMS:
                w.later("items again", run)
        control.set_going(w, live)
    for scope in w.waiting:
        w.later("admit", scope)


__all__ = ["load_execution", "load_world", "set_going"]
