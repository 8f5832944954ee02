"""Namespaces and secrets' names (spec: REST contract §13)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from flowdeck.api.answers import Json, empty, paged
from flowdeck.api.bodies import json_object, optional_text, texts
from flowdeck.api.parameters import PageDep, filters, flag
from flowdeck.api.security import CallerDep
from flowdeck.model.errors import InvalidEntity
from flowdeck.services import namespaces
from flowdeck.store.queries.where import Filter

router = APIRouter(prefix="/api/v1/{tenant}", tags=["Namespaces"])


@router.get("/namespaces/search")
async def search(request: Request, caller: CallerDep, page: PageDep, q: str = "") -> Response:
    """Namespaces with their ancestors."""
    only = flag(request, "existing") or any(
        f.field == "existingOnly" and f.text().lower() == "true" for f in filters(request, "namespaces")
    )
    return paged(*await namespaces.search(request.app.state.backend, caller, q, page, only_existing=only))


@router.post("/namespaces/autocomplete")
async def autocomplete(request: Request, caller: CallerDep) -> Response:
    """At most 50 names, and those asked for by id."""
    sent = await json_object(request)
    backend = request.app.state.backend
    find = namespaces.existing if sent.get("existingOnly") else namespaces.known
    text = (optional_text(sent, "q") or "").lower()
    found = [n for n in await find(backend, caller) if text in n.lower()][:50]
    return Json(list(dict.fromkeys([*found, *texts(sent, "ids")])))


@router.post("/namespaces")
async def create(request: Request, caller: CallerDep) -> Response:
    """Write down a namespace with its variables and plugin defaults."""
    sent = await json_object(request)
    return Json(
        await namespaces.put(request.app.state.backend, caller, optional_text(sent, "id") or "", sent, create=True)
    )


@router.get("/namespaces/{namespace}")
async def get(request: Request, caller: CallerDep, namespace: str) -> Response:
    """One namespace; any valid name is one."""
    return Json(await namespaces.get(request.app.state.backend, caller, namespace))


@router.put("/namespaces/{namespace}")
async def update(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Replace description, variables and plugin defaults."""
    sent = await json_object(request)
    if (optional_text(sent, "id") or namespace) != namespace:
        raise InvalidEntity(
            "id: must be the name in the path", violations=[{"path": "id", "message": "must be the name in the path"}]
        )
    return Json(await namespaces.put(request.app.state.backend, caller, namespace, sent))


@router.delete("/namespaces/{namespace}")
async def delete(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Forget description, variables and plugin defaults; flows, files, pairs and secrets stay."""
    await namespaces.delete(request.app.state.backend, caller, namespace)
    return empty()


@router.get("/namespaces/{namespace}/inherited-variables")
async def inherited_variables(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Variables of the namespaces above."""
    return Json(await namespaces.inherited_variables(request.app.state.backend, caller, namespace))


@router.get("/namespaces/{namespace}/inherited-plugindefaults")
async def inherited_defaults(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Plugin defaults of the namespaces above."""
    return Json(await namespaces.inherited_defaults(request.app.state.backend, caller, namespace))


@router.get("/namespaces/{namespace}/inherited-secrets")
async def inherited_secrets(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Names by namespace."""
    return Json(await namespaces.inherited_secrets(request.app.state.backend, caller, namespace))


@router.get("/namespaces/{namespace}/secrets")
async def namespace_secrets(request: Request, caller: CallerDep, page: PageDep, namespace: str) -> Response:
    """Names of a namespace's secrets."""
    chosen = [f for f in filters(request, "secrets") if f.field != "namespace"]
    return Json(
        await namespaces.secrets(
            request.app.state.backend, caller, [*chosen, Filter("namespace", "EQUALS", namespace)], page
        )
    )


@router.put("/namespaces/{namespace}/secrets")
async def put_secret(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Write a secret; no route ever returns its value."""
    sent = await json_object(request)
    return Json(
        await namespaces.put_secret(
            request.app.state.backend,
            caller,
            namespaces.check(namespace),
            optional_text(sent, "key") or "",
            optional_text(sent, "value") or "",
            optional_text(sent, "description"),
            sent.get("tags"),
        )
    )


@router.patch("/namespaces/{namespace}/secrets/{key}")
async def patch_secret(request: Request, caller: CallerDep, namespace: str, key: str) -> Response:
    """Change what is said of a secret."""
    sent = await json_object(request)
    return Json(
        await namespaces.put_secret(
            request.app.state.backend,
            caller,
            namespace,
            key,
            None,
            optional_text(sent, "description"),
            sent.get("tags"),
        )
    )


@router.delete("/namespaces/{namespace}/secrets/{key}")
async def delete_secret(request: Request, caller: CallerDep, namespace: str, key: str) -> Response:
    """Delete a secret."""
    await namespaces.delete_secret(request.app.state.backend, caller, namespace, key)
    return empty()


@router.get("/secrets")
async def secrets(request: Request, caller: CallerDep, page: PageDep) -> Response:
    """Names of all secrets."""
    return Json(await namespaces.secrets(request.app.state.backend, caller, filters(request, "secrets"), page))
