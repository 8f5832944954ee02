"""Namespaces and the names of their secrets (spec: REST contract §13)."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Sequence
from typing import Any

from flowdeck.model.errors import IllegalArgument, NotFound
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.kv import parents
from flowdeck.services.wire import compact
from flowdeck.store.queries import flows as flow_queries
from flowdeck.store.queries import kv as queries
from flowdeck.store.queries.where import Filter, Page

NAMESPACE = re.compile(r"^[a-z0-9][a-z0-9._-]{0,149}$")


async def existing(backend: Backend, caller: Caller) -> list[str]:
    """Namespaces that hold a flow."""
    return await backend.read(flow_queries.namespaces, caller.tenant)


async def known(backend: Backend, caller: Caller) -> list[str]:
    """Namespaces that hold a flow, pair, file or secret, their ancestors, the system namespace; sorted."""

    def work(reader: Any) -> set[str]:
        found = set(flow_queries.namespaces(reader, caller.tenant))
        for table in ("kv", "namespace_file", "secret"):
            rows = reader.all(f"select distinct namespace from {table} where tenant = :t", t=caller.tenant)
            found |= {row[0] for row in rows}
        return found

    found = await backend.read(work)
    found |= {above for name in found for above in parents(name)}
    found.add(backend.config.system_namespace)
    return sorted(found)


async def search(
    backend: Backend, caller: Caller, text: str, page: Page, *, only_existing: bool
) -> tuple[list[dict[str, Any]], int]:
    """One page of namespaces."""
    names = await (existing if only_existing else known)(backend, caller)
    names = [n for n in names if text.lower() in n.lower()]
    for name, descending in page.sorts:
        if name != "id":
            raise IllegalArgument(f"unknown sort field '{name}'; known are id")
        names.sort(reverse=descending)
    return [{"id": n, "deleted": False} for n in names[page.offset : page.offset + page.size]], len(names)


def check(namespace: str) -> str:
    """A syntactically valid namespace. `NotFound` otherwise."""
    if not NAMESPACE.match(namespace):
        raise NotFound("namespace")
    return namespace


def _from_environment() -> list[str]:
    found = []
    for name, value in os.environ.items():
        if name.startswith("SECRET_"):
            try:
                base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                continue
            found.append(name[len("SECRET_") :])
    return sorted(found)


async def secrets(backend: Backend, caller: Caller, filters: Sequence[Filter], page: Page) -> dict[str, Any]:
    """`ApiSecretListResponse`: names only, those of the environment after the stored ones."""
    rows, total = await backend.read(queries.secrets, caller.tenant, filters, page)
    results = [
        compact({"key": r["key"], "namespace": r["namespace"], "description": r["description"], "tags": []})
        for r in rows
    ]
    text = next((f.text() for f in filters if f.field == "q"), "").lower()
    own = [k for k in _from_environment() if text in k.lower()]
    room = page.size - len(results)
    start = max(0, page.offset - total)
    results += [{"key": k, "tags": []} for k in own[start : start + room]]
    return {"readOnly": backend.cipher is None, "results": results, "total": total + len(own)}


async def inherited_secrets(backend: Backend, caller: Caller, namespace: str) -> dict[str, list[str]]:
    """Namespace → names of its secrets, for the namespace and its ancestors."""
    found: dict[str, list[str]] = {}
    for name in [namespace, *parents(namespace)]:
        rows, _ = await backend.read(
            queries.secrets, caller.tenant, [Filter("namespace", "EQUALS", name)], Page(1, 10_000)
        )
        if rows:
            found[name] = [r["key"] for r in rows]
    return found


async def put_secret(
    backend: Backend, caller: Caller, namespace: str, key: str, value: str | None, description: str | None
) -> list[dict[str, Any]]:
    """Write a secret, or its description alone. `IllegalArgument` without an instance key."""
    if not key:
        raise IllegalArgument("key: must not be empty")
    if backend.cipher is None and value is not None:
        raise IllegalArgument("secrets can't be written: encryption is not configured")
    encrypted = backend.cipher.encrypt(value) if value is not None and backend.cipher is not None else None
    await backend.send(caller, "secret.put", namespace=namespace, key=key, value=encrypted, description=description)
    listed = await secrets(backend, caller, [Filter("namespace", "EQUALS", namespace)], Page(1, 10_000))
    return [r for r in listed["results"] if r.get("namespace") == namespace]


async def delete_secret(backend: Backend, caller: Caller, namespace: str, key: str) -> None:
    """Delete a stored secret. `NotFound`."""
    if not await backend.send(caller, "secret.delete", namespace=namespace, key=key):
        raise NotFound(f"secret '{key}'")
