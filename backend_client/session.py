"""The caller: identity, tenants, permissions, kept settings (own endpoints §2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backend_client.client import Resource, text_of


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks; `permissions` are `PERMISSION:ACTION` texts, with `@namespace` where they are limited to one.

    `disabled_menus` and `links` are what the configuration takes from and adds to the console for everybody.
    """

    username: str = ""
    name: str = ""
    tenants: list[str] = field(default_factory=list)
    permissions: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    features: list[str] = field(default_factory=list)
    version: str = ""
    zone: str = ""
    disabled_menus: list[str] = field(default_factory=list)
    links: list[dict[str, str]] = field(default_factory=list)
    in_maintenance: bool = False

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
            disabled_menus=[str(one) for one in body.get("disabledMenus") or []],
            links=[
                {"title": text_of(one.get("title")), "url": text_of(one.get("url"))} for one in body.get("links") or []
            ],
            in_maintenance=bool(body.get("inMaintenance")),
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

    async def revoke_others(self) -> int:
        """End all of the caller's sessions but the one that asks; answers how many."""
        return int((await self._c.delete(self._c.below("console", "sessions")) or {}).get("ended", 0))

    async def profile(self) -> dict[str, Any]:
        """The caller's names and the rules of its password."""
        return await self._c.get(self._c.below("console", "profile")) or {}

    async def rename(self, *, first_name: str | None = None, last_name: str | None = None) -> dict[str, Any]:
        """Store first and last name; None leaves one as it is."""
        names = {"firstName": first_name, "lastName": last_name}
        sent = {key: value for key, value in names.items() if value is not None}
        return await self._c.patch(self._c.below("console", "profile"), sent) or {}

    async def change_password(self, current: str, password: str) -> int:
        """Change the caller's password; answers how many other sessions ended by it."""
        body = {"current": current, "password": password}
        return int((await self._c.put(self._c.below("console", "password"), body) or {}).get("ended", 0))

    async def login(self, username: str, password: str, *, remember: bool = False) -> dict[str, Any]:
        """Log in; the cookie that is answered holds for further calls of this client."""
        body = {"username": username, "password": password, "remember": remember}
        return await self._c.post("/login", body)

    async def logout(self) -> None:
        """End the session of this client's cookie."""
        await self._c.post("/logout")
