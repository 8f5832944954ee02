"""SLAs of running executions: deadlines from the creation on, assertions at every change (spec: §11.4).

A flow without SLAs pays nothing. Deadlines are one timer an execution, always the next one; a due timer's own time
says which deadlines it stands for. Assertions are asked once for all changes of a task run that follow each other in
a step; which of them were found false already is kept in a marker timer, so that a restart of the process does not
tell twice.
"""

from __future__ import annotations

from typing import Any

from flowdeck.model.engine import control, tree
from flowdeck.model.engine.rendering import evaluate, is_true
from flowdeck.model.engine.stages import WORK, stage, work
from flowdeck.model.engine.world import FAR, Live, Run, World
from flowdeck.model.flow import TaskKind
from flowdeck.model.labels import merge_labels
from flowdeck.model.sla import MAX_DURATION, Sla, late, untrue
from flowdeck.model.states import State

DEADLINE, ASK, TOLD = control.SLA_DEADLINE, control.SLA_ASK, control.SLA_TOLD
REMEMBERED = 60
"""Assertions that the mask has room for."""


@work("sla watch")
def watch(w: World, live: Live) -> None:
    """Set the first deadline of a new execution."""
    _next_deadline(w, live, 0)


def _next_deadline(w: World, live: Live, after: int) -> None:
    due = [
        live.created + sla.duration_ms
        for sla in live.plan.flow.slas
        if sla.duration_ms is not None and live.created + sla.duration_ms > after
    ]
    if due:
        w.timer(DEADLINE, live.seq, min(due))


def deadline(w: World, live: Live, due: int) -> None:
    """The timer of time `due` (ms) has come."""
    if live.state.terminal:
        return
    if live.state is State.RESTARTED:
        w.timer(DEADLINE, live.seq, due)  # it runs in a moment
        return
    breached = [
        (sla, late(sla, w.now - live.created))
        for sla in live.plan.flow.slas
        if sla.type == MAX_DURATION and sla.duration_ms is not None and due <= live.created + sla.duration_ms <= w.now
    ]
    _next_deadline(w, live, w.now)
    _apply(w, live, breached)


@work("sla")
def assertions(w: World, live: Live) -> None:
    """Something of the execution has changed: ask its assertions, one after the other."""
    job = w.evaluations.get(-live.seq)
    if job is not None and job.stage == "sla":
        return  # `asserting` stays set: they are asked again after the answer
    live.asserting = False
    live.asserted_at = w.now
    _ask(w, live, 0)


def _ask(w: World, live: Live, first: int) -> None:
    """Ask the next assertion from number `first` on that was not found false yet."""
    if live.gone or live.finishing or live.state.terminal or live.state in (State.KILLING, State.RESTARTED):
        return
    told = _told(w, live)
    for number, sla in enumerate(live.plan.assertions):
        if number >= first and not told >> number & 1:
            live.asserted = number
            evaluate(w, live, "sla", {"number": str(number), "assert": sla.assertion}, live.plan.assertion_needs)
            return
    if live.asserting:
        w.later("sla", live)


@stage("sla")
def asserted(w: World, live: Live, result: Any, error: str | None) -> None:
    """An assertion is rendered, or could not be: then it is ignored this time."""
    if live.finishing or live.state.terminal or live.state is State.KILLING:
        return
    if error is not None:
        number = live.asserted
        if (number, error) not in live.sla_errors:  # the same one at every change would flood the log
            live.sla_errors = (*live.sla_errors, (number, error))[-20:]
            sla = live.plan.assertions[number]
            w.log(live, None, "ERROR", f"SLA '{sla.id}' can't be evaluated and is ignored: {error}")
    else:
        number = int(result["number"])
        if not is_true(result["assert"]):
            if number < REMEMBERED:
                w.timer(TOLD, live.seq, FAR + (_told(w, live) | 1 << number))
            sla = live.plan.assertions[number]
            _apply(w, live, [(sla, untrue(sla))])
    _ask(w, live, number + 1)


def _told(w: World, live: Live) -> int:
    return max(0, w.timers.get((TOLD, live.seq), FAR) - FAR)


def _apply(w: World, live: Live, breached: list[tuple[Sla, str]]) -> None:
    """Act on breaches in the order of the flow; after the one that ends the execution the others are told only."""
    ending: State | None = None
    for sla, reason in breached:
        w.log(live, None, "WARN", f"SLA '{sla.id}' violated: {reason}")
        if ending is not None:
            continue
        if sla.labels:
            live.labels = merge_labels(live.labels, sla.labels)
            live.labels_changed = True
            w.touch_execution(live)
        if sla.behavior == "FAIL":
            ending = State.FAILED
            text = f"Execution failed due to SLA '{sla.id}' violated: {reason}"
            w.log(live, None, "ERROR", text)
            live.error = live.error or {"message": text[:2000]}
        elif sla.behavior == "CANCEL":
            ending = State.CANCELLED
    if ending is not None and live.state is not State.KILLING:
        _end(w, live, ending)


def _end(w: World, live: Live, state: State) -> None:
    """Stop what runs and give the execution its state; `errors` and `finally` are not run, `afterExecution` is."""
    for run in list(live.open.values()):
        if run.task.kind is TaskKind.SUBFLOW and run.child and run.child in w.by_id:
            control.kill(w, w.by_id[run.child], cascade=True)
        elif run.task.kind is TaskKind.ITEMS and run.state is State.RUNNING:
            WORK["kill items"](w, run)
            _count_killed(w, run)
    if live.root is not None:
        live.root.ended = True
        tree.close_open(w, live.root, state, stop=True)  # no late result counts: they take this state
    control.close(w, live, state)


def _count_killed(w: World, run: Run) -> None:
    """Nobody counts the children of an ended ForEachItem any more: those that are being killed count as killed."""
    batches = w.batches.get(run.seq)
    if batches is None or run.state.terminal:
        return
    for name, count in list(batches.counts.items()):
        if count and not State[name].terminal:
            batches.counts[name] = 0
            batches.counts["KILLED"] = batches.counts.get("KILLED", 0) + count
    batches.show(w)


__all__ = ["ASK", "DEADLINE", "assertions", "deadline", "watch"]
