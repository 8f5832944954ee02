"""What the page shows of an execution, read from the API's document; plain values only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend_client.client import text_of
from backend_client.executions import TERMINAL, WAITING, RunSpan, visible_labels
from backend_client.flows import label_list
from components.states import STATES

MASK = "******"
SHOWN_VALUES = 32_000
"""Characters of inputs or outputs that travel through the state; larger ones are read by the tree itself."""

HELD = frozenset({"PAUSED", "BREAKPOINT"})
SETTLED = TERMINAL | {"PAUSED"}
"""States in which nothing runs: replay, change of a task run."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the state's history.

    Attributes:
        gap_ms: time since the entry before; -1 for the first.
        weight: share of the whole time until the next entry, for the bar; at least 1.
        look: classes of the bar's part.
    """

    key: str = ""
    state: str = ""
    at: str = ""
    gap_ms: int = -1
    weight: str = "1"
    look: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """An execution without its task runs."""

    id: str = ""
    short_id: str = ""
    namespace: str = ""
    flow: str = ""
    state: str = ""
    terminal: bool = False
    settled: bool = False
    revision: int = 0
    created: str = ""
    ended: str = ""
    scheduled: str = ""
    kind: str = ""
    attempt: int = 1
    trigger_id: str = ""
    trigger_type: str = ""
    trigger_date: str = ""
    parent_id: str = ""
    parent_namespace: str = ""
    parent_flow: str = ""
    original_id: str = ""
    correlation: str = ""
    family: str = ""
    created_by: str = ""
    breakpoints: str = ""
    error_task: str = ""
    error_message: str = ""
    labels: list[dict[str, str]] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)
    duration_ms: int = -1
    counted: str = ""
    """How long it ran, and since when that counts while it runs: `RunSpan`."""
    waited_ms: int = 0
    held_ms: int = 0
    ran_ms: int = 0

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Facts:
        """Read the API's document."""
        state = body.get("state") or {}
        trigger = body.get("trigger") or {}
        variables = trigger.get("variables") or {}
        labels = label_list(body.get("labels"))
        current = text_of(state.get("current"))
        history, spent = steps_of(state.get("histories") or [], text_of(state.get("endDate")))
        span = RunSpan.of(state)
        own = text_of(body.get("id"))
        original = text_of(body.get("originalId"))
        from_flow = text_of(variables.get("executionId")) != ""
        marks = body.get("breakpoints") or []
        error = body.get("error") or {}
        return cls(
            id=own,
            short_id=own[:8],
            namespace=text_of(body.get("namespace")),
            flow=text_of(body.get("flowId")),
            state=current,
            terminal=current in TERMINAL,
            settled=current in SETTLED,
            revision=int(body.get("flowRevision") or 0),
            created=text_of(state.get("startDate")),
            ended=text_of(state.get("endDate")),
            scheduled=text_of(body.get("scheduleDate")),
            kind=text_of(body.get("kind")) or "NORMAL",
            attempt=int((body.get("metadata") or {}).get("attemptNumber") or 1),
            trigger_id=text_of(trigger.get("id")),
            trigger_type=text_of(trigger.get("type")).rsplit(".", 1)[-1],
            trigger_date=text_of(variables.get("date")),
            parent_id=text_of(variables.get("executionId")) if from_flow else "",
            parent_namespace=text_of(variables.get("namespace")) if from_flow else "",
            parent_flow=text_of(variables.get("flowId")) if from_flow else "",
            original_id=original if original != own else "",
            correlation=next((one["value"] for one in labels if one["key"] == "system.correlationId"), ""),
            family=next((one["value"] for one in labels if one["key"] == "system.correlationId"), own),
            created_by=next((one["value"] for one in labels if one["key"] == "system.username"), "")
            or ("scheduler" if trigger.get("id") else ""),
            breakpoints=", ".join(str(one) for one in marks) if isinstance(marks, list) else text_of(marks),
            error_task=text_of(error.get("taskId")),
            error_message=text_of(error.get("message")),
            labels=visible_labels(labels),
            history=history,
            duration_ms=span.ms,
            counted=span.counted,
            waited_ms=spent["waited"],
            held_ms=spent["held"],
            ran_ms=spent["ran"],
        )


def instant_ms(text: str) -> int:
    """Return an ISO instant in ms since 1970; 0 for none."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return 0


def steps_of(histories: Sequence[Mapping[str, Any]], ended: str) -> tuple[list[Step], dict[str, int]]:
    """Return the history with gaps and bar weights, and ms spent waiting, held and running."""
    times = [instant_ms(text_of(one.get("date"))) for one in histories]
    last = instant_ms(ended) if ended else int(datetime.now().timestamp() * 1000)
    spent = {"waited": 0, "held": 0, "ran": 0}
    steps: list[Step] = []
    for place, one in enumerate(histories):
        state = text_of(one.get("state"))
        until = times[place + 1] if place + 1 < len(times) else max(last, times[place])
        took = max(0, until - times[place])
        if state not in TERMINAL:
            spent["waited" if state in WAITING else "held" if state in HELD else "ran"] += took
        family = STATES.get(state, ("idle", ""))[0]
        texture = {"queued": " hatch", "live": " stripe" if not ended else "", "hold": " held", "idle": " dashed"}
        steps.append(
            Step(
                key=f"{place}",
                state=state,
                at=text_of(one.get("date")),
                gap_ms=times[place] - times[place - 1] if place else -1,
                weight=str(max(1, took)),
                look=f"xs-seg {family}{texture.get(family, '')}",
            )
        )
    return steps, spent


def unmasked(values: Any) -> dict[str, Any]:
    """Return inputs without secret ones: stars must not be sent back as a value."""
    if not isinstance(values, Mapping):
        return {}
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if value == MASK or value is None:
            continue
        inner = unmasked(value) if isinstance(value, Mapping) else value
        kept[str(key)] = inner
    return kept


def small(value: Any) -> bool:
    """Tell whether a value may travel through the state."""
    try:
        return len(json.dumps(value, default=str)) <= SHOWN_VALUES
    except (TypeError, ValueError):
        return False


@dataclass(frozen=True, slots=True)
class OtherRun:
    """Another execution of the flow: a row of the side list."""

    id: str = ""
    state: str = ""
    at: str = ""
    ended: str = ""
    width: str = "1%"
    look: str = ""


def other_runs(runs: Sequence[Sequence[Any]], median_ms: int) -> tuple[list[OtherRun], str]:
    """Return sparkline rows `[id, state, startedMs, durationMs]` newest first with widths, and the median's place."""
    longest = max([median_ms, *(int(one[3] or 0) for one in runs), 1])
    found = []
    for identity, state, started, took in reversed(list(runs)):
        family = STATES.get(state, ("idle", ""))[0]
        look = {"queued": "hatch", "live": "stripe", "hold": "held", "idle": "dashed"}.get(family, "")
        begun = datetime.fromtimestamp(int(started) / 1000).astimezone().isoformat()
        found.append(
            OtherRun(
                id=str(identity),
                state=str(state),
                at=begun,
                ended="" if state not in TERMINAL else instant_text(int(started) + int(took or 0)),
                width=f"{max(1.0, 100 * int(took or 0) / longest):.1f}%",
                look=f"xs-run {family} {look}",
            )
        )
    return found, f"{100 * median_ms / longest:.1f}%" if median_ms > 0 else ""


def instant_text(ms: int) -> str:
    """Return ms since 1970 as an ISO instant."""
    return datetime.fromtimestamp(ms / 1000).astimezone().isoformat()
