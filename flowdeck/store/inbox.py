"""Commands for the owner of a shard, as rows (engine notes §2.1): PostgreSQL alone.

The owner deletes a row in the transaction that carries it out; its answer is stored under its key.
"""

from __future__ import annotations

import json
from typing import Any

from flowdeck.store.driver import Reader, Tx
from flowdeck.store.listen import notify

INBOX = "flowdeck_inbox"
"""Channel: a command waits for the owner of the shard that the payload names."""
ANSWER = "flowdeck_answer"
"""Channel: the command with this key is answered."""
NOW = "(extract(epoch from clock_timestamp()) * 1000)::bigint"
"""ms on the database's clock, on which leases are compared."""


def send(tx: Tx, shard: int, name: str, args: Any, *, key: str | None = None, principal: str | None = None) -> bool:
    """Put a command into the inbox of a shard's owner, within the open transaction; false: its key is there already.

    `args` is JSON text or a value.
    """
    text = args if isinstance(args, str) else json.dumps(args, default=str)
    put = tx.sql(
        "insert into inbox (shard, name, args, key, principal, created) values (?, ?, ?, ?, ?, ?)"
        " on conflict (key) do nothing",
        (shard, name, text, key, principal, tx.now),
    )
    if put:
        notify(tx, INBOX, str(shard))
    return bool(put)


def withdraw(tx: Tx, key: str) -> bool:
    """Take a command back that nobody has carried out; false when it is gone already."""
    return bool(tx.sql("delete from inbox where key = ?", (key,)))


def answers(reader: Reader, keys: list[str]) -> dict[str, dict[str, Any]]:
    """What commands were answered, by key: `{"result": …}` or `{"error": [code, message, detail]}`."""
    rows = reader.all("select key, answer from command_answer where key = any(:keys)", keys=keys)
    return {row[0]: json.loads(row[1]) for row in rows}


def known(reader: Reader, keys: list[str]) -> set[str]:
    """Those of the keys whose commands were answered."""
    return {row[0] for row in reader.all("select key from command_answer where key = any(:keys)", keys=keys)}


def owned(reader: Reader, shard: int) -> bool:
    """Whether a shard has an owner whose lease runs."""
    return (
        reader.value(
            f"select 1 from shard s join service v on v.id = s.owner where s.id = :shard and v.lease_until > {NOW}",
            shard=shard,
        )
        is not None
    )
