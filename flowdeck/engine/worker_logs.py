"""A worker's log client: lines wait here until the log writer has stored them (engine notes §2.5, §2.6, §2.8)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.masking import Masker
from flowdeck.engine.messages import Lines, LinesStored, Run

log = logging.getLogger("flowdeck.worker")

FLUSH = 0.01
"""Seconds that a line waits for company."""
BATCH = 1000
FULL = 64 * 1024 * 1024
LONGEST = 32 * 1024
"""Bytes of one stored line; longer texts are split."""
RETRY_FIRST, RETRY_LAST = 0.05, 1.0


def split_line(text: str) -> list[str]:
    """Pieces of at most 32 kB in UTF-8."""
    if len(text) * 4 <= LONGEST or len(text.encode()) <= LONGEST:
        return [text]
    pieces, raw = [], text.encode()
    while raw:
        cut = min(LONGEST, len(raw))
        while cut < len(raw) and raw[cut] & 0xC0 == 0x80:
            cut -= 1
        pieces.append(raw[:cut].decode())
        raw = raw[cut:]
    return pieces


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose lines they are."""

    execution_seq: int
    execution: str
    task_run_seq: int
    attempt: int
    tenant: str
    namespace: str
    flow_id: str
    task_id: str
    task_run: str

    @classmethod
    def of(cls, run: Run, task_id: str) -> Owner:
        """The owner of an attempt's lines."""
        return cls(
            run.execution_seq,
            run.execution,
            run.seq,
            run.attempt,
            run.tenant,
            run.namespace,
            run.flow_id,
            task_id,
            run.task_run,
        )


class AttemptLog:
    """Lines of one attempt, numbered from 1; safe from any thread."""

    __slots__ = ("_client", "_lines", "_lock", "_no", "masker", "owner", "queued")

    def __init__(self, client: LogClient, owner: Owner, masker: Masker) -> None:
        self._client = client
        self.owner = owner
        self.masker = masker
        self._lines: list[tuple[int, int, int, str, str]] = []
        self._no = 0
        self._lock = threading.Lock()
        self.queued = False

    def write(self, level: int, text: str) -> None:
        """Keep one line; long ones are split, secrets masked."""
        self.write_many(level, [text])

    def write_many(self, level: int, texts: list[str]) -> None:
        """Keep several lines of one level."""
        at = time.time_ns() // 1_000_000
        thread = threading.current_thread().name
        masker = self.masker
        size = 0
        with self._lock:
            no, lines = self._no, self._lines
            for text in texts:
                if masker:
                    text = masker.text(text)
                size += len(text) + 60
                if len(text) * 4 > LONGEST:
                    for piece in split_line(text):
                        no += 1
                        lines.append((no, at, level, thread, piece))
                else:
                    no += 1
                    lines.append((no, at, level, thread, text))
            self._no = no
            wake = not self.queued
            self.queued = True
        self._client.added(self, size, wake)

    def full(self) -> bool:
        """Whether producers should pause."""
        return self._client.full()

    def take(self) -> list[tuple[int, int, int, str, str]]:
        """The lines that were not sent yet."""
        with self._lock:
            lines, self._lines = self._lines, []
            self.queued = False
            return lines


class LogClient:
    """Sends batches to the log writer's socket and repeats what it did not acknowledge.

    Args:
        path: of `logs.sock`; None keeps lines in `kept` (tests).
    """

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.kept: list[Lines] = []
        self._dirty: list[AttemptLog] = []
        self._unacked: OrderedDict[int, tuple[Lines, int]] = OrderedDict()
        self._pending = 0  # characters that were not acknowledged
        self._batch = 0
        self._link: FrameProtocol | None = None
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self) -> None:
        """Connect, and keep connecting."""
        if self.path is not None:
            self._task = asyncio.create_task(self._connect())

    async def stop(self, timeout: float = 5.0) -> None:
        """Send what is left and wait up to `timeout` seconds until it is stored."""
        self.flush()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout if self.path is not None else 0)
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._link:
            self._link.abort()

    def full(self) -> bool:
        """Whether the writer is more than 64 MB behind."""
        return self._pending > FULL

    def added(self, source: AttemptLog, size: int, wake: bool) -> None:
        """An attempt wrote lines of about `size` characters."""
        if threading.get_ident() == self._loop_thread:
            self._pending += size
            if wake:
                self._note(source)
        else:
            self._loop.call_soon_threadsafe(self._note_size, source, size, wake)

    def _note_size(self, source: AttemptLog, size: int, wake: bool) -> None:
        self._pending += size
        if wake:
            self._note(source)

    def _note(self, source: AttemptLog) -> None:
        self._dirty.append(source)
        self._idle.clear()
        if self._timer is None:
            self._timer = self._loop.call_later(FLUSH, self.flush)

    def flush(self) -> None:
        """Send waiting lines now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        dirty, self._dirty = self._dirty, []
        for source in dirty:
            lines = source.take()
            for start in range(0, len(lines), BATCH):
                self._send(source.owner, lines[start : start + BATCH])

    def _send(self, owner: Owner, lines: list[tuple[int, int, int, str, str]]) -> None:
        self._batch += 1
        message = Lines(
            self._batch,
            owner.execution_seq,
            owner.execution,
            owner.task_run_seq,
            owner.attempt,
            owner.tenant,
            owner.namespace,
            owner.flow_id,
            owner.task_id,
            owner.task_run,
            lines,
        )
        size = sum(len(line[4]) + 60 for line in lines)
        if self.path is None:
            self.kept.append(message)
            self._pending -= size
            self._idle.set()
            return
        self._unacked[self._batch] = (message, size)
        if self._link is not None:
            self._link.send(message)

    def _received(self, link: FrameProtocol, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, LinesStored):
                _, size = self._unacked.pop(message.batch, (None, 0))
                self._pending -= size
        if not self._unacked and not self._dirty:
            self._idle.set()

    def _lost(self, link: FrameProtocol) -> None:
        if self._link is link:
            self._link = None
            self._closed.set()

    async def _connect(self) -> None:
        pause = RETRY_FIRST
        assert self.path is not None
        while True:
            try:
                _, link = await self._loop.create_unix_connection(
                    lambda: FrameProtocol(self._received, self._lost), self.path
                )
            except OSError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_LAST)
                continue
            pause = RETRY_FIRST
            self._link = link
            self._closed.clear()
            for message, _ in list(self._unacked.values()):
                link.send(message)
            await self._closed.wait()
            log.warning("the log writer's connection closed; %d batches wait", len(self._unacked))
