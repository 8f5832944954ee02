"""Dynamic task runs: what a task tells of its own parts, for display only (§7.1).

They belong to no task of the flow: no level counts them, nothing waits for them, a restart does not run them. Their
rows carry the key of the task that reported them and `detail.dynamic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowdeck.model.engine.world import NEW, Run, World
from flowdeck.model.states import State

MARK = "dynamic"
_PLACES = 0x3FFFFFFF


def enter(w: World, run: Run, told: Sequence[tuple[str, int, int, int]]) -> None:
    """Make the task runs that an attempt reported: (id of the part, state, start, end in ms)."""
    live = run.execution
    for name, number, started, ended in told:
        state = State(number)
        if not state.terminal:
            continue
        begun = min(max(started, run.created), w.now)
        over = min(max(ended, begun), w.now)
        w.last_run += 1
        part = Run(live, replace(run.task, id=name, children={}), w.last_run, w.new_id(w.now), live.task_count, begun)
        live.task_count += 1
        part.parent, part.path, part.after = run, run.path, run.after
        part.iteration = part.seq & _PLACES  # rows of one parent differ in it; it is not shown
        part.detail = {MARK: True}
        part.dirty = NEW
        part.started = part.first_started = begun
        part.ended = over
        part.attempts = 1
        part.worker = run.worker
        w.run_event(part, State.CREATED, begun)
        w.run_event(part, State.RUNNING, begun)
        w.changes.attempts[part.seq, 1] = {
            "fence": 0,
            "state": int(state),
            "started": begun,
            "ended": over,
            "worker": run.worker,
            "exit_info": None,
        }
        w.run_event(part, state, over)
    if told:
        w.touch_execution(live)


__all__ = ["MARK", "enter"]
