"""`logToFile`: the lines of an attempt in one file of internal storage instead of the log store (§6)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from flowdeck.engine.messages import Lines
from flowdeck.model.masking import Masker
from flowdeck.sdk.context import RunContext
from flowdeck.sdk.log import Level


class FileLog:
    """Lines of one attempt in a local file, which is stored at its end; safe from any thread.

    It stands where a `worker_logs.AttemptLog` stands: nothing of it goes to the log writer.
    """

    def __init__(self, path: Path, masker: Masker) -> None:
        self.masker = masker
        self.path = path
        self._lock = threading.Lock()
        self._out: TextIO | None = None

    def write(self, level: int, text: str) -> None:
        """Keep one line."""
        self.write_many(level, [text])

    def write_many(self, level: int, texts: list[str]) -> None:
        """Keep several lines of one level."""
        at = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        name = Level(level).name
        with self._lock:
            if self._out is None:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._out = self.path.open("w", encoding="utf-8")
            for text in texts:
                self._out.write(f"{at} {name} {self.masker.text(text)}\n")

    def full(self) -> bool:
        """Whether producers should pause: never."""
        return False

    def ride(self) -> Lines | None:
        """Nothing travels with the result."""
        return None

    def when_stored(self, then: Callable[[], None]) -> None:
        """There is nothing to wait for."""
        then()

    def store(self, ctx: RunContext) -> dict[str, str]:
        """Put the file into storage: `{logFile: uri}`, nothing without lines."""
        with self._lock:
            if self._out is None:
                return {}
            self._out.close()
            self._out = None
        try:
            return {"logFile": ctx.storage.put(f"attempt-{ctx.attempt.number}.log", self.path)}
        finally:
            self.path.unlink(missing_ok=True)
