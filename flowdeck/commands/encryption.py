"""Values that were encrypted anew, under another key (F27)."""

from __future__ import annotations

from typing import Any

from flowdeck.commands.registry import command
from flowdeck.model.errors import IllegalArgument
from flowdeck.store.driver import Tx

PLACES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "setting": (("key",), ("value",)),
    "secret": (("tenant", "namespace", "key"), ("value",)),
    "kv": (("tenant", "namespace", "key"), ("value",)),
    "kv_version": (("tenant", "namespace", "key", "version"), ("value",)),
    "execution": (("seq",), ("inputs", "outputs", "variables", "trigger", "fixtures")),
    "task_run": (("seq",), ("value", "outputs", "detail")),
    "trigger_state": (("tenant", "namespace", "flow_id", "trigger_id"), ("backfill",)),
    "task_cache": (("key",), ("outputs",)),
}
"""Tables that may hold encrypted values: their keys, and the columns."""


@command("encryption.renew")
def renew(tx: Tx, args: dict[str, Any]) -> int:
    """Write values under the present key: `rows` of table, column, key, old, new; one that changed since is left.

    Raises:
        IllegalArgument: a place that holds no encrypted values.
    """
    count = 0
    for row in args["rows"]:
        keys, columns = PLACES.get(row["table"], ((), ()))
        if row["column"] not in columns or set(row["key"]) != set(keys):
            raise IllegalArgument(f"{row['table']}.{row['column']} holds no encrypted values")
        where = " and ".join(f"{name} = :{name}" for name in keys)
        count += tx.sql(
            f"update {row['table']} set {row['column']} = :_new where {where} and {row['column']} = :_old",
            {**row["key"], "_new": row["new"], "_old": row["old"]},
        )
    return count
