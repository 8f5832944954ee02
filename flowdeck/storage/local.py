"""Internal storage in a folder: `<root>/<tenant>/<namespace path>/…`; temp file and rename (engine notes §2.7)."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from flowdeck.ports.storage import StoredFile, Writing
from flowdeck.storage.paths import path_of, uri_of

TEMPORARY = ".writing-"
UPLOADS = "_uploads"
"""Folder of archives while they are unpacked."""


class FileWriting:
    """An open temporary file beside its future place."""

    def __init__(self, uri: str, file: BinaryIO) -> None:
        self.uri = uri
        self.file = file

    def write(self, data: bytes) -> int:
        """Append bytes; `OSError` on a full disk."""
        return self.file.write(data)


class LocalStorage:
    """The files of one tenant below a folder of this machine.

    Args:
        root: folder of all tenants; made on first write.
        tenant: whose files this object sees.
        sync: flush each file to the disk before it appears (`durability: full`).
    """

    def __init__(self, root: str | os.PathLike[str], tenant: str = "main", *, sync: bool = False) -> None:
        if not tenant or "/" in tenant or tenant in {".", ".."}:
            raise ValueError(f"not a tenant: {tenant!r}")
        self.root = Path(root)
        self.tenant = tenant
        self.sync = sync
        self.base = self.root / tenant

    def for_tenant(self, tenant: str) -> LocalStorage:
        """The same folder seen by another tenant."""
        return self if tenant == self.tenant else LocalStorage(self.root, tenant, sync=self.sync)

    def local_path(self, uri: str) -> Path:
        """The file behind a URI, for tools that need a real path; symbolic links must not lead outside."""
        path = Path(f"{self.base}{path_of(uri)}")
        real, base = os.path.realpath(path), os.path.realpath(self.base)
        if real != base and not real.startswith(base + os.sep):
            raise ValueError(f"{uri} leads out of the storage")
        return path

    def open_read(self, uri: str) -> BinaryIO:
        """Open for reading; `FileNotFoundError` names the URI, not the folder of this machine."""
        try:
            return open(self.local_path(uri), "rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise FileNotFoundError(f"{uri} (File not found)") from None

    @contextmanager
    def open_write(self, path: str) -> Iterator[Writing]:
        """Write a new object; readers see the old one, or none, until the context ends well."""
        target = self.local_path(path)
        if target == self.base:
            raise ValueError("a file needs a name")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
        try:
            with open(temporary, "xb") as file:
                yield FileWriting(uri_of(path), file)
                if self.sync:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def put(self, path: str, data: bytes) -> str:
        """Write a small object at once; its URI."""
        with self.open_write(path) as out:
            out.write(data)
        return out.uri

    def get(self, uri: str) -> bytes:
        """Read a small object at once."""
        with self.open_read(uri) as file:
            return file.read()

    def size(self, uri: str) -> int:
        """Length in bytes; `FileNotFoundError`."""
        path = self.local_path(uri)
        if not path.is_file():
            raise FileNotFoundError(f"{uri} (File not found)")
        return path.stat().st_size

    def exists(self, uri: str) -> bool:
        """Whether an object is there."""
        return self.local_path(uri).is_file()

    def list(self, prefix: str, *, recursive: bool = True) -> Iterator[StoredFile]:
        """Entries below a folder in order of their paths; folders too when not recursive."""
        folder = self.local_path(prefix)
        shown = path_of(prefix).rstrip("/")
        try:
            entries = sorted(os.scandir(folder), key=lambda e: e.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            if entry.name.startswith(TEMPORARY) or entry.is_symlink():
                continue
            path = f"{shown}/{entry.name}"
            if entry.is_dir():
                if recursive:
                    yield from self.list(path)
                else:
                    yield StoredFile(path, 0, int(entry.stat().st_mtime * 1000), directory=True)
            else:
                stat = entry.stat()
                yield StoredFile(path, stat.st_size, int(stat.st_mtime * 1000))

    def delete(self, uri: str) -> bool:
        """Delete one object; whether it was there."""
        path = self.local_path(uri)
        if not path.is_file():
            return False
        path.unlink(missing_ok=True)
        return True

    def sweep(self, before: int) -> int:
        """Delete what uploads left behind that broke off with their process, last written before an instant (ms).

        Pauses now and then: it walks through all folders beside the work of others.
        """
        count = 0
        for number, (folder, _, names) in enumerate(os.walk(self.base)):
            if number % 200 == 199:
                time.sleep(0.005)
            left = (
                names if folder == os.path.join(self.base, UPLOADS) else [n for n in names if n.startswith(TEMPORARY)]
            )
            for name in left:
                path = os.path.join(folder, name)
                with contextlib.suppress(OSError):
                    if os.lstat(path).st_mtime * 1000 < before:
                        os.unlink(path)
                        count += 1
        return count

    def delete_prefix(self, prefix: str) -> list[str]:
        """Delete a folder and all below it; nothing there is fine."""
        folder = self.local_path(prefix)
        if folder == self.base:
            raise ValueError("the whole storage of a tenant is not deleted by prefix")
        gone = [uri_of(entry.path) for entry in self.list(prefix)]
        shutil.rmtree(folder, ignore_errors=True)
        return gone
