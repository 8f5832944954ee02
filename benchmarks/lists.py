"""Lists over a million executions, with every filter: how long the page and its total take.

    python -m benchmarks.lists                      1,000,000 rows on SQLite
    python -m benchmarks.lists --url postgresql://… on a PostgreSQL database that is empty

Rows are written past the engine, of 500 flows over a year; the queries are those of the API.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flowdeck.model.ids import make_id
from flowdeck.model.states import State
from flowdeck.store.driver import Database, create_schema, open_database
from flowdeck.store.queries import executions
from flowdeck.store.queries.where import Filter, Page

TENANT, SYSTEM = "main", "system"
YEAR = 365 * 86_400_000
CHUNK = 20_000
LIMIT_MS = 100
STATES = [State.SUCCESS] * 90 + [State.FAILED] * 5 + [State.WARNING] * 3 + [State.KILLED, State.CANCELLED]
EXECUTION = (
    "insert into execution (seq, id, tenant, namespace, flow_id, flow_key, flow_rev, state, created, started, ended,"
    " trigger_id, parent_execution, original_id, attempt_number, labels, inputs, open_count, task_count, version,"
    " shard) values (?, ?, 'main', ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, 0, 5, 1, 0)"
)
LABEL = "insert into execution_label (execution_seq, key, tenant, value) values (?, ?, 'main', ?)"


def rows(count: int, now: int, rand: random.Random) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """Executions with their labels, oldest first."""
    step = YEAR // count
    inputs = json.dumps({"day": "2026-01-31", "regions": ["emea", "apac"], "limit": 500})
    for seq in range(1, count + 1):
        flow = rand.randrange(500)
        created = now - YEAR + seq * step
        identifier = make_id(created, rand.getrandbits(60))
        team, customer = f"team{flow % 20}", f"customer{rand.randrange(5_000)}"
        labels = [{"key": "team", "value": team}, {"key": "customer", "value": customer}]
        ended = created + rand.randrange(100, 600_000)
        yield (
            (
                seq, identifier, f"company.n{flow % 50}", f"flow_{flow}", flow + 1, int(rand.choice(STATES)), created,
                created + 5, ended, "hourly" if flow % 3 else None, None, identifier, json.dumps(labels), inputs,
            ),
            [(seq, "team", team), (seq, "customer", customer)],
        )  # fmt: skip


def fill(database: Database, count: int, now: int) -> float:
    """Write the rows; seconds."""
    create_schema(database)
    began = time.perf_counter()
    writer = database.writer()
    held: list[tuple[Any, ...]] = []
    labels: list[tuple[Any, ...]] = []

    def flush() -> None:
        with writer.transaction() as tx:
            tx.many(EXECUTION, held)
            tx.many(LABEL, labels)
        held.clear()
        labels.clear()

    for row, pairs in rows(count, now, random.Random(7)):
        held.append(row)
        labels.extend(pairs)
        if len(held) >= CHUNK:
            flush()
    flush()
    with writer.transaction() as tx:
        tx.sql("analyze")
    writer.close()
    return time.perf_counter() - began


def cases(now: int, some_id: str) -> dict[str, tuple[list[Filter], Page]]:
    """What people ask lists for."""
    first = Page(1, 25)
    day = 86_400_000
    return {
        "nothing": ([], first),
        "page 40": ([], Page(40, 25)),
        "namespace": ([Filter("namespace", "EQUALS", "company.n7")], first),
        "namespace and below": ([Filter("namespace", "PREFIX", "company")], first),
        "flow": ([Filter("namespace", "EQUALS", "company.n7"), Filter("flowId", "EQUALS", "flow_57")], first),
        "flow contains": ([Filter("flowId", "CONTAINS", "_57")], first),
        "state FAILED": ([Filter("state", "EQUALS", "FAILED")], first),
        "state RUNNING (none)": ([Filter("state", "EQUALS", "RUNNING")], first),
        "state not SUCCESS": ([Filter("state", "NOT_EQUALS", "SUCCESS")], first),
        "label, 50,000 have it": ([Filter("labels", "EQUALS", {"team": "team3"})], first),
        "label, 200 have it": ([Filter("labels", "EQUALS", {"customer": "customer77"})], first),
        "label, nobody has it": ([Filter("labels", "EQUALS", {"customer": "nobody"})], first),
        "label contains": ([Filter("labels", "CONTAINS", {"customer": "99"})], first),
        "two labels": ([Filter("labels", "EQUALS", {"team": "team3", "customer": "customer77"})], first),
        "label is not": ([Filter("labels", "NOT_EQUALS", {"team": "team3"})], first),
        "last day": ([Filter("startDate", "GREATER_THAN", now - day)], first),
        "last month, FAILED": (
            [Filter("startDate", "GREATER_THAN", now - 30 * day), Filter("state", "EQUALS", "FAILED")], first,
        ),
        "a week a year ago": (
            [Filter("startDate", "LESS_THAN", now - 350 * day), Filter("startDate", "GREATER_THAN", now - 357 * day)],
            first,
        ),
        "ended before": ([Filter("endDate", "LESS_THAN", now - 300 * day)], first),
        "trigger": ([Filter("triggerId", "EQUALS", "hourly")], first),
        "trigger nobody has": ([Filter("triggerId", "EQUALS", "weekly")], first),
        "children": ([Filter("childFilter", "EQUALS", "CHILD")], first),
        "id": ([Filter("executionId", "EQUALS", some_id)], first),
        "id starts with": ([Filter("executionId", "STARTS_WITH", some_id[:8])], first),
        "text, many": ([Filter("q", "EQUALS", "flow_1")], first),
        "text, 200": ([Filter("q", "EQUALS", "customer77")], first),
        "text, none": ([Filter("q", "EQUALS", "nothing-like-it")], first),
        "by duration": ([], Page(1, 25, (("state.duration", True),))),
        "by end": ([], Page(1, 25, (("state.endDate", True),))),
        "by flow": ([], Page(1, 25, (("flowId", False),))),
        "by state": ([], Page(1, 25, (("state.current", False),))),
        "by namespace": ([], Page(1, 25, (("namespace", True),))),
    }  # fmt: skip


def measure(database: Database, now: int, runs: int) -> list[tuple[str, float, int, int]]:
    """Name, median ms, rows of the page and total of each case."""
    found: list[tuple[str, float, int, int]] = []
    with database.reader() as reader:
        some = reader.value("select id from execution where seq = 777")
        for name, (filters, page) in cases(now, some).items():
            times: list[float] = []
            got: tuple[Sequence[Any], int] = ((), 0)
            for _ in range(runs):
                began = time.perf_counter()
                got = executions.search(reader, TENANT, filters, page, SYSTEM, now=now)
                times.append((time.perf_counter() - began) * 1000)
                if times[-1] > 3_000:
                    break
            found.append((name, statistics.median(times), len(got[0]), got[1]))
            mark = "" if found[-1][1] <= LIMIT_MS else "  ← over the limit"
            print(f"{name:28} {found[-1][1]:9.1f} ms  {len(got[0]):3} rows of {got[1]:,}{mark}", flush=True)
    return found


def main() -> int:
    """Command line; the status is 1 when a median is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--url", default="")
    parser.add_argument("--keep", default="", help="a folder for the SQLite file; one that is there is used again")
    given = parser.parse_args()
    now = 1_800_000_000_000
    with tempfile.TemporaryDirectory(prefix="flowdeck-lists-") as folder:
        path = Path(given.keep or folder) / "flowdeck.db"
        there = not given.url and path.exists()
        database = open_database(given.url or f"sqlite:///{path}", durability="normal")
        if not there:
            print(f"{given.rows:,} executions written in {fill(database, given.rows, now):.0f} s", flush=True)
        found = measure(database, now, given.runs)
        database.close()
    return 1 if any(ms > LIMIT_MS for _, ms, _, _ in found) else 0


if __name__ == "__main__":
    sys.exit(main())
