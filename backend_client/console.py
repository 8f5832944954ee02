"""The console's own endpoints: search, kept settings, views, schedule previews (own endpoints §6 to §9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend_client.client import Resource, query_of


class ConsoleApi(Resource):
    """`{T}/console/…`."""

    async def settings(self) -> dict[str, Any]:
        """The caller's settings with the tenant's defaults."""
        return await self._c.get(self._c.below("console", "settings")) or {}

    async def patch_settings(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Merge changes into the settings."""
        return await self._c.patch(self._c.below("console", "settings"), dict(changes)) or {}

    async def views(self, name: str, *, counts: bool = False) -> list[dict[str, Any]]:
        """The saved filters of a list."""
        body = await self._c.get(self._c.below("console", "views"), query_of(list=name, counts=counts))
        return list(body.get("results", []) if isinstance(body, dict) else body or [])

    async def put_view(self, identity: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create or replace a saved filter."""
        return await self._c.put(self._c.below("console", "views", identity), dict(body)) or {}

    async def delete_view(self, identity: str) -> None:
        """Delete a saved filter."""
        await self._c.delete(self._c.below("console", "views", identity))

    async def preview_schedule(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The next dates of a cron expression and what it means in words."""
        return await self._c.post(self._c.below("console", "schedules", "preview"), dict(body))

    async def get(self, *path: str, **query: object) -> Any:
        """Any other GET below `console/`."""
        return await self._c.get(self._c.below("console", *path), query_of(**query))  # type: ignore[arg-type]

    async def figure(
        self, chart: str, time_range: str | Mapping[str, str], filters: Sequence[Mapping[str, str]] = ()
    ) -> dict[str, Any]:
        """A chart's figure, columns and rows over an ISO duration or `{start, end}`."""
        body = {"chart": chart, "timeRange": time_range, "filters": body_filters(filters)}
        return await self._c.post(self._c.below("console", "figures"), body)

    async def errors(self, filters: Sequence[Mapping[str, str]] = (), *, limit: int = 10) -> dict[str, Any]:
        """Failed executions grouped by message: `{groups}`."""
        params = query_of(filters=filters, groupBy="message", limit=limit)
        return await self._c.get(self._c.below("console", "errors"), params)

    async def sparklines(self, flows: Sequence[tuple[str, str]], *, runs: int = 14) -> list[dict[str, Any]]:
        """The last runs, success ratio and median of flows `(namespace, id)`."""
        body = {"flows": [{"namespace": n, "id": f} for n, f in flows], "runs": runs}
        return await self._c.post(self._c.below("console", "flows", "sparklines"), body) or []


def body_filters(filters: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return conditions as a JSON body has them; a label is a map, lists of `IN` are lists."""
    found: list[dict[str, Any]] = []
    for one in filters:
        name, operator, value = one["field"], one.get("operator", "EQUALS"), one["value"]
        sent: Any = value
        if name == "labels":
            key, _, word = value.partition(":")
            sent = {key: word}
        elif operator in ("IN", "NOT_IN"):
            sent = [part for part in value.split(",") if part]
        found.append({"field": name, "operation": operator, "value": sent})
    return found
