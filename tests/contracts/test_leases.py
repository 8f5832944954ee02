"""Shards, leases and fencing on PostgreSQL (engine notes §2.3, §2.9; quality.md §2.3 rows 8, 16)."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowdeck.engine.leases import LeaseLost, Leases
from flowdeck.store.driver import Database, create_schema, open_database
from tests.support.postgres import Postgres

Make = Callable[..., Leases]


@pytest.fixture
def shared_database(postgres: Postgres) -> Iterator[Database]:
    """An empty PostgreSQL database with all tables."""
    database = open_database(postgres.database(f"t{uuid.uuid4().hex[:12]}"), durability="normal")
    create_schema(database)
    yield database
    database.close()


@pytest.fixture
def make(shared_database: Database, tmp_path: Path) -> Iterator[Make]:
    """Makes the lease of another process; `here` = on this machine."""
    made: list[Leases] = []

    def leases(here: bool = False, **more: object) -> Leases:
        one = Leases(shared_database, tmp_path / "executors" if here else None, **more)  # type: ignore[arg-type]
        made.append(one)
        return one

    yield leases
    for one in made:
        one.close()


def owners(database: Database) -> dict[int, str | None]:
    """Owner of each shard."""
    with database.reader() as reader:
        return {row[0]: row[1] for row in reader.all("select id, owner from shard")}


def hand_over(database: Database, leases: Leases) -> None:
    """Do what the loop does about surplus shards."""
    shards = sorted(leases._leaving)
    writer = database.writer()
    with writer.transaction() as tx:
        leases.fence(tx)
        leases.release(tx, shards)
    leases.released(shards)
    writer.close()


def test_one_process_has_all_shards_of_its_roles(shared_database: Database, make: Make) -> None:
    """§2.9: 64 shards of executions, 64 of triggers."""
    executor = make(roles=["executor"])
    assert executor.start() == list(range(64))
    scheduler = make(roles=["scheduler"])
    assert scheduler.start() == list(range(64, 128))
    assert set(owners(shared_database).values()) == {executor.id, scheduler.id}
    assert executor.round() == scheduler.round() == []


def test_processes_share_fairly_and_every_shard_has_one_owner(shared_database: Database, make: Make) -> None:
    """Who has more than its part hands over between two steps; nothing is taken from a live owner."""
    first = make(roles=["executor"])
    first.start()
    second, third = make(roles=["executor"]), make(roles=["executor"])
    assert second.start() == []
    assert third.start() == []
    first.round()
    assert len(first._leaving) == 64 - 22
    assert owners(shared_database)[63] == first.id  # until it is handed over
    hand_over(shared_database, first)
    assert len(second.round()) == 22
    assert len(third.round()) == 20
    parts = [set(one.owned) for one in (first, second, third)]
    assert set().union(*parts) == set(range(64))
    assert sum(map(len, parts)) == 64
    assert {shard: one.id for one in (first, second, third) for shard in one.owned} == {
        shard: owner for shard, owner in owners(shared_database).items() if shard < 64
    }


def test_a_lease_that_ran_out_is_taken_over_under_a_new_epoch(shared_database: Database, make: Make) -> None:
    """Fault 8: never two writers in one epoch; the old owner's next transaction fails."""
    stopped = make(roles=["executor"], length=0.2)
    stopped.start()
    before = dict(stopped.owned)
    next_one = make(roles=["executor"])
    next_one.start()
    assert not next_one.owned
    time.sleep(0.25)
    assert next_one.round() == list(range(64))
    assert all(next_one.owned[shard] == before[shard] + 1 for shard in range(64))
    writer = shared_database.writer()
    with pytest.raises(LeaseLost), writer.transaction() as tx:
        stopped.fence(tx)
    writer.close()
    with pytest.raises(LeaseLost):
        stopped.round()


def test_the_end_of_a_process_on_this_machine_is_seen_at_once(make: Make) -> None:
    """The kernel gives its lock back: nobody waits for the lease to run out; a stopped process keeps its lock."""
    dead = make(here=True, roles=["executor"])
    dead.start()
    other = make(here=True, roles=["executor"])
    other.start()
    assert other.round() == []
    assert dead._lock_file is not None
    dead._lock_file.release()
    dead._lock_file = None
    assert other.round() == list(range(64))


def test_an_open_transaction_of_the_owner_excludes_its_burial_but_not_its_renewal(
    shared_database: Database, make: Make
) -> None:
    """The fence is held until the commit: a takeover either waits for it or makes it fail."""
    owner = make(roles=["executor"], length=0.2)
    owner.start()
    next_one = make(roles=["executor"])
    next_one.start()
    writer = shared_database.writer()
    with writer.transaction() as tx:
        owner.fence(tx)
        owner.round()  # is not kept waiting by the step
        time.sleep(0.25)
        assert next_one.round() == []
        assert owners(shared_database)[0] == owner.id
    assert next_one.round() == list(range(64))
    writer.close()


def test_shards_given_back_are_free_at_once(shared_database: Database, make: Make) -> None:
    """An orderly end costs nobody a lease."""
    leaving, staying = make(roles=["executor", "scheduler"]), make(roles=["executor", "scheduler"])
    leaving.start()
    staying.start()
    leaving.leave()
    assert set(owners(shared_database).values()) == {None}
    assert len(staying.round()) == 128


def test_many_processes_that_start_together_own_each_shard_once(shared_database: Database, make: Make) -> None:
    """Fault 20: no shard is claimed twice, however many look at the same time."""
    processes = [make(roles=["executor"]) for _ in range(8)]
    processes[0].start()
    processes[0].leave()
    ready = threading.Barrier(8)

    def begin(one: Leases) -> None:
        ready.wait()
        one.start()
        for _ in range(3):
            one._try_round()
            if one._leaving:
                hand_over(shared_database, one)

    for one in processes:
        one._stopping.clear()
    threads = [threading.Thread(target=begin, args=(one,)) for one in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(3):
        for one in processes:
            one.round()
            if one._leaving:
                hand_over(shared_database, one)
    assert sorted(shard for one in processes for shard in one.owned) == list(range(64))
    assert max(len(one.owned) for one in processes) == 8
    rows = owners(shared_database)
    assert all(rows[shard] == one.id for one in processes for shard in one.owned)
