"""Rows of `trigger_state` as the scheduler reads and writes them (spec: workflow components §15.3)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
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


def store(tx: Tx, key: Key, row: Any, state: ScheduleState, execution_id: str | None) -> None:
    """Write a schedule's new state over `row`, which must be what was read in the same transaction."""
    touched = tx.sql(
        "update trigger_state set last_date = :last_date, next_due = :next_due, disabled = :disabled,"
        " execution_id = :execution_id, backfill = :backfill, fence = fence + 1, updated = :now"
        f" where {_PLACE} and fence = :fence",
        {
            **_named(key),
            "last_date": state.last_date,
            "next_due": state.next_due,
            "disabled": state.disabled,
            "execution_id": execution_id,
            "now": tx.now,
            "fence": row["fence"],
            "backfill": json.dumps(state.backfill.to_json(), default=str) if state.backfill else None,
        },
    )
    if touched != 1:
        raise RuntimeError(f"the row of trigger {'/'.join(key)} has another fence than a moment ago")
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
    concurrent = declared is not None and declared.props.get("allowConcurrent") is True and live.parent_id is None
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
    step.tx.sql(
        "update trigger_state set execution_id = :execution_id, disabled = :disabled, next_due = :due, updated = :now"
        f" where {_PLACE}",
        {
            **_named(key),
            "execution_id": None if holds else row["execution_id"],
            "disabled": disabled,
            "due": due,
            "now": step.now,
        },
    )
    tell(step.tx, key)
    return (key, due) if row["evaluating_since"] is None else None
