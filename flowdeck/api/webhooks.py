"""Webhooks: anonymous, the key is the credential (spec: REST contract §8, workflow components §15.8)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, empty
from flowdeck.api.bodies import raw
from flowdeck.api.security import CallerDep, address
from flowdeck.model.coerce import to_text
from flowdeck.model.errors import Forbidden, NotFound
from flowdeck.model.states import State
from flowdeck.services import creation, executions
from flowdeck.services.credentials import Throttle
from flowdeck.services.signatures import Sent

router = APIRouter(prefix="/api/v1/{tenant}/executions/webhook", tags=["Executions"])


async def _called(request: Request, caller: Any, namespace: str, flow_id: str, key: str, path: str | None) -> Response:
    backend = request.app.state.backend
    throttle: Throttle = request.app.state.webhook_throttle
    place = f"{caller.tenant}/{namespace}/{flow_id}"
    throttle.check(place, address(request))
    sent: dict[str, str] = getattr(request.state, "header_names", {})  # ASGI has them in lower case
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        if name not in ("authorization", "cookie"):
            headers.setdefault(sent.get(name, name), []).append(value)
    parameters: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        parameters.setdefault(name, []).append(value)

    async def read() -> Sent:
        return Sent(await raw(request), headers, parameters)

    try:
        new, trigger, document = await creation.webhook(
            backend, namespace, flow_id, key, caller.tenant, path=path, read=read
        )
    except (NotFound, Forbidden):
        throttle.failed(place, address(request))
        raise
    if document is None:
        return empty()
    status = 200
    if trigger.props.get("wait"):
        row = await executions.wait_for_end(backend, request.app.state.hub, caller, new.id)
        document = await executions.get(backend, caller, new.id) | {"url": document["url"]}
        given = await creation.response_code(backend, trigger, document)
        status = given or (500 if row["state"] == State.FAILED else 200)
        outputs = document.get("outputs") or {}
        if trigger.props.get("returnOutputs") and trigger.props.get("responseContentType"):
            kind = trigger.props["responseContentType"]
            if kind == "text/plain":
                text = "\n".join(to_text(value) for value in outputs.values())
                return Response(text, status_code=status, media_type="text/plain")
            return Json(outputs, status_code=status)
        if not trigger.props.get("returnOutputs"):
            document.pop("outputs", None)
    keys = (
        "tenantId",
        "namespace",
        "flowId",
        "flowRevision",
        "id",
        "trigger",
        "inputs",
        "outputs",
        "labels",
        "state",
        "url",
    )
    return Json({k: document[k] for k in keys if k in document}, status_code=status)


@router.api_route("/{namespace}/{flow_id}/{key}", methods=["GET", "POST", "PUT"])
async def webhook(request: Request, caller: CallerDep, namespace: str, flow_id: str, key: str) -> Response:
    """Start the execution of the trigger with this key."""
    return await _called(request, caller, namespace, flow_id, key, None)


@router.api_route("/{namespace}/{flow_id}/{key}/{path:path}", methods=["GET", "POST", "PUT"])
async def webhook_with_path(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, key: str, path: str
) -> Response:
    """A path behind the key is for triggers that declare paths."""
    return await _called(request, caller, namespace, flow_id, key, path)
