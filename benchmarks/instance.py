"""An instance that has been at work for a year, for benchmarks of lists, logs and screens (ui.md §18.5, quality §1).

    python -m benchmarks.instance FOLDER [--flows 10000] [--executions 1000000] [--lines 20000000]
    FLOWDECK_HOME=FOLDER flowdeck server standalone

Flows come through the API. History (executions with a task run each, their states and labels, log lines of the last
29 days) is written past the engine into the stopped instance's files; then the engine itself runs the giants: a loop
of 1,000 and one of 10,000 task runs, a script of 100,000 and one of 1 M log lines. A folder that is complete is left
as it is. Takes about ten minutes and 8 GB.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.server import SHELL
from flowdeck.model.ids import make_id, shard_of
from flowdeck.model.states import State
from flowdeck.store.driver import Database, open_database
from flowdeck.store.logs import Batch, LogAppender, LogFiles
from tests.support.server import Server, eventually

DAY = 86_400_000
YEAR = 365 * DAY
HOUR = 3_600_000
LOGGED = 29 * DAY
"""Log lines are kept for 30 days by default: what is older would be deleted at the start."""
CHUNK = 10_000
NAMESPACES = 120
GIANTS = "bench.giants"
DONE = "instance.json"
STATES = [State.SUCCESS] * 90 + [State.FAILED] * 5 + [State.WARNING] * 3 + [State.KILLED, State.CANCELLED]
LEVELS = [2] * 80 + [1] * 12 + [3] * 6 + [4] * 2
WORDS = ("orders", "customers", "invoices", "regions", "shipments", "prices", "returns", "payments")

EXECUTION = (
    "insert into execution (seq, id, tenant, namespace, flow_id, flow_key, flow_rev, state, created, started, ended,"
    " trigger_id, original_id, attempt_number, labels, inputs, error, open_count, task_count, version, shard)"
    " values (?, ?, 'main', ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, 0, 1, ?, ?)"
)
LABEL = "insert into execution_label (execution_seq, key, tenant, value) values (?, ?, 'main', ?)"
RUN = (
    "insert into task_run (seq, id, execution_seq, ord, task_key, task_id, parent_seq, iteration, state, fence,"
    " attempts, created, started, ended, outputs, outputs_size, after_execution, version)"
    " values (?, ?, ?, 0, 0, 'work', 0, -1, ?, 1, 1, ?, ?, ?, ?, 0, false, ?)"
)
ATTEMPT = "insert into attempt (task_run_seq, no, fence, state, started, ended) values (?, 1, 1, ?, ?, ?)"
EVENT = "insert into event (seq, execution_seq, task_run_seq, attempt, state, at) values (?, ?, ?, ?, ?, ?)"
ROLLUP = (
    "insert into rollup_hour (flow_key, hour, state, tenant, count, duration_ms) values (?, ?, ?, 'main', ?, ?)"
    " on conflict (flow_key, hour, state) do update set count = rollup_hour.count + excluded.count,"
    " duration_ms = rollup_hour.duration_ms + excluded.duration_ms"
)


def flow(number: int) -> str:
    """Source of one of the many flows; every third has a schedule."""
    word = WORDS[number % len(WORDS)]
    schedule = (
        "triggers:\n  - id: daily\n    type: io.kestra.plugin.core.trigger.Schedule\n"
        f'    cron: "{number % 60} {number % 24} * * *"\n    recoverMissedSchedules: NONE\n'
    )
    return (
        f"id: load_{word}_{number:05}\nnamespace: {namespace(number)}\n"
        f"description: Loads {word} of branch {number}.\n"
        f"labels:\n  team: team{number % 20}\n  tier: {('gold', 'silver', 'bronze')[number % 3]}\n"
        "inputs:\n  - {id: day, type: STRING, defaults: yesterday}\n"
        f'tasks:\n  - {{id: work, type: io.kestra.plugin.core.log.Log, message: "{word} of {{{{ inputs.day }}}}"}}\n'
        + (schedule if number % 3 == 0 else "")
    )


def namespace(number: int) -> str:
    """Where a flow lies: two levels below `company`."""
    return f"company.team{number % 20:02}.area{number % NAMESPACES:03}"


GIANT_FLOWS = [
    *(
        f"id: loop_{count}\nnamespace: {GIANTS}\ntasks:\n  - id: each\n    type: io.kestra.plugin.core.flow.ForEach\n"
        f'    concurrencyLimit: 0\n    values: "{{{{ range(1, {count}) }}}}"\n    tasks:\n'
        '      - {id: answer, type: io.kestra.plugin.core.debug.Return, format: "{{ taskrun.value }}"}\n'
        for count in (1_000, 10_000)
    ),
    *(
        f"id: lines_{count}\nnamespace: {GIANTS}\ntasks:\n  - {{id: talk, {SHELL}, commands:"
        f" ['seq -f \"line %.0f: nothing happened here\" {count}']}}\n"
        for count in (100_000, 1_000_000)
    ),
]


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server while the block runs."""
    try:
        yield server.start()
    finally:
        server.stop(seconds=60)


def save_flows(server: Server, count: int) -> None:
    """Create the flows, a few hundred a request."""
    sources = [flow(number) for number in range(count)] + GIANT_FLOWS
    for first in range(0, len(sources), 250):
        answer = server.call(
            "POST",
            "/api/v1/main/flows/bulk?delete=false",
            body="\n---\n".join(sources[first : first + 250]),
            content_type="application/x-yaml",
            seconds=120,
        )
        assert answer.status == 200, answer.text[:500]


def error(key: int) -> str:
    """What a failed execution of a flow says."""
    word = WORDS[key % len(WORDS)]
    told = f"{word} of branch {key}: the source did not answer within 30 s"
    return json.dumps({"taskId": "work", "message": told, "key": f"{key:016x}"})


def history(database: Database, count: int, now: int) -> list[tuple[int, str, int, str, str, str, int]]:
    """Write executions of the last year, oldest first.

    Returns:
        Of those young enough to have log lines: sequence, id, task run's sequence and id, namespace, flow, created.
    """
    rand = random.Random(7)
    writer = database.writer()
    with database.reader() as reader:
        keys = reader.all("select flow_key, namespace, id from flow where namespace like 'company.%' order by flow_key")
        event = (reader.value("select max(seq) from event") or 0) + 1
        seq = (reader.value("select max(seq) from execution") or 0) + 1
        run = (reader.value("select max(seq) from task_run") or 0) + 1
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    sums: dict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0, 0])
    logged: list[tuple[int, str, int, str, str, str, int]] = []
    inputs = json.dumps({"day": "yesterday"})
    statements = (EXECUTION, LABEL, RUN, ATTEMPT, EVENT)

    def flush() -> None:
        with writer.transaction() as tx:
            for statement in statements:
                tx.many(statement, rows[statement])
        rows.clear()

    for number in range(count):
        # A tenth of the flows does half of the work, as in life.
        key, space, name = keys[rand.randrange(len(keys) // 10 if number % 2 else len(keys))]
        created = now - YEAR + number * (YEAR // count)
        started = created + rand.randrange(2, 300)
        ended = min(now, started + int(rand.lognormvariate(8, 1.5)))
        state = int(rand.choice(STATES))
        identifier, task_run = make_id(created, rand.getrandbits(60)), make_id(created, rand.getrandbits(60))
        labels = [("system.correlationId", identifier), ("customer", f"customer{rand.randrange(5_000)}")]
        shown = json.dumps([{"key": k, "value": v} for k, v in labels])
        trigger = "daily" if key % 3 == 0 else None
        rows[EXECUTION].append(
            (
                *(seq, identifier, space, name, key, state, created, started, ended, trigger, identifier),
                *(shown, inputs, error(key) if state == State.FAILED else None, event + 5, shard_of(identifier)),
            )
        )
        rows[LABEL].extend((seq, k, v) for k, v in labels)
        rows[RUN].append((run, task_run, seq, state, started, started, ended, None, event + 4))
        rows[ATTEMPT].append((run, state, started, ended))
        steps = ((0, State.CREATED, created), (0, State.RUNNING, started), (run, State.CREATED, started))
        steps += ((run, State.RUNNING, started), (run, state, ended), (0, state, ended))
        rows[EVENT].extend(
            (event + i, seq, r, int(bool(r and s >= 4)), int(s), at) for i, (r, s, at) in enumerate(steps)
        )
        total = sums[key, ended // HOUR * HOUR, state]
        total[0] += 1
        total[1] += ended - started
        if created > now - LOGGED:
            logged.append((seq, identifier, run, task_run, space, name, created))
        seq, run, event = seq + 1, run + 1, event + 6
        if len(rows[EXECUTION]) >= CHUNK:
            flush()
    flush()
    with writer.transaction() as tx:
        tx.many(ROLLUP, [(key, hour, state, n, ms) for (key, hour, state), (n, ms) in sorted(sums.items())])
        tx.sql("analyze")
    writer.close()
    return logged


def write_lines(files: LogFiles, owners: list[tuple[int, str, int, str, str, str, int]], count: int) -> None:
    """Write log lines of these executions, evenly, into the files of their days."""
    rand = random.Random(11)
    appender = LogAppender(files)
    each = max(1, count // max(1, len(owners)))
    batches: list[Batch] = []
    day = 0
    for seq, identifier, run, task_run, space, name, created in owners:
        if batches and (len(batches) * each > 20_000 or created // DAY != day):
            appender.append(batches, batches[-1].lines[0][1])
            batches = []
        day = created // DAY
        lines = [
            (
                n + 1,
                created + n * 7,
                LEVELS[rand.randrange(100)],
                "main",
                f"row {n * 31 + seq} of {WORDS[(seq + n) % len(WORDS)]}: {rand.randrange(10_000)} changed",
            )
            for n in range(each)
        ]
        batches.append(Batch(seq, identifier, run, 1, "main", space, name, "work", task_run, lines))
    if batches:
        appender.append(batches, batches[-1].lines[0][1])
    appender.close()


def giants(server: Server) -> dict[str, str]:
    """Run the giants by the engine; execution ids by flow."""
    started = {
        name: server.execute(GIANTS, name)["id"]
        for name in ("loop_1000", "loop_10000", "lines_100000", "lines_1000000")
    }
    for identifier in started.values():
        eventually(
            lambda i=identifier: '"current":"SUCCESS"' in server.call("GET", f"/api/v1/main/executions/{i}").text,
            seconds=300,
            what=f"end of {identifier}",
        )
    return started


def build(folder: Path, flows: int, executions: int, lines: int) -> dict[str, Any]:
    """Make the instance unless it is there; what it holds, with the ids of the giants by flow."""
    done = folder / DONE
    if done.exists():
        return json.loads(done.read_text())
    began = time.perf_counter()

    def say(text: str) -> None:
        print(f"{time.perf_counter() - began:6.0f} s  {text}", flush=True)

    server = Server(folder)
    with running(server):
        save_flows(server, flows)
        say(f"{flows:,} flows")
    now = int(time.time() * 1000) - 60_000
    database = open_database(server.database_url, durability="normal")
    database.start_checkpoints()  # else the write-ahead log grows beyond the disk
    logged = history(database, executions, now)
    database.close()
    say(f"{executions:,} executions")
    files = LogFiles(folder / "logs")
    write_lines(files, logged, lines)
    files.close()
    say(f"{lines:,} log lines of {len(logged):,} executions")
    with running(server):
        ids = giants(server)
        say("giants")
    found = {"flows": flows, "executions": executions, "lines": lines, "giants": ids}
    done.write_text(json.dumps(found, indent=2))
    return found


def main() -> int:
    """Command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path, help="home of the instance")
    options.add_argument("--flows", type=int, default=10_000)
    options.add_argument("--executions", type=int, default=1_000_000)
    options.add_argument("--lines", type=int, default=20_000_000)
    chosen = options.parse_args()
    print(json.dumps(build(chosen.folder.resolve(), chosen.flows, chosen.executions, chosen.lines), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
