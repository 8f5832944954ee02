"""Brings a database to the code's schema, or refuses it (design detail 16)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from flowdeck.store.driver import Database, Writer
from flowdeck.store.migrations import HEAD
from flowdeck.store.whole import statements

FOLDER = Path(__file__).parent / "migrations"
COPIES_KEPT = 3
MIGRATION_LOCK = 7_203_958_116
"""Key of the advisory lock that a migration holds in PostgreSQL until its transaction ends."""


class SchemaTooNew(Exception):
    """The database was written by a newer version; the message is one line that names both."""


class SchemaTooOld(Exception):
    """The database is older than the code, and the configuration says to leave it; the message is one line."""


def alembic_config(connection: Any) -> Any:
    """Alembic's configuration over an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def stored_revision(database: Database, writer: Writer) -> str | None:
    """The database's schema revision; None for an empty one."""
    with writer.transaction() as tx:
        if database.dialect == "sqlite":
            known = tx.value("select 1 from sqlite_master where type = 'table' and name = 'alembic_version'")
        else:
            known = tx.value("select 1 where to_regclass('alembic_version') is not null")
        return tx.value("select version_num from alembic_version") if known else None


def is_current(database: Database) -> bool:
    """Whether the schema is that of this code; for processes that do not migrate.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with database.reader() as reader:
        if reader.dialect == "sqlite":
            known = reader.value("select 1 from sqlite_master where type = 'table' and name = 'alembic_version'")
        else:
            known = reader.value("select 1 where to_regclass('alembic_version') is not null")
        return bool(known) and reader.value("select version_num from alembic_version") == HEAD


def migrate(database: Database, *, allowed: bool = True, whole: bool = True) -> bool:
    """Bring the schema up to date; answers whether anything changed. The caller holds the instance lock.

    A SQLite file is copied beside itself first (`flowdeck.db.<revision>-<time>.bak`, the newest three stay).

    Args:
        allowed: whether anything may be changed (`flyway.datasources.<n>.enabled`).
        whole: whether an empty SQLite file may get the whole schema at once instead of all migrations.
    Raises:
        SchemaTooOld: something would have to be changed, and that is not allowed.
        SchemaTooNew: the database has a revision that this code does not know.
    """
    if database.path is not None:
        database.path.parent.mkdir(parents=True, exist_ok=True)
    writer = database.writer()
    try:
        stored = stored_revision(database, writer)
        if stored == HEAD:
            return False
        at_once = statements() if stored is None and allowed and whole and database.dialect == "sqlite" else []
        if at_once:
            with writer.transaction(full=True) as tx:
                for statement in at_once:
                    tx.sql(statement)
            return True
        from alembic import command
        from alembic.script import ScriptDirectory

        known = {script.revision for script in ScriptDirectory(str(FOLDER)).walk_revisions()}
        if stored is not None and stored not in known:
            raise SchemaTooNew(
                f"the database has schema {stored}, this version knows {HEAD}: start the newer flowdeck, or restore "
                f"the copy made before its first start"
            )
        if not allowed:
            raise SchemaTooOld(
                f"the database has schema {stored or 'none'}, this version needs {HEAD}, and "
                "flyway.datasources.<n>.enabled is false: run `flowdeck sys database migrate`"
            )
        if stored is not None and database.path is not None:
            _copy(database, writer, stored)
        # One transaction for all steps: a crash leaves the old schema, whole.
        tx = writer.begin()
        try:
            if database.dialect == "postgresql":  # several processes may start at once
                tx.value("select pg_advisory_xact_lock(:key)", key=MIGRATION_LOCK)
                if tx.value("select 1 where to_regclass('alembic_version') is not null") and (
                    tx.value("select version_num from alembic_version") == HEAD
                ):
                    writer.rollback()
                    return False
            with writer.engine().connect() as connection:
                command.upgrade(alembic_config(connection), "head")
        except BaseException:
            writer.rollback()
            raise
        writer.commit(full=True)
        return True
    finally:
        writer.close()


def _copy(database: Database, writer: Writer, revision: str) -> None:
    path = database.path
    assert path is not None
    copy = path.with_name(f"{path.name}.{revision}-{time.strftime('%Y%m%d%H%M%S')}.bak")
    writer.copy_to(copy)
    for old in sorted(path.parent.glob(f"{path.name}.*.bak"), key=lambda p: p.stat().st_mtime)[:-COPIES_KEPT]:
        old.unlink()
