"""States of flows: maps kept between executions, on the key-value store (spec: core plugins §8; deprecated)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from flowdeck.sdk import Declared, Example, Expr, RunContext, Task, TaskError, field
from flowdeck.sdk.context import as_json

OLD = "io.kestra.core.tasks.states."
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


def state_key(flow_id: str | None, name: str, value: str | None) -> str:
    """Key of a state: readable, and different for different flows, names and values.

    Args:
        flow_id: None for a state of the whole namespace.
        value: `taskrun.value` of the loop that the task stands in, None outside and when it is shared.
    """
    parts = [part for part in (flow_id, "states", name) if part is not None]
    readable = "_".join(_SAFE.sub("-", part) for part in parts)[:120]
    exact = "\0".join((flow_id or "", name, "-" if value is None else f"+{value}"))
    if value is None and _SAFE.sub("-", name) == name and len(name) <= 60:
        return readable
    return f"{readable}_{hashlib.sha256(exact.encode()).hexdigest()[:16]}"


def merged(old: Any, new: Any) -> Any:
    """`new` over `old`; maps are merged at any depth, everything else is replaced."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        out = dict(old)
        for key, value in new.items():
            out[key] = merged(out.get(key), value)
        return out
    return new


class StateTask(Task):
    """What all tasks on states share."""

    name: Expr[str] = field(default="default", doc="Name of the state.")
    namespace: bool = field(default=False, doc="Share the state with all flows of the namespace.")
    taskrun_value: bool = field(default=True, doc="Within a loop, keep one state for each value.")

    async def key(self, ctx: RunContext) -> str:
        """Where the state is kept."""
        value = ctx.task_run.get("value") if self.taskrun_value else None
        flow = None if self.namespace else ctx.attempt.flow_id
        return state_key(flow, await ctx.render(self.name), None if value is None else str(value))

    async def stored(self, ctx: RunContext, key: str) -> dict[str, Any] | None:
        """The state, or None."""
        found = await ctx.kv.get(key)
        if found is None or found["expired"]:
            return None
        value = found["value"]
        return value if isinstance(value, dict) else {"value": value}

    async def missing(self, ctx: RunContext) -> TaskError:
        """The error of a state that must be there."""
        return TaskError(f"State '{await ctx.render(self.name)}' was not found")


class Set(
    StateTask,
    type="io.kestra.plugin.core.state.Set",
    aliases=(f"{OLD}Set",),
    deprecated="Use io.kestra.plugin.core.kv.Set.",
):
    """Merge a map over the stored state. Two executions at once: the last writer wins."""

    data: Expr[dict[str, Any]] | None = field(default=None, doc="The map.")

    class Output(Declared):
        """What is stored now."""

        count: int = field(doc="Number of members of the state.")
        key: str = field(doc="Where the state is kept.")

    examples = (
        Example(
            "Remember a position",
            """\
id: remember
namespace: company.team
tasks:
  - id: set
    type: io.kestra.plugin.core.state.Set
    data:
      last: "{{ execution.startDate }}"
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Read, merge, write."""
        key = await self.key(ctx)
        data = as_json(await ctx.render_value(self.data) if self.data is not None else {}, "data")
        if not isinstance(data, Mapping):
            raise TaskError("data is not a map")
        state = merged(await self.stored(ctx, key) or {}, data)
        await ctx.kv.set(key, "JSON", state)
        return self.Output(count=len(state), key=key)


class Get(
    StateTask,
    type="io.kestra.plugin.core.state.Get",
    aliases=(f"{OLD}Get",),
    deprecated="Use io.kestra.plugin.core.kv.Get.",
):
    """Read the stored state."""

    error_on_missing: Expr[bool] = field(default=False, doc="Fail when there is no such state.")

    class Output(Declared):
        """The state."""

        count: int = field(doc="Number of members of the state.")
        data: dict[str, Any] = field(doc="The state; empty when there is none.")

    async def run(self, ctx: RunContext) -> Output:
        """Read it."""
        state = await self.stored(ctx, await self.key(ctx))
        if state is None and await ctx.render(self.error_on_missing):
            raise await self.missing(ctx)
        return self.Output(count=len(state or {}), data=state or {})


class Delete(
    StateTask,
    type="io.kestra.plugin.core.state.Delete",
    aliases=(f"{OLD}Delete",),
    deprecated="Use io.kestra.plugin.core.kv.Delete.",
):
    """Delete the stored state."""

    error_on_missing: Expr[bool] = field(default=False, doc="Fail when there is no such state.")

    class Output(Declared):
        """Whether it was there."""

        deleted: bool = field(doc="Whether the state existed.")

    async def run(self, ctx: RunContext) -> Output:
        """Delete it."""
        deleted = await ctx.kv.delete(await self.key(ctx))
        if not deleted and await ctx.render(self.error_on_missing):
            raise await self.missing(ctx)
        return self.Output(deleted=deleted)
