"""A real executor over a real database, with a transport that plays the worker: no network, no clock of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flowdeck.commands import registry
from flowdeck.engine.executor import Executor
from flowdeck.engine.messages import Command, Done, Evaluate, Hello, Reply, Run, Started
from flowdeck.engine.plans import PlanStore, parser
from flowdeck.model.catalog import Catalog
from flowdeck.model.component import TaskBase
from flowdeck.model.declare import field
from flowdeck.model.errors import revive
from flowdeck.model.states import State
from flowdeck.store.driver import Database, create_schema, open_database

registry.load_commands()


class Work(TaskBase, type="test.Work", role="runnable"):
    """A task for a worker."""

    format: str | None = field(default=None, dynamic=True, doc="Anything.")


CATALOG = Catalog([Work.spec])

Outcome = Mapping[str, Any] | str | Callable[[Run], Any]
"""A state's name, outputs, or a function of the job that answers one of both; `None` leaves the attempt running."""


class FakeWorker:
    """Keeps jobs until the test (or `auto`) ends them."""

    def __init__(self) -> None:
        self.jobs: dict[tuple[int, int], Run | Evaluate] = {}
        self.log: list[tuple[str, int, int]] = []
        self.acks: list[tuple[int, int]] = []
        self.kills: list[tuple[int, int]] = []
        self.acked: set[tuple[int, int]] = set()
        self.seen: list[Run] = []

    def dispatch(self, job: Any, *, process: bool) -> None:
        assert (job.seq, job.fence) not in self.jobs
        self.jobs[job.seq, job.fence] = job
        if isinstance(job, Run):
            self.seen.append(job)

    def kill(self, seq: int, fence: int) -> None:
        self.kills.append((seq, fence))

    def ack(self, seq: int, fence: int) -> None:
        self.acks.append((seq, fence))


class Engine:
    """Executor, database and fake worker of one test."""

    def __init__(self, path: Path, seed: int = 1) -> None:
        self.path = path
        self.now = 1_700_000_000_000
        self.seed = seed
        url = f"sqlite:///{path}"
        fresh = not path.exists()
        self.database: Database = open_database(url, durability="normal")
        if fresh:
            create_schema(self.database)
        self.events: list[dict[str, Any]] = []
        self.lines: list[tuple[str, str, str]] = []
        self.outcomes: dict[str, Any] = {}
        self.flow_keys: dict[str, int] = {}
        self.worker = FakeWorker()
        self.executor = self._build()
        self.executor.recover()

    def _build(self) -> Executor:
        self.plans = PlanStore(self.database, parser(CATALOG))
        self.seed += 1
        return Executor(
            self.database,
            self.plans,
            self.worker,
            publish=self.events.extend,
            clock=lambda: self.now,
            log_line=lambda live, run, level, text, at: self.lines.append((live.id, level, text)),
            rand=random.Random(self.seed),
        )

    # ── life ────────────────────────────────────────────────────────────────────────────────────────────────────

    def crash(self, *, keep_worker: bool = True, hello: list[tuple[int, int]] | None = None) -> None:
        """Drop executor and memory without a word; build them again from the rows.

        The worker that is kept says in its hello what it holds: `hello`, by default all its jobs.
        """
        self.executor.writer.close()
        self.database.close()
        self.database = open_database(f"sqlite:///{self.path}", durability="normal")
        if not keep_worker:
            self.worker = FakeWorker()
        self.executor = self._build()
        if keep_worker:
            self.executor.recover(["w1"])
            held = hello if hello is not None else [k for k in self.worker.jobs if k[1] > 0]
            self.worker.jobs = {k: v for k, v in self.worker.jobs.items() if k[1] > 0}
            self.executor.on_hello(Hello("w1", "", 4, 100, held))
        else:
            self.executor.recover()

    def close(self) -> None:
        self.executor.writer.close()
        self.database.close()

    # ── input ───────────────────────────────────────────────────────────────────────────────────────────────────

    def save(self, source: str, revision: int = 1) -> None:
        """Store a flow revision, as `flow.save` does."""
        from flowdeck.model.source import parse_flow

        parsed = parse_flow(source, CATALOG)
        assert parsed.flow is not None, parsed.findings
        flow = parsed.flow
        with self.executor.writer.transaction(self.now) as tx:
            key = tx.value("select flow_key from flow where namespace = ? and id = ?", flow.namespace, flow.id)
            if key is None:
                key = tx.insert(
                    "flow",
                    tenant="main",
                    namespace=flow.namespace,
                    id=flow.id,
                    revision=revision,
                    disabled=False,
                    deleted=False,
                    labels="[]",
                    summary="{}",
                    updated=self.now,
                )
            else:
                tx.sql("update flow set revision = ? where flow_key = ?", revision, key)
            tx.insert(
                "flow_revision",
                flow_key=key,
                revision=revision,
                source=source,
                document="{}",
                checksum="",
                deleted=False,
                disabled=False,
                created=self.now,
            )
        self.plans.changed()
        self.flow_keys[flow.id] = key

    def command(self, name: str, key: str | None = None, **args: Any) -> Any:
        """Send a command and run until it is answered."""
        answers: list[Reply] = []
        self.executor.submit(Command(id=1, name=name, args={"tenant": "main", **args}, key=key), answers.append)
        for _ in range(100):
            self.executor.step()
            if answers:
                break
        assert answers, f"{name} was not answered"
        if answers[0].error:
            raise revive(*answers[0].error)
        return answers[0].result

    def start(self, flow_id: str, namespace: str = "a.b", **args: Any) -> str:
        """Create an execution; answers its id."""
        return self.command("execution.create", namespace=namespace, flow_id=flow_id, **args)["id"]

    def steps(self, limit: int = 5_000) -> None:
        """Run steps until nothing is queued."""
        for _ in range(limit):
            if not self.executor.step():
                return
        raise AssertionError("the executor does not come to rest")

    def run(self, rounds: int = 10_000) -> None:
        """Let the worker end jobs by `outcomes` until nothing moves any more."""
        for _ in range(rounds):
            self.steps()
            if not self.work():
                return
        raise AssertionError("the execution does not come to rest")

    def work(self) -> bool:
        """End all jobs whose outcome is known; false when there was none."""
        did = False
        for (seq, fence), job in list(self.worker.jobs.items()):
            if isinstance(job, Evaluate):
                del self.worker.jobs[seq, fence]
                self.executor.on_done(
                    Done(seq, fence, State.SUCCESS, self.now, self.now, outputs={"value": job.value}), "w1"
                )
                did = True
                continue
            task = self.task_id(job)
            outcome = self.outcomes.get(
                f"{task}[{job.context.get('taskrun', {}).get('value')}]", self.outcomes.get(task, "SUCCESS")
            )
            if callable(outcome):
                outcome = outcome(job)
            if (seq, fence) in self.worker.kills:
                outcome = "KILLED"
            if outcome is None:
                continue
            self.end(seq, fence, outcome)
            did = True
        return did

    def end(self, seq: int, fence: int, outcome: Any) -> None:
        """Report the end of an attempt."""
        self.worker.jobs.pop((seq, fence), None)
        state = State[outcome] if isinstance(outcome, str) else State.SUCCESS
        outputs = None if isinstance(outcome, str) else dict(outcome)
        self.executor.on_done(
            Done(
                seq,
                fence,
                state,
                self.now,
                self.now,
                outputs=outputs,
                error="it broke" if state is State.FAILED else None,
            ),
            "w1",
        )

    def started(self, task: str) -> None:
        """Report that the jobs of a task run."""
        for (seq, fence), job in self.worker.jobs.items():
            if isinstance(job, Run) and self.task_id(job) == task:
                self.executor.on_started(Started(seq, fence, self.now))

    def later(self, ms: int) -> None:
        """Let time pass."""
        self.now += ms

    # ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────

    def task_id(self, job: Run) -> str:
        return self.one("select task_id from task_run where seq = ?", job.seq)

    def all(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        with self.database.reader() as reader:
            return [tuple(r) for r in reader.all(sql, *params)]

    def one(self, sql: str, *params: Any) -> Any:
        with self.database.reader() as reader:
            return reader.value(sql, *params)

    def state(self, execution: str) -> str:
        return State(self.one("select state from execution where id = ?", execution)).name

    def tasks(self, execution: str) -> list[str]:
        """`task[value] STATE` in order of creation."""
        return [
            f"{t}{'' if v is None else f'[{v}]'} {State(s).name}"
            for t, v, s in self.all(
                "select t.task_id, t.value, t.state from task_run t join execution e on e.seq = t.execution_seq "
                "where e.id = ? order by t.ord",
                execution,
            )
        ]

    def history(self, execution: str, task: str | None = None) -> list[str]:
        """States of an execution or of one of its tasks."""
        if task is None:
            rows = self.all(
                "select v.state from event v join execution e on e.seq = v.execution_seq "
                "where e.id = ? and v.task_run_seq = 0 order by v.seq",
                execution,
            )
        else:
            rows = self.all(
                "select v.state from event v join execution e on e.seq = v.execution_seq join task_run t on "
                "t.seq = v.task_run_seq where e.id = ? and t.task_id = ? order by v.seq",
                execution,
                task,
            )
        return [State(r[0]).name for r in rows]

    def check(self) -> None:
        """The invariants that hold after every commit."""
        problems = invariants(self)
        assert not problems, problems


def invariants(engine: Engine) -> list[str]:
    """What is wrong in the rows, if anything."""
    out: list[str] = []
    for seq, state, events in engine.all(
        "select t.seq, t.state, (select count(*) from event v where v.task_run_seq = t.seq and v.state >= 20) "
        "from task_run t"
    ):
        if (state >= 20) != (events >= 1):
            out.append(f"task run {seq} in state {state} has {events} terminal events")
    for seq, state, last in engine.all(
        "select t.seq, t.state, (select v.state from event v where v.task_run_seq = t.seq order by v.seq desc limit 1) "
        "from task_run t"
    ):
        if state != last:
            out.append(f"task run {seq} is {state}, its history ends with {last}")
    for seq, state, last in engine.all(
        "select e.seq, e.state, (select v.state from event v where v.execution_seq = e.seq and v.task_run_seq = 0 "
        "order by v.seq desc limit 1) from execution e"
    ):
        if state != last:
            out.append(f"execution {seq} is {state}, its history ends with {last}")
    for seq, running in engine.all(
        "select e.seq, (select count(*) from task_run t where t.execution_seq = e.seq and t.state < 20 "
        "and not t.after_execution) from execution e where e.state >= 20"
    ):
        if running:
            out.append(f"execution {seq} is terminal and has {running} open task runs")
    for (scope,) in engine.all(
        "select s.scope from slot s join execution e on e.seq = s.execution_seq where e.state >= 20"
    ):
        out.append(f"slot of {scope} is held by an ended execution")
    for ref, kind in engine.all(
        "select ref, kind from timer where kind in ('retry', 'pause', 'pause-timeout', 'timeout') "
        "and ref not in (select seq from task_run where state < 20)"
    ):
        out.append(f"timer {kind} of {ref} is left over")
    for task, no, state in engine.all(
        "select t.task_id, a.no, a.state from attempt a join task_run t on t.seq = a.task_run_seq "
        "where a.state < 20 and (t.state >= 20 or a.no <> t.attempts)"
    ):
        out.append(f"attempt {no} of {task} is left in state {state}")
    for task, attempts, stored in engine.all(
        "select t.task_id, t.attempts, (select count(*) from attempt a where a.task_run_seq = t.seq) n from task_run t"
    ):
        if attempts != stored:
            out.append(f"task run {task} says {attempts} attempts, there are {stored}")
    return out
