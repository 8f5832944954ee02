"""The log writer: a thread of `core` with files of its own (engine notes §2.8).

Workers send lines over `logs.sock` and keep them until they are acknowledged, which happens after the commit; the
executor writes in-process. Lines of an execution that somebody watches leave within 20 ms, others within 100 ms or
with a thousand of their kind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.messages import Lines, LinesStored, LinesWanted
from flowdeck.store.driver import StoreError, StoreUnavailable
from flowdeck.store.logs import LEVELS, Batch, LogAppender, LogFiles, StoredLine

log = logging.getLogger("flowdeck.logwriter")

FULL_BATCH = 1000
WATCHED_PAUSE = 0.02
PAUSE = 0.1
URGENT_PAUSE = 0.002
"""Between stores that a result waits for: those of one moment share a transaction."""
RETRY_PAUSE = 1.0
CUT = 4096
"""Characters of a line that the feed carries."""
FEED_LINES = 500
"""Lines of one feed event."""

Publish = Callable[[list[dict[str, Any]]], None]
_NUMBERS = {name: number for number, name in enumerate(LEVELS)}


def line_json(line: StoredLine, batch: Batch) -> dict[str, Any]:
    """A stored line in the form of extensions §4."""
    shown: dict[str, Any] = {
        "no": line.no,
        "seq": line.seq,
        "level": LEVELS[line.level],
        "at": datetime.fromtimestamp(line.at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "text": line.text if len(line.text) <= CUT else line.text[:CUT],
    }
    if batch.task_run:
        shown |= {"taskRun": batch.task_run, "taskId": batch.task_id, "attempt": batch.attempt}
    if len(line.text) > CUT:
        shown["cut"] = True
    return shown


class LogWriter:
    """Takes lines, stores them, acknowledges, tells followers.

    Args:
        files: where lines go.
        path: of `logs.sock`; None = in-process lines only.
        publish: thread-safe; gets `log` feed events of followed executions after the commit.
        followed: ids of executions that somebody watches; read from the writer's thread.
    """

    def __init__(
        self,
        files: LogFiles,
        path: Path | None = None,
        *,
        publish: Publish = lambda events: None,
        followed: Callable[[], Iterable[str]] = frozenset,
    ) -> None:
        self.files = files
        self.path = path
        self._publish = publish
        self._followed = followed
        self._appender = LogAppender(files)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._mutex = threading.Lock()
        self._appending = threading.Lock()
        self._results: list[tuple[Batch, Callable[[], None]]] = []
        self._own: list[Batch] = []
        self._waiting: list[tuple[Batch, FrameProtocol | None, int]] = []
        self._after: list[Callable[[], None]] = []
        self._stored_then: list[Callable[[], None]] = []
        self._lines = 0
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._urgent = False
        self._last = 0.0
        self._retry_at = 0.0
        self._stop = asyncio.Event()
        self._links: set[FrameProtocol] = set()
        self.stored = 0
        self.healthy = True

    # ---- any thread ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread; returns when its socket listens, raises what kept it from that."""
        self._thread = threading.Thread(target=self._main, name="log-writer", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            raise self._failed

    def stop(self, timeout: float = 5.0) -> None:
        """Store what is there and end the thread."""
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(timeout)

    def write(
        self,
        *,
        execution_seq: int,
        execution: str,
        tenant: str,
        namespace: str,
        flow_id: str,
        level: int | str,
        text: str,
        at: int | None = None,
        task_run_seq: int = 0,
        task_run: str = "",
        task_id: str = "",
        attempt: int = 0,
        trigger_id: str = "",
    ) -> None:
        """Add a line of the executor or scheduler itself; never blocks.

        `at` in ms (default now). A trigger's line outside any execution has `execution_seq` 0 and a `trigger_id`.
        """
        number = _NUMBERS.get(level, 2) if isinstance(level, str) else level
        line = (0, int(time.time() * 1000) if at is None else at, number, "executor", text)
        batch = Batch(
            execution_seq,
            execution,
            task_run_seq,
            attempt,
            tenant,
            namespace,
            flow_id,
            task_id,
            task_run,
            [line],
            trigger_id,
            1,
        )
        with self._mutex:
            self._own.append(batch)
            wake = len(self._own) == 1
        if wake and self._loop is not None:
            # The writer's thread is woken once for all lines of a turn: it takes the interpreter from the caller.
            try:
                asyncio.get_running_loop().call_soon(self._wake_up)
            except RuntimeError:
                self._wake_up()

    def _wake_up(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._take_own)

    # ---- the loop of core -------------------------------------------------------------------------------------

    def store(self, message: Lines, then: Callable[[], None]) -> None:
        """Store the lines that came with a result, then call `then` in this loop's thread.

        Those of one loop turn share a transaction. It runs here unless the writer's thread is busy, or the lines go to
        PostgreSQL: then the thread takes them along. `then` is called in any case; lines that can't be stored now wait
        in memory.
        """
        self._results.append((_batch(message), then))
        if len(self._results) == 1:
            asyncio.get_running_loop().call_soon(self._store_results)

    def _store_results(self) -> None:
        results, self._results = self._results, []
        batches = [batch for batch, _ in results]
        # PostgreSQL answers over a network: the loop does not wait for it.
        if self.healthy and not self.files.single and self._appending.acquire(blocking=False):
            try:
                stored = self._appender.append(batches)
            except StoreError as error:
                log.warning("log lines wait: %s", error)
            else:
                self.stored += sum(len(lines) for lines in stored)
                self._tell(batches, stored)
                batches = []
            finally:
                self._appending.release()
        if not batches:
            for _, then in results:
                then()
            return
        loop = asyncio.get_running_loop()

        def after() -> None:
            for _, then in results:
                then()

        def tell() -> None:
            loop.call_soon_threadsafe(after)

        with self._mutex:
            self._own += batches
            if self.healthy:
                self._after.append(tell)
        if not self.healthy:
            after()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._take_own, True)

    # ---- the thread ------------------------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:
            if self._ready.is_set():
                log.exception("the log writer ended")
            else:
                self._failed = error
                self._ready.set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        server: asyncio.Server | None = None
        if self.path is not None:
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()
            server = await self._loop.create_unix_server(
                lambda: FrameProtocol(self._received, self._links.discard, self._links.add), str(self.path)
            )
            os.chmod(self.path, 0o600)
        self._ready.set()
        self._take_own()
        await self._stop.wait()
        if server is not None:
            server.close()
        self._take_own()
        self._retry_at = 0.0
        self._flush()
        for link in list(self._links):
            link.close()
        await asyncio.sleep(0)
        self._appender.close()

    def _received(self, link: FrameProtocol, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, LinesWanted):
                self._urgent = True
                continue
            if not isinstance(message, Lines):
                link.close()
                return
            self._urgent = self._urgent or message.urgent
            self._waiting.append((_batch(message), link, message.batch))
            self._lines += len(message.lines)
        if self._waiting:
            self._plan()

    def _take_own(self, urgent: bool = False) -> None:
        self._urgent = self._urgent or urgent
        with self._mutex:
            own, self._own = self._own, []
            self._stored_then += self._after
            self._after = []
        for batch in own:
            self._waiting.append((batch, None, 0))
            self._lines += len(batch.lines)
        if own:
            self._plan()

    def _plan(self) -> None:
        """Flush now or later: when enough lines wait, or the pause of the most urgent execution is over."""
        assert self._loop is not None
        now = self._loop.time()
        if now < self._retry_at:
            due = self._retry_at
        elif self._lines >= FULL_BATCH:
            due = now
        elif self._urgent:
            due = max(now, self._last + URGENT_PAUSE)
        else:
            followed = self._followed()
            watched = bool(followed) and any(batch.execution in followed for batch, _, _ in self._waiting)
            due = max(now, self._last + (WATCHED_PAUSE if watched else PAUSE))
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_at(due, self._flush)

    def _flush(self) -> None:
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting, self._lines = self._waiting, [], 0
        self._urgent = False
        if not waiting:
            return
        merged = _merge(waiting)
        after, self._stored_then = self._stored_then, []
        try:
            with self._appending:
                stored = self._appender.append(merged)
        except StoreUnavailable as error:
            for then in after:
                then()
            if self.healthy:
                log.error("log lines can't be stored, workers keep theirs: %s", error)
            self.healthy = False
            self._waiting = waiting + self._waiting
            self._lines = sum(len(batch.lines) for batch, _, _ in self._waiting)
            self._retry_at = self._loop.time() + RETRY_PAUSE
            if not self._stop.is_set():
                self._plan()
            return
        if not self.healthy:
            log.info("log lines are stored again")
        self.healthy, self._retry_at = True, 0.0
        self._last = self._loop.time()
        for then in after:
            then()
        for _, link, number in waiting:
            if link is not None:
                link.send(LinesStored(batch=number))
        self.stored += sum(len(lines) for lines in stored)
        self._tell(merged, stored)

    def _tell(self, batches: list[Batch], stored: list[list[StoredLine]]) -> None:
        followed = self._followed()
        if not followed:
            return
        events: list[dict[str, Any]] = []
        for batch, lines in zip(batches, stored, strict=True):
            if batch.execution not in followed:
                continue
            for start in range(0, len(lines), FEED_LINES):
                part = lines[start : start + FEED_LINES]
                events.append(
                    {
                        "kind": "log",
                        "execution": batch.execution,
                        "tenant": batch.tenant,
                        "namespace": batch.namespace,
                        "lines": [line_json(line, batch) for line in part],
                        "total": part[-1].no,
                    }
                )
        if events:
            self._publish(events)


def _batch(message: Lines) -> Batch:
    return Batch(
        message.execution_seq,
        message.execution,
        message.task_run_seq,
        message.attempt,
        message.tenant,
        message.namespace,
        message.flow_id,
        message.task_id,
        message.task_run,
        message.lines,
        message.trigger_id,
    )


def _merge(waiting: list[tuple[Batch, FrameProtocol | None, int]]) -> list[Batch]:
    """Batches of one attempt that follow each other become one."""
    merged: list[Batch] = []
    for batch, _, _ in waiting:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.task_run_seq == batch.task_run_seq
            and last.attempt == batch.attempt
            and last.execution_seq == batch.execution_seq
            and last.origin == batch.origin
            and last.trigger_id == batch.trigger_id
            and last.flow_id == batch.flow_id
            and last.namespace == batch.namespace
            and last.tenant == batch.tenant
        ):
            last.lines = [*last.lines, *batch.lines]
        else:
            merged.append(
                Batch(
                    batch.execution_seq,
                    batch.execution,
                    batch.task_run_seq,
                    batch.attempt,
                    batch.tenant,
                    batch.namespace,
                    batch.flow_id,
                    batch.task_id,
                    batch.task_run,
                    batch.lines,
                    batch.trigger_id,
                    batch.origin,
                )
            )
    return merged
