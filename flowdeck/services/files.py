"""Files of executions: found, measured, previewed (spec: REST contract §10)."""

from __future__ import annotations

import base64
import json
import posixpath
from typing import Any

from flowdeck.model.errors import IllegalArgument, NotFound
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.storage.paths import execution_folder, namespace_files, path_of, uri_of

IMAGES = {"png", "jpg", "jpeg", "gif", "webp", "svg", "bmp"}
MAX_BINARY = 20 * 1024 * 1024
MAX_TEXT = 4 * 1024 * 1024


class ElsewhereError(Exception):
    """The file belongs to another execution."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(execution_id)
        self.execution_id = execution_id


def locate(row: Any, uri: str, version_uri: Any = None) -> str:
    """The storage URI of a file that this execution may show. `IllegalArgument`, `ElsewhereError`."""
    if uri.startswith("nsfile://"):
        rest = uri[len("nsfile://") :]
        return uri_of(namespace_files(row["namespace"]) + "/" + rest.lstrip("/"))
    try:
        path = path_of(uri)
    except ValueError as error:
        raise IllegalArgument(str(error)) from None
    own = execution_folder(row["namespace"], row["flow_id"], row["id"]) + "/"
    if path.startswith(own):
        return uri_of(path)
    parts = path.split("/")
    if "executions" in parts:
        place = parts.index("executions")
        if place + 1 < len(parts) and parts[place + 1] not in ("", row["id"]):
            raise ElsewhereError(parts[place + 1])
    raise IllegalArgument("the path is not a file of this execution")


async def namespace_uri(backend: Backend, caller: Caller, row: Any, uri: str) -> str | None:
    """The stored content behind `nsfile:///path`, by the namespace's own rows."""
    if not uri.startswith("nsfile://"):
        return None
    path = "/" + uri[len("nsfile://") :].lstrip("/")
    return await backend.read(
        lambda r: r.value(
            "select uri from namespace_file where tenant = :t and namespace = :ns and path = :p and not directory",
            t=caller.tenant,
            ns=row["namespace"],
            p=path,
        )
    )


async def size(backend: Backend, uri: str) -> int:
    """Bytes of a stored file. `NotFound`."""
    try:
        return await backend.thread(lambda: backend.storage.size(uri))
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound("file") from None
    except ValueError as error:
        raise IllegalArgument(str(error)) from None


def _lines(data: bytes, encoding: str, rows: int, whole: bool) -> tuple[str, bool]:
    text = data.decode(encoding, errors="replace")
    lines = text.splitlines(keepends=True)
    truncated = len(lines) > rows or not whole
    return "".join(lines[:rows]), truncated


def _preview(storage: Any, uri: str, rows: int, encoding: str) -> dict[str, Any]:
    name = posixpath.basename(uri)
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    answer: dict[str, Any] = {"extension": extension, "type": "TEXT", "maxLine": rows, "truncated": False}
    with storage.open_read(uri) as file:
        if extension in IMAGES or extension == "pdf":
            data = file.read(MAX_BINARY + 1)
            answer["type"] = "PDF" if extension == "pdf" else "IMAGE"
            answer["truncated"] = len(data) > MAX_BINARY
            answer["content"] = base64.b64encode(data[:MAX_BINARY]).decode()
            return answer
        data = file.read(MAX_TEXT + 1)
    whole = len(data) <= MAX_TEXT
    data = data[:MAX_TEXT]
    if extension in ("ion", "jsonl", "ndjson"):
        listed: list[Any] = []
        lines = data.decode(encoding, errors="replace").splitlines()
        if not whole:
            lines = lines[:-1]
        try:
            listed = [json.loads(line) for line in lines[:rows] if line.strip()]
        except ValueError:
            listed = []
        if listed:
            return answer | {"type": "LIST", "content": listed, "truncated": len(lines) > rows or not whole}
    answer["content"], answer["truncated"] = _lines(data, encoding, rows, whole)
    if extension in ("md", "markdown"):
        answer["type"] = "MARKDOWN"
    return answer


async def preview(backend: Backend, uri: str, rows: int | None, encoding: str) -> dict[str, Any]:
    """The head of a file in a form that can be shown. `NotFound`, `IllegalArgument` for unknown encodings."""
    try:
        b"".decode(encoding)  # refuses codecs that are none of text, such as zlib
    except (LookupError, ValueError):
        raise IllegalArgument(f"unable to preview using encoding '{encoding[:32]}'") from None
    bound = min(max(1, rows or backend.config.preview_initial), backend.config.preview_max)
    try:
        return await backend.thread(lambda: _preview(backend.storage, uri, bound, encoding))
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound("file") from None
    except ValueError as error:
        raise IllegalArgument(str(error)) from None
