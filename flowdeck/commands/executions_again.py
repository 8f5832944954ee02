"""Commands that run an execution again: restart, replay, change of a task run's state (§18).

Restart and change of state work on the execution itself, replay makes a new one from copies of the rows. Both edit
task runs and then rebuild the tree from them, as a start of the process does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flowdeck.commands.executions import keep_numbers, snapshot
from flowdeck.commands.executions_copy import Tree, another, copied, is_kept, plan_of
from flowdeck.commands.registry import engine_command
from flowdeck.commands.step import Step
from flowdeck.model.engine import Live, Run, control, items, rebuild, rounds, tasks, tree
from flowdeck.model.engine.stages import work
from flowdeck.model.engine.world import DETAIL, KillAttempt, World
from flowdeck.model.errors import IllegalArgument, IllegalState, NotFound
from flowdeck.model.flow import TaskKind
from flowdeck.model.labels import merge_labels
from flowdeck.model.states import State


@work("restarted")
def restarted(w: World, live: Live) -> None:
    """RESTARTED → RUNNING, then everything goes on."""
    if live.state is not State.RESTARTED:
        return
    w.log(live, None, "INFO", "Flow restarted")
    w.move(live, State.RUNNING)
    if rounds.any_pause(live):  # another one than that whose state was changed
        w.move(live, State.PAUSED)
    control.set_going(w, live)


def _stored(step: Step, live: Live) -> Tree:
    """All task runs of an execution in order of creation, read from rows; IllegalState when its flow can't be."""
    if live.plan.broken:
        raise IllegalState(f"Execution '{live.id}' can't run again: {live.plan.broken}")
    step.flush()
    out: Tree = []
    from json import loads

    for row in step.tx.all("select * from task_run where execution_seq = ? order by ord", live.seq):
        values = dict(row)
        for name in ("outputs", "detail", "children"):
            values[name] = loads(values[name]) if values[name] else None
        out.append((rebuild.run_from(live, values), values["parent_seq"]))
    begun = {
        row[0]: row[1]
        for row in step.tx.all(
            "select a.task_run_seq, a.started from task_run t join attempt a on a.task_run_seq = t.seq "
            "and a.no = t.attempts where t.execution_seq = ? and t.state < 20 and a.state < 20",
            live.seq,
        )
    }
    for run, _ in out:
        run.attempt_started = begun.get(run.seq)
    return out


def _afresh(step: Step, live: Live, runs: Tree) -> tuple[Live, Tree]:
    """The execution apart from memory: what was put off for the objects in memory must not touch the edited ones."""
    if step.world.by_id.get(live.id) is not live:
        return live, runs
    fresh = step.reload(live)
    return fresh, _stored(step, fresh)


def _remove(step: Step, gone: Iterable[int]) -> None:
    gone = list(gone)
    if gone:
        keep_numbers(step)
    for seq in gone:
        step.tx.sql("delete from attempt where task_run_seq = ?", seq)
        for kind in tree.TIMERS:
            step.tx.sql("delete from timer where ref = ? and kind = ?", seq, kind)
            step.world.cancel(kind, seq)
        step.tx.sql("delete from event where task_run_seq = ?", seq)
        step.tx.sql("delete from task_run where seq = ?", seq)


def _start_again(w: World, run: Run) -> None:
    """A task run that failed starts again: a flowable without failed children from its own beginning."""
    run.ended = None
    run.counts = None
    for name in ("error", "due", "lost", "breakpoint", "ends", "round", "holds", "job", "reserved"):
        run.detail.pop(name, None)
    if run.task.type == tree.UNTIL:
        run.detail["since"] = w.now
    run.dirty |= DETAIL
    run.begun = False
    run.fence += 1
    for kind in tree.TIMERS:
        w.cancel(kind, run.seq)
    w.run_event(run, State.RESTARTED, cause="restart")


def _run_again(w: World, run: Run) -> None:
    """An ancestor of what starts again runs again."""
    run.ended = None
    run.counts = None
    for name in ("error", "ends", "holds", "due"):
        run.detail.pop(name, None)
    for kind in tree.TIMERS:
        w.cancel(kind, run.seq)
    run.dirty |= DETAIL
    if run.state is not State.RUNNING:
        w.run_event(run, State.RUNNING, cause="restart")


def _set_off(w: World, live: Live, runs: Tree) -> None:
    """Take a rebuilt execution into memory and let it go."""
    live.gone = False
    live.ended = None
    live.outputs = None
    live.error = None
    live.final = None
    live.finishing = False
    w.add(live)
    for seq in ("after", "recreate"):
        w.cancel(seq, live.seq)
    tree.forget_strays(w, live)
    if live.started is None:
        live.started = w.now
    limit = control.latest_limit(w, live)
    if limit is not None and not _holds_place(w, live):
        if len(w.slots.get(live.scope, ())) >= limit.limit:
            w.move(live, State.QUEUED)
            w.waiting.setdefault(live.scope, {})[live.seq] = w.now
            w.changes.waiting[live.seq] = (live.scope, w.now)
        else:
            control.take_slot(w, live)
    if live.state is not State.QUEUED:
        w.move(live, State.RESTARTED)
        w.later("restarted", live)
    rebuild.connect(live, runs)
    w.runs.update(live.open)


@engine_command("execution.restart")
def restart(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Run the failed part again: same execution, or with `revision` a new one on that revision."""
    live = step.load(args["id"], args.get("tenant"))
    if not live.state.terminal and live.state is not State.PAUSED:
        raise IllegalState(f"Execution '{live.id}' is {live.state.name}, can't restart it")
    runs = _stored(step, live)
    again, ancestors, gone = rebuild.to_restart(runs)
    if not again and not ancestors and not (live.state is State.FAILED and not runs):
        raise IllegalState("No task found to restart execution from!")
    _refuse_beyond_limit(step.world, live)
    revision = args.get("revision")
    if revision is not None and revision != live.flow_rev:
        plan = plan_of(step, live, revision)
        fresh, kept = copied(step, live, plan, [x for x in runs if x[0].seq not in gone])
        keep_again = {r.seq for r, old in kept if old in again}
        keep_above = {r.seq for r, old in kept if old in ancestors}
        _edit(step.world, [r for r, _ in kept], keep_again, keep_above)
        fresh.labels = merge_labels(fresh.labels, [("system.restarted", "true")])
        _set_off(step.world, fresh, [(r, r.parent.seq if r.parent else 0) for r, _ in kept])
        return snapshot(fresh)
    live, runs = _afresh(step, live, runs)
    w = step.world
    if not runs:
        live.root = None
    _remove(step, gone)
    runs = [x for x in runs if x[0].seq not in gone]
    _edit(w, [r for r, _ in runs], again, ancestors)
    for run, _ in runs:
        if run.seq in again and run.task.kind is TaskKind.SUBFLOW:
            _restart_child(step, run)
        elif run.seq in again and run.task.kind is TaskKind.ITEMS:
            _restart_batches(step, run)
    live.attempt_number += 1
    live.labels = merge_labels(live.labels, [("system.restarted", "true")])
    live.labels_changed = True
    _set_off(w, live, runs)
    return snapshot(live)


def _edit(w: World, runs: list[Run], again: set[int], ancestors: set[int]) -> None:
    for run in runs:
        if run.seq in again:
            _start_again(w, run)
        elif run.seq in ancestors:
            _run_again(w, run)


def _refuse_beyond_limit(w: World, live: Live) -> None:
    """A restart of an ended execution needs a place again; only a limit with a queue lets it wait for one."""
    limit = control.latest_limit(w, live)
    running = len(w.slots.get(live.scope, ()))
    if limit is not None and running >= limit.limit and limit.behavior != "QUEUE" and not _holds_place(w, live):
        raise IllegalState(f"The concurrency limit is exceeded, {running} running(s)")


def _holds_place(w: World, live: Live) -> bool:
    return live.seq in w.slots.get(live.scope, ())


def _restart_child(step: Step, run: Run) -> None:
    """A Subflow task that starts again restarts its failed child, or goes on waiting for one that still runs."""
    if str(run.task.props.get("restartBehavior") or "RETRY_FAILED") != "RETRY_FAILED" or run.child is None:
        run.child = None
        return
    try:
        child = step.load(run.child)
        if child.state.terminal:
            restart(step, {"id": child.id})
    except (NotFound, IllegalState):
        run.child = None
        return
    run.begun = True
    tree.start_run(step.world, run)


def _restart_batches(step: Step, run: Run) -> None:
    """The batches of a ForEachItem whose executions failed start again, or get new ones (§9.1, §9.2)."""
    if "batches" not in run.detail:
        return
    anew = str(run.task.props.get("restartBehavior") or "RETRY_FAILED") != "RETRY_FAILED"
    step.flush()
    newest: dict[int, tuple[str, State]] = {}
    for row in step.tx.all(
        'select id, state, "trigger" from execution where parent_execution = ? and parent_task_run = ? order by seq',
        run.execution.id,
        run.seq,
    ):
        trigger = json.loads(row["trigger"]) if row["trigger"] else {}
        if trigger.get("try") != run.detail.get("try"):
            continue
        variables = trigger.get("variables") or {}
        newest[int(variables.get("taskRunIteration") or 0)] = (row["id"], State(row["state"]))
    run.begun = True
    tree.start_run(step.world, run)
    step.world.runs[run.seq] = run  # what its children do is counted from now on
    batches = items.batches_of(step.world, run)
    for iteration, (child, state) in newest.items():
        if state not in (State.FAILED, State.KILLED, State.CANCELLED):
            continue
        if not anew:
            try:
                restart(step, {"id": child})
                continue
            except (NotFound, IllegalState):
                pass
        batches.counts[state.name] = max(0, batches.counts.get(state.name, 0) - 1)
        batches.redo.append(iteration)
    batches.note()
    batches.show(step.world)
    step.world.batches.pop(run.seq, None)
    step.world.later("items again", run)


@engine_command("execution.replay")
def replay(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Run an execution again as a new one: from a task run (`task_run`: id) or from the beginning.

    `revision` chooses another revision, `inputs` (resolved) replace the old ones, `labels` are merged over the old.
    """
    live = step.load(args["id"], args.get("tenant"))
    if not live.state.terminal and live.state is not State.PAUSED:
        raise IllegalState(f"Execution '{live.id}' is {live.state.name}, can't replay it")
    plan = plan_of(step, live, args.get("revision"))
    w = step.world
    labels = [("system.replay", "true")]
    chosen_id = args.get("task_run")
    if chosen_id:
        runs = _stored(step, live)
        chosen = next((r for r, _ in runs if r.id == chosen_id), None)
        if chosen is None:
            raise NotFound(f"Task run '{chosen_id}' not found on execution '{live.id}'")
        chosen = rebuild.whole(runs, chosen)
        if plan.task_ids.get(chosen.task.id) is None:
            raise IllegalArgument(f"Task '{chosen.task.id}' is not in revision {plan.flow.revision}")
        if not chosen.after and not is_kept(runs, chosen, plan):
            raise IllegalArgument(f"Task '{chosen.task.id}' is at another place in revision {plan.flow.revision}")
        # What follows the end runs again as a whole, after the same end.
        gone = {r.seq for r, _ in runs if r.after} if chosen.after else rebuild.successors(runs, chosen)
        new, kept = copied(
            step,
            live,
            plan,
            [x for x in runs if x[0].seq not in gone],
            inputs=args.get("inputs"),
            labels=labels,
        )
        node = next((r for r, old in kept if old == chosen.seq), None)
        new.breakpoints = list(args.get("breakpoints") or [])
        if node is not None:
            _start_again(w, node)
            node.outputs = None
            node.outputs_uri = None
        above = node.parent if node is not None else None
        while above is not None:
            _run_again(w, above)
            above = above.parent
        _set_off(w, new, [(r, r.parent.seq if r.parent else 0) for r, _ in kept])
    else:
        new = another(w, live, plan, inputs=args.get("inputs"), labels=labels, breakpoints=args.get("breakpoints"))
    if not any(k == "system.replayed" for k, _ in live.labels):
        live.labels = [*live.labels, ("system.replayed", "true")]
        live.labels_changed = True
        w.touch_execution(live)
    return {**snapshot(new, State.CREATED if not chosen_id else None), "parentId": live.id}


@engine_command("execution.change_task_state")
def change_task_state(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Give a task run (`task_run`: id) and its last attempt another state and go on from there."""
    live = step.load(args["id"], args.get("tenant"))
    state = State[args["state"]]
    w = step.world
    if not live.state.terminal and live.state is not State.PAUSED:
        raise IllegalState(f"Execution '{live.id}' is {live.state.name}, can't change the state of a task run")
    runs = _stored(step, live)
    chosen = next((r for r, _ in runs if r.id == args["task_run"]), None)
    if chosen is None:
        raise NotFound(f"Task run '{args['task_run']}' not found on execution '{live.id}'")
    if not state.terminal:
        raise IllegalArgument("The new state of a task run must be terminal")
    if (chosen.after or chosen.task.branch == "onPause") and chosen.state.terminal:
        _relabel(step, chosen, state)  # nothing depends on it
        return snapshot(live)
    if chosen.after or chosen.task.branch == "onPause":
        running = w.runs.get(chosen.seq)
        if running is not None:
            control.end_by_hand(w, running, state)
        return snapshot(live)
    live, runs = _afresh(step, live, runs)
    chosen = next(r for r, _ in runs if r.id == args["task_run"])
    by_seq = {r.seq: r for r, _ in runs}
    parents = {r.seq: p for r, p in runs}
    _, _, gone = rebuild.to_restart(runs)
    gone -= rebuild.before(runs, chosen)
    above = parents[chosen.seq]
    while above:
        gone.discard(above)
        _run_again(w, by_seq[above])
        if by_seq[above].task.kind is TaskKind.DIRECTORY:
            by_seq[above].detail["job"] = state.name  # its other children ran before this one
        above = parents[above]
    _remove(step, gone)
    _relabel(step, chosen, state)
    below = {chosen.seq}
    for run, parent_seq in runs:
        if parent_seq in below and run.seq not in gone:
            below.add(run.seq)
            if not run.state.terminal:
                _relabel(step, run, state)
    _set_off(w, live, [x for x in runs if x[0].seq not in gone])
    return snapshot(live)


def _relabel(step: Step, run: Run, state: State) -> None:
    """A task run and its last attempt get a state by hand."""
    w = step.world
    if not run.state.terminal and run.fence and run.task.kind is not TaskKind.SUBFLOW:
        w.effect(KillAttempt(run.seq, run.fence))
    if run.attempts:
        step.tx.sql("update attempt set state = ? where task_run_seq = ? and no = ?", int(state), run.seq, run.attempts)
    for kind in tree.TIMERS:
        w.cancel(kind, run.seq)
    run.detail.pop("due", None)
    run.attempt_started = None
    run.ended = run.ended or w.now
    run.dirty |= DETAIL
    w.run_event(run, state, cause="change task run state")


__all__ = ["change_task_state", "replay", "restart", "tasks", "tree"]
