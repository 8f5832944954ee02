"""Log lines in PostgreSQL: daily partitions, several writers (engine notes §2.8, §2.9).

Any executor may store any lines. A writer locks the heads of its batch's executions, in order, until it commits: so
numbers of an execution's lines run on without gaps whoever writes, and repeated lines are known. `seq` comes from a
sequence after the lock: within an execution it rises with `no`.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flowdeck.store.driver import Database, Reader, StoreError, StoreUnavailable, Tx, Writer
from flowdeck.store.log_deletion import recount
from flowdeck.store.logs import (
    COUNTS,
    HIGH_INDEX,
    INSERT_LINE,
    LINE_COLUMNS,
    OTHER_TABLES,
    Batch,
    LogFile,
    StoredLine,
    Tallies,
    Tally,
    key_of,
    tally_of_head,
    tally_of_source,
)

log = logging.getLogger("flowdeck.logwriter")

DAY = 86_400_000
LOCK = 7_203_958_117
"""Key of the advisory lock under which tables and partitions are made."""
COPIED = 200
"""Lines from which on a copy is worth that it travels alone."""
AHEAD = 3 * 3_600_000
"""How long before its day a partition is made, in ms."""

_TABLES = (
    *OTHER_TABLES,
    """create table if not exists log_line (
        seq bigint not null, source bigint not null, execution_seq bigint not null, no bigint not null,
        line_no bigint not null, level smallint not null, at bigint not null, thread text, message text not null,
        primary key (seq, at)) partition by range (at)""",
    "create table if not exists log_line_other partition of log_line default",
    "create index if not exists log_line_no on log_line (execution_seq, no)",
    "create index if not exists log_line_source on log_line (source, line_no)",
    HIGH_INDEX,
    "create sequence if not exists log_seq",
    "create sequence if not exists log_source_seq",
)


def partition(at: int) -> str:
    """Name of the partition of an instant (ms)."""
    return f"log_line_{time.strftime('%Y%m%d', time.gmtime(at / 1000))}"


class SharedLog(LogFile):
    """All lines of an instance."""

    def __init__(self, database: Database) -> None:
        super().__init__("log", database)
        self._made: set[str] = set()
        self._created = False

    def create(self, first_seq: int) -> None:
        """Make the tables."""
        if self._created:
            return
        writer = self.database.writer()
        try:
            with writer.transaction() as tx:
                tx.value("select pg_advisory_xact_lock(:key)", key=LOCK)
                for text in _TABLES:
                    tx.sql(text)
                for name, value in (("first_seq", first_seq), ("generation", 0)):
                    tx.sql("insert into log_meta (name, value) values (?, ?) on conflict do nothing", name, value)
        finally:
            writer.close()
        self._created = True

    def make_partitions(self, writer: Writer, now: int) -> None:
        """Make the partitions of today and, in the evening, of tomorrow."""
        for at in (now, now + AHEAD):
            name = partition(at)
            if name in self._made:
                continue
            start = at - at % DAY
            try:
                with writer.transaction() as tx:
                    tx.value("select pg_advisory_xact_lock(:key)", key=LOCK)
                    if tx.value("select 1 where to_regclass(:name) is not null", name=name) is None:
                        tx.sql(
                            f"create table {name} partition of log_line for values from ({start}) to ({start + DAY})"
                        )
            except StoreUnavailable:
                raise
            except StoreError as error:  # lines of that day lie in the default partition already: they stay there
                log.info("no partition for %s: %s", name, str(error).splitlines()[:1])
            self._made.add(name)

    def partitions(self, reader: Reader) -> list[str]:
        """Names of the days' partitions, oldest first."""
        rows = reader.all(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " where i.inhparent = to_regclass('log_line') order by 1"
        )
        return [row[0] for row in rows if row[0].removeprefix("log_line_").isdigit()]

    def drop_before(self, before: int) -> list[str]:
        """Drop the days before the instant `before` (ms) and what is left of their attempts; answers what went."""
        limit = partition(before)
        writer = self.database.writer()
        gone: list[str] = []
        try:
            with writer.transaction() as tx:
                old = [name for name in self.partitions(tx) if name < limit]
            for name in old:
                with writer.transaction() as tx:
                    tx.sql(f"drop table if exists {name}")
                gone.append(name)
                self._made.discard(name)
            start = before - before % DAY
            lines = self._forget(writer, start)
            if old:
                self._recount(writer, start)
        finally:
            writer.close()
        return gone or ([f"{lines} lines"] if lines else [])

    def _forget(self, writer: Writer, start: int) -> int:
        """Delete what belongs to attempts that ended before a day."""
        total = 0
        while True:
            with writer.transaction() as tx:
                rows = tx.all("select source, execution_seq from log_source where last_at < ? limit 500", start)
                if not rows:
                    return total
                lock_heads(tx, {row[1] for row in rows})
                sources = [row[0] for row in rows]
                total += tx.sql("delete from log_line where source = any(:sources)", sources=sources)
                tx.sql("delete from log_block where kind = 1 and owner = any(:sources)", sources=sources)
                tx.sql("delete from log_source where source = any(:sources)", sources=sources)
                left = " and not exists (select 1 from log_source s where s.execution_seq ="
                seqs = [row[1] for row in rows]
                tx.sql(f"delete from log_block b where kind = 0 and owner = any(:seqs){left} b.owner)", seqs=seqs)
                tx.sql(f"delete from log_head h where execution_seq = any(:seqs){left} h.execution_seq)", seqs=seqs)

    def _recount(self, writer: Writer, start: int) -> None:
        """Counts of attempts that wrote before and after a day that was dropped."""
        last = -1
        while True:
            with writer.transaction() as tx:
                seqs = [
                    row[0]
                    for row in tx.all(
                        "select distinct execution_seq from log_source where first_at < ? and execution_seq > ?"
                        " order by 1 limit 50",
                        start,
                        last,
                    )
                ]
                if not seqs:
                    return
                lock_heads(tx, seqs)
                for seq in seqs:
                    if seq:
                        recount(tx, seq)
                last = seqs[-1]
                tx.sql(
                    "update log_source set first_at = :start where execution_seq = any(:seqs) and first_at < :start",
                    start=start,
                    seqs=seqs,
                )


BEGIN_HEADS = (
    f"insert into log_head (execution_seq, last_no, {', '.join(COUNTS)})"
    f" select x, 0, {', '.join('0' for _ in COUNTS)} from unnest(?::bigint[]) x"
    " where not exists (select 1 from log_head h where h.execution_seq = x) order by x on conflict do nothing"
)
LOCK_HEADS = "select * from log_head where execution_seq = any(:seqs) order by execution_seq for update"
NUMBERS = "select nextval('log_seq') from generate_series(1, ?)"
SOURCE_NUMBERS = "select nextval('log_source_seq') from generate_series(1, ?)"


def lock_heads(tx: Tx, execution_seqs: Sequence[int] | set[int]) -> list[Any]:
    """Hold the numbering of executions until the transaction ends; answers their rows of `log_head`."""
    return tx.all(LOCK_HEADS, seqs=sorted(set(execution_seqs)))


def _sources_of(keys: Iterable[tuple[Any, ...]]) -> tuple[str, dict[str, Any]]:
    """The question for the rows of attempts."""
    columns = zip("abcdefgh", zip(*keys, strict=True), strict=True)
    return (
        "select s.* from unnest(:a::bigint[], :b::bigint[], :c::int[], :d::smallint[], :e::text[], :f::text[],"
        " :g::text[], :h::text[]) as k(a, b, c, d, e, f, g, h) join log_source s on s.execution_seq = k.a"
        " and s.task_run_seq = k.b and s.attempt = k.c and s.origin = k.d and s.tenant = k.e and s.namespace = k.f"
        " and s.flow_id = k.g and s.trigger_id = k.h",
        {name: list(column) for name, column in columns},
    )


def _tallies(
    keys: Mapping[tuple[Any, ...], Batch], known: Iterable[Any], numbers: Sequence[int]
) -> dict[tuple[Any, ...], Tally]:
    """Counts of attempts: of their rows where they have one, else new ones under these numbers."""
    found: dict[tuple[Any, ...], Tally] = {}
    for row in known:
        key = (
            row["execution_seq"],
            row["task_run_seq"],
            row["attempt"],
            row["origin"],
            row["tenant"],
            row["namespace"],
            row["flow_id"],
            row["trigger_id"],
        )
        found[key] = tally_of_source(row, keys[key])
    for key, number in zip(keys, numbers, strict=True):
        if key not in found:
            found[key] = tally_of_source(None, keys[key], number)
    return found


class SharedAppender:
    """Writes batches of lines beside other writers; used by one thread at a time."""

    def __init__(self, file: SharedLog) -> None:
        self._file = file
        self._writer: Writer | None = None

    def append(self, batches: Sequence[Batch], now: int) -> list[list[StoredLine]]:
        """Store batches in one transaction; answers the new lines of each (repeated ones are left out).

        Raises:
            StoreUnavailable: nothing was stored; call again later.
        """
        try:
            if self._writer is None:
                self._file.create(1)
                self._writer = self._file.database.writer()
            self._file.make_partitions(self._writer, now)
            with self._writer.transaction(now) as tx:
                return self._write(tx, batches)
        except StoreUnavailable:
            self.close()
            raise
        except StoreError as error:
            self.close()
            raise StoreUnavailable(str(error)) from error

    def _write(self, tx: Tx, batches: Sequence[Batch]) -> list[list[StoredLine]]:
        seqs = sorted({batch.execution_seq for batch in batches})
        keys = {key_of(batch): batch for batch in batches}
        # At once, in this order: locks come before numbers. Some numbers are for lines that are known already.
        tx.send(BEGIN_HEADS, [(seqs,)])
        locked, known, fresh, numbers = tx.together(
            (LOCK_HEADS, {"seqs": seqs}),
            _sources_of(keys),
            (SOURCE_NUMBERS, (len(keys),)),
            (NUMBERS, (sum(len(batch.lines) for batch in batches),)),
        )
        heads = {row["execution_seq"]: tally_of_head(row) for row in locked}
        sources = _tallies(keys, known, [row[0] for row in fresh])
        tallies = Tallies(lambda batch: sources[key_of(batch)], lambda batch: heads[batch.execution_seq])
        stored = tallies.count(batches, 0)
        if not tallies.lines:
            return stored
        numbers = [row[0] for row in numbers]
        lines = [(numbers[line[0]], *line[1:]) for line in tallies.lines]
        if len(lines) < COPIED:
            tx.send(INSERT_LINE, lines)
        else:
            tx.copy("log_line", LINE_COLUMNS, lines)
        tallies.write_counts(tx)
        for lines in stored:
            for line in lines:
                line.seq = numbers[line.seq]
        return stored

    def close(self) -> None:
        """Close the connection."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(StoreError):
                writer.close()
