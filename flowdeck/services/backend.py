"""What services work with: reads in a small thread pool, writes as commands to `core` (design laws 3, 4, 7)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import anyio
import anyio.to_thread

from flowdeck.config.accounts import Account
from flowdeck.ports.chat_model import ChatModel
from flowdeck.services.caller import Caller
from flowdeck.store.driver import StoreError

P = ParamSpec("P")
T = TypeVar("T")

READ_THREADS = 8


class Core(Protocol):
    """The command side of the engine: `engine.bus.CoreClient` in life, a direct one in tests."""

    async def send(
        self,
        name: str,
        args: dict[str, Any],
        *,
        key: str | None = None,
        principal: str | None = None,
        timeout: float = 5.0,
    ) -> Any:
        """Carry out a command of the closed list; raises `model.errors`, `timeout` in seconds."""
        ...

    def feed(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Committed changes in order; `{"kind": "reset"}` after a gap."""
        ...


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Settings that the API looks at; spans in ms, sizes in bytes."""

    version: str = "0"
    url: str | None = None
    username: str | None = None
    password: str | None = None
    accounts: tuple[Account, ...] = ()  # beside the first one
    setup_token: str | None = None
    realm: str | None = None  # what browsers show when they ask for the password
    password_rule: str | None = None  # regular expression that a new password must match, instead of our rule
    open_urls: tuple[str, ...] = ()
    origins: frozenset[str] = frozenset()  # further public addresses of this server, as browsers name them
    allowed_paths: tuple[str, ...] = ()
    system_namespace: str = "system"
    hidden_label_prefixes: tuple[str, ...] = ("system.",)
    preview_initial: int = 100
    preview_max: int = 5000
    environment_name: str | None = None
    environment_color: str | None = None
    disabled_menus: tuple[str, ...] = ()  # "Group/Item" or "Item": absent from the console's menu for everybody
    custom_links: tuple[tuple[str, str], ...] = ()  # title and address, in the console's context bar
    ai_enabled: bool = True
    zone: str = "UTC"
    session_idle_ms: int = 12 * 3_600_000
    session_absolute_ms: int = 30 * 86_400_000
    max_body: int = 20 * 1024 * 1024
    max_part: int = 50 * 1024 * 1024
    max_upload: int = 10 * 1024**3
    instance_uuid: str = "flowdeck"
    variables: Mapping[str, Any] = field(default_factory=dict)  # envs, globals, kestra of the expression context
    plugin_defaults: tuple[Mapping[str, Any], ...] = ()
    worker_groups: frozenset[str] | None = None  # those that flows may name; None = any
    configuration: tuple[tuple[str, Any, str], ...] = ()  # name, value as it may be shown, source: for administrators


def _now() -> int:
    return time.time_ns() // 1_000_000


def _patient(function: Callable[[], T]) -> T:
    # A log file that is just being made is locked, or without tables, for some ms.
    for pause in (0.005, 0.02, 0.05, 0.1, 0.2):
        try:
            return function()
        except StoreError as error:
            if not any(text in str(error) for text in ("locked", "no such table: log_", 'relation "log_')):
                raise
            time.sleep(pause)
    return function()


@dataclass(slots=True)
class Backend:
    """The adapters of one web process.

    `database` is `store.driver.Database`, `storage` a `ports.storage.Storage`, `catalog` a `model.catalog.Catalog`,
    `logs` a `store.logs.LogStore`, `cipher` a `storage.encryption.Cipher` for SECRET inputs, if a key is there.
    `chat_models` are the assistant's providers, the default one first.
    """

    core: Core
    database: Any
    storage: Any
    catalog: Any
    logs: Any
    config: ApiConfig = field(default_factory=ApiConfig)
    cipher: Any = None
    chat_models: tuple[ChatModel, ...] = ()
    now: Callable[[], int] = _now
    _limiter: anyio.CapacityLimiter | None = None
    parsed: dict[tuple[int, int], Any] = field(default_factory=dict)

    async def thread(self, function: Callable[[], T]) -> T:
        """Run blocking work in the reader threads."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(READ_THREADS)
        return await anyio.to_thread.run_sync(_patient, function, limiter=self._limiter)

    async def read(self, query: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `query(reader, *args, **kwargs)` on a read-only connection in a thread."""

        def work() -> T:
            with self.database.reader() as reader:
                return query(reader, *args, **kwargs)

        return await self.thread(work)

    async def send(
        self, caller: Caller, name: str, /, *, once: str | None = None, timeout: float = 5.0, **args: Any
    ) -> Any:
        """Send a command in the caller's name; its tenant is added; `once` is an idempotency key."""
        return await self.core.send(
            name, {"tenant": caller.tenant, **args}, key=once, principal=caller.username, timeout=timeout
        )
