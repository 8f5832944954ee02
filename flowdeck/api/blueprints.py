"""Bundled blueprints (API contract: operations, Blueprints)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, paged
from flowdeck.api.parameters import PageDep
from flowdeck.api.security import CallerDep
from flowdeck.services import blueprints, flows

router = APIRouter(prefix="/api/v1/{tenant}/blueprints/community/{kind}", tags=["Blueprints"])


@router.get("")
async def search(request: Request, caller: CallerDep, page: PageDep, kind: str, q: str = "") -> Response:
    """Blueprints with a text and one of the `tags`."""
    wanted = [tag for value in request.query_params.getlist("tags") for tag in value.split(",") if tag]
    found = blueprints.search(kind, q, wanted, request.query_params.get("sort") or "")
    shown = found[page.offset : page.offset + page.size]
    return paged([one.item() for one in shown], len(found))


@router.get("/tags")
async def tags(caller: CallerDep, kind: str, q: str = "") -> Response:
    """Tags in use."""
    return Json([{"id": tag, "name": tag, "publishedAt": blueprints.PUBLISHED} for tag in blueprints.tags(kind, q)])


@router.get("/{id}")
async def get(caller: CallerDep, kind: str, id: str) -> Response:
    """One blueprint with its source."""
    one = blueprints.get(kind, id)
    return Json(one.item() | {"source": one.source, "kind": kind.upper()})


@router.get("/{id}/source")
async def source(caller: CallerDep, kind: str, id: str) -> Response:
    """The source alone."""
    return Response(blueprints.get(kind, id).source, media_type="application/yaml")


@router.get("/{id}/graph")
async def graph(request: Request, caller: CallerDep, kind: str, id: str) -> Response:
    """What the flow looks like."""
    return Json(await flows.graph_of_source(request.app.state.backend, caller, blueprints.get(kind, id).source))
