"""Matching of Flow triggers: does this change of an execution start the flow? (spec: workflow components §15.7)

Pure: `(trigger, execution, window, now) -> Match`. The caller loads and stores one window row per trigger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

import regex

from flowdeck.expr import ExpressionError, truthy
from flowdeck.expr.regexes import compiled
from flowdeck.model.coerce import to_text
from flowdeck.model.conditions import ConditionError, Facts, Render, Upstream, evaluate, name_of, render_locally
from flowdeck.model.durations import parse_duration
from flowdeck.model.flow import TriggerDef
from flowdeck.model.labels import nested, read_labels
from flowdeck.model.states import TERMINAL

DEFAULT_STATES = frozenset(state.name for state in TERMINAL) | {"PAUSED"}
DAY_MS = 86_400_000
LONGEST_PATTERN = 1000


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen in a span `[start, end)`: by precondition, the execution and its outputs."""

    start: int
    end: int
    seen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """Result of one change.

    Attributes:
        fires: whether an execution starts.
        condition_id: id of the window's row, "" for a trigger without preconditions.
        window: the row to store; None = delete it (or there is none).
        changed: whether the row differs from what was given.
        variables: `trigger` variables of the execution.
        warnings: evaluation errors, which counted as false.
    """

    fires: bool
    condition_id: str = ""
    window: Window | None = None
    changed: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def condition_id(trigger: TriggerDef) -> str:
    """Key of the trigger's window row; "" when it has none."""
    group = _group(trigger)
    return str(group.get("id") or "") if group else ""


def match(
    trigger: TriggerDef,
    owner: tuple[str, str],
    upstream: Upstream,
    window: Window | None,
    now: int,
    *,
    context: Mapping[str, Any] | None = None,
    render: Render = render_locally,
) -> Match:
    """Judge one state change of an execution.

    `owner` is namespace and id of the flow that has the trigger; `window` the stored row, expired ones included.
    """
    key = condition_id(trigger)
    untouched = Match(False, key, window)
    if trigger.disabled or (upstream.namespace, upstream.flow_id) == owner or upstream.state == "CREATED":
        return untouched
    states = trigger.props.get("states")
    if upstream.state not in (states if states is not None else DEFAULT_STATES):
        return untouched
    facts = Facts(_context(upstream, context or {}), upstream, owner[0], owner[1])
    warnings: list[str] = []
    group = _group(trigger)
    for condition in trigger.props.get("conditions") or ():
        if name_of(condition) != "MultipleCondition" and not _holds(condition, facts, render, warnings):
            return Match(False, key, window, warnings=tuple(warnings))
    if not group:
        return Match(True, variables=variables_of(upstream, [upstream.outputs]), warnings=tuple(warnings))
    marks = _marks(group, facts, render, warnings)
    met = [name for name, holds in marks.items() if holds]
    if not met:
        return Match(False, key, window, warnings=tuple(warnings))
    present = _window_at(_time_window(group), window, now)
    if present is None:
        return Match(False, key, None, window is not None, warnings=tuple(warnings))
    seen = dict(present.seen)
    for name in met:
        seen[name] = {"executionId": upstream.id, "outputs": dict(upstream.outputs or {})}
    stored = Window(present.start, present.end, seen)
    if not set(marks) <= set(seen):
        return Match(False, key, stored, True, warnings=tuple(warnings))
    variables = variables_of(upstream, [entry.get("outputs") for entry in seen.values()])
    keep = group.get("resetOnSuccess", True) is False
    return Match(True, key, stored if keep else None, True, variables, tuple(warnings))


def variables_of(upstream: Upstream, outputs: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """`trigger` variables of the execution that an execution starts."""
    merged: dict[str, Any] = {}
    for one in outputs:
        merged.update(one or {})
    return {
        "executionId": upstream.id,
        "namespace": upstream.namespace,
        "flowId": upstream.flow_id,
        "flowRevision": upstream.revision,
        "state": upstream.state,
        "executionLabels": dict(upstream.labels),
        "outputs": merged,
    }


def _context(upstream: Upstream, more: Mapping[str, Any]) -> dict[str, Any]:
    """What expressions see: the other execution stands where one's own would."""
    trigger = variables_of(upstream, [upstream.outputs])
    return {
        **more,
        "flow": {"id": upstream.flow_id, "namespace": upstream.namespace, "revision": upstream.revision},
        "execution": {"id": upstream.id, "state": upstream.state, "outputs": dict(upstream.outputs or {})},
        "labels": nested(upstream.labels.items()),
        "trigger": trigger,
    }


def _holds(condition: Mapping[str, Any], facts: Facts, render: Render, warnings: list[str]) -> bool:
    try:
        return evaluate(condition, facts, render)
    except ConditionError as error:
        warnings.append(str(error))
        return False


def _group(trigger: TriggerDef) -> Mapping[str, Any] | None:
    """The preconditions, or the deprecated MultipleCondition that does the same."""
    found = trigger.props.get("preconditions")
    if found:
        return found
    for condition in trigger.props.get("conditions") or ():
        if name_of(condition) == "MultipleCondition":
            return condition
    return None


def _marks(group: Mapping[str, Any], facts: Facts, render: Render, warnings: list[str]) -> dict[str, bool]:
    """Each precondition, and whether the execution meets it."""
    upstream = facts.execution
    assert upstream is not None
    out: dict[str, bool] = {}
    for number, entry in enumerate(group.get("flows") or ()):
        out[f"flow:{number}:{entry.get('namespace')}.{entry.get('flowId', '*')}"] = _is_flow(entry, upstream)
    for entry in group.get("where") or ():
        results = [_filter(one, facts, render, warnings) for one in entry.get("filters") or ()]
        out[f"where:{entry.get('id')}"] = any(results) if entry.get("operand") == "OR" else all(results)
    conditions = group.get("conditions")
    if isinstance(conditions, Mapping):
        for name, condition in conditions.items():
            out[f"condition:{name}"] = _holds(condition, facts, render, warnings)
    return out


def _is_flow(entry: Mapping[str, Any], upstream: Upstream) -> bool:
    if entry.get("namespace") != upstream.namespace or entry.get("flowId") not in (None, upstream.flow_id):
        return False
    if entry.get("states") is not None and upstream.state not in entry["states"]:
        return False
    return all(upstream.labels.get(k) == v for k, v in read_labels(entry.get("labels")))


def _filter(one: Mapping[str, Any], facts: Facts, render: Render, warnings: list[str]) -> bool:
    upstream = facts.execution
    assert upstream is not None
    value = one.get("value")
    subject: Any
    match one.get("field"):
        case "FLOW_ID":
            subject = upstream.flow_id
        case "NAMESPACE":
            subject = upstream.namespace
        case "STATE":
            subject = upstream.state
        case _:
            try:
                subject = to_text(render(value, facts.context))
            except ExpressionError as error:
                warnings.append(error.message)
                return False
    values = one.get("values") or ()
    match one.get("type"):
        case "EQUAL_TO":
            return subject == value
        case "NOT_EQUAL_TO":
            return subject != value
        case "IN":
            return subject in values
        case "NOT_IN":
            return subject not in values
        case "IS_TRUE":
            return truthy(subject)
        case "IS_FALSE":
            return not truthy(subject)
        case "IS_NULL":
            return not subject
        case "IS_NOT_NULL":
            return bool(subject)
        case "STARTS_WITH":
            return subject.startswith(value or "")
        case "ENDS_WITH":
            return subject.endswith(value or "")
        case "CONTAINS":
            return (value or "") in subject
        case "REGEX":
            return _matches(value or "", subject, warnings)
    return False


def _matches(pattern: str, subject: str, warnings: list[str]) -> bool:
    if len(pattern) > LONGEST_PATTERN:  # compiling takes time too, and this runs where all executions wait
        warnings.append(f"pattern '{pattern[:50]}…' is longer than {LONGEST_PATTERN} characters")
        return False
    try:
        return compiled(pattern).fullmatch(subject, timeout=0.25) is not None
    except (regex.error, TimeoutError) as error:
        warnings.append(f"pattern '{pattern}': {error or 'takes too long'}")
        return False


# ---- windows


def _time_window(group: Mapping[str, Any]) -> Mapping[str, Any]:
    """The window's definition; the deprecated members of MultipleCondition count when there is none."""
    found = group.get("timeWindow") or group.get("sla")
    if isinstance(found, Mapping):
        return found
    return {k: group[k] for k in ("window", "windowAdvance") if isinstance(group.get(k), str)}


def _window_at(definition: Mapping[str, Any], stored: Window | None, now: int) -> Window | None:
    """The stored window while it lasts, else the one that contains `now`; None outside the daily times."""
    if stored is not None and stored.start <= now < stored.end:
        return stored
    span = window_span(definition, now)
    return None if span is None else Window(*span)


def window_span(definition: Mapping[str, Any], now: int) -> tuple[int, int] | None:
    """Begin and end (exclusive) of the window that contains `now`, or that opens now (SLIDING_WINDOW)."""
    kind = definition.get("type", "DURATION_WINDOW")
    length = max(parse_duration(definition.get("window") or "P1D"), 1)
    if kind == "SLIDING_WINDOW":
        return now, now + length
    if kind == "DAILY_TIME_DEADLINE":
        return _daily(time(0, tzinfo=_zone_of(definition["deadline"])).isoformat(), definition["deadline"], now)
    if kind == "DAILY_TIME_WINDOW":
        return _daily(definition["startTime"], definition["endTime"], now)
    advance = parse_duration(definition.get("windowAdvance") or "PT0S")
    if length > DAY_MS:
        start = advance + (now - advance) // length * length
        return start, start + length
    base = advance + (now - advance) // DAY_MS * DAY_MS
    start = base + (now - base) // length * length
    return start, min(start + length, base + DAY_MS)


def _zone_of(text: str) -> Any:
    return time.fromisoformat(text).tzinfo or UTC


def _daily(start_text: str, end_text: str, now: int) -> tuple[int, int] | None:
    """The span between two times of day that contains `now`; an end before the start is on the next day."""
    start, end = time.fromisoformat(start_text), time.fromisoformat(end_text)
    zone = start.tzinfo or end.tzinfo or UTC
    today = datetime.fromtimestamp(now / 1000, zone).date()
    for day in (today - timedelta(days=1), today):
        opens = datetime.combine(day, start.replace(tzinfo=start.tzinfo or zone))
        closes = datetime.combine(day, end.replace(tzinfo=end.tzinfo or zone))
        if closes <= opens:
            closes += timedelta(days=1)
        first, last = int(opens.timestamp() * 1000), int(closes.timestamp() * 1000)
        if first <= now < last:
            return first, last
    return None
