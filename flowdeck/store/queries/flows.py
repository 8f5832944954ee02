"""Reads of flows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flowdeck.store.queries.where import Filter, Page, Where, names_matching, numbers_of_states, order_by, page_of

SORTS = {
    "id": "f.id",
    "namespace": "f.namespace",
    "revision": "f.revision",
    "updated": "f.updated",
    "flowId": "f.id",
    "disabled": "f.disabled",
}

_COLUMNS = (
    "f.flow_key, f.tenant, f.namespace, f.id, f.revision, f.disabled, f.deleted, f.labels, f.description, "
    "f.summary, f.updated, r.source, r.document, r.exception"
)
_TEXTS = ("f.id", "f.namespace", "f.labels", "r.source")
_JOIN = "from flow f join flow_revision r on r.flow_key = f.flow_key and r.revision = f.revision"


def distinct_names(reader: Any, tenant: str, column: str) -> list[str]:
    """All namespaces (or flow ids) that flows of a tenant have had."""
    assert column in ("namespace", "id")
    return [row[0] for row in reader.all(f"select distinct {column} from flow where tenant = :tenant", tenant=tenant)]


def names(where: Where, reader: Any, tenant: str, column: str, source: str, one: Filter) -> str:
    """Condition of a namespace or flow id column, REGEX included (by the names that exist)."""
    if one.op == "REGEX":
        found = names_matching(one.text(), distinct_names(reader, tenant, source))
        return f"{column} in {where.binds(found)}"
    if one.op in ("CONTAINS", "STARTS_WITH", "ENDS_WITH", "PREFIX") and len(one.texts()) > 1:
        return "(" + " or ".join(where.match(column, one.op, [t]) for t in one.texts()) + ")"
    return where.match(column, one.op, one.texts())


def shared(
    where: Where, reader: Any, tenant: str, one: Filter, system: str, *, table: str, flow: str, texts: tuple[str, ...]
) -> bool:
    """Add a filter that flows, executions and triggers have in common; False when it is another one.

    Args:
        table, flow: the alias of the table in the statement, and its column of the flow's id.
        texts: the columns that the free text `q` looks into.
    """
    match one.field:
        case "q":
            for text in one.texts():
                where.add(where.free(texts, text, negated=one.op == "NOT_EQUALS"))
        case "namespace":
            where.add(names(where, reader, tenant, f"{table}.namespace", "namespace", one))
        case "flowId":
            where.add(names(where, reader, tenant, f"{table}.{flow}", "id", one))
        case "scope":
            where.add(where.scope(f"{table}.namespace", one, system))
        case _:
            return False
    return True


_NEWEST = (
    "from execution e where e.tenant = f.tenant and e.flow_id = f.id and e.namespace = f.namespace "
    "order by e.created desc limit 1"
)


def _triggered(where: Where, one: Filter) -> str:
    """One of the triggers is of the type, or none of them where the condition says not."""
    rows, member = where.elements("f.summary", "triggers")
    negated = one.op in ("NOT_EQUALS", "NOT_IN")
    op = {"NOT_EQUALS": "EQUALS", "NOT_IN": "IN"}.get(one.op, one.op)
    condition = where.match(member.format("type"), op, one.texts())
    return f"{'not ' if negated else ''}exists (select 1 from {rows} where {condition})"


def conditions(reader: Any, tenant: str, filters: Sequence[Filter], system: str) -> Where:
    """The condition of a search."""
    where = Where(reader.dialect, tenant=tenant).add("f.tenant = :tenant").add("not f.deleted")
    for one in filters:
        if shared(where, reader, tenant, one, system, table="f", flow="id", texts=_TEXTS):
            continue
        match one.field:
            case "labels":
                where.add(where.labels("flow_label", "flow_key", "f.flow_key", one))
            case "enabled":
                on = (one.text().lower() == "true") == (one.op == "EQUALS")
                where.add("not f.disabled" if on else "f.disabled")
            case "triggerType":
                where.add(_triggered(where, one))
            case "lastState":
                found = f"(select e.state {_NEWEST})"
                where.add(where.match(found, "NOT_IN" if one.op.startswith("NOT") else "IN", numbers_of_states(one)))
            case _:
                raise AssertionError(one.field)
    return where


def search(reader: Any, tenant: str, filters: Sequence[Filter], page: Page, system: str) -> tuple[list[Any], int]:
    """One page of newest revisions, and how many there are."""
    where = conditions(reader, tenant, filters, system)
    order = order_by(page.sorts, SORTS, "f.namespace, f.id", "f.namespace, f.id")
    joined = _JOIN if "r." in where.sql else "from flow f"
    total = reader.value(f"select count(*) {joined} where {where.sql}", where.params)
    return page_of(reader, _COLUMNS, _JOIN, where, order, page), total


def matching(reader: Any, tenant: str, filters: Sequence[Filter], system: str) -> list[Any]:
    """All matches, in order of namespace and id."""
    where = conditions(reader, tenant, filters, system)
    return reader.all(f"select {_COLUMNS} {_JOIN} where {where.sql} order by f.namespace, f.id", where.params)


def following(
    reader: Any, tenant: str, filters: Sequence[Filter], system: str, after: tuple[str, str] | None, *, limit: int
) -> list[Any]:
    """The next matches after a namespace and id, without source and document: a list of any length, piece by piece.

    Args:
        after: where the piece before ended; None for the first one.
    """
    where = conditions(reader, tenant, filters, system)
    if after is not None:
        where.add("(f.namespace, f.id) > (:after_ns, :after_id)", after_ns=after[0], after_id=after[1])
    joined = _JOIN if "r." in where.sql else "from flow f"
    return reader.all(
        f"select f.* {joined} where {where.sql} order by f.namespace, f.id limit {int(limit)}", where.params
    )


def head(reader: Any, tenant: str, namespace: str, flow_id: str) -> Any:
    """Newest revision of a flow, deleted or not; None for an unknown one."""
    return reader.one(
        f"select {_COLUMNS} {_JOIN} where f.tenant = :tenant and f.namespace = :ns and f.id = :id",
        tenant=tenant,
        ns=namespace,
        id=flow_id,
    )


def revision(reader: Any, flow_key: int, number: int) -> Any:
    """One revision."""
    return reader.one("select * from flow_revision where flow_key = :key and revision = :rev", key=flow_key, rev=number)


def revisions(reader: Any, flow_key: int) -> list[Any]:
    """All revisions, ascending."""
    return reader.all("select * from flow_revision where flow_key = :key order by revision", key=flow_key)


def in_namespace(reader: Any, tenant: str, namespace: str) -> list[Any]:
    """Live flows of exactly one namespace."""
    return reader.all(
        f"select {_COLUMNS} {_JOIN} where f.tenant = :tenant and f.namespace = :ns and not f.deleted order by f.id",
        tenant=tenant,
        ns=namespace,
    )


def namespaces(reader: Any, tenant: str) -> list[str]:
    """Namespaces that hold a live flow."""
    return [
        r[0]
        for r in reader.all(
            "select distinct namespace from flow where tenant = :tenant and not deleted order by namespace",
            tenant=tenant,
        )
    ]


def sources_containing(reader: Any, tenant: str, text: str, namespace: str | None) -> list[Any]:
    """Newest revisions whose source contains a text, case-insensitively."""
    where = Where(reader.dialect, tenant=tenant).add("f.tenant = :tenant").add("not f.deleted")
    if text:
        where.add(where.free(("r.source",), text))
    if namespace:
        where.add(where.match("f.namespace", "PREFIX", [namespace]))
    return reader.all(f"select {_COLUMNS} {_JOIN} where {where.sql} order by f.namespace, f.id", where.params)


def summaries(reader: Any, tenant: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(namespace, id, summary) of all live flows."""
    return [
        (r["namespace"], r["id"], json.loads(r["summary"] or "{}"))
        for r in reader.all(
            "select namespace, id, summary from flow where tenant = :tenant and not deleted order by namespace, id",
            tenant=tenant,
        )
    ]


def stamp(reader: Any, tenant: str) -> tuple[int, int]:
    """Something that changes with every flow of a tenant: when one was changed last, and the sum of all revisions."""
    row = reader.one("select max(updated) as at, sum(revision) as total from flow where tenant = :t", t=tenant)
    return (row["at"] or 0, int(row["total"] or 0)) if row is not None else (0, 0)


def heads(reader: Any, tenant: str) -> list[Any]:
    """Namespace, id, newest revision and `deleted` of all flows of a tenant."""
    return reader.all("select namespace, id, revision, deleted from flow where tenant = :tenant", tenant=tenant)
