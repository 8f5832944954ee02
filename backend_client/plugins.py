"""Plugins and their documentation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backend_client.client import Resource, query_of, segment, text_of

KINDS = (
    "tasks",
    "triggers",
    "conditions",
    "taskRunners",
    "charts",
    "dataFilters",
    "logExporters",
    "storages",
    "secrets",
)


@dataclass(frozen=True, slots=True)
class PluginElement:
    """One class."""

    cls: str = ""
    title: str = ""
    kind: str = ""
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class PluginGroup:
    """A family of classes."""

    name: str = ""
    title: str = ""
    description: str = ""
    group: str = ""
    count: int = 0
    elements: list[PluginElement] = field(default_factory=list)

    @classmethod
    def of(cls, body: dict[str, Any]) -> PluginGroup:
        """Read one element of the list."""
        elements = [
            PluginElement(text_of(one.get("cls")), text_of(one.get("title")), kind, bool(one.get("deprecated")))
            for kind in KINDS
            for one in body.get(kind) or []
        ]
        return cls(
            name=text_of(body.get("name")),
            title=text_of(body.get("title")) or text_of(body.get("name")),
            description=text_of(body.get("description")),
            group=text_of(body.get("group")),
            count=len(elements),
            elements=elements,
        )


class PluginsApi(Resource):
    """`/api/v1/plugins`."""

    async def groups(self) -> list[PluginGroup]:
        """All groups with their classes."""
        return [PluginGroup.of(one) for one in await self._c.get("/api/v1/plugins") or []]

    async def documentation(self, cls: str) -> dict[str, Any]:
        """`{markdown, schema}` of one class."""
        return await self._c.get(f"/api/v1/plugins/{segment(cls)}", query_of(all=False))
