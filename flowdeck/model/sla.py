"""Expectations about each execution of a flow, as declared (spec: workflow components §11.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flowdeck.model.durations import DurationError, format_duration, parse_duration
from flowdeck.model.labels import LabelError, read_labels

MAX_DURATION = "MAX_DURATION"
ASSERTION = "EXECUTION_ASSERTION"


@dataclass(frozen=True, slots=True)
class Sla:
    """One expectation; `duration_ms` counts from the creation of the execution, queue and pauses included."""

    id: str
    type: str  # MAX_DURATION | EXECUTION_ASSERTION
    behavior: str  # FAIL | CANCEL | NONE
    duration_ms: int | None = None
    assertion: str | None = None
    labels: tuple[tuple[str, str], ...] = ()


def read_slas(declared: Iterable[Mapping[str, Any]] | None) -> tuple[Sla, ...]:
    """The usable ones of a flow's `sla`; what is malformed was reported by validation and is left out."""
    found = []
    for one in declared or ():
        kind, behavior = one.get("type"), one.get("behavior")
        if not one.get("id") or behavior is None:
            continue
        try:
            labels = tuple(read_labels(one.get("labels")))
            if kind == MAX_DURATION and one.get("duration") is not None:
                found.append(Sla(one["id"], kind, behavior, parse_duration(str(one["duration"])), None, labels))
            elif kind == ASSERTION and one.get("assert") is not None:
                found.append(Sla(one["id"], kind, behavior, None, one["assert"], labels))
        except (DurationError, LabelError):
            continue
    return tuple(found)


def late(sla: Sla, elapsed_ms: int) -> str:
    """Why a MAX_DURATION is violated."""
    most = format_duration(sla.duration_ms or 0)
    return f"execution duration of {format_duration(elapsed_ms)} exceed the maximum duration of {most}."


def untrue(sla: Sla) -> str:
    """Why an EXECUTION_ASSERTION is violated."""
    return f"assertion is false: {sla.assertion}."
