"""Log lines in PostgreSQL with several writers, and days that go as a whole (engine notes §2.8, §2.9)."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.store.driver import Database, open_database
from flowdeck.store.log_deletion import delete_lines
from flowdeck.store.log_partitions import DAY, SharedLog, partition
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import Batch, LogAppender, LogFiles
from tests.support.postgres import Postgres

NOW = 1_790_000_000_000


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    found = open_database(postgres.database(f"t{uuid.uuid4().hex[:12]}"))
    yield found
    found.close()


def batch(execution: int, attempt: int, lines: list[tuple[int, int, int, str, str]]) -> Batch:
    return Batch(execution, f"E{execution}", 7, attempt, "main", "a.b", "f", "t", "R", lines)


def rows(database: Database, text: str) -> list[tuple[Any, ...]]:
    with database.reader() as reader:
        return [tuple(row) for row in reader.all(text)]


def test_writers_at_once_number_the_lines_of_an_execution_without_gaps(database: Database, tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        appender = LogAppender(LogFiles(tmp_path, database))
        try:
            for n in range(20):
                one = [(n * 2 + k + 1, NOW, 2, "", f"{writer}/{n}/{k}") for k in range(2)]
                # Both executions in one batch, in an order that differs between the writers.
                batches = [batch(1, writer, one), batch(2, writer, one)]
                appender.append(batches[:: 1 if writer % 2 else -1], NOW)
                appender.append(batches, NOW)  # what was sent again is known
        except BaseException as error:
            failures.append(error)
        finally:
            appender.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for execution in (1, 2):
        found = rows(database, f"select no, seq from log_line where execution_seq = {execution} order by no")
        assert [no for no, _ in found] == list(range(1, 161))
        assert sorted(seq for _, seq in found) == [seq for _, seq in found]
    assert rows(database, "select sum(l2) from log_head") == [(320,)]
    assert rows(database, "select sum(l2) from log_source") == [(320,)]


def test_days_go_as_a_whole_and_counts_follow(database: Database, tmp_path: Path) -> None:
    files = LogFiles(tmp_path, database)
    appender, store = LogAppender(files), LogStore(tmp_path, database, files)
    try:
        for day in range(4):
            at = NOW + day * DAY
            appender.append([batch(1, 1, [(day + 1, at, 2, "", f"day {day}")])], at)
            appender.append([batch(10 + day, 1, [(1, at, 4, "", "alone")])], at)
        assert {partition(NOW + day * DAY) for day in range(4)} <= {
            row[0] for row in rows(database, "select relname from pg_class")
        }
        gone = files.drop_before(NOW + 2 * DAY)
        assert gone == [partition(NOW), partition(NOW + DAY)]
        assert rows(database, "select execution_seq, message from log_line order by seq") == [
            (1, "day 2"),
            (12, "alone"),
            (1, "day 3"),
            (13, "alone"),
        ]
        assert [store.total(seq, min_level=1) for seq in (1, 10, 12)] == [2, 0, 1]
        assert [line["text"] for line in store.range(1, 1, 10)[0]] == ["day 2", "day 3"]
        appender.append([batch(1, 1, [(5, NOW + 3 * DAY, 2, "", "more")])], NOW + 3 * DAY)
        assert [line["no"] for line in store.range(1, 1, 10)[0]] == [3, 4, 5]
    finally:
        appender.close()
        store.close()


def test_lines_of_another_day_than_today_find_their_place(database: Database, tmp_path: Path) -> None:
    files = LogFiles(tmp_path, database)
    appender = LogAppender(files)
    try:
        appender.append([batch(1, 1, [(1, NOW - 400 * DAY, 2, "", "a clock that was wrong")])], NOW)
        appender.append([batch(1, 1, [(2, NOW, 2, "", "now")])], NOW)
        assert rows(database, "select count(*) from log_line") == [(2,)]
        assert delete_lines(files, [1]) == 2
        appender.append([batch(1, 2, [(1, NOW, 2, "", "anew")])], NOW)
        assert rows(database, "select no, message from log_line") == [(1, "anew")]
    finally:
        appender.close()


def test_the_tables_are_made_once_by_many(database: Database) -> None:
    threads = [threading.Thread(target=SharedLog(database).create, args=(1,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(database, "select count(*) from log_meta") == [(2,)]
