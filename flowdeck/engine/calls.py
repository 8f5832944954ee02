"""Reads that workers ask of core: a thread with read-only connections, never the loop (engine notes §2.5)."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Protocol

from flowdeck.engine.calls_retention import RetentionReads
from flowdeck.engine.messages import Call
from flowdeck.model.errors import DomainError, NotFound
from flowdeck.store.driver import Database, Reader
from flowdeck.store.queries import namespaces

log = logging.getLogger("flowdeck.gateway")

Refusal = tuple[str, str, dict[str, Any]]
Reply = Callable[[Any, Refusal | None], None]
READ_LINES = frozenset({"errorLogs", "logs.fetch", "logs.purge"})
"""Reads of log lines."""
ERROR_LINES = 25
ERROR = 4
"""Number of the level (`store.logs.LEVELS`)."""


class LogLines(Protocol):
    """Where the lines of executions are (`store.log_views.LogStore`)."""

    def range(
        self, execution_seq: int, start: int, end: int, *, min_level: int = 0
    ) -> tuple[Sequence[Mapping[str, Any]], int, int, int]:
        """Lines of a view by position from 1; then where they start and end, and how many there are."""
        ...


class CallReader:
    """Answers reads.

    Args:
        database: opened for reading.
        logs: for `errorLogs()`; None answers no lines.
        defaults: plugin defaults of the instance, handed to workers with each flow.
    """

    def __init__(
        self, database: Database, logs: LogLines | None = None, defaults: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._database = database
        self._logs = logs
        self._defaults = list(defaults)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="worker-reads")
        self._slow_pool = ThreadPoolExecutor(1, thread_name_prefix="worker-purges")
        self._loop = asyncio.get_running_loop()
        self._reads: dict[str, Callable[[Reader, dict[str, Any]], Any]] = {
            "flow": self._flow,
            "kv.get": self._kv_get,
            "kv.find": self._kv_find,
            "kv.keys": self._kv_keys,
            "secret": self._secret,
            "files.list": self._files_list,
            "files.get": self._files_get,
            "errorLogs": self._error_logs,
            "task_cache.get": self._task_cache_get,
            "items.children": self._items_children,
            "items.outputs": self._items_outputs,
        }
        self.lines_stored: Callable[[], Awaitable[None]] | None = None
        """Where lines of results are stored beside the steps: a task that asks finds those of tasks before it."""
        self._waiting: set[asyncio.Task[None]] = set()
        slow = RetentionReads(logs).reads
        self._slow = frozenset(slow)
        self._reads.update(slow)

    def handles(self, name: str) -> bool:
        """Whether this name is a read."""
        return name in self._reads

    def submit(self, call: Call, reply: Reply) -> None:
        """Answer in the thread; `reply` is called in the loop."""
        if self.lines_stored is not None and call.name in READ_LINES:
            waiting = self._loop.create_task(self._submit_later(self.lines_stored(), call, reply))
            self._waiting.add(waiting)
            waiting.add_done_callback(self._waiting.discard)
        else:
            self._submit(call, reply)

    async def _submit_later(self, stored: Awaitable[None], call: Call, reply: Reply) -> None:
        await stored
        self._submit(call, reply)

    def _submit(self, call: Call, reply: Reply) -> None:
        pool = self._slow_pool if call.name in self._slow else self._pool
        pool.submit(self._answer, call, reply)

    def close(self) -> None:
        """End the thread."""
        for pool in (self._pool, self._slow_pool):
            pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, call: Call, reply: Reply) -> None:
        result, error = None, None
        try:
            with self._database.reader() as reader:
                result = self._reads[call.name](reader, call.args)
        except DomainError as refused:
            error = (refused.code, refused.message, refused.detail)
        except Exception as broken:
            log.exception("the read '%s' of a worker failed", call.name)
            error = ("DomainError", f"{call.name} failed: {type(broken).__name__}", {})
        try:
            self._loop.call_soon_threadsafe(reply, result, error)
        except RuntimeError:
            return  # core is ending

    def _flow(self, reader: Reader, args: dict[str, Any]) -> Any:
        row = reader.one(
            "select r.source, f.tenant, f.namespace from flow_revision r join flow f on f.flow_key = r.flow_key"
            " where r.flow_key = :flow_key and r.revision = :revision",
            flow_key=args["flow_key"],
            revision=args["revision"],
        )
        if row is None:
            raise NotFound("the flow's revision is gone")
        above = namespaces.chain(reader, row["tenant"], row["namespace"])
        return {"source": row["source"], "defaults": namespaces.defaults_of(above, self._defaults)}

    @staticmethod
    def _pair(row: Any) -> dict[str, Any] | None:
        if row is None:
            return None
        expired = row["expires"] is not None and row["expires"] <= time.time() * 1000
        return {"type": row["type"], "value": None if expired else json.loads(row["value"]), "expired": expired}

    def _kv_get(self, reader: Reader, args: dict[str, Any]) -> Any:
        return self._pair(
            reader.one(
                "select type, value, expires from kv where tenant = :tenant and namespace = :namespace and key = :key",
                tenant=args["tenant"],
                namespace=args["namespace"],
                key=args["key"],
            )
        )

    def _kv_find(self, reader: Reader, args: dict[str, Any]) -> Any:
        expired: Any = None
        for namespace in args["namespaces"]:
            found = self._kv_get(reader, {**args, "namespace": namespace})
            if found is not None and not found["expired"]:
                return found
            expired = expired or found
        return expired

    def _kv_keys(self, reader: Reader, args: dict[str, Any]) -> list[str]:
        rows = reader.all(
            "select key from kv where tenant = :tenant and namespace = :namespace"
            " and (expires is null or expires > :now) order by key",
            tenant=args["tenant"],
            namespace=args["namespace"],
            now=int(time.time() * 1000),
        )
        prefix = args.get("prefix") or ""
        return [row["key"] for row in rows if row["key"].startswith(prefix)]

    def _secret(self, reader: Reader, args: dict[str, Any]) -> str | None:
        """The ciphertext: only a worker with the key can read it."""
        for namespace in args["namespaces"]:
            value = reader.value(
                "select value from secret where tenant = :tenant and namespace = :namespace and key = :key",
                tenant=args["tenant"],
                namespace=namespace,
                key=args["key"],
            )
            if value is not None:
                return value
        return None

    def _files_list(self, reader: Reader, args: dict[str, Any]) -> list[dict[str, Any]]:
        rows = reader.all(
            "select path, size, uri, version from namespace_file where tenant = :tenant and namespace = :namespace"
            " and not directory order by path",
            tenant=args["tenant"],
            namespace=args["namespace"],
        )
        return [
            {"path": row["path"], "size": row["size"], "uri": row["uri"], "version": row["version"]} for row in rows
        ]

    def _files_get(self, reader: Reader, args: dict[str, Any]) -> dict[str, Any] | None:
        row = reader.one(
            "select path, size, uri from namespace_file where tenant = :tenant and namespace = :namespace"
            " and path = :path and not directory",
            tenant=args["tenant"],
            namespace=args["namespace"],
            path=args["path"],
        )
        return None if row is None else {"path": row["path"], "size": row["size"], "uri": row["uri"]}

    def _task_cache_get(self, reader: Reader, args: dict[str, Any]) -> dict[str, Any] | None:
        """The kept result of a task with equal properties, whatever its age."""
        row = reader.one(
            "select state, outputs, outputs_uri, outputs_size, at from task_cache where key = :key", key=args["key"]
        )
        if row is None:
            return None
        return {**dict(row), "outputs": json.loads(row["outputs"]) if row["outputs"] else None}

    def _items_children(self, reader: Reader, args: dict[str, Any]) -> dict[str, Any]:
        """Executions with outputs that a ForEachItem made, in order of their batches; `task_run` is its merging part.

        `folder` is where each one's outputs belong in internal storage.
        """
        merge = reader.one(
            "select t.execution_seq, t.parent_seq, t.task_id, e.id from task_run t"
            " join execution e on e.seq = t.execution_seq where t.id = :id",
            id=args["task_run"],
        )
        if merge is None:
            raise NotFound("the task run is gone")
        run = reader.one(
            "select seq, outputs from task_run where execution_seq = :execution and parent_seq = :parent"
            " and task_id = :task order by ord desc limit 1",
            execution=merge["execution_seq"],
            parent=merge["parent_seq"],
            task=merge["task_id"].removesuffix("_merge") + "_items",
        )
        base = (json.loads(run["outputs"]) if run is not None and run["outputs"] else {}).get("subflowOutputsBaseUri")
        if run is None or base is None:
            return {"children": [], "folder": ""}
        rows = reader.all(
            'select seq, "trigger" from execution where parent_execution = :execution and parent_task_run = :run'
            " and outputs is not null order by seq",
            execution=merge["id"],
            run=run["seq"],
        )
        newest = {_iteration(row["trigger"]): row["seq"] for row in rows}
        return {"children": [newest[i] for i in sorted(newest)], "folder": base.removeprefix("kestra://")}

    def _items_outputs(self, reader: Reader, args: dict[str, Any]) -> list[tuple[int, Any]]:
        """Iteration and outputs of executions, in the order asked for."""
        found: list[tuple[int, Any]] = []
        for seq in args["children"]:
            row = reader.one('select "trigger", outputs from execution where seq = :seq', seq=seq)
            if row is not None and row["outputs"]:
                found.append((_iteration(row["trigger"]), json.loads(row["outputs"])))
        return found

    def _error_logs(self, reader: Reader, args: dict[str, Any]) -> list[dict[str, Any]]:
        if self._logs is None:
            return []
        seq = reader.value(
            "select seq from execution where id = :id and tenant = :tenant", id=args["execution"], tenant=args["tenant"]
        )
        if seq is None:
            return []
        lines = self._logs.range(seq, 1, ERROR_LINES, min_level=ERROR)[0]
        values = {
            run: reader.value("select value from task_run where id = :id and execution_seq = :seq", id=run, seq=seq)
            for run in {line["task_run"] for line in lines if line["task_run"]}
        }
        return [
            {
                **({"value": value} if (value := values.get(line["task_run"])) is not None else {}),
                "taskId": line["task_id"],
                "taskRunId": line["task_run"],
                "attemptNumber": line["attempt"],
                "timestamp": _instant(line["at"]),
                "level": "ERROR",
                "message": line["text"],
            }
            for line in lines
        ]


def _iteration(trigger: str | None) -> int:
    """The number of the batch that an execution was made for."""
    told = json.loads(trigger) if trigger else {}
    return int((told.get("variables") or {}).get("taskRunIteration") or 0)


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
