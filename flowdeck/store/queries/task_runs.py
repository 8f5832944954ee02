"""Reads of task runs page by page: an execution of 10,000 costs what is on screen (spec: extensions §5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowdeck.store.queries.where import Where, like

ORDERS = {
    "order": "t.ord",
    "started": "coalesce(t.started, t.created)",
    "duration": "coalesce(t.ended, :now) - coalesce(t.started, t.created)",
}


def page(
    reader: Any,
    execution_seq: int,
    parent_seq: int | None,
    *,
    after: int | None,
    limit: int,
    state: int | None = None,
    text: str = "",
    sort: str = "order",
    now: int = 0,
) -> list[Any]:
    """Task runs below a parent (0 = top level, None = any), after the one whose seq is `after`."""
    where = Where(reader.dialect, execution=execution_seq, now=now).add("t.execution_seq = :execution")
    if parent_seq is not None:
        where.add("t.parent_seq = :parent", parent=parent_seq)
    if state is not None:
        where.add("t.state = :state", state=state)
    if text:
        p = where.bind(like(text, reader.dialect))
        where.add(f"lower(t.task_id) like {p} escape '!' or lower(coalesce(t.value, '')) like {p} escape '!'")
    order = ORDERS[sort]
    if after is not None:
        mark = reader.one(
            f"select {order} as place, seq, ord from task_run t where t.seq = :after", after=after, now=now
        )
        if mark is not None:
            where.params["place"], where.params["mark"] = mark[0], mark[2]
            where.add(
                f"{order} > :place or ({order} = :place and t.ord > :mark)"
                if sort != "duration"
                else f"{order} < :place or ({order} = :place and t.ord > :mark)"
            )
    direction = "desc" if sort == "duration" else "asc"
    return reader.all(
        f"select t.* from task_run t where {where.sql} order by {order} {direction}, t.ord limit {int(limit)}",
        where.params,
    )


def total(reader: Any, execution_seq: int, parent_seq: int | None, state: int | None = None, text: str = "") -> int:
    """How many `page` could give in all."""
    where = Where(reader.dialect, execution=execution_seq).add("t.execution_seq = :execution")
    if parent_seq is not None:
        where.add("t.parent_seq = :parent", parent=parent_seq)
    if state is not None:
        where.add("t.state = :state", state=state)
    if text:
        p = where.bind(like(text, reader.dialect))
        where.add(f"lower(t.task_id) like {p} escape '!' or lower(coalesce(t.value, '')) like {p} escape '!'")
    return reader.value(f"select count(*) from task_run t where {where.sql}", where.params)


def counts(reader: Any, execution_seq: int, parents: Sequence[int]) -> dict[int, dict[int, int]]:
    """Parent seq → state → number of children."""
    found: dict[int, dict[int, int]] = {}
    for start in range(0, len(parents), 400):
        where = Where(reader.dialect, execution=execution_seq)
        chunk = where.binds(list(parents[start : start + 400]))
        for row in reader.all(
            "select parent_seq, state, count(*) from task_run "
            f"where execution_seq = :execution and parent_seq in {chunk} "
            "group by parent_seq, state",
            where.params,
        ):
            found.setdefault(row[0], {})[row[1]] = row[2]
    return found


def states(reader: Any, execution_seq: int) -> dict[int, int]:
    """State → number of task runs of an execution."""
    return {
        r[0]: r[1]
        for r in reader.all(
            "select state, count(*) from task_run where execution_seq = :seq group by state", seq=execution_seq
        )
    }


def by_task(reader: Any, execution_seq: int, loop: int | None = None, iteration: int = 0) -> list[Any]:
    """Task runs of an execution counted by task and state, or those of one iteration of a loop's task run.

    Rows: task_id, state, n, started, ended, going (without an end), attempts, newest (seq), rounds (of a loop).
    """
    within, more = "", ""
    params: dict[str, Any] = {"execution": execution_seq}
    if loop is not None:
        params |= {"loop": loop, "iteration": iteration}
        within = (
            "with recursive inside(seq) as ("
            "select seq from task_run where execution_seq = :execution and parent_seq = :loop "
            "and iteration = :iteration union all "
            "select c.seq from task_run c join inside on c.parent_seq = inside.seq "
            "where c.execution_seq = :execution) "
        )
        more = " and t.seq in (select seq from inside)"
    return reader.all(
        f"{within}select t.task_id, t.state, count(*) as n, min(t.started) as started, max(t.ended) as ended, "
        "sum(case when t.started is not null and t.ended is null then 1 else 0 end) as going, "
        "max(t.attempts) as attempts, max(t.seq) as newest "
        f"from task_run t where t.execution_seq = :execution{more} group by t.task_id, t.state",
        params,
    )


def rounds(reader: Any, execution_seq: int) -> list[Any]:
    """Loops of an execution: seq of the task run, and how many iterations began below it."""
    return reader.all(
        "select parent_seq as seq, max(iteration) + 1 as rounds from task_run "
        "where execution_seq = :execution and parent_seq > 0 and iteration >= 0 group by parent_seq",
        execution=execution_seq,
    )


def of_seqs(reader: Any, seqs: Sequence[int]) -> dict[int, Any]:
    """Task runs by seq."""
    found: dict[int, Any] = {}
    for start in range(0, len(seqs), 400):
        where = Where(reader.dialect)
        chunk = where.binds(list(seqs[start : start + 400]))
        for row in reader.all(f"select * from task_run where seq in {chunk}", where.params):
            found[row["seq"]] = row
    return found


def leaves(reader: Any, execution_seq: int) -> dict[int, int]:
    """State → number of task runs of an execution that have none below them."""
    return {
        r[0]: r[1]
        for r in reader.all(
            "select t.state, count(*) from task_run t where t.execution_seq = :seq and not exists "
            "(select 1 from task_run c where c.execution_seq = :seq and c.parent_seq = t.seq) group by t.state",
            seq=execution_seq,
        )
    }


def all_of(reader: Any, execution_seq: int) -> list[Any]:
    """All task runs in order."""
    return reader.all("select * from task_run where execution_seq = :seq order by ord", seq=execution_seq)


def ids(reader: Any, execution_seq: int, seqs: Sequence[int]) -> dict[int, str]:
    """Public ids of task runs by seq."""
    found: dict[int, str] = {}
    wanted = sorted({s for s in seqs if s})
    for start in range(0, len(wanted), 500):
        where = Where(reader.dialect)
        chunk = where.binds(wanted[start : start + 500])
        for row in reader.all(f"select seq, id from task_run where seq in {chunk}", where.params):
            found[row[0]] = row[1]
    return found


def position(reader: Any, row: Any) -> int:
    """How many siblings stand before a task run."""
    return reader.value(
        "select count(*) from task_run where execution_seq = :e and parent_seq = :p and ord < :o",
        e=row["execution_seq"],
        p=row["parent_seq"],
        o=row["ord"],
    )


def last_event(reader: Any, execution_seq: int) -> int:
    """Seq of the execution's newest event."""
    return reader.value("select max(seq) from event where execution_seq = :seq", seq=execution_seq) or 0
