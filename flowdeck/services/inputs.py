"""Inputs of a new execution: taken from a form, resolved, validated (spec: workflow components §3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowdeck.model.errors import InvalidEntity
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.evaluation import PASSES, Evaluator, Pending

NO_KEY = "Unable to use a `SECRET` input/output as encryption is not configured"


def base_context(row: Any, revision: int, execution_id: str | None) -> dict[str, Any]:
    """What default values and conditions of inputs may refer to (§3.6)."""
    context: dict[str, Any] = {
        "flow": {"id": row["id"], "namespace": row["namespace"], "revision": revision, "tenantId": row["tenant"]},
        "envs": {},
        "globals": {},
        "kestra": {},
    }
    if execution_id is not None:
        context["execution"] = {"id": execution_id}
    return context


async def resolve(
    backend: Backend, caller: Caller, flow: Any, sent: Mapping[str, Any], *, row: Any, execution_id: str | None = None
) -> Any:
    """`model.inputs.Resolution`; expressions with I/O are asked of a worker between passes."""
    from flowdeck.model.inputs import resolve_inputs

    evaluator = Evaluator(backend, caller, row["namespace"], row["id"])
    context = base_context(row, flow.revision, execution_id)
    for _ in range(PASSES):
        try:
            resolution = await backend.thread(
                lambda: resolve_inputs(flow, dict(sent), evaluate=evaluator, context=context)
            )
        except Pending:
            resolution = None
        if not await evaluator.settle() and resolution is not None:
            return resolution
    raise InvalidEntity("the inputs' expressions depend on each other too deeply")


def refuse(resolution: Any) -> None:
    """`InvalidEntity` naming every input with an error."""
    if resolution.errors:
        raise InvalidEntity(
            "\n".join(e.message for e in resolution.errors),
            violations=[{"path": e.input, "message": e.message} for e in resolution.errors],
        )


def encrypt(backend: Backend, flow: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The values with those of SECRET inputs encrypted. `InvalidEntity` without a key."""
    for definition in flow.inputs:
        if definition.type != "SECRET":
            continue
        place: Any = values
        *parents, last = definition.id.split(".")
        for part in parents:
            place = place.get(part) if isinstance(place, dict) else None
        if isinstance(place, dict) and isinstance(place.get(last), str):
            if backend.cipher is None:
                raise InvalidEntity(f"{definition.id}: {NO_KEY}")
            place[last] = backend.cipher.wrap(place[last])
    return values
