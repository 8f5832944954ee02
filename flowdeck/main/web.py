"""The web process: adapters, API, console, uvicorn (design §1)."""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path
from typing import Any

from flowdeck import __version__
from flowdeck.api.app import create_api
from flowdeck.commands import flows as flow_commands
from flowdeck.config.settings import Settings
from flowdeck.config.variables import context_variables, instance_defaults
from flowdeck.engine.bus import CoreClient
from flowdeck.model.schedule import ZoneError, zone_of
from flowdeck.sdk.index import load_catalog
from flowdeck.services.backend import ApiConfig, Backend, Core
from flowdeck.services.presence import Presence
from flowdeck.storage.encryption import Cipher, EncryptionError, load_key
from flowdeck.storage.local import LocalStorage
from flowdeck.store.driver import Database, open_database
from flowdeck.store.log_views import LogStore

log = logging.getLogger("flowdeck.web")

GRACE_SECONDS = 5


def api_config(settings: Settings) -> ApiConfig:
    """What the API looks at, of the merged settings."""

    def ms(name: str) -> int:
        return round(settings.span(name).total_seconds() * 1000)

    return ApiConfig(
        version=__version__,
        url=settings.get("kestra.url") or None,
        username=settings.get("kestra.server.basic-auth.username"),
        password=settings.get("kestra.server.basic-auth.password"),
        setup_token=os.environ.get("FLOWDECK_INTERNAL_SETUP_TOKEN") or None,
        open_urls=tuple(settings.get("kestra.server.basic-auth.open-urls") or ()),
        allowed_paths=tuple(settings.get("kestra.local-files.allowed-paths") or ()),
        system_namespace=settings.get("kestra.system-flows.namespace") or "system",
        hidden_label_prefixes=tuple(settings.get("kestra.hidden-labels.prefixes") or ()),
        preview_initial=settings.get("kestra.server.preview.initial-rows") or 100,
        preview_max=settings.get("kestra.server.preview.max-rows") or 5000,
        zone=_zone_name(),
        environment_name=settings.get("kestra.environment.name") or None,
        environment_color=settings.get("kestra.environment.color") or None,
        session_idle_ms=ms("flowdeck.session.idle-timeout"),
        session_absolute_ms=ms("flowdeck.session.absolute-timeout"),
        max_upload=_size(settings.get("micronaut.server.max-request-size"), 10 * 1024**3),
        variables=context_variables(settings),
        plugin_defaults=tuple(instance_defaults(settings)),
        worker_groups=settings.worker_groups,
    )


def _zone_name() -> str:
    """The zone of schedules that name none, as the scheduler takes it."""
    name = os.environ.get("TZ") or "UTC"
    try:
        zone_of(name)
    except ZoneError:
        return "UTC"
    return name


def _size(value: Any, default: int) -> int:
    return value if isinstance(value, int) and value > 0 else default


def build_backend(settings: Settings) -> Backend:
    """The adapters of this process: command client, readers, storage, catalog."""
    flow_commands.INSTANCE_DEFAULTS[:] = instance_defaults(settings)  # on PostgreSQL flows are saved here
    cipher = None
    key = load_key(settings.home.path, settings.get("kestra.encryption.secret-key"))
    if key:
        try:
            cipher = Cipher(key)
        except EncryptionError as error:
            log.error("secrets can't be used: %s", error)
    database = open_database(settings.database_url)
    return Backend(
        core=_engine(settings, database),
        database=database,
        storage=LocalStorage(settings.storage_path),
        catalog=load_catalog(),
        logs=LogStore(settings.home.logs, database),
        config=api_config(settings),
        cipher=cipher,
    )


def _engine(settings: Settings, database: Database) -> Core:
    """The way to the engine: the socket of the one core, or PostgreSQL."""
    if not settings.clustered:
        return CoreClient(settings.home.socket("core"))
    from flowdeck.commands import due, flows, registry
    from flowdeck.engine.cluster import ClusterClient

    registry.load_commands()
    flows.INSTANCE_DEFAULTS[:] = instance_defaults(settings)
    due.configure_recovery(settings.get("kestra.plugins.configurations"))
    return ClusterClient(database)


def numbers(backend: Backend) -> dict[str, Any]:
    """What the management port shows of this process; read from another thread."""
    return {"writable": getattr(backend.core, "connected", True)} if backend.database.dialect == "postgresql" else {}


def web_app(settings: Settings, backend: Backend | None = None) -> Any:
    """REST, streams and console as one ASGI application; the API alone when the console is off or not built."""
    api = create_api(backend or build_backend(settings))
    if settings.get("flowdeck.console.enabled") is False:
        return api
    try:
        from flowdeck.main.console import FrontendMissing, console_app
    except ImportError as error:
        log.warning("the console can't be served: %s", error)
        return api

    class Console:
        console_api_url = settings.get("flowdeck.console.api-url") or ""
        console_origins = settings.get("flowdeck.server.origins") or ()

    try:
        return console_app(api, data_dir=Path(settings.home.path) / "console", config=Console())
    except FrontendMissing as error:
        log.warning("%s The API is served alone.", error)
        return api


def run_web(settings: Settings, fd: int | None = None, *, app: Any, backend: Backend) -> None:
    """Serve `app` until told to stop; `fd` is a listening socket handed over by the supervisor."""
    import uvicorn

    from flowdeck.main.http_protocol import SpelledProtocol

    timeout = settings.span("kestra.server.liveness.timeout").total_seconds()
    heartbeat = settings.span("kestra.server.liveness.heartbeat-interval").total_seconds()
    presence = Presence(backend.core, max(heartbeat, timeout / 4))

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            presence.start()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await presence.stop()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        http=SpelledProtocol,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,
        server_header=False,
        ws_max_size=32 * 1024 * 1024,
        proxy_headers=True,
        forwarded_allow_ips=",".join(settings.get("flowdeck.server.trusted-proxies") or ()) or None,
    )
    server = Server(config)
    sockets = [socket.socket(fileno=fd)] if fd is not None else None
    server.run(sockets=sockets)
