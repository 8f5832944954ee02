"""The supervisor with its real children: start, health, restarts, stop; and how it refuses to start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.server import Server, eventually

HELLO = """\
id: hello
namespace: company.team
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: hello
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("home"))
    try:
        yield server.start(seconds=60)
    finally:
        server.stop()


def health(server: Server, path: str = "/health") -> tuple[int, dict]:
    answer = server.call("GET", path, port=server.management_port, auth=False)
    return answer.status, answer.json


def start_and_wait(server: Server, *words: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "flowdeck", "server", *words],
        env={
            **os.environ,
            "FLOWDECK_HOME": str(server.home),
            "FLOWDECK_PORT": str(server.port),
            "FLOWDECK_MANAGEMENT_PORT": str(server.management_port),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_management_port_shows_health_and_numbers(server: Server) -> None:
    status, body = health(server)
    assert (status, body["status"]) == (200, "UP")
    assert {"core", "web", "worker", "jdbc", "diskSpace"} <= set(body["details"])
    assert health(server, "/health/liveness")[1]["status"] == "UP"
    text = server.call("GET", "/prometheus", port=server.management_port, auth=False).text
    assert 'process_resident_memory_bytes{process="core"}' in text
    assert server.call("GET", "/nothing", port=server.management_port, auth=False).status == 404
    assert server.call("POST", "/health", port=server.management_port, auth=False).status == 405
    info = server.call("GET", "/info", port=server.management_port, auth=False).json
    assert info["processes"]["core"] == server.pids("core")[0]


def test_the_terminal_says_when_it_is_ready_and_where(server: Server) -> None:
    assert f"is ready: http://localhost:{server.port}/ui/, health on port {server.management_port}" in server.output()
    assert server.output().count("secret.key") == 1
    key = server.home / "secret.key"
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_second_start_on_one_home_says_so_in_one_line(server: Server) -> None:
    status, said = start_and_wait(server, "standalone", FLOWDECK_PORT="18399", FLOWDECK_MANAGEMENT_PORT="18398")
    assert status == 1
    assert "runs already" in said
    assert len(said.strip().splitlines()) == 1


def test_a_taken_port_is_named_in_one_line(server: Server, tmp_path: Path) -> None:
    status, said = start_and_wait(server, "standalone", FLOWDECK_HOME=str(tmp_path))
    assert status == 1
    assert f"port {server.port} is taken" in said
    assert "--port" in said
    assert len(said.strip().splitlines()) == 1


def test_a_wrong_configuration_is_named_in_one_line(server: Server, tmp_path: Path) -> None:
    status, said = start_and_wait(server, "standalone", FLOWDECK_HOME=str(tmp_path), FLOWDECK_PORT="many")
    assert (status, len(said.strip().splitlines())) == (1, 1)
    assert "micronaut.server.port = 'many' (FLOWDECK_PORT): expected an integer" in said


@pytest.mark.parametrize("role", ["core", "web", "worker"])
def test_a_killed_child_comes_back(server: Server, role: str) -> None:
    pid = server.pids(role)[0]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: server.pids(role) not in ([], [pid]), what=f"a new {role}")
    eventually(lambda: health(server)[0] == 200, seconds=30, what="green health")
    assert server.run(HELLO)["state"]["current"] == "SUCCESS"
    with contextlib.suppress(psutil.Error):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_health_is_red_while_core_is_away(server: Server) -> None:
    os.kill(server.pids("core")[0], signal.SIGKILL)
    eventually(lambda: health(server, "/health/readiness")[0] == 503, seconds=5, what="red health")
    assert health(server, "/health/liveness")[0] == 200
    eventually(lambda: health(server)[0] == 200, seconds=30, what="green health")


def test_a_write_waits_for_a_restarting_core(server: Server) -> None:
    server.save_flow(HELLO)
    os.kill(server.pids("core")[0], signal.SIGKILL)
    answer = server.call("POST", "/api/v1/main/executions/company.team/hello")
    if answer.status == 503:  # the machine was too slow to restart it within five seconds
        assert answer.headers.get("retry-after") or answer.headers.get("Retry-After")
        eventually(lambda: health(server)[0] == 200, seconds=30, what="green health")
        answer = server.call("POST", "/api/v1/main/executions/company.team/hello")
    assert answer.status == 200, answer.text
    assert server.finished(answer.json["id"])["state"]["current"] == "SUCCESS"


def test_nothing_survives_the_supervisor(tmp_path: Path) -> None:
    server = Server(tmp_path / "home")
    try:
        server.start(seconds=60, setup=False)
        assert server.process is not None
        children = psutil.Process(server.process.pid).children(recursive=True)
        assert len(children) >= 3
        server.process.kill()
        eventually(
            lambda: all(not c.is_running() or c.status() == psutil.STATUS_ZOMBIE for c in children),
            seconds=5,
            what="the end of all children",
        )
        server.process.wait()
        server.start(seconds=60, setup=False)  # and the home is usable at once
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert time.monotonic() - began < 10
        assert not (server.home / "run" / "core.sock").exists()
    finally:
        server.stop()


def test_a_foreign_address_needs_an_account_or_a_token(tmp_path: Path) -> None:
    server = Server(tmp_path / "home", environment={"FLOWDECK_HOST": "0.0.0.0"})
    try:
        server.start(seconds=60, setup=False)
        said = server.output()
        assert "Set-up token: " in said
        token = said.split("Set-up token: ")[1].split()[0]
        assert len(token) >= 20
        assert all(token not in file.read_text() for file in (server.home / "log").glob("*.jsonl"))
    finally:
        server.stop()
