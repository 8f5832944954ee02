"""One task run from its creation to its end: `runIf`, dispatch, reports, retries (§7.1, §11)."""

from __future__ import annotations

import json
from typing import Any, Protocol

from flowdeck import expr
from flowdeck.model import context as contexts
from flowdeck.model.durations import DurationError, format_clock, parse_duration
from flowdeck.model.engine import directory, dynamic, pools, tree
from flowdeck.model.engine.plan import FLOW, LOOPS
from flowdeck.model.engine.rendering import as_text, evaluate, evaluated, hidden, is_true
from flowdeck.model.engine.stages import WORK, stage, work
from flowdeck.model.engine.world import DETAIL, STATE, Acknowledge, Dispatch, Live, Run, World
from flowdeck.model.flow import TaskKind
from flowdeck.model.masking import Secrecy
from flowdeck.model.retry import next_retry
from flowdeck.model.states import State

TIMEOUT_GRACE_MS = 10_000
"""How long after a task's own timeout the executor waits for its worker before it kills the attempt."""

SAMPLES = 20
"""Durations kept per task for expected ends."""


BY_WORKERS = (TaskKind.RUNNABLE, TaskKind.DIRECTORY)


class Report(Protocol):
    """What a worker says at the end of an attempt (`engine.messages.Done`)."""

    seq: int
    fence: int
    state: int
    started: int
    ended: int
    outputs: dict[str, Any] | None
    outputs_uri: str | None
    outputs_size: int
    metrics: list[tuple[str, str, float, dict[str, str]]]
    error: str | None
    exit_info: dict[str, Any] | None


# ── begin ───────────────────────────────────────────────────────────────────────────────────────────────────────


@work("begin")
def begin(w: World, run: Run) -> None:
    """Ask `runIf`, then hand the task to whoever carries it out."""
    live = run.execution
    if run.begun or live.gone or run.state not in (State.CREATED, State.RESTARTED):
        return
    if tree.dying(live, run.after):
        tree.abandon(w, run, State.KILLED, cause="killed")
        w.later("child ended", run)
        return
    if tree.held(live, run.after) and run.task.branch != "onPause":
        return
    run.begun = True
    task = run.task
    if live.breakpoints and not run.after and run.task.branch != "onPause" and stops_at(live, run):
        run.detail["breakpoint"] = True
        run.dirty |= DETAIL
        w.run_event(run, State.BREAKPOINT)
        w.move(live, State.BREAKPOINT)
        return
    if live.fixtures and (fixture := fixture_of(live, run)) is not None:
        _apply_fixture(w, run, fixture)
        return
    group = live.plan.group(task)
    if task.run_if is None and task.timeout is None and group is None:
        _open(w, run, None)
        return
    evaluate(w, run, "gate", [task.run_if, task.timeout, group and group["key"]], live.plan.gate(task.key))


def stops_at(live: Live, run: Run) -> bool:
    """Whether a breakpoint holds a task run that has not been held before."""
    return not run.detail.get("breakpoint") and any(
        b.get("id") == run.task.id and b.get("value") in (None, run.value) for b in live.breakpoints
    )


def fixture_of(live: Live, run: Run) -> dict[str, Any] | None:
    """The result that stands for a task: one for its loop value goes before one for all values (§17)."""
    found = [f for f in live.fixtures if f.get("id") == run.task.id and f.get("value") in (None, run.value)]
    return max(found, key=lambda f: f.get("value") is not None, default=None)


def _apply_fixture(w: World, run: Run, fixture: dict[str, Any]) -> None:
    """The task does not run: it has the state and outputs of the fixture."""
    state = State[str(fixture.get("state") or "SUCCESS")]
    tree.start_run(w, run)
    if fixture.get("outputs") is not None or fixture.get("uri"):
        outputs = fixture.get("outputs")
        tree.set_outputs(w, run, outputs and dict(outputs), fixture.get("uri"), int(fixture.get("size") or 0))
    if state is State.FAILED:
        tree.note_error(w, run, f"Task {run.task.id} failed by its fixture")
    tree.end_run(w, run, state)


@stage("gate")
def gate(w: World, run: Run, result: Any, error: str | None) -> None:
    """`runIf`, `timeout` and the worker group are known."""
    if error is not None:
        w.log(run.execution, run, "ERROR", f"Unable to evaluate the runIf condition for task {run.task.id}")
        fail(w, run, error, attempt=False)
        return
    wanted, timeout, group = result
    if run.task.run_if is not None and not is_true(wanted) and run.state is not State.RESTARTED:
        tree.end_run(w, run, State.SKIPPED)
        return
    if timeout is not None and not (isinstance(timeout, str) and not timeout.strip()):
        try:
            run.timeout_ms = parse_duration(str(timeout))
        except DurationError as problem:
            fail(w, run, str(problem), attempt=False)
            return
    if run.execution.plan.group(run.task) is not None:
        reason = pools.choose(w, run, group)
        if reason is not None:
            if reason:
                fail(w, run, reason, attempt=False)
            return
    _open(w, run, None)


def _open(w: World, run: Run, _: Any) -> None:
    kind = run.task.kind
    if kind in BY_WORKERS:
        dispatch(w, run)
    elif kind is TaskKind.FLOWABLE:
        _open_flowable(w, run)
    elif kind is TaskKind.ENGINE:
        tree.start_run(w, run)
        evaluate(w, run, "engine", dict(run.task.props), run.execution.plan.body(run.task.key))
    else:
        WORK[kind.value](w, run)  # subflow, pause


def dispatch(w: World, run: Run, cause: str | None = None) -> None:
    """Make the next attempt's fence and hand the task to a worker after the commit."""
    if run.task.kind is TaskKind.DIRECTORY:
        directory.reserve(w, run)
        run.timeout_ms = None  # it has none (§6)
    run.fence += 1
    run.begun = True
    run.worker = None
    w.touch_run(run, STATE)
    needs = run.execution.plan.body(run.task.key)
    context, _ = contexts.build(run.execution, run, needs, w.globals)
    w.effect(
        Dispatch(
            run,
            run.fence,
            run.attempts + (0 if run.attempt_started is not None else 1),
            context,
            run.timeout_ms,
            needs.whole,
            run.state is State.RESTARTED,
        )
    )


# ── flowables ───────────────────────────────────────────────────────────────────────────────────────────────────


def _open_flowable(w: World, run: Run) -> None:
    task = run.task
    if task.type in LOOPS:
        values = task.props.get("values", task.props.get("value"))
        evaluate(w, run, "loop", {"values": values}, run.execution.plan.body(task.key))
    elif task.type == FLOW + "If":
        evaluate(w, run, "if", {"condition": task.props.get("condition")}, run.execution.plan.body(task.key))
    elif task.type == FLOW + "Switch":
        evaluate(w, run, "switch", {"value": task.props.get("value")}, run.execution.plan.body(task.key))
    else:
        tree.open_level(w, run, tree.branch_keys(task, "tasks"), **level_shape(run))


@stage("if")
def decide_if(w: World, run: Run, result: Any, error: str | None) -> None:
    """The condition of an If is known; it is never asked again."""
    if error is not None:
        fail(w, run, error, attempt=False)
        return
    truth = is_true(result["condition"])
    tree.set_outputs(w, run, {"evaluationResult": truth})
    _take_branch(w, run, "then" if truth else "else")


@stage("switch")
def decide_switch(w: World, run: Run, result: Any, error: str | None) -> None:
    """The value of a Switch is known; it is never asked again."""
    if error is not None:
        fail(w, run, error, attempt=False)
        return
    value = as_text(result["value"]) if result["value"] is not None else ""
    name = f"cases.{value}"
    cases = run.task.props.get("cases") or {}
    known = name in run.task.children or value in {str(k) for k in cases}
    value = hidden(w, value)
    tree.set_outputs(w, run, {"value": value, "defaults": not known})
    if known:
        _take_branch(w, run, name)
    elif "defaults" in run.task.children:
        _take_branch(w, run, "defaults")
    else:
        listed = ", ".join(n.removeprefix("cases.") for n in run.task.children if n.startswith("cases."))
        message = f"No case matches the value '{value}' and there are no defaults; cases: {listed or 'none'}"
        fail(w, run, message, attempt=False)


def _take_branch(w: World, run: Run, name: str) -> None:
    run.detail["branch"] = name
    run.dirty |= DETAIL
    tree.open_level(w, run, tree.branch_keys(run.task, name))


@stage("loop")
def open_loop(w: World, run: Run, result: Any, error: str | None) -> None:
    """The values of a loop are known."""
    if error is not None:
        fail(w, run, error, attempt=False)
        return
    try:
        values = loop_values(result["values"])
    except ValueError as problem:
        fail(w, run, hidden(w, str(problem)), attempt=False)
        return
    if w.secrecy is not None:
        values, run.detail["sealed"] = _sealed(values, w.secrecy)
    run.detail["values"] = values
    run.dirty |= DETAIL
    tree.open_level(w, run, tree.branch_keys(run.task, "tasks"), **loop_shape(run, values))


def level_shape(run: Run) -> dict[str, Any]:
    """How the children of a block without values follow one another: at once, by dependencies, or in order."""
    props = run.task.props
    match run.task.type.removeprefix(FLOW):
        case "Parallel":
            return {"limit": int(props.get("concurrent") or 0)}
        case "Dag":
            return {"limit": int(props.get("concurrent") or 0), "depends": props.get("dependsOn") or {}}
        case _:
            return {}


def loop_shape(run: Run, values: list[str]) -> dict[str, Any]:
    """Limit and form of a loop's level."""
    props = run.task.props
    if run.task.type == FLOW + "EachParallel":
        return {"limit": int(props.get("concurrent") or 0), "values": values, "flat": True}
    limit = 1 if run.task.type == FLOW + "EachSequential" else int(props.get("concurrencyLimit", 1))
    return {"limit": limit, "values": values}


def _sealed(values: list[str], secrecy: Secrecy) -> tuple[list[str], dict[str, Any]]:
    """Values of a loop as they may be read, each another; and the sealed ones by their iteration."""
    texts: list[str] = []
    sealed: dict[str, Any] = {}
    for number, value in enumerate(values):
        closed = secrecy.seal(value)
        if closed == value:
            texts.append(value)
            continue
        text, count = secrecy.text(value), 2
        while text in texts:
            text, count = f"{secrecy.text(value)} ({count})", count + 1
        texts.append(text)
        if isinstance(closed, dict):
            sealed[str(number)] = {**closed, "shown": text}
    return texts, sealed


def loop_values(given: Any) -> list[str]:
    """Texts of the iterations: maps and lists become JSON, equal ones count once (§8.6).

    Raises ValueError with the reason.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise ValueError(f"The values of a loop must be a list or a JSON list, not '{given[:200]}'") from None
    if isinstance(given, dict):
        given = [{"key": k, "value": v} for k, v in given.items()]
    if not isinstance(given, (list, tuple)):
        raise ValueError(f"The values of a loop must be a list, not {as_text(given)[:200]}")
    nulls = sum(1 for v in given if v is None)
    if nulls:
        raise ValueError(f"Found '{nulls}' null values on Each, with values={as_text(list(given))[:1000]}")
    return list(dict.fromkeys(as_text(v) for v in given))


# ── reports of workers ──────────────────────────────────────────────────────────────────────────────────────────


def on_started(w: World, seq: int, fence: int, at: int, worker: str | None = None) -> None:
    """An attempt runs."""
    run = w.runs.get(seq) or directory.child_of(w, seq, fence, at)
    if run is None or run.fence != fence or run.state not in (State.CREATED, State.RESTARTED, State.SUBMITTED):
        return
    run.worker = worker or run.worker
    _running(w, run, at)
    if run.timeout_ms is not None:
        w.timer("timeout", run.seq, at + run.timeout_ms + TIMEOUT_GRACE_MS)


def _running(w: World, run: Run, at: int) -> None:
    at = min(max(at, run.created), w.now)  # a worker's clock may be off; a history never steps back
    run.attempts += 1
    if run.attempts > 1:
        tree.set_outputs(w, run, None)  # only those of the last attempt count (§14)
    run.attempt_started = at
    run.started = run.started or at
    run.first_started = run.first_started or at
    run.ended = None
    w.changes.attempts[run.seq, run.attempts] = {
        "fence": run.fence,
        "state": int(State.RUNNING),
        "started": at,
        "ended": None,
        "worker": run.worker,
        "exit_info": None,
    }
    w.run_event(run, State.RUNNING, at)


def on_done(w: World, report: Report, worker: str) -> None:
    """An attempt has ended: recorded once, acknowledged after the commit in any case."""
    w.effect(Acknowledge(report.seq, report.fence))
    if report.seq in w.evaluations:
        answer = report.outputs or {}
        error = answer.get("error") or report.error
        if error is None and report.state != State.SUCCESS:
            error = "The evaluation was interrupted"
        if evaluated(w, report.seq, report.fence, answer.get("value"), error, answer.get("secrets") or ()):
            return
    run = w.runs.get(report.seq) or directory.child_of(w, report.seq, report.fence, report.started)
    if run is None and report.seq in w.strays:
        _on_late(w, w.strays[report.seq], report)
        return
    if run is None or run.fence != report.fence or run.task.kind not in BY_WORKERS:
        return  # of an earlier attempt: the fence has moved on
    if run.task.kind is TaskKind.DIRECTORY and run.level is not None and not run.level.job:
        return  # its end is known already, what follows it runs
    run.worker = worker or run.worker
    state = State(report.state)
    if state is State.SKIPPED:
        tree.end_run(w, run, state)
        return
    if (
        state is State.KILLED
        and not run.killing
        and run.attempt_started is None
        and not run.execution.state.terminal
        and run.execution.state is not State.KILLING
    ):
        state = State.FAILED
    if directory.inside(run):
        directory.earlier_tries(w, run, getattr(report, "tries", ()))
    if run.attempt_started is None and (report.started or state is not State.KILLED):
        _running(w, run, report.started or w.now)
    ended = min(max(report.ended or w.now, run.attempt_started or run.created), w.now)
    if run.detail.pop("timedOut", None):
        state = State.FAILED
    tree.close_attempt(w, run, state, ended, report.exit_info)
    w.cancel("timeout", run.seq)
    _take_results(w, run, report)
    run.ended = ended
    if state is State.FAILED:
        failed_attempt(w, run, report.error)
        return
    if state is State.SUCCESS:
        policy = run.execution.plan.retry(run.task)
        if policy is not None and policy.warning_on_retry and run.attempts > 1:
            state = State.WARNING
        _sample(w, run)
    if run.task.kind is TaskKind.DIRECTORY:
        WORK["directory ended"](w, (run, state))
        return
    tree.end_run(w, run, state)


def _on_late(w: World, run: Run, report: Report) -> None:
    """An attempt has ended whose task run had to end before it (§8.2)."""
    if run.fence != report.fence:
        return
    state = State(report.state)
    ended = min(max(report.ended or w.now, run.created), w.now)
    w.changes.attempts[run.seq, run.attempts] = {
        "fence": run.fence,
        "state": int(state),
        "started": report.started or run.started,
        "ended": ended,
        "worker": run.worker,
        "exit_info": report.exit_info,
    }
    _take_results(w, run, report)
    tree.stray_ended(w, run, state, ended)


def _take_results(w: World, run: Run, report: Report) -> None:
    for name, kind, value, tags in report.metrics:
        w.changes.metrics.append(
            (
                run.execution.seq,
                run.seq,
                run.execution.flow_key,
                run.task.id,
                name,
                kind,
                value,
                json.dumps(tags) if tags else None,
                w.now,
            )
        )
    dynamic.enter(w, run, getattr(report, "dynamic", ()))
    if report.outputs is not None or report.outputs_uri is not None:
        tree.set_outputs(w, run, report.outputs, report.outputs_uri, report.outputs_size)


def _sample(w: World, run: Run) -> None:
    if run.started is None or run.ended is None:
        return
    samples = w.baselines.setdefault((run.execution.flow_key, run.task.id), [])
    samples.append([run.ended - run.started, run.started - run.created])
    if len(samples) > SAMPLES:
        del samples[0]


def failed_attempt(w: World, run: Run, error: str | None) -> None:
    """An attempt failed: try again as the policy says, else the task run has failed for good."""
    live = run.execution
    if not tree.dying(live, run.after):
        policy = live.plan.retry(run.task)
        if policy is not None and not run.after and not directory.inside(run):
            first = run.first_started or run.created
            if policy.new_execution and not tree.aside(run):
                first = live.original_created or live.created
                due = next_retry(policy, live.attempt_number, first, w.now, w.rand)
                if due is not None:
                    tree.note_error(w, run, error)
                    WORK["retry execution"](w, (run, due))
                    return
            elif not policy.new_execution:
                made = max(run.attempts - run.detail.get("lost", 0), 1)
                due = next_retry(policy, made, first, run.ended or w.now, w.rand)
                if due is not None:
                    run.detail["due"] = due
                    run.detail["error"] = (error or "")[:2000]
                    run.dirty |= DETAIL
                    run.begun = False
                    run.ended = None
                    run.fence += 1  # the report that has just been applied may come again
                    w.run_event(run, State.RETRYING, cause="retry")
                    w.timer("retry", run.seq, due)
                    if live.state is State.RUNNING:
                        w.move(live, State.RETRYING)
                    return
    tree.note_error(w, run, error)
    if run.task.kind is TaskKind.DIRECTORY:
        WORK["directory ended"](w, (run, State.FAILED))
        return
    tree.end_run(w, run, State.FAILED)


def fail(w: World, run: Run, error: str, *, attempt: bool) -> None:
    """A task run fails without a worker: it could not be started, or the executor carried it out."""
    if not attempt or run.task.kind is TaskKind.FLOWABLE:
        if run.task.kind is not TaskKind.RUNNABLE or run.task.branch:
            w.log(run.execution, run, "ERROR", error)
        tree.note_error(w, run, error)
        tree.end_run(w, run, State.FAILED)
        return
    w.log(run.execution, run, "ERROR", error)
    failed_attempt(w, run, error)


def retry_due(w: World, run: Run) -> None:
    """The next attempt of a task run starts."""
    if run.state is not State.RETRYING:
        return
    live = run.execution
    run.detail.pop("due", None)
    run.dirty |= DETAIL
    w.run_event(run, State.CREATED, cause="retry")
    if live.state is State.RETRYING:
        w.move(live, State.RUNNING)
    run.begun = False
    w.later("begin", run)


def timeout_due(w: World, run: Run) -> None:
    """A worker has not ended an attempt at its timeout: it is killed and counts as failed."""
    if run.state is State.RUNNING and run.attempt_started is not None:
        run.detail["timedOut"] = True
        run.dirty |= DETAIL
        w.touch_run(run, DETAIL)
        w.log(run.execution, run, "ERROR", f"Timeout after {format_clock(run.timeout_ms or 0)}")
        _kill_attempt(w, run)


def _kill_attempt(w: World, run: Run) -> None:
    from flowdeck.model.engine.world import KillAttempt

    w.effect(KillAttempt(run.seq, run.fence))


def lost(w: World, seq: int, fence: int) -> None:
    """The worker of an attempt is gone: the attempt is closed as KILLED, a new one starts (not a retry)."""
    job = w.evaluations.get(seq)
    if job is not None and job.fence == fence:
        w.effect(job)
        return
    run = w.runs.get(seq)
    if run is None and seq in w.strays and w.strays[seq].fence == fence:
        tree.forget_stray(w, w.strays[seq])
        return
    if run is None or run.fence != fence or run.state.terminal:
        return
    if run.task.kind is TaskKind.DIRECTORY and run.level is not None and not run.level.job:
        return  # its job has ended, what follows it runs
    if tree.dying(run.execution, run.after) or run.killing:
        directory.release(w, run)
        tree.close_attempt(w, run, State.KILLED)
        tree.end_run(w, run, State.KILLED)
        return
    if run.state is State.RUNNING:
        tree.close_attempt(w, run, State.KILLED)
        w.cancel("timeout", run.seq)
        run.detail["lost"] = run.detail.get("lost", 0) + 1
        run.dirty |= DETAIL
        w.log(
            run.execution,
            run,
            "WARN",
            f"The worker {run.worker or ''} is gone, the task is sent again".replace("  ", " "),
        )
        w.run_event(run, State.CREATED, cause="resubmitted")
    dispatch(w, run, "resubmitted")


def live_of(subject: Run | Live) -> Live:
    """The execution of a task run or the execution itself."""
    return subject.execution if isinstance(subject, Run) else subject


__all__ = [
    "begin",
    "dispatch",
    "expr",
    "fail",
    "failed_attempt",
    "lost",
    "on_done",
    "on_started",
    "retry_due",
    "timeout_due",
]
