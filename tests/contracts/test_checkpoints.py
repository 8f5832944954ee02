"""The write-ahead log of a SQLite file stays bounded, however steadily one writes and reads."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from flowdeck.store import checkpoints
from flowdeck.store.checkpoints import Turns
from flowdeck.store.driver import Database, StoreUnavailable, open_database

BOUND = 1_000_000


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(checkpoints, "RESTART_ABOVE", BOUND)
    monkeypatch.setattr(checkpoints, "RESTART_PAUSE", 0.02)
    monkeypatch.setattr(checkpoints, "PAUSE", 0.01)
    return open_database(f"sqlite:///{tmp_path}/flowdeck.db", durability="normal")


def test_the_log_begins_anew_while_one_writes_without_a_pause(database: Database, tmp_path: Path) -> None:
    writer = database.writer()
    with writer.transaction() as tx:
        tx.sql("create table t (id integer primary key, text text not null)")
    database.start_checkpoints()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            with database.reader() as reader:
                reader.all("select max(text) from t where id < 100")
            time.sleep(0.001)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for one in readers:
        one.start()
    written, end = 0, time.monotonic() + 20
    try:
        # Far more than the bound, in commits that leave no pause.
        while written < 60 * BOUND and time.monotonic() < end:
            with writer.transaction() as tx:
                tx.many("insert into t (text) values (?)", [("x" * 1000,)] * 20)
            written += 20_000
    finally:
        done.set()
        for one in readers:
            one.join()
        log = (tmp_path / "flowdeck.db-wal").stat().st_size
        writer.close()
        database.close()
    assert written > 10 * BOUND
    assert log < written / 2, f"{log:,} bytes of log for {written:,} written"


def test_a_transaction_within_another_is_refused_after_its_wait(database: Database) -> None:
    first, second = database.writer(), database.writer()
    first.begin()
    with pytest.raises(StoreUnavailable):
        second.begin(wait=0.05)
    first.rollback()
    second.begin(wait=0.05)
    second.rollback()
    first.close()
    second.close()
    database.close()


def test_who_waits_to_be_alone_comes_before_the_next_transaction() -> None:
    turns = Turns()
    alone = threading.Event()
    assert turns.begin(1)

    def enter() -> None:
        with turns.alone():
            alone.set()

    thread = threading.Thread(target=enter)
    thread.start()
    time.sleep(0.05)
    assert not turns.begin(0.05)
    turns.end()
    assert alone.wait(5)
    thread.join()
    assert turns.begin(1)
