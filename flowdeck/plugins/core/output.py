"""Values for later tasks (spec: core plugins §2)."""

from __future__ import annotations

from typing import Any

from flowdeck.sdk import Declared, Example, Expr, RunContext, Task, field


class OutputValues(Task, type="io.kestra.plugin.core.output.OutputValues"):
    """Render a map and give it as output; rendered expressions are texts."""

    values: Expr[dict[str, Any]] = field(doc="The values, at any depth.")

    class Output(Declared):
        """The rendered map."""

        values: dict[str, Any] = field(doc="The rendered values.")

    examples = (
        Example(
            "Name two values",
            """\
id: named
namespace: company.team
tasks:
  - id: values
    type: io.kestra.plugin.core.output.OutputValues
    values:
      run: "{{ execution.id }}"
      nested:
        flow: "{{ flow.id }}"
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Render and return."""
        return self.Output(values=await ctx.render(self.values))
