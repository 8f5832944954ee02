"""Several processes over one PostgreSQL, and what happens to them (quality.md §2.3 rows 1, 2, 3, 6, 8, 13, 15, 16, 19, 20).

Executors, a scheduler, workers and a web server are real processes; what was accepted must end, once.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from flowdeck.model.states import State
from flowdeck.store.driver import StoreError
from flowdeck.store.listen import notify
from tests.faults.crash_laws import COUNTS
from tests.support.cluster import Cluster
from tests.support.postgres import Postgres, PostgresMissing
from tests.support.server import eventually

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

LONG = pytest.mark.skipif(os.environ.get("FLOWDECK_TEST_LEVEL") != "all", reason="long: make test-all")
LEASE = 6
WORK = """
id: work
namespace: cluster
tasks:
  - id: all
    type: io.kestra.plugin.core.flow.ForEach
    values: [1, 2, 3, 4]
    concurrencyLimit: 0
    tasks:
      - {id: say, type: io.kestra.plugin.core.log.Log, message: "{{ taskrun.value }}"}
      - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.3S}
  - {id: last, type: io.kestra.plugin.core.debug.Return, format: done}
"""
SLOW = """
id: slow
namespace: cluster
tasks:
  - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT4S}
  - {id: last, type: io.kestra.plugin.core.debug.Return, format: done}
"""
LIMITED = """
id: limited
namespace: cluster
concurrency: {limit: 2, behavior: QUEUE}
tasks:
  - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.2S}
"""
MANY = """
id: many
namespace: cluster
tasks:
  - id: all
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{ range(1, 500) }}"
    concurrencyLimit: 0
    tasks:
      - {id: one, type: io.kestra.plugin.core.debug.Return, format: "{{ taskrun.value }}"}
"""
TICK = """
id: tick
namespace: cluster
tasks:
  - {id: one, type: io.kestra.plugin.core.debug.Return, format: x}
triggers:
  - {id: every, type: io.kestra.plugin.core.trigger.Schedule, cron: "* * * * * *", withSeconds: true}
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server of this module's own: it is broken here."""
    try:
        server = Postgres().create()
    except PostgresMissing as error:
        pytest.skip(str(error))
    yield server.start()
    server.remove()


@pytest.fixture(scope="module")
def cluster(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two executors, a scheduler, two workers, a web server."""
    made = Cluster(
        tmp_path_factory.mktemp("cluster"),
        postgres.database("cluster"),
        {
            "KESTRA_SERVER_LIVENESS_TIMEOUT": f"PT{LEASE}S",
            "KESTRA_SERVER_LIVENESS_HEARTBEAT_INTERVAL": "PT1S",
            "KESTRA_SERVER_TERMINATION_GRACE_PERIOD": "PT2S",
        },
    )
    try:
        made.start_all("executor", "executor", "scheduler", "worker", "worker", "webserver")
        shared_out(made)
        for source in (WORK, SLOW, LIMITED):
            made.web.save_flow(source)
        yield made
    finally:
        made.close()


def owners(cluster: Cluster, below: int = 64) -> dict[str, int]:
    """Number of shards of each owner."""
    found = cluster.rows("select owner, count(*) from shard where id < ? and owner is not null group by owner", below)
    return dict(found)


def shared_out(cluster: Cluster, executors: int = 2, *, seconds: float = 30.0) -> None:
    """Wait until all shards have owners, as many as there should be."""

    def probe() -> bool:
        found = owners(cluster)
        return len(found) == executors and sum(found.values()) == 64

    eventually(probe, seconds=seconds, what=f"64 shards with {executors} owners, {owners(cluster)}")


def component_of(cluster: Cluster, name: str, number: int = 0) -> Any:
    """A running component."""
    return [c for c in cluster.components if c.name == name and c.process.poll() is None][number]


class Load(threading.Thread):
    """Creates executions all the time; remembers those that were accepted."""

    def __init__(self, cluster: Cluster, flow: str = "work", pause: float = 0.05) -> None:
        super().__init__(daemon=True)
        self.cluster = cluster
        self.flow = flow
        self.pause = pause
        self.accepted: list[str] = []
        self.refused = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            try:
                answer = self.cluster.web.call("POST", f"/api/v1/main/executions/cluster/{self.flow}", seconds=40)
                if answer.status == 200:
                    self.accepted.append(answer.json["id"])
                else:
                    self.refused += 1
            except OSError:
                self.refused += 1
            time.sleep(self.pause)

    def end(self) -> list[str]:
        """Stop; answers the ids that were accepted."""
        self.over.set()
        self.join(60)
        return self.accepted


def all_end_well(cluster: Cluster, accepted: list[str], *, seconds: float = 90.0) -> None:
    """C1–C4: what was accepted is there and ends, histories are legal, nothing is left over."""
    assert accepted
    cluster.until("select count(*) from execution where state < 20", 0, seconds=seconds)
    stored = {row[0] for row in cluster.rows("select id from execution")}
    assert not set(accepted) - stored
    failed = cluster.rows(
        "select id, flow_id, state from execution where state >= 20 and state <> ?", int(State.SUCCESS)
    )
    assert not [row for row in failed if row[0] in accepted]
    cluster.until("select count(*) from outbox", 0)
    cluster.until("select count(*) from inbox", 0)
    wrong = {what: n for what, text in COUNTS.items() if (n := cluster.value(text))}
    assert not wrong


def test_two_executors_share_the_work_and_their_limits(cluster: Cluster) -> None:
    """§2.6, §2.9: both work; a limit of two is one of both together."""
    loads = [Load(cluster), Load(cluster, "limited", 0.02)]
    for load in loads:
        load.start()
    most = 0
    until = time.monotonic() + 5
    while time.monotonic() < until:
        most = max(
            most,
            cluster.value("select count(*) from execution where flow_id = 'limited' and state = ?", int(State.RUNNING)),
        )
        time.sleep(0.01)
    accepted = [id for load in loads for id in load.end()]
    assert len(accepted) > 20
    assert not sum(load.refused for load in loads)
    all_end_well(cluster, accepted)
    assert 1 <= most <= 2
    assert len({shard for (shard,) in cluster.rows("select distinct shard from execution")}) > 8


def test_killing_an_executor_loses_and_doubles_nothing(cluster: Cluster) -> None:
    """Fault 1: its shards are taken over; accepted executions end once."""
    load = Load(cluster)
    load.start()
    for _ in range(3):
        time.sleep(1)
        component_of(cluster, "executor", 0).signal_child("core", signal.SIGKILL)
    time.sleep(1)
    shared_out(cluster)
    all_end_well(cluster, load.end())


@LONG
def test_an_executor_that_goes_for_good_leaves_its_shards_to_the_other(cluster: Cluster) -> None:
    """§2.9: on one machine at once; a new one gets its part again."""
    load = Load(cluster)
    load.start()
    time.sleep(0.5)
    component_of(cluster, "executor", 0).kill()
    shared_out(cluster, 1, seconds=LEASE)
    time.sleep(0.5)
    cluster.ready(cluster.start("executor"))
    shared_out(cluster)
    all_end_well(cluster, load.end())


def test_a_stopped_executor_is_fenced_off(cluster: Cluster) -> None:
    """Fault 8: beyond its lease others have its shards; when it goes on it writes nothing and comes back anew."""
    load = Load(cluster)
    load.start()
    time.sleep(1)
    before = set(owners(cluster))
    component = component_of(cluster, "executor", 0)
    component.signal_child("core", signal.SIGSTOP)
    shared_out(cluster, 1, seconds=LEASE * 2 + 10)
    (left,) = owners(cluster)
    component.signal_child("core", signal.SIGCONT)
    shared_out(cluster, 2, seconds=40)
    after = set(owners(cluster))
    assert left in after
    assert len(after - before) == 1  # the stopped one has another name now
    all_end_well(cluster, load.end())


@LONG
def test_killing_a_worker_sends_its_attempts_to_the_other(cluster: Cluster) -> None:
    """Fault 2: each task ends once, whoever ran it."""
    ids = [cluster.web.execute("cluster", "slow")["id"] for _ in range(8)]
    cluster.until(
        "select count(*) from task_run where task_id = 'nap' and state = ? and worker is not null",
        8,
        int(State.RUNNING),
    )
    component_of(cluster, "worker", 0).signal_child("worker", signal.SIGKILL)
    all_end_well(cluster, ids)


@LONG
def test_no_attempt_is_claimed_twice(cluster: Cluster) -> None:
    """Fault 20: many short jobs over two executors and two workers, one attempt and one fence each."""
    cluster.web.save_flow(MANY)
    ids = [cluster.web.execute("cluster", "many")["id"] for _ in range(4)]
    all_end_well(cluster, ids)
    many = "select count(*) from task_run t join execution e on e.seq = t.execution_seq where e.flow_id = 'many'"
    assert cluster.value(f"{many} and t.task_id = 'one'") == 2000
    assert cluster.value(f"{many} and t.task_id = 'one' and (t.fence <> 1 or t.attempts <> 1)") == 0
    workers = cluster.rows("select distinct worker from task_run where task_id = 'one' and worker is not null")
    assert len(workers) == 2


@LONG
def test_dates_of_a_schedule_are_neither_lost_nor_doubled(cluster: Cluster) -> None:
    """Fault 3, C6: the scheduler is killed again and again."""
    cluster.web.save_flow(TICK)
    count = "select count(*) from execution where flow_id = 'tick'"
    for dates in (3, 6, 9):
        eventually(lambda dates=dates: cluster.value(count) >= dates, seconds=60, what=f"{dates} dates")
        component_of(cluster, "scheduler").signal_child("core", signal.SIGKILL)
    eventually(lambda: cluster.value(count) >= 12, seconds=60, what="12 dates")
    assert cluster.web.call("DELETE", "/api/v1/main/flows/cluster/tick").status in (200, 204)
    time.sleep(1)
    dates = [row[0] for row in cluster.rows("select schedule_date from execution where flow_id = 'tick' order by 1")]
    ids = [row[0] for row in cluster.rows("select id from execution where flow_id = 'tick'")]
    assert [b - a for a, b in itertools.pairwise(dates)] == [1000] * (len(dates) - 1)
    all_end_well(cluster, ids)


def test_lost_and_repeated_notifications_cost_a_second_at_most(cluster: Cluster) -> None:
    """Fault 19: rows are the truth; without notifications they are found by looking, twice they are there once."""
    writer = cluster.database.writer()
    noise = threading.Event()

    def repeat() -> None:
        while not noise.wait(0.005):
            with writer.transaction() as tx:
                for shard in range(0, 64, 7):
                    notify(tx, "flowdeck_inbox", str(shard))
                notify(tx, "flowdeck_feed", "nobody 7 d")
                notify(tx, "flowdeck_shards", "")

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    ids = [cluster.web.execute("cluster", "work")["id"] for _ in range(10)]
    noise.set()
    thread.join()
    # A row without a notification.
    with writer.transaction() as tx:
        shard = cluster.value("select shard from execution where id = ?", ids[0])
        tx.sql(
            "insert into inbox (shard, name, args, key, principal, created) values (?, 'execution.kill', ?, ?, null, 0)",
            (shard, json.dumps({"tenant": "main", "id": ids[0]}), "silent"),
        )
    began = time.monotonic()
    cluster.until("select count(*) from command_answer where key = ?", 1, "silent", seconds=3)
    assert time.monotonic() - began < 2.5
    writer.close()
    cluster.until("select count(*) from execution where state < 20", 0)


def test_the_database_restarts_under_load(cluster: Cluster, postgres: Postgres) -> None:
    """Fault 13: no exit for good, no accepted execution is lost, everybody heals."""
    load = Load(cluster)
    load.start()
    for _ in range(2):
        time.sleep(1.5)
        postgres.stop("immediate")
        time.sleep(0.5)
        postgres.start()
    shared_out_later(cluster)
    began = time.monotonic()
    eventually(lambda: healthy(cluster), seconds=30, what="health of all")
    assert time.monotonic() - began < 30
    count = len(load.accepted)
    eventually(lambda: len(load.accepted) > count + 3, seconds=30, what="new executions")
    all_end_well(cluster, load.end(), seconds=120)


def shared_out_later(cluster: Cluster) -> None:
    """`shared_out` over a database that may be away."""

    def probe() -> bool:
        try:
            found = owners(cluster)
        except Exception:
            return False
        return len(found) == 2 and sum(found.values()) == 64

    eventually(probe, seconds=60, what="shards with owners")


def healthy(cluster: Cluster) -> bool:
    """Whether all components say so."""
    return all(
        cluster.web.call("GET", "/health", port=c.management_port, auth=False).status == 200
        for c in cluster.components
        if c.process.poll() is None
    )


@LONG
def test_connections_that_break_and_locks_that_wait_are_survived(cluster: Cluster) -> None:
    """Fault 15: connections are ended at random and rows are locked against the engine; nothing ends for good."""
    load = Load(cluster)
    load.start()
    over = threading.Event()

    def disturb() -> None:
        ending, locking = cluster.database.writer(), cluster.database.writer()
        while not over.wait(0.4):
            with contextlib.suppress(StoreError), ending.transaction() as tx:
                # Mostly one that writes: an executor, or a command of the web server.
                tx.all(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                    "and pid <> pg_backend_pid() order by random() limit 1"
                )
            with contextlib.suppress(StoreError), locking.transaction() as tx:
                tx.all("select id from execution where state < 20 order by id desc limit 3 for update")
                time.sleep(0.1)
        for writer in (ending, locking):
            with contextlib.suppress(Exception):
                writer.close()

    thread = threading.Thread(target=disturb, daemon=True)
    thread.start()
    time.sleep(8)
    over.set()
    thread.join()
    accepted = load.end()
    eventually(lambda: healthy(cluster), seconds=60, what="health of all")
    shared_out_later(cluster)
    all_end_well(cluster, accepted, seconds=120)


@LONG
def test_a_database_that_stands_still_now_and_then_starts_no_storm(cluster: Cluster, postgres: Postgres) -> None:
    """Fault 16: pauses shorter than the lease cost time and nothing else: the same processes own the same shards."""
    shared_out(cluster)
    before = set(owners(cluster))
    load = Load(cluster)
    load.start()
    assert postgres.process is not None
    head = psutil.Process(postgres.process.pid)
    for _ in range(3):
        time.sleep(1)
        family = [head, *head.children(recursive=True)]
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.suspend()
        time.sleep(LEASE / 3)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.resume()
    accepted = load.end()
    assert set(owners(cluster)) == before
    all_end_well(cluster, accepted, seconds=120)
