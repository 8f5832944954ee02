"""The caller: identity, tenants, permissions, kept settings (own endpoints §2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backend_client.client import Resource, text_of


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks; `permissions` are `PERMISSION:ACTION` texts, with `@namespace` where they are limited to one."""

    username: str = ""
    name: str = ""
    tenants: list[str] = field(default_factory=list)
    permissions: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    features: list[str] = field(default_factory=list)
    version: str = ""
    zone: str = ""

    @classmethod
    def of(cls, body: dict[str, Any]) -> Me:
        """Read the answer of `GET …/console/me`."""
        user = body.get("user") or {}
        rights = []
        for one in body.get("permissions") or []:
            right = f"{one.get('permission')}:{one.get('action')}"
            rights.append(f"{right}@{one['namespace']}" if one.get("namespace") else right)
        return cls(
            username=text_of(user.get("username")),
            name=text_of(user.get("name")),
            tenants=[text_of(one.get("id")) for one in body.get("tenants") or []],
            permissions=rights,
            settings=dict(body.get("settings") or {}),
            features=[str(one) for one in body.get("features") or []],
            version=text_of(body.get("version")),
            zone=text_of(body.get("zone")),
        )


class SessionApi(Resource):
    """`…/console/me` and the caller's sessions."""

    async def me(self) -> Me:
        """The caller; `ApiError` 401 when not logged in."""
        return Me.of(await self._c.get(self._c.below("console", "me")) or {})

    async def sessions(self) -> list[dict[str, Any]]:
        """The caller's sessions."""
        body = await self._c.get(self._c.below("console", "sessions"))
        return list(body.get("results", []) if isinstance(body, dict) else body or [])

    async def revoke(self, session: str) -> None:
        """End one of the caller's sessions."""
        await self._c.delete(self._c.below("console", "sessions", session))
