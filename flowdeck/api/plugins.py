"""Plugins and what the editor completes (spec: REST contract §15)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json
from flowdeck.api.parameters import flag
from flowdeck.model.errors import NotFound
from flowdeck.services import plugins

router = APIRouter(prefix="/api/v1", tags=["Plugins"])
CACHED = {"Cache-Control": "private, max-age=3600"}


@router.get("/plugins")
async def listed(request: Request) -> Response:
    """Groups with their types."""
    return Json(plugins.groups(request.app.state.backend))


@router.get("/plugins/groups/subgroups")
async def subgroups(request: Request) -> Response:
    """Groups with their types."""
    return Json(plugins.groups(request.app.state.backend))


@router.get("/plugins/icons")
async def icons(request: Request) -> Response:
    """Icon of each type."""
    types = request.app.state.backend.catalog.types()
    return Json({spec.type: plugins.icon(spec) for spec in types}, headers=CACHED)


@router.get("/plugins/icons/groups")
async def group_icons(request: Request) -> Response:
    """Icon of each group."""
    types = request.app.state.backend.catalog.types()
    return Json({plugins.group_of(spec.type): plugins.icon(spec) for spec in types}, headers=CACHED)


@router.get("/plugins/inputs")
async def inputs(request: Request) -> Response:
    """Types of inputs."""
    types = request.app.state.backend.catalog.types("input")
    return Json([{"type": spec.type, "cls": spec.type} for spec in types])


@router.get("/plugins/inputs/{kind}")
async def input_schema(request: Request, kind: str) -> Response:
    """Properties of a type of input."""
    from flowdeck.model.schema import type_schema

    catalog = request.app.state.backend.catalog
    spec = catalog.find(kind.upper(), "input")
    if spec is None:
        raise NotFound(f"input type '{kind}'")
    schema = type_schema(catalog, spec)
    return Json({"markdown": plugins.markdown(spec, schema, whole=True), "schema": schema})


@router.get("/plugins/schemas/{kind}")
async def schema(request: Request, kind: str) -> Response:
    """JSON schema for the editor."""
    backend = request.app.state.backend
    found = await backend.thread(lambda: plugins.schema(backend, kind, array=flag(request, "arrayOf")))
    return Json(found, headers=CACHED)


@router.get("/plugins/properties/{kind}")
async def properties(request: Request, kind: str) -> Response:
    """Properties of a type of schema."""
    found = plugins.schema(request.app.state.backend, kind, array=False)
    return Json(found.get("properties") or {}, headers=CACHED)


@router.get("/plugins/{cls}")
async def documentation(request: Request, cls: str) -> Response:
    """Documentation and schema of a type."""
    return Json(plugins.documentation(request.app.state.backend, cls, whole=flag(request, "all")))


@router.get("/plugins/{cls}/versions")
async def versions(request: Request, cls: str) -> Response:
    """The one version there is."""
    backend = request.app.state.backend
    plugins.documentation(backend, cls, whole=False)
    return Json({"type": cls, "versions": [backend.config.version]})


@router.get("/plugins/{cls}/versions/{version}")
async def documentation_of_version(request: Request, cls: str, version: str) -> Response:
    """Documentation and schema of a type."""
    backend = request.app.state.backend
    if version != backend.config.version:
        raise NotFound(f"version '{version}'")
    return Json(plugins.documentation(backend, cls, whole=flag(request, "all")))


@router.get("/pebble/functions")
async def functions() -> Response:
    """Names of the functions of expressions."""
    from flowdeck.expr.functions import FUNCTIONS

    return Json(sorted(str(name) for name in FUNCTIONS))


@router.get("/pebble/filters")
async def filters() -> Response:
    """Names of the filters of expressions."""
    from flowdeck.expr.filters import FILTERS

    return Json(sorted(str(name) for name in FILTERS))
