"""Transitions of the executor: the inputs that change a live execution, each `(world, input)` with `world.now` set.

The parts are in `flowdeck.model.engine`; this module is the door for the loop around them.
"""

from __future__ import annotations

from flowdeck.model.engine import WORK, control, rounds, sla, tasks, waiting
from flowdeck.model.engine.world import Changes, World

BATCH = 2_000
"""Most pieces of work in one step."""


def work_off(w: World, limit: int = BATCH) -> None:
    """Do what transitions have put off, up to a limit; the rest waits for the next step."""
    done = 0
    while w.todo and done < limit:
        name, subject = w.todo.popleft()
        WORK[name](w, subject)
        done += 1


def timer_due(w: World, kind: str, ref: int) -> None:
    """A timer has come due; one that was dropped or set anew meanwhile does nothing."""
    due = w.timers.get((kind, ref))
    if due is None or due > w.now:
        return
    w.cancel(kind, ref)
    if kind in ("schedule", "recreate", sla.DEADLINE, sla.ASK):
        live = w.executions.get(ref)
        if live is None:
            return
        if kind == "schedule":
            w.later("enter", live)
            w.changes.barrier = True
        elif kind == sla.DEADLINE:
            sla.deadline(w, live, due)
        elif kind == sla.ASK:
            sla.assertions(w, live)
        else:
            control.recreate_due(w, live)
        return
    run = w.runs.get(ref)
    if run is None:
        return
    if kind == "retry":
        tasks.retry_due(w, run)
    elif kind == "timeout":
        tasks.timeout_due(w, run)
    elif kind == "loop":
        rounds.round_due(w, run)
    elif kind in ("pause", "pause-timeout"):
        waiting.pause_due(w, run, timeout=kind == "pause-timeout")


def take_changes(w: World) -> Changes:
    """What changed since the last call."""
    changes, w.changes = w.changes, Changes()
    return changes
