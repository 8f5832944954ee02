"""The machine-readable description of this API (spec §1), and the AI operations that need a provider (§G1)."""

from __future__ import annotations

from typing import Any

import yaml
from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, encode
from flowdeck.api.bodies import json_object
from flowdeck.api.contract import document, page
from flowdeck.api.security import CallerDep
from flowdeck.services import copilot

router = APIRouter(tags=["Misc"])
CACHED = {"Cache-Control": "public, max-age=3600"}


async def _document(request: Request) -> dict[str, Any]:
    state = request.app.state
    if not hasattr(state, "openapi"):
        routes = request.app.routes
        state.openapi = await state.backend.thread(lambda: document.build(routes, state.backend.config.version))
    return state.openapi


@router.get("/swagger/flowdeck.yml")
async def description(request: Request) -> Response:
    """The OpenAPI document of all routes, as YAML."""
    state = request.app.state
    held: str | None = getattr(state, "openapi_yaml", None)
    if held is None:
        found = await _document(request)
        held = state.openapi_yaml = await state.backend.thread(
            lambda: yaml.dump(found, Dumper=_Plain, sort_keys=False, allow_unicode=True)
        )
    return Response(held, media_type="application/yaml", headers=CACHED)


@router.get("/api/v1/openapi.json")
async def description_json(request: Request) -> Response:
    """The OpenAPI document of all routes, as JSON."""
    return Response(encode(await _document(request)), media_type="application/json", headers=CACHED)


@router.get("/api")
async def description_page(request: Request) -> Response:
    """The OpenAPI document of all routes, as a page to read."""
    state = request.app.state
    held: str | None = getattr(state, "openapi_page", None)
    if held is None:
        found = await _document(request)
        held = state.openapi_page = await state.backend.thread(lambda: page.render(found))
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    return Response(held, media_type="text/html", headers={**CACHED, "Content-Security-Policy": policy})


class _Plain(yaml.SafeDumper):
    """Without anchors: not every reader of the document knows them."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        return True


@router.get("/api/v1/{tenant}/ai/providers")
async def providers(request: Request, caller: CallerDep) -> Response:
    """AI providers that are configured."""
    return Json(copilot.providers(request.app.state.backend))


async def _generate(request: Request, caller: CallerDep, kind: str) -> Response:
    text = await copilot.generate(request.app.state.backend, caller, kind, await json_object(request))
    return Response(text, media_type="application/yaml")


@router.post("/api/v1/{tenant}/ai/generate/flow")
async def generate_flow(request: Request, caller: CallerDep) -> Response:
    """A flow written by an AI provider; 409 without one, or when it gives no answer."""
    return await _generate(request, caller, "flow")


@router.post("/api/v1/{tenant}/ai/generate/dashboard")
async def generate_dashboard(request: Request, caller: CallerDep) -> Response:
    """A dashboard written by an AI provider; 409 without one, or when it gives no answer."""
    return await _generate(request, caller, "dashboard")
