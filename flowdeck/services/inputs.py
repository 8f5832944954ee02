"""Inputs of a new execution: resolved and validated (spec: workflow components §3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model.errors import InvalidEntity
from flowdeck.model.flow import InputDef
from flowdeck.model.inputs import Resolution, resolve_inputs
from flowdeck.sdk.local_files import permitted
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.evaluation import PASSES, Evaluator
from flowdeck.store.queries import namespaces


async def base_context(backend: Backend, row: Any, revision: int, execution_id: str | None) -> dict[str, Any]:
    """What default values and conditions of inputs, checks and webhooks may refer to (§3.6)."""
    context: dict[str, Any] = {
        "flow": {"id": row["id"], "namespace": row["namespace"], "revision": revision, "tenantId": row["tenant"]},
        **{name: backend.config.variables.get(name) or {} for name in ("envs", "globals", "kestra")},
    }
    variables = namespaces.variables_of(await backend.read(namespaces.chain, row["tenant"], row["namespace"]))
    if variables:
        context["namespace"] = variables
    if execution_id is not None:
        context["execution"] = {"id": execution_id}
    return context


async def resolve(
    backend: Backend,
    caller: Caller,
    declared: Sequence[InputDef],
    sent: Mapping[str, Any],
    *,
    row: Any,
    revision: int,
    execution_id: str | None = None,
) -> Resolution:
    """Values and errors of all inputs; expressions with I/O are asked of a worker between passes."""
    evaluator = Evaluator(backend, caller, row["namespace"], row["id"])
    context = await base_context(backend, row, revision, execution_id)
    encrypt = backend.cipher.wrap if backend.cipher is not None else None

    def local_file(uri: str) -> bool:
        return permitted(uri, backend.config.allowed_paths) is not None

    def work() -> Resolution:
        return resolve_inputs(
            declared, dict(sent), evaluate=evaluator, context=context, encrypt=encrypt, local_file=local_file
        )

    for _ in range(PASSES):
        resolution = await backend.thread(work)
        if not await evaluator.settle():
            return resolution
    raise InvalidEntity("the inputs' expressions depend on each other too deeply")


def refuse(resolution: Resolution) -> None:
    """`InvalidEntity` naming every input with an error."""
    if resolution.errors:
        raise InvalidEntity(
            resolution.message, violations=[{"path": e.input, "message": e.message} for e in resolution.errors]
        )
