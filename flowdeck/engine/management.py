"""The management port: health, info, metrics (spec: enterprise and operations F58, F59)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import psutil

from flowdeck.config import Settings

PROBE_EVERY = 5.0
"""Seconds that the answer of a disk probe is used."""
LIVENESS_PATIENCE = 60.0
"""Seconds that a part may be away before liveness turns red."""


class Part(Protocol):
    """What is shown of a child."""

    role: str
    pid: int | None
    ready: bool
    restarts: int
    snapshot: dict[str, Any]
    down_since: float | None


class DiskProbe:
    """Whether the home folder has room and can be written."""

    def __init__(self, folder: Path, threshold: int) -> None:
        self.folder = folder
        self.threshold = threshold
        self._at = -PROBE_EVERY
        self._answer: dict[str, Any] = {}

    def __call__(self) -> dict[str, Any]:
        """`{status, total, free, threshold, error?}`."""
        if time.monotonic() - self._at < PROBE_EVERY:
            return self._answer
        self._at = time.monotonic()
        answer: dict[str, Any] = {"status": "UP", "threshold": self.threshold}
        try:
            usage = shutil.disk_usage(self.folder)
            answer |= {"total": usage.total, "free": usage.free}
            if usage.free < self.threshold:
                answer |= {"status": "DOWN", "error": "the disk is full"}
            probe = self.folder / "run" / "probe"
            probe.parent.mkdir(mode=0o700, exist_ok=True)
            with open(probe, "wb") as file:
                file.write(b"x" * 4096)
                file.flush()
                os.fdatasync(file.fileno())
        except OSError as error:
            answer |= {"status": "DOWN", "error": error.strerror or str(error)}
        self._answer = answer
        return answer


class Management:
    """Serves the management port over a listening socket.

    Args:
        parts: the children as they are now.
        running: whether the supervisor is not about to stop.
    """

    def __init__(
        self, settings: Settings, version: str, parts: Callable[[], list[Any]], running: Callable[[], bool]
    ) -> None:
        self.settings = settings
        self.version = version
        self._parts = parts
        self._running = running
        self._disk = DiskProbe(settings.home.path, settings.get("flowdeck.disk.threshold"))
        self._server: asyncio.Server | None = None
        self._started = time.time()
        self._processes: dict[int, psutil.Process] = {}
        user = settings.get("endpoints.all.basic-auth.username")
        self._login = None
        if user:
            password = settings.get("endpoints.all.basic-auth.password") or ""
            self._login = base64.b64encode(f"{user}:{password}".encode())

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
                head = await reader.readuntil(b"\r\n\r\n")
                status, kind, body = self._answer(head)
                reason = {200: "OK", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed"}.get(
                    status, "Service Unavailable"
                )
                more = 'WWW-Authenticate: Basic realm="management"\r\n' if status == 401 else ""
                if head.startswith(b"HEAD "):
                    text = b""
                else:
                    text = body
                writer.write(
                    f"HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                    f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{more}"
                    "Connection: close\r\n\r\n".encode()
                    + text
                )
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    def _answer(self, head: bytes) -> tuple[int, str, bytes]:
        line, _, rest = head.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3 or words[0] not in ("GET", "HEAD"):
            return self._json(405, {"message": "only GET"})
        if self._login is not None and not self._allowed(rest):
            return self._json(401, {"message": "Unauthorized"})
        path = words[1].partition("?")[0].rstrip("/") or "/"
        name = path.split("/")[1]
        if self.settings.get(f"endpoints.{name}.enabled") is False:
            return self._json(404, {"message": "Not Found"})
        match path:
            case "/health" | "/health/readiness":
                health = self.health()
                return self._json(200 if health["status"] == "UP" else 503, health)
            case "/health/liveness":
                health = self.liveness()
                return self._json(200 if health["status"] == "UP" else 503, health)
            case "/info":
                return self._json(
                    200,
                    {
                        "name": "flowdeck",
                        "version": self.version,
                        "started": int(self._started * 1000),
                        "pid": os.getpid(),
                        "processes": {p.role: p.pid for p in self._parts()},
                    },
                )
            case "/metrics":
                return self._json(
                    200,
                    {
                        "names": [name for name, *_ in self.metrics()],
                        "metrics": [
                            {"name": name, "value": value, "tags": tags} for name, _, value, tags in self.metrics()
                        ],
                    },
                )
            case "/prometheus":
                return 200, "text/plain; version=0.0.4; charset=utf-8", self.prometheus().encode()
        return self._json(404, {"message": "Not Found"})

    def _allowed(self, headers: bytes) -> bool:
        assert self._login is not None
        for header in headers.split(b"\r\n"):
            name, _, value = header.partition(b":")
            if name.strip().lower() == b"authorization":
                scheme, _, sent = value.strip().partition(b" ")
                return scheme.lower() == b"basic" and hmac.compare_digest(sent.strip(), self._login)
        return False

    @staticmethod
    def _json(status: int, body: dict[str, Any]) -> tuple[int, str, bytes]:
        return status, "application/json", json.dumps(body).encode()

    def health(self) -> dict[str, Any]:
        """`{name, status, details}`; UP when all parts are ready, the disk has room and rows can be written."""
        details: dict[str, Any] = {"diskSpace": self._disk()}
        database = "UP"
        for part in self._parts():
            up = part.ready and part.pid is not None
            detail: dict[str, Any] = {"status": "UP" if up else "DOWN"}
            if part.snapshot.get("error"):
                detail["error"] = part.snapshot["error"]
            if (part.role == "core" and not up) or part.snapshot.get("writable") is False:
                database = "DOWN"
            details[part.role] = detail
        details["jdbc"] = {"status": database}
        details["service"] = {"status": "UP" if self._running() else "DOWN"}
        status = "UP" if all(detail["status"] == "UP" for detail in details.values()) else "DOWN"
        return {"name": "flowdeck", "status": status, "details": details}

    def liveness(self) -> dict[str, Any]:
        """DOWN only when a part has been away for a minute."""
        now = time.monotonic()
        down = [
            part.role
            for part in self._parts()
            if part.down_since is not None and now - part.down_since > LIVENESS_PATIENCE
        ]
        return {"name": "flowdeck", "status": "DOWN" if down else "UP", "details": {"down": down}}

    def metrics(self) -> list[tuple[str, str, float, dict[str, str]]]:
        """All series as (name, type, value, tags)."""
        prefix = self.settings.get("kestra.metrics.prefix")
        found: list[tuple[str, str, float, dict[str, str]]] = [
            ("process_uptime_seconds", "gauge", time.time() - self._started, {"process": "supervisor"}),
            ("system_cpu_count", "gauge", float(os.cpu_count() or 1), {}),
            ("system_load_average_1m", "gauge", os.getloadavg()[0], {}),
        ]
        disk = self._disk()
        found += [(f"disk_{name}_bytes", "gauge", float(disk[name]), {}) for name in ("total", "free") if name in disk]
        pids = [("supervisor", os.getpid()), *((p.role, p.pid) for p in self._parts() if p.pid is not None)]
        for role, pid in pids:
            with contextlib.suppress(psutil.Error):
                process = self._processes.get(pid) or psutil.Process(pid)
                self._processes[pid] = process
                with process.oneshot():
                    times = process.cpu_times()
                    tags = {"process": role}
                    found += [
                        ("process_resident_memory_bytes", "gauge", float(process.memory_info().rss), tags),
                        ("process_cpu_seconds_total", "counter", times.user + times.system, tags),
                        ("process_open_fds", "gauge", float(process.num_fds()), tags),
                        ("process_threads", "gauge", float(process.num_threads()), tags),
                    ]
        for part in self._parts():
            found.append(("flowdeck_process_restarts_total", "counter", float(part.restarts), {"process": part.role}))
            found.append(("flowdeck_process_up", "gauge", float(part.ready), {"process": part.role}))
            for name, value in (part.snapshot.get("metrics") or {}).items():
                kind = "counter" if name.endswith("_total") else "gauge"
                found.append((f"{prefix}_{name}", kind, float(value), {}))
        return found

    def prometheus(self) -> str:
        """The series in Prometheus' text form."""
        lines: list[str] = []
        told: set[str] = set()
        for name, kind, value, tags in sorted(self.metrics(), key=lambda m: m[0]):
            if name not in told:
                told.add(name)
                lines.append(f"# TYPE {name} {kind}")
            labels = ",".join(f'{key}="{text}"' for key, text in tags.items())
            lines.append(f"{name}{{{labels}}} {value:g}" if labels else f"{name} {value:g}")
        return "\n".join(lines) + "\n"
