"""Data of dashboards' charts, and checks of their sources (REST contract §14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend_client.client import Page, Resource
from backend_client.models import Violation

YAML = "application/x-yaml"


class DashboardCharts(Resource):
    """The part of `{T}/dashboards` that handles charts."""

    async def validate(self, source: str) -> Violation:
        """What is wrong with a dashboard's source."""
        return await self._c.post(self._c.below("dashboards", "validate"), content=source, content_type=YAML)

    async def validate_chart(self, source: str) -> Violation:
        """What is wrong with the source of one chart."""
        return await self._c.post(self._c.below("dashboards", "validate", "chart"), content=source, content_type=YAML)

    async def data(
        self, dashboard: str, chart: str, overrides: Mapping[str, Any] | None = None
    ) -> Page[dict[str, Any]]:
        """Rows of a chart; `overrides` are `startDate`, `endDate`, `timeRange`, `filters`, `pageSize`, `pageNumber`."""
        path = self._c.below("dashboards", dashboard, "charts", chart)
        return _page(await self._c.post(path, dict(overrides or {})))

    async def data_csv(self, dashboard: str, chart: str, overrides: Mapping[str, Any] | None = None) -> bytes:
        """The rows of a chart as CSV."""
        path = self._c.below("dashboards", dashboard, "charts", chart, "export", "to-csv")
        return (await self._c.send("POST", path, json=dict(overrides or {}))).content

    async def preview(self, chart: str, overrides: Mapping[str, Any] | None = None) -> Page[dict[str, Any]]:
        """Rows of a chart that is not stored, by its source."""
        body = {"chart": chart, "globalFilter": dict(overrides or {})}
        return _page(await self._c.post(self._c.below("dashboards", "charts", "preview"), body))

    async def preview_csv(self, chart: str, overrides: Mapping[str, Any] | None = None) -> bytes:
        """The same rows as CSV."""
        body = {"chart": chart, "globalFilter": dict(overrides or {})}
        path = self._c.below("dashboards", "charts", "export", "to-csv")
        return (await self._c.send("POST", path, json=body)).content


def _page(body: Mapping[str, Any]) -> Page[dict[str, Any]]:
    return Page(list(body.get("results") or []), int(body.get("total") or 0))
