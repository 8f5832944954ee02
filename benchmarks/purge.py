"""Purging executions: how many go in a second, what a batch takes of a step, whether the last is as quick as the first.

    python -m benchmarks.purge                          1,000,000 executions on SQLite
    python -m benchmarks.purge --executions 50000       fewer
    python -m benchmarks.purge --url postgresql://…     an empty PostgreSQL database

Each execution has 2 task runs with an attempt, 8 events, a label and a metric: 15 rows.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from flowdeck.commands.registry import carry_out, load_commands, result_or_raise
from flowdeck.model.pacing import LAG, Pace
from flowdeck.store.driver import Database, create_schema, open_database
from flowdeck.store.queries import retention

ROWS = 15
"""Rows of one execution in all tables."""
CHUNK = 5_000
NOW = 1_790_000_000_000
EXECUTION = (
    "insert into execution (seq, id, tenant, namespace, flow_id, flow_key, flow_rev, state, created, started, ended,"
    " original_id, attempt_number, labels, open_count, task_count, version, shard)"
    " values (?, ?, 'main', ?, ?, ?, 1, 20, ?, ?, ?, ?, 1, '[]', 0, 2, 0, 0)"
)
RUN = (
    "insert into task_run (seq, id, execution_seq, ord, task_key, task_id, parent_seq, iteration, state, fence,"
    " attempts, created, outputs_size, after_execution, version)"
    " values (?, ?, ?, ?, ?, ?, 0, -1, 20, 1, 1, ?, 0, ?, 0)"
)


def fill(database: Database, executions: int) -> None:
    """Executions of 200 flows, a minute apart in random order of flows."""
    writer = database.writer()
    pick = random.Random(1)
    try:
        for start in range(1, executions + 1, CHUNK):
            numbers = range(start, min(start + CHUNK, executions + 1))
            flows = [pick.randrange(200) for _ in numbers]
            with writer.transaction(NOW) as tx:
                tx.many(
                    EXECUTION,
                    [
                        (n, f"E{n}", f"team.n{f % 20}", f"flow{f}", f + 1, n * 60, n * 60, n * 60 + 50, f"E{n}")
                        for n, f in zip(numbers, flows, strict=True)
                    ],
                )
                runs = [(2 * n + i, n, i) for n in numbers for i in (0, 1)]
                tx.many(RUN, [(seq, f"T{seq}", n, i, i, f"t{i}", n * 60, False) for seq, n, i in runs])
                tx.many(
                    "insert into attempt (task_run_seq, no, fence, state) values (?, 1, 1, 20)",
                    [(seq,) for seq, _, _ in runs],
                )
                tx.many(
                    "insert into event (execution_seq, task_run_seq, attempt, state, at) values (?, ?, 0, 20, ?)",
                    [(n, 0, n * 60) for n in numbers for _ in range(2)] + [(n, s, n * 60) for s, n, _ in runs] * 3,
                )
                tx.many(
                    "insert into execution_label (execution_seq, key, tenant, value) values (?, 'team', 'main', ?)",
                    [(n, f"v{n % 50}") for n in numbers],
                )
                tx.many(
                    "insert into metric (execution_seq, task_run_seq, flow_key, task_id, name, kind, value, at)"
                    " values (?, 0, 1, 't0', 'rows', 'counter', 1.0, ?)",
                    [(n, n * 60) for n in numbers],
                )
    finally:
        writer.close()


def purge(database: Database) -> Iterator[tuple[int, float, float]]:
    """Purge all; after each batch: executions that went, seconds of the search and of the transaction."""
    writer = database.writer()
    pace, cursor = Pace(500), None
    try:
        while True:
            began = time.perf_counter()
            with database.reader() as reader:
                rows, cursor = retention.candidates(reader, "main", limit=pace.size, before=NOW, cursor=cursor)
            found = time.perf_counter()
            if rows:
                with writer.transaction(NOW) as tx:
                    args = {"seqs": [row["seq"] for row in rows]}
                    gone = result_or_raise(carry_out(tx, "purge.executions", args))["executions"]
                done = time.perf_counter()
                yield gone, found - began, done - found
                time.sleep(pace.after(done - found))
            if cursor is None:
                return
    finally:
        writer.close()


def measure(database: Database, executions: int) -> list[str]:
    """Lines of the table."""
    began = time.perf_counter()
    fill(database, executions)
    filled = time.perf_counter() - began
    began = time.perf_counter()
    batches = list(purge(database))
    took = time.perf_counter() - began
    tenth = max(1, len(batches) // 10)
    steps = sorted(step for _, _, step in batches)

    def rate(some: Sequence[tuple[int, float, float]]) -> float:
        return sum(n for n, _, _ in some) * ROWS / sum(a + b for _, a, b in some)

    total = sum(n for n, _, _ in batches)
    return [
        f"executions            {total:>12,} of {executions:,} (filled in {filled:.0f} s)",
        f"rows a second         {total * ROWS / took:>12,.0f} with pauses, {rate(batches):,.0f} without",
        f"executions a second   {total / took:>12,.0f} with pauses",
        f"first and last tenth  {rate(batches[:tenth]):>12,.0f} and {rate(batches[-tenth:]):,.0f} rows a second",
        f"a batch               {statistics.median(steps) * 1000:>12.1f} ms p50, "
        f"{steps[int(len(steps) * 0.99)] * 1000:.1f} ms p99 (pauses begin at {LAG * 1000:.0f} ms)",
    ]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.purge", description=__doc__)
    options.add_argument("--executions", type=int, default=1_000_000)
    options.add_argument("--url", help="of an empty database; default: a SQLite file that is deleted afterwards")
    chosen = options.parse_args()
    load_commands()
    folder = Path(tempfile.mkdtemp(prefix="flowdeck-purge-"))
    try:
        database = open_database(chosen.url or f"sqlite:///{folder}/flowdeck.db")
        create_schema(database)
        database.start_checkpoints()
        print("\n".join(measure(database, chosen.executions)))
        database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
