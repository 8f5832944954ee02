"""Base of tasks that have children (spec: workflow components §8)."""

from __future__ import annotations

from flowdeck.model.component import TaskBase
from flowdeck.model.declare import field


class Block(TaskBase, role="flowable"):
    """A task whose state is that of its children."""

    errors: list[TaskBase] | None = field(default=None, doc="Tasks that run when a child has failed for good.")
    finally_: list[TaskBase] | None = field(
        default=None, doc="Tasks that run after the children and `errors`, whatever the state."
    )
