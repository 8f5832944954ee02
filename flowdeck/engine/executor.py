"""The executor's loop: take all inputs, apply them to memory, commit once, then perform the effects (design law 2).

Inputs are workers' reports, commands, due timers and work that an earlier step left over. A failed commit ends the
process: memory is never rolled back, the next process rebuilds it from the rows.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from flowdeck.commands import registry
from flowdeck.commands.due import server_zone
from flowdeck.commands.step import Listener
from flowdeck.engine import executor_store as rows
from flowdeck.engine import recovery
from flowdeck.engine.executor_step import ExecutorStep, Promise
from flowdeck.engine.messages import Call, Command, Done, Evaluate, Hello, Reply, Run, Started
from flowdeck.engine.plans import PlanStore
from flowdeck.engine.timers import Timers
from flowdeck.model import engine as pure
from flowdeck.model import transitions
from flowdeck.model.engine import Live, World, control, directory, tasks
from flowdeck.model.engine.stages import WORK
from flowdeck.model.engine.world import Acknowledge, Changes, Dispatch, Evaluation, KillAttempt, Line
from flowdeck.model.errors import DomainError, IllegalArgument, NotFound
from flowdeck.model.flow import TaskKind
from flowdeck.model.ids import ENTROPY_BITS, make_id
from flowdeck.model.states import State
from flowdeck.store.driver import Database, StoreConflict, StoreUnavailable, Writer

if TYPE_CHECKING:
    from flowdeck.engine.executor_meter import ExecutorMeter
    from flowdeck.engine.inbox import Inbox
    from flowdeck.engine.measures import Timer
    from flowdeck.engine.sharing import Sharing

log = logging.getLogger("flowdeck.executor")

BATCH = 2_000
"""Most inputs of one step."""
BATCH_SECONDS = 0.005
"""Most computing time of one step before its commit."""
HELLO_WAIT = 10.0
"""Seconds that a restarted executor waits for workers that were alive before, as a closed socket is waited for."""
FLOW_COMMANDS = ("flow.",)
NAMESPACE_COMMANDS = ("namespace.",)
FLEETING = frozenset({"session.touch", "service.heartbeat", "evaluate"})
"""Commands whose loss in a power cut harms nobody: they ask for no flush."""
STORED = frozenset({"outputs", "engine", "loop", "switch", "subflow", "batch"})
"""Stages whose result is stored readable (outputs, labels, variables, values of loops): a worker masks secrets."""


class Transport(Protocol):
    """Where attempts go (`engine.gateway.Gateway`)."""

    def dispatch(self, job: Any, *, process: bool) -> None: ...
    def kill(self, seq: int, fence: int) -> None: ...
    def ack(self, seq: int, fence: int) -> None: ...


LogLine = Callable[[Live, "pure.Run | None", str, str, int], None]
"""`(execution, task run, level name, text, at ms)`."""


@dataclass(slots=True)
class Batch:
    """A step that is written and waits for its commit."""

    step: ExecutorStep
    effects: list[Any]
    barrier: bool
    started: float


class Executor:
    """The one loop over all live executions.

    Args:
        database: opened database; the executor owns its writer.
        plans: where flows come from.
        transport: the gateway to workers.
        publish: sends feed events, after a commit.
        log_line: writes an execution's log line.
        needs_process: whether a task type takes a process credit.
        recursive: render results again (`kestra.variables.recursive-rendering`).
        encrypt: makes the stored form of SECRET inputs and outputs.
        globals_: `envs`, `globals`, `kestra` of the expression context.
        sharing: what this executor does because there are others (PostgreSQL); None: it is alone.
        pools: worker groups that are configured, whether workers of them live or not.
        subflow_outputs: whether the deprecated `outputs` of Subflow tasks act.
        clock: ms since the epoch.
    """

    def __init__(
        self,
        database: Database,
        plans: PlanStore,
        transport: Transport,
        *,
        writer: Writer | None = None,
        publish: Callable[[list[dict[str, Any]]], None] = lambda events: None,
        log_line: LogLine = lambda *a: None,
        needs_process: Callable[[str], bool] = lambda type: True,
        globals_: Mapping[str, Any] | None = None,
        encrypt: Callable[[str], Any] | None = None,
        recursive: bool = False,
        sharing: Sharing | None = None,
        pools: Iterable[str] = (),
        subflow_outputs: bool = True,
        clock: Callable[[], int] = lambda: int(time.time() * 1000),
        rand: random.Random | None = None,
    ) -> None:
        self.database = database
        self.plans = plans
        self.transport = transport
        self.writer = writer or database.writer()
        self.publish = publish
        self.log_line = log_line
        self.needs_process = needs_process
        self.globals = dict(globals_ or {})
        self.encrypt = encrypt
        self.recursive = recursive
        self.sharing = sharing
        self.pools = frozenset(pools)
        self.subflow_outputs = subflow_outputs
        self._groups: dict[str, str] = {}  # of live workers
        self.inbox: Inbox | None = None
        if sharing is not None:
            sharing.executor = self
        self.clock = clock
        # Ids are no secrets: one seed from the system, not a system call per id.
        self._random = rand or random.Random(secrets.randbits(256))
        self._id_ms = 0
        self._id_tail = 0
        self.listeners: list[Listener] = []
        self.inputs: deque[tuple[Callable[[ExecutorStep, Any], None], Any]] = deque()
        self.dispatched: dict[int, int] = {}
        self.evaluations: dict[tuple[int, int], Promise] = {}
        # Never a number of an earlier process: its workers may still answer.
        self._evaluation_no = self._random.getrandbits(48)
        self.alone = 0
        self.stopping = False
        self.steps = 0
        self.taken = 0  # inputs of the latest step
        self.lag = 0.0
        self.meter: ExecutorMeter | None = None
        self.commits: Timer | None = None
        self._wake: asyncio.Event | None = None
        self._failing: set[int] = set()  # executions that an internal error has ended in this process
        self._unclaimed: dict[int, int] = {}
        self._awaited: set[str] = set()
        self._patience: asyncio.TimerHandle | None = None
        self._announced = 0
        self.resends = True  # attempts that no worker claims after a start are sent again
        self.world = self._new_world()
        self.timers = Timers()

    def _new_world(self) -> World:
        world = World(
            self.plans,
            self._make_id,
            self._random.random,
            self.globals,
            self.encrypt,
            time.perf_counter,
            self.recursive,
        )
        world.attempts_of = self._attempts_of
        world.shared = self.sharing
        world.known_pools = self.pools
        world.subflow_outputs = self.subflow_outputs
        world.live_pools = set(self._groups.values())
        world.environment.zone = server_zone()
        return world

    def _attempts_of(self, seq: int) -> dict[int, dict[int, int]]:
        if self.plans.tx is not None:
            return rows.attempts_of(self.plans.tx, seq)
        with self.database.reader() as reader:
            return rows.attempts_of(reader, seq)

    def _make_id(self, now: int) -> str:
        # Ids of one millisecond count upwards, so that order of creation is order of ids.
        if now != self._id_ms:
            self._id_ms = now
            self._id_tail = self._random.getrandbits(ENTROPY_BITS - 2)
        else:
            self._id_tail += 1 + self._random.getrandbits(16)
        return make_id(now, self._id_tail)

    # ── inputs ──────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, handler: Callable[[ExecutorStep, Any], None], payload: Any) -> None:
        """Queue an input; it is applied in the next step."""
        self.inputs.append((handler, payload))
        self._notify()

    def _notify(self) -> None:
        if self._wake is not None:
            self._wake.set()

    def on_started(self, message: Started, worker: str | None = None) -> None:
        """Gateway: an attempt runs."""
        self.put(self._started, (message, worker))

    def on_done(self, message: Done, worker: str = "") -> None:
        """Gateway: an attempt has ended."""
        self.put(self._done, (message, worker))

    def on_hello(self, hello: Hello) -> None:
        """Gateway: a worker is here and says what it holds."""
        self.put(self._hello, hello)

    def on_claim(self, worker: str, number: int, keys: list[tuple[int, int]]) -> None:
        """Gateway: a worker says what it holds of the shards that were announced with this number."""
        self.put(self._claim, (worker, number, keys))

    def on_lost(self, worker: str, held: list[tuple[int, int]]) -> None:
        """Gateway: a worker is gone for good."""
        self.put(self._lost, (worker, held))

    def on_call(self, call: Call, worker: str, reply: Callable[..., None]) -> None:
        """Gateway: a worker writes, by a command of the closed list."""
        key = f"{call.seq}:{call.fence}:{call.no}" if call.no else None
        command = Command(id=0, name=call.name, args=call.args, key=key, principal=None)
        self.put(self._command, (command, lambda answer: reply(answer.result, answer.error)))

    def submit(self, command: Command, answer: Callable[[Reply], None]) -> None:
        """Command server: a write of the closed list."""
        self.put(self._command, (command, answer))

    def call(self, function: Callable[[ExecutorStep], None]) -> None:
        """Run a function within the next step: the scheduler's entry."""
        self.put(lambda step, f: f(step), function)

    # ── what inputs do ──────────────────────────────────────────────────────────────────────────────────────────

    def _started(self, step: ExecutorStep, payload: tuple[Started, str | None]) -> None:
        message, worker = payload
        self._unclaimed.pop(message.seq, None)
        tasks.on_started(step.world, message.seq, message.fence, message.at, worker)

    def _done(self, step: ExecutorStep, payload: tuple[Done, str]) -> None:
        message, worker = payload
        promise = self.evaluations.pop((message.seq, message.fence), None)
        if promise is not None:
            step.world.effect(Acknowledge(message.seq, message.fence))
            self._resolve(step, promise, message)
            return
        if self.sharing is not None and message.shard >= 0 and not self.sharing.owns(message.shard):
            return  # handed over meanwhile: the worker keeps it for the next owner
        self._unclaimed.pop(message.seq, None)
        tasks.on_done(step.world, message, worker)

    def _resolve(self, step: ExecutorStep, promise: Promise, message: Done) -> None:
        answer = message.outputs or {}
        error = answer.get("error") or message.error
        failure = ("IllegalArgument", str(error), {}) if error else None
        promise.secrets = list(answer.get("secrets") or ())
        reply = promise.reply
        if reply is not None:
            step.world.effect((reply, self._whole(answer) if promise.whole else answer.get("value"), failure))

    def _whole(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """A worker's answer; one that shows secrets is encrypted, since answers may be stored on their way."""
        if answer.get("secrets") and self.encrypt is not None:
            return {"sealed": self.encrypt(json.dumps(answer, ensure_ascii=False))}
        return {"value": answer.get("value")}

    def _hello(self, step: ExecutorStep, hello: Hello) -> None:
        self._groups[hello.worker] = hello.group
        step.world.live_pools = set(self._groups.values())
        self._claimed(step, hello.worker, hello.in_flight)
        if self.sharing is None:
            self._heard(step, hello.worker)

    def _claim(self, step: ExecutorStep, claim: tuple[str, int, list[tuple[int, int]]]) -> None:
        worker, number, keys = claim
        self._claimed(step, worker, keys)
        if number >= self._announced:
            self._heard(step, worker)

    def _claimed(self, step: ExecutorStep, worker: str, keys: Iterable[tuple[int, int]]) -> None:
        for seq, fence in keys:
            run = step.world.runs.get(seq)
            if run is not None and run.fence == fence:
                self._unclaimed.pop(seq, None)
                self.dispatched[seq] = fence
                run.begun = True
                if run.worker is None:
                    run.worker = worker
                if tasks.tree.dying(run.execution, run.after):
                    step.world.effect(KillAttempt(seq, fence))
            elif seq in step.world.strays and step.world.strays[seq].fence == fence:
                self._unclaimed.pop(seq, None)
                self.dispatched[seq] = fence
            elif (seq, fence) not in self.evaluations and seq not in step.world.evaluations:
                step.world.effect(KillAttempt(seq, fence))

    def _heard(self, step: ExecutorStep, worker: str) -> None:
        """A worker has said all that it holds."""
        self._awaited.discard(worker)
        if not self._awaited and self._unclaimed:
            self._send_again(step)

    def _lost(self, step: ExecutorStep, payload: tuple[str, list[tuple[int, int]]]) -> None:
        self._groups.pop(payload[0], None)
        step.world.live_pools = set(self._groups.values())
        for seq, fence in payload[1]:
            self.dispatched.pop(seq, None)
            promise = self.evaluations.pop((seq, fence), None)
            if promise is not None:
                step.world.effect((promise.reply, None, ("Unavailable", "the worker is gone", {"retry_after": 1})))
                continue
            tasks.lost(step.world, seq, fence)

    def _command(self, step: ExecutorStep, payload: tuple[Command, Callable[[Reply], None]]) -> None:
        command, answer = payload
        if self.inbox is not None and self.inbox.hand_on(step, command, answer):
            return
        result, error = self.carry_out(step, command)
        if isinstance(result, Promise):
            result.reply = lambda value, failure: answer(Reply(id=command.id, result=value, error=failure))
            return
        step.world.effect((lambda r, e: answer(Reply(id=command.id, result=r, error=e)), result, error))

    def carry_out(self, step: ExecutorStep, command: Command) -> tuple[Any, registry.Failure | None]:
        """Carry a command out within a step; answers (result, error). A result may be a `Promise`."""
        name = command.name
        handler = registry.ENGINE_COMMANDS.get(name)
        if name not in FLEETING:
            step.world.changes.barrier = True
        if handler is None:
            if name.startswith(FLOW_COMMANDS):
                step.flush()
            result, error = registry.carry_out(
                step.tx, name, command.args, key=command.key, principal=command.principal
            )
            if name.startswith(NAMESPACE_COMMANDS) and error is None:
                self.plans.namespaces_changed()
            if name.startswith(FLOW_COMMANDS):
                self.plans.changed()
                if error is None:
                    args = command.args
                    for scope in [s for s in step.world.waiting if not args.get("id") or s.endswith(f"/{args['id']}")]:
                        step.world.later("admit", scope)
        else:
            earlier = registry.stored_answer(step.tx, command.key)
            if earlier is not None:
                result, error = earlier
            else:
                result, error = self.engine_command(step, command)
                if not isinstance(result, Promise):
                    registry.store_answer(step.tx, command.key, result, error)
        return result, error

    @staticmethod
    def engine_command(step: ExecutorStep, command: Command) -> tuple[Any, registry.Failure | None]:
        """Run a command of `ENGINE_COMMANDS`, whatever its key; answers (result, error)."""
        if command.name not in FLEETING:
            step.world.changes.barrier = True
        step.principal = command.principal
        try:
            return registry.ENGINE_COMMANDS[command.name](step, command.args), None
        except DomainError as refused:
            return None, registry.failure(refused)
        finally:
            step.principal = None

    def evaluate_later(
        self,
        value: Any,
        context: dict[str, Any],
        tenant: str,
        namespace: str,
        flow_id: str,
        *,
        secrets: bool = True,
        masked: bool = False,
        execution: str = "",
    ) -> Promise:
        """Send an evaluation that no execution waits for to a worker.

        Without `secrets` it can't read any; `masked` puts stars in their place.
        """
        self._evaluation_no += 1
        promise = Promise()
        seq = -(1 << 40) - self._evaluation_no
        self.evaluations[seq, -1] = promise
        job = Evaluate(
            seq=seq,
            fence=-1,
            tenant=tenant,
            namespace=namespace,
            flow_id=flow_id,
            value=value,
            context=context,
            secrets=secrets,
            masked=masked or not secrets,
            execution=execution,
        )
        self.world.effect((lambda j, _: self.transport.dispatch(j, process=False), job, None))
        return promise

    # ── the step ────────────────────────────────────────────────────────────────────────────────────────────────

    def step(self) -> bool:
        """Apply what is queued, commit, perform the effects; false when there was nothing to do.

        Raises GuardError or StoreError when the process must end.
        """
        batch = self._apply()
        if batch is None:
            return False
        if batch.step.open:
            begun = time.perf_counter()
            self.writer.commit(full=batch.barrier)
            self._committed(begun)
        self._finish(batch)
        return True

    async def step_aside(self) -> bool:
        """`step`, with a commit that flushes the disk in a thread: meanwhile the loop reads what arrives."""
        batch = self._apply()
        if batch is None:
            return False
        if batch.step.open:
            begun = time.perf_counter()
            if batch.barrier and self.database.durability != "normal":
                await asyncio.to_thread(self.writer.commit, True)
            else:
                self.writer.commit()
            self._committed(begun)
        self._finish(batch)
        return True

    def _committed(self, begun: float) -> None:
        if self.commits is not None:
            self.commits.add(("commit",), time.perf_counter() - begun)

    def _apply(self) -> Batch | None:
        """Apply what is queued and write it into the open transaction; None when there was nothing to do."""
        now = max(self.clock(), self.world.now)
        for kind, ref in self.timers.due(now, self.world.timers):
            self.inputs.append((self._timer, (kind, ref)))
        if not self.inputs and not self.world.todo:
            return None
        step = ExecutorStep(self, now)
        taken: list[tuple[Callable[[ExecutorStep, Any], None], Any]] = []
        limit = 1 if self.alone else BATCH
        started = time.perf_counter()
        culprit: Any = None
        try:
            if self.sharing is not None:
                self.sharing.before(step)
            while self.inputs and len(taken) < limit:
                entry = self.inputs.popleft()
                taken.append(entry)
                culprit = entry
                entry[0](step, entry[1])
                if len(taken) % 16 == 0 and time.perf_counter() - started > BATCH_SECONDS:
                    break
            culprit = None
            w = self.world
            spent = 0
            # Inputs that took the time of the whole step, as a chunk of schedules does, leave little for the rest.
            pace = 64 if time.perf_counter() - started < BATCH_SECONDS else 8
            while True:
                while w.todo and spent < transitions.BATCH:
                    culprit = w.todo.popleft()
                    spent += 1
                    WORK[culprit[0]](w, culprit[1])
                    if spent % pace == 0 and time.perf_counter() - started > BATCH_SECONDS:
                        spent = transitions.BATCH
                culprit = None
                if not w.changes.moves:
                    break
                moves, w.changes.moves = w.changes.moves, []
                step.moves += moves
                for live, old, new in moves:
                    culprit = (None, live)
                    self._moved(step, live, old, new)
                culprit = None
            step.flush()
            if step.open:
                step.feed += step.tx.events
                barrier = self.world.changes.barrier
                if barrier:
                    self._write_baselines(step)
                if self.sharing is not None:
                    self.sharing.publish(step)
                step.tx.settle()
                if barrier:
                    self.world.baselines.clear()
        except StoreConflict as conflict:
            self._again(taken, conflict)
            return Batch(ExecutorStep(self, now), [], False, started)
        except (rows.GuardError, StoreUnavailable):
            self.writer.rollback()  # whoever owns the rows now must not wait for the end of this process
            raise
        except Exception as error:
            self._undo(step, taken, culprit, error)
            return Batch(ExecutorStep(self, now), [], False, started)
        self.taken = len(taken)
        if self.alone:
            self.alone -= 1
        effects, barrier = self.world.changes.effects, self.world.changes.barrier
        self.world.changes = Changes()
        self.plans.tx = None
        return Batch(step, effects, barrier, started)

    def _finish(self, batch: Batch) -> None:
        """The commit is done: dispatch, acknowledge, answer, publish."""
        self.steps += batch.step.open
        if self.sharing is not None:
            self.sharing.committed(batch.step)
        self._perform(batch.effects)
        if batch.step.feed:
            self.publish(batch.step.feed)
        self.lag = time.perf_counter() - batch.started
        if self.meter is not None:
            self.meter.committed(batch.step, self.lag)

    def _timer(self, step: ExecutorStep, timer: tuple[str, int]) -> None:
        transitions.timer_due(step.world, *timer)

    def _moved(self, step: ExecutorStep, live: Live, old: State | None, new: State) -> None:
        step.tx.events.append(
            {
                "kind": "topic",
                "topic": "executions",
                "change": "created" if old is None else "changed",
                "id": live.id,
                "tenant": live.tenant,
                "namespace": live.namespace,
                "flowId": live.flow_id,
                "state": new.name,
            }
        )
        for listener in self.listeners:
            listener(step, live, old, new)

    def _write_baselines(self, step: ExecutorStep) -> None:
        # Samples are written with the end of an execution; between, they cost nothing.
        fresh = sorted(self.world.baselines.items())
        if not fresh:
            return
        question = "select samples from task_baseline where flow_key = ? and task_id = ?"
        stored: list[tuple[Any, ...]] = []
        for ((flow_key, task), new), found in zip(
            fresh, step.tx.together(*[(question, key) for key, _ in fresh]), strict=True
        ):
            known = rows.decode(found[0][0]) if found else []
            stored.append((flow_key, task, rows.encode([*(known or []), *new][-tasks.SAMPLES :])))
        step.tx.send(rows.PUT_BASELINE, stored)

    def _perform(self, effects: Iterable[Any]) -> None:
        for effect in effects:
            kind = type(effect)
            if kind is Acknowledge:
                self.dispatched.pop(effect.seq, None)
                self.transport.ack(effect.seq, effect.fence)
            elif kind is Dispatch:
                self._dispatch(effect)
            elif kind is Line:
                self.log_line(effect.execution, effect.run, effect.level, effect.text, effect.at)
            elif kind is KillAttempt:
                self.transport.kill(effect.seq, effect.fence)
            elif kind is Evaluation:
                live = tasks.live_of(effect.subject)
                self.transport.dispatch(
                    Evaluate(
                        seq=effect.seq,
                        fence=effect.fence,
                        tenant=live.tenant,
                        namespace=live.namespace,
                        flow_id=live.flow_id,
                        value=effect.value,
                        context=effect.context,
                        masked=effect.stage in STORED,
                        execution=live.id,
                        clear=effect.clear,
                    ),
                    process=False,
                )
            else:
                function, result, error = effect
                if function is not None:
                    function(result, error)

    def _needs_process(self, run: pure.Run) -> bool:
        """Whether an attempt takes a process credit; a WorkingDirectory does if one of its children does."""
        task = run.task
        if task.kind is not TaskKind.DIRECTORY:
            return self.needs_process(task.type)
        tasks_ = run.execution.plan.flow.tasks
        return any(self.needs_process(tasks_[key].type) for key in task.children.get("tasks", ()))

    def _dispatch(self, effect: Dispatch) -> None:
        run = effect.run
        if run.fence != effect.fence or run.state.terminal or run.execution.gone:
            return
        live = run.execution
        self.dispatched[run.seq] = effect.fence
        self.transport.dispatch(
            Run(
                seq=run.seq,
                fence=effect.fence,
                attempt=effect.attempt,
                task_run=run.id,
                execution=live.id,
                execution_seq=live.seq,
                tenant=live.tenant,
                namespace=live.namespace,
                flow_id=live.flow_id,
                flow_key=live.flow_key,
                revision=live.flow_rev,
                task_key=run.task.key,
                context=effect.context,
                timeout_ms=effect.timeout_ms,
                restarted=effect.restarted,
                whole=effect.whole,
                defaults=live.plan.defaults,
                shard=live.shard,
                children=run.detail["reserved"] if run.task.kind is TaskKind.DIRECTORY else [],
                path=list(run.path) if run.task.kind is TaskKind.DIRECTORY else [],
                group=run.detail.get("group", ""),
                queued=self.world.now,
            ),
            process=self._needs_process(run),
        )

    # ── faults ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _again(self, taken: list[tuple[Callable[[ExecutorStep, Any], None], Any]], conflict: StoreConflict) -> None:
        """Another process was in the way of the transaction: memory is read anew, all inputs go again one by one."""
        self.writer.rollback()
        self.plans.tx = None
        if self.sharing is not None:
            self.sharing.undone()
        log.info("a step goes again: %s", str(conflict).splitlines()[0])
        self.reload()
        self.inputs.extendleft(reversed(taken))
        self.alone = max(self.alone, len(taken))

    def _undo(
        self,
        step: ExecutorStep,
        taken: list[tuple[Callable[[ExecutorStep, Any], None], Any]],
        culprit: Any,
        error: Exception,
    ) -> None:
        """An input raised: nothing of the batch counts.

        All go again one by one; the one that raises alone fails its execution.
        """
        self.writer.rollback()
        self.plans.tx = None
        if self.sharing is not None:
            self.sharing.undone()
        log.exception("an input of the executor raised", exc_info=error)
        was_alone = len(taken) <= 1
        subject = self._execution_of(culprit if culprit is not None or not taken else taken[0])
        self.reload()
        if not was_alone:
            self.inputs.extendleft(reversed(taken))
            self.alone = len(taken)
            return
        self.alone = max(0, self.alone - 1)
        for handler, payload in taken:
            if handler == self._command:
                payload[1](
                    Reply(
                        id=payload[0].id,
                        error=("DomainError", f"command {payload[0].name} failed: {type(error).__name__}", {}),
                    )
                )
            elif handler == self._done:
                self.transport.ack(payload[0].seq, payload[0].fence)
            elif self.inbox is not None and handler == self.inbox.apply:
                again = [(self.inbox.apply, [row]) for row in payload]
                self.inputs.extendleft(reversed(again if len(again) > 1 else [(self.inbox.refuse, payload[0])]))
                self.alone += len(payload)
        if subject is not None:
            self.inputs.appendleft((self._fail_execution, (subject, f"{type(error).__name__}: {error}"[:500])))

    def _execution_of(self, culprit: Any) -> int | None:
        if culprit is None:
            return None
        payload: Any = culprit[1]
        if isinstance(payload, tuple) and payload:
            payload = payload[0]
        if isinstance(payload, (Done, Started)):
            run = self.world.runs.get(payload.seq)
            return run.execution.seq if run is not None else None
        for name in ("execution", "seq"):
            value = getattr(payload, name, None)
            if isinstance(value, Live):
                return value.seq
        return payload.seq if isinstance(payload, Live) else None

    def _fail_execution(self, step: ExecutorStep, payload: tuple[int, str]) -> None:
        seq, reason = payload
        live = step.world.executions.get(seq)
        if live is None:
            return
        step.world.log(live, None, "ERROR", f"The execution failed by an internal error: {reason}")
        if live.state.terminal:
            control.drop_rest(step.world, live)
            return
        if seq in self._failing:
            live.root = None  # to fail raised too: nothing follows its end
        self._failing.add(seq)
        live.error = live.error or {"message": f"Internal error: {reason}"}
        for run in live.open.values():
            run.level = None
        control.close(step.world, live, State.FAILED)

    # ── life ────────────────────────────────────────────────────────────────────────────────────────────────────

    def reload(self) -> None:
        """Rebuild memory from the rows; attempts that are out stay out."""
        self._load()
        for seq, fence in self.dispatched.items():
            run = self.world.runs.get(seq)
            if run is not None and run.fence == fence:
                run.begun = True
        recovery.set_going(self.world, self.dispatched.keys() | self._unclaimed.keys())

    def _load(self) -> None:
        old = self.world
        self.world = self._new_world()
        self.world.now = old.now
        with self.database.reader() as reader:
            self.world.maintenance = rows.in_maintenance(reader)
            recovery.load_world(reader, self.plans, self.world, self.sharing.held if self.sharing is not None else None)
        self.world.last_event = max(self.world.last_event, old.last_event)
        self.world.last_execution = max(self.world.last_execution, old.last_execution)
        self.world.last_run = max(self.world.last_run, old.last_run)
        self.world.last_question = old.last_question
        self.timers = Timers(self.world.timers.items())

    def recover(self, workers: Iterable[str] = ()) -> None:
        """Read open executions at start; attempts that may run somewhere wait for the hellos of `workers`."""
        self._load()
        self._unclaimed = _may_run(self.world.runs.values())
        self._unclaimed.update((seq, run.fence) for seq, run in self.world.strays.items())
        self._awaited = set(workers)
        recovery.set_going(self.world, set(self._unclaimed))
        if not self._awaited:
            self.put(lambda s, _: self._send_again(s), None)

    def announce(self) -> None:
        """Tell the workers which shards are ours; they answer with what they hold of new ones."""
        if self.sharing is not None:
            self._announced = self.sharing.transport.announce(self.sharing.held)

    def took(self, lives: list[Live], workers: Iterable[str]) -> None:
        """Executions that another executor worked on have come into memory: they go on as after a start.

        `workers` may run attempts of theirs: what they do not claim is sent again.
        """
        fresh = _may_run(run for live in lives for run in live.open.values())
        fresh.update((seq, r.fence) for seq, r in self.world.strays.items() if seq not in self.dispatched)
        self._unclaimed.update(fresh)
        recovery.set_going(self.world, set(fresh), lives)
        if not fresh:
            return
        self._awaited |= set(workers)
        if self._awaited:
            self._be_patient()
        else:
            self.put(lambda s, _: self._send_again(s), None)

    def forget(self, seqs: set[int]) -> None:
        """Task runs are another executor's business from now on."""
        for seq in seqs:
            self.dispatched.pop(seq, None)
            self._unclaimed.pop(seq, None)

    def _be_patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = asyncio.get_running_loop().call_later(
            HELLO_WAIT, lambda: self.put(lambda s, _: self._send_again(s), None)
        )

    def _send_again(self, step: ExecutorStep) -> None:
        """All workers that were alive have spoken, or had their time: what nobody holds is sent again."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        unclaimed, self._unclaimed = self._unclaimed, {}
        for seq, fence in unclaimed.items():
            run = step.world.runs.get(seq)
            if not self.resends and run is not None and run.state is State.RUNNING and not run.killing:
                continue  # its worker may hold it for ever; a kill ends it
            if run is None and seq in step.world.strays:
                tasks.lost(step.world, seq, fence)
            if run is None or run.fence != fence:
                continue
            if run.state is State.RUNNING or run.killing or tasks.tree.dying(run.execution, run.after):
                tasks.lost(step.world, seq, fence)
            else:
                run.begun = False
                step.world.later("begin", run)

    async def run(self) -> None:
        """Run until `stop`; raises when a commit failed or a row was not as expected."""
        self._wake = asyncio.Event()
        if self._unclaimed and self._awaited:
            self._be_patient()
        self._wake.set()
        while True:
            if not self.inputs and not self.world.todo:
                if self.stopping:
                    return
                wait = self.timers.wait(self.clock())
                if wait is None:
                    await self._wake.wait()
                elif wait > 0:
                    try:
                        await asyncio.wait_for(self._wake.wait(), wait)
                    except TimeoutError:
                        pass
            self._wake.clear()
            await self.step_aside()
            # Let the sockets be read: what arrives now is the next batch.
            await asyncio.sleep(0)

    def stop(self) -> None:
        """End `run` after the inputs that are queued."""
        self.stopping = True
        self._notify()


def _may_run(runs: Iterable[pure.Run]) -> dict[int, int]:
    """Attempts that a worker may have: fences by task run."""
    return {
        run.seq: run.fence
        for run in runs
        if run.task.kind in tasks.BY_WORKERS
        and "job" not in run.detail
        and not directory.inside(run)
        and run.fence
        and run.state in (State.CREATED, State.RUNNING, State.RESTARTED, State.KILLING)
    }


__all__ = ["Executor", "ExecutorStep", "IllegalArgument", "NotFound", "Promise"]
