"""Who works on which shards (engine notes §2.3, §2.9): PostgreSQL alone.

A process is a row of `service` with a lease on the database's own clock; it renews the lease every few seconds from a
thread of its own, whatever the loop does. Shards are rows that name their owner. Live processes of a role share its
shards out: who has more than its part hands the rest over between two steps, who has less takes free ones.

Fencing: each write transaction of an owner holds its own `service` row (`for key share`), which a renewal does not
touch; burying a process deletes that row, so it waits for the transaction or makes the next one fail. A process that
was buried ends: it comes back under another name. Processes on one home folder also hold a lock file, by which the
end of one is seen at once; on other machines the lease has to run out.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from math import ceil
from pathlib import Path
from typing import Any

from flowdeck.engine.executor_store import GuardError
from flowdeck.engine.lock import InstanceLock, Locked
from flowdeck.model.ids import SHARDS
from flowdeck.store import feed
from flowdeck.store.driver import Database, StoreConflict, StoreError, StoreUnavailable, Tx, Writer
from flowdeck.store.listen import notify

log = logging.getLogger("flowdeck.leases")

CHANNEL = "flowdeck_shards"
"""Told when shards became free."""
PARTS = {"executor": range(SHARDS), "scheduler": range(SHARDS, 2 * SHARDS)}
"""Shards of each role."""
NOW = "select (extract(epoch from clock_timestamp()) * 1000)::bigint"
"""ms on the database's clock: leases of several machines are compared on one clock."""
TIDY_EVERY = 20
"""Rounds between looks at rows that are too old."""


class LeaseLost(GuardError):
    """Others believe that this process is dead and may have taken its shards over: it must end."""


class Leases:
    """The lease of this process and its shards.

    Args:
        database: PostgreSQL.
        folder: of the lock files of processes on this machine; None without any.
        roles: `executor`, `scheduler`.
        heartbeat: seconds between renewals.
        length: seconds that the lease lasts without one.
        detail: what `service.detail` says besides.
        on_taken: shards are this process's now; called in the thread.
        on_surplus: shards that should be handed over by `release`; called in the thread.
        on_lost: called in the thread when this process has to end.
    """

    def __init__(
        self,
        database: Database,
        folder: Path | None,
        *,
        roles: Iterable[str] = ("executor", "scheduler"),
        heartbeat: float = 3.0,
        length: float = 45.0,
        detail: Mapping[str, Any] | None = None,
        id: str | None = None,
        on_taken: Callable[[list[int]], None] = lambda shards: None,
        on_surplus: Callable[[list[int]], None] = lambda shards: None,
        on_lost: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self.id = id or secrets.token_hex(10)
        self.roles = tuple(roles)
        self.owned: dict[int, int] = {}  # shard → epoch, as the rows say
        self.heartbeat = heartbeat
        self.length = length
        self.detail: dict[str, Any] = {"pid": os.getpid(), **(detail or {}), "roles": list(self.roles)}
        self.on_taken = on_taken
        self.on_surplus = on_surplus
        self.on_lost = on_lost
        self._database = database
        self._folder = folder
        self._lock_file: InstanceLock | None = None
        self._writer: Writer | None = None
        self._leaving: set[int] = set()
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._rounds = 0

    # ── life ────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> list[int]:
        """Enter this process into the tables and take its part of what is free; answers the shards.

        Blocks; `run` goes on from there. Raises StoreUnavailable.
        """
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock_file = InstanceLock(self._folder / f"{self.id}.lock").acquire()
        with self._open().transaction() as tx:
            tx.sql("insert into shard (id, epoch) select n, 0 from generate_series(0, 127) n on conflict do nothing")
            until = tx.value(NOW) + int(self.length * 1000)
            tx.insert(
                "service",
                id=self.id,
                kind="EXECUTOR" if "executor" in self.roles else "SCHEDULER",
                host=socket.gethostname(),
                state="RUNNING",
                started=tx.now,
                heartbeat=tx.now,
                detail=json.dumps(self.detail),
                lease_until=until,
            )
        return self.round()

    def run(self) -> None:
        """Renew and share out in a thread, until `stop`."""
        self._thread = threading.Thread(target=self._loop, name="leases", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look now: shards may be free."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread; the lease stays until it runs out or `leave`."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(10)

    def leave(self) -> None:
        """Give everything back in good order; nothing may be written afterwards. Never raises."""
        self.stop()
        told = False
        with contextlib.suppress(StoreError):
            with self._open().transaction() as tx:
                self._bury(tx, self.id)
            told = True
        with self._guard:
            self.owned.clear()
            self._leaving.clear()
        self.close(forget=told)

    def close(self, *, forget: bool = True) -> None:
        """Close connection and lock file; without `forget` the file stays, by which others see that we ended."""
        if self._writer is not None:
            with contextlib.suppress(Exception):
                self._writer.close()
            self._writer = None
        if self._lock_file is not None:
            if forget:
                self._lock_file.path.unlink(missing_ok=True)
            self._lock_file.release()
            self._lock_file = None

    # ── the owner's transactions ────────────────────────────────────────────────────────────────────────────────

    def fence(self, tx: Tx) -> None:
        """The first statement of a write transaction: hold the lease until it ends.

        Raises:
            LeaseLost: this process counts as dead; by `tx.settle` or the commit.
        """
        lost = LeaseLost("this process counts as dead, others have its shards")
        tx.send("select 1 from service where id = ? for key share", [(self.id,)], lost)

    def release(self, tx: Tx, shards: Iterable[int]) -> None:
        """Hand shards over in the owner's transaction, after the last one that touches their rows.

        `released` follows its commit.
        """
        tx.sql("update shard set owner = null where owner = ? and id = any(?)", self.id, list(shards))
        notify(tx, CHANNEL)

    def released(self, shards: Iterable[int]) -> None:
        """The release is committed."""
        with self._guard:
            for shard in shards:
                self.owned.pop(shard, None)
                self._leaving.discard(shard)

    # ── the thread ──────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> Writer:
        if self._writer is None:
            self._writer = self._database.writer()
            with self._writer.transaction() as tx:
                tx.value("select set_config('lock_timeout', '2s', false)")
        return self._writer

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self.heartbeat * random.uniform(0.8, 1.0))
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self._try_round()
            except LeaseLost as lost:
                self.on_lost(str(lost))
                return
            except StoreUnavailable as gone:
                self.on_lost(f"the database can't be reached: {gone}")
                return
            except Exception:
                log.exception("a look at the shards failed")

    def _try_round(self) -> None:
        """A round; a connection that broke is opened anew once."""
        try:
            self.round()
        except StoreConflict:
            log.debug("a look at the shards met another one")
        except StoreUnavailable:
            if self._writer is not None:
                with contextlib.suppress(Exception):
                    self._writer.close()
            self._writer = None
            with contextlib.suppress(StoreConflict):
                self.round()

    def round(self) -> list[int]:
        """Renew, bury the dead, share out; answers the shards that were taken.

        Raises LeaseLost and StoreUnavailable.
        """
        writer = self._open()
        with writer.transaction() as tx:
            until = tx.value(NOW) + int(self.length * 1000)
            renewed = tx.sql(
                "update service set heartbeat = ?, lease_until = ? where id = ?", int(tx.now), until, self.id
            )
        if renewed != 1:
            raise LeaseLost("this process counts as dead, others have its shards")
        self._bury_dead(writer)
        taken = self._share_out(writer)
        self._rounds += 1
        if self._rounds % TIDY_EVERY == 1 and self.owned and min(self.owned) % SHARDS == 0:
            with writer.transaction() as tx:
                feed.prune(tx)
        return taken

    def _bury_dead(self, writer: Writer) -> None:
        gone = self._ended_here()
        with writer.transaction() as tx:
            # One that holds its row is in a transaction: it is looked at again in the next round.
            dead = {
                row[0]
                for row in tx.all(
                    f"select id from service where lease_until is not null and lease_until < ({NOW}) and id <> ?"
                    " for update skip locked",
                    self.id,
                )
            }
            for id in dead | gone.keys():
                self._bury(tx, id)
        for id, lock in gone.items():
            lock.path.unlink(missing_ok=True)
            lock.release()
            dead.add(id)
        for id in dead:
            log.warning("executor or scheduler %s is gone, its shards are free", id)

    def _ended_here(self) -> dict[str, InstanceLock]:
        """Processes on this home folder that ended: the kernel has given their locks back."""
        found: dict[str, InstanceLock] = {}
        if self._folder is None:
            return found
        for path in self._folder.glob("*.lock"):
            if path.stem != self.id:
                with contextlib.suppress(Locked, OSError):
                    found[path.stem] = InstanceLock(path).acquire()
        return found

    @staticmethod
    def _bury(tx: Tx, id: str) -> None:
        tx.sql("delete from service where id = ?", id)
        if tx.sql("update shard set owner = null where owner = ?", id):
            notify(tx, CHANNEL)

    def _share_out(self, writer: Writer) -> list[int]:
        taken: dict[int, int] = {}
        surplus: list[int] = []
        with writer.transaction() as tx:
            roles = [
                (json.loads(row[0]) if row[0] else {}).get("roles", ())
                for row in tx.all("select detail from service where lease_until is not null")
            ]
            rows = tx.all("select id, owner, epoch from shard order by id")
            for role in self.roles:
                part = PARTS[role]
                fair = ceil(len(part) / max(1, sum(role in one for one in roles)))
                with self._guard:
                    leaving = set(self._leaving)
                    mine = [r[0] for r in rows if r[0] in part and r[1] == self.id and r[0] not in leaving]
                    # Ours by the rows, but not known here: whatever the reason, nobody else works on them.
                    taken.update((r[0], r[2]) for r in rows if r[0] in mine and r[0] not in self.owned)
                if len(mine) > fair:
                    surplus += mine[fair:]
                elif len(mine) < fair:
                    free = [r[0] for r in rows if r[0] in part and r[1] is None and r[0] not in leaving]
                    random.shuffle(free)
                    found = tx.all(
                        "select id from shard where owner is null and id = any(?) for update skip locked",
                        (free[: fair - len(mine)],),
                    )
                    if found:
                        for row in tx.all(
                            "update shard set owner = ?, epoch = epoch + 1 where id = any(?) returning id, epoch",
                            self.id,
                            [row[0] for row in found],
                        ):
                            taken[row[0]] = row[1]
        with self._guard:
            self.owned.update(taken)
            self._leaving.update(surplus)
        if taken and self._thread is not None:
            self.on_taken(sorted(taken))
        if surplus:
            self.on_surplus(surplus)
        return sorted(taken)
