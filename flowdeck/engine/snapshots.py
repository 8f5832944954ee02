"""What a child tells its supervisor: that it is ready, and a few numbers every few seconds (engine notes §2.1)."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

INTERVAL = 5.0
PR_SET_PDEATHSIG = 1

SOCKET = "FLOWDECK_INTERNAL_SUPERVISOR"
"""Environment variable with the path of the supervisor's socket."""
PARENT = "FLOWDECK_INTERNAL_PARENT"
"""Environment variable with the supervisor's process id."""


def die_with_supervisor() -> None:
    """End when the supervisor does, however it ends; without one this does nothing (Linux only)."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):
        os._exit(0)


class Reporter:
    """A thread that sends snapshots; one a child. Without a supervisor it does nothing.

    Args:
        role: `core`, `web` or `worker`.
        collect: answers the numbers of now; called in the thread, so it only reads.
    """

    def __init__(self, role: str, collect: Callable[[], dict[str, Any]] = dict) -> None:
        self.role = role
        self.collect = collect
        self._path = os.environ.get(SOCKET)
        self._wake = threading.Event()
        self._ready = False

    def start(self) -> None:
        """Begin to report."""
        if self._path is not None:
            threading.Thread(target=self._run, name="reporter", daemon=True).start()

    def ready(self) -> None:
        """Say at once that this process does its work."""
        self._ready = True
        self._wake.set()

    def _run(self) -> None:
        assert self._path is not None
        link: socket.socket | None = None
        while True:
            try:
                if link is None:
                    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                    link.connect(self._path)
                snapshot = {"role": self.role, "pid": os.getpid(), "ready": self._ready, **self._collected()}
                link.sendall(json.dumps(snapshot).encode() + b"\n")
            except OSError:
                if link is not None:
                    link.close()
                link = None
            self._wake.wait(INTERVAL if link is not None else 0.5)
            self._wake.clear()

    def _collected(self) -> dict[str, Any]:
        try:
            return self.collect()
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}


def supervisor_socket(run: Path, name: str) -> Path:
    """Where the supervisor of a set of components listens."""
    return run / ("supervisor.sock" if name == "standalone" else f"sup-{name}.sock")
