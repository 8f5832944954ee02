"""Rounds of a LoopUntil (§8.7): the condition after each, the pause between two, what is left of the last one.

A round costs what its own task runs cost, whatever the number of rounds before it.
"""

from __future__ import annotations

from typing import Any

from flowdeck.model.durations import DurationError, parse_duration
from flowdeck.model.engine import control, tree
from flowdeck.model.engine.rendering import evaluate, is_true
from flowdeck.model.engine.stages import stage, work
from flowdeck.model.engine.world import DETAIL, Level, Live, Run, World
from flowdeck.model.flow import TaskKind
from flowdeck.model.states import State


@work("round ended")
def round_ended(w: World, level: Level) -> None:
    """All tasks of a round have ended without failure: count it and ask the condition."""
    run = level.run
    if run is None or level.ended or level.phase != "check" or run.state is not State.RUNNING:
        return
    count = run.detail.get("round", 0) + 1
    if (run.outputs or {}).get("iterationCount") != count:
        tree.set_outputs(w, run, {"iterationCount": count})
    props = run.task.props
    wanted = {
        "condition": props.get("condition"),
        "failOnMaxReached": props.get("failOnMaxReached", False),
        "checkFrequency": props.get("checkFrequency") or {},
    }
    evaluate(w, run, "until", wanted, run.execution.plan.body(run.task.key))


@stage("until")
def decide(w: World, run: Run, result: Any, error: str | None) -> None:
    """The condition of a LoopUntil is known: end, or pause until the next round."""
    level = run.level
    if level is None or level.ended:
        return
    live = run.execution
    interval, most, longest = 0, None, None
    if error is None:
        try:
            interval, most, longest = _limits(result["checkFrequency"])
        except ValueError as problem:
            error = str(problem)
    if error is not None:
        w.log(live, run, "ERROR", error)
        _stop(w, run, error)
        return
    if is_true(result["condition"]):
        _stop(w, run, None)
        return
    reached = None
    if most is not None and run.detail.get("round", 0) + 1 >= most:
        reached = "Max iterations reached"
    elif longest is not None and w.now - run.detail.get("since", run.created) > longest:
        reached = "Max duration reached"
    if reached is not None:
        w.log(live, run, "WARN", reached)
        _stop(w, run, reached if is_true(result["failOnMaxReached"]) else None)
        return
    run.detail["due"] = w.now + interval
    w.timer("loop", run.seq, w.now + interval)
    if not run.after and live.state in (State.RUNNING, State.RETRYING):
        run.detail["holds"] = True
        w.move(live, State.PAUSED)
    run.dirty |= DETAIL
    w.run_event(run, State.PAUSED)


def _limits(frequency: Any) -> tuple[int, int | None, int | None]:
    """Interval in ms, most rounds, longest age in ms; ValueError names what is wrong."""
    given = frequency if isinstance(frequency, dict) else {}

    def span(name: str) -> int | None:
        text = given.get(name)
        if text in (None, ""):
            return None
        try:
            return parse_duration(str(text))
        except DurationError as problem:
            raise ValueError(f"checkFrequency.{name}: {problem}") from None

    most = given.get("maxIterations")
    count: int | None = None
    if most not in (None, ""):
        try:
            count = int(str(most).strip())
        except ValueError:
            raise ValueError(f"checkFrequency.maxIterations must be an integer, not '{most}'") from None
        if count < 1:
            raise ValueError(f"checkFrequency.maxIterations must be positive, not {count}")
    longest = span("maxDuration")
    if longest is not None and longest <= 0:
        raise ValueError(f"checkFrequency.maxDuration must be positive, not {given.get('maxDuration')}")
    interval = span("interval")
    return (60_000 if interval is None else max(0, interval)), count, longest


def _stop(w: World, run: Run, problem: str | None) -> None:
    """No further round: `finally` runs, then the loop ends as its children did, or FAILED with a problem."""
    run.detail["ends"] = State.FAILED.name if problem is not None else ""
    if problem is not None:
        tree.note_error(w, run, problem)
    w.touch_run(run, DETAIL)
    assert run.level is not None
    run.level.phase = "tasks"
    w.later("advance", run.level)


def round_due(w: World, run: Run) -> None:
    """The pause between two rounds is over, or somebody resumed: the old round goes, the next one starts."""
    live = run.execution
    if run.state is not State.PAUSED or run.level is None or tree.dying(live, run.after):
        return
    below = w.last_event + 1
    clear(w, run.level, run.detail.get("from", 0), below)
    w.changes.forgotten[run.seq] = (live, run.detail.get("from", 0), below)
    run.detail["round"] = run.detail.get("round", 0) + 1
    run.detail["from"] = below
    held = run.detail.pop("holds", False)
    run.detail.pop("due", None)
    run.dirty |= DETAIL
    w.cancel("loop", run.seq)
    w.run_event(run, State.CREATED, run.created)
    w.run_event(run, State.RUNNING)
    run.level.ended = True  # work that was put off for the old round must not touch the new one
    run.level = tree.level_for(run, tree.branch_keys(run.task, "tasks"))
    w.later("advance", run.level)
    if held and live.state is State.PAUSED and not any_pause(live):
        control.wake(w, live)


def any_pause(live: Live, but: Run | None = None) -> bool:
    """Whether a Pause task holds the execution; the waits of loops hold only their own branch."""
    return any(
        r.state is State.PAUSED and r is not but and r.task.kind is TaskKind.PAUSE and not r.after
        for r in live.open.values()
    )


def clear(w: World, level: Level, first: int, below: int) -> None:
    """Take all task runs of a round away, those of loops within it too."""
    live = level.execution
    for run in (level.made or {}).values():
        if run.level is not None and run.level.made:
            clear(w, run.level, first, below)
        entries = live.by_task.get(run.task.key)
        if entries is not None and entries.get(run.path) is run:
            del entries[run.path]
        if run.seq in w.strays:
            tree.forget_stray(w, run)
        w.changes.runs.pop(run.seq, None)
        for number in range(1, run.attempts + 1):
            w.changes.attempts.pop((run.seq, number), None)
        w.changes.removed[run.seq] = (live, first, below)
    if level.made is not None:
        level.made = {}


__all__ = ["any_pause", "clear", "decide", "round_due", "round_ended"]
