"""Whether an instance is well (spec: enterprise and operations F58)."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

PROBE_EVERY = 5.0
"""Seconds that the answer of a disk probe is used."""
LIVENESS_PATIENCE = 60.0
"""Seconds that a part may be away before liveness turns red."""
NAME = "flowdeck"


class Part(Protocol):
    """What is shown of a child."""

    role: str
    ready: bool
    restarts: int
    snapshot: dict[str, Any]
    down_since: float | None

    @property
    def pid(self) -> int | None: ...


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


def _one(status: bool, details: dict[str, Any] | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"name": NAME, "status": "UP" if status else "DOWN"}
    return {**answer, "details": details} if details else answer


class Health:
    """Judges parts, database and disk.

    Args:
        parts: the children as they are now.
        running: whether the supervisor is not about to stop.
    """

    def __init__(self, parts: Callable[[], Iterable[Part]], running: Callable[[], bool], disk: DiskProbe) -> None:
        self._parts = parts
        self._running = running
        self._disk = disk

    def readiness(self) -> dict[str, Any]:
        """UP when all parts are ready, the disk has room and rows can be written."""
        disk = dict(self._disk())
        details: dict[str, Any] = {"diskSpace": _one(disk.pop("status") == "UP", disk)}
        database: bool | None = None
        facts: dict[str, Any] = {}
        for part in self._parts():
            up = part.ready and part.pid is not None
            details[part.role] = _one(up, {"error": part.snapshot["error"]} if part.snapshot.get("error") else None)
            if part.role in ("core", "web"):
                writable = part.snapshot.get("writable") is not False and (up or part.role != "core")
                database = writable if database is None else database and writable
                facts = part.snapshot.get("database") or facts
        if database is not None:
            inner = {facts.get("name", "database"): _one(database, {k: v for k, v in facts.items() if k != "name"})}
            details["jdbc"] = _one(database, inner)
        details["service"] = _one(self._running())
        return _one(all(detail["status"] == "UP" for detail in details.values()), details)

    def liveness(self) -> dict[str, Any]:
        """DOWN only when a part has been away for a minute."""
        now = time.monotonic()
        down = [
            part.role
            for part in self._parts()
            if part.down_since is not None and now - part.down_since > LIVENESS_PATIENCE
        ]
        return {**_one(not down), "details": {"down": down}}
