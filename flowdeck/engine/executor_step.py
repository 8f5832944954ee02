"""One turn of the executor's loop, as commands, the scheduler and listeners see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flowdeck.engine import executor_store as rows
from flowdeck.engine import recovery
from flowdeck.model.engine import Live
from flowdeck.model.engine.changes import Changes
from flowdeck.model.errors import IllegalState
from flowdeck.model.states import State
from flowdeck.store.driver import Tx

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor


class Promise:
    """The result of a command that comes later: the reply is sent when it is known."""

    __slots__ = ("reply", "secrets", "whole")

    def __init__(self) -> None:
        self.secrets: list[str] = []  # that the answer shows, once it is here
        self.whole = False  # the reply is the worker's whole answer: the value, and sealed when it shows secrets
        self.reply: Callable[[Any, Any], None] | None = None


class ExecutorStep:
    """`commands.step.Step` of this loop."""

    __slots__ = ("_executor", "_tx", "feed", "moves", "noted", "now", "principal", "world")

    def __init__(self, executor: Executor, now: int) -> None:
        self._executor = executor
        self._tx: Tx | None = None
        self.world = executor.world
        self.world.now = now
        self.now = now
        self.principal: str | None = None
        self.feed: list[dict[str, Any]] = []
        self.moves: list[tuple[Live, State | None, State]] = []
        self.noted: list[Changes] = []

    @property
    def tx(self) -> Tx:
        """The open transaction; begun on first use."""
        if self._tx is None:
            self._tx = self._executor.writer.begin(self.now)
            self._executor.plans.tx = self._tx
            if self._executor.sharing is not None:
                self._executor.sharing.fence(self._tx)
        return self._tx

    @property
    def open(self) -> bool:
        """Whether there is something to commit."""
        return self._tx is not None

    def flush(self) -> None:
        """Write memory's changes so far."""
        changes = self.world.changes
        if (
            changes.executions
            or changes.runs
            or changes.timers
            or changes.slots
            or changes.waiting
            or changes.attempts
            or changes.events
            or changes.rollups
            or changes.metrics
        ):
            effects, moves, barrier = changes.effects, changes.moves, changes.barrier
            self.feed += rows.write(self.tx, self.world, changes)
            self.noted.append(changes)
            self._executor.timers.take(changes.timers)
            self.world.changes = Changes(effects=effects, moves=moves, barrier=barrier)

    def load(self, execution_id: str, tenant: str | None = None) -> Live:
        """An execution from memory or from its rows."""
        live = self.world.by_id.get(execution_id)
        if live is not None and (tenant is None or live.tenant == tenant):
            return live
        self.flush()
        live = recovery.load_execution(self.tx, self._executor.plans, execution_id, tenant)
        if self.world.ignored is not None and not live.state.terminal and self.world.ignored(live):
            raise IllegalState(f"Execution '{live.id}' is left alone by a flag of the executor (--ignore-…)")
        return live

    def reload(self, live: Live) -> Live:
        """The same execution with all its task runs, read from its rows; the one in memory is dropped."""
        self.flush()
        self.world.evict(live)
        return recovery.load_execution(self.tx, self._executor.plans, live.id, live.tenant)

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
    ) -> Promise:
        """Have a worker render; the promise is resolved by its answer, `{value}` or `{sealed}` when it is `whole`."""
        return self._executor.commands.evaluate_later(
            value, context, tenant, namespace, flow_id, secrets=secrets, masked=masked, execution=execution
        )

    def try_trigger(self, tenant: str, namespace: str, flow_id: str, trigger_id: str) -> Promise:
        """Have a worker look once for a polling trigger; nothing is started."""
        from flowdeck.engine import trials

        return trials.begin(self._executor, self, tenant, namespace, flow_id, trigger_id)
