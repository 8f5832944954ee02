"""What a worker counts of tasks and triggers, and the jobs it shows (spec: enterprise and operations F58, F59)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flowdeck.engine.measures import Emitted, Measures
from flowdeck.engine.messages import Done, Evaluate, Poll, Run
from flowdeck.model.states import State

if TYPE_CHECKING:
    from flowdeck.engine.worker_attempts import Active

TASK = ("tenant_id", "namespace_id", "flow_id", "task_type", "worker_group")
TRIGGER = ("tenant_id", "namespace_id", "flow_id", "trigger_id", "worker_group")
SHOWN = 1_000
_NAMES = {int(state): state.name for state in State}


class WorkerMeter:
    """Counts the jobs of one worker.

    Args:
        group: its worker group, a tag of all its families.
        threads: tasks with a process or thread that it takes at a time.
    """

    def __init__(self, group: str = "", threads: int = 0) -> None:
        self.group = group
        self.measures = m = Measures()
        self._active: dict[tuple[int, int], Active] = {}
        self._started = m.counter("worker.started.count", "Attempts started.", *TASK)
        self._spans = m.timer("worker.ended.duration", "Duration of attempts.", *TASK, "state")
        m.counts("worker.ended.count", "Attempts ended.", self._spans)
        self._queued = m.timer("worker.queued.duration", "From the executor's decision to the start.", *TASK)
        self._retried = m.counter("worker.retried.count", "Attempts after the first.", *TASK)
        self._timeouts = m.counter("worker.timeout.count", "Attempts that reached their timeout.", *TASK)
        self._trigger_started = m.counter("worker.trigger.started.count", "Evaluations started.", *TRIGGER)
        self._trigger_errors = m.counter("worker.trigger.error.count", "Evaluations that failed.", *TRIGGER)
        self._trigger_found = m.counter("worker.trigger.execution.count", "Evaluations with a result.", *TRIGGER)
        self._trigger_spans = m.timer("worker.trigger.duration", "Duration of evaluations.", *TRIGGER)
        m.counts("worker.trigger.ended.count", "Evaluations ended.", self._trigger_spans)
        labels = ("worker_group",)
        m.gauge("worker.running.count", "Tasks that run.", lambda: self._count(Run), *labels)
        m.gauge("worker.trigger.running.count", "Triggers that are evaluated.", lambda: self._count(Poll), *labels)
        m.gauge("worker.job.running", "Jobs that run.", lambda: [((group,), len(self._active))], *labels)
        m.gauge("worker.job.thread", "Most jobs with a thread at a time.", lambda: [((group,), threads)], *labels)
        m.gauge(
            "executor.active.threads",
            "Jobs that run.",
            lambda: [(("worker",), len(self._active))],
            "name",
            own=False,
        )
        m.gauge("executor.pool.size.threads", "Threads.", lambda: [(("worker",), threads)], "name", own=False)
        m.gauge(
            "executor.completed.tasks",
            "Attempts ended.",
            lambda: [(("worker",), sum(count for _, count in self._spans.counts()))],
            "name",
            own=False,
            kind="counter",
        )
        self._emitted = Emitted(m)
        self._calls = m.timer(
            "http.client.requests", "Requests of tasks to other servers.", "method", "status", "host", own=False
        )
        self._too_large = m.counter("queue.big.message.count", "Results of tasks beyond the message limit.")

    def called(self, method: str, status: str, host: str, seconds: float) -> None:
        """A task has called another server."""
        self._calls.add((method, status, host), seconds)

    def refused(self) -> None:
        """A result was too large to be stored in a row."""
        self._too_large.add()

    def watch(self, active: dict[tuple[int, int], Active]) -> None:
        """Where the jobs are that run."""
        self._active = active

    def started(self, job: Run | Evaluate | Poll) -> None:
        """A job begins."""
        if isinstance(job, Poll):
            self._trigger_started.add((job.tenant, job.namespace, job.flow_id, job.trigger_id, self.group))

    def began(self, job: Run, task_type: str) -> None:
        """An attempt begins; its type is known now."""
        self._started.add((job.tenant, job.namespace, job.flow_id, task_type, self.group))

    def ended(self, active: Active, done: Done) -> None:
        """A job has ended."""
        job = active.job
        seconds = max(0, done.ended - done.started) / 1000
        if isinstance(job, Run):
            tags = (job.tenant, job.namespace, job.flow_id, active.type, self.group)
            state = _NAMES[done.state]
            self._spans.add((*tags, state), seconds)
            if job.queued:
                self._queued.add(tags, max(0, done.started - job.queued) / 1000)
            if job.attempt > 1:
                self._retried.add(tags)
            if active.timed_out:
                self._timeouts.add(tags)
            if done.metrics:
                self._take(job, done)
        elif isinstance(job, Poll):
            tags = (job.tenant, job.namespace, job.flow_id, job.trigger_id, self.group)
            self._trigger_spans.add(tags, seconds)
            if done.error is not None:
                self._trigger_errors.add(tags)
            elif (done.outputs or {}).get("value") is not None:
                self._trigger_found.add(tags)

    def _take(self, job: Run, done: Done) -> None:
        where = {"namespace_id": job.namespace, "flow_id": job.flow_id, "tenant_id": job.tenant}
        for name, kind, value, more in done.metrics:
            self._emitted.take(name, kind, value / 1000 if kind == "timer" else value, {**more, **where})

    def _count(self, kind: type) -> list[tuple[tuple[str, ...], float]]:
        return [((self.group,), sum(isinstance(active.job, kind) for active in list(self._active.values())))]

    def jobs(self, _: dict[str, Any]) -> list[dict[str, Any]]:
        """Jobs that run, the oldest first, for `/worker`."""
        now = time.time_ns() // 1_000_000
        found: list[dict[str, Any]] = []
        for active in sorted(self._active.copy().values(), key=lambda one: one.started)[:SHOWN]:
            job = active.job
            one: dict[str, Any] = {
                "kind": "task" if isinstance(job, Run) else "trigger" if isinstance(job, Poll) else "evaluation",
                "tenantId": job.tenant,
                "namespace": job.namespace,
                "flowId": job.flow_id,
                "since": active.started,
                "milliseconds": now - active.started,
                "workerGroup": self.group,
            }
            if isinstance(job, Run):
                task = job.context.get("task") or {}
                run = {
                    "id": job.task_run,
                    "executionId": job.execution,
                    "taskId": task.get("id"),
                    "attempt": job.attempt,
                }
                one |= {"taskRun": run, "task": {"id": task.get("id"), "type": active.type or task.get("type")}}
            elif isinstance(job, Poll):
                one |= {"triggerId": job.trigger_id, "executionId": job.execution, "realtime": job.realtime}
            found.append(one)
        return found
