"""Key-value pairs of namespaces (spec: REST contract §12)."""

from __future__ import annotations

import json
import re
from typing import Any

from flowdeck.commands.registry import command
from flowdeck.model.errors import Conflict, IllegalArgument, NotFound
from flowdeck.store.driver import Tx

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
TYPES = frozenset({"STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON"})
_PLACE = "tenant = :tenant and namespace = :namespace and key = :key"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, (int, float)):
        return "NUMBER"
    return "STRING" if isinstance(value, str) else "JSON"


@command("kv.put")
def put(tx: Tx, args: dict[str, Any]) -> dict[str, Any]:
    """Write a pair; the version before it is kept until a purge (core plugins §5, PurgeKV).

    Args (in `args`): tenant, namespace, key, `value` (JSON), `type` (default: by the value), `description`,
    `ttl_ms` or `expires` (ms since the epoch), `overwrite` (default true), `version` (the one it was read with).
    Raises:
        IllegalArgument: the key breaks the pattern, or the type is unknown.
        Conflict: it exists and `overwrite` is false, or `version` is not the stored one.
    """
    key = args["key"]
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise IllegalArgument(
            f"Key must start with an alphanumeric character (uppercase or lowercase) and can contain alphanumeric "
            f"characters (uppercase or lowercase), dots (.), underscores (_), and hyphens (-) only: {str(key)[:100]!r}"
        )
    kind = args.get("type") or _kind(args["value"])
    if kind not in TYPES:
        raise IllegalArgument(f"type of a key is one of {', '.join(sorted(TYPES))}, not {kind!r}")
    place = {"tenant": args["tenant"], "namespace": args["namespace"], "key": key}
    row = tx.one(f"select version, created, expires, description from kv where {_PLACE}", place)
    live = row is not None and (row["expires"] is None or row["expires"] > tx.now)
    if live and not args.get("overwrite", True):
        raise Conflict(f"Key '{key}' already exists in namespace '{args['namespace']}'")
    told = args.get("version")
    if told is not None and (row["version"] if row is not None and live else 0) != told:
        raise Conflict("somebody else changed the key meanwhile", version=row["version"] if row else 0)
    ttl = args.get("ttl_ms")
    description = args.get("description")
    if row is not None:
        tx.sql(
            "insert into kv_version (tenant, namespace, key, version, type, value, description, updated, expires)"
            " select tenant, namespace, key, version, type, value, description, updated, expires from kv"
            f" where {_PLACE} on conflict do nothing",
            place,
        )
    tx.sql(
        "insert into kv (tenant, namespace, key, type, value, description, version, created, updated, expires)"
        " values (:tenant, :namespace, :key, :type, :value, :description, :version, :created, :now, :expires)"
        " on conflict (tenant, namespace, key) do update set type = excluded.type, value = excluded.value,"
        " description = excluded.description, version = excluded.version, created = excluded.created,"
        " updated = excluded.updated, expires = excluded.expires",
        {
            **place,
            "type": kind,
            "value": json.dumps(args["value"], separators=(",", ":")),
            "description": row["description"] if description is None and row is not None and live else description,
            "version": row["version"] + 1 if row is not None else 1,
            "created": row["created"] if row is not None and live else tx.now,
            "now": tx.now,
            "expires": tx.now + int(ttl) if ttl is not None else args.get("expires"),
        },
    )
    tx.notify(f"kv:{args['namespace']}", "changed" if live else "created", key)
    return {"version": row["version"] + 1 if row is not None else 1}


@command("kv.delete")
def delete(tx: Tx, args: dict[str, Any]) -> Any:
    """Delete `key` (answers whether it lived) or `keys` (answers those that did), with all their versions.

    Raises:
        NotFound: `error_on_missing` is set and the key does not exist.
    """
    keys = args["keys"] if "keys" in args else [args["key"]]
    gone: list[str] = []
    for key in keys:
        place = {"tenant": args["tenant"], "namespace": args["namespace"], "key": key}
        live = tx.value(
            f"select 1 from kv where {_PLACE} and (expires is null or expires > :now)", {**place, "now": tx.now}
        )
        tx.sql(f"delete from kv where {_PLACE}", place)
        tx.sql(f"delete from kv_version where {_PLACE}", place)
        if live:
            gone.append(key)
            tx.notify(f"kv:{args['namespace']}", "deleted", key)
    if not gone and args.get("error_on_missing"):
        raise NotFound(f"Unable to find key '{keys[0] if keys else ''}' in namespace '{args['namespace']}'")
    return gone if "keys" in args else bool(gone)


@command("purge.kv")
def purge(tx: Tx, args: dict[str, Any]) -> int:
    """Delete expired pairs with their versions, at most `limit` (default 1,000); answers how many."""
    rows = tx.all(
        "select tenant, namespace, key from kv where expires is not null and expires <= :now limit :limit"
        # of two purges at once each takes what the other has not
        + (" for update skip locked" if tx.dialect == "postgresql" else ""),
        now=tx.now,
        limit=int(args.get("limit", 1000)),
    )
    places = [dict(row) for row in rows]
    tx.many(f"delete from kv_version where {_PLACE}", places)
    return tx.many(f"delete from kv where {_PLACE}", places)
