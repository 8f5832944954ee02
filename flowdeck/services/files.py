"""Files of executions: found, measured, previewed (spec: REST contract §10)."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from flowdeck.model.errors import IllegalArgument, NotFound
from flowdeck.sdk.local_files import local_path
from flowdeck.services import file_previews
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.storage.paths import execution_folder, namespace_files, path_of, uri_of


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


class LocalFiles:
    """Files of this machine below the folders that the configuration allows, read like those of the storage."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._allowed = allowed

    def _path(self, uri: str) -> Path:
        try:
            return local_path(uri, self._allowed)
        except PermissionError as error:
            raise ValueError(str(error)) from None

    def size(self, uri: str) -> int:
        """Bytes. `ValueError` for a place that is not allowed, `FileNotFoundError`."""
        return self._path(uri).stat().st_size

    def open_read(self, uri: str) -> IO[bytes]:
        """The content. `ValueError` for a place that is not allowed, `FileNotFoundError`."""
        return self._path(uri).open("rb")


def holder(backend: Backend, uri: str) -> Any:
    """What holds the file behind a URI: the storage, or for `file://` this machine."""
    return LocalFiles(backend.config.allowed_paths) if uri.startswith("file://") else backend.storage


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
        return await backend.thread(lambda: holder(backend, uri).size(uri))
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound("file") from None
    except ValueError as error:
        raise IllegalArgument(str(error)) from None


async def preview(backend: Backend, uri: str, rows: int | None, encoding: str) -> dict[str, Any]:
    """The head of a file in a form that can be shown. `NotFound`, `IllegalArgument` for unknown encodings."""
    try:
        " ".encode(encoding)  # refuses what is unknown, and codecs that are none of text, such as zlib
    except (LookupError, ValueError):
        raise IllegalArgument(f"unable to preview using encoding '{encoding[:32]}'") from None
    bound = min(max(1, rows or backend.config.preview_initial), backend.config.preview_max)
    try:
        return await backend.thread(lambda: file_previews.preview(holder(backend, uri), uri, bound, encoding))
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound("file") from None
    except ValueError as error:
        raise IllegalArgument(str(error)) from None
