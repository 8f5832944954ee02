"""Workloads on the real server: REST in, rows and streams out."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from flowdeck.store.driver import open_database
from tests.support.server import Server

NAMESPACE = "bench.load"
RETURN = "{type: io.kestra.plugin.core.debug.Return, format: x"
SHELL = "type: io.kestra.plugin.scripts.shell.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process}"


def chain(count: int) -> str:
    """Source of a flow of tasks in order."""
    tasks = "\n".join(f"  - {RETURN}, id: t{i}}}" for i in range(count))
    return f"id: chain{count}\nnamespace: {NAMESPACE}\ntasks:\n{tasks}\n"


def fan(count: int) -> str:
    """Source of a flow whose tasks may all run at once."""
    tasks = "\n".join(f"      - {RETURN}, id: t{i}}}" for i in range(count))
    return (
        f"id: fan{count}\nnamespace: {NAMESPACE}\ntasks:\n"
        f"  - id: all\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n{tasks}\n"
    )


def loop(count: int) -> str:
    """Source of a flow whose loop runs all its values at once."""
    return (
        f"id: loop{count}\nnamespace: {NAMESPACE}\ntasks:\n  - id: all\n"
        "    type: io.kestra.plugin.core.flow.ForEach\n    concurrencyLimit: 0\n"
        f'    values: "{{{{ range(1, {count}) }}}}"\n    tasks:\n      - {RETURN}, id: t}}\n'
    )


def scripts(count: int) -> str:
    """Source of a flow of scripts that may all run at once."""
    tasks = "\n".join(f"      - {{id: s{i}, {SHELL}, commands: ['true']}}" for i in range(count))
    return (
        f"id: scripts{count}\nnamespace: {NAMESPACE}\ntasks:\n"
        f"  - id: all\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n{tasks}\n"
    )


def lines(count: int) -> str:
    """Source of a flow whose script prints many lines."""
    return f"id: lines{count}\nnamespace: {NAMESPACE}\ntasks:\n  - {{id: s, {SHELL}, commands: ['seq 1 {count}']}}\n"


TICKS = (
    f"id: ticks\nnamespace: {NAMESPACE}\ntasks:\n"
    f"  - {{id: s, {SHELL}, commands: ['sleep 0.5; for i in $(seq 60); do date +%s.%N; sleep 0.03; done']}}\n"
)


class Bench:
    """A running server and one keep-alive connection to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        login = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {login}"}
        self.link = http.client.HTTPConnection("127.0.0.1", server.port)
        self.database = open_database(server.database_url, durability="normal")
        self.pids = {role: server.pids(role)[0] for role in ("core", "web", "worker")}
        assert server.process is not None
        self.pids["supervisor"] = server.process.pid

    def start(self, flow: str) -> str:
        """Create an execution through the API; its id."""
        self.link.request("POST", f"/api/v1/main/executions/{NAMESPACE}/{flow}", headers=self.headers)
        answer = self.link.getresponse()
        body = answer.read()
        assert answer.status == 200, body[:300]
        return json.loads(body)["id"]

    def open(self) -> int:
        """Executions that have not ended."""
        with self.database.reader() as reader:
            return reader.value("select count(*) from execution where state < 20")

    def wait(self, seconds: float = 120) -> None:
        """Until all executions have ended."""
        until = time.perf_counter() + seconds
        while self.open():
            assert time.perf_counter() < until, "executions did not end"
            time.sleep(0.001)

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each process so far."""
        found: dict[str, float] = {}
        for role, pid in self.pids.items():
            times = psutil.Process(pid).cpu_times()
            found[role] = times.user + times.system
        return found

    def memory(self) -> dict[str, float]:
        """Resident MB of each process."""
        return {role: psutil.Process(pid).memory_info().rss / 1e6 for role, pid in self.pids.items()}

    def timed(self, flow: str, executions: int = 1) -> tuple[float, dict[str, float]]:
        """Wall seconds from the first request to the last end, and CPU seconds of each process."""
        before = self.cpu()
        began = time.perf_counter()
        if executions == 1:
            self.start(flow)
        else:
            self._start_many(flow, executions)
        self.wait()
        wall = time.perf_counter() - began
        after = self.cpu()
        return wall, {role: after[role] - before[role] for role in after}

    def _start_many(self, flow: str, executions: int, links: int = 8) -> None:
        """As a client with a few connections would."""
        left = iter(range(executions))
        lock = threading.Lock()

        def some() -> None:
            link = http.client.HTTPConnection("127.0.0.1", self.server.port)
            while True:
                with lock:
                    if next(left, None) is None:
                        break
                link.request("POST", f"/api/v1/main/executions/{NAMESPACE}/{flow}", headers=self.headers)
                answer = link.getresponse()
                body = answer.read()
                assert answer.status == 200, body[:300]
            link.close()

        threads = [threading.Thread(target=some) for _ in range(links)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def rate(self, flow: str, tasks: int, executions: int = 1, runs: int = 3) -> tuple[float, dict[str, float]]:
        """Median tasks a second over some runs, and CPU seconds a task of each process in that run."""
        found = sorted((self.timed(flow, executions) for _ in range(runs)), key=lambda r: r[0])
        wall, cpu = found[len(found) // 2]
        return tasks / wall, {role: spent / tasks for role, spent in cpu.items()}

    def first_start(self, rounds: int = 40) -> tuple[float, float]:
        """Ms from the creation of an execution to the start of its first task: median and worst."""
        times: list[float] = []
        for _ in range(rounds):
            identifier = self.start("chain1")
            self.wait()
            with self.database.reader() as reader:
                [(created, started)] = reader.all(
                    "select e.created, t.started from execution e join task_run t on t.execution_seq = e.seq "
                    "where e.id = ?",
                    identifier,
                )
            times.append(started - created)
            time.sleep(0.01)
        return statistics.median(times), max(times)

    def next_start(self, flow: str) -> tuple[float, float]:
        """Ms from the end of a task to the start of the next one in a chain: mean, and 99th percentile."""
        identifier = self.start(flow)
        self.wait()
        with self.database.reader() as reader:
            rows = reader.all(
                "select t.started, t.ended from task_run t join execution e on e.seq = t.execution_seq "
                "where e.id = ? order by t.ord",
                identifier,
            )
        gaps = [b[0] - a[1] for a, b in itertools.pairwise(rows)]
        # Stored times are whole ms: the mean over the chain says more than the median of rounded numbers.
        return statistics.mean(gaps), sorted(gaps)[int(len(gaps) * 0.99)]

    def log_rate(self, count: int) -> float:
        """Lines a second from the start of a script that prints to the last stored line."""
        before = self._stored()
        began = time.perf_counter()
        self.start(f"lines{count}")
        while self._stored() - before < count:
            assert time.perf_counter() - began < 120
            time.sleep(0.005)
        wall = time.perf_counter() - began
        self.wait()
        return count / wall

    def _stored(self) -> int:
        if self.database.dialect == "postgresql":
            with self.database.reader() as reader:
                return reader.value("select count(*) from log_line")
        total = 0
        for path in sorted((self.server.home / "logs").glob("log-*.db")):
            logs = open_database(f"sqlite:///{path}", durability="normal")
            with logs.reader() as reader:
                total += reader.value("select coalesce(max(seq), 0) from log_line")
            logs.close()
        return total

    def line_to_client(self) -> tuple[float, float]:
        """Ms from a script's printing of a line to its arrival at a client of the stream: median, 95th percentile."""
        identifier = self.start("ticks")
        link = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        link.request("GET", f"/api/v1/main/console/stream?execution={identifier}&logs=TRACE", headers=self.headers)
        answer = link.getresponse()
        waits: list[float] = []
        for data, at in _events(answer):
            for line in data.get("lines", ()):
                try:
                    printed = float(line["text"])
                except ValueError:
                    continue
                waits.append((at - printed) * 1000)
            if data.get("reason") == "terminal":
                break
        link.close()
        assert len(waits) >= 55, len(waits)
        waits.sort()
        return statistics.median(waits), waits[int(len(waits) * 0.95)]

    def idle(self, seconds: float = 15.0) -> tuple[float, float]:
        """CPU of all processes together in percent of one core, and MB of memory, while nothing runs."""
        before = sum(self.cpu().values())
        time.sleep(seconds)
        return (sum(self.cpu().values()) - before) / seconds * 100, sum(self.memory().values())

    def proportional(self) -> float:
        """MB of all processes, shared pages counted once."""
        return sum(psutil.Process(pid).memory_full_info().pss for pid in self.pids.values()) / 1e6


def _events(answer: Any) -> Iterator[tuple[dict[str, Any], float]]:
    text = b""
    while chunk := answer.read1(65536):
        at = time.time()
        text += chunk
        while b"\n\n" in text or b"\r\n\r\n" in text:
            block, _, text = text.replace(b"\r\n", b"\n").partition(b"\n\n")
            for row in block.split(b"\n"):
                if row.startswith(b"data:"):
                    data = json.loads(row[5:])
                    if isinstance(data, dict):
                        yield data, at


@contextmanager
def running(home: Path, **environment: str) -> Iterator[Bench]:
    """A server with the flows of all workloads."""
    server = Server(home, environment=environment)
    try:
        server.start(seconds=90)
        for source in (
            chain(1), chain(10), chain(100), chain(1000), fan(1000), loop(100), loop(10_000), scripts(400),
            lines(300_000), TICKS,
        ):  # fmt: skip
            server.save_flow(source)
        yield Bench(server)
    finally:
        server.stop()
