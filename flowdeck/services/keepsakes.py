"""What a user keeps: settings, views, drafts, presets (spec: extensions §8)."""

from __future__ import annotations

import json
from typing import Any

from flowdeck.model.errors import Forbidden, IllegalArgument, NotFound, TooLarge
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import instant

LIMITS = {
    "settings": (256 * 1024, 1),
    "view": (64 * 1024, 100),
    "draft": (5 * 1024 * 1024, 200),
    "preset": (64 * 1024, 50),
    "pins": (1024 * 1024, 200),
}
DRAFT_DAYS = 30
DAY = 86_400_000
DEFAULTS = "flowdeck.defaults."
"""Prefix of the instance setting that holds what an administrator chose for everybody of a tenant."""

_ROW = "select * from user_data where tenant = :tenant and owner = :owner and kind = :kind and key = :key"


async def _row(backend: Backend, caller: Caller, kind: str, key: str) -> Any:
    return await backend.read(lambda r: r.one(_ROW, tenant=caller.tenant, owner=caller.username, kind=kind, key=key))


async def defaults(backend: Backend, tenant: str) -> dict[str, Any]:
    """What an administrator chose for everybody who did not choose (UI-ST-01)."""
    text = await backend.read(lambda r: r.value("select value from setting where key = :key", key=DEFAULTS + tenant))
    return json.loads(text) if text else {}


async def patch_defaults(backend: Backend, caller: Caller, change: dict[str, Any]) -> dict[str, Any]:
    """Merge into the tenant's defaults; a `null` removes. `TooLarge`."""
    body = _merged(await defaults(backend, caller.tenant), _settings_of(change))
    limit = LIMITS["view"][0]
    if len(json.dumps(body).encode()) > limit:
        raise TooLarge(f"defaults: at most {limit} bytes")
    await backend.send(caller, "settings.put", key=DEFAULTS + caller.tenant, value=body or None)
    return body


def _settings_of(sent: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in sent.items() if k not in ("defaults", "version")}


async def settings(backend: Backend, caller: Caller) -> dict[str, Any]:
    """The caller's settings with the tenant's defaults beside them."""
    row = await _row(backend, caller, "settings", "")
    own = json.loads(row["body"]) if row else {}
    return {**own, "defaults": await defaults(backend, caller.tenant), "version": row["version"] if row else 0}


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    out = dict(old)
    for key, value in new.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = _merged(out[key], value)
        else:
            out[key] = value
    return out


async def patch_settings(backend: Backend, caller: Caller, change: dict[str, Any]) -> dict[str, Any]:
    """Merge a change into the settings; a `null` removes."""
    row = await _row(backend, caller, "settings", "")
    body = _merged(json.loads(row["body"]) if row else {}, _settings_of(change))
    await put(backend, caller, "settings", "", body, shared=False)
    return await settings(backend, caller)


async def reset_settings(backend: Backend, caller: Caller, group: str | None) -> dict[str, Any]:
    """Forget one group of settings, or all."""
    row = await _row(backend, caller, "settings", "")
    body = json.loads(row["body"]) if row else {}
    body = {k: v for k, v in body.items() if k != group} if group else {}
    await put(backend, caller, "settings", "", body, shared=False)
    return await settings(backend, caller)


async def put(
    backend: Backend,
    caller: Caller,
    kind: str,
    key: str,
    body: dict[str, Any],
    *,
    shared: bool,
    if_match: int | None = None,
) -> dict[str, Any]:
    """Create or replace; `Conflict` for a stale version, `TooLarge`, `IllegalArgument` beyond the number allowed."""
    limit, number = LIMITS[kind]
    text = json.dumps(body, ensure_ascii=False)
    if len(text.encode()) > limit:
        raise TooLarge(f"{kind}: at most {limit} bytes")
    row = await _row(backend, caller, kind, key)
    if row is None:
        count = await backend.read(
            lambda r: r.value(
                "select count(*) from user_data where tenant = :tenant and owner = :owner and kind = :kind",
                tenant=caller.tenant,
                owner=caller.username,
                kind=kind,
            )
        )
        if count >= number and kind not in ("settings", "draft"):
            raise IllegalArgument(f"at most {number} of kind {kind}")
    args: dict[str, Any] = {"body": body, "shared": shared, "version": if_match}
    if kind == "draft":  # the oldest go: unsaved text is never refused for want of room
        args |= {"most": number, "since": backend.now() - DRAFT_DAYS * DAY}
    await backend.send(caller, "userdata.put", owner=caller.username, kind=kind, key=key, **args)
    return {"version": (row["version"] if row else 0) + 1, "updated": instant(backend.now())}


async def get(backend: Backend, caller: Caller, kind: str, key: str) -> dict[str, Any]:
    """One thing with its `version`. `NotFound`."""
    row = await _row(backend, caller, kind, key)
    if row is None:
        raise NotFound(kind)
    return _shaped(row)


def _shaped(row: Any) -> dict[str, Any]:
    return {
        **json.loads(row["body"]),
        "id": row["key"],
        "version": row["version"],
        "shared": bool(row["shared"]),
        "owner": row["owner"],
        "updated": instant(row["updated"]),
    }


async def listed(backend: Backend, caller: Caller, kind: str, prefix: str = "") -> list[dict[str, Any]]:
    """The caller's things of a kind and those shared within the tenant, whose key begins with `prefix`."""
    rows = await backend.read(
        lambda r: r.all(
            "select * from user_data where tenant = :tenant and kind = :kind and (owner = :owner or shared = :yes) "
            "and substr(key, 1, length(:prefix)) = :prefix order by key",
            tenant=caller.tenant,
            kind=kind,
            owner=caller.username,
            yes=True,
            prefix=prefix,
        )
    )
    return [_shaped(row) for row in rows]


async def delete(backend: Backend, caller: Caller, kind: str, key: str) -> None:
    """Remove an own thing. `NotFound`, `Forbidden` for another's shared one."""
    row = await _row(backend, caller, kind, key)
    if row is None:
        other = await backend.read(
            lambda r: r.value(
                "select 1 from user_data where tenant = :tenant and kind = :kind and key = :key and shared = :yes",
                tenant=caller.tenant,
                kind=kind,
                key=key,
                yes=True,
            )
        )
        if other:
            raise Forbidden("shared by somebody else")
        raise NotFound(kind)
    await backend.send(caller, "userdata.delete", owner=caller.username, kind=kind, key=key)
