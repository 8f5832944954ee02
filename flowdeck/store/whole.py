"""The whole SQLite schema as one file of statements, so that a fresh instance needs no migration, nor Alembic.

`python -m flowdeck.store.whole` writes it anew after a migration was added. A file that tells another revision than
the code's is not used: the migrations do the same work, in twenty times the time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from flowdeck.store.migrations import HEAD

if TYPE_CHECKING:
    from flowdeck.store.driver import Database

FILE = Path(__file__).parent / "migrations" / "whole.sql"
_MARK = "-- schema "
_BETWEEN = "\n;\n"


def statements(file: Path = FILE) -> list[str]:
    """The statements that make an empty SQLite database one of this revision; none when the file is of another."""
    try:
        mark, _, text = file.read_text(encoding="utf-8").partition("\n")
    except OSError:
        return []
    return [one for one in text.split(_BETWEEN) if one.strip()] if mark == f"{_MARK}{HEAD}" else []


def read(database: Database) -> list[str]:
    """The statements that made a SQLite file, tables before what is built on them, and its revision."""
    with database.reader() as reader:
        found = [
            str(row[0])
            for row in reader.all(
                "select sql from sqlite_master where sql is not null and name not like 'sqlite!_%' escape '!'"
                " order by case type when 'table' then 0 else 1 end, rowid"
            )
        ]
        revision = reader.value("select version_num from alembic_version")
    return [*found, f"insert into alembic_version (version_num) values ('{revision}')"]


def write() -> Path:
    """Make the file from the migrations; its path."""
    from flowdeck.store.driver import open_database
    from flowdeck.store.schema import migrate

    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/whole.db")
        migrate(database, whole=False)
        made = read(database)
        database.close()
    FILE.write_text(f"{_MARK}{HEAD}\n{_BETWEEN.join(made)}{_BETWEEN}", encoding="utf-8")
    return FILE


if __name__ == "__main__":
    print(f"wrote {write()}")
