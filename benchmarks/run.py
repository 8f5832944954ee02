"""The benchmark: references, flowdeck and its peers in one run; a table on screen and docs/reference/performance.md.

    python -m benchmarks.run                  everything (`make bench`)
    python -m benchmarks.run --peers dbos     one peer only; `--peers none` leaves them out
    python -m benchmarks.run --no-write       print, write nothing
    python -m benchmarks.run --postgres       the part of the page about PostgreSQL, against SQLite in the same run

Machines differ and are noisy: quote ratios of one run, never an absolute figure.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import on_postgres, peers, references, server
from benchmarks.references import References
from benchmarks.table import Row, at_least, at_most, markdown
from flowdeck.commands import registry
from tests.support.server import Server

ROUNDS = 5
"""Pairs of a peer or reference and flowdeck, one right after the other."""
CONSOLE, POSTGRES = "\n## Console\n", "\n## On PostgreSQL\n"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "performance.md"


def product(folder: Path, ref: References, dbos: peers.Peer | None, say: Callable[[str], None]) -> list[Row]:
    """All workloads on the real server."""
    rows: list[Row] = []

    def done(row: Row) -> None:
        rows.append(row)
        say(str(row))

    fresh = Server(folder / "fresh")
    fresh.start(seconds=90)
    try:
        bench = server.Bench(fresh)
        server.time.sleep(5)
        busy, _ = bench.idle()
        done(at_most("idle: CPU of all processes, % of one core", busy, "%", 1))
        done(
            at_most(
                "idle: memory of all processes with the console", bench.proportional(), "MB", 400, "shared pages once"
            )
        )
    finally:
        fresh.stop()

    with server.running(folder / "home", FLOWDECK_CONSOLE_ENABLED="false") as bench:
        for flow in (
            "chain10",
            "chain1000",
            "fan1000",
            "scripts400",
        ):
            bench.timed(flow)

        def against(workload: str, what: str, flow: str, executions: int, factor: float) -> tuple[float, float]:
            """Pairs of the peer and us, one after the other; median rate, CPU of core and worker a task."""
            rates: list[float] = []
            spent: list[float] = []
            ratios: list[float] = []
            for _ in range(ROUNDS):
                other = dbos.once(workload) if dbos else 0.0
                wall, cpu = bench.timed(flow, executions)
                rates.append(1000 / wall)
                spent.append((cpu["core"] + cpu["worker"]) / 1000)
                if other:
                    ratios.append(rates[-1] / other)
            rate = statistics.median(rates)
            if dbos and ratios:
                ratio = statistics.median(ratios)
                done(at_least(what, rate, "tasks/s", "DBOS", dbos.rate(workload), ratio, factor))
            else:
                done(Row(what, f"{rate:,.0f} tasks/s"))
            return rate, statistics.median(spent)

        chain, cpu = against("chain", "1 execution of 1,000 tasks in order", "chain1000", 1, 3)
        done(Row("the same against raw commits", f"{chain / ref.c1:.3f} of C1", f"{chain / ref.c1f:.3f} of C1f"))
        done(Row("the same, CPU of core and worker a task", f"{cpu * 1e6:,.0f} µs"))
        _, cpu = against("many", "100 executions of 10 tasks in order, started over REST", "chain10", 100, 10)
        done(Row("the same, CPU of core and worker a task", f"{cpu * 1e6:,.0f} µs"))
        fan, cpu = against("fan", "1 execution of 1,000 tasks at once", "fan1000", 1, 30)
        done(Row("the same, transitions against raw batches", f"{3 * fan / ref.c100:.3f} of C100"))
        done(Row("the same, CPU of core and worker a task", f"{cpu * 1e6:,.0f} µs"))
        small = [bench.timed("loop100", 20)[1] for _ in range(3)]
        large = [bench.timed("loop10000")[1] for _ in range(3)]
        per_small = sorted((c["core"] + c["worker"]) / 2_000 for c in small)[1]
        per_large = sorted((c["core"] + c["worker"]) / 10_000 for c in large)[1]
        done(
            at_most(
                "CPU a task at 10,000 task runs : at 100",
                per_large / per_small,
                "×",
                1.25,
                f"{per_large * 1e6:.0f} : {per_small * 1e6:.0f} µs",
            )
        )
        first, worst = bench.first_start()
        done(at_most("creation → start of the first task, median", first, "ms", 10, f"worst of 40: {worst:.0f} ms"))
        gap, slow = bench.next_start("chain100")
        done(at_most("end of a task → start of the next, mean", gap, "ms", 3, f"99th percentile {slow:.0f} ms"))
        pairs = [(references.spawns(references.SCRIPT_ARGV), 400 / bench.timed("scripts400")[0]) for _ in range(ROUNDS)]
        spawned, ran = (statistics.median(values) for values in zip(*pairs, strict=True))
        ratio = statistics.median(ours / raw for raw, ours in pairs)
        done(at_least("shell scripts", ran, "tasks/s", "raw asyncio spawns", spawned, ratio, 0.65))
        lines = max(bench.log_rate(300_000) for _ in range(ROUNDS))
        done(Row("log lines of one script, stored", f"{lines:,.0f} lines/s", "", "≥ 50,000", lines >= 50_000))
        wait, late = bench.line_to_client()
        done(at_most("printed line → client of the stream, median", wait, "ms", 100, f"95th percentile {late:.0f} ms"))
    return rows


def page(ref: References, rows: list[Row], measured: list[peers.Peer], silent: list[str], load: float) -> str:
    """The reference page."""
    figures = [
        ["C1", "raw transitions, one a commit", f"{ref.c1:,.0f}/s"],
        ["C1f", "the same, each commit flushed to disk", f"{ref.c1f:,.0f}/s"],
        ["C100", "raw transitions, 100 a commit", f"{ref.c100:,.0f}/s"],
        ["L", "one flushed commit, median", f"{ref.flush_ms:.2f} ms"],
        ["P", "processes started by plain asyncio, 8 at once", f"{ref.spawns:,.0f}/s"],
        ["E", "echo between two processes, median", f"{ref.echo_ms:.3f} ms"],
    ]
    others = [
        [f"{peer.name} {peer.version}", *(f"{peer.rate(name):,.1f}" for name, _ in peers.WORKLOADS)]
        for peer in measured
    ]
    parts = [
        "# Performance",
        "",
        "Written by `make bench`. References, flowdeck and its peers are measured in one run on one machine; the "
        "ratios count, the absolute figures belong to that machine "
        f"({os.cpu_count()} processors, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}, "
        f"load at the start {load:.1f}).",
        "",
        "flowdeck runs as `flowdeck server standalone` on SQLite in its default durability (`barrier`: what was "
        "accepted and what has ended is flushed to disk; transitions between survive the kill of any process). "
        "Executions are started over REST; every task is `core.debug.Return`, handed to a worker process, with its log "
        "line and its metrics stored.",
        "",
        markdown([row.cells() for row in rows]),
        "",
        "## The machine",
        "",
        markdown(figures, ["", "Reference", "Value"]),
        "",
        "A transition is one event row and one guarded update; a task makes three.",
        "",
        "## Peers",
        "",
    ]
    if others:
        parts += [markdown(others, ["Steps a second", "chain", "many", "fan"]), ""]
        parts += [
            "`chain`: one execution of steps in order; `many`: executions of 10 steps in order, all started at once; "
            "`fan`: steps that may all run at once. Each peer runs with its embedded default storage.",
            "",
        ]
    parts += [*silent, ""] if silent else []
    parts += [
        "## How to read it",
        "",
        "`python -m benchmarks.engine` measures the executor without processes, `python benchmarks/expressions.py` the "
        "expressions, `make bench-ui` the console. `make crash` kills the processes under the same engine and checks "
        "the rows.",
    ]
    return "\n".join(parts).rstrip() + "\n"


def main() -> int:
    """Command line; status 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="dbos,prefect,dagster", help="comma-separated, or none")
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--postgres", action="store_true", help="flowdeck on a PostgreSQL server that flushes to disk")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    if given.postgres:
        given.peers = "none"
    registry.load_commands()
    folder = Path(tempfile.mkdtemp(prefix="flowdeck-bench-"))

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        say("references …")
        ref = references.measure(folder)
        say(str(ref.json()))
        wanted = [name for name in given.peers.split(",") if name and name != "none"]
        measured: list[peers.Peer] = []
        silent: list[str] = []
        for name in wanted:
            say(f"{name} …")
            peer = peers.Peer(name)
            try:
                for workload, _ in peers.WORKLOADS:
                    say(f"  {workload}: {peer.once(workload):,.1f} steps/s")
                measured.append(peer)
            except peers.NotMeasured as reason:
                say(f"  {reason}")
                silent.append(f"Not measured: {reason}")
        dbos = next((peer for peer in measured if peer.name == "dbos"), None)
        rows = on_postgres.rows(folder, ref, say) if given.postgres else product(folder, ref, dbos, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = postgres_part(rows, load) if given.postgres else page(ref, rows, measured, silent, load)
    print(text)
    if not given.no_write and given.postgres:
        before = PAGE.read_text().split(POSTGRES)[0].split(CONSOLE)[0]
        PAGE.write_text(before.rstrip() + "\n" + text.rstrip() + "\n" + _kept(CONSOLE))
    elif not given.no_write:
        PAGE.write_text(text.rstrip() + "\n" + _kept(POSTGRES, until=CONSOLE) + _kept(CONSOLE))
    return 1 if any(row.met is False for row in rows) else 0


def postgres_part(rows: list[Row], load: float) -> str:
    """The section about PostgreSQL."""
    told = (
        f"The same loads on PostgreSQL, on this machine too, flushing to disk; {os.cpu_count()} processors are shared "
        f"by database, flowdeck and the load. {datetime.now(UTC):%Y-%m-%d}, load at the start {load:.1f}. Compared "
        "with flowdeck on SQLite with `flowdeck.durability: full`, in turns within the same run."
    )
    return f"{POSTGRES}\n{told}\n\n{markdown([row.cells() for row in rows])}\n"


def _kept(section: str, until: str = "") -> str:
    """A section of the page as it is: other benchmarks write their own."""
    before = PAGE.read_text() if PAGE.is_file() else ""
    at = before.find(section)
    end = before.find(until, at) if until and at >= 0 else -1
    return before[at : end if end >= 0 else None] if at >= 0 else ""


if __name__ == "__main__":
    raise SystemExit(main())
