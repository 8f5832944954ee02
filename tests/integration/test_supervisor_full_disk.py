"""A full disk: reads go on, health turns red, nothing accepted is lost, and it recovers by itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, eventually

FLOW = """\
id: hello
namespace: company.team
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: hello
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.getuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("a small file system can't be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


@pytest.mark.fault
def test_a_full_disk_refuses_writes_and_recovers_by_itself(small_disk: Path) -> None:
    server = Server(small_disk / "home")

    def health() -> int:
        return server.call("GET", "/health", port=server.management_port, auth=False).status

    try:
        server.start(seconds=60)
        server.run(FLOW)
        filler = small_disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(b"x" * 65536)
                file.flush()
        eventually(lambda: health() == 503, seconds=15, what="red health")
        accepted = []
        for _ in range(3):
            answer = server.call("POST", "/api/v1/main/executions/company.team/hello")
            assert answer.status in (200, 503), answer.text
            if answer.status == 200:
                accepted.append(answer.json["id"])
        assert server.call("GET", "/api/v1/main/executions/search").status == 200
        filler.unlink()
        eventually(lambda: health() == 200, seconds=30, what="green health")
        for execution in accepted:
            assert server.finished(execution)["state"]["current"] == "SUCCESS"
        assert server.run(FLOW)["state"]["current"] == "SUCCESS"
    finally:
        server.stop()
