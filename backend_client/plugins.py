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

    async def subgroups(self) -> list[PluginGroup]:
        """The groups, each part with classes of its own."""
        return [PluginGroup.of(one) for one in await self._c.get("/api/v1/plugins/groups/subgroups") or []]

    async def icons(self) -> dict[str, dict[str, Any]]:
        """Icons of all classes as base64 of SVG."""
        return await self._c.get("/api/v1/plugins/icons")

    async def group_icons(self) -> dict[str, dict[str, Any]]:
        """Icons of all groups."""
        return await self._c.get("/api/v1/plugins/icons/groups")

    async def inputs(self) -> list[dict[str, Any]]:
        """The types of inputs."""
        return await self._c.get("/api/v1/plugins/inputs")

    async def input_schema(self, kind: str) -> dict[str, Any]:
        """Documentation and schema of a type of input."""
        return await self._c.get(f"/api/v1/plugins/inputs/{segment(kind)}")

    async def schema(self, kind: str, *, array: bool = False) -> dict[str, Any]:
        """JSON schema of `flow`, `task`, `trigger`, `dashboard`, …"""
        return await self._c.get(f"/api/v1/plugins/schemas/{segment(kind)}", query_of(arrayOf=array))

    async def properties(self, kind: str) -> dict[str, Any]:
        """Properties of a kind of document."""
        return await self._c.get(f"/api/v1/plugins/properties/{segment(kind)}")

    async def versions(self, cls: str) -> dict[str, Any]:
        """The versions of a class."""
        return await self._c.get(f"/api/v1/plugins/{segment(cls)}/versions")

    async def documentation_of(self, cls: str, version: str) -> dict[str, Any]:
        """`{markdown, schema}` of one version of a class."""
        return await self._c.get(f"/api/v1/plugins/{segment(cls)}/versions/{segment(version)}", query_of(all=False))
