"""Shell tasks (spec: script plugins §2)."""

from __future__ import annotations

from flowdeck.plugins.scripts.base import CommandsTask, Prepared, ScriptTask
from flowdeck.sdk import Example, Expr, RunContext, field


class Script(ScriptTask, type="io.kestra.plugin.scripts.shell.Script"):
    """Run a shell script."""

    script: Expr[str] = field(doc="Text of the script.")

    examples = (
        Example(
            "A script with an output",
            """\
id: shell_script
namespace: company.team
tasks:
  - id: run
    type: io.kestra.plugin.scripts.shell.Script
    script: |
      echo "counting"
      echo '::{"outputs":{"rows":42}}::'
""",
        ),
    )

    async def prepare(self, ctx: RunContext) -> Prepared:
        """Render the script."""
        return Prepared([await ctx.render(self.script)])


class Commands(CommandsTask, type="io.kestra.plugin.scripts.shell.Commands"):
    """Run shell commands."""

    examples = (
        Example(
            "Two commands and a file",
            """\
id: shell_commands
namespace: company.team
tasks:
  - id: run
    type: io.kestra.plugin.scripts.shell.Commands
    outputFiles:
      - "*.txt"
    commands:
      - echo "hello" > greeting.txt
      - wc -c greeting.txt
""",
        ),
    )
