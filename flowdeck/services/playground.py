"""The playground: single tasks of a flow on what earlier plays gave, with pinned results (`spec/ui.md` §5.9)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model import playground
from flowdeck.model.errors import IllegalArgument, IllegalState, NotFound
from flowdeck.model.flow import Flow, TaskDef
from flowdeck.model.playground import Played
from flowdeck.model.states import State
from flowdeck.services import flows, keepsakes
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import row_of
from flowdeck.store.queries import task_runs as queries

MOST_RUNS = 2_000
"""Task runs that a play may go on from; beyond them a single task costs more than the whole."""

KIND = "PLAYGROUND"
_PIN_STATES = ("SUCCESS", "WARNING", "FAILED", "SKIPPED")
_LIMIT = 1024 * 1024


async def pins(backend: Backend, caller: Caller, namespace: str, flow_id: str) -> dict[str, Any]:
    """The caller's pinned results of a flow: `{tasks: {id: {outputs, state?, from?}}}`. `NotFound` without the flow."""
    await flows.head(backend, caller, namespace, flow_id)
    try:
        kept = await keepsakes.get(backend, caller, "pins", f"{namespace}/{flow_id}")
    except NotFound:
        return {"tasks": {}}
    return {"tasks": kept.get("tasks") or {}, "version": kept["version"]}


async def put_pins(
    backend: Backend, caller: Caller, namespace: str, flow_id: str, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Replace the caller's pins of a flow. `IllegalArgument` names what is wrong."""
    await flows.head(backend, caller, namespace, flow_id)
    tasks = body.get("tasks")
    if not isinstance(tasks, dict):
        raise IllegalArgument("tasks: a map of task ids is expected")
    kept: dict[str, Any] = {}
    for name, pin in tasks.items():
        if not isinstance(pin, dict) or not isinstance(pin.get("outputs", {}), dict):
            raise IllegalArgument(f"tasks.{name}.outputs: a map is expected")
        if pin.get("state") not in (None, *_PIN_STATES):
            raise IllegalArgument(f"tasks.{name}.state: {', '.join(_PIN_STATES)} are known")
        kept[name] = {key: pin[key] for key in ("outputs", "state", "from") if pin.get(key) is not None}
    await keepsakes.put(backend, caller, "pins", f"{namespace}/{flow_id}", {"tasks": kept}, shared=False)
    return {"tasks": kept}


async def prepare(
    backend: Backend,
    caller: Caller,
    flow: Flow,
    *,
    play: Sequence[str],
    base: str | None,
    force: bool,
    downstream: bool = False,
) -> tuple[list[dict[str, Any]], dict[str, Any] | None, list[str]]:
    """(fixtures, inputs of the earlier play, tasks that are missing before the wanted ones) of a new play.

    `play` names the tasks to run, none = all; `force` also runs what is missing, `downstream` what follows.
    Raises NotFound for an unknown task or earlier play, IllegalState where the earlier play is of another flow or too
    large.
    """
    earlier: list[Played] = []
    inputs: dict[str, Any] | None = None
    if base:
        row = await row_of(backend, caller, base)
        if row["kind"] != KIND or (row["namespace"], row["flow_id"]) != (flow.namespace, flow.id):
            raise IllegalState(f"'{base}' is no playground run of this flow")
        earlier = await _played(backend, row)
        given: dict[str, Any] = json.loads(row["inputs"]) if row["inputs"] else {}
        inputs = given
        if set(given) - {one.id for one in flow.inputs}:
            raise IllegalState("The inputs of the flow changed since the earlier run")
    wanted: dict[int, TaskDef] = {}
    lacking: list[str] = []
    for name in play:
        task = flow.task(name)
        if task is None:
            raise NotFound(f"task '{name}'")
        task = playground.standing(flow, task)
        wanted[task.key] = task
        lacking += [one for one in playground.missing(flow, task, earlier) if one not in lacking]
    if downstream:
        for task in list(wanted.values()):
            wanted |= {key: flow.tasks[key] for key in playground.following(flow, task)}
    pinned = (await pins(backend, caller, flow.namespace, flow.id))["tasks"]
    wanted_ids = {one.id for one in wanted.values()}
    lacking = [one for one in lacking if one not in pinned and one not in wanted_ids]
    if force:
        for name in lacking:
            task = flow.task(name)
            if task is not None:
                wanted[task.key] = task
        lacking = []
    return playground.fixtures(flow, list(wanted.values()), earlier, pinned), inputs, lacking


async def kept(backend: Backend, caller: Caller, execution_id: str) -> dict[str, Any]:
    """What did not run in a play: `{kept: [{task, value?, execution, taskRun}], pinned: [ids], leftOut: [ids]}`."""
    row = await row_of(backend, caller, execution_id)
    found: dict[str, Any] = {"kept": [], "pinned": [], "leftOut": []}
    for one in json.loads(row["fixtures"]) if row["fixtures"] else ():
        if one.get("from"):
            value = {"value": one["value"]} if one.get("value") is not None else {}
            found["kept"].append({"task": one["id"], **value, **one["from"]})
        elif one.get("pinned"):
            found["pinned"].append(one["id"])
        else:
            found["leftOut"].append(one["id"])
    return found


async def _played(backend: Backend, row: Any) -> list[Played]:
    given = json.loads(row["fixtures"]) if row["fixtures"] else []
    origins = {(one["id"], one.get("value")): one["from"] for one in given if one.get("from")}
    absent = {one["id"] for one in given if one.get("state") == "SKIPPED" and not one.get("pinned")}
    if row["task_count"] > MOST_RUNS:
        raise IllegalState(f"The earlier run has more than {MOST_RUNS} task runs: begin anew")
    runs = await backend.read(lambda reader: queries.all_of(reader, row["seq"]))
    found: list[Played] = []
    for run in runs:
        name, value, state = run["task_id"], run["value"], State(run["state"]).name
        origin = origins.get((name, value)) or {}
        found.append(
            Played(
                id=origin.get("taskRun") or run["id"],
                task=name,
                state=state,
                value=value,
                execution=origin.get("execution") or row["id"],
                outputs=json.loads(run["outputs"]) if run["outputs"] else None,
                uri=run["outputs_uri"],
                size=run["outputs_size"] or 0,
                left_out=state == "SKIPPED" and name in absent,
            )
        )
    return found


__all__ = ["KIND", "kept", "pins", "prepare", "put_pins"]
