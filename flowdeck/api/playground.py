"""The playground of the editor: pinned results, plays of single tasks, what stood for others (UI-ED-80 to UI-ED-83)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json
from flowdeck.api.bodies import json_object
from flowdeck.api.execution_forms import read_inputs
from flowdeck.api.forms import Form
from flowdeck.api.security import CallerDep
from flowdeck.model.errors import InvalidFormat
from flowdeck.services import creation, playground

router = APIRouter(prefix="/api/v1/{tenant}/console", tags=["Console"])


@router.get("/flows/{namespace}/{flow_id}/pins")
async def pins(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """The caller's pinned results of a flow's tasks."""
    return Json(await playground.pins(request.app.state.backend, caller, namespace, flow_id))


@router.put("/flows/{namespace}/{flow_id}/pins")
async def put_pins(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Replace the caller's pinned results."""
    body = await json_object(request, 1024 * 1024 + 1024)
    return Json(await playground.put_pins(request.app.state.backend, caller, namespace, flow_id, body))


@router.post("/flows/{namespace}/{flow_id}/playground")
async def play(
    request: Request,
    caller: CallerDep,
    namespace: str,
    flow_id: str,
    play: str = "",
    base: str | None = None,
    scope: str = "task",
    force: bool = False,
    check: bool = False,
) -> Response:
    """Play tasks (`play`: ids, none = all) on what `base`, an earlier run, gave; inputs as multipart without a base.

    `scope=downstream` plays all that follow them too. Answers the execution, or `{missing: [ids]}` where tasks before
    them were not played and `force` is not given; with `check` nothing is played.
    """
    if scope not in ("task", "downstream"):
        raise InvalidFormat("scope: task and downstream are known")
    backend = request.app.state.backend
    new = await creation.Creation.begin(backend, caller, namespace, flow_id, None)
    try:
        fixtures, inputs, missing = await playground.prepare(
            backend,
            caller,
            new.flow,
            play=[one for one in play.split(",") if one],
            base=base,
            downstream=scope == "downstream",
            force=force,
        )
        if missing or check:
            return Json({"missing": missing})
        sent = (
            {} if inputs is not None else await read_inputs(Form(request), new, {i.id: i.type for i in new.flow.inputs})
        )
        document = await new.send(sent, kind=playground.KIND, fixtures=fixtures, resolved=inputs)
    except BaseException:
        await new.discard()
        raise
    return Json(document)


@router.get("/executions/{execution_id}/playground")
async def kept(request: Request, caller: CallerDep, execution_id: str) -> Response:
    """What did not run in a play: results kept from earlier ones, pinned ones, tasks that were left out."""
    return Json(await playground.kept(request.app.state.backend, caller, execution_id))
