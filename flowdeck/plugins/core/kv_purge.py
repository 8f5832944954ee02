"""Deleting key-value pairs in bulk (spec: core plugins §5, PurgeKV)."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

from flowdeck.model.pacing import Pace
from flowdeck.plugins.core.flow_history import VersionBehavior, scope
from flowdeck.sdk import Declared, Example, Expr, RunContext, Task, field
from flowdeck.sdk.files import matches


class Behavior(VersionBehavior):
    """What goes: whole pairs with all their versions (`key`), or old versions of pairs (`version`)."""

    type: Literal["key", "version"] = field(default="key", doc="`key` or `version`.")
    expired_only: Expr[bool] = field(default=True, doc="Only pairs whose time is over; for `key`.")


class PurgeKV(Task, type="io.kestra.plugin.core.kv.PurgeKV"):
    """Delete key-value pairs for good: those that have expired, all, or old versions."""

    namespaces: Expr[list[str]] | None = field(default=None, doc="Namespaces; default: the flow's own.")
    namespace_pattern: Expr[str] | None = field(default=None, doc="Glob of namespaces, instead of `namespaces`.")
    include_child_namespaces: Expr[bool] = field(default=True, doc="Also the namespaces below those.")
    key_pattern: Expr[str] | None = field(default=None, doc="Glob of keys; all without it.")
    behavior: Behavior | None = field(default=None, doc="What goes; without it, pairs that have expired.")
    expired_only: Expr[bool] | None = field(
        default=None, doc="Only pairs whose time is over; wins over `behavior`.", deprecated="Use behavior."
    )

    class Output(Declared):
        """What was deleted."""

        size: int = field(doc="Number of pairs, or of versions.")

    examples = (
        Example(
            "Delete expired pairs of a company",
            """\
id: purge_pairs
namespace: system
tasks:
  - id: pairs
    type: io.kestra.plugin.core.kv.PurgeKV
    namespaces: [company]
    behavior:
      type: key
      expiredOnly: true
""",
        ),
        Example(
            "Keep five versions of each pair",
            """\
id: purge_versions
namespace: system
tasks:
  - id: pairs
    type: io.kestra.plugin.core.kv.PurgeKV
    namespaces: [company]
    behavior:
      type: version
      keepAmount: 5
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Delete page by page."""
        args = await scope(ctx, self.namespaces, self.namespace_pattern, self.include_child_namespaces)
        behavior = self.behavior or Behavior()
        told = await ctx.render(self.expired_only)
        if told is None and behavior.type == "version":
            return self.Output(size=await self._delete(ctx, args, versions=await behavior.limits(ctx)))
        args["expired_only"] = told if told is not None else await ctx.render(behavior.expired_only)
        return self.Output(size=await self._delete(ctx, args))

    async def _delete(self, ctx: RunContext, args: dict[str, Any], versions: dict[str, Any] | None = None) -> int:
        """Page of keys by page of keys; with `versions` (keep, before) old versions go instead of pairs."""
        pattern = await ctx.render(self.key_pattern)
        total, cursor, pace = 0, None, Pace()
        if versions is not None:
            args = {**args, "versioned": True}
        more = {"expired_only": args.get("expired_only", False)}
        while True:
            page = await ctx.calls.call("kv.purgeable", {**args, "cursor": cursor})
            pairs = [pair for pair in page["pairs"] if not pattern or matches(pair[1], [pattern])]
            again = bool(pairs)
            while again:
                began = time.monotonic()
                told = {"tenant": args["tenant"], "pairs": pairs}
                if versions is None:
                    total += await ctx.calls.call("purge.pairs", {**told, **more})
                    again = False
                else:
                    answer = await ctx.calls.call("purge.versions", {**told, **versions})
                    total += answer["gone"]
                    again = answer["again"]
                await asyncio.sleep(pace.after(time.monotonic() - began))
            cursor = page["cursor"]
            if cursor is None:
                return total
