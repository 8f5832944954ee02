"""The supervisor: owns the listening sockets, starts the components as children, restarts them, shows their health.

It holds no engine state: killing it ends its children (they ask the kernel for that), and the next start goes on from
the rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flowdeck import __version__
from flowdeck.config import Settings
from flowdeck.engine.lock import InstanceLock, Locked
from flowdeck.engine.management import Management, Unanswered
from flowdeck.engine.snapshots import PARENT, SOCKET, supervisor_socket
from flowdeck.storage.encryption import new_key
from flowdeck.store.driver import StoreError, open_database

log = logging.getLogger("flowdeck.supervisor")

LISTENER = "FLOWDECK_INTERNAL_FD"
"""Environment variable with the number of the inherited listening socket."""
MANAGEMENT = "FLOWDECK_INTERNAL_MANAGEMENT"
"""Environment variable: the socket behind which the management port is, when it has none of its own."""
SETUP_TOKEN = "FLOWDECK_INTERNAL_SETUP_TOKEN"
ENGINE_ROLES = "FLOWDECK_INTERNAL_ROLES"
"""Environment variable: what a core process does on PostgreSQL, `executor,scheduler` or one of them."""
NO_RESTART = 78
"""Exit status of a child that another start can't help: wrong configuration, newer schema."""
FIRST_PAUSE, LAST_PAUSE = 0.1, 5.0
ANSWER_SECONDS = 3.0
"""How long a child may take to answer a question of the management port."""
LONGEST_ANSWER = 64 * 1024 * 1024
STEADY = 30.0
"""Seconds of life after which a child's next failure is a first one."""
CORE_STOP = 15.0
WEB_STOP = 8.0
BACKLOG = 2048


class CannotStart(Exception):
    """Why the server can't start; the message is one line."""


@dataclass(slots=True, eq=False)
class Child:
    """A component run as a process."""

    role: str
    listener: socket.socket | None = None
    process: asyncio.subprocess.Process | None = None
    ready: bool = False
    restarts: int = 0
    snapshot: dict[str, Any] = field(default_factory=dict)
    down_since: float | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    link: asyncio.StreamWriter | None = None  # where its reporter listens

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self.process.pid if self.process is not None and self.process.returncode is None else None


def listen(host: str, port: int, what: str) -> socket.socket:
    """Open a listening socket; `CannotStart` in one line when that fails."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            flag, variable = (
                ("--management-port", "FLOWDECK_MANAGEMENT_PORT")
                if what == "management port"
                else ("--port", "FLOWDECK_PORT")
            )
            raise CannotStart(f"{what} {port} is taken: choose another one with {flag} or {variable}") from None
        raise CannotStart(f"can't listen on {host}:{port} ({what}): {error.strerror or error}") from None
    listener.setblocking(False)
    return listener


def is_local(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def ensure_key(settings: Settings) -> str | None:
    """Make `secret.key` on a first start; answers what is to be said about it, once."""
    if settings.get("kestra.encryption.secret-key"):
        return None
    path = settings.home.secret_key
    if path.exists():
        return None
    used = settings.home.database.exists()
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another component was faster
        return None
    with os.fdopen(fd, "w") as file:
        file.write(f"{new_key()}\n")
        file.flush()
        os.fsync(file.fileno())
    if used:
        return f"{path} was gone: a new one was made, secrets stored under the old one can't be read any more"
    return f"made {path}: keep a copy of it, stored secrets can't be read without it"


def has_credentials(settings: Settings) -> bool:
    """Whether an account is configured or stored."""
    if settings.get("kestra.server.basic-auth.username") and settings.get("kestra.server.basic-auth.password"):
        return True
    if settings.database_url.startswith("sqlite") and not settings.home.database.exists():
        return False
    try:
        database = open_database(settings.database_url)
        with database.reader() as reader:
            return reader.value("select 1 from setting where key = 'kestra.server.basic-auth'") is not None
    except StoreError:
        return False


class Supervisor:
    """Runs a set of components until it is told to stop.

    Args:
        name: `standalone`, or the one component's name.
        roles: which children: `core`, `web`, `worker`.
        arguments: command-line words that children get too.
        inherited: file descriptors that these words name.
        begun: called when the home folder is locked and the ports are open.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        roles: tuple[str, ...],
        arguments: tuple[str, ...] = (),
        inherited: tuple[int, ...] = (),
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self._begun = begun
        self._inherited = inherited
        self.name = name
        self.arguments = arguments
        self.children = [Child(role) for role in roles]
        self.stopping = False
        self.failure: str | None = None
        self._told_ready = False
        self._environment = dict(os.environ)
        self._stopped = asyncio.Event()
        self._signals = 0
        self._readers: set[asyncio.Task[None]] = set()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._questions = 0
        self.management: Management | None = None

    @property
    def several(self) -> bool:
        """Whether this component may run more than once on one home folder."""
        return self.settings.clustered and self.name != "standalone"

    def child(self, role: str) -> Child | None:
        """A child by role."""
        return next((child for child in self.children if child.role == role), None)

    # ---- life ------------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Start, supervise, stop; answers the exit status. `CannotStart` before anything runs."""
        settings = self.settings
        try:
            settings.home.prepare()
        except OSError as error:
            raise CannotStart(f"{settings.home.path} can't be used: {error.strerror or error}") from None
        lock = InstanceLock(
            settings.home.path / ("flowdeck.lock" if self.name == "standalone" else f"{self.name}.lock")
        )
        try:
            if not self.several:
                lock.acquire()
        except Locked as error:
            raise CannotStart(f"flowdeck runs already: {error}") from None
        except OSError as error:
            raise CannotStart(f"{settings.home.path} can't be written: {error.strerror or error}") from None
        listeners: list[socket.socket] = []
        try:
            web = self.child("web")
            if web is not None:
                web.listener = listen(settings.host, settings.port, "port")
                listeners.append(web.listener)
            manager = None
            if settings.management_port > 0:
                manager = listen(settings.host, settings.management_port, "management port")
                listeners.append(manager)
            return await self._run(manager)
        finally:
            for listener in listeners:
                listener.close()
            lock.release()

    async def _run(self, manager: socket.socket | None) -> int:
        settings = self.settings
        self._begun()
        self._say_first()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        path = supervisor_socket(settings.home.run, str(os.getpid()) if self.several else self.name)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        server = await asyncio.start_unix_server(self._snapshots, str(path), limit=LONGEST_ANSWER)
        os.chmod(path, 0o600)
        self._environment |= {SOCKET: str(path), PARENT: str(os.getpid())}
        shared = path.with_name(f"mgmt-{path.name.removeprefix('sup-')}")
        self._environment.pop(MANAGEMENT, None)
        management = self.management = Management(
            settings, __version__, lambda: self.children, lambda: not self.stopping, self.ask, self.name
        )
        if manager is not None:
            await management.start(manager)
        elif settings.shares_port and self.child("web") is not None:
            with contextlib.suppress(FileNotFoundError):
                shared.unlink()
            behind = socket.socket(socket.AF_UNIX)
            behind.bind(str(shared))
            os.chmod(shared, 0o600)
            await management.start(behind)
            self._environment[MANAGEMENT] = str(shared)
        within = settings.span("kestra.server.standalone.running.timeout").total_seconds()
        patience = loop.call_later(within, self._say_missing, within)
        keepers = [asyncio.create_task(self._keep(child)) for child in self.children]
        if not self.children:
            self._say_ready()
        try:
            await self._stopped.wait()
            await self._stop_children()
        finally:
            patience.cancel()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            for child in self.children:
                self._kill(child)
            await management.stop()
            server.close()
            for left in (path, shared):
                with contextlib.suppress(FileNotFoundError):
                    left.unlink()
        if self.failure:
            log.error("%s", self.failure)
            return 1
        log.info("stopped")
        return 0

    def _say_first(self) -> None:
        settings = self.settings
        for warning in settings.warnings:
            log.warning("%s", warning)
        said = ensure_key(settings)
        if said:
            log.info("%s", said)
        if self.child("web") is not None and not is_local(settings.host) and not has_credentials(settings):
            token = secrets.token_urlsafe(18)
            self._environment[SETUP_TOKEN] = token
            # Straight to the terminal: a token must not reach the log files.
            print(
                f"flowdeck listens on {settings.host} and has no account yet. Set-up token: {token}",
                file=sys.stderr,
                flush=True,
            )
        closed = settings.get("endpoints.all.basic-auth.username")
        if settings.management_port > 0 and not is_local(settings.host) and not closed:
            log.warning(
                "the management port %d is open to all who reach it; endpoints.all.basic-auth.* gives it an account",
                settings.management_port,
            )
        if self.child("core") is not None:
            kept = {name: settings.span(f"flowdeck.retention.{name}") for name in ("logs", "metrics", "executions")}
            words = {
                name: f"{span.days} days" if span.total_seconds() > 0 else "for ever" for name, span in kept.items()
            }
            log.info(
                "kept: log lines %s, metrics %s, ended executions %s (flowdeck.retention.*, P0D switches off)",
                words["logs"],
                words["metrics"],
                words["executions"],
            )

    def _signalled(self) -> None:
        self._signals += 1
        if self._signals == 1:
            log.info("stopping; running tasks may end first, a second signal stops them now")
            self.stopping = True
            self._stopped.set()
        else:
            for child in self.children:
                if child.pid is not None:
                    child.process.send_signal(signal.SIGTERM if self._signals == 2 else signal.SIGKILL)  # type: ignore[union-attr]

    async def _stop_children(self) -> None:
        self.stopping = True
        grace = self.settings.get("kestra.server.terminate-grace-period") or self.settings.span(
            "kestra.server.termination-grace-period"
        )
        first = [c for c in self.children if c.role != "core"]
        await asyncio.gather(
            *(self._stop(child, WEB_STOP if child.role == "web" else grace.total_seconds() + 5) for child in first)
        )
        for child in self.children:
            if child.role == "core":
                await self._stop(child, CORE_STOP)

    async def _stop(self, child: Child, seconds: float) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        deadline = time.monotonic() + seconds
        while process.returncode is None:
            left = (deadline if self._signals < 2 else min(deadline, time.monotonic() + 3)) - time.monotonic()
            if left <= 0:
                log.warning("%s does not end, killed", child.role)
                self._kill(child)
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(process.wait()), min(left, 0.5))
            if self._signals >= 2:
                deadline = min(deadline, time.monotonic() + 3)

    def _kill(self, child: Child) -> None:
        if child.pid is not None and child.process is not None:
            with contextlib.suppress(ProcessLookupError):
                child.process.kill()

    # ---- children --------------------------------------------------------------------------------------------

    async def _keep(self, child: Child) -> None:
        """Start a child, and again when it ends, with growing pauses."""
        while not self.stopping:
            await self._start(child)
            assert child.process is not None
            status = await child.process.wait()
            child.ready = False
            child.snapshot = {}
            if self.stopping:
                return
            if status == NO_RESTART:
                self.failure = f"{child.role} can't run, see above"
                self._stopped.set()
                return
            if time.monotonic() - child.started > STEADY:
                child.pause = FIRST_PAUSE
            child.restarts += 1
            if child.down_since is None:
                child.down_since = time.monotonic()
            how = f"signal {-status}" if status < 0 else f"status {status}"
            log.warning("%s ended with %s, starts again in %.1f s", child.role, how, child.pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), child.pause)
                return
            child.pause = min(child.pause * 2, LAST_PAUSE)

    async def _start(self, child: Child) -> None:
        environment = dict(self._environment)
        inherited = self._inherited
        if child.listener is not None:
            environment[LISTENER] = str(child.listener.fileno())
            inherited = (*inherited, child.listener.fileno())
        child.started = time.monotonic()
        # A group of its own: Ctrl-C on the terminal reaches the supervisor alone. No preexec function: it would fork.
        child.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "flowdeck",
            *self.arguments,
            "server",
            child.role,
            "--child",
            env=environment,
            pass_fds=inherited,
            stdin=asyncio.subprocess.DEVNULL,
            process_group=0,
        )

    async def _snapshots(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        child: Child | None = None
        try:
            while line := await reader.readline():
                with contextlib.suppress(ValueError):
                    message = json.loads(line)
                    if "answer" in message:
                        self._answered(message)
                    else:
                        child = self._take(message, writer) or child
        except (OSError, ValueError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            if child is not None and child.link is writer:
                child.link = None

    async def ask(self, role: str, question: str, args: dict[str, Any]) -> Any:
        """Ask a child's reporter; `Unanswered` when it is not there, too slow, or does not know."""
        child = self.child(role)
        if child is None or child.link is None:
            raise Unanswered(role)
        self._questions += 1
        number = self._questions
        future = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            child.link.write(json.dumps({"ask": number, "name": question, "args": args}).encode() + b"\n")
            return await asyncio.wait_for(future, ANSWER_SECONDS)
        except (TimeoutError, OSError):
            raise Unanswered(role) from None
        finally:
            self._asked.pop(number, None)

    def _answered(self, message: dict[str, Any]) -> None:
        future = self._asked.get(message["answer"])
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(Unanswered(message["error"]))
        else:
            future.set_result(message.get("result"))

    def _take(self, snapshot: dict[str, Any], writer: asyncio.StreamWriter) -> Child | None:
        child = self.child(snapshot.get("role", ""))
        if child is None or child.pid != snapshot.get("pid"):
            return None
        if child.link is not writer:
            child.link = writer
            for name, level in (self.management.levels if self.management else {}).items():
                writer.write(
                    json.dumps({"ask": 0, "name": "level", "args": {"name": name, "level": level}}).encode() + b"\n"
                )
        child.snapshot = snapshot
        child.ready = bool(snapshot.get("ready"))
        if child.ready:
            child.down_since = None
        if not self._told_ready and all(c.ready for c in self.children):
            self._told_ready = True
            self._say_ready()
        return child

    def _say_missing(self, seconds: float) -> None:
        missing = [child.role for child in self.children if not child.ready]
        if missing and not self._told_ready:
            log.error(
                "not ready after %g s: %s (kestra.server.standalone.running.timeout)", seconds, ", ".join(missing)
            )

    def _say_ready(self) -> None:
        settings = self.settings
        if self.child("web") is None:
            log.info("%s is ready", self.name)
            return
        host = "localhost" if is_local(settings.host) or settings.host in ("0.0.0.0", "::") else settings.host
        health = f", health on port {settings.management_port}" if settings.management_port > 0 else ""
        if settings.shares_port:
            health = ", health on the same port"
        scheme, base = "https" if settings.tls else "http", settings.context_path
        log.info("flowdeck %s is ready: %s://%s:%d%s/ui/%s", __version__, scheme, host, settings.port, base, health)
