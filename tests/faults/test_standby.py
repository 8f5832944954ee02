"""A standby takes over from a PostgreSQL that has died (quality.md §2.3 row 14; enterprise and operations F54).

With a synchronous standby nothing that was accepted is lost (C1). With an asynchronous one what its primary had not
sent is gone: that is noticed and told, and the rest goes on.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from flowdeck.store.driver import open_database
from tests.faults.test_cluster import WORK, Load, all_end_well
from tests.support.cluster import Cluster
from tests.support.postgres import PORT, Postgres, PostgresMissing
from tests.support.server import eventually

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]

LONG = pytest.mark.skipif(os.environ.get("FLOWDECK_TEST_LEVEL") != "all", reason="long: make test-all")
SETTINGS = ("wal_level=replica", "max_wal_senders=5", "wal_keep_size=256MB", "hot_standby=on")


class Pair:
    """A primary, its standby, and flowdeck over an address that names both."""

    def __init__(self, folder: Path, *, synchronous: bool) -> None:
        self.primary = Postgres(SETTINGS).create().start()
        self.standby = Postgres(SETTINGS).follow(self.primary, "second").start()
        self.primary.database("pair")
        self.admin = open_database(self.primary.url("postgres"))
        if synchronous:
            self.wait_for_standby("second")
        hosts = quote(f"{self.primary.folder},{self.standby.folder}", safe="/")
        url = f"postgresql://flowdeck@/pair?host={hosts}&port={PORT},{PORT}&target_session_attrs=read-write"
        self.cluster = Cluster(
            folder,
            url,
            {
                "KESTRA_SERVER_LIVENESS_TIMEOUT": "PT6S",
                "KESTRA_SERVER_LIVENESS_HEARTBEAT_INTERVAL": "PT1S",
                "KESTRA_SERVER_TERMINATION_GRACE_PERIOD": "PT2S",
            },
        )

    def wait_for_standby(self, names: str) -> None:
        """From now on the primary answers when a standby of these names has it, too; waits for one."""
        self.admin.close()
        self.admin = open_database(self.primary.url("postgres"))
        writer = self.admin.writer()
        writer._link.run(f"alter system set synchronous_standby_names = '{names}'", ())
        writer._link.run("select pg_reload_conf()", ())
        writer.close()
        if names:
            eventually(lambda: self._state() == "sync", seconds=20, what="a synchronous standby")

    def _state(self) -> str | None:
        with self.admin.reader() as reader:
            return reader.value("select sync_state from pg_stat_replication where application_name = 'second'")

    def take_over(self) -> None:
        """The primary dies, the standby takes its place."""
        self.primary.kill()
        self.standby.promote()

    def close(self) -> None:
        self.admin.close()
        self.cluster.close()
        self.primary.remove()
        self.standby.remove()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Callable[..., Pair]]:
    made: list[Pair] = []

    def make(*, synchronous: bool) -> Pair:
        try:
            made.append(Pair(tmp_path, synchronous=synchronous))
        except PostgresMissing as error:
            pytest.skip(str(error))
        pair = made[0]
        pair.cluster.start_all("executor", "worker", "webserver")
        pair.cluster.web.save_flow(WORK)
        return pair

    yield make
    for one in made:
        one.close()


def goes_on(load: Load) -> None:
    """New executions are accepted again."""
    count = len(load.accepted)
    eventually(lambda: len(load.accepted) > count + 3, seconds=60, what="new executions")


def test_with_a_synchronous_standby_nothing_accepted_is_lost(pair: Callable[..., Pair]) -> None:
    """C1, C2: accepted executions are in the promoted server and end; nothing is reported as lost."""
    both = pair(synchronous=True)
    load = Load(both.cluster)
    load.start()
    eventually(lambda: len(load.accepted) > 5, seconds=20, what="executions")
    both.take_over()
    goes_on(load)
    all_end_well(both.cluster, load.end(), seconds=60)
    assert "accepted commands" not in both.cluster.web.output()


@LONG
def test_what_an_asynchronous_standby_lacks_is_told(pair: Callable[..., Pair]) -> None:
    """The standby was away: what was accepted meanwhile is named in the log and counted, the rest ends."""
    both = pair(synchronous=False)
    cluster = both.cluster
    kept = [cluster.web.execute("cluster", "work")["id"] for _ in range(3)]
    all_end_well(cluster, kept)
    time.sleep(1)  # for the standby to have it
    numbers = cluster.rows("select max(seq) from execution")
    both.standby.stop()
    lost = [cluster.web.execute("cluster", "work")["id"] for _ in range(3)]
    assert (
        cluster.web.call("PUT", "/api/v1/main/namespaces/cluster/kv/lost", body="1", content_type="text/plain").status
        == 200
    )
    both.primary.kill()
    both.standby.start()
    both.standby.promote()
    load = Load(cluster)
    load.start()
    goes_on(load)
    after = load.end()
    all_end_well(cluster, kept + after, seconds=60)
    stored = {row[0] for row in cluster.rows("select id from execution")}
    assert not set(lost) & stored
    told = next(line for line in cluster.web.output().splitlines() if "accepted commands" in line)
    assert "lost 4 accepted commands" in told
    assert all(f"execution.create {id}" in told for id in lost)
    assert "kv.put" in told
    metrics = cluster.web.call("GET", "/prometheus", port=cluster.web.management_port, auth=False).text
    assert any("web_commands_lost_total" in line and line.endswith(("4", "4.0")) for line in metrics.splitlines())
    # Log lines of lost executions lie in files under their numbers, which nobody else gets.
    fresh = [row[0] for row in cluster.rows("select seq from execution where seq > ?", numbers[0][0])]
    assert min(fresh) > numbers[0][0] + 1_000_000


@LONG
def test_standbys_take_over_again_and_again(pair: Callable[..., Pair]) -> None:
    """C1 over three changes of the server under load, each with a new synchronous standby."""
    both = pair(synchronous=True)
    load = Load(both.cluster)
    load.start()
    for turn in itertools.count(1):
        time.sleep(2)
        both.take_over()
        both.primary, both.standby = both.standby, both.primary
        both.wait_for_standby("")  # its settings are a copy of the first one's
        goes_on(load)
        if turn == 3:
            break
        old = both.standby
        old.remove()
        # The old place gets a copy of the new server: the address stays.
        old.folder.mkdir(mode=0o700)
        old.own()
        old.follow(both.primary, "second").start()
        both.wait_for_standby("second")
    all_end_well(both.cluster, load.end(), seconds=90)
    assert "accepted commands" not in both.cluster.web.output()
