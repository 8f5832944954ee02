"""The crash harness: real processes, real kills at random moments, and what must hold afterwards (engine notes §5).

    python -m tests.faults.crash --seconds 60 --seed 1

One core and two workers run mixed executions (parallel, loop, retry, pause, subflow, concurrency limit) while one of
them at a time is killed with SIGKILL, or stopped and continued. Ends with status 1 and a list when a law is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flowdeck.config.settings import Settings, load_settings
from flowdeck.engine.bus import CoreClient
from flowdeck.model.errors import DomainError

PARALLEL = "\n".join(
    f"      - {{id: a{i}, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.0{i}S}}" for i in range(1, 8)
)
PARENT = f"""
id: parent
namespace: crash.test
tasks:
  - id: side
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
{PARALLEL}
  - id: loop
    type: io.kestra.plugin.core.flow.ForEach
    values: [1, 2, 3, 4, 5, 6]
    concurrencyLimit: 3
    tasks:
      - {{id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.02S}}
      - {{id: say, type: io.kestra.plugin.core.debug.Return, format: "{{{{ taskrun.value }}}}"}}
  - id: sub
    type: io.kestra.plugin.core.flow.Subflow
    namespace: crash.test
    flowId: child
  - id: pause
    type: io.kestra.plugin.core.flow.Pause
    pauseDuration: PT0.3S
  - id: script
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands: ["true"]
  - {{id: end, type: io.kestra.plugin.core.debug.Return, format: "{{{{ outputs.say['3'].value }}}}"}}
"""
CHILD = """
id: child
namespace: crash.test
concurrency: {limit: 3}
tasks:
  - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.05S}
  - id: broken
    type: io.kestra.plugin.core.execution.Fail
    allowFailure: true
    retry: {type: constant, interval: PT0.2S, maxAttempts: 2}
"""
TASK_RUNS = {"parent": 25, "child": 2}

COUNTS = {
    "a task run without exactly one terminal event": (
        "select count(*) from task_run t where (select count(*) from event v where v.task_run_seq = t.seq "
        "and v.state >= 20) <> 1"
    ),
    "an execution without exactly one terminal event": (
        "select count(*) from execution e where (select count(*) from event v where v.execution_seq = e.seq "
        "and v.task_run_seq = 0 and v.state >= 20) <> 1"
    ),
    "a state that is not the last of its history": (
        "select count(*) from task_run t where t.state <> (select v.state from event v where v.task_run_seq = t.seq "
        "order by v.seq desc limit 1)"
    ),
    "a slot": "select count(*) from slot",
    "a waiting place": "select count(*) from waiting",
    "a timer": "select count(*) from timer",
    "an open attempt": "select count(*) from attempt where state < 20",
    "an uncounted attempt": (
        "select count(*) from task_run t where t.attempts <> (select count(*) from attempt a "
        "where a.task_run_seq = t.seq)"
    ),
    "a task that began before the one before it ended": (
        "select count(*) from task_run a join task_run b on b.execution_seq = a.execution_seq and b.ord = a.ord + 1 "
        "and b.parent_seq = 0 and a.parent_seq = 0 where b.created < a.ended"
    ),
}


class Processes:
    """Core and workers of one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = (home.parent / "crash.log").open("wb")
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start `core` or a worker (any other name)."""
        module = "core" if name == "core" else "worker"
        code = (
            "import sys\nfrom flowdeck.config.settings import load_settings\n"
            f"from flowdeck.main import {module}\nsys.exit({module}.run(load_settings()))"
        )
        self.running[name] = subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"FLOWDECK_HOME": str(self.home)},
            stdout=self.log,
            stderr=self.log,
        )

    def kill(self, name: str) -> None:
        """SIGKILL, then a fresh process."""
        process = self.running[name]
        process.kill()
        process.wait()
        self.start(name)

    def freeze(self, name: str, seconds: float) -> None:
        """SIGSTOP for a while."""
        process = self.running[name]
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End all."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
        self.log.close()


async def load(settings: Settings, processes: Processes, seconds: float, rand: random.Random) -> tuple[list[str], int]:
    """Create executions and kill processes; answers accepted ids and the number of kills."""
    client = CoreClient(settings.home.socket("core"))
    for source in (PARENT, CHILD):
        await client.send("flow.save", {"tenant": "main", "namespace": "crash.test", "source": source}, timeout=30)
    until = time.monotonic() + seconds
    accepted: list[str] = []
    kills = 0

    async def create() -> None:
        while time.monotonic() < until:
            try:
                answer = await client.send(
                    "execution.create", {"tenant": "main", "namespace": "crash.test", "flow_id": "parent"}, timeout=20
                )
                accepted.append(answer["id"])
            except DomainError as error:
                print(f"not accepted: {error.message}")
            await asyncio.sleep(0.05)

    creating = asyncio.create_task(create())
    while time.monotonic() < until:
        await asyncio.sleep(rand.uniform(0.2, 1.5))
        name = rand.choice(list(processes.running))
        if rand.random() < 0.15:
            await asyncio.to_thread(processes.freeze, name, rand.uniform(0.1, 1.0))
        else:
            processes.kill(name)
            kills += 1
    await creating
    await client.close()
    return accepted, kills


def quiet(database: Path, seconds: float = 120) -> bool:
    """Wait until nothing is open."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            if not connection.execute("select count(*) from execution where state < 20").fetchone()[0]:
                return True
        time.sleep(0.3)
    return False


def violations(database: Path, accepted: list[str]) -> list[str]:
    """Laws that the rows break."""
    out: list[str] = []
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        for what, sql in COUNTS.items():
            number = connection.execute(sql).fetchone()[0]
            if number:
                out.append(f"{number} x {what}")
        stored = {row[0] for row in connection.execute("select id from execution where flow_id = 'parent'")}
        lost = [i for i in accepted if i not in stored]
        if lost:
            out.append(f"{len(lost)} accepted executions are lost")
        for flow, expected in TASK_RUNS.items():
            wrong = connection.execute(
                "select count(*) from execution e where flow_id = ? and (state <> 21 or "
                "(select count(*) from task_run t where t.execution_seq = e.seq) <> ?)",
                (flow, expected),
            ).fetchone()[0]
            if wrong:
                out.append(f"{wrong} executions of {flow} did not end as they should")
        if connection.execute("pragma integrity_check").fetchone()[0] != "ok":
            out.append("the database is damaged")
    return out


def crash(seconds: float, seed: int) -> list[str]:
    """One run; answers what went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="flowdeck-crash-"))
    settings = load_settings(environment={"FLOWDECK_HOME": str(folder / "home")})
    processes = Processes(folder / "home")
    try:
        processes.start("core")
        time.sleep(1.5)
        processes.start("first worker")
        processes.start("second worker")
        accepted, kills = asyncio.run(load(settings, processes, seconds, random.Random(seed)))
        database = settings.home.database
        calm = quiet(database)
        wrong = violations(database, accepted)
        if not calm:
            wrong.insert(0, "executions are still open after two minutes")
        print(f"{len(accepted)} executions accepted, {kills} kills, {len(wrong)} laws broken")
        return wrong
    finally:
        processes.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    wrong = crash(given.seconds, given.seed)
    for line in wrong:
        print(f"BROKEN: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
