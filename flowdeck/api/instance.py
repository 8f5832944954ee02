"""The instance as a whole: its maintenance (spec: enterprise and operations F46)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json
from flowdeck.api.security import CallerDep
from flowdeck.services import maintenance

router = APIRouter(prefix="/api/v1/instance", tags=["Instance"])


@router.post("/maintenance/enter")
async def enter(request: Request, caller: CallerDep) -> Response:
    """Nothing new starts from now on; what runs goes on."""
    return Json(await maintenance.set_maintenance(request.app.state.backend, caller, on=True))


@router.post("/maintenance/exit")
async def leave(request: Request, caller: CallerDep) -> Response:
    """What waited starts in its order."""
    return Json(await maintenance.set_maintenance(request.app.state.backend, caller, on=False))
