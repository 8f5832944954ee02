"""Kills of everything at once (quality §2.3, rows 4 and 5): what was accepted is there, and the next start is quick."""

from __future__ import annotations

import http.client
import os
import random
import signal
import sqlite3
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.server import Server, eventually

LONG = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
ROUNDS = 40 if LONG else 3
READY = 12.0
"""Seconds to the first answer after a kill; 5 on a quiet machine, and tests share theirs."""
NAMESPACE = "fault.group"
FLOW = f"""
id: steps
namespace: {NAMESPACE}
tasks:
  - {{id: one, type: io.kestra.plugin.core.log.Log, message: one}}
  - {{id: two, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.3S}}
  - {{id: three, type: io.kestra.plugin.core.debug.Return, format: "{{{{ execution.id }}}}"}}
"""

pytestmark = pytest.mark.skipif(
    os.environ.get("FLOWDECK_TEST_DATABASE") == "postgres", reason="reads the rows of a SQLite file"
)


class Load:
    """Creations from three threads for as long as it runs; keeps what was answered with 200."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.accepted: set[str] = set()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(3)]

    def _work(self) -> None:
        while not self.over.is_set():
            with suppress(OSError, ValueError, http.client.HTTPException):
                answer = self.server.call("POST", f"/api/v1/main/executions/{NAMESPACE}/steps", seconds=5)
                if answer.status == 200:
                    self.accepted.add(answer.json["id"])
            self.over.wait(0.03)

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(10)


def _family(server: Server) -> list[psutil.Process]:
    assert server.process is not None
    head = psutil.Process(server.process.pid)
    return [head, *head.children(recursive=True)]


def _states(server: Server) -> dict[str, int]:
    connection = sqlite3.connect(f"file:{server.home / 'flowdeck.db'}?mode=ro", uri=True, timeout=10)
    try:
        return dict(connection.execute("select id, state from execution").fetchall())
    finally:
        connection.close()


def test_killing_the_whole_group_or_its_head_loses_nothing_and_leaves_nobody(tmp_path: Path) -> None:
    """Every second time the supervisor alone: its children end by themselves, the ports are free for the next start."""
    rand = random.Random(5)
    server = Server(tmp_path / "home", environment={"FLOWDECK_CONSOLE_ENABLED": "false"})
    server.start()
    server.save_flow(FLOW)
    try:
        with Load(server) as load:
            for number in range(ROUNDS):
                time.sleep(rand.uniform(0.2, 1.2))
                family = _family(server)
                assert server.process is not None
                if number % 2:
                    server.process.kill()
                else:
                    os.killpg(server.process.pid, signal.SIGKILL)
                server.process.wait()
                _, alive = psutil.wait_procs(family[1:], timeout=10)
                assert not alive, f"{[' '.join(p.cmdline())[:120] for p in alive]} outlived the server"
                started = time.monotonic()
                server.start(seconds=60, setup=False)
                assert time.monotonic() - started < READY
        assert load.accepted
        eventually(lambda: all(s >= 20 for s in _states(server).values()), seconds=60, what="the end of all executions")
        states = _states(server)
        lost = load.accepted - states.keys()
        assert not lost, f"{len(lost)} of {len(load.accepted)} accepted executions are lost"
        assert {states[one] for one in load.accepted} == {20}
    finally:
        server.stop()


def test_a_creation_that_is_repeated_with_its_key_happens_once(tmp_path: Path) -> None:
    """The web process dies between a request and its answer; the client asks again with the same key."""
    server = Server(tmp_path / "home", environment={"FLOWDECK_CONSOLE_ENABLED": "false"})
    server.start()
    server.save_flow(FLOW)
    try:
        keys = [uuid.uuid4().hex for _ in range(30)]
        answers: dict[str, set[str]] = {key: set() for key in keys}

        def create(key: str) -> bool:
            with suppress(OSError, ValueError, http.client.HTTPException):
                path = f"/api/v1/main/executions/{NAMESPACE}/steps"
                answer = server.call("POST", path, headers={"Idempotency-Key": key}, seconds=5)
                if answer.status == 200:
                    answers[key].add(answer.json["id"])
                    return True
            return False

        def kill() -> None:
            for _ in range(3):
                time.sleep(0.15)
                for pid in server.pids("web"):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(1.5)

        killer = threading.Thread(target=kill)
        killer.start()
        for key in keys:
            eventually(lambda key=key: create(key), seconds=30, what="a creation")
            create(key)
        killer.join()
        assert all(len(found) == 1 for found in answers.values())
        assert len(_states(server)) == len(keys)
    finally:
        server.stop()
