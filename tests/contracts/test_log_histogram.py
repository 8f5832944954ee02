"""Laws of the counts of log lines over time, on day files and on PostgreSQL."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.store import log_histogram
from flowdeck.store.driver import Database, Reader
from flowdeck.store.log_histogram import histogram
from flowdeck.store.logs import Batch
from tests.support.log_store import LogPair

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_790_000_000_000


class Logs(LogPair):
    """A store with lines of several attempts."""

    def write(self, execution: int, lines: list[Any], now: int, **more: Any) -> None:
        names: dict[str, Any] = {"tenant": "main", "namespace": "a.b", "flow_id": "f"} | more
        self.appender.append(
            [Batch(execution, f"E{execution}", 7, 1, task_id="t", task_run="R", lines=lines, **names)], now
        )


@pytest.fixture
def logs(empty_database: Database, tmp_path: Path) -> Iterator[Logs]:
    found = Logs(tmp_path / "logs", empty_database)
    yield found
    found.close()


def test_the_counts_equal_those_of_reading_every_line(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    rand = random.Random(7)
    monkeypatch.setattr(log_histogram, "SOURCES", 3)
    monkeypatch.setattr(log_histogram, "LINES", 50)
    written: list[tuple[int, int, str]] = []
    for execution in range(1, 15):
        start = NOW + (execution % 3) * DAY + rand.randrange(HOUR)
        space = rand.choice(("a.b", "a.b.c", "a.bc"))
        count, step = rand.choice(((3, 10), (40, 2 * MINUTE), (3500, 400), (1, 1)))
        lines = []
        for i in range(count):
            level = rand.randrange(5)
            lines.append((i + 1, start + i * step, level, "main", f"line {i}"))
            written.append((start + i * step, level, space))
        logs.write(execution, lines, NOW + (execution % 3) * DAY, namespace=space)
    logs.write(99, [(1, NOW, 4, "", "x")], NOW + 3 * DAY, tenant="other")
    for since, until, width in (
        (NOW - DAY, NOW + 4 * DAY, HOUR),
        (NOW + 10 * MINUTE, NOW + DAY + 20 * MINUTE, 15 * MINUTE),
        (NOW + 2 * DAY, NOW + 2 * DAY + HOUR, MINUTE),
        (NOW - DAY, NOW, MINUTE),
    ):
        for filters, fits in (
            ({}, lambda space: True),
            ({"namespace": "a.b"}, lambda space: space == "a.b"),
            ({"namespace": "a.b", "prefix": True}, lambda space: space in ("a.b", "a.b.c")),
        ):
            wanted = Counter(
                (at // width, level) for at, level, space in written if since <= at < until and fits(space)
            )
            more: dict[str, Any] = filters
            found = histogram(logs.store, "main", since=since, until=until, width=width, budget=20, **more)
            assert found == (dict(wanted), True), (since, filters)


def test_a_long_attempt_is_counted_without_reading_its_lines(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.write(1, [(i + 1, NOW + i, 2, "", "x") for i in range(30_000)], NOW)
    read: list[dict[str, Any]] = []
    real = Reader.all

    def all_rows(self: Reader, text: str, *args: Any, **named: Any) -> Any:
        if "from log_line l where" in text:
            read.append(args[0])
        return real(self, text, *args, **named)

    monkeypatch.setattr(Reader, "all", all_rows)
    counts, whole = histogram(logs.store, "main", since=NOW + 500, until=NOW + DAY, width=10_000, budget=20)
    assert whole and sum(counts.values()) == 29_500 and len(counts) >= 3
    assert len(read) <= 5 and all(part["end"] - part["first"] <= 1001 for part in read)


def test_what_was_deleted_is_not_counted(logs: Logs) -> None:
    logs.write(1, [(i + 1, NOW + i * 100, 4 if i % 2 else 2, "", "x") for i in range(5000)], NOW)
    logs.store.delete([1], min_level=3, forget=False)
    counts, whole = histogram(logs.store, "main", since=NOW, until=NOW + DAY, width=MINUTE)
    assert whole and sum(counts.values()) == 2500 and {level for _, level in counts} == {2}


def test_a_budget_that_ends_is_told(logs: Logs) -> None:
    logs.write(1, [(1, NOW, 2, "", "x")], NOW)
    assert histogram(logs.store, "main", since=NOW, until=NOW + 1, width=1, budget=-1) == ({}, False)
    assert histogram(logs.store, "main", since=NOW, until=NOW + 1, width=1) == ({(NOW, 2): 1}, True)
