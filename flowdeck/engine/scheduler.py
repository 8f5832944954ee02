"""The scheduler: fires schedules when they are due and hands other triggers to workers, within the executor's steps
(engine notes §2.11).

Memory holds a heap of due dates, nothing else: a firing reads the trigger's row, creates the execution, advances the
row and takes the lock in one transaction, so that a crash neither loses a date nor starts it twice. Changes of rows
reach the heap through the events that their transactions publish.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from flowdeck.commands.due import recovery_of, server_zone
from flowdeck.commands.step import Step
from flowdeck.engine.questions import Questions
from flowdeck.engine.trigger_jobs import TriggerJobs
from flowdeck.engine.triggers import Encrypt, Preparation, Prepared, ask, flow_context, start
from flowdeck.engine.triggers_flow import FlowTriggers, purge_windows
from flowdeck.engine.triggers_state import Key, Say, Update, release, row_of, rows_of, say_nowhere, state_of, store
from flowdeck.model.conditions import Render, render_locally
from flowdeck.model.engine import Live, Plan
from flowdeck.model.errors import DomainError
from flowdeck.model.flow import TriggerDef
from flowdeck.model.ids import SHARDS, trigger_shard
from flowdeck.model.inputs import Pending
from flowdeck.model.instants import instant
from flowdeck.model.schedule import CronError, ZoneError
from flowdeck.model.schedule_trigger import Firing, SchedulePlan, ScheduleState, needs_context
from flowdeck.model.states import State
from flowdeck.store.driver import Database, StoreError

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor, ExecutorStep

log = logging.getLogger("flowdeck.scheduler")

CHUNK = 500
"""Most triggers that are handed to the executor at a time."""
HELLO_WAIT = 10.0
"""Seconds that workers of an earlier process have to say which evaluations they still carry out."""
LONGEST_WAIT = 1.0
"""Seconds: a jump of the clock is noticed within this."""
HOUSEKEEPING_MS = 60_000
"""How often blocked triggers and windows that are over are looked for."""
HAND_OVER_MS = 10_000
"""A date that has passed for longer than this when its trigger changes hands was missed."""
REST_MS = 60_000
"""How long a trigger rests whose firing raised twice."""
PLANS = 20_000
"""Prepared schedules that are kept."""
LAG = 0.1
"""Seconds that a step of the executor takes when there is too much to do: polling triggers wait then (§2.6)."""
POSTPONED_MS = 1_000
AHEAD_MS = 30_000
"""How long before they are due flows of schedules are read."""
AHEAD_FLOWS = 900
"""Most flows that are read ahead: fewer than are kept."""
AHEAD_SECONDS = 0.002
"""How long reading ahead holds the loop at a time."""

DUE = "select * from trigger_state where next_due is not null"


class Scheduler:
    """Fires schedules; also releases the locks of triggers and carries the Flow triggers along.

    Args:
        executor: in whose steps everything happens; its `publish` is listened to.
        database: for reading rows outside of steps.
        recover: what schedules without `recoverMissedSchedules` do: ALL, LAST or NONE.
        zone: zone of schedules without `timezone`.
        encrypt: makes the stored form of SECRET inputs.
        say: writes into a trigger's log.
    """

    def __init__(
        self,
        executor: Executor,
        database: Database,
        *,
        recover: str = "ALL",
        zone: tzinfo | None = None,
        encrypt: Encrypt | None = None,
        say: Say = say_nowhere,
    ) -> None:
        self.executor = executor
        self.flows = FlowTriggers(executor, encrypt=encrypt, say=say)
        self.jobs = TriggerJobs(executor, self._set, encrypt=encrypt, say=say)
        self._say = say
        self.fired = 0
        self._database = database
        self._recover = recover
        self._zone = zone or server_zone()
        self._encrypt = encrypt
        self._heap: list[tuple[int, Key]] = []
        self._due: dict[Key, int] = {}
        self._busy: set[Key] = set()  # handed to the executor
        self._asking: dict[Key, tuple[int, Preparation]] = {}  # a worker renders inputs for this date
        self._questions: dict[Key, Questions] = {}  # conditions and dates that a worker renders
        self._stale: set[Key] = set()
        self._stale_flows: set[tuple[str, str, str]] = set()
        self._faults: dict[Key, int] = {}
        self._plans: OrderedDict[tuple[int, int, str, str], SchedulePlan | None] = OrderedDict()
        self._missing: set[Key] = set()
        self._housekeeping = 0
        self._unread = False  # rows may differ from what is known
        self._ahead: list[tuple[str, str, str]] = []
        self._ahead_at = 0
        self._wake = asyncio.Event()
        self.stopping = False
        executor.listeners.append(self.on_execution)
        executor.listeners.append(self.flows.on_execution)
        self._publish = executor.publish
        executor.publish = self._published

    # ---- what is known

    def load(self, workers: Iterable[str] = ()) -> None:
        """Read all due dates at start; missed dates are dealt with as their schedules say (§15.5).

        `workers` were alive a moment ago: evaluations that they still have go on.
        """
        self._housekeeping = self.executor.clock() + HOUSEKEEPING_MS
        with self._database.reader() as reader:
            self.flows.load(reader)
            self._take(reader.all(DUE), self.executor.clock(), workers)

    def _take(self, rows: Iterable[Any], missed_before: int, workers: Iterable[str]) -> None:
        """Take up triggers that another process, or an earlier one, has worked on."""
        evaluated: list[Any] = []
        for row in rows:
            key: Key = (row["tenant"], row["namespace"], row["flow_id"], row["trigger_id"])
            if not self._ours(key):
                continue
            missed = row["next_due"] <= missed_before and not row["backfill"] and not row["disabled"]
            if row["evaluating_since"] is not None:
                evaluated.append(row)
            elif missed and row["kind"] == "schedule" and self._makes_up(row) != "ALL":
                self._hand_over(key, self._recover_row)
            else:
                self._know(key, row)
        self.jobs.recover(evaluated, workers)

    def _ours(self, key: Key) -> bool:
        """Whether this process works on a trigger."""
        sharing = self.executor.sharing
        return sharing is None or sharing.owns(trigger_shard(*key))

    def shards_changed(self, shards: list[int]) -> None:
        """Shards have come to this process or left it, in a step that is committed (PostgreSQL)."""
        sharing = self.executor.sharing
        assert sharing is not None
        came = {shard for shard in shards if sharing.owns(shard)}
        for known in (self._due, self._asking):
            for key in [key for key in known if not self._ours(key)]:
                del known[key]
        self.jobs.leave(self._ours)
        if not came:
            return
        try:
            with self._database.reader() as reader:
                self.flows.go_on(reader, came)
                if max(came) < SHARDS:
                    return
                fresh = [r for r in reader.all(DUE) if trigger_shard(r[0], r[1], r[2], r[3]) in came]
                # A date that passed while the shard was handed over is late, not missed.
                self._take(fresh, self.executor.clock() - HAND_OVER_MS, ())
        except StoreError:
            log.exception("the triggers of new shards could not be read")
            self._unread = True

    def _makes_up(self, row: Any) -> str:
        return str(
            json.loads(row["definition"]).get("recoverMissedSchedules") or recovery_of(row["type"], self._recover)
        ).upper()

    def _know(self, key: Key, row: Any) -> None:
        """Take a row's due date into the heap; locked and disabled ones and those at a worker wait outside."""
        due = None
        if row is not None and not row["disabled"] and row["evaluating_since"] is None:
            due = row["next_due"]
            if due is not None and row["execution_id"] is not None:
                due = due if json.loads(row["definition"]).get("allowConcurrent") is True else None
        self._set(key, due)

    def _set(self, key: Key, due: int | None) -> None:
        self._busy.discard(key)
        if due is None or not self._ours(key):
            self._due.pop(key, None)
        elif self._due.get(key) != due:
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
        self._wake.set()

    def _published(self, events: list[dict[str, Any]]) -> None:
        self._publish(events)
        self.heard([event for event in events if event.get("origin") != "scheduler"])

    def heard(self, events: Iterable[dict[str, Any]]) -> None:
        """Committed changes that this scheduler did not make."""
        for event in events:
            if event["kind"] == "topic":
                topic, _, name = str(event["topic"]).partition(":")
                if topic in ("triggers", "flow") and "/" in name:
                    namespace, _, flow_id = name.partition("/")
                    flow = (event.get("tenant") or "main", namespace, flow_id)
                    if topic == "triggers":
                        if self._ours((*flow, event["id"])):
                            self._stale.add((*flow, event["id"]))
                    else:
                        self.flows.changed(flow)
                        self._stale_flows.add(flow)
                    self._wake.set()

    def _refresh(self) -> None:
        """Read again the rows that others have changed."""
        keys = {self._stale.pop() for _ in range(min(len(self._stale), CHUNK))}
        flows = {self._stale_flows.pop() for _ in range(min(len(self._stale_flows), CHUNK))}
        if self._stale or self._stale_flows:
            self._wake.set()  # the rest in the next turn
        with self._database.reader() as reader:
            for flow in flows:
                keys |= {
                    (*flow, row[0])
                    for row in reader.all(
                        "select trigger_id from trigger_state where tenant = ? and namespace = ? and flow_id = ?", *flow
                    )
                }
            for key in filter(self._ours, keys):
                self._faults.pop(key, None)
                self._asking.pop(key, None)
                self._questions.pop(key, None)
                if key not in self._busy:
                    row = row_of(reader, key)
                    self.jobs.check(key, row)
                    self._know(key, row)
                else:
                    self._stale.add(key)  # its step is under way; looked at again afterwards

    # ---- life

    async def run(self) -> None:
        """Fire what is due until `stop`; sleeps until the next date, at most a second."""
        asyncio.get_running_loop().call_later(HELLO_WAIT, self.jobs.give_up)
        while not self.stopping:
            self._wake.clear()
            try:
                wait = self._turn(self.executor.clock())
            except Exception:
                # Without this loop nothing would ever fire again: what it knows is read anew.
                log.exception("the scheduler could not look at its triggers")
                self._unread = True
                wait = LONGEST_WAIT
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    def _turn(self, now: int) -> float:
        """One round of the loop; seconds until the next one."""
        if self._unread:
            self._read()
        if self._stale_flows or not self._stale <= self._busy:
            self._refresh()
        if now >= self._housekeeping:
            self._housekeep(now)
        wait = self.dispatch(now)
        if self._read_ahead(now, wait):
            return 0.001
        return max(self._housekeeping - now, 0) / 1000 if wait is None else wait

    def _read(self) -> None:
        """Read all due dates again, whatever is known."""
        with self._database.reader() as reader:
            for row in reader.all(DUE):
                key: Key = (row["tenant"], row["namespace"], row["flow_id"], row["trigger_id"])
                if key not in self._busy and key not in self._asking:
                    self._know(key, row)
        self._unread = False

    def _read_ahead(self, now: int, wait: float | None) -> bool:
        """Read flows whose schedules are due soon while there is time; whether some are left.

        Thousands of schedules may be due in one second, and reading a flow takes longer than starting it.
        """
        if now >= self._ahead_at:
            self._ahead_at = now + AHEAD_MS // 3
            soon = {key[:3]: None for due, key in self._heap if due <= now + AHEAD_MS and self._due.get(key) == due}
            self._ahead = list(soon)[:AHEAD_FLOWS]
        started = time.perf_counter()
        while self._ahead and (wait is None or wait > 0):
            with contextlib.suppress(LookupError):
                self.executor.world.flows.plan(*self._ahead.pop())
            if time.perf_counter() - started > AHEAD_SECONDS:
                break
        return bool(self._ahead)

    def stop(self) -> None:
        """End `run`."""
        self.stopping = True
        self._wake.set()

    def dispatch(self, now: int) -> float | None:
        """Hand due triggers to the executor; seconds until the next one, None when there is none."""
        heap = self._heap
        keys: list[Key] = []
        while heap and len(self._busy) < CHUNK:
            due, key = heap[0]
            if self._due.get(key) != due:
                heapq.heappop(heap)  # moved meanwhile
                continue
            if due > now:
                break
            heapq.heappop(heap)
            del self._due[key]
            self._busy.add(key)
            keys.append(key)
        if len(keys) == 1:
            self._hand_over(keys[0], self._fire)
        elif keys:
            self._hand_over_all(keys)
        if not heap:
            return LONGEST_WAIT if self._stale else None
        return min(max((heap[0][0] - now) / 1000, 0.0 if len(self._busy) < CHUNK else LONGEST_WAIT), LONGEST_WAIT)

    def _hand_over_all(self, keys: list[Key]) -> None:
        """Have the executor fire triggers together; when one of them fails, each by itself."""
        spent = False

        def turn(step: ExecutorStep) -> None:
            nonlocal spent
            if spent:
                return
            try:
                rows = rows_of(step.tx, keys)
                updates = [self._fire_row(step, key, rows.get(key)) for key in keys]
                store(step.tx, [update for update in updates if update is not None])
            except Exception:
                spent = True
                for key in keys:
                    self._hand_over(key, self._fire)
                raise

        self.executor.call(turn)

    def _hand_over(self, key: Key, work: Callable[[ExecutorStep, Key], None]) -> None:
        """Have the executor do something about a trigger in its next step."""
        self._busy.add(key)

        def turn(step: ExecutorStep) -> None:
            try:
                work(step, key)
            except Exception:
                # The executor undoes the step and gives each of its inputs a turn of its own.
                self._faults[key] = self._faults.get(key, 0) + 1
                if self._faults[key] >= 2:
                    log.exception("trigger %s rests, firing it failed", "/".join(key))
                    self._faults.pop(key)
                    self._rest(key, step.now + REST_MS)
                raise

        self.executor.call(turn)

    def _rest(self, key: Key, until: int) -> None:
        """Look at a trigger again at `until`."""
        asyncio.get_running_loop().call_soon(self._set, key, until)

    # ---- firing

    def _schedule(self, plan: Plan, trigger: TriggerDef, step: ExecutorStep, key: Key) -> SchedulePlan | None:
        """The schedule made ready; None when its definition can't be read. `Pending` while a worker renders dates."""
        name = (plan.flow_key, plan.flow.revision, trigger.id, plan.defaults)
        if name in self._plans:
            self._plans.move_to_end(name)
            return self._plans[name]
        try:
            found = SchedulePlan(
                trigger,
                zone=self._zone,
                recover=recovery_of(trigger.type, self._recover),
                context=flow_context(plan, step.world.globals) if needs_context(trigger) else None,
                render=self._render(key) if "dates" in trigger.props else render_locally,
            )
        except (CronError, ZoneError, ValueError, KeyError) as error:
            flow = plan.flow
            self._say((flow.tenant, flow.namespace, flow.id, trigger.id), f"The schedule can't be read: {error}")
            found = None
        self._plans[name] = found
        while len(self._plans) > PLANS:
            self._plans.popitem(last=False)
        return found

    def _found(self, step: ExecutorStep, key: Key, row: Any) -> tuple[Plan, TriggerDef] | None:
        """Flow and trigger of a row; None when there is nothing to do until one of them changes."""
        if row is None:
            return None
        try:
            plan = step.world.flows.plan(*key[:3])
        except LookupError:
            return None
        trigger = next((t for t in plan.flow.triggers if t.id == key[3]), None)
        if trigger is None or trigger.disabled or plan.flow.disabled or trigger.kind != row["kind"]:
            return None
        return plan, trigger

    def _hand_to_worker(self, step: ExecutorStep, key: Key, row: Any, plan: Plan, trigger: TriggerDef) -> None:
        """A polling or realtime trigger is due."""
        held = row["execution_id"] is not None and trigger.props.get("allowConcurrent") is not True
        if row["disabled"] or row["evaluating_since"] is not None or row["next_due"] is None or held:
            self._done(step, key, None)
        elif row["next_due"] > step.now:
            self._done(step, key, row["next_due"])
        elif trigger.kind == "polling" and self.executor.lag > LAG:
            self._done(step, key, step.now + POSTPONED_MS)  # executions first
        else:
            self.jobs.begin(step, key, row, plan, trigger)

    def _done(self, step: ExecutorStep, key: Key, due: int | None) -> None:
        """After the commit: the key may be due again."""
        step.world.effect((self._set, key, due))

    def _recover_row(self, step: ExecutorStep, key: Key) -> None:
        row = row_of(step.tx, key)
        found = self._found(step, key, row)
        schedule = None
        if found is not None and found[1].kind == "schedule":
            try:
                schedule = self._schedule(*found, step, key)
            except Pending:
                self._done(step, key, row["next_due"])
                return
        if schedule is None:
            self._done(step, key, None)
            return
        before = state_of(row)
        after = schedule.recovered(before, step.now)
        if after != before:
            store(step.tx, [(key, row, after, row["execution_id"])])
        self._done(step, key, self._eligible(schedule, after))

    def _eligible(self, schedule: SchedulePlan, state: ScheduleState) -> int | None:
        return None if state.disabled or (state.locked and not schedule.allow_concurrent) else state.next_due

    def _fire(self, step: ExecutorStep, key: Key) -> None:
        """Create what is due, advance the row and take the lock."""
        update = self._fire_row(step, key, row_of(step.tx, key))
        if update is not None:
            store(step.tx, [update])

    def _fire_row(self, step: ExecutorStep, key: Key, row: Any) -> Update | None:
        """Create what is due; what is to be written into the row."""
        found = self._found(step, key, row)
        if found is None:
            self._done(step, key, None)
            return None
        plan, trigger = found
        if trigger.kind != "schedule":
            self._hand_to_worker(step, key, row, plan, trigger)
            return None
        before = state_of(row)
        try:
            schedule = self._schedule(plan, trigger, step, key)
            if schedule is None:
                self._done(step, key, None)
                return None
            asking = schedule.rendering(self._render(key)) if schedule.asks else schedule
            firings, after = asking.step(before, step.now)
        except Pending:
            self._ask(key, plan)
            return None
        if before.backfill is not None and after.backfill is None and after.next_due is None:
            after = schedule.recovered(after, step.now)  # it began while the trigger was disabled
        execution_id = row["execution_id"]
        for number, firing in enumerate(firings):
            variables = schedule.variables(firing.date, firing.next, firing.previous)
            prepared = self._prepared(step, key, plan, schedule, firing, variables)
            if prepared is None:
                if number:
                    # What came before stands; this date is looked at again when the worker has answered.
                    after = self._until(schedule, before, step.now, number)
                    break
                self._busy.discard(key)
                return None
            try:
                live = start(step, plan, schedule.trigger, prepared, variables, firing.date)
            except DomainError as refused:
                self._say(key, f"No execution for {instant(firing.date)}: {refused.message}")
                continue
            execution_id = live.id
            self.fired += 1
        if execution_id is None and after.locked:
            after = ScheduleState(after.last_date, after.next_due, after.disabled, False, after.backfill)
        if key not in self._asking:
            self._questions.pop(key, None)
            self._done(step, key, self._eligible(schedule, after))
        else:
            self._busy.discard(key)
        changed = after != before or execution_id != row["execution_id"]
        return (key, row, after, execution_id) if changed else None

    def _render(self, key: Key) -> Render:
        """Renders for a trigger; raises `Pending` for what a worker shall render, see `_ask`."""
        return self._questions.setdefault(key, Questions()).render

    def _ask(self, key: Key, plan: Plan) -> None:
        """Have a worker render what conditions or dates need; then the trigger is looked at again."""
        questions = self._questions[key]
        self._busy.discard(key)

        def answered() -> None:
            if self._questions.get(key) is questions:
                self._hand_over(key, self._fire)

        ask(self.executor, plan, questions, answered)

    def _until(self, schedule: SchedulePlan, state: ScheduleState, now: int, count: int) -> ScheduleState:
        """The state after the first `count` firings of a step: one at a time, as if each were the last."""
        while count > 0 and state.next_due is not None and state.next_due <= now:
            found, state = schedule.step(state, state.next_due)
            count -= len(found)
        return state

    def _prepared(
        self,
        step: ExecutorStep,
        key: Key,
        plan: Plan,
        schedule: SchedulePlan,
        firing: Firing,
        variables: Mapping[str, Any],
    ) -> Prepared | None:
        """Inputs and labels of a firing; None while a worker is asked."""
        if firing.error is not None:
            return Prepared(error=firing.error)
        props = schedule.trigger.props
        flow = plan.flow
        if not (
            flow.inputs or flow.checks or props.get("inputs") or props.get("labels") or firing.inputs or firing.labels
        ):
            return Prepared()
        asked = self._asking.pop(key, None)
        if asked is not None and asked[0] == firing.date:
            preparation = asked[1]
        else:
            preparation = Preparation(
                plan,
                schedule.trigger,
                variables,
                step.world.globals,
                inputs=firing.inputs,
                labels=[(str(x["key"]), str(x["value"])) for x in firing.labels if x.get("key") and x.get("value")],
                encrypt=self._encrypt,
            )
        prepared = preparation.attempt()
        if prepared is None:
            self._asking[key] = (firing.date, preparation)

            def answered() -> None:
                if self._asking.get(key) == (firing.date, preparation):
                    self._hand_over(key, self._fire)

            ask(self.executor, plan, preparation, answered)
        return prepared

    # ---- ends of executions

    def on_execution(self, step: Step, live: Live, old: State | None, new: State) -> None:
        """Listener: the end of an execution releases its trigger and applies `stopAfter` (§15.3)."""
        if live.trigger_id is None or not new.terminal:
            return
        released = release(step, live, new)
        if released is not None:
            step.world.effect((self._released, *released))

    def _released(self, key: Key, due: int | None) -> None:
        if due is None:
            self._stale.add(key)  # `stopAfter`: what a worker does for it ends
        if key not in self._busy or due is None:
            self._set(key, due)
        else:
            self._stale.add(key)  # a step about it is queued
            self._wake.set()

    # ---- now and then

    def _housekeep(self, now: int) -> None:
        self._housekeeping = now + HOUSEKEEPING_MS
        with self._database.reader() as reader:
            blocked = reader.all(
                "select * from trigger_state t where execution_id is not null"
                " and not exists (select 1 from execution e where e.id = t.execution_id)"
            )
            over = reader.value('select 1 from flow_window where "end" <= :now limit 1', now=now)
        missing = {(row["tenant"], row["namespace"], row["flow_id"], row["trigger_id"]): row for row in blocked}
        missing = {key: row for key, row in missing.items() if self._ours(key)}
        for key in missing.keys() & self._missing:
            row = missing[key]
            since = row["last_date"] if row["last_date"] is not None else row["updated"]
            self._say(
                key, f"Execution '{row['execution_id']}' is not found, schedule is blocked since '{instant(since)}'"
            )
        self._missing = set(missing)
        if over:
            self.executor.call(purge_windows)
