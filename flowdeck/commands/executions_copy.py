"""A new execution that repeats another one: on which revision, with which task runs taken over (§18)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowdeck.commands.step import Step
from flowdeck.model.engine import Live, Plan, Run, control
from flowdeck.model.engine.world import DETAIL, NEW, OUTPUTS, STATE, World
from flowdeck.model.errors import IllegalState, NotFound
from flowdeck.model.flow import TaskDef, TaskKind
from flowdeck.model.labels import merge_labels
from flowdeck.model.states import State

Tree = list[tuple[Run, int]]
"""Task runs with the seq of the one around each, 0 at the top."""
REPEATED = ("system.restarted", "system.replay", "system.replayed")
"""Labels that tell of one execution and are not handed on."""
_PLAIN = (TaskKind.RUNNABLE, TaskKind.ENGINE)


def plan_of(step: Step, live: Live, revision: int | None) -> Plan:
    """The plan of a revision of the execution's flow, None for the one that ran. `IllegalState`, `NotFound`."""
    if revision is None:
        if live.plan.broken:
            raise IllegalState(f"Execution '{live.id}' can't run again: {live.plan.broken}")
        return live.plan
    try:
        return step.world.flows.plan(live.tenant, live.namespace, live.flow_id, revision)
    except LookupError:
        raise NotFound(f"Unable to find revision {revision} on flow {live.namespace}.{live.flow_id}") from None


def another(
    w: World,
    live: Live,
    plan: Plan,
    *,
    inputs: dict[str, Any] | None = None,
    labels: Sequence[tuple[str, str]] = (),
    breakpoints: list[Any] | None = None,
    enter_now: bool = True,
) -> Live:
    """A new execution that repeats one: its inputs if there are no other ones, its labels with `labels` over them."""
    own = [(k, v) for k, v in live.labels if k not in REPEATED]
    return control.create(
        w,
        plan,
        inputs=live.inputs if inputs is None else inputs,
        labels=merge_labels(own, list(labels)),
        trigger=live.trigger,
        kind=live.kind,
        parent_id=live.id,
        original_id=live.original_id,
        original_created=live.original_created,
        attempt_number=live.attempt_number + 1,
        flow_labels=False,
        breakpoints=breakpoints,
        enter_now=enter_now,
        shard=live.shard,
    )


def copied(
    step: Step,
    live: Live,
    plan: Plan,
    runs: Tree,
    *,
    inputs: dict[str, Any] | None = None,
    labels: Sequence[tuple[str, str]] = (),
) -> tuple[Live, Tree]:
    """A new execution with copies of task runs; answers the copies with the seq of their originals."""
    w = step.world
    new = another(w, live, plan, inputs=inputs, labels=labels, enter_now=False)
    new.variables = dict(live.variables)
    new.started = w.now
    copies: dict[int, Run] = {}
    out: Tree = []
    for run, parent_seq in runs:
        task = plan.task_ids.get(run.task.id)
        above = copies.get(parent_seq)
        if task is None or (parent_seq and above is None) or run.detail.get("dynamic"):
            continue
        if not _same_place(run, task, above):
            continue
        w.last_run += 1
        twin = Run(new, task, w.last_run, w.new_id(w.now), new.task_count, run.created)
        new.task_count += 1
        twin.parent = above
        for name in (
            "iteration",
            "value",
            "state",
            "attempts",
            "started",
            "first_started",
            "ended",
            "outputs",
            "outputs_uri",
            "outputs_size",
            "counts",
            "fence",
        ):
            setattr(twin, name, getattr(run, name))
        twin.detail = dict(run.detail)
        twin.dirty = NEW | STATE | DETAIL | OUTPUTS
        twin.version = w.next_event()
        w.changes.runs[twin.seq] = twin
        for event in step.tx.all(
            "select attempt, state, at, cause from event where task_run_seq = ? order by seq", run.seq
        ):
            w.changes.events.append((w.next_event(), new.seq, twin.seq, event[0], event[1], event[2], event[3]))
        twin.version = w.last_event
        for a in step.tx.all("select * from attempt where task_run_seq = ?", run.seq):
            w.changes.attempts[twin.seq, a["no"]] = {
                "fence": a["fence"],
                "state": a["state"] if State(a["state"]).terminal else int(State.KILLED),  # it runs for the other one
                "started": a["started"],
                "ended": a["ended"] or w.now,
                "worker": a["worker"],
                "exit_info": None,
            }
        copies[run.seq] = twin
        out.append((twin, run.seq))
    return new, out


def is_kept(runs: Tree, chosen: Run, plan: Plan) -> bool:
    """Whether a task run and all around it can be taken over to a revision."""
    by_seq = {run.seq: run for run, _ in runs}
    parents = {run.seq: parent for run, parent in runs}
    node: Run | None = chosen
    while node is not None:
        above = by_seq.get(parents[node.seq])
        task = plan.task_ids.get(node.task.id)
        outer = plan.task_ids.get(above.task.id) if above is not None else None
        if task is None or node.detail.get("dynamic") or (above is not None and outer is None):
            return False
        if not _fits(node, task, outer):
            return False
        node = above
    return True


def _same_place(run: Run, task: TaskDef, above: Run | None) -> bool:
    """Whether a task stands in another revision where it stood: only then its task run can be taken over."""
    return _fits(run, task, above.task if above is not None else None)


def _fits(run: Run, task: TaskDef, outer: TaskDef | None) -> bool:
    if task.disabled or task.branch != run.task.branch or not _alike(run.task, task):
        return False
    return task.parent == (outer.key if outer is not None else None)


def _alike(old: TaskDef, new: TaskDef) -> bool:
    """Whether a task run may go on as one of another revision's task: a plain task may be corrected into any other."""
    return (old.kind in _PLAIN and new.kind in _PLAIN) or (old.type, old.kind) == (new.type, new.kind)
