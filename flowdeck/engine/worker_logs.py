"""A worker's log client: lines wait here until the log writer has stored them (engine notes §2.5, §2.6, §2.8)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowdeck.engine.executors import Address, Doors
from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.messages import Lines, LinesStored, LinesWanted, Run
from flowdeck.model.masking import Masker

log = logging.getLogger("flowdeck.worker")

FLUSH = 0.01
"""Seconds that a line waits for company."""
BATCH = 1000
HOLD = 2.0
"""Seconds without any line being stored after which a result waits no longer for those of its attempt."""
RIDING = 16 * 1024
"""Characters of lines that travel with the attempt's result, when they are all that is not stored yet."""
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
    trigger_id: str = ""

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
    """Lines of one attempt; safe from any thread.

    They are numbered from 1. An attempt that is handed out again under a later `fence` numbers above all of the
    earlier one, so that its lines are never taken for repeats.
    """

    __slots__ = ("_client", "_lines", "_lock", "_no", "after", "masker", "owner", "queued", "sent")

    def __init__(
        self, client: LogClient, owner: Owner, masker: Masker, fence: int = 1, *, after_line: int | None = None
    ) -> None:
        """`after_line`: the number below the first line's, instead of one made of `fence`."""
        self._client = client
        self.owner = owner
        self.masker = masker
        self._lines: list[tuple[int, int, int, str, str]] = []
        self._no = after_line if after_line is not None else max(fence - 1, 0) << 32
        self.sent = 0
        """Batches that are not stored yet; the client's."""
        self.after: list[Callable[[], None]] = []
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

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then` in the loop's thread once all lines are stored, or none was for `HOLD`."""
        self._client.when_stored(self, then)

    def ride(self) -> Lines | None:
        """The attempt's few lines, to be stored with its result; None when there are none, many, or earlier ones."""
        return self._client.ride(self)

    def take(self) -> list[tuple[int, int, int, str, str]]:
        """The lines that were not sent yet."""
        with self._lock:
            lines, self._lines = self._lines, []
            self.queued = False
            return lines

    def few(self) -> bool:
        """Whether what waits is short enough to travel with a result."""
        with self._lock:
            return len(self._lines) <= 100 and sum(len(line[4]) for line in self._lines) <= RIDING


class LogClient:
    """Sends batches to the log writer's socket and repeats what it did not acknowledge.

    Args:
        path: of `logs.sock`, or a function that answers the executors of now, any of which may store lines; None
            keeps them in `kept` (tests).
    """

    def __init__(self, path: str | Callable[[], list[Address]] | None, doors: Doors | None = None) -> None:
        self.path = path
        self._doors = doors or Doors()
        self.kept: list[Lines] = []
        self._dirty: list[AttemptLog] = []
        self._unacked: OrderedDict[int, tuple[Lines, int, AttemptLog]] = OrderedDict()
        self._pending = 0  # characters that were not acknowledged
        self._batch = 0
        self._link: FrameProtocol | None = None
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()
        self._stored_at = self._loop.time()  # when lines were stored last
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self) -> None:
        """Connect, and keep connecting."""
        if self.path is not None:
            self._task = asyncio.create_task(self._connect())

    async def stop(self, timeout: float = 5.0) -> None:
        """Send what is left and wait until it is stored.

        Args:
            timeout: seconds without any line being stored after which the rest is given up.
        """
        self.flush()
        patience = timeout if self.path is not None else 0.0
        began = self._loop.time()
        while not self._idle.is_set() and (left := self._patient(began, patience)) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), left)
        if self._unacked:
            log.warning("%d batches of log lines were not stored", len(self._unacked))
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
                self._send(source, lines[start : start + BATCH], bool(source.after))

    def ride(self, source: AttemptLog) -> Lines | None:
        """Take the waiting lines of an attempt whose other lines are all stored."""
        if self.path is None or source.sent or not source.queued or not source.few():
            return None
        lines = source.take()
        self._pending -= sum(len(line[4]) + 60 for line in lines)
        return self._message(source, lines, urgent=True, batch=0)

    def when_stored(self, source: AttemptLog, then: Callable[[], None]) -> None:
        """Send what the attempt still has and call `then` when it is stored.

        A writer that is behind but stores is waited for: who sees the end finds all lines, and no kill after it loses
        any. One that stores nothing for `HOLD` seconds, as with a full disk, holds no result.
        """
        if self.path is None or not (source.sent or source.queued):
            then()
            return
        hold: asyncio.TimerHandle | None = None
        began = self._loop.time()

        def stored() -> None:
            if hold is not None:
                hold.cancel()
            then()

        def give_up() -> None:
            nonlocal hold
            if (left := self._patient(began, HOLD)) > 0:
                hold = self._loop.call_later(left, give_up)
                return
            source.after.clear()
            then()

        hold = self._loop.call_later(HOLD, give_up)
        source.after.append(stored)
        if source.queued and source not in self._dirty:
            self._dirty.append(source)
        if source.queued:
            self.flush()
        else:
            self._hurry()

    def _patient(self, began: float, seconds: float) -> float:
        """Return how long to wait on: `seconds` from the wait's begin, or from when lines were stored last."""
        return max(began, self._stored_at) + seconds - self._loop.time()

    def _hurry(self) -> None:
        """Lines that were sent without haste are waited for now."""
        if self._link is not None:
            self._link.send(LinesWanted())

    def _message(
        self, source: AttemptLog, lines: list[tuple[int, int, int, str, str]], *, urgent: bool, batch: int
    ) -> Lines:
        owner = source.owner
        return Lines(
            batch,
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
            urgent,
            owner.trigger_id,
        )

    def _send(self, source: AttemptLog, lines: list[tuple[int, int, int, str, str]], urgent: bool) -> None:
        self._batch += 1
        message = self._message(source, lines, urgent=urgent, batch=self._batch)
        size = sum(len(line[4]) + 60 for line in lines)
        if self.path is None:
            self.kept.append(message)
            self._pending -= size
            self._idle.set()
            return
        source.sent += 1
        self._unacked[self._batch] = (message, size, source)
        if self._link is not None:
            self._link.send(message)

    def _received(self, link: FrameProtocol, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, LinesStored):
                found = self._unacked.pop(message.batch, None)
                if found is None:
                    continue
                _, size, source = found
                self._stored_at = self._loop.time()
                self._pending -= size
                source.sent -= 1
                if not source.sent and not source.queued and source.after:
                    after, source.after = source.after, []
                    for then in after:
                        then()
        if not self._unacked and not self._dirty:
            self._idle.set()

    def _lost(self, link: FrameProtocol) -> None:
        if self._link is link:
            self._link = None
            self._closed.set()

    def _place(self) -> str:
        """Where lines go now; OSError while there is no executor."""
        if not callable(self.path):
            return str(self.path)
        places = [address.logs for address in self.path() if address.logs is not None]
        if not places:
            raise OSError("no executor")
        return random.choice(places)

    async def _connect(self) -> None:
        pause = RETRY_FIRST
        while True:
            try:
                link = await self._doors.open(self._place(), "logs", lambda: FrameProtocol(self._received, self._lost))
            except (OSError, ValueError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_LAST)
                continue
            pause = RETRY_FIRST
            self._link = link
            self._closed.clear()
            for message, _, _ in list(self._unacked.values()):
                link.send(message)
            if any(source.after for _, _, source in self._unacked.values()):
                self._hurry()
            await self._closed.wait()
            log.warning("the log writer's connection closed; %d batches wait", len(self._unacked))
