"""Executions that a task starts: Subflow (§9.1), and what ForEachItem shares with it (§9.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from flowdeck import expr
from flowdeck.model.checks import judge
from flowdeck.model.engine import control, tree
from flowdeck.model.engine.plan import Plan
from flowdeck.model.engine.rendering import ask, evaluate, hidden, is_true
from flowdeck.model.engine.stages import WORK, stage, work
from flowdeck.model.engine.tasks import failed_attempt
from flowdeck.model.engine.world import DETAIL, STATE, Live, Run, World
from flowdeck.model.flow import Flow, TaskKind
from flowdeck.model.inputs import Pending, resolve_inputs
from flowdeck.model.labels import LabelError, merge_labels, nested, read_labels
from flowdeck.model.masking import Secrecy
from flowdeck.model.states import State

DEEPEST = 100
"""Most executions above one that a Subflow task creates."""
ROUNDS = 8
"""Most times that inputs of one child wait for a worker's rendering."""
TRANSMITTED = (State.FAILED, State.KILLED, State.WARNING, State.CANCELLED)
"""End states that `transmitFailed` hands up."""
OWN_LABELS = ("system.restarted", "system.replay", "system.replayed")
"""Labels about one execution, which its children do not inherit."""
REFUSALS = (LookupError, ValueError, LabelError)
"""What `create_child` raises for a child that can't be made."""


class Preparation:
    """What is known of a child that is being made, between two answers of workers."""

    __slots__ = ("asked", "known", "props", "rounds", "secrecy")

    def __init__(self, props: dict[str, Any]) -> None:
        self.props = props
        self.known: dict[str, Any] = {}
        self.asked = ""
        self.rounds = 0
        self.secrecy: Secrecy | None = None  # of all that workers rendered for it


def child_value(run: Run) -> dict[str, Any]:
    """What of a task has to be rendered before its child can be made.

    Labels stand apart: they are stored as they are, so that a worker masks secrets in them.
    """
    props = {k: v for k, v in run.task.props.items() if k not in ("outputs", "labels")}
    return {"props": props, "labels": run.task.props.get("labels")}


@work("subflow")
def open_subflow(w: World, run: Run) -> None:
    """Render what the child execution is made of."""
    evaluate(w, run, "subflow", child_value(run), run.execution.plan.body(run.task.key))


@stage("subflow")
def start_child(w: World, run: Run, result: Any, error: str | None) -> None:
    """Create the child execution; it is admitted in the same step."""
    if error is None:
        if run.scratch is None:
            run.scratch = Preparation({**result["props"], "labels": result.get("labels")})
        try:
            child = create_child(w, run, run.scratch, "subflow input")
        except Pending:
            return
        except REFUSALS as problem:
            error = hidden(w, str(problem.args[0] if problem.args else problem))
        else:
            run.scratch = None
            _started(w, run, child)
            return
    run.scratch = None
    failed(w, run, error)


def _started(w: World, run: Run, child: Live) -> None:
    run.child = child.id
    tree.start_run(w, run)
    tree.set_outputs(w, run, {"executionId": child.id})
    w.touch_run(run, STATE | DETAIL)
    if child.parent_task_run is None:
        one_attempt(w, run, State.SUCCESS)
        tree.end_run(w, run, State.SUCCESS)


def failed(w: World, run: Run, error: str) -> None:
    """A task run that could not make its child has failed, or tries again."""
    if run.started is None:
        tree.start_run(w, run)
    one_attempt(w, run, State.FAILED)
    w.log(run.execution, run, "ERROR", error)
    failed_attempt(w, run, error)


def one_attempt(w: World, run: Run, state: State) -> None:
    """A task run without worker has one attempt per try, written when it ends."""
    run.attempts += 1
    w.changes.attempts[run.seq, run.attempts] = {
        "fence": run.fence,
        "state": int(state),
        "started": run.started,
        "ended": w.now,
        "worker": None,
        "exit_info": None,
    }


def create_child(w: World, run: Run, made: Preparation, later: str, *, iteration: int | None = None) -> Live:
    """Create the execution that rendered properties describe; `iteration` numbers it among those of a ForEachItem.

    Raises `Pending` while a worker renders something for the stage `later`, one of `REFUSALS` with the reason.
    """
    live, props = run.execution, made.props
    namespace, flow_id = str(props.get("namespace") or ""), str(props.get("flowId") or "")
    revision = props.get("revision")
    number = int(revision) if revision not in (None, "") else None
    try:
        plan = w.flows.plan(live.tenant, namespace, flow_id, number)
    except LookupError as problem:
        if problem.args and problem.args[0] != "unknown":
            raise
        text = f"Unable to find flow '{namespace}'.'{flow_id}' with revision '{number or 'latest'}'"
        raise LookupError(text) from None
    if plan.flow.disabled:
        raise ValueError(f"Cannot execute a flow which is disabled: '{namespace}'.'{flow_id}'")
    callers = [*((live.trigger or {}).get("callers") or ()), f"{live.namespace}.{live.flow_id}"]
    if f"{plan.flow.namespace}.{plan.flow.id}" in callers:
        raise ValueError(f"Recursive call to flow [{plan.flow.namespace}.{plan.flow.id}]")
    if len(callers) > DEEPEST:
        raise ValueError(f"Subflows are nested more than {DEEPEST} deep")
    variables: dict[str, Any] = {
        "executionId": live.id,
        "namespace": live.namespace,
        "flowId": live.flow_id,
        "flowRevision": live.flow_rev,
        "taskRunId": run.id,
    }
    if iteration is not None:
        variables["taskRunIteration"] = iteration
    inputs, failed_checks = _inputs(w, run, made, plan, later, variables)
    trigger: dict[str, Any] = {"id": run.task.id, "type": run.task.type, "variables": variables, "callers": callers}
    if iteration is not None:
        trigger["try"] = run.detail.get("try")
    outputs = run.task.props.get("outputs")
    if w.subflow_outputs and isinstance(outputs, Mapping) and outputs and not plan.flow.outputs:
        trigger["outputs"] = dict(outputs)
        plan = plan.answering(outputs)
    waits = is_true(run.task.props.get("wait", True))
    child = control.create(
        w,
        plan,
        inputs=inputs,
        labels=_labels(live, plan.flow, props),
        flow_labels=False,
        trigger=trigger,
        schedule_date=_date(props.get("scheduleDate")),
        kind=live.kind,
        parent_execution=live.id,
        parent_task_run=run.seq if waits else None,
        enter_now=not failed_checks,
    )
    if failed_checks:
        w.later("checks failed", (child, failed_checks))  # once its task run knows it
    w.log(
        live,
        run,
        "INFO",
        f'Created new execution [[link execution="{child.id}" flowId="{child.flow_id}" namespace="{child.namespace}"]]',
    )
    return child


def _labels(live: Live, flow: Flow, props: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The child's labels: its flow's, those it inherits (system ones always), those of the task."""
    given = props.get("labels")
    extra = read_labels(json.loads(given) if isinstance(given, str) else given)
    every = is_true(props.get("inheritLabels", False))
    inherited = [(k, v) for k, v in live.labels if (every or k.startswith("system.")) and k not in OWN_LABELS]
    return merge_labels([(k, v) for k, v in flow.labels if not k.startswith("system.")], inherited, extra)


def _date(value: Any) -> int | None:
    if value in (None, ""):
        return None
    when = datetime.fromisoformat(str(value))
    if when.tzinfo is None:
        raise ValueError(f"scheduleDate '{value}' has no time zone")
    return int(when.timestamp() * 1000)


@work("checks failed")
def checks_failed(w: World, failed: tuple[Live, list[str]]) -> None:
    """Checks make an execution that is FAILED from its creation; only what follows the end runs (§10.1, §12)."""
    live, messages = failed
    for message in messages:
        w.log(live, None, "ERROR", message)
    live.error = {"message": "\n".join(messages)[:2000]}
    control.close(w, live, State.FAILED, follows=True)


def _inputs(
    w: World, run: Run, made: Preparation, plan: Plan, later: str, trigger: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Inputs of a child execution, and what checks write into it when they make it fail.

    Checks see the variables of the child's `trigger`, inputs do not.

    Raises ValueError with all messages when inputs break a rule or checks block, `Pending` while a worker renders.
    """
    flow = plan.flow
    asked: list[tuple[Any, Mapping[str, Any]]] = []
    sent = made.props.get("inputs") or {}
    if isinstance(sent, str):
        sent = json.loads(sent)

    def render(value: Any, context: Mapping[str, Any]) -> Any:
        if not expr.references(value)[1]:
            return expr.render_value(value, dict(context), w.environment)
        key = _key(value, context)
        if key in made.known:
            return made.known[key]
        asked.append((value, context))
        raise Pending

    def ask_first() -> NoReturn:
        if made.rounds >= ROUNDS:
            raise ValueError("The inputs' expressions depend on each other too deeply")
        made.rounds += 1
        value, about = asked[0]
        made.asked = _key(value, about)
        ask(w, run, later, {"value": value}, dict(about))
        raise Pending

    context: dict[str, Any] = {
        "flow": {"id": flow.id, "namespace": flow.namespace, "revision": flow.revision, "tenantId": flow.tenant},
        **({"namespace": plan.namespace} if plan.namespace else {}),
        **w.globals,
    }
    if w.secrecy is not None:
        made.secrecy = w.secrecy = w.secrecy.joined(made.secrecy)
    secrecy = made.secrecy
    resolution = resolve_inputs(flow, sent, evaluate=render, context=context, encrypt=w.encrypt)
    if resolution.needs_io:
        ask_first()
    if resolution.errors:
        raise ValueError(secrecy.text(resolution.message) if secrecy is not None else resolution.message)
    values = secrecy.seal(dict(resolution.values)) if secrecy is not None else dict(resolution.values)
    if not flow.checks:
        return values, []
    labels = nested(_labels(run.execution, flow, made.props))
    try:
        about = {**context, "inputs": resolution.plain, "labels": labels, "trigger": dict(trigger)}
        verdict = judge(flow.checks, render, about)
    except Pending:
        ask_first()
    told = [*verdict.messages, *verdict.faults] if verdict.blocks else verdict.failures
    if secrecy is not None:
        told = [secrecy.text(message) for message in told]
    if verdict.blocks:
        raise ValueError("\n".join(told))
    return values, told


def _key(value: Any, context: Mapping[str, Any]) -> str:
    return json.dumps([value, context.get("inputs")], sort_keys=True, default=str)


@stage("subflow input")
def subflow_input(w: World, run: Run, result: Any, error: str | None) -> None:
    """A worker has rendered a default or condition of the child's inputs."""
    if run.scratch is None:
        return
    if error is None:
        run.scratch.known[run.scratch.asked] = result["value"]
    start_child(w, run, {"props": run.scratch.props}, error)


@work("child execution ended")
def child_execution_ended(w: World, ended: tuple[Run, Live, State]) -> None:
    """The execution that a task waits for has its final state."""
    run, child, state = ended
    if run.stray and run.task.kind is TaskKind.SUBFLOW:
        transmits = is_true(run.task.props.get("transmitFailed", True))
        tree.set_outputs(w, run, _outputs_of(child, state))
        tree.stray_ended(w, run, state if transmits and state in TRANSMITTED else State.SUCCESS, w.now)
        return
    if run.state.terminal:
        return
    if run.task.kind is TaskKind.ITEMS:
        WORK["batch ended"](w, ended)
        return
    tree.set_outputs(w, run, _outputs_of(child, state))
    if child.unanswered is not None and run.execution.state is not State.KILLING:
        failed(w, run, f"Failed to extract outputs: {child.unanswered}")
    else:
        reason = (child.error or {}).get("message")
        text = f"Subflow execution {child.id} failed" + (f": {reason}" if reason else "")
        take_over(w, run, state, text)
    if run.state is State.RETRYING:
        run.child = None
        w.touch_run(run, DETAIL)


def _outputs_of(child: Live, state: State) -> dict[str, Any]:
    """What a Subflow task knows of the execution that it waited for (§9.1)."""
    outputs: dict[str, Any] = {"executionId": child.id, "state": state.name}
    if child.outputs is not None:
        outputs["outputs"] = child.outputs
    return outputs


def take_over(w: World, run: Run, state: State, reason: str) -> None:
    """End a task run with the state of what it waited for, as `transmitFailed` says."""
    live = run.execution
    transmits = is_true(run.task.props.get("transmitFailed", True))
    own = state if transmits and state in TRANSMITTED else State.SUCCESS
    if live.state is State.KILLING and not run.after:
        own = State.KILLED
    one_attempt(w, run, own)
    if own is State.FAILED:
        failed_attempt(w, run, reason)
        return
    tree.end_run(w, run, own)


__all__ = ["Preparation", "create_child", "open_subflow", "take_over"]
