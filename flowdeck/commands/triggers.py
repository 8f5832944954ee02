"""States of triggers: switch, unlock, restart, backfill (workflow components §15.3, §15.6).

Evaluation itself is the scheduler's; it reads the same rows. Killing an evaluation that runs on a worker is told to
it by the raised `fence`.
"""

from __future__ import annotations

import json
from typing import Any

from flowdeck.commands.due import KINDS_WITH_STATE, due_again, first_due, next_cron_date
from flowdeck.commands.registry import command, engine_command
from flowdeck.commands.step import Step
from flowdeck.model.errors import IllegalArgument, IllegalState, NotFound
from flowdeck.model.flow import Flow
from flowdeck.model.ids import trigger_shard
from flowdeck.store.driver import Row, Tx

_PLACE = "tenant = :tenant and namespace = :namespace and flow_id = :flow_id and trigger_id = :trigger_id"


def _key(args: dict[str, Any]) -> dict[str, Any]:
    return {name: args[name] for name in ("tenant", "namespace", "flow_id", "trigger_id")}


def _load(tx: Tx, args: dict[str, Any]) -> Row:
    row = tx.one(f"select * from trigger_state where {_PLACE}", _key(args))
    if row is None:
        known = tx.value(
            "select 1 from flow where tenant = :tenant and namespace = :namespace and id = :flow_id and not deleted",
            _key(args),
        )
        if not known:
            raise NotFound(f"Flow of trigger {args['trigger_id']} not found")
        raise NotFound(f"Flow {args['flow_id']} has no trigger {args['trigger_id']}")
    return row


def _update(tx: Tx, args: dict[str, Any], **values: Any) -> None:
    values["updated"] = tx.now
    sets = ", ".join(f"{name} = :{name}" for name in values)
    tx.sql(f"update trigger_state set {sets} where {_PLACE}", {**_key(args), **values})
    _tell(tx, args, "changed")


def _tell(tx: Tx, args: dict[str, Any], change: str) -> None:
    tx.notify(f"triggers:{args['namespace']}/{args['flow_id']}", change, args["trigger_id"])


def _props(row: Row) -> dict[str, Any]:
    return json.loads(row["definition"])


def write_states(tx: Tx, flow: Flow, *, disabled: bool) -> None:
    """Make the rows of a flow's triggers those of its definition; called within `flow.save`.

    A changed definition recomputes its date and keeps `disabled`; a removed trigger loses its row. Triggers of a
    disabled flow are due never.
    """
    place = {"tenant": flow.tenant, "namespace": flow.namespace, "flow_id": flow.id}
    stored = {
        row["trigger_id"]: row
        for row in tx.all(
            "select * from trigger_state where tenant = :tenant and namespace = :namespace and flow_id = :flow_id",
            place,
        )
    }
    for trigger in flow.triggers:
        if trigger.kind not in KINDS_WITH_STATE:
            continue
        args = {**place, "trigger_id": trigger.id}
        props = {**trigger.props, "id": trigger.id, "type": trigger.type, "disabled": trigger.disabled}
        definition = json.dumps(props, separators=(",", ":"), sort_keys=True, default=str)
        stop_after = json.dumps(trigger.props["stopAfter"]) if trigger.props.get("stopAfter") else None
        off = trigger.disabled or disabled
        row = stored.pop(trigger.id, None)
        if row is None:
            tx.insert(
                "trigger_state",
                **args,
                type=trigger.type,
                kind=trigger.kind,
                definition=definition,
                next_due=None if off else first_due(trigger.kind, props, tx.now),
                disabled=False,
                fence=0,
                stop_after=stop_after,
                updated=tx.now,
                shard=trigger_shard(**args),
            )
            _tell(tx, args, "created")
        elif row["definition"] != definition:
            # Another definition starts its dates anew; a backfill over the former ones ends with them.
            _update(
                tx,
                args,
                type=trigger.type,
                kind=trigger.kind,
                definition=definition,
                next_due=None if off or row["disabled"] else first_due(trigger.kind, props, tx.now),
                backfill=None,
                stop_after=stop_after,
                evaluating_since=None,
                worker=None,
                fence=row["fence"] + 1,
            )
        elif (row["next_due"] is None) != (off or bool(row["disabled"])):
            due = None if off or row["disabled"] else _due_of(row, props, tx.now)
            if due != row["next_due"]:
                _update(tx, args, next_due=due, **_stopped(row, off))
    for trigger_id in stored:
        args = {**place, "trigger_id": trigger_id}
        tx.sql(f"delete from trigger_state where {_PLACE}", args)
        _tell(tx, args, "deleted")


def _stopped(row: Row, stop: bool) -> dict[str, Any]:
    """What ends the evaluation that runs on a worker: its report has an old fence then."""
    if not stop or row["evaluating_since"] is None:
        return {}
    return {"evaluating_since": None, "worker": None, "fence": row["fence"] + 1}


def delete_states(tx: Tx, tenant: str, namespace: str, flow_id: str) -> None:
    """Delete the states of a flow's triggers."""
    place = {"tenant": tenant, "namespace": namespace, "flow_id": flow_id}
    where = "tenant = :tenant and namespace = :namespace and flow_id = :flow_id"
    for row in tx.all(f"select trigger_id from trigger_state where {where}", place):
        _tell(tx, {**place, "trigger_id": row["trigger_id"]}, "deleted")
    tx.sql(f"delete from trigger_state where {where}", place)
    tx.sql(f"delete from flow_window where {where}", place)


@command("trigger.set_disabled")
def set_disabled(tx: Tx, args: dict[str, Any]) -> bool:
    """Switch a trigger off or on (`disabled`); whether that changed anything.

    Raises:
        NotFound: flow or trigger is unknown.
        IllegalArgument: it is a realtime trigger.
    """
    row = _load(tx, args)
    if row["kind"] == "realtime":
        raise IllegalArgument(
            "Realtime triggers can not be disabled through the API, please edit the trigger from the flow."
        )
    wanted = bool(args["disabled"])
    if bool(row["disabled"]) == wanted:
        return False
    props = _props(row)
    due = None if wanted or props.get("disabled") is True else _due_again(tx, args, row, props)
    _update(tx, args, disabled=wanted, next_due=due, **_stopped(row, wanted))
    return True


def _due_again(tx: Tx, args: dict[str, Any], row: Row, props: dict[str, Any]) -> int | None:
    off = tx.value(
        "select disabled from flow where tenant = :tenant and namespace = :namespace and id = :flow_id", _key(args)
    )
    if off:
        return None
    return _due_of(row, props, tx.now)


def _due_of(row: Row, props: dict[str, Any], now: int) -> int | None:
    """When a trigger is due that is switched on: a backfill first, missed dates as its schedule says."""
    if row["backfill"]:
        backfill = json.loads(row["backfill"])
        return None if backfill.get("paused") else backfill["currentDate"]
    return due_again(row["kind"], props, row["last_date"], now)


@command("trigger.unlock")
def unlock(tx: Tx, args: dict[str, Any]) -> None:
    """Release both locks. `IllegalState` when there is none."""
    row = _load(tx, args)
    if row["execution_id"] is None and row["evaluating_since"] is None:
        raise IllegalState("Trigger is not locked")
    _update(tx, args, execution_id=None, evaluating_since=None, worker=None, fence=row["fence"] + 1)


@command("trigger.restart")
def restart(tx: Tx, args: dict[str, Any]) -> None:
    """Stop the running evaluation and make the state anew."""
    row = _load(tx, args)
    props = _props(row)
    off = bool(row["disabled"]) or props.get("disabled") is True
    _update(
        tx,
        args,
        evaluating_since=None,
        worker=None,
        execution_id=None,
        backfill=None,
        fence=row["fence"] + 1,
        next_due=None if off else first_due(row["kind"], props, tx.now),
    )


@command("trigger.evaluate")
def evaluate(tx: Tx, args: dict[str, Any]) -> None:
    """Let a polling trigger be evaluated at once instead of after its interval (console: UI-FP-31).

    Raises:
        IllegalArgument: the trigger does not poll.
        IllegalState: it is disabled, an evaluation runs, or an execution of it holds it.
    """
    row = _load(tx, args)
    if row["kind"] != "polling":
        raise IllegalArgument("only polling triggers are evaluated by hand")
    if row["disabled"] or _props(row).get("disabled") is True:
        raise IllegalState("The trigger is disabled")
    if row["evaluating_since"] is not None or row["execution_id"] is not None:
        raise IllegalState("The trigger is being evaluated, or an execution of it runs")
    _update(tx, args, next_due=tx.now)


@engine_command("trigger.try")
def try_out(step: Step, args: dict[str, Any]) -> Any:
    """Look once for a polling trigger and start nothing, a dry run (console: UI-FP-31); answered by what was found.

    The trigger's row is neither needed nor changed: one that is off can be tried, too.

    Raises:
        IllegalArgument: the trigger does not poll.
        IllegalState: the flow cannot be run.
        NotFound: it has no such trigger.
    """
    return step.try_trigger(**_key(args))


@command("trigger.delete")
def delete(tx: Tx, args: dict[str, Any]) -> None:
    """Reset a trigger: its row goes and, while the flow still has it, comes back as new."""
    row = _load(tx, args)
    tx.sql(f"delete from trigger_state where {_PLACE}", _key(args))
    live = tx.one(
        "select disabled from flow where tenant = :tenant and namespace = :namespace and id = :flow_id and not deleted",
        _key(args),
    )
    if live is not None:
        props = _props(row)
        off = bool(live["disabled"]) or props.get("disabled") is True
        tx.insert(
            "trigger_state",
            **_key(args),
            type=row["type"],
            kind=row["kind"],
            definition=row["definition"],
            next_due=None if off else first_due(row["kind"], props, tx.now),
            disabled=False,
            fence=row["fence"] + 1,
            stop_after=row["stop_after"],
            updated=tx.now,
            shard=row["shard"],
        )
    _tell(tx, args, "changed" if live is not None else "deleted")


@command("trigger.backfill_create")
def create_backfill(tx: Tx, args: dict[str, Any]) -> None:
    """Begin a backfill from `start` to `end` (ms; default now), with `inputs` and `labels`; replaces another.

    Raises:
        IllegalArgument: the trigger is not a schedule, or the end lies before the start.
    """
    row = _load(tx, args)
    if row["kind"] != "schedule":
        raise IllegalArgument("only schedules have backfills")
    start, end = int(args["start"]), int(args["end"] if args.get("end") is not None else tx.now)
    if end < start:
        raise IllegalArgument("backfill.end must not be before backfill.start")
    former = json.loads(row["backfill"]) if row["backfill"] else None
    previous = former.get("previousNextExecutionDate") if former else row["next_due"]
    first = next_cron_date(_props(row), start - 1)
    if first is None or first > end:
        raise IllegalArgument("the schedule has no date between start and end")
    backfill = {
        "start": start,
        "end": end,
        "currentDate": first,
        "paused": False,
        "inputs": args.get("inputs"),
        "labels": args.get("labels"),
        "previousNextExecutionDate": previous,
    }
    _update(tx, args, backfill=json.dumps(backfill), next_due=None if row["disabled"] else first)


def _backfill(row: Row) -> dict[str, Any]:
    if not row["backfill"]:
        raise IllegalState("No backfill found")
    return json.loads(row["backfill"])


@command("trigger.backfill_pause")
def pause_backfill(tx: Tx, args: dict[str, Any]) -> None:
    """Hold a backfill; the regular schedule waits with it."""
    row = _load(tx, args)
    _update(tx, args, backfill=json.dumps({**_backfill(row), "paused": True}), next_due=None)


@command("trigger.backfill_continue")
def continue_backfill(tx: Tx, args: dict[str, Any]) -> None:
    """Go on with a paused backfill."""
    row = _load(tx, args)
    backfill = _backfill(row)
    due = None if row["disabled"] else backfill["currentDate"]
    _update(tx, args, backfill=json.dumps({**backfill, "paused": False}), next_due=due)


@command("trigger.backfill_delete")
def delete_backfill(tx: Tx, args: dict[str, Any]) -> None:
    """End a backfill; the date from before it is due again."""
    row = _load(tx, args)
    backfill = _backfill(row)
    previous = backfill.get("previousNextExecutionDate")
    if previous is None and not row["disabled"]:
        previous = due_again(row["kind"], _props(row), row["last_date"], tx.now)
    _update(tx, args, backfill=None, next_due=None if row["disabled"] else previous)
