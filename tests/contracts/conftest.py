"""The same laws on both databases: each test that asks for `database` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowdeck.store.driver import Database, create_schema, open_database
from tests.support.postgres import Postgres, PostgresMissing, shared


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """A private server that lives as long as the session."""
    try:
        return shared()
    except PostgresMissing as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path}/flowdeck.db")
    else:
        server: Postgres = request.getfixturevalue("postgres")
        database = open_database(server.database(f"t{uuid.uuid4().hex[:12]}"))
    yield database
    database.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    """A database with all tables, empty."""
    create_schema(empty_database)
    return empty_database
