"""States of executions, task runs and attempts (spec: workflow components §16)."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """A state; its name is the wire form, its number the stored form (never renumber)."""

    CREATED = 1
    SUBMITTED = 2
    QUEUED = 3
    RUNNING = 4
    PAUSED = 5
    BREAKPOINT = 6
    RESTARTED = 7
    RETRYING = 8
    KILLING = 9
    SUCCESS = 20
    WARNING = 21
    FAILED = 22
    KILLED = 23
    CANCELLED = 24
    RETRIED = 25
    SKIPPED = 26
    RESUBMITTED = 27

    # Enum's own hash and `name` are functions in Python, called several times for each change of an execution.
    __hash__ = int.__hash__

    @property
    def terminal(self) -> bool:
        """Whether nothing but an explicit action of a user changes this state."""
        return self >= State.SUCCESS


NAMES = tuple({int(s): s.name for s in State}.get(number, "") for number in range(max(State) + 1))
"""Names by number, for places that are passed very often."""

FIRST_TERMINAL = State.SUCCESS
"""All terminal states are numbered from here on, so that SQL can say `state < 20` for open rows."""

TERMINAL = frozenset(s for s in State if s.terminal)
