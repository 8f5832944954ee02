"""Flow triggers: each change of an execution's state is held against the triggers of other flows (spec: §15.7).

The triggers of all flows lie in memory; windows and work that waits for a worker are rows, written in the step of the
change itself, so that no change is lost and none counts twice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from flowdeck.commands.step import Step
from flowdeck.engine.questions import Questions
from flowdeck.engine.triggers import Encrypt, Preparation, ask, flow_context, start
from flowdeck.engine.triggers_state import Key, Say, say_nowhere
from flowdeck.model.conditions import Upstream, name_of
from flowdeck.model.engine import Live, Plan
from flowdeck.model.engine.world import FAR
from flowdeck.model.errors import DomainError
from flowdeck.model.flow import TriggerDef
from flowdeck.model.flow_trigger import DEFAULT_STATES, Match, Window, condition_id, match
from flowdeck.model.inputs import Pending
from flowdeck.model.labels import CORRELATION
from flowdeck.model.states import State
from flowdeck.store.driver import Reader
from flowdeck.store.scopes import lock_scope

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor

log = logging.getLogger("flowdeck.triggers")

OUTBOX = "trigger.start"
"""Kind of outbox rows: a trigger has fired and its inputs are with a worker."""
UNWATCHED = frozenset({"TEST", "PLAYGROUND"})
"""Kinds of executions that start nothing."""

FLOW_KIND = '"kind":"flow"'
"""What the summary of a flow with a Flow trigger contains."""

FlowName = tuple[str, str, str]

_WINDOW = "tenant = :tenant and namespace = :namespace and flow_id = :flow_id and condition_id = :condition_id"


@dataclass(slots=True)
class _Entry:
    """One Flow trigger; `sources` are the (namespace, flow or None) that can matter to it, None = any."""

    flow: FlowName
    trigger: TriggerDef
    states: frozenset[str]
    sources: frozenset[tuple[str, str | None]] | None
    retries: bool
    condition: str = field(default="")

    def concerns(self, live: Live, state: str) -> bool:
        """A cheap test that most executions fail."""
        if state not in self.states or self.flow == (live.tenant, live.namespace, live.flow_id):
            return False
        return (
            self.sources is None
            or (live.namespace, live.flow_id) in self.sources
            or (live.namespace, None) in self.sources
        )


def _entry(flow: FlowName, trigger: TriggerDef) -> _Entry:
    props = trigger.props
    sources: set[tuple[str, str | None]] | None = None
    for condition in props.get("conditions") or ():
        if name_of(condition) == "ExecutionFlow":
            sources = {(str(condition.get("namespace")), str(condition.get("flowId")))}
    group = props.get("preconditions")
    if sources is None and isinstance(group, Mapping) and group.get("flows") and not group.get("where"):
        sources = {(str(f.get("namespace")), f.get("flowId")) for f in group["flows"]}
    states = props.get("states")
    return _Entry(
        flow,
        trigger,
        frozenset(states) if states is not None else DEFAULT_STATES,
        None if sources is None else frozenset(sources),
        "HasRetryAttempt" in json.dumps(props, default=str),
        condition_id(trigger),
    )


class FlowTriggers:
    """A listener of the executor.

    Args:
        executor: whose executions are watched.
        encrypt: makes the stored form of SECRET inputs.
        say: writes into a trigger's log.
    """

    def __init__(self, executor: Executor, *, encrypt: Encrypt | None = None, say: Say = say_nowhere) -> None:
        self._executor = executor
        self._encrypt = encrypt
        self._say = say
        self._entries: dict[FlowName, list[_Entry]] = {}
        self._stale: set[FlowName] = set()

    def load(self, reader: Reader) -> None:
        """Read at start which flows have Flow triggers, and what was under way."""
        sharing = self._executor.sharing
        for row in reader.all(
            "select tenant, namespace, id from flow where not deleted and summary like :kind", kind=f"%{FLOW_KIND}%"
        ):
            self._stale.add((row["tenant"], row["namespace"], row["id"]))
        self.go_on(reader, None if sharing is None else sharing.held)

    def go_on(self, reader: Reader, shards: Collection[int] | None = None) -> None:
        """Take up what was under way, of these shards (None: all)."""
        for row in reader.all("select seq, shard from outbox where kind = :kind order by seq", kind=OUTBOX):
            if shards is None or row["shard"] in shards:
                self._again(row["seq"], None)

    def changed(self, flow: FlowName) -> None:
        """A flow was saved or deleted: it is looked at before the next execution that changes."""
        self._stale.add(flow)

    def _refresh(self, step: Step) -> None:
        stale, self._stale = self._stale, set()
        for flow in stale:
            self._entries.pop(flow, None)
            summary = step.tx.value("select summary from flow where tenant = ? and namespace = ? and id = ?", *flow)
            if summary is None or FLOW_KIND not in summary:
                continue  # most flows: not worth parsing
            try:
                plan = step.world.flows.plan(*flow)
            except LookupError:
                continue
            found = (
                []
                if plan.flow.disabled
                else [_entry(flow, t) for t in plan.flow.triggers if t.kind == "flow" and not t.disabled]
            )
            if found:
                self._entries[flow] = found

    def on_execution(self, step: Step, live: Live, old: State | None, new: State) -> None:
        """Listener: judge a change; what it starts is created in the same step."""
        if self._stale:
            self._refresh(step)
        if old is None or not self._entries or live.kind in UNWATCHED:
            return
        tenant, state = live.tenant, new.name
        for name, entries in list(self._entries.items()):
            if name[0] == tenant:
                for entry in entries:
                    if entry.concerns(live, state):
                        self._judge(step, entry, live, state)

    def _judge(self, step: Step, entry: _Entry, live: Live, state: str) -> None:
        tenant, namespace, flow_id = entry.flow
        try:
            plan = step.world.flows.plan(tenant, namespace, flow_id)
        except LookupError:
            return
        upstream = Upstream(
            live.id,
            live.namespace,
            live.flow_id,
            live.flow_rev,
            state,
            dict(live.labels),
            live.outputs,
            self._attempts(step, live) if entry.retries else (),
        )
        self._decide(step, plan, entry.trigger, upstream, Questions(), None, live.shard)

    def _decide(
        self,
        step: Step,
        plan: Plan,
        trigger: TriggerDef,
        upstream: Upstream,
        questions: Questions,
        outbox: int | None,
        shard: int,
    ) -> None:
        """Hold a change against a trigger; when a worker has to render for that, put it down and ask first."""
        flow = plan.flow
        place = {
            "tenant": flow.tenant,
            "namespace": flow.namespace,
            "flow_id": flow.id,
            "condition_id": condition_id(trigger),
        }
        if place["condition_id"]:
            lock_scope(step.tx, f"window {'/'.join(place.values())}")
        window = self._window(step, place) if place["condition_id"] else None
        correlation = [(k, v) for k, v in upstream.labels.items() if k == CORRELATION]
        try:
            found = match(
                trigger,
                (flow.namespace, flow.id),
                upstream,
                window,
                step.now,
                context=flow_context(plan, step.world.globals),
                render=questions.render,
            )
        except Pending:
            if outbox is None:
                outbox = self._put_down(step, plan, trigger, {"upstream": asdict(upstream)}, shard)
            row = outbox
            ask(self._executor, plan, questions, lambda: self._again(row, questions))
            return
        except Exception:
            # Nothing that is wrong with this trigger may undo the step of the execution that it looks at.
            log.exception("trigger %s of flow %s.%s can't be judged", trigger.id, flow.namespace, flow.id)
            self._take_out(step, outbox)
            return
        self._take_out(step, outbox)
        for text in found.warnings:
            self._warn(step, (flow.tenant, flow.namespace, flow.id, trigger.id), text)
        if place["condition_id"] and found.changed:
            self._store(step, place, found)
        if found.fires:
            self._fire(step, plan, trigger, dict(found.variables), correlation, shard=shard)

    def _put_down(self, step: Step, plan: Plan, trigger: TriggerDef, more: Mapping[str, Any], shard: int) -> int:
        """A row of the outbox for what goes on when a worker has answered."""
        flow = plan.flow
        payload = {
            "tenant": flow.tenant,
            "namespace": flow.namespace,
            "flow_id": flow.id,
            "trigger_id": trigger.id,
            **more,
        }
        return step.tx.insert("outbox", kind=OUTBOX, payload=json.dumps(payload, default=str), due=FAR, shard=shard)

    def _take_out(self, step: Step, outbox: int | None) -> None:
        if outbox is not None:
            step.tx.sql("delete from outbox where seq = :seq", seq=outbox)

    def _warn(self, step: Step, key: Key, text: str) -> None:
        step.world.effect((lambda k, t: self._say(k, t), key, text))

    def _window(self, step: Step, place: Mapping[str, Any]) -> Window | None:
        row = step.tx.one(f'select seen, "start", "end" from flow_window where {_WINDOW}', place)
        return Window(row["start"], row["end"], json.loads(row["seen"])) if row is not None else None

    def _store(self, step: Step, place: Mapping[str, Any], found: Match) -> None:
        if found.window is None:
            step.tx.sql(f"delete from flow_window where {_WINDOW}", place)
            return
        step.tx.sql(
            'insert into flow_window (tenant, namespace, flow_id, condition_id, seen, "start", "end") values (:tenant,'
            " :namespace, :flow_id, :condition_id, :seen, :opens, :closes) on conflict (tenant, namespace, flow_id,"
            ' condition_id) do update set seen = excluded.seen, "start" = excluded."start", "end" = excluded."end"',
            {
                **place,
                "seen": json.dumps(found.window.seen, default=str),
                "opens": found.window.start,
                "closes": found.window.end,
            },
        )

    def _attempts(self, step: Step, live: Live) -> list[list[str]]:
        step.flush()
        found: dict[int, list[str]] = {}
        for row in step.tx.all(
            "select a.task_run_seq, a.state from attempt a join task_run t on t.seq = a.task_run_seq"
            " where t.execution_seq = :seq order by a.task_run_seq, a.no",
            seq=live.seq,
        ):
            found.setdefault(row["task_run_seq"], []).append(State(row["state"]).name)
        return list(found.values())

    # ---- starting

    def _fire(
        self,
        step: Step,
        plan: Plan,
        trigger: TriggerDef,
        variables: dict[str, Any],
        labels: Iterable[tuple[str, str]],
        outbox: int | None = None,
        preparation: Preparation | None = None,
        *,
        shard: int = 0,
    ) -> None:
        """Create the execution, or put it down and ask a worker for its inputs first."""
        if preparation is None:
            preparation = Preparation(
                plan, trigger, variables, step.world.globals, labels=labels, encrypt=self._encrypt
            )
        prepared = preparation.attempt()
        flow = plan.flow
        if prepared is None:
            if outbox is None:
                more = {"variables": variables, "labels": [list(x) for x in labels]}
                outbox = self._put_down(step, plan, trigger, more, shard)
            row = outbox
            ask(self._executor, plan, preparation, lambda: self._again(row, preparation))
            return
        self._take_out(step, outbox)
        if prepared.error is not None and trigger.props.get("failOnTriggerError") is not True:
            self._warn(
                step, (flow.tenant, flow.namespace, flow.id, trigger.id), f"Nothing is started: {prepared.error}"
            )
            return
        try:
            start(step, plan, trigger, prepared, variables)
        except DomainError as refused:
            self._warn(
                step, (flow.tenant, flow.namespace, flow.id, trigger.id), f"Nothing is started: {refused.message}"
            )

    def _again(self, outbox: int, asked: Preparation | Questions | None) -> None:
        """A worker has answered, or the process is new: go on with a row of the outbox in the next step."""

        def work(step: Step) -> None:
            row = step.tx.one("select payload, shard from outbox where seq = :seq", seq=outbox)
            sharing = self._executor.sharing
            if row is None or (sharing is not None and not sharing.owns(row["shard"])):
                return
            order = json.loads(row["payload"])
            trigger = None
            try:
                plan = step.world.flows.plan(order["tenant"], order["namespace"], order["flow_id"])
                trigger = next((t for t in plan.flow.triggers if t.id == order["trigger_id"]), None)
            except LookupError:
                plan = None
            if plan is None or trigger is None:
                self._take_out(step, outbox)
                return
            if "upstream" in order:
                questions = asked if isinstance(asked, Questions) else Questions()
                self._decide(step, plan, trigger, Upstream(**order["upstream"]), questions, outbox, row["shard"])
                return
            preparation = asked if isinstance(asked, Preparation) else None
            labels = [(str(k), str(v)) for k, v in order["labels"]]
            self._fire(step, plan, trigger, order["variables"], labels, outbox, preparation)

        self._executor.call(work)


def purge_windows(step: Step) -> None:
    """Delete windows that are over."""
    step.tx.sql('delete from flow_window where "end" <= :now', now=step.now)
