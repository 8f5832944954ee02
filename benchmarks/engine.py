"""The engine against the raw database, in one run on one disk (engine notes §3).

    python -m benchmarks.engine [--processes]

First the references: raw transitions per second (one event row and one guarded update each) alone and in batches.
Then the executor in this process with a worker that answers at once; with `--processes` also a real core and worker.
Ratios count, not the numbers: they belong to this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowdeck.commands import registry
from flowdeck.config.settings import Settings, load_settings
from flowdeck.engine.bus import CoreClient
from flowdeck.engine.executor import Executor
from flowdeck.engine.messages import Command, Done
from flowdeck.engine.plans import PlanStore, parser
from flowdeck.model.states import State
from flowdeck.sdk.index import load_catalog
from flowdeck.store.driver import Durability, create_schema, open_database

RETURN = "io.kestra.plugin.core.debug.Return"
SEQUENTIAL = "sequential"


def now() -> int:
    """Ms since the epoch."""
    return int(time.time() * 1000)


def raw(folder: Path, batch: int, full: bool, seconds: float = 1.0) -> float:
    """Raw transitions per second through the driver."""
    database = open_database(f"sqlite:///{folder / f'raw{batch}{full}.db'}", durability="full" if full else "normal")
    create_schema(database)
    writer = database.writer()
    with writer.transaction() as tx:
        tx.sql(
            "insert into task_run (seq, id, execution_seq, ord, task_key, task_id, parent_seq, iteration, state, "
            "fence, "
            "attempts, created, outputs_size, after_execution, version) "
            "values (1, 'x', 1, 0, 0, 'a', 0, -1, 1, 0, 0, 0, 0, 0, 0)"
        )
    done = 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        with writer.transaction() as tx:
            tx.many(
                "insert into event (execution_seq, task_run_seq, attempt, state, at) values (?, ?, ?, ?, ?)",
                [(1, 1, 1, 4, 0)] * batch,
            )
            tx.many(
                "update task_run set state = ?, version = version + 1 where seq = ? and state < 20", [(4, 1)] * batch
            )
        done += batch
    writer.close()
    database.close()
    return done / seconds


def sequential(count: int) -> dict[str, Any]:
    """A flow of tasks in order."""
    tasks = [{"id": f"t{i}", "type": RETURN, "format": "x"} for i in range(count)]
    return {"id": SEQUENTIAL, "namespace": "bench", "tasks": tasks}


def wide() -> dict[str, Any]:
    """A flow whose loop runs all values at once."""
    loop = {
        "id": "loop",
        "type": "io.kestra.plugin.core.flow.ForEach",
        "values": "{{ inputs.values }}",
        "concurrencyLimit": 0,
        "tasks": [{"id": "t", "type": RETURN, "format": "x"}],
    }
    return {"id": "wide", "namespace": "bench", "inputs": [{"id": "values", "type": "JSON"}], "tasks": [loop]}


class Immediate:
    """A worker that answers as soon as it is asked."""

    def __init__(self) -> None:
        self.jobs: list[tuple[int, int]] = []

    def dispatch(self, job: Any, *, process: bool) -> None:
        """Note the job."""
        self.jobs.append((job.seq, job.fence))

    def kill(self, seq: int, fence: int) -> None:
        """Nothing runs."""

    def ack(self, seq: int, fence: int) -> None:
        """Nothing is kept."""


def executor_only(
    folder: Path, flow: dict[str, Any], executions: int, inputs: dict[str, Any], durability: Durability
) -> tuple[int, float, float]:
    """Tasks, seconds and CPU seconds of one load in this process."""
    path = folder / f"{flow['id']}{time.monotonic_ns()}.db"
    database = open_database(f"sqlite:///{path}", durability=durability)
    create_schema(database)
    worker = Immediate()
    executor = Executor(database, PlanStore(database, parser(load_catalog())), worker)
    executor.recover()
    answers: list[Any] = []
    save = {"tenant": "main", "namespace": "bench", "source": json.dumps(flow)}
    executor.submit(Command(id=0, name="flow.save", args=save), answers.append)
    executor.step()
    for _ in range(executions):
        args = {"tenant": "main", "namespace": "bench", "flow_id": flow["id"], "inputs": inputs}
        executor.submit(Command(id=0, name="execution.create", args=args), answers.append)
    assert answers[0].error is None, answers[0].error
    tasks = 0
    started, cpu = time.perf_counter(), time.process_time()
    while True:
        jobs, worker.jobs = worker.jobs, []
        tasks += len(jobs)
        at = now()
        for seq, fence in jobs:
            executor.on_done(Done(seq, fence, State.SUCCESS, at, at, outputs={"value": "x"}), "w")
        if not executor.step():
            break
    out = tasks, time.perf_counter() - started, time.process_time() - cpu
    executor.writer.close()
    database.close()
    return out


def growth(folder: Path) -> float:
    """CPU per task with 10,000 values over that with 100."""
    per_task: list[float] = []
    for count in (100, 10_000):
        runs = [
            executor_only(folder, wide(), max(1, 1000 // count), {"values": list(range(count))}, "normal")
            for _ in range(3)
        ]
        per_task.append(statistics.median(cpu / tasks for tasks, _, cpu in runs))
    return per_task[1] / per_task[0]


async def with_processes(settings: Settings, report: Callable[[str], None]) -> None:
    """A real core, a real worker: tasks per second and the latency of a first task."""
    client = CoreClient(settings.home.socket("core"))
    for flow in (sequential(1000), wide(), sequential(1) | {"id": "one"}):
        await client.send("flow.save", {"tenant": "main", "namespace": "bench", "source": json.dumps(flow)}, timeout=30)
    database = open_database(settings.database_url)

    async def run(flow: str, inputs: dict[str, Any]) -> tuple[float, int]:
        began = time.perf_counter()
        answer = await client.send(
            "execution.create", {"tenant": "main", "namespace": "bench", "flow_id": flow, "inputs": inputs}
        )
        while True:
            with database.reader() as reader:
                row = reader.one("select state, seq from execution where id = ?", answer["id"])
            assert row is not None
            if row["state"] >= State.SUCCESS:
                return time.perf_counter() - began, row["seq"]
            await asyncio.sleep(0.002)

    await run("one", {})
    seconds, _ = await run(SEQUENTIAL, {})
    report(f"processes: 1 x 1,000 in order        {1000 / seconds:10,.0f} tasks/s")
    seconds, _ = await run("wide", {"values": list(range(1000))})
    report(f"processes: 1 x 1,000 at once         {1000 / seconds:10,.0f} tasks/s")
    waits: list[int] = []
    for _ in range(30):
        _, seq = await run("one", {})
        with database.reader() as reader:
            row = reader.one(
                "select e.created, t.started from execution e join task_run t on t.execution_seq = e.seq "
                "where e.seq = ?",
                seq,
            )
        assert row is not None
        waits.append(row["started"] - row["created"])
        await asyncio.sleep(0.02)
    report(f"processes: create -> first start     {statistics.median(waits):10.1f} ms p50, {max(waits)} ms max of 30")
    await client.close()
    database.close()


def processes(folder: Path, report: Callable[[str], None]) -> None:
    """Start core and worker, measure, stop them."""
    environment = {"FLOWDECK_HOME": str(folder / "home")}
    settings = load_settings(environment=environment)
    running: list[subprocess.Popen[bytes]] = []
    try:
        for module in ("core", "worker"):
            code = (
                f"import sys\nfrom flowdeck.config.settings import load_settings\nfrom flowdeck.main import {module}\n"
            )
            running.append(
                subprocess.Popen(
                    [sys.executable, "-c", code + f"sys.exit({module}.run(load_settings()))"],
                    env=os.environ | environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            time.sleep(2)
        asyncio.run(with_processes(settings, report))
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(10)


def main() -> None:
    """Command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--processes", action="store_true")
    given = arguments.parse_args()
    registry.load_commands()
    gc.set_threshold(50_000, 20, 100)  # as core does
    folder = Path(tempfile.mkdtemp(prefix="flowdeck-bench-"))
    try:
        c1, c1f, c100 = raw(folder, 1, False), raw(folder, 1, True), raw(folder, 100, False)
        print(f"raw transitions/s: alone {c1:,.0f}, alone flushed {c1f:,.0f}, by 100 {c100:,.0f}")
        loads: list[tuple[str, dict[str, Any], int, dict[str, Any], Durability, float, float]] = [
            ("1 x 1,000 in order, flushed", sequential(1000), 1, {}, "full", 1, c1f),
            ("1 x 1,000 in order, barrier", sequential(1000), 1, {}, "barrier", 1, c1),
            ("100 x 10 in order, transitions", sequential(10), 100, {}, "barrier", 3, c100),
            ("1 x 1,000 at once, transitions", wide(), 1, {"values": list(range(1000))}, "barrier", 3, c100),
            ("1 x 10,000 at once, transitions", wide(), 1, {"values": list(range(10_000))}, "barrier", 3, c100),
        ]
        for name, flow, executions, inputs, durability, factor, reference in loads:
            runs = [executor_only(folder, flow, executions, inputs, durability) for _ in range(3)]
            tasks, seconds, cpu = sorted(runs, key=lambda r: r[1])[1]
            rate = tasks * factor / seconds
            share, each = rate / reference, 1e6 * cpu / tasks / 3
            print(f"{name:34} {rate:12,.0f}/s  {share:6.3f} of raw  {each:6.1f} us CPU per transition")
        print(f"CPU per task, 10,000 : 100           {growth(folder):6.2f}")
        if given.processes:
            processes(folder, print)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
