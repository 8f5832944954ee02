"""The pure heart of the executor: `(state, input, now) -> changes + effects`, without clock, I/O or randomness.

`world` holds the state, `changes` what a step changed, `tree` the levels of task runs, `tasks` one task run, `in_place`
what the executor does itself, `waiting` Pause, `subflow` and `items` what other executions do, `directory` what a
worker does with children, `rounds` LoopUntil, `control` the execution, `sla` what is expected of it; `rebuild` makes
live objects from rows, `plan` prepares a flow revision.
"""

from flowdeck.model.engine import (
    control,
    directory,
    in_place,
    items,
    rebuild,
    rounds,
    sla,
    subflow,
    tasks,
    tree,
    waiting,
)
from flowdeck.model.engine.plan import Plan
from flowdeck.model.engine.stages import WORK
from flowdeck.model.engine.world import Changes, Flows, Live, Run, World

__all__ = [
    "WORK",
    "Changes",
    "Flows",
    "Live",
    "Plan",
    "Run",
    "World",
    "control",
    "directory",
    "in_place",
    "items",
    "rebuild",
    "rounds",
    "sla",
    "subflow",
    "tasks",
    "tree",
    "waiting",
]
