"""KV pairs (spec: REST contract §12)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, empty, paged
from flowdeck.api.bodies import json_object, text, texts
from flowdeck.api.parameters import PageDep, filters
from flowdeck.api.security import CallerDep
from flowdeck.services import kv

router = APIRouter(prefix="/api/v1/{tenant}", tags=["KV"])


@router.get("/kv")
async def search(request: Request, caller: CallerDep, page: PageDep) -> Response:
    """Pairs of all namespaces, without values."""
    return paged(*await kv.search(request.app.state.backend, caller, filters(request, "kv"), page))


@router.get("/namespaces/{namespace}/kv")
async def listed(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Pairs of one namespace (deprecated)."""
    return Json(await kv.of_namespaces(request.app.state.backend, caller, [namespace]))


@router.delete("/namespaces/{namespace}/kv")
async def delete_keys(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Delete several keys."""
    keys = texts(await json_object(request), "keys")
    return Json({"keys": await kv.delete_keys(request.app.state.backend, caller, namespace, keys)})


@router.get("/namespaces/{namespace}/kv/inheritance")
async def inherited(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Pairs of the ancestors."""
    above = kv.parents(namespace)
    return Json(await kv.of_namespaces(request.app.state.backend, caller, above) if above else [])


@router.get("/namespaces/{namespace}/kv/{key}")
async def get(request: Request, caller: CallerDep, namespace: str, key: str) -> Response:
    """A value with its type."""
    found = await kv.get(request.app.state.backend, caller, namespace, key)
    return Json({k: found[k] for k in ("type", "value", "revision", "updated")})


@router.get("/namespaces/{namespace}/kv/{key}/detail")
async def detail(request: Request, caller: CallerDep, namespace: str, key: str) -> Response:
    """A value with its metadata."""
    return Json(await kv.get(request.app.state.backend, caller, namespace, key))


@router.put("/namespaces/{namespace}/kv/{key}")
async def put(request: Request, caller: CallerDep, namespace: str, key: str) -> Response:
    """Write a value; headers `ttl` and `description`; `type` (ours) fixes the type."""
    headers = request.headers
    await kv.put(
        request.app.state.backend,
        caller,
        namespace,
        key,
        await text(request),
        ttl=headers.get("ttl"),
        description=_utf8(headers.get("description")),
        kind=request.query_params.get("type"),
    )
    return empty(200)


@router.delete("/namespaces/{namespace}/kv/{key}")
async def delete(request: Request, caller: CallerDep, namespace: str, key: str) -> Response:
    """Whether it was there."""
    return Json(await kv.delete(request.app.state.backend, caller, namespace, key))


def _utf8(text: str | None) -> str | None:
    """A header's text as its sender meant it: the server reads header bytes as Latin-1."""
    if text is None:
        return None
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
