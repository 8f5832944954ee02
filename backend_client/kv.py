"""Key-value pairs of namespaces (REST contract §12)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend_client.client import Page, Resource, query_of, text_of


@dataclass(frozen=True, slots=True)
class KvEntry:
    """A pair without its value."""

    id: str = ""
    namespace: str = ""
    key: str = ""
    version: int = 0
    description: str = ""
    created: str = ""
    updated: str = ""
    expires: str = ""
    type: str = ""
    preview: str = ""

    @classmethod
    def of(cls, body: dict[str, Any]) -> KvEntry:
        """Read one element of the list."""
        namespace, key = text_of(body.get("namespace")), text_of(body.get("key"))
        return cls(
            id=f"{namespace}/{key}",
            namespace=namespace,
            key=key,
            version=int(body.get("version") or 0),
            description=text_of(body.get("description")),
            created=text_of(body.get("creationDate")),
            updated=text_of(body.get("updateDate")),
            expires=text_of(body.get("expirationDate")),
            type=text_of(body.get("type")),
            preview=text_of(body.get("preview")),
        )


@dataclass(frozen=True, slots=True)
class KvValue:
    """A value with its type: STRING, NUMBER, BOOLEAN, DATETIME, DATE, DURATION or JSON; `text` is for editing."""

    type: str
    text: str
    revision: int
    updated: str
    size: int = 0
    away: bool = False
    """Too large to come without being asked for (`get`)."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> KvValue:
        """Read the answer of one pair."""
        kind, value = text_of(body.get("type")), body.get("value")
        if kind == "JSON":
            text = json.dumps(value, indent=2, ensure_ascii=False)
        elif kind == "BOOLEAN":
            text = "true" if value else "false"
        else:
            text = text_of(value)
        size, away = int(body.get("size") or len(text)), "value" not in body
        return cls(kind, "" if away else text, int(body.get("revision") or 0), text_of(body.get("updated")), size, away)


class KvApi(Resource):
    """`{T}/kv` and `{T}/namespaces/{namespace}/kv`."""

    async def search(
        self,
        *,
        page: int = 1,
        size: int = 25,
        sort: str = "",
        query: str = "",
        filters: Sequence[Mapping[str, str]] = (),
    ) -> Page[KvEntry]:
        """One page of pairs over all namespaces."""
        return await self._page(
            KvEntry.of, query_of(page=page, size=size, sort=sort, query=query, filters=filters), "kv"
        )

    async def inherited(self, namespace: str) -> list[KvEntry]:
        """The pairs of the parent namespaces."""
        return [
            KvEntry.of(one) for one in await self._c.get(self._c.below("namespaces", namespace, "kv", "inheritance"))
        ]

    async def get(self, namespace: str, key: str) -> KvValue:
        """One value; `ApiError` 404 unknown, 410 expired."""
        return KvValue.of(await self._c.get(self._c.below("namespaces", namespace, "kv", key)))

    async def held(self, namespace: str, key: str) -> KvValue:
        """One value, without its text when that is above 100,000 characters; errors as of `get`."""
        return KvValue.of(await self._c.get(self._c.below("console", "kv", "held", namespace, key)))

    async def put(
        self, namespace: str, key: str, text: str, *, kind: str = "", ttl: str = "", description: str = ""
    ) -> None:
        """Write a pair.

        Args:
            text: the value in the wire's form (`wire_text`).
            kind: fixes the type; empty lets the server recognise it.
            ttl: ISO 8601 duration; empty for ever.
        """
        # Header values travel as bytes; the server reads them as UTF-8.
        headers: dict[str, str | bytes] = {"ttl": ttl} if ttl else {}
        if description:
            headers["description"] = description.replace("\n", " ").encode()
        await self._c.put(
            self._c.below("namespaces", namespace, "kv", key),
            query=query_of(type=kind or None),
            content=text,
            content_type="text/plain",
            headers=headers,
        )

    async def delete(self, namespace: str, key: str) -> bool:
        """Delete a pair; False when there was none."""
        return bool(await self._c.delete(self._c.below("namespaces", namespace, "kv", key)))

    async def delete_many(self, namespace: str, keys: Sequence[str]) -> list[str]:
        """Delete pairs of one namespace; the keys that went."""
        body = await self._c.delete(self._c.below("namespaces", namespace, "kv"), {"keys": list(keys)})
        return [str(one) for one in (body or {}).get("keys", [])]

    async def of_namespace(self, namespace: str) -> list[KvEntry]:
        """All pairs of one namespace (deprecated: `search`)."""
        return [KvEntry.of(one) for one in await self._c.get(self._c.below("namespaces", namespace, "kv"))]

    async def detail(self, namespace: str, key: str) -> dict[str, Any]:
        """One pair with its value and its dates."""
        return await self._c.get(self._c.below("namespaces", namespace, "kv", key, "detail"))

    async def put_value(self, namespace: str, key: str, value: Any, *, ttl: str = "", description: str = "") -> None:
        """Write a text, a number, a truth value, a list or a map; `ttl` is an ISO 8601 duration."""
        await self.put(namespace, key, json.dumps(value, ensure_ascii=False), ttl=ttl, description=description)


def wire_text(kind: str, text: str) -> str:
    """Return a value as the PUT expects it: texts quoted, everything else as written."""
    return json.dumps(text, ensure_ascii=False) if kind == "STRING" else text.strip()
