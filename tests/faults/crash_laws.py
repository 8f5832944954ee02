"""What must hold in rows, side effects and log lines after the crash harness has let an instance calm down."""

from __future__ import annotations

import itertools
import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil

from flowdeck.model.states import State
from tests.faults.crash_flows import LINES, LOADS, PERIOD_MS

COUNTS = {
    "a task run without exactly one terminal event": (
        "select count(*) from task_run t where (select count(*) from event v where v.task_run_seq = t.seq "
        "and v.state >= 20 and coalesce(v.cause, '') <> 'late') <> 1"
    ),
    "an execution without exactly one terminal event": (
        "select count(*) from execution e where (select count(*) from event v where v.execution_seq = e.seq "
        "and v.task_run_seq = 0 and v.state >= 20) <> 1"
    ),
    "a task run whose state is not the last of its history": (
        "select count(*) from task_run t where t.state <> (select v.state from event v where v.task_run_seq = t.seq "
        "order by v.seq desc limit 1)"
    ),
    "an execution whose state is not the last of its history": (
        "select count(*) from execution e where e.state <> (select v.state from event v where v.execution_seq = e.seq "
        "and v.task_run_seq = 0 order by v.seq desc limit 1)"
    ),
    "a history that does not begin with CREATED": (
        "select count(*) from task_run t where (select v.state from event v where v.task_run_seq = t.seq "
        "order by v.seq limit 1) <> 1"
    ),
    "a history whose clock steps back": (
        "select count(*) from event a join event b on b.task_run_seq = a.task_run_seq and b.execution_seq = "
        "a.execution_seq and b.seq > a.seq where b.at < a.at and a.task_run_seq > 0"
    ),
    "a task run twice at one place": (
        "select count(*) from (select 1 from task_run group by execution_seq, task_key, parent_seq, iteration "
        "having count(*) > 1) as twice"
    ),
    "a slot that is held": "select count(*) from slot",
    "a waiting place": "select count(*) from waiting",
    "a timer": "select count(*) from timer",
    "an outbox row": "select count(*) from outbox",
    "an open attempt": "select count(*) from attempt where state < 20",
    "an open task run of an ended execution": (
        "select count(*) from task_run t join execution e on e.seq = t.execution_seq where t.state < 20 "
        "and e.state >= 20"
    ),
    "a wrong count of open task runs": "select count(*) from execution where open_count <> 0",
    "a wrong count of task runs": (
        "select count(*) from execution e where e.task_count <> (select count(*) from task_run t "
        "where t.execution_seq = e.seq)"
    ),
    "a wrong count of attempts": (
        "select count(*) from task_run t where t.attempts <> (select count(*) from attempt a "
        "where a.task_run_seq = t.seq)"
    ),
    "two attempts under one fence": (
        "select count(*) from (select 1 from attempt group by task_run_seq, fence having count(*) > 1) as twice"
    ),
    "a task that began before the one before it ended": (
        "select count(*) from task_run a join task_run b on b.execution_seq = a.execution_seq and b.ord > a.ord "
        "and b.parent_seq = 0 and a.parent_seq = 0 where b.created < a.ended"
    ),
    "a subflow that was started twice": (
        "select count(*) from (select 1 from execution where parent_task_run is not null group by parent_task_run "
        "having count(*) > 1) as twice"
    ),
}
WAL_LIMIT = 64 * 1024 * 1024
SAID = re.compile(r"^said (\d+) (\d+)$")


def open_read(path: Path) -> sqlite3.Connection:
    """A read-only connection."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)


def open_executions(database: Path) -> int:
    """How many executions have not ended, or still have timers."""
    connection = open_read(database)
    try:
        return connection.execute(
            "select (select count(*) from execution where state < 20) + (select count(*) from timer) "
            "+ (select count(*) from outbox)"
        ).fetchone()[0]
    finally:
        connection.close()


def most_slots(database: Path) -> int:
    """The most slots that one scope holds now."""
    connection = open_read(database)
    try:
        return connection.execute(
            "select coalesce(max(n), 0) from (select count(*) as n from slot group by scope)"
        ).fetchone()[0]
    finally:
        connection.close()


def violations(home: Path, accepted: set[str]) -> Iterator[str]:
    """Every law that is broken, with an example."""
    connection = _copy(home / "flowdeck.db")
    connection.row_factory = sqlite3.Row
    try:
        for what, sql in COUNTS.items():
            if number := connection.execute(sql).fetchone()[0]:
                yield f"{number} x {what}"
        stored = {row[0] for row in connection.execute("select id from execution")}
        if lost := accepted - stored:
            yield f"{len(lost)} accepted executions are lost, such as {min(lost)}"
        yield from _ends(connection)
        yield from _effects(connection, home / "effects")
        yield from _lines(connection, home)
        yield from _dates(connection)
        if (answer := connection.execute("pragma integrity_check").fetchone()[0]) != "ok":
            yield f"the database is damaged: {answer}"
    finally:
        connection.close()
    for path in [home / "flowdeck.db", *home.glob("logs/*.db")]:
        wal = path.with_name(f"{path.name}-wal")
        if wal.exists() and wal.stat().st_size > WAL_LIMIT:
            yield f"{wal.name} has {wal.stat().st_size:,} bytes"


def _copy(path: Path) -> sqlite3.Connection:
    """The database in memory with an index that the product does not need and the laws do."""
    source = open_read(path)
    copy = sqlite3.connect(":memory:")
    try:
        source.backup(copy)
    finally:
        source.close()
    copy.execute("create index event_of_task_run on event (task_run_seq, seq)")
    return copy


def _ends(connection: sqlite3.Connection) -> Iterator[str]:
    for flow, load in LOADS.items():
        rows = connection.execute(
            "select e.id, e.state, (select count(*) from task_run t where t.execution_seq = e.seq) as runs "
            "from execution e where flow_id = ?",
            (flow,),
        ).fetchall()
        wrong = [r for r in rows if r["state"] != load.state or r["runs"] != load.task_runs]
        if wrong:
            first = wrong[0]
            yield (
                f"{len(wrong)} of {len(rows)} executions of {flow} did not end {load.state.name} with "
                f"{load.task_runs} task runs, such as {first['id']}: {State(first['state']).name}, {first['runs']}"
            )


def _effects(connection: sqlite3.Connection, folder: Path) -> Iterator[str]:
    """Each side effect at least once; never twice under one fence, never under one that was not given out."""
    none: list[str] = []
    many: list[str] = []
    for row in connection.execute(
        "select e.id as execution, e.flow_id, t.id, t.task_id, t.fence from task_run t "
        "join execution e on e.seq = t.execution_seq"
    ):
        load = LOADS.get(row["flow_id"])
        if load is None or row["task_id"] not in load.effects:
            continue
        path = folder / f"{row['execution']}.{row['id']}"
        lines = path.read_text().splitlines() if path.exists() else []
        if not lines:
            none.append(row["id"])
        elif len(set(lines)) < len(lines) or any(int(fence) > row["fence"] for fence in lines):
            many.append(row["id"])
    if none:
        yield f"{len(none)} scripts that count as run never ran, such as task run {none[0]}"
    if many:
        yield f"{len(many)} task runs ran twice under one fence, such as {many[0]}"


def _dates(connection: sqlite3.Connection) -> Iterator[str]:
    """A schedule fires once for each of its dates."""
    dates = sorted(row[0] for row in connection.execute("select \"trigger\" from execution where flow_id = 'ticking'"))
    moments = sorted(
        round(datetime.fromisoformat(json.loads(text)["variables"]["date"]).timestamp() * 1000) for text in dates
    )
    if len(set(moments)) < len(moments):
        yield f"{len(moments) - len(set(moments))} dates of a schedule have fired twice"
    missed = sum((b - a) // PERIOD_MS - 1 for a, b in itertools.pairwise(sorted(set(moments))))
    if missed:
        yield f"{missed} dates of a schedule were missed"
    if len(moments) < 3:
        yield f"a schedule has fired {len(moments)} times"


def _lines(connection: sqlite3.Connection, home: Path) -> Iterator[str]:
    """Each line once; all lines of a run that ended well."""
    said: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for path in sorted(home.glob("logs/log-*.db")):
        logs = open_read(path)
        try:
            for task_run, message in logs.execute(
                "select s.task_run, l.message from log_line l join log_source s on s.source = l.source "
                "where l.message like 'said %'"
            ):
                if match := SAID.match(message):
                    said[task_run][match[1], match[2]] += 1
        finally:
            logs.close()
    twice = [run for run, counts in said.items() if any(n > 1 for n in counts.values())]
    if twice:
        yield f"lines of {len(twice)} task runs are stored twice, such as {twice[0]}"
    short: list[str] = []
    for row in connection.execute(
        "select t.id, t.task_id, e.flow_id from task_run t join execution e on e.seq = t.execution_seq "
        "where t.state in (20, 21)"
    ):
        load = LOADS.get(row["flow_id"])
        if load is None or row["task_id"] not in load.effects:
            continue
        processes = Counter(process for process, _ in said[row["id"]])
        if not any(number == LINES for number in processes.values()):
            short.append(row["id"])
    if short:
        yield f"{len(short)} task runs lack lines of the attempt that succeeded, such as {short[0]}"


def left_processes(home: Path) -> list[str]:
    """Processes that belong to an instance of this home."""
    found: list[str] = []
    mark = f"FLOWDECK_HOME={home}".encode()
    for process in psutil.process_iter(["pid", "cmdline"]):
        try:
            environment = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark in environment and process.status() != psutil.STATUS_ZOMBIE:
            found.append(f"{process.pid} {' '.join(process.info['cmdline'] or [])[:100]}")
    return found
