"""Laws of the row commands on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flowdeck.commands.registry import carry_out, load_commands, result_or_raise
from flowdeck.model.errors import Conflict, IllegalArgument, NotFound
from flowdeck.store.driver import Database

Run = Callable[..., Any]


@pytest.fixture
def run(database: Database) -> Iterator[Run]:
    """Carry out a command in a transaction of its own; `at` sets the clock, `events` collects what was told."""
    load_commands()
    writer = database.writer()

    def go(
        name: str,
        /,
        *,
        at: int = 1000,
        events: list[Any] | None = None,
        principal: str | None = "ann",
        **args: Any,
    ) -> Any:
        with writer.transaction(at) as tx:
            answer = carry_out(tx, name, {"tenant": "main", **args}, principal=principal)
            if events is not None:
                events += tx.events
        return result_or_raise(answer)

    yield go
    writer.close()


def rows(database: Database, text: str, **named: Any) -> list[dict[str, Any]]:
    with database.reader() as reader:
        return [dict(row) for row in reader.all(text, **named)]


def test_a_pair_counts_its_versions(run: Run, database: Database) -> None:
    events: list[Any] = []
    assert run("kv.put", namespace="a", key="k", value={"x": 1}, events=events) == {"version": 1}
    assert run("kv.put", namespace="a", key="k", value=2, at=2000, events=events) == {"version": 2}
    row = rows(database, "select * from kv")[0]
    assert (row["type"], row["value"], row["created"], row["updated"]) == ("NUMBER", "2", 1000, 2000)
    assert [event["change"] for event in events] == ["created", "changed"]
    assert events[0] == {
        "kind": "topic",
        "topic": "kv:a",
        "tenant": "main",
        "change": "created",
        "id": "k",
        "by": "ann",
    }


def test_a_pair_is_not_overwritten_unasked(run: Run) -> None:
    run("kv.put", namespace="a", key="k", value=1, ttl_ms=500)
    with pytest.raises(Conflict):
        run("kv.put", namespace="a", key="k", value=2, overwrite=False)
    run("kv.put", namespace="a", key="k", value=2, overwrite=False, at=1500)  # the old one has expired
    with pytest.raises(Conflict):
        run("kv.put", namespace="a", key="k", value=3, version=1, at=1500)


@pytest.mark.parametrize("key", ["", "-a", "a b", "ä", 5])
def test_a_key_has_a_pattern(run: Run, key: Any) -> None:
    with pytest.raises(IllegalArgument, match="alphanumeric"):
        run("kv.put", namespace="a", key=key, value=1)


def test_deleting_pairs_names_those_that_lived(run: Run) -> None:
    run("kv.put", namespace="a", key="k", value=1)
    run("kv.put", namespace="a", key="old", value=1, ttl_ms=1)
    assert run("kv.delete", namespace="a", keys=["k", "old", "none"], at=5000) == ["k"]
    assert run("kv.delete", namespace="a", key="k") is False
    with pytest.raises(NotFound):
        run("kv.delete", namespace="a", key="k", error_on_missing=True)


def test_expired_pairs_are_purged_and_no_others(run: Run, database: Database) -> None:
    run("kv.put", namespace="a", key="k", value=1)
    run("kv.put", namespace="a", key="old", value=1, ttl_ms=1)
    assert run("purge.kv", at=5000) == 1
    assert [row["key"] for row in rows(database, "select key from kv")] == ["k"]


def test_a_file_makes_its_parents(run: Run, database: Database) -> None:
    run("files.put", namespace="a", path="x//y/z.txt", size=3, uri="kestra:///1")
    run("files.put", namespace="a", path="/x/y/z.txt", size=4, uri="kestra:///2")
    found = rows(database, "select path, directory, version, size from namespace_file order by path")
    assert [(row["path"], bool(row["directory"]), row["version"]) for row in found] == [
        ("/x", True, 1),
        ("/x/y", True, 1),
        ("/x/y/z.txt", False, 2),
    ]
    with pytest.raises(IllegalArgument):
        run("files.put", namespace="a", path="/x/y", size=1)
    with pytest.raises(IllegalArgument):
        run("files.put", namespace="a", path="/../x", size=1)


def test_moving_a_directory_takes_all_below_along(run: Run, database: Database) -> None:
    run("files.put", namespace="a", path="/x/y/z.txt", uri="kestra:///1")
    run("files.put", namespace="a", path="/xy.txt", uri="kestra:///2")
    assert run("files.move", namespace="a", **{"from": "/x", "to": "/new/x"}) == 3
    assert [row["path"] for row in rows(database, "select path from namespace_file order by path")] == [
        "/new",
        "/new/x",
        "/new/x/y",
        "/new/x/y/z.txt",
        "/xy.txt",
    ]
    with pytest.raises(NotFound):
        run("files.move", namespace="a", **{"from": "/x", "to": "/z"})
    with pytest.raises(IllegalArgument):
        run("files.move", namespace="a", **{"from": "/new", "to": "/new/x/deeper"})


def test_versions_of_a_file_keep_their_authors(run: Run, database: Database) -> None:
    """UI-NS-07: through moves, until the file is deleted; what a flow wrote has none."""
    for who in ("ann", None, "bob"):
        run("files.put", namespace="a", path="/x/a.txt", uri=f"kestra:///{who}", principal=who)
    run("files.move", namespace="a", **{"from": "/x", "to": "/y"})
    query = "select path, version, author from namespace_file_author order by version"
    assert [tuple(row.values()) for row in rows(database, query)] == [("/y/a.txt", 1, "ann"), ("/y/a.txt", 3, "bob")]
    run("files.delete", namespace="a", path="/y")
    assert rows(database, query) == []


def test_content_of_deleted_files_is_listed_for_deletion(run: Run, database: Database) -> None:
    run("files.put", namespace="a", path="/x/z.txt", uri="kestra:///1")
    assert run("files.delete", namespace="a", path="/x") == 2
    outbox = rows(database, "select kind, payload from outbox")
    assert [(row["kind"], json.loads(row["payload"])) for row in outbox] == [
        ("files.delete", {"tenant": "main", "uris": ["kestra:///1"]})
    ]
    assert run("files.delete", namespace="a", path="/x") == 0


def test_kept_things_have_versions(run: Run) -> None:
    what = {"owner": "ann", "kind": "view", "key": "v1"}
    assert run("userdata.put", **what, body={"a": 1})["version"] == 1
    assert run("userdata.put", **what, body={"a": 2}, version=1, shared=True)["version"] == 2
    with pytest.raises(Conflict) as caught:
        run("userdata.put", **what, body={"a": 3}, version=1)
    assert caught.value.detail == {"version": 2, "stored": {"a": 2}}
    assert run("userdata.delete", **what) is True
    assert run("userdata.delete", **what) is False


def test_sessions_end_alone_or_all_but_one(run: Run, database: Database) -> None:
    for id in ("s1", "s2", "s3"):
        run("session.create", id=id, username="ann", expires=9000)
    run("session.touch", id="s1", at=2000)
    assert run("session.delete", id="s2") == 1
    assert run("session.delete", username="ann", keep="s1") == 1
    assert [(r["id"], r["last_seen"]) for r in rows(database, "select * from session")] == [("s1", 2000)]
    run("session.create", id="s4", username="ann", expires=99999, at=9500)  # the expired one goes
    assert [row["id"] for row in rows(database, "select id from session")] == ["s4"]


def test_settings_secrets_and_heartbeats_are_upserted(run: Run, database: Database) -> None:
    run("settings.put", key="k", value={"a": 1})
    run("settings.put", key="k", value={"a": 2})
    assert rows(database, "select value from setting") == [{"value": '{"a":2}'}]
    run("settings.put", key="k", value=None)
    assert rows(database, "select value from setting") == []
    run("secret.put", namespace="a", key="S", value="cipher")
    run("secret.put", namespace="a", key="S", description="d")
    assert rows(database, "select value, description from secret") == [{"value": "cipher", "description": "d"}]
    with pytest.raises(NotFound):
        run("secret.put", namespace="a", key="T", description="d")
    assert run("secret.delete", namespace="a", key="S") is True
    run("service.heartbeat", id="w", kind="WORKER", started=1)
    run("service.heartbeat", id="w", kind="WORKER", state="TERMINATING", at=7000)
    assert [(r["state"], r["heartbeat"], r["started"]) for r in rows(database, "select * from service")] == [
        ("TERMINATING", 7000, 1)
    ]
    assert run("service.forget", before=7001) == 1


def test_only_the_newest_drafts_stay(run: Run, database: Database) -> None:
    """UI-ED-63: unsaved text is never refused for want of room; what is too old goes."""
    for n in range(4):
        put = {"owner": "ann", "kind": "draft", "key": f"flow/a/{n}", "body": {"text": ""}}
        run("userdata.put", at=1000 * (n + 1), most=2, since=0, **put)
    keys = "select key from user_data where kind = 'draft' order by key"
    assert [row["key"] for row in rows(database, keys)] == ["flow/a/2", "flow/a/3"]
    run("userdata.put", at=9000, most=2, since=8000, owner="ann", kind="draft", key="flow/a/9", body={})
    assert [row["key"] for row in rows(database, keys)] == ["flow/a/9"]


def test_editors_are_told_when_somebody_comes_types_or_goes(run: Run, database: Database) -> None:
    """UI-ED-62: a word that changes nothing tells nobody; a lease ends by itself."""
    events: list[Any] = []
    one = {"owner": "ann", "place": "a/x", "client": "t1", "events": events}
    assert run("editing.hold", dirty=False, **one) is True
    assert run("editing.hold", dirty=False, at=31_000, **one) is False
    assert run("editing.hold", dirty=True, at=61_000, **one) is True
    assert run("editing.hold", dirty=True, at=200_000, **one) is True  # its lease had ended
    assert run("editing.hold", owner="bob", place="a/x", client="t2", at=300_000, events=events) is True
    assert [row["key"] for row in rows(database, "select key from user_data")] == ["a/x#t2"]
    assert run("editing.hold", leave=True, at=301_000, owner="bob", place="a/x", client="t2", events=events) is True
    assert run("editing.hold", leave=True, at=302_000, **one) is False
    assert [event["topic"] for event in events] == ["editing:a/x"] * 5
    assert rows(database, "select key from user_data") == []
