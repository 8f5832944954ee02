"""Components that stop, fall silent and come back (spec: enterprise and operations F53; quality §2.3, faults 7, 9, 10)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.store.driver import open_database
from tests.integration.test_components import certificate
from tests.support.server import Server, eventually

pytestmark = pytest.mark.fault

LEASE = 2.0
ENDED = {"DISCONNECTED", "NOT_RUNNING", "INACTIVE", "TERMINATED_GRACEFULLY", "TERMINATED_FORCED"}
LONG = pytest.mark.skipif(os.environ.get("FLOWDECK_TEST_LEVEL") != "all", reason="long: make test-all")
RUNNER = "taskRunner: {type: io.kestra.plugin.core.runner.Process}"


def started(home: Path, strategy: str, *, grace: str = "PT60S") -> Server:
    """A server with short leases."""
    return Server(
        home,
        environment={
            "FLOWDECK_CONSOLE_ENABLED": "false",
            "KESTRA_SERVER_LIVENESS_TIMEOUT": f"PT{LEASE:g}S",
            "KESTRA_SERVER_LIVENESS_INTERVAL": "PT0.5S",
            "KESTRA_SERVER_LIVENESS_INITIAL_DELAY": "PT0S",
            "KESTRA_SERVER_LIVENESS_HEARTBEAT_INTERVAL": "PT0.5S",
            "KESTRA_SERVER_TERMINATION_GRACE_PERIOD": grace,
            "KESTRA_SERVER_WORKER_TASK_RESTART_STRATEGY": strategy,
        },
    ).start()


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process does not run within this block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that sends attempts again at the end of a lease."""
    server = started(tmp_path_factory.mktemp("home"), "IMMEDIATELY")
    yield server
    server.stop()


def flow(name: str, ledger: Path, commands: str) -> str:
    return f"""
id: {name}
namespace: liveness
tasks:
  - id: work
    type: io.kestra.plugin.scripts.shell.Commands
    {RUNNER}
    commands:
      - echo "$$ start" >> {ledger}
      - {commands}
"""


def lines(ledger: Path) -> list[str]:
    return ledger.read_text().split("\n")[:-1] if ledger.exists() else []


def run_of(server: Server, execution: str) -> Any:
    return (server.execution(execution).get("taskRunList") or [{}])[0]


def running(server: Server, name: str, ledger: Path) -> str:
    """An execution whose script has begun."""
    execution = server.execute("liveness", name)["id"]
    eventually(lambda: lines(ledger), seconds=30, what="the script's first line")
    eventually(lambda: run_of(server, execution)["state"]["current"] == "RUNNING", what="a report of the start")
    return execution


def services(server: Server, kind: str) -> list[Any]:
    return [one for one in server.call("GET", "/api/v1/main/console/services").json if one["kind"] == kind]


def test_nothing_new_starts_in_maintenance(impatient: Server) -> None:
    """F46: what is accepted meanwhile stays CREATED and starts at the end; all services say so."""
    server = impatient
    server.save_flow(
        "id: new\nnamespace: liveness\ntasks: [{id: a, type: io.kestra.plugin.core.debug.Return, format: x}]"
    )

    def states() -> set[str]:
        return {one["state"] for one in server.call("GET", "/api/v1/main/console/services").json} - ENDED

    assert server.call("POST", "/api/v1/instance/maintenance/enter", auth=False).status == 401
    assert server.call("POST", "/api/v1/instance/maintenance/enter").json == {"inMaintenance": True}
    eventually(lambda: states() == {"MAINTENANCE"}, seconds=10, what="services in maintenance")
    assert server.call("GET", "/api/v1/configs").json["inMaintenance"] is True
    waiting = server.execute("liveness", "new")["id"]
    time.sleep(1)
    assert server.execution(waiting)["state"]["current"] == "CREATED"
    assert server.call("POST", "/api/v1/instance/maintenance/exit").json == {"inMaintenance": False}
    assert server.finished(waiting, seconds=20)["state"]["current"] == "SUCCESS"
    eventually(lambda: states() == {"RUNNING"}, seconds=10, what="services that run")


def test_a_late_result_is_fenced(impatient: Server, tmp_path: Path) -> None:
    """Fault 7: a worker stopped beyond its lease; both attempts are seen, one is recorded."""
    server = impatient
    ledger = tmp_path / "ledger"
    server.save_flow(
        flow("late", ledger, f'sleep 4; echo "$$ end" >> {ledger}; echo \'::{{"outputs":{{"pid":"\'$$\'"}}}}::\'')
    )
    execution = running(server, "late", ledger)
    first = lines(ledger)[0].split()[0]
    with stopped(server.pids("worker")[0]):
        eventually(
            lambda: (
                any(h["state"] == "RESUBMITTED" for h in run_of(server, execution)["state"]["histories"])
                or len(run_of(server, execution).get("attempts") or ()) > 1
                or run_of(server, execution)["state"]["current"] == "CREATED"
            ),
            seconds=LEASE * 5,
            what="the attempt is given up",
        )
        eventually(lambda: f"{first} end" in lines(ledger), what="the first script ends unseen")
    ended = server.finished(execution, seconds=60)
    assert ended["state"]["current"] == "SUCCESS", server.logs(execution)
    run = ended["taskRunList"][0]
    assert len(ended["taskRunList"]) == 1 and len(run["attempts"]) == 2
    assert [a["state"]["current"] for a in run["attempts"]] == ["KILLED", "SUCCESS"]
    starts = [line.split()[0] for line in lines(ledger) if line.endswith("start")]
    assert len(starts) == 2 and starts[0] == first
    assert run["outputs"]["vars"]["pid"] == starts[1]
    assert [one["state"] for one in services(server, "WORKER")].count("RUNNING") == 1


def test_a_silent_worker_is_waited_for_and_given_up_when_it_returns(tmp_path: Path) -> None:
    """F53: `AFTER_TERMINATION_GRACE_PERIOD` sends nothing again while the worker may still run it."""
    server = started(tmp_path / "home", "AFTER_TERMINATION_GRACE_PERIOD")
    ledger, other = tmp_path / "ledger", tmp_path / "other"
    try:
        server.save_flow(flow("waited", ledger, f'sleep 5; echo "$$ end" >> {ledger}'))
        server.save_flow(flow("ended", other, "sleep 60"))
        execution, killed = running(server, "waited", ledger), running(server, "ended", other)
        worker = services(server, "WORKER")[0]["id"]
        with stopped(server.pids("worker")[0]):
            eventually(
                lambda: any(
                    one["id"] == worker and one["state"] == "DISCONNECTED" for one in services(server, "WORKER")
                ),
                seconds=LEASE * 5,
                what="the worker counts as disconnected",
            )
            time.sleep(LEASE)
            assert run_of(server, execution)["state"]["current"] == "RUNNING"
            # Who wants to be rid of it does not wait: the worker stops it by its own clock.
            assert server.call("DELETE", f"/api/v1/main/executions/{killed}/kill").status in (200, 202)
            assert server.finished(killed, seconds=10)["state"]["current"] == "KILLED"
        ended = server.finished(execution, seconds=60)
        assert ended["state"]["current"] == "SUCCESS", server.logs(execution)
        assert len(ended["taskRunList"][0]["attempts"]) in (1, 2)
        assert len([line for line in lines(ledger) if line.endswith("start")]) == len(
            ended["taskRunList"][0]["attempts"]
        )
        assert len(lines(other)) == 1
    finally:
        server.stop()


@LONG
def test_never_leaves_attempts_of_lost_workers(tmp_path: Path) -> None:
    """F53: `NEVER`; a kill ends them."""
    server = started(tmp_path / "home", "NEVER")
    ledger = tmp_path / "ledger"
    try:
        server.save_flow(flow("left", ledger, "sleep 60"))
        execution = running(server, "left", ledger)
        worker = server.pids("worker")[0]
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: [p for p in server.pids("worker") if p != worker], seconds=30, what="another worker")
        time.sleep(LEASE * 2)
        assert run_of(server, execution)["state"]["current"] == "RUNNING" and len(lines(ledger)) == 1
        core = server.pids("core")[0]
        os.kill(core, signal.SIGKILL)
        eventually(lambda: [p for p in server.pids("core") if p != core], seconds=30, what="another core")
        server.wait_ready()
        time.sleep(LEASE)
        assert run_of(server, execution)["state"]["current"] == "RUNNING" and len(lines(ledger)) == 1
        assert server.call("DELETE", f"/api/v1/main/executions/{execution}/kill").status in (200, 202)
        assert server.finished(execution, seconds=10)["state"]["current"] == "KILLED"
    finally:
        server.stop()


def test_nothing_of_a_killed_execution_starts_again(impatient: Server, tmp_path: Path) -> None:
    """Fault 10 (C7): the execution is killed, then its worker."""
    server = impatient
    ledger = tmp_path / "ledger"
    server.save_flow(flow("killed", ledger, "trap '' TERM; sleep 60"))
    execution = running(server, "killed", ledger)
    worker = server.pids("worker")[0]
    known = next(one["id"] for one in services(server, "WORKER") if one["state"] == "RUNNING")
    os.kill(worker, signal.SIGSTOP)
    assert server.call("DELETE", f"/api/v1/main/executions/{execution}/kill").status in (200, 202)
    os.kill(worker, signal.SIGKILL)
    ended = server.finished(execution, seconds=20)
    assert ended["state"]["current"] == "KILLED"
    eventually(lambda: [p for p in server.pids("worker") if p != worker], seconds=30, what="another worker")
    time.sleep(3 * LEASE)
    assert len(lines(ledger)) == 1
    after = server.execution(execution)
    assert after["state"] == ended["state"] and len(after["taskRunList"][0]["attempts"]) == 1
    states = {one["id"]: one["state"] for one in services(server, "WORKER")}
    assert "RUNNING" in states.values() and states[known] in {"NOT_RUNNING", "INACTIVE"}


def test_a_task_that_fails_while_the_server_stops_is_recorded(tmp_path: Path) -> None:
    """Fault 9: FAILED, never RUNNING; a stopping worker ends its tasks and says so."""
    server = started(tmp_path / "home", "IMMEDIATELY")
    ledger, other = tmp_path / "ledger", tmp_path / "other"
    try:
        server.save_flow(flow("failing", ledger, "sleep 2; exit 3"))
        server.save_flow(
            flow("next", other, "sleep 1")
            + f"""
  - id: after
    type: io.kestra.plugin.scripts.shell.Commands
    {RUNNER}
    commands: ["echo after >> {other}"]
"""
        )
        execution, going = running(server, "failing", ledger), running(server, "next", other)
        worker = services(server, "WORKER")[0]["id"]
        server.stop(seconds=30)
        assert lines(other) == lines(other)[:1]  # a stopping worker takes nothing new
        server.start()
        ended = server.finished(execution)
        assert ended["state"]["current"] == "FAILED" and len(ended["taskRunList"][0]["attempts"]) == 1
        assert len(lines(ledger)) == 1
        # What came next waited for the next worker, and was not lost.
        assert server.finished(going)["state"]["current"] == "SUCCESS"
        assert [line.split()[-1] for line in lines(other)] == ["start", "after"]
        states = {one["id"]: one["state"] for one in services(server, "WORKER")}
        assert states[worker] in ("TERMINATED_GRACEFULLY", "NOT_RUNNING", "INACTIVE")
        assert "RUNNING" in states.values()
        assert [one["state"] for one in services(server, "EXECUTOR")].count("RUNNING") == 1
        states = [one["state"] for one in services(server, "WEBSERVER")]
        assert states.count("RUNNING") == 1
        assert states.count("TERMINATED_GRACEFULLY") + states.count("NOT_RUNNING") + states.count("INACTIVE") == 1
    finally:
        server.stop()


@LONG
def test_work_beyond_the_grace_period_is_ended_and_sent_again(tmp_path: Path) -> None:
    """F53: tasks that outlive the grace period are killed with their worker (TERMINATED_FORCED), and run again."""
    server = started(tmp_path / "home", "IMMEDIATELY", grace="PT1S")
    ledger = tmp_path / "ledger"
    try:
        server.save_flow(flow("long", ledger, "sleep 3"))
        execution = running(server, "long", ledger)
        server.stop(seconds=30)
        server.start()
        ended = server.finished(execution, seconds=60)
        assert ended["state"]["current"] == "SUCCESS", server.logs(execution)
        assert len(lines(ledger)) == 2 == len(ended["taskRunList"][0]["attempts"])
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("KESTRA_SERVER_WORKER_TASK_RESTART_STRATEGY", "SOMETIMES", "worker-task-restart-strategy = 'SOMETIMES'"),
        ("KESTRA_SERVER_LIVENESS_HEARTBEAT_INTERVAL", "PT60S", "expected less than kestra.server.liveness.timeout"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, name: str, value: str, words: str) -> None:
    server = Server(tmp_path / "home", environment={name: value, "FLOWDECK_CONSOLE_ENABLED": "false"})
    try:
        with pytest.raises(AssertionError):
            server.start(seconds=20, setup=False)
        assert words in server.output()
    finally:
        server.stop()


def web_rows(server: Server) -> list[list[str]]:
    """The states that each web server's row went through, as the database has them."""
    database = open_database(server.database_url)
    try:
        with database.reader() as reader:
            rows = reader.all("select detail from service where kind = 'WEBSERVER' order by started, id")
        return [[state for _, state in json.loads(row["detail"])["events"]] for row in rows]
    finally:
        database.close()


def test_a_web_server_that_can_not_serve_says_error(tmp_path: Path) -> None:
    """F53: ERROR of a component that ends by a fault of its own; the next one that can serve runs."""
    store = tmp_path / "tls.pem"
    good = b"".join(path.read_bytes() for path in certificate(tmp_path))
    store.write_bytes(good)
    server = Server(
        tmp_path / "home",
        environment={
            "FLOWDECK_CONSOLE_ENABLED": "false",
            "MICRONAUT_SERVER_SSL_ENABLED": "true",
            "MICRONAUT_SERVER_SSL_KEY_STORE_TYPE": "PEM",
            "MICRONAUT_SERVER_SSL_KEY_STORE_PATH": str(store),
        },
    )
    server.home.mkdir()
    command = [sys.executable, "-m", "flowdeck", "server", "standalone"]
    with (server.home / "server.out").open("ab") as out:
        server.process = subprocess.Popen(
            command, env=server.variables(), stdout=out, stderr=out, start_new_session=True
        )
    try:

        def serves() -> bool:
            with contextlib.suppress(OSError):
                return server.call("GET", "/health/readiness", port=server.management_port, auth=False).status == 200
            return False

        eventually(serves, seconds=60, what="readiness")
        eventually(lambda: web_rows(server) == [["RUNNING"]], what="the row of the first")
        store.write_text("no certificate")
        os.kill(server.pids("web")[0], signal.SIGKILL)
        eventually(lambda: ["CREATED", "ERROR"] in web_rows(server), seconds=30, what="the fault's row")
        store.write_bytes(good)
        eventually(serves, seconds=60, what="readiness")
        eventually(lambda: web_rows(server).count(["RUNNING"]) == 2, seconds=30, what="a row of one that runs")
    finally:
        server.stop()
