"""Giants: large executions, outputs, flows and inputs do no harm (quality §2.3; spec: engine notes §2.6, §2.7).

`FLOWDECK_TEST_LEVEL=all` takes the full sizes, else moderate ones.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, run_of
from tests.support.server import Server, eventually

FULL = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
RUNS = 10_000 if FULL else 1_000
SUBFLOWS = 1_000 if FULL else 100
MEGABYTES = 100 if FULL else 10
FLOW_BYTES = 5_000_000 if FULL else 1_000_000

FLOWS: dict[str, str] = {}
"""Flow of each execution."""

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900 if FULL else 180)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all giants: each has to leave it healthy."""
    one = Server(tmp_path_factory.mktemp("giants"))
    try:
        yield one.start()
    finally:
        one.discard()


def seconds() -> float:
    """How long a giant may take on a loaded machine."""
    return 600.0 if FULL else 120.0


def counted(server: Server, execution: str) -> dict[str, int]:
    """Task runs by state at all levels, from the page of task runs."""
    answer = server.call("GET", f"/api/v1/main/console/executions/{execution}/taskruns?limit=1&q=%20")
    assert answer.status == 200, answer.text
    return answer.json["counts"]


def healthy(server: Server) -> None:
    """A small flow still runs at once."""
    done = server.run(flow_text("small", "tasks: [{id: t, type: @log.Log, message: x}]"), seconds=30)
    assert done["state"]["current"] == "SUCCESS"


def state(server: Server, execution: str) -> str:
    """The present state, from a list: without the task runs."""
    flow = FLOWS[execution]
    answer = server.call("GET", f"/api/v1/main/executions/search?filters[flowId][EQUALS]={flow}&size=1")
    found = answer.json["results"][0]
    assert found["id"] == execution
    return found["state"]["current"]


def finished(server: Server, execution: str) -> str:
    """The final state."""

    def probe() -> str:
        current = state(server, execution)
        return current if current in ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED") else ""

    return eventually(probe, seconds=seconds(), what=f"the end of {execution}")


def start(server: Server, source: str, inputs: dict[str, Any] | None = None) -> str:
    """Save and execute; the id."""
    flow = server.save_flow(source)
    execution = server.execute(flow["namespace"], flow["id"], inputs)["id"]
    FLOWS[execution] = flow["id"]
    return execution


@pytest.mark.parametrize("shape", ["foreach", "parallel", "nested"])
def test_many_task_runs(server: Server, shape: str) -> None:
    task = '{id: t, type: @debug.Return, format: "x"}'
    if shape == "foreach":
        body = f"""
        tasks:
          - id: each
            type: @flow.ForEach
            values: "{{{{ range(1, {RUNS}) }}}}"
            concurrencyLimit: 0
            tasks: [{task}]
        """
    elif shape == "parallel":
        lines = "\n".join(f"              - {{id: t{n}, type: @debug.Return, format: x}}" for n in range(RUNS))
        body = f"""
        tasks:
          - id: side_by_side
            type: @flow.Parallel
            tasks:
{lines}
        """
    else:
        side = round(RUNS**0.5)
        body = f"""
        tasks:
          - id: outer
            type: @flow.ForEach
            values: "{{{{ range(1, {side}) }}}}"
            concurrencyLimit: 0
            tasks:
              - id: inner
                type: @flow.ForEach
                values: "{{{{ range(1, {side}) }}}}"
                concurrencyLimit: 0
                tasks: [{task}]
        """
    execution = start(server, flow_text(f"many-{shape}", body))
    assert finished(server, execution) == "SUCCESS"
    counts = counted(server, execution)
    assert set(counts) == {"SUCCESS"}
    assert counts["SUCCESS"] >= 0.95 * RUNS
    healthy(server)


def test_large_outputs_lie_in_storage_and_pages_stay_small(server: Server) -> None:
    """Outputs of 1 MB each and one of 20 MB: none of them is in a row, in a page of task runs or in an event."""
    megabyte = "x" * 1_000_000
    twenty = ", ".join(f'v{n}: "{{{{ read(outputs.file.uri) }}}}"' for n in range(20))
    source = flow_text(
        "outputs",
        f"""
        tasks:
          - {{id: file, type: @storage.Write, content: "{megabyte}"}}
          - id: each
            type: @flow.ForEach
            values: "{{{{ range(1, {MEGABYTES}) }}}}"
            concurrencyLimit: 4
            tasks: [{{id: big, type: @debug.Return, format: "{{{{ read(outputs.file.uri) }}}}"}}]
          - {{id: twenty, type: @output.OutputValues, values: {{{twenty}}}}}
          - {{id: use, type: @log.Log, message: "{{{{ outputs.twenty.values.v19 | length }}}}"}}
          - {{id: hold, type: @flow.Pause}}
        """,
    )
    execution = start(server, source)
    path = f"/api/v1/main/console/executions/{execution}"

    def paused() -> bool:
        current = state(server, execution)
        assert current not in ("FAILED", "KILLED"), [line["message"][:300] for line in server.logs(execution)[-3:]]
        return current == "PAUSED"

    eventually(paused, seconds=seconds(), what="the pause")
    page = server.call("GET", f"{path}/taskruns?limit=100")
    assert page.status == 200
    assert len(page.body) < 100_000
    whole = server.call("GET", f"/api/v1/main/executions/{execution}")
    assert len(whole.body) < 10_000_000  # what the reference's clients fetch has a limit too
    lines = [line["message"] for line in server.logs(execution) if line.get("taskId") == "use"]
    assert lines == ["1000000"]
    database = server.home / "flowdeck.db"
    if database.exists():
        assert database.stat().st_size < 30_000_000
    server.call("DELETE", f"/api/v1/main/executions/{execution}/kill")
    finished(server, execution)
    healthy(server)


def test_many_subflows_one_at_a_time(server: Server) -> None:
    """§9.2: all batches at once, throttled by the child's concurrency."""
    server.save_flow(
        flow_text(
            "batch",
            """
            concurrency: {limit: 1}
            inputs: [{id: n, type: INT}]
            tasks: [{id: t, type: @debug.Return, format: "{{ inputs.n }}"}]
            outputs: [{id: n, type: INT, value: "{{ inputs.n }}"}]
            """,
        )
    )
    lines = "".join(f"{n}\\n" for n in range(SUBFLOWS))
    done = start(
        server,
        flow_text(
            "batches",
            f"""
            tasks:
              - {{id: file, type: @storage.Write, content: "{lines}"}}
              - id: each
                type: @flow.ForEachItem
                items: "{{{{ outputs.file.uri }}}}"
                namespace: conformance
                flowId: batch
                inputs: {{n: "{{{{ taskrun.iteration }}}}"}}
            """,
        ),
    )
    assert finished(server, done) == "SUCCESS"
    items = run_of(server.execution(done), "each_items")
    assert items["outputs"]["numberOfBatches"] == SUBFLOWS
    assert items["outputs"]["iterations"]["SUCCESS"] == SUBFLOWS
    healthy(server)


def test_a_large_flow(server: Server) -> None:
    number = 200
    text = "m" * (FLOW_BYTES // number)
    tasks = "\n".join(
        f"  - {{id: t{n}, type: io.kestra.plugin.core.debug.Return, format: '{text}'}}" for n in range(number)
    )
    source = f"id: large\nnamespace: conformance\ntasks:\n{tasks}\n"
    assert len(source) >= FLOW_BYTES
    execution = start(server, source)
    assert finished(server, execution) == "SUCCESS"
    healthy(server)


def test_a_deep_flow_is_refused_or_works(server: Server) -> None:
    """A thousand blocks in each other: a clear refusal with its place, or an execution that ends."""
    text = "id: deep\nnamespace: conformance\ntasks:\n"
    for n in range(1_000):
        pad = "  " * (n + 1)
        text += f"{pad}- id: s{n}\n{pad}  type: io.kestra.plugin.core.flow.Sequential\n{pad}  tasks:\n"
    pad = "  " * 1_001
    text += f"{pad}- {{id: last, type: io.kestra.plugin.core.log.Log, message: x}}\n"
    began = time.monotonic()
    answer = server.call("POST", "/api/v1/main/flows", body=text, content_type="application/x-yaml", seconds=60)
    assert time.monotonic() - began < 30
    assert answer.status in (200, 422), answer.text[:500]
    if answer.status == 200:
        assert finished(server, start(server, text)) == "SUCCESS"
    else:
        assert "deep" in answer.text.lower() or "nested" in answer.text.lower(), answer.text[:500]
    healthy(server)


def test_a_large_input_file(server: Server) -> None:
    source = flow_text(
        "large-input",
        """
        inputs: [{id: file, type: FILE}]
        tasks: [{id: size, type: @storage.Size, uri: "{{ inputs.file }}"}]
        """,
    )
    size = MEGABYTES * 1_000_000
    execution = start(server, source, {"file": b"x" * size})
    assert finished(server, execution) == "SUCCESS"
    assert run_of(server.execution(execution), "size")["outputs"]["size"] == size
    healthy(server)
