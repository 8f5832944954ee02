"""Laws of the driver on both databases."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flowdeck.store.driver import Database, DuplicateRow, StoreError
from flowdeck.store.statements import translate
from flowdeck.store.tables import Setting


def _flow(tx, id: str = "f") -> int:
    return tx.insert(
        "flow",
        tenant="main",
        namespace="a.b",
        id=id,
        revision=1,
        disabled=False,
        deleted=False,
        labels="[]",
        summary="{}",
        updated=tx.now,
    )


def test_a_reader_sees_what_was_committed_and_nothing_else(database: Database) -> None:
    writer = database.writer()
    with writer.transaction(5) as tx:
        key = _flow(tx)
        with database.reader() as reader:
            assert reader.value("select count(*) from flow") == 0
    with database.reader() as reader:
        row = reader.one("select * from flow where namespace = :ns and not deleted", ns="a.b")
        assert row is not None
        assert (row["flow_key"], row["id"], row["updated"]) == (key, "f", 5)
        assert dict(row)["namespace"] == "a.b"
        assert reader.one("select * from flow where id = ?", "nothing") is None
    writer.close()


def test_generated_keys_grow(database: Database) -> None:
    writer = database.writer()
    with writer.transaction() as tx:
        first, second = _flow(tx, "b"), _flow(tx, "a")
        assert 0 < first < second
    writer.close()


def test_a_refused_command_does_not_undo_its_neighbours(database: Database) -> None:
    writer = database.writer()
    with writer.transaction() as tx:
        _flow(tx, "kept")
        tx.session.add(Setting(key="kept", value="1", updated=1))
        with pytest.raises(DuplicateRow), tx.savepoint():
            _flow(tx, "lost")
            tx.session.add(Setting(key="lost", value="1", updated=1))
            tx.notify("flows", "created", "lost")
            _flow(tx, "kept")
        assert tx.events == []
        _flow(tx, "after")
        tx.session.commit()
    with database.reader() as reader:
        assert [row["id"] for row in reader.all("select id from flow order by id")] == ["after", "kept"]
        assert [row["key"] for row in reader.all("select key from setting")] == ["kept"]
    writer.close()


def test_a_session_shares_the_transaction(database: Database) -> None:
    writer = database.writer()
    tx = writer.begin()
    tx.session.add(Setting(key="k", value="v", updated=1))
    tx.session.commit()
    tx.session.close()
    writer.rollback()
    with database.reader() as reader:
        assert reader.value("select count(*) from setting") == 0
    writer.close()


def test_many_counts_all_touched_rows(database: Database) -> None:
    writer = database.writer()
    with writer.transaction() as tx:
        for name in "abc":
            _flow(tx, name)
        assert tx.many("update flow set revision = ? where id = ?", [(2, "a"), (3, "b"), (4, "x")]) == 2
        assert tx.many("update flow set revision = :r where id = :i", [{"r": 9, "i": "c"}]) == 1
        assert tx.sql("update flow set disabled = :d where not disabled", d=True) == 3
    writer.close()


def test_a_barrier_commit_is_readable_at_once(database: Database) -> None:
    writer = database.writer()
    with writer.transaction(full=True) as tx:
        _flow(tx)
    with database.reader() as reader, reader.snapshot():
        assert reader.value("select count(*) from flow") == 1
    writer.close()


def test_readers_can_not_write(database: Database) -> None:
    with database.reader() as reader, pytest.raises(StoreError):
        reader._link.run("delete from flow", ())
    with database.reader() as reader:
        assert reader.value("select count(*) from flow") == 0


def test_a_duplicate_key_has_its_own_error(database: Database) -> None:
    writer = database.writer()
    with pytest.raises(DuplicateRow), writer.transaction() as tx:
        tx.insert("setting", key="a", value="1", updated=1)
        tx.insert("setting", key="a", value="1", updated=1)
    with writer.transaction() as tx:
        tx.insert("setting", key="a", value="1", updated=1)
    writer.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select :a, :b_1", "select %(a)s, %(b_1)s"),
        ("select ? where x like '%?:a' and y = ?", "select %s where x like '%%?:a' and y = %s"),
        ("select a::text, b % 2", "select a::text, b %% 2"),
        ("select 1 -- why? :no\nwhere :x", "select 1 \nwhere %(x)s"),
    ],
)
def test_translation_spares_literals_and_casts(text: str, expected: str) -> None:
    assert translate(text) == expected


def test_an_insert_needs_no_schema_in_memory(database: Database) -> None:
    """Importing the tables takes seconds: a web process on PostgreSQL must not do it within its first command."""
    code = (
        "import sys; from flowdeck.store.driver import open_database; w = open_database(sys.argv[1]).writer()\n"
        "with w.transaction() as tx:\n"
        "    key = tx.insert('outbox', kind='k', payload='{}', due=1)\n"
        "    tx.insert('setting', key='k', value='1', updated=1)\n"
        "print(key, 'sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, database.url], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]


def test_a_text_with_a_nul_fails_no_transaction(database: Database) -> None:
    writer = database.writer()
    with writer.transaction() as tx:
        tx.insert("setting", key="nul", value="a\0b", updated=1)
        tx.many("insert into setting (key, value, updated) values (?, ?, 1)", [("n2", "\0"), ("n3", "x")])
    with database.reader() as reader:
        found = reader.value("select value from setting where key = 'nul'")
    writer.close()
    assert found == ("a\0b" if database.dialect == "sqlite" else "a\ufffdb")


# ---- statements that are sent without waiting for them


SETTING = "insert into setting (key, value, updated) values (?, ?, 1)"


def _settings(database: Database) -> list[str]:
    with database.reader() as reader:
        return [row[0] for row in reader.all("select key from setting order by key")]


def test_what_was_sent_is_there_for_the_next_question_and_after_the_commit(database: Database) -> None:
    writer = database.writer()
    with writer.transaction() as tx:
        tx.send(SETTING, [("a", "1"), ("b", "2")])
        assert tx.value("select count(*) from setting") == 2
        tx.send("update setting set value = ? where key = ?", [("3", "a")])
        first, second = tx.together(
            ("select value from setting where key = ?", ("a",)), ("select count(*) n from flow", ())
        )
        assert (first[0]["value"], second[0]["n"]) == ("3", 0)
        assert tx.sql("update setting set value = '4'") == 2
        tx.send(SETTING, [("c", "1")])
    assert _settings(database) == ["a", "b", "c"]
    writer.close()


def test_a_row_that_is_not_as_expected_lets_nothing_be_committed(database: Database) -> None:
    writer = database.writer()
    for settle in (True, False):
        with pytest.raises(LookupError, match="stale"), writer.transaction() as tx:
            tx.send(SETTING, [("a", "1")])
            tx.send("update setting set value = ? where key = ?", [("2", "a"), ("2", "b")], LookupError("stale"))
            if settle:
                tx.settle()
        assert _settings(database) == []
    with writer.transaction() as tx:
        tx.send(SETTING, [("a", "1")])
        tx.send("update setting set value = ? where key = ?", [("2", "a")], LookupError("stale"))
    assert _settings(database) == ["a"]
    writer.close()


def test_what_fails_after_it_was_sent_has_its_own_error_and_undoes_the_transaction(database: Database) -> None:
    writer = database.writer()
    for number in range(12):  # statements are prepared after a few uses, and forgotten after a rollback
        for _ in range(number % 7):
            with writer.transaction() as tx:
                tx.send("update setting set updated = ?", [(2,)])
        with writer.transaction() as tx:
            tx.send(SETTING, [(f"kept{number:02}", "1")])
        with pytest.raises(DuplicateRow), writer.transaction() as tx:
            tx.send(SETTING, [("lost", "1")])
            tx.send(SETTING, [(f"kept{number:02}", "1")])
            tx.send(SETTING, [("later", "1")])
        with pytest.raises(ZeroDivisionError), writer.transaction() as tx:
            tx.send(SETTING, [("lost", "1")])
            raise ZeroDivisionError
        with writer.transaction() as tx:
            with pytest.raises(DuplicateRow), tx.savepoint():
                tx.send(SETTING, [("lost", "1")])
                tx.send(SETTING, [(f"kept{number:02}", "1")])
            tx.send("update setting set value = ?", [("9",)])
    assert _settings(database) == [f"kept{number:02}" for number in range(12)]
    writer.close()
