"""Deleting log lines: of executions, of views of them, of triggers; the counts beside the lines follow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowdeck.store.driver import Tx, Writer
from flowdeck.store.logs import BLOCK, BY_EXECUTION, BY_SOURCE, INSERT_BLOCK, LogFiles


def delete_lines(
    files: LogFiles,
    execution_seqs: Iterable[int],
    *,
    min_level: int | None = None,
    task_run_seq: int | None = None,
    attempt: int | None = None,
    forget: bool = True,
) -> int:
    """Delete lines of executions, all of them or those of a view; answers how many.

    May be called in any process: the appender notices and reads its counts again. `forget` false keeps the numbering
    of an execution that may go on.
    """
    total = 0
    seqs = list(execution_seqs)
    marks = ", ".join("?" * len(seqs))
    for file in files.files() if seqs else ():
        # Most days know none of the executions: they are only read.
        with file.database.reader() as reader:
            known = {
                row[0]
                for row in reader.all(
                    f"select distinct execution_seq from log_source where execution_seq in ({marks})", *seqs
                )
            }
        if not known:
            continue
        writer = file.database.writer()
        try:
            for seq in seqs:
                if seq in known:
                    total += _delete_one(writer, seq, min_level, task_run_seq, attempt, forget)
        finally:
            writer.close()
    return total


def _delete_one(
    writer: Writer, seq: int, min_level: int | None, task_run_seq: int | None, attempt: int | None, forget: bool
) -> int:
    whole = min_level is None and task_run_seq is None and attempt is None
    with writer.transaction() as tx:
        hold_numbering(tx, [seq])
        sources = [
            row["source"]
            for row in tx.all("select * from log_source where execution_seq = ?", seq)
            if task_run_seq in (None, row["task_run_seq"]) and attempt in (None, row["attempt"])
        ]
        if not sources:
            return 0
        gone = sum(
            tx.sql("delete from log_line where source = ? and level >= ?", source, min_level or 0) for source in sources
        )
        tx.sql("update log_meta set value = value + 1 where name = 'generation'")
        if whole:
            for source in sources:
                tx.sql("delete from log_block where kind = 1 and owner = ?", source)
            tx.sql("delete from log_block where kind = 0 and owner = ?", seq)
            tx.sql("delete from log_source where execution_seq = ?", seq)
            if forget:
                tx.sql("delete from log_head where execution_seq = ?", seq)
            else:
                tx.sql("update log_head set l0 = 0, l1 = 0, l2 = 0, l3 = 0, l4 = 0 where execution_seq = ?", seq)
        elif gone:
            recount(tx, seq)
    return gone


def hold_numbering(tx: Tx, execution_seqs: Iterable[int]) -> None:
    """Keep other writers from adding lines to executions until the transaction ends; SQLite has one writer anyway."""
    if tx.dialect == "postgresql":
        seqs = sorted(set(execution_seqs))
        tx.all("select 1 from log_head where execution_seq = any(:seqs) order by execution_seq for update", seqs=seqs)


def recount(tx: Tx, execution_seq: int) -> None:
    """Make the counts of an execution anew from its lines."""
    tallies: dict[tuple[int, int], list[int]] = {(BY_EXECUTION, execution_seq): [0] * 5}
    sizes: dict[tuple[int, int], int] = {}
    blocks: list[tuple[Any, ...]] = []
    for row in tx.all("select source from log_source where execution_seq = ?", execution_seq):
        tallies[(BY_SOURCE, row[0])] = [0] * 5
    last = 0
    while True:
        page = tx.all(
            "select no, source, line_no, level from log_line where execution_seq = ? and no > ? order by no limit 5000",
            execution_seq,
            last,
        )
        if not page:
            break
        for no, source, line_no, level in page:
            for key, first in (((BY_EXECUTION, execution_seq), no), ((BY_SOURCE, source), line_no)):
                size = sizes.get(key, 0)
                if size and not size % BLOCK:
                    blocks.append((*key, size // BLOCK, first, *tallies[key]))
                sizes[key] = size + 1
                tallies[key][level] += 1
            last = no
    for kind, owner in tallies:
        tx.sql("delete from log_block where kind = ? and owner = ?", kind, owner)
    tx.many(INSERT_BLOCK, blocks)
    sets = "set l0 = ?, l1 = ?, l2 = ?, l3 = ?, l4 = ?"
    for (kind, owner), counts in tallies.items():
        if kind == BY_SOURCE:
            tx.sql(f"update log_source {sets} where source = ?", *counts, owner)
        else:
            tx.sql(f"update log_head {sets} where execution_seq = ?", *counts, owner)


def delete_trigger_lines(files: LogFiles, tenant: str, namespace: str, flow_id: str, trigger_id: str) -> int:
    """Delete lines that a trigger wrote outside executions; answers how many."""
    total = 0
    for file in files.files():
        writer = file.database.writer()
        try:
            with writer.transaction() as tx:
                for row in tx.all(
                    "select source from log_source where execution_seq = 0 and tenant = ? and namespace = ?"
                    " and flow_id = ? and trigger_id = ?",
                    tenant,
                    namespace,
                    flow_id,
                    trigger_id,
                ):
                    total += tx.sql("delete from log_line where source = ?", row[0])
                    tx.sql("delete from log_block where kind = 1 and owner = ?", row[0])
                    tx.sql("delete from log_source where source = ?", row[0])
                tx.sql("update log_meta set value = value + 1 where name = 'generation'")
        finally:
            writer.close()
    return total
