"""Triggers that workers carry out: evaluations of polling triggers, listeners of realtime ones (workflow components
§15.8, engine notes §2.11).

A row with `evaluating_since` has a job at a worker; the job bears the row's fence, and only its report counts. What it
starts is created in the step that stores its report; the worker keeps reports and events until that step is committed.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowdeck.engine.messages import Call, Done, Poll, Started
from flowdeck.engine.questions import Questions
from flowdeck.engine.triggers import (
    Encrypt,
    Preparation,
    Prepared,
    ask,
    conditions_hold,
    flow_context,
    group_of,
    start,
)
from flowdeck.engine.triggers_state import Key, Say, row_of, write
from flowdeck.model.conditions import ConditionError
from flowdeck.model.durations import parse_duration
from flowdeck.model.engine import Plan
from flowdeck.model.engine.world import Acknowledge
from flowdeck.model.errors import DomainError
from flowdeck.model.flow import TriggerDef
from flowdeck.model.ids import trigger_shard
from flowdeck.model.inputs import Pending
from flowdeck.model.instants import instant
from flowdeck.model.states import State

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor, ExecutorStep

log = logging.getLogger("flowdeck.triggers")

FIRST_SEQ = -(1 << 61)
"""Jobs of triggers have this number or a lower one; task runs have positive ones."""
INTERVAL_MS = 60_000
REST_FIRST_MS, REST_LAST_MS = 1_000, 60_000
"""How long a realtime trigger rests that has ended: doubled each time, begun anew after a minute of listening."""

Reply = Callable[[Any, "tuple[str, str, dict[str, Any]] | None"], None]


def seq_of(key: Key) -> int:
    """The number of a trigger's jobs: the same in every process."""
    digest = hashlib.blake2b("/".join(key).encode(), digest_size=7).digest()
    return FIRST_SEQ - int.from_bytes(digest)


def is_trigger(seq: int) -> bool:
    """Whether a job's number is that of a trigger."""
    return seq <= FIRST_SEQ


@dataclass(slots=True)
class _Job:
    """A job that is at a worker, or on its way."""

    key: Key
    fence: int
    preparing: Preparation | None = None  # of the result, or of the event `number`
    number: int = 0
    questions: Questions | None = None  # about the conditions of the event `number`
    waiting: bool = field(default=False)  # a worker renders for it


class TriggerJobs:
    """Sends jobs and applies what comes back.

    Args:
        executor: in whose steps everything happens.
        set_due: tells the scheduler when a trigger is due next; None = not before something changes.
        encrypt: makes the stored form of SECRET inputs.
        say: writes into a trigger's log.
    """

    def __init__(
        self, executor: Executor, set_due: Callable[[Key, int | None], None], *, encrypt: Encrypt | None, say: Say
    ) -> None:
        self._executor = executor
        self._set_due = set_due
        self._encrypt = encrypt
        self._say = say
        self._jobs: dict[int, _Job] = {}
        self._unclaimed: set[int] = set()
        self._awaited: set[str] = set()
        self._rests: dict[Key, int] = {}
        self._begins: dict[Key, Questions] = {}
        self._faults: dict[tuple[int, int], int] = {}

    def count(self) -> int:
        """Jobs that are at workers; may be asked by any thread."""
        return len(self._jobs)

    # ---- what is at workers

    def recover(self, rows: Iterable[Any], workers: Iterable[str]) -> None:
        """At start: jobs that may still run; those that no worker of `workers` claims are given up."""
        for row in rows:
            key: Key = (row["tenant"], row["namespace"], row["flow_id"], row["trigger_id"])
            seq = seq_of(key)
            self._jobs[seq] = _Job(key, row["fence"])
            self._unclaimed.add(seq)
        self._awaited |= set(workers)
        if not self._awaited:
            self.give_up()

    def give_up(self) -> None:
        """Workers that were alive before have spoken or had their time: what nobody claims begins anew."""
        self._awaited.clear()
        pairs = [(seq, self._jobs[seq].fence) for seq in self._unclaimed if seq in self._jobs]
        self._unclaimed.clear()
        self.on_lost(pairs)

    def on_hello(self, worker: str, held: Iterable[tuple[int, int]]) -> None:
        """A worker says which jobs it still has, or keeps reports of."""
        for seq, fence in held:
            job = self._jobs.get(seq)
            if job is not None and job.fence == fence:
                self._unclaimed.discard(seq)
            else:
                self._executor.transport.kill(seq, fence)
        if worker in self._awaited:
            self._awaited.discard(worker)
            if not self._awaited:
                self.give_up()

    def leave(self, ours: Callable[[Key], bool]) -> None:
        """Triggers are another process's from now on: it begins their jobs anew."""
        for seq, job in list(self._jobs.items()):
            if not ours(job.key):
                del self._jobs[seq]
                self._unclaimed.discard(seq)
                self._executor.transport.kill(seq, job.fence)

    def check(self, key: Key, row: Any) -> None:
        """The row may have changed: end the job that it does not stand for any more."""
        seq = seq_of(key)
        job = self._jobs.get(seq)
        if job is not None and (row is None or row["evaluating_since"] is None or row["fence"] != job.fence):
            del self._jobs[seq]
            self._executor.transport.kill(seq, job.fence)

    # ---- beginning

    def begin(self, step: ExecutorStep, key: Key, row: Any, plan: Plan, trigger: TriggerDef) -> None:
        """The trigger is due: hand it to a worker, unless its conditions do not hold."""
        realtime = trigger.kind == "realtime"
        date = instant(row["next_due"] if row["next_due"] is not None else step.now)
        questions = self._begins.pop(key, None) or Questions()
        try:
            holds = realtime or self._holds(step, key, plan, trigger, {"date": date}, questions)
        except Pending:
            self._begins[key] = questions
            step.world.effect((self._set_due, key, None))
            ask(self._executor, plan, questions, lambda: self._set_due(key, self._executor.clock()))
            return
        if not holds:
            due = step.now + interval_of(trigger)
            write(step.tx, key, next_due=due, last_date=step.now)
            step.world.effect((self._set_due, key, due))
            return
        fence = row["fence"] + 1
        write(
            step.tx,
            key,
            evaluating_since=step.now,
            worker=None,
            fence=fence,
            event_no=0,
            last_date=row["last_date"] if realtime else step.now,
        )
        seq = seq_of(key)
        context = {k: v for k, v in flow_context(plan, {}).items() if v}
        job = Poll(
            seq=seq,
            fence=fence,
            tenant=key[0],
            namespace=key[1],
            flow_id=key[2],
            flow_key=plan.flow_key,
            revision=plan.flow.revision,
            trigger_id=key[3],
            execution=_new_id(step),
            context={**context, "trigger": {"id": trigger.id, "type": trigger.type, "date": date}},
            realtime=realtime,
            defaults=plan.defaults,
            group=group_of(plan, trigger),
            shard=-1 if self._executor.sharing is None else trigger_shard(*key),
        )
        process = not realtime and self._executor.needs_process(trigger.type)

        def send(result: Any, error: Any) -> None:
            self._jobs[seq] = _Job(key, fence)
            self._set_due(key, None)
            self._executor.transport.dispatch(job, process=process)

        step.world.effect((send, None, None))

    def on_started(self, message: Started, worker: str | None) -> None:
        """A job runs: its row names the worker."""

        def work(step: ExecutorStep) -> None:
            found = self._current(step, message.seq, message.fence)
            if found is not None and worker is not None and found[1]["worker"] != worker:
                write(step.tx, found[0].key, worker=worker)

        self._executor.call(work)

    # ---- reports

    def _current(self, step: ExecutorStep, seq: int, fence: int) -> tuple[_Job, Any] | None:
        """Job and row of a report; None when it does not count."""
        job = self._jobs.get(seq)
        if job is None or job.fence != fence:
            return None
        row = row_of(step.tx, job.key)
        if row is None or row["evaluating_since"] is None or row["fence"] != fence:
            return None
        return job, row

    def on_lost(self, held: Iterable[tuple[int, int]]) -> None:
        """The worker of these jobs is gone: they begin anew."""
        pairs = list(held)

        def work(step: ExecutorStep) -> None:
            for seq, fence in pairs:
                found = self._current(step, seq, fence)
                if found is not None:
                    self._end(step, found[0], found[1], step.now)

        if pairs:
            self._executor.call(work)

    def on_done(self, done: Done) -> None:
        """A worker reports the end of a job."""
        mark = (done.seq, done.fence)

        def work(step: ExecutorStep) -> None:
            try:
                self._done(step, done)
            except Exception:
                self._faults[mark] = self._faults.get(mark, 0) + 1
                if self._faults[mark] >= 2:  # it failed alone, too
                    del self._faults[mark]
                    log.exception("the report of trigger %s can't be stored", mark)
                    self._executor.transport.ack(*mark)
                    self.on_lost([mark])
                raise
            self._faults.pop(mark, None)

        self._executor.call(work)

    def _done(self, step: ExecutorStep, done: Done) -> None:
        found = self._current(step, done.seq, done.fence)
        if found is None:
            job = self._jobs.get(done.seq)
            if job is not None and job.fence == done.fence:
                del self._jobs[done.seq]
            step.world.effect(Acknowledge(done.seq, done.fence))
            return
        job, row = found
        plan, trigger = self._definition(step, job.key)
        if plan is None or trigger is None:
            self._end(step, job, row, None)
            step.world.effect(Acknowledge(done.seq, done.fence))
            return
        if done.state == State.KILLED:  # not by us: its worker ends
            self._end(step, job, row, step.now)
            step.world.effect(Acknowledge(done.seq, done.fence))
            return
        outputs = done.outputs or {}
        value = outputs.get("value")
        prepared: Prepared | None = None
        if done.error is not None:
            if trigger.props.get("failOnTriggerError") is True:
                prepared = Prepared(error=done.error)
        elif value is not None:
            prepared = self._prepared(step, job, plan, trigger, value, 0, lambda: self.on_done(done))
            if prepared is None:
                return  # the worker keeps its report meanwhile
        execution_id = None
        if prepared is not None:
            execution_id = self._start(
                step, job.key, plan, trigger, prepared, value or {}, outputs.get("execution") or None
            )
        now = step.now
        due = now + (self._rest(job.key, row, now) if row["kind"] == "realtime" else interval_of(trigger))
        self._end(step, job, row, due, execution_id if row["kind"] == "polling" else None, trigger)
        step.world.effect(Acknowledge(done.seq, done.fence))

    def _rest(self, key: Key, row: Any, now: int) -> int:
        listened = now - row["evaluating_since"]
        rest = REST_FIRST_MS if listened > REST_LAST_MS else min(self._rests.get(key, 500) * 2, REST_LAST_MS)
        self._rests[key] = rest
        return rest

    def _end(
        self,
        step: ExecutorStep,
        job: _Job,
        row: Any,
        due: int | None,
        execution_id: str | None = None,
        trigger: TriggerDef | None = None,
    ) -> None:
        """The job is over: the row is free for the next one."""
        key = job.key
        if row["disabled"] or row["next_due"] is None:
            due = None
        values: dict[str, Any] = {"evaluating_since": None, "worker": None, "next_due": due}
        if execution_id is not None:
            values["execution_id"] = execution_id
        write(step.tx, key, **values)
        held = execution_id is not None and trigger is not None and trigger.props.get("allowConcurrent") is not True

        def ended(result: Any, error: Any) -> None:
            if self._jobs.get(seq_of(key)) is job:
                del self._jobs[seq_of(key)]
            self._set_due(key, None if held else due)

        step.world.effect((ended, None, None))

    # ---- events

    def on_events(self, call: Call, reply: Reply) -> None:
        """Events of a listener: `first` number and values. Answered once their executions are stored."""
        self._executor.call(lambda step: self._events(step, call, reply))

    def _events(self, step: ExecutorStep, call: Call, reply: Reply) -> None:
        found = self._current(step, call.seq, call.fence)
        plan, trigger = self._definition(step, found[0].key) if found is not None else (None, None)
        if found is None or plan is None or trigger is None:
            step.world.effect((reply, None, ("Conflict", "another listener took over", {})))
            return
        job, row = found
        if job.waiting:
            step.world.effect((reply, None, ("Unavailable", "earlier events are not stored yet", {})))
            return
        stored, last = row["event_no"], row["last_date"]
        for number, value in enumerate(call.args["events"], call.args["first"]):
            if number <= stored:
                continue
            questions = job.questions if job.questions is not None and job.number == number else Questions()
            try:
                holds = self._holds(step, job.key, plan, trigger, value, questions)
            except Pending:
                job.questions, job.number = questions, number
                self._wait(job, plan, questions, lambda: self.on_events(call, reply))
                break
            if not holds:
                stored = number
                continue
            prepared = self._prepared(step, job, plan, trigger, value, number, lambda: self.on_events(call, reply))
            if prepared is None:
                break
            self._start(step, job.key, plan, trigger, prepared, value)
            stored, last = number, step.now
        if stored != row["event_no"]:
            write(step.tx, job.key, event_no=stored, last_date=last)
        if not job.waiting:
            step.world.effect((reply, stored, None))

    # ---- executions

    def _definition(self, step: ExecutorStep, key: Key) -> tuple[Plan | None, TriggerDef | None]:
        try:
            plan = step.world.flows.plan(*key[:3])
        except LookupError:
            return None, None
        return plan, next((t for t in plan.flow.triggers if t.id == key[3]), None)

    def _holds(
        self,
        step: ExecutorStep,
        key: Key,
        plan: Plan,
        trigger: TriggerDef,
        variables: Mapping[str, Any],
        questions: Questions,
    ) -> bool:
        """Whether all conditions hold; `Pending` while a worker must render."""
        own = {"date": instant(step.now), **variables}
        try:
            return conditions_hold(plan, trigger, step.world.globals, own, questions)
        except ConditionError as error:
            self._warn(step, key, str(error))
            return False

    def _prepared(
        self,
        step: ExecutorStep,
        job: _Job,
        plan: Plan,
        trigger: TriggerDef,
        value: Mapping[str, Any],
        number: int,
        again: Callable[[], None],
    ) -> Prepared | None:
        """Inputs and labels of an execution; None while a worker renders, `again` follows."""
        if job.waiting:
            return None
        if job.preparing is None or job.number != number:
            job.preparing = Preparation(plan, trigger, value, step.world.globals, encrypt=self._encrypt)
            job.number = number
        prepared = job.preparing.attempt()
        if prepared is not None:
            job.preparing = None
            return prepared

        self._wait(job, plan, job.preparing, again)
        return None

    def _wait(self, job: _Job, plan: Plan, asked: Preparation | Questions, again: Callable[[], None]) -> None:
        """Have a worker render; nothing else of the job is applied meanwhile."""

        def answered() -> None:
            job.waiting = False
            again()

        job.waiting = True
        ask(self._executor, plan, asked, answered)

    def _start(
        self,
        step: ExecutorStep,
        key: Key,
        plan: Plan,
        trigger: TriggerDef,
        prepared: Prepared,
        variables: Mapping[str, Any],
        execution_id: str | None = None,
    ) -> str | None:
        try:
            return start(step, plan, trigger, prepared, variables, execution_id=execution_id).id
        except DomainError as refused:
            self._warn(step, key, f"Nothing is started: {refused.message}")
            return None

    def _warn(self, step: ExecutorStep, key: Key, text: str) -> None:
        step.world.effect((self._say, key, text))


def _new_id(step: ExecutorStep) -> str:
    """The id that the execution of a result will have."""
    world = step.world
    return world.new_id(step.now) if world.shared is None else world.shared.root_id(step.now)


def interval_of(trigger: TriggerDef) -> int:
    """Milliseconds from the end of an evaluation to the next one."""
    found = trigger.props.get("interval")
    return max(parse_duration(found), 1) if isinstance(found, str) else INTERVAL_MS
