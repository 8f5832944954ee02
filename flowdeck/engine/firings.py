"""What happens when a trigger is due: executions are created and rows advanced, or a worker gets a job (workflow
components §15.4–§15.6, engine notes §2.11).
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from flowdeck.commands.due import recovery_of, server_zone
from flowdeck.engine.questions import Questions
from flowdeck.engine.trigger_jobs import TriggerJobs
from flowdeck.engine.triggers import Encrypt, Preparation, Prepared, ask, flow_context, start
from flowdeck.engine.triggers_state import Key, Say, Update, row_of, state_of, store
from flowdeck.model.conditions import Render, render_locally
from flowdeck.model.engine import Plan
from flowdeck.model.errors import DomainError
from flowdeck.model.flow import TriggerDef
from flowdeck.model.inputs import Pending
from flowdeck.model.instants import instant
from flowdeck.model.schedule import CronError, ZoneError
from flowdeck.model.schedule_trigger import Firing, SchedulePlan, ScheduleState, needs_context

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor, ExecutorStep

PLANS = 20_000
"""Prepared schedules that are kept."""
FLOWS = 2_000
"""Flows whose triggers are kept by their ids."""
LAG = 0.1
"""Seconds that a step of the executor takes when there is too much to do: polling triggers wait then (§2.6)."""
POSTPONED_MS = 1_000


class Firings:
    """Fires due triggers within the executor's steps.

    Memory holds prepared schedules and what workers render; rows are the truth.

    Args:
        executor: whose steps they are.
        jobs: where polling and realtime triggers go.
        recover: what schedules without `recoverMissedSchedules` do: ALL, LAST or NONE.
        zone: zone of schedules without `timezone`.
        encrypt: makes the stored form of SECRET inputs.
        say: writes into a trigger's log.
        set_due: tells when a trigger is due next; None = not before something changes.
        rests: tells that a trigger waits for a worker's answer.
        again: has a trigger fired in the next step.
    """

    def __init__(
        self,
        executor: Executor,
        jobs: TriggerJobs,
        *,
        recover: str,
        zone: tzinfo | None,
        encrypt: Encrypt | None,
        say: Say,
        set_due: Callable[[Key, int | None], None],
        rests: Callable[[Key], None],
        again: Callable[[Key], None],
    ) -> None:
        self.fired = 0
        self._executor = executor
        self._jobs = jobs
        self._recover = recover
        self._zone = zone or server_zone()
        self._encrypt = encrypt
        self._say = say
        self._set_due = set_due
        self._rests = rests
        self._again = again
        self._asking: dict[Key, tuple[int, Preparation]] = {}  # a worker renders inputs for this date
        self._questions: dict[Key, Questions] = {}  # conditions and dates that a worker renders
        self._triggers: dict[tuple[int, int, str], dict[str, TriggerDef]] = {}
        self._plans: OrderedDict[tuple[int, int, str, str], SchedulePlan | None] = OrderedDict()

    def waiting(self, key: Key) -> bool:
        """Whether a worker renders for a trigger; it is fired when the answer comes."""
        return key in self._asking or key in self._questions

    def forget(self, key: Key) -> None:
        """The trigger may have changed: what a worker renders for it does not count."""
        self._asking.pop(key, None)
        self._questions.pop(key, None)

    def leave(self, ours: Callable[[Key], bool]) -> None:
        """Other processes work on some triggers from now on."""
        for key in [key for key in (*self._asking, *self._questions) if not ours(key)]:
            self.forget(key)

    def prepare(self, plan: Plan) -> None:
        """Make the schedules of a flow ready before they are due; those whose dates need more wait for their step."""
        for trigger in plan.flow.triggers:
            name = (plan.flow_key, plan.flow.revision, trigger.id, plan.defaults)
            if trigger.kind == "schedule" and name not in self._plans and not needs_context(trigger):
                with contextlib.suppress(CronError, ZoneError, ValueError, KeyError):  # said when it is due
                    self._plans[name] = SchedulePlan(
                        trigger, zone=self._zone, recover=recovery_of(trigger.type, self._recover)
                    )
        while len(self._plans) > PLANS:
            self._plans.popitem(last=False)

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
        name = (plan.flow_key, plan.flow.revision, plan.defaults)
        triggers = self._triggers.get(name)
        if triggers is None:
            if len(self._triggers) > FLOWS:
                self._triggers.clear()
            triggers = self._triggers[name] = {t.id: t for t in plan.flow.triggers}
        trigger = triggers.get(key[3])
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
        elif trigger.kind == "polling" and self._executor.lag > LAG:
            self._done(step, key, step.now + POSTPONED_MS)  # executions first
        else:
            self._jobs.begin(step, key, row, plan, trigger)

    def _done(self, step: ExecutorStep, key: Key, due: int | None) -> None:
        """After the commit: the key may be due again."""
        step.world.effect((self._set_due, key, due))

    def recover_row(self, step: ExecutorStep, key: Key) -> None:
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

    def fire(self, step: ExecutorStep, key: Key) -> None:
        """Create what is due, advance the row and take the lock."""
        update = self.fire_row(step, key, row_of(step.tx, key))
        if update is not None:
            store(step.tx, [update])

    def fire_row(self, step: ExecutorStep, key: Key, row: Any) -> Update | None:
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
                self._rests(key)
                return None
            barrier = step.world.changes.barrier
            try:
                live = start(step, plan, schedule.trigger, prepared, variables, firing.date)
            except DomainError as refused:
                self._say(key, f"No execution for {instant(firing.date)}: {refused.message}")
                continue
            # Nobody outside was told: were the commit lost with the power, the date would be due again.
            step.world.changes.barrier = barrier
            execution_id = live.id
            self.fired += 1
        if execution_id is None and after.locked:
            after = ScheduleState(after.last_date, after.next_due, after.disabled, False, after.backfill)
        if key not in self._asking:
            self._questions.pop(key, None)
            self._done(step, key, self._eligible(schedule, after))
        else:
            self._rests(key)
        changed = after != before or execution_id != row["execution_id"]
        return (key, row, after, execution_id) if changed else None

    def _render(self, key: Key) -> Render:
        """Renders for a trigger; raises `Pending` for what a worker shall render, see `_ask`."""
        return self._questions.setdefault(key, Questions()).render

    def _ask(self, key: Key, plan: Plan) -> None:
        """Have a worker render what conditions or dates need; then the trigger is looked at again."""
        questions = self._questions[key]
        self._rests(key)

        def answered() -> None:
            if self._questions.get(key) is questions:
                self._again(key)

        ask(self._executor, plan, questions, answered)

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
                    self._again(key)

            ask(self._executor, plan, preparation, answered)
        return prepared
