"""Tasks that delete old revisions of flows (spec: core plugins §1, PurgeFlows)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from flowdeck.model.pacing import Pace
from flowdeck.plugins.core.instants import instant
from flowdeck.sdk import Declared, Example, Expr, RunContext, Task, TaskError, field
from flowdeck.sdk.files import matches


class VersionBehavior(Declared):
    """Which old versions go; the newest one always stays."""

    type: str = field(default="version", doc="`version`.")
    before: Expr[str] | None = field(default=None, doc="Only versions made before this instant go.")
    keep_amount: Expr[int] | None = field(default=None, min=1, doc="Number of newest versions that stay.")

    async def limits(self, ctx: RunContext) -> dict[str, Any]:
        """`keep` and `before` (ms), each perhaps None. `TaskError` when both are missing."""
        before, keep = await instant(ctx, self.before, "behavior.before"), await ctx.render(self.keep_amount)
        if before is None and keep is None:
            raise TaskError("behavior of type version needs before or keepAmount")
        if keep is not None and keep < 1:
            raise TaskError("behavior.keepAmount must be at least 1: the newest version stays")
        return {"keep": keep, "before": before}


async def scope(
    ctx: RunContext, namespaces: Expr[list[str]] | None, pattern: Expr[str] | None, children: Expr[bool]
) -> dict[str, Any]:
    """Arguments of a purge over namespaces; without any the flow's own namespace. `TaskError` for both kinds."""
    names, glob = await ctx.render(namespaces), await ctx.render(pattern)
    if names and glob:
        raise TaskError("namespaces and namespacePattern exclude each other")
    return {
        "tenant": ctx.attempt.tenant,
        "namespaces": names or ([] if glob else [ctx.attempt.namespace]),
        "pattern": glob or None,
        "children": await ctx.render(children),
    }


class PurgeFlows(Task, type="io.kestra.plugin.core.flow.PurgeFlows"):
    """Delete old revisions of flows for good."""

    flow_pattern: Expr[str] | None = field(default=None, doc="Glob of flow ids; all without it.")
    namespaces: Expr[list[str]] | None = field(default=None, doc="Namespaces; default: the flow's own.")
    namespace_pattern: Expr[str] | None = field(default=None, doc="Glob of namespaces, instead of `namespaces`.")
    include_child_namespaces: Expr[bool] = field(default=True, doc="Also the namespaces below those.")
    behavior: VersionBehavior = field(
        default_factory=lambda: VersionBehavior(keep_amount=Expr(1, int)), doc="Which revisions go."
    )

    class Output(Declared):
        """What was deleted."""

        size: int = field(doc="Number of revisions.")

    examples = (
        Example(
            "Keep ten revisions of each flow",
            """\
id: purge_revisions
namespace: system
tasks:
  - id: flows
    type: io.kestra.plugin.core.flow.PurgeFlows
    namespaces: [company]
    behavior:
      type: version
      keepAmount: 10
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Flow by flow."""
        args = await scope(ctx, self.namespaces, self.namespace_pattern, self.include_child_namespaces)
        args |= await self.behavior.limits(ctx)
        pattern = await ctx.render(self.flow_pattern)
        total, cursor, pace = 0, None, Pace()
        while True:
            page = await ctx.calls.call("flows.purgeable", {**args, "cursor": cursor})
            for one in page["flows"]:
                if pattern and not matches(one["id"], [pattern]):
                    continue
                began = time.monotonic()
                total += await ctx.calls.call("flow.delete_revisions", {"tenant": args["tenant"], **one})
                await asyncio.sleep(pace.after(time.monotonic() - began))
            cursor = page["cursor"]
            if cursor is None:
                return self.Output(size=total)
