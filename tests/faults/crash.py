"""The crash harness: the real server, real kills at random moments, and what must hold afterwards (engine notes §5).

    python -m tests.faults.crash --seconds 60 --seed 1

Mixed executions run on `flowdeck server standalone` while core, web, worker and supervisor are killed with SIGKILL
every 0.1 to 0.5 s, or stopped beyond the worker's lease and continued. Then the instance calms down, and rows, side
effects and log lines are held against the laws of `crash_laws`. Ends with status 1 and a list when a law is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.faults import crash_laws
from tests.faults.crash_flows import LOADS, NAMESPACE
from tests.faults.crash_follower import Follower
from tests.support.server import Server

LEASE = 2.0
CALM = 150.0
"""Seconds that an instance may take to end all executions after the last kill."""
VICTIMS = ("core", "web", "worker", "supervisor")
WEIGHTS = (5, 2, 5, 1)
LIMIT = 3
BACKLOG = 400
"""Open executions above which nothing is created: what lies in the queue when the kills end must drain within `CALM`."""
FOLLOWERS = 4
"""Executions that are followed at a time."""


class Harness:
    """One run over one home folder."""

    def __init__(self, folder: Path, seed: int, port: int) -> None:
        self.home = folder / "home"
        self.effects = self.home / "effects"
        self.effects.mkdir(parents=True)
        self.rand = random.Random(seed)
        self.server = Server(
            self.home,
            port=port,
            management_port=port + 1,
            environment={
                "KESTRA_SERVER_LIVENESS_TIMEOUT": f"PT{LEASE:g}S",
                "KESTRA_SERVER_LIVENESS_HEARTBEAT_INTERVAL": f"PT{LEASE / 4:g}S",
                "SIDE_EFFECTS": str(self.effects),
                "TMPDIR": str(folder),
                "FLOWDECK_CONSOLE_ENABLED": "false",
            },
        )
        self.accepted: set[str] = set()
        self.to_resume: set[str] = set()
        self.to_kill: set[str] = set()
        self.kills: dict[str, int] = dict.fromkeys(VICTIMS, 0)
        self.freezes = 0
        self.refused = 0
        self.ended = threading.Event()
        self.problems: list[str] = []
        self.most_slots = 0
        self.open = 0
        self.followers: list[Follower] = []
        self.forsaken = threading.Event()

    # ---- load ------------------------------------------------------------------------------------------------

    def _call(self, method: str, path: str) -> Any:
        """An answer of the server; None when nobody answered."""
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            return self.server.call(method, path, seconds=8)
        return None

    def create(self) -> None:
        """Start executions until told to end; those that were answered with 200 are accepted."""
        names = list(LOADS)
        weights = [load.weight for load in LOADS.values()]
        rand = random.Random(self.rand.random())
        while not self.ended.is_set():
            name = rand.choices(names, weights)[0]
            answer = self._call("POST", f"/api/v1/main/executions/{NAMESPACE}/{name}")
            if answer is None or answer.status in (502, 503):
                self.refused += 1
                self.ended.wait(0.1)
            elif answer.status == 200:
                identifier = answer.json["id"]
                self.accepted.add(identifier)
                if name == "parent" and sum(not f.ended for f in self.followers) < FOLLOWERS:
                    self.followers.append(Follower(self.server, identifier, self.forsaken))
                    self.followers[-1].start()
            else:
                self.problems.append(f"creating {name} answered {answer.status}: {answer.text[:200]}")
            self.ended.wait(rand.uniform(0.0, 0.08))
            while self.open > BACKLOG and not self.ended.wait(0.2):
                pass

    def act(self) -> bool:
        """Resume what pauses for ever, kill what sleeps for ever; whether there was something to do."""
        database = self.home / "flowdeck.db"
        connection = crash_laws.open_read(database)
        try:
            rows = connection.execute(
                "select id, flow_id, state from execution where flow_id in ('resumed', 'killed') and state < 20"
            ).fetchall()
        finally:
            connection.close()
        for identifier, flow, state in rows:
            if flow == "killed" and state == 4:
                self._call("DELETE", f"/api/v1/main/executions/{identifier}/kill")
            elif flow == "resumed" and state == 5:
                self._call("POST", f"/api/v1/main/executions/{identifier}/resume")
        return bool(rows)

    def intervene(self) -> None:
        """`act` again and again, beside the kills."""
        while not self.ended.wait(0.4):
            with contextlib.suppress(Exception):
                self.open = crash_laws.open_executions(self.home / "flowdeck.db")
                self.act()
                self.most_slots = max(self.most_slots, crash_laws.most_slots(self.home / "flowdeck.db"))

    # ---- faults ----------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Start the command again after its supervisor was killed; its ports are free within moments."""
        process = self.server.process
        assert process is not None
        process.wait()
        until = time.monotonic() + 20
        while True:
            with (self.home / "server.out").open("ab") as out:
                environment = {
                    **os.environ,
                    "FLOWDECK_HOME": str(self.home),
                    "FLOWDECK_PORT": str(self.server.port),
                    "FLOWDECK_MANAGEMENT_PORT": str(self.server.management_port),
                    **self.server.environment,
                }
                started = subprocess.Popen(
                    [sys.executable, "-m", "flowdeck", "server", "standalone"],
                    env=environment,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            self.server.process = started
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.wait(1.2)
                if time.monotonic() < until:
                    continue
                self.problems.append(f"the server does not start again:\n{self.server.output()}")
            return

    def hit(self) -> None:
        """Kill or freeze one process."""
        rand = self.rand
        name = rand.choices(VICTIMS, WEIGHTS)[0]
        process = self.server.process
        assert process is not None
        if name == "supervisor":
            self.kills[name] += 1
            process.kill()
            self.restart()
            return
        pids = self.server.pids(name)
        if not pids:
            return
        if rand.random() < 0.12:
            self.freezes += 1
            spell = rand.choice((0.3, LEASE + 1))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[0], signal.SIGSTOP)
                threading.Timer(spell, self._continue, (pids[0],)).start()
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids[0], signal.SIGKILL)
            self.kills[name] += 1

    @staticmethod
    def _continue(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def chaos(self, seconds: float) -> None:
        """Hit again and again, sometimes in bursts, sometimes once everything runs."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.rand.random() < 0.6:
                self._until_ready(min(until, time.monotonic() + 15))
                time.sleep(self.rand.uniform(0.0, 1.0))
            time.sleep(self.rand.uniform(0.1, 0.5))
            self.hit()

    def _until_ready(self, until: float) -> bool:
        while time.monotonic() < until:
            with contextlib.suppress(OSError, http.client.HTTPException):
                port = self.server.management_port
                if self.server.call("GET", "/health/readiness", port=port, auth=False, seconds=2).status == 200:
                    return True
            time.sleep(0.1)
        return False

    # ---- the run ---------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> list[str]:
        """Start, load, hit, calm down, judge."""
        try:
            self.server.start(seconds=60)
            for load in LOADS.values():
                self.server.save_flow(load.source)
            threads = [
                threading.Thread(target=work, daemon=True) for work in (self.create, self.create, self.intervene)
            ]
            for thread in threads:
                thread.start()
            self.chaos(seconds)
            self.ended.set()
            for thread in threads:
                thread.join(30)
            calm = self._calm()
            if not calm:
                self.problems.append(f"executions are still open after {CALM:g} s: {self._open()}")
            else:
                self.problems += self._agree()
                for follower in self.followers:
                    follower.join(30)
                    self.problems += follower.judge()
        finally:
            self.forsaken.set()
            self.server.stop(seconds=30)
        time.sleep(0.5)
        if left := crash_laws.left_processes(self.home):
            self.problems.append(f"{len(left)} processes outlived the server, such as {left[0]}")
        if self.most_slots > LIMIT:
            self.problems.append(f"{self.most_slots} executions held slots of a limit of {LIMIT}")
        return self.problems + list(crash_laws.violations(self.home, self.accepted))

    def _calm(self) -> bool:
        if not self._until_ready(time.monotonic() + 60):
            self.problems.append(f"not ready after the last kill:\n{self.server.output()}")
        self.server.save_flow(LOADS["ticking"].source.replace("disabled: false", "disabled: true"))
        until = time.monotonic() + CALM
        while time.monotonic() < until:
            with contextlib.suppress(Exception):
                self.act()
                if not crash_laws.open_executions(self.home / "flowdeck.db"):
                    return True
            time.sleep(0.3)
        return False

    def _open(self) -> str:
        connection = crash_laws.open_read(self.home / "flowdeck.db")
        try:
            rows = connection.execute(
                "select e.id, e.flow_id, e.state, (select group_concat(t.task_id || ' ' || t.state) from task_run t "
                "where t.execution_seq = e.seq and t.state < 20) from execution e where e.state < 20 limit 5"
            ).fetchall()
            extra = connection.execute("select kind, ref from timer limit 3").fetchall()
            return f"{rows}, timers {extra}"
        finally:
            connection.close()

    def _agree(self) -> list[str]:
        """The API says of some executions what the rows say."""
        connection = crash_laws.open_read(self.home / "flowdeck.db")
        try:
            rows = connection.execute(
                "select id, state, task_count from execution order by seq desc limit 40"
            ).fetchall()
        finally:
            connection.close()
        wrong: list[str] = []
        for identifier, state, count in rows:
            document = self.server.execution(identifier)
            shown = crash_laws.State[document["state"]["current"]]
            if shown != state or len(document.get("taskRunList") or []) != count:
                wrong.append(f"the API shows {identifier} otherwise than its rows")
        return wrong

    def story(self) -> str:
        """What happened, in one line."""
        hits = ", ".join(f"{number} {name}" for name, number in self.kills.items())
        return (
            f"{len(self.accepted)} executions accepted, {self.refused} refused; kills: {hits}; {self.freezes} stopped "
            f"and continued; at most {self.most_slots} slots held; {len(self.followers)} followers, "
            f"{sum(f.cuts for f in self.followers)} times cut off"
        )


def crash(seconds: float, seed: int, *, port: int = 19000, keep: bool = False) -> tuple[list[str], Harness]:
    """One run; answers what went wrong and the harness."""
    folder = Path(tempfile.mkdtemp(prefix="flowdeck-crash-"))
    harness = Harness(folder, seed, port)
    wrong = ["the harness itself failed"]
    try:
        wrong = harness.run(seconds)
        return wrong, harness
    finally:
        if keep and wrong:
            print(f"kept: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=19000, help="this one and the next are used")
    parser.add_argument("--keep", action="store_true", help="keep the home folder when a law is broken")
    given = parser.parse_args()
    wrong, harness = crash(given.seconds, given.seed, port=given.port, keep=given.keep)
    print(harness.story())
    print(f"{len(wrong)} laws broken")
    for line in wrong:
        print(f"BROKEN: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
