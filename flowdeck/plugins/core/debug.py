"""Tasks that show values (spec: core plugins §2)."""

from __future__ import annotations

import time

from flowdeck.model.component import LogLevel
from flowdeck.sdk import Declared, Example, Expr, Level, MetricSpec, RunContext, Task, field


class Return(Task, type="io.kestra.plugin.core.debug.Return", aliases=("io.kestra.core.tasks.debugs.Return",)):
    """Render a text and give it as output."""

    format: Expr[str] | None = field(default=None, doc="The text; its rendered form is the output `value`.")

    class Output(Declared):
        """The rendered text."""

        value: str | None = field(default=None, doc="The rendered text; null without `format`.")

    measures = (
        MetricSpec("length", "Characters of the rendered text; the tag `format` holds its beginning."),
        MetricSpec("duration", "How long rendering took.", "timer"),
    )

    examples = (
        Example(
            "Pass a value on",
            """\
id: pass_on
namespace: company.team
tasks:
  - id: first
    type: io.kestra.plugin.core.debug.Return
    format: "{{ execution.id }}"
  - id: second
    type: io.kestra.plugin.core.log.Log
    message: "{{ outputs.first.value }}"
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Render and return."""
        began = time.perf_counter()
        value = await ctx.render(self.format)
        if value is not None:
            ctx.log.debug(value)
        tags = {"format": (value or "")[:200]}
        ctx.metric("length", len(value or ""), tags=tags)
        ctx.metric("duration", time.perf_counter() - began, "timer", tags=tags)
        return self.Output(value=value)


class Echo(
    Task,
    type="io.kestra.plugin.core.debug.Echo",
    aliases=("io.kestra.core.tasks.debugs.Echo",),
    deprecated="Use io.kestra.plugin.core.log.Log.",
):
    """Write a text to the log."""

    format: Expr[str] = field(doc="The text.")
    level: Expr[LogLevel] = field(default="INFO", doc="Level of the line.")

    async def run(self, ctx: RunContext) -> None:
        """Write the line."""
        ctx.log.line(Level.of(await ctx.render(self.level)), await ctx.render(self.format))
