"""Flows as sources: checks, graphs, archives, many at once (REST contract §7)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from backend_client.client import Page, Resource, query_of, upload
from backend_client.models import ConcurrencyLimit, Flow, FlowGraph, Violation

YAML = "application/x-yaml"
Filters = Sequence[Mapping[str, str]]


class FlowSources(Resource):
    """The part of `{T}/flows` that handles sources and many flows."""

    async def validate_task(self, task: str, section: str = "TASKS") -> Violation:
        """What is wrong with one task's YAML; `section` is TASKS, ERRORS, FINALLY or AFTEREXECUTION."""
        path = self._c.below("flows", "validate", "task")
        return await self._c.post(path, query=[("section", section)], content=task, content_type=YAML)

    async def validate_trigger(self, trigger: Mapping[str, Any]) -> Violation:
        """What is wrong with one trigger."""
        return await self._c.post(self._c.below("flows", "validate", "trigger"), dict(trigger))

    async def graph_of(self, source: str, *, subflows: Sequence[str] = ()) -> FlowGraph:
        """The graph of a source that is not stored; `subflows` are node ids to expand."""
        query = [("subflows", one) for one in subflows]
        return await self._c.post(self._c.below("flows", "graph"), query=query, content=source, content_type=YAML)

    async def of_namespace(self, namespace: str) -> list[Flow]:
        """All flows of one namespace."""
        return await self._c.get(self._c.below("flows", namespace))

    async def replace_in(
        self, namespace: str, sources: str, *, delete: bool = False, override: bool = False
    ) -> list[Flow]:
        """Save all documents of a text in a namespace; with `delete` its other flows go."""
        query = query_of(delete=delete, override=override)
        path = self._c.below("flows", namespace)
        return await self._c.post(path, query=query, content=sources, content_type=YAML, timeout=300)

    async def replace(
        self, sources: str, *, delete: bool = False, namespace: str = "", children: bool = False
    ) -> list[Flow]:
        """Save all documents of a text; with `delete` the other flows of `namespace` (or all) go."""
        query = query_of(delete=delete, namespace=namespace or None, allowNamespaceChild=children)
        path = self._c.below("flows", "bulk")
        return await self._c.post(path, query=query, content=sources, content_type=YAML, timeout=300)

    async def import_file(self, content: bytes | Path, name: str = "flows.zip", *, fail: bool = False) -> list[str]:
        """Save the flows of a `.zip`, `.yml` or `.yaml`; names of those that were refused, or with `fail` an error."""
        name, sent = upload(content, content.name if isinstance(content, Path) else name)
        try:
            return await self._c.post(
                self._c.below("flows", "import"),
                query=query_of(failOnError=fail),
                files={"fileUpload": (name, sent)},
                timeout=300,
            )
        finally:
            if isinstance(content, Path):
                sent.close()

    async def export(self, keys: Sequence[tuple[str, str]]) -> bytes:
        """A zip of flows given as `(namespace, id)`."""
        body = [{"namespace": namespace, "id": flow} for namespace, flow in keys]
        path = self._c.below("flows", "export", "by-ids")
        return (await self._c.send("POST", path, json=body, timeout=300)).content

    async def export_by_query(self, to: str | Path, *, query: str = "", filters: Filters = ()) -> int:
        """Write a zip of all flows that match into a file; its bytes."""
        path = self._c.below("flows", "export", "by-query")
        return await self._c.download(path, to, query_of(query=query, filters=filters))

    def csv(self, *, filters: Filters = ()) -> AsyncIterator[bytes]:
        """The flows that match as CSV, piece by piece."""
        return self._c.bytes_of(self._c.below("flows", "export", "by-query", "csv"), query_of(filters=filters))

    async def deprecated(self, namespace: str = "") -> list[dict[str, Any]]:
        """Flows that use deprecated tasks, with the tasks."""
        return await self._c.get(self._c.below("flows", "deprecated"), query_of(namespace=namespace or None))

    async def task(self, namespace: str, flow: str, task: str, *, revision: int | None = None) -> dict[str, Any]:
        """One task of a flow."""
        return await self._c.get(self._c.below("flows", namespace, flow, "tasks", task), query_of(revision=revision))

    async def patch_task(self, namespace: str, flow: str, task: str, body: Mapping[str, Any]) -> Flow:
        """Replace one task of a flow (deprecated: save the source)."""
        return await self._c.patch(self._c.below("flows", namespace, flow, task), dict(body))

    async def namespace_dependencies(self, namespace: str, *, destination_only: bool = False) -> dict[str, Any]:
        """How the flows of a namespace depend on each other and on others."""
        query = query_of(destinationOnly=destination_only)
        return await self._c.get(self._c.below("namespaces", namespace, "dependencies"), query)

    async def concurrency_limits(self) -> Page[ConcurrencyLimit]:
        """How many executions run of each flow with a limit."""
        body = await self._c.get(self._c.below("concurrency-limit", "search"))
        return Page(list(body["results"]), int(body["total"]))

    async def set_concurrency(self, namespace: str, flow: str, running: int) -> ConcurrencyLimit:
        """Correct the counted number of running executions."""
        body = {"namespace": namespace, "flowId": flow, "running": running}
        return await self._c.put(self._c.below("concurrency-limit", namespace, flow), body)
