"""Inputs of a new execution: resolved and validated (spec: workflow components §3)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flowdeck.model.checks import Check, Verdict, judge
from flowdeck.model.errors import InvalidEntity
from flowdeck.model.flow import InputDef
from flowdeck.model.inputs import Pending, Resolution, resolve_inputs
from flowdeck.model.labels import nested
from flowdeck.model.masking import Secrecy
from flowdeck.sdk.local_files import permitted
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.evaluation import PASSES, Evaluator
from flowdeck.store.queries import namespaces

log = logging.getLogger("flowdeck.web")


async def base_context(
    backend: Backend, row: Any, revision: int, execution_id: str | None, values: Any
) -> dict[str, Any]:
    """What default values and conditions of inputs, checks and webhooks may refer to (§3.6).

    Variables of the namespace are read only when `values`, what is going to be rendered, may name them.
    """
    context: dict[str, Any] = {
        "flow": {"id": row["id"], "namespace": row["namespace"], "revision": revision, "tenantId": row["tenant"]},
        **{name: backend.config.variables.get(name) or {} for name in ("envs", "globals", "kestra")},
    }
    if "namespace" in repr(values):
        rows = await backend.read(namespaces.chain, row["tenant"], row["namespace"])
        if variables := namespaces.variables_of(rows):
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
    resolution, _ = await resolve_and_judge(
        backend, caller, declared, sent, row=row, revision=revision, execution_id=execution_id
    )
    return resolution


async def resolve_and_judge(
    backend: Backend,
    caller: Caller,
    declared: Sequence[InputDef],
    sent: Mapping[str, Any],
    *,
    row: Any,
    revision: int,
    execution_id: str | None = None,
    checks: Sequence[Check] = (),
    labels: Iterable[tuple[str, str]] = (),
    trigger: Mapping[str, Any] | None = None,
    secrets: Iterable[str] = (),
) -> tuple[Resolution, Verdict]:
    """The same with the flow's checks, which see the typed inputs, `labels` and the variables of `trigger` (§12).

    While inputs have no value (in a form) only the checks are told that can be rendered without.
    """
    if not declared and not checks:
        return Resolution(), Verdict()
    evaluator = Evaluator(backend, caller, row["namespace"], row["id"])
    evaluator.secrets.update(secrets)
    context = await base_context(backend, row, revision, execution_id, (declared, checks))
    encrypt = backend.cipher.wrap if backend.cipher is not None else None

    def local_file(uri: str) -> bool:
        return permitted(uri, backend.config.allowed_paths) is not None

    def work() -> tuple[Resolution, Verdict]:
        resolution = resolve_inputs(
            declared, dict(sent), evaluate=evaluator, context=context, encrypt=encrypt, local_file=local_file
        )
        if not checks or (resolution.errors and execution_id is not None) or resolution.needs_io:
            return resolution, Verdict()
        about: dict[str, Any] = {**context, "inputs": resolution.plain, "labels": nested(labels)}
        if trigger is not None:
            about["trigger"] = dict(trigger)
        try:
            return resolution, judge(checks, evaluator, about, partial=bool(resolution.errors))
        except Pending:
            return resolution, Verdict()

    for _ in range(PASSES):
        resolution, verdict = await backend.thread(work)
        if not await evaluator.settle():
            if evaluator.secrets:
                resolution, verdict = _sealed(resolution, verdict, Secrecy(evaluator.secrets, encrypt))
            for fault in verdict.faults:
                log.warning("flow %s.%s: %s", row["namespace"], row["id"], fault)
            return resolution, verdict
    raise InvalidEntity("the inputs' expressions depend on each other too deeply")


def _sealed(resolution: Resolution, verdict: Verdict, secrecy: Secrecy) -> tuple[Resolution, Verdict]:
    """What may be stored and told of inputs whose defaults or choices show secrets."""
    return (
        replace(
            resolution,
            values=secrecy.seal(resolution.values),
            errors=[replace(error, message=secrecy.text(error.message)) for error in resolution.errors],
            details=secrecy.value(resolution.details),
        ),
        replace(verdict, faults=tuple(secrecy.text(fault) for fault in verdict.faults)),
    )


def refuse(resolution: Resolution) -> None:
    """`InvalidEntity` naming every input with an error."""
    if resolution.errors:
        raise InvalidEntity(
            resolution.message, violations=[{"path": e.input, "message": e.message} for e in resolution.errors]
        )


def refuse_blocked(verdict: Verdict) -> None:
    """`InvalidEntity` with the messages of the checks that allow no execution (§12)."""
    if verdict.blocks:
        raise InvalidEntity(
            "\n".join(verdict.messages),
            violations=[{"path": "checks", "message": message} for message in verdict.messages],
        )
