"""Carries attempts and evaluations out in a worker (spec: workflow components §7.1, engine notes §2.5, §2.7)."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec

from flowdeck import expr
from flowdeck.engine.messages import Done, Evaluate, Poll, Run, Started
from flowdeck.engine.worker_contexts import OFFLOADED, Contexts, WorkerVariables
from flowdeck.engine.worker_directory import ChildEnd, Directory
from flowdeck.engine.worker_link import CoreLink, Key
from flowdeck.engine.worker_logfile import FileLog
from flowdeck.engine.worker_logs import AttemptLog, LogClient, Owner
from flowdeck.engine.worker_meter import WorkerMeter
from flowdeck.engine.worker_outputs import CACHED, TaskCacheUse, TooLarge, store
from flowdeck.engine.worker_tasks import BoundCalls, LoadedTask, LoadedTasks
from flowdeck.engine.worker_triggers import TriggerRuns
from flowdeck.model.errors import DomainError
from flowdeck.model.flow import TaskDef, TaskKind
from flowdeck.model.masking import Masker
from flowdeck.model.states import State
from flowdeck.sdk.context import Attempt, RunContext, WorkerFacts, needs_io, render_soon
from flowdeck.sdk.errors import TaskError
from flowdeck.sdk.http import REFUSED_ADDRESSES
from flowdeck.sdk.log import Level, TaskLog
from flowdeck.sdk.task import outputs_of
from flowdeck.storage.paths import task_run_folder

log = logging.getLogger("flowdeck.worker")

MERGE_MS = 2
"""An attempt that ends within this time reports start and end together."""
LARGEST_EVALUATION = 16 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Active:
    """A job that runs."""

    job: Run | Evaluate | Poll
    task: asyncio.Task[None] | None = None
    ctx: RunContext | None = None
    killed: bool = False
    timed_out: bool = False
    forsaken: bool = False  # nobody waits for a report any more
    finishing: bool = False  # the task has ended; its report is being made
    started: int = 0
    timer: asyncio.TimerHandle | None = None
    timeout: asyncio.TimerHandle | None = None
    type: str = ""  # of the task, once its flow is read


class Attempts:
    """All jobs of this worker."""

    def __init__(
        self,
        facts: WorkerFacts,
        logs: LogClient,
        variables: WorkerVariables | None = None,
        *,
        recursive: bool = False,
        refused_addresses: tuple[str, ...] = REFUSED_ADDRESSES,
        meter: WorkerMeter | None = None,
    ) -> None:
        self.facts = facts
        self.logs = logs
        self.contexts = Contexts(
            facts, variables or WorkerVariables(), recursive=recursive, refused_addresses=refused_addresses
        )
        self.tasks = LoadedTasks()
        self._triggers = TriggerRuns(facts, logs, self.contexts, self.tasks)
        self.idle = asyncio.Event()
        self.idle.set()
        self._loop = asyncio.get_running_loop()
        self._active: dict[Key, Active] = {}
        self.meter = meter or WorkerMeter()
        self.meter.watch(self._active)
        self.on_drain: Callable[[], None] | None = None

    @property
    def link(self) -> CoreLink:
        """The connection to core; set by the worker before the first job."""
        return self.tasks.link

    @link.setter
    def link(self, link: CoreLink) -> None:
        self.tasks.link = link

    # -- jobs --------------------------------------------------------------------------------------------------

    def run(self, job: Run | Evaluate | Poll) -> None:
        """Start a job; one that runs already is not started twice."""
        key = (job.seq, job.fence)
        if key in self._active:
            return
        active = Active(job, started=time.time_ns() // 1_000_000)
        self._active[key] = active
        self.meter.started(job)
        self.idle.clear()
        if isinstance(job, Run):
            work = self._attempt(active)
        else:
            work = self._evaluation(active) if isinstance(job, Evaluate) else self._trigger(active)
        active.task = self._loop.create_task(work)

    def kill(self, key: Key) -> None:
        """Stop a job; its report says KILLED."""
        active = self._active.get(key)
        if active is not None and not active.killed:
            active.killed = True
            self._interrupt(active)

    def _interrupt(self, active: Active) -> None:
        if active.ctx is not None:
            active.ctx.kill()
        if active.task is not None and not active.finishing:
            active.task.cancel()

    def _expire(self, active: Active) -> None:
        active.timed_out = True
        self._interrupt(active)

    def running(self) -> tuple[list[Key], list[Key]]:
        """Jobs by the class of their credit: process, async."""
        process: list[Key] = []
        light: list[Key] = []
        for key, active in self._active.items():
            (light if active.job.light else process).append(key)
        return process, light

    def lease_ended(self, keys: Iterable[Key] | None = None) -> None:
        """End these jobs, by default all, without reports."""
        for key in list(self._active if keys is None else keys):
            active = self._active.pop(key, None)
            if active is not None:
                active.forsaken = True
                active.killed = True
                self._interrupt(active)
        if not self._active:
            self.idle.set()

    def end_listeners(self) -> None:
        """Realtime triggers go to other workers: this one will end."""
        self._triggers.drain()

    def drain(self) -> None:
        """Core asked to take nothing new."""
        if self.on_drain:
            self.on_drain()

    async def stop(self) -> None:
        """End everything; attempts that are cut off here are run again by another worker."""
        tasks = [a.task for a in self._active.values() if a.task]
        self.lease_ended()
        if tasks:
            await asyncio.wait(tasks, timeout=self.facts.kill_grace + 2)

    def _finish(self, active: Active, done: Done, sink: AttemptLog | FileLog | None = None) -> None:
        if active.timer is not None:
            active.timer.cancel()
        if active.timeout is not None:
            active.timeout.cancel()
        if sink is None or active.killed or active.forsaken:
            self.logs.flush()
            self._report(active, done)
            return
        # Who sees the end of an attempt finds all of its lines, whatever dies in between.
        done.log = sink.ride()
        if done.log is not None:
            self._report(active, done)
        else:
            sink.when_stored(lambda: self._report(active, done))

    def _report(self, active: Active, done: Done) -> None:
        if active.forsaken:
            return
        self._active.pop((active.job.seq, active.job.fence), None)
        self.link.done(done, light=active.job.light)
        self.meter.ended(active, done)
        if not self._active:
            self.idle.set()

    # -- evaluation --------------------------------------------------------------------------------------------

    async def _evaluation(self, active: Active) -> None:
        job = cast(Evaluate, active.job)
        masker = Masker()
        outputs: dict[str, Any]
        try:
            variables = await self.contexts.variables(job.context, masker, job.tenant)
            env = self.contexts.environment(
                job.tenant, job.namespace, job.execution, BoundCalls(self.link, job), masker, secrets=job.secrets
            )
            work = expr.render_value if job.native else expr.render
            if needs_io(job.value):
                value = await asyncio.to_thread(work, job.value, variables, env)
            else:
                value = await render_soon(work, job.value, variables, env)
            outputs = {"value": _masked(masker, value, job.clear) if job.masked else value}
            if masker.known and (job.clear or not job.masked):
                outputs["secrets"] = sorted(masker.known)
            if len(msgspec.json.encode(outputs)) > LARGEST_EVALUATION:
                raise TaskError(f"the result is larger than {LARGEST_EVALUATION:,} bytes")
        except asyncio.CancelledError:
            outputs = {"error": "killed"}
        except Exception as error:  # whatever an expression does is an answer
            outputs = {"error": masker.text(str(error) or type(error).__name__)}
        now = time.time_ns() // 1_000_000
        state = State.KILLED if active.killed else State.FAILED if "error" in outputs else State.SUCCESS
        self._finish(
            active,
            Done(
                seq=job.seq,
                fence=job.fence,
                state=state,
                started=active.started,
                ended=now,
                outputs=outputs,
                error=outputs.get("error"),
            ),
        )

    # -- triggers ----------------------------------------------------------------------------------------------

    async def _trigger(self, active: Active) -> None:
        job = cast(Poll, active.job)
        active.timer = self._loop.call_later(MERGE_MS / 1000, self._report_start, active)

        def begun(ctx: RunContext) -> None:
            active.ctx = ctx

        try:
            ended = await self._triggers.run(job, begun)
        except asyncio.CancelledError:
            self._tidy(active.ctx)
            if active.forsaken:
                return
            now = time.time_ns() // 1_000_000
            killed = Done(job.seq, job.fence, State.KILLED, active.started, now)
            self._finish(active, killed)
            return
        active.finishing = True
        self._finish(active, ended.done, ended.sink)

    # -- attempts ----------------------------------------------------------------------------------------------

    def _report_start(self, active: Active) -> None:
        active.timer = None
        self.link.started(Started(active.job.seq, active.job.fence, active.started))

    async def _attempt(self, active: Active) -> None:
        ended = await self.carry_out(active)
        if ended is not None:
            self._finish(active, ended.done, ended.sink)

    def child(self, job: Run, parent: Run) -> Active:
        """An attempt of a child of a WorkingDirectory; its result is reported by `report_child`."""
        self.link.accompany((job.seq, job.fence), (parent.seq, parent.fence))
        return Active(job, started=time.time_ns() // 1_000_000)

    def interrupt(self, active: Active) -> None:
        """Stop an attempt of a child."""
        self._interrupt(active)

    async def report_child(self, active: Active, end: ChildEnd) -> None:
        """Report a child's end when its lines are stored, so that reports come in order."""
        for timer in (active.timer, active.timeout):
            if timer is not None:
                timer.cancel()
        if active.forsaken:
            return
        if end.sink is not None:
            # Lines that ride on a result hold it back in core: the result of the whole would overtake it.
            stored = asyncio.Event()
            end.sink.when_stored(stored.set)
            await stored.wait()
        self.link.done(end.done, light=True)
        self.meter.ended(active, end.done)

    async def carry_out(self, active: Active, folder: Path | None = None) -> ChildEnd | None:
        """Make one attempt, in its own folder or in a shared one; None when nobody waits for its result any more."""
        job = cast(Run, active.job)
        began = time.perf_counter()
        active.timer = self._loop.call_later(MERGE_MS / 1000, self._report_start, active)
        if active.task is None:
            active.task = asyncio.current_task()
        if job.timeout_ms is not None:
            active.timeout = self._loop.call_later(job.timeout_ms / 1000, self._expire, active)
        masker = Masker()
        sink: AttemptLog | FileLog | None = None
        ctx: RunContext | None = None
        cache: TaskCacheUse | None = None
        uri, size = None, 0
        name = ""
        outputs: dict[str, Any] | None = None
        error: str | None = None
        said = False
        exit_info: dict[str, Any] | None = None
        state = State.SUCCESS
        try:
            try:
                loaded = await self.tasks.load(job)
            except Exception:
                owner = Owner.of(job, job.context.get("task", {}).get("id", ""))
                sink = AttemptLog(self.logs, owner, masker, job.fence)
                raise
            definition = loaded.definition
            active.type = definition.type
            self.meter.began(job, definition.type)
            name = definition.type.rpartition(".")[2]
            log.debug("%s %s: Type %s started", job.execution, job.task_run, name)
            sink = self._sink(job, definition, masker)
            directory = definition.kind is TaskKind.DIRECTORY
            sent = msgspec.json.encode(job.context) if directory else b""
            ctx = active.ctx = await self._context(job, loaded, sink, masker, folder)
            if active.killed or active.timed_out:
                raise asyncio.CancelledError
            if directory:
                whole = await Directory(self, active, job, loaded, ctx).run(sent)
                outputs, state, error, said = whole.outputs, whole.state, whole.error, True
            else:
                cache = TaskCacheUse.of(job, loaded, ctx)
                known = await cache.find() if cache is not None else None
                if known is not None:
                    cache, state = None, known.state
                    outputs, uri, size = known.outputs, known.uri, known.size
                else:
                    result = await (ctx.in_thread(loaded.task.run) if loaded.threaded else loaded.task.run(ctx))
                    outputs, state = outputs_of(result), ctx.state
        except asyncio.CancelledError:
            if active.forsaken:
                if folder is None:
                    self._tidy(ctx)
                return None
            state = State.KILLED
        except Exception as failure:
            state, error = State.FAILED, self._message(failure)
            if isinstance(failure, TaskError):
                outputs = dict(failure.outputs) if failure.outputs else None
                if failure.exit_code is not None:
                    exit_info = {"exitCode": failure.exit_code}
            elif not isinstance(failure, expr.ExpressionError | ValueError | DomainError | OSError):
                # Messages of exceptions quote values: secrets stay out of the server's own log too.
                trace = masker.text("".join(traceback.format_exception(failure)))
                if ctx is not None:
                    ctx.log.debug(trace)
                elif sink is not None:
                    sink.write(Level.DEBUG, trace)
                log.info("attempt of %s failed unexpectedly\n%s", job.task_run, trace)
        active.finishing = True
        if active.killed:
            state, error = State.KILLED, None  # also when the task swallowed its cancellation
        elif active.timed_out:
            state, error = State.FAILED, f"Timeout after {clock(job.timeout_ms or 0)}"
        if ctx is not None and exit_info is None:
            exit_info = ctx.exit_info
        shown: dict[str, Any] = {OFFLOADED: uri} if uri is not None else {}
        if cache is not None and not outputs and state in CACHED:
            await cache.keep(state, None, None, 0)
        if outputs:
            try:
                cryptor = self.facts.cryptor
                shown = masker.seal(outputs, cryptor.wrap if cryptor is not None else None)
                outputs, uri, size = await store(job, ctx, shown)
                if cache is not None:
                    await cache.keep(state, outputs, uri, size)
            except Exception as failure:
                if isinstance(failure, TooLarge):
                    self.meter.refused()
                outputs, shown, state = None, {}, State.FAILED
                error = f"The outputs can't be stored: {self._message(failure)}"
        if error is not None:
            error = masker.text(error)
            if sink is not None and not said:
                sink.write(Level.ERROR, error)
        if isinstance(sink, FileLog) and ctx is not None:
            exit_info = {**(exit_info or {}), **await asyncio.to_thread(sink.store, ctx)}
        if folder is None and ctx is not None and ctx.has_folder and not ctx.cleanup_empty():
            await asyncio.to_thread(ctx.cleanup)  # it may hold much: its end must not hold up other attempts
        spent = round((time.perf_counter() - began) * 1000)
        ended = active.started + spent
        if log.isEnabledFor(logging.DEBUG):
            text = f"Type {name} with state {state.name} completed in {clock(spent)}"
            log.debug("%s %s: %s", job.execution, job.task_run, text)
        metrics = ctx.metrics if ctx is not None else []
        if masker:
            metrics = [(masker.text(n), k, v, masker.value(t)) for n, k, v, t in metrics]
        done = Done(
            seq=job.seq,
            fence=job.fence,
            state=state,
            started=active.started,
            ended=ended,
            outputs=outputs,
            outputs_uri=uri,
            outputs_size=size,
            metrics=metrics,
            error=error.split("\n", 1)[0][:2000] if error else None,
            exit_info=exit_info,
            dynamic=[(masker.text(part[0]), *part[1:]) for part in ctx.parts] if ctx is not None else [],
        )
        return ChildEnd(done, shown, sink)

    def _sink(self, job: Run, definition: TaskDef, masker: Masker) -> AttemptLog | FileLog:
        """Where the lines of an attempt go."""
        if definition.props.get("logToFile") is True:
            return FileLog(self.facts.temp / f"{job.seq}-{job.fence}-{job.attempt}.log", masker)
        return AttemptLog(self.logs, Owner.of(job, definition.id), masker, job.fence)

    def _tidy(self, ctx: RunContext | None) -> None:
        if ctx is not None and ctx.has_folder:
            ctx.cleanup()

    @staticmethod
    def _message(failure: Exception) -> str:
        text = str(failure)
        known = (TaskError, expr.ExpressionError, ValueError, DomainError)
        if text and (isinstance(failure, known) or type(failure) is LookupError):
            return text
        return f"{type(failure).__name__}: {text}" if text else type(failure).__name__

    async def _context(
        self, job: Run, loaded: LoadedTask, sink: AttemptLog | FileLog, masker: Masker, folder: Path | None = None
    ) -> RunContext:
        definition = loaded.definition
        variables = await self.contexts.variables(job.context, masker, job.tenant)
        variables.setdefault("task", {"id": definition.id, "type": definition.type})
        variables["workingDir"] = str(folder or f"{self.facts.temp}{os.sep}{secrets.token_hex(10)}")
        calls = BoundCalls(self.link, job)
        return RunContext(
            attempt=Attempt(
                tenant=job.tenant,
                namespace=job.namespace,
                flow_id=job.flow_id,
                execution=job.execution,
                task_id=definition.id,
                task_type=definition.type,
                task_run=job.task_run,
                number=job.attempt,
                fence=job.fence,
                folder=task_run_folder(job.namespace, job.flow_id, job.execution, definition.id, job.task_run),
            ),
            variables=variables,
            environment=self.contexts.environment(job.tenant, job.namespace, job.execution, calls, masker),
            log=TaskLog(sink, loaded.minimum),
            calls=calls,
            mask=masker,
            worker=self.facts,
            loop=self._loop,
        )


def _masked(masker: Masker, value: Any, clear: list[str]) -> Any:
    """The value with secrets replaced, but for the members that core encrypts."""
    if not clear or not isinstance(value, dict):
        return masker.value(value)
    return {k: v if k in clear else masker.value(v) for k, v in value.items()}


def clock(ms: int) -> str:
    """A span as `HH:mm:ss.SSS`."""
    span = timedelta(milliseconds=ms)
    seconds, rest = divmod(round(span.total_seconds() * 1000), 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
