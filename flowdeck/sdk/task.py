"""Base classes of plugins on the declaration kernel (design law 9, detail 5)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

from flowdeck.model.component import RunnerBase, TaskBase
from flowdeck.model.declare import Declared, _plain  # pyright: ignore[reportPrivateUsage]
from flowdeck.sdk import registry

if TYPE_CHECKING:
    from flowdeck.sdk.context import RunContext
    from flowdeck.sdk.process import Command

Result = Mapping[str, Any] | Declared | None


class Output(Declared):
    """Base of a task's `Output` class: its fields are the task's documented outputs."""


class Task(TaskBase, shared=True):
    """A runnable task.

    Class arguments: `type` (full name), `aliases`, `process=True` when an attempt occupies a process credit (child
    processes, blocking work). `run` may be a coroutine (runs in the worker's loop, must not block) or a plain
    function (runs in a thread; it sees a kill through `ctx.killed`).
    """

    @classmethod
    def declared(cls) -> None:
        """Enter the class in the registry."""
        registry.register(cls)

    @abstractmethod
    def run(self, ctx: RunContext) -> Awaitable[Result] | Result:
        """Carry out one attempt; the result's members become the outputs. Raises `TaskError` to fail."""
        raise NotImplementedError


class TaskRunner(RunnerBase, shared=True):
    """Where script tasks run their command."""

    @classmethod
    def declared(cls) -> None:
        """Enter the class in the registry."""
        registry.register(cls)

    @abstractmethod
    async def run(self, ctx: RunContext, command: Command) -> int:
        """Run to the end and give the exit code; on cancellation end all descendants before returning."""
        raise NotImplementedError


def outputs_of(result: Any) -> dict[str, Any]:
    """A task's result as its outputs, plain JSON; absent values of a declared output stay as null.

    Raises `TypeError` for a result that is neither a mapping, an `Output` nor None.
    """
    if result is None:
        return {}
    if isinstance(result, Declared):
        return {f.spec.name: _plain(getattr(result, n)) for n, f in type(result).fields().items()}
    if isinstance(result, Mapping):
        return {str(key): _plain(value) for key, value in result.items()}
    raise TypeError(f"a task returned {type(result).__name__} instead of outputs")
