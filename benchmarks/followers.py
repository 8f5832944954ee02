"""A thousand followers of one execution: what a web process spends on them.

    python -m benchmarks.followers [--followers 1000] [--seconds 15]

A script prints ten lines a second, a loop changes its execution every second; the followers read the reference's
streams (a user may open only 20 of the console's own). The readers run in this process, on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmarks.server import SHELL
from tests.support.server import Server, running_server

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "performance-followers.md"
NAMESPACE = "bench.followers"
RATE = 10
LIMIT = 0.4
"""Of a core, for 1,000 followers."""


def talker(seconds: int) -> str:
    """Source of a flow whose script prints ten lines a second."""
    count = seconds * RATE
    return (
        f"id: talker\nnamespace: {NAMESPACE}\ntasks:\n"
        f"  - {{id: talk, {SHELL}, commands: ['for i in $(seq {count}); do echo \"line $i\"; sleep 0.1; done']}}\n"
    )


def worker(seconds: int) -> str:
    """Source of a flow that changes a few times a second: a loop of tasks of a second."""
    return (
        f"id: worker\nnamespace: {NAMESPACE}\ntasks:\n  - id: each\n    type: io.kestra.plugin.core.flow.ForEach\n"
        f'    values: "{{{{ range(1, {seconds}) }}}}"\n    concurrencyLimit: 1\n    tasks:\n'
        "      - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT1S}\n"
    )


@dataclass
class Crowd:
    """Connections to one stream and what they received."""

    server: Server
    path: str
    size: int
    received: int = 0
    events: int = 0

    async def one(self) -> None:
        """Read until the stream ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port, limit=2**16)
        login = base64.b64encode(f"{self.server.username}:{self.server.password}".encode()).decode()
        head = f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {login}\r\n\r\n"
        writer.write(head.encode())
        try:
            while chunk := await reader.read(65_536):
                self.received += len(chunk)
                self.events += chunk.count(b"data:")
        except OSError:
            pass
        finally:
            writer.close()

    async def follow(self, pid: int, seconds: float) -> tuple[float, float, float]:
        """CPU of the web process as a part of a core, events a second and client, memory in MB at the end."""
        tasks = []
        for _ in range(self.size):
            tasks.append(asyncio.create_task(self.one()))
            if len(tasks) % 50 == 0:
                await asyncio.sleep(0.02)
        await asyncio.sleep(2)
        web = psutil.Process(pid)
        before, events, began = sum(web.cpu_times()[:2]), self.events, time.perf_counter()
        await asyncio.sleep(seconds)
        took = time.perf_counter() - began
        cpu = (sum(web.cpu_times()[:2]) - before) / took
        rate = (self.events - events) / took / self.size
        memory = web.memory_info().rss / 1e6
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return cpu, rate, memory


def measure(server: Server, size: int, seconds: int) -> list[tuple[str, float, float, float]]:
    """Name of the stream, CPU, events a second and client, memory."""
    server.save_flow(talker(seconds + 15))
    server.save_flow(worker(seconds + 15))
    pid = server.pids("web")[0]
    rows: list[tuple[str, float, float, float]] = []
    for name, flow, path in (
        ("log lines, `logs/{id}/follow`", "talker", "/api/v1/main/logs/{}/follow"),
        ("an execution, `executions/{id}/follow`", "worker", "/api/v1/main/executions/{}/follow"),
    ):
        identifier = server.execute(NAMESPACE, flow)["id"]
        crowd = Crowd(server, path.format(identifier), size)
        cpu, rate, memory = asyncio.run(crowd.follow(pid, seconds))
        rows.append((name, cpu, rate, memory))
        print(f"{name}: {cpu:.2f} of a core, {rate:.1f} events/s each, {memory:.0f} MB", file=sys.stderr, flush=True)
        server.call("DELETE", f"/api/v1/main/executions/{identifier}/kill")
    return rows


def table(rows: list[tuple[str, float, float, float]], size: int) -> str:
    """As Markdown."""
    head = [
        "| stream | core of web | target | events/s each | µs an event | memory of web |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines = []
    for name, cpu, rate, memory in rows:
        each = cpu / max(rate * size, 1e-9) * 1e6
        kept = f"{LIMIT}" if cpu <= LIMIT else f"**{LIMIT}, missed**"
        lines.append(f"| {name} | {cpu:.2f} | {kept} | {rate:.1f} | {each:.0f} | {memory:.0f} MB |")
    return "\n".join([*head, *lines])


def main() -> int:
    """Command line; the status is 1 when a target is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--followers", type=int, default=1_000)
    options.add_argument("--seconds", type=int, default=15)
    options.add_argument("--no-write", action="store_true")
    chosen = options.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as home, running_server(Path(home)) as server:
        rows = measure(server, chosen.followers, chosen.seconds)
    text = table(rows, chosen.followers)
    print(text)
    if not chosen.no_write:
        PAGE.write_text(
            f"# {chosen.followers:,} followers\n\n`python -m benchmarks.followers`, {datetime.now(UTC):%Y-%m-%d}, "
            f"{os.cpu_count()} processors, load at the start {load:.1f}. All follow one execution, the readers run on "
            f"the same machine; a script prints {RATE} lines a second, a task of a loop ends every second.\n\n{text}\n"
        )
    return 1 if any(cpu > LIMIT for _, cpu, _, _ in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
