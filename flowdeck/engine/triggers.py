"""Executions that triggers start: inputs and labels rendered, by a worker where that needs I/O (spec: §15.2)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowdeck.commands.executions import create_execution
from flowdeck.commands.step import Step
from flowdeck.engine.executor_step import Promise
from flowdeck.engine.questions import Questions
from flowdeck.expr import ExpressionError, references, render_value
from flowdeck.model.checks import judge
from flowdeck.model.coerce import to_text
from flowdeck.model.conditions import Facts, all_hold
from flowdeck.model.engine import Live, Plan
from flowdeck.model.errors import IllegalState
from flowdeck.model.flow import TriggerDef
from flowdeck.model.inputs import Pending, resolve_inputs
from flowdeck.model.labels import merge_labels, nested
from flowdeck.model.masking import Secrecy

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor

log = logging.getLogger("flowdeck.triggers")

PASSES = 8
"""Most rounds of questions to a worker: defaults of inputs may depend on each other."""

Encrypt = Callable[[str], Any]


def flow_context(plan: Plan, globals_: Mapping[str, Any]) -> dict[str, Any]:
    """What expressions of a trigger see besides `trigger`."""
    flow = plan.flow
    return {
        "flow": {"id": flow.id, "namespace": flow.namespace, "revision": flow.revision, "tenantId": flow.tenant},
        "vars": dict(flow.variables),
        "labels": nested(flow.labels),
        **({"inputs": plan.static_inputs} if plan.static_inputs else {}),
        **({"namespace": plan.namespace} if plan.namespace else {}),
        **{name: globals_.get(name) or {} for name in ("envs", "globals", "kestra")},
    }


def group_of(plan: Plan, trigger: TriggerDef) -> str:
    """The worker group of a trigger: its own, else the flow's; one that is an expression is not asked for (§7.5)."""
    group = trigger.props.get("workerGroup") or plan.flow.document.get("workerGroup")
    key = str(group.get("key") or "") if isinstance(group, Mapping) else ""
    return "" if "{{" in key else key.strip()


LABEL = "label "
"""Begins the keys of values that become labels: those are stored readable, so secrets in them are masked."""


@dataclass(slots=True)
class Prepared:
    """Inputs and labels of an execution; with `error` there are none.

    `warnings` tell of labels that could not be rendered and are left out (§5). `blocked` says why checks allow no
    execution, `failed` what they write into one that is created FAILED (§12).
    """

    inputs: dict[str, Any] = field(default_factory=dict)
    labels: list[tuple[str, str]] = field(default_factory=list)
    error: str | None = None
    blocked: str | None = None
    failed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def sealed(self, secrecy: Secrecy) -> Prepared:
        """As it may be stored and told."""
        return Prepared(
            secrecy.seal(self.inputs),
            self.labels,
            None if self.error is None else secrecy.text(self.error),
            None if self.blocked is None else secrecy.text(self.blocked),
            [secrecy.text(one) for one in self.failed],
            [secrecy.text(one) for one in self.warnings],
        )


class Preparation:
    """Renders trigger inputs and labels and resolves the flow's inputs, in as many passes as workers have to be asked.

    Args:
        plan: the flow that is started.
        trigger: its trigger, with `inputs` and `labels` as written.
        variables: `trigger` of the context, beside its id and type.
        inputs: values that win over those of the trigger (a backfill's).
        labels: labels that win over those of the trigger.
        encrypt: makes the stored form of SECRET inputs.
    """

    __slots__ = (
        "_base",
        "_context",
        "_encrypt",
        "_known",
        "_more",
        "_plan",
        "_trigger",
        "labels",
        "passes",
        "pending",
        "secrets",
        "warnings",
    )

    def __init__(
        self,
        plan: Plan,
        trigger: TriggerDef,
        variables: Mapping[str, Any],
        globals_: Mapping[str, Any],
        *,
        inputs: Mapping[str, Any] | None = None,
        labels: Iterable[tuple[str, str]] = (),
        encrypt: Encrypt | None = None,
    ) -> None:
        self._plan = plan
        self._trigger = trigger
        self._base = flow_context(plan, globals_)
        self._context = {**self._base, "trigger": {"id": trigger.id, "type": trigger.type, **variables}}
        if trigger.kind == "schedule":
            self._context["schedule"] = dict(variables)
        self._more = dict(inputs or {})
        self.labels = list(labels)
        self._encrypt = encrypt
        self._known: dict[str, tuple[Any, str | None]] = {}
        self.pending: dict[str, tuple[Any, dict[str, Any]]] = {}
        self.passes = 0
        self.warnings: dict[str, str] = {}
        self.secrets: set[str] = set()  # that rendered values show

    def attempt(self) -> Prepared | None:
        """The result; None while `pending` has to be rendered by a worker."""
        try:
            prepared = self._attempt()
            return prepared.sealed(Secrecy(self.secrets, self._encrypt)) if prepared and self.secrets else prepared
        except Exception as error:
            # A fault of ours in one flow's inputs must not undo the step that others share.
            log.exception("the inputs of trigger %s can't be prepared", self._trigger.id)
            return Prepared(error=f"Internal error: {type(error).__name__}")

    def _attempt(self) -> Prepared | None:
        self.passes += 1
        try:
            labels = merge_labels(self._labels(), self.labels)
            sent = {
                str(k): self._render(v, self._context) for k, v in (self._trigger.props.get("inputs") or {}).items()
            }
        except Pending:
            return None
        except ExpressionError as error:
            return Prepared(error=f"The inputs of trigger '{self._trigger.id}' can't be rendered: {error.message}")
        context = {k: v for k, v in self._base.items() if k not in ("vars", "labels")}
        resolution = resolve_inputs(
            self._plan.flow, {**sent, **self._more}, evaluate=self._render, context=context, encrypt=self._encrypt
        )
        if self.pending:
            return None
        if resolution.errors:
            return Prepared(labels=labels, error=resolution.message)
        warnings = list(self.warnings.values())
        if not self._plan.flow.checks:
            return Prepared(resolution.values, labels, warnings=warnings)
        own = [(k, v) for k, v in self._plan.flow.labels if not k.startswith("system.")]
        about = {**context, "inputs": resolution.plain, "trigger": self._context["trigger"]}
        try:
            verdict = judge(
                self._plan.flow.checks, self._render, {**about, "labels": nested(merge_labels(own, labels))}
            )
        except Pending:
            return None
        blocked = ", ".join([*verdict.messages, *verdict.faults]) if verdict.blocks else None
        return Prepared(resolution.values, labels, blocked=blocked, failed=verdict.failures, warnings=warnings)

    def answered(self, key: str, value: Any, error: str | None) -> None:
        """A worker has rendered a pending value."""
        self.pending.pop(key, None)
        self._known[key] = (value, error)

    def _labels(self) -> list[tuple[str, str]]:
        declared = self._trigger.props.get("labels")
        items: Iterable[tuple[Any, Any]] = (
            declared.items()
            if isinstance(declared, Mapping)
            else [(x.get("key"), x.get("value")) for x in declared or () if isinstance(x, Mapping)]
        )
        found: list[tuple[str, str]] = []
        waiting = False
        for key, value in items:
            try:
                text = to_text(self._render(value, self._context, LABEL))
            except Pending:
                waiting = True
                continue
            except ExpressionError as error:
                self.warnings[str(key)] = f"The label '{key}' is left out, it can't be rendered: {error.message}"
                continue
            if key and text:
                found.append((str(key), text))
        if waiting:
            raise Pending
        return found

    def _render(self, value: Any, context: Mapping[str, Any], use: str = "") -> Any:
        if not references(value)[1]:
            return render_value(value, dict(context))
        key = use + json.dumps([value, context.get("inputs")], sort_keys=True, default=str)
        known = self._known.get(key)
        if known is None:
            if self.passes > PASSES:
                raise ExpressionError("the expressions depend on each other too deeply")
            self.pending[key] = (value, dict(context))
            raise Pending
        if known[1] is not None:
            raise ExpressionError(known[1])
        return known[0]


def conditions_hold(
    plan: Plan, trigger: TriggerDef, globals_: Mapping[str, Any], own: Mapping[str, Any], questions: Questions
) -> bool:
    """Whether all conditions of a trigger that a worker evaluates hold (§15.8).

    `own` are its variables: the `date` of the look, or an event. They see them as `trigger`, beside `id` and `type`
    (§20).

    Raises:
        Pending: a worker must render something first: `ask` it with `questions`.
        ConditionError: one can't be evaluated.
    """
    conditions = trigger.props.get("conditions") or ()
    if not conditions:
        return True
    context = {**flow_context(plan, globals_), "trigger": {"id": trigger.id, "type": trigger.type, **own}}
    return all_hold(conditions, Facts(context, namespace=plan.flow.namespace, flow_id=plan.flow.id), questions.render)


def ask(executor: Executor, plan: Plan, preparation: Preparation | Questions, then: Callable[[], None]) -> None:
    """Have a worker render what is pending and call `then`, outside a step, when all answers are here.

    An answer that is lost with its worker is asked again by the next pass.
    """
    flow = plan.flow
    waiting = set(preparation.pending)

    def reply_to(key: str, promise: Promise) -> Callable[[Any, Any], None]:
        def reply(value: Any, failure: Any) -> None:
            if isinstance(preparation, Preparation):
                preparation.secrets.update(promise.secrets)
            if failure is None or failure[0] != "Unavailable":
                preparation.answered(key, value, failure[1] if failure is not None else None)
            else:
                preparation.pending.pop(key, None)
            waiting.discard(key)
            if not waiting:
                then()

        return reply

    for key, (value, context) in list(preparation.pending.items()):
        promise = executor.commands.evaluate_later(
            value, context, flow.tenant, flow.namespace, flow.id, masked=key.startswith(LABEL)
        )
        promise.reply = reply_to(key, promise)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An execution that another executor is about to create."""

    id: str


def start(
    step: Step,
    plan: Plan,
    trigger: TriggerDef,
    prepared: Prepared,
    variables: Mapping[str, Any],
    schedule_date: int | None = None,
    *,
    execution_id: str | None = None,
) -> Live | Elsewhere:
    """Create the execution of a trigger within the step; with an error it is created FAILED and says why.

    An executor without its shard tells the owner, in the same transaction (PostgreSQL).

    Raises:
        IllegalState: the checks of the flow allow no execution, or it is disabled or invalid.
    """
    if prepared.blocked is not None:
        raise IllegalState(f"the checks of the flow do not allow it: {prepared.blocked}")
    flow = plan.flow
    shared = step.world.shared
    args = {
        "tenant": flow.tenant,
        "namespace": flow.namespace,
        "flow_id": flow.id,
        "id": execution_id or (shared.root_id(step.now) if shared is not None else None),
        "inputs": prepared.inputs,
        "labels": [{"key": k, "value": v} for k, v in prepared.labels],
        "trusted": True,
        "trigger": {"id": trigger.id, "type": trigger.type, "variables": dict(variables)},
        "schedule_date": schedule_date,
        "failed": prepared.error or prepared.failed or None,
        "warnings": prepared.warnings,
    }
    if shared is not None and shared.create_elsewhere(args):
        return Elsewhere(str(args["id"]))
    return create_execution(step, args)
