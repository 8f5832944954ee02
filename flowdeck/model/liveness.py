"""States of running components and what their silence means (spec: enterprise and operations F53)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAINTENANCE = "instance.maintenance"
"""Key of the setting that is true while the instance is in maintenance (F46)."""


class ServiceState(StrEnum):
    """Where a component is in its life."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    MAINTENANCE = "MAINTENANCE"
    ERROR = "ERROR"
    DISCONNECTED = "DISCONNECTED"
    TERMINATING = "TERMINATING"
    TERMINATED_GRACEFULLY = "TERMINATED_GRACEFULLY"
    TERMINATED_FORCED = "TERMINATED_FORCED"
    NOT_RUNNING = "NOT_RUNNING"
    INACTIVE = "INACTIVE"

    @property
    def ended(self) -> bool:
        """Whether the component has said that it is no more."""
        return self in (ServiceState.TERMINATED_GRACEFULLY, ServiceState.TERMINATED_FORCED)


_S = ServiceState
TRANSITIONS: dict[ServiceState, frozenset[ServiceState]] = {
    _S.CREATED: frozenset({_S.RUNNING, _S.ERROR, _S.DISCONNECTED, _S.MAINTENANCE}),
    _S.RUNNING: frozenset({_S.ERROR, _S.DISCONNECTED, _S.TERMINATING, _S.MAINTENANCE}),
    _S.MAINTENANCE: frozenset({_S.RUNNING, _S.ERROR, _S.DISCONNECTED, _S.TERMINATING}),
    _S.ERROR: frozenset({_S.TERMINATING}),
    _S.DISCONNECTED: frozenset({_S.TERMINATING, _S.NOT_RUNNING}),
    _S.TERMINATING: frozenset({_S.TERMINATED_GRACEFULLY, _S.TERMINATED_FORCED, _S.NOT_RUNNING}),
    _S.TERMINATED_GRACEFULLY: frozenset({_S.NOT_RUNNING}),
    _S.TERMINATED_FORCED: frozenset({_S.NOT_RUNNING}),
    _S.NOT_RUNNING: frozenset({_S.INACTIVE}),
    _S.INACTIVE: frozenset(),
}
"""What each state may become; nobody comes back from the dead."""


def may_become(state: ServiceState, new: ServiceState) -> bool:
    """Whether a component may go from one state to another; staying is no change and always right."""
    return state is new or new in TRANSITIONS[state]


class Restart(StrEnum):
    """When jobs of a worker that is silent are sent again (`kestra.server.worker-task-restart-strategy`)."""

    IMMEDIATELY = "IMMEDIATELY"
    AFTER_TERMINATION_GRACE_PERIOD = "AFTER_TERMINATION_GRACE_PERIOD"
    NEVER = "NEVER"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long silence is borne; all in milliseconds.

    Args:
        timeout: without heartbeat, a component is DISCONNECTED.
        initial_delay: age before which nobody is DISCONNECTED.
        grace: what a stopping component has to end its work.
        retention: what an INACTIVE one is kept.
    """

    timeout: int
    initial_delay: int
    grace: int
    retention: int


def judged(state: ServiceState, age: int, silent: int, since: int, patience: Patience) -> ServiceState | None:
    """What a component that did not speak becomes at this check; None = nothing else.

    Args:
        age: ms since it started.
        silent: ms since its last heartbeat.
        since: ms since its state changed.
    """
    match state:
        case _S.CREATED | _S.RUNNING | _S.MAINTENANCE if silent > patience.timeout and age > patience.initial_delay:
            return _S.DISCONNECTED
        case _S.ERROR if silent > patience.timeout:
            return _S.TERMINATING  # it has told of its fault, and its end was not told
        case _S.TERMINATED_GRACEFULLY | _S.TERMINATED_FORCED:
            return _S.NOT_RUNNING
        case _S.DISCONNECTED | _S.TERMINATING if silent > patience.timeout and since > patience.grace:
            return _S.NOT_RUNNING
        case _S.NOT_RUNNING:
            return _S.INACTIVE
        case _:
            return None
