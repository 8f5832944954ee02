"""Tasks of flow revisions in a worker: parsed and built once (engine notes §2.5)."""

from __future__ import annotations

import asyncio
import inspect
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, cast

from flowdeck.engine.messages import Evaluate, Poll, Run
from flowdeck.engine.worker_link import CoreLink
from flowdeck.model.flow import Flow, TaskDef, TaskKind, TriggerDef
from flowdeck.model.flowables.working_directory import DirectoryFiles
from flowdeck.model.source import parse_flow
from flowdeck.sdk.errors import TaskError
from flowdeck.sdk.index import load_catalog
from flowdeck.sdk.log import Level
from flowdeck.sdk.registry import resolve

CACHED_FLOWS = 500
CACHED_TASKS = 20_000


@dataclass(frozen=True, slots=True)
class LoadedTask:
    """A task of a flow revision, built once."""

    definition: TaskDef
    task: Any
    minimum: Level
    threaded: bool
    flow: Flow


class BoundCalls:
    """Calls of one attempt, numbered so that a repeated write is recognised."""

    __slots__ = ("_job", "_link", "_no")

    def __init__(self, link: CoreLink, job: Run | Evaluate | Poll) -> None:
        self._link = link
        self._job = job
        self._no = 0

    async def call(self, name: str, args: dict[str, Any]) -> Any:
        """Ask core."""
        self._no += 1
        return await self._link.call(name, args, seq=self._job.seq, fence=self._job.fence, no=self._no)


class LoadedTasks:
    """Finds the task of a job; asks core for flows that it does not know."""

    def __init__(self) -> None:
        self.link: CoreLink = cast(CoreLink, None)  # set by the worker before the first job
        self._loop = asyncio.get_running_loop()
        self._flows: OrderedDict[tuple[int, int, str], asyncio.Future[Flow]] = OrderedDict()
        self._tasks: dict[tuple[int, int, int, str], LoadedTask] = {}

    async def load(self, job: Run) -> LoadedTask:
        """The task of a job: flow parsed once per revision, task built once."""
        place = (job.flow_key, job.revision, job.task_key, job.defaults)
        found = self._tasks.get(place)
        if found is not None:
            return found
        flow = await self._flow(job)
        definition = flow.tasks[job.task_key]
        minimum = Level.of(definition.log_level, Level.TRACE) if definition.log_level else Level.TRACE
        if definition.kind is TaskKind.DIRECTORY:
            loaded = LoadedTask(definition, DirectoryFiles.build(definition.props), minimum, False, flow)
        else:
            cls = resolve(definition.type)
            task = cls.build({"id": definition.id, "type": definition.type, **definition.props})
            loaded = LoadedTask(definition, task, minimum, not inspect.iscoroutinefunction(cls.run), flow)
        if len(self._tasks) > CACHED_TASKS:
            self._tasks.clear()
        self._tasks[place] = loaded
        return loaded

    async def trigger(self, job: Poll) -> tuple[TriggerDef, Any]:
        """Definition and built trigger of a job; `TaskError` when the revision has none of that name."""
        flow = await self._flow(job)
        definition = next((t for t in flow.triggers if t.id == job.trigger_id), None)
        if definition is None:
            raise TaskError(f"revision {job.revision} of the flow has no trigger '{job.trigger_id}'")
        cls = resolve(definition.type)
        return definition, cls.build({"id": definition.id, "type": definition.type, **definition.props})

    async def _flow(self, job: Run | Poll) -> Flow:
        key = (job.flow_key, job.revision, job.defaults)
        known = self._flows.get(key)
        if known is None:
            known = self._loop.create_task(self._fetch(job))
            self._flows[key] = known
            while len(self._flows) > CACHED_FLOWS:
                self._flows.popitem(last=False)
        else:
            self._flows.move_to_end(key)
        try:
            return await asyncio.shield(known)
        except BaseException:
            if known.done() and self._flows.get(key) is known:
                del self._flows[key]
            raise

    async def _fetch(self, job: Run | Poll) -> Flow:
        answer = await self.link.call("flow", {"flow_key": job.flow_key, "revision": job.revision})
        parsed = await asyncio.to_thread(
            parse_flow,
            answer["source"],
            load_catalog(),
            tenant=job.tenant,
            revision=job.revision,
            strict=False,
            defaults=answer.get("defaults") or (),
        )
        if parsed.flow is None:
            reason = parsed.findings[0].message if parsed.findings else "unknown reason"
            raise TaskError(f"the flow's revision {job.revision} can't be read any more: {reason}")
        return parsed.flow
