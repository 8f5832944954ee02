"""Names that transactions of several processes lock until they commit: limits and windows (PostgreSQL alone)."""

from __future__ import annotations

from flowdeck.store.driver import Tx


def lock_scope(tx: Tx, name: str) -> None:
    """Hold a name until the open transaction ends; on SQLite there is one writer, so nothing is done.

    Raises:
        StoreConflict: two transactions wait for each other; all of this one goes again.
    """
    if tx.dialect != "postgresql":
        return
    if tx.one("select 1 from scope where name = ? for update", name) is None:
        tx.sql("insert into scope (name) values (?) on conflict do nothing", name)
        tx.one("select 1 from scope where name = ? for update", name)
