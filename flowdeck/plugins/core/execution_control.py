"""Tasks that act on other executions (spec: core plugins §3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowdeck.model.errors import DomainError
from flowdeck.sdk import Expr, RunContext, Task, TaskError, field
from flowdeck.sdk.context import as_json


async def execution_of(
    ctx: RunContext, execution_id: Expr[str] | None, namespace: Expr[str] | None, flow_id: Expr[str] | None
) -> str | None:
    """Id of the execution that a task names; None when it names none.

    `namespace` and `flowId` go together and only with `executionId`; the execution must then belong to that flow.
    Raises `TaskError`.
    """
    wanted, space, flow = await ctx.render(execution_id), await ctx.render(namespace), await ctx.render(flow_id)
    if not wanted:
        if space or flow:
            raise TaskError("namespace and flowId need an executionId")
        return None
    if bool(space) != bool(flow):
        raise TaskError("namespace and flowId are given both or not at all")
    if space:
        facts = await ctx.calls.call("execution.facts", {"tenant": ctx.attempt.tenant, "id": wanted})
        if facts is None or (facts["namespace"], facts["flowId"]) != (space, flow):
            raise TaskError(f"The flow {space}.{flow} has no execution {wanted}")
    return wanted


class Resume(Task, type="io.kestra.plugin.core.execution.Resume"):
    """Let a paused execution go on."""

    execution_id: Expr[str] | None = field(default=None, doc="The execution; default: the one that triggered this one.")
    namespace: Expr[str] | None = field(default=None, doc="Namespace of the execution; with `flowId`.")
    flow_id: Expr[str] | None = field(default=None, doc="Flow of the execution; with `namespace`.")
    inputs: Expr[Any] | None = field(default=None, doc="Values that the pause asked for.")

    async def run(self, ctx: RunContext) -> None:
        """Resume it; `TaskError` when it is unknown or not paused."""
        execution = await execution_of(ctx, self.execution_id, self.namespace, self.flow_id)
        if execution is None:
            execution = (ctx.variables.get("trigger") or {}).get("executionId") or ctx.attempt.execution
        sent = as_json(await ctx.render_value(self.inputs) if self.inputs is not None else {}, "inputs")
        if not isinstance(sent, Mapping):
            raise TaskError("inputs is not a map")
        try:
            await ctx.calls.call("execution.resume", {"id": execution, "tenant": ctx.attempt.tenant, "sent": sent})
        except DomainError as error:
            raise TaskError(error.message or f"The execution {execution} can't be resumed") from None
