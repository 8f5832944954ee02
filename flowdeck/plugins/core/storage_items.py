"""Rows of stored files: one ION or JSON value a line (spec: core plugins §7)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from flowdeck.expr import ExpressionError, ion, render, render_value, truthy
from flowdeck.expr.texts import text_of
from flowdeck.plugins.core.storage import extension_of, new_name
from flowdeck.sdk import Declared, Example, Expr, RunContext, Task, TaskError, field
from flowdeck.sdk.context import as_json
from flowdeck.sdk.files import collect, put_input_files

Behavior = Literal["FAIL", "INCLUDE", "EXCLUDE"]
LONGEST_ROW = 64 * 1024 * 1024
"""Bytes of one line."""


def row_of(line: bytes, number: int) -> dict[str, Any]:
    """The fields of a line; `TaskError` with the line's number when it holds no map."""
    text = line.decode("utf-8", "replace")
    try:
        # JSON is a part of ION and by far quicker to read; whatever differs is read as ION.
        found = json.loads(text)
    except ValueError:
        try:
            rows = ion.load(text)
        except ExpressionError as error:
            raise TaskError(f"Line {number} is neither ION nor JSON: {error}") from None
        found = rows[0] if len(rows) == 1 else rows
    if not isinstance(found, Mapping):
        raise TaskError(f"Line {number} holds no map of fields")
    return dict(found)


def rows_of(ctx: RunContext, uri: str) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Number from 1, text with its end, and fields of each line that is not blank; a kill ends it."""
    with ctx.storage.open(uri) as file:
        number = 0
        while line := file.readline(LONGEST_ROW):
            number += 1
            if ctx.killed:
                raise TaskError("The task was killed")
            if line.strip():
                yield number, line if line.endswith(b"\n") else line + b"\n", row_of(line, number)


class DeduplicateItems(
    Task,
    type="io.kestra.plugin.core.storage.DeduplicateItems",
    aliases=("io.kestra.core.tasks.storages.DeduplicateItems",),
    process=True,
):
    """Keep the last row of each key, in its place.

    The file is read twice; memory grows with the number of keys, not with the size of the file.
    """

    from_: Expr[str] = field(name="from", doc="URI of a file with one ION or JSON map a line.")
    expr: str = field(doc="Key of a row: rendered for each row with the row's fields as variables.", dynamic=True)

    class Output(Declared):
        """What was kept."""

        uri: str = field(doc="URI of the new file.")
        num_keys: int = field(doc="Number of different keys.")
        processed_items_total: int = field(doc="Rows that were read.")
        dropped_items_total: int = field(doc="Rows that were left out.")

    examples = (
        Example(
            "Keep the newest row of each key",
            """\
id: latest
namespace: company.team
tasks:
  - id: write
    type: io.kestra.plugin.core.storage.Write
    content: |
      {"id": 1, "v": "old"}
      {"id": 1, "v": "new"}
  - id: dedup
    type: io.kestra.plugin.core.storage.DeduplicateItems
    from: "{{ outputs.write.uri }}"
    expr: "{{ id }}"
""",
        ),
    )

    def run(self, ctx: RunContext) -> Output:
        """Find the last row of each key, then copy those rows."""
        uri = ctx.render_sync(self.from_)
        last: dict[str, int] = {}
        total = 0
        for number, _, row in rows_of(ctx, uri):
            total += 1
            last[render(self.expr, row, ctx.environment)] = number
        kept = set(last.values())
        with ctx.storage.open_write(new_name(extension_of(uri, ".ion"))) as out, ctx.storage.open(uri) as file:
            number = 0
            while line := file.readline(LONGEST_ROW):
                number += 1
                if number in kept:
                    out.write(line if line.endswith(b"\n") else line + b"\n")
        return self.Output(
            uri=out.uri, num_keys=len(kept), processed_items_total=total, dropped_items_total=total - len(kept)
        )


class FilterItems(
    Task,
    type="io.kestra.plugin.core.storage.FilterItems",
    aliases=("io.kestra.core.tasks.storages.FilterItems",),
    process=True,
):
    """Copy the rows of a file for which a condition holds, or those for which it does not."""

    from_: Expr[str] = field(name="from", doc="URI of a file with one ION or JSON map a line.")
    filter_condition: str = field(
        doc="Rendered for each row with the row's fields as variables; the result, trimmed, is true or false.",
        dynamic=True,
    )
    filter_type: Expr[Literal["INCLUDE", "EXCLUDE"]] = field(
        default="INCLUDE", doc="Whether rows for which the condition holds are kept or left out."
    )
    error_or_null_behavior: Expr[Behavior] = field(
        default="FAIL", doc="What to do with a row whose condition can't be rendered or gives null."
    )

    class Output(Declared):
        """What was kept."""

        uri: str = field(doc="URI of the new file.")
        processed_items_total: int = field(doc="Rows that were read.")
        dropped_items_total: int = field(doc="Rows that were left out.")

    examples = (
        Example(
            "Keep the large orders",
            """\
id: large
namespace: company.team
tasks:
  - id: write
    type: io.kestra.plugin.core.storage.Write
    content: |
      {"id": 1, "amount": 20}
      {"id": 2, "amount": 900}
  - id: filter
    type: io.kestra.plugin.core.storage.FilterItems
    from: "{{ outputs.write.uri }}"
    filterCondition: "{{ amount > 100 }}"
""",
        ),
    )

    def run(self, ctx: RunContext) -> Output:
        """Judge each row."""
        uri = ctx.render_sync(self.from_)
        include = ctx.render_sync(self.filter_type) == "INCLUDE"
        unclear = ctx.render_sync(self.error_or_null_behavior)
        total = dropped = 0
        with ctx.storage.open_write(new_name(extension_of(uri, ".ion"))) as out:
            for number, line, row in rows_of(ctx, uri):
                total += 1
                if self._keep(ctx, row, number, include, unclear):
                    out.write(line)
                else:
                    dropped += 1
        return self.Output(uri=out.uri, processed_items_total=total, dropped_items_total=dropped)

    def _keep(self, ctx: RunContext, row: dict[str, Any], number: int, include: bool, unclear: str) -> bool:
        try:
            found = render_value(self.filter_condition, row, ctx.environment)
            reason = "gives null"
        except ExpressionError as error:
            found, reason = None, f"can't be rendered: {error}"
        if found is None:
            if unclear == "FAIL":
                raise TaskError(f"filterCondition {reason}, for the row in line {number}")
            return unclear == "INCLUDE"
        return truthy(text_of(found).strip()) is include


class LocalFiles(
    Task,
    type="io.kestra.plugin.core.storage.LocalFiles",
    aliases=("io.kestra.core.tasks.storages.LocalFiles",),
    deprecated="Use inputFiles and outputFiles of io.kestra.plugin.core.flow.WorkingDirectory.",
    process=True,
):
    """Put files into the directory of a WorkingDirectory, or store files of it."""

    inputs: Expr[Any] | None = field(
        default=None, doc="Name to text or URI, or the JSON text of such a map: written into the directory."
    )
    outputs: Expr[list[str]] | None = field(default=None, doc="Globs of files of the directory that are stored.")

    class Output(Declared):
        """What was stored."""

        uris: dict[str, str] = field(doc="URIs by relative path.")

    async def run(self, ctx: RunContext) -> Output:
        """Write, then store."""
        if self.inputs is not None:
            as_json(await ctx.render(self.inputs.raw), "inputs")
            await put_input_files(ctx, self.inputs)
        patterns = await ctx.render(self.outputs) or []
        folder = ctx.working_dir

        def work(ctx: RunContext) -> dict[str, str]:
            return {path: ctx.storage.put(path, folder / path) for path in collect(folder, patterns)}

        return self.Output(uris=await ctx.in_thread(work) if patterns else {})
