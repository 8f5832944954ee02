"""Places under a flow's concurrency limit, set by hand (spec: REST contract §7)."""

from __future__ import annotations

from typing import Any

from flowdeck.commands.registry import engine_command
from flowdeck.commands.step import Step
from flowdeck.model.errors import NotFound


@engine_command("concurrency.set")
def set_running(step: Step, args: dict[str, Any]) -> int:
    """Count at most `running` executions of the `scope` (tenant/namespace/flow): the oldest lose their place.

    They run on; who waits is admitted into the places. A number above the present one changes nothing, as a place is
    always somebody's. The answer is the number then counted. `NotFound` when nobody has a place.
    """
    w, scope = step.world, str(args["scope"])
    if w.shared is not None:
        w.shared.look(scope)
    held = sorted(w.slots.get(scope, ()))
    if not held:
        raise NotFound("concurrency limit")
    freed = held[: max(0, len(held) - int(args["running"]))]
    for seq in freed:
        w.slots[scope].discard(seq)
        w.changes.slots[scope, seq] = False
    if freed:
        if not w.slots[scope]:
            del w.slots[scope]
        w.later("admit", scope)
    return len(held) - len(freed)
