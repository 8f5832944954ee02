"""Files of executions (spec: REST contract §10)."""

from __future__ import annotations

import posixpath
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse, StreamingResponse

from flowdeck.api.answers import Json, disposition
from flowdeck.api.parameters import Integer
from flowdeck.api.security import CallerDep
from flowdeck.model.errors import IllegalArgument, NotFound
from flowdeck.services import executions, files

router = APIRouter(prefix="/api/v1/{tenant}/executions", tags=["Executions"])
PIECE = 256 * 1024


async def pieces(backend: Any, uri: str) -> AsyncIterator[bytes]:
    """A stored file in pieces, read in threads."""
    file = await backend.thread(lambda: files.holder(backend, uri).open_read(uri))
    try:
        while True:
            data = await backend.thread(lambda: file.read(PIECE))
            if not data:
                return
            yield data
    finally:
        await backend.thread(file.close)


async def download(backend: Any, uri: str, name: str) -> Response:
    """A stored file as attachment. `NotFound`."""
    size = await files.size(backend, uri)
    return StreamingResponse(
        pieces(backend, uri),
        media_type="application/octet-stream",
        headers={"Content-Disposition": disposition(name), "Content-Length": str(size), "Cache-Control": "no-cache"},
    )


async def _place(
    request: Request, caller: Any, execution_id: str, path: str, tail: str
) -> tuple[str | None, Response | None]:
    backend = request.app.state.backend
    row = await executions.row_of(backend, caller, execution_id)
    if path.startswith("file://"):
        return path, None  # what is not below an allowed folder is refused where it is opened
    try:
        if path.startswith("nsfile://"):
            uri = await files.namespace_uri(backend, caller, row, path)
            if uri is None:
                raise NotFound("file")
            return uri, None
        return files.locate(row, path), None
    except files.ElsewhereError as elsewhere:
        await executions.row_of(backend, caller, elsewhere.execution_id)
        target = f"/api/v1/{caller.tenant}/executions/{elsewhere.execution_id}/file{tail}?path={quote(path, safe='')}"
        return None, RedirectResponse(target, status_code=302)


@router.get("/{execution_id}/file")
async def get_file(request: Request, caller: CallerDep, execution_id: str, path: str) -> Response:
    """Download a file of the execution."""
    uri, other = await _place(request, caller, execution_id, path, "")
    if uri is None:
        assert other is not None
        return other
    return await download(request.app.state.backend, uri, posixpath.basename(path) or "file")


@router.get("/{execution_id}/file/metas")
async def file_metas(request: Request, caller: CallerDep, execution_id: str, path: str) -> Response:
    """Size of a file."""
    uri, other = await _place(request, caller, execution_id, path, "/metas")
    if uri is None:
        assert other is not None
        return other
    return Json({"size": await files.size(request.app.state.backend, uri)})


@router.get("/{execution_id}/file/preview")
async def file_preview(
    request: Request,
    caller: CallerDep,
    execution_id: str,
    path: str,
    maxRows: Integer | None = None,
    encoding: str = "UTF-8",
) -> Response:
    """The head of a file."""
    if maxRows is not None and maxRows < 1:
        raise IllegalArgument("maxRows: must be greater than or equal to 1")
    uri, other = await _place(request, caller, execution_id, path, "/preview")
    if uri is None:
        assert other is not None
        return other
    return Json(await files.preview(request.app.state.backend, uri, maxRows, encoding))
