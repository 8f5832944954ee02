"""A real API over a real temporary database; commands run directly in a transaction instead of in `core`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from flowdeck.api.app import create_api
from flowdeck.services.backend import ApiConfig, Backend
from flowdeck.store.driver import Database, create_schema, open_database
from flowdeck.store.log_views import LogStore

USER, PASSWORD = "ada@example.com", "Secret123"


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
            from flowdeck.commands.registry import COMMANDS, load_commands

            load_commands()
            handler = COMMANDS.get(name)
        assert handler is not None, f"no command {name}"
        with self._writer.transaction() as tx:
            return handler(tx, args)

    async def feed(self) -> AsyncIterator[list[dict[str, Any]]]:
        while True:
            yield await self.queue.get()


def _catalog() -> Any:
    from flowdeck.sdk.index import load_catalog

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
        logs=LogStore(tmp_path / "logs"),
        config=ApiConfig(username=USER, password=PASSWORD),
    )


@pytest.fixture
def fresh(backend: Backend) -> Any:
    """An instance that nobody has set up."""
    backend.config = ApiConfig()
    return quick(create_api(backend))


@pytest.fixture
def app(backend: Backend) -> Any:
    return quick(create_api(backend))


def quick(app: Any) -> Any:
    """The application with a cheap hash of passwords."""
    app.state.credentials._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    return app


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
