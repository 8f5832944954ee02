"""Every request leaves a line in the access log and a number in the metrics (spec: operations F59, F61).

Lines are collected and written twice a second: a request pays for formatting one, not for the disk.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from flowdeck.config import Settings
from flowdeck.engine.measures import Measures
from flowdeck.engine.serverlog import plain

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

WRITE_EVERY = 0.5
_KEY = re.compile(r"(/executions/webhook/[^/?]+/[^/?]+/)[^/?]+")
_TOKEN = re.compile(r"%(?:\{[^}]*\})?([a-zA-Z])|%%")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = logging.getLogger("flowdeck.web")


class AccessFile:
    """`log/access.log`, rotated by size."""

    def __init__(self, path: Path, largest: int, kept: int) -> None:
        self._path = path
        self._largest = largest
        self._kept = kept
        self._lines: list[str] = []
        self._due: asyncio.TimerHandle | None = None
        self._told = False

    def add(self, line: str) -> None:
        """Take a line; it is written soon."""
        self._lines.append(line)
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(WRITE_EVERY, self.write)

    def write(self) -> None:
        """Write what was collected; a disk that is full loses lines, not requests."""
        self._due = None
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            with open(
                os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8"
            ) as file:
                file.write("\n".join(lines) + "\n")
                size = file.tell()
            if size > self._largest:
                self._rotate()
            self._told = False
        except OSError as error:
            if not self._told:
                self._told = True
                _log.warning("no access log: %s", error.strerror or error)

    def _rotate(self) -> None:
        for number in range(self._kept, 0, -1):
            older = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number}"))
        if self._kept == 0:
            self._path.unlink(missing_ok=True)


@lru_cache(maxsize=4)
def _common(second: int) -> str:
    return time.strftime("[%d/%b/%Y:%H:%M:%S +0000]", time.gmtime(second))


@lru_cache(maxsize=4)
def _iso(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


@dataclass(slots=True)
class Noted:
    """One request and its answer."""

    scope: Scope
    target: str
    status: int
    size: int
    milliseconds: float

    @property
    def client(self) -> tuple[str, int]:
        """Address and port of the caller."""
        return (self.scope.get("client") or ("-", 0))[:2]

    @property
    def version(self) -> str:
        """`HTTP/1.1`."""
        return f"HTTP/{self.scope.get('http_version', '1.1')}"


Piece = Callable[[Noted], str]
TOKENS: dict[str, Piece] = {
    "t": lambda n: _common(int(time.time())),
    "r": lambda n: f'"{n.scope["method"]} {n.target} {n.version}"',
    "s": lambda n: str(n.status),
    "a": lambda n: n.client[0],
    "h": lambda n: n.client[0],
    "b": lambda n: str(n.size),
    "B": lambda n: str(n.size),
    "D": lambda n: str(round(n.milliseconds)),
    "T": lambda n: str(round(n.milliseconds / 1000)),
    "m": lambda n: n.scope["method"],
    "U": lambda n: n.target.partition("?")[0],
    "q": lambda n: "".join(n.target.partition("?")[1:]),
    "H": lambda n: n.version,
}
"""Tokens of a line; others are `-`."""
PLACES: tuple[Piece, ...] = (
    lambda n: _iso(int(time.time())),
    TOKENS["D"],
    TOKENS["m"],
    lambda n: n.target,
    TOKENS["s"],
    TOKENS["b"],
    TOKENS["a"],
    lambda n: str(n.client[1]),
)
"""What the places `{}` of a line stand for, in order."""


def _text(text: str) -> Piece:
    return lambda n: text


class LineFormat:
    """A line of the access log, by `%` tokens or by up to eight `{}`."""

    def __init__(self, text: str) -> None:
        self._pieces: list[Piece] = []
        if "{}" in text and "%" not in text:
            for number, part in enumerate(text.split("{}")):
                if number:
                    self._pieces.append(PLACES[number - 1] if number <= len(PLACES) else _text("-"))
                self._pieces.append(_text(part))
            return
        index = 0
        for match in _TOKEN.finditer(text):
            self._pieces.append(_text(text[index : match.start()]))
            self._pieces.append(TOKENS.get(match[1], _text("-")) if match[1] else _text("%"))
            index = match.end()
        self._pieces.append(_text(text[index:]))

    def line(self, noted: Noted) -> str:
        """The line of one request."""
        return "".join([piece(noted) for piece in self._pieces])


class HttpAccess:
    """The outermost application: counts and notes each request.

    Args:
        app: what answers.
        settings: `micronaut.server.netty.access-logger.*`.
        measures: where the numbers are told.
    """

    def __init__(self, app: Asgi, settings: Settings, measures: Measures) -> None:
        self._app = app
        name = "micronaut.server.netty.access-logger"
        told = settings.get(f"{name}.enabled")
        self._logger = logging.getLogger(settings.get(f"{name}.logger-name"))
        self._aloud = told is True
        self._file = None
        if told is not False:
            self._file = AccessFile(
                settings.home.log / "access.log",
                settings.get("flowdeck.log.max-size"),
                settings.get("flowdeck.log.max-files"),
            )
        self._format = LineFormat(settings.get(f"{name}.log-format"))
        patterns = [str(one) for one in settings.get(f"{name}.exclusions") or ()]
        self._excluded = re.compile("|".join(f"(?:{one})" for one in patterns)) if patterns else None
        self._requests = measures.timer(
            "http.server.requests", "Requests to this server.", "method", "status", "uri", own=False
        )
        self._open = 0
        measures.gauge(
            "http.server.requests.active", "Requests that are being answered.", lambda: self._open, own=False
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._lifespan(scope, receive, send)
            else:
                await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status, size = 500, 0

        async def noted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        scope.setdefault("state", {})
        self._open += 1
        try:
            await self._app(scope, receive, noted)
        finally:
            self._open -= 1
            self._note(scope, status, size, time.perf_counter() - began)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            if self._file is not None:
                self._file.write()

    def _note(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        path: str = scope["path"]
        route = scope["state"].get("route")
        if route is None:
            route = next((f"{top}/**" for top in ("/ui", "/_ui") if path.startswith(f"{top}/")), "UNKNOWN")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._requests.add((method, str(status), route), seconds)
        if self._file is None or not self._logger.isEnabledFor(logging.INFO):
            return
        if self._excluded is not None and self._excluded.fullmatch(path):
            return
        query = scope.get("query_string", b"")
        raw = (scope.get("raw_path") or path.encode()).decode("latin-1")
        target = raw + (f"?{query.decode('latin-1')}" if query else "")
        if "/webhook/" in target:
            target = _KEY.sub(r"\1***", target)
        line = self._format.line(Noted(scope, target, status, size, seconds * 1000))
        if not line.isprintable():
            line = plain(line)
        self._file.add(line)
        if self._aloud:
            self._logger.info("%s", line)
