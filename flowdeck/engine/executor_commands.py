"""What the executor's loop is asked for: commands of the closed list, and evaluations that workers answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowdeck.commands import registry
from flowdeck.engine.executor_step import ExecutorStep, Promise
from flowdeck.engine.messages import Command, Done, Evaluate
from flowdeck.model.errors import DomainError

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor

FLOW_COMMANDS = ("flow.",)
NAMESPACE_COMMANDS = ("namespace.",)
FLEETING = frozenset({"session.touch", "service.heartbeat", "evaluate", "trigger.try"})
"""Commands whose loss in a power cut harms nobody: they ask for no flush."""


class Commands:
    """Carries out commands within a step; those of the engine on memory, all others on the rows alone."""

    def __init__(self, executor: Executor, first: int) -> None:
        self._executor = executor
        self.evaluations: dict[tuple[int, int], Promise] = {}
        self._evaluation_no = first

    def carry_out(self, step: ExecutorStep, command: Command) -> tuple[Any, registry.Failure | None]:
        """Carry a command out within a step; answers (result, error). A result may be a `Promise`."""
        name = command.name
        handler = registry.ENGINE_COMMANDS.get(name)
        if name not in FLEETING:
            step.world.changes.barrier = True
        if handler is None:
            if name.startswith(FLOW_COMMANDS):
                step.flush()
            result, error = registry.carry_out(
                step.tx, name, command.args, key=command.key, principal=command.principal
            )
            if name.startswith(NAMESPACE_COMMANDS) and error is None:
                self._executor.plans.namespaces_changed()
            if name.startswith(FLOW_COMMANDS):
                self._executor.plans.changed()
                if error is None:
                    args = command.args
                    for scope in [s for s in step.world.waiting if not args.get("id") or s.endswith(f"/{args['id']}")]:
                        step.world.later("admit", scope)
        else:
            earlier = registry.stored_answer(step.tx, command.key)
            if earlier is not None:
                result, error = earlier
            else:
                result, error = self.engine_command(step, command)
                if not isinstance(result, Promise):
                    registry.store_answer(step.tx, command.key, result, error)
        return result, error

    @staticmethod
    def engine_command(step: ExecutorStep, command: Command) -> tuple[Any, registry.Failure | None]:
        """Run a command of `ENGINE_COMMANDS`, whatever its key; answers (result, error)."""
        if command.name not in FLEETING:
            step.world.changes.barrier = True
        step.principal = command.principal
        try:
            return registry.ENGINE_COMMANDS[command.name](step, command.args), None
        except DomainError as refused:
            return None, registry.failure(refused)
        finally:
            step.principal = None

    def promised(self) -> tuple[int, Promise]:
        """A number for a job that no execution and no trigger waits for, and what its answer resolves."""
        self._evaluation_no += 1
        promise = Promise()
        seq = -(1 << 40) - self._evaluation_no
        self.evaluations[seq, -1] = promise
        return seq, promise

    def evaluate_later(
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
        """Send an evaluation that no execution waits for to a worker.

        Without `secrets` it can't read any; `masked` puts stars in their place.
        """
        seq, promise = self.promised()
        job = Evaluate(
            seq=seq,
            fence=-1,
            tenant=tenant,
            namespace=namespace,
            flow_id=flow_id,
            value=value,
            context=context,
            secrets=secrets,
            masked=masked or not secrets,
            execution=execution,
        )
        self._executor.world.effect((lambda j, _: self._executor.transport.dispatch(j, process=False), job, None))
        return promise

    def resolve(self, step: ExecutorStep, promise: Promise, message: Done) -> None:
        """A worker answered an evaluation that nobody's execution waits for."""
        answer = message.outputs or {}
        error = answer.get("error") or message.error
        failure = ("IllegalArgument", str(error), {}) if error else None
        promise.secrets = list(answer.get("secrets") or ())
        reply = promise.reply
        if reply is not None:
            step.world.effect((reply, self._whole(answer) if promise.whole else answer.get("value"), failure))

    def _whole(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """A worker's answer; one that shows secrets is encrypted, since answers may be stored on their way."""
        if answer.get("secrets") and self._executor.encrypt is not None:
            return {"sealed": self._executor.encrypt(json.dumps(answer, ensure_ascii=False))}
        return {"value": answer.get("value")}
