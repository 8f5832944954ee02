"""Where the rows of charts lie: the SQL of each field of each source (spec: core plugins §12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowdeck.store.queries.durations import SPENT


@dataclass(frozen=True, slots=True)
class Table:
    """Where the rows of a source lie: SQL of each field, and what all rows must meet.

    A `{now}` in an expression is the placeholder of the present (ms).
    """

    tables: str
    columns: Mapping[str, str]
    base: tuple[str, ...]
    labels: str = ""
    counted: str = ""  # what COUNT sums up, where a row stands for several
    milliseconds: str = ""  # and what SUM and AVG of DURATION sum up


TABLES: dict[str, Table] = {
    "Executions": Table(
        "execution e",
        {
            "ID": "e.id",
            "NAMESPACE": "e.namespace",
            "FLOW_ID": "e.flow_id",
            "FLOW_REVISION": "e.flow_rev",
            "STATE": "e.state",
            "DURATION": f"({SPENT} / 1000.0)",
            "START_DATE": "e.created",
            "END_DATE": "e.ended",
            "TRIGGER_EXECUTION_ID": "e.parent_execution",
        },
        ("e.tenant = :tenant", "(e.kind is null or e.kind = 'NORMAL')"),
        "(select x.value from execution_label x where x.execution_seq = e.seq and x.key = {key})",
    ),
    "Metrics": Table(
        "metric m join execution e on e.seq = m.execution_seq left join task_run t on t.seq = m.task_run_seq",
        {
            "NAMESPACE": "e.namespace",
            "FLOW_ID": "e.flow_id",
            "TASK_ID": "m.task_id",
            "EXECUTION_ID": "e.id",
            "TASK_RUN_ID": "t.id",
            "TYPE": "m.kind",
            "NAME": "m.name",
            "VALUE": "m.value",
            "DATE": "m.at",
        },
        # Not by the index of tenants: the window of time chooses the rows.
        ("(e.tenant || '') = :tenant",),
    ),
    "Flows": Table(
        "flow f",
        {"ID": "f.id", "NAMESPACE": "f.namespace", "REVISION": "f.revision"},
        ("f.tenant = :tenant", "not f.deleted"),
    ),
    "Triggers": Table(
        "trigger_state s",
        {
            "ID": "(s.namespace || '_' || s.flow_id || '_' || s.trigger_id)",
            "NAMESPACE": "s.namespace",
            "FLOW_ID": "s.flow_id",
            "TRIGGER_ID": "s.trigger_id",
            "EXECUTION_ID": "s.execution_id",
            "NEXT_EXECUTION_DATE": "s.next_due",
            "WORKER_ID": "s.worker",
        },
        ("s.tenant = :tenant",),
    ),
    "Logs": Table(
        "log_line l join log_source s on s.source = l.source",
        {
            "NAMESPACE": "s.namespace",
            "FLOW_ID": "s.flow_id",
            "EXECUTION_ID": "nullif(s.execution, '')",
            "TASK_ID": "nullif(s.task_id, '')",
            "DATE": "l.at",
            "TASK_RUN_ID": "nullif(s.task_run, '')",
            "ATTEMPT_NUMBER": "(case when s.attempt > 0 then s.attempt - 1 end)",
            "TRIGGER_ID": "nullif(s.trigger_id, '')",
            "LEVEL": "l.level",
            "MESSAGE": "l.message",
        },
        ("s.tenant = :tenant",),
    ),
}


SUMS = Table(
    "(select f.namespace, f.id as flow_id, h.state, h.hour as at, h.count as n, h.duration_ms as ms"
    " from flow f join rollup_hour h on h.flow_key = f.flow_key"
    " where f.tenant = :tenant and h.hour >= :first_hour and h.hour <= :end"
    " union all select o.namespace, o.flow_id, o.state, o.created, 1, 0 from execution o where o.tenant = :tenant"
    " and o.state < 20 and o.created >= :start and o.created <= :end and (o.kind is null or o.kind = 'NORMAL')) e",
    {
        "NAMESPACE": "e.namespace",
        "FLOW_ID": "e.flow_id",
        "STATE": "e.state",
        "START_DATE": "e.at",
        "END_DATE": "e.at",
        "DURATION": "e.ms",
        "ID": "e.n",
    },
    (),
    counted="e.n",
    milliseconds="e.ms",
)
"""Ended executions by the hour of their end, and those that have not ended."""
