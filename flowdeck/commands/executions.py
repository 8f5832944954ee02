"""Commands on executions (spec: workflow components §18). They touch the executor's memory: only its loop runs them.

A command raises before it changes anything; what it changes is committed with its answer.
"""

from __future__ import annotations

import json
from typing import Any

from flowdeck.commands.registry import engine_command
from flowdeck.commands.step import Step
from flowdeck.model.engine import Live, control, rounds, tree, waiting
from flowdeck.model.errors import IllegalArgument, IllegalState, NotFound
from flowdeck.model.flow import TaskKind
from flowdeck.model.labels import LabelError, merge_labels, offending, read_labels
from flowdeck.model.states import State


def snapshot(live: Live, state: State | None = None) -> dict[str, Any]:
    """What commands answer: enough to show the execution without reading it again."""
    return {
        "id": live.id,
        "seq": live.seq,
        "tenant": live.tenant,
        "namespace": live.namespace,
        "flowId": live.flow_id,
        "revision": live.flow_rev,
        "state": (state or live.state).name,
        "created": live.created,
        "labels": [{"key": k, "value": v} for k, v in live.labels],
        "originalId": live.original_id,
    }


def pairs(value: Any) -> list[tuple[str, str]]:
    """Labels of a request; IllegalArgument for wrong ones."""
    try:
        return read_labels(value)
    except LabelError as error:
        raise IllegalArgument(str(error)) from None


def create_execution(step: Step, args: dict[str, Any]) -> Live:
    """Create an execution within the step: for commands, the scheduler and flow triggers alike.

    `args`: tenant, namespace, flow_id; optional id, revision, inputs (resolved values), labels, trigger
    ({id, type, variables}), schedule_date (ms), kind, variables, parent_execution, parent_task_run, breakpoints,
    fixtures ([{id, value, state, outputs}]: results instead of tasks),
    `warnings` (lines for its log), `failed` (a message or several: the execution is created FAILED, §3.6, §12).

    Raises NotFound, IllegalState (disabled or invalid flow), IllegalArgument (labels).
    """
    tenant, namespace, flow_id = args["tenant"], args["namespace"], args["flow_id"]
    revision = args.get("revision")
    try:
        plan = step.world.flows.plan(tenant, namespace, flow_id, revision)
    except LookupError as error:
        if error.args[0] == "unknown":
            raise NotFound(
                f"Flow '{namespace}.{flow_id}' not found"
                if revision is None
                else f"Unable to find revision {revision} on flow {namespace}.{flow_id}"
            ) from None
        raise IllegalState(str(error.args[0])) from None
    if plan.flow.disabled:
        raise IllegalState(f"Cannot execute a flow which is disabled: {namespace}.{flow_id}")
    labels = pairs(args.get("labels"))
    if not args.get("trusted"):
        wrong = offending(labels, ("system.correlationId", "system.username", "system.from", "system.test"))
        if wrong:
            raise IllegalArgument(wrong)
    execution_id = args.get("id")
    if execution_id and (
        execution_id in step.world.by_id
        or step.tx.value("select 1 from execution where id = ?", execution_id) is not None
    ):
        raise IllegalState(f"Execution '{execution_id}' exists already")
    live = control.create(
        step.world,
        plan,
        id=execution_id,
        inputs=args.get("inputs"),
        labels=labels,
        trigger=args.get("trigger"),
        schedule_date=args.get("schedule_date"),
        kind=args.get("kind"),
        variables=args.get("variables"),
        parent_execution=args.get("parent_execution"),
        parent_task_run=args.get("parent_task_run"),
        parent_id=args.get("parent_id"),
        original_id=args.get("original_id"),
        breakpoints=args.get("breakpoints"),
        fixtures=args.get("fixtures"),
        enter_now=not args.get("failed"),
    )
    for text in args.get("warnings") or ():
        step.world.log(live, None, "WARN", text)
    if args.get("failed"):
        failed = args["failed"]
        texts = [failed] if isinstance(failed, str) else list(failed)
        for text in texts:
            step.world.log(live, None, "ERROR", text)
        live.error = {"message": "\n".join(texts)[:2000]}
        # Failed checks are followed by afterExecution, a trigger that could not start anything is not (§10.1).
        control.close(step.world, live, State.FAILED, follows=not isinstance(failed, str))
    return live


@engine_command("execution.create")
def create(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Create an execution; the answer is its snapshot in CREATED, whatever the same step does with it."""
    live = create_execution(step, args)
    return {**snapshot(live, State.CREATED), "inputs": live.inputs}


def _live(step: Step, args: dict[str, Any]) -> Live:
    return step.load(args["id"], args.get("tenant"))


def _in_memory(step: Step, live: Live) -> bool:
    return step.world.by_id.get(live.id) is live


@engine_command("execution.kill")
def kill(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Kill an execution and, unless `cascade` is false, those that its Subflow tasks started."""
    live = _live(step, args)
    cascade = args.get("cascade", True)
    if live.state.terminal:
        children = _open_children(step, live.id) if cascade else []
        retried = live.state is State.RETRIED and ("recreate", live.seq) in step.world.timers
        if not children and not retried:
            raise IllegalState("Execution is already finished, can't kill it")
        if retried:
            control.kill(step.world, live)
        for child in children:
            control.kill(step.world, child)
        return snapshot(live)
    control.kill(step.world, live, cascade=cascade)
    if cascade:
        for child in _open_children(step, live.id):
            control.kill(step.world, child)
    return snapshot(live)


def _open_children(step: Step, execution_id: str) -> list[Live]:
    world = step.world
    found = [world.executions[seq] for seq in world.children.get(execution_id, ())]
    return [x for x in found if not x.state.terminal]


@engine_command("execution.pause")
def pause(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Hold a running execution: running tasks finish, nothing new starts."""
    live = _live(step, args)
    if live.state is not State.RUNNING:
        raise IllegalState("The execution is not running")
    control.pause(step.world, live)
    return snapshot(live)


@engine_command("execution.resume")
def resume(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Let a paused execution go on: `inputs` are the resolved `onResume` values, `task_run` names one pause.

    A task gives `sent` instead: values that are still to be checked against `onResume`.
    """
    live = _live(step, args)
    if live.state is State.BREAKPOINT:
        control.leave_breakpoint(step.world, live, args.get("breakpoints"))
        return snapshot(live)
    run = waiting.first_paused(live)
    if live.state is not State.PAUSED and not (run is not None and live.state.terminal):  # paused in afterExecution
        raise IllegalState(f"Execution '{live.id}' is not paused, can't resume it")
    if args.get("task_run"):
        run = next((r for r in live.open.values() if r.id == args["task_run"] and r.state is State.PAUSED), None)
        if run is None:
            raise NotFound(f"Task run '{args['task_run']}' is not paused")
    if run is None:
        control.wake(step.world, live)
    elif run.task.kind is not TaskKind.PAUSE:
        rounds.round_due(step.world, run)
    else:
        state = State[args.get("state") or "SUCCESS"]
        inputs = waiting.sent_to(step.world, run, args["sent"]) if "sent" in args else args.get("inputs")
        waiting.end_pause(step.world, run, state, step.principal or args.get("by"), inputs)
    return snapshot(live)


@engine_command("execution.force_run")
def force_run(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Start what waits for a date, a slot or a resume."""
    live = _live(step, args)
    if live.state.terminal:
        raise IllegalState("Only non terminated executions can be forced run.")
    if live.state in (State.PAUSED, State.BREAKPOINT):
        return resume(step, args)
    control.force_run(step.world, live)
    return snapshot(live)


@engine_command("execution.unqueue")
def unqueue(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Take an execution out of its queue, to `state` (default RUNNING), ignoring the limit."""
    live = _live(step, args)
    state = State[args.get("state") or "RUNNING"]
    if live.state is not State.QUEUED:
        raise IllegalState(f"Execution '{live.id}' is not queued, can't unqueue it")
    if state is not State.RUNNING and not state.terminal:
        raise IllegalArgument(f"An execution can't be unqueued to the state {state.name}")
    control.unqueue(step.world, live, state)
    return snapshot(live)


@engine_command("execution.set_labels")
def set_labels(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Merge labels over those of an ended execution."""
    live = _live(step, args)
    if not live.state.terminal:
        raise IllegalArgument("The execution is not terminated")
    given = pairs(args["labels"])
    existing = dict(live.labels)
    wrong = offending([(k, v) for k, v in given if existing.get(k) != v])
    if wrong:
        raise IllegalArgument(wrong)
    live.labels = merge_labels(live.labels, given)
    live.labels_changed = True
    step.world.touch_execution(live)
    return snapshot(live)


@engine_command("execution.change_status")
def change_status(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Give an ended execution another terminal state."""
    live = _live(step, args)
    state = State[args["state"]]
    if not live.state.terminal:
        raise IllegalState("You can only change the status of a terminated execution.")
    if not state.terminal:
        raise IllegalState("You can only change the status of an execution to a terminal state.")
    step.world.move(live, state, "change status")
    return snapshot(live)


@engine_command("execution.delete")
def delete(step: Step, args: dict[str, Any]) -> dict[str, Any]:
    """Delete an execution with its rows; one that is not terminal is killed first. Logs and files follow by outbox."""
    live = _live(step, args)
    world = step.world
    for child in _open_children(step, live.id):
        control.kill(world, child)
    if not live.state.terminal:
        control.close(world, live, State.KILLED)
    if _in_memory(step, live):
        world.evict(live)
    tree.forget_strays(world, live)
    for kind in ("after", "recreate", "schedule"):
        world.cancel(kind, live.seq)
    step.flush()
    tx = step.tx
    tx.sql("delete from attempt where task_run_seq in (select seq from task_run where execution_seq = ?)", live.seq)
    tx.sql(
        "delete from timer where ref in (select seq from task_run where execution_seq = ?) "
        "and kind in ('retry', 'pause', 'pause-timeout', 'timeout', 'loop', 'stray')",
        live.seq,
    )
    for table in ("task_run", "event", "execution_label", "slot", "waiting"):
        tx.sql(f"delete from {table} where execution_seq = ?", live.seq)
    if args.get("metrics", True):
        tx.sql("delete from metric where execution_seq = ?", live.seq)
    tx.sql("delete from execution where seq = ?", live.seq)
    if args.get("logs", True):
        tx.insert("outbox", kind="logs.delete", payload=json.dumps({"executions": [live.seq]}), due=step.now)
    if args.get("storage", True):
        payload = {"tenant": live.tenant, "namespace": live.namespace, "flow": live.flow_id, "execution": live.id}
        tx.insert("outbox", kind="storage.delete", payload=json.dumps(payload), due=step.now)
    keep_numbers(step)
    tx.events.append(
        {
            "kind": "topic",
            "topic": "executions",
            "change": "deleted",
            "id": live.id,
            "tenant": live.tenant,
            "namespace": live.namespace,
            "flowId": live.flow_id,
        }
    )
    return {"id": live.id, "seq": live.seq}


def keep_numbers(step: Step) -> None:
    """Numbers of rows are cursors and keys of log lines: they are never given out twice, even when rows go."""
    w = step.world
    value = json.dumps({"event": w.last_event, "execution": w.last_execution, "run": w.last_run})
    step.tx.sql(
        "insert into setting (key, value, updated) values ('engine.numbers', ?, ?) "
        "on conflict (key) do update set value = excluded.value, updated = excluded.updated",
        value,
        step.now,
    )


@engine_command("evaluate")
def evaluate(step: Step, args: dict[str, Any]) -> Any:
    """Render a value on a worker: `value`, `context`, tenant, namespace, flow_id; answered when it is rendered.

    With `secrets` false nothing that the value says or renders can read a secret; with `masked` stars stand for them.
    """
    promise = step.evaluate(
        args["value"],
        args.get("context") or {},
        args["tenant"],
        args.get("namespace") or "",
        args.get("flow_id") or "",
        secrets=args.get("secrets", True) is not False,
        masked=args.get("masked") is True,
        execution=args.get("execution") or "",
    )
    promise.whole = True
    return promise
