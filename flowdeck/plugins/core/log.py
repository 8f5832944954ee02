"""Log lines (spec: core plugins §2)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.coerce import to_text
from flowdeck.model.component import LogLevel
from flowdeck.sdk import Example, Expr, Level, RunContext, Task, field


def _texts(rendered: Any) -> list[str]:
    return [to_text(item) for item in rendered] if isinstance(rendered, list) else [to_text(rendered)]


class Log(Task, type="io.kestra.plugin.core.log.Log", aliases=("io.kestra.core.tasks.log.Log",)):
    """Write one or more lines to the log of the execution.

    The level of a line has no influence on the state of the task.
    """

    message: Expr[str | list[str]] = field(doc="One line, or a list of lines.")
    level: Expr[LogLevel] = field(default="INFO", doc="Level of the lines.")

    examples = (
        Example(
            "Say hello",
            """\
id: hello
namespace: company.team
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "Hello from {{ flow.id }}"
""",
        ),
        Example(
            "Several lines at another level",
            """\
id: warn
namespace: company.team
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    level: WARN
    message:
      - first
      - second
""",
        ),
    )

    async def run(self, ctx: RunContext) -> None:
        """Write the lines."""
        level = Level.of(await ctx.render(self.level))
        ctx.log.lines(level, _texts(await ctx.render(self.message.raw)))
