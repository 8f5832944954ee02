"""Deleting old revisions of namespace files (spec: core plugins §6, PurgeFiles)."""

from __future__ import annotations

import asyncio
from typing import Any

from flowdeck.plugins.core.flow_history import VersionBehavior, scope
from flowdeck.plugins.core.namespace import delete_places, older_revisions
from flowdeck.sdk import Declared, Example, Expr, RunContext, Task, field
from flowdeck.sdk.files import matches


class PurgeFiles(Task, type="io.kestra.plugin.core.namespace.PurgeFiles"):
    """Delete old revisions of namespace files for good; the newest one always stays."""

    namespaces: Expr[list[str]] | None = field(default=None, doc="Namespaces; default: the flow's own.")
    namespace_pattern: Expr[str] | None = field(default=None, doc="Glob of namespaces, instead of `namespaces`.")
    include_child_namespaces: Expr[bool] = field(default=True, doc="Also the namespaces below those.")
    file_pattern: Expr[str] | None = field(default=None, doc="Glob of paths; all without it.")
    behavior: VersionBehavior = field(
        default_factory=lambda: VersionBehavior(keep_amount=Expr(1, int)), doc="Which revisions go."
    )

    class Output(Declared):
        """What was deleted."""

        size: int = field(doc="Number of revisions.")

    examples = (
        Example(
            "Keep three revisions of each query",
            """\
id: purge_files
namespace: system
tasks:
  - id: files
    type: io.kestra.plugin.core.namespace.PurgeFiles
    namespaces: [company]
    filePattern: "**/*.sql"
    behavior:
      type: version
      keepAmount: 3
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """File by file."""
        limits = await self.behavior.limits(ctx)
        pattern = await ctx.render(self.file_pattern)
        args = await scope(ctx, self.namespaces, self.namespace_pattern, self.include_child_namespaces)
        total = 0
        for namespace in await ctx.calls.call("files.namespaces", args):
            entries = [
                entry["uri"]
                for entry in await ctx.files.list(namespace)
                if not pattern or matches(entry["path"].lstrip("/"), [pattern])
            ]
            total += await asyncio.to_thread(_purge, ctx, entries, limits)
        return self.Output(size=total)


def _purge(ctx: RunContext, uris: list[str | None], limits: dict[str, Any]) -> int:
    keep, before = limits["keep"], limits["before"]
    total = 0
    for uri in uris:
        gone = [
            one.path
            for place, (_, one) in enumerate(older_revisions(ctx, uri), start=2)
            if (keep is None or place > keep) and (before is None or one.modified < before)
        ]
        total += delete_places(ctx, gone)
    return total
