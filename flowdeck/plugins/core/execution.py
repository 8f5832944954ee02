"""Tasks that judge the execution (spec: core plugins §3)."""

from __future__ import annotations

from flowdeck.expr import ExpressionError, truthy
from flowdeck.sdk import Example, Expr, MetricSpec, RunContext, Task, TaskError, field


class Fail(Task, type="io.kestra.plugin.core.execution.Fail", aliases=("io.kestra.core.tasks.executions.Fail",)):
    """Fail on purpose, always or under a condition."""

    condition: Expr[str] | None = field(default=None, doc="Fail only if this renders to something true.")
    error_message: Expr[str] = field(default="Task failure", doc="What the log says.")

    examples = (
        Example(
            "Fail when a check does not hold",
            """\
id: guarded
namespace: company.team
inputs:
  - id: rows
    type: INT
    defaults: 3
tasks:
  - id: check
    type: io.kestra.plugin.core.execution.Fail
    condition: "{{ inputs.rows == 0 }}"
    errorMessage: No rows were loaded
""",
        ),
    )

    async def run(self, ctx: RunContext) -> None:
        """Raise, or succeed when the condition does not hold."""
        if self.condition is None:
            raise TaskError(await ctx.render(self.error_message))
        if truthy(await ctx.render(self.condition)):
            ctx.log.error(await ctx.render(self.error_message))
            raise TaskError("Fail on a condition")


class Assert(Task, type="io.kestra.plugin.core.execution.Assert"):
    """Check conditions and fail if one does not hold."""

    conditions: list[str] = field(doc="Expressions; each must render to something true.", dynamic=True)
    error_message: Expr[str] | None = field(default=None, doc="Added to the error.")

    measures = (
        MetricSpec("failed", "Conditions that did not hold."),
        MetricSpec("success", "Conditions that held."),
    )

    examples = (
        Example(
            "Check two facts",
            """\
id: checked
namespace: company.team
tasks:
  - id: facts
    type: io.kestra.plugin.core.execution.Assert
    conditions:
      - "{{ flow.id == 'checked' }}"
      - "{{ 1 < 2 }}"
""",
        ),
    )

    async def run(self, ctx: RunContext) -> None:
        """Check all, then fail if any failed."""
        failed = 0
        for condition in self.conditions:
            try:
                held = truthy(await ctx.render(condition))
                reason = "is not true"
            except ExpressionError as error:
                held, reason = False, f"can't be rendered: {error}"
            if not held:
                failed += 1
                ctx.log.error(f"Assertion failed: `{condition}` {reason}")
        ctx.metric("failed", failed)
        ctx.metric("success", len(self.conditions) - failed)
        if failed:
            message = await ctx.render(self.error_message)
            raise TaskError(
                f"{failed} assertion{'s' if failed > 1 else ''} failed!" + (f"\n{message}" if message else "")
            )
