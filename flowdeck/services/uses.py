"""Where secrets and plugin types are used: in the sources of flows (console: UI-SE-01, UI-PL-02)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from flowdeck.services import blueprints, namespaces
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.kv import parents
from flowdeck.services.wire import compact, instant
from flowdeck.store.queries import flows as flow_queries
from flowdeck.store.queries import kv as queries
from flowdeck.store.queries.where import Filter, Page

MOST = 100
"""Uses told of one name."""
_SECRET = re.compile(r"""secret\(\s*(?:key\s*=\s*)?['"]([^'"]+)['"]""")


def secret_names(source: str) -> Iterator[tuple[str, int]]:
    """Names of secrets in a source, each with its line (from 1)."""
    if "secret(" in source:
        for number, line in enumerate(source.splitlines(), 1):
            for match in _SECRET.finditer(line):
                yield match[1], number


def sees(namespace: str, owner: str | None) -> bool:
    """Whether a flow of `namespace` reads the secrets of `owner`; those without owner are everybody's."""
    return not owner or namespace == owner or namespace.startswith(owner + ".")


async def _sources(backend: Backend, caller: Caller) -> list[Any]:
    return await backend.read(flow_queries.sources_containing, caller.tenant, "secret(", None)


async def secrets(backend: Backend, caller: Caller, filters: Sequence[Filter], page: Page) -> dict[str, Any]:
    """Names of secrets with the time of their last change and the number of flows that use them."""
    listed = await namespaces.secrets(backend, caller, filters, page)
    rows, _ = await backend.read(queries.secrets, caller.tenant, filters, page)
    changed = {(r["namespace"], r["key"]): r["updated"] for r in rows}
    flows = [(r["namespace"], {n for n, _ in secret_names(r["source"])}) for r in await _sources(backend, caller)]
    results = []
    for one in listed["results"]:
        owner, key = one.get("namespace"), one["key"]
        uses = sum(1 for namespace, names in flows if key in names and sees(namespace, owner))
        results.append(
            compact({**one, "updated": instant(changed[owner, key]) if (owner, key) in changed else None, "uses": uses})
        )
    return {**listed, "results": results, "backend": "none" if backend.cipher is None else "internal, AES-256-GCM"}


async def inherited_secrets(backend: Backend, caller: Caller, namespace: str) -> list[dict[str, Any]]:
    """The secrets of the namespaces above one, closest first."""
    found: list[dict[str, Any]] = []
    for name in parents(namespace):
        listed = await secrets(backend, caller, [Filter("namespace", "EQUALS", name)], Page(1, 1000))
        found += [one for one in listed["results"] if one.get("namespace") == name]
    return found


async def of_secret(backend: Backend, caller: Caller, key: str, owner: str | None) -> list[dict[str, Any]]:
    """Flows that read a secret, with the lines."""
    found: list[dict[str, Any]] = []
    for row in await _sources(backend, caller):
        lines = [line for name, line in secret_names(row["source"]) if name == key]
        if lines and sees(row["namespace"], owner):
            found.append({"namespace": row["namespace"], "flowId": row["id"], "lines": lines[:20]})
    return found[:MOST]


async def of_plugin(backend: Backend, caller: Caller, type_name: str) -> dict[str, Any]:
    """Flows and blueprints that use a type or one of its former names."""
    spec = backend.catalog.find(type_name)
    names = {type_name, *(() if spec is None else (spec.type, *spec.aliases))}
    flows: list[dict[str, Any]] = []
    total = 0
    for namespace, flow_id, summary in await backend.read(flow_queries.summaries, caller.tenant):
        if any(one.get("type") in names for part in ("tasks", "triggers") for one in summary.get(part) or ()):
            total += 1
            if len(flows) < MOST:
                flows.append({"namespace": namespace, "id": flow_id})
    ready = [{"id": one.id, "title": one.title} for one in blueprints.bundled().values() if names & set(one.types)]
    return {"flows": flows, "total": total, "blueprints": ready}
