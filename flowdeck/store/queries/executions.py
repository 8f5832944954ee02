"""Reads of executions and their task runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowdeck.model.errors import InvalidFormat
from flowdeck.model.states import State
from flowdeck.store.queries.flows import shared
from flowdeck.store.queries.where import COUNTED, Filter, Page, Where, order_by, page_of

SORTS = {
    "id": "e.id",
    "namespace": "e.namespace",
    "flowId": "e.flow_id",
    "state.current": "e.state",
    "state.startDate": "e.created",
    "state.endDate": "e.ended",
    "flowRevision": "e.flow_rev",
    "state.duration": "(coalesce(e.ended, :now) - e.created)",
    "kind": "e.kind",
    "triggerId": "e.trigger_id",
}
_TEXTS = ("e.id", "e.flow_id", "e.namespace", "e.labels")


def states(one: Filter) -> list[int]:
    """The numbers of named states. `IllegalArgument` for unknown names."""
    found = []
    for name in one.texts():
        try:
            found.append(int(State[name.strip().upper()]))
        except KeyError:
            raise InvalidFormat(
                f"state: '{name[:32]}' is unknown; known are {', '.join(s.name for s in State)}"
            ) from None
    return found


def conditions(
    reader: Any, tenant: str, filters: Sequence[Filter], system: str, *, date_filter: str | None = None, now: int = 0
) -> Where:
    """The condition of a search; dates are ms already, `timeRange` is rewritten by the service."""
    where = Where(reader.dialect, tenant=tenant, now=now).add("e.tenant = :tenant")
    dates: list[tuple[str, Filter]] = []
    for one in filters:
        if shared(where, reader, tenant, one, system, table="e", flow="flow_id", texts=_TEXTS):
            continue
        match one.field:
            case "labels":
                where.add(where.labels("execution_label", "execution_seq", "e.seq", one))
            case "state":
                negated = "not " if one.op in ("NOT_EQUALS", "NOT_IN") else ""
                where.add(f"e.state {negated}in {where.binds(states(one))}")
            case "startDate" | "endDate":
                dates.append((one.field, one))
            case "kind":
                named = [t.upper() for t in one.texts()]
                inner = f"coalesce(e.kind, 'NORMAL') in {where.binds(named)}"
                where.add(inner if one.op in ("EQUALS", "IN") else f"not ({inner})")
            case "childFilter":
                child = (one.text().upper() == "CHILD") == (one.op == "EQUALS")
                where.add(f"e.parent_execution is {'not ' if child else ''}null")
            case "triggerExecutionId":
                where.add(where.match("e.parent_execution", one.op, one.texts()))
            case "executionId":
                where.add(where.match("e.id", one.op, one.texts()))
            case "triggerId":
                where.add(where.match("e.trigger_id", one.op, one.texts()))
            case "flowRevision":
                numbers = [int(t) for t in one.texts() if t.isdigit()]
                where.add(f"e.flow_rev {'not ' if one.op in ('NOT_EQUALS', 'NOT_IN') else ''}in {where.binds(numbers)}")
            case _:
                raise AssertionError(one.field)
    if not any(one.field == "kind" for one in filters):
        where.add("e.kind is null or e.kind = 'NORMAL'")
    _dates(where, dates, date_filter)
    return where


def _dates(where: Where, dates: list[tuple[str, Filter]], choice: str | None) -> None:
    if not dates:
        return
    if choice is None:
        for field, one in dates:
            where.add(where.compare("e.created" if field == "startDate" else "e.ended", one.op, one.value))
        return
    if choice not in ("START_DATE", "END_DATE", "START_OR_END_DATE"):
        raise InvalidFormat("dateFilter: START_DATE, END_DATE and START_OR_END_DATE are known")
    columns = {"START_DATE": ("e.created",), "END_DATE": ("e.ended",)}.get(choice, ("e.created", "e.ended"))
    where.add(
        " or ".join(
            "(" + " and ".join(where.compare(column, one.op, one.value) for _, one in dates) + ")" for column in columns
        )
    )


def search(
    reader: Any,
    tenant: str,
    filters: Sequence[Filter],
    page: Page,
    system: str,
    *,
    date_filter: str | None = None,
    now: int = 0,
) -> tuple[list[Any], int]:
    """One page, newest first by default; the total stops counting at `COUNTED`."""
    where = conditions(reader, tenant, filters, system, date_filter=date_filter, now=now)
    order = order_by(page.sorts, SORTS, "e.created desc, e.seq desc", "e.created desc, e.seq desc")
    rows = page_of(reader, "e.*", "from execution e", where, order, page)
    if page.number == 1 and len(rows) < page.size:
        return rows, len(rows)
    total = reader.value(
        f"select count(*) from (select 1 from execution e where {where.sql} limit {COUNTED}) c", where.params
    )
    return rows, total


def matching(
    reader: Any, tenant: str, filters: Sequence[Filter], system: str, *, limit: int, now: int = 0
) -> list[Any]:
    """(seq, id, state, …) of all matches up to a limit, oldest first."""
    where = conditions(reader, tenant, filters, system, now=now)
    return reader.all(
        f"select e.* from execution e where {where.sql} order by e.created, e.seq limit {int(limit)}", where.params
    )


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
