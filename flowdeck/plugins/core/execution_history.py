"""Tasks that count and delete past executions (spec: core plugins §3)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from flowdeck.expr import render
from flowdeck.model.component import StateName
from flowdeck.model.pacing import Pace
from flowdeck.plugins.core.instants import instant, needed
from flowdeck.sdk import Declared, Example, Expr, RunContext, Task, TaskError, field
from flowdeck.storage.paths import execution_folder, path_of

MOST = 500
"""Executions of one batch."""


class FlowName(Declared):
    """A flow."""

    namespace: Expr[str] = field(doc="Namespace of the flow.")
    flow_id: Expr[str] = field(doc="Id of the flow.")


class Counted(Declared):
    """Executions of a flow or namespace."""

    namespace: str = field(doc="The namespace.")
    flow_id: str | None = field(default=None, doc="The flow; null for a whole namespace.")
    count: int = field(doc="Number of executions.")


class Count(
    Task,
    type="io.kestra.plugin.core.execution.Count",
    aliases=("io.kestra.core.tasks.executions.Counts",),
):
    """Count executions of flows or namespaces and keep the counts for which an expression holds."""

    flows: list[FlowName] | None = field(default=None, doc="Flows whose executions are counted.")
    namespaces: Expr[list[str]] | None = field(default=None, doc="Namespaces whose executions are counted.")
    states: Expr[list[StateName]] | None = field(default=None, doc="Only executions in these states.")
    start_date: Expr[str] | None = field(default=None, doc="Only executions created at or after this instant.")
    end_date: Expr[str] | None = field(default=None, doc="Only executions created at or before this instant.")
    expression: str = field(
        doc="Rendered for each flow or namespace with the variable `count`; its row is kept when it gives `true`.",
        dynamic=True,
    )

    class Output(Declared):
        """The counts that were kept."""

        results: list[Counted] = field(doc="Flows and namespaces with their numbers.")
        total: int = field(doc="Sum of the numbers.")

    examples = (
        Example(
            "Warn when a flow has not run today",
            """\
id: watch
namespace: company.team
tasks:
  - id: counts
    type: io.kestra.plugin.core.execution.Count
    flows:
      - namespace: company.team
        flowId: daily
    states: [SUCCESS]
    startDate: "{{ now() | dateAdd(-1, 'DAYS') }}"
    expression: "{{ count == 0 }}"
""",
        ),
    )

    async def run(self, ctx: RunContext) -> dict[str, Any]:
        """Count, then judge each number."""
        if not self.flows and self.namespaces is None:
            raise TaskError("One of flows and namespaces is needed")
        flows = [
            {"namespace": await ctx.render(one.namespace), "flowId": await ctx.render(one.flow_id)}
            for one in self.flows or ()
        ]
        found = await ctx.calls.call(
            "executions.count",
            {
                "tenant": ctx.attempt.tenant,
                "flows": flows,
                "namespaces": await ctx.render(self.namespaces) or [],
                "states": await ctx.render(self.states) or [],
                "start": await instant(ctx, self.start_date, "startDate"),
                "end": await instant(ctx, self.end_date, "endDate"),
            },
        )
        kept: list[dict[str, Any]] = []
        for one in found:
            variables = {**ctx.variables, "count": one["count"]}
            verdict = await asyncio.to_thread(render, self.expression, variables, ctx.environment)
            if verdict.strip() == "true":
                kept.append(one)
        ctx.log.debug(f"{len(kept)} of {len(found)} counts fit the expression")
        return {"results": kept, "total": sum(one["count"] for one in kept)}


class PurgeExecutions(
    Task,
    type="io.kestra.plugin.core.execution.PurgeExecutions",
    aliases=("io.kestra.core.tasks.storages.Purge", "io.kestra.plugin.core.storage.Purge"),
):
    """Delete ended executions for good, with their task runs, outputs, logs, metrics and files.

    Batches are small and pause while the engine is busy. Executions that have not ended are left alone.
    """

    namespace: Expr[str] | None = field(
        default=None, doc="Only executions of this namespace, and of those below it unless `flowId` is given."
    )
    flow_id: Expr[str] | None = field(default=None, doc="Only executions of this flow; needs `namespace`.")
    start_date: Expr[str] | None = field(default=None, doc="Only executions created at or after this instant.")
    end_date: Expr[str] = field(doc="Only executions created at or before this instant.")
    states: Expr[list[StateName]] | None = field(default=None, doc="Only executions in these states.")
    purge_execution: Expr[bool] = field(default=True, doc="Delete the executions themselves.")
    purge_log: Expr[bool] = field(default=True, doc="Delete their logs.")
    purge_metric: Expr[bool] = field(default=True, doc="Delete their metrics.")
    purge_storage: Expr[bool] = field(default=True, doc="Delete their files in internal storage.")
    batch_size: Expr[int] = field(default=100, doc="Executions in one batch, at most 500.")

    class Output(Declared):
        """What was deleted."""

        executions_count: int = field(default=0, doc="Number of executions.")
        logs_count: int = field(default=0, doc="Number of log lines.")
        storages_count: int = field(default=0, doc="Number of files.")
        metrics_count: int = field(default=0, doc="Number of metrics.")

    examples = (
        Example(
            "Keep a month",
            """\
id: purge
namespace: system
tasks:
  - id: executions
    type: io.kestra.plugin.core.execution.PurgeExecutions
    endDate: "{{ now() | dateAdd(-1, 'MONTHS') }}"
    states: [SUCCESS, WARNING]
triggers:
  - id: daily
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "@daily"
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Batch after batch, in order of creation."""
        find = await self._search(ctx)
        flags = {
            "executions": await ctx.render(self.purge_execution),
            "logs": await ctx.render(self.purge_log),
            "metrics": await ctx.render(self.purge_metric),
            "storage": await ctx.render(self.purge_storage),
        }
        size = await ctx.render(self.batch_size)
        if size < 1:
            raise TaskError("batchSize must be at least 1")
        pace, cursor = Pace(min(size, MOST)), None
        done = {"executions": 0, "logs": 0, "files": 0, "metrics": 0}
        while True:
            page = await ctx.calls.call(
                "executions.purgeable",
                {**find, "limit": pace.size, "cursor": cursor, "count_logs": flags["logs"]},
            )
            rows, cursor = page["executions"], page["cursor"]
            if rows:
                if flags["storage"]:
                    done["files"] += await asyncio.to_thread(_files, ctx, rows)
                done["logs"] += page["logs"]
                again = True
                while again:  # a giant goes in slices
                    began = time.monotonic()
                    answer = await ctx.calls.call("purge.executions", {"seqs": [row[0] for row in rows], **flags})
                    done["executions"] += answer["executions"]
                    done["metrics"] += answer["metrics"]
                    again = answer.get("again")
                    await asyncio.sleep(pace.after(time.monotonic() - began))
            if cursor is None:
                break
        return self.Output(
            executions_count=done["executions"],
            logs_count=done["logs"],
            storages_count=done["files"],
            metrics_count=done["metrics"],
        )

    async def _search(self, ctx: RunContext) -> dict[str, Any]:
        namespace, flow = await ctx.render(self.namespace), await ctx.render(self.flow_id)
        if flow and not namespace:
            raise TaskError("flowId needs a namespace")
        return {
            "tenant": ctx.attempt.tenant,
            "before": await needed(ctx, self.end_date, "endDate"),
            "after": await instant(ctx, self.start_date, "startDate"),
            "namespace": namespace or None,
            "flow_id": flow or None,
            "states": await ctx.render(self.states) or [],
        }


def _files(ctx: RunContext, rows: list[list[Any]]) -> int:
    """Number of stored files of some executions."""
    storage = ctx.storage.backend
    return sum(
        1
        for _, namespace, flow_id, execution in rows
        for entry in storage.list(path_of(execution_folder(namespace, flow_id, execution)))
        if not entry.directory
    )
