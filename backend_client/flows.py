"""Flows: list, source, revisions, validation, actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend_client.client import Page, Resource, query_of, text_of
from backend_client.flow_sources import FlowSources

YAML = "application/x-yaml"


def label_list(value: Any) -> list[dict[str, str]]:
    """Return labels, given as a map or as a list, as a list of `{key, value}`."""
    if isinstance(value, Mapping):
        return [{"key": str(k), "value": text_of(v)} for k, v in value.items()]
    return [
        {"key": text_of(one.get("key")), "value": text_of(one.get("value"))}
        for one in value or []
        if isinstance(one, Mapping)
    ]


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow in a list."""

    key: str = ""
    namespace: str = ""
    id: str = ""
    revision: int = 0
    description: str = ""
    disabled: bool = False
    deleted: bool = False
    updated: str = ""
    labels: list[dict[str, str]] = field(default_factory=list)
    triggers: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, body: dict[str, Any]) -> FlowRow:
        """Read one element of the list."""
        namespace, flow = text_of(body.get("namespace")), text_of(body.get("id"))
        return cls(
            key=f"{namespace}/{flow}",
            namespace=namespace,
            id=flow,
            revision=int(body.get("revision") or 0),
            description=text_of(body.get("description")),
            disabled=bool(body.get("disabled")),
            deleted=bool(body.get("deleted")),
            updated=text_of(body.get("updated")),
            labels=label_list(body.get("labels")),
            triggers=[
                {"id": text_of(one.get("id")), "type": text_of(one.get("type")), "cron": text_of(one.get("cron"))}
                for one in body.get("triggers") or []
                if isinstance(one, dict)
            ],
        )


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a flow, with its source."""

    revision: int
    updated: str
    source: str
    author: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class RevisionHead:
    """One revision in the history of a flow; `added`, `removed` and `success` are -1 where nothing is known."""

    number: int = 0
    updated: str = ""
    author: str = ""
    message: str = ""
    deleted: bool = False
    exception: str = ""
    added: int = -1
    removed: int = -1
    executions: int = 0
    success: float = -1

    @classmethod
    def of(cls, body: dict[str, Any]) -> RevisionHead:
        """Read one element of the answer."""
        success = body.get("successRatio")
        return cls(
            number=int(body.get("revision") or 0),
            updated=text_of(body.get("updated")),
            author=text_of(body.get("author")),
            message=text_of(body.get("message")),
            deleted=bool(body.get("deleted")),
            exception=text_of(body.get("exception")),
            added=int(body.get("added", -1)),
            removed=int(body.get("removed", -1)),
            executions=int(body.get("executions") or 0),
            success=-1 if success is None else float(success),
        )


@dataclass(frozen=True, slots=True)
class FlowFigures:
    """What the last runs of a flow say; `success` is -1 and `median_ms` -1 where nothing ran."""

    key: str = ""
    success: float = -1
    median_ms: int = -1
    next: str = ""
    runs: list[list[Any]] = field(default_factory=list)

    @classmethod
    def of(cls, body: dict[str, Any]) -> FlowFigures:
        """Read one element of the answer."""
        success, median = body.get("successRatio"), body.get("medianMs")
        return cls(
            key=f"{text_of(body.get('namespace'))}/{text_of(body.get('id'))}",
            success=-1 if success is None else float(success),
            median_ms=-1 if median is None else int(median),
            next=text_of(body.get("nextAt")),
            runs=[list(run) for run in body.get("runs") or []],
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """A flow whose source contains what was looked for."""

    key: str = ""
    namespace: str = ""
    id: str = ""
    fragments: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, body: dict[str, Any]) -> Hit:
        """Read one element of the list."""
        flow = body.get("model") or body.get("flow") or body
        namespace, identity = text_of(flow.get("namespace")), text_of(flow.get("id"))
        return cls(
            f"{namespace}/{identity}", namespace, identity, [text_of(one) for one in body.get("fragments") or []]
        )


class FlowsApi(FlowSources, Resource):
    """`{T}/flows`."""

    async def search(
        self,
        *,
        page: int = 1,
        size: int = 25,
        sort: str = "",
        query: str = "",
        filters: Sequence[Mapping[str, str]] = (),
    ) -> Page[FlowRow]:
        """One page of flows."""
        return await self._page(
            FlowRow.of, query_of(page=page, size=size, sort=sort, query=query, filters=filters), "flows", "search"
        )

    async def get(
        self, namespace: str, flow: str, *, revision: int | None = None, source: bool = True, deleted: bool = False
    ) -> dict[str, Any]:
        """A flow as the API tells it, `source` included on wish, also a deleted one with `deleted`."""
        query = query_of(source=source, revision=revision, allowDeleted=True if deleted else None)
        return await self._c.get(self._c.below("flows", namespace, flow), query)

    async def sparklines(self, flows: Sequence[tuple[str, str]], *, runs: int = 14) -> list[FlowFigures]:
        """The last runs, success ratio, median and next date of at most 100 flows (own endpoints §6)."""
        body = {"flows": [{"namespace": namespace, "id": flow} for namespace, flow in flows], "runs": runs}
        answer = await self._c.post(self._c.below("console", "flows", "sparklines"), body)
        return [FlowFigures.of(one) for one in answer or []]

    async def days(self, flows: Sequence[tuple[str, str]], *, days: int = 30) -> dict[str, list[dict[str, Any]]]:
        """Ended executions by day of at most 100 flows: `namespace/id` → `[{day, total, durationMs, states}]`."""
        body = {"flows": [{"namespace": namespace, "id": flow} for namespace, flow in flows], "days": days}
        answer = await self._c.post(self._c.below("console", "flows", "days"), body)
        return {f"{one['namespace']}/{one['id']}": list(one["days"]) for one in answer or []}

    async def search_sources(self, text: str, *, namespace: str = "", page: int = 1, size: int = 10) -> Page[Hit]:
        """Flows whose source contains a text, with the fragments that do."""
        query = query_of(q=text, namespace=namespace or None, page=page, size=size)
        return await self._page(Hit.of, query, "flows", "source")

    async def delete_revisions(self, namespace: str, flow: str, revisions: Sequence[int]) -> None:
        """Remove old revisions; the newest stays."""
        query = [("revisions", str(one)) for one in revisions]
        await self._c.delete(self._c.below("flows", namespace, flow, "revisions"), query=query)

    async def revisions(self, namespace: str, flow: str) -> list[Revision]:
        """All revisions, oldest first."""
        body = await self._c.get(self._c.below("flows", namespace, flow, "revisions"))
        return [
            Revision(
                int(one.get("revision") or 0),
                text_of(one.get("updated")),
                text_of(one.get("source")),
                text_of(one.get("author")),
                text_of(one.get("message")),
            )
            for one in body
        ]

    async def history(self, namespace: str, flow: str) -> list[RevisionHead]:
        """The newest revisions without their sources, newest first, with executions of each (own endpoints)."""
        answer = await self._c.get(self._c.below("console", "flows", namespace, flow, "history"))
        return [RevisionHead.of(one) for one in (answer or {}).get("results") or []]

    async def restore(self, namespace: str, flow: str) -> dict[str, Any]:
        """Bring a deleted flow back with its last source (own endpoints)."""
        return await self._c.post(self._c.below("console", "flows", namespace, flow, "restore"))

    async def editors(self, namespace: str, flow: str, *, client: str = "") -> list[dict[str, Any]]:
        """Who has the flow open in an editor: `{user, client, own, dirty, seen}` (own endpoints)."""
        path = self._c.below("console", "flows", namespace, flow, "editing")
        return list(await self._c.get(path, query_of(client=client or None)) or [])

    async def create(self, source: str, *, message: str = "") -> dict[str, Any]:
        """Create a flow from its YAML; 422 lists what is wrong; `message` is kept with the revision."""
        query = query_of(message=message or None)
        return await self._c.post(self._c.below("flows"), query=query, content=source, content_type=YAML)

    async def update(
        self, namespace: str, flow: str, source: str, *, revision: int | None = None, message: str = ""
    ) -> dict[str, Any]:
        """Save a flow; with `revision` the server refuses (409) when another one was saved meanwhile.

        `message` is kept with the revision.
        """
        return await self._c.put(
            self._c.below("flows", namespace, flow),
            query=query_of(message=message or None),
            content=source,
            content_type=YAML,
            headers={"If-Match": str(revision)} if revision is not None else None,
        )

    async def delete(self, namespace: str, flow: str) -> None:
        """Delete a flow; its executions stay."""
        await self._c.delete(self._c.below("flows", namespace, flow))

    async def validate(self, source: str) -> list[dict[str, Any]]:
        """What is wrong with a source."""
        return await self._c.post(self._c.below("flows", "validate"), content=source, content_type=YAML)

    async def bulk(self, action: str, keys: Sequence[tuple[str, str]]) -> int:
        """`enable`, `disable` or `delete` flows given as `(namespace, id)`; the number done."""
        body = [{"namespace": namespace, "id": flow} for namespace, flow in keys]
        path = self._c.below("flows", action, "by-ids")
        answer = await (self._c.delete(path, body) if action == "delete" else self._c.post(path, body))
        return int((answer or {}).get("count") or 0)

    async def bulk_by_query(self, action: str, *, query: str = "", filters: Sequence[Mapping[str, str]] = ()) -> int:
        """The same for all flows that match."""
        path, params = self._c.below("flows", action, "by-query"), query_of(query=query, filters=filters)
        answer = await (self._c.delete(path, query=params) if action == "delete" else self._c.post(path, query=params))
        return int((answer or {}).get("count") or 0)

    async def namespaces(self, query: str = "") -> list[str]:
        """Namespaces that have flows."""
        return await self._c.get(self._c.below("flows", "distinct-namespaces"), query_of(q=query or None))

    async def graph(self, namespace: str, flow: str, *, revision: int | None = None) -> dict[str, Any]:
        """The graph of a flow's tasks."""
        return await self._c.get(self._c.below("flows", namespace, flow, "graph"), query_of(revision=revision))

    async def dependencies(self, namespace: str, flow: str) -> dict[str, Any]:
        """Flows that depend on this one or on which it depends."""
        return await self._c.get(self._c.below("flows", namespace, flow, "dependencies"))
