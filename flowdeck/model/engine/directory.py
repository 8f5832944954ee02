"""WorkingDirectory: one job of one worker that reports task runs for its children (§8.9).

The numbers and ids of the children are given out with the job (`detail.reserved`); a child's row is made when the
worker reports it. While the job is out the level is held (`Level.job`); after its end only the local `errors` and
`finally` are the executor's.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowdeck.model.engine import tree
from flowdeck.model.engine.stages import work
from flowdeck.model.engine.world import DETAIL, Run, World
from flowdeck.model.flow import TaskKind
from flowdeck.model.states import State

LAST_EVENT = (1 << 63) - 1
"""Above all numbers of the history."""


def reserve(w: World, run: Run) -> None:
    """Before each dispatch of the job: its children get numbers and ids, its level waits; earlier ones go."""
    _remove(w, run)
    reserved: list[list[int | str]] = []
    for key in tree.branch_keys(run.task, "tasks"):
        w.last_run += 1
        reserved.append([key, w.last_run, w.new_id(w.now)])
    run.detail["reserved"] = reserved
    run.detail["from"] = w.last_event
    run.detail.pop("job", None)
    run.dirty |= DETAIL
    w.touch_run(run, DETAIL)
    run.level = tree.level_for(run, ())
    run.level.job = True
    expect(w, run)


def expect(w: World, run: Run) -> None:
    """Take note of the children that the job may still report."""
    # After a start, numbers that no row tells of are given out again; another executor has lower ones.
    if int(run.detail.get("from") or 0) > w.last_event:
        run.detail["from"] = w.last_event
        w.touch_run(run, DETAIL)
    for key, seq, name in run.detail.get("reserved") or ():
        if seq not in w.runs and (run.level is None or seq not in run.level.reported):
            w.reserved[seq] = (run, key, name)
            if w.shared is None:  # after a start the rows do not tell of this number
                w.last_run = max(w.last_run, seq)


def release(w: World, run: Run) -> None:
    """Nothing is expected of an earlier job any more; what it left open is closed."""
    for _, seq, _ in run.detail.get("reserved") or ():
        w.reserved.pop(seq, None)
    if run.level is not None:
        for child in list(run.level.open.values()):
            if inside(child):
                tree.abandon(w, child, State.KILLED, cause="resubmitted")
                del run.level.open[child.seq]


def _remove(w: World, run: Run) -> None:
    """Take the children of an earlier job away: all of it runs again."""
    live = run.execution
    for key, seq, _ in run.detail.get("reserved") or ():
        w.reserved.pop(seq, None)
        if seq in live.open:
            w.runs.pop(seq, None)
        live.open.pop(seq, None)
        if run.level is not None:
            run.level.open.pop(seq, None)
        entries = live.by_task.get(key)
        if entries is not None and (known := entries.get(run.path)) is not None and known.seq == seq:
            del entries[run.path]
        changed = w.changes.runs.get(seq)
        if changed is not None and changed.execution is live:
            del w.changes.runs[seq]
            w.changes.attempts.pop((seq, 1), None)
        w.changes.removed[seq] = (live, int(run.detail.get("from") or 0), LAST_EVENT)


def inside(run: Run) -> bool:
    """Whether a worker carries a task run out as part of a WorkingDirectory."""
    return run.parent is not None and run.parent.task.kind is TaskKind.DIRECTORY and run.task.branch == "tasks"


def child_of(w: World, seq: int, fence: int, at: int) -> Run | None:
    """The task run that a report is the first one of; None when it is of an earlier job or unknown.

    Args:
        at: when it began, in ms, by the worker's clock.
    """
    place = w.reserved.get(seq)
    if place is None:
        return None
    parent, key, name = place
    if parent.fence != fence or parent.level is None or not parent.level.job or parent.state.terminal:
        return None
    del w.reserved[seq]
    begun = max(min(at or w.now, w.now), parent.created)
    run = tree.create_run(w, parent.execution, parent.level, key, given=(seq, name, begun))
    run.fence = fence
    return run


def earlier_tries(w: World, run: Run, tries: Sequence[tuple[int, int, int]]) -> None:
    """Enter the attempts that a worker made by itself before the last one: start, end (ms) and state of each."""
    for number, (started, ended, state) in enumerate(tries, 1):
        begun = max(started, run.created)
        if number > 1 or run.attempt_started is None:
            w.run_event(run, State.RUNNING, begun)
        run.started = run.started or begun
        run.first_started = run.first_started or begun
        w.changes.attempts[run.seq, number] = {
            "fence": run.fence,
            "state": state,
            "started": begun,
            "ended": max(ended, begun),
            "worker": run.worker,
            "exit_info": None,
        }
        w.run_event(run, State.RETRYING, max(ended, begun), "retry")
        run.attempts = number
        run.attempt_started = None


@work("directory ended")
def ended(w: World, result: tuple[Run, State]) -> None:
    """The job has its final result: the local `errors` and `finally` may follow, then the task run ends."""
    run, state = result
    release(w, run)
    level = run.level
    if level is None:
        tree.end_run(w, run, state)
        return
    settled(run, state)
    w.touch_run(run, DETAIL)
    w.later("advance", level)


def settled(run: Run, state: State) -> None:
    """Enter the job's result into the level and keep it with the row."""
    level = run.level
    assert level is not None
    level.job = False
    level.counts = {state: 1}
    level.failed = state is State.FAILED
    run.detail["job"] = state.name
    run.dirty |= DETAIL


__all__ = ["child_of", "ended", "expect", "inside", "release", "reserve", "settled"]
