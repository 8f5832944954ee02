"""Search in the texts of a namespace's files, line by line, and replacement over several of them (UI-NS-07)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import regex

from flowdeck.model.errors import DomainError, IllegalArgument
from flowdeck.services import namespace_files as files
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.source_lines import LINE_SECONDS, LINES_SHOWN, SECONDS, hits, pattern_of

LARGEST = 1_000_000
"""Bytes of a file that is looked into."""
FILES_SHOWN = 200


def _text(backend: Backend, row: Any) -> str | None:
    """A file's text; None for a large one, or one that is no text."""
    if row["directory"] or not row["uri"] or (row["size"] or 0) > LARGEST:
        return None
    with backend.storage.open_read(row["uri"]) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST or b"\x00" in data[:8000]:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


async def search(
    backend: Backend, caller: Caller, namespace: str, text: str, *, as_regex: bool, case: bool
) -> dict[str, Any]:
    """Files whose text has lines that match: `{results: [{path, version, lines, more}], truncated}`."""
    pattern = pattern_of(text, as_regex=as_regex, case=case)
    rows = await files.everything(backend, caller, namespace)

    def work() -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        found: list[dict[str, Any]] = []
        for row in rows:
            if time.monotonic() > end or len(found) >= FILES_SHOWN:
                return {"results": found, "truncated": True}
            source = _text(backend, row)
            lines = list(hits(pattern, source)) if source else []
            if lines:
                more = max(0, len(lines) - LINES_SHOWN)
                found.append(
                    {"path": row["path"], "version": row["version"], "lines": lines[:LINES_SHOWN], "more": more}
                )
        return {"results": found, "truncated": False}

    try:
        return await backend.thread(work)
    except TimeoutError:
        raise IllegalArgument("q: the pattern takes too long") from None


async def replace(
    backend: Backend,
    caller: Caller,
    namespace: str,
    text: str,
    by: str,
    chosen: Mapping[str, Any],
    *,
    as_regex: bool,
    case: bool,
) -> dict[str, Any]:
    """Replace in files, each as a new version; `\\1` stands for a group of a pattern.

    Args:
        chosen: path to the version that was looked at; a file that is newer meanwhile is left as it is.

    Returns:
        `{changed: [{path, count}], refused: [{path, reason}]}`.
    """
    pattern = pattern_of(text, as_regex=as_regex, case=case)
    rows = {row["path"]: row for row in await files.everything(backend, caller, namespace)}
    changed: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []

    def made(source: str) -> tuple[str, int]:
        lines, count = [], 0
        for line in source.splitlines(keepends=True):
            new, n = pattern.subn(by if as_regex else lambda _: by, line, timeout=LINE_SECONDS, concurrent=True)
            lines.append(new)
            count += n
        return "".join(lines), count

    for path, version in list(chosen.items())[:FILES_SHOWN]:
        row = rows.get(files.clean(str(path)))
        source = await backend.thread(lambda row=row: _text(backend, row)) if row is not None else None
        if row is None or source is None:
            refused.append({"path": str(path), "reason": "it is gone, or no text"})
            continue
        if row["version"] != version:
            refused.append({"path": str(path), "reason": "somebody saved it meanwhile"})
            continue
        try:
            new, count = await backend.thread(lambda source=source: made(source))
            if count:
                await files.put_bytes(backend, caller, namespace, row["path"], new.encode())
                changed.append({"path": row["path"], "count": count})
        except TimeoutError:
            refused.append({"path": str(path), "reason": "the pattern takes too long"})
        except (regex.error, IndexError) as error:
            raise IllegalArgument(f"by: {error}") from None
        except DomainError as error:
            refused.append({"path": str(path), "reason": str(error)})
    return {"changed": changed, "refused": refused}
