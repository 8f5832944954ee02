"""Every type of input, over the wire: what is taken, how it is stored, what is refused and why (spec: §3)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.conformance.conftest import flow_text, messages, put_file, put_kv, refused, run_of
from tests.conformance.test_secrets import nowhere
from tests.support.server import Server, multipart

pytestmark = pytest.mark.timeout(60)

TAKEN: list[tuple[str, Any, Any]] = [
    ("type: STRING", "any text {{ 1 + 1 }}", "any text {{ 1 + 1 }}"),
    ("type: STRING", "", ""),
    ("type: STRING, validator: '[a-z]+'", "abc", "abc"),
    ("type: INT", "-12", -12),
    ("type: INT, min: 1, max: 3", "3", 3),
    ("type: FLOAT", "1.255", 1.255),
    ("type: FLOAT, min: 0.5", "0.5", 0.5),
    ("type: BOOL", "TRUE", True),
    ("type: BOOL", "yes", False),
    ("type: BOOLEAN", "true", True),
    ("type: DATETIME", "2042-04-02T04:20:42.000Z", "2042-04-02T04:20:42Z"),
    ("type: DATETIME", "2042-04-02T06:20:42+02:00", "2042-04-02T04:20:42Z"),
    ("type: DATE", "2042-12-03", "2042-12-03"),
    ("type: TIME", "10:15", "10:15"),
    ("type: TIME, after: '10:00', before: '11:00'", "10:15:30", "10:15:30"),
    ("type: DURATION", "PT5M6S", "PT5M6S"),
    ("type: DURATION, min: PT1M, max: PT1H", "PT1H", "PT1H"),
    ("type: SELECT, values: [a, b]", "b", "b"),
    ("type: SELECT, values: [a, b], allowCustomValue: true", "c", "c"),
    ("type: ENUM, values: [A, B]", "A", "A"),
    ("type: MULTISELECT, values: [a, b, c]", '["a","c"]', ["a", "c"]),
    ("type: MULTISELECT, values: ['1', '2'], itemType: INT", '["1"]', [1]),
    ("type: ARRAY, itemType: INT", "[1, 2]", [1, 2]),
    ("type: ARRAY, itemType: STRING", '["x", "y"]', ["x", "y"]),
    ("type: JSON", '{"a": [1, null]}', {"a": [1, None]}),
    ("type: YAML", "a: 1\nb: [x]\n", {"a": 1, "b": ["x"]}),
    ("type: URI", "https://example.com/a?b=c", "https://example.com/a?b=c"),
    ("type: EMAIL", "ada@example.com", "ada@example.com"),
    ("type: SECRET", "not to be seen", "******"),
    ("type: SECRET, validator: '[a-z ]+'", "not to be seen", "******"),
]
LEFT_OUT: list[tuple[str, Any]] = [
    ("type: STRING, required: false", None),
    ("type: INT, required: false", None),
    ("type: INT, defaults: 5", 5),
    ("type: STRING, defaults: 'the {{ 1 + 1 }}'", "the 2"),
    ("type: STRING, required: false, prefill: hint", None),
    ("type: SELECT, values: [a, b], defaults: b", "b"),
    ("type: SELECT, values: [a, b], autoSelectFirst: true", "a"),
    ("type: MULTISELECT, values: [a, b], defaults: [a, b]", ["a", "b"]),
    ("type: JSON, defaults: '{\"a\": 1}'", {"a": 1}),
    ("type: DATETIME, defaults: '2042-04-02T04:20:42.000Z'", "2042-04-02T04:20:42Z"),
    ("type: BOOLEAN, defaults: false", False),
]
REFUSED: list[tuple[str, Any, str]] = [
    ("type: STRING", None, "Missing required input:x"),
    ("type: STRING, validator: '[a-z]+'", "abc1", "it must match the pattern `[a-z]+`"),
    ("type: INT", "1.5", "Invalid value for input `x`. Cause:"),
    ("type: INT", "many", "Invalid value for input `x`. Cause:"),
    ("type: INT, min: 1", "0", "it must be more than `1`"),
    ("type: INT, max: 3", "4", "it must be less than `3`"),
    ("type: INT", "2147483648", "Invalid value for input `x`. Cause:"),
    ("type: FLOAT", "x", "Invalid value for input `x`. Cause:"),
    ("type: DATETIME", "yesterday", "Invalid value for input `x`. Cause:"),
    ("type: DATETIME, before: '2020-01-01T00:00:00Z'", "2042-04-02T04:20:42Z", "it must be before"),
    ("type: DATE", "2042-13-03", "Invalid value for input `x`. Cause:"),
    ("type: DATE, after: '2020-01-01'", "2019-01-01", "it must be after `2020-01-01`"),
    ("type: TIME", "25:00", "Invalid value for input `x`. Cause:"),
    ("type: DURATION", "5 minutes", "Invalid value for input `x`. Cause:"),
    ("type: DURATION, max: PT1H", "PT2H", "It must be less than `PT1H`"),
    ("type: SELECT, values: [a, b]", "c", "it must match the values `[a, b]`"),
    ("type: MULTISELECT, values: [a, b]", '["a","z"]', "it must match the values `[a, b]`"),
    ("type: ARRAY, itemType: INT", '["a"]', "Unable to parse array element as `INT` on `a`"),
    ("type: JSON", "{broken", "Invalid value for input `x`. Cause:"),
    ("type: YAML", "a: [", "Invalid value for input `x`. Cause:"),
    ("type: URI", "http://localhost:8080", "Invalid URI format."),
    ("type: EMAIL", "nobody", "The input must be a valid email"),
    ("type: SECRET, validator: '[a-z]+'", "ABC", "it must match the pattern"),
    ("type: FILE", None, "Missing required input:x"),
]


def one_input(server: Server, declared: str) -> None:
    server.save_flow(
        flow_text("one_input", f"inputs: [{{id: x, {declared}}}]\ntasks: [{{id: t, type: @log.Log, message: x}}]")
    )


@pytest.mark.parametrize(("declared", "sent", "stored"), TAKEN)
def test_what_an_input_takes(server: Server, declared: str, sent: Any, stored: Any) -> None:
    one_input(server, declared)
    created = server.execute("conformance", "one_input", {"x": sent})
    assert created["inputs"] == {"x": stored}
    assert server.execution(created["id"])["inputs"] == {"x": stored}


@pytest.mark.parametrize(("declared", "stored"), LEFT_OUT)
def test_what_an_input_is_when_nothing_is_sent(server: Server, declared: str, stored: Any) -> None:
    one_input(server, declared)
    assert server.execute("conformance", "one_input").get("inputs") == {"x": stored}


@pytest.mark.parametrize(("declared", "sent", "why"), REFUSED)
def test_what_an_input_refuses(server: Server, declared: str, sent: Any, why: str) -> None:
    one_input(server, declared)
    before = server.call("GET", "/api/v1/main/executions?namespace=conformance&flowId=one_input").json["total"]
    status, message = refused(server, "conformance", "one_input", {"x": sent} if sent is not None else None)
    assert status == 422 and why in message
    after = server.call("GET", "/api/v1/main/executions?namespace=conformance&flowId=one_input").json["total"]
    assert after == before


def test_all_wrong_inputs_are_told_at_once(server: Server) -> None:
    server.save_flow(
        flow_text(
            "many_inputs",
            """
            inputs: [{id: a, type: INT}, {id: b, type: DATE}, {id: c, type: STRING}]
            tasks: [{id: t, type: @log.Log, message: x}]
            """,
        )
    )
    status, message = refused(server, "conformance", "many_inputs", {"a": "x", "b": "y"})
    assert status == 422 and all(f"`{name}`" in message for name in "ab") and "Missing required input:c" in message


def test_inputs_with_dots_are_maps_and_those_with_dashes_need_brackets(server: Server) -> None:
    created = server.run(
        flow_text(
            "nested_inputs",
            """
            inputs: [{id: db.host, type: STRING}, {id: db.port, type: INT}, {id: my-key, type: STRING}]
            tasks:
              - id: t
                type: @debug.Return
                format: "{{ inputs.db.host }}:{{ inputs.db.port }} {{ inputs['my-key'] }} {{ inputs.db }}"
            """,
        ),
        {"db.host": "h", "db.port": "5", "my-key": "k"},
    )
    assert created["inputs"] == {"db": {"host": "h", "port": 5}, "my-key": "k"}
    assert run_of(created, "t")["outputs"]["value"] == 'h:5 k {"host":"h","port":5}'


def test_inputs_that_depend_on_others(server: Server) -> None:
    put_kv(server, "conformance", "regions", {"vm": ["north", "south"], "bucket": ["all"]})
    server.save_flow(
        flow_text(
            "dependent",
            """
            inputs:
              - {id: kind, type: SELECT, values: [vm, bucket]}
              - id: size
                type: INT
                dependsOn: {inputs: [kind], condition: "{{ inputs.kind == 'vm' }}"}
              - id: region
                type: SELECT
                expression: "{{ kv('regions')[inputs.kind] }}"
                autoSelectFirst: true
                dependsOn: {inputs: [kind]}
            tasks: [{id: t, type: @log.Log, message: x}]
            """,
        )
    )
    assert server.execute("conformance", "dependent", {"kind": "bucket", "size": "7"})["inputs"] == {
        "kind": "bucket",
        "region": "all",
    }
    assert server.execute("conformance", "dependent", {"kind": "vm", "size": "7", "region": "south"})["inputs"] == {
        "kind": "vm",
        "size": 7,
        "region": "south",
    }
    status, message = refused(server, "conformance", "dependent", {"kind": "vm", "size": "7", "region": "all"})
    assert status == 422 and "it must match the values `[north, south]`" in message
    body, content_type = multipart({"kind": "vm"})
    checked = server.call(
        "POST", "/api/v1/main/executions/conformance/dependent/validate", body=body, content_type=content_type
    )
    assert checked.status == 200
    shown = {one["input"]["id"]: one for one in checked.json["inputs"]}
    assert shown["region"]["input"]["values"] == ["north", "south"] and shown["region"]["value"] == "north"
    assert shown["size"]["errors"] and shown["size"]["enabled"] is True


FILES = """
inputs:
  - {id: f, type: FILE, allowedFileExtensions: [.txt, .CSV], required: false}
  - {id: g, type: FILE, required: false}
tasks:
  - {id: t, type: @log.Log, message: "<{{ read(inputs.f ?? inputs.g) }}>"}
"""


def upload(server: Server, part: str, name: str, content: bytes) -> Any:
    boundary = "b0undary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\n\r\n'.encode()
        + content
        + f"\r\n--{boundary}--\r\n".encode()
    )
    return server.call(
        "POST",
        "/api/v1/main/executions/conformance/file_inputs",
        body=body,
        content_type=f"multipart/form-data; boundary={boundary}",
    )


def test_files_are_uploaded_under_the_name_of_their_input(server: Server) -> None:
    server.save_flow(flow_text("file_inputs", FILES))
    for part, name in (("f", "table.csv"), ("files", "g")):
        answer = upload(server, part, name, b"some content")
        assert answer.status == 200, answer.text
        ended = server.finished(answer.json["id"])
        assert ended["state"]["current"] == "SUCCESS"
        messages(server, ended["id"], "<some content>")
        uri = next(iter(value for value in ended["inputs"].values() if value))
        assert uri.startswith(f"kestra:///conformance/file-inputs/executions/{ended['id']}/inputs/")
        found = server.call("GET", f"/api/v1/main/executions/{ended['id']}/file?path={quote(uri, safe='')}")
        assert found.body == b"some content"
    wrong = upload(server, "f", "table.exe", b"x")
    assert wrong.status == 422 and "File type not allowed, expected one of [.txt, .CSV]" in wrong.json["message"]
    empty = upload(server, "g", "empty.txt", b"")
    assert empty.status == 422 and "Can't upload file: g" in empty.json["message"]


def test_accept_is_another_name_of_the_allowed_extensions(server: Server) -> None:
    """§3.3, FILE."""
    body = FILES.replace("allowedFileExtensions: [.txt, .CSV]", "accept: [.txt]")
    server.save_flow(flow_text("file_inputs", body))
    wrong = upload(server, "f", "table.csv", b"x")
    assert wrong.status == 422 and "File type not allowed, expected one of [.txt]" in wrong.json["message"]
    assert upload(server, "f", "table.txt", b"x").status == 200


def test_a_file_may_be_one_of_the_namespace(server: Server) -> None:
    put_file(server, "conformance", "/shared/hello.txt", "from the namespace")
    server.save_flow(flow_text("file_inputs", FILES))
    ended = server.finished(server.execute("conformance", "file_inputs", {"g": "nsfile:///shared/hello.txt"})["id"])
    messages(server, ended["id"], "<from the namespace>")
    body, content_type = multipart({"g": "file:///etc/passwd"})
    path = "/api/v1/main/executions/conformance/file_inputs"
    answer = server.call("POST", path, body=body, content_type=content_type)
    assert answer.status == 422 and "The path of 'file:///etc/passwd' is not allowed" in answer.json["message"]


def test_defaults_may_need_a_worker_and_are_rendered_once(server: Server) -> None:
    put_kv(server, "conformance", "greeting", "hi {{ 1 + 1 }}")
    ended = server.run(
        flow_text(
            "defaults_with_io",
            """
            inputs:
              - {id: g, type: STRING, defaults: "{{ kv('greeting') }}"}
              - {id: s, type: SECRET, defaults: "{{ secret('CONFORMANCE_TOKEN') }}"}
            tasks:
              - {id: t, type: @debug.Return, format: "{{ inputs.g }}"}
              - {id: u, type: @execution.Assert, conditions: ["{{ inputs.s == secret('CONFORMANCE_TOKEN') }}"]}
            """,
        )
    )
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    assert run_of(ended, "t")["outputs"]["value"] == "hi {{ 1 + 1 }}"
    assert ended["inputs"] == {"g": "hi {{ 1 + 1 }}", "s": "******"}


def test_a_secret_input_shows_nowhere(server: Server) -> None:
    server.save_flow(
        flow_text(
            "secret_everywhere",
            """
            inputs: [{id: pw, type: SECRET}]
            variables: {v: "{{ inputs.pw }}"}
            tasks:
              - id: label
                type: @execution.Labels
                labels: {pw: "{{ inputs.pw }}"}
              - id: sub
                type: @flow.Subflow
                namespace: conformance
                flowId: secret_below
                inputs: {pw: "{{ inputs.pw }}"}
              - id: each
                type: @flow.ForEach
                values: ["{{ inputs.pw }}"]
                tasks: [{id: in, type: @log.Log, message: "{{ inputs.pw }} {{ render(vars.v) }}"}]
            outputs: [{id: o, type: SECRET, value: "{{ inputs.pw }}"}]
            """,
        )
    )
    server.save_flow(
        flow_text(
            "secret_below",
            """
            inputs: [{id: pw, type: SECRET}]
            tasks:
              - {id: right, type: @execution.Assert, conditions: ["{{ (inputs.pw | length) == 17 }}"]}
            """,
        )
    )
    ended = server.finished(server.execute("conformance", "secret_everywhere", {"pw": "pw-never-be-seen!"})["id"])
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    assert ended["inputs"] == {"pw": "******"} and ended["outputs"] == {"o": "******"}
    assert {"key": "pw", "value": "******"} in ended["labels"]
    messages(server, ended["id"], "****** ******")
    evaluated = server.call(
        "POST", f"/api/v1/main/executions/{ended['id']}/eval", body="{{ inputs.pw }}", content_type="text/plain"
    )
    assert "pw-never-be-seen!" not in evaluated.text
    replayed = server.call("POST", f"/api/v1/main/executions/{ended['id']}/replay").json
    again = server.finished(replayed["id"])
    assert again["state"]["current"] == "SUCCESS" and again["inputs"] == {"pw": "******"}
    assert "pw-never-be-seen!" not in json.dumps(again)
    nowhere(server, ended["id"], "pw-never-be-seen!")
