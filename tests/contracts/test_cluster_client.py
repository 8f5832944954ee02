"""Commands and feed of a web process over PostgreSQL (engine notes §2.1, §2.9, §2.10)."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flowdeck.commands import registry
from flowdeck.engine import cluster
from flowdeck.engine.cluster import ClusterClient
from flowdeck.engine.followed import FOLLOW, Followed, LogFeed
from flowdeck.model.errors import Conflict, NotFound, Unavailable
from flowdeck.model.ids import shard_of
from flowdeck.store import feed, inbox
from flowdeck.store.driver import Database, create_schema, open_database
from flowdeck.store.listen import Listener, notify
from tests.support.postgres import Postgres

registry.load_commands()


@pytest.fixture
def database(postgres: Postgres) -> Database:
    found = open_database(postgres.database(f"t{uuid.uuid4().hex[:12]}"))
    create_schema(found)
    return found


@pytest.fixture
async def client(database: Database) -> AsyncIterator[ClusterClient]:
    one = ClusterClient(database)
    yield one
    await one.close()
    database.close()


def put(key: str, value: str, **more: Any) -> dict[str, Any]:
    return {"tenant": "main", "namespace": "a.b", "key": key, "value": value, "type": "STRING", **more}


def rows(database: Database, text: str) -> list[tuple[Any, ...]]:
    with database.reader() as reader:
        return [tuple(row) for row in reader.all(text)]


def own_all(database: Database, seconds: float = 60) -> None:
    """A row of an executor that owns every shard."""
    writer = database.writer()
    with writer.transaction() as tx:
        tx.insert(
            "service",
            id="e1",
            kind="EXECUTOR",
            host="here",
            state="RUNNING",
            started=tx.now,
            heartbeat=tx.now,
            lease_until=tx.now + int(seconds * 1000),
        )
        tx.sql("insert into shard (id, owner, epoch) select n, 'e1', 1 from generate_series(0, 127) n")
    writer.close()


def answer_all(database: Database, result: Any, error: Any = None) -> list[tuple[Any, ...]]:
    """What an executor does, in short."""
    writer = database.writer()
    try:
        with writer.transaction() as tx:
            found = [
                tuple(row) for row in tx.all("select seq, shard, name, args, key, principal from inbox order by seq")
            ]
            for row in found:
                tx.sql("delete from inbox where seq = ?", row[0])
                registry.store_answer(tx, row[4], result, error)
                notify(tx, inbox.ANSWER, row[4])
            return found
    finally:
        writer.close()


async def test_rows_are_written_here_once_a_key_and_refusals_come_back(
    client: ClusterClient, database: Database
) -> None:
    first = await client.send("kv.put", put("k", "one"), key="once", principal="ada")
    again = await client.send("kv.put", put("k", "two"), key="once", principal="ada")
    assert first == again
    assert rows(database, "select value, version from kv") == [('"one"', 1)]
    with pytest.raises(NotFound):
        await client.send("flow.delete", {"tenant": "main", "namespace": "a", "id": "nobody"})
    assert rows(database, "select count(*) from inbox") == [(0,)]
    await client.send("kv.put", put("half", "\ud800 x", description="\ud800"))  # no UTF-8: as in a frame
    assert rows(database, "select value from kv where key = 'half'") == [('"? x"',)]


async def test_commands_of_many_callers_at_once_all_count(client: ClusterClient, database: Database) -> None:
    other = ClusterClient(database)
    try:
        await asyncio.gather(*(one.send("kv.put", put("k", str(n))) for n in range(10) for one in (client, other)))
    finally:
        await other.close()
    assert rows(database, "select version from kv") == [(20,)]


async def test_the_feed_tells_of_all_processes_in_order(client: ClusterClient, database: Database) -> None:
    events: list[dict[str, Any]] = []

    async def read() -> None:
        async for batch in client.feed():
            events.extend(batch)

    reader = asyncio.create_task(read())
    other = ClusterClient(database)
    try:
        await asyncio.sleep(0.3)
        for n in range(5):
            await other.send("kv.put", put(f"k{n}", "x"))
        began = time.monotonic()
        while len([e for e in events if e.get("topic", "").startswith("kv")]) < 5:
            assert time.monotonic() - began < 5, events
            await asyncio.sleep(0.01)
        assert [n for n, e in enumerate(events) if e["kind"] == "reset"] == [0], "only who begins reads anew"

        writer = database.writer()
        with writer.transaction() as tx:
            feed.append(tx, "somebody", 2, [{"kind": "topic", "topic": "late", "change": "changed", "id": "x"}])
        writer.close()
        while not [e for e in events if e["kind"] == "reset"]:
            assert time.monotonic() - began < 8, events
            await asyncio.sleep(0.01)
    finally:
        reader.cancel()
        await other.close()


async def test_an_engine_command_goes_to_the_owner_of_its_shard(client: ClusterClient, database: Database) -> None:
    own_all(database)
    id = "1" * 22
    asked = asyncio.create_task(client.send("execution.kill", {"tenant": "main", "id": id}, principal="ada", key="k1"))
    while not (found := answer_all(database, {"done": True})):
        await asyncio.sleep(0.01)
    assert await asked == {"done": True}
    assert [row[1:3] + row[4:] for row in found] == [(shard_of(id), "execution.kill", "k1", "ada")]
    assert await client.send("execution.kill", {"tenant": "main", "id": id}, key="k1") == {"done": True}

    asked = asyncio.create_task(client.send("execution.kill", {"tenant": "main", "id": id}))
    while not answer_all(database, None, ("Conflict", "it has ended", {})):
        await asyncio.sleep(0.01)
    with pytest.raises(Conflict, match="it has ended"):
        await asked


async def test_a_command_without_owner_is_taken_back(client: ClusterClient, database: Database) -> None:
    with pytest.raises(Unavailable) as refused:
        await client.send("execution.kill", {"tenant": "main", "id": "2" * 22}, timeout=0.3)
    assert refused.value.detail["retry_after"] == 5
    assert rows(database, "select count(*) from inbox") == [(0,)]


async def test_a_slow_owner_is_waited_for(
    client: ClusterClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_all(database)
    asked = asyncio.create_task(client.send("execution.kill", {"tenant": "main", "id": "3" * 22}, timeout=0.2))
    await asyncio.sleep(0.6)
    assert not asked.done() and answer_all(database, "late")
    assert await asked == "late"
    monkeypatch.setattr(cluster, "ANSWER_WAIT", 0.5)
    with pytest.raises(Unavailable):
        await client.send("execution.kill", {"tenant": "main", "id": "3" * 22}, timeout=0.2)
    assert rows(database, "select count(*) from inbox") == [(0,)]


async def test_lost_notifications_cost_a_second(
    client: ClusterClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_all(database)
    monkeypatch.setattr(client, "_notified", lambda channel, payload: None)
    asked = asyncio.create_task(client.send("execution.kill", {"tenant": "main", "id": "4" * 22}))
    while not answer_all(database, 1):
        await asyncio.sleep(0.01)
    began = time.monotonic()
    assert await asked == 1
    assert time.monotonic() - began < 3


async def test_answers_to_evaluations_are_not_kept(client: ClusterClient, database: Database) -> None:
    own_all(database)
    asked = asyncio.create_task(client.send("evaluate", {"tenant": "main", "value": "{{ 1 }}"}))
    while not answer_all(database, {"value": "secret"}):
        await asyncio.sleep(0.01)
    assert await asked == {"value": "secret"}
    while rows(database, "select count(*) from command_answer") != [(0,)]:
        await asyncio.sleep(0.01)


async def test_lines_of_followed_executions_reach_the_feed(client: ClusterClient, database: Database) -> None:
    now = [0.0]
    followed = Followed(lambda: now[0])
    listener = Listener(database.url, [FOLLOW], lambda _, payload: followed.hear(payload), lambda: None).start()
    lines = LogFeed(database).start()
    try:
        assert await asyncio.to_thread(listener.connected.wait, 5)
        client.follow(["5" * 22, "6" * 22])
        while followed.ids() != {"5" * 22, "6" * 22}:
            await asyncio.sleep(0.01)
        events: list[dict[str, Any]] = []

        async def read() -> None:
            async for batch in client.feed():
                events.extend(batch)

        reader = asyncio.create_task(read())
        await asyncio.sleep(0.2)
        lines.publish([{"kind": "log", "execution": "5" * 22, "lines": [{"no": 1}], "total": 1}])
        while not events:
            await asyncio.sleep(0.01)
        assert events[0]["lines"] == [{"no": 1}]
        reader.cancel()
        now[0] = 13.0
        assert followed.ids() == frozenset()
    finally:
        listener.stop()
        lines.stop()


async def test_conflicts_with_others_are_tried_again(client: ClusterClient, database: Database) -> None:
    """quality.md §2.3 row 15: deadlocks, serialization failures and lock timeouts, at any statement or commit."""
    own_all(database)
    writer = database.writer()
    with writer.transaction() as tx:
        tx.sql(
            "create function sick() returns trigger language plpgsql as $$ begin if random() < 0.2 then"
            " raise exception 'injected' using errcode = (array['40001', '40P01', '55P03'])[1 + floor(random() * 3)];"
            " end if; return null; end $$"
        )
        for table in ("kv", "inbox", "command_answer", "feed"):
            tx.sql(
                f"create constraint trigger sick_late after insert or update on {table} initially deferred"
                " for each row execute function sick()"
            )
            tx.sql(f"create trigger sick before insert on {table} for each statement execute function sick()")
    writer.close()
    await asyncio.gather(*(client.send("kv.put", put(f"k{n % 7}", str(n))) for n in range(40)))
    assert rows(database, "select sum(version) from kv") == [(40,)]
    asked = [
        asyncio.create_task(client.send("execution.kill", {"tenant": "main", "id": f"{n:022d}"})) for n in range(20)
    ]
    writer = database.writer()
    with writer.transaction() as tx:
        tx.sql("alter table command_answer disable trigger all")
    writer.close()
    done = 0
    while done < 20:
        done += len(answer_all(database, "ok"))
        await asyncio.sleep(0.01)
    assert await asyncio.gather(*asked) == ["ok"] * 20
