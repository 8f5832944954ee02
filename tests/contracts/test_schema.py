"""Migrations lead to the metadata, on both databases; a newer schema is refused; a file is copied first."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from flowdeck.store import schema, whole
from flowdeck.store.driver import Database, StoreError, open_database
from flowdeck.store.migrations import HEAD
from flowdeck.store.schema import FOLDER, SchemaTooNew, SchemaTooOld, migrate


def test_all_migrations_together_make_the_metadata(empty_database: Database) -> None:
    assert migrate(empty_database, whole=False) is True
    assert migrate(empty_database) is False
    writer = empty_database.writer()
    with writer.transaction(), writer.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    writer.close()


def test_a_newer_schema_is_refused_with_one_line(empty_database: Database) -> None:
    migrate(empty_database)
    writer = empty_database.writer()
    with writer.transaction() as tx:
        tx.sql("update alembic_version set version_num = 'zzzz'")
    writer.close()
    with pytest.raises(SchemaTooNew) as caught:
        migrate(empty_database)
    assert "zzzz" in str(caught.value)
    assert HEAD in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_is_changed_when_that_is_not_allowed(empty_database: Database) -> None:
    """Operations F57: `flyway.datasources.<n>.enabled: false`."""
    with pytest.raises(SchemaTooOld, match="flowdeck sys database migrate") as caught:
        migrate(empty_database, allowed=False)
    assert "\n" not in str(caught.value)
    assert migrate(empty_database) is True
    assert migrate(empty_database, allowed=False) is False


def test_the_whole_schema_is_what_all_migrations_make(tmp_path) -> None:
    assert whole.statements(), "run python -m flowdeck.store.whole"
    made = []
    for name, at_once in (("steps", False), ("once", True)):
        database = open_database(f"sqlite:///{tmp_path}/{name}.db")
        assert migrate(database, whole=at_once) is True
        assert migrate(database) is False
        made.append(sorted(whole.read(database)))
        database.close()
    assert made[0] == made[1], "run python -m flowdeck.store.whole"


def test_a_whole_schema_of_another_revision_is_left_alone(tmp_path) -> None:
    old = tmp_path / "whole.sql"
    old.write_text("-- schema 0000\ncreate table x (y)\n;\n")
    assert whole.statements(old) == []
    assert whole.statements(tmp_path / "none.sql") == []


def test_a_whole_schema_that_fails_leaves_an_empty_file(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "statements", lambda: [*whole.statements(), "create table flow (x)"])
    database = open_database(f"sqlite:///{tmp_path}/flowdeck.db")
    with pytest.raises(StoreError):
        migrate(database)
    monkeypatch.undo()
    with database.reader() as reader:
        assert reader.value("select count(*) from sqlite_master") == 0
    assert migrate(database) is True
    database.close()


def test_a_failed_migration_leaves_the_old_schema(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "statements", list)
    database = open_database(f"sqlite:///{tmp_path}/flowdeck.db")
    from alembic import command

    real = command.upgrade

    def broken(*args: object, **named: object) -> None:
        real(*args, **named)  # type: ignore[arg-type]
        raise OSError("disk full")

    monkeypatch.setattr(command, "upgrade", broken)
    with pytest.raises(OSError, match="disk full"):
        migrate(database)
    monkeypatch.undo()
    with database.reader() as reader:
        assert reader.value("select count(*) from sqlite_master") == 0
    assert migrate(database) is True
    database.close()


def test_a_file_is_copied_before_it_is_changed(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = open_database(f"sqlite:///{tmp_path}/flowdeck.db")
    migrate(database)
    writer = database.writer()
    with writer.transaction() as tx:
        tx.insert("setting", key="k", value="v", updated=1)
    schema._copy(database, writer, "0000")
    writer.close()
    database.close()
    copied = next(tmp_path.glob("flowdeck.db.0000-*.bak"))
    copy = open_database(f"sqlite:///{copied}")
    with copy.reader() as reader:
        assert reader.value("select value from setting") == "v"
    copy.close()


def test_the_told_head_is_the_newest_migration() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(FOLDER)).get_heads() == [HEAD]


def test_an_index_that_comes_to_a_measured_file_is_measured_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the planner takes it for the best one in any question, and lists sort a million rows."""
    from alembic import command

    database = open_database(f"sqlite:///{tmp_path}/flowdeck.db")
    real = command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", lambda config, _: real(config, "0013"))
        migrate(database, whole=False)
    writer = database.writer()
    with writer.transaction() as tx:
        columns = [
            row for row in tx.all("pragma table_info(execution)") if row["notnull"] and row["dflt_value"] is None
        ]
        names = ", ".join(row["name"] for row in columns)
        values = ", ".join("1" for _ in columns)
        tx.sql(f"insert into execution ({names}) values ({values})")
        tx.sql("analyze")
    writer.close()
    assert migrate(database) is True
    with database.reader() as reader:
        measured = {row["idx"] for row in reader.all("select idx from sqlite_stat1 where tbl = 'execution'")}
    database.close()
    assert {"execution_created", "execution_ran"} <= measured
