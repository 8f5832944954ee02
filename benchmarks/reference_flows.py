"""The benchmark flows that the reference publishes, at its rates and above, on either database (quality §1.1).

    python -m benchmarks.reference_flows                            SQLite
    FLOWDECK_TEST_DATABASE=postgres python -m benchmarks.reference_flows
    python -m benchmarks.reference_flows --only B1 --seconds 20

Executions are started by webhooks at an even rate, whatever the answers do; latency is from the sending of a request to
the end of its execution.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks import realtime
from tests.support.plugins import install
from tests.support.server import Server, eventually

NAMESPACE = "bench.reference"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "performance-reference-flows.md"
HOOK = "triggers:\n  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: bench}\n"
LOG = "type: io.kestra.plugin.core.log.Log"

B1 = (
    f"id: b1\nnamespace: {NAMESPACE}\ntasks:\n"
    f'  - {{id: first, {LOG}, message: "{{{{ trigger.body ?? flow.id }}}}"}}\n'
    f"  - {{id: second, {LOG}, message: done}}\n"
    f"{HOOK}"
)
B2 = (
    f"id: b2\nnamespace: {NAMESPACE}\ntasks:\n"
    + "".join(
        f"  - id: if{n}\n    type: io.kestra.plugin.core.flow.If\n"
        f"    condition: \"{{{{ flow.id == 'b2' }}}}\"\n    then:\n      - {{id: log{n}, {LOG}, message: step {n}}}\n"
        for n in range(5)
    )
    + HOOK
)


def b3(count: int) -> str:
    """A loop whose values run all at once."""
    return (
        f"id: b3-{count}\nnamespace: {NAMESPACE}\ntasks:\n  - id: each\n"
        "    type: io.kestra.plugin.core.flow.ForEach\n    concurrencyLimit: 0\n"
        f'    values: "{{{{ range(1, {count}) }}}}"\n    tasks:\n'
        f'      - {{id: log, {LOG}, message: "{{{{ taskrun.value }}}}"}}\n'
    )


PUBLISHED = {
    ("b1", 250): "0.17",
    ("b1", 1000): "0.19",
    ("b1", 1500): "0.26",
    ("b1", 2000): "2.5",
    ("b2", 100): "0.7",
    ("b2", 300): "0.8",
    ("b2", 400): "1.5",
    ("b2", 500): "15",
    ("b3", 100): "5",
}
"""Seconds that the reference's open edition 1.2.0 publishes (machine with 4 processors, PostgreSQL on another one)."""
BURST = {1_600: "5.3", 16_000: "4.6", 160_000: "15"}
"""The same for realtime events at 2,000, 1,500 and 500 a minute, where it falls behind."""
RATES = {"b1": (250, 1000, 2000, 6000), "b2": (100, 500, 1500)}


@dataclass(frozen=True, slots=True)
class Row:
    """One load and what came of it; times in ms."""

    flow: str
    load: str
    executions: int
    p50: float
    p99: float
    published: str = ""

    def cells(self) -> list[str]:
        """The row of the table."""
        return [
            self.flow,
            self.load,
            f"{self.executions:,}",
            f"{self.p50:,.0f} ms",
            f"{self.p99:,.0f} ms",
            f"{self.published} s" if self.published else "",
        ]


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def rated(server: Server, flow: str, per_minute: int, seconds: float) -> list[float]:
    """Start executions at an even rate; ms from each request to the end of its execution."""
    sent: dict[str, float] = {}
    path = f"/api/v1/main/executions/webhook/{NAMESPACE}/{flow}/bench"
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits) as client:

        async def one() -> None:
            at = time.time()
            answer = await client.post(path, json={"n": 1})
            answer.raise_for_status()
            sent[answer.json()["id"]] = at

        began = time.perf_counter()
        count = max(1, round(per_minute / 60 * seconds))
        tasks: list[asyncio.Task[None]] = []
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number * 60 / per_minute - time.perf_counter()))
            tasks.append(asyncio.create_task(one()))
        await asyncio.gather(*tasks)
    ends = await asyncio.to_thread(_ends, server, flow, set(sent))
    return [(ends[identifier] - at) * 1000 for identifier, at in sent.items()]


def _ends(server: Server, flow: str, wanted: set[str]) -> dict[str, float]:
    found: dict[str, float] = {}

    def probe() -> bool:
        page = 1
        while len(found) < len(wanted):
            answer = server.call(
                "GET",
                f"/api/v1/main/executions/search?namespace={NAMESPACE}&flowId={flow}&size=500&page={page}"
                "&sort=state.startDate:desc",
            )
            rows = answer.json["results"]
            for row in rows:
                end = row["state"].get("endDate")
                if end and row["id"] in wanted:
                    found[row["id"]] = datetime.fromisoformat(end).timestamp()
            if len(rows) < 500:
                break
            page += 1
        return len(found) == len(wanted)

    eventually(probe, seconds=300, what=f"the end of {len(wanted)} executions of {flow}")
    return found


def loop(server: Server, count: int, runs: int = 3) -> float:
    """Median ms of a loop of this many values."""
    server.save_flow(b3(count))
    times: list[float] = []
    for _ in range(runs):
        began = time.time()
        identifier = server.execute(NAMESPACE, f"b3-{count}")["id"]

        def ended(identifier: str = identifier) -> str | None:
            document = json.loads(server.call("GET", f"/api/v1/main/executions/{identifier}?taskRuns=false").body)
            return document["state"].get("endDate")

        end = eventually(ended, seconds=600, what=f"a loop of {count}")
        times.append((datetime.fromisoformat(end).timestamp() - began) * 1000)
    return statistics.median(times)


def measure(server: Server, only: str, seconds: float) -> list[Row]:
    """All loads, one after the other."""
    rows: list[Row] = []
    for flow, source in (("b1", B1), ("b2", B2)):
        if only and only != flow.upper():
            continue
        server.save_flow(source)
        asyncio.run(rated(server, flow, 60, 3))
        for rate in RATES[flow]:
            times = asyncio.run(rated(server, flow, rate, seconds))
            published = PUBLISHED.get((flow, rate), "")
            rows.append(
                Row(
                    flow,
                    f"{rate:,} a minute",
                    len(times),
                    statistics.median(times),
                    _percentile(times, 0.99),
                    published,
                )
            )
            print(" | ".join(rows[-1].cells()), flush=True)
    if not only or only == "B3":
        for count in (100, 1_000, 10_000):
            took = loop(server, count)
            rows.append(Row("b3", f"loop of {count:,}", 1, took, took, PUBLISHED.get(("b3", count), "")))
            print(" | ".join(rows[-1].cells()), f"| {took / count * 1000:,.0f} µs a task", flush=True)
    if only in ("", "B4") and server.database_url.startswith("sqlite"):
        for size in (1_600, 16_000, 160_000):
            got = realtime.measure(server, server.home.parent, size, 1_000)
            load = f"{got.count:,} events of {size:,} bytes at once: {got.per_second:,.0f} a second"
            rows.append(Row("b4", load, got.count, got.p50, got.p99, BURST[size]))
            print(" | ".join(rows[-1].cells()), flush=True)
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    head = ["Flow", "Load", "Executions", "Latency p50", "p99", "Published by the reference"]
    lines = [head, ["---"] * len(head), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def page(database: str, rows: Sequence[Row]) -> None:
    """Replace this database's part of the page."""
    head = (
        "# Performance of the reference's benchmark flows\n\n"
        "Written by `python -m benchmarks.reference_flows`, once on each database. `b1` has two tasks, `b2` five `If` "
        "with a task each, `b3` a loop whose values run at once, `b4` a realtime trigger. "
        "Executions are started by webhooks at an even rate; "
        "latency is from the request to the end of the execution. The last column is what the reference publishes for "
        "its open edition 1.2.0, on 4 processors with PostgreSQL on a machine of its own.\n"
    )
    text = PAGE.read_text() if PAGE.exists() else head
    parts = text.split("\n## ")
    kept = [part for part in parts[1:] if not part.startswith(database)]
    about = f"{os.cpu_count()} processors, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    kept.append(f"{database}\n\n{about}, load at the end {os.getloadavg()[0]:.1f}.\n\n{table(rows)}\n")
    PAGE.write_text(head + "".join(f"\n## {part.rstrip()}\n" for part in sorted(kept, reverse=True)))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", choices=["", "B1", "B2", "B3", "B4"])
    parser.add_argument("--seconds", type=float, default=15, help="of each rate")
    parser.add_argument("--no-write", action="store_true")
    given = parser.parse_args()
    database = "PostgreSQL" if os.environ.get("FLOWDECK_TEST_DATABASE") == "postgres" else "SQLite"
    with tempfile.TemporaryDirectory(prefix="flowdeck-bench-") as folder:
        plugins = install(Path(folder) / "plugins")
        server = Server(Path(folder) / "home", environment={"FLOWDECK_CONSOLE_ENABLED": "false", **plugins})
        server.start()
        try:
            rows = measure(server, given.only, given.seconds)
        finally:
            server.stop()
    if not given.no_write and not given.only:
        page(database, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
