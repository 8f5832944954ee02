"""Log lines (spec: core plugins §2)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from flowdeck.expr import ion
from flowdeck.model.coerce import to_text
from flowdeck.model.component import LogLevel
from flowdeck.model.errors import NotFound
from flowdeck.model.pacing import Pace
from flowdeck.plugins.core.execution_control import execution_of
from flowdeck.plugins.core.instants import instant, needed
from flowdeck.plugins.core.storage import new_name
from flowdeck.sdk import Declared, Example, Expr, Level, RunContext, Task, TaskError, field


def _texts(rendered: Any) -> list[str]:
    return [to_text(item) for item in rendered] if isinstance(rendered, list) else [to_text(rendered)]


class Log(Task, type="io.kestra.plugin.core.log.Log", aliases=("io.kestra.core.tasks.log.Log",)):
    """Write one or more lines to the log of the execution.

    The level of a line has no influence on the state of the task.
    """

    message: Expr[str | list[Any]] = field(doc="One line, or a list of lines.")
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


class Fetch(Task, type="io.kestra.plugin.core.log.Fetch", aliases=("io.kestra.core.tasks.log.Fetch",)):
    """Store the log lines of an execution in a file, one ION row a line."""

    execution_id: Expr[str] | None = field(default=None, doc="The execution; default: this one.")
    namespace: Expr[str] | None = field(default=None, doc="Namespace of the execution; with `flowId`.")
    flow_id: Expr[str] | None = field(default=None, doc="Flow of the execution; with `namespace`.")
    tasks_id: Expr[list[str]] | None = field(default=None, aliases=("taskId",), doc="Only lines of these tasks.")
    level: Expr[LogLevel] = field(default="INFO", doc="Lowest level of the lines.")

    class Output(Declared):
        """The lines."""

        uri: str = field(doc="URI of the file.")
        size: int = field(doc="Number of lines.")

    examples = (
        Example(
            "Keep the errors of this execution",
            """\
id: fetch
namespace: company.team
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: something
  - id: lines
    type: io.kestra.plugin.core.log.Fetch
    level: WARN
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Read page by page."""
        execution = await execution_of(ctx, self.execution_id, self.namespace, self.flow_id)
        args = {
            "tenant": ctx.attempt.tenant,
            "execution": execution or ctx.attempt.execution,
            "level": Level.of(await ctx.render(self.level)).name,
            "tasks": await ctx.render(self.tasks_id) or [],
        }
        size, start = 0, 1
        with ctx.storage.open_write(new_name(".ion")) as out:
            while start is not None:
                try:
                    page = await ctx.calls.call("logs.fetch", {**args, "start": start})
                except NotFound as error:
                    raise TaskError(error.message) from None
                rows = "".join(f"{ion.dump(line)}\n" for line in page["lines"])
                await asyncio.to_thread(out.write, rows.encode())
                size += len(page["lines"])
                start = page["next"]
        return self.Output(uri=out.uri, size=size)


class PurgeLogs(Task, type="io.kestra.plugin.core.log.PurgeLogs"):
    """Delete log lines of executions and triggers for good."""

    namespace: Expr[str] | None = field(
        default=None, doc="Only lines of this namespace, and of those below it unless `flowId` is given."
    )
    flow_id: Expr[str] | None = field(default=None, doc="Only lines of this flow; needs `namespace`.")
    execution_id: Expr[str] | None = field(default=None, doc="Only lines of this execution.")
    log_levels: Expr[list[LogLevel]] | None = field(default=None, doc="Only lines of these levels.")
    start_date: Expr[str] | None = field(default=None, doc="Only lines written at or after this instant.")
    end_date: Expr[str] = field(doc="Only lines written before this instant.")

    class Output(Declared):
        """What was deleted."""

        count: int = field(doc="Number of lines.")

    examples = (
        Example(
            "Keep a month, errors longer",
            """\
id: purge_logs
namespace: system
tasks:
  - id: lines
    type: io.kestra.plugin.core.log.PurgeLogs
    endDate: "{{ now() | dateAdd(-1, 'MONTHS') }}"
    logLevels: [TRACE, DEBUG, INFO, WARN]
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Delete, a few thousand lines at once."""
        namespace, flow = await ctx.render(self.namespace), await ctx.render(self.flow_id)
        if flow and not namespace:
            raise TaskError("flowId needs a namespace")
        args = {
            "tenant": ctx.attempt.tenant,
            "until": await needed(ctx, self.end_date, "endDate"),
            "since": await instant(ctx, self.start_date, "startDate"),
            "namespace": namespace or None,
            "flow_id": flow or None,
            "execution": await ctx.render(self.execution_id) or None,
            "levels": await ctx.render(self.log_levels),
        }
        total, cursor, pace = 0, None, Pace()
        while True:
            began = time.monotonic()
            answer = await ctx.calls.call("logs.purge", {**args, "cursor": cursor})
            total += answer["count"]
            cursor = answer["cursor"]
            if cursor is None:
                return self.Output(count=total)
            await asyncio.sleep(pace.after(time.monotonic() - began))
