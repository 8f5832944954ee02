"""Deleting log lines in bulk, by whole files where possible (engine notes §2.12; core plugins §2, PurgeLogs)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from flowdeck.store.driver import Tx
from flowdeck.store.log_views import list_conditions
from flowdeck.store.logs import LogFile, LogFiles, hold_numbering, recount

SOURCES = 200
"""Attempts, and the like, that one call looks at."""
LINES = 20_000
"""Lines that one transaction deletes: the writer of new lines waits for it."""


def count_lines(files: LogFiles, execution_seqs: Sequence[int]) -> int:
    """Number of lines that executions have."""
    total = 0
    marks = ", ".join("?" * len(execution_seqs))
    for file in files.files() if execution_seqs else ():
        with file.database.reader() as reader:
            total += int(
                reader.value(
                    f"select coalesce(sum(l0 + l1 + l2 + l3 + l4), 0) from log_source where execution_seq in ({marks})",
                    *execution_seqs,
                )
            )
    return total


def purge_lines(
    files: LogFiles,
    tenant: str,
    *,
    until: int,
    since: int | None = None,
    namespace: str | None = None,
    flow_id: str | None = None,
    execution: str | None = None,
    levels: Sequence[int] | None = None,
    cursor: Sequence[Any] | None = None,
) -> tuple[int, list[Any] | None]:
    """Delete the next lines that fit; answers how many, and the cursor of the next call (None: all is done).

    Lines of executions and of triggers alike. A file of one day that fits as a whole goes as a whole.

    Args:
        until, since: instants (ms) of the lines, the second one included.
        namespace: with those below it unless `flow_id` is told.
        levels: numbers of the levels that go; None = all.
        cursor: what the call before answered: name of the file and number of the attempt.
    """
    conditions, _, named = list_conditions(
        tenant,
        namespace,
        flow_id is None,
        flow_id,
        None,
        execution,
        None,
        None,
        0,
        None,
        since,
        until,
        None,
    )
    plain = namespace is None and flow_id is None and execution is None and levels is None and since is None
    existing = sorted(files.files(), key=lambda file: file.name)
    for file in existing:
        if cursor is not None and file.name < cursor[0]:
            continue
        if plain and not files.single and file is not existing[-1]:
            gone = _drop_whole(files, file, tenant, until)
            if gone is not None:
                return gone, [file.name, 1 << 62]
        start = int(cursor[1]) if cursor is not None and cursor[0] == file.name else 0
        with file.database.reader() as reader:
            sources = reader.all(
                f"select * from log_source s where {' and '.join(conditions)} and s.source > :start"
                f" order by s.source limit {SOURCES}",
                {**named, "start": start},
            )
        if sources:
            gone, last = _purge_sources(file, sources, until, since, levels)
            return gone, [file.name, last]
    return 0, None


def _drop_whole(files: LogFiles, file: LogFile, tenant: str, until: int) -> int | None:
    """Unlink the file of a day when all its lines are this tenant's and old enough; how many went, or None."""
    end = f"log-{time.strftime('%Y%m%d', time.gmtime(until / 1000))}"
    if file.name >= end:
        return None
    with file.database.reader() as reader:
        if reader.value("select 1 from log_source where tenant <> ? or last_at >= ? limit 1", tenant, until):
            return None
        total = reader.value("select coalesce(sum(l0 + l1 + l2 + l3 + l4), 0) from log_source")
    files.drop(file)
    return int(total)


def _purge_sources(
    file: LogFile, sources: Sequence[Any], until: int, since: int | None, levels: Sequence[int] | None
) -> tuple[int, int]:
    """Delete what fits of some sources; how many lines went, and the number of the last source that was done."""
    gone, done = 0, sources[0]["source"] - 1
    whole: list[Any] = []
    held = 0
    writer = file.database.writer()
    try:
        for source in sources:
            lines = sum(source[f"l{n}"] for n in range(5))
            if held and held + lines > LINES:
                break
            held += lines
            done = source["source"]
            inside = source["last_at"] < until and (since is None or source["first_at"] >= since)
            if inside and (levels is None or all(n in levels or not source[f"l{n}"] for n in range(5))):
                # All but the last slice of a very long one go in transactions of their own.
                number = source["source"]
                while lines > LINES:
                    with writer.transaction() as tx:
                        cut = tx.value(
                            "select line_no from log_line where source = ? order by line_no limit 1 offset ?",
                            number,
                            LINES,
                        )
                        if cut is None:
                            break
                        gone += tx.sql("delete from log_line where source = ? and line_no < ?", number, cut)
                        lines -= LINES
                whole.append(source)
            else:
                with writer.transaction() as tx:
                    hold_numbering(tx, [source["execution_seq"]])
                    gone += _part(tx, source, until, since, levels)
        if whole:
            with writer.transaction() as tx:
                hold_numbering(tx, [source["execution_seq"] for source in whole])
                gone += forget_sources(tx, whole)
    finally:
        with contextlib.suppress(Exception):
            writer.close()
    return gone, done


def _part(tx: Tx, source: Any, until: int, since: int | None, levels: Sequence[int] | None) -> int:
    chosen = "" if levels is None else f" and level in ({', '.join(str(int(n)) for n in levels) or '-1'})"
    gone = tx.sql(
        f"delete from log_line where source = ? and at < ? and at >= ?{chosen}", source["source"], until, since or 0
    )
    if gone:
        _changed(tx)
        if source["execution_seq"]:
            recount(tx, source["execution_seq"])
        else:
            _recount_source(tx, source["source"])
    return gone


def forget_sources(tx: Tx, sources: Sequence[Any]) -> int:
    """Delete sources with all their lines; executions keep their numbering, their counts are made anew."""
    keys = [source["source"] for source in sources]
    marks = ", ".join("?" * len(keys))
    gone = tx.sql(f"delete from log_line where source in ({marks})", *keys)
    tx.sql(f"delete from log_block where kind = 1 and owner in ({marks})", *keys)
    tx.sql(f"delete from log_source where source in ({marks})", *keys)
    _changed(tx)
    executions = sorted({source["execution_seq"] for source in sources} - {0})
    if executions:
        marks = ", ".join("?" * len(executions))
        left = {
            row[0]
            for row in tx.all(
                f"select distinct execution_seq from log_source where execution_seq in ({marks})", *executions
            )
        }
        for seq in left:
            recount(tx, seq)
        empty = [seq for seq in executions if seq not in left]
        if empty:
            marks = ", ".join("?" * len(empty))
            tx.sql(f"delete from log_block where kind = 0 and owner in ({marks})", *empty)
            tx.sql(
                f"update log_head set l0 = 0, l1 = 0, l2 = 0, l3 = 0, l4 = 0 where execution_seq in ({marks})", *empty
            )
    return gone


def _recount_source(tx: Tx, source: int) -> None:
    """Counts of a trigger's lines, which no execution has; its blocks are made anew by being left out."""
    counts = [0] * 5
    for level, number in tx.all("select level, count(*) from log_line where source = ? group by level", source):
        counts[level] = number
    tx.sql("delete from log_block where kind = 1 and owner = ?", source)
    tx.sql("update log_source set l0 = ?, l1 = ?, l2 = ?, l3 = ?, l4 = ? where source = ?", *counts, source)


def _changed(tx: Tx) -> None:
    tx.sql("update log_meta set value = value + 1 where name = 'generation'")
