"""Locks of triggers and `stopAfter`: both follow from the end of the execution that a trigger made (§15.3)."""

from __future__ import annotations

import json

from flowdeck.commands.step import Step
from flowdeck.model.engine import Live
from flowdeck.model.states import State


def on_execution_change(step: Step, live: Live, old: State | None, new: State) -> None:
    """Release the trigger's lock at a terminal state; disable the trigger when `stopAfter` names that state."""
    if live.trigger_id is None or not new.terminal:
        return
    for row in step.tx.all(
        "select trigger_id, stop_after, disabled from trigger_state where tenant = ? and namespace = ? "
        "and flow_id = ? and trigger_id = ?",
        live.tenant,
        live.namespace,
        live.flow_id,
        live.trigger_id,
    ):
        step.tx.sql(
            "update trigger_state set execution_id = null, updated = ? where tenant = ? and namespace = ? "
            "and flow_id = ? and trigger_id = ? and execution_id = ?",
            step.now,
            live.tenant,
            live.namespace,
            live.flow_id,
            live.trigger_id,
            live.id,
        )
        stop_after = json.loads(row["stop_after"]) if row["stop_after"] else []
        if new.name in stop_after and not row["disabled"]:
            step.tx.sql(
                "update trigger_state set disabled = ?, next_due = null, updated = ? where tenant = ? and "
                "namespace = ? "
                "and flow_id = ? and trigger_id = ?",
                True,
                step.now,
                live.tenant,
                live.namespace,
                live.flow_id,
                live.trigger_id,
            )
        step.tx.notify(f"triggers:{live.namespace}/{live.flow_id}", "changed", live.trigger_id)
