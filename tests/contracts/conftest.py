"""The same laws on both databases: each test that asks for `database` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowdeck.store.driver import Database, create_schema, open_database

PG_BIN = Path("/usr/lib/postgresql/15/bin")


def _as_postgres() -> list[str]:
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL (without database name) of a private server that lives as long as the session."""
    if not (PG_BIN / "initdb").exists():
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="fdpg-", dir="/tmp"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data, port = folder / "data", "18390"
    run = _as_postgres()
    done = subprocess.run(
        [*run, str(PG_BIN / "initdb"), "-D", str(data), "-A", "trust", "-U", "flowdeck", "-N", "-E", "UTF8"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        check=False,
    )
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL can't be set up: {done.stderr.strip().splitlines()[-1:]}")
    server = subprocess.Popen(
        [*run, str(PG_BIN / "postgres"), "-D", str(data), "-k", str(folder), "-p", port, "-h", "", "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    try:
        for _ in range(200):
            if (folder / f".s.PGSQL.{port}").exists() and subprocess.run(
                [str(PG_BIN / "pg_isready"), "-h", str(folder), "-p", port], capture_output=True, check=False
            ).returncode == 0:
                break
            time.sleep(0.05)
        yield f"host={folder} port={port} user=flowdeck"
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path}/flowdeck.db")
    else:
        server = request.getfixturevalue("postgres")
        name = f"t{uuid.uuid4().hex[:12]}"
        host = server.split()[0].removeprefix("host=")
        admin = open_database(f"postgresql://flowdeck@/postgres?host={host}&port=18390").writer()
        admin._link.run(f"create database {name}", ())
        admin.close()
        database = open_database(f"postgresql://flowdeck@/{name}?host={host}&port=18390")
    yield database
    database.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    """A database with all tables, empty."""
    create_schema(empty_database)
    return empty_database
