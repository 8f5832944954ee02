"""Bundled blueprints (REST contract §14)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backend_client.client import Resource, query_of, text_of


@dataclass(frozen=True, slots=True)
class BlueprintRow:
    """A blueprint; `types` are the plugins that it uses."""

    id: str = ""
    title: str = ""
    description: str = ""
    tags: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, body: dict[str, Any]) -> BlueprintRow:
        """Read one element of the list."""
        return cls(
            id=text_of(body.get("id")),
            title=text_of(body.get("title")),
            description=text_of(body.get("description")),
            tags=[str(one) for one in body.get("tags") or []],
            types=[str(one) for one in body.get("includedTasks") or []],
        )


class BlueprintsApi(Resource):
    """`{T}/blueprints/community/{kind}`; kind is `flow` or `dashboard`."""

    async def search(
        self, kind: str = "flow", *, query: str = "", tags: str = "", sort: str = ""
    ) -> list[BlueprintRow]:
        """All that match; `tags` are parted by commas."""
        params = query_of(page=1, size=500, sort=sort, q=query or None, tags=tags or None)
        page = await self._page(BlueprintRow.of, params, "blueprints", "community", kind)
        return page.rows

    async def get(self, kind: str, identity: str) -> tuple[BlueprintRow, str]:
        """A blueprint and its source."""
        body = await self._c.get(self._c.below("blueprints", "community", kind, identity))
        return BlueprintRow.of(body), text_of(body.get("source"))

    async def tags(self, kind: str = "flow", *, query: str = "") -> list[dict[str, Any]]:
        """The tags of blueprints."""
        return await self._c.get(self._c.below("blueprints", "community", kind, "tags"), query_of(q=query or None))

    async def source(self, kind: str, identity: str) -> str:
        """The source alone."""
        return (await self._c.send("GET", self._c.below("blueprints", "community", kind, identity, "source"))).text

    async def graph(self, kind: str, identity: str) -> dict[str, Any]:
        """The graph of a blueprint's tasks."""
        return await self._c.get(self._c.below("blueprints", "community", kind, identity, "graph"))
