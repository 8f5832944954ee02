"""Namespace files (spec: REST contract §13)."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Request, Response
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import StreamingResponse

from flowdeck.api.answers import Json, disposition, empty
from flowdeck.api.errors import BadRequest
from flowdeck.api.execution_files import download
from flowdeck.api.execution_forms import store
from flowdeck.api.forms import Form, Part
from flowdeck.api.parameters import Integer, listed, whole
from flowdeck.api.security import CallerDep
from flowdeck.services import namespace_files as files
from flowdeck.services.archives import UNPACKED
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.storage.local import UPLOADS
from flowdeck.storage.paths import uri_of

router = APIRouter(prefix="/api/v1/{tenant}/namespaces/{namespace}/files", tags=["Files"])


@router.get("")
async def content(
    request: Request, caller: CallerDep, namespace: str, path: str, revision: Integer | None = None
) -> Response:
    """Content of a file."""
    backend = request.app.state.backend
    place = files.clean(path)
    uri = await files.uri_at(backend, caller, namespace, place, revision)
    return await download(backend, uri, place.rpartition("/")[2])


@router.post("")
async def create(
    request: Request, caller: CallerDep, namespace: str, path: str, baseVersion: Integer | None = None
) -> Response:
    """Write a file; a `.zip` unpacks.

    With `baseVersion` (ours) 409 when the stored version is another one; 0 for a file that is not there.
    """
    backend = request.app.state.backend
    place = files.clean(path)
    async for part in Form(request):
        if part.name != "fileContent":
            continue
        if (part.filename or "").lower().endswith(".zip"):
            await unpack(backend, caller, namespace, place.rpartition("/")[0], part)
        elif place == files.FLOWS or place.startswith(files.FLOWS + "/"):
            await files.put_bytes(backend, caller, namespace, place, await part.bytes(backend.config.max_body))
        else:
            stored = await files.place_for(backend, caller, namespace, place)
            size = await store(backend, part, stored)
            await files.put(backend, caller, namespace, place, stored, size, base=baseVersion)
        return empty(200)
    raise BadRequest("Required part [fileContent] not specified")


async def unpack(backend: Backend, caller: Caller, namespace: str, folder: str, part: Part) -> None:
    """Unpack the archive of a part below a folder; it lies in storage while that lasts, never in memory."""
    place = f"{UPLOADS}/{secrets.token_hex(16)}.zip"
    try:
        await store(backend, part, place, UNPACKED)
        await files.unpack(backend, caller, namespace, folder, uri_of(place))
    finally:
        await backend.thread(lambda: backend.storage.delete(place))


@router.put("")
async def move(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Rename a file or directory."""
    query = request.query_params
    if "from" not in query or "to" not in query:
        raise BadRequest("Required parameters [from, to] not specified")
    await request.app.state.backend.send(
        caller,
        "files.move",
        namespace=namespace,
        **{"from": files.clean(query["from"]), "to": files.clean(query["to"])},
    )
    return empty(200)


@router.delete("")
async def delete(request: Request, caller: CallerDep, namespace: str, path: str) -> Response:
    """Delete a file or directory."""
    await files.delete(request.app.state.backend, caller, namespace, files.clean(path))
    return empty(200)


@router.get("/directory")
async def directory(request: Request, caller: CallerDep, namespace: str, path: str | None = None) -> Response:
    """Entries of a directory."""
    rows = await files.below(request.app.state.backend, caller, namespace, files.clean(path))
    return Json([files.attributes(r) for r in rows])


@router.post("/directory")
async def make_directory(request: Request, caller: CallerDep, namespace: str, path: str | None = None) -> Response:
    """Make a directory."""
    await request.app.state.backend.send(caller, "files.mkdir", namespace=namespace, path=files.clean(path))
    return empty(200)


@router.get("/stats")
async def stats(request: Request, caller: CallerDep, namespace: str, path: str | None = None) -> Response:
    """Attributes of one entry."""
    place = files.clean(path)
    if place == "/":
        return Json({"type": "Directory", "size": 0, "fileName": "", "lastModifiedTime": 0, "creationTime": 0})
    return Json(files.attributes(await files.row_of(request.app.state.backend, caller, namespace, place)))


@router.get("/revisions")
async def revisions(request: Request, caller: CallerDep, namespace: str, path: str | None = None) -> Response:
    """Revisions of a file."""
    return Json(await files.revisions(request.app.state.backend, caller, namespace, files.clean(path)))


@router.delete("/revisions")
async def delete_revisions(request: Request, caller: CallerDep, namespace: str, path: str) -> Response:
    """Delete old revisions of a file (`revisions=1,2`); the latest stays."""
    numbers = [whole(one, "revisions") for one in listed(request, "revisions")]
    await files.delete_revisions(request.app.state.backend, caller, namespace, files.clean(path), numbers)
    return empty()


@router.get("/search")
async def search(request: Request, caller: CallerDep, namespace: str, q: str) -> Response:
    """Paths that contain a text."""
    rows = await files.everything(request.app.state.backend, caller, namespace)
    return Json([r["path"] for r in rows if not r["directory"] and q.lower() in r["path"].lower()])


@router.get("/export")
async def export(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Zip of all files."""
    backend = request.app.state.backend
    rows = await files.everything(backend, caller, namespace)
    return StreamingResponse(
        iterate_in_threadpool(files.archive(backend.storage, rows)),
        media_type="application/octet-stream",
        headers={"Content-Disposition": disposition(f"{namespace}_files.zip"), "Cache-Control": "no-cache"},
    )
