"""What the configuration gives to every flow: plugin defaults, globals, environment (spec: components §13, §20)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server, eventually, multipart

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


RECURSIVE = {
    "kestra": {
        "variables": {"recursive-rendering": True},
        "tasks": {"defaults": [{"type": f"{CORE}.log.Log", "values": {"level": "WARN"}}]},
    }
}
NESTED = """
id: nested
namespace: ns
inputs:
  - {id: sum, type: STRING, defaults: "{{ '{{ 1 + 1 }}' }}"}
  - {id: choice, type: SELECT, expression: "{{ '{{ [1, 2] }}' }}", autoSelectFirst: true}
variables:
  first: "{{ flow.id }}"
  second: "{{ vars.first }}"
  no: "{{ false }}"
  number: "{{ 1 + 2 }}"
  stored: "{{ kv('absent', errorOnMissing=false) ?? 'nothing' }}"
  growing: "{{ vars.growing }}x"
tasks:
  - {id: task, type: core.log.Log, message: "{{ vars.second }} {{ vars.stored }} {{ inputs.sum }} {% raw %}{{ x }}{% endraw %}"}
  - {id: if, type: core.flow.If, condition: "{{ vars.no }}", then: [{id: then, type: core.log.Log, message: then}]}
  - id: loop
    type: core.flow.ForEach
    values: ["{{ vars.second }}", "{{ vars.stored }}"]
    tasks: [{id: in, type: core.debug.Return, format: "{{ taskrun.value }}"}]
  - {id: labels, type: core.execution.Labels, labels: {of: "{{ vars.second }}"}}
  - {id: never, type: core.log.Log, message: "{{ vars.growing }}", allowFailure: true}
outputs: [{id: n, type: INT, value: "{{ vars.number }}"}, {id: c, type: STRING, value: "{{ inputs.choice }}"}]
""".replace("type: core.", "type: io.kestra.plugin.core.")


def test_rendering_is_recursive_everywhere_when_the_configuration_says_so(tmp_path: Path) -> None:
    """Expressions §1: `kestra.variables.recursive-rendering`; `kestra.tasks.defaults`, the older key (§13)."""
    environment = {"KESTRA_CONFIGURATION": json.dumps(RECURSIVE), "FLOWDECK_CONSOLE_ENABLED": "false"}
    one = Server(tmp_path / "home", environment=environment)
    try:
        ended = one.start().run(NESTED)
        assert ended["state"]["current"] == "WARNING", one.logs(ended["id"])
        lines = eventually(
            lambda: {x["message"]: x["level"] for x in one.logs(ended["id"]) if x.get("taskId") in ("task", "never")},
            what="lines",
        )
        assert lines["nested nothing 2 {{ x }}"] == "WARN"
        assert any("Too many rendering attempts" in text for text in lines)
        ran = [(run["taskId"], run.get("value"), run["state"]["current"]) for run in ended["taskRunList"]]
        assert ran == [
            ("task", None, "SUCCESS"),
            ("if", None, "SUCCESS"),
            ("loop", None, "SUCCESS"),
            ("in", "nested", "SUCCESS"),
            ("in", "nothing", "SUCCESS"),
            ("labels", None, "SUCCESS"),
            ("never", None, "WARNING"),
        ]
        assert ended["outputs"] == {"n": 3, "c": "1"}
        assert {"key": "of", "value": "nested"} in ended["labels"]
    finally:
        one.discard()
