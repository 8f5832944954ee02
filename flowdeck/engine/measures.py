"""Counters, timers and gauges of one process (spec: enterprise and operations F59).

Counting costs a look into a dictionary; nothing is formatted before somebody asks. Any thread may ask, each family is
counted by one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

SERIES = 5_000
"""Most tag sets of one family; further ones are counted together."""
OTHER = "__other__"
WINDOW = 60.0
"""Seconds over which the largest value of a timer is remembered, twice."""

Tags = tuple[str, ...]


class Counter:
    """Counts by tags."""

    __slots__ = ("_found", "kind", "labels")

    def __init__(self, labels: Tags) -> None:
        self.kind = "counter"
        self.labels = labels
        self._found: dict[Tags, float] = {} if labels else {(): 0}

    def add(self, tags: Tags = (), count: float = 1) -> None:
        """Count."""
        found = self._found
        known = found.get(tags)
        if known is None:
            if len(found) >= SERIES:
                tags = (OTHER,) * len(self.labels)
            found[tags] = found.get(tags, 0) + count
        else:
            found[tags] = known + count

    def series(self) -> list[tuple[Tags, Any]]:
        """What was counted."""
        return list(self._found.items())


class Timer:
    """Counts, adds up and remembers the largest of spans, by tags."""

    __slots__ = ("_found", "kind", "labels")

    def __init__(self, labels: Tags) -> None:
        self.kind = "timer"
        self.labels = labels
        self._found: dict[Tags, list[float]] = {}  # count, sum, largest of this window, its number, of the one before

    def add(self, tags: Tags, seconds: float, count: int = 1) -> None:
        """Take a span of `seconds`; `count` equal ones at once."""
        found = self._found.get(tags)
        window = time.monotonic() // WINDOW
        if found is None:
            if len(self._found) >= SERIES:
                tags = (OTHER,) * len(self.labels)
            found = self._found.setdefault(tags, [0, 0.0, 0.0, window, 0.0])
        if found[3] != window:
            found[4] = found[2] if found[3] == window - 1 else 0.0
            found[2], found[3] = 0.0, window
        found[0] += count
        found[1] += seconds * count
        if seconds > found[2]:
            found[2] = seconds

    def counts(self) -> list[tuple[Tags, float]]:
        """How many spans, by tags."""
        return [(tags, found[0]) for tags, found in list(self._found.items())]

    def series(self) -> list[tuple[Tags, Any]]:
        """`[count, sum, largest]` by tags, seconds."""
        window = time.monotonic() // WINDOW
        answer: list[tuple[Tags, Any]] = []
        for tags, (count, total, largest, at, before) in list(self._found.items()):
            latest = max(largest, before) if at == window else largest if at == window - 1 else 0.0
            answer.append((tags, [int(count), total, latest]))
        return answer


Gauged = Callable[[], float | Iterable[tuple[Tags, float]]]


class Measures:
    """The families of one process by their dotted names, such as `executor.execution.started.count`.

    A family that is `own` gets the configured prefix; the others have the names that dashboards of Java services know.
    """

    def __init__(self) -> None:
        self._families: dict[str, tuple[str, bool, Counter | Timer | tuple[Tags, Gauged, str]]] = {}

    def counter(self, name: str, text: str, *labels: str, own: bool = True) -> Counter:
        """A new counter."""
        counter = Counter(labels)
        self._families[name] = (text, own, counter)
        return counter

    def timer(self, name: str, text: str, *labels: str, own: bool = True) -> Timer:
        """A new timer."""
        timer = Timer(labels)
        self._families[name] = (text, own, timer)
        return timer

    def counts(self, name: str, text: str, timer: Timer) -> None:
        """A counter that tells how many spans a timer has: one look for both."""
        self._families[name] = (text, True, (timer.labels, timer.counts, "counter"))

    def again(self, name: str, text: str, counter: Counter) -> None:
        """A counter under a second name."""
        self._families[name] = (text, True, counter)

    def gauge(self, name: str, text: str, value: Gauged, *labels: str, own: bool = True, kind: str = "gauge") -> None:
        """A new gauge, or a counter that is kept elsewhere; `value` is called when somebody asks, in another thread."""
        self._families[name] = (text, own, (labels, value, kind))

    def told(self) -> list[dict[str, Any]]:
        """All families as `{name, text, own, kind, labels, series: [[tags, value], …]}`, ready for JSON."""
        answer: list[dict[str, Any]] = []
        for name, (text, own, family) in list(self._families.items()):
            if isinstance(family, tuple):
                labels, ask, kind = family
                value = ask()
                found: list[tuple[Tags, Any]] = [((), value)] if isinstance(value, (int, float)) else list(value)
            else:
                labels, kind, found = family.labels, family.kind, family.series()
            series = [[list(tags), value] for tags, value in found]
            answer.append(
                {"name": name, "text": text, "own": own, "kind": kind, "labels": list(labels), "series": series}
            )
        return answer


class Emitted:
    """What tasks emit: families by name that nobody knows before (F59: metrics of tasks are told too).

    Args:
        measures: where they are told.
        most: names that are taken; further ones are left out.
    """

    def __init__(self, measures: Measures, most: int = 500) -> None:
        self._measures = measures
        self._most = most
        self._known: dict[str, Counter | Timer | None] = {}

    def take(self, name: str, kind: str, value: float, tags: dict[str, str]) -> None:
        """One value; `kind` is `counter` or `timer` (seconds). The labels of the first value of a name stay its own."""
        family = self._known.get(name, self)
        if family is self:
            if len(self._known) >= self._most:
                return
            make = self._measures.timer if kind == "timer" else self._measures.counter
            family = make(f"task.{name}", "Emitted by tasks.", *sorted(tags))
            self._known[name] = family
        if (isinstance(family, Timer) and kind == "timer") or (isinstance(family, Counter) and kind != "timer"):
            family.add(tuple(tags.get(label, "") for label in family.labels), value)
