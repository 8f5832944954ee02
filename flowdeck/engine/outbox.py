"""What has to happen outside the database after a commit: rows of `outbox`, done and then deleted."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from flowdeck.engine.executor import Executor, ExecutorStep
from flowdeck.storage.local import LocalStorage
from flowdeck.storage.paths import execution_folder
from flowdeck.store.driver import Database
from flowdeck.store.log_deletion import delete_lines
from flowdeck.store.log_purge import forget_executions
from flowdeck.store.logs import LogFiles

log = logging.getLogger("flowdeck.outbox")

PAUSE = 60.0
"""Seconds between looks that nothing asked for."""
SETTLE = 0.2
"""Seconds between a commit that asked for something and the look: several are done at once."""
BATCH = 200


class OutboxConsumer:
    """Deletes files and log lines that no row points at any more; each deed may be repeated without harm."""

    def __init__(self, database: Database, executor: Executor, storage: LocalStorage, logs: LogFiles) -> None:
        self._database = database
        self._executor = executor
        self._storage = storage
        self._logs = logs
        self._kinds: dict[str, Callable[[Any], None]] = {
            "logs.delete": self._delete_logs,
            "storage.delete": self._delete_execution,
            "storage.purge": self._delete_executions,
            "files.delete": self._delete_files,
        }
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look soon."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        self._wake.set()
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), PAUSE)
                await asyncio.sleep(SETTLE)
            except TimeoutError:
                pass
            self._wake.clear()
            sharing = self._executor.sharing
            while sharing is None or sharing.leader:
                done = await asyncio.to_thread(self._work)
                if not done:
                    break
                self._executor.call(lambda step, seqs=done: self._forget(step, seqs))
                if len(done) < BATCH:
                    break
                await asyncio.sleep(0.05)

    def _work(self) -> list[int]:
        with self._database.reader() as reader:
            rows = reader.all(
                "select seq, kind, payload, due from outbox where due <= ? order by seq limit ?",
                self._executor.clock(),
                BATCH,
            )
        done: list[int] = []
        for seq, kind, payload, _ in (tuple(row) for row in rows):
            handler = self._kinds.get(kind)
            if handler is None:
                continue
            try:
                handler(json.loads(payload))
            except Exception:
                log.exception("the outbox entry %d (%s) failed; it stays", seq, kind)
                continue
            done.append(seq)
        return done

    @staticmethod
    def _forget(step: ExecutorStep, seqs: list[int]) -> None:
        step.tx.many("delete from outbox where seq = ?", [(seq,) for seq in seqs])

    def _delete_logs(self, payload: dict[str, Any]) -> None:
        if payload.get("keep_numbering"):
            delete_lines(self._logs, payload["executions"], forget=False)
        else:
            forget_executions(self._logs, payload["executions"])

    def _delete_execution(self, payload: dict[str, Any]) -> None:
        folder = execution_folder(payload["namespace"], payload["flow"], payload["execution"])
        self._storage.for_tenant(payload["tenant"]).delete_prefix(folder)

    def _delete_executions(self, payload: dict[str, Any]) -> None:
        for tenant, namespace, flow_id, execution in payload["executions"]:
            self._storage.for_tenant(tenant).delete_prefix(execution_folder(namespace, flow_id, execution))

    def _delete_files(self, payload: dict[str, Any]) -> None:
        storage = self._storage.for_tenant(payload["tenant"])
        for uri in payload["uris"]:
            storage.delete(uri)
