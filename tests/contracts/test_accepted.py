"""Promises to callers are compared with what the database holds (quality.md §2.3 fault 14): PostgreSQL alone."""

from __future__ import annotations

import json
import logging

import pytest

from flowdeck.engine import accepted
from flowdeck.engine.accepted import AcceptedCommands
from flowdeck.engine.feed_reader import FeedReader
from flowdeck.store.driver import Database, create_schema, open_database
from tests.support.postgres import Postgres


@pytest.fixture
def stored(postgres: Postgres) -> Database:
    database = open_database(postgres.database("accepted"))
    with database.reader() as reader:
        there = reader.value("select to_regclass('command_answer')")
    if there is None:
        create_schema(database)
    writer = database.writer()
    with writer.transaction() as tx:
        tx.sql("delete from command_answer")
        for number in range(5):
            tx.insert("command_answer", key=f"k{number}", answer=json.dumps({"result": None}), created=1)
    writer.close()
    return database


def test_what_the_database_lacks_is_told_once(
    stored: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepted, "PAGE", 2)
    now = [0.0]
    promised = AcceptedCommands(lambda: now[0])
    promised.add("old", "kv.put")
    now[0] = accepted.REMEMBERED_SECONDS + 1
    for number in range(5):
        promised.add(f"k{number}", "kv.put")
    with caplog.at_level(logging.ERROR), stored.reader() as reader:
        assert promised.compare(reader) == []
        assert not caplog.messages
        promised.add("x1", "execution.create 1abc")
        promised.add("x2", "execution.kill 2abc")
        assert [one.key for one in promised.compare(reader)] == ["x1", "x2"]
        assert "lost 2 accepted commands" in caplog.messages[0]
        assert "execution.create 1abc, execution.kill 2abc" in caplog.messages[0]
        assert promised.compare(reader) == [] and promised.lost == 2
    stored.close()


def test_a_reader_of_the_feed_goes_back_with_the_server(stored: Database) -> None:
    """What was read from a server that is gone is read again under the same numbers; watchers start anew."""
    reader = FeedReader(stored)
    reader._cursors = {"a": 7, "b": 3, "gone": 9}
    told: list[object] = []
    reader._tell = told.append  # type: ignore[method-assign]
    reader._go_back({"a": 5, "b": 3})
    assert reader._cursors == {"a": 5, "b": 3, "gone": 9}
    assert told == [[{"kind": "reset"}]]
    reader._go_back({"a": 5, "b": 4})
    assert len(told) == 1
    stored.close()


def test_connections_that_the_server_has_closed_are_not_lent(stored: Database) -> None:
    with stored.reader() as one, stored.reader() as two:
        pids = [r.value("select pg_backend_pid()") for r in (one, two)]
    writer = stored.writer()
    with writer.transaction() as tx:
        for pid in pids:
            assert tx.value("select pg_terminate_backend(?, 2000)", pid)
    writer.close()
    with stored.reader() as fresh:
        assert fresh.value("select pg_backend_pid()") not in pids
    stored.close()


def test_readers_find_the_server_that_takes_writes(postgres: Postgres) -> None:
    """Our read-only sessions are welcome there, though libpq counts them out under `read-write`."""
    database = open_database(f"{postgres.database('accepted')}&target_session_attrs=read-write")
    with database.reader() as reader:
        assert reader.value("show transaction_read_only") == "on"
    database.close()
