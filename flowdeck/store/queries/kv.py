"""Reads of KV pairs and secrets' names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowdeck.store.queries.flows import names
from flowdeck.store.queries.where import Filter, Page, Where, names_matching, order_by, page_of

SORTS = {
    "key": "k.key",
    "namespace": "k.namespace",
    "updated": "k.updated",
    "updateDate": "k.updated",
    "creationDate": "k.created",
    "expirationDate": "k.expires",
    "version": "k.version",
}
TYPES = ("STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON")
TYPES = ("STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON")
SECRET_SORTS = {"key": "s.key", "namespace": "s.namespace"}


def conditions(reader: Any, tenant: str, filters: Sequence[Filter], now: int) -> Where:
    """The condition of a search; dates are ms."""
    where = Where(reader.dialect, tenant=tenant, now=now).add("k.tenant = :tenant")
    if not any(f.field == "expirationDate" for f in filters):
        where.add("k.expires is null or k.expires > :now")
    for one in filters:
        match one.field:
            case "q":
                where.add(where.free(("k.key", "k.description"), one.text(), negated=one.op == "NOT_EQUALS"))
            case "namespace":
                where.add(names(where, reader, tenant, "k.namespace", "namespace", one))
            case "type":
                wanted = [text.upper() for text in one.texts()]
                if one.op == "REGEX":
                    where.add(f"k.type in {where.binds(names_matching(one.text(), TYPES))}")
                else:
                    where.add(where.match("k.type", one.op, wanted))
            case "created":
                where.add(where.compare("k.created", one.op, one.value))
            case "updated":
                where.add(where.compare("k.updated", one.op, one.value))
            case "expirationDate":
                where.add(where.compare("k.expires", one.op, one.value))
            case _:
                raise AssertionError(one.field)
    return where


def search(reader: Any, tenant: str, filters: Sequence[Filter], page: Page, now: int) -> tuple[list[Any], int]:
    """Live pairs without values."""
    where = conditions(reader, tenant, filters, now)
    order = order_by(page.sorts, SORTS, "k.namespace, k.key", "k.namespace, k.key")
    total = reader.value(f"select count(*) from kv k where {where.sql}", where.params)
    what = (
        "k.namespace, k.key, k.type, substr(k.value, 1, 200) as value, k.version, k.description, k.created, "
        "k.updated, k.expires"
    )
    return page_of(reader, what, "from kv k", where, order, page), total


def following(
    reader: Any, tenant: str, filters: Sequence[Filter], after: tuple[str, str] | None, *, limit: int, now: int
) -> list[Any]:
    """Namespace and key of the next live pairs after one: a list of any length, piece by piece.

    Args:
        after: where the piece before ended; None for the first one.
    """
    where = conditions(reader, tenant, filters, now)
    if after is not None:
        where.add("(k.namespace, k.key) > (:after_ns, :after_key)", after_ns=after[0], after_key=after[1])
    return reader.all(
        f"select k.namespace, k.key from kv k where {where.sql} order by k.namespace, k.key limit {int(limit)}",
        where.params,
    )


def of_namespaces(reader: Any, tenant: str, namespaces: Sequence[str], now: int) -> list[Any]:
    """Live pairs of some namespaces."""
    where = Where(reader.dialect, tenant=tenant, now=now).add("k.tenant = :tenant")
    where.add(f"k.namespace in {where.binds(list(namespaces))}").add("k.expires is null or k.expires > :now")
    return reader.all(f"select k.* from kv k where {where.sql} order by k.namespace, k.key", where.params)


def get(reader: Any, tenant: str, namespace: str, key: str) -> Any:
    """One pair, expired or not."""
    return reader.one(
        "select * from kv where tenant = :tenant and namespace = :ns and key = :key",
        tenant=tenant,
        ns=namespace,
        key=key,
    )


def _tagged(where: Where, one: Filter) -> str:
    """One of the tags is `key:value`, or has the key alone."""
    rows, member = where.elements("s.tags")
    parts: list[str] = []
    for text in one.texts():
        key, colon, value = text.partition(":")
        condition = f"{member.format('key')} = {where.bind(key.strip())}"
        parts.append(condition + (f" and {member.format('value')} = {where.bind(value.strip())}" if colon else ""))
    found = " or ".join(f"({part})" for part in parts) or "1 = 0"
    return f"{'not ' if one.op in ('NOT_EQUALS', 'NOT_IN') else ''}exists (select 1 from {rows} where {found})"


def secrets(reader: Any, tenant: str, filters: Sequence[Filter], page: Page) -> tuple[list[Any], int]:
    """Names of stored secrets."""
    where = Where(reader.dialect, tenant=tenant).add("s.tenant = :tenant")
    for one in filters:
        if one.field == "q":
            where.add(where.free(("s.key", "s.description"), one.text(), negated=one.op == "NOT_EQUALS"))
        elif one.field == "tags":
            where.add(_tagged(where, one))
        else:
            where.add(names(where, reader, tenant, "s.namespace", "namespace", one))
    order = order_by(page.sorts, SECRET_SORTS, "s.namespace, s.key", "s.namespace, s.key")
    total = reader.value(f"select count(*) from secret s where {where.sql}", where.params)
    what = "s.namespace, s.key, s.description, s.tags, s.updated"
    return page_of(reader, what, "from secret s", where, order, page), total
