"""Purging while flows run: only what has ended goes, and it goes whole (core plugins §3, engine notes §2.12)."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from tests.conformance.conftest import flow_text
from tests.support.server import Server, eventually

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(os.environ.get("FLOWDECK_TEST_DATABASE")), reason="reads the SQLite file"),
]
CHILDREN = ("task_run", "event", "execution_label", "slot", "waiting", "metric")
BUSY = """
    concurrency: {limit: 5, behavior: QUEUE}
    tasks:
      - {id: w, type: @storage.Write, content: "{{ execution.id }}"}
      - {id: s, type: @flow.Subflow, namespace: busy.child, flowId: child, wait: true, transmitFailed: true}
      - {id: m, type: @metric.Publish, metrics: [{type: counter, name: n, value: 1}]}
      - {id: r, type: @debug.Return, format: "{{ outputs.s.outputs.text }}"}
    afterExecution:
      - {id: last, type: @log.Log, message: "after {{ execution.state }}"}
    """
CHILD = """
    tasks:
      - {id: a, type: @debug.Return, format: child}
      - {id: b, type: @flow.Sleep, duration: PT0.05S}
    outputs: [{id: text, type: STRING, value: "{{ outputs.a.value }}"}]
    """
PURGE = """
    tasks:
      - id: all
        type: @execution.PurgeExecutions
        namespace: busy
        endDate: "{{ now() | dateAdd(1, 'HOURS') }}"
        batchSize: 7
    """


def test_purges_among_running_executions(tmp_path: Path) -> None:
    """Nothing that runs is touched, nothing of what went is left; two purges at once share the work."""
    server = Server(tmp_path / "home")
    try:
        server.start(seconds=60)
        server.save_flow(flow_text("child", CHILD, "busy.child"))
        server.save_flow(flow_text("parent", BUSY, "busy.parent"))
        purges = [server.save_flow(flow_text(f"purge{n}", PURGE, "purging"))["id"] for n in (1, 2)]
        running = threading.Event()
        failed: list[str] = []
        counts = [0, 0]

        def keep_purging(which: int) -> None:
            while not running.is_set():
                done = server.finished(server.execute("purging", purges[which])["id"], seconds=60)
                if done["state"]["current"] != "SUCCESS":
                    failed.append(str(server.logs(done["id"])))
                    return
                run = next(r for r in done["taskRunList"] if r["taskId"] == "all")
                counts[which] += run["outputs"]["executionsCount"]

        threads = [threading.Thread(target=keep_purging, args=(n,)) for n in (0, 1)]
        for thread in threads:
            thread.start()
        try:
            started = [server.execute("busy.parent", "parent")["id"] for _ in range(40)]

            def left() -> bool:
                bad = "/api/v1/main/executions/search?filters[namespace][PREFIX]=busy&filters[state][IN]=FAILED,WARNING,KILLED"
                answer = server.call("GET", bad)
                failed.extend(str(one) for one in answer.json["results"])
                answer = server.call("GET", "/api/v1/main/executions/search?filters[namespace][PREFIX]=busy")
                return bool(failed) or answer.json["total"] == 0

            eventually(left, seconds=80, what="all executions to end and go")
        finally:
            running.set()
            for thread in threads:
                thread.join(60)
        assert not failed, failed[:3]
        assert sum(counts) == 2 * len(started)
        storage = server.home / "storage"
        # Folders go while they are looked through: `os.walk` does not mind.
        eventually(
            lambda: not any(files and "/busy" in folder for folder, _, files in os.walk(storage)), what="files to go"
        )
    finally:
        server.stop()
    (file,) = (tmp_path / "home").rglob("flowdeck.db")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        for table in CHILDREN:
            orphans = database.execute(
                f"select count(*) from {table} c where not exists (select 1 from execution e where e.seq = c.execution_seq)"
            ).fetchone()[0]
            assert orphans == 0, table
        lost = "select count(*) from attempt a where not exists (select 1 from task_run t where t.seq = a.task_run_seq)"
        assert database.execute(lost).fetchone()[0] == 0
        assert database.execute("select count(*) from slot").fetchone()[0] == 0
