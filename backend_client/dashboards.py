"""Dashboards and their charts (REST contract §14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backend_client.client import Resource, query_of, text_of
from backend_client.dashboard_charts import DashboardCharts


@dataclass(frozen=True, slots=True)
class DashboardRow:
    """A stored dashboard without its source."""

    id: str = ""
    title: str = ""
    description: str = ""
    updated: str = ""

    @classmethod
    def of(cls, body: dict[str, Any]) -> DashboardRow:
        """Read one element of the list."""
        return cls(*(text_of(body.get(name)) for name in ("id", "title", "description", "updated")))


class DashboardsApi(DashboardCharts, Resource):
    """`{T}/dashboards`."""

    async def search(self, query: str = "", *, size: int = 100) -> list[DashboardRow]:
        """The dashboards by title."""
        page = await self._page(DashboardRow.of, query_of(page=1, size=size, q=query or None), "dashboards")
        return page.rows

    async def get(self, identity: str) -> dict[str, Any]:
        """A dashboard with `sourceCode`, `charts` and `timeWindow`."""
        return await self._c.get(self._c.below("dashboards", identity))

    async def create(self, source: str) -> dict[str, Any]:
        """Store a new one."""
        return await self._c.post(self._c.below("dashboards"), content=source, content_type="application/x-yaml")

    async def update(self, identity: str, source: str) -> dict[str, Any]:
        """Replace the source."""
        return await self._c.put(
            self._c.below("dashboards", identity), content=source, content_type="application/x-yaml"
        )

    async def delete(self, identity: str) -> None:
        """Delete it."""
        await self._c.delete(self._c.below("dashboards", identity))
