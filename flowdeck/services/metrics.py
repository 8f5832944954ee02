"""Metrics of executions and flows (spec: REST contract §15)."""

from __future__ import annotations

import json
from typing import Any

from flowdeck.model.errors import IllegalArgument, InvalidFormat
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import row_of
from flowdeck.services.flows import head
from flowdeck.services.wire import compact, instant
from flowdeck.store.queries.where import Page, Where, order_by

SORTS = {"name": "m.name", "timestamp": "m.at", "value": "m.value", "taskId": "m.task_id", "type": "m.kind"}
UNITS = (
    ("minute", 60_000, 2 * 3_600_000),
    ("hour", 3_600_000, 3 * 86_400_000),
    ("day", 86_400_000, 90 * 86_400_000),
    ("week", 7 * 86_400_000, 365 * 86_400_000),
    ("month", 30 * 86_400_000, 1 << 62),
)
AGGREGATIONS = ("sum", "avg", "min", "max")


async def of_execution(
    backend: Backend, caller: Caller, execution_id: str, page: Page, task_run_id: str | None, task_id: str | None
) -> tuple[list[dict[str, Any]], int]:
    """One page of an execution's metrics."""
    row = await row_of(backend, caller, execution_id)

    def work(reader: Any) -> tuple[list[Any], int]:
        where = Where(reader.dialect, seq=row["seq"]).add("m.execution_seq = :seq")
        if task_run_id:
            where.add("t.id = :run", run=task_run_id)
        if task_id:
            where.add("m.task_id = :task", task=task_id)
        order = order_by(page.sorts, SORTS, "m.at, m.seq", "m.seq")
        source = "from metric m left join task_run t on t.seq = m.task_run_seq"
        total = reader.value(f"select count(*) {source} where {where.sql}", where.params)
        return reader.all(
            f"select m.*, t.id as run_id {source} where {where.sql} order by {order} "
            f"limit {int(page.size)} offset {int(page.offset)}",
            where.params,
        ), total

    rows, total = await backend.read(work)
    return [
        compact(
            {
                "namespace": row["namespace"],
                "flowId": row["flow_id"],
                "taskId": m["task_id"],
                "executionId": row["id"],
                "taskRunId": m["run_id"],
                "type": m["kind"],
                "name": m["name"],
                "value": float(m["value"]),
                "timestamp": instant(m["at"]),
                "tags": json.loads(m["tags"]) if m["tags"] else None,
            }
        )
        for m in rows
    ], total


async def names(backend: Backend, caller: Caller, namespace: str, flow_id: str, task_id: str | None) -> list[str]:
    """Names of the metrics of a flow, or of one task."""
    row = await head(backend, caller, namespace, flow_id, deleted=True)
    more = " and task_id = :task" if task_id else ""
    return [
        r[0]
        for r in await backend.read(
            lambda r: r.all(
                f"select distinct name from metric where flow_key = :key{more} order by name",
                key=row["flow_key"],
                task=task_id or "",
            )
        )
    ]


async def tasks(backend: Backend, caller: Caller, namespace: str, flow_id: str) -> list[str]:
    """Tasks of a flow that published metrics."""
    row = await head(backend, caller, namespace, flow_id, deleted=True)
    return [
        r[0]
        for r in await backend.read(
            lambda r: r.all(
                "select distinct task_id from metric where flow_key = :key order by task_id", key=row["flow_key"]
            )
        )
    ]


async def aggregate(
    backend: Backend,
    caller: Caller,
    namespace: str,
    flow_id: str,
    task_id: str | None,
    name: str,
    start: int | None,
    end: int | None,
    how: str,
) -> dict[str, Any]:
    """`MetricAggregations` over a window (default: the last 30 days)."""
    if how not in AGGREGATIONS:
        raise InvalidFormat(f"aggregation: {', '.join(AGGREGATIONS)} are known")
    end = backend.now() if end is None else end
    start = end - 30 * 86_400_000 if start is None else start
    if end < start:
        raise IllegalArgument("endDate: must not be before startDate")
    unit, size = next((u, s) for u, s, most in UNITS if end - start <= most)
    row = await head(backend, caller, namespace, flow_id, deleted=True)
    more = " and task_id = :task" if task_id else ""
    rows = await backend.read(
        lambda r: r.all(
            f"select at / {size} as bucket, {how}(value) as value from metric where flow_key = :key and name = :name "
            f"and at >= :start and at <= :end{more} group by at / {size} order by bucket",
            key=row["flow_key"],
            name=name,
            start=start,
            end=end,
            task=task_id or "",
        )
    )
    return {
        "groupBy": unit,
        "aggregations": [{"name": name, "value": float(r["value"]), "date": instant(r["bucket"] * size)} for r in rows],
    }
