"""What purges find: executions in keyset order, and counts of executions (engine notes §2.12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model.states import FIRST_TERMINAL, State
from flowdeck.store.queries.where import Where

MOST_TASK_RUNS = 5_000
"""Task runs in one batch: an execution with more stands alone."""


def in_list(where: Where, column: str, values: Sequence[Any]) -> None:
    """Add `column in (…)`."""
    where.add(f"{column} in {where.binds(values)}")


def candidates(
    reader: Any,
    tenant: str,
    *,
    limit: int,
    before: int,
    after: int | None = None,
    ended_before: int | None = None,
    namespace: str | None = None,
    flow_id: str | None = None,
    states: Sequence[str] = (),
    cursor: Sequence[int] | None = None,
) -> tuple[list[Any], list[int] | None]:
    """Ended executions that may be purged, in order of their creation, and the cursor of the next batch.

    Args:
        limit: executions; fewer come when they have many task runs.
        before, after: bounds of the creation (ms), both included.
        ended_before: the end must lie before this (ms).
        namespace: with those below it unless `flow_id` is told.
        cursor: what the batch before answered; None for the first.
    Returns:
        rows (seq, id, namespace, flow_id, task_count); the cursor is None when there are no more.
    """
    where = Where(reader.dialect, tenant=tenant, before=before).add("e.tenant = :tenant").add("e.created <= :before")
    if after is not None:
        where.add("e.created >= :after", after=after)
    if ended_before is not None:
        where.add("e.ended < :ended", ended=ended_before)
    if namespace is not None and flow_id is not None:
        where.add("e.namespace = :ns and e.flow_id = :flow", ns=namespace, flow=flow_id)
    elif namespace is not None:
        where.add(where.match("e.namespace", "PREFIX", [namespace]))
    elif flow_id is not None:
        where.add("e.flow_id = :flow", flow=flow_id)
    numbers = [int(State[name]) for name in states] if states else []
    if numbers:
        in_list(where, "e.state", numbers)
    # Open executions live in the executor's memory: they are never purged, nor those whose afterExecution still runs.
    where.add("e.state >= :terminal and e.open_count = 0", terminal=int(FIRST_TERMINAL))
    if cursor is not None:
        where.add("e.created >= :c0 and (e.created > :c0 or e.seq > :c1)", c0=int(cursor[0]), c1=int(cursor[1]))
    rows = reader.all(
        "select e.seq, e.id, e.namespace, e.flow_id, e.task_count, e.created from execution e"
        f" where {where.sql} order by e.created, e.seq limit {int(limit)}",
        where.params,
    )
    taken: list[Any] = []
    runs = 0
    for row in rows:
        runs += row["task_count"]
        if taken and runs > MOST_TASK_RUNS:
            break
        taken.append(row)
    more = len(taken) < len(rows) or len(rows) == limit
    return taken, [taken[-1]["created"], taken[-1]["seq"]] if taken and more else None


def tenants(reader: Any) -> list[str]:
    """All tenants that have executions, found by jumps through an index."""
    rows = reader.all(
        "with recursive found (name) as (select min(tenant) from execution union all"
        " select (select min(e.tenant) from execution e where e.tenant > found.name) from found"
        " where found.name is not null) select name from found where name is not null"
    )
    return [row[0] for row in rows]


def counts(
    reader: Any,
    tenant: str,
    *,
    flows: Sequence[Mapping[str, str]] = (),
    namespaces: Sequence[str] = (),
    states: Sequence[str] = (),
    start: int | None = None,
    end: int | None = None,
) -> list[dict[str, Any]]:
    """Number of executions of each flow and of each namespace, zeros included; a namespace has no `flowId`.

    Args:
        start, end: bounds of the creation (ms), both included.
    """

    def count(condition: str, **named: Any) -> int:
        where = Where(reader.dialect, tenant=tenant, **named).add("e.tenant = :tenant").add(condition)
        where.add("e.kind is null or e.kind = 'NORMAL'")
        if states:
            in_list(where, "e.state", [int(State[name]) for name in states])
        if start is not None:
            where.add("e.created >= :start", start=start)
        if end is not None:
            where.add("e.created <= :end", end=end)
        return int(reader.value(f"select count(*) from execution e where {where.sql}", where.params))

    found: list[dict[str, Any]] = []
    for one in flows:
        number = count("e.namespace = :ns and e.flow_id = :flow", ns=one["namespace"], flow=one["flowId"])
        found.append({"namespace": one["namespace"], "flowId": one["flowId"], "count": number})
    found += [{"namespace": n, "flowId": None, "count": count("e.namespace = :ns", ns=n)} for n in namespaces]
    return found


def facts(reader: Any, tenant: str, execution_id: str) -> Any:
    """Where an execution belongs and its state; None for an unknown one."""
    return reader.one(
        "select seq, id, namespace, flow_id, state from execution where id = :id and tenant = :tenant",
        id=execution_id,
        tenant=tenant,
    )


def chosen_namespaces(known: Sequence[str], names: Sequence[str], pattern: str | None, children: bool) -> list[str]:
    """The known namespaces that a purge means: those named (with those below), or those that a glob matches."""
    if pattern is not None:
        import fnmatch

        found = [n for n in known if fnmatch.fnmatchcase(n, pattern)]
        if children:
            found += [n for n in known if any(n.startswith(f"{f}.") for f in found)]
    else:
        found = [n for n in known if n in names or (children and any(n.startswith(f"{f}.") for f in names))]
    return sorted(set(found))


def namespaces_of(reader: Any, table: str, tenant: str) -> list[str]:
    """Namespaces that have rows in a table of pairs, files or flows."""
    assert table in ("kv", "namespace_file", "flow")
    return [row[0] for row in reader.all(f"select distinct namespace from {table} where tenant = :t", t=tenant)]
