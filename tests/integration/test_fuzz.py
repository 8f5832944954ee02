"""The API under generated input: no 500, no status, content type or body that the document does not know (issue 4).

A bounded number of examples; `FLOWDECK_TEST_LEVEL=all` sends thousands, every boundary of every schema among them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server, running_server

pytestmark = pytest.mark.timeout(1500)

EVERYTHING = os.environ.get("FLOWDECK_TEST_LEVEL") == "all"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
LEFT_OUT = (
    "createBasicAuth",  # would change the password of the run
    "login",  # is throttled on purpose
    "logout",
    "consoleGetStream",  # never end by themselves
)
FLOW = """
id: {name}
namespace: fuzz.{name}
labels: {{team: data}}
inputs: [{{id: text, type: STRING, defaults: hello}}, {{id: file, type: FILE, required: false}}]
tasks:
  - {{id: say, type: io.kestra.plugin.core.log.Log, message: "{{{{ inputs.text }}}}"}}
  - {{id: rows, type: io.kestra.plugin.core.metric.Publish, metrics: [{{name: rows, type: counter, value: 7}}]}}
  - {{id: write, type: io.kestra.plugin.core.storage.Write, content: "a,b", extension: .csv}}
  - {{id: held, type: io.kestra.plugin.core.flow.Pause, runIf: "{{{{ inputs.text == 'pause' }}}}"}}
triggers:
  - {{id: day, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 3 1 1 *"}}
  - {{id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: fuzzed-key}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own: nothing on it stays as it is."""
    with running_server(tmp_path_factory.mktemp("fuzz"), FLOWDECK_CONSOLE_ENABLED="false") as started:
        yield started


def things(server: Server) -> dict[str, list[str]]:
    """Flows and executions in several states, a pair, a file; their names by path parameter."""
    names = ["one", "two"]
    made: list[Any] = []
    for name in names:
        server.save_flow(FLOW.format(name=name))
        made += [server.execute(f"fuzz.{name}", name, {"text": text}) for text in ("hello", "hello", "pause")]
        space = f"/api/v1/main/namespaces/fuzz.{name}"
        assert server.call("PUT", f"{space}/kv/pair", body="42", content_type="text/plain").status == 200
        assert server.call("POST", f"{space}/files/directory?path=/dir").status == 200
    ended = [server.finished(one["id"]) for one in made if one["inputs"]["text"] == "hello"]
    runs = [run["id"] for one in ended for run in one["taskRunList"]]
    executions = [one["id"] for one in made]
    return {
        "namespace": ["fuzz.one", "fuzz.two"],
        "id": names,
        "flowId": names,
        "flow_id": names,
        "executionId": executions,
        "execution_id": executions,
        "taskRunId": runs,
        "task_run_id": runs,
        "taskId": ["say", "rows"],
        "triggerId": ["day"],
        "trigger_id": ["day"],
        "key": ["pair", "fuzzed-key"],
        "metric": ["rows"],
        "kind": ["flow"],
        "cls": ["io.kestra.plugin.core.log.Log"],
        "type": ["flow", "task", "STRING"],
    }


def test_generated_input_is_answered_as_documented(server: Server, tmp_path: Path) -> None:
    """Issue 4, §3: whatever is sent, the answer is one that the document describes."""
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed")
    amount = ["--phases", "coverage,fuzzing", "-n", "40"] if EVERYTHING else ["--phases", "fuzzing", "-n", "2"]
    left_out = [part for name in LEFT_OUT for part in ("--exclude-operation-id", name)]
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api/v1/openapi.json"]
    command += ["-a", f"{server.username}:{server.password}", "-c", CHECKS, *amount, *left_out]
    command += ["--exclude-operation-id-regex", "^follow", "--request-timeout", "30", "--continue-on-failure"]
    command += ["--no-shrink", "--workers", "2", "--warnings", "off", "--seed", "1"]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.support.fuzz_hooks",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "FLOWDECK_FUZZ_THINGS": json.dumps(things(server)),
        "NO_COLOR": "1",
    }
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-15_000:] + done.stderr[-3000:]
