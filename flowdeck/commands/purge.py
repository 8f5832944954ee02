"""Deleting what is old, in batches, and the work that follows a commit (engine notes §2.12).

Files and log lines of deleted rows are listed in `outbox`; `engine.janitor` deletes them and then the entries.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flowdeck.commands.registry import ANSWER_KEPT_MS, command
from flowdeck.model.errors import IllegalArgument
from flowdeck.model.states import FIRST_TERMINAL
from flowdeck.store.driver import Tx

BATCH = 500
SLICE = 2_000
"""Task runs of one execution that one command deletes."""

_CHILDREN = (
    "delete from attempt where task_run_seq in (select seq from task_run where execution_seq in {seqs})",
    "delete from timer where kind in ('retry', 'pause', 'pause-timeout', 'timeout')"
    " and ref in (select seq from task_run where execution_seq in {seqs})",
    "delete from task_run where execution_seq in {seqs}",
    "delete from event where execution_seq in {seqs}",
    "delete from execution_label where execution_seq in {seqs}",
    "delete from waiting where execution_seq in {seqs}",
    "delete from execution where seq in {seqs}",
)
"""Ended executions hold no slot. The number of statements is the same for one execution and for 500."""


def _placeholders(values: Sequence[Any]) -> str:
    return "(" + ", ".join("?" * len(values)) + ")"


def _skipping(tx: Tx) -> str:
    """End of a select of rows to delete: of two purges at once in PostgreSQL each takes what the other has not."""
    return " for update skip locked" if tx.dialect == "postgresql" else ""


@command("purge.executions")
def purge_executions(tx: Tx, args: dict[str, Any]) -> dict[str, int]:
    """Delete ended executions with all their rows, at most 500: `seqs`, as `store.queries.retention` found them.

    Those that are open again, or gone, are passed over. Args (in `args`): what goes with them, all by default:
    `logs`, `metrics`, `storage`; `executions` false keeps the executions themselves.
    Returns: `executions` and `metrics`, the numbers of rows that went. A giant that comes alone goes in slices, so
    that no step takes long: `again` is set until the last one.
    """
    wanted = [int(seq) for seq in args["seqs"]]
    if not wanted:
        return {"executions": 0, "metrics": 0}
    if len(wanted) > BATCH:
        raise IllegalArgument(f"at most {BATCH} executions at once")
    # One that waits to be made anew (§11.1) or for the end of its afterExecution is still in the executor's memory.
    rows = tx.all(
        f"select seq, id, tenant, namespace, flow_id, task_count from execution where seq in {_placeholders(wanted)}"
        " and state >= ? and open_count = 0 and not exists (select 1 from timer"
        f" where kind in ('recreate', 'after', 'schedule') and ref = execution.seq) order by seq{_skipping(tx)}",
        *wanted,
        int(FIRST_TERMINAL),
    )
    if not rows:
        return {"executions": 0, "metrics": 0}
    if args.get("executions", True) and len(rows) == 1 and rows[0]["task_count"] > SLICE and _slice(tx, rows[0]["seq"]):
        return {"executions": 0, "metrics": 0, "again": 1}
    keys = [row["seq"] for row in rows]
    marks = _placeholders(keys)
    metrics = tx.sql(f"delete from metric where execution_seq in {marks}", *keys) if args.get("metrics", True) else 0
    if args.get("logs", True):
        stays = not args.get("executions", True)
        payload = {"executions": keys, **({"keep_numbering": True} if stays else {})}
        tx.insert("outbox", kind="logs.delete", payload=json.dumps(payload), due=tx.now)
    if args.get("storage", True):
        places = [[row["tenant"], row["namespace"], row["flow_id"], row["id"]] for row in rows]
        tx.insert("outbox", kind="storage.purge", payload=json.dumps({"executions": places}), due=tx.now)
    gone = 0
    if args.get("executions", True):
        _keep_numbers(tx)
        for text in _CHILDREN:
            gone = tx.sql(text.format(seqs=marks), *keys)
    tx.notify("executions", "deleted", "", n=gone)
    return {"executions": gone, "metrics": metrics}


def _slice(tx: Tx, seq: int) -> bool:
    """Delete some task runs of a large execution, the last ones first; False when few enough are left."""
    left = tx.value("select count(*) from (select 1 from task_run where execution_seq = ? limit ?) x", seq, SLICE + 1)
    if left <= SLICE:
        return False
    _keep_numbers(tx)
    chosen = "select seq from task_run where execution_seq = ? order by ord desc limit ?"
    tx.sql(f"delete from attempt where task_run_seq in ({chosen})", seq, SLICE)
    tx.sql(
        "delete from event where seq in (select seq from event where execution_seq = ? order by seq limit ?)",
        seq,
        4 * SLICE,
    )
    tx.sql(f"delete from task_run where seq in ({chosen})", seq, SLICE)
    return True


def _keep_numbers(tx: Tx) -> None:
    """Numbers of rows are keys of log lines and cursors: they are not given out again, even when the rows go.

    In PostgreSQL they come from blocks, which only go up.
    """
    if tx.dialect == "postgresql":
        return
    kept = json.loads(tx.value("select value from setting where key = 'engine.numbers'") or "{}")
    for name, table in (("event", "event"), ("execution", "execution"), ("run", "task_run")):
        kept[name] = max(tx.value(f"select max(seq) from {table}") or 0, kept.get(name, 0))
    tx.sql(
        "insert into setting (key, value, updated) values ('engine.numbers', ?, ?)"
        " on conflict (key) do update set value = excluded.value, updated = excluded.updated",
        json.dumps(kept),
        tx.now,
    )


@command("purge.metrics")
def purge_metrics(tx: Tx, args: dict[str, Any]) -> int:
    """Delete metrics published before `before` (ms), at most `limit` (5,000), oldest first; answers how many."""
    return tx.sql(
        "delete from metric where seq in (select seq from metric where at < :before order by at limit :limit"
        f"{_skipping(tx)})",
        before=int(args["before"]),
        limit=int(args.get("limit", 5000)),
    )


@command("purge.pairs")
def purge_pairs(tx: Tx, args: dict[str, Any]) -> int:
    """Delete key-value pairs with all their versions: `pairs` are [namespace, key], at most 500; how many went.

    `expired_only` passes over those that live, or live again.
    """
    by_namespace: dict[str, list[str]] = {}
    for namespace, key in args["pairs"]:
        by_namespace.setdefault(namespace, []).append(key)
    expired = " and expires is not null and expires <= ?" if args.get("expired_only") else ""
    gone = 0
    for namespace, keys in by_namespace.items():
        values: list[Any] = [args["tenant"], namespace, *keys, *([tx.now] if expired else [])]
        gone += tx.sql(
            f"delete from kv where tenant = ? and namespace = ? and key in {_placeholders(keys)}{expired}", *values
        )
        tx.sql(
            f"delete from kv_version where tenant = ? and namespace = ? and key in {_placeholders(keys)} and not exists"
            " (select 1 from kv where kv.tenant = kv_version.tenant and kv.namespace = kv_version.namespace"
            " and kv.key = kv_version.key)",
            *values[: 2 + len(keys)],
        )
        tx.notify(f"kv:{namespace}", "deleted", "", n=len(keys))
    return gone


@command("purge.versions")
def purge_versions(tx: Tx, args: dict[str, Any]) -> dict[str, Any]:
    """Delete old versions of the key-value pairs `pairs` ([namespace, key], at most 500); the newest always stays.

    Args (in `args`): `keep` newest versions of each pair stay (1 without it); only versions written before `before`
    (ms) go, when it is told.
    Returns: `gone`, the number of versions, and `again`: more may be left, for one command takes at most 2,000.
    """
    older = " and updated < :before" if args.get("before") is not None else ""
    place = "tenant = :tenant and namespace = :namespace and key = :key"
    gone = 0
    for namespace, key in args["pairs"]:
        gone += tx.sql(
            f"delete from kv_version where {place} and version in (select version from kv_version where {place}"
            f" and version <= (select version from kv_version where {place} order by version desc limit 1"
            f" offset :spared){older} order by version limit :most)",
            tenant=args["tenant"],
            namespace=namespace,
            key=key,
            spared=max(int(args.get("keep") or 1), 1) - 1,
            most=SLICE - gone,
            **({"before": int(args["before"])} if older else {}),
        )
        if gone >= SLICE:
            break
    return {"gone": gone, "again": gone >= SLICE}


@command("purge.answers")
def purge_answers(tx: Tx, args: dict[str, Any]) -> int:
    """Delete answers to idempotency keys older than 24 h, and sessions that are over."""
    tx.sql("delete from session where expires <= :now", now=tx.now)
    return tx.sql("delete from command_answer where created < :before", before=tx.now - ANSWER_KEPT_MS)


@command("purge.pages")
def give_back_pages(tx: Tx, args: dict[str, Any]) -> int:
    """Cut unused pages off a SQLite file, at most `limit`; answers how many unused ones are left (0 elsewhere)."""
    if tx.dialect != "sqlite":
        return 0
    for _ in range(int(args["limit"])):
        tx.all("pragma incremental_vacuum(1)")  # a cursor without columns takes one step only
    return int(tx.value("pragma freelist_count"))


@command("outbox.done")
def outbox_done(tx: Tx, args: dict[str, Any]) -> int:
    """Delete carried out entries by `seqs`."""
    return tx.many("delete from outbox where seq = ?", [(int(seq),) for seq in args["seqs"]])
