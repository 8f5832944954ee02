"""Key-value pairs of namespaces (spec: core plugins §5)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any, Literal

from flowdeck.model.coerce import to_boolean, to_date, to_datetime, to_duration, to_text
from flowdeck.model.errors import Conflict
from flowdeck.sdk import Declared, Example, Expr, RunContext, Task, TaskError, field

KEY = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")
KvType = Literal["STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON"]
HERE = "{{ flow.namespace }}"


def check_key(key: str) -> str:
    """The key; `TaskError` for one that breaks the pattern."""
    if not KEY.fullmatch(key):
        raise TaskError(
            f"Key '{key}' must start with a letter or digit and "
            "may contain letters, digits, dots, underscores and hyphens"
        )
    return key


def typed(value: Any, kind: str | None) -> tuple[str, Any]:
    """Type and JSON value of a pair; `TaskError` when a text is not of the wanted type."""
    if kind is None:
        match value:
            case bool():
                return "BOOLEAN", value
            case int() | float():
                return "NUMBER", value
            case dict() | list():
                return "JSON", value
            case _:
                return "STRING", to_text(value)
    try:
        match kind:
            case "STRING":
                return kind, to_text(value)
            case "NUMBER":
                if isinstance(value, int | float) and not isinstance(value, bool):
                    return kind, value
                text = to_text(value).strip()
                return kind, int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
            case "BOOLEAN":
                return kind, to_boolean(value)
            case "DATETIME":
                to_datetime(value)
                return kind, to_text(value)
            case "DATE":
                return kind, to_date(value).isoformat()
            case "DURATION":
                to_duration(value)
                return kind, to_text(value)
            case _:
                return kind, json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise TaskError(f"The value can't be read as {kind}") from None


class Set(Task, type="io.kestra.plugin.core.kv.Set"):
    """Write a key-value pair."""

    key: Expr[str] = field(doc="Name of the pair.")
    value: Expr[Any] = field(doc="The value; a text that is one expression keeps its native type.")
    namespace: Expr[str] = field(default=HERE, doc="Namespace of the pair.")
    kv_type: Expr[KvType] | None = field(default=None, doc="Read the value as this type.")
    ttl: Expr[timedelta] | None = field(default=None, doc="How long the pair lives.")
    overwrite: Expr[bool] = field(default=True, doc="Whether an existing pair may be replaced.")
    kv_description: Expr[str] | None = field(default=None, doc="What the pair is for.")

    examples = (
        Example(
            "Keep a value",
            """\
id: keep
namespace: company.team
tasks:
  - id: set
    type: io.kestra.plugin.core.kv.Set
    key: last_run
    value: "{{ execution.startDate }}"
""",
        ),
    )

    async def run(self, ctx: RunContext) -> None:
        """Write it."""
        key = check_key(await ctx.render(self.key))
        kind, value = typed(await ctx.render_value(self.value), await ctx.render(self.kv_type))
        ttl = await ctx.render(self.ttl)
        try:
            await ctx.kv.set(
                key,
                kind,
                value,
                await ctx.render(self.namespace),
                ttl_ms=round(ttl.total_seconds() * 1000) if ttl else None,
                overwrite=await ctx.render(self.overwrite),
                description=await ctx.render(self.kv_description),
            )
        except Conflict as error:
            raise TaskError(error.message or f"Key '{key}' already exists") from None


class Get(Task, type="io.kestra.plugin.core.kv.Get"):
    """Read a key-value pair of one namespace."""

    key: Expr[str] = field(doc="Name of the pair.")
    namespace: Expr[str] = field(default=HERE, doc="Namespace of the pair; its parents are not searched.")
    error_on_missing: Expr[bool] = field(default=False, doc="Fail when there is no such pair.")

    class Output(Declared):
        """The value."""

        value: Any = field(default=None, doc="The value in its own type; null when absent.")

    examples = (
        Example(
            "Use a value",
            """\
id: use
namespace: company.team
tasks:
  - id: get
    type: io.kestra.plugin.core.kv.Get
    key: last_run
""",
        ),
    )

    async def run(self, ctx: RunContext) -> dict[str, Any]:
        """Read it."""
        key, namespace = await ctx.render(self.key), await ctx.render(self.namespace)
        found = await ctx.kv.get(key, namespace)
        if found is None:
            if await ctx.render(self.error_on_missing):
                raise TaskError(f"No value found for key '{key}' in namespace '{namespace}'")
            return {"value": None}
        if found["expired"]:
            raise TaskError("The requested value has expired")
        return {"value": found["value"]}


class GetKeys(Task, type="io.kestra.plugin.core.kv.GetKeys"):
    """List the keys of a namespace."""

    prefix: Expr[str] | None = field(default=None, doc="Only keys that start with this.")
    namespace: Expr[str] = field(default=HERE, doc="Namespace of the pairs.")

    class Output(Declared):
        """The keys."""

        keys: list[str] = field(doc="Keys that have not expired.")

    async def run(self, ctx: RunContext) -> Output:
        """List them."""
        prefix = await ctx.render(self.prefix)
        return self.Output(keys=await ctx.kv.keys(prefix or "", await ctx.render(self.namespace)))


class Delete(Task, type="io.kestra.plugin.core.kv.Delete"):
    """Delete a key-value pair."""

    key: Expr[str] = field(doc="Name of the pair.")
    namespace: Expr[str] = field(default=HERE, doc="Namespace of the pair.")
    error_on_missing: Expr[bool] = field(default=False, doc="Fail when there is no such pair.")

    class Output(Declared):
        """Whether it was there."""

        deleted: bool = field(doc="Whether the pair existed.")

    async def run(self, ctx: RunContext) -> Output:
        """Delete it."""
        key, namespace = await ctx.render(self.key), await ctx.render(self.namespace)
        deleted = await ctx.kv.delete(key, namespace)
        if not deleted and await ctx.render(self.error_on_missing):
            raise TaskError(f"No value found for key '{key}' in namespace '{namespace}'")
        return self.Output(deleted=deleted)
