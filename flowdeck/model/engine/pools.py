"""Which pool of workers takes a task, and what happens when there is none (§7.5)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.engine import control, tree
from flowdeck.model.engine.stages import work
from flowdeck.model.engine.world import DETAIL, Run, World
from flowdeck.model.states import State


def choose(w: World, run: Run, key: Any) -> str | None:
    """Enter the pool into the task run; answers why it can't run, "" when that was dealt with, None when it can.

    Args:
        key: the rendered key; null and blank mean the default pool.
    """
    name = "" if key is None else str(key).strip()
    if not name:
        if run.detail.pop("group", None) is not None:
            run.dirty |= DETAIL
        return None
    if name not in w.known_pools and name not in w.live_pools:
        return f"Cannot run task. No worker group exist for key '{name}'."
    if name not in w.live_pools:
        fallback = (run.execution.plan.group(run.task) or {}).get("fallback") or "WAIT"
        if fallback == "FAIL":
            return f"Cannot run task. No worker is available for the worker group '{name}'."
        if fallback == "CANCEL":
            w.later("no worker", run)
            return ""
    run.detail["group"] = name
    run.dirty |= DETAIL
    return None


@work("no worker")
def cancel(w: World, run: Run) -> None:
    """`fallback: CANCEL`: the task run is CANCELLED and its execution KILLED, without an error."""
    if run.state.terminal or run.execution.gone:
        return
    tree.abandon(w, run, State.CANCELLED, cause="no worker")
    w.later("child ended", run)
    control.kill(w, run.execution)


__all__ = ["cancel", "choose"]
