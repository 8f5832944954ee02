"""Mounts the web console beside the API: one origin, one process (design §1, details 7, 9, 10, 19).

The console imports nothing of the backend and the backend nothing of the console, except here: `console_app` hands
the API to the console as an in-process transport and puts files, websocket and API behind one guard.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from flowdeck.api.middleware import TRANSPORT, over_tls
from flowdeck.main.quick_start import quick_callers, without_redis

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("flowdeck.console")

UI = "/ui"
SOCKET = "/_ui"
SOCKET_PATHS = ("/_ui/_event", "/_ui/ping", "/_ui/_health")
SWEEP_SECONDS = 30.0
MOST_STRANGERS = 200
SESSION_COOKIE = "flowdeck_session"
API_PREFIXES = ("/api/", "/swagger/")
API_PATHS = frozenset({"/api", "/login", "/logout", "/health", "/swagger", "/ping"})
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
HASH_FILE = "source-hash.txt"
SOURCES = ("app", "components", "assets", "backend_client", "rxconfig.py", "reflex.lock")

_HERE = Path(__file__).resolve()
CHECKOUT = _HERE.parents[2]
WHEEL = _HERE.parents[1] / "console"


class FrontendMissing(RuntimeError):
    """No built frontend: the API still works, the console does not."""


def console_dir() -> Path:
    """Return the folder with `rxconfig.py`, `app` and `components`: inside the wheel, or the checkout."""
    return WHEEL if (WHEEL / "rxconfig.py").is_file() else CHECKOUT


def built_frontend(root: Path | None = None) -> Path:
    """Return the folder of the built static files; it holds the folder `ui`."""
    base = console_dir() if root is None else root
    inside = base / "dist_frontend"
    return inside if inside.is_dir() else base / ".web" / "build" / "client"


def _source_files(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        path = root / name
        if path.is_file():
            yield path
            continue
        for file in sorted(path.rglob("*")):
            parts = file.relative_to(root).parts
            if file.is_file() and "__pycache__" not in parts and parts[:2] != ("assets", "external"):
                yield file


def source_hash(root: Path, *, lock: bool = True) -> str:
    """Return a hash of everything that the built frontend depends on; `lock` False leaves out what a build writes."""
    digest = hashlib.sha256()
    for file in _source_files(root):
        if not lock and file.parent.name == "reflex.lock":
            continue
        digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current(root: Path, out: Path) -> bool:
    """Tell whether the built files belong to the sources.

    Otherwise every open tab would show a banner that asks to reload, since the console compares its states.
    """
    mark = out / HASH_FILE
    return (out / "ui" / "index.html").is_file() and mark.is_file() and mark.read_text() == source_hash(root)


def build_frontend(
    root: Path, out: Path | None = None, *, say: Callable[[str], None] = print, force: bool = False
) -> bool:
    """Build the console's static files when their sources changed.

    Args:
        root: the folder with `rxconfig.py`.
        out: where the result goes; default `root/.web/build/client`. Another folder gets a copy.
        say: told one line a step.
        force: build also when nothing changed.

    Returns:
        Whether a build ran.

    Raises:
        FrontendMissing: the build failed; its last lines are the message.
    """
    made = root / ".web" / "build" / "client"
    target = made if out is None else out
    if not force and is_current(root, target):
        return False
    say("Building the console (the first time takes about a minute) …")
    before = source_hash(root, lock=False)
    environment = {
        **os.environ,
        "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", ""),
        "REFLEX_USE_NPM": "1",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_DIR": str(root / ".web" / "home"),
        "npm_config_omit_lockfile_registry_resolved": "true",
    }
    for name in ("__REFLEX_SKIP_COMPILE", "REFLEX_BACKEND_ONLY", "REFLEX_ENV_MODE", "REFLEX_WEB_WORKDIR"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"]
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.strip().startswith(("Compiling:", "Creating", "Installing")) and "100%" in line:
                say("  " + line.split(":", 1)[0] + " done")
    if process.returncode or not (made / "ui" / "index.html").is_file():
        raise FrontendMissing("The console could not be built:\n" + "\n".join(lines[-12:]))
    # Sources that changed meanwhile make the result old at once.
    unchanged = source_hash(root, lock=False) == before
    (made / HASH_FILE).write_text(source_hash(root) if unchanged else "changed while it was built")
    if target != made:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(made, target)
    say("The console is built.")
    return True


def prepare(data_dir: Path, *, folder: Path | None = None) -> None:
    """Set the framework's switches for a process that serves a built console.

    Relative paths of the user must be resolved before: the working directory becomes the console's folder.

    Args:
        data_dir: an existing, writable folder for the framework's few marker files.
    """
    base = console_dir() if folder is None else folder
    os.environ.setdefault("REFLEX_ENV_MODE", "prod")
    os.environ["__REFLEX_SKIP_COMPILE"] = "true"
    os.environ["REFLEX_BACKEND_ONLY"] = "true"
    os.environ.setdefault("REFLEX_STATE_MANAGER_MODE", "memory")
    os.environ.setdefault("REFLEX_WEB_WORKDIR", str(data_dir / "web"))
    os.environ.setdefault("REFLEX_STATES_WORKDIR", str(data_dir / "states"))
    os.environ.setdefault("REFLEX_UPLOADED_FILES_DIR", str(data_dir / "uploads"))
    os.environ.setdefault("REFLEX_DIR", str(data_dir / "reflex"))
    os.environ.setdefault("REFLEX_CHECK_LATEST_VERSION", "false")
    os.environ.setdefault("REFLEX_TELEMETRY_ENABLED", "false")
    os.environ.setdefault("REFLEX_SOCKET_MAX_HTTP_BUFFER_SIZE", "10000000")
    os.chdir(base)
    if str(base) not in sys.path:
        sys.path.insert(0, str(base))


def content_security_policy(hashes: list[str]) -> str:
    """Return the policy of every page: own origin only, scripts as built, nothing evaluated."""
    scripts = " ".join(["'self'", *(f"'{one}'" for one in hashes)])
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'self'",
            "form-action 'self'",
        )
    )


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope.get("headers", ()):
        if key.lower() == name:
            return value.decode("latin-1")
    return ""


def same_origin(scope: Scope, allowed: frozenset[str] = frozenset()) -> bool:
    """Tell whether a request comes from a page of this server, or from no page at all.

    Args:
        allowed: further origins, for a server that is known under another public address.
    """
    origin = _header(scope, b"origin")
    if not origin:
        return True
    return origin in allowed or urlsplit(origin).netloc.lower() == _header(scope, b"host").lower()


def session_of(scope: Scope) -> str:
    """Return the value of the session cookie; empty without one."""
    for part in _header(scope, b"cookie").split(";"):
        name, _, value = part.strip().partition("=")
        if name == SESSION_COOKIE:
            return value
    return ""


def digest_of(session: str) -> str:
    """Return the form of a session id that the API's sessions go by; empty for none."""
    return hashlib.sha256(session.encode()).hexdigest() if session else ""


class Sockets:
    """The open websockets by the hash of their session, so that they end with it (`extensions` §2)."""

    def __init__(self) -> None:
        self._open: dict[str, set[asyncio.Event]] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._strangers = 0
        self.alive: Callable[[str], Awaitable[bool]] | None = None
        """Whether a session, by its hash, still lasts; asking must not prolong it."""

    async def _sweep(self) -> None:
        """Close what outlived its session: it ran out, or was ended by another process."""
        while self._open and self.alive is not None:
            await asyncio.sleep(SWEEP_SECONDS)
            for session in list(self._open):
                try:
                    if not await self.alive(session):
                        self.end(session)
                except Exception:  # the database is away: sockets stay, the API lets nobody in
                    log.debug("sessions of sockets could not be checked", exc_info=True)
                    break
        self._sweeper = None

    async def serve(self, app: Asgi, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a websocket until it ends or its session does (close code 4401).

        Those without a session that lasts are few at a time: each costs memory, and anybody may open them.
        """
        session, ended = digest_of(session_of(scope)), asyncio.Event()
        if not session or (self.alive is not None and not await self.alive(session)):
            if self._strangers >= MOST_STRANGERS:
                await receive()
                await send({"type": "websocket.close", "code": 1013})
                return
            self._strangers += 1
            try:
                await app(scope, receive, send)
            finally:
                self._strangers -= 1
            return
        self._open.setdefault(session, set()).add(ended)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        pending: asyncio.Task[Message] | None = None

        async def receiving() -> Message:
            nonlocal pending
            if pending is None:
                pending = asyncio.ensure_future(receive())  # type: ignore[arg-type]
            over = asyncio.ensure_future(ended.wait())
            await asyncio.wait({pending, over}, return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            if pending.done():
                message, pending = pending.result(), None
                return message
            with contextlib.suppress(RuntimeError):
                await send({"type": "websocket.close", "code": 4401})
            return {"type": "websocket.disconnect", "code": 4401}

        try:
            await app(scope, receiving, send)
        finally:
            if pending is not None:
                pending.cancel()
            mine = self._open.get(session, set())
            mine.discard(ended)
            if not mine:
                self._open.pop(session, None)

    def end(self, session: str) -> int:
        """Close the websockets of a session by its hash; how many there were."""
        found = self._open.get(session, set())
        for one in list(found):
            one.set()
        return len(found)


_DATA_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""Answers of the API are data: opened by themselves they run and load nothing."""


class Gate:
    """The outermost application: routes by path, refuses foreign origins, adds the security headers."""

    def __init__(self, api: Asgi, socket: Asgi, files: Asgi, policy: str, allowed: frozenset[str]) -> None:
        self._api, self._socket, self._files = api, socket, files
        self._allowed = allowed
        self.sockets = Sockets()
        self._headers = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"x-frame-options", b"DENY"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
        ]
        self._policy = (b"content-security-policy", policy.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        kind = scope["type"]
        if kind == "lifespan":
            await _lifespans([self._api, self._socket], scope, receive, send)
            return
        path: str = scope["path"]
        if kind == "websocket":
            if not same_origin(scope, self._allowed):
                await receive()
                await send({"type": "websocket.close", "code": 4403})
                return
            if path.startswith(SOCKET + "/"):
                await self.sockets.serve(self._socket, scope, receive, send)
            else:
                await self._api(scope, receive, send)
            return
        if path.startswith(API_PREFIXES) or path in API_PATHS:
            await self._api(scope, receive, self._with(scope, send, page=False))
            if path == "/logout" and scope["method"] == "POST" and same_origin(scope, self._allowed):
                self.sockets.end(digest_of(session_of(scope)))
            return
        if path in {"/", UI}:
            query = scope.get("query_string", b"")
            await _redirect(send, UI + "/" + ("?" + query.decode("latin-1") if query else ""), self._headers)
            return
        if path.startswith(SOCKET + "/"):
            if scope["method"] in UNSAFE and not same_origin(scope, self._allowed):
                await _answer(send, 403, b"This request comes from another site.", self._headers)
                return
            if not path.startswith(SOCKET_PATHS):
                # The framework's upload and its helpers for hosted development are not used: files go to the API.
                await _answer(send, 404, b"Not found.", self._headers)
                return
            await self._socket(scope, receive, self._with(scope, send, page=False))
            return
        if path.startswith(UI + "/"):
            await self._files(scope, receive, self._with(scope, send, page=True))
            return
        await self._api(scope, receive, self._with(scope, send, page=False))

    def _with(self, scope: Scope, send: Send, *, page: bool) -> Send:
        more = [*self._headers, self._policy if page else _DATA_POLICY]
        if over_tls(scope):
            more.append(TRANSPORT)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                held = {key.lower() for key, _ in message.get("headers", ())}
                message = {**message, "headers": [*message.get("headers", ()), *(h for h in more if h[0] not in held)]}
            await send(message)

        return sending


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"text/plain; charset=utf-8"), *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def _redirect(send: Send, target: str, headers: list[tuple[bytes, bytes]]) -> None:
    await send(
        {"type": "http.response.start", "status": 307, "headers": [(b"location", target.encode("latin-1")), *headers]}
    )
    await send({"type": "http.response.body", "body": b""})


class _Lifespan:
    """Start and stop of one inner application, driven from outside."""

    def __init__(self, app: Asgi, scope: Scope) -> None:
        self._app, self._scope = app, {**scope}
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._inbox.get, self._outbox.put)
        except Exception as error:  # an application without lifespan may refuse the scope
            await self._outbox.put({"type": "lifespan.unsupported", "message": str(error)})
        else:
            await self._outbox.put({"type": "lifespan.ended"})

    async def start(self) -> str:
        """Return why the application could not start; empty when it did."""
        self._task = asyncio.create_task(self._run())
        await self._inbox.put({"type": "lifespan.startup"})
        answer = await self._outbox.get()
        return str(answer.get("message") or "failed") if answer["type"] == "lifespan.startup.failed" else ""

    async def stop(self) -> None:
        """Stop, at the latest after ten seconds."""
        if self._task is None or self._task.done():
            return
        await self._inbox.put({"type": "lifespan.shutdown"})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._outbox.get(), 10)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


async def _lifespans(apps: list[Asgi], scope: Scope, receive: Receive, send: Send) -> None:
    running: list[_Lifespan] = []
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            for app in apps:
                one = _Lifespan(app, scope)
                fault = await one.start()
                if fault:
                    for started in reversed(running):
                        await started.stop()
                    await send({"type": "lifespan.startup.failed", "message": fault})
                    return
                running.append(one)
            await send({"type": "lifespan.startup.complete"})
        else:
            for one in reversed(running):
                await one.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


def _files(built: Path, router: Callable[[str], str | None]) -> Asgi:
    from reflex.utils.precompressed_staticfiles import PrecompressedStaticFiles
    from starlette.applications import Starlette
    from starlette.routing import Mount

    class Files(PrecompressedStaticFiles):
        """Static files; only hashed names may be kept for ever."""

        def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Any:
            answer = super().file_response(full_path, stat_result, scope, status_code)
            name = str(full_path)
            hashed = "/assets/" in name and status_code == 200 and "reflex-env" not in name
            answer.headers["cache-control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
            return answer

    def page_of(path: str) -> str | None:
        found = router(path)
        return None if found == "404" or (found == "index" and path.strip("/")) else found

    files = Files(directory=built / "ui", html=True, encodings=["gzip"], router=page_of)
    return Starlette(routes=[Mount(UI, app=files)])  # type: ignore[return-value]


def console_app(api_asgi: Asgi, *, built: Path | None = None, data_dir: Path, config: Any = None) -> Asgi:
    """Return the application that serves API, websocket and pages at one origin.

    Args:
        api_asgi: the REST and SSE application.
        built: the built frontend (`built_frontend()`); it holds `ui`.
        data_dir: writable folder; relative user paths must be resolved before this call.
        config: may carry `console_api_url` (the API runs elsewhere) and `console_origins` (public addresses).

    Raises:
        FrontendMissing: there are no built files.
    """
    built = (built or built_frontend()).resolve()
    if not (built / "ui" / "index.html").is_file():
        raise FrontendMissing(f"No built console in {built}; `make console` builds it.")
    if (
        (CHECKOUT / "rxconfig.py").is_file()
        and built == built_frontend(CHECKOUT).resolve()
        and not is_current(CHECKOUT, built)
    ):
        log.warning("the built console is older than its sources; `make console` builds it anew")
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    prepare(data_dir)
    without_redis()
    with quick_callers():
        tab = importlib.import_module("app.tab")
        console = importlib.import_module("app.app").app
    logging.getLogger("httpx").setLevel(logging.WARNING)  # else each in-process call would be a line
    elsewhere = str(getattr(config, "console_api_url", "") or "")
    if elsewhere:
        tab.configure(None, base_url=elsewhere)
    else:
        tab.configure(lambda: httpx.ASGITransport(app=api_asgi, raise_app_exceptions=False))  # type: ignore[arg-type]
    hashes_file = built / "ui" / "csp-hashes.json"
    hashes = json.loads(hashes_file.read_text()) if hashes_file.is_file() else []
    allowed = frozenset(str(one).rstrip("/") for one in getattr(config, "console_origins", None) or ())
    gate = Gate(api_asgi, console(), _files(built, console.router), content_security_policy(hashes), allowed)
    sessions = getattr(getattr(api_asgi, "state", None), "sessions", None)
    if sessions is not None:  # ended by whatever means: another tab, a new password
        sessions.ended.append(gate.sockets.end)
        gate.sockets.alive = sessions.alive
    return gate
