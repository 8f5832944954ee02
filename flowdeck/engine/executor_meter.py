"""What an executor counts of executions and task runs, after each commit (spec: enterprise and operations F59, F61)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowdeck.engine.levels import loud
from flowdeck.engine.measures import Counter, Measures, Tags
from flowdeck.model.engine import Live, Run
from flowdeck.model.engine.world import Changes
from flowdeck.model.flow import TaskKind
from flowdeck.model.states import State

if TYPE_CHECKING:
    from flowdeck.engine.executor_step import ExecutorStep

NONE = "__none__"
FLOW = ("tenant_id", "namespace_id", "flow_id")
TASK = (*FLOW, "task_type")

_CREATED, _RUNNING, _RESUBMITTED, _ENDED = State.CREATED, State.RUNNING, State.RESUBMITTED, State.SUCCESS
_NUMBERS = tuple(int(s) for s in (_CREATED, _RUNNING, _RESUBMITTED, _ENDED))
_NAMES = {int(state): state.name for state in State}


class ExecutorMeter:
    """Counts what steps have changed.

    Args:
        measures: where the families are told.
        labels: keys of labels that become tags `label_<key>`; they should have few values.
    """

    def __init__(self, measures: Measures, labels: Iterable[str] = ()) -> None:
        self._labels = tuple(labels)
        more = tuple(f"label_{key}" for key in self._labels)
        flow, task = (*FLOW, *more), (*TASK, *more)
        m = measures
        self._started = m.counter("executor.execution.started.count", "Executions started.", *flow)
        self._duration = m.timer("executor.execution.duration", "Duration of executions.", *flow, "state")
        m.counts("executor.execution.end.count", "Executions ended.", self._duration)
        m.counts("executions", "Executions ended.", self._duration)
        self._queued = m.counter("executor.execution.queued.count", "Executions queued by their flow's limit.", *flow)
        self._popped = m.counter("executor.execution.popped.count", "Executions that left the queue.", *flow)
        self._triggers = m.counter("scheduler.trigger.count", "Executions that triggers began.", *FLOW, "trigger_id")
        self._delays = m.counter("executor.execution.delay.created.count", "Pauses, retries and other delays begun.")
        self._step = m.timer("executor.execution.message.process", "One step: inputs, transaction, effects.")
        self._runs = m.counter("executor.taskrun.created.count", "Task runs created.", *task)
        m.again("executor.taskrun.next.count", "Task runs found to be next.", self._runs)
        self._run_spans = m.timer("executor.taskrun.ended.duration", "Duration of task runs.", *task, "state")
        m.counts("executor.taskrun.ended.count", "Task runs ended.", self._run_spans)
        self._flowables = m.counter("executor.flowable.execution.count", "Flowable tasks carried out.", *task)
        self._again = m.counter("executor.worker.job.resubmit.count", "Jobs of lost workers sent again.", *task)

    def committed(self, step: ExecutorStep, seconds: float) -> None:
        """A step is committed; `seconds` is its whole time."""
        self._step.add((), seconds)
        for live, old, new in step.moves:
            self._moved(live, old, new, step.now)
            if old is None and live.trigger_id is not None:
                self._triggers.add((live.tenant, live.namespace, live.flow_id, live.trigger_id))
                if "trigger" in loud:
                    _say_trigger(live)
        for changes in step.noted:
            self._changed(changes)

    def _moved(self, live: Live, old: State | None, new: State, now: int) -> None:
        tags = self._flow(live)
        if new is State.RUNNING and old in (None, State.CREATED, State.QUEUED):
            self._started.add(tags)
            if "execution" in loud:
                _say("execution", live, None, "started")
        if new is State.QUEUED:
            self._queued.add(tags)
        if old is State.QUEUED:
            self._popped.add(tags)
        if new.terminal:
            ended = (*tags, new.name)
            spent = max(0, (live.ended or now) - (live.started or live.created)) / 1000
            self._duration.add(ended, spent)
            if "execution" in loud:
                _say("execution", live, None, f"completed in {spent:g} s with state {new.name}")

    def _changed(self, changes: Changes) -> None:
        created, running, resubmitted, first_end = _NUMBERS
        runs = changes.runs
        for _, _, seq, _, state, at, _ in changes.events:
            run = runs.get(seq)
            if run is None:
                continue
            if state == created:
                self._runs.add(self._task(run))
            elif state == resubmitted:
                self._again.add(self._task(run))
            elif state >= first_end:
                self._run_ended(run, state, at)
            elif state == running:
                if run.task.kind is TaskKind.FLOWABLE:
                    self._flowables.add(self._task(run))
                if "task" in loud:
                    _say("task", run.execution, run, f"started, type {run.task.type}")
        for timer in changes.timers.values():
            if timer is not None:
                self._delays.add()

    def _run_ended(self, run: Run, state: int, at: int) -> None:
        tags = (*self._task(run), _NAMES[state])
        spent = max(0, at - (run.first_started or run.created)) / 1000
        self._run_spans.add(tags, spent)
        if "task" in loud:
            _say("task", run.execution, run, f"completed in {spent:g} s with state {_NAMES[state]}")

    def _flow(self, live: Live) -> Tags:
        own = (live.tenant, live.namespace, live.flow_id)
        return (*own, *self._labelled(live)) if self._labels else own

    def _task(self, run: Run) -> Tags:
        live = run.execution
        own = (live.tenant, live.namespace, live.flow_id, run.task.type)
        return (*own, *self._labelled(live)) if self._labels else own

    def _labelled(self, live: Live) -> Tags:
        told = dict(live.labels)
        return tuple(told.get(key, NONE) for key in self._labels)


def _say(kind: str, live: Live, run: Run | None, text: str) -> None:
    """A line of the logger `execution.<flow>` or `task.<flow>.<task>` (F61)."""
    name = f"{kind}.{live.flow_id}" if run is None else f"{kind}.{live.flow_id}.{run.task.id}"
    logger = logging.getLogger(name)
    if not logger.isEnabledFor(logging.INFO):
        return
    where = f"[tenant: {live.tenant}] [namespace: {live.namespace}] [flow: {live.flow_id}]"
    if run is not None:
        where += f" [task: {run.task.id}] [execution: {live.id}] [taskrun: {run.id}]"
    else:
        where += f" [execution: {live.id}]"
    logger.info("%s %s", where, text)


def _say_trigger(live: Live) -> None:
    logger = logging.getLogger(f"trigger.{live.flow_id}.{live.trigger_id}")
    where = f"[tenant: {live.tenant}] [namespace: {live.namespace}] [flow: {live.flow_id}]"
    logger.info("%s [trigger: %s] [execution: %s] created", where, live.trigger_id, live.id)


class SchedulerMeter:
    """What a scheduler counts."""

    def __init__(self, measures: Measures) -> None:
        m = measures
        self._loops = m.counter("scheduler.loop.count", "Rounds of the scheduler's loop.")
        self._rounds = m.timer("scheduler.evaluation.loop.duration", "One round of the scheduler's loop.")
        self._evaluated: Counter = m.counter("scheduler.evaluate.count", "Triggers evaluated.")
        self._evaluations = m.timer("scheduler.evaluate.duration", "Evaluation of triggers, the average of a round.")

    def turned(self, seconds: float, evaluated: int) -> None:
        """A round took `seconds` and handed over `evaluated` triggers."""
        self._loops.add()
        self._rounds.add((), seconds)
        if evaluated:
            self._evaluated.add((), evaluated)
            self._evaluations.add((), seconds / evaluated, evaluated)
