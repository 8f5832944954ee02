"""Live executions as plain slotted objects, and what a step changed in them.

Memory holds executions that are not terminal (and those whose `afterExecution` still runs), nothing else. One
transition touches one task run, its parent chain and, when its own state changes, the execution: the counters of a
`Level` make the end of a parent O(1) whatever the number of its children (engine notes §2.4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from flowdeck.expr import Environment, Limits
from flowdeck.model.engine.changes import (
    Acknowledge,
    Changes,
    Dispatch,
    Evaluation,
    KillAttempt,
    Line,
)
from flowdeck.model.engine.plan import Plan
from flowdeck.model.engine.stages import WORK
from flowdeck.model.flow import TaskDef, TaskKind
from flowdeck.model.masking import Secrecy
from flowdeck.model.states import State

NEW, STATE, DETAIL, OUTPUTS = 1, 2, 4, 8
"""What of a row a step has to write."""

RENDER_SECONDS = 0.05
"""Longest render within a step; what takes longer is given to a worker."""

OFTEN_ASKED = 500
"""Task runs of an execution whose SLA assertions are asked at each of its changes."""

FAR = 1 << 53
"""A due time that never comes: the timer row is a marker for recovery."""


class Run:
    """A task run."""

    __slots__ = (
        "after",
        "attempt_started",
        "attempts",
        "begun",
        "child",
        "counts",
        "created",
        "detail",
        "dirty",
        "ended",
        "execution",
        "fence",
        "first_started",
        "id",
        "iteration",
        "killing",
        "level",
        "ord",
        "outputs",
        "outputs_size",
        "outputs_uri",
        "parent",
        "path",
        "scratch",
        "seq",
        "started",
        "state",
        "stored_version",
        "stray",
        "task",
        "timeout_ms",
        "value",
        "version",
        "worker",
    )

    def __init__(self, execution: Live, task: TaskDef, seq: int, id: str, ord: int, created: int) -> None:
        self.execution = execution
        self.task = task
        self.seq = seq
        self.id = id
        self.ord = ord
        self.created = created
        self.parent: Run | None = None
        self.iteration = -1
        self.value: str | None = None
        self.path: tuple[str, ...] = ()  # values of the loops around it, outermost first, its own included
        self.state = State.CREATED
        self.fence = 0
        self.attempts = 0
        self.started: int | None = None
        self.first_started: int | None = None
        self.attempt_started: int | None = None
        self.ended: int | None = None
        self.worker: str | None = None
        self.outputs: Any = None  # kept only where some expression of the flow refers to it
        self.outputs_uri: str | None = None
        self.outputs_size = 0
        self.child: str | None = None
        self.detail: dict[str, Any] = {}
        self.after = False
        self.level: Level | None = None
        self.counts: dict[str, int] | None = None
        self.timeout_ms: int | None = None
        self.begun = False  # runIf has been asked, or the attempt is with the gateway
        self.killing = False
        self.scratch: Any = None  # what a task keeps between two evaluations
        self.stray = False  # ended from outside while its attempt goes on; its result is still taken down (§8.2)
        self.dirty = 0
        self.version = 0
        self.stored_version = 0

    def __repr__(self) -> str:
        return f"<{self.task.id}#{self.seq} {self.state.name}>"


class Level:
    """The children of one flowable task run, or of the execution itself (`run` is None).

    Main children come in groups: a group is one task, in a loop one iteration with all its tasks in order. At most
    `limit` groups are alive (0 = any number); a sequence is a level with limit 1.
    """

    __slots__ = (
        "again",
        "alive",
        "around",
        "counts",
        "current",
        "ended",
        "execution",
        "failed",
        "flat",
        "followers",
        "job",
        "keys",
        "limit",
        "loop",
        "made",
        "next",
        "open",
        "phase",
        "pos",
        "ready",
        "reported",
        "run",
        "side",
        "startable",
        "total",
        "values",
        "waits",
        "width",
    )

    def __init__(
        self,
        execution: Live,
        run: Run | None,
        keys: tuple[int, ...],
        side: Mapping[str, tuple[int, ...]],
        limit: int = 1,
        values: list[str] | None = None,
        flat: bool = False,
    ) -> None:
        self.execution = execution
        self.run = run
        self.keys = keys
        self.side = side
        self.limit = limit
        self.values = values
        self.loop = values is not None
        self.flat = flat
        self.width = len(keys) if values is None else len(values) * (len(keys) if flat else 1 if keys else 0)
        self.next = 0
        self.alive = 0
        self.again: dict[int, list[int]] = {}  # restarted groups: open children, furthest position
        self.ready: deque[tuple[int, int]] = deque()  # (group, position) to be created
        self.open: dict[int, Run] = {}  # all children that are not terminal, side lists included
        self.current: Run | None = None  # of the side list that runs
        self.counts: dict[State, int] = {}  # ended main children
        self.total: dict[str, int] = {}  # ended children of all lists
        self.failed = False
        self.phase = "tasks"
        self.pos = 0
        self.ended = False
        self.job = False  # of a WorkingDirectory: its children are with a worker
        self.reported: frozenset[int] = frozenset()  # of a WorkingDirectory: those whose rows are there already
        self.followers: dict[int, list[int]] | None = None  # of a Dag: task key → groups that depend on it
        self.waits: list[int] = []  # of a Dag: dependencies of each group that have not ended; -1 = created
        self.startable: list[int] = []  # of a Dag: groups that may start (a heap)
        self.made: dict[int, Run] | None = None  # of a LoopUntil: all task runs of the round, at any depth
        above = run.parent.level if run is not None and run.parent is not None else None
        self.around: Level | None = None  # the nearest LoopUntil's level outside
        if above is not None:
            self.around = above if above.made is not None else above.around

    def place(self, group: int, position: int) -> tuple[int, int, str | None]:
        """Task key, iteration and value of a place."""
        if self.values is None:
            return self.keys[group], -1, None
        if self.flat:
            iteration, index = divmod(group, len(self.keys))
            return self.keys[index], iteration, self.values[iteration]
        return self.keys[position], group, self.values[group]

    def group_length(self) -> int:
        """Tasks of a group."""
        return len(self.keys) if self.loop and not self.flat else 1


class Live:
    """An execution in memory."""

    __slots__ = (
        "asserted",
        "asserted_at",
        "asserting",
        "attempt_number",
        "breakpoints",
        "by_task",
        "created",
        "dirty",
        "ended",
        "error",
        "final",
        "finishing",
        "fixtures",
        "flow_id",
        "flow_key",
        "flow_rev",
        "gone",
        "id",
        "inputs",
        "kind",
        "labels",
        "labels_changed",
        "listeners",
        "namespace",
        "new",
        "open",
        "original_created",
        "original_id",
        "outputs",
        "parent_execution",
        "parent_id",
        "parent_task_run",
        "plan",
        "root",
        "schedule_date",
        "seq",
        "shard",
        "sla_errors",
        "started",
        "state",
        "stored_state",
        "stored_version",
        "task_count",
        "tenant",
        "trigger",
        "trigger_id",
        "unanswered",
        "variables",
        "version",
    )

    def __init__(self, plan: Plan, seq: int, id: str, created: int) -> None:
        flow = plan.flow
        self.plan = plan
        self.seq = seq
        self.id = id
        self.shard = 0
        self.tenant = flow.tenant
        self.namespace = flow.namespace
        self.flow_id = flow.id
        self.flow_key = plan.flow_key
        self.flow_rev = flow.revision
        self.state = State.CREATED
        self.kind: str | None = None
        self.created = created
        self.started: int | None = None
        self.ended: int | None = None
        self.schedule_date: int | None = None
        self.trigger_id: str | None = None
        self.unanswered: str | None = None  # why outputs that a Subflow task asks for can't be rendered
        self.trigger: dict[str, Any] | None = None
        self.parent_id: str | None = None
        self.original_id = id
        self.original_created: int | None = created
        self.attempt_number = 1
        self.parent_execution: str | None = None
        self.parent_task_run: int | None = None
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] | None = None
        self.variables: dict[str, Any] = {}
        self.labels: list[tuple[str, str]] = []
        self.error: dict[str, Any] | None = None
        self.breakpoints: list[dict[str, str]] = []
        self.fixtures: list[dict[str, Any]] = []  # results instead of tasks, of tests of flows (§17)
        self.listeners: tuple[int, ...] = ()  # those that run after the end (§10.1)
        self.task_count = 0
        self.open: dict[int, Run] = {}
        self.by_task: dict[int, dict[tuple[str, ...], Run]] = {}
        self.root: Level | None = None
        self.finishing = False  # the final state is known, the flow's outputs are being evaluated
        self.final: State | None = None
        self.gone = False  # no longer in memory
        self.asserting = False  # its SLA assertions are to be asked (§11.4)
        self.asserted = 0  # number of the assertion that is asked
        self.asserted_at = 0  # when they were asked last, ms
        self.sla_errors: tuple[tuple[int, str], ...] = ()
        self.new = False
        self.dirty = False
        self.labels_changed = False
        self.version = 0
        self.stored_state: State | None = None  # of the row
        self.stored_version = 0

    @property
    def scope(self) -> str:
        """Where its flow's concurrency limit is counted."""
        return f"{self.tenant}/{self.namespace}/{self.flow_id}"

    def __repr__(self) -> str:
        return f"<execution {self.id} {self.state.name}>"


class Flows(Protocol):
    """Where flows come from; raises `LookupError` with the text for the user when there is none that runs."""

    def plan(self, tenant: str, namespace: str, flow_id: str, revision: int | None = None) -> Plan: ...


class Shared(Protocol):
    """What an executor that is not alone asks for: limits count executions of all of them (PostgreSQL)."""

    def look(self, scope: str) -> None:
        """Hold a limit until the end of the step; `slots` and `waiting` of the world are then those of all."""
        ...

    def admit(self, scope: str, seq: int) -> bool | None:
        """Give the next place to an execution that waits elsewhere.

        False: there is no room; None: that execution does not wait any more.
        """
        ...

    def root_id(self, now: int) -> str:
        """An id for a new execution that is to lie with this executor, if it has executions."""
        ...

    def create_elsewhere(self, args: dict[str, Any]) -> bool:
        """Have the owner of its shard create an execution (`execution.create`); false: it is this executor's."""
        ...


class World:
    """The state of the executor: live executions, slots, timers, work left for the next step.

    Everything impure is given: `flows` looks flows up, `new_id` and `rand` hold the randomness, `now` is set by the
    loop at the beginning of a step.
    """

    def __init__(
        self,
        flows: Flows,
        new_id: Callable[[int], str],
        rand: Callable[[], float],
        globals_: Mapping[str, Any] | None = None,
        encrypt: Callable[[str], Any] | None = None,
        stopwatch: Callable[[], float] = lambda: 0.0,
        recursive: bool = False,
    ) -> None:
        self.flows = flows
        self.new_id = new_id
        self.rand = rand
        self.globals: dict[str, Any] = dict(globals_ or {})  # envs, globals, kestra
        self.encrypt = encrypt  # stored form of SECRET inputs and outputs
        self.secrecy: Secrecy | None = None  # while the answer of a worker that read secrets is applied
        self.now = 0
        self.stopwatch = stopwatch  # seconds, to see which renders took too long
        self.environment = Environment(
            now=lambda: datetime.fromtimestamp(self.now / 1000, UTC),
            limits=Limits(seconds=RENDER_SECONDS, regex_seconds=RENDER_SECONDS),
            recursive=recursive,
        )
        self.executions: dict[int, Live] = {}
        self.by_id: dict[str, Live] = {}
        self.children: dict[str, set[int]] = {}  # execution id → seqs of live ones that it started
        self.runs: dict[int, Run] = {}
        self.maintenance = False  # nothing new starts (enterprise and operations F46)
        self.held: dict[int, Live] = {}  # executions that wait for the end of the maintenance, in order
        self.attempts_of: Callable[[int], dict[int, dict[int, int]]] = lambda seq: {}
        """Stored attempts of an execution: task run → number → state; looked up like `flows`, once at its end."""
        self.subflow_outputs = True  # whether Subflow tasks may ask for outputs themselves (§9.1, deprecated)
        self.known_pools: frozenset[str] = frozenset()  # worker groups that are configured (§7.5)
        self.live_pools: set[str] = set()  # worker groups with a live worker
        self.reserved: dict[int, tuple[Run, int, str]] = {}  # children that the job of a WorkingDirectory may report
        self.batches: dict[int, Any] = {}  # task run seq → `items.Batches` of a ForEachItem that runs
        self.strays: dict[int, Run] = {}  # ended from outside, their attempts go on
        self.slots: dict[str, set[int]] = {}
        self.waiting: dict[str, dict[int, int]] = {}  # scope → execution seq → queued at, in order
        self.timers: dict[tuple[str, int], int] = {}
        self.evaluations: dict[int, Evaluation] = {}
        self.baselines: dict[tuple[int, str], list[list[int]]] = {}
        self.todo: deque[tuple[str, Any]] = deque()
        self.changes = Changes()
        self.ignored: Callable[[Live], bool] | None = None  # executions that are left as they are
        self.shared: Shared | None = None  # set where several executors share the database
        self.last_event = 0
        self.last_execution = 0
        self.last_run = 0
        self.last_question = 0  # of executions to workers: fences that never come again

    # ── numbering ───────────────────────────────────────────────────────────────────────────────────────────────

    def next_event(self) -> int:
        """The next number of the history; also the version of the row that it changes."""
        self.last_event += 1
        return self.last_event

    # ── marking ─────────────────────────────────────────────────────────────────────────────────────────────────

    def touch_run(self, run: Run, what: int) -> None:
        """Note that a task run's row has to be written."""
        run.dirty |= what
        run.version = self.next_event()
        self.changes.runs[run.seq] = run

    def run_event(self, run: Run, state: State, at: int | None = None, cause: str | None = None) -> None:
        """Change a task run's state, with its line in the history."""
        run.state = state
        run.dirty |= STATE
        run.version = self.next_event()
        if run.execution.plan.assertions:
            self.assert_later(run.execution)
        changes = self.changes
        changes.runs[run.seq] = run
        changes.events.append(
            (
                run.version,
                run.execution.seq,
                run.seq,
                run.attempts,
                int(state),
                self.now if at is None else at,
                cause,
            )
        )

    def touch_execution(self, live: Live) -> None:
        """Note that an execution's row has to be written."""
        live.dirty = True
        live.version = self.next_event()
        self.changes.executions[live.seq] = live

    def move(self, live: Live, state: State, cause: str | None = None) -> None:
        """Change an execution's state, with its line in the history; the same state again is nothing."""
        old = None if live.new and live.version == 0 else live.state
        if old is state:
            return
        live.state = state
        live.dirty = True
        live.version = self.next_event()
        changes = self.changes
        changes.executions[live.seq] = live
        changes.events.append((live.version, live.seq, 0, 0, int(state), self.now, cause))
        changes.moves.append((live, old, state))
        if live.parent_task_run is not None:
            run = self.runs.get(live.parent_task_run)
            if run is not None and run.task.kind is TaskKind.ITEMS:
                WORK["child moved"](self, (run, live, old, state))
        if live.plan.assertions and not state.terminal:
            self.assert_later(live)
        if state.terminal:
            changes.barrier = True

    def assert_later(self, live: Live) -> None:
        """Have the SLA assertions of an execution asked, once for all that changes until then.

        An execution with many task runs is asked once a second and at its end: what an assertion looks at may be as
        large as the execution.
        """
        if live.asserting:
            return
        if live.task_count > OFTEN_ASKED and self.now - live.asserted_at < 1000:
            if ("sla-ask", live.seq) not in self.timers:
                self.timer("sla-ask", live.seq, live.asserted_at + 1000)
            return
        live.asserting = True
        self.todo.append(("sla", live))

    def timer(self, kind: str, ref: int, due: int, payload: str | None = None) -> None:
        """Set a timer; one per kind and row."""
        self.timers[kind, ref] = due
        self.changes.timers[kind, ref] = (due, payload)

    def cancel(self, kind: str, ref: int) -> None:
        """Drop a timer, if it is set."""
        if self.timers.pop((kind, ref), None) is not None:
            self.changes.timers[kind, ref] = None

    def log(self, live: Live, run: Run | None, level: str, text: str) -> None:
        """Write a line into the execution's log, after the commit."""
        self.changes.effects.append(Line(live, run, level, text, self.now))

    def effect(self, effect: Any) -> None:
        """Do this after the commit."""
        self.changes.effects.append(effect)

    def later(self, work: str, subject: Any) -> None:
        """Do this kind of work later in this step, or in the next one when this step is full."""
        self.todo.append((work, subject))

    # ── memory ──────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, live: Live) -> None:
        """Take an execution into memory."""
        self.executions[live.seq] = live
        self.by_id[live.id] = live
        if live.parent_execution is not None:
            self.children.setdefault(live.parent_execution, set()).add(live.seq)

    def evict(self, live: Live) -> None:
        """Drop an execution from memory; its rows stay."""
        live.gone = True
        self.executions.pop(live.seq, None)
        self.by_id.pop(live.id, None)
        if live.parent_execution is not None:
            siblings = self.children.get(live.parent_execution)
            if siblings is not None:
                siblings.discard(live.seq)
                if not siblings:
                    del self.children[live.parent_execution]
        self.evaluations.pop(-live.seq, None)
        for run in live.open.values():
            self.runs.pop(run.seq, None)
            self.evaluations.pop(run.seq, None)
            self.batches.pop(run.seq, None)
            if run.task.kind is TaskKind.DIRECTORY:
                for _, seq, _ in run.detail.get("reserved") or ():
                    self.reserved.pop(seq, None)
        live.by_task.clear()

    def keep(self, run: Run) -> None:
        """Remember a task run where an expression of its flow may ask for its outputs or state."""
        plan = run.execution.plan
        name = run.task.id
        if (
            plan.keeps_outputs is None
            or plan.keeps_states is None
            or name in plan.keeps_outputs
            or name in plan.keeps_states
        ):
            run.execution.by_task.setdefault(run.task.key, {})[run.path] = run


__all__ = [
    "DETAIL",
    "FAR",
    "NEW",
    "OUTPUTS",
    "RENDER_SECONDS",
    "STATE",
    "Acknowledge",
    "Changes",
    "Dispatch",
    "Evaluation",
    "Flows",
    "KillAttempt",
    "Level",
    "Line",
    "Live",
    "Run",
    "World",
]
