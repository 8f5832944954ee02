"""What the editor of flows needs beyond the reference's operations: history, undo, who else edits (UI-ED, UI-FP)."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, attachment, empty
from flowdeck.api.bodies import json_object
from flowdeck.api.parameters import Integer
from flowdeck.api.security import CallerDep
from flowdeck.model.errors import IllegalArgument
from flowdeck.services import editing, flow_history, flows

router = APIRouter(prefix="/api/v1/{tenant}/console/flows/{namespace}/{flow_id}", tags=["Console"])
_CLIENT = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _client(text: str) -> str:
    if not _CLIENT.fullmatch(text):
        raise IllegalArgument("client: up to 64 letters, digits, - and _ are expected")
    return text


@router.get("/history")
async def history(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Revisions without their sources: author, message, lines that came and went, executions."""
    return Json(await flow_history.history(request.app.state.backend, caller, namespace, flow_id))


@router.get("/source.yaml")
async def source(
    request: Request, caller: CallerDep, namespace: str, flow_id: str, revision: Integer | None = None
) -> Response:
    """The source of a revision, by default the newest, as a file to keep."""
    backend = request.app.state.backend
    flow = await flows.get(backend, caller, namespace, flow_id, revision=revision, source=True, deleted=True)
    return attachment(str(flow["source"]), f"{flow_id}.yaml", "application/x-yaml")


@router.post("/restore")
async def restore(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Bring a deleted flow back."""
    return Json(await flow_history.restore(request.app.state.backend, caller, namespace, flow_id))


@router.get("/editing")
async def editors(request: Request, caller: CallerDep, namespace: str, flow_id: str, client: str = "") -> Response:
    """The others who have the flow open in an editor; `client` leaves out the browser tab that asks."""
    return Json(await editing.editors(request.app.state.backend, caller, namespace, flow_id, client))


@router.put("/editing/{client}")
async def hold(request: Request, caller: CallerDep, namespace: str, flow_id: str, client: str) -> Response:
    """Say that a browser tab edits the flow, with `dirty` when it has unsaved text; answers the others."""
    dirty = (await json_object(request, 1024)).get("dirty") is True
    backend = request.app.state.backend
    return Json(await editing.hold(backend, caller, namespace, flow_id, _client(client), dirty=dirty))


@router.delete("/editing/{client}")
async def leave(request: Request, caller: CallerDep, namespace: str, flow_id: str, client: str) -> Response:
    """Say that a browser tab edits the flow no longer."""
    await editing.leave(request.app.state.backend, caller, namespace, flow_id, _client(client))
    return empty()
