"""Results that a worker keeps until they are acknowledged (engine notes §2.3)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from flowdeck.engine.messages import Done, decode, encode

Key = tuple[int, int]
SPOOL_ABOVE = 64 * 1024 * 1024


class Kept:
    """Results that were not acknowledged; beyond 64 MB they lie in a file."""

    def __init__(self, folder: Path | None = None) -> None:
        self._results: dict[Key, Done | tuple[int, int]] = {}
        self.light: set[Key] = set()
        self._sizes: dict[Key, int] = {}
        self._held = 0
        self._folder = folder
        self._file: Any = None

    def __len__(self) -> int:
        return len(self._results)

    def keys(self) -> list[Key]:
        """Task run and fence of each."""
        return list(self._results)

    def add(self, done: Done, *, light: bool) -> None:
        """Keep a result."""
        key = (done.seq, done.fence)
        size = 300 + (done.outputs_size if done.outputs else 0)
        if light:
            self.light.add(key)
        if self._held + size > SPOOL_ABOVE:
            body = encode([done])[4:]
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - lives as long as the worker
            at = self._file.seek(0, os.SEEK_END)
            self._file.write(body)
            self._results[key] = (at, len(body))
            return
        self._held += size
        self._sizes[key] = size
        self._results[key] = done

    def get(self, key: Key) -> Done | None:
        """A kept result."""
        found = self._results.get(key)
        if isinstance(found, tuple):
            self._file.seek(found[0])
            return decode(self._file.read(found[1]))[0]
        return found

    def drop(self, key: Key) -> None:
        """Forget a result."""
        self._results.pop(key, None)
        self.light.discard(key)
        self._held -= self._sizes.pop(key, 0)
        if not self._results and self._file is not None:
            self._file.truncate(0)
