"""Dry runs of polling triggers: looked at once, nothing is started and the trigger's row stays as it is (UI-FP-31).

A worker carries the evaluation out as any other, under a number that no trigger has, and sends its lines with the
answer instead of storing them. What it found is prepared as for an execution, which is then told and not made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowdeck.engine.executor_step import Promise
from flowdeck.engine.messages import Poll
from flowdeck.engine.questions import Questions
from flowdeck.engine.triggers import Preparation, Prepared, ask, conditions_hold, flow_context, group_of
from flowdeck.model.conditions import ConditionError
from flowdeck.model.engine import Plan
from flowdeck.model.errors import IllegalArgument, IllegalState, NotFound
from flowdeck.model.flow import TriggerDef
from flowdeck.model.inputs import Pending
from flowdeck.model.instants import instant

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor, ExecutorStep

Answer = dict[str, Any]


def begin(
    executor: Executor, step: ExecutorStep, tenant: str, namespace: str, flow_id: str, trigger_id: str
) -> Promise:
    """Have a worker look once; the promise is resolved by `{found, value, lines, error, conditions, starts}`.

    Raises:
        IllegalState: the flow cannot be run.
        NotFound: it has no such trigger.
        IllegalArgument: the trigger does not poll.
    """
    try:
        plan = step.world.flows.plan(tenant, namespace, flow_id)
    except LookupError as error:
        raise IllegalState(str(error)) from None
    trigger = next((one for one in plan.flow.triggers if one.id == trigger_id), None)
    if trigger is None:
        raise NotFound(f"Flow {flow_id} has no trigger {trigger_id}")
    if trigger.kind != "polling":
        raise IllegalArgument("only polling triggers are evaluated by hand")
    trial = _Trial(executor, plan, trigger, instant(step.now))
    seq, looked = executor.commands.promised()
    looked.whole, looked.reply = True, trial.looked
    job = Poll(
        seq=seq,
        fence=-1,
        tenant=tenant,
        namespace=namespace,
        flow_id=flow_id,
        flow_key=plan.flow_key,
        revision=plan.flow.revision,
        trigger_id=trigger_id,
        execution=step.world.new_id(step.now),
        context={**{k: v for k, v in flow_context(plan, {}).items() if v}, "trigger": trial.about},
        defaults=plan.defaults,
        group=group_of(plan, trigger),
        trial=True,
    )
    process = executor.needs_process(trigger.type)
    step.world.effect((lambda j, _: executor.transport.dispatch(j, process=process), job, None))
    return trial.promise


class _Trial:
    """One dry run, from the worker's answer to what would be started."""

    def __init__(self, executor: Executor, plan: Plan, trigger: TriggerDef, date: str) -> None:
        self.promise = Promise()
        self.about = {"id": trigger.id, "type": trigger.type, "date": date}
        self._executor = executor
        self._plan = plan
        self._trigger = trigger
        self._questions = Questions()
        self._preparation: Preparation | None = None
        self._answer: Answer = {}

    def looked(self, answer: Any, failure: Any) -> None:
        """The worker has looked."""
        if failure is not None:
            self._reply(None, failure)
            return
        told: Mapping[str, Any] = answer["value"]
        self._answer = {"found": told.get("value") is not None, "conditions": True, **told}
        self._judge()

    def _reply(self, answer: Any, failure: Any) -> None:
        if self.promise.reply is not None:
            self.promise.reply(answer, failure)

    def _judge(self) -> None:
        """Whether the trigger's conditions let it look at all."""
        own, asked = {"date": self.about["date"]}, self._questions
        try:
            self._answer["conditions"] = conditions_hold(self._plan, self._trigger, self._executor.globals, own, asked)
        except Pending:
            ask(self._executor, self._plan, self._questions, self._judge)
            return
        except ConditionError as error:
            self._answer |= {"conditions": False, "conditionsError": str(error)}
        if self._answer["found"]:
            self._preparation = Preparation(
                self._plan,
                self._trigger,
                self._answer["value"],
                self._executor.globals,
                encrypt=self._executor.encrypt,
            )
            self._prepare()
        else:
            self._reply(self._answer, None)

    def _prepare(self) -> None:
        """What the execution would be given."""
        assert self._preparation is not None
        prepared = self._preparation.attempt()
        if prepared is None:
            ask(self._executor, self._plan, self._preparation, self._prepare)
            return
        self._reply({**self._answer, "starts": _told(prepared)}, None)


def _told(prepared: Prepared) -> Answer:
    error = prepared.error or (
        f"the checks of the flow do not allow it: {prepared.blocked}" if prepared.blocked else ""
    )
    return {
        "inputs": prepared.inputs,
        "labels": [{"key": key, "value": value} for key, value in prepared.labels],
        "warnings": [*prepared.warnings, *prepared.failed],
        **({"error": error} if error else {}),
    }


__all__ = ["begin"]
