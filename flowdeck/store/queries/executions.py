"""Reads of executions and their task runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowdeck.store.queries.execution_search import SORTS, conditions, count, following, matching, search
from flowdeck.store.queries.where import Where

__all__ = ["SORTS", "conditions", "count", "following", "matching", "search"]


def get(reader: Any, tenant: str, execution_id: str) -> Any:
    """One execution; None for an unknown one."""
    return reader.one("select * from execution where id = :id and tenant = :tenant", id=execution_id, tenant=tenant)


def by_ids(reader: Any, tenant: str, ids: Sequence[str]) -> dict[str, Any]:
    """Executions by id."""
    found: dict[str, Any] = {}
    for start in range(0, len(ids), 500):
        where = Where(reader.dialect, tenant=tenant)
        chunk = where.binds(list(ids[start : start + 500]))
        for row in reader.all(f"select * from execution where id in {chunk} and tenant = :tenant", where.params):
            found[row["id"]] = row
    return found


def histories(
    reader: Any, seqs: Sequence[int], *, task_runs: bool = True
) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """State histories of executions and their task runs: (execution seq, task run seq or 0) → [(state, ms)]."""
    more = "" if task_runs else "and task_run_seq = 0 "
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for start in range(0, len(seqs), 500):
        where = Where(reader.dialect)
        chunk = where.binds(list(seqs[start : start + 500]))
        for row in reader.all(
            f"select execution_seq, task_run_seq, state, at from event where execution_seq in {chunk} {more}"
            "order by execution_seq, seq",
            where.params,
        ):
            found.setdefault((row[0], row[1]), []).append((row[2], row[3]))
    return found


def task_runs(reader: Any, seqs: Sequence[int]) -> dict[int, list[Any]]:
    """Task runs of executions in order of creation."""
    found: dict[int, list[Any]] = {}
    for start in range(0, len(seqs), 500):
        where = Where(reader.dialect)
        chunk = where.binds(list(seqs[start : start + 500]))
        for row in reader.all(
            f"select * from task_run where execution_seq in {chunk} order by execution_seq, ord", where.params
        ):
            found.setdefault(row["execution_seq"], []).append(row)
    return found


def attempts(reader: Any, execution_seqs: Sequence[int]) -> dict[int, list[Any]]:
    """Attempts by task run seq."""
    found: dict[int, list[Any]] = {}
    for start in range(0, len(execution_seqs), 500):
        where = Where(reader.dialect)
        chunk = where.binds(list(execution_seqs[start : start + 500]))
        for row in reader.all(
            f"select a.* from task_run t join attempt a on a.task_run_seq = t.seq where t.execution_seq in {chunk} "
            "order by a.task_run_seq, a.no",
            where.params,
        ):
            found.setdefault(row["task_run_seq"], []).append(row)
    return found


def latest(reader: Any, tenant: str, namespace: str, flow_id: str) -> Any:
    """The newest execution of a flow."""
    return reader.one(
        "select * from execution where tenant = :tenant and namespace = :ns and flow_id = :id "
        "and (kind is null or kind = 'NORMAL') order by created desc, seq desc limit 1",
        tenant=tenant,
        ns=namespace,
        id=flow_id,
    )


def children(reader: Any, tenant: str, execution_id: str) -> list[Any]:
    """Executions made by subflow tasks of one."""
    return reader.all(
        "select * from execution where parent_execution = :id and tenant = :tenant", id=execution_id, tenant=tenant
    )


def correlated(reader: Any, tenant: str, correlation: str) -> list[Any]:
    """Executions with a correlation id."""
    return reader.all(
        "select e.* from execution_label l join execution e on e.seq = l.execution_seq where l.tenant = :tenant "
        "and l.key = 'system.correlationId' and l.value = :value limit 1000",
        tenant=tenant,
        value=correlation,
    )


def task_run(reader: Any, execution_seq: int, task_run_id: str) -> Any:
    """One task run of an execution by its public id."""
    return reader.one(
        "select * from task_run where id = :id and execution_seq = :seq", id=task_run_id, seq=execution_seq
    )
