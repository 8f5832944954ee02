"""Secrets stay where they are used: nothing that is stored or answered shows them (spec: quality §3.1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conformance.conftest import SECRETS, messages
from tests.support.server import Server, eventually

TOKEN = SECRETS["CONFORMANCE_TOKEN"]


def nowhere(server: Server, execution: str, *secrets: str) -> None:
    """No secret in document, logs, outputs, nor in any file of the server's home."""
    shown = json.dumps([server.execution(execution), server.logs(execution)])
    for secret in secrets:
        assert secret not in shown
        for path in Path(server.home).rglob("*"):
            if path.is_file() and not path.is_socket():
                assert secret.encode() not in path.read_bytes(), f"{secret} stands in {path.name}"


def test_outputs_labels_and_variables_made_of_secrets_are_masked(server: Server) -> None:
    ended = server.run(
        """
id: secret_outputs
namespace: conformance.secrets
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "token {{ secret('CONFORMANCE_TOKEN') }}"}
  - {id: give, type: io.kestra.plugin.core.debug.Return, format: "{{ secret('CONFORMANCE_TOKEN') | upper }}"}
  - id: mark
    type: io.kestra.plugin.core.execution.Labels
    labels: {token: "{{ secret('CONFORMANCE_TOKEN') }}", plain: "x"}
  - id: keep
    type: io.kestra.plugin.core.execution.SetVariables
    variables: {token: "{{ secret('CONFORMANCE_TOKEN') }}"}
outputs:
  - {id: shown, type: STRING, value: "a {{ secret('CONFORMANCE_TOKEN') }} b"}
  - {id: hidden, type: SECRET, value: "{{ secret('CONFORMANCE_TOKEN') }}"}
"""
    )
    assert ended["state"]["current"] == "SUCCESS"
    assert ended["outputs"] == {"shown": "a ****** b", "hidden": "******"}
    assert {"key": "token", "value": "******"} in ended["labels"]
    assert ended["variables"] == {"token": "******"}
    nowhere(server, ended["id"], TOKEN, TOKEN.upper())


def test_a_secret_output_can_be_used_by_the_parent_and_shown_by_nobody(server: Server) -> None:
    server.save_flow(
        """
id: secret_child
namespace: conformance.secrets
tasks: [{id: t, type: io.kestra.plugin.core.log.Log, message: hi}]
outputs: [{id: token, type: SECRET, value: "{{ secret('CONFORMANCE_TOKEN') }}"}]
"""
    )
    ended = server.run(
        """
id: secret_parent
namespace: conformance.secrets
tasks:
  - {id: child, type: io.kestra.plugin.core.flow.Subflow, namespace: conformance.secrets, flowId: secret_child}
  - id: right
    type: io.kestra.plugin.core.execution.Assert
    conditions: ["{{ outputs.child.outputs.token == secret('CONFORMANCE_TOKEN') }}"]
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "got {{ outputs.child.outputs.token }}"}
"""
    )
    assert ended["state"]["current"] == "SUCCESS", server.logs(ended["id"])
    messages(server, ended["id"], "got ******")
    nowhere(server, ended["id"], TOKEN)


def test_a_secret_input_is_masked_in_all_that_is_made_of_it(server: Server) -> None:
    ended = server.run(
        """
id: secret_input
namespace: conformance.secrets
inputs:
  - {id: password, type: SECRET}
tasks:
  - {id: give, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.password }}"}
  - id: script
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    env: {PASSWORD: "{{ inputs.password }}"}
    commands:
      - echo "clear $PASSWORD"
      - echo '::{"outputs":{"password":"{{ inputs.password }}"}}::'
      - test "$(printf %s "$PASSWORD" | wc -c)" = 13
  - {id: fail, type: io.kestra.plugin.core.execution.Fail, errorMessage: "no {{ inputs.password }}", allowFailure: true}
outputs:
  - {id: shown, type: STRING, value: "{{ inputs.password }}"}
""",
        {"password": "in-put-s3cret"},
    )
    assert ended["state"]["current"] == "WARNING", server.logs(ended["id"])
    assert ended["inputs"] == {"password": "******"}
    assert ended["outputs"] == {"shown": "******"}
    nowhere(server, ended["id"], "in-put-s3cret")


def test_error_logs_of_the_execution_are_known_to_outputs_and_errors(server: Server) -> None:
    ended = server.run(
        """
id: error_logs
namespace: conformance.secrets
tasks:
  - {id: broken, type: io.kestra.plugin.core.execution.Fail, errorMessage: "it broke"}
errors:
  - {id: tell, type: io.kestra.plugin.core.debug.Return, format: "{{ errorLogs()[0]['message'] }}"}
  - id: mark
    type: io.kestra.plugin.core.execution.Labels
    labels: {broken: "{{ errorLogs()[0]['taskId'] }}"}
outputs:
  - {id: why, type: STRING, value: "{{ errorLogs()[0]['message'] }}"}
"""
    )
    assert ended["state"]["current"] == "FAILED"
    told = next(run for run in ended["taskRunList"] if run["taskId"] == "tell")
    assert told["outputs"]["value"] == "it broke"
    assert {"key": "broken", "value": "broken"} in ended["labels"]
    assert ended["outputs"] == {"why": "it broke"}


def test_labels_that_triggers_make_of_secrets_are_masked(server: Server) -> None:
    server.save_flow(
        """
id: secret_upstream
namespace: conformance.secrets
tasks: [{id: t, type: io.kestra.plugin.core.log.Log, message: hi}]
"""
    )
    server.save_flow(
        """
id: secret_triggers
namespace: conformance.secrets
tasks: [{id: t, type: io.kestra.plugin.core.log.Log, message: hi}]
triggers:
  - id: hook
    type: io.kestra.plugin.core.trigger.Webhook
    key: "{{ secret('CONFORMANCE_TOKEN') }}"
    labels: {token: "{{ secret('CONFORMANCE_TOKEN') }}", sent: "{{ trigger.body.x }}"}
  - id: chain
    type: io.kestra.plugin.core.trigger.Flow
    states: [SUCCESS]
    labels: {token: "t {{ secret('CONFORMANCE_TOKEN') }}"}
    preconditions:
      id: up
      flows: [{namespace: conformance.secrets, flowId: secret_upstream}]
"""
    )
    path = f"/api/v1/main/executions/webhook/conformance.secrets/secret_triggers/{TOKEN}"
    hooked = server.call("POST", path, json_body={"x": 5}, auth=False)
    assert hooked.status == 200
    server.finished(server.execute("conformance.secrets", "secret_upstream")["id"])

    def found() -> list[Any]:
        listed = server.call("GET", "/api/v1/main/executions?namespace=conformance.secrets&flowId=secret_triggers").json
        return listed["results"] if listed["total"] == 2 else []

    executions = eventually(found, what="both executions")
    labels = {one["trigger"]["id"]: {x["key"]: x["value"] for x in one["labels"]} for one in executions}
    assert labels["hook"] | labels["chain"] == labels["hook"] | {"token": "t ******"} | {
        "system.correlationId": labels["chain"]["system.correlationId"]
    }
    assert labels["hook"]["token"] == "******" and labels["hook"]["sent"] == "5"
    for one in executions:
        nowhere(server, server.finished(one["id"])["id"], TOKEN)
