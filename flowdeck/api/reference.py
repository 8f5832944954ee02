"""The machine-readable description of this API, and lists of things that this release has none of (spec §1, §14)."""

from __future__ import annotations

from typing import Any

import yaml
from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json
from flowdeck.api.security import CallerDep

router = APIRouter(tags=["Misc"])


@router.get("/swagger/flowdeck.yml")
async def description(request: Request) -> Response:
    """OpenAPI document of all routes."""
    state = request.app.state
    held: str | None = getattr(state, "description", None)
    if held is None:
        document: dict[str, Any] = await state.backend.thread(request.app.openapi)
        held = state.description = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return Response(held, media_type="application/yaml", headers={"Cache-Control": "public, max-age=3600"})


@router.get("/api/v1/{tenant}/ai/providers")
async def providers(caller: CallerDep) -> Response:
    """AI providers: none."""
    return Json([])
