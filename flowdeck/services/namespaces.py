"""Namespaces and the names of their secrets (spec: REST contract §13)."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model.errors import IllegalArgument, InvalidEntity, NotFound
from flowdeck.model.flow_properties import NAMESPACE_PATTERN
from flowdeck.model.states import State
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.figures import DAY, HOUR, count_cells
from flowdeck.services.kv import parents
from flowdeck.services.wire import compact
from flowdeck.store.queries import flows as flow_queries
from flowdeck.store.queries import kv as queries
from flowdeck.store.queries import namespaces as chains
from flowdeck.store.queries.where import Filter, Page

MOVING = (State.RUNNING, State.RETRYING, State.RESTARTED, State.KILLING)
NAMESPACE = re.compile(r"^[a-z0-9][a-z0-9._-]{0,149}$")


async def existing(backend: Backend, caller: Caller) -> list[str]:
    """Namespaces that hold a flow."""
    return await backend.read(flow_queries.namespaces, caller.tenant)


async def known(backend: Backend, caller: Caller) -> list[str]:
    """Namespaces that hold a flow, pair, file, secret or variables, their ancestors, the system namespace; sorted."""

    def work(reader: Any) -> set[str]:
        found = set(flow_queries.namespaces(reader, caller.tenant))
        for table, column in (
            ("kv", "namespace"),
            ("namespace_file", "namespace"),
            ("secret", "namespace"),
            ("namespace", "id"),
        ):
            rows = reader.all(f"select distinct {column} from {table} where tenant = :t", t=caller.tenant)
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


async def overview(backend: Backend, caller: Caller) -> dict[str, Any]:
    """All namespaces with their flows, and what ran, runs and failed in the last day (UI-NS-01).

    `{system, results: [{id, description?, flows, runs, running, failed}]}`, by name; zeros are left out.
    """
    now = backend.now()

    def work(reader: Any) -> tuple[dict[str, int], dict[str, str]]:
        held = reader.all(
            "select namespace, count(*) as n from flow where tenant = :t and not deleted group by namespace",
            t=caller.tenant,
        )
        said = reader.all(
            "select id, description from namespace where tenant = :t and description is not null", t=caller.tenant
        )
        return {r["namespace"]: int(r["n"]) for r in held}, {r["id"]: str(r["description"]) for r in said}

    names = await known(backend, caller)
    held, said = await backend.read(work)
    day: dict[str, dict[str, int]] = {}
    for cell in await count_cells(backend, caller, [], now - DAY, now, HOUR, ("ns", "state")):
        counts = day.setdefault(cell["ns"], {"runs": 0, "running": 0, "failed": 0})
        counts["runs"] += cell["n"]
        counts["running"] += cell["n"] if cell["state"] in MOVING else 0
        counts["failed"] += cell["n"] if cell["state"] == State.FAILED else 0
    rows = [
        compact(
            {
                "id": name,
                "description": (said.get(name) or "").strip().split("\n", 1)[0][:200] or None,
                "flows": held.get(name),
                **{key: count or None for key, count in day.get(name, {}).items()},
            }
        )
        for name in names
    ]
    return {"system": backend.config.system_namespace, "results": rows}


def check(namespace: str) -> str:
    """A syntactically valid namespace. `NotFound` otherwise."""
    if not NAMESPACE.match(namespace):
        raise NotFound("namespace")
    return namespace


_MEMBERS = {"description": "description", "variables": "variables", "pluginDefaults": "plugin_defaults"}
"""Members of a namespace that can be written, and their columns."""


def _document(namespace: str, row: Any) -> dict[str, Any]:
    return compact(
        {
            "id": namespace,
            "deleted": False,
            "description": row["description"] if row else None,
            "variables": json.loads(row["variables"]) if row and row["variables"] else None,
            "pluginDefaults": json.loads(row["plugin_defaults"]) if row and row["plugin_defaults"] else None,
        }
    )


async def get(backend: Backend, caller: Caller, namespace: str) -> dict[str, Any]:
    """`Namespace`; any valid name is one. `NotFound` for others."""
    rows = await backend.read(chains.chain, caller.tenant, check(namespace))
    return _document(namespace, rows[0] if rows and rows[0]["id"] == namespace else None)


async def put(
    backend: Backend, caller: Caller, namespace: str, sent: Mapping[str, Any], *, create: bool = False
) -> dict[str, Any]:
    """Write description, variables and plugin defaults; an update replaces all three, as the document is sent whole.

    Raises:
        InvalidEntity: a wrong name, one that is taken (`create`), or a member that breaks a rule.
    """
    if not NAMESPACE.fullmatch(namespace):
        text = f'must match "{NAMESPACE_PATTERN}"'
        raise InvalidEntity(f"id: {text}", violations=[{"path": "id", "message": text}])
    if create and any(r["id"] == namespace for r in await backend.read(chains.chain, caller.tenant, namespace)):
        text = "Namespace already exists"
        raise InvalidEntity(f"id: {text}", violations=[{"path": "id", "message": text}])
    if not isinstance(sent.get("description"), str | None):
        raise InvalidEntity(
            "description: must be a string", violations=[{"path": "description", "message": "must be a string"}]
        )
    values = {column: sent.get(name) for name, column in _MEMBERS.items()}
    await backend.send(caller, "namespace.put", **{**values, "id": namespace})
    backend.parsed.clear()  # flows read with other plugin defaults
    return await get(backend, caller, namespace)


async def delete(backend: Backend, caller: Caller, namespace: str) -> None:
    """Forget description, variables and plugin defaults. `NotFound` when none are known."""
    await backend.send(caller, "namespace.delete", id=namespace)
    backend.parsed.clear()


async def inherited_variables(backend: Backend, caller: Caller, namespace: str) -> dict[str, Any]:
    """Variables that a namespace gets from those above it."""
    rows = await backend.read(chains.chain, caller.tenant, check(namespace))
    return chains.variables_of([r for r in rows if r["id"] != namespace])


async def inherited_defaults(backend: Backend, caller: Caller, namespace: str) -> list[dict[str, Any]]:
    """Plugin defaults that a namespace gets from those above it, closest first, each with its `namespace`."""
    rows = await backend.read(chains.chain, caller.tenant, check(namespace))
    return [
        {**entry, "namespace": row["id"]}
        for row in rows
        if row["id"] != namespace and row["plugin_defaults"]
        for entry in json.loads(row["plugin_defaults"])
    ]


def _from_environment() -> list[str]:
    found = []
    for name, value in os.environ.items():
        if name.startswith("SECRET_"):
            try:
                base64.b64decode("".join(value.split()), validate=True)
            except (binascii.Error, ValueError):
                continue
            found.append(name[len("SECRET_") :])
    return sorted(found)


async def secrets(backend: Backend, caller: Caller, filters: Sequence[Filter], page: Page) -> dict[str, Any]:
    """`ApiSecretListResponse`: names only, those of the environment after the stored ones."""
    rows, total = await backend.read(queries.secrets, caller.tenant, filters, page)
    results = [
        compact({"key": r["key"], "namespace": r["namespace"], "description": r["description"]})
        | {"tags": json.loads(r["tags"]) if r["tags"] else []}
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
    backend: Backend,
    caller: Caller,
    namespace: str,
    key: str,
    value: str | None,
    description: str | None,
    tags: Any = None,
) -> list[dict[str, Any]]:
    """Write a secret, or what is said of it alone. `IllegalArgument` without an instance key."""
    if not key:
        raise IllegalArgument("key: must not be empty")
    if value == "":
        raise IllegalArgument("value: must not be empty")
    if backend.cipher is None and value is not None:
        raise IllegalArgument("secrets can't be written: encryption is not configured")
    encrypted = backend.cipher.encrypt(value) if value is not None and backend.cipher is not None else None
    await backend.send(
        caller, "secret.put", namespace=namespace, key=key, value=encrypted, description=description, tags=_tags(tags)
    )
    listed = await secrets(backend, caller, [Filter("namespace", "EQUALS", namespace)], Page(1, 10_000))
    return [r for r in listed["results"] if r.get("namespace") == namespace]


def _tags(sent: Any) -> list[dict[str, str]]:
    """Tags as they are stored. `IllegalArgument` for anything but a list of `{key, value}`."""
    if sent is None:
        return []
    if not isinstance(sent, list) or not all(isinstance(one, dict) and one.get("key") for one in sent):
        raise IllegalArgument("tags: must be a list of {key, value}")
    return [{"key": str(one["key"]), "value": str(one.get("value", ""))} for one in sent]


async def delete_secret(backend: Backend, caller: Caller, namespace: str, key: str) -> None:
    """Delete a stored secret. `NotFound`."""
    if not await backend.send(caller, "secret.delete", namespace=namespace, key=key):
        raise NotFound(f"secret '{key}'")
