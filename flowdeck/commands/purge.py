"""Deleting what is old, in batches, and the work that follows a commit (engine notes §2.12).

Files and log lines of deleted rows are listed in `outbox`; `engine.janitor` deletes them and then the entries.
"""

from __future__ import annotations

import json
from typing import Any

from flowdeck.commands.registry import ANSWER_KEPT_MS, command
from flowdeck.model.states import FIRST_TERMINAL
from flowdeck.store.driver import Tx

BATCH = 500

_CHILDREN = (
    "delete from attempt where task_run_seq in (select seq from task_run where execution_seq = ?)",
    "delete from timer where kind <> 'execution' and ref in (select seq from task_run where execution_seq = ?)",
    "delete from task_run where execution_seq = ?",
    "delete from event where execution_seq = ?",
    "delete from execution_label where execution_seq = ?",
    "delete from slot where execution_seq = ?",
    "delete from waiting where execution_seq = ?",
)


@command("purge.executions")
def purge_executions(tx: Tx, args: dict[str, Any]) -> dict[str, int]:
    """Delete executions that ended before `before` (ms), at most `limit` (500), oldest first.

    Args (in `args`): tenant (None = all), `namespace` (with those below), `flow_id`, `states` (names or numbers),
    `after` (ms), and what else goes: `logs`, `metrics`, `storage` (default all).
    Returns: `executions`, the number deleted; fewer than `limit` = there are no more.
    """
    from flowdeck.model.states import State

    where, named = (
        ["state >= :terminal", "ended < :before"],
        {
            "terminal": int(FIRST_TERMINAL),
            "before": int(args["before"]),
            "limit": int(args.get("limit", BATCH)),
        },
    )
    if args.get("tenant") is not None:
        where.append("tenant = :tenant")
        named["tenant"] = args["tenant"]
    if args.get("namespace") is not None:
        where.append("(namespace = :namespace or substr(namespace, 1, :size) = :dotted)")
        named |= {"namespace": args["namespace"], "dotted": f"{args['namespace']}.", "size": len(args["namespace"]) + 1}
    if args.get("flow_id") is not None:
        where.append("flow_id = :flow_id")
        named["flow_id"] = args["flow_id"]
    if args.get("after") is not None:
        where.append("ended >= :after")
        named["after"] = int(args["after"])
    if args.get("states"):
        numbers = [int(s) if isinstance(s, int) else int(State[s]) for s in args["states"]]
        where.append(f"state in ({', '.join(map(str, numbers))})")
    rows = tx.all(
        f"select seq, id, tenant, namespace, flow_id from execution where {' and '.join(where)}"
        " order by seq limit :limit",
        named,
    )
    keys = [(row["seq"],) for row in rows]
    for text in _CHILDREN:
        tx.many(text, keys)
    if args.get("metrics", True):
        tx.many("delete from metric where execution_seq = ?", keys)
    tx.many("delete from execution where seq = ?", keys)
    if rows and args.get("logs", True):
        tx.insert(
            "outbox", kind="logs.delete", payload=json.dumps({"executions": [key[0] for key in keys]}), due=tx.now
        )
    if args.get("storage", True):
        for row in rows:
            place = {
                "tenant": row["tenant"],
                "namespace": row["namespace"],
                "flow": row["flow_id"],
                "execution": row["id"],
            }
            tx.insert("outbox", kind="storage.delete", payload=json.dumps(place), due=tx.now)
    if rows:
        tx.notify("executions", "deleted", "", n=len(rows))
    return {"executions": len(rows)}


@command("purge.metrics")
def purge_metrics(tx: Tx, args: dict[str, Any]) -> int:
    """Delete metrics published before `before` (ms), at most 5,000; answers how many."""
    return tx.sql(
        "delete from metric where seq in (select seq from metric where at < :before order by seq limit 5000)",
        before=int(args["before"]),
    )


@command("purge.answers")
def purge_answers(tx: Tx, args: dict[str, Any]) -> int:
    """Delete answers to idempotency keys older than 24 h, and sessions that are over."""
    tx.sql("delete from session where expires <= :now", now=tx.now)
    return tx.sql("delete from command_answer where created < :before", before=tx.now - ANSWER_KEPT_MS)


@command("outbox.done")
def outbox_done(tx: Tx, args: dict[str, Any]) -> int:
    """Delete carried out entries by `seqs`."""
    return tx.many("delete from outbox where seq = ?", [(int(seq),) for seq in args["seqs"]])
