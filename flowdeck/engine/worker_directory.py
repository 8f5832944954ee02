"""A WorkingDirectory in a worker: its children one after another in one folder (spec: workflow components §8.9)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec

from flowdeck import expr
from flowdeck.engine.messages import Done, Run
from flowdeck.engine.worker_logfile import FileLog
from flowdeck.engine.worker_logs import AttemptLog
from flowdeck.engine.worker_tasks import LoadedTask
from flowdeck.model.durations import DurationError, parse_duration
from flowdeck.model.flow import TaskDef
from flowdeck.model.flowables.working_directory import DirectoryFiles
from flowdeck.model.instants import instant
from flowdeck.model.retry import next_retry
from flowdeck.model.states import State
from flowdeck.sdk.context import RunContext
from flowdeck.sdk.files import collect, put_input_files, put_namespace_files, take_output_files
from flowdeck.storage.paths import namespace_folder, slug


@dataclass(slots=True)
class DirectoryEnd:
    """How all of it ended; `error` names the child that failed."""

    state: State
    outputs: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(slots=True)
class ChildEnd:
    """A child's end: its report, and its outputs as later children see them."""

    done: Done
    outputs: dict[str, Any]
    sink: AttemptLog | FileLog | None = None


class Child(Protocol):
    """A child's attempt that runs (`worker_attempts.Active`)."""

    killed: bool
    forsaken: bool


class Children(Protocol):
    """What carries a child's attempts out and reports them (`worker_attempts.Attempts`)."""

    def child(self, job: Run, parent: Run) -> Any:
        """A new attempt of a child of this job."""
        ...

    def carry_out(self, active: Any, folder: Path) -> Awaitable[ChildEnd | None]:
        """Run an attempt in the shared folder; None when nobody waits for it any more."""
        ...

    def interrupt(self, active: Any) -> None:
        """Stop an attempt."""
        ...

    def report_child(self, active: Any, end: ChildEnd) -> Awaitable[None]:
        """Report its end once its lines are stored."""
        ...


class Directory:
    """One job."""

    def __init__(self, children: Children, active: Any, job: Run, loaded: LoadedTask, ctx: RunContext) -> None:
        self._children = children
        self._active = active
        self._job = job
        self._flow = loaded.flow
        self._files: DirectoryFiles = loaded.task
        self._ctx = ctx
        self._outputs: dict[str, Any] = {}
        self._states: dict[str, str] = {}
        self._restored = 0.0

    async def run(self, context: bytes) -> DirectoryEnd:
        """Prepare the folder, run the children, collect.

        Args:
            context: the sent context as JSON, as it came.
        """
        ctx, files = self._ctx, self._files
        folder = ctx.working_dir
        if files.cache is not None:
            await self._quietly(self._restore)
        if files.namespace_files is not None:
            await put_namespace_files(ctx, files.namespace_files)
        if files.input_files is not None:
            await put_input_files(ctx, files.input_files)
        state = State.SUCCESS
        for key, seq, name in self._job.children:
            ended = await self._child(self._flow.tasks[key], key, seq, name, msgspec.json.decode(context), folder)
            if ended in (State.FAILED, State.KILLED):
                return DirectoryEnd(ended, error=f"Task {self._flow.tasks[key].id} of the working directory failed")
            if ended is State.WARNING:
                state = State.WARNING
        outputs: dict[str, Any] = {}
        if files.output_files is not None:
            outputs["outputFiles"] = await take_output_files(ctx, await ctx.render(files.output_files))
        if files.cache is not None:
            await self._quietly(self._keep)
        return DirectoryEnd(state, outputs)

    # -- children ----------------------------------------------------------------------------------------------

    async def _child(
        self, task: TaskDef, key: int, seq: int, name: str, context: dict[str, Any], folder: Path
    ) -> State:
        """Run one child to its final state; that is reported, with the attempts before it."""
        tries: list[tuple[int, int, int]] = []
        while True:
            job = msgspec.structs.replace(
                self._job,
                seq=seq,
                task_run=name,
                task_key=key,
                attempt=len(tries) + 1,
                context=self._context(task, name, len(tries), context),
                timeout_ms=None,
                children=[],
                path=[],
            )
            active = self._children.child(job, self._job)
            ended = await self._attempt(active, task, folder)
            ended.done.tries = list(tries)
            due = self._again(task, ended.done)
            if due is None:
                break
            tries.append((ended.done.started, ended.done.ended, ended.done.state))
            try:
                await asyncio.sleep(max(0.0, due / 1000 - time.time()))
            except asyncio.CancelledError:
                ended.done.state = State.KILLED
                await self._children.report_child(active, ended)
                raise
        await self._children.report_child(active, ended)
        state = _settled(State(ended.done.state), task, retried=bool(tries))
        self._outputs[task.id] = ended.outputs
        self._states[task.id] = state.name
        if self._active.killed:
            raise asyncio.CancelledError
        return state

    def _again(self, task: TaskDef, done: Done) -> int | None:
        """When a failed child is tried again (ms); None when it is not."""
        if done.state != State.FAILED or task.retry is None or self._active.killed:
            return None
        first = done.tries[0][0] if done.tries else done.started
        return next_retry(task.retry, len(done.tries) + 1, first, done.ended, random.random)

    async def _attempt(self, active: Any, task: TaskDef, folder: Path) -> ChildEnd:
        """One attempt; a stop of the whole stops it and still waits for what it has to say."""
        work = asyncio.ensure_future(self._gated(active, task, folder))
        while not work.done():
            try:
                await asyncio.wait([work])
            except asyncio.CancelledError:
                active.killed = active.killed or self._active.killed
                active.forsaken = self._active.forsaken
                self._children.interrupt(active)
                if active.task is None:
                    work.cancel()
        if work.cancelled() or (ended := work.result()) is None:
            raise asyncio.CancelledError
        return ended

    async def _gated(self, active: Any, task: TaskDef, folder: Path) -> ChildEnd | None:
        """Ask `runIf` and `timeout`, then run."""
        if task.run_if is None and task.timeout is None:
            return await self._children.carry_out(active, folder)
        began = time.time_ns() // 1_000_000
        try:
            wanted, timeout = await self._ctx.render_with([task.run_if, task.timeout], active.job.context)
            if task.run_if is not None and not expr.truthy(wanted if isinstance(wanted, str) else _text(wanted)):
                skipped = Done(active.job.seq, active.job.fence, State.SKIPPED, began, began)
                return ChildEnd(skipped, {})
            if timeout:
                active.job.timeout_ms = parse_duration(str(timeout))
        except (expr.ExpressionError, DurationError) as error:
            self._ctx.log.error(f"Unable to evaluate the runIf condition for task {task.id}")
            text = self._ctx.mask(str(error))
            return ChildEnd(Done(active.job.seq, active.job.fence, State.FAILED, began, began, error=text), {})
        return await self._children.carry_out(active, folder)

    def _context(self, task: TaskDef, name: str, attempts: int, context: dict[str, Any]) -> dict[str, Any]:
        """The sent context as a child sees it: outputs and states of those before it, itself as `taskrun`."""
        own = context.get("taskrun") or {}
        outputs = dict(context.get("outputs") or {})
        tasks = dict(context.get("tasks") or {})
        for other, value in self._outputs.items():
            outputs[other] = self._nested(outputs.get(other), value)
            tasks[other] = self._nested(tasks.get(other), {"state": self._states[other]})
        shown: dict[str, Any] = {
            **own,
            "id": name,
            "startDate": instant(time.time_ns() // 1_000_000),
            "attemptsCount": attempts,
            "parentId": self._job.task_run,
        }
        parents: list[Any] = list(context.get("parents") or ())
        if "value" in own:
            parents.insert(0, {"taskrun": {"value": own["value"]}})
        more = {"parents": parents, "parent": parents[0]} if parents else {}
        return {
            **context,
            **more,
            "task": {"id": task.id, "type": task.type},
            "taskrun": shown,
            "outputs": outputs,
            "tasks": tasks,
        }

    def _nested(self, known: Any, value: Any) -> Any:
        """A value under the values of the loops around."""
        if not self._job.path:
            return value
        root = known if isinstance(known, dict) else {}
        node = root
        for part in self._job.path[:-1]:
            node = node.setdefault(part, {})
        node[self._job.path[-1]] = value
        return root

    # -- cache -------------------------------------------------------------------------------------------------

    async def _quietly(self, work: Callable[[], Awaitable[None]]) -> None:
        """The cache never fails the task."""
        try:
            await work()
        except Exception as error:
            self._ctx.log.warn(f"The cache can't be used: {type(error).__name__}: {error}")

    def _place(self) -> str:
        """Where the archive lies (§14)."""
        job = self._job
        folder = f"{namespace_folder(job.namespace)}/{slug(job.flow_id)}/{slug(self._ctx.attempt.task_id)}/cache"
        value = self._ctx.task_run.get("value")
        if value is not None:
            folder += f"/{hashlib.sha256(str(value).encode()).hexdigest()[:20]}"
        return f"{folder}/cache.zip"

    async def _restore(self) -> None:
        ctx, cache = self._ctx, self._files.cache
        assert cache is not None
        ttl: timedelta | None = await ctx.render(cache.ttl)
        place, storage, folder = self._place(), ctx.storage.backend, ctx.working_dir

        def work() -> bool:
            found = next((f for f in storage.list(os.path.dirname(place)) if f.path == place), None)
            if found is None or (ttl is not None and found.modified / 1000 + ttl.total_seconds() < time.time()):
                return False
            with storage.open_read(place) as file, zipfile.ZipFile(file) as archive:
                for info in archive.infolist():
                    target = ctx.file(info.filename)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(info) as source, open(target, "wb") as out:
                        while chunk := source.read(1 << 20):
                            out.write(chunk)
                    mode = info.external_attr >> 16
                    if mode:
                        target.chmod(mode & 0o777)
            return True

        if await asyncio.to_thread(work):
            self._restored = time.time()
            ctx.log.debug(f"The cache {place} was unpacked into {folder}")

    async def _keep(self) -> None:
        ctx, cache = self._ctx, self._files.cache
        assert cache is not None
        patterns = await ctx.render(cache.patterns)
        place, storage, folder = self._place(), ctx.storage.backend, ctx.working_dir

        def work() -> bool:
            paths = collect(folder, patterns)
            if not paths or (
                self._restored and all((folder / path).stat().st_mtime <= self._restored for path in paths)
            ):
                return False
            with storage.open_write(place) as out, zipfile.ZipFile(_Out(out), "w", zipfile.ZIP_DEFLATED) as archive:
                for path in paths:
                    archive.write(folder / path, path)
            return True

        if await asyncio.to_thread(work):
            ctx.log.debug(f"The cache {place} was written")


class _Out:
    """A stored file as `zipfile` wants it: it is written from start to end."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._at = 0

    def write(self, data: bytes) -> int:
        self._out.write(bytes(data))
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        raise OSError("not seekable")

    def flush(self) -> None:
        return None

    def close(self) -> None:
        return None


def _settled(state: State, task: TaskDef, *, retried: bool) -> State:
    if state is State.SUCCESS and retried and task.retry is not None and task.retry.warning_on_retry:
        state = State.WARNING
    if state is State.FAILED and task.allow_failure:
        state = State.WARNING
    return State.SUCCESS if state is State.WARNING and task.allow_warning else state


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
