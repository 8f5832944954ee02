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
from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from flowdeck.commands.due import recovery_of
from flowdeck.commands.step import Step
from flowdeck.engine.firings import Firings
from flowdeck.engine.trigger_jobs import TriggerJobs
from flowdeck.engine.triggers import Encrypt
from flowdeck.engine.triggers_flow import FlowTriggers, purge_windows
from flowdeck.engine.triggers_state import Key, Say, release, row_of, rows_of, say_nowhere, store
from flowdeck.model.engine import Live
from flowdeck.model.ids import SHARDS, trigger_shard
from flowdeck.model.instants import instant
from flowdeck.model.states import State
from flowdeck.store.driver import Database, StoreError

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor, ExecutorStep
    from flowdeck.engine.executor_meter import SchedulerMeter

log = logging.getLogger("flowdeck.scheduler")

CHUNK = 500
"""Most triggers that are handed to the executor at a time."""
AT_ONCE = 2 * CHUNK
"""Most triggers that wait for the executor: while one chunk is fired the next one is there."""
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
        self.firings = Firings(
            executor,
            self.jobs,
            recover=recover,
            zone=zone,
            encrypt=encrypt,
            say=say,
            set_due=self._set,
            rests=lambda key: self._busy.discard(key),
            again=lambda key: self._hand_over(key, self.firings.fire),
        )
        self._say = say
        self._database = database
        self._recover = recover
        self._heap: list[tuple[int, Key]] = []
        self._due: dict[Key, int] = {}
        self._busy: set[Key] = set()  # handed to the executor
        self._stale: set[Key] = set()
        self._stale_flows: set[tuple[str, str, str]] = set()
        self._faults: dict[Key, int] = {}
        self._missing: set[Key] = set()
        self._housekeeping = 0
        self._unread = False  # rows may differ from what is known
        self._ahead: list[tuple[str, str, str]] = []
        self._ahead_at = 0
        self._wake = asyncio.Event()
        self.stopping = False
        self.meter: SchedulerMeter | None = None
        self._evaluated = 0
        executor.listeners.append(self.on_execution)
        executor.listeners.append(self.flows.on_execution)
        self._publish = executor.publish
        executor.publish = self._published

    @property
    def fired(self) -> int:
        """Executions of schedules so far."""
        return self.firings.fired

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
                self._hand_over(key, self.firings.recover_row)
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
        for key in [key for key in self._due if not self._ours(key)]:
            del self._due[key]
        self.firings.leave(self._ours)
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
                self.firings.forget(key)
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
        begun = time.perf_counter()
        wait = self.dispatch(now)
        if self.meter is not None:
            self.meter.turned(time.perf_counter() - begun, self._evaluated)
            self._evaluated = 0
        if self._read_ahead(now, wait):
            return 0.001
        return max(self._housekeeping - now, 0) / 1000 if wait is None else wait

    def _read(self) -> None:
        """Read all due dates again, whatever is known."""
        with self._database.reader() as reader:
            for row in reader.all(DUE):
                key: Key = (row["tenant"], row["namespace"], row["flow_id"], row["trigger_id"])
                if key not in self._busy and not self.firings.waiting(key):
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
                self.firings.prepare(self.executor.world.flows.plan(*self._ahead.pop()))
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
        while keys := self._due_keys(now):
            if len(keys) == 1:
                self._hand_over(keys[0], self.firings.fire)
            else:
                self._hand_over_all(keys)
        if not heap:
            return LONGEST_WAIT if self._stale else None
        return min(max((heap[0][0] - now) / 1000, 0.0 if len(self._busy) < AT_ONCE else LONGEST_WAIT), LONGEST_WAIT)

    def _due_keys(self, now: int) -> list[Key]:
        """The next chunk of what is due; none while the executor has enough of them."""
        heap = self._heap
        keys: list[Key] = []
        while heap and len(keys) < CHUNK and len(self._busy) < AT_ONCE:
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
        self._evaluated += len(keys)
        return keys

    def dates(self) -> dict[Key, int]:
        """When each trigger is due next, ms; may be asked by any thread."""
        return self._due.copy()

    def _hand_over_all(self, keys: list[Key]) -> None:
        """Have the executor fire triggers together; when one of them fails, each by itself."""
        spent = False

        def turn(step: ExecutorStep) -> None:
            nonlocal spent
            if spent:
                return
            try:
                rows = rows_of(step.tx, keys)
                updates = [self.firings.fire_row(step, key, rows.get(key)) for key in keys]
                store(step.tx, [update for update in updates if update is not None])
                step.world.effect((self._go_on, None, None))
            except Exception:
                spent = True
                for key in keys:
                    self._hand_over(key, self.firings.fire)
                raise

        self.executor.call(turn)

    def _go_on(self, *_: Any) -> None:
        """After the commit of a chunk: what else is due comes before the tasks of what was created (§2.11).

        The loop of this scheduler would have its turn only after some steps of theirs.
        """
        if not self.stopping:
            self.dispatch(self.executor.clock())

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
