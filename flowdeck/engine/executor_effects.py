"""What follows a commit: attempts go to workers, are killed and acknowledged, lines are logged, replies are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from flowdeck.engine.messages import Evaluate, Run
from flowdeck.model import engine as pure
from flowdeck.model.engine import Live, tasks
from flowdeck.model.engine.world import Acknowledge, Dispatch, Evaluation, KillAttempt, Line
from flowdeck.model.flow import TaskKind

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor

STORED = frozenset({"outputs", "engine", "loop", "switch", "subflow", "batch"})
"""Stages whose result is stored readable (outputs, labels, variables, values of loops): a worker masks secrets."""


class Transport(Protocol):
    """Where attempts go (`engine.gateway.Gateway`)."""

    def dispatch(self, job: Any, *, process: bool) -> None: ...
    def kill(self, seq: int, fence: int) -> None: ...
    def ack(self, seq: int, fence: int) -> None: ...


LogLine = Callable[[Live, "pure.Run | None", str, str, int], None]
"""`(execution, task run, level name, text, at ms)`."""


class Effects:
    """Performs the effects of a step that is committed, in their order."""

    __slots__ = ("_executor",)

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def perform(self, effects: Iterable[Any]) -> None:
        """Perform the effects of a step.

        Args:
            effects: those of `model.engine.world`, or `(function, result, error)` for a reply.
        """
        executor = self._executor
        transport = executor.transport
        for effect in effects:
            kind = type(effect)
            if kind is Acknowledge:
                executor.claims.out.pop(effect.seq, None)
                transport.ack(effect.seq, effect.fence)
            elif kind is Dispatch:
                self._dispatch(effect)
            elif kind is Line:
                executor.log_line(effect.execution, effect.run, effect.level, effect.text, effect.at)
            elif kind is KillAttempt:
                transport.kill(effect.seq, effect.fence)
            elif kind is Evaluation:
                live = tasks.live_of(effect.subject)
                transport.dispatch(
                    Evaluate(
                        seq=effect.seq,
                        fence=effect.fence,
                        tenant=live.tenant,
                        namespace=live.namespace,
                        flow_id=live.flow_id,
                        value=effect.value,
                        context=effect.context,
                        masked=effect.stage in STORED,
                        execution=live.id,
                        clear=effect.clear,
                    ),
                    process=False,
                )
            else:
                function, result, error = effect
                if function is not None:
                    function(result, error)

    def _needs_process(self, run: pure.Run) -> bool:
        """Whether an attempt takes a process credit; a WorkingDirectory does if one of its children does."""
        task = run.task
        if task.kind is not TaskKind.DIRECTORY:
            return self._executor.needs_process(task.type)
        tasks_ = run.execution.plan.flow.tasks
        return any(self._executor.needs_process(tasks_[key].type) for key in task.children.get("tasks", ()))

    def _dispatch(self, effect: Dispatch) -> None:
        run = effect.run
        if run.fence != effect.fence or run.state.terminal or run.execution.gone:
            return
        live = run.execution
        self._executor.claims.out[run.seq] = effect.fence
        self._executor.transport.dispatch(
            Run(
                seq=run.seq,
                fence=effect.fence,
                attempt=effect.attempt,
                task_run=run.id,
                execution=live.id,
                execution_seq=live.seq,
                tenant=live.tenant,
                namespace=live.namespace,
                flow_id=live.flow_id,
                flow_key=live.flow_key,
                revision=live.flow_rev,
                task_key=run.task.key,
                context=effect.context,
                timeout_ms=effect.timeout_ms,
                restarted=effect.restarted,
                whole=effect.whole,
                defaults=live.plan.defaults,
                shard=live.shard,
                children=run.detail["reserved"] if run.task.kind is TaskKind.DIRECTORY else [],
                path=list(run.path) if run.task.kind is TaskKind.DIRECTORY else [],
                group=run.detail.get("group", ""),
                queued=self._executor.world.now,
            ),
            process=self._needs_process(run),
        )
