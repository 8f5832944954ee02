"""Notifications of PostgreSQL: each once and in order, a told gap after a lost connection (engine notes §2.9)."""

from __future__ import annotations

import queue

import pytest

from flowdeck.store.driver import Database
from flowdeck.store.listen import Listener, notify


def test_notifications_after_commit_in_order_and_a_gap_after_a_lost_connection(empty_database: Database) -> None:
    heard: queue.Queue[tuple[str, str]] = queue.Queue()
    writer = empty_database.writer()
    if empty_database.dialect == "sqlite":
        with writer.transaction() as tx:
            notify(tx, "flowdeck_test", "nobody")  # no listener, no error
        writer.close()
        return
    listener = Listener(
        empty_database.url,
        ["flowdeck_test", "flowdeck_other"],
        lambda channel, payload: heard.put((channel, payload)),
        lambda: heard.put(("gap", "")),
    ).start()
    try:
        assert listener.connected.wait(10)
        with writer.transaction() as tx:
            for n in range(3):
                notify(tx, "flowdeck_test", str(n))
            assert heard.empty()
        assert [heard.get(timeout=5) for _ in range(3)] == [("flowdeck_test", str(n)) for n in range(3)]

        tx = writer.begin()
        notify(tx, "flowdeck_other", "undone")
        writer.rollback()

        with writer.transaction() as tx:
            tx.value(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and application_name = 'flowdeck listen'"
            )
        assert heard.get(timeout=10) == ("gap", "")
        with writer.transaction() as tx:
            notify(tx, "flowdeck_other", "back")
        assert heard.get(timeout=5) == ("flowdeck_other", "back")
    finally:
        listener.stop()
        writer.close()
    assert heard.empty()


def test_names_and_payloads_are_checked() -> None:
    with pytest.raises(ValueError, match="channel"):
        Listener("postgresql:///x", ["a; drop table b"], lambda *_: None, lambda: None)
