"""Migrations lead to the metadata, on both databases; a newer schema is refused; a file is copied first."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from flowdeck.store.driver import Database, open_database
from flowdeck.store.migrations import HEAD
from flowdeck.store.schema import FOLDER, SchemaTooNew, migrate


def test_all_migrations_together_make_the_metadata(empty_database: Database) -> None:
    assert migrate(empty_database) is True
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


def test_a_failed_migration_leaves_the_old_schema(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    from flowdeck.store import schema

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
