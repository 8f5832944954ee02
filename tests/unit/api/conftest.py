"""A real API over a real temporary database; commands run directly in a transaction instead of in `core`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from flowdeck.api.app import create_api
from flowdeck.services.backend import ApiConfig, Backend
from flowdeck.store.driver import Database, Tx, create_schema, open_database

USER, PASSWORD = "ada@example.com", "Secret123"


def _session_create(tx: Tx, a: dict[str, Any]) -> None:
    tx.insert(
        "session",
        id=a["id"],
        username=a["username"],
        created=a["created"],
        last_seen=a["created"],
        expires=a["expires"],
        address=a.get("address"),
        browser=a.get("browser"),
        remember=a["remember"],
    )


def _settings_put(tx: Tx, a: dict[str, Any]) -> None:
    tx.sql("delete from setting where key = :k", k=a["key"])
    tx.insert("setting", key=a["key"], value=json.dumps(a["value"]), updated=tx.now)


def _userdata_put(tx: Tx, a: dict[str, Any]) -> None:
    key = {k: a[k] for k in ("tenant", "owner", "kind", "key")}
    where = "tenant = :tenant and owner = :owner and kind = :kind and key = :key"
    version = tx.value(f"select version from user_data where {where}", **key) or 0
    tx.sql(f"delete from user_data where {where}", **key)
    tx.insert("user_data", **key, body=json.dumps(a["body"]), version=version + 1, shared=a["shared"], updated=tx.now)


STAND_INS = {
    "session.create": _session_create,
    "session.touch": lambda tx, a: tx.sql("update session set last_seen = :n where id = :id", n=tx.now, id=a["id"]),
    "session.delete": lambda tx, a: tx.sql("delete from session where id = :id", id=a["id"]),
    "settings.put": _settings_put,
    "userdata.put": _userdata_put,
    "userdata.delete": lambda tx, a: tx.sql(
        "delete from user_data where tenant = :tenant and owner = :owner and kind = :kind and key = :key", **a
    ),
}


class DirectCore:
    """Runs commands at once; keeps what was sent."""

    def __init__(self, database: Database) -> None:
        self._writer = database.writer()
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.overrides: dict[str, Any] = {}
        self.queue: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue()

    async def send(
        self,
        name: str,
        args: dict[str, Any],
        *,
        key: str | None = None,
        principal: str | None = None,
        timeout: float = 5.0,
    ) -> Any:
        self.sent.append((name, args))
        handler = self.overrides.get(name)
        if handler is None:
            try:
                from flowdeck.commands.registry import COMMANDS
            except ImportError:
                COMMANDS = {}
            handler = COMMANDS.get(name) or STAND_INS.get(name)
        assert handler is not None, f"no command {name}"
        with self._writer.transaction() as tx:
            return handler(tx, args)

    async def feed(self) -> AsyncIterator[list[dict[str, Any]]]:
        while True:
            yield await self.queue.get()


def _catalog() -> Any:
    try:
        from flowdeck.sdk.index import load_catalog
    except ImportError:
        return None
    return load_catalog()


@pytest.fixture(scope="session")
def catalog() -> Any:
    return _catalog()


@pytest.fixture
def database(tmp_path: Path) -> Any:
    database = open_database(f"sqlite:///{tmp_path / 'flowdeck.db'}")
    create_schema(database)
    yield database
    database.close()


@pytest.fixture
def backend(database: Database, tmp_path: Path, catalog: Any) -> Backend:
    from flowdeck.storage.local import LocalStorage

    return Backend(
        core=DirectCore(database),
        database=database,
        storage=LocalStorage(tmp_path / "storage"),
        catalog=catalog,
        logs=None,
        config=ApiConfig(username=USER, password=PASSWORD),
    )


@pytest.fixture
def fresh(backend: Backend) -> Any:
    """An instance that nobody has set up."""
    backend.config = ApiConfig()
    app = create_api(backend)
    app.state.credentials._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    return app


@pytest.fixture
def app(backend: Backend) -> Any:
    return create_api(backend)


@pytest.fixture
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", auth=(USER, PASSWORD)) as client:
        yield client


@pytest.fixture
async def stranger(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
