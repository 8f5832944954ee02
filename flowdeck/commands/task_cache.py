"""Results of tasks with a cache (spec: workflow components §7.4)."""

from __future__ import annotations

import json
from typing import Any

from flowdeck.commands.registry import command
from flowdeck.store.driver import Tx


@command("task_cache.put")
def put(tx: Tx, args: dict[str, Any]) -> None:
    """Keep a result; an earlier one under the same key goes.

    Args (in `args`): key, tenant, namespace, flow_id, task_id, state (number), outputs (JSON or null), outputs_uri,
    outputs_size (bytes).
    """
    outputs = args.get("outputs")
    tx.sql(
        "insert into task_cache (key, tenant, namespace, flow_id, task_id, state, outputs, outputs_uri, outputs_size,"
        " at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (key) do update set state = excluded.state,"
        " outputs = excluded.outputs, outputs_uri = excluded.outputs_uri, outputs_size = excluded.outputs_size,"
        " at = excluded.at",
        args["key"],
        args["tenant"],
        args["namespace"],
        args["flow_id"],
        args["task_id"],
        args["state"],
        None if outputs is None else json.dumps(outputs, ensure_ascii=False),
        args.get("outputs_uri"),
        args.get("outputs_size") or 0,
        tx.now,
    )


@command("task_cache.clear")
def clear(tx: Tx, args: dict[str, Any]) -> int:
    """Forget the results of a flow's tasks, or of one of them; how many there were.

    Args (in `args`): tenant, namespace, flow_id, task_id (optional).
    """
    place = [args["tenant"], args["namespace"], args["flow_id"]]
    text = "delete from task_cache where tenant = ? and namespace = ? and flow_id = ?"
    if args.get("task_id"):
        return tx.sql(f"{text} and task_id = ?", *place, args["task_id"])
    return tx.sql(text, *place)
