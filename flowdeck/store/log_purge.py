"""Deleting log lines in bulk, by whole files where possible (engine notes §2.12; core plugins §2, PurgeLogs)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from flowdeck.store.driver import StoreError, Tx, Writer
from flowdeck.store.log_deletion import hold_numbering, recount
from flowdeck.store.log_lists import source_conditions
from flowdeck.store.logs import LogFile, LogFiles

DAY = 86_400_000
SOURCES = 200
"""Attempts, and the like, that one call looks at."""
MOST = 500
"""Attempts that one transaction deletes."""
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
    conditions, named = source_conditions(
        tenant,
        namespace=namespace,
        prefix=flow_id is None,
        flow_id=flow_id,
        execution=execution,
        since=since,
        until=until,
    )
    plain = namespace is None and flow_id is None and execution is None and levels is None and since is None
    existing = sorted(files.files(), key=lambda file: file.name)
    if plain and files.single and cursor is None and existing:
        gone = _drop_partitions(files, existing[0], tenant, until)
        if gone:
            return gone, [existing[0].name, 0]
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


def _drop_partitions(files: LogFiles, file: LogFile, tenant: str, until: int) -> int:
    """Drop the days before `until` in PostgreSQL when all lines are this tenant's; how many lines went."""
    start = until - until % DAY
    with file.database.reader() as reader:
        if reader.value("select 1 from log_source where tenant <> ? limit 1", tenant):
            return 0
        total = int(reader.value("select count(*) from log_line where at < ?", start))
    if total:
        files.drop_before(start)
    return total


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
                    gone += _slice(writer, number)
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
        with contextlib.suppress(StoreError):
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
    gone = _drop_sources(tx, [source["source"] for source in sources])
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


def forget_executions(files: LogFiles, execution_seqs: Sequence[int]) -> int:
    """Delete all lines of executions that are gone themselves, with their numbering; answers how many lines.

    A file costs a fixed number of statements for each `LINES` lines, however many executions there are.
    """
    if not execution_seqs:
        return 0
    total = 0
    marks = ", ".join("?" * len(execution_seqs))
    for file in files.files():
        # Most days know none of the executions: they are only read.
        with file.database.reader() as reader:
            sources = reader.all(f"select * from log_source where execution_seq in ({marks})", *execution_seqs)
            if (
                not sources
                and reader.value(f"select 1 from log_head where execution_seq in ({marks}) limit 1", *execution_seqs)
                is None
            ):
                continue
        writer = file.database.writer()
        try:
            for number, lines in [(s["source"], sum(_counts_of(s))) for s in sources]:
                while lines > LINES:
                    total += _slice(writer, number)
                    lines -= LINES
            for chunk in _chunks(sources):
                with writer.transaction() as tx:
                    hold_numbering(tx, [source["execution_seq"] for source in chunk])
                    total += _drop_sources(tx, [source["source"] for source in chunk])
            with writer.transaction() as tx:
                tx.sql(f"delete from log_block where kind = 0 and owner in ({marks})", *execution_seqs)
                tx.sql(f"delete from log_head where execution_seq in ({marks})", *execution_seqs)
                _changed(tx)
        finally:
            with contextlib.suppress(StoreError):
                writer.close()
    return total


def _counts_of(source: Any) -> list[int]:
    return [source[f"l{n}"] for n in range(5)]


def _chunks(sources: Sequence[Any]) -> Iterator[list[Any]]:
    """Sources in groups of at most `LINES` lines and `MOST` sources."""
    chunk: list[Any] = []
    held = 0
    for source in sources:
        lines = sum(_counts_of(source))
        if chunk and (held + lines > LINES or len(chunk) >= MOST):
            yield chunk
            chunk, held = [], 0
        chunk.append(source)
        held += lines
    if chunk:
        yield chunk


def _slice(writer: Writer, source: int) -> int:
    """Delete the first `LINES` lines of a source; how many went."""
    with writer.transaction() as tx:
        cut = tx.value("select line_no from log_line where source = ? order by line_no limit 1 offset ?", source, LINES)
        return 0 if cut is None else tx.sql("delete from log_line where source = ? and line_no < ?", source, cut)


def _drop_sources(tx: Tx, keys: Sequence[int]) -> int:
    """Delete sources with their lines and blocks; how many lines went."""
    marks = ", ".join("?" * len(keys))
    gone = tx.sql(f"delete from log_line where source in ({marks})", *keys)
    tx.sql(f"delete from log_block where kind = 1 and owner in ({marks})", *keys)
    tx.sql(f"delete from log_source where source in ({marks})", *keys)
    _changed(tx)
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
