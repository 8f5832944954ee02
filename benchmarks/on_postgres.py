"""The loads of the benchmark on PostgreSQL, against SQLite that flushes each commit, in one run (engine notes §3)."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import server
from benchmarks.references import References
from benchmarks.table import Row, at_least, at_most
from flowdeck.store.driver import open_database
from tests.support.server import Server

ROUNDS = 5
"""Pairs of SQLite and PostgreSQL, one right after the other."""
SETTINGS = {"FLOWDECK_TEST_DATABASE": "postgres", "FLOWDECK_TEST_POSTGRES_FLUSH": "true"}
RATIO = 0.3
"""Of the rate of SQLite that flushes each commit: the target of the engine notes."""
LOADS = (
    ("1 execution of 1,000 tasks in order", "chain1000", 1, 1000),
    ("100 executions of 10 tasks in order, started over REST", "chain10", 100, 1000),
    ("1 execution of 1,000 tasks at once", "fan1000", 1, 1000),
    ("400 shell scripts", "scripts400", 1, 400),
)


@contextmanager
def _postgres() -> Iterator[None]:
    """Servers that are started within use PostgreSQL, which flushes to disk."""
    before = {name: os.environ.get(name) for name in SETTINGS}
    os.environ |= SETTINGS
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def flush_ms(url: str, rounds: int = 200) -> float:
    """Median ms of a commit that is flushed to disk, on a connection of its own."""
    writer = open_database(url, durability="full").writer()
    try:
        with writer.transaction() as tx:
            tx.sql("create table if not exists bench_flush (n bigint)")
        times: list[float] = []
        for n in range(rounds):
            began = time.perf_counter()
            with writer.transaction() as tx:
                tx.sql("insert into bench_flush values (?)", n)
            times.append(time.perf_counter() - began)
        with writer.transaction() as tx:
            tx.sql("drop table bench_flush")
    finally:
        writer.close()
    return statistics.median(times) * 1000


def rows(folder: Path, ref: References, say: Callable[[str], None]) -> list[Row]:
    """Everything that is measured on PostgreSQL."""
    found: list[Row] = []

    def done(row: Row) -> None:
        found.append(row)
        say(str(row))

    with _postgres():
        fresh = Server(folder / "fresh")
        fresh.start(seconds=90)
        try:
            bench = server.Bench(fresh)
            time.sleep(5)
            busy, _ = bench.idle()
            done(at_most("idle: CPU of all processes, % of one core", busy, "%", 1))
            done(
                at_most(
                    "idle: memory of all processes with the console",
                    bench.proportional(),
                    "MB",
                    400,
                    "shared pages once, without the database",
                )
            )
        finally:
            fresh.stop()
    quiet = {"FLOWDECK_CONSOLE_ENABLED": "false"}
    with (
        server.running(folder / "full", **quiet, FLOWDECK_DURABILITY="full") as sqlite,
        _postgres(),
        server.running(folder / "home", **quiet) as bench,
    ):
        for _, flow, executions, _ in LOADS:
            for one in (sqlite, bench):
                one.timed(flow, executions)
        for what, flow, executions, tasks in LOADS:
            pairs = [(tasks / sqlite.timed(flow, executions)[0], bench.timed(flow, executions)) for _ in range(ROUNDS)]
            full, rate = statistics.median(p[0] for p in pairs), statistics.median(tasks / p[1][0] for p in pairs)
            ratio = statistics.median(tasks / ours[0] / other for other, ours in pairs)
            done(at_least(what, rate, "tasks/s", "SQLite, each commit flushed", full, ratio, RATIO))
            spent = statistics.median(p[1][1]["core"] + p[1][1]["worker"] for p in pairs) / tasks
            done(Row("the same, CPU of core and worker a task", f"{spent * 1e6:,.0f} µs"))
        small = [bench.timed("loop100", 20)[1] for _ in range(3)]
        large = [bench.timed("loop10000") for _ in range(3)]
        per_small = sorted((c["core"] + c["worker"]) / 2_000 for c in small)[1]
        per_large = sorted((c["core"] + c["worker"]) / 10_000 for _, c in large)[1]
        told = f"{per_large * 1e6:.0f} : {per_small * 1e6:.0f} µs"
        done(at_most("CPU a task at 10,000 task runs : at 100", per_large / per_small, "×", 1.25, told))
        done(at_most("1 loop of 10,000 task runs, whole", statistics.median(w for w, _ in large), "s", 5))
        first, worst = bench.first_start()
        done(at_most("creation → start of the first task, median", first, "ms", 5))
        done(at_most("the same, worst of 40", worst, "ms", 25))
        gap, slow = bench.next_start("chain100")
        flush = flush_ms(bench.server.database_url)
        limit = 2 * flush + 12 * ref.echo_ms + 1
        told = f"99th percentile {slow:.0f} ms; target 2 flushed commits ({flush:.2f} ms) + 12 echoes + 1 ms"
        done(at_most("end of a task → start of the next, mean", gap, "ms", limit, told))
        lines = max(bench.log_rate(300_000) for _ in range(ROUNDS))
        done(Row("log lines of one script, stored", f"{lines:,.0f} lines/s", "", "≥ 50,000", lines >= 50_000))
        wait, late = bench.line_to_client()
        done(at_most("printed line → client of the stream, median", wait, "ms", 100, f"95th percentile {late:.0f} ms"))
    return found
