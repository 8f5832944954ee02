"""What the configuration gives to every flow: plugin defaults, globals, environment (spec: components §13, §20)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.server import Server, multipart

pytestmark = pytest.mark.timeout(120)

CORE = "io.kestra.plugin.core"
CONFIGURATION = {
    "kestra": {
        "url": "https://flows.example.com",
        "environment": {"name": "staging"},
        "variables": {"globals": {"city": "Paris"}},
        "plugins": {
            "defaults": [
                {"type": f"{CORE}.debug.Return", "values": {"format": "from the instance"}},
                {"type": f"{CORE}.log.Log", "forced": True, "values": {"level": "WARN"}},
            ]
        },
    }
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(
        tmp_path_factory.mktemp("defaults"),
        environment={"KESTRA_CONFIGURATION": json.dumps(CONFIGURATION), "ENV_COLOR": "blue"},
    )
    try:
        yield one.start()
    finally:
        one.discard()


def values(execution: Any) -> dict[str, Any]:
    assert execution["state"]["current"] == "SUCCESS", execution
    return {run["taskId"]: run["outputs"].get("value") for run in execution["taskRunList"]}


def test_defaults_of_the_instance_are_the_farthest_and_forced_ones_the_strongest(server: Server) -> None:
    """§13: `kestra.plugins.defaults`; what they supply is not missing (§2.1)."""
    body = (
        "tasks:\n  - {id: far, type: io.kestra.plugin.core.debug.Return}\n"
        "  - {id: own, type: io.kestra.plugin.core.debug.Return, format: own}\n"
        "  - {id: log, type: io.kestra.plugin.core.log.Log, message: forced, level: DEBUG}\n"
    )
    ended = server.run(f"id: a\nnamespace: ns\n{body}")
    assert values(ended) == {"far": "from the instance", "own": "own", "log": None}
    assert [x["level"] for x in server.logs(ended["id"]) if x["message"] == "forced"] == ["WARN"]
    near = f"pluginDefaults: [{{type: {CORE}.debug, values: {{format: near}}}}]\n"
    assert values(server.run(f"id: a\nnamespace: ns\n{body}{near}"))["far"] == "near"
    assert "level: WARN" not in server.call("GET", "/api/v1/main/flows/ns/a?source=true").json["source"]


SEEN = "{{ globals.city }} {{ envs.color }} {{ kestra.environment }} {{ kestra.url }}"
WANTED = "Paris blue staging https://flows.example.com"


def test_tasks_inputs_checks_and_the_validation_see_the_same(server: Server) -> None:
    """§20: `envs`, `globals`, `kestra` always; §3.6: also in the context of inputs; §12: of checks."""
    source = (
        f'id: b\nnamespace: ns\ninputs: [{{id: i, type: STRING, defaults: "{SEEN}"}}]\n'
        "checks: [{condition: \"{{ globals.city == 'Paris' and envs.color == 'blue' }}\", message: m}]\n"
        f'tasks: [{{id: t, type: {CORE}.debug.Return, format: "{SEEN}"}},'
        f' {{id: u, type: {CORE}.debug.Return, format: "{{{{ inputs.i }}}}"}}]\n'
    )
    ended = server.run(source)
    assert values(ended) == {"t": WANTED, "u": WANTED}
    body, content_type = multipart({"other": "x"})
    path = "/api/v1/main/executions/ns/b/validate"
    checked = server.call("POST", path, body=body, content_type=content_type).json
    assert checked["inputs"][0]["value"] == WANTED and checked["checks"] == []
    answer = server.call("POST", f"/api/v1/main/executions/{ended['id']}/eval", body=SEEN, content_type="text/plain")
    if answer.status == 200:
        assert answer.json["result"] == WANTED
