"""Input, output and namespace files of a task's working directory (spec: workflow components §7.2)."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from flowdeck.model.coerce import to_text
from flowdeck.model.declare import Expr
from flowdeck.model.namespace_files import NamespaceFilesSpec, in_every_folder
from flowdeck.sdk.context import RunContext, as_json
from flowdeck.sdk.errors import TaskError
from flowdeck.sdk.local_files import local_path


@lru_cache(maxsize=1024)
def glob_pattern(pattern: str) -> re.Pattern[str]:
    """An Ant-style glob (`**`, `*`, `?`, `{a,b}`, prefixes `glob:` and `regex:`) as regular expression."""
    if pattern.startswith("regex:"):
        return re.compile(pattern.removeprefix("regex:"))
    pattern = pattern.removeprefix("glob:").lstrip("/")
    pattern = pattern.removeprefix("./")
    if pattern.endswith("/"):
        pattern += "**"
    out, i, braces = "", 0, 0
    while i < len(pattern):
        c = pattern[i]
        if pattern.startswith("**/", i):
            out += "(?:.*/)?"
            i += 3
            continue
        if pattern.startswith("**", i):
            out += ".*"
            i += 2
            continue
        if c == "*":
            out += "[^/]*"
        elif c == "?":
            out += "[^/]"
        elif c == "{":
            out += "(?:"
            braces += 1
        elif c == "}" and braces:
            out += ")"
            braces -= 1
        elif c == "," and braces:
            out += "|"
        else:
            out += re.escape(c)
        i += 1
    return re.compile(out + ")" * braces)


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a relative path matches one of the globs."""
    return any(
        glob_pattern(p).fullmatch(path) or (p.startswith("regex:") and glob_pattern(p).fullmatch(f"/{path}"))
        for p in patterns
    )


def collect(folder: Path, patterns: Sequence[str], leave_out: frozenset[str] = frozenset()) -> list[str]:
    """Relative paths of files below a folder that match, in order; links that leave the folder are passed over."""
    found = []
    base = os.path.realpath(folder)
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            full = os.path.join(root, name)
            relative = os.path.relpath(full, folder)
            if relative in leave_out or not matches(relative, patterns):
                continue
            if os.path.realpath(full).startswith(base + os.sep) and os.path.isfile(full):
                found.append(relative)
    return found


async def put_input_files(ctx: RunContext, raw: Any) -> None:
    """Write `inputFiles` into the working directory: texts, or the content behind a URI; null makes an empty file."""
    if raw is None:
        return
    files = as_json(await ctx.render(raw.raw if isinstance(raw, Expr) else raw), "inputFiles")
    if not isinstance(files, Mapping):
        raise TaskError("inputFiles is neither a map nor the JSON text of one")
    for name, value in files.items():
        target = ctx.file(str(name))
        text = "" if value is None else to_text(value)
        uri = text.strip()
        target.parent.mkdir(parents=True, exist_ok=True)
        if uri.startswith("kestra://") and "\n" not in uri:
            await asyncio.to_thread(ctx.storage.copy_to, uri, target)
        elif uri.startswith("nsfile://") and "\n" not in uri:
            other, _, path = uri.removeprefix("nsfile://").partition("/")
            await _copy_namespace_file(ctx, other or ctx.attempt.namespace, f"/{path}", target)
        elif uri.startswith("file://") and "\n" not in uri:
            try:
                source = local_path(uri, ctx.worker.options.get("allowed-paths", ()))
            except OSError as error:
                raise TaskError(str(error)) from None
            await asyncio.to_thread(shutil.copyfile, source, target)
        else:
            target.write_text(text, encoding="utf-8")


async def _copy_namespace_file(ctx: RunContext, namespace: str, path: str, target: Path) -> None:
    for entry in await ctx.files.list(namespace):
        if entry["path"] == path:
            await asyncio.to_thread(ctx.storage.copy_to, entry["uri"], target)
            return
    raise TaskError(f"The namespace {namespace} has no file {path}")


async def put_namespace_files(ctx: RunContext, spec: NamespaceFilesSpec | None) -> None:
    """Copy namespace files into the working directory."""
    if spec is None or not await ctx.render(spec.enabled):
        return
    include = in_every_folder(await ctx.render(spec.include) or [])
    exclude = in_every_folder(await ctx.render(spec.exclude) or [])
    existing = await ctx.render(spec.if_exists)
    apart = await ctx.render(spec.folder_per_namespace)
    for namespace in await ctx.render(spec.namespaces):
        for entry in await ctx.files.list(namespace):
            path = entry["path"].lstrip("/")
            if (include and not matches(path, include)) or matches(path, exclude):
                continue
            target = ctx.file(f"{namespace}/{path}" if apart else path)
            if target.exists():
                if existing == "FAIL":
                    raise TaskError(f"The file {path} exists already")
                if existing == "WARN":
                    ctx.log.warn(f"The file {path} exists already and is kept")
                if existing in ("WARN", "IGNORE"):
                    continue
            await asyncio.to_thread(ctx.storage.copy_to, entry["uri"], target)


async def take_output_files(
    ctx: RunContext, patterns: Sequence[str], leave_out: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Upload the files that match: relative path → URI."""
    if not patterns:
        return {}
    folder = ctx.working_dir

    def work() -> dict[str, str]:
        return {path: ctx.storage.put(path, folder / path) for path in collect(folder, patterns, leave_out)}

    return await asyncio.to_thread(work)
