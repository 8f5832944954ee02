"""The pure heart of the executor: `(state, input, now) -> changes + effects`, without clock, I/O or randomness.

`world` holds the state, `tree` the levels of task runs, `tasks` one task run, `waiting` Pause and Subflow, `control`
the execution; `rebuild` makes live objects from rows.
"""

from flowdeck.model.engine import control, rebuild, tasks, tree, waiting
from flowdeck.model.engine.plan import Plan
from flowdeck.model.engine.stages import WORK
from flowdeck.model.engine.world import Changes, Flows, Live, Run, World

__all__ = ["WORK", "Changes", "Flows", "Live", "Plan", "Run", "World", "control", "rebuild", "tasks", "tree", "waiting"]
