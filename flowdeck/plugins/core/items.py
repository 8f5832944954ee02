"""The parts of a ForEachItem that a worker carries out (spec: workflow components §9.2, core plugins §1.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from flowdeck.expr.ion import dump
from flowdeck.model.flowables.items import MERGE, SPLIT, Batch
from flowdeck.plugins.core.storage import extension_of, size_of
from flowdeck.sdk import Declared, Expr, RunContext, Task, TaskError, field

MOST = 50_000
"""Most batches of one task run."""
AT_ONCE = 50
"""Executions whose outputs are asked for at a time."""


class SplitItems(Task, type=SPLIT, process=True):
    """Put the lines of a file into one file per batch."""

    items: Expr[str] = field(doc="URI of the file.")
    batch: Batch | None = field(default=None, doc="How lines are put together.")

    class Output(Declared):
        """The batches."""

        splits: str = field(doc="URI of a text file with the URI of one batch per line.")

    def run(self, ctx: RunContext) -> Output:
        """Write the batches, then their list."""
        uri = ctx.render_sync(self.items)
        if not uri.startswith("kestra://"):
            raise TaskError(f"Unable to split the items from {uri}, this is not an internal storage URI!")
        batch = self.batch or Batch.build({})
        ending = extension_of(uri)
        uris: list[str] = []
        with ctx.storage.open(uri) as file:
            for number, piece in enumerate(_pieces(ctx, file, batch)):
                if number >= MOST:
                    raise TaskError(f"The items make more than {MOST:,} batches: let a batch hold more lines")
                uris.append(ctx.storage.put(f"batch-{number:05d}{ending}", piece))
        return self.Output(splits=ctx.storage.put("splits.txt", "".join(f"{one}\n" for one in uris).encode()))


def _pieces(ctx: RunContext, file: BinaryIO, batch: Batch) -> Iterator[bytes]:
    """Contents of the batches: by expression, else size, else number, else lines."""
    separator = ctx.render_sync(batch.separator).encode()
    lines = (line.rstrip(b"\r\n") for line in file)
    pattern, limit = ctx.render_sync(batch.regex_pattern), ctx.render_sync(batch.bytes_)
    partitions = ctx.render_sync(batch.partitions)
    if pattern is not None:
        return _by_group(lines, separator, pattern)
    if limit is not None:
        return _by_bytes(lines, separator, size_of(limit))
    if partitions:
        return _by_turns(lines, separator, partitions)
    return _by_rows(lines, separator, max(1, ctx.render_sync(batch.rows)))


def _by_rows(lines: Iterator[bytes], separator: bytes, rows: int) -> Iterator[bytes]:
    held: list[bytes] = []
    for line in lines:
        held += (line, separator)
        if len(held) == 2 * rows:
            yield b"".join(held)
            held = []
    if held:
        yield b"".join(held)


def _by_bytes(lines: Iterator[bytes], separator: bytes, limit: int) -> Iterator[bytes]:
    held = bytearray()
    for line in lines:
        if len(held) >= limit:
            yield bytes(held)
            held = bytearray()
        held += line + separator
    if held:
        yield bytes(held)


def _by_turns(lines: Iterator[bytes], separator: bytes, parts: int) -> Iterator[bytes]:
    held: list[bytearray] = []
    for number, line in enumerate(lines):
        if len(held) < parts:
            held.append(bytearray())
        held[number % parts] += line + separator
    return (bytes(piece) for piece in held)


def _by_group(lines: Iterator[bytes], separator: bytes, pattern: str) -> Iterator[bytes]:
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise TaskError(f"regexPattern '{pattern}' is no regular expression: {error}") from None
    if not wanted.groups:
        raise TaskError(f"regexPattern '{pattern}' has no group")
    held: dict[str, bytearray] = {}
    for line in lines:
        found = wanted.search(line.decode("utf-8", "replace"))
        if found is not None and found.group(1) is not None:
            held.setdefault(found.group(1), bytearray()).extend(line + separator)
    return (bytes(piece) for piece in held.values())


class MergeOutputs(Task, type=MERGE):
    """Put the outputs of all executions into one ION file, in the order of their batches."""

    class Output(Declared):
        """The merged outputs."""

        subflow_outputs: str | None = field(default=None, doc="URI of the file; none when there are no outputs.")

    async def run(self, ctx: RunContext) -> dict[str, Any]:
        """Ask core for the outputs, a few executions at a time; each also gets a file of its own."""
        found = await ctx.calls.call("items.children", {"task_run": ctx.attempt.task_run})
        children: list[int] = found["children"]
        if not children:
            return {}
        folder: str = found["folder"]
        storage = ctx.storage.backend
        with ctx.storage.open_write("outputs.ion") as out:
            for start in range(0, len(children), AT_ONCE):
                several = await ctx.calls.call("items.outputs", {"children": children[start : start + AT_ONCE]})
                for iteration, outputs in several:
                    line = (dump(outputs) + "\n").encode()
                    out.write(line)
                    with storage.open_write(f"{folder}/{iteration}/outputs.ion") as one:
                        one.write(line)
        return {"subflowOutputs": out.uri}
