"""Components of one cluster on two "machines": two web servers, a worker without database, TLS between them (§2.9)."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flowdeck.storage.encryption import new_key
from tests.support.cluster import Cluster, Component
from tests.support.postgres import Postgres, PostgresMissing
from tests.support.server import Server, eventually, free_port

FLOW = """
id: far
namespace: cluster
inputs:
  - {id: text, type: SECRET}
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "hello from afar"}
  - {id: keep, type: io.kestra.plugin.core.kv.Set, key: word, value: "{{ inputs.text }}"}
  - id: file
    type: io.kestra.plugin.core.storage.Write
    content: "{{ kv('word') }}"
  - {id: read, type: io.kestra.plugin.core.debug.Return, format: "{{ read(outputs.file.uri) }}"}
"""
SLOW = """
id: slow
namespace: cluster
tasks:
  - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT1S}
  - {id: last, type: io.kestra.plugin.core.log.Log, message: awake}
"""


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "executor")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "tls.pem", folder / "tls.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


class TwoMachines:
    """Engine and a web server on one, a worker and a web server on the other."""

    def __init__(self, folder: Path, url: str) -> None:
        certificate_file, key_file = certificate(folder)
        common = {
            "KESTRA_ENCRYPTION_SECRET_KEY": new_key(),
            "KESTRA_STORAGE_LOCAL_BASE_PATH": str(folder / "storage"),
            "FLOWDECK_CLUSTER_TOKEN": "the token of this cluster",
        }
        self.listen = [f"127.0.0.1:{free_port()}" for _ in range(2)]
        self.near = Cluster(
            folder / "near",
            url,
            {
                **common,
                "FLOWDECK_CLUSTER_CERTIFICATE": str(certificate_file),
                "FLOWDECK_CLUSTER_PRIVATE_KEY": str(key_file),
            },
        )
        self.far = Cluster(folder / "far", url, dict(common))
        # The worker's settings know no database at all.
        self.worker_home = folder / "worker"
        self.worker_environment = {
            **common,
            "FLOWDECK_CLUSTER_EXECUTORS": ",".join(self.listen),
            "FLOWDECK_CLUSTER_CA": str(certificate_file),
            "KESTRA_REPOSITORY_TYPE": "sqlite",
            "KESTRA_QUEUE_TYPE": "sqlite",
            "DATASOURCES_POSTGRES_URL": "",
        }
        self.workers = Cluster(self.worker_home, url, self.worker_environment)

    def start(self) -> None:
        engine = [self.near.start("webserver")]
        for name, listen in zip(("executor", "scheduler"), self.listen, strict=True):
            self.near.environment["FLOWDECK_CLUSTER_LISTEN"] = listen
            engine.append(self.near.start(name))
        others = [(self.far, self.far.start("webserver")), (self.workers, self.workers.start("worker"))]
        others += [(self.far, self.far.start("indexer"))]
        for component in engine:
            self.near.ready(component)
        for cluster, component in others:
            cluster.ready(component)
        web = self.near.web
        body = {"username": web.username, "password": web.password}
        assert web.call("POST", "/api/v1/main/basicAuth", json_body=body, auth=False).status == 204

    def stop(self) -> None:
        for cluster in (self.workers, self.far, self.near):
            cluster.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    try:
        server = Postgres().create().start()
    except PostgresMissing as error:
        pytest.skip(str(error))
    yield server
    server.remove()


@pytest.fixture(scope="module")
def machines(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoMachines]:
    made = TwoMachines(tmp_path_factory.mktemp("machines"), postgres.database("machines"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def events(server: Server, path: str, until: str) -> list[tuple[str, Any]]:
    """(event id, data) of a stream, up to the event `until`."""
    import base64

    login = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
    request = urllib.request.Request(f"{server.url}{path}", headers={"Authorization": f"Basic {login}"})
    found: list[tuple[str, Any]] = []
    with urllib.request.urlopen(request, timeout=30) as stream:
        name, data = "", ""
        for raw in stream:
            line = raw.decode().rstrip("\r\n")
            if line.startswith("id:"):
                name = line[3:].strip()
            elif line.startswith("data:"):
                data += line[5:].strip()
            elif not line and data:
                found.append((name, json.loads(data)))
                if name == until:
                    return found
                name, data = "", ""
    return found


def test_a_far_worker_without_database_does_the_work(machines: TwoMachines) -> None:
    web, other = machines.near.web, machines.far.web
    web.save_flow(FLOW)
    assert other.call("GET", "/api/v1/main/flows/cluster/far").status == 200
    made = other.execute("cluster", "far", {"text": "a secret word"})
    ended = web.finished(made["id"])
    assert ended["state"]["current"] == "SUCCESS", ended
    (read,) = [run for run in ended["taskRunList"] if run["taskId"] == "read"]
    assert read["outputs"]["value"] in ("a secret word", "******")
    eventually(
        lambda: "hello from afar" in [line["message"] for line in other.logs(made["id"])], what="the line of the log"
    )


def test_what_one_web_server_starts_the_other_one_streams(machines: TwoMachines) -> None:
    web, other = machines.near.web, machines.far.web
    web.save_flow(SLOW)
    made = web.execute("cluster", "slow")
    seen = events(other, f"/api/v1/main/executions/{made['id']}/follow", "end")
    states = [data["state"]["current"] for _, data in seen if data.get("state")]
    assert states[-1] == "SUCCESS" and len(states) > 1, states
    lines = events(other, f"/api/v1/main/logs/{made['id']}/follow?minLevel=INFO", "end")
    assert not lines or any("awake" in json.dumps(data) for _, data in lines)


def test_writes_at_both_web_servers_at_once_all_count(machines: TwoMachines) -> None:
    import threading

    web, other = machines.near.web, machines.far.web
    statuses: list[int] = []

    def write(server: Server, number: int) -> None:
        path = f"/api/v1/main/namespaces/cluster/kv/both{number % 2}"
        statuses.append(server.call("PUT", path, body=str(number), content_type="text/plain").status)

    threads = [threading.Thread(target=write, args=(one, n)) for n in range(8) for one in (web, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16
    assert machines.near.value("select sum(version) from kv where key like 'both%'") == 16


def test_a_stranger_without_the_token_gets_no_work(machines: TwoMachines, tmp_path: Path) -> None:
    environment = {**machines.worker_environment, "FLOWDECK_CLUSTER_TOKEN": "another token"}
    stranger = Cluster(tmp_path / "stranger", machines.near.url, environment)
    try:
        stranger.ready(stranger.start("worker"))
        known = machines.near.rows("select id from service where kind = 'WORKER'")
        machines.near.web.finished(machines.near.web.execute("cluster", "slow")["id"])
        assert machines.near.rows("select id from service where kind = 'WORKER'") == known
    finally:
        stranger.close()


def test_killing_the_engine_is_made_up_for_by_its_next_start(machines: TwoMachines) -> None:
    web = machines.near.web
    made = web.execute("cluster", "slow")
    executor: Component = next(c for c in machines.near.components if c.name == "executor")
    eventually(lambda: web.execution(made["id"])["state"]["current"] == "RUNNING", what="a start")
    executor.signal_child("core", 9)
    ended = web.finished(made["id"], seconds=60)
    assert ended["state"]["current"] == "SUCCESS"
    assert [run["state"]["current"] for run in ended["taskRunList"]] == ["SUCCESS", "SUCCESS"]


def test_components_that_have_nothing_to_do_are_healthy(machines: TwoMachines) -> None:
    indexer = next(c for c in machines.far.components if c.name == "indexer")
    answer = machines.far.web.call("GET", "/health", port=indexer.management_port, auth=False)
    assert answer.status == 200 and subprocess.Popen.poll(indexer.process) is None


def test_a_database_that_is_away_is_told_and_waited_for(machines: TwoMachines, postgres: Postgres) -> None:
    """quality.md §2.3 row 16: no process ends for good, health is DOWN meanwhile, work goes on afterwards."""
    web = machines.near.web
    parts = {c.name: c for c in machines.near.components if c.name in ("executor", "webserver")}

    def statuses() -> set[int]:
        found: set[int] = set()
        for part in parts.values():
            found.add(web.call("GET", "/health", port=part.management_port, auth=False).status)
        return found

    assert statuses() == {200}
    postgres.stop("immediate")
    eventually(lambda: statuses() == {503}, seconds=40, what="health is DOWN")
    refused = web.call("PUT", "/api/v1/main/namespaces/cluster/kv/away", body="1", content_type="text/plain")
    assert refused.status == 503
    postgres.start()
    eventually(lambda: statuses() == {200}, seconds=60, what="health is UP")
    assert web.finished(web.execute("cluster", "slow")["id"], seconds=60)["state"]["current"] == "SUCCESS"
    assert all(part.process.poll() is None for part in parts.values())
