"""KV pairs (spec: REST contract §12)."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

from flowdeck.model.errors import DomainError, Gone, IllegalArgument, NotFound
from flowdeck.model.masking import ENCRYPTED
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import dated, masked
from flowdeck.services.pieces import PIECE, pieces
from flowdeck.services.wire import compact, instant, instant_or_none, parse_span
from flowdeck.store.queries import kv as queries
from flowdeck.store.queries.where import Filter, Page

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_INSTANT = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$")
_SPAN = re.compile(r"^[+-]?P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$")


DEEPEST = 100
"""Levels of a JSON value; flows' YAML has the same bound."""


class Unreadable(IllegalArgument):
    """The text is no value."""

    reason = "Invalid format"


def _of_text(text: str) -> tuple[str, Any]:
    if _DATE.match(text):
        return "DATE", text
    if _INSTANT.match(text):
        return "DATETIME", text
    if _SPAN.match(text):
        return "DURATION", text
    return "STRING", text


def _depth(value: Any) -> int:
    """Levels of lists and maps, counted without recursion."""
    deepest, rest = 0, [(value, 1)]
    while rest:
        one, level = rest.pop()
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else None
        if inner is not None:
            deepest = max(deepest, level)
            rest += [(item, level + 1) for item in inner if isinstance(item, dict | list)]
    return deepest


def read_value(text: str) -> tuple[str, Any]:
    """(type, value) of a body: JSON or bare dates and durations. `Unreadable`."""
    stripped = text.strip()
    if not stripped:
        raise Unreadable("the value is empty")
    kind, value = _of_text(stripped)
    if kind != "STRING":
        return kind, value
    try:
        parsed = json.loads(stripped)
        if _depth(parsed) > DEEPEST:
            raise RecursionError
    except RecursionError:
        raise Unreadable(f"the value is nested deeper than {DEEPEST}") from None
    except ValueError as error:
        raise Unreadable(f"the value is neither JSON nor a date nor a duration: {error}; text needs quotes") from None
    if isinstance(parsed, str):
        return _of_text(parsed)
    if isinstance(parsed, bool):
        return "BOOLEAN", parsed
    if isinstance(parsed, int | float):
        return "NUMBER", parsed
    return "JSON", parsed


def typed_value(kind: str, text: str) -> Any:
    """The value of a text under a type chosen by the caller. `Unreadable`."""
    if kind == "STRING":
        try:
            parsed = json.loads(text)
        except ValueError:
            return text
        return parsed if isinstance(parsed, str) else text
    found, value = read_value(text)
    if found != kind:
        raise Unreadable(f"the value is no {kind}")
    return value


def _preview(stored: str) -> str:
    """At most 120 characters of a value, on one line."""
    value = json.loads(stored) if len(stored) <= 120 or ENCRYPTED in stored else None
    if value is not None and ENCRYPTED in stored:
        value = masked(value)
        stored = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = value if isinstance(value, str) else stored
    text = " ".join(text[:200].split())
    return text if len(text) <= 120 else text[:119] + "…"


def entry(row: Any) -> dict[str, Any]:
    """`KVEntry`, with the type and the beginning of the value beside (ours)."""
    return compact(
        {
            "namespace": row["namespace"],
            "key": row["key"],
            "type": row["type"],
            "preview": _preview(row["value"]),
            "version": row["version"],
            "description": row["description"],
            "creationDate": instant(row["created"]),
            "updateDate": instant(row["updated"]),
            "expirationDate": instant_or_none(row["expires"]),
        }
    )


async def search(backend: Backend, caller: Caller, filters: Sequence[Filter], page: Page) -> tuple[list[Any], int]:
    """Entries across namespaces."""
    now = backend.now()
    rows, total = await backend.read(queries.search, caller.tenant, dated(filters, now), page, now)
    return [entry(r) for r in rows], total


EXPORTED = ("type", "value", "description", "expirationDate")


async def exported(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> AsyncIterator[dict[str, Any]]:
    """All matches with their values, however many, by namespace and key; one value is in memory at a time."""
    now = backend.now()
    chosen = dated(filters, now)

    def read(after: tuple[str, str] | None) -> Any:
        return backend.read(queries.following, caller.tenant, chosen, after, limit=PIECE, now=now)

    async for rows in pieces(read, lambda row: (row["namespace"], row["key"])):
        for row in rows:
            try:
                held = await get(backend, caller, str(row["namespace"]), str(row["key"]))
            except DomainError:
                continue  # it went, or ran out, meanwhile
            kept = {name: held[name] for name in EXPORTED if held.get(name) is not None}
            yield {"namespace": row["namespace"], "key": row["key"], **kept}


async def of_namespaces(backend: Backend, caller: Caller, namespaces: Sequence[str]) -> list[dict[str, Any]]:
    """Entries of exactly these namespaces."""
    return [entry(r) for r in await backend.read(queries.of_namespaces, caller.tenant, namespaces, backend.now())]


async def get(backend: Backend, caller: Caller, namespace: str, key: str) -> dict[str, Any]:
    """`KvDetail`. `NotFound`, `Gone` when expired."""
    row = await backend.read(queries.get, caller.tenant, namespace, key)
    if row is None:
        raise NotFound(f"key '{key}' of namespace '{namespace}'")
    if row["expires"] is not None and row["expires"] <= backend.now():
        raise Gone(f"key '{key}'")
    return entry(row) | {
        "value": masked(json.loads(row["value"])),
        "revision": row["version"],
        "updated": instant(row["updated"]),
    }


VALUE_SHOWN = 100_000
"""Characters of a value that are sent before somebody asks for all (UI-KV-03)."""


async def held(backend: Backend, caller: Caller, namespace: str, key: str) -> dict[str, Any]:
    """A pair with its value, or with its `size` alone when that is above `VALUE_SHOWN`. `NotFound`, `Gone`."""

    def work(reader: Any) -> Any:
        return reader.one(
            "select namespace, key, type, version, description, created, updated, expires, length(value) as size, "
            "substr(value, 1, :n) as value from kv where tenant = :t and namespace = :ns and key = :key",
            t=caller.tenant,
            ns=namespace,
            key=key,
            n=200,
        )

    row = await backend.read(work)
    if row is None or row["size"] <= VALUE_SHOWN or (row["expires"] or backend.now() + 1) <= backend.now():
        found = await get(backend, caller, namespace, key)
        return found | {"size": row["size"] if row is not None else 0}
    return entry(row) | {"size": row["size"], "revision": row["version"], "updated": instant(row["updated"])}


async def put(
    backend: Backend,
    caller: Caller,
    namespace: str,
    key: str,
    text: str,
    *,
    ttl: str | None,
    description: str | None,
    kind: str | None,
) -> None:
    """Write a pair; `ttl` is an ISO duration. `Forbidden`: CREATE is for an absent key, UPDATE for a present one."""
    if kind:
        kind = kind.upper()
        value: Any = typed_value(kind, text)
    else:
        kind, value = read_value(text)
    ttl_ms = parse_span(ttl, "ttl") if ttl else None
    if ttl_ms is not None and ttl_ms <= 0:
        raise IllegalArgument("ttl: must be positive")
    creates, updates = caller.may("KVSTORE", "CREATE"), caller.may("KVSTORE", "UPDATE")
    if not creates and await _absent(backend, caller, namespace, key):
        caller.must(("KVSTORE", "CREATE"))
    if not updates and not await _absent(backend, caller, namespace, key):
        caller.must(("KVSTORE", "UPDATE"))
    await backend.send(
        caller,
        "kv.put",
        namespace=namespace,
        key=key,
        type=kind,
        value=value,
        ttl_ms=ttl_ms,
        description=description,
        overwrite=updates,  # who may only create overwrites nothing that came meanwhile
    )


async def _absent(backend: Backend, caller: Caller, namespace: str, key: str) -> bool:
    row = await backend.read(queries.get, caller.tenant, namespace, key)
    return row is None or (row["expires"] is not None and row["expires"] <= backend.now())


async def delete(backend: Backend, caller: Caller, namespace: str, key: str) -> bool:
    """Whether it was there."""
    return bool(await backend.send(caller, "kv.delete", namespace=namespace, key=key))


async def delete_keys(backend: Backend, caller: Caller, namespace: str, keys: Sequence[str]) -> list[str]:
    """Those that were there."""
    return list(await backend.send(caller, "kv.delete", namespace=namespace, keys=[str(k) for k in keys]))


def parents(namespace: str) -> list[str]:
    """Ancestors of a namespace, nearest first."""
    parts = namespace.split(".")
    return [".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]
