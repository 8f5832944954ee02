"""Laws of deleting log lines in bulk, on both databases (engine notes §2.12; core plugins §2, PurgeLogs)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.store import log_purge
from flowdeck.store.driver import Database
from tests.contracts.test_logs import DAY, NOW, Logs, lines


@pytest.fixture
def logs(empty_database: Database, tmp_path: Path) -> Iterator[Logs]:
    found = Logs(tmp_path / "logs", empty_database)
    yield found
    found.close()


def purge(logs: Logs, until: int, **more: Any) -> int:
    """All calls of one purge; answers how many lines went."""
    total, cursor, calls = 0, None, 0
    while True:
        gone, cursor = log_purge.purge_lines(logs.files, "main", until=until, cursor=cursor, **more)
        total += gone
        calls += 1
        assert calls < 100
        if cursor is None:
            return total


def left(logs: Logs, execution: int) -> list[int]:
    """Numbers of an execution's lines, which views must find by position."""
    found, _, _, _ = logs.store.range(execution, 1, 2000)
    assert sum(logs.store.levels(execution).values()) == len(found)
    loud, _, _, total = logs.store.range(execution, 1, 2000, min_level=1)
    assert total == len(loud) == sum(line["level"] >= 1 for line in found)
    return [line["no"] for line in found]


def test_only_the_chosen_lines_go(logs: Logs) -> None:
    logs.write(1, lines(3), namespace="a.b", flow_id="f")
    logs.write(2, lines(2), namespace="a.b.c", flow_id="f")
    logs.write(3, lines(2), namespace="a.bc", flow_id="f")
    logs.write(4, lines(2), tenant="other")
    assert purge(logs, NOW) == 0
    assert purge(logs, NOW + 10, namespace="a.b", flow_id="f") == 3
    assert purge(logs, NOW + 10, execution="E1") == 0
    assert purge(logs, NOW + 10, namespace="a.b") == 2
    assert purge(logs, NOW + 10, execution="E3") == 2
    assert purge(logs, NOW + 10) == 0 and left(logs, 4) == [1, 2]


def test_levels_and_parts_of_time_leave_the_rest_in_place(logs: Logs) -> None:
    mixed = [(n + 1, NOW + n, n % 5, "main", f"line {n}") for n in range(10)]
    logs.write(1, mixed)
    assert purge(logs, NOW + 100, levels=[0, 4]) == 4
    assert left(logs, 1) == [2, 3, 4, 7, 8, 9]
    assert purge(logs, NOW + 8, since=NOW + 3) == 3
    assert left(logs, 1) == [2, 3, 9]
    assert logs.store.levels(1) == {"TRACE": 0, "DEBUG": 1, "INFO": 1, "WARN": 1, "ERROR": 0}
    logs.write(1, [(11, NOW + 50, 2, "main", "after")])
    assert left(logs, 1) == [2, 3, 9, 11]


def test_numbering_goes_on_after_all_lines_went(logs: Logs) -> None:
    """An execution that still runs keeps its numbers."""
    logs.write(1, lines(2))
    assert purge(logs, NOW + 10) == 2 and left(logs, 1) == []
    logs.write(1, lines(1, first=3))
    assert left(logs, 1) == [3]


def test_long_attempts_go_in_slices(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_purge, "LINES", 100)
    logs.write(1, lines(350))
    logs.write(2, lines(80), run=8)
    logs.write(3, lines(80), run=9)
    assert purge(logs, NOW + 1000) == 510
    assert [left(logs, n) for n in (1, 2, 3)] == [[], [], []]


def test_lines_of_triggers_go_too(logs: Logs) -> None:
    logs.write(0, lines(4), run=0, trigger_id="every")
    assert purge(logs, NOW + 2) == 2
    assert logs.store.list("main", trigger_id="every")[1] == 2
    assert purge(logs, NOW + 100) == 2 and logs.store.list("main")[1] == 0


def test_days_go_as_whole_partitions(logs: Logs) -> None:
    if not logs.files.single:
        pytest.skip("SQLite has files")
    for age in (3, 2, 1, 0):
        at = NOW - age * DAY
        logs.write(age + 1, lines(5, at=at), now=at)

    def partitions() -> int:
        with logs.files.files()[0].database.reader() as reader:
            return reader.value(
                "select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid"
                " where i.inhparent = to_regclass('log_line') and c.relname <> 'log_line_other'"
            )

    before = partitions()
    until = NOW - NOW % DAY - DAY + 1000
    assert purge(logs, until) == 10 and partitions() == before - 2
    assert [left(logs, n) for n in (4, 3, 2, 1)] == [[], [], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]
    logs.write(9, lines(1), tenant="other", run=9)
    assert purge(logs, NOW + 100) == 10 and left(logs, 9) == [1]


def test_days_go_as_whole_files(logs: Logs) -> None:
    if logs.files.single:
        pytest.skip("PostgreSQL has partitions")
    for age in (3, 2, 1, 0):
        at = NOW - age * DAY
        logs.write(age + 1, lines(5, at=at), now=at)
    names = [file.name for file in logs.files.files()]
    assert purge(logs, NOW - DAY // 2) == 15
    assert [file.name for file in logs.files.files()] == names[:1] + names[1:2] or len(logs.files.files()) <= 2
    assert left(logs, 1) == [1, 2, 3, 4, 5]
    assert purge(logs, NOW + 100) == 5 and len(logs.files.files()) >= 1


def test_a_file_with_lines_of_others_stays(logs: Logs) -> None:
    if logs.files.single:
        pytest.skip("one place for all days")
    old = NOW - 3 * DAY
    logs.write(1, lines(2, at=old), now=old)
    logs.write(2, lines(2, at=old), now=old, tenant="other", run=8)
    logs.write(3, lines(1))
    assert purge(logs, NOW - DAY) == 2 and left(logs, 2) == [1, 2]


def test_counting_lines_of_executions(logs: Logs) -> None:
    logs.write(1, lines(3))
    logs.write(2, lines(2), run=8)
    assert log_purge.count_lines(logs.files, [1, 2, 9]) == 5 and log_purge.count_lines(logs.files, []) == 0


def test_lines_of_executions_that_are_gone(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of them stays, not even their numbering; others keep theirs."""
    monkeypatch.setattr(log_purge, "LINES", 50)
    for n in range(1, 8):
        logs.write(n, lines(20), run=n)
    logs.write(8, lines(130), run=8)
    logs.write(9, lines(3), run=9)
    assert purge(logs, NOW + 1000, execution="E1") == 20
    assert log_purge.forget_executions(logs.files, []) == 0
    assert log_purge.forget_executions(logs.files, [1, 2, 3, 4, 5, 6, 7, 8, 99]) == 6 * 20 + 130
    assert left(logs, 8) == [] and left(logs, 9) == [1, 2, 3]
    for file in logs.files.files():
        with file.database.reader() as reader:
            for table in ("log_source", "log_head"):
                assert reader.value(f"select count(*) from {table}") == 1
            assert reader.value("select count(*) from log_line") == 3
