"""The network between a worker and the engine breaks (quality.md §2.3 row 17): drop, reset, half-open.

The worker stops its tasks at the end of its lease by its own clock, before the engine gives them to somebody else; each
task run has one applied result (C3).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cable import Cable, CableMissing, lay
from tests.support.cluster import Cluster, Component
from tests.support.postgres import Postgres, PostgresMissing
from tests.support.server import eventually

pytestmark = [pytest.mark.fault, pytest.mark.timeout(150)]

LONG = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
LEASE = 3.0


class Parted:
    """Engine here, one worker behind the cable, perhaps one before it."""

    def __init__(self, folder: Path, url: str, cable: Cable) -> None:
        self.folder = folder
        self.cable = cable
        common = {
            "KESTRA_SERVER_LIVENESS_TIMEOUT": f"PT{LEASE:g}S",
            "KESTRA_SERVER_LIVENESS_INTERVAL": "PT0.5S",
            "KESTRA_SERVER_LIVENESS_INITIAL_DELAY": "PT0S",
            "KESTRA_SERVER_LIVENESS_HEARTBEAT_INTERVAL": "PT0.5S",
            "KESTRA_SERVER_WORKER_TASK_RESTART_STRATEGY": "IMMEDIATELY",
            "KESTRA_STORAGE_LOCAL_BASE_PATH": str(folder / "storage"),
            "KESTRA_STORAGE_LOCAL_SHARED": "true",
            "KESTRA_ENCRYPTION_SECRET_KEY": "I6EGNzRESu3X3pKZidrqCGOHQFUFC0yK",
            "FLOWDECK_CLUSTER_TOKEN": "the token of this cluster",
        }
        self.engine = Cluster(folder / "engine", url, {**common, "FLOWDECK_CLUSTER_LISTEN": cable.listen})
        self.afar = Cluster(
            folder / "afar",
            url,
            {
                **common,
                "FLOWDECK_CLUSTER_EXECUTORS": cable.connect,
                "KESTRA_REPOSITORY_TYPE": "sqlite",
                "KESTRA_QUEUE_TYPE": "sqlite",
                "DATASOURCES_POSTGRES_URL": "",
            },
        )
        self.afar.prefix = cable.prefix
        self.near: Component | None = None

    def start(self) -> None:
        self.afar.start("worker")
        self.engine.start_all("executor", "webserver")
        self._workers(1)

    def _workers(self, number: int) -> None:
        text = "select count(*) from service where kind = 'WORKER' and state = 'RUNNING'"
        try:
            self.engine.until(text, number, seconds=30)
        except AssertionError as error:
            raise AssertionError(f"{error}\nThe worker behind the cable:\n{self.afar.web.output()}") from error

    def helped(self) -> None:
        """There is a second worker, on the engine's side."""
        if self.near is None:
            self.near = self.engine.start("worker")
            self._workers(2)

    def alone(self) -> None:
        """Whatever comes now goes through the cable."""
        if self.near is not None:
            self.near.stop()
            self.near = None
            self._workers(1)

    def running(self, name: str) -> tuple[str, Path]:
        """An execution whose script runs behind the cable until the file `go` is there; its ledger."""
        ledger, go = self.folder / f"{name}.ledger", self.folder / f"{name}.go"
        script = (
            f"while [ ! -e {go} ]; do echo $$ $(date +%s.%N) >> {ledger}; sleep 0.05; done; "
            f"""echo end $$ >> {ledger}; echo '::{{"outputs":{{"pid":"'$$'"}}}}::'"""
        )
        self.engine.web.save_flow(f"""
id: {name}
namespace: parted
tasks:
  - id: work
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands:
      - {json.dumps(script)}
""")
        execution = self.engine.web.execute("parted", name)["id"]
        eventually(ledger.exists, seconds=30, what="the script's first line")
        eventually(lambda: self.run_of(execution).get("state", {}).get("current") == "RUNNING", what="its start")
        return execution, ledger

    def run_of(self, execution: str) -> Any:
        return (self.engine.web.execution(execution).get("taskRunList") or [{}])[0]

    def finished(self, execution: str, ledger: Path) -> tuple[Any, list[str]]:
        """Let the script end; the execution's task run and the scripts that came to their end."""
        ledger.with_suffix(".go").touch()
        done = self.engine.web.finished(execution, seconds=40)
        assert done["state"]["current"] == "SUCCESS", self.engine.web.logs(execution)
        (run,) = done["taskRunList"]
        ends = [line.split()[1] for line in ledger.read_text().splitlines() if line.startswith("end")]
        return run, ends

    def close(self) -> None:
        self.cable.heal()
        self.afar.close()
        self.engine.close()
        self.cable.close()


def beats(ledger: Path) -> dict[str, list[float]]:
    """Moments in which scripts lived, by process id, in order of their starts."""
    found: dict[str, list[float]] = {}
    for line in ledger.read_text().splitlines():
        pid, _, at = line.partition(" ")
        if pid != "end":
            found.setdefault(pid, []).append(float(at))
    return found


@pytest.fixture(scope="module", params=["namespace", "proxy"])
def parted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parted]:
    kind = request.param
    try:
        if kind == "proxy" and not LONG:
            try:
                lay("namespace").close()
                pytest.skip("the substitute: network namespaces are allowed here")
            except CableMissing:
                pass
        cable = lay(kind)
    except CableMissing as error:
        pytest.skip(str(error))
    try:
        server = Postgres().create()
    except PostgresMissing as error:
        cable.close()
        pytest.skip(str(error))
    made = Parted(tmp_path_factory.mktemp("parted"), server.start().database("parted"), cable)
    try:
        made.start()
        yield made
    finally:
        made.close()
        server.remove()


def test_a_reset_connection_costs_nothing(parted: Parted) -> None:
    """Connections break within the lease: the task goes on and its one result counts."""
    execution, ledger = parted.running("broken")
    for _ in range(3):
        parted.cable.reset()
        time.sleep(0.2)
    run, ends = parted.finished(execution, ledger)
    assert len(beats(ledger)) == 1 and len(run["attempts"]) == 1
    assert ends == [run["outputs"]["vars"]["pid"]]


def test_a_result_that_waits_for_the_network_is_applied_once(parted: Parted) -> None:
    """The task ends while nothing passes, shorter than the lease: the worker keeps its result until it is taken."""
    execution, ledger = parted.running("kept")
    parted.cable.drop()
    ledger.with_suffix(".go").touch()
    eventually(lambda: "end" in ledger.read_text(), what="the script's end")
    time.sleep(LEASE / 4)
    assert parted.run_of(execution)["state"]["current"] == "RUNNING"
    parted.cable.heal()
    run, ends = parted.finished(execution, ledger)
    assert len(run["attempts"]) == 1 and ends == [run["outputs"]["vars"]["pid"]]


@pytest.mark.parametrize(
    ("name", "up", "down"),
    [
        ("silent", True, True),
        pytest.param("mute", True, False, marks=pytest.mark.skipif(not LONG, reason="long: make test-all")),
        pytest.param("deaf", False, True, marks=pytest.mark.skipif(not LONG, reason="long: make test-all")),
    ],
)
def test_a_worker_that_is_cut_off_stops_its_tasks_first(parted: Parted, name: str, up: bool, down: bool) -> None:
    """Beyond the lease: the first script is dead before the second one starts; only the second one counts.

    `mute` and `deaf` are half-open: one direction still passes.
    """
    if name == "deaf" and not parted.cable.prefix:
        pytest.skip("a proxy acknowledges in the other end's place: what the worker sends arrives for ever")
    parted.cable.heal()
    parted.alone()
    execution, ledger = parted.running(name)
    parted.helped()
    began = time.time()
    parted.cable.drop(up=up, down=down)
    eventually(lambda: len(beats(ledger)) == 2, seconds=LEASE * 8, what="the second script")
    (_, first), (second, then) = beats(ledger).items()
    assert first[-1] < then[0], f"both ran for {first[-1] - then[0]:.2f} s"
    assert first[-1] < began + LEASE + 1.5
    parted.cable.heal()
    time.sleep(1)  # a late word of the first one would come now
    run, ends = parted.finished(execution, ledger)
    assert ends == [second] == [run["outputs"]["vars"]["pid"]]
    assert [one["state"]["current"] for one in run["attempts"]] == ["KILLED", "SUCCESS"]
    (first_pid, beaten), *_ = beats(ledger).items()
    assert first_pid != second and beaten == first
