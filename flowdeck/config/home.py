"""The folder of an instance and what lies where in it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_LIMIT = 100
"""Bytes of a socket path that every system allows."""


def _close(path: Path, mode: int) -> None:
    """Take the rights of group and others away, if the path exists and is this user's."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    if found.st_uid == os.getuid() and found.st_mode & 0o077:
        path.chmod(mode)


@dataclass(frozen=True, slots=True)
class Home:
    """`FLOWDECK_HOME`: database, log files, storage, key, sockets."""

    path: Path

    @property
    def database(self) -> Path:
        """The engine's SQLite file."""
        return self.path / "flowdeck.db"

    @property
    def logs(self) -> Path:
        """Folder of the executions' log lines, one file a day."""
        return self.path / "logs"

    @property
    def log(self) -> Path:
        """Folder of the server's own logs."""
        return self.path / "log"

    @property
    def storage(self) -> Path:
        """Folder of the internal storage."""
        return self.path / "storage"

    @property
    def secret_key(self) -> Path:
        """File of the instance key."""
        return self.path / "secret.key"

    @property
    def run(self) -> Path:
        """Folder of the sockets; a short one below the temporary folder when the home's path is too long for them."""
        own = self.path / "run"
        if len(os.fsencode(own / "supervisor.sock")) <= SOCKET_PATH_LIMIT:
            return own
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"flowdeck-{os.getuid()}-{digest}"

    def socket(self, name: str) -> Path:
        """Path of a socket: `core`, `worker`, `logs` or `supervisor`."""
        return self.run / f"{name}.sock"

    def prepare(self) -> None:
        """Create the folders, private to the user; `PermissionError` when another user owns the socket folder."""
        # An existing home keeps its mode: it may be a folder of the user's. What lies in it is closed all the same.
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.logs, self.log, self.storage):
            folder.mkdir(mode=0o700, exist_ok=True)
            _close(folder, 0o700)
        for suffix in ("", "-wal", "-shm"):
            _close(self.path / f"{self.database.name}{suffix}", 0o600)
        run = self.run
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        if run.stat().st_uid != os.getuid():
            raise PermissionError(f"{run} belongs to another user")
        run.chmod(0o700)
        if run != self.path / "run":
            own = self.path / "run"
            own.mkdir(mode=0o700, exist_ok=True)
            (own / "where").write_text(f"{run}\n")
