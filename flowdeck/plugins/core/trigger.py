"""Tasks that change triggers (spec: workflow components §7.3)."""

from __future__ import annotations

from flowdeck.sdk import Expr, RunContext, Task, field


class Toggle(Task, type="io.kestra.plugin.core.trigger.Toggle", aliases=("io.kestra.core.tasks.trigger.Toggle",)):
    """Switch a trigger on or off."""

    trigger: Expr[str] = field(doc="Id of the trigger.")
    namespace: Expr[str] = field(default="{{ flow.namespace }}", doc="Namespace of the flow.")
    flow_id: Expr[str] = field(default="{{ flow.id }}", doc="Flow of the trigger.")
    enabled: Expr[bool] = field(default=False, doc="Whether the trigger is on afterwards.")

    async def run(self, ctx: RunContext) -> None:
        """Switch it."""
        await ctx.calls.call(
            "trigger.set_disabled",
            {
                "tenant": ctx.attempt.tenant,
                "namespace": await ctx.render(self.namespace),
                "flow_id": await ctx.render(self.flow_id),
                "trigger_id": await ctx.render(self.trigger),
                "disabled": not await ctx.render(self.enabled),
            },
        )
