"""Who has a flow open in the editor, told to the others calmly (UI-ED-62)."""

from __future__ import annotations

import json
from typing import Any

from flowdeck.commands.editing import LEASE_MS
from flowdeck.services import flows
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import instant

MOST = 50
"""Editors that are told."""


async def editors(backend: Backend, caller: Caller, namespace: str, flow_id: str, client: str) -> list[dict[str, Any]]:
    """The others who edit a flow now, `{user, client, own, dirty, seen}`; `client` is the browser tab that asks."""
    prefix = f"{namespace}/{flow_id}#"
    rows = await backend.read(
        lambda r: r.all(
            "select owner, key, body, updated from user_data where tenant = :tenant and kind = 'editing' and"
            " substr(key, 1, length(:prefix)) = :prefix and updated > :since order by owner, key limit :most",
            tenant=caller.tenant,
            prefix=prefix,
            since=backend.now() - LEASE_MS,
            most=MOST,
        )
    )
    return [
        {
            "user": row["owner"],
            "client": row["key"].removeprefix(prefix),
            "own": row["owner"] == caller.username,
            "dirty": bool(json.loads(row["body"]).get("dirty")),
            "seen": instant(row["updated"]),
        }
        for row in rows
        if row["key"] != f"{prefix}{client}"
    ]


async def hold(
    backend: Backend, caller: Caller, namespace: str, flow_id: str, client: str, *, dirty: bool
) -> list[dict[str, Any]]:
    """Say that the caller edits a flow, for `LEASE_MS` from now; answers the others. `NotFound`."""
    await flows.head(backend, caller, namespace, flow_id, deleted=True)  # deleted under an open editor: no error
    await _say(backend, caller, namespace, flow_id, client, dirty=dirty)
    return await editors(backend, caller, namespace, flow_id, client)


async def leave(backend: Backend, caller: Caller, namespace: str, flow_id: str, client: str) -> None:
    """Say that the caller's browser tab edits the flow no longer."""
    await _say(backend, caller, namespace, flow_id, client, leave=True)


async def _say(backend: Backend, caller: Caller, namespace: str, flow_id: str, client: str, **more: Any) -> None:
    place = f"{namespace}/{flow_id}"
    await backend.send(caller, "editing.hold", owner=caller.username, place=place, client=client, **more)
