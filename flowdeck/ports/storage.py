"""Internal storage: named byte streams under `kestra:///` URIs (spec: workflow components §14)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol, Self


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One entry of a listing: `path` starts with `/`, `size` in bytes, `modified` in ms; folders have size 0."""

    path: str
    size: int
    modified: int
    directory: bool = False


class Writing(Protocol):
    """An object being written; it exists for readers only after a clean exit of its context."""

    uri: str

    def write(self, data: bytes) -> int:
        """Append bytes."""
        ...


class Storage(Protocol):
    """The files of one tenant.

    A place is a URI (`kestra:///company/team/x.txt`) or its path (`/company/team/x.txt`). Places that leave the
    root (`..`) raise `ValueError`; absent ones raise `FileNotFoundError`.
    """

    def for_tenant(self, tenant: str) -> Self:
        """The same back end, bound to another tenant."""
        ...

    def open_read(self, uri: str) -> BinaryIO:
        """Open an object for reading."""
        ...

    def open_write(self, path: str) -> AbstractContextManager[Writing]:
        """Create or replace an object; nothing is seen of it before the context ends without an exception."""
        ...

    def size(self, uri: str) -> int:
        """Length in bytes."""
        ...

    def exists(self, uri: str) -> bool:
        """Whether an object (no folder) is there."""
        ...

    def list(self, prefix: str, *, recursive: bool = True) -> Iterator[StoredFile]:
        """Objects below a folder in order of their paths; none for an absent folder."""
        ...

    def delete(self, uri: str) -> bool:
        """Delete one object; whether it was there."""
        ...

    def delete_prefix(self, prefix: str) -> list[str]:
        """Delete a folder and all below it; the URIs of what was deleted."""
        ...
