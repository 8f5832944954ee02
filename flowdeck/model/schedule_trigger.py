"""Stepping of Schedule triggers: which executions a due trigger creates, and its next state (spec: workflow
components §15.3–§15.6).

Pure: `(plan, state, now) -> (firings, state)`. The scheduler loads rows whose `next_due` has come, calls `step`,
and stores both results in one transaction. Instants are ms since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from flowdeck.expr import ExpressionError, references
from flowdeck.model.coerce import ConversionError, to_datetime, to_text
from flowdeck.model.conditions import (
    ConditionError,
    Facts,
    Render,
    about_dates,
    evaluate,
    name_of,
    render_locally,
)
from flowdeck.model.durations import parse_duration
from flowdeck.model.flow import TriggerDef
from flowdeck.model.schedule import Cron, ZoneError, instant_of, parse_cron, zone_of, zoned
from flowdeck.model.schedule_dates import Dates, read_dates
from flowdeck.model.triggers.conditions import DATE

HORIZON_MS = 3653 * 86_400_000
"""How far ahead dates are looked for that satisfy the conditions: ten years."""

MAX_TRIES = 3_000
"""How many dates are tested at a time; a search that takes more goes on when the date is due at which it stopped."""

ASLEEP_MS = 365 * 86_400_000
"""How far ahead a ScheduleOnDates looks that has no date left: a year (§15.6)."""

MAX_FIRINGS = 100
"""Most executions of one step (only triggers that allow concurrent executions create more than one)."""

_DAY_CONDITIONS = frozenset(("DayWeek", "DayWeekInMonth", "Weekend", "PublicHoliday"))


class NoBackfill(LookupError):
    """The trigger has no backfill."""

    def __init__(self) -> None:
        super().__init__("No backfill found")


@dataclass(frozen=True, slots=True)
class Backfill:
    """A run over past dates; `current` is the next date to look at, inclusive."""

    start: int
    end: int
    current: int
    paused: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Sequence[Mapping[str, str]] = ()
    previous_next: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The stored form; dates stay ms."""
        return {
            "start": self.start,
            "end": self.end,
            "currentDate": self.current,
            "paused": self.paused,
            "inputs": dict(self.inputs),
            "labels": [dict(x) for x in self.labels],
            "previousNextExecutionDate": self.previous_next,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Backfill:
        """Inverse of `to_json`."""
        return Backfill(
            data["start"],
            data["end"],
            data.get("currentDate", data["start"]),
            bool(data.get("paused")),
            data.get("inputs") or {},
            tuple(data.get("labels") or ()),
            data.get("previousNextExecutionDate"),
        )


@dataclass(slots=True)  # never changed; frozen ones take three times as long to make
class ScheduleState:
    """What the trigger's row says."""

    last_date: int | None = None
    next_due: int | None = None
    disabled: bool = False
    locked: bool = False  # an execution of the trigger has not ended
    backfill: Backfill | None = None


@dataclass(slots=True)
class Firing:
    """An execution to create; with `error` it is created FAILED with that text in its log."""

    date: int
    next: int | None
    previous: int | None
    backfill: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Sequence[Mapping[str, str]] = ()
    error: str | None = None


def _reads_context(condition: Mapping[str, Any]) -> bool:
    """Whether a condition has an expression besides the usual date."""
    return any(
        (isinstance(value, str) and "{" in value and value != DATE)
        or (isinstance(value, list) and any(_reads_context(x) for x in value if isinstance(x, Mapping)))
        for value in condition.values()
    )


def _locked(state: ScheduleState) -> ScheduleState:
    return ScheduleState(state.last_date, state.next_due, state.disabled, True, state.backfill)


def needs_context(trigger: TriggerDef) -> bool:
    """Whether anything of a schedule's dates looks at more than the dates themselves."""
    return "dates" in trigger.props or bool(trigger.props.get("conditions"))


@lru_cache(maxsize=8192)
def _following(cron: Cron, after: int, zone: tzinfo) -> int | None:
    return cron.next(after, zone)


@lru_cache(maxsize=8192)
def _preceding(cron: Cron, before: int, zone: tzinfo) -> int | None:
    return cron.previous(before, zone)


def _needs_worker(condition: Mapping[str, Any]) -> bool:
    """Whether a condition has an expression that needs I/O."""
    return any(
        (isinstance(value, str) and references(value)[1])
        or (isinstance(value, list) and any(_needs_worker(x) for x in value if isinstance(x, Mapping)))
        for value in condition.values()
    )


class SchedulePlan:
    """A Schedule trigger made ready: its cron in its zone, with the conditions that concern dates."""

    def __init__(
        self,
        trigger: TriggerDef,
        *,
        zone: tzinfo | None = None,
        recover: str = "ALL",
        context: Mapping[str, Any] | None = None,
        render: Render = render_locally,
    ) -> None:
        """`zone` is the server's, `recover` the configured default; `context` is what conditions see besides
        `trigger`.

        Raises `CronError` or `ZoneError` for a definition that validation would have refused.
        """
        props = trigger.props
        self.trigger = trigger
        self.error: str | None = None
        self.zone = zone or zone_of("UTC")
        self.cron: Cron | Dates
        if "dates" in props:
            self.cron = self._dates(props, context or {}, render)
        else:
            if props.get("timezone"):
                self.zone = zone_of(props["timezone"])
            self.cron = parse_cron(props["cron"], props.get("withSeconds") is True)
        self.conditions = [c for c in props.get("conditions") or () if about_dates(c)]
        self.late_ms = parse_duration(props["lateMaximumDelay"]) if props.get("lateMaximumDelay") else None
        self.recover = props.get("recoverMissedSchedules") or recover
        self.allow_concurrent = props.get("allowConcurrent") is True
        self.stop_after = tuple(props.get("stopAfter") or ())
        self.context = context or {}
        self.render = render
        self._plain = not any(_reads_context(c) for c in self.conditions)
        self.asks = any(_needs_worker(c) for c in self.conditions)

    def rendering(self, render: Render) -> SchedulePlan:
        """The same schedule with conditions that are rendered otherwise."""
        other = copy(self)
        other.render = render
        return other

    # ---- dates

    def _dates(self, props: Mapping[str, Any], context: Mapping[str, Any], render: Render) -> Dates:
        """The dates of a ScheduleOnDates; when they can't be rendered there are none and `error` says why."""
        try:
            zone = props.get("timezone")
            if zone:
                self.zone = zone_of(to_text(render(zone, context)))
            return read_dates(render(props["dates"], context), self.zone)
        except ExpressionError as error:
            self.error = f"The dates of trigger '{self.trigger.id}' can't be rendered: {error.message}"
        except (ConversionError, ZoneError) as error:
            self.error = f"The dates of trigger '{self.trigger.id}' can't be read: {error}"
        return Dates(())

    def _or_asleep(self, due: int | None, now: int) -> int | None:
        """A due date, or for a ScheduleOnDates without dates left one far ahead."""
        return now + ASLEEP_MS if due is None and isinstance(self.cron, Dates) else due

    def variables(self, date: int, following: int | None, preceding: int | None) -> dict[str, str]:
        """`trigger` variables of a date, with the zone's offset."""
        dates = {"date": date, "next": following, "previous": preceding}
        return {name: zoned(at, self.zone) for name, at in dates.items() if at is not None}

    def _facts(self, date: int) -> Facts:
        when = datetime.fromtimestamp(date / 1000, self.zone)
        if self._plain:
            return Facts(date=when)
        variables = self.variables(date, self.cron.next(date, self.zone), self.cron.previous(date, self.zone))
        context = {
            **self.context,
            "trigger": {"id": self.trigger.id, "type": self.trigger.type, **variables},
            "schedule": variables,
        }
        return Facts(context=context, date=when)

    def holds(self, date: int) -> bool:
        """Whether all conditions hold at a date; `ConditionError` when one can't be evaluated."""
        if not self.conditions:
            return True
        facts = self._facts(date)
        return all(evaluate(condition, facts, self.render) for condition in self.conditions)

    def next_true(self, after: int) -> int | None:
        """First cron date later than `after` for which the conditions hold, at most ten years on.

        After `MAX_TRIES` dates the next one is answered untested, as is that of conditions which ask a worker.
        """
        if not self.conditions or self.asks:
            if isinstance(self.cron, Cron):  # many schedules of one expression are due at one time
                return _following(self.cron, after, self.zone)
            return self.cron.next(after, self.zone)
        found = self.cron.next(after, self.zone)
        limit = after + HORIZON_MS
        for _ in range(MAX_TRIES):
            if found is None or found > limit:
                return None
            facts = self._facts(found)
            failed = next((c for c in self.conditions if not evaluate(c, facts, self.render)), None)
            if failed is None:
                return found
            found = self.cron.next(self._skip(failed, found), self.zone)
        return found if found is not None and found <= limit else None

    def _skip(self, failed: Mapping[str, Any], date: int) -> int:
        """An instant up to which no date can satisfy the condition that failed at `date`."""
        if failed.get("date", DATE) != DATE:
            return date
        name = name_of(failed)
        if name in _DAY_CONDITIONS:
            local = datetime.fromtimestamp(date / 1000, self.zone).replace(tzinfo=None)
            last = local.replace(hour=23, minute=59, second=59, microsecond=0)
            return max(date, instant_of(last, self.zone))
        after = failed.get("after")
        if name == "DateTimeBetween" and isinstance(after, str) and "{" not in after:
            try:
                start = int(to_datetime(after).timestamp() * 1000)
                if date <= start:
                    return start
            except ConversionError:
                return date
        before = failed.get("before")
        if name == "DateTimeBetween" and isinstance(before, str) and "{" not in before:
            try:
                return date if date < to_datetime(before).timestamp() * 1000 else date + HORIZON_MS
            except ConversionError:
                return date
        return date

    def previous_true(self, before: int) -> int | None:
        """Last cron date earlier than `before` for which the conditions hold, at most ten years back."""
        if not self.conditions and isinstance(self.cron, Cron):
            found = _preceding(self.cron, before, self.zone)
        else:
            found = self.cron.previous(before, self.zone)
        if self.asks or not self.conditions:
            return found
        limit = before - HORIZON_MS
        for _ in range(MAX_TRIES):
            if found is None or found < limit:
                return None
            facts = self._facts(found)
            failed = next((c for c in self.conditions if not evaluate(c, facts, self.render)), None)
            if failed is None:
                return found
            if name_of(failed) in _DAY_CONDITIONS and failed.get("date", DATE) == DATE:
                local = datetime.fromtimestamp(found / 1000, self.zone).replace(tzinfo=None)
                found = min(found, instant_of(local.replace(hour=0, minute=0, second=0, microsecond=0), self.zone))
            found = self.cron.previous(found, self.zone)
        return None

    def _next_quietly(self, after: int) -> int | None:
        """`next_true`, or the next cron date when a condition can't be evaluated (the error shows when it is due)."""
        try:
            return self.next_true(after)
        except ConditionError:
            return self.cron.next(after, self.zone)

    # ---- life of the state

    def begin(self, now: int, disabled: bool = False) -> ScheduleState:
        """State of a new trigger: it never makes up for anything."""
        return ScheduleState(next_due=None if disabled else self._first(now), disabled=disabled)

    def _first(self, now: int) -> int | None:
        """Next date of a trigger that starts now; at once when its dates can't be known, so that the error shows."""
        return now if self.error is not None else self._or_asleep(self._next_quietly(now), now)

    def redefine(self, state: ScheduleState, now: int) -> ScheduleState:
        """State after the definition changed: dates anew, `disabled` and lock kept, a backfill dropped."""
        due = None if state.disabled else self._first(now)
        return replace(state, next_due=due, backfill=None)

    def recovered(self, state: ScheduleState, now: int) -> ScheduleState:
        """State at the start of the scheduler and after enabling: what to do about missed dates (§15.5)."""
        if state.disabled or state.backfill is not None:
            return state
        due = state.next_due
        if due is None and state.last_date is not None:
            due = self._next_quietly(state.last_date)
        if due is None or due > now:
            return replace(state, next_due=self._first(now) if due is None else due)
        if self.recover == "ALL":
            return replace(state, next_due=due)
        if self.recover == "LAST":
            try:
                last = self.previous_true(now + 1)
            except ConditionError:
                last = self.cron.previous(now + 1, self.zone)
            if last is not None and (state.last_date is None or last > state.last_date):
                return replace(state, next_due=last)
        return replace(state, next_due=self._first(now))

    def set_disabled(self, state: ScheduleState, disabled: bool, now: int) -> ScheduleState:
        """Disable (forgets the next date) or enable (makes up for dates as configured)."""
        if disabled:
            return replace(state, disabled=True, next_due=None)
        enabled = replace(state, disabled=False)
        if enabled.backfill is not None:
            return replace(enabled, next_due=None if enabled.backfill.paused else enabled.backfill.current)
        return self.recovered(enabled, now) if state.last_date is not None else self.begin(now)

    def ended(self, state: ScheduleState, execution_state: str) -> ScheduleState:
        """An execution of the trigger ended: the lock is released, `stopAfter` applied."""
        if execution_state in self.stop_after:
            return replace(state, locked=False, disabled=True, next_due=None)
        return replace(state, locked=False)

    # ---- backfill

    def create_backfill(
        self,
        state: ScheduleState,
        start: int,
        end: int,
        inputs: Mapping[str, Any] | None = None,
        labels: Sequence[Mapping[str, str]] = (),
    ) -> ScheduleState:
        """Begin a backfill from `start` to `end`, both inclusive; one that runs is replaced."""
        saved = state.backfill.previous_next if state.backfill else state.next_due
        backfill = Backfill(start, end, start, False, inputs or {}, labels, saved)
        return replace(state, backfill=backfill, next_due=None if state.disabled else start)

    def pause_backfill(self, state: ScheduleState, paused: bool) -> ScheduleState:
        """Stop or go on; while paused the regular schedule rests too. `NoBackfill` without one."""
        if state.backfill is None:
            raise NoBackfill
        due = None if paused or state.disabled else state.backfill.current
        return replace(state, backfill=replace(state.backfill, paused=paused), next_due=due)

    def end_backfill(self, state: ScheduleState) -> ScheduleState:
        """Remove the backfill; the saved date is due next. `NoBackfill` without one."""
        if state.backfill is None:
            raise NoBackfill
        return replace(state, backfill=None, next_due=None if state.disabled else state.backfill.previous_next)

    # ---- stepping

    def step(self, state: ScheduleState, now: int) -> tuple[list[Firing], ScheduleState]:
        """Executions to create now, in order, and the state to store with them.

        A disabled or locked trigger gives none and keeps its state. The new state is locked when something was
        created.
        """
        firings: list[Firing] = []
        while len(firings) < MAX_FIRINGS:
            if state.disabled or (state.locked and not self.allow_concurrent):
                break
            if state.next_due is None or state.next_due > now:
                break
            if state.backfill is not None:
                firing, state = self._step_backfill(state, state.backfill, now)
            else:
                firing, state = self._step_regular(state, state.next_due, now)
            if firing is not None:
                firings.append(firing)
                state = _locked(state)
        return firings, state

    def _step_regular(self, state: ScheduleState, date: int, now: int) -> tuple[Firing | None, ScheduleState]:
        if self.late_ms is not None and date < now - self.late_ms:
            due = self._next_quietly(now - self.late_ms - 1)
            return None, replace(state, next_due=due)
        if self.error is not None:
            return Firing(date, None, None, error=self.error), replace(
                state, last_date=date, next_due=self._or_asleep(None, now)
            )
        if isinstance(self.cron, Dates) and date not in self.cron:
            return None, replace(state, next_due=self._or_asleep(self._next_quietly(date), now))
        firing = self._fire(date)
        if firing is None:
            return None, replace(state, next_due=self._or_asleep(self._next_quietly(date), now))
        due = self._or_asleep(firing.next, now)
        return firing, ScheduleState(date, due, state.disabled, state.locked, state.backfill)

    def _step_backfill(self, state: ScheduleState, run: Backfill, now: int) -> tuple[Firing | None, ScheduleState]:
        if run.paused:
            return None, replace(state, next_due=None)
        date = self._next_quietly(run.current - 1)
        if date is None or date > run.end:
            return None, self.end_backfill(state)
        if date > now:
            return None, replace(state, backfill=replace(run, current=date), next_due=date)
        firing = self._fire(date)
        following = firing.next if firing else self._next_quietly(date)
        if following is None or following > run.end:
            state = replace(self.end_backfill(state), last_date=state.last_date)
        else:
            state = replace(state, backfill=replace(run, current=following), next_due=following)
        if firing is None:
            return None, state
        return replace(firing, backfill=True, inputs=run.inputs, labels=run.labels), state

    def _fire(self, date: int) -> Firing | None:
        """The execution of a date; None when the conditions do not hold."""
        try:
            if not self.holds(date):
                return None
            return Firing(date, self.next_true(date), self.previous_true(date))
        except ConditionError as error:
            following, preceding = self.cron.next(date, self.zone), self.cron.previous(date, self.zone)
            return Firing(date, following, preceding, error=str(error))
