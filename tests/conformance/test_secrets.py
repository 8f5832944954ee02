"""Secrets stay where they are used: nothing that is stored or answered shows them (spec: quality §3.1)."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from tests.conformance.conftest import SECRETS, flow_text, messages, run_of
from tests.support.server import Server, eventually, multipart

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


def test_a_list_as_csv_shows_stars_for_encrypted_values(server: Server) -> None:
    """§3.3, §14: SECRET inputs and outputs, and values made of them, in the columns of an export."""
    source = flow_text(
        "as-csv",
        """
        inputs: [{id: pin, type: SECRET}, {id: plain, type: STRING, defaults: "ü, open"}]
        tasks: [{id: t, type: @debug.Return, format: x}]
        outputs:
          - {id: pin, type: SECRET, value: "{{ inputs.pin }}"}
          - {id: made, type: STRING, value: "<{{ inputs.pin }}>"}
        """,
    )
    done = server.run(source, {"pin": "pin-of-the-export"})
    answer = server.call(
        "GET", "/api/v1/main/executions/export/by-query/csv?columns=inputs,outputs&filters[flowId][EQUALS]=as-csv"
    )
    assert answer.status == 200, answer.text
    [row] = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert row["id"] == done["id"]
    assert json.loads(row["inputs"]) == {"pin": "******", "plain": "ü, open"} == done["inputs"]
    assert json.loads(row["outputs"]) == {"pin": "******", "made": "<******>"} == done["outputs"]


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
inputs: [{id: text, type: STRING}, {id: map, type: JSON, required: false}]
tasks:
  - id: t
    type: io.kestra.plugin.core.execution.Assert
    conditions: ["{{ inputs.text == 'x' ~ secret('CONFORMANCE_TOKEN') }}"]
triggers:
  - id: hook
    type: io.kestra.plugin.core.trigger.Webhook
    key: "{{ secret('CONFORMANCE_TOKEN') }}"
    labels: {token: "{{ secret('CONFORMANCE_TOKEN') }}", sent: "{{ trigger.body.x }}"}
    inputs: {text: "x{{ secret('CONFORMANCE_TOKEN') }}", map: "{{ {'k': secret('CONFORMANCE_TOKEN')} }}"}
  - id: chain
    type: io.kestra.plugin.core.trigger.Flow
    states: [SUCCESS]
    labels: {token: "t {{ secret('CONFORMANCE_TOKEN') }}"}
    inputs: {text: "x{{ secret('CONFORMANCE_TOKEN') }}"}
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
        ended = server.finished(one["id"])
        assert ended["state"]["current"] == "SUCCESS", messages(server, one["id"])
        assert ended["inputs"]["text"] == "x******"
        assert ended["inputs"].get("map") in (None, {"k": "******"})
        nowhere(server, ended["id"], TOKEN)


def test_a_value_made_of_a_secret_works_and_shows_stars(server: Server) -> None:
    """Quality §3.1: what is stored is encrypted, what is read is masked, what tasks get is the value itself."""
    size = len(TOKEN)
    ended = server.run(
        f"""
id: secret_values
namespace: conformance.secrets
inputs:
  - {{id: given, type: STRING, defaults: "k={{{{ secret('CONFORMANCE_TOKEN') }}}}"}}
  - {{id: deep, type: JSON, defaults: "{{{{ {{'a': [secret('CONFORMANCE_TOKEN')]}} | toJson }}}}"}}
tasks:
  - {{id: give, type: io.kestra.plugin.core.debug.Return, format: "a {{{{ secret('CONFORMANCE_TOKEN') | upper }}}} b"}}
  - {{id: many, type: io.kestra.plugin.core.output.OutputValues, values: {{l: ["x", "{{{{ secret('CONFORMANCE_TOKEN') }}}}"], p: q}}}}
  - id: keep
    type: io.kestra.plugin.core.execution.SetVariables
    variables: {{token: "{{{{ secret('CONFORMANCE_TOKEN') }}}}", plain: x}}
  - id: right
    type: io.kestra.plugin.core.execution.Assert
    conditions:
      - "{{{{ inputs.given == 'k=' ~ secret('CONFORMANCE_TOKEN') }}}}"
      - "{{{{ inputs.deep.a[0] == secret('CONFORMANCE_TOKEN') }}}}"
      - "{{{{ outputs.give.value == 'a ' ~ (secret('CONFORMANCE_TOKEN') | upper) ~ ' b' }}}}"
      - "{{{{ outputs.many['values'].l[1] == secret('CONFORMANCE_TOKEN') and outputs.many['values'].p == 'q' }}}}"
      - "{{{{ vars.token == secret('CONFORMANCE_TOKEN') and vars.plain == 'x' }}}}"
  - id: choose
    type: io.kestra.plugin.core.flow.If
    condition: "{{{{ vars.token | length == {size} and outputs.give.value | length == {size + 4} }}}}"
    then: [{{id: chosen, type: io.kestra.plugin.core.log.Log, message: "part {{{{ outputs.give.value | split(' ') | slice(1, 2) }}}}"}}]
  - id: route
    type: io.kestra.plugin.core.flow.Switch
    value: "{{{{ secret('CONFORMANCE_JSON', subkey='user') }}}}"
    cases: {{ada: [{{id: routed, type: io.kestra.plugin.core.log.Log, message: "{{{{ inputs.given }}}} {{{{ vars.token }}}}"}}]}}
"""
    )
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    assert run_of(ended, "chosen") and run_of(ended, "routed")
    assert ended["inputs"] == {"given": "k=******", "deep": {"a": ["******"]}}
    assert run_of(ended, "give")["outputs"] == {"value": "a ****** b"}
    assert run_of(ended, "many")["outputs"] == {"values": {"l": ["x", "******"], "p": "q"}}
    assert ended["variables"] == {"token": "******", "plain": "x"}
    messages(server, ended["id"], "k=****** ******")
    nowhere(server, ended["id"], TOKEN, TOKEN.upper())


def test_loops_run_over_secret_values(server: Server) -> None:
    """Workflow components §8.6: the value is the secret, its name in answers and outputs is not."""
    ended = server.run(
        """
id: secret_loop
namespace: conformance.secrets
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: ["{{ secret('CONFORMANCE_TOKEN') }}", "{{ secret('DB_PASSWORD') }}", "plain"]
    concurrencyLimit: 0
    tasks:
      - id: size
        type: io.kestra.plugin.core.debug.Return
        format: "{{ taskrun.value | length }} {{ taskrun.iteration }}"
      - id: within
        type: io.kestra.plugin.core.flow.Sequential
        tasks:
          - id: same
            type: io.kestra.plugin.core.execution.Assert
            conditions:
              - "{{ parent.taskrun.value | length == outputs.size[parent.taskrun.value].value | split(' ') | first | number }}"
      - {id: say, type: io.kestra.plugin.core.log.Log, message: "got {{ taskrun.value }} {{ currentEachOutput(outputs.size).value }}"}
"""
    )
    assert ended["state"]["current"] == "SUCCESS", server.logs(ended["id"])
    values = [run["value"] for run in ended["taskRunList"] if run["taskId"] == "size"]
    assert sorted(values) == ["******", "****** (2)", "plain"]
    sizes = {run["value"]: run["outputs"]["value"] for run in ended["taskRunList"] if run["taskId"] == "size"}
    assert sizes["******"] == f"{len(TOKEN)} 0"
    assert sizes["****** (2)"] == f"{len(SECRETS['DB_PASSWORD'])} 1"
    messages(server, ended["id"], f"got ****** {len(TOKEN)} 0", "got plain 5 2")
    nowhere(server, ended["id"], TOKEN, SECRETS["DB_PASSWORD"])


def test_a_subflow_gets_secrets_in_inputs_of_every_type(server: Server) -> None:
    """Workflow components §9.1: STRING inputs are stored sealed when they show a secret."""
    server.save_flow(
        """
id: secret_inputs
namespace: conformance.secrets
inputs:
  - {id: text, type: STRING}
  - {id: hidden, type: SECRET}
  - {id: map, type: JSON}
tasks:
  - id: right
    type: io.kestra.plugin.core.execution.Assert
    conditions:
      - "{{ inputs.text == 'x' ~ secret('CONFORMANCE_TOKEN') and inputs.hidden == secret('CONFORMANCE_TOKEN') }}"
      - "{{ inputs.map.t == secret('CONFORMANCE_TOKEN') and inputs.map.n == 1 }}"
"""
    )
    ended = server.run(
        """
id: secret_caller
namespace: conformance.secrets
tasks:
  - id: child
    type: io.kestra.plugin.core.flow.Subflow
    namespace: conformance.secrets
    flowId: secret_inputs
    inputs:
      text: "x{{ secret('CONFORMANCE_TOKEN') }}"
      hidden: "{{ secret('CONFORMANCE_TOKEN') }}"
      map: {t: "{{ secret('CONFORMANCE_TOKEN') }}", n: 1}
"""
    )
    assert ended["state"]["current"] == "SUCCESS", server.logs(ended["id"])
    child = server.execution(run_of(ended, "child")["outputs"]["executionId"])
    assert child["inputs"] == {"text": "x******", "hidden": "******", "map": {"t": "******", "n": 1}}
    nowhere(server, child["id"], TOKEN)


def test_sealed_values_survive_restarts_replays_and_working_directories(server: Server) -> None:
    """Quality §3.1, workflow components §18: what is stored encrypted is used again as it was."""
    source = """
id: secret_again
namespace: conformance.secrets
inputs:
  - {id: given, type: STRING, defaults: "k={{ secret('CONFORMANCE_TOKEN') }}"}
  - {id: round, type: INT, defaults: 1}
tasks:
  - {id: give, type: io.kestra.plugin.core.debug.Return, format: "{{ secret('CONFORMANCE_TOKEN') }}"}
  - id: folder
    type: io.kestra.plugin.core.flow.WorkingDirectory
    tasks:
      - {id: inner, type: io.kestra.plugin.core.debug.Return, format: "in {{ outputs.give.value }}"}
      - id: compare
        type: io.kestra.plugin.core.execution.Assert
        conditions:
          - "{{ outputs.inner.value == 'in ' ~ secret('CONFORMANCE_TOKEN') }}"
          - "{{ inputs.given == 'k=' ~ secret('CONFORMANCE_TOKEN') }}"
  - id: last
    type: io.kestra.plugin.core.execution.Fail
    condition: "{{ inputs.round == 1 and outputs.inner.value | length > 3 }}"
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.given }} {{ outputs.inner.value }}"}
outputs:
  - {id: hidden, type: SECRET, value: "{{ outputs.give.value }}"}
afterExecution:
  - id: seen
    type: io.kestra.plugin.core.flow.If
    condition: "{{ execution.outputs.hidden == secret('CONFORMANCE_TOKEN') }}"
    then: [{id: same, type: io.kestra.plugin.core.log.Log, message: "the output is whole"}]
"""
    failed = server.run(source)
    assert failed["state"]["current"] == "FAILED", messages(server, failed["id"])
    assert failed["inputs"] == {"given": "k=******", "round": 1}
    assert run_of(failed, "compare")["state"]["current"] == "SUCCESS"
    answer = server.call("POST", f"/api/v1/main/executions/{failed['id']}/restart")
    assert answer.status == 200, answer.text
    again = server.finished(failed["id"])
    assert again["state"]["current"] == "FAILED" and again["inputs"] == failed["inputs"]
    answer = server.call("POST", f"/api/v1/main/executions/{failed['id']}/replay")
    assert answer.status == 200, answer.text
    assert server.finished(answer.json["id"])["inputs"] == failed["inputs"]
    body, kind = multipart({"round": "2"})
    answer = server.call(
        "POST", f"/api/v1/main/executions/{failed['id']}/replay-with-inputs", body=body, content_type=kind
    )
    assert answer.status == 200, answer.text
    ended = server.finished(answer.json["id"])
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    assert ended["inputs"] == {"given": "k=******", "round": 2} and ended["outputs"] == {"hidden": "******"}
    messages(server, ended["id"], "k=****** in ******", "the output is whole")
    nowhere(server, ended["id"], TOKEN)


def test_batches_get_secrets_and_show_none(server: Server) -> None:
    """Core plugins §1.6: inputs of each child are sealed, labels are masked."""
    server.save_flow(
        """
id: secret_batch
namespace: conformance.secrets
inputs:
  - {id: text, type: STRING}
  - {id: file, type: STRING}
tasks:
  - id: right
    type: io.kestra.plugin.core.execution.Assert
    conditions: ["{{ inputs.text == 'x' ~ secret('CONFORMANCE_TOKEN') and (read(inputs.file) | length) > 0 }}"]
"""
    )
    ended = server.run(
        """
id: secret_batches
namespace: conformance.secrets
tasks:
  - {id: lines, type: io.kestra.plugin.core.storage.Write, content: "a\\nb\\n", extension: .txt}
  - id: each
    type: io.kestra.plugin.core.flow.ForEachItem
    items: "{{ outputs.lines.uri }}"
    batch: {rows: 1}
    namespace: conformance.secrets
    flowId: secret_batch
    labels: {token: "{{ secret('CONFORMANCE_TOKEN') }}"}
    inputs: {text: "x{{ secret('CONFORMANCE_TOKEN') }}", file: "{{ taskrun.items }}"}
"""
    )
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    query = "namespace=conformance.secrets&flowId=secret_batch"
    children = server.call("GET", f"/api/v1/main/executions?{query}").json["results"]
    assert len(children) == 2
    for child in children:
        assert child["inputs"]["text"] == "x******" and {"key": "token", "value": "******"} in child["labels"]
        nowhere(server, child["id"], TOKEN)
