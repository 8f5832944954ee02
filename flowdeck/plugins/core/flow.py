"""Tasks that wait (spec: core plugins, flow family)."""

from __future__ import annotations

from datetime import timedelta

from flowdeck.sdk import Example, Expr, RunContext, Task, field


class Sleep(Task, type="io.kestra.plugin.core.flow.Sleep"):
    """Hold the task run for a fixed time; a kill ends the wait at once."""

    duration: Expr[timedelta] = field(doc="How long to wait.")

    examples = (
        Example(
            "Wait a little",
            """\
id: nap
namespace: company.team
tasks:
  - id: wait
    type: io.kestra.plugin.core.flow.Sleep
    duration: PT0.1S
""",
        ),
    )

    async def run(self, ctx: RunContext) -> None:
        """Wait for `duration`; `ConversionError` when it renders to no ISO-8601 duration."""
        await ctx.wait(await ctx.render(self.duration))
