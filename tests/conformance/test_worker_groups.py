"""Worker groups: pools, unknown keys, what happens without a worker (spec: workflow components §7.5)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conformance.conftest import flow_text, messages, states
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows the group `gpu`, at first without a worker of it."""
    one = Server(tmp_path_factory.mktemp("pools"), environment={"FLOWDECK_WORKER_GROUPS": "gpu"})
    try:
        yield one.start(seconds=60)
    finally:
        one.discard()


def flow(name: str, group: str, more: str = "") -> str:
    """A flow with one task of a group."""
    return flow_text(
        name,
        f"""
        inputs: [{{id: key, type: STRING, defaults: "-", required: true}}]
        tasks: [{{id: t, type: @log.Log, message: ran, workerGroup: {group}}}]
        {more}
        """,
    )


def test_a_static_unknown_key_is_refused(pooled: Server) -> None:
    source = flow("pool-unknown", "{key: nope}")
    answer = pooled.call("POST", "/api/v1/main/flows", body=source, content_type="application/x-yaml")
    assert answer.status == 422
    assert "tasks[0].workerGroup.key: No worker group exist for key 'nope'." in answer.text


def test_an_unknown_key_fails_the_task_run(pooled: Server) -> None:
    done = pooled.run(flow("pool-dynamic", '{key: "{{ inputs.key }}"}'), {"key": "nope"})
    assert states(done) == [("t", "FAILED")]
    assert messages(pooled, done["id"], "Cannot run task. No worker group exist for key 'nope'.")


def test_a_blank_key_means_the_default_pool(pooled: Server) -> None:
    done = pooled.run(flow("pool-blank", "{key: \"{{ inputs.key == '-' ? '' : 'x' }}\"}"))
    assert done["state"]["current"] == "SUCCESS"


def test_fail_and_cancel_without_a_worker(pooled: Server) -> None:
    failed = pooled.run(flow("pool-fail", "{key: gpu, fallback: FAIL}"))
    assert (failed["state"]["current"], states(failed)) == ("FAILED", [("t", "FAILED")])
    cancelled = pooled.run(flow("pool-cancel", "{key: gpu, fallback: CANCEL}"))
    assert (cancelled["state"]["current"], states(cancelled)) == ("KILLED", [("t", "CANCELLED")])
    assert not [line for line in pooled.logs(cancelled["id"]) if line["level"] == "ERROR"]


def test_a_task_waits_for_a_worker_of_its_group(pooled: Server) -> None:
    pooled.save_flow(flow("pool-wait", "{key: gpu}"))
    started = pooled.execute("conformance", "pool-wait")
    default = pooled.run(flow_text("pool-other", "tasks: [{id: t, type: @log.Log, message: x}]"))
    assert default["state"]["current"] == "SUCCESS"
    assert states(pooled.execution(started["id"])) == [("t", "CREATED")]
    environment = {**pooled.variables(), "FLOWDECK_WORKER_GROUP": "gpu"}
    command = [sys.executable, "-m", "flowdeck", "server", "worker", "--child"]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        done = pooled.finished(started["id"])
        assert done["state"]["current"] == "SUCCESS"
        assert messages(pooled, done["id"], "ran")
    finally:
        worker.terminate()
        worker.wait(20)
    eventually(lambda: worker.poll() is not None, what="the worker's end")
