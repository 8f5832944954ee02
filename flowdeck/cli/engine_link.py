"""Commands to the engine of this machine: to the running one, else straight into the rows."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowdeck.config import Settings
    from flowdeck.store.driver import Database


class NoEngine(ValueError):
    """A command needs the running engine, and there is none."""


class EngineLink:
    """Sends commands of the closed list; a context manager.

    On SQLite: to the process that holds the instance, or, when none does, into the file under its lock; then only
    commands that touch nothing but rows are possible. On PostgreSQL: as a web server does.

    Raises:
        ValueError: the schema is not that of this version, or the database can't be reached.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stack = ExitStack()
        self._writer: Any = None
        self._client: Any = None
        self.database: Database

    def __enter__(self) -> EngineLink:
        from flowdeck.commands import due, flows, registry
        from flowdeck.config.variables import instance_defaults
        from flowdeck.engine.lock import InstanceLock, Locked
        from flowdeck.store.driver import StoreError, open_database
        from flowdeck.store.schema import is_current

        registry.load_commands()
        flows.INSTANCE_DEFAULTS[:] = instance_defaults(self.settings)
        due.configure_recovery(self.settings.get("kestra.plugins.configurations"))
        if not self.settings.clustered and not self.settings.home.database.exists():
            raise ValueError(f"{self.settings.home.path} holds no instance")
        try:
            self.database = open_database(self.settings.database_url)
            self._stack.callback(self.database.close)
            if not is_current(self.database):
                raise ValueError("the schema is not that of this version: flowdeck sys database migrate")
        except StoreError as error:
            raise ValueError(f"the database can't be used: {error}") from None
        if self.settings.clustered:
            from flowdeck.engine.cluster import ClusterClient

            self._client = ClusterClient(self.database)
        else:
            try:
                self._stack.enter_context(InstanceLock(self.settings.home.database.with_name("flowdeck.db.lock")))
                self._writer = self.database.writer()
            except Locked:
                from flowdeck.engine.bus import CoreClient

                self._client = CoreClient(self.settings.home.socket("core"))
        if self._client is not None:
            self._loop = asyncio.new_event_loop()
            self._stack.callback(self._loop.close)
            self._stack.callback(lambda: self._loop.run_until_complete(self._client.close()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def running(self) -> bool:
        """Whether an engine takes the commands."""
        return self._client is not None

    def send(self, name: str, args: dict[str, Any]) -> Any:
        """Carry a command out; its result.

        Raises:
            NoEngine: it touches more than rows, and no engine runs.
            DomainError: it was refused.
        """
        from flowdeck.commands import registry

        if self._client is not None:
            return self._loop.run_until_complete(self._client.send(name, args, principal="cli"))
        if name not in registry.COMMANDS:
            raise NoEngine("no server runs on this machine: start it first")
        with self._writer.transaction() as tx:
            return registry.result_or_raise(registry.carry_out(tx, name, args, principal="cli"))
