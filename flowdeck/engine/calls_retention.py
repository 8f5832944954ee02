"""What tasks that count, fetch and purge ask of core: read-only, but for log lines, which have files of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flowdeck.model.errors import NotFound
from flowdeck.model.states import State
from flowdeck.store.driver import Reader
from flowdeck.store.log_purge import count_lines, purge_lines
from flowdeck.store.logs import LEVELS
from flowdeck.store.queries import retention

FETCHED = 500
"""Log lines in one answer."""
FETCHED_CHARACTERS = 4_000_000
"""Characters of lines in one answer, beyond the first line."""
LISTED = 500
"""Keys, files or revisions in one answer."""

Read = Callable[[Reader, dict[str, Any]], Any]


class RetentionReads:
    """The table `reads`: name → function. They may take long: `CallReader` gives them a thread of their own.

    Args:
        logs: the log store (`store.log_views.LogStore`), or None.
    """

    def __init__(self, logs: Any) -> None:
        self._logs = logs
        self.reads: dict[str, Read] = {
            "execution.facts": self._facts,
            "executions.count": self._count,
            "executions.purgeable": self._purgeable,
            "logs.fetch": self._fetch,
            "logs.purge": self._purge_logs,
            "kv.purgeable": self._pairs,
            "flows.purgeable": self._revisions,
            "files.namespaces": lambda reader, args: self._namespaces(reader, "namespace_file", args),
        }

    @staticmethod
    def _facts(reader: Reader, args: dict[str, Any]) -> dict[str, Any] | None:
        row = retention.facts(reader, args["tenant"], args["id"])
        if row is None:
            return None
        return {
            "id": row["id"],
            "namespace": row["namespace"],
            "flowId": row["flow_id"],
            "state": State(row["state"]).name,
        }

    @staticmethod
    def _count(reader: Reader, args: dict[str, Any]) -> list[dict[str, Any]]:
        return retention.counts(
            reader,
            args["tenant"],
            flows=args.get("flows") or (),
            namespaces=args.get("namespaces") or (),
            states=args.get("states") or (),
            start=args.get("start"),
            end=args.get("end"),
        )

    def _purgeable(self, reader: Reader, args: dict[str, Any]) -> dict[str, Any]:
        rows, cursor = retention.candidates(
            reader,
            args["tenant"],
            limit=int(args["limit"]),
            before=args["before"],
            after=args.get("after"),
            namespace=args.get("namespace"),
            flow_id=args.get("flow_id"),
            states=args.get("states") or (),
            cursor=args.get("cursor"),
        )
        seqs = [row["seq"] for row in rows]
        return {
            "executions": [[row["seq"], row["namespace"], row["flow_id"], row["id"]] for row in rows],
            "logs": count_lines(self._logs.files, seqs) if args.get("count_logs") and self._logs is not None else 0,
            "cursor": cursor,
        }

    def _fetch(self, reader: Reader, args: dict[str, Any]) -> dict[str, Any]:
        row = retention.facts(reader, args["tenant"], args["execution"])
        if row is None:
            raise NotFound(f"The execution {args['execution']} does not exist")
        if self._logs is None:
            return {"lines": [], "next": None}
        start = int(args.get("start") or 1)
        level = LEVELS.index(args.get("level") or "TRACE")
        lines, _, end, total = self._logs.range(row["seq"], start, start + FETCHED - 1, min_level=level)
        wanted = set(args.get("tasks") or ())
        entries: list[dict[str, Any]] = []
        size = 0
        for line in lines:
            size += len(line["text"])
            if entries and size > FETCHED_CHARACTERS:
                end = line["position"] - 1
                break
            if not wanted or line["task_id"] in wanted:
                entries.append(_entry(line, args["tenant"]))
        return {"lines": entries, "next": end + 1 if 0 < end < total else None}

    def _purge_logs(self, reader: Reader, args: dict[str, Any]) -> dict[str, Any]:
        if self._logs is None:
            return {"count": 0, "cursor": None}
        levels = args.get("levels")
        gone, cursor = purge_lines(
            self._logs.files,
            args["tenant"],
            until=int(args["until"]),
            since=args.get("since"),
            namespace=args.get("namespace"),
            flow_id=args.get("flow_id"),
            execution=args.get("execution"),
            levels=None if levels is None else [LEVELS.index(name) for name in levels],
            cursor=args.get("cursor"),
        )
        return {"count": gone, "cursor": cursor}

    @staticmethod
    def _namespaces(reader: Reader, table: str, args: dict[str, Any]) -> list[str]:
        known = retention.namespaces_of(reader, table, args["tenant"])
        return retention.chosen_namespaces(
            known, args.get("namespaces") or (), args.get("pattern"), bool(args.get("children", True))
        )

    def _pairs(self, reader: Reader, args: dict[str, Any]) -> dict[str, Any]:
        """Keys of the chosen namespaces, in keyset order: `cursor` is (namespace, key).

        `expired_only`: those whose time is over; `versioned`: those that were written more than once.
        """
        chosen = self._namespaces(reader, "kv", args)
        if not chosen:
            return {"pairs": [], "cursor": None}
        after = args.get("cursor") or ["", ""]
        expired = "and expires is not null and expires <= :now " if args.get("expired_only") else ""
        expired += "and version > 1 " if args.get("versioned") else ""
        marks = ", ".join(f":n{i}" for i in range(len(chosen)))
        rows = reader.all(
            f"select namespace, key from kv where tenant = :tenant and namespace in ({marks}) {expired}"
            "and (namespace > :ns or (namespace = :ns and key > :key)) order by namespace, key limit :limit",
            {f"n{i}": name for i, name in enumerate(chosen)}
            | {
                "tenant": args["tenant"],
                "now": int(time.time() * 1000),
                "ns": after[0],
                "key": after[1],
                "limit": LISTED,
            },
        )
        pairs = [[row["namespace"], row["key"]] for row in rows]
        return {"pairs": pairs, "cursor": pairs[-1] if len(pairs) == LISTED else None}

    def _revisions(self, reader: Reader, args: dict[str, Any]) -> dict[str, Any]:
        """Old revisions of flows, flow by flow: the newest one of a flow is never among them."""
        chosen = self._namespaces(reader, "flow", args)
        if not chosen:
            return {"flows": [], "cursor": None}
        marks = ", ".join(f":n{i}" for i in range(len(chosen)))
        rows = reader.all(
            f"select flow_key, namespace, id, revision from flow where tenant = :tenant and namespace in ({marks})"
            " and flow_key > :after and not deleted order by flow_key limit :limit",
            {f"n{i}": name for i, name in enumerate(chosen)}
            | {"tenant": args["tenant"], "after": args.get("cursor") or 0, "limit": LISTED},
        )
        found: list[dict[str, Any]] = []
        for row in rows:
            old = reader.all(
                "select revision, created from flow_revision where flow_key = ? and revision < ?"
                " order by revision desc",
                row["flow_key"],
                row["revision"],
            )
            keep, before = args.get("keep"), args.get("before")
            gone = [
                one["revision"]
                for place, one in enumerate(old, start=2)
                if (keep is None or place > keep) and (before is None or one["created"] < before)
            ]
            if gone:
                found.append({"namespace": row["namespace"], "id": row["id"], "revisions": gone})
        return {"flows": found, "cursor": rows[-1]["flow_key"] if len(rows) == LISTED else None}


def _entry(line: Any, tenant: str) -> dict[str, Any]:
    """A log entry as §7.6 has it; absent members are left out."""
    entry = {
        "tenantId": tenant,
        "namespace": line["namespace"],
        "flowId": line["flow_id"],
        "taskId": line["task_id"] or None,
        "executionId": line["execution"] or None,
        "taskRunId": line["task_run"] or None,
        "attemptNumber": max(0, line["attempt"] - 1) if line["task_run"] else None,
        "triggerId": line["trigger_id"] or None,
        "timestamp": datetime.fromtimestamp(line["at"] / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "level": LEVELS[line["level"]],
        "thread": line["thread"] or None,
        "message": line["text"],
    }
    return {name: value for name, value in entry.items() if value is not None}
