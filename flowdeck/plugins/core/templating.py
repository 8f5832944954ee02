"""A task made at run time (spec: core plugins §2)."""

from __future__ import annotations

import inspect
from typing import Any

from flowdeck.sdk import Expr, RunContext, Task, TaskError, field, resolve
from flowdeck.sdk.yaml_text import read_yaml


class TemplatedTask(
    Task,
    type="io.kestra.plugin.core.templating.TemplatedTask",
    aliases=("io.kestra.core.tasks.templating.TemplatedTask",),
    process=True,
):
    """Render the YAML text of a task and run that task in its place."""

    spec_: Expr[str] = field(name="spec", doc="YAML text of one runnable task.")

    async def run(self, ctx: RunContext) -> Any:
        """Run the inner task; its outputs become this task's."""
        text = await ctx.render(self.spec_)
        raw = read_yaml(text, "The rendered spec")
        if not isinstance(raw, dict) or not raw.get("type"):
            raise TaskError("The rendered spec is no task: it has no type")
        try:
            cls = resolve(str(raw["type"]))
        except LookupError as error:
            raise TaskError(str(error)) from None
        if cls is TemplatedTask:
            raise TaskError("The templated task cannot be of type TemplatedTask")
        if not issubclass(cls, Task):
            raise TaskError("The templated task must be a runnable task")
        task = cls.build({"id": ctx.attempt.task_id, **raw})
        if inspect.iscoroutinefunction(cls.run):
            return await task.run(ctx)  # pyright: ignore[reportGeneralTypeIssues]
        return await ctx.in_thread(task.run)
