"""What a child tells its supervisor: that it is ready, a few facts every few seconds, and answers to its questions.

One line of JSON a message (engine notes §2.1). The child sends snapshots `{role, pid, ready, …}`; the supervisor may
send `{ask, name, args}` and gets `{answer, result}` or `{answer, error}` (spec: enterprise and operations F58).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

INTERVAL = 5.0
LONGEST_LINE = 65_536
PR_SET_PDEATHSIG = 1

SOCKET = "FLOWDECK_INTERNAL_SUPERVISOR"
"""Environment variable with the path of the supervisor's socket."""
PARENT = "FLOWDECK_INTERNAL_PARENT"
"""Environment variable with the supervisor's process id."""

Answer = Callable[[dict[str, Any]], Any]


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
    """A thread that sends snapshots and answers questions; one a child. Without a supervisor it does nothing.

    Args:
        role: `core`, `web` or `worker`.
        collect: answers the facts of now; called in the thread, so it only reads.
        answers: what the supervisor may ask, by name; called in the thread.
    """

    def __init__(
        self, role: str, collect: Callable[[], dict[str, Any]] = dict, answers: Mapping[str, Answer] | None = None
    ) -> None:
        self.role = role
        self.collect = collect
        self.answers = dict(answers or {})
        self._path = os.environ.get(SOCKET)
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._ready = False
        self._received = b""

    def start(self) -> None:
        """Begin to report."""
        if self._path is not None:
            Thread(target=self._run, name="reporter", daemon=True).start()

    def ready(self) -> None:
        """Say at once that this process does its work."""
        self._ready = True
        with contextlib.suppress(OSError):
            os.write(self._wake, b"!")

    def _run(self) -> None:
        assert self._path is not None
        while True:
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                link.connect(self._path)
                self._received = b""
                self._talk(link)
            except OSError:
                pass
            finally:
                link.close()
            time.sleep(0.5)

    def _talk(self, link: socket.socket) -> None:
        due = 0.0
        while True:
            now = time.monotonic()
            if now >= due:
                snapshot = {"role": self.role, "pid": os.getpid(), "ready": self._ready, **self._collected()}
                self._send(link, snapshot)
                due = now + INTERVAL
            found, _, _ = select.select([link, self._woken], [], [], max(0.0, due - time.monotonic()))
            if self._woken in found:
                os.read(self._woken, 4096)
                due = 0.0
            if link in found:
                data = link.recv(LONGEST_LINE)
                if not data:
                    raise ConnectionResetError
                self._hear(link, data)

    def _hear(self, link: socket.socket, data: bytes) -> None:
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            question = json.loads(line)
            answer: dict[str, Any] = {"answer": question["ask"]}
            try:
                answer["result"] = self.answers[question["name"]](question.get("args") or {})
            except Exception as error:  # an answer that can't be given is one too
                answer["error"] = f"{type(error).__name__}: {error}"
            self._send(link, answer)

    def _send(self, link: socket.socket, message: dict[str, Any]) -> None:
        link.sendall(json.dumps(message, default=str).encode() + b"\n")

    def _collected(self) -> dict[str, Any]:
        try:
            return self.collect()
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}


def supervisor_socket(run: Path, name: str) -> Path:
    """Where the supervisor of a set of components listens."""
    return run / ("supervisor.sock" if name == "standalone" else f"sup-{name}.sock")
