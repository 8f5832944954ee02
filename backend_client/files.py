"""Namespace files; contents go straight between browser and server where they are large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend_client.client import Resource, query_of, text_of, upload


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file or a folder; `modified` is in ms since 1970, `path` begins with `/`."""

    path: str = ""
    name: str = ""
    folder: bool = False
    size: int = 0
    modified: int = 0

    @classmethod
    def of(cls, body: dict[str, Any], parent: str) -> FileEntry:
        """Read one element of a folder's list."""
        name = text_of(body.get("fileName"))
        return cls(
            path=f"{parent.rstrip('/')}/{name}",
            name=name,
            folder=body.get("type") == "Directory",
            size=int(body.get("size") or 0),
            modified=int(body.get("lastModifiedTime") or 0),
        )


class FilesApi(Resource):
    """`{T}/namespaces/{namespace}/files`."""

    async def folder(self, namespace: str, folder: str = "/") -> list[FileEntry]:
        """The content of a folder."""
        body = await self._c.get(self._c.below("namespaces", namespace, "files", "directory"), query_of(path=folder))
        return [FileEntry.of(one, folder) for one in body or []]

    async def search(self, namespace: str, query: str) -> list[str]:
        """Paths that contain `query`."""
        return await self._c.get(self._c.below("namespaces", namespace, "files", "search"), query_of(q=query))

    async def read(self, namespace: str, path: str, revision: int | None = None) -> str:
        """A file's text."""
        answer = await self._c.send(
            "GET", self._c.below("namespaces", namespace, "files"), query=query_of(path=path, revision=revision)
        )
        return answer.text

    async def write(self, namespace: str, path: str, content: bytes, *, base_version: int | None = None) -> None:
        """Create or replace a file; with `base_version` only while this is the stored one (0: none is stored)."""
        files = {"fileContent": (path.rsplit("/", 1)[-1], content)}
        query = query_of(path=path, baseVersion=base_version)
        await self._c.post(self._c.below("namespaces", namespace, "files"), query=query, files=files)

    async def make_folder(self, namespace: str, path: str) -> None:
        """Create a folder."""
        await self._c.post(self._c.below("namespaces", namespace, "files", "directory"), query=query_of(path=path))

    async def move(self, namespace: str, source: str, target: str) -> None:
        """Move or rename."""
        await self._c.put(self._c.below("namespaces", namespace, "files"), query=[("from", source), ("to", target)])

    async def delete(self, namespace: str, path: str) -> None:
        """Delete a file, or a folder with its content."""
        await self._c.delete(self._c.below("namespaces", namespace, "files"), query=query_of(path=path))

    async def revisions(self, namespace: str, path: str) -> Any:
        """The kept revisions of a file."""
        return await self._c.get(self._c.below("namespaces", namespace, "files", "revisions"), query_of(path=path))

    async def versions(self, namespace: str, path: str) -> list[dict[str, Any]]:
        """The kept versions of a file with date, size and author, newest first (console)."""
        place = self._c.below("console", "namespaces", namespace, "files", "versions")
        return await self._c.get(place, query_of(path=path)) or []

    async def delete_revisions(self, namespace: str, path: str, numbers: Sequence[int]) -> None:
        """Delete old revisions of a file for good."""
        query = query_of(path=path, revisions=",".join(str(one) for one in numbers))
        await self._c.delete(self._c.below("namespaces", namespace, "files", "revisions"), query=query)

    async def below(self, namespace: str) -> dict[str, Any]:
        """Files of the namespaces below one: `{total, files}` (console)."""
        return await self._c.get(self._c.below("console", "namespaces", namespace, "files", "below"))

    async def stats(self, namespace: str, path: str = "") -> dict[str, Any]:
        """Name, type, size and dates of a file or a folder."""
        return await self._c.get(self._c.below("namespaces", namespace, "files", "stats"), query_of(path=path or None))

    async def upload(self, namespace: str, path: str, file: Path) -> None:
        """Create or replace a file from one here, which is read while it is sent."""
        name, content = upload(file)
        try:
            await self._c.post(
                self._c.below("namespaces", namespace, "files"),
                query=query_of(path=path),
                files={"fileContent": (name, content)},
                timeout=600,
            )
        finally:
            content.close()

    async def download(self, namespace: str, path: str, to: str | Path, *, revision: int | None = None) -> int:
        """Write a file into one here; its bytes."""
        place = self._c.below("namespaces", namespace, "files")
        return await self._c.download(place, to, query_of(path=path, revision=revision))

    async def export(self, namespace: str, to: str | Path) -> int:
        """Write a zip of all files into a file here; its bytes."""
        return await self._c.download(self._c.below("namespaces", namespace, "files", "export"), to)
