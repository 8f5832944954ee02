"""A thread's own connection for writing to PostgreSQL, with its events told to the feed."""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Callable
from typing import Any

from flowdeck.store import feed
from flowdeck.store.driver import Database, DuplicateRow, StoreConflict, StoreUnavailable, Tx, Writer

log = logging.getLogger("flowdeck.store")

TRIES = 50
"""Conflicts after which a transaction is given up."""


class Scribe:
    """Carries out transactions one after another; what they tell becomes rows of one source of the feed, in order."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer: Writer | None = None
        self._source = ""
        self._n = 0

    def transaction(
        self, work: Callable[[Tx], Any], *, full: bool, serializable: bool, until: float, tries: int = TRIES
    ) -> Any:
        """Do `work` in one transaction, again after conflicts and lost connections, until `until` (monotonic).

        `work` may run several times; its events become a row of the feed. Raises what `work` raises, `StoreError`.
        """
        conflicts = 0
        while True:
            try:
                return self._once(work, full, serializable)
            except (StoreConflict, DuplicateRow) as error:
                conflicts += 1
                if conflicts >= tries or time.monotonic() > until:
                    raise
                log.debug("a transaction goes again: %s", error)
                time.sleep(random.uniform(0, min(0.01 * conflicts, 0.1)))
            except StoreUnavailable:
                self.close()
                if time.monotonic() > until:
                    raise
                time.sleep(random.uniform(0.05, 0.2))

    def _once(self, work: Callable[[Tx], Any], full: bool, serializable: bool) -> Any:
        if self._writer is None:
            self._writer = self._database.writer()
            self._source, self._n = f"w{secrets.token_hex(8)}", 0
        writer = self._writer
        tx = writer.begin()
        try:
            if serializable:
                tx.send("set transaction isolation level serializable", [()])
            result = work(tx)
            if tx.events:
                feed.append(tx, self._source, self._n + 1, tx.events)
            told = bool(tx.events)
        except BaseException:
            writer.rollback()
            raise
        try:
            writer.commit(full)
        except StoreConflict:
            raise
        except BaseException:
            self.close()  # whether it is committed is not known: the next row must not take its number
            raise
        self._n += told
        return result

    def close(self) -> None:
        """Give the connection up."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
