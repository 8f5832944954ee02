"""Tasks that wait: Pause (§8.10) and Subflow (§9.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flowdeck import expr
from flowdeck.model.durations import DurationError, parse_duration
from flowdeck.model.engine import control, rounds, tree
from flowdeck.model.engine.rendering import as_text, ask, evaluate, is_true
from flowdeck.model.engine.stages import stage, work
from flowdeck.model.engine.tasks import fail, failed_attempt
from flowdeck.model.engine.world import DETAIL, STATE, Level, Live, Run, World
from flowdeck.model.flow import Flow, TaskKind
from flowdeck.model.inputs import Pending, resolve_inputs
from flowdeck.model.instants import instant
from flowdeck.model.labels import LabelError, merge_labels, read_labels
from flowdeck.model.states import State

DEEPEST = 100
"""Most executions above one that a Subflow task creates."""

# ── Pause ───────────────────────────────────────────────────────────────────────────────────────────────────────


@work("pause")
def open_pause(w: World, run: Run) -> None:
    """Render the spans of a Pause; a restarted one that has paused before does not pause again."""
    if run.detail.get("paused"):
        tree.start_run(w, run)
        _leave_pause(w, run, State.SUCCESS)
        return
    props = run.task.props
    wanted = {
        "pauseDuration": props.get("pauseDuration", props.get("delay")),
        "timeout": run.timeout_ms,
        "behavior": props.get("behavior", "RESUME"),
    }
    evaluate(w, run, "pause", wanted, run.execution.plan.body(run.task.key))


@stage("pause")
def paused(w: World, run: Run, result: Any, error: str | None) -> None:
    """The task run and its execution pause."""
    live = run.execution
    span_ms: int | None = None
    behavior = "RESUME"
    if error is None:
        try:
            span = result["pauseDuration"]
            span_ms = parse_duration(str(span)) if span not in (None, "") else None
            behavior = str(result["behavior"] or "RESUME").upper()
            if behavior not in ("RESUME", "WARN", "FAIL", "CANCEL"):
                error = f"behavior must be RESUME, WARN, FAIL or CANCEL, not '{behavior}'"
        except DurationError as problem:
            error = str(problem)
    if error is not None:
        fail(w, run, error, attempt=False)
        return
    tree.start_run(w, run)
    run.detail["paused"] = True
    if span_ms is not None:
        run.detail.update(due=w.now + span_ms, behavior=behavior)
        w.timer("pause", run.seq, w.now + span_ms, behavior)
    elif result["timeout"] is not None:
        run.detail.update(due=w.now + result["timeout"], behavior="TIMEOUT")
        w.timer("pause-timeout", run.seq, w.now + result["timeout"])
    run.dirty |= DETAIL
    w.run_event(run, State.PAUSED)
    if not run.after:
        w.log(live, run, "INFO", "Flow paused")
        w.move(live, State.PAUSED)
    keys = tree.branch_keys(run.task, "onPause")
    if keys:
        run.level = Level(live, run, (), {})  # holds the notification; it has no say in how the pause ends
        run.level.phase = "onPause"
        tree.create_run(w, live, run.level, keys[0])


def pause_due(w: World, run: Run, *, timeout: bool) -> None:
    """A pause has lasted as long as it may."""
    if run.state is not State.PAUSED:
        return
    live = run.execution
    behavior = "FAIL" if timeout else str(run.detail.get("behavior") or "RESUME")
    if behavior == "CANCEL":
        w.log(live, run, "WARN", "The pause is over, the execution is cancelled")
        if run.after:
            tree.end_run(w, run, State.CANCELLED)
            return
        tree.abandon(w, run, State.CANCELLED, cause="pause over")
        control.close(w, live, State.CANCELLED)
        return
    state = {"RESUME": State.SUCCESS, "WARN": State.WARNING, "FAIL": State.FAILED}[behavior]
    if state is State.FAILED:
        text = "The pause timed out" if timeout else "The pause is over, its behavior is FAIL"
        w.log(live, run, "ERROR", text)
        tree.note_error(w, run, text)
    end_pause(w, run, state, None, None)


def end_pause(w: World, run: Run, state: State, by: str | None, inputs: dict[str, Any] | None) -> None:
    """End a pause and let the execution go on, unless another pause still holds it."""
    live = run.execution
    outputs: dict[str, Any] = {"resumed": {"on": instant(w.now), "to": state.name}}
    if by is not None:
        outputs["resumed"]["by"] = by
    if inputs is not None:
        outputs["onResume"] = inputs
    tree.set_outputs(w, run, outputs)
    run.detail.pop("due", None)
    run.dirty |= DETAIL
    for kind in ("pause", "pause-timeout"):
        w.cancel(kind, run.seq)
    if run.level is not None and run.level.phase == "onPause":
        run.level.ended = True
        tree.close_open(w, run.level, State.SUCCESS)
        run.level = None
    if state is State.SUCCESS:
        w.run_event(run, State.RUNNING)
    _leave_pause(w, run, state)
    if live.state is State.PAUSED and not rounds.any_pause(live, run):
        control.wake(w, live, through=State.RESTARTED)


def _leave_pause(w: World, run: Run, state: State) -> None:
    keys = tree.branch_keys(run.task, "tasks")
    if keys and state is not State.FAILED:
        if run.state is not State.RUNNING:
            w.run_event(run, State.RUNNING)
        tree.open_level(w, run, keys)
    else:
        tree.end_run(w, run, state)


def first_paused(live: Live) -> Run | None:
    """The task run that a resume is about: the first Pause, else the first loop between two rounds."""
    paused_runs = [r for r in live.open.values() if r.state is State.PAUSED]
    return min(paused_runs, key=lambda r: (r.task.kind is not TaskKind.PAUSE, r.ord)) if paused_runs else None


# ── Subflow ─────────────────────────────────────────────────────────────────────────────────────────────────────


@work("subflow")
def open_subflow(w: World, run: Run) -> None:
    """Render what the child execution is made of."""
    props = {k: v for k, v in run.task.props.items() if k not in ("outputs", "labels")}
    needs = run.execution.plan.body(run.task.key)
    evaluate(w, run, "subflow", {"props": props, "labels": run.task.props.get("labels")}, needs)


@stage("subflow")
def start_child(w: World, run: Run, result: Any, error: str | None) -> None:
    """Create the child execution; it is admitted in the same step."""
    if error is None:
        if run.scratch is None:
            run.scratch = {
                "props": {**result["props"], "labels": result.get("labels")},
                "known": {},
                "rounds": 0,
            }
        try:
            _create_child(w, run, run.scratch["props"])
            run.scratch = None
            return
        except Pending:
            return
        except (LookupError, ValueError, LabelError) as problem:
            error = str(problem.args[0] if problem.args else problem)
    run.scratch = None
    _failed(w, run, error)


def _failed(w: World, run: Run, error: str) -> None:
    if run.started is None:
        tree.start_run(w, run)
    _one_attempt(w, run, State.FAILED)
    w.log(run.execution, run, "ERROR", error)
    failed_attempt(w, run, error)


def _one_attempt(w: World, run: Run, state: State) -> None:
    """A Subflow task run has one attempt per child, written when it ends."""
    run.attempts += 1
    w.changes.attempts[run.seq, run.attempts] = {
        "fence": run.fence,
        "state": int(state),
        "started": run.started,
        "ended": w.now,
        "worker": None,
        "exit_info": None,
    }


def _create_child(w: World, run: Run, props: dict[str, Any]) -> None:
    live = run.execution
    namespace, flow_id = str(props.get("namespace") or ""), str(props.get("flowId") or "")
    revision = props.get("revision")
    number = int(revision) if revision not in (None, "") else None
    try:
        plan = w.flows.plan(live.tenant, namespace, flow_id, number)
    except LookupError as problem:
        reason = (
            problem.args[0]
            if problem.args and problem.args[0] != "unknown"
            else (f"Unable to find flow '{namespace}'.'{flow_id}' with revision '{number or 'latest'}'")
        )
        raise LookupError(reason) from None
    if plan.flow.disabled:
        raise ValueError(f"Cannot execute a flow which is disabled: '{namespace}'.'{flow_id}'")
    sent = props.get("inputs") or {}
    if isinstance(sent, str):
        sent = json.loads(sent)
    inputs = resolve(w, run, plan.flow, sent)
    given = props.get("labels")
    extra = read_labels(json.loads(given) if isinstance(given, str) else given)
    inherited = (
        live.labels
        if is_true(props.get("inheritLabels", False))
        else [(k, v) for k, v in live.labels if k.startswith("system.")]
    )
    inherited = [(k, v) for k, v in inherited if k not in ("system.restarted", "system.replay", "system.replayed")]
    variables = {
        "executionId": live.id,
        "namespace": live.namespace,
        "flowId": live.flow_id,
        "flowRevision": live.flow_rev,
        "taskRunId": run.id,
    }
    date = props.get("scheduleDate")
    waits = is_true(run.task.props.get("wait", True))
    callers = [*((live.trigger or {}).get("callers") or ()), f"{live.namespace}.{live.flow_id}"]
    if f"{plan.flow.namespace}.{plan.flow.id}" in callers:
        raise ValueError(f"Recursive call to flow [{plan.flow.namespace}.{plan.flow.id}]")
    if len(callers) > DEEPEST:
        raise ValueError(f"Subflows are nested more than {DEEPEST} deep")
    child = control.create(
        w,
        plan,
        inputs=inputs,
        labels=merge_labels(plan_labels(plan.flow), inherited, extra),
        flow_labels=False,
        trigger={"id": run.task.id, "type": run.task.type, "variables": variables, "callers": callers},
        schedule_date=_date(date),
        kind=live.kind,
        parent_execution=live.id,
        parent_task_run=run.seq if waits else None,
    )
    w.log(
        live,
        run,
        "INFO",
        f'Created new execution [[link execution="{child.id}" flowId="{child.flow_id}" namespace="{child.namespace}"]]',
    )
    run.child = child.id
    tree.start_run(w, run)
    tree.set_outputs(w, run, {"executionId": child.id})
    w.touch_run(run, STATE | DETAIL)
    if not waits:
        _one_attempt(w, run, State.SUCCESS)
        tree.end_run(w, run, State.SUCCESS)


def plan_labels(flow: Flow) -> list[tuple[str, str]]:
    """The labels that a flow gives its executions."""
    return [(k, v) for k, v in flow.labels if not k.startswith("system.")]


def _date(value: Any) -> int | None:
    if value in (None, ""):
        return None
    when = datetime.fromisoformat(str(value))
    if when.tzinfo is None:
        raise ValueError(f"scheduleDate '{value}' has no time zone")
    return int(when.timestamp() * 1000)


def resolve(w: World, run: Run, flow: Flow, sent: dict[str, Any]) -> dict[str, Any]:
    """Inputs of a child execution; ValueError with all messages when they break a rule, `Pending` while one renders."""
    known: dict[str, Any] = run.scratch["known"]

    def render(value: Any, context: Mapping[str, Any]) -> Any:
        if not expr.references(value)[1]:
            return expr.render_value(value, dict(context), w.environment)
        key = json.dumps([value, context.get("inputs")], sort_keys=True, default=str)
        if key in known:
            return known[key]
        raise Pending

    context = {
        "flow": {"id": flow.id, "namespace": flow.namespace, "revision": flow.revision, "tenantId": flow.tenant},
        **w.globals,
    }
    resolution = resolve_inputs(flow, sent, evaluate=render, context=context, encrypt=w.encrypt)
    if resolution.needs_io:
        if run.scratch["rounds"] >= 8:
            raise ValueError("The inputs' expressions depend on each other too deeply")
        run.scratch["rounds"] += 1
        value, about = resolution.needs_io[0]
        run.scratch["asked"] = json.dumps([value, about.get("inputs")], sort_keys=True, default=str)
        ask(w, run, "subflow input", {"value": value}, dict(about))
        raise Pending
    if resolution.errors:
        raise ValueError(resolution.message)
    return dict(resolution.values)


@stage("subflow input")
def subflow_input(w: World, run: Run, result: Any, error: str | None) -> None:
    """A worker has rendered a default or condition of the child's inputs."""
    if error is None:
        run.scratch["known"][run.scratch["asked"]] = result["value"]
    start_child(w, run, {"props": run.scratch["props"]}, error)


@work("child execution ended")
def child_execution_ended(w: World, ended: tuple[Run, Live, State]) -> None:
    """The execution that a Subflow task waits for has its final state."""
    run, child, state = ended
    if run.state.terminal:
        return
    live = run.execution
    transmits = is_true(run.task.props.get("transmitFailed", True))
    outputs: dict[str, Any] = {"executionId": child.id, "state": state.name}
    if child.outputs is not None:
        outputs["outputs"] = child.outputs
    tree.set_outputs(w, run, outputs)
    own = (
        state if transmits and state in (State.FAILED, State.KILLED, State.WARNING, State.CANCELLED) else State.SUCCESS
    )
    if live.state is State.KILLING and not run.after:
        own = State.KILLED
    _one_attempt(w, run, own)
    if own is State.FAILED:
        reason = (child.error or {}).get("message")
        failed_attempt(w, run, f"Subflow execution {child.id} failed" + (f": {reason}" if reason else ""))
        if run.state is State.RETRYING:
            run.child = None
            w.touch_run(run, DETAIL)
        return
    tree.end_run(w, run, own)


__all__ = ["as_text", "end_pause", "first_paused", "open_pause", "open_subflow", "pause_due"]
