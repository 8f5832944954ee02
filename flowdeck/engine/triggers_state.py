"""Rows of `trigger_state` as the scheduler reads and writes them (spec: workflow components §15.3)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from flowdeck.commands.due import KINDS_WITH_STATE
from flowdeck.commands.step import Step
from flowdeck.model.engine import Live
from flowdeck.model.schedule_trigger import Backfill, ScheduleState
from flowdeck.model.states import State
from flowdeck.store.driver import Reader, Tx

Key = tuple[str, str, str, str]
"""Tenant, namespace, flow, trigger."""

Say = Callable[[Key, str], None]
"""Writes a warning into the log of a trigger: `(trigger, text)`."""

log = logging.getLogger("flowdeck.triggers")

_PLACE = "tenant = :tenant and namespace = :namespace and flow_id = :flow_id and trigger_id = :trigger_id"


def _named(key: Key) -> dict[str, Any]:
    return dict(zip(("tenant", "namespace", "flow_id", "trigger_id"), key, strict=True))


def say_nowhere(key: Key, text: str) -> None:
    """A `Say` that tells the server's own log alone."""
    log.warning("%s: %s", "/".join(key), text)


def row_of(reader: Reader, key: Key) -> Any:
    """The row of a trigger, None without one; within a write transaction nobody else changes it until its end."""
    lock = " for update" if isinstance(reader, Tx) and reader.dialect == "postgresql" else ""
    return reader.one(f"select * from trigger_state where {_PLACE}{lock}", _named(key))


def state_of(row: Any) -> ScheduleState:
    """What a row says about a schedule."""
    return ScheduleState(
        row["last_date"],
        row["next_due"],
        bool(row["disabled"]),
        row["execution_id"] is not None,
        Backfill.from_json(json.loads(row["backfill"])) if row["backfill"] else None,
    )


STORE = (
    "update trigger_state set last_date = ?, next_due = ?, disabled = ?, execution_id = ?, backfill = ?,"
    " fence = fence + 1, updated = ?"
    " where tenant = ? and namespace = ? and flow_id = ? and trigger_id = ? and fence = ?"
)

Update = tuple[Key, Any, ScheduleState, "str | None"]
"""A trigger, its row as it was read, its new state, the execution that holds it."""


def rows_of(reader: Reader, keys: Sequence[Key]) -> dict[Key, Any]:
    """The rows of triggers, by one statement; triggers without row are left out."""
    if not keys:
        return {}
    places = ", ".join(["(?, ?, ?, ?)"] * len(keys))
    rows = reader.all(
        f"with wanted (a, b, c, d) as (values {places}) select t.* from wanted join trigger_state t"
        " on t.tenant = a and t.namespace = b and t.flow_id = c and t.trigger_id = d",
        *(part for key in keys for part in key),
    )
    return {(r["tenant"], r["namespace"], r["flow_id"], r["trigger_id"]): r for r in rows}


def store(tx: Tx, updates: Sequence[Update]) -> None:
    """Write schedules' new states over their rows, which must have been read in the same transaction."""
    values = [
        (
            state.last_date,
            state.next_due,
            state.disabled,
            execution_id,
            json.dumps(state.backfill.to_json(), default=str) if state.backfill else None,
            tx.now,
            *key,
            row["fence"],
        )
        for key, row, state, execution_id in updates
    ]
    if values and tx.many(STORE, values) != len(values):
        raise RuntimeError("the row of a trigger has another fence than a moment ago")
    told: dict[tuple[str, str, str], Key] = {}
    for update in updates:
        told[update[0][:3]] = update[0]
    for key in told.values():  # one a flow: who shows its triggers reads all of them
        tell(tx, key)


def write(tx: Tx, key: Key, **values: Any) -> None:
    """Set columns of a trigger's row."""
    values["updated"] = tx.now
    sets = ", ".join(f"{name} = :{name}" for name in values)
    tx.sql(f"update trigger_state set {sets} where {_PLACE}", {**_named(key), **values})
    tell(tx, key)


def tell(tx: Tx, key: Key) -> None:
    """Announce a change that the scheduler itself made."""
    tx.notify(f"triggers:{key[1]}/{key[2]}", "changed", key[3], origin="scheduler", tenant=key[0])


def release(step: Step, live: Live, ended: State) -> tuple[Key, int | None] | None:
    """Release the trigger whose execution ended, disable it where `stopAfter` says so.

    Answers key and next date of a trigger that may be due now; None when none was held.
    """
    declared = next((t for t in live.plan.flow.triggers if t.id == live.trigger_id), None)
    if live.trigger_id is None or (declared is not None and declared.kind not in KINDS_WITH_STATE):
        return None
    key: Key = (live.tenant, live.namespace, live.flow_id, live.trigger_id)
    row = row_of(step.tx, key)
    if row is None:
        return None
    holds = row["execution_id"] == live.id
    # Concurrent executions: the row names the latest, each of them counts; a replay of one does not.
    several = declared is not None and (declared.props.get("allowConcurrent") is True or declared.kind == "realtime")
    concurrent = several and live.parent_id is None
    stops = (
        (holds or concurrent)
        and not row["disabled"]
        and row["stop_after"] is not None
        and ended.name in json.loads(row["stop_after"])
    )
    if not holds and not stops:
        return None
    disabled = bool(row["disabled"]) or stops
    due = None if disabled else row["next_due"]
    evaluated = row["evaluating_since"] is not None
    values: dict[str, Any] = {"execution_id": None} if holds else {}
    if stops:
        values |= {"disabled": True, "next_due": None}
        if evaluated:
            values |= {"evaluating_since": None, "worker": None, "fence": row["fence"] + 1}
    write(step.tx, key, **values)
    return (key, due) if stops or not evaluated else None
