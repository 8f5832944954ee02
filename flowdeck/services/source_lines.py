"""Search in the sources of all flows, line by line, and what a replacement would make of them (UI-FL-08)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import regex

from flowdeck.expr import regexes
from flowdeck.model.errors import IllegalArgument
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.store.queries import flows as queries
from flowdeck.store.queries.where import Page

LONGEST = 500
LINE_SECONDS = 0.05
SECONDS = 2.0
"""What a search may take; what was found until then is told with `truncated`."""
LINES_SHOWN = 20
SPANS = 10


def pattern_of(text: str, *, as_regex: bool, case: bool) -> Any:
    """What is looked for. `IllegalArgument` for a pattern that is none, is empty or matches nothing at all."""
    if not text or len(text) > LONGEST:
        raise IllegalArgument(f"q: 1 to {LONGEST} characters are expected")
    try:
        flags = regex.V0 if case else regex.V0 | regex.IGNORECASE
        compiled = regex.compile(text if as_regex else regex.escape(text), flags)
        if as_regex:
            regexes.compiled(text)  # the rules that other patterns of users keep
        if compiled.search("", timeout=LINE_SECONDS):
            raise IllegalArgument("q: the pattern matches an empty text")
    except (regex.error, TimeoutError) as error:
        raise IllegalArgument(f"q: {error}") from None
    return compiled


async def search(
    backend: Backend, caller: Caller, text: str, *, as_regex: bool, case: bool, namespace: str | None, page: Page
) -> dict[str, Any]:
    """Flows whose newest source has lines that match, with the places within the lines.

    Returns:
        `{results: [{namespace, id, revision, disabled, lines: [{no, text, spans}], more}], total, truncated}`.
    """
    pattern = pattern_of(text, as_regex=as_regex, case=case)
    rows = await backend.read(queries.sources_containing, caller.tenant, "" if as_regex else text, namespace)

    def work() -> tuple[list[dict[str, Any]], bool]:
        end = time.monotonic() + SECONDS
        found = []
        for row in rows:
            lines = list(hits(pattern, row["source"]))
            if lines:
                found.append(
                    {
                        "namespace": row["namespace"],
                        "id": row["id"],
                        "revision": row["revision"],
                        "disabled": bool(row["disabled"]),
                        "lines": lines[:LINES_SHOWN],
                        "more": max(0, len(lines) - LINES_SHOWN),
                    }
                )
            if time.monotonic() > end:
                return found, True
        return found, False

    try:
        found, truncated = await backend.thread(work)
    except TimeoutError:
        raise IllegalArgument("q: the pattern takes too long") from None
    chosen = found[page.offset : page.offset + page.size]
    return {"results": chosen, "total": len(found), "truncated": truncated}


def hits(pattern: Any, source: str) -> Iterator[dict[str, Any]]:
    """The lines that match: `{no, text, spans}`. `TimeoutError`."""
    for number, line in enumerate(source.splitlines(), 1):
        spans = []
        for match in pattern.finditer(line, timeout=LINE_SECONDS, concurrent=True):
            if match.end() > match.start():
                spans.append([match.start(), match.end()])
            if len(spans) == SPANS:
                break
        if spans:
            yield {"no": number, "text": line[:1_000], "spans": spans}


async def replaced(
    backend: Backend, caller: Caller, flow: Any, text: str, by: str, *, as_regex: bool, case: bool
) -> dict[str, Any]:
    """`{source, count}`: a flow's source after the replacement; `\\1` stands for a group of a pattern.

    Args:
        flow: row of the flow's newest revision.
    """
    pattern = pattern_of(text, as_regex=as_regex, case=case)

    def work() -> tuple[str, int]:
        count = 0
        out = []
        for line in flow["source"].splitlines(keepends=True):
            made, n = pattern.subn(by if as_regex else lambda _: by, line, timeout=LINE_SECONDS, concurrent=True)
            out.append(made)
            count += n
        return "".join(out), count

    try:
        source, count = await backend.thread(work)
    except TimeoutError:
        raise IllegalArgument("q: the pattern takes too long") from None
    except (regex.error, IndexError) as error:
        raise IllegalArgument(f"by: {error}") from None
    return {"namespace": flow["namespace"], "id": flow["id"], "source": source, "count": count}
