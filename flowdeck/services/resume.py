"""Inputs of a pause: found, checked, handed over (spec: REST contract §8, workflow components §8.10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model.errors import DomainError
from flowdeck.model.flow import InputDef
from flowdeck.model.states import State
from flowdeck.services import flows, inputs
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.creation import input_answers
from flowdeck.services.executions import dated
from flowdeck.services.taskruns import waiting_of
from flowdeck.services.wire import compact, instant
from flowdeck.store.queries import executions as queries
from flowdeck.store.queries.where import Filter, Page

_KNOWN = ("id", "type", "required", "defaults", "prefill", "displayName", "description", "dependsOn")


HELD = ("PAUSED", "BREAKPOINT")
"""States that end when somebody says so."""
SHOWN_STEPS = 5
"""Waiting task runs that a row of the list tells."""


def input_def(one: Mapping[str, Any]) -> InputDef:
    """A declared input from its JSON."""
    depends = one.get("dependsOn") or {}
    return InputDef(
        id=str(one.get("id")),
        type=str(one.get("type") or "STRING").upper(),
        required=one.get("required", True) is not False,
        defaults=one.get("defaults"),
        prefill=one.get("prefill"),
        display_name=one.get("displayName"),
        description=one.get("description"),
        depends_on=tuple(depends.get("inputs") or ()),
        condition=depends.get("condition"),
        props={k: v for k, v in one.items() if k not in _KNOWN},
    )


async def on_resume_inputs(backend: Backend, row: Any, flow: Any) -> tuple[InputDef, ...]:
    """`onResume` inputs of the paused task run."""
    paused = await backend.read(
        lambda r: r.all(
            "select task_key from task_run where execution_seq = :seq and state = :state",
            seq=row["seq"],
            state=int(State.PAUSED),
        )
    )
    found: list[InputDef] = []
    for run in paused:
        declared = flow.tasks[run["task_key"]].props.get("onResume") or ()
        found += [one if isinstance(one, InputDef) else input_def(one) for one in declared]
    return tuple(found)


async def resolve_resume(
    backend: Backend, caller: Caller, flow_row: Any, row: Any, declared: tuple[InputDef, ...], sent: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Values of the pause's inputs. `InvalidEntity`."""
    if not declared:
        return None
    resolution = await _resolution(backend, caller, flow_row, row, declared, sent)
    inputs.refuse(resolution)
    return dict(resolution.values)


async def check_resume(
    backend: Backend, caller: Caller, flow_row: Any, row: Any, declared: tuple[InputDef, ...], sent: Mapping[str, Any]
) -> dict[str, Any]:
    """The answer of `/resume/validate`."""
    resolution = await _resolution(backend, caller, flow_row, row, declared, sent)
    return {"id": row["id"], "namespace": row["namespace"], "inputs": input_answers(resolution), "checks": []}


async def _resolution(
    backend: Backend, caller: Caller, flow_row: Any, row: Any, declared: tuple[InputDef, ...], sent: Mapping[str, Any]
) -> Any:
    return await inputs.resolve(
        backend, caller, declared, sent, row=flow_row, revision=row["flow_rev"], execution_id=row["id"]
    )


async def resumable(
    backend: Backend, caller: Caller, filters: Sequence[Filter], page: Page
) -> tuple[list[dict[str, Any]], int]:
    """Executions that go on when the caller says so, each with the steps that wait (ui.md UI-XP-80).

    Returns:
        rows `{id, namespace, flowId, revision, state, created, since, until?, labels, steps, asks}`, where a step is
        `{taskRun, taskId, value?, description?, since, until?, inputs}` and `asks` tells whether any has inputs; and
        how many match.
    """
    chosen = [one for one in filters if one.field != "state"]
    chosen.append(Filter("state", "IN", list(HELD)))
    now = backend.now()

    def work(reader: Any) -> tuple[list[Any], int, dict[int, list[Any]]]:
        rows, total = queries.search(
            reader, caller.tenant, dated(chosen, now), page, backend.config.system_namespace, now=now
        )
        waiting = {
            row["seq"]: reader.all(
                "select * from task_run where execution_seq = :seq and state in (:paused, :held) and state < 20 "
                "order by ord limit :most",
                seq=row["seq"],
                paused=int(State.PAUSED),
                held=int(State.BREAKPOINT),
                most=SHOWN_STEPS,
            )
            for row in rows
        }
        return rows, total, waiting

    rows, total, waiting = await backend.read(work)
    return [await _held(backend, row, waiting[row["seq"]]) for row in rows], total


async def _held(backend: Backend, row: Any, runs: Sequence[Any]) -> dict[str, Any]:
    flow = await _flow(backend, row)
    steps = [_step(run, flow) for run in runs]
    since = min((step["since"] for step in steps), default=instant(row["started"] or row["created"]))
    return compact(
        {
            "id": row["id"],
            "namespace": row["namespace"],
            "flowId": row["flow_id"],
            "revision": row["flow_rev"],
            "state": State(row["state"]).name,
            "created": instant(row["created"]),
            "since": since,
            "until": min((step["until"] for step in steps if "until" in step), default=None),
            "steps": steps,
            "asks": any(step["inputs"] for step in steps),
        }
    )


async def _flow(backend: Backend, row: Any) -> Any:
    """The revision that ran; None when it is gone or does not parse any more: the row is shown without its words."""
    try:
        _, _, flow = await flows.of_execution(backend, row)
    except DomainError:
        return None
    return flow


def _step(run: Any, flow: Any) -> dict[str, Any]:
    props: Mapping[str, Any] = {}
    if flow is not None and 0 <= run["task_key"] < len(flow.tasks):
        props = flow.tasks[run["task_key"]].props
    reason = waiting_of(run) or {}
    paused = run["state"] == State.PAUSED
    return compact(
        {
            "taskRun": run["id"],
            "taskId": run["task_id"],
            "value": run["value"],
            "description": str(props["description"]) if props.get("description") else None,
            "since": reason.get("since") or instant(run["started"] or run["created"]),
            "until": reason.get("until"),
            "inputs": len(props.get("onResume") or ()) if paused else 0,
        }
    )
