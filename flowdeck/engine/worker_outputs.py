"""What becomes of an attempt's outputs: stored inline or in storage, kept in the task cache (§7.1, §7.4)."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from flowdeck.engine.messages import Run
from flowdeck.engine.worker_tasks import LoadedTask
from flowdeck.model.states import State
from flowdeck.sdk.context import RunContext
from flowdeck.sdk.errors import TaskError

INLINE_OUTPUTS = 64 * 1024
"""Bytes of JSON that travel with the result; larger outputs lie in storage (engine notes §2.7)."""
LARGEST_OUTPUTS = 256 * 1024 * 1024
"""Bytes of one result that a worker takes at all."""
CACHED = (State.SUCCESS, State.WARNING)


class TooLarge(TaskError):
    """Outputs beyond the message limit."""


async def store(
    job: Run, ctx: RunContext | None, outputs: dict[str, Any]
) -> tuple[dict[str, Any] | None, str | None, int]:
    """Outputs inline, or their URI in storage, and their size in bytes; `TaskError` beyond the message limit."""
    body = msgspec.json.encode(outputs)
    limit = LARGEST_OUTPUTS if ctx is None else ctx.worker.options.get("message-limit") or LARGEST_OUTPUTS
    if len(body) > limit:
        raise TooLarge(f"{len(body):,} bytes of outputs are more than the limit of {limit:,}")
    if len(body) <= INLINE_OUTPUTS or ctx is None:
        return outputs, None, len(body)
    place = f"{ctx.attempt.folder}/outputs-{job.fence}.json"
    storage = ctx.storage.backend

    def write() -> str:
        with storage.open_write(place) as out:
            out.write(body)
        return out.uri

    return None, await asyncio.to_thread(write), len(body)


@dataclass(slots=True)
class CachedResult:
    """A result of an earlier execution."""

    state: State
    outputs: dict[str, Any] | None
    uri: str | None
    size: int


class TaskCacheUse:
    """The cache of one attempt; made only for tasks that have one."""

    def __init__(self, job: Run, loaded: LoadedTask, ctx: RunContext) -> None:
        self._job = job
        self._definition = loaded.definition
        self._ctx = ctx
        self._ttl = loaded.task.task_cache.ttl
        self._key = ""

    @classmethod
    def of(cls, job: Run, loaded: LoadedTask, ctx: RunContext) -> TaskCacheUse | None:
        """The cache, if the task has one that is enabled."""
        wanted = getattr(loaded.task, "task_cache", None)
        return cls(job, loaded, ctx) if wanted is not None and wanted.enabled else None

    async def find(self) -> CachedResult | None:
        """The result of equal properties that is young enough."""
        self._key = await self._hash()
        found = await self._ctx.calls.call("task_cache.get", {"key": self._key})
        if found is None:
            return None
        if self._ttl is not None and found["at"] / 1000 + self._ttl.total_seconds() <= time.time():
            return None
        made = datetime.fromtimestamp(found["at"] / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._ctx.log.info(f"The cached result of {made} is used")
        return CachedResult(State(found["state"]), found["outputs"], found["outputs_uri"], found["outputs_size"])

    async def keep(self, state: State, outputs: dict[str, Any] | None, uri: str | None, size: int) -> None:
        """Keep a result; only good ones are."""
        if state not in CACHED:
            return
        job = self._job
        kept = {
            "key": self._key,
            "tenant": job.tenant,
            "namespace": job.namespace,
            "flow_id": job.flow_id,
            "task_id": self._definition.id,
            "state": int(state),
            "outputs": outputs,
            "outputs_uri": uri,
            "outputs_size": size,
        }
        await self._ctx.calls.call("task_cache.put", kept)

    async def _hash(self) -> str:
        """Tenant, namespace, flow, task, loop value and all properties after rendering; not the revision."""
        job = self._job
        left_out = ("taskCache", "description")
        raw = {name: value for name, value in self._definition.props.items() if name not in left_out}
        rendered = await self._ctx.render_value(raw)
        value = self._ctx.task_run.get("value")
        place = [job.tenant, job.namespace, job.flow_id, self._definition.id, value, rendered]
        return hashlib.sha256(msgspec.json.encode(place, order="deterministic")).hexdigest()
