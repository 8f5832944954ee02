"""All that the core process measures and shows of itself (spec: enterprise and operations F58, F59)."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from flowdeck.engine.executor_meter import ExecutorMeter, SchedulerMeter
from flowdeck.engine.measures import Measures, Tags
from flowdeck.engine.messages import Evaluate, Poll, Run
from flowdeck.model.instants import instant
from flowdeck.store.driver import Database, StoreError

if TYPE_CHECKING:
    from flowdeck.engine.core import Core

SHOWN = 1_000
"""Most jobs and dates that one answer holds."""


class CoreMeasures:
    """Hooks into a core's parts; made once, before they run."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.measures = m = Measures()
        self._about: dict[str, str] = {}
        pool_measures(m, core.database)
        labels = core.settings.get("kestra.metrics.labels") or ()
        core.scheduler.meter = SchedulerMeter(m)
        core.executor.meter = ExecutorMeter(m, [str(label) for label in labels])
        executor = core.executor
        executor.commits = m.timer("jdbc.query.duration", "Transactions of the executor.", "sql")
        m.gauge("executor.thread.count", "Threads that apply steps.", lambda: 1)
        m.gauge("executor.executions.open", "Executions in memory.", lambda: len(executor.world.by_id))
        m.gauge("executor.taskrun.open", "Task runs in memory.", lambda: len(executor.world.runs))
        m.gauge("executor.inputs.waiting", "Inputs that wait for a step.", lambda: len(executor.inputs))
        m.gauge("worker.count", "Connected workers.", self._workers, "worker_group")
        m.gauge("worker.job.pending", "Jobs that wait for a worker.", self._pending, "worker_group")
        m.gauge("queue.message.lag.count", "Messages that are not yet consumed.", self._lag, "queue")
        m.gauge("queue.poll.size", "Inputs of the latest step.", lambda: executor.taken)
        m.gauge("scheduler.evaluate.running.count", "Triggers at workers.", core.scheduler.jobs.count)
        m.gauge("scheduler.triggers", "Triggers with a next date.", lambda: len(core.scheduler.dates()))
        m.gauge("log.lines", "Log lines stored since the start.", lambda: core.log_writer.stored, kind="counter")
        for name, text in (("in", "received"), ("out", "indexed")):
            m.counter(f"indexer.message.{name}.count", f"Records {text}: rows are written at once, there is no index.")

    def _workers(self) -> list[tuple[Tags, float]]:
        count: dict[Tags, float] = {}
        for record in list(self._core.gateway.workers.values()):
            count[(record.group,)] = count.get((record.group,), 0) + 1
        return list(count.items()) or [(("",), 0)]

    def _pending(self) -> list[tuple[Tags, float]]:
        count = self._core.gateway.waiting()
        return [((group,), number) for group, number in count.items()] or [(("",), 0)]

    def _lag(self) -> list[tuple[Tags, float]]:
        return [(("executor",), len(self._core.executor.inputs)), (("worker_job",), self._core.gateway.queued())]

    def jobs(self, _: dict[str, Any]) -> list[dict[str, Any]]:
        """Jobs that wait for a worker, for `/worker`."""
        found: list[dict[str, Any]] = []
        for job in self._core.gateway.waiting_jobs(SHOWN):
            if isinstance(job, Run):
                found.append(
                    {
                        "kind": "task",
                        "tenantId": job.tenant,
                        "namespace": job.namespace,
                        "flowId": job.flow_id,
                        "executionId": job.execution,
                        "taskRunId": job.task_run,
                        "attempt": job.attempt,
                        "workerGroup": job.group,
                    }
                )
            elif isinstance(job, Poll):
                found.append(
                    {
                        "kind": "trigger",
                        "tenantId": job.tenant,
                        "namespace": job.namespace,
                        "flowId": job.flow_id,
                        "triggerId": job.trigger_id,
                        "workerGroup": job.group,
                    }
                )
            elif isinstance(job, Evaluate):
                found.append(
                    {"kind": "evaluation", "tenantId": job.tenant, "namespace": job.namespace, "flowId": job.flow_id}
                )
        return found

    def dates(self, _: dict[str, Any]) -> dict[str, Any]:
        """Next dates of triggers, the earliest first, for `/scheduler`."""
        known = sorted(self._core.scheduler.dates().items(), key=lambda item: item[1])
        now = int(time.time() * 1000)
        return {
            "schedulableCount": len(known),
            "running": self._core.scheduler.jobs.count(),
            "schedulables": [
                {
                    "tenantId": key[0],
                    "namespace": key[1],
                    "flowId": key[2],
                    "triggerId": key[3],
                    "next": instant(due),
                    "late": max(0, now - due),
                }
                for key, due in known[:SHOWN]
            ],
        }

    def collect(self) -> dict[str, Any]:
        """The snapshot for the supervisor; read from another thread."""
        core = self._core
        if not self._about:
            with contextlib.suppress(StoreError):
                self._about = core.database.about()
        writable = core.log_writer.healthy and (core.cluster is None or core.cluster.connected)
        return {"writable": writable, "database": self._about}


def pool_measures(measures: Measures, database: Database) -> None:
    """The connections for reading of a process, under the names of a Java pool."""
    for place, name in enumerate((".idle", ".active", ".max")):
        measures.gauge(
            f"hikaricp.connections{name}",
            "Connections for reading.",
            lambda place=place: [(("readers",), database.pool()[place])],
            "pool",
            own=False,
        )
    measures.gauge(
        "hikaricp.connections",
        "Connections for reading.",
        lambda: [(("readers",), sum(database.pool()[:2]))],
        "pool",
        own=False,
    )
