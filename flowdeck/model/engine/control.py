"""An execution from creation to its end: admission, start, final state, kill, pause, resume (§10, §11.3, §16–18)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from flowdeck.model.durations import format_clock
from flowdeck.model.engine import directory, listeners, tree
from flowdeck.model.engine.plan import AFTER, Plan
from flowdeck.model.engine.rendering import evaluate
from flowdeck.model.engine.stages import WORK, stage, work
from flowdeck.model.engine.world import DETAIL, FAR, STATE, KillAttempt, Level, Live, Run, World
from flowdeck.model.flow import TaskKind
from flowdeck.model.ids import shard_of
from flowdeck.model.inputs import InputValueError, nest, parse_output
from flowdeck.model.labels import merge_labels, without_system
from flowdeck.model.states import State

HOUR = 3_600_000
EXIT = "exit"
"""Kind of the marker that an Exit task has ended the execution; its time beyond `FAR` is the state."""
SLA_DEADLINE, SLA_ASK, SLA_TOLD = "sla", "sla-ask", "sla-told"
"""Kinds of the timers of an SLA's next deadline, of the next question, and of the marker of what was found false."""
MARKERS = ("schedule", EXIT, SLA_DEADLINE, SLA_ASK, SLA_TOLD)
"""Timers of an execution that are gone at its end."""
TEST = "TEST"
"""Kind of the executions of tests of flows: they count under no limit."""


# ── creation ────────────────────────────────────────────────────────────────────────────────────────────────────


def create(
    w: World,
    plan: Plan,
    *,
    id: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    labels: Iterable[tuple[str, str]] = (),
    trigger: dict[str, Any] | None = None,
    schedule_date: int | None = None,
    kind: str | None = None,
    variables: Mapping[str, Any] | None = None,
    parent_execution: str | None = None,
    parent_task_run: int | None = None,
    parent_id: str | None = None,
    original_id: str | None = None,
    original_created: int | None = None,
    attempt_number: int = 1,
    breakpoints: list[dict[str, str]] | None = None,
    fixtures: list[dict[str, Any]] | None = None,
    flow_labels: bool = True,
    enter_now: bool = True,
    shard: int | None = None,
) -> Live:
    """Create an execution; it is admitted, queued or ended later in the same step.

    `inputs` are resolved values, times are ms. The labels are merged over the flow's own; without a
    `system.correlationId` among them the execution's own id is the correlation. `shard` is that of the execution that
    this one continues; by default the parent's, or the id's own.
    """
    w.last_execution += 1
    parent = w.by_id.get(parent_execution) if parent_execution is not None else None
    if shard is None and parent is not None:
        shard = parent.shard
    if id is None:
        id = w.new_id(w.now) if shard is not None or w.shared is None else w.shared.root_id(w.now)
    live = Live(plan, w.last_execution, id, w.now)
    live.shard = shard_of(id) if shard is None else shard
    live.new = True
    live.inputs = dict(inputs or {})
    live.variables = {**plan.flow.variables, **(variables or {})}
    own = without_system(plan.flow.labels) if flow_labels else []
    merged = merge_labels(own, labels) if own or labels else []
    if not merged or all(k != "system.correlationId" for k, _ in merged):
        merged.append(("system.correlationId", live.id))
    live.labels = merged
    live.labels_changed = True
    live.trigger = trigger
    live.trigger_id = str(trigger["id"]) if trigger and trigger.get("id") is not None else None
    live.schedule_date = schedule_date
    live.kind = kind
    live.parent_execution = parent_execution
    live.parent_task_run = parent_task_run
    live.parent_id = parent_id
    live.original_id = original_id or live.id
    live.original_created = original_created or live.created
    live.attempt_number = attempt_number
    live.breakpoints = list(breakpoints or [])
    live.fixtures = list(fixtures or [])
    w.add(live)
    w.move(live, State.CREATED)
    w.changes.barrier = True
    if plan.flow.slas:
        WORK["sla watch"](w, live)
    if enter_now:
        if schedule_date is not None and schedule_date > w.now:
            w.timer("schedule", live.seq, schedule_date)
        else:
            w.later("enter", live)
    return live


@work("enter")
def enter(w: World, live: Live) -> None:
    """Admit an execution under its flow's limit, or queue or end it (§11.3)."""
    if live.gone or live.state is not State.CREATED or (w.ignored is not None and w.ignored(live)):
        return
    if w.maintenance and live.parent_execution is None:  # a child belongs to something that is to end
        w.held[live.seq] = live
        return
    concurrency = latest_limit(w, live) if live.kind != TEST else None
    if concurrency is not None:
        if w.shared is not None:
            w.shared.look(live.scope)
        held = w.slots.setdefault(live.scope, set())
        if len(held) >= concurrency.limit:
            text = f"concurrency limit exceeded, {len(held)} running(s)"
            if concurrency.behavior == "CANCEL":
                close(w, live, State.CANCELLED)
            elif concurrency.behavior == "FAIL":
                w.log(live, None, "ERROR", f"Flow is FAILED due to {text.split(',')[0]}")
                close(w, live, State.FAILED)
            else:
                w.log(live, None, "INFO", f"Flow is queued due to {text}")
                w.move(live, State.QUEUED)
                w.waiting.setdefault(live.scope, {})[live.seq] = w.now
                w.changes.waiting[live.seq] = (live.scope, w.now)
            return
        take_slot(w, live)
    start(w, live)


def maintain(w: World, on: bool) -> None:
    """Begin or end the maintenance: new executions stay CREATED meanwhile, and start in their order afterwards."""
    if w.maintenance is on:
        return
    w.maintenance = on
    if not on:
        for live in w.held.values():
            w.later("enter", live)
        w.held.clear()


def latest_limit(w: World, live: Live) -> Any:
    """The limit of the latest revision: an edit acts on executions that wait."""
    try:
        return w.flows.plan(live.tenant, live.namespace, live.flow_id).flow.concurrency
    except LookupError:
        return live.plan.flow.concurrency


def take_slot(w: World, live: Live) -> None:
    """Hold a place under the limit until the terminal state."""
    held = w.slots.setdefault(live.scope, set())
    if live.seq not in held:
        held.add(live.seq)
        w.changes.slots[live.scope, live.seq] = True


def free_slot(w: World, live: Live) -> None:
    """Give the place back and admit who waits."""
    held = w.slots.get(live.scope)
    if held is not None and live.seq in held:
        if w.shared is not None:
            w.shared.look(live.scope)
            held = w.slots.setdefault(live.scope, set())
        held.discard(live.seq)
        w.changes.slots[live.scope, live.seq] = False
        if not held:
            del w.slots[live.scope]
    if live.scope in w.waiting:
        w.later("admit", live.scope)


@work("admit")
def admit(w: World, scope: str) -> None:
    """Start waiting executions, oldest first, while there is room; harmless when called too often."""
    if w.shared is not None:
        w.shared.look(scope)
    waiting = w.waiting.get(scope)
    while waiting:
        live = w.executions.get(next(iter(waiting)))
        if live is None and w.shared is not None:
            seq = next(iter(waiting))
            admitted = w.shared.admit(scope, seq)
            if admitted is False:
                return
            if admitted:
                del waiting[seq]
                w.slots.setdefault(scope, set()).add(seq)
                continue
        if live is None or live.state is not State.QUEUED:
            seq = next(iter(waiting))
            del waiting[seq]
            w.changes.waiting[seq] = None
            continue
        limit = latest_limit(w, live)
        if limit is not None and len(w.slots.get(scope, ())) >= limit.limit:
            return
        dequeue(w, live)
        if limit is not None:
            take_slot(w, live)
        w.changes.barrier = True
        start(w, live)
    w.waiting.pop(scope, None)


def dequeue(w: World, live: Live) -> None:
    """Take an execution out of its queue."""
    waiting = w.waiting.get(live.scope)
    if waiting is not None and waiting.pop(live.seq, None) is not None:
        w.changes.waiting[live.seq] = None
        if not waiting:
            w.waiting.pop(live.scope, None)


def start(w: World, live: Live) -> None:
    """The execution runs: its first tasks are created; one that was queued by a restart goes on."""
    if live.root is not None:
        w.move(live, State.RESTARTED)
        w.later("restarted", live)
        return
    live.started = w.now
    w.cancel("schedule", live.seq)
    w.log(live, None, "INFO", "Flow started")
    live.root = root_level(live)
    w.move(live, State.RUNNING)
    w.later("advance", live.root)


def root_level(live: Live) -> Level:
    """The level of the flow's own lists."""
    branches = live.plan.flow.branches
    side = {n: tuple(branches[n]) for n in ("errors", "finally") if branches.get(n)}
    if after := listeners.after_keys(live):
        side[AFTER] = after
    return Level(live, None, tuple(branches.get("tasks", ())), side)


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────


@work("root ended")
def root_ended(w: World, ended: tuple[Level, State]) -> None:
    """The flow's own list has ended: outputs, then the final state; or `afterExecution` has: nothing is left."""
    level, state = ended
    live = level.execution
    if live.state.terminal:
        w.cancel("after", live.seq)
        w.touch_execution(live)
        w.evict(live)
        return
    conclude(w, (live, state))


@work("conclude")
def conclude(w: World, ending: tuple[Live, State]) -> None:
    """The final state is known: first the flow's outputs, except for what was killed or cancelled (§14)."""
    live, state = ending
    if (SLA_ASK, live.seq) in w.timers:
        w.cancel(SLA_ASK, live.seq)
        WORK["sla"](w, live)  # about the last changes
        if live.state.terminal:
            return
    outputs = live.plan.flow.outputs
    if not outputs or state in (State.KILLED, State.CANCELLED) or live.root is None:
        close(w, live, state)
        return
    live.root.ended = True
    live.finishing = True
    live.final = state
    evaluate(w, live, "outputs", {o.id: o.value for o in outputs}, live.plan.outputs)


@stage("outputs")
def outputs_known(w: World, live: Live, result: Any, error: str | None) -> None:
    """The flow's outputs are rendered: check their types, then end."""
    state = live.final or State.SUCCESS
    live.finishing = False
    if error is None:
        try:
            live.outputs = typed_outputs(w, live.plan, result)
        except ValueError as problem:
            error = str(problem)
    if error is not None and (live.trigger or {}).get("outputs"):
        live.unanswered = error  # only the task that asked for them fails (§9.1)
    elif error is not None:
        w.log(live, None, "ERROR", f"Failed to render output values: {error}")
        state = State.FAILED
        if live.error is None:
            live.error = {"message": f"Failed to render output values: {error}"[:2000]}
    live.final = None
    close(w, live, state)


def typed_outputs(w: World, plan: Plan, rendered: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the declared types, dots in ids nesting them (§2.2); ValueError names the output of another type."""
    asked: dict[str, Any] = {}
    out: dict[str, Any] = {}
    for declared in plan.flow.outputs:
        if not declared.type:  # asked for by a Subflow task, by whatever name
            asked[declared.id] = rendered.get(declared.id)
            continue
        try:
            out[declared.id] = parse_output(declared, rendered.get(declared.id), w.encrypt)
        except InputValueError as error:
            raise ValueError(f"output '{declared.id}': {error}") from None
    return asked or nest(out)


def close(w: World, live: Live, state: State, *, follows: bool | None = None) -> None:
    """Write the final state: close open task runs, free the slot, tell the parent, start `afterExecution`.

    Listeners and `afterExecution` follow what has run; `follows` says otherwise.
    """
    if live.state.terminal:
        return
    ran = live.root is not None
    follows = (ran if follows is None else follows) and state is not State.RETRIED
    if live.root is not None:
        live.root.ended = True
        if live.root.open:
            tree.close_open(w, live.root, state)
    for run in list(live.open.values()):
        tree.abandon(w, run, state)
    dequeue(w, live)
    for kind in MARKERS:
        w.cancel(kind, live.seq)
    w.evaluations.pop(-live.seq, None)
    live.ended = w.now
    live.finishing = False
    w.move(live, state)
    begun = live.started or live.created
    if live.kind is None:
        rollup = w.changes.rollups.setdefault((live.flow_key, w.now // HOUR * HOUR, int(state), live.tenant), [0, 0])
        rollup[0] += 1
        rollup[1] += max(0, w.now - (live.started or w.now))
    if ran:
        w.log(live, None, "INFO", f"Flow completed with state {state.name} in {format_clock(w.now - begun)}")
    free_slot(w, live)
    if state is not State.RETRIED:
        tell_parent(w, live, state)
    if follows:
        live.listeners = listeners.holding(w, live)
    if follows and listeners.after_keys(live):
        live.root = root_level(live)
        live.root.phase = AFTER
        w.timer("after", live.seq, FAR, json.dumps(live.listeners) if live.listeners else None)
        w.later("advance", live.root)
    elif state is State.RETRIED:
        pass  # stays until its replacement is due
    else:
        w.evict(live)


def tell_parent(w: World, live: Live, state: State) -> None:
    """A Subflow task that waits for this execution goes on."""
    if live.parent_task_run is not None:
        run = w.runs.get(live.parent_task_run) or w.strays.get(live.parent_task_run)
        if run is not None and (run.child == live.id or run.task.kind is TaskKind.ITEMS):
            WORK["child execution ended"](w, (run, live, state))


@work("exit")
def exit_now(w: World, request: tuple[Run, State]) -> None:
    """An Exit task: its ancestors and the execution take the state; branches that run go on without effect."""
    run, state = request
    tree.end_run(w, run, state)
    parent = run.parent
    while parent is not None:
        if parent.level is not None:
            parent.level.ended = True
            tree.close_open(w, parent.level, state, stop=state is State.KILLED)
        tree.end_run(w, parent, state)
        parent = parent.parent
    live = run.execution
    if run.after:
        return  # the execution has ended already, the rest of the list goes on
    if live.root is not None:
        live.root.ended = True
        tree.close_open(w, live.root, state, stop=state is State.KILLED)
    if live.plan.flow.outputs:
        w.timer(EXIT, live.seq, FAR + int(state))  # what comes after the task must not run when the process is new
    conclude(w, (live, state))


def end_by_hand(w: World, run: Run, state: State) -> None:
    """A user ends a task run that is still open; what runs for it is stopped, its level goes on."""
    if run.level is not None and not run.level.ended:
        run.level.ended = True
        tree.close_open(w, run.level, state)
    elif run.fence and run.task.kind is not TaskKind.SUBFLOW:
        w.effect(KillAttempt(run.seq, run.fence))
    tree.close_attempt(w, run, state)
    run.fence += 1
    tree.end_run(w, run, state, cause="change task run state")


@work("retry execution")
def retry_execution(w: World, request: tuple[Run, int]) -> None:
    """A retry that makes a new execution: this one is RETRIED now, its replacement starts when due (§11.1)."""
    run, due = request
    live = run.execution
    tree.abandon(w, run, State.RETRIED, cause="retry")
    close(w, live, State.RETRIED)
    w.timer("recreate", live.seq, due)


def recreate_due(w: World, live: Live) -> None:
    """The replacement of a RETRIED execution starts, from the beginning and with the same inputs."""
    new = create(
        w,
        live.plan,
        inputs=live.inputs,
        labels=live.labels,
        trigger=live.trigger,
        kind=live.kind,
        parent_execution=live.parent_execution,
        parent_task_run=live.parent_task_run,
        parent_id=live.id,
        original_id=live.original_id,
        original_created=live.original_created,
        attempt_number=live.attempt_number + 1,
        flow_labels=False,
        shard=live.shard,
    )
    number = live.parent_task_run
    parent = (w.runs.get(number) or w.strays.get(number)) if number is not None else None
    if parent is not None and parent.child == live.id:
        parent.child = new.id
        w.touch_run(parent, STATE | DETAIL)
    w.evict(live)


def drop_rest(w: World, live: Live) -> None:
    """Give up what follows the end of an execution."""
    for kind in ("after", "recreate"):
        w.cancel(kind, live.seq)
    for run in list(live.open.values()):
        tree.abandon(w, run, State.KILLED, cause="broken")
    w.touch_execution(live)
    w.evict(live)


@work("broken")
def fail_broken(w: World, live: Live) -> None:
    """An execution whose flow or rows can't be read any more fails alone, with its reason in its log."""
    if live.gone or not live.plan.broken:
        return
    if live.state.terminal:
        drop_rest(w, live)
        return
    reason = f"The execution can't go on: {live.plan.broken}"
    w.log(live, None, "ERROR", reason)
    live.error = live.error or {"message": reason[:2000]}
    for run in list(live.open.values()):
        if run.fence:
            w.effect(KillAttempt(run.seq, run.fence))
        tree.abandon(w, run, State.FAILED, cause="broken")
        tree.forget_stray(w, run)
    close(w, live, State.FAILED)


# ── kill ────────────────────────────────────────────────────────────────────────────────────────────────────────


def kill(w: World, live: Live, *, cascade: bool = True) -> None:
    """Stop an execution: what has not started is KILLED at once, what runs when its worker says so (§18)."""
    if live.state.terminal or live.state is State.KILLING:
        if live.state is State.RETRIED and ("recreate", live.seq) in w.timers:
            w.cancel("recreate", live.seq)
            tell_parent(w, live, State.KILLED)  # there will be no replacement
            w.evict(live)
        return
    # Not begun, only the outputs are still being rendered, or in the queue (of a restart): nothing runs.
    if live.root is None or live.root.ended or live.state is State.QUEUED:
        close(w, live, State.KILLED)
        return
    live.finishing = False
    live.final = None
    w.evaluations.pop(-live.seq, None)
    w.move(live, State.KILLING)
    for run in list(live.open.values()):
        if run.state.terminal:
            continue
        if run.level is not None and not run.level.ended:
            run.killing = True
            if run.state is State.RUNNING:
                w.run_event(run, State.KILLING)
            if run.level.job:
                w.effect(KillAttempt(run.seq, run.fence))
            w.later("advance", run.level)
        elif directory.inside(run):
            run.killing = True
        elif run.state is State.RUNNING and run.task.kind is TaskKind.RUNNABLE:
            run.killing = True
            w.effect(KillAttempt(run.seq, run.fence))
        elif (
            run.state is State.RUNNING
            and run.task.kind is TaskKind.SUBFLOW
            and run.child
            and cascade
            and run.child in w.by_id
        ):
            run.killing = True
            kill(w, w.by_id[run.child], cascade=True)
        elif run.state is State.RUNNING and run.task.kind is TaskKind.ITEMS and cascade:
            WORK["kill items"](w, run)
        else:
            # not started, waiting, or being prepared: nothing runs for it
            tree.abandon(w, run, State.KILLED, cause="killed")
            w.later("child ended", run)
    w.later("advance", live.root)


# ── pause and resume ────────────────────────────────────────────────────────────────────────────────────────────


def pause(w: World, live: Live) -> None:
    """A user holds the execution: running tasks finish, nothing new starts."""
    w.move(live, State.PAUSED)


def wake(w: World, live: Live, *, through: State | None = None) -> None:
    """The execution goes on where it was held."""
    if through is not None:
        w.move(live, through)
    w.move(live, State.RUNNING)
    set_going(w, live)


def leave_breakpoint(w: World, live: Live, breakpoints: list[dict[str, str]] | None) -> None:
    """Go on from a breakpoint; a given list replaces the breakpoints."""
    if breakpoints is not None:
        live.breakpoints = list(breakpoints)
        live.labels_changed = True
    for run in list(live.open.values()):
        if run.state is State.BREAKPOINT:
            run.begun = False
            w.run_event(run, State.CREATED)
    w.move(live, State.RUNNING)
    set_going(w, live)


def set_going(w: World, live: Live) -> None:
    """Begin what is created and go on in every open level: after a pause, a restart, a recovery."""
    for run in list(live.open.values()):
        if run.state in (State.CREATED, State.RESTARTED) and not run.begun:
            w.later("begin", run)
        if run.level is not None and not run.level.ended:
            if run.level.job:
                directory.expect(w, run)
            w.later("advance", run.level)
    if live.root is not None and not live.root.ended:
        w.later("advance", live.root)


def force_run(w: World, live: Live) -> None:
    """Start whatever holds the execution back: a date, a queue (§18)."""
    if live.state is State.CREATED:
        w.cancel("schedule", live.seq)
        take_slot(w, live) if latest_limit(w, live) is not None else None
        start(w, live)
    elif live.state is State.QUEUED:
        unqueue(w, live, State.RUNNING)
    else:
        set_going(w, live)


def unqueue(w: World, live: Live, state: State) -> None:
    """Take an execution out of its queue, whatever the limit: it runs, or ends in the chosen state."""
    dequeue(w, live)
    if state.terminal:
        close(w, live, state)
        return
    if latest_limit(w, live) is not None:
        take_slot(w, live)
    start(w, live)
