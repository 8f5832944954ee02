"""The executor's loop: take all inputs, apply them to memory, commit once, then perform the effects (design law 2).

Inputs are workers' reports, commands, due timers and work that an earlier step left over. A failed commit ends the
process: memory is never rolled back, the next process rebuilds it from the rows.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowdeck.commands.due import server_zone
from flowdeck.commands.step import Listener
from flowdeck.engine import executor_store as rows
from flowdeck.engine import recovery
from flowdeck.engine.executor_claims import Claims
from flowdeck.engine.executor_commands import Commands
from flowdeck.engine.executor_effects import Effects, LogLine, Transport
from flowdeck.engine.executor_step import ExecutorStep, Promise
from flowdeck.engine.messages import Call, Command, Done, Hello, Reply, Started
from flowdeck.engine.plans import PlanStore
from flowdeck.engine.timers import Timers
from flowdeck.model import transitions
from flowdeck.model.engine import Live, World, control, tasks
from flowdeck.model.engine.stages import WORK
from flowdeck.model.engine.world import Acknowledge, Changes
from flowdeck.model.errors import IllegalArgument, NotFound
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
        self.claims = Claims(self)
        self._effects = Effects(self)
        # Never a number of an earlier process: its workers may still answer.
        self.commands = Commands(self, self._random.getrandbits(48))
        self.alone = 0
        self.stopping = False
        self.steps = 0
        self.taken = 0  # inputs of the latest step
        self.lag = 0.0
        self.meter: ExecutorMeter | None = None
        self.commits: Timer | None = None
        # Of executions, before their end is told: where lines of results are stored beside the steps.
        self.lines_stored: Callable[[Collection[int]], Awaitable[None]] | None = None
        self._wake: asyncio.Event | None = None
        self._failing: set[int] = set()  # executions that an internal error has ended in this process
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
        self.claims.begun(message.seq)
        tasks.on_started(step.world, message.seq, message.fence, message.at, worker)

    def _done(self, step: ExecutorStep, payload: tuple[Done, str]) -> None:
        message, worker = payload
        promise = self.commands.evaluations.pop((message.seq, message.fence), None)
        if promise is not None:
            step.world.effect(Acknowledge(message.seq, message.fence))
            self.commands.resolve(step, promise, message)
            return
        if self.sharing is not None and message.shard >= 0 and not self.sharing.owns(message.shard):
            return  # handed over meanwhile: the worker keeps it for the next owner
        self.claims.begun(message.seq)
        tasks.on_done(step.world, message, worker)

    def _hello(self, step: ExecutorStep, hello: Hello) -> None:
        self._groups[hello.worker] = hello.group
        step.world.live_pools = set(self._groups.values())
        self.claims.claimed(step, hello.worker, hello.in_flight)
        if self.sharing is None:
            self.claims.heard(step, hello.worker)

    def _claim(self, step: ExecutorStep, claim: tuple[str, int, list[tuple[int, int]]]) -> None:
        worker, number, keys = claim
        self.claims.claimed(step, worker, keys)
        self.claims.heard(step, worker, number)

    def _lost(self, step: ExecutorStep, payload: tuple[str, list[tuple[int, int]]]) -> None:
        self._groups.pop(payload[0], None)
        step.world.live_pools = set(self._groups.values())
        for seq, fence in payload[1]:
            self.claims.lost(seq)
            promise = self.commands.evaluations.pop((seq, fence), None)
            if promise is not None:
                step.world.effect((promise.reply, None, ("Unavailable", "the worker is gone", {"retry_after": 1})))
                continue
            tasks.lost(step.world, seq, fence)

    def _command(self, step: ExecutorStep, payload: tuple[Command, Callable[[Reply], None]]) -> None:
        command, answer = payload
        if self.inbox is not None and self.inbox.hand_on(step, command, answer):
            return
        result, error = self.commands.carry_out(step, command)
        if isinstance(result, Promise):
            result.reply = lambda value, failure: answer(Reply(id=command.id, result=value, error=failure))
            return
        step.world.effect((lambda r, e: answer(Reply(id=command.id, result=r, error=e)), result, error))

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
            if batch.barrier and self.lines_stored is not None:
                await self.lines_stored({live.seq for live, _, new in batch.step.moves if new.terminal})
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
        self._effects.perform(batch.effects)
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
        self.claims.reloaded()

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
        self.claims.recover(workers)

    async def run(self) -> None:
        """Run until `stop`; raises when a commit failed or a row was not as expected."""
        self._wake = asyncio.Event()
        self.claims.expect()
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


__all__ = ["Executor", "ExecutorStep", "IllegalArgument", "NotFound", "Promise"]
