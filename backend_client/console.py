"""The console's own endpoints: search, kept settings, views, schedule previews (own endpoints §6 to §9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend_client.client import Resource, query_of
from backend_client.console_data import ConsoleData


class ConsoleApi(ConsoleData, Resource):
    """`{T}/console/…`."""

    async def settings(self) -> dict[str, Any]:
        """The caller's settings with the tenant's defaults."""
        return await self._c.get(self._c.below("console", "settings")) or {}

    async def patch_settings(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Merge changes into the settings."""
        return await self._c.patch(self._c.below("console", "settings"), dict(changes)) or {}

    async def defaults(self) -> dict[str, Any]:
        """What an administrator chose for everybody of the tenant who did not choose."""
        return await self._c.get(self._c.below("console", "settings", "defaults")) or {}

    async def patch_defaults(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Merge changes into the tenant's defaults; None removes one."""
        return await self._c.patch(self._c.below("console", "settings", "defaults"), dict(changes)) or {}

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

    async def outline(self, source: str) -> dict[str, Any]:
        """What a dashboard's source holds: `{title, description, window, charts, errors}`."""
        path = self._c.below("console", "dashboards", "outline")
        return await self._c.post(path, content=source, content_type="application/x-yaml")

    async def words(self, crons: Sequence[str]) -> dict[str, str]:
        """Cron expressions in words; those that are wrong are left out."""
        return await self._c.post(self._c.below("console", "schedules", "words"), {"crons": list(crons)}) or {}

    async def get(self, *path: str, **query: object) -> Any:
        """Any other GET below `console/`."""
        return await self._c.get(self._c.below("console", *path), query_of(**query))  # type: ignore[arg-type]

    async def about(self) -> dict[str, Any]:
        """What the instance is made of, and its configuration without secrets."""
        return await self._c.get(self._c.below("console", "administration", "about"))

    async def support_bundle(self) -> bytes:
        """A ZIP for support."""
        return (await self._c.send("GET", self._c.below("console", "administration", "bundle"))).content

    async def file_lines(self, namespace: str, text: str, *, regex: bool = False, case: bool = False) -> dict[str, Any]:
        """Lines of a namespace's files that match: `{results: [{path, version, lines, more}], truncated}`."""
        query = query_of(q=text, regex=regex, case=case)
        return await self._c.get(self._c.below("console", "namespaces", namespace, "lines"), query)

    async def replace_in_files(
        self,
        namespace: str,
        text: str,
        by: str,
        files: Mapping[str, int],
        *,
        regex: bool = False,
        case: bool = False,
    ) -> dict[str, Any]:
        """Replace in files of these versions: `{changed, refused}`."""
        body = {"q": text, "by": by, "files": dict(files), "regex": regex, "case": case}
        return await self._c.post(self._c.below("console", "namespaces", namespace, "lines", "replace"), body)

    async def absent_plugins(self) -> list[dict[str, str]]:
        """Types that published flows use and nothing here provides: `{type, group}`."""
        return await self._c.get(self._c.below("console", "plugins", "absent"))

    async def namespaces(self) -> dict[str, Any]:
        """All namespaces with counts of the last day: `{system, results}`."""
        return await self._c.get(self._c.below("console", "namespaces"))

    async def namespace_dependencies(self, namespace: str, *, children: bool = True) -> dict[str, Any]:
        """How the flows of a namespace, and of those below it, start one another: `{nodes, edges, apart}`."""
        place = self._c.below("console", "namespaces", namespace, "dependencies")
        return await self._c.get(place, query_of(children=children))

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
