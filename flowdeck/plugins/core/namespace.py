"""Files of namespaces (spec: core plugins §6)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from flowdeck.sdk import Declared, Example, Expr, MetricSpec, RunContext, Task, TaskError, field
from flowdeck.sdk.context import as_json
from flowdeck.sdk.files import collect, matches
from flowdeck.storage.paths import path_of, revision_of, revision_place

HERE = "{{ flow.namespace }}"


def older_revisions(ctx: RunContext, uri: str | None) -> list[tuple[int, Any]]:
    """Stored revisions of a namespace file before the one at `uri`, newest first."""
    if not uri or (own := revision_of(path_of(uri))) is None:
        return []
    base, newest = own
    found: list[tuple[int, Any]] = []
    for one in ctx.storage.backend.list(base.rpartition("/")[0], recursive=False):
        told = revision_of(one.path)
        if told is not None and told[0] == base and told[1] < newest:
            found.append((told[1], one))
    return sorted(found, key=lambda pair: -pair[0])


def delete_places(ctx: RunContext, places: list[str]) -> int:
    """Delete stored files; how many there were."""
    return sum(ctx.storage.backend.delete(place) for place in places)


def _patterns(value: Any) -> list[str]:
    found = as_json(value, "files") if isinstance(value, str) and value.strip()[:1] in "[{" else value
    items = found if isinstance(found, list) else [found]
    return [str(item) for item in items]


class UploadFiles(Task, type="io.kestra.plugin.core.namespace.UploadFiles", process=True):
    """Put files into a namespace."""

    namespace: Expr[str] = field(default=HERE, doc="Namespace that gets the files.")
    files: Expr[Any] | None = field(
        default=None, doc="Globs of the working directory, or a map of path to URI, or the JSON text of either."
    )
    files_map: Expr[Any] | None = field(default=None, doc="Path to URI.", deprecated="Use files.")
    destination: Expr[str] = field(default="/", doc="Folder within the namespace.")
    conflict: Expr[Literal["OVERWRITE", "ERROR", "SKIP"]] = field(
        default="OVERWRITE", doc="What to do when the file is there already."
    )

    class Output(Declared):
        """What was put there."""

        files: dict[str, str] = field(doc="URIs by path.")

    examples = (
        Example(
            "Keep a file in the namespace",
            """\
id: upload
namespace: company.team
tasks:
  - id: write
    type: io.kestra.plugin.core.storage.Write
    content: hello
  - id: keep
    type: io.kestra.plugin.core.namespace.UploadFiles
    filesMap:
      greetings/hello.txt: "{{ outputs.write.uri }}"
""",
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Copy each file; `TaskError` at the first clash with `conflict: ERROR`."""
        namespace = await ctx.render(self.namespace)
        folder = "/" + (await ctx.render(self.destination)).strip("/")
        conflict = await ctx.render(self.conflict)
        sources = await self._sources(ctx)
        known = {entry["path"]: entry for entry in await ctx.files.list(namespace)}
        done: dict[str, str] = {}
        for name, source in sources.items():
            path = f"{folder.rstrip('/')}/{name.lstrip('/')}"
            if path in known and conflict == "ERROR":
                raise TaskError(f"The file {path} exists already in the namespace {namespace}")
            if path in known and conflict == "SKIP":
                continue
            done[path] = await _put(ctx, namespace, path, source, known.get(path) or {})
        return self.Output(files=done)

    async def _sources(self, ctx: RunContext) -> dict[str, Path | str]:
        found: dict[str, Path | str] = {}
        named = as_json(await ctx.render(self.files_map.raw), "filesMap") if self.files_map is not None else {}
        raw = await ctx.render(self.files.raw) if self.files is not None else None
        if raw is None and not named:
            raise TaskError("One of files and filesMap is needed")
        if isinstance(raw, str) and raw.strip().startswith("{"):
            raw = as_json(raw, "files")
        if isinstance(raw, dict):
            named = {**named, **raw}
        elif raw is not None:
            for path in collect(ctx.working_dir, _patterns(raw)):
                found[path] = ctx.working_dir / path
        for path, uri in named.items():
            if ctx.storage.backend.exists(str(uri)):
                found[str(path)] = str(uri)
        return found


async def _put(ctx: RunContext, namespace: str, path: str, source: Path | str, before: dict[str, Any]) -> str:
    """Store the content in a place of its own, then name it; `before` is the entry that it follows, or empty."""
    revision = int(before.get("version") or 1) + 1 if before else 1
    place = revision_place(namespace, path, revision, before.get("uri"))

    def copy() -> tuple[str, int]:
        size = 0
        opened = ctx.storage.open(source) if isinstance(source, str) else source.open("rb")
        with opened as file, ctx.storage.backend.open_write(place) as out:
            while chunk := file.read(1 << 20):
                size += out.write(chunk)
        return out.uri, size

    uri, size = await asyncio.to_thread(copy)
    try:
        await ctx.calls.call(
            "files.put",
            {"tenant": ctx.attempt.tenant, "namespace": namespace, "path": path, "size": size, "uri": uri},
        )
    except BaseException:
        ctx.storage.backend.delete(uri)
        raise
    return uri


class DownloadFiles(Task, type="io.kestra.plugin.core.namespace.DownloadFiles"):
    """Take files out of a namespace."""

    namespace: Expr[str] = field(doc="Namespace of the files.")
    files: Expr[str | list[str]] = field(doc="A glob or path, or a list of them.")
    destination: Expr[str] = field(default="", doc="Prefix of the files' names.")

    class Output(Declared):
        """The files."""

        files: dict[str, str] = field(doc="URIs by path.")

    measures = (MetricSpec("downloaded", "Files that were taken."),)

    async def run(self, ctx: RunContext) -> Output:
        """Copy what matches into the task run's storage."""
        namespace = await ctx.render(self.namespace)
        patterns, prefix = _patterns(await ctx.render(self.files.raw)), await ctx.render(self.destination)
        done: dict[str, str] = {}
        for entry in await ctx.files.list(namespace):
            path = entry["path"].lstrip("/")
            if not matches(path, patterns):
                continue
            name = f"{prefix}{path}"

            def copy(uri: str = entry["uri"], name: str = name) -> str:
                with ctx.storage.open(uri) as source, ctx.storage.open_write(name) as out:
                    while chunk := source.read(1 << 20):
                        out.write(chunk)
                return out.uri

            done[entry["path"]] = await asyncio.to_thread(copy)
        ctx.metric("downloaded", len(done))
        return self.Output(files=done)


class DeleteFiles(Task, type="io.kestra.plugin.core.namespace.DeleteFiles"):
    """Delete files of a namespace."""

    namespace: Expr[str] = field(doc="Namespace of the files.")
    files: Expr[str | list[str]] = field(doc="A glob or path, or a list of them.")
    delete_parent_folder: Expr[bool] = field(default=False, doc="Also delete folders that become empty.")

    class Output(Declared):
        """What was deleted."""

        files: list[str] = field(doc="Paths of the deleted files.")

    measures = (MetricSpec("deleted", "Files that were deleted."),)

    async def run(self, ctx: RunContext) -> Output:
        """Delete what matches; no match is no error."""
        namespace = await ctx.render(self.namespace)
        patterns = _patterns(await ctx.render(self.files.raw))
        place = {"tenant": ctx.attempt.tenant, "namespace": namespace}
        listed = {entry["path"]: entry["uri"] for entry in await ctx.files.list(namespace)}
        entries = list(listed)
        gone = [path for path in entries if matches(path.lstrip("/"), patterns)]
        for path in gone:
            older = await asyncio.to_thread(older_revisions, ctx, listed[path])
            await ctx.calls.call("files.delete", {**place, "path": path})
            await asyncio.to_thread(delete_places, ctx, [one.path for _, one in older])
        if await ctx.render(self.delete_parent_folder):
            left = [path for path in entries if path not in gone]
            folders = {path.rpartition("/")[0] for path in gone}
            for folder in sorted(folders - {""}, key=len, reverse=True):
                if not any(path.startswith(f"{folder}/") for path in left):
                    await ctx.calls.call("files.delete", {**place, "path": folder})
        ctx.metric("deleted", len(gone))
        return self.Output(files=gone)
