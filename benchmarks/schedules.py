"""Many schedules due in the same second: how late each execution is created and started.

python -m benchmarks.schedules                          10,000 schedules in 100 flows
python -m benchmarks.schedules --flows 10000 --each 1   each in a flow of its own
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.support.server import Server

NAMESPACE = "bench.schedules"


@dataclass(frozen=True, slots=True)
class Lag:
    """Milliseconds from the schedule's date to the creation and to the start of its executions."""

    count: int
    created: tuple[int, int, int]  # p50, p99, largest
    started: tuple[int, int, int]
    busy: float  # seconds of CPU that core took until all were started

    def __str__(self) -> str:
        return (
            f"{self.count:,} schedules of one second: created after {self.created[0]} ms (p50), {self.created[1]} ms"
            f" (p99), {self.created[2]} ms (last); running after {self.started[0]}, {self.started[1]},"
            f" {self.started[2]} ms; {self.busy:.2f} s of CPU in core"
        )


def source(number: int, each: int, at: datetime) -> str:
    """A flow with schedules that are due at an instant, once a year."""
    cron = f"{at.second} {at.minute} {at.hour} {at.day} {at.month} *"
    triggers = "\n".join(
        f"  - {{id: s{n}, type: io.kestra.plugin.core.trigger.Schedule, cron: '{cron}', withSeconds: true,"
        " timezone: UTC}"
        for n in range(each)
    )
    return (
        f"id: f{number}\nnamespace: {NAMESPACE}\ntasks:\n"
        f"  - {{id: one, type: io.kestra.plugin.core.debug.Return, format: x}}\ntriggers:\n{triggers}\n"
    )


def measure(server: Server, flows: int, each: int, *, seconds: int | None = None) -> Lag:
    """Save the flows, wait for the second, read the rows; `seconds` from now when they are due."""
    at = datetime.fromtimestamp(int(time.time()) + (seconds or 20 + flows // 25 + flows * each // 1000), UTC)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: server.save_flow(source(n, each, at)), range(flows)))
    rest = at.timestamp() - time.time()
    if rest < 2:
        raise RuntimeError("the flows were not saved in time")
    core = psutil.Process(server.pids("core")[0])
    time.sleep(rest)
    before = sum(core.cpu_times()[:2])
    rows = sqlite3.connect(f"file:{server.home / 'flowdeck.db'}?mode=ro", uri=True, isolation_level=None)
    total, deadline = flows * each, time.monotonic() + 120
    query = "select count(*) from execution where namespace = ? and started is not null"
    while rows.execute(query, (NAMESPACE,)).fetchone()[0] < total:
        if time.monotonic() > deadline:
            raise RuntimeError("not all executions were started within two minutes")
        time.sleep(0.1)
    busy = sum(core.cpu_times()[:2]) - before
    due = int(at.timestamp() * 1000)
    found = rows.execute("select created - ?, started - ? from execution where namespace = ?", (due, due, NAMESPACE))
    created, started = (sorted(column) for column in zip(*found, strict=True))
    return Lag(total, _points(created), _points(started), busy)


def _points(values: Sequence[int]) -> tuple[int, int, int]:
    return values[len(values) // 2], values[len(values) * 99 // 100], values[-1]


def main() -> int:
    """Run one measurement on a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=100)
    parser.add_argument("--each", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowdeck-bench-") as folder:
        server = Server(Path(folder) / "home")
        try:
            server.start(seconds=120)
            print(measure(server, options.flows, options.each))
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
