"""The web process: adapters, API, console, uvicorn (design §1)."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowdeck import __version__, expr
from flowdeck.api.app import create_api
from flowdeck.commands import flows as flow_commands
from flowdeck.config.accounts import accounts
from flowdeck.config.menu_links import custom_links
from flowdeck.config.settings import Settings
from flowdeck.config.variables import RECURSIVE, context_variables, instance_defaults
from flowdeck.engine.bus import CoreClient
from flowdeck.engine.measures import Measures
from flowdeck.engine.supervisor import MANAGEMENT
from flowdeck.main.chat_models import chat_models
from flowdeck.main.console_below import relocated
from flowdeck.main.context_path import ContextPath
from flowdeck.main.cors import with_cors
from flowdeck.main.http_access import HttpAccess
from flowdeck.main.shared_management import SharedManagement
from flowdeck.main.tls import server_context
from flowdeck.model.schedule import ZoneError, zone_of
from flowdeck.sdk.index import load_catalog
from flowdeck.services.backend import ApiConfig, Backend, Core
from flowdeck.services.local_flows import LocalFlows
from flowdeck.services.presence import Presence
from flowdeck.storage.encryption import Cipher, EncryptionError, load_key
from flowdeck.storage.local import LocalStorage
from flowdeck.store.driver import Database, open_database
from flowdeck.store.log_views import LogStore

log = logging.getLogger("flowdeck.web")

GRACE_SECONDS = 5
DESCRIPTORS = 65_536
"""Open files and connections of this process, where the system allows it."""


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
        origins=frozenset(str(one).rstrip("/") for one in settings.get("flowdeck.server.origins") or ()),
        accounts=accounts(settings.values),
        open_urls=tuple(settings.get("kestra.server.basic-auth.open-urls") or ()),
        allowed_paths=tuple(settings.get("kestra.local-files.allowed-paths") or ()),
        system_namespace=settings.get("kestra.system-flows.namespace") or "system",
        hidden_label_prefixes=tuple(settings.get("kestra.hidden-labels.prefixes") or ()),
        preview_initial=settings.get("kestra.server.preview.initial-rows") or 100,
        preview_max=settings.get("kestra.server.preview.max-rows") or 5000,
        ai_enabled=settings.get("kestra.ai.enabled") is not False,
        zone=_zone_name(),
        environment_name=settings.get("kestra.environment.name") or None,
        environment_color=settings.get("kestra.environment.color") or None,
        disabled_menus=tuple(str(one) for one in settings.get("kestra.ee.left-sidebar.disabled-menus") or ()),
        custom_links=custom_links(settings),
        session_idle_ms=ms("flowdeck.session.idle-timeout"),
        session_absolute_ms=ms("flowdeck.session.absolute-timeout"),
        max_upload=min(
            _size(settings.get(f"micronaut.server.{name}"), 10 * 1024**3)
            for name in ("max-request-size", "multipart.max-file-size")
        ),
        realm=settings.values.get("kestra.server.basic-auth.realm"),
        password_rule=settings.get("kestra.security.basic-auth.password-regexp"),
        variables=context_variables(settings),
        plugin_defaults=tuple(instance_defaults(settings)),
        worker_groups=settings.worker_groups,
        configuration=tuple(settings.properties()),
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
    expr.recurse(bool(settings.get(RECURSIVE)))
    cipher = None
    key = load_key(settings.home.path, settings.get("kestra.encryption.secret-key"))
    if key:
        try:
            cipher = Cipher(key, settings.get("kestra.encryption.previous-keys") or ())
        except EncryptionError as error:
            log.error("secrets can't be used: %s", error)
    database = open_database(settings.database_url, readers=settings.readers)
    return Backend(
        core=_engine(settings, database),
        database=database,
        storage=LocalStorage(settings.storage_path),
        catalog=load_catalog(),
        logs=LogStore(settings.home.logs, database),
        config=api_config(settings),
        cipher=cipher,
        chat_models=chat_models(settings),
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
    core: Any = backend.core
    if backend.database.dialect != "postgresql":
        return {}
    lost = getattr(core, "accepted", None)
    told = {} if lost is None else {"metrics": {"web_commands_lost_total": lost.lost}}
    return {"writable": getattr(core, "connected", True), **told}


def web_app(settings: Settings, backend: Backend | None = None) -> Any:
    """REST, streams and console as one ASGI application; the API alone when the console is off or not built."""
    api = with_cors(create_api(backend or build_backend(settings)), settings)
    if settings.get("flowdeck.console.enabled") is False:
        return api
    try:
        from flowdeck.main.console import FrontendMissing, built_frontend, console_app
    except ImportError as error:
        log.warning("the console can't be served: %s", error)
        return api

    built = built_frontend()
    data = Path(settings.home.path) / "console"
    head = settings.html_head
    if (settings.context_path or head) and (built / "ui" / "index.html").is_file():
        built = relocated(built, data, settings.context_path, head)
    if settings.context_path:
        os.environ["REFLEX_FRONTEND_PATH"] = f"{settings.context_path}/ui"

    class Console:
        console_api_url = settings.get("flowdeck.console.api-url") or ""
        console_origins = settings.get("flowdeck.server.origins") or ()

    try:
        return console_app(api, built=built, data_dir=data, config=Console())
    except FrontendMissing as error:
        log.warning("%s The API is served alone.", error)
        return api


def _tls(settings: Settings) -> Callable[..., ssl.SSLContext]:
    """Makes the context while the server begins: a store that can't be read any more is a fault that it tells of."""

    def made(config: Any, default: Any) -> ssl.SSLContext:
        context = server_context(settings)
        assert context is not None
        return context

    return made


def _raise_descriptors() -> None:
    """As many connections as the system lets this process have; no code of users runs here that would inherit it."""
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if most != resource.RLIM_INFINITY and most < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run_web(
    settings: Settings,
    fd: int | None = None,
    *,
    app: Any,
    backend: Backend,
    measures: Measures | None = None,
    begun: Callable[[], None] = lambda: None,
) -> None:
    """Serve `app` until told to stop.

    Args:
        fd: a listening socket handed over by the supervisor.
        measures: where requests are counted.
        begun: called in the event loop once it runs.
    """
    import uvicorn

    _raise_descriptors()
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    from flowdeck.main.host_resolution import HostResolution
    from flowdeck.main.http_protocol import Patience, protocol

    timeout = settings.span("kestra.server.liveness.timeout").total_seconds()
    heartbeat = settings.span("kestra.server.liveness.heartbeat-interval").total_seconds()
    head = settings.span("flowdeck.server.head-timeout").total_seconds()
    body = settings.span("flowdeck.server.body-timeout").total_seconds()
    watched = [Path(str(one)).expanduser() for one in settings.get("micronaut.io.watch.paths") or ()]
    local = LocalFlows(backend, watched) if settings.get("micronaut.io.watch.enabled") else None
    presence = Presence(backend.core, max(heartbeat, timeout / 4))

    class Server(uvicorn.Server):
        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            try:
                await super().serve(sockets)
            except (Exception, SystemExit):  # uvicorn exits when the application or a socket can't begin
                await presence.broke()
                raise

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            begun()
            await super().startup(sockets)
            presence.start()
            if local is not None:
                local.start()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            if local is not None:
                await local.stop()
            await presence.stop()
            await super().shutdown(sockets)

    shared = os.environ.get(MANAGEMENT)
    if shared:
        guarded = bool(settings.get("endpoints.all.basic-auth.username"))
        app = SharedManagement(app, Path(shared), guarded=guarded)
    if settings.context_path:
        app = ContextPath(app, settings.context_path)
    idle = "micronaut.server.idle-timeout"
    trusted = [str(one) for one in settings.get("flowdeck.server.trusted-proxies") or ()]
    outer: Any = HttpAccess(app, settings, measures or Measures())
    host, scheme = (settings.get(f"micronaut.server.host-resolution.{name}-header") for name in ("host", "protocol"))
    resolves = bool(trusted and (host or scheme))
    if resolves:
        behind: Any = ProxyHeadersMiddleware(outer, trusted)
        outer = HostResolution(behind, host or "", scheme or "", trusted)
    config = uvicorn.Config(
        outer,
        http=protocol(Patience(head=head, body=body, rest=min(Patience().rest, body))),
        h11_max_incomplete_event_size=_size(settings.get("micronaut.server.netty.max-header-size"), 32 * 1024),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=round(settings.span(idle).total_seconds()) if idle in settings.values else 75,
        server_header=False,
        ssl_context_factory=_tls(settings) if settings.tls else None,
        ws_max_size=32 * 1024 * 1024,
        proxy_headers=bool(trusted) and not resolves,
        forwarded_allow_ips=trusted,
    )
    server = Server(config)
    sockets = [socket.socket(fileno=fd)] if fd is not None else None
    server.run(sockets=sockets)
