"""From the API's answers to what the home dashboard shows: pure functions, no state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from app import routes
from app.reasons import waits_for
from app.words import later, say, spoken, state_word

ACTIVE = ("RUNNING", "PAUSED", "BREAKPOINT", "KILLING", "RETRYING", "RESTARTED")
PENDING = ("CREATED", "QUEUED", "SUBMITTED")
GOOD = ("SUCCESS", "WARNING")
BAD = ("FAILED",)
ENDED = ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "SKIPPED", "RETRIED", "RESUBMITTED")
RANGES = [("PT1H", "1 h"), ("PT12H", "12 h"), ("PT24H", "24 h"), ("P7D", "7 d"), ("P30D", "30 d")]
HOURS = {"PT1H": 1, "PT12H": 12, "PT24H": 24, "P7D": 168, "P30D": 720}
WORDS = {
    "PT1H": later("the hour"),
    "PT12H": later("the 12 hours"),
    "PT24H": later("the day"),
    "P7D": later("the week"),
    "P30D": later("the 30 days"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """A number of the first row; `points` is the path of an SVG line, 88 × 30."""

    value: str = ""
    change: str = ""
    good: bool = True
    note: str = ""
    points: str = ""
    end_x: str = "0"
    end_y: str = "0"
    parts: list[dict[str, str]] = field(default_factory=list)
    place: str = ""


@dataclass(frozen=True, slots=True)
class NamespaceRatio:
    """A namespace with its share of failures; `width` is a CSS width."""

    id: str = ""
    ratio: str = ""
    total: str = ""
    width: str = ""
    family: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Active:
    """An execution that goes on; `style` moves its bar towards the median without JavaScript."""

    id: str = ""
    namespace: str = ""
    flow: str = ""
    state: str = ""
    duration_ms: int = -1
    counted: str = ""
    note: str = ""
    late: bool = False
    still: bool = False
    family: str = "live"
    span: str = ""
    delay: str = ""
    width: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A group of failures with the same message."""

    id: str = ""
    namespace: str = ""
    flow: str = ""
    task: str = ""
    message: str = ""
    last: str = ""
    count: str = ""
    place: str = ""
    all: str = ""


def line_of(values: Sequence[float | None]) -> tuple[str, str, str]:
    """Return the path of a line of 88 × 30 and its last point; empty texts for fewer than two values."""
    kept = [value for value in values if value is not None]
    if len(kept) < 2:
        return "", "0", "0"
    low, high = min(kept), max(kept)
    reach = (high - low) or 1.0
    step = 86 / (len(kept) - 1)
    points = [(i * step, 27 - (value - low) / reach * 22 if high > low else 20.0) for i, value in enumerate(kept)]
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in points), f"{points[-1][0]:.1f}", f"{points[-1][1]:.1f}"


def sums(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, int]:
    """Return executions by state over all buckets of the figure over time."""
    return {
        name: sum(int(row[place] or 0) for row in rows)
        for place, name in enumerate(columns)
        if name not in ("time", "meanSeconds")
    }


def largest(states: Mapping[str, int], most: int) -> set[str]:
    """Return the states with most executions; failures are always among them."""
    ranked = sorted(states, key=lambda name: (name in BAD, states[name]), reverse=True)
    return set(ranked[:most])


def ratio_of(states: Mapping[str, int]) -> float | None:
    """Return the share of good ends among all ends; None without an end."""
    ended = sum(states.get(name, 0) for name in ENDED)
    return sum(states.get(name, 0) for name in GOOD) / ended if ended else None


def percent(ratio: float | None) -> str:
    """Return `97.7 %`; a dash for nothing. Never rounds a failure away."""
    if ratio is None:
        return "–"
    if ratio < 1 and ratio > 0.9995:
        return f"{spoken(99.9, 1)} %"
    return f"{spoken(ratio * 100, 1)} %"


def executions_place(conditions: Sequence[tuple[str, str]], filters: Sequence[Mapping[str, str]] = ()) -> str:
    """Return the executions list with conditions `(filters[…][…], value)` and those of the dashboard."""
    pairs = [*conditions]
    for one in filters:
        name, operator, value = one["field"], one["operator"], one["value"]
        if name == "labels":
            key, _, word = value.partition(":")
            pairs.append((f"filters[labels][{operator}][{key}]", word))
        else:
            pairs.append((f"filters[{name}][{operator}]", value))
    return f"{routes.EXECUTIONS}?{urlencode(pairs, safe='[],:')}"


def ratio_card(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], before: Mapping[str, int], words: str, to: str
) -> Card:
    """The card of the success ratio, compared with the span before."""
    place = {name: i for i, name in enumerate(columns)}
    values: list[float | None] = [
        ratio_of({name: int(row[i] or 0) for name, i in place.items() if name in ENDED}) for row in rows
    ]
    points, x, y = line_of(values)
    now, then = ratio_of(sums(columns, rows)), ratio_of(before)
    change = "" if now is None or then is None else say("{now} pt", now=f"{(now - then) * 100:+.1f}")
    good = not change.startswith("-")
    note = (
        say("on {words} before", words=words)
        if change
        else say("no execution ended")
        if now is None
        else say("nothing in {words} before", words=words)
    )
    return Card(percent(now), change, good, note, points, x, y, place=to)


def failed_card(columns: Sequence[str], rows: Sequence[Sequence[Any]], before: Mapping[str, int], to: str) -> Card:
    """The card of the failures, with the namesake of most of them added by the page."""
    place = list(columns).index("FAILED") if "FAILED" in columns else -1
    values: list[float | None] = [float(row[place] or 0) if place >= 0 else 0.0 for row in rows]
    points, x, y = line_of(values)
    count = int(sum(value or 0 for value in values))
    then = before.get("FAILED", 0)
    change = f"{count - then:+,}" if count != then else ""
    return Card(spoken(count), change, count <= then, "", points, x, y, place=to)


def parts_of(states: Mapping[str, int], order: Sequence[str], families: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the coloured parts of a small stacked bar: family and weight."""
    return [{"family": families[name], "weight": str(states[name])} for name in order if states.get(name)]


def in_words(states: Mapping[str, int], order: Sequence[str], most: int = 2) -> str:
    """Return `9 running, 2 retrying`."""
    return ", ".join(
        f"{spoken(states[name])} {state_word(name).lower()}" for name in order if states.get(name, 0) > 0
    ).rsplit(", ", max(0, sum(1 for name in order if states.get(name)) - most))[0]


def namespaces(columns: Sequence[str], rows: Sequence[Sequence[Any]], to: Any, most: int = 7) -> list[NamespaceRatio]:
    """Worst first; the bar shows the failed share on a scale to 25 %."""
    found: list[tuple[float, int, str]] = []
    for row in rows:
        cells = dict(zip(columns, row, strict=False))
        states = {name: int(cells.get(name) or 0) for name in ENDED}
        ratio = ratio_of(states)
        if ratio is not None:
            found.append((ratio, int(cells.get("total") or 0), str(row[0])))
    found.sort(key=lambda one: (one[0], -one[1]))
    return [
        NamespaceRatio(
            id=name,
            ratio=percent(ratio),
            total=spoken(total),
            width=f"{min(100.0, (1 - ratio) * 400):.1f}%",
            family="bad" if ratio < 0.9 else "warn" if ratio < 0.97 else "shut",
            place=to(name),
        )
        for ratio, total, name in found[:most]
    ]


def _ms(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return 0


def span_words(ms: float) -> str:
    """Return `3m 48s`, `41s`, `350 ms`."""
    if ms < 1000:
        return say("{ms} ms", ms=int(ms))
    seconds = round(ms / 1000)
    if seconds < 60:
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m {seconds:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m"


def active(row: Any, median: float | None, waiting: Mapping[str, Any] | None, families: Mapping[str, str]) -> Active:
    """One line of *In progress*: how far it is on the way to its median."""
    now = datetime.now(UTC).timestamp() * 1000
    spent = max(0.0, now - _ms(row.counted) if row.duration_ms < 0 and row.counted else float(row.duration_ms))
    still = row.state in ("PAUSED", "BREAKPOINT")
    late = bool(median and spent > median * 1.1 and not still)
    if waiting:
        note = {"paused": say("waits for you"), "breakpoint": say("at a breakpoint"), "retry": ""}.get(
            str(waiting.get("kind")), waits_for(waiting)
        )
        if waiting.get("kind") == "retry":
            most = waiting.get("maxAttempts")
            note = say("attempt {attempt}", attempt=waiting.get("attempt")) + (
                (" " + say("of {most}", most=most)) if most else ""
            )
    elif median and late:
        note = say("median {median}", median=span_words(median))
    elif median:
        note = say("about {x} left", x=span_words(max(1000.0, median - spent)))
    else:
        note = say("first run")
    share = min(1.0, spent / median) if median else 0.5
    return Active(
        id=row.id,
        namespace=row.namespace,
        flow=row.flow,
        state=row.state,
        duration_ms=row.duration_ms,
        counted=row.counted,
        note=note,
        late=late,
        still=still or not median,
        family=families.get(row.state, "live"),
        span=f"{max(1, int(median or 0))}ms",
        delay=f"-{int(min(spent, median or 0))}ms",
        width=f"{share * 100:.1f}%",
        place=routes.execution(row.namespace, row.flow, row.id),
    )


def failures(groups: Sequence[Mapping[str, Any]], to: Any) -> list[Failure]:
    """The groups, newest first."""
    found = sorted(groups, key=lambda one: str(one.get("last") or ""), reverse=True)
    return [
        Failure(
            id=str(one.get("key") or ""),
            namespace=str(one.get("namespace") or ""),
            flow=str(one.get("flowId") or ""),
            task=str(one.get("taskId") or ""),
            message=str(one.get("message") or "").split("\n", 1)[0][:300],
            last=str(one.get("last") or ""),
            count="once" if one.get("count") == 1 else say("{count} times", count=spoken(int(one.get("count") or 0))),
            place=routes.execution(
                str(one.get("namespace")), str(one.get("flowId")), str((one.get("executions") or [""])[0]), "logs"
            ),
            all=to(str(one.get("namespace") or ""), str(one.get("flowId") or "")),
        )
        for one in found
    ]
