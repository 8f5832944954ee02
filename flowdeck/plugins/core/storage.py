"""Files in internal storage (spec: core plugins §7)."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import regex

from flowdeck.expr.regexes import compiled
from flowdeck.sdk import Declared, Example, Expr, RunContext, Task, TaskError, field
from flowdeck.sdk.context import as_json
from flowdeck.storage.paths import execution_folder, path_of

CHUNK = 1 << 20
MATCH_SECONDS = 1.0
"""What matching one line may take."""
MOST_FILES = 500
"""Files that are written side by side."""


def new_name(extension: str | None) -> str:
    """A random file name with an extension, with or without its dot."""
    if extension and not extension.startswith("."):
        extension = f".{extension}"
    return secrets.token_hex(10) + (extension or "")


def extension_of(uri: str, default: str = ".tmp") -> str:
    """Extension of a URI's last part."""
    return os.path.splitext(uri.rpartition("/")[2])[1] or default


def backwards(file: BinaryIO, separator: bytes, block: int = CHUNK) -> Iterator[bytes]:
    """The lines of a file from the last to the first, without their separator; holds a line and a block."""
    at = file.seek(0, os.SEEK_END)
    if not at:
        return
    if any(separator[:size] == separator[-size:] for size in range(1, len(separator))):
        block = at  # where `----` is cut by `--` depends on which end one begins at: only the whole text tells
    held = b""
    first = True
    while at > 0:
        size = min(block, at)
        at -= size
        file.seek(at)
        pieces = (file.read(size) + held).split(separator)
        # The first piece may begin before this block.
        held = pieces[0]
        for piece in reversed(pieces[1:]):
            if piece or not first:  # a separator at the very end ends the last line, it begins none
                yield piece
            first = False
    if held or not first:
        yield held


class Stored(Declared):
    """A stored file."""

    uri: str = field(doc="URI of the file in internal storage.")


class Write(
    Task, type="io.kestra.plugin.core.storage.Write", aliases=("io.kestra.core.tasks.storages.Write",), process=True
):
    """Write a text to a new file."""

    content: Expr[str] = field(doc="The text, stored as UTF-8.")
    extension: Expr[str] | None = field(default=None, doc="Extension of the file's name.")

    Output = Stored

    examples = (
        Example(
            "Store a text",
            """\
id: store
namespace: company.team
tasks:
  - id: write
    type: io.kestra.plugin.core.storage.Write
    content: "made by {{ execution.id }}"
    extension: .txt
""",
        ),
    )

    def run(self, ctx: RunContext) -> Stored:
        """Write it."""
        name = new_name(ctx.render_sync(self.extension))
        return Stored(uri=ctx.storage.put(name, ctx.render_sync(self.content).encode()))


class Size(
    Task, type="io.kestra.plugin.core.storage.Size", aliases=("io.kestra.core.tasks.storages.Size",), process=True
):
    """Length of a file."""

    uri: Expr[str] = field(doc="URI of the file.")

    class Output(Declared):
        """The length."""

        size: int = field(doc="Length in bytes.")

    def run(self, ctx: RunContext) -> Output:
        """Look it up."""
        uri = ctx.render_sync(self.uri)
        try:
            return self.Output(size=ctx.storage.size(uri))
        except (FileNotFoundError, ValueError) as error:
            raise TaskError(str(error)) from None


class Delete(
    Task, type="io.kestra.plugin.core.storage.Delete", aliases=("io.kestra.core.tasks.storages.Delete",), process=True
):
    """Delete a file."""

    uri: Expr[str] = field(doc="URI of the file.")
    error_on_missing: Expr[bool] = field(default=False, doc="Fail when there is no such file.")

    class Output(Declared):
        """What happened."""

        uri: str = field(doc="The URI.")
        deleted: bool = field(doc="Whether the file existed.")

    def run(self, ctx: RunContext) -> Output:
        """Delete it."""
        uri = ctx.render_sync(self.uri)
        try:
            deleted = ctx.storage.backend.delete(uri)
        except ValueError as error:
            raise TaskError(str(error)) from None
        if not deleted and ctx.render_sync(self.error_on_missing):
            raise TaskError(f"Unable to find file '{uri}'")
        return self.Output(uri=uri, deleted=deleted)


class Concat(
    Task, type="io.kestra.plugin.core.storage.Concat", aliases=("io.kestra.core.tasks.storages.Concat",), process=True
):
    """Join files."""

    files: Expr[Any] = field(doc="URIs of the files: a list, or the JSON text of one.")
    separator: Expr[str] | None = field(default=None, doc="Written after every file, the last one too.")
    extension: Expr[str] = field(default=".tmp", doc="Extension of the new file's name.")

    Output = Stored

    def run(self, ctx: RunContext) -> Stored:
        """Copy one after the other."""
        files = as_json(ctx.render_sync(self.files.raw), "files")
        if not isinstance(files, list):
            raise TaskError("files is not a list")
        separator = (ctx.render_sync(self.separator) or "").encode()
        with ctx.storage.open_write(new_name(ctx.render_sync(self.extension))) as out:
            for uri in files:
                with ctx.storage.open(str(uri)) as source:
                    while chunk := source.read(CHUNK):
                        out.write(chunk)
                out.write(separator)
        return Stored(uri=out.uri)


class Reverse(
    Task, type="io.kestra.plugin.core.storage.Reverse", aliases=("io.kestra.core.tasks.storages.Reverse",), process=True
):
    """Turn the order of a file's lines round."""

    from_: Expr[str] = field(name="from", doc="URI of the file.")
    separator: Expr[str] = field(default="\n", doc="What separates the lines.")
    charset: Expr[str] = field(default="UTF-8", doc="Encoding of the file.")

    Output = Stored

    def run(self, ctx: RunContext) -> Stored:
        """Write the last line first."""
        uri = ctx.render_sync(self.from_)
        separator = ctx.render_sync(self.separator).encode(ctx.render_sync(self.charset))
        copy = ctx.working_dir / new_name(".forward")
        ctx.storage.copy_to(uri, copy)
        try:
            with copy.open("rb") as file, ctx.storage.open_write(new_name(extension_of(uri))) as out:
                for line in backwards(file, separator):
                    if ctx.killed:
                        raise TaskError("The task was killed")
                    out.write(line + separator)
            return Stored(uri=out.uri)
        finally:
            copy.unlink(missing_ok=True)


class Split(
    Task, type="io.kestra.plugin.core.storage.Split", aliases=("io.kestra.core.tasks.storages.Split",), process=True
):
    """Split a file by lines into several files; a line is never cut."""

    from_: Expr[str] = field(name="from", doc="URI of the file.")
    bytes_: Expr[str] | None = field(default=None, doc="A new file starts when one holds this many bytes (`10MB`).")
    partitions: Expr[int] | None = field(default=None, doc="Number of files; lines go round.")
    rows: Expr[int] | None = field(default=None, doc="Lines in a file.")
    separator: Expr[str] = field(default="\n", doc="Written after each line.")
    regex_pattern: Expr[str] | None = field(
        default=None, doc="Lines with the same text in the first group go to one file; lines that don't match to none."
    )

    class Output(Declared):
        """The files."""

        uris: list[str] = field(doc="URIs in order.")

    def run(self, ctx: RunContext) -> Output:
        """Split by `regexPattern`, else `bytes`, else `partitions`, else `rows`."""
        uri, separator = ctx.render_sync(self.from_), ctx.render_sync(self.separator).encode()
        extension = extension_of(uri)
        limit, parts, rows = ctx.render_sync(self.bytes_), ctx.render_sync(self.partitions), ctx.render_sync(self.rows)
        pattern = _grouping(ctx.render_sync(self.regex_pattern))
        with ctx.storage.open(uri) as file:
            lines = self._lines(ctx, file, separator)
            if pattern is not None:
                return self.Output(uris=self._by_group(ctx, lines, pattern, extension))
            if limit is not None:
                most = size_of(limit)
                return self.Output(uris=self._in_turn(ctx, lines, extension, lambda _, size: size >= most))
            if parts:
                return self.Output(uris=self._round(ctx, lines, extension, parts))
            if rows:
                return self.Output(uris=self._in_turn(ctx, lines, extension, lambda count, _: count >= rows))
        raise TaskError("One of bytes, partitions, rows and regexPattern is needed")

    @staticmethod
    def _lines(ctx: RunContext, file: BinaryIO, separator: bytes) -> Iterator[bytes]:
        for line in file:
            if ctx.killed:
                raise TaskError("The task was killed")
            yield line.rstrip(b"\r\n") + separator

    @staticmethod
    def _in_turn(
        ctx: RunContext, lines: Iterator[bytes], extension: str, full: Callable[[int, int], bool]
    ) -> list[str]:
        """One file after the other; `full` judges the lines and bytes that one holds."""
        uris: list[str] = []
        line = next(lines, None)
        while line is not None:
            with ctx.storage.open_write(new_name(extension)) as out:
                count = size = 0
                while line is not None and not (count and full(count, size)):
                    out.write(line)
                    count, size = count + 1, size + len(line)
                    line = next(lines, None)
            uris.append(out.uri)
        return uris

    @staticmethod
    def _by_group(ctx: RunContext, lines: Iterator[bytes], pattern: Any, extension: str) -> list[str]:
        """One file a text of the first group, in order of first sight."""
        with contextlib.ExitStack() as stack:
            outs: dict[str, Any] = {}
            for line in lines:
                try:
                    found = pattern.search(line.decode("utf-8", "replace"), timeout=MATCH_SECONDS)
                except TimeoutError:
                    raise TaskError("regexPattern takes too long for a line") from None
                if found is None or found.group(1) is None:
                    continue
                group = found.group(1)
                if group not in outs:
                    if len(outs) >= MOST_FILES:
                        raise TaskError(f"regexPattern gives more than {MOST_FILES} groups")
                    outs[group] = stack.enter_context(ctx.storage.open_write(new_name(extension)))
                outs[group].write(line)
        return [out.uri for out in outs.values()]

    @staticmethod
    def _round(ctx: RunContext, lines: Iterator[bytes], extension: str, parts: int) -> list[str]:
        """Lines go round; files that got none are not made."""
        if parts > MOST_FILES:
            held = [bytearray() for _ in range(parts)]
            for number, line in enumerate(lines):
                held[number % parts] += line
            return [ctx.storage.put(new_name(extension), bytes(piece)) for piece in held if piece]
        with contextlib.ExitStack() as stack:
            outs: list[Any] = []
            for number, line in enumerate(lines):
                if len(outs) < parts:
                    outs.append(stack.enter_context(ctx.storage.open_write(new_name(extension))))
                outs[number % parts].write(line)
        return [out.uri for out in outs]


class PurgeCurrentExecutionFiles(
    Task,
    type="io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles",
    process=True,
    aliases=("io.kestra.plugin.core.storage.PurgeExecution", "io.kestra.core.tasks.storages.PurgeExecution"),
):
    """Delete all files of this execution."""

    class Output(Declared):
        """What was deleted."""

        uris: list[str] = field(doc="URIs of the deleted files.")

    def run(self, ctx: RunContext) -> Output:
        """Delete the execution's folder."""
        facts = ctx.attempt
        folder = execution_folder(facts.namespace, facts.flow_id, facts.execution)
        return self.Output(uris=ctx.storage.backend.delete_prefix(path_of(folder)))


def _grouping(text: str | None) -> Any:
    """The compiled pattern; `TaskError` for one that is none or has no group."""
    if text is None:
        return None
    try:
        pattern = compiled(text)
    except regex.error as error:
        raise TaskError(f"regexPattern is no regular expression: {error}") from None
    if pattern.groups < 1:
        raise TaskError("regexPattern needs a group in parentheses")
    return pattern


_UNITS = {"": 1, "B": 1, "K": 1024, "KB": 1024, "M": 1024**2, "MB": 1024**2, "G": 1024**3, "GB": 1024**3}


def size_of(text: str) -> int:
    """Bytes of `10MB`; `TaskError` for other texts."""
    digits = text.strip().upper()
    number = digits.rstrip("BKMG ")
    unit = digits[len(number) :].strip()
    if not number.isdigit() or unit not in _UNITS:
        raise TaskError(f"'{text}' is no size such as 512, 10KB or 10MB")
    return int(number) * _UNITS[unit]
