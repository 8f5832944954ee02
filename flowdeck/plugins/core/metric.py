"""Metrics (spec: core plugins §2)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.coerce import to_duration, to_number, to_text
from flowdeck.sdk import Declared, Example, Expr, RunContext, Task, TaskError, field


class Measured(Declared):
    """One metric."""

    type: str = field(doc="`counter` or `timer`.")
    name: Expr[str] = field(doc="Name of the metric.")
    value: Expr[Any] = field(doc="A number for a counter; seconds or an ISO-8601 duration for a timer.")
    tags: Expr[dict[str, Any]] | None = field(default=None, doc="Further dimensions.")


class Publish(Task, type="io.kestra.plugin.core.metric.Publish"):
    """Publish metrics of the task run."""

    metrics: list[Measured] = field(doc="The metrics.")

    class Output(Declared):
        """What was published."""

        metrics: dict[str, Any] = field(doc="Values by name.")

    examples = (
        Example(
            "Count rows",
            """\
id: measured
namespace: company.team
tasks:
  - id: rows
    type: io.kestra.plugin.core.metric.Publish
    metrics:
      - type: counter
        name: rows
        value: 42
      - type: timer
        name: load
        value: PT1.5S
        tags:
          table: orders
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Publish each."""
        shown: dict[str, Any] = {}
        for item in self.metrics:
            kind = item.type.rpartition(".")[2].lower()
            name, value = await ctx.render(item.name), await ctx.render_value(item.value)
            tags = await ctx.render(item.tags)
            try:
                if kind == "timer" and isinstance(value, str) and value.strip().upper().startswith("P"):
                    value = to_duration(value).total_seconds()
                ctx.metric(name, to_number(value), kind, {k: to_text(v) for k, v in (tags or {}).items()})
            except ValueError as error:
                raise TaskError(f"metric '{name}': {error}") from None
            shown[name] = value
        return self.Output(metrics=shown)
