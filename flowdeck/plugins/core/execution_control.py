"""Tasks that act on other executions (spec: core plugins §3)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.errors import DomainError
from flowdeck.sdk import Expr, RunContext, Task, TaskError, field


class Resume(Task, type="io.kestra.plugin.core.execution.Resume"):
    """Let a paused execution go on."""

    execution_id: Expr[str] | None = field(default=None, doc="The execution; default: the one that triggered this one.")
    namespace: Expr[str] | None = field(default=None, doc="Namespace of the execution.")
    flow_id: Expr[str] | None = field(default=None, doc="Flow of the execution.")
    inputs: Expr[Any] | None = field(default=None, doc="Values that the pause asked for.")

    async def run(self, ctx: RunContext) -> None:
        """Resume it; `TaskError` when it is unknown or not paused."""
        execution = await ctx.render(self.execution_id) or (ctx.variables.get("trigger") or {}).get("executionId")
        if not execution:
            raise TaskError("executionId is needed: no other execution triggered this one")
        inputs = await ctx.render_value(self.inputs) if self.inputs is not None else None
        try:
            await ctx.calls.call("execution.resume", {"id": execution, "tenant": ctx.attempt.tenant, "inputs": inputs})
        except DomainError as error:
            raise TaskError(error.message or f"The execution {execution} can't be resumed") from None
