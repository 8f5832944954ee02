"""Inputs of a pause: found, checked, handed over (spec: REST contract §8, workflow components §8.10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowdeck.model.flow import InputDef
from flowdeck.model.states import State
from flowdeck.services import inputs
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.creation import input_answers

_KNOWN = ("id", "type", "required", "defaults", "prefill", "displayName", "description", "dependsOn")


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
