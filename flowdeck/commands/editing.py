"""Who has a text open for editing: leases that end by themselves (UI-ED-62)."""

from __future__ import annotations

import json
from typing import Any

from flowdeck.commands.registry import command
from flowdeck.store.driver import Tx

LEASE_MS = 75_000
"""How long somebody counts as present after the last word; browsers speak every 30 seconds."""

_WHERE = "tenant = :tenant and kind = 'editing'"


@command("editing.hold")
def hold(tx: Tx, args: dict[str, Any]) -> bool:
    """Say that `owner` edits `place` in the browser tab `client`, or (with `leave`) no longer.

    Others are told when somebody comes, goes, or begins or ends to have unsaved text (`dirty`); a word that changes
    nothing is only written down. Leases that ended are forgotten on the way.

    Returns: whether others were told.
    """
    key = f"{args['place']}#{args['client']}"
    one = {"tenant": args["tenant"], "owner": args["owner"], "key": key}
    row = tx.one(f"select body, updated from user_data where {_WHERE} and owner = :owner and key = :key", one)
    body = json.dumps({"dirty": bool(args.get("dirty"))})
    there = row is not None and row["updated"] > tx.now - LEASE_MS
    if args.get("leave"):
        changed = there
        tx.sql(f"delete from user_data where {_WHERE} and owner = :owner and key = :key", one)
    else:
        changed = not (there and row is not None and row["body"] == body)
        tx.sql(
            "insert into user_data (tenant, owner, kind, key, body, version, shared, updated)"
            " values (:tenant, :owner, 'editing', :key, :body, 1, :no, :now)"
            " on conflict (tenant, owner, kind, key) do update set body = excluded.body, updated = excluded.updated",
            {**one, "body": body, "no": False, "now": tx.now},
        )
    if changed:
        tx.sql(
            f"delete from user_data where {_WHERE} and updated < :since", tenant=args["tenant"], since=tx.now - LEASE_MS
        )
        tx.notify(f"editing:{args['place']}", "changed", args["client"], by=args["owner"])
    return changed
