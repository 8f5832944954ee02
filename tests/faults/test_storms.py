"""Many followers at once (quality §2.3, row 22): memory stays bounded, the slow are cut off, nobody misses the end."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.server import Server, running_server

LONG = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
CLIENTS = 2_000 if LONG else 300
NEVER_READ = 0.1
GROWTH = 250 * 1024 * 1024
"""Bytes by which the web process may grow for all followers together."""

FLOW = """
id: storm
namespace: fault.storm
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{ range(1, 150) }}"
    tasks:
      - {id: say, type: io.kestra.plugin.core.log.Log, message: "said {{ taskrun.value }}"}
      - {id: wait, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.05S}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the flow that is followed."""
    with running_server(tmp_path_factory.mktemp("storm"), FLOWDECK_CONSOLE_ENABLED="false") as started:
        started.save_flow(FLOW)
        yield started


def _memory(server: Server) -> int:
    return sum(psutil.Process(pid).memory_info().rss for pid in server.pids("web"))


class Crowd:
    """Clients of one execution's stream: most read, some never do, some come back again and again."""

    def __init__(self, server: Server, execution: str, rand: random.Random) -> None:
        login = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
        self.port = server.port
        self.rand = rand
        self.request = (
            f"GET /api/v1/main/executions/{execution}/follow HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{server.port}\r\nAuthorization: Basic {login}\r\nAccept: text/event-stream\r\n\r\n"
        ).encode()
        self.reached = 0
        self.missed: list[str] = []

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(40):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**16)
                writer.write(self.request)
                await writer.drain()
                return reader, writer
            except OSError:
                await asyncio.sleep(self.rand.uniform(0.05, 0.3))
        raise AssertionError("the server takes no connection any more")

    async def reads(self, leaves: bool) -> None:
        """Read until the end is told; `leaves` drops the connection twice and comes back."""
        for visit in range(3 if leaves else 1):
            reader, writer = await self._open()
            last = visit == (2 if leaves else 0)
            until = asyncio.get_running_loop().time() + (120 if last else self.rand.uniform(0.2, 1.5))
            tail = b""
            try:
                while asyncio.get_running_loop().time() < until:
                    try:
                        data = await asyncio.wait_for(reader.read(65536), 1)
                    except TimeoutError:
                        continue
                    if b"id: end" in tail + data:
                        self.reached += 1
                        return
                    if not data:
                        break
                    tail = data[-300:]
                if last:
                    self.missed.append(tail.decode(errors="replace"))
            finally:
                writer.close()

    async def never_reads(self, over: asyncio.Event) -> None:
        """Ask and take nothing: the kernel's buffers fill, then the server's queue."""
        _, writer = await self._open()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await over.wait()
        writer.close()

    async def run(self) -> None:
        """All at once, over some seconds."""
        over = asyncio.Event()
        silent = [asyncio.create_task(self.never_reads(over)) for _ in range(int(CLIENTS * NEVER_READ))]
        readers: list[asyncio.Task[None]] = []
        for number in range(CLIENTS - len(silent)):
            readers.append(asyncio.create_task(self.reads(number % 5 == 0)))
            if number % 20 == 0:
                await asyncio.sleep(0.02)
        await asyncio.gather(*readers)
        over.set()
        await asyncio.gather(*silent)


def test_a_storm_of_followers_costs_bounded_memory_and_nobody_misses_the_end(server: Server, tmp_path: Path) -> None:
    """Some never read, some come and go: all who stay are told the end, others are served meanwhile."""
    before = _memory(server)
    execution = server.execute("fault.storm", "storm")["id"]
    crowd = Crowd(server, execution, random.Random(22))
    peak = before

    async def watched() -> None:
        nonlocal peak
        storm = asyncio.create_task(crowd.run())
        while not storm.done():
            peak = max(peak, await asyncio.to_thread(_memory, server))
            answer = await asyncio.to_thread(server.call, "GET", f"/api/v1/main/executions/{execution}")
            assert answer.status == 200
            await asyncio.sleep(0.5)
        await storm

    asyncio.run(watched())
    assert not crowd.missed, f"{len(crowd.missed)} followers were not told the end, such as {crowd.missed[0]!r}"
    assert crowd.reached == CLIENTS - int(CLIENTS * NEVER_READ)
    assert peak - before < GROWTH, f"{(peak - before) / 1e6:,.0f} MB for {CLIENTS} followers"
    assert server.finished(execution)["state"]["current"] == "SUCCESS"


LINES = """
id: talker
namespace: fault.storm
tasks:
  - id: talk
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    commands: ['for i in $(seq 1 400); do echo "line $i"; [ $((i % 50)) = 0 ] && sleep 0.2; done; true']
"""


def test_followers_of_lines_who_join_at_any_time_get_every_line_once(server: Server) -> None:
    """§9: stored lines, then live ones; also for those who read slowly."""
    server.save_flow(LINES)
    execution = server.execute("fault.storm", "talker")["id"]
    login = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
    rand = random.Random(4)

    async def one(after: float, slow: bool) -> list[str]:
        await asyncio.sleep(after)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**16)
        path = f"/api/v1/main/logs/{execution}/follow"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n\r\n".encode())
        received = b""
        while data := await asyncio.wait_for(reader.read(4096), 60):
            received += data
            if slow:
                await asyncio.sleep(0.02)
            if received.endswith(b"0\r\n\r\n"):  # the last chunk
                break
        writer.close()
        return re.findall(r'"message":"(line \d+)"', re.sub(rb"\r\n[0-9a-f]+\r\n", b"", received).decode())

    async def all_of_them() -> list[list[str]]:
        return await asyncio.gather(*(one(rand.uniform(0, 3), n % 3 == 0) for n in range(30)))

    for lines in asyncio.run(all_of_them()):
        assert lines == [f"line {n}" for n in range(1, 401)]
