"""Reads of trigger states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowdeck.model.errors import InvalidFormat
from flowdeck.store.queries.flows import shared
from flowdeck.store.queries.where import Filter, Page, Where, order_by, page_of

SORTS = {
    "triggerId": "t.trigger_id",
    "flowId": "t.flow_id",
    "namespace": "t.namespace",
    "nextExecutionDate": "t.next_due",
    "executionId": "t.execution_id",
    "workerId": "t.worker",
    "date": "t.last_date",
    "updatedDate": "t.updated",
    "disabled": "t.disabled",
    "type": "t.type",
}
_TEXTS = ("t.trigger_id", "t.flow_id", "t.namespace")
_KEY = "t.namespace, t.flow_id, t.trigger_id"


def conditions(reader: Any, tenant: str, filters: Sequence[Filter], system: str) -> Where:
    """The condition of a search; dates are ms."""
    where = Where(reader.dialect, tenant=tenant).add("t.tenant = :tenant")
    for one in filters:
        if shared(where, reader, tenant, one, system, table="t", flow="flow_id", texts=_TEXTS):
            continue
        match one.field:
            case "triggerId":
                where.add(where.match("t.trigger_id", one.op, one.texts()))
            case "workerId":
                where.add(where.match("t.worker", one.op, one.texts()))
            case "triggerState":
                wanted = one.text().upper()
                if wanted not in ("ENABLED", "DISABLED"):
                    raise InvalidFormat("triggerState: ENABLED and DISABLED are known")
                disabled = (wanted == "DISABLED") == (one.op == "EQUALS")
                where.add("t.disabled" if disabled else "not t.disabled")
            case "startDate" | "endDate":
                where.add(where.compare("t.next_due", one.op, one.value))
            case _:
                raise AssertionError(one.field)
    return where


def search(reader: Any, tenant: str, filters: Sequence[Filter], page: Page, system: str) -> tuple[list[Any], int]:
    """One page of states."""
    where = conditions(reader, tenant, filters, system)
    order = order_by(page.sorts, SORTS, _KEY, _KEY)
    total = reader.value(f"select count(*) from trigger_state t where {where.sql}", where.params)
    return page_of(reader, "t.*", "from trigger_state t", where, order, page), total


def matching(reader: Any, tenant: str, filters: Sequence[Filter], system: str) -> list[Any]:
    """All matches."""
    where = conditions(reader, tenant, filters, system)
    return reader.all(f"select t.* from trigger_state t where {where.sql} order by {_KEY}", where.params)


def following(
    reader: Any, tenant: str, filters: Sequence[Filter], system: str, after: tuple[str, str, str] | None, *, limit: int
) -> list[Any]:
    """The next matches after a namespace, flow and trigger: a list of any length, piece by piece.

    Args:
        after: where the piece before ended; None for the first one.
    """
    where = conditions(reader, tenant, filters, system)
    if after is not None:
        names = {"after_ns": after[0], "after_flow": after[1], "after_id": after[2]}
        where.add(f"({_KEY}) > (:after_ns, :after_flow, :after_id)", **names)
    return reader.all(
        f"select t.* from trigger_state t where {where.sql} order by {_KEY} limit {int(limit)}", where.params
    )


def get(reader: Any, tenant: str, namespace: str, flow_id: str, trigger_id: str) -> Any:
    """One state."""
    return reader.one(
        "select * from trigger_state where tenant = :tenant and namespace = :ns and flow_id = :flow "
        "and trigger_id = :id",
        tenant=tenant,
        ns=namespace,
        flow=flow_id,
        id=trigger_id,
    )
