"""The management port: health, metrics, loggers, jobs (spec: enterprise and operations F58, F59; REST contract §15).

The supervisor serves it. What only a child knows is asked of the child when somebody wants it: nothing is gathered
while nobody looks.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import os
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psutil

from flowdeck.config import Settings
from flowdeck.config.masking import masked
from flowdeck.engine.exposition import Exposition
from flowdeck.engine.health import DiskProbe, Health, Part
from flowdeck.engine.introspection import STARTED, Introspection
from flowdeck.engine.levels import LEVELS, ROOT, level_of

LARGEST_BODY = 16_384
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    403: "Forbidden",
    405: "Method Not Allowed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    503: "Service Unavailable",
}

Ask = Callable[[str, str, dict[str, Any]], Awaitable[Any]]
"""`(role, question, arguments)`; raises `Unanswered`."""


class Unanswered(Exception):
    """A child did not answer in time, or is not there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """One answer."""

    status: int
    body: bytes
    kind: str = "application/json"
    more: str = ""


def _json(status: int, body: Any, more: str = "") -> Told:
    return Told(status, json.dumps(body, default=str).encode(), more=more)


def _refused(status: int, message: str, more: str = "") -> Told:
    return _json(status, {"message": message}, more)


class Management:
    """Serves the management port over a listening socket.

    Args:
        name: the component: `standalone`, `worker`, …
        parts: the children as they are now.
        running: whether the supervisor is not about to stop.
        ask: asks a child.
    """

    def __init__(
        self,
        settings: Settings,
        version: str,
        parts: Callable[[], Iterable[Part]],
        running: Callable[[], bool],
        ask: Ask,
        name: str = "standalone",
    ) -> None:
        self.settings = settings
        self.version = version
        self.name = name
        self.levels: dict[str, str | None] = {}
        """Levels that were set at run time; children that start later get them too."""
        self._parts = parts
        self._ask = ask
        self._disk = DiskProbe(settings.home.path, settings.get("flowdeck.disk.threshold"))
        self._health = Health(parts, running, self._disk)
        self._own = Introspection()
        self._server: asyncio.Server | None = None
        user = settings.get("endpoints.all.basic-auth.username")
        self._login = None
        if user:
            password = settings.get("endpoints.all.basic-auth.password") or ""
            self._login = base64.b64encode(f"{user}:{password}".encode())
        visible = settings.get("endpoints.health.details-visible")
        self._details = visible == "ANONYMOUS" or (visible == "AUTHENTICATED" and self._login is not None)
        self._routes: dict[str, Callable[[Asked, str], Awaitable[Told]]] = {
            "health": self._get_health,
            "info": self._get_info,
            "metrics": self._get_metrics,
            "prometheus": self._get_prometheus,
            "loggers": self._get_loggers,
            "env": self._get_env,
            "threaddump": self._get_threads,
            "worker": self._get_worker,
            "scheduler": self._get_scheduler,
        }

    # ---- the port ----------------------------------------------------------------------------------------------

    async def start(self, listener: socket.socket) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=16384)

    async def stop(self) -> None:
        """Stop answering."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(10):
                asked = await _read(reader)
                told = asked if isinstance(asked, Told) else await self.answer(asked)
                empty = isinstance(asked, Asked) and asked.method == "HEAD"
                writer.write(
                    f"HTTP/1.1 {told.status} {REASONS[told.status]}\r\nContent-Type: {told.kind}\r\n"
                    f"Content-Length: {len(told.body)}\r\nCache-Control: no-store\r\n"
                    f"X-Content-Type-Options: nosniff\r\n{told.more}Connection: close\r\n\r\n".encode()
                    + (b"" if empty else told.body)
                )
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    async def answer(self, asked: Asked) -> Told:
        """The answer to one request."""
        if self._login is not None and not self._allowed(asked):
            return _refused(401, "Unauthorized", 'WWW-Authenticate: Basic realm="management"\r\n')
        if _from_elsewhere(asked):
            return _refused(403, "Forbidden: calls of other sites are not taken")
        name, _, rest = asked.path.strip("/").partition("/")
        route = self._routes.get(name)
        if route is None or self.settings.get(f"endpoints.{name}.enabled") is False:
            return _refused(404, "Not Found")
        if asked.method == "POST" and name == "loggers" and rest:
            return await self._post_logger(asked, unquote(rest))
        if asked.method not in ("GET", "HEAD"):
            allowed = "GET, HEAD, POST" if name == "loggers" and rest else "GET, HEAD"
            return _refused(405, f"{asked.method} is not allowed here", f"Allow: {allowed}\r\n")
        return await route(asked, unquote(rest))

    def _allowed(self, asked: Asked) -> bool:
        assert self._login is not None
        scheme, _, sent = asked.headers.get("authorization", "").strip().partition(" ")
        return scheme.lower() == "basic" and hmac.compare_digest(sent.strip().encode("latin-1"), self._login)

    # ---- health ------------------------------------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """`{name, status, details}`."""
        return self._health.readiness()

    def liveness(self) -> dict[str, Any]:
        """DOWN only when a part has been away for a minute."""
        return self._health.liveness()

    async def _get_health(self, _: Asked, rest: str) -> Told:
        if rest not in ("", "readiness", "liveness"):
            return _refused(404, "Not Found")
        found = self.liveness() if rest == "liveness" else self.health()
        status = 200 if found["status"] == "UP" else 503
        return _json(status, found if self._details else {k: v for k, v in found.items() if k != "details"})

    async def _get_info(self, _: Asked, rest: str) -> Told:
        if rest:
            return _refused(404, "Not Found")
        return _json(
            200,
            {
                "name": "flowdeck",
                "version": self.version,
                "component": self.name,
                "started": int(STARTED * 1000),
                "pid": os.getpid(),
                "processes": {part.role: part.pid for part in self._parts()},
            },
        )

    # ---- metrics -----------------------------------------------------------------------------------------------

    async def exposition(self) -> Exposition:
        """What all processes measure, now."""
        found = Exposition(self.settings.get("kestra.metrics.prefix") or "")
        parts = list(self._parts())
        answers = await self._ask_all("metrics")
        found.take(self._own.measures.told(), {"process": "supervisor"})
        found.take(self._of_machine(parts))
        for part in parts:
            found.take(answers.get(part.role) or (), {"process": part.role})
            for name, value in (part.snapshot.get("metrics") or {}).items():
                kind = "counter" if name.endswith("_total") else "gauge"
                found.take([_family(name.removesuffix("_total").replace("_", "."), kind, value, own=True)])
        if self.settings.get("flowdeck.metrics.jvm-aliases"):
            found.alias("process.resident.memory.bytes", "jvm.memory.used.bytes")
            found.alias("process.threads", "jvm.threads.live.threads")
        return found

    def _of_machine(self, parts: list[Part]) -> list[dict[str, Any]]:
        disk = self._disk()
        found = [
            _family("system.cpu.count", "gauge", os.cpu_count() or 1),
            _family("system.cpu.usage", "gauge", psutil.cpu_percent(None) / 100),
            _family("system.load.average.1m", "gauge", os.getloadavg()[0]),
        ]
        found += [_family(f"disk.{name}.bytes", "gauge", disk[name]) for name in ("total", "free") if name in disk]
        for name, kind, value in (
            ("flowdeck.process.restarts", "counter", lambda part: part.restarts),
            ("flowdeck.process.up", "gauge", lambda part: int(part.ready)),
        ):
            found.append(
                {
                    "name": name,
                    "text": "Of each component.",
                    "own": False,
                    "kind": kind,
                    "labels": ["process"],
                    "series": [[[part.role], value(part)] for part in parts],
                }
            )
        return found

    async def _get_metrics(self, asked: Asked, rest: str) -> Told:
        found = await self.exposition()
        if not rest:
            return _json(200, {"names": found.names()})
        tags: list[tuple[str, str]] = []
        for name, value in asked.query:
            if name == "tag":
                tag, colon, wanted = value.partition(":")
                if not colon:
                    return _refused(400, f"tag = {value!r}: expected key:value")
                tags.append((tag, wanted))
        described = found.describe(rest, tags)
        return _json(200, described) if described is not None else _refused(404, "Not Found")

    async def _get_prometheus(self, _: Asked, rest: str) -> Told:
        if rest:
            return _refused(404, "Not Found")
        text = (await self.exposition()).prometheus()
        return Told(200, text.encode(), "text/plain; version=0.0.4; charset=utf-8")

    # ---- loggers -----------------------------------------------------------------------------------------------

    async def _get_loggers(self, _: Asked, rest: str) -> Told:
        found: dict[str, Any] = {}
        for answer in (*(await self._ask_all("loggers")).values(), self._own.levels.told()):
            for name, levels in answer.items():
                known = found.get(name)
                if known is None or known["configuredLevel"] == "NOT_SPECIFIED":
                    found[name] = levels
        if not rest:
            return _json(200, {"levels": list(LEVELS), "loggers": dict(sorted(found.items()))})
        name = ROOT if rest.upper() == ROOT else rest
        return _json(200, found[name]) if name in found else _refused(404, "Not Found")

    async def _post_logger(self, asked: Asked, name: str) -> Told:
        # Pages of other sites can't send this type without asking first, and nobody answers that they may.
        if asked.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _refused(415, "expected Content-Type application/json")
        try:
            body = json.loads(asked.body or b"{}")
            level = body["configuredLevel"] if body else None
        except (ValueError, KeyError, TypeError):
            return _refused(400, 'expected {"configuredLevel": "…"}')
        if level is not None and (
            not isinstance(level, str) or (level.upper() != "NOT_SPECIFIED" and level_of(level) is None)
        ):
            return _refused(400, f"configuredLevel = {level!r}: expected one of {', '.join(LEVELS)}")
        self.levels[name] = level
        self._own.levels.change(name, level)
        await self._ask_all("level", {"name": name, "level": level})
        return Told(200, b"")

    # ---- settings, threads, jobs -------------------------------------------------------------------------------

    async def _get_env(self, _: Asked, rest: str) -> Told:
        sources: dict[str, dict[str, Any]] = {"default": {}}
        for name, value, source in self.settings.properties(defaults=True):
            sources.setdefault(source.partition(", line ")[0], {})[name] = value
        listed = [
            {"name": name, "order": order, "convention": "JAVA_PROPERTIES", "properties": properties}
            for order, (name, properties) in enumerate(sources.items())
        ]
        if not rest:
            return _json(200, {"activeEnvironments": [self.name], "packages": ["flowdeck"], "propertySources": listed})
        for one in listed:
            if one["name"] == rest:
                return _json(200, one)
        for source, properties in sources.items():
            if rest in properties:
                return _json(200, {"property": rest, "value": masked(rest, properties[rest]), "source": source})
        return _refused(404, "Not Found")

    async def _get_threads(self, _: Asked, rest: str) -> Told:
        if rest:
            return _refused(404, "Not Found")
        answers = {"supervisor": self._own.answers()["threads"]({}), **await self._ask_all("threads")}
        return _json(200, [{"process": role, **thread} for role, found in answers.items() for thread in found])

    async def _get_worker(self, _: Asked, rest: str) -> Told:
        if rest:
            return _refused(404, "Not Found")
        answers = await self._ask_all("jobs")
        running, pending = answers.get("worker") or [], answers.get("core") or []
        return _json(
            200,
            {
                "runningCount": len(running),
                "pendingCount": len(pending),
                "runnings": running,
                "pendings": pending,
            },
        )

    async def _get_scheduler(self, _: Asked, rest: str) -> Told:
        if rest:
            return _refused(404, "Not Found")
        try:
            return _json(200, await self._ask("core", "dates", {}))
        except Unanswered:
            return _json(200, {"schedulableCount": 0, "running": 0, "schedulables": []})

    async def _ask_all(self, question: str, args: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answers by role of all children that give one."""
        roles = [part.role for part in self._parts()]
        answers = await asyncio.gather(
            *(self._ask(role, question, args or {}) for role in roles), return_exceptions=True
        )
        return {r: a for r, a in zip(roles, answers, strict=True) if not isinstance(a, BaseException)}


def _from_elsewhere(asked: Asked) -> bool:
    """Whether a page of another site made a browser send this: it can't read answers, but it could set levels."""
    origin = asked.headers.get("origin")
    if origin and urlsplit(origin).netloc.lower() != asked.headers.get("host", "").lower():
        return True
    return asked.headers.get("sec-fetch-site") in ("cross-site", "same-site") and asked.method != "GET"


def _family(name: str, kind: str, value: float, *, own: bool = False) -> dict[str, Any]:
    return {"name": name, "text": "", "own": own, "kind": kind, "labels": [], "series": [[[], value]]}


async def _read(reader: asyncio.StreamReader) -> Asked | Told:
    """One request; an answer when it can't be one."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, _, rest = head.partition(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return _refused(400, "expected HTTP/1.1")
    headers: dict[str, str] = {}
    for header in rest.split(b"\r\n"):
        name, colon, value = header.decode("latin-1").partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    length = headers.get("content-length", "0")
    if not re.fullmatch("[0-9]{1,12}", length) or "transfer-encoding" in headers:
        return _refused(400, "expected a Content-Length")
    if int(length) > LARGEST_BODY:
        return _refused(413, f"expected at most {LARGEST_BODY} bytes")
    body = await reader.readexactly(int(length))
    path, _, query = words[1].partition("?")
    return Asked(words[0], path, parse_qsl(query, keep_blank_values=True), headers, body)
