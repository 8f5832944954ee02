"""Triggers on a worker: one evaluation of a polling trigger, or a listener for events (workflow components §15.8)."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from flowdeck import expr
from flowdeck.engine.messages import Done, Poll
from flowdeck.engine.worker_contexts import Contexts
from flowdeck.engine.worker_logs import AttemptLog, LogClient, Owner
from flowdeck.engine.worker_tasks import BoundCalls, LoadedTasks
from flowdeck.model.errors import Conflict, DomainError, Unavailable
from flowdeck.model.flow import TriggerDef
from flowdeck.model.masking import Masker
from flowdeck.model.states import State
from flowdeck.sdk.context import Attempt, RunContext, WorkerFacts
from flowdeck.sdk.errors import TaskError
from flowdeck.sdk.log import Level, LineSink, TaskLog
from flowdeck.sdk.task import outputs_of
from flowdeck.storage.paths import trigger_folder

log = logging.getLogger("flowdeck.worker")

LARGEST = 16 * 1024 * 1024
"""Bytes of JSON that one result or event may have: it is stored with its execution."""
BATCH = 200
BATCH_BYTES = 4 * 1024 * 1024
"""Most events, and bytes of them, of one message."""
PAUSE = 0.5
"""Seconds before events are sent again that core could not take."""

Key = tuple[int, int]


TRIAL_LINES = 500
"""Most lines that the answer of a dry run carries."""


class _TrialLines:
    """The lines of a dry run: told with the answer, not stored."""

    def __init__(self, masker: Masker) -> None:
        self.lines: list[dict[str, Any]] = []
        self._masker = masker

    def write(self, level: int, text: str) -> None:
        """Keep one line."""
        self.write_many(level, [text])

    def write_many(self, level: int, texts: list[str]) -> None:
        """Keep several lines of one level; those beyond `TRIAL_LINES` are left out."""
        at = time.time_ns() // 1_000_000
        for text in texts[: max(0, TRIAL_LINES - len(self.lines))]:
            told = self._masker.text(text)[:10_000]
            self.lines.append({"at": at, "level": Level(level).name, "text": told})

    def full(self) -> bool:
        """Never: lines that are too many are left out."""
        return False


@dataclass(slots=True)
class Ended:
    """How a job ended: its report and the log whose lines belong to it."""

    done: Done
    sink: AttemptLog | None


class TriggerRuns:
    """Carries out `Poll` jobs.

    Args:
        facts: what the worker lends to plugins.
        logs: where lines go.
        contexts: makes variables and environments.
        tasks: finds flows; its link reaches core.
    """

    def __init__(self, facts: WorkerFacts, logs: LogClient, contexts: Contexts, tasks: LoadedTasks) -> None:
        self._facts = facts
        self._logs = logs
        self._contexts = contexts
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._readers: dict[Key, asyncio.Task[None]] = {}
        self._draining = False

    def drain(self) -> None:
        """Let all listeners end once what they have heard is stored: others go on in their place."""
        self._draining = True
        for reader in self._readers.values():
            reader.cancel()

    async def run(self, job: Poll, begun: Callable[[RunContext], None]) -> Ended:
        """Carry a job out; `begun` is told the context, through which it can be killed.

        `CancelledError` passes through.
        """
        started = time.time_ns() // 1_000_000
        masker = Masker()
        owner = Owner(0, "", 0, 0, job.tenant, job.namespace, job.flow_id, "", "", job.trigger_id)
        # Lines of an evaluation come after all that any earlier one wrote, whatever became of the trigger's row.
        kept = AttemptLog(self._logs, owner, masker, after_line=started << 20)
        told = _TrialLines(masker)
        sink = told if job.trial else kept
        ctx: RunContext | None = None
        outputs: dict[str, Any] = {"execution": job.execution}
        state, error = State.SUCCESS, None
        try:
            definition, trigger = await self._tasks.trigger(job)
            ctx = await self._context(job, definition, sink, masker)
            begun(ctx)
            if job.realtime:
                drained = await self._listen(job, trigger, ctx, masker)
                state = State.KILLED if drained else State.SUCCESS
            else:
                value = _value(await self._evaluate(trigger, ctx), masker)
                size = len(msgspec.json.encode(value))
                if size > LARGEST:
                    raise TaskError(f"a result of {size:,} bytes is more than the limit of {LARGEST:,}")
                outputs["value"] = value
        except Exception as failure:
            state, error = State.FAILED, masker.text(_message(failure))
            if not isinstance(failure, TaskError | expr.ExpressionError | ValueError | DomainError | OSError):
                trace = masker.text("".join(traceback.format_exception(failure)))
                (ctx.log if ctx is not None else TaskLog(sink)).debug(trace)
                log.info("trigger %s.%s.%s failed\n%s", job.namespace, job.flow_id, job.trigger_id, trace)
            sink.write(Level.ERROR, error)
        if ctx is not None:
            unseen = job.trial or (outputs.get("value") is None and not job.realtime)
            if ctx.storage.written and unseen:
                storage, folder = ctx.storage.backend, ctx.attempt.folder
                await asyncio.to_thread(storage.delete_prefix, folder)  # no execution will ever show these files
            if ctx.has_folder:
                await asyncio.to_thread(ctx.cleanup)
        ended, short = time.time_ns() // 1_000_000, error.split("\n", 1)[0][:2000] if error else None
        if job.trial:
            answer = {"value": outputs.get("value"), "lines": told.lines, "error": short, "tookMs": ended - started}
            state, outputs, short = State.SUCCESS, {"value": answer}, None
        return Ended(
            Done(
                seq=job.seq,
                fence=job.fence,
                state=state,
                started=started,
                ended=ended,
                outputs=outputs,
                error=short,
            ),
            None if job.trial else kept,
        )

    async def _evaluate(self, trigger: Any, ctx: RunContext) -> Any:
        if inspect.iscoroutinefunction(type(trigger).evaluate):
            return await trigger.evaluate(ctx)
        return await ctx.in_thread(trigger.evaluate)

    async def _context(self, job: Poll, definition: TriggerDef, sink: LineSink, masker: Masker) -> RunContext:
        level = definition.props.get("logLevel") or definition.props.get("minLogLevel")
        calls = BoundCalls(self._tasks.link, job)
        return RunContext(
            attempt=Attempt(
                tenant=job.tenant,
                namespace=job.namespace,
                flow_id=job.flow_id,
                execution=job.execution,
                task_id=definition.id,
                task_type=definition.type,
                task_run="",
                number=1,
                fence=job.fence,
                folder=trigger_folder(job.namespace, job.flow_id, job.execution, definition.id),
            ),
            variables=await self._contexts.variables(job.context, masker, job.tenant),
            environment=self._contexts.environment(job.tenant, job.namespace, "", calls, masker),
            log=TaskLog(sink, Level.of(level, Level.TRACE) if level else Level.TRACE),
            calls=calls,
            mask=masker,
            worker=self._facts,
            loop=self._loop,
            trial=job.trial,
        )

    # -- listeners ---------------------------------------------------------------------------------------------

    async def _listen(self, job: Poll, trigger: Any, ctx: RunContext, masker: Masker) -> bool:
        """Read events and send them until the iterator ends; whether a drain ended it."""
        heard = _Heard(trigger.in_flight)
        key = (job.seq, job.fence)
        reader = self._readers[key] = asyncio.create_task(self._read(trigger, ctx, heard, masker))
        sender = asyncio.create_task(self._send(job, trigger, heard))
        if self._draining:
            reader.cancel()
        try:
            await asyncio.wait({reader, sender}, return_when=asyncio.FIRST_COMPLETED)
            if not sender.done():
                heard.close()
                await sender  # what was heard is stored
            else:
                sender.result()
            if reader.cancelled():
                return True
            reader.result()
            return False
        except Conflict:
            return True  # another listener took over
        finally:
            del self._readers[key]
            for task in (reader, sender):
                task.cancel()
            await asyncio.gather(reader, sender, return_exceptions=True)

    @staticmethod
    async def _read(trigger: Any, ctx: RunContext, heard: _Heard, masker: Masker) -> None:
        events = trigger.listen(ctx)
        try:
            async for event in events:
                await heard.put(event, _body(event, masker))
        finally:
            if hasattr(events, "aclose"):
                with contextlib.suppress(Exception):
                    await events.aclose()

    async def _send(self, job: Poll, trigger: Any, heard: _Heard) -> None:
        """Send batches, one at a time, each until core has stored it."""
        while True:
            batch = await heard.take()
            if not batch:
                return
            args = {"first": heard.sent + 1, "events": [msgspec.Raw(body) for _, body in batch]}
            while True:
                try:
                    await self._tasks.link.call("trigger.events", args, seq=job.seq, fence=job.fence)
                    break
                except Unavailable:
                    await asyncio.sleep(PAUSE)
            for event, _ in batch:
                await trigger.stored(event)
            heard.stored(len(batch))


class _Heard:
    """Events that are not stored yet, at most `room` of them."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._events: deque[tuple[Any, bytes]] = deque()
        self._changed = asyncio.Event()
        self._closed = False
        self.sent = 0

    async def put(self, event: Any, body: bytes) -> None:
        """Add an event when there is room."""
        while len(self._events) >= self._room:
            await self._wait()
        self._events.append((event, body))
        self._changed.set()

    async def take(self) -> list[tuple[Any, bytes]]:
        """The oldest ones, as many as one message holds; none after the end."""
        while not self._events:
            if self._closed:
                return []
            await self._wait()
        batch: list[tuple[Any, bytes]] = []
        size = 0
        for event in self._events:
            size += len(event[1])
            if batch and size > BATCH_BYTES:
                break
            batch.append(event)
            if len(batch) == BATCH:
                break
        return batch

    def stored(self, count: int) -> None:
        """The first ones need not be kept any more."""
        self.sent += count
        for _ in range(count):
            self._events.popleft()
        self._changed.set()

    def close(self) -> None:
        """No event follows."""
        self._closed = True
        self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def _value(result: Any, masker: Masker) -> dict[str, Any] | None:
    """A result as plain JSON with secrets replaced; None when nothing was found."""
    return None if result is None else masker.value(outputs_of(result))


def _body(event: Any, masker: Masker) -> bytes:
    """An event as JSON. `TaskError` when it is too large."""
    body = msgspec.json.encode(_value(event, masker) or {})
    if len(body) > LARGEST:
        raise TaskError(f"an event of {len(body):,} bytes is more than the limit of {LARGEST:,}")
    return body


def _message(failure: Exception) -> str:
    text = str(failure)
    known = (TaskError, expr.ExpressionError, ValueError, DomainError)
    if text and (isinstance(failure, known) or type(failure) is LookupError):
        return text
    return f"{type(failure).__name__}: {text}" if text else type(failure).__name__
