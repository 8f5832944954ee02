"""Checkpoints of a SQLite file by a thread of their own (engine notes §1.3)."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from flowdeck.store.link import StoreError
from flowdeck.store.sqlite import SqliteLink

PAUSE = 0.1
"""Seconds between checkpoints while something is written."""
TRUNCATE_ABOVE = 64 * 1024 * 1024
"""Size of a write-ahead log, in bytes, above which a quiet second is used to cut it."""
RESTART_ABOVE = 128 * 1024 * 1024
"""Bytes in a write-ahead log above which the writer waits a moment so that it begins anew: under steady load there is
always a commit behind what a checkpoint has moved, and the log would grow until the disk is full."""
RESTART_PATIENCE = 200
"""Milliseconds that the writer and a checkpoint then wait for readers."""
RESTART_PAUSE = 2.0
"""Seconds between such attempts."""
FRAME_HEAD = 24
"""Bytes before each page in a write-ahead log."""


class Turns:
    """Who has the write-ahead log: a transaction, or a checkpoint that must not meet one."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._turn = threading.Lock()

    def begin(self, timeout: float) -> bool:
        """Take the turn for a transaction; False when another one has not ended within `timeout` seconds."""
        if not self._gate.acquire(timeout=timeout):
            return False
        try:
            return self._turn.acquire(timeout=timeout)
        finally:
            self._gate.release()

    def end(self) -> None:
        """The transaction is over; any thread may say so."""
        self._turn.release()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Between two transactions. Who waits here holds the gate: a writer without a pause can't starve it."""
        with self._gate, self._turn:
            yield


class Checkpoints:
    """Moves what was committed from the write-ahead log into the file, so that no commit pays for it.

    Args:
        path: the file.
        written: set after each commit.
        turns: those of the writer.
    """

    def __init__(self, path: Path, written: threading.Event, turns: Turns) -> None:
        self._path = path
        self._log = Path(f"{path}-wal")
        self._written = written
        self._turns = turns
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; one checkpoint that runs may end first."""
        self._stopping.set()
        self._written.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        link = SqliteLink(str(self._path), readonly=False)
        restarted = 0.0
        try:
            link.run(f"pragma busy_timeout={RESTART_PATIENCE}", ())
            frame = 0
            while not self._stopping.is_set():
                self._written.wait()
                if self._stopping.wait(PAUSE):
                    break
                self._written.clear()
                frames = 0
                with contextlib.suppress(StoreError):
                    frame = frame or FRAME_HEAD + int(link.one("pragma page_size", ())[0])
                    frames = int(link.one("pragma wal_checkpoint(passive)", ())[1])
                if frames * frame > RESTART_ABOVE and time.monotonic() - restarted > RESTART_PAUSE:
                    restarted = time.monotonic()
                    # What is left is moved between two transactions; the next one begins the log anew.
                    with contextlib.suppress(StoreError), self._turns.alone():
                        link.one("pragma wal_checkpoint(restart)", ())
                if self._size() > TRUNCATE_ABOVE and not self._written.wait(1.0):
                    with contextlib.suppress(StoreError):
                        link.one("pragma wal_checkpoint(truncate)", ())
        finally:
            link.close()

    def _size(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return self._log.stat().st_size
        return 0
