"""Faults from outside: what a user, a script or a sick machine does to a running server."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.server import Server, eventually, multipart

pytestmark = pytest.mark.fault

LONG = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
LINES = 1_000_000 if LONG else 200_000
RUNNER = "taskRunner: {type: io.kestra.plugin.core.runner.Process}"
HELLO = """
id: hello
namespace: fault.test
inputs:
  - {id: file, type: FILE, required: false}
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: hello}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    limits = {"FLOWDECK_CONSOLE_ENABLED": "false", "MICRONAUT_SERVER_MAX_REQUEST_SIZE": "12MB"}
    running = Server(home, environment=limits)
    try:
        running.start(seconds=90).save_flow(HELLO)
        yield running
    finally:
        running.discard()


def memory(server: Server) -> dict[str, int]:
    """Resident MB of each child."""
    return {
        role: psutil.Process(pid).memory_info().rss >> 20
        for role in ("core", "web", "worker")
        for pid in server.pids(role)[:1]
    }


def test_a_flood_of_lines_is_stored_whole_and_holds_nobody_up(server: Server) -> None:
    flow = f"""
id: flood
namespace: fault.test
tasks:
  - id: flood
    type: io.kestra.plugin.scripts.shell.Commands
    {RUNNER}
    commands: ["seq 1 {LINES}"]
"""
    server.save_flow(flow)
    before = memory(server)
    flood = server.execute("fault.test", "flood")
    began = time.monotonic()
    waits: list[float] = []
    while server.execution(flood["id"])["state"]["current"] not in ("SUCCESS", "FAILED"):
        at = time.monotonic()
        assert server.finished(server.execute("fault.test", "hello")["id"])["state"]["current"] == "SUCCESS"
        waits.append(time.monotonic() - at)
        assert time.monotonic() - began < 120
    assert server.execution(flood["id"])["state"]["current"] == "SUCCESS"
    assert max(waits, default=0) < 10
    path = f"/api/v1/main/console/executions/{flood['id']}/logs"
    body = eventually(
        lambda: (a := server.call("GET", f"{path}?from=1&to=2").json) and a["total"] >= LINES and a, what="all lines"
    )
    assert LINES <= body["total"] <= LINES + 10
    after = memory(server)
    assert all(after[role] - before[role] < 300 for role in after), (before, after)


def test_ten_megabytes_of_outputs_go_to_storage_and_come_back(server: Server) -> None:
    flow = f"""
id: bulky
namespace: fault.test
tasks:
  - id: make
    type: io.kestra.plugin.scripts.shell.Commands
    {RUNNER}
    outputFiles: [big.txt]
    commands: ["head -c 10000000 /dev/zero | tr '\\\\0' x > big.txt"]
  - id: text
    type: io.kestra.plugin.core.debug.Return
    format: "{{{{ read(outputs.make.outputFiles['big.txt']) }}}}"
  - id: length
    type: io.kestra.plugin.core.debug.Return
    format: "{{{{ outputs.text.value | length }}}}"
"""
    document = server.run(flow, seconds=60)
    assert document["state"]["current"] == "SUCCESS", [
        (run["taskId"], run["state"]["current"]) for run in document["taskRunList"]
    ] + server.logs(document["id"])[-3:]
    last = document["taskRunList"][-1]
    assert last["outputs"]["value"] in ("10000000", 10000000)


def test_an_upload_above_the_limit_is_refused_and_the_server_lives(server: Server) -> None:
    body, content_type = multipart({"file": b"x" * 13_000_000})
    with contextlib.suppress(OSError):  # the server may close before all is sent
        answer = server.call("POST", "/api/v1/main/executions/fault.test/hello", body=body, content_type=content_type)
        assert answer.status == 413, answer.text
        assert "limit of 12" in answer.text
    body, content_type = multipart({"file": b"x" * 3_000_000})
    answer = server.call("POST", "/api/v1/main/executions/fault.test/hello", body=body, content_type=content_type)
    assert answer.status == 200, answer.text


@pytest.mark.parametrize(
    "source",
    [
        "id: a\nnamespace: b\ntasks: [",
        "\t\tid: a",
        "- 1\n- 2",
        "",
        "&a [*a, *a]",
        "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(f"b{i}: &b{i} [{','.join(['*a'] * 9)}]" for i in range(9)),
        "id: a\nnamespace: b\ntasks: !!python/object/apply:os.system ['true']",
        "id: x\nnamespace: fault.test\ntasks:\n  - {id: a, type: io.kestra.plugin.core.log.Nothing}",
        "id: \0\nnamespace: b",
        "[" * 5000,
    ],
    ids=["open", "tab", "list", "empty", "self", "bomb", "tag", "type", "nul", "deep"],
)
def test_broken_yaml_is_refused_with_a_reason(server: Server, source: str) -> None:
    answer = server.call("POST", "/api/v1/main/flows", body=source, content_type="application/x-yaml", seconds=10)
    assert answer.status in (400, 422), (answer.status, answer.text[:300])
    assert answer.json["message"] and "Traceback" not in answer.text
    checked = server.call("POST", "/api/v1/main/flows/validate", body=source, content_type="application/x-yaml")
    assert checked.status in (200, 400, 422) and "Traceback" not in checked.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/main/flows/no.where/none"),
        ("GET", "/api/v1/main/executions/0000000000000000000000"),
        ("GET", "/api/v1/main/executions/%2e%2e%2f%2e%2e%2fetc"),
        ("POST", "/api/v1/main/executions/no.where/none"),
        ("DELETE", "/api/v1/main/executions/0000000000000000000000/kill"),
        ("POST", "/api/v1/main/executions/0000000000000000000000/resume"),
        ("POST", "/api/v1/main/executions/0000000000000000000000/restart"),
        ("DELETE", "/api/v1/main/flows/no.where/none"),
        ("GET", "/api/v1/main/namespaces/no.where/kv/none"),
        ("GET", "/api/v1/main/plugins/io.kestra.plugin.nothing"),
        ("GET", "/api/v1/main/nothing"),
    ],
)
def test_what_does_not_exist_is_not_found(server: Server, method: str, path: str) -> None:
    answer = server.call(method, path)
    assert answer.status == 404, (answer.status, answer.text[:300])
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/main/flows/search",
        "/api/v1/main/executions/search",
        "/api/v1/main/logs/search",
        "/api/v1/main/namespaces/fault.test/kv",
        "/api/v1/main/console/stream",
    ],
)
def test_without_login_nothing_is_told(server: Server, path: str) -> None:
    answer = server.call("GET", path, auth=False, seconds=5)
    assert answer.status == 401, (answer.status, answer.text[:200])
    wrong = server.call("GET", path, auth=False, headers={"Authorization": "Basic d3Jvbmc6d3Jvbmc="}, seconds=5)
    assert wrong.status == 401


def test_a_read_only_home_is_named_in_one_line(tmp_path: Path) -> None:
    if os.getuid() == 0:
        disk = tmp_path / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=False).returncode:
            pytest.skip("a file system can't be mounted here")
        try:
            home = disk / "home"
            server = Server(home, environment={"FLOWDECK_CONSOLE_ENABLED": "false"})
            try:
                server.start(seconds=90)
            finally:
                server.stop()
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            said = _start(home)
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)
    else:
        home = tmp_path / "home"
        home.mkdir(mode=0o500)
        said = _start(home)
    assert len(said) == 1 and str(home) in said[0] and "can't be" in said[0], said


def _start(home: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "flowdeck", "server", "standalone", "--port", "0"],
        env={**os.environ, "FLOWDECK_HOME": str(home), "FLOWDECK_MANAGEMENT_PORT": "-1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    return (done.stdout + done.stderr).strip().splitlines()
