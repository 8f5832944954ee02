"""The supervised set of components, and the web child."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import ssl
import threading
import time

from flowdeck.config import Settings
from flowdeck.engine.core_measures import pool_measures
from flowdeck.engine.introspection import Introspection
from flowdeck.engine.serverlog import set_up_logging
from flowdeck.engine.snapshots import Reporter, die_with_supervisor
from flowdeck.engine.supervisor import ENGINE_ROLES, LISTENER, CannotStart, Supervisor
from flowdeck.main.quick_start import without_httpx_command
from flowdeck.main.read_once import hand_over
from flowdeck.main.tls import server_context

log = logging.getLogger("flowdeck.supervisor")

ROLES: dict[str, tuple[str, ...]] = {
    "standalone": ("core", "web", "worker"),
    "local": ("core", "web", "worker"),
    "executor": ("core",),
    "scheduler": ("core",),
    "webserver": ("web",),
    "worker": ("worker",),
    "indexer": (),
}
"""Children of each component name; an indexer has nothing to do but to be healthy."""
CORE_WAIT = 60.0
"""Seconds that a starting web process waits for core, which may be migrating."""


def run(settings: Settings, name: str, *, arguments: tuple[str, ...] = (), worker: bool = True) -> int:
    """Supervise a component's children until told to stop; answers the exit status."""
    os.environ.update(settings.environment)
    time.tzset()
    set_up_logging(settings, "supervisor")
    roles = tuple(role for role in ROLES[name] if worker or role != "worker")
    if "web" in roles:
        try:
            server_context(settings)  # a store that can't be read is told in one line, before anything starts
        except ValueError as error:
            log.error("%s", error)
            return 1
    supervised = "standalone" if name == "local" else name
    os.environ[ENGINE_ROLES] = name if name in ("executor", "scheduler") else "executor,scheduler"
    if settings.clustered and supervised != "standalone" and not settings.get("kestra.encryption.secret-key"):
        log.warning("kestra.encryption.secret-key is not set: components on several machines need a common one")

    words, inherited, delete = hand_over(settings, arguments)

    async def main() -> int:
        return await Supervisor(settings, supervised, roles, words, inherited, delete).run()

    try:
        return asyncio.run(main())
    except CannotStart as error:
        log.error("%s", error)
        return 1


def run_web(settings: Settings) -> int:
    """The web child: waits for core, then serves on the inherited socket."""
    die_with_supervisor()
    os.umask(0o077)  # uploads are this user's alone
    set_up_logging(settings, "web")
    without_httpx_command()
    gc.disable()  # what is imported stays: no collection needs to look at it
    from flowdeck.main import web

    backend = web.build_backend(settings)
    app = web.web_app(settings, backend)  # while core starts: imports take their time
    gc.freeze()
    gc.enable()
    # A document of a thousand task runs is ten thousand maps: collections in its middle were a third of its p95.
    gc.set_threshold(20_000, 20, 20)
    _wait_for_core(settings)
    loops: list[asyncio.AbstractEventLoop] = []
    introspection = Introspection(loop=lambda: loops[0] if loops else None)
    pool_measures(introspection.measures, backend.database)
    reporter = Reporter("web", lambda: web.numbers(backend), introspection.answers())
    reporter.start()
    threading.Thread(target=_tell_when_served, args=(settings, reporter), name="self-check", daemon=True).start()
    fd = os.environ.get(LISTENER)
    web.run_web(
        settings,
        int(fd) if fd else None,
        app=app,
        backend=backend,
        measures=introspection.measures,
        begun=lambda: loops.append(asyncio.get_running_loop()),
    )
    return 0


def _wait_for_core(settings: Settings) -> None:
    """Until the engine is there: its socket, or on PostgreSQL the schema that an executor has made."""
    deadline = time.monotonic() + CORE_WAIT
    there = _schema_is_there if settings.clustered else _core_listens
    while time.monotonic() < deadline:
        if there(settings):
            return
        time.sleep(0.05)
    log.warning("core is not there yet; writes are refused until it is")


def _core_listens(settings: Settings) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(settings.home.socket("core")))
            return True
        except OSError:
            return False


def _schema_is_there(settings: Settings) -> bool:
    from flowdeck.store.driver import StoreError, open_database
    from flowdeck.store.schema import is_current

    database = open_database(settings.database_url)
    try:
        return is_current(database)
    except StoreError:
        return False
    finally:
        database.close()


def _connection(settings: Settings, host: str) -> socket.socket:
    link = socket.create_connection((host, settings.port), 5)
    if not settings.tls:
        return link
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # our own port: whose certificate it is does not matter
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(link)


def _tell_when_served(settings: Settings, reporter: Reporter) -> None:
    """Readiness is a real answer of our own port, not the hope of one."""
    host = (
        "127.0.0.1" if settings.host in ("0.0.0.0", "localhost") else "::1" if settings.host == "::" else settings.host
    )
    while True:
        try:
            with _connection(settings, host) as link:
                link.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b" 200 " in link.recv(200):
                    reporter.ready()
                    return
        except OSError:
            pass
        time.sleep(0.05)
