"""Namespaces and their secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend_client.client import Page, Resource, query_of, text_of


@dataclass(frozen=True, slots=True)
class NamespaceRow:
    """A namespace; `existing` is False for one that only flows imply."""

    id: str = ""
    description: str = ""
    existing: bool = True

    @classmethod
    def of(cls, body: dict[str, Any]) -> NamespaceRow:
        """Read one element of the list."""
        return cls(
            id=text_of(body.get("id")), description=text_of(body.get("description")), existing=not body.get("disabled")
        )


@dataclass(frozen=True, slots=True)
class SecretRow:
    """A secret's name; values never leave the server."""

    id: str = ""
    namespace: str = ""
    key: str = ""
    description: str = ""
    tags: list[dict[str, str]] = field(default_factory=list)


class NamespacesApi(Resource):
    """`{T}/namespaces` and `{T}/secrets`."""

    async def search(
        self, *, page: int = 1, size: int = 25, sort: str = "id:asc", query: str = "", existing: bool = False
    ) -> Page[NamespaceRow]:
        """One page of namespaces."""
        params = query_of(page=page, size=size, sort=sort, q=query or None, existing=existing)
        return await self._page(NamespaceRow.of, params, "namespaces", "search")

    async def get(self, namespace: str) -> dict[str, Any]:
        """A namespace as the API tells it."""
        return await self._c.get(self._c.below("namespaces", namespace))

    async def create(self, namespace: Mapping[str, Any]) -> dict[str, Any]:
        """Create a namespace."""
        return await self._c.post(self._c.below("namespaces"), dict(namespace))

    async def update(self, namespace: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Save a namespace."""
        return await self._c.put(self._c.below("namespaces", namespace), dict(body))

    async def delete(self, namespace: str) -> None:
        """Forget description, variables and plugin defaults."""
        await self._c.delete(self._c.below("namespaces", namespace))

    async def inherited(self, namespace: str, what: str) -> Any:
        """What the namespaces above give: `variables` (a map) or `plugindefaults` (a list)."""
        return await self._c.get(self._c.below("namespaces", namespace, f"inherited-{what}"))

    async def secrets(
        self,
        *,
        page: int = 1,
        size: int = 25,
        sort: str = "",
        query: str = "",
        filters: Sequence[Mapping[str, str]] = (),
    ) -> Page[SecretRow]:
        """One page of secret names; `extra["readOnly"]` tells that the backend cannot be written."""
        params = query_of(page=page, size=size, sort=sort, query=query, filters=filters)
        body = await self._c.get(self._c.below("secrets"), params)
        rows = [
            SecretRow(
                id=f"{one.get('namespace') or ''}/{one.get('key') or ''}",
                namespace=text_of(one.get("namespace")),
                key=text_of(one.get("key")),
                description=text_of(one.get("description")),
                tags=[{"key": text_of(t.get("key")), "value": text_of(t.get("value"))} for t in one.get("tags") or []],
            )
            for one in body["results"]
        ]
        return Page(rows, int(body["total"]), {"readOnly": bool(body.get("readOnly"))})

    async def put_secret(
        self, namespace: str, key: str, value: str, *, description: str = "", tags: Sequence[Mapping[str, str]] = ()
    ) -> None:
        """Create or replace a secret."""
        body = {"key": key, "value": value, "description": description, "tags": [dict(one) for one in tags]}
        await self._c.put(self._c.below("namespaces", namespace, "secrets"), body)

    async def patch_secret(
        self, namespace: str, key: str, *, description: str, tags: Sequence[Mapping[str, str]]
    ) -> None:
        """Change description and tags; the value stays."""
        body = {"key": key, "description": description, "tags": [dict(one) for one in tags]}
        await self._c.patch(self._c.below("namespaces", namespace, "secrets", key), body)

    async def delete_secret(self, namespace: str, key: str) -> None:
        """Delete a secret."""
        await self._c.delete(self._c.below("namespaces", namespace, "secrets", key))

    async def autocomplete(self, query: str = "", *, existing: bool = False, ids: Sequence[str] = ()) -> list[str]:
        """Names of namespaces that contain a text."""
        body = {"q": query, "ids": list(ids), "existingOnly": existing}
        return await self._c.post(self._c.below("namespaces", "autocomplete"), body)

    async def secrets_of(self, namespace: str, *, page: int = 1, size: int = 100) -> dict[str, Any]:
        """The secrets of one namespace: `{readOnly, results, total}` (deprecated: `secrets`)."""
        return await self._c.get(self._c.below("namespaces", namespace, "secrets"), query_of(page=page, size=size))

    async def inherited_secrets(self, namespace: str) -> dict[str, list[str]]:
        """Names of the secrets of a namespace and of those above it, by namespace."""
        return await self._c.get(self._c.below("namespaces", namespace, "inherited-secrets"))
