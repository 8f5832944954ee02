"""Core dies while executions wait for others and workers carry children out (spec: workflow components §8.9, §9.2)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, run_of, states
from tests.support.server import Server, eventually

pytestmark = [pytest.mark.fault, pytest.mark.timeout(150)]
BATCHES = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server; each test ends its core."""
    one = Server(tmp_path_factory.mktemp("children"))
    try:
        yield one.start()
    finally:
        one.discard()


def end_core(server: Server) -> None:
    """Kill the core and wait until another one answers."""
    for pid in server.pids("core"):
        os.kill(pid, signal.SIGKILL)
    server.wait_ready()


def reached(server: Server, execution: str, ready: Any) -> None:
    """Wait until the execution is as wanted."""
    eventually(lambda: ready(server.execution(execution)), what="the moment to strike")


def test_a_working_directory_goes_on_without_core(server: Server) -> None:
    """The worker keeps its job and its reports; nothing runs twice."""
    server.save_flow(
        flow_text(
            "wd-core",
            """
            tasks:
              - id: wd
                type: @flow.WorkingDirectory
                tasks:
                  - {id: one, type: @log.Log, message: x}
                  - {id: nap, type: @flow.Sleep, duration: PT2S}
                  - {id: two, type: @log.Log, message: y}
                errors: [{id: never, type: @log.Log, message: z}]
            """,
        )
    )
    started = server.execute("conformance", "wd-core")["id"]
    reached(server, started, lambda e: ("nap", "RUNNING") in states(e))
    end_core(server)
    done = server.finished(started, seconds=60)
    assert states(done) == [("wd", "SUCCESS"), ("one", "SUCCESS"), ("nap", "SUCCESS"), ("two", "SUCCESS")]
    assert all(len(run["attempts"]) == 1 for run in done["taskRunList"])


def test_every_batch_has_one_execution(server: Server) -> None:
    """Killed while children are made and while they run: none is lost, none is made twice, the counts are right."""
    server.save_flow(
        flow_text(
            "batch-core",
            """
            concurrency: {limit: 4}
            inputs: [{id: n, type: INT}]
            tasks: [{id: nap, type: @flow.Sleep, duration: PT0.2S}]
            outputs: [{id: n, type: INT, value: "{{ inputs.n }}"}]
            """,
        )
    )
    lines = "".join(f"{n}\\n" for n in range(BATCHES))
    server.save_flow(
        flow_text(
            "batches-core",
            f"""
            tasks:
              - {{id: file, type: @storage.Write, content: "{lines}"}}
              - id: each
                type: @flow.ForEachItem
                items: "{{{{ outputs.file.uri }}}}"
                namespace: conformance
                flowId: batch-core
                inputs: {{n: "{{{{ taskrun.iteration }}}}"}}
              - {{id: merged, type: @log.Log, message: "{{{{ read(outputs.each_merge.subflowOutputs) }}}}"}}
            """,
        )
    )
    started = server.execute("conformance", "batches-core")["id"]
    reached(server, started, lambda e: ("each_items", "RUNNING") in states(e))
    end_core(server)
    time.sleep(0.5)
    end_core(server)
    done = server.finished(started, seconds=90)
    assert done["state"]["current"] == "SUCCESS", states(done)
    outputs = run_of(done, "each_items")["outputs"]
    assert outputs["iterations"]["SUCCESS"] == outputs["numberOfBatches"] == BATCHES
    assert sum(outputs["iterations"].values()) == BATCHES
    found = server.call("GET", "/api/v1/main/executions/search?filters[flowId][EQUALS]=batch-core&size=100").json
    numbers = [one["trigger"]["variables"]["taskRunIteration"] for one in found["results"]]
    assert sorted(numbers) == list(range(BATCHES))
    said = [line["message"] for line in server.logs(started) if line.get("taskId") == "merged"]
    assert said == ["".join(f"{{n:{n}}}\n" for n in range(BATCHES))]
