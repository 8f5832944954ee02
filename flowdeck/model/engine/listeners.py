"""What follows the end: listeners whose conditions hold (deprecated), then afterExecution (§10.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model import context as contexts
from flowdeck.model.conditions import ConditionError, Facts, Upstream, all_hold
from flowdeck.model.engine.plan import AFTER
from flowdeck.model.engine.world import Live, World
from flowdeck.model.flow import Flow
from flowdeck.model.states import NAMES

LISTENER = "listeners."
"""Begin of the names of their lists in `Flow.branches`: `listeners.0`."""


def conditions_of(flow: Flow) -> list[Sequence[Mapping[str, Any]]]:
    """The conditions of each listener, in order."""
    return [x.get("conditions") or () for x in flow.document.get("listeners") or () if isinstance(x, Mapping)]


def _attempts(w: World, live: Live) -> list[list[str]]:
    """States of the attempts of each task run: those of the rows, and those of this step."""
    found = {seq: dict(states) for seq, states in w.attempts_of(live.seq).items()}
    for (seq, number), attempt in w.changes.attempts.items():
        run = w.changes.runs.get(seq)
        if run is not None and run.execution is live:
            found.setdefault(seq, {})[number] = attempt["state"]
    return [[NAMES[states[number]] for number in sorted(states)] for states in found.values()]


def holding(w: World, live: Live) -> tuple[int, ...]:
    """Numbers of the listeners whose conditions hold; a condition that can not be evaluated does not, and is logged."""
    plan = live.plan
    conditions = conditions_of(plan.flow)
    if not conditions:
        return ()
    context, _ = contexts.build(live, None, plan.listener_needs, w.globals)
    facts = Facts(
        context=context,
        execution=Upstream(
            id=live.id,
            namespace=live.namespace,
            flow_id=live.flow_id,
            revision=live.flow_rev,
            state=live.state.name,
            labels=dict(live.labels),
            outputs=live.outputs,
            # Costs a look at all attempts: only who asks pays for it.
            attempts=_attempts(w, live) if "HasRetryAttempt" in json.dumps(conditions, default=str) else (),
        ),
        namespace=live.namespace,
        flow_id=live.flow_id,
    )
    found: list[int] = []
    for number, wanted in enumerate(conditions):
        try:
            if all_hold(wanted, facts):
                found.append(number)
        except ConditionError as error:
            w.log(live, None, "WARN", f"A condition of listener {number + 1} can't be evaluated: {error}")
    return tuple(found)


def after_keys(live: Live) -> tuple[int, ...]:
    """Tasks that follow the end, in order: those of `live.listeners`, then afterExecution."""
    branches = live.plan.flow.branches
    if not live.listeners:
        return tuple(branches.get(AFTER, ()))
    chosen = [key for number in live.listeners for key in branches.get(f"{LISTENER}{number}", ())]
    return (*chosen, *branches.get(AFTER, ()))


__all__ = ["LISTENER", "after_keys", "conditions_of", "holding"]
