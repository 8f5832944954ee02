"""What a command of the executor works on: the open transaction and the executor's memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from flowdeck.model.engine import Live, Plan, World
from flowdeck.model.states import State
from flowdeck.store.driver import Tx

Listener = Callable[["Step", Live, "State | None", State], None]
"""Told every change of an execution's state, within the step: `(step, execution, old state or None, new state)`."""


class Step(Protocol):
    """One turn of the core loop; everything done on it is committed together."""

    world: World
    now: int
    principal: str | None

    @property
    def tx(self) -> Tx:
        """The open transaction."""
        ...

    def flush(self) -> None:
        """Write what memory has changed so far into the open transaction, so that SQL sees it."""
        ...

    def load(self, execution_id: str, tenant: str | None = None) -> Live:
        """An execution with all its task runs, from memory or from its rows; `NotFound` when unknown."""
        ...

    def reload(self, live: Live) -> Live:
        """The same execution read from its rows; the one in memory is dropped, with all work put off for it."""
        ...

    def evaluate(
        self,
        value: Any,
        context: dict[str, Any],
        tenant: str,
        namespace: str,
        flow_id: str,
        *,
        secrets: bool = True,
        masked: bool = False,
        execution: str = "",
    ) -> Any:
        """Let a worker render a value; answers a promise that a command may return as its result.

        Without `secrets` nothing that the value renders can read one.
        """
        ...

    def try_trigger(self, tenant: str, namespace: str, flow_id: str, trigger_id: str) -> Any:
        """Let a worker look once for a polling trigger and start nothing; answers a promise, as `evaluate` does.

        Raises `IllegalState`, `NotFound`, `IllegalArgument`.
        """
        ...


def plan_of(step: Step, tenant: str, namespace: str, flow_id: str, revision: int | None = None) -> Plan:
    """The flow's plan; `LookupError` with the reason when there is none."""
    return step.world.flows.plan(tenant, namespace, flow_id, revision)
