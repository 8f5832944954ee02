"""A realtime trigger that is never idle (B4): events of a size, each an execution with one task.

python -m benchmarks.realtime [--count 2000] [--sizes 1600 16000 160000]
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.plugins import install
from tests.support.server import Server

NAMESPACE = "bench.realtime"


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast events became executions, and how long one took from being sent to its execution's end, in ms."""

    size: int
    count: int
    per_second: float
    p50: int
    p99: int

    def __str__(self) -> str:
        return (
            f"{self.count:,} events of {self.size:,} bytes: {self.per_second:,.0f} executions/s,"
            f" from event to end {self.p50} ms (p50), {self.p99} ms (p99)"
        )


def measure(server: Server, folder: Path, size: int, count: int) -> Rate:
    """Let a listener send `count` events at once; the server must have the test plugins."""
    name, start = f"events{size}", folder / f"start-{size}"
    server.save_flow(
        f"id: {name}\nnamespace: {NAMESPACE}\n"
        "tasks:\n  - {id: one, type: io.kestra.plugin.core.debug.Return, format: '{{ trigger.number }}'}\n"
        f"triggers:\n  - {{id: many, type: test.Many, count: {count}, size: {size}, path: {start}}}\n"
    )
    time.sleep(1)
    rows = sqlite3.connect(f"file:{server.home / 'flowdeck.db'}?mode=ro", uri=True, isolation_level=None)
    began = time.time()
    start.touch()
    query = "select count(*) from execution where flow_id = ? and ended is not null"
    while rows.execute(query, (name,)).fetchone()[0] < count:
        if time.time() - began > 300:
            raise RuntimeError("not all events were worked off within five minutes")
        time.sleep(0.05)
    last = rows.execute("select max(ended) from execution where flow_id = ?", (name,)).fetchone()[0]
    sent = "cast(json_extract(\"trigger\", '$.variables.sent') * 1000 as integer)"
    times = sorted(r[0] for r in rows.execute(f"select ended - {sent} from execution where flow_id = ?", (name,)))
    return Rate(size, count, count / (last / 1000 - began), times[len(times) // 2], times[len(times) * 99 // 100])


def main() -> int:
    """One measurement a size, on a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_600, 16_000, 160_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowdeck-bench-") as name:
        folder = Path(name)
        server = Server(folder / "home", environment=install(folder / "plugins"))
        try:
            server.start(seconds=120)
            for size in options.sizes:
                print(measure(server, folder, size, options.count), flush=True)
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
