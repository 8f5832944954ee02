"""Tasks that wait for a person or a span of time: Pause (§8.10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowdeck.model.catalog import Catalog
from flowdeck.model.durations import DurationError, parse_duration
from flowdeck.model.engine import control, rounds, tree
from flowdeck.model.engine.rendering import as_text, evaluate
from flowdeck.model.engine.stages import stage, work
from flowdeck.model.engine.tasks import fail
from flowdeck.model.engine.world import DETAIL, Level, Live, Run, World
from flowdeck.model.errors import IllegalArgument
from flowdeck.model.flow import TaskKind
from flowdeck.model.inputs import Resolution, resolve_inputs
from flowdeck.model.instants import instant
from flowdeck.model.source import read_input
from flowdeck.model.states import State

INPUTS = Catalog()
"""Knows the types of inputs; those of plugins are not asked for here."""

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
    live = run.execution
    if run.state is not State.PAUSED or tree.dying(live, run.after):
        return
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
    end_pause(w, run, state, None, None if state is State.FAILED else defaults_of(w, run))


def defaults_of(w: World, run: Run) -> dict[str, Any] | None:
    """Values of `onResume` inputs when nobody gives any: their defaults; None without such inputs."""
    found = _resolved(w, run, {})
    return None if found is None else dict(found.values)


def sent_to(w: World, run: Run, sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """Values of `onResume` inputs of what a task sends; None without such inputs. `IllegalArgument` for wrong ones."""
    found = _resolved(w, run, sent)
    if found is not None and found.errors:
        raise IllegalArgument(found.message)
    return None if found is None else dict(found.values)


def _resolved(w: World, run: Run, sent: Mapping[str, Any]) -> Resolution | None:
    declared = [d for x in run.task.props.get("onResume") or () if (d := read_input(x, INPUTS)) is not None]
    if not declared:
        return None
    live = run.execution
    flow = {"id": live.flow_id, "namespace": live.namespace, "revision": live.flow_rev, "tenantId": live.tenant}
    return resolve_inputs(declared, sent, context={"flow": flow, **w.globals}, encrypt=w.encrypt)


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


__all__ = ["as_text", "end_pause", "first_paused", "open_pause", "pause_due"]
