"""Expressions where they are used: context, functions and filters as a task sees them (spec: §20, expressions)."""

from __future__ import annotations

import json

import pytest

from tests.conformance.conftest import flow_text, messages, put_file, put_kv, run_of, states
from tests.support.server import Server

pytestmark = pytest.mark.timeout(60)

CASES: list[tuple[str, str]] = [
    ("{{ flow.id }} {{ flow.namespace }} {{ flow.revision }} {{ flow.tenantId }}", "many conformance 1 main"),
    ("{{ task.id == 't0' ? 'a' : 'b' }} {{ task.type }}", "b io.kestra.plugin.core.debug.Return"),
    ("{{ taskrun.attemptsCount }} {{ execution.state }}", "0 RUNNING"),
    ("{{ execution.id == execution.originalId }}", "true"),
    ("{{ inputs.n + 1 }} {{ inputs.j.a[0] }} {{ inputs.j }}", '6 1 {"a":[1]}'),
    ("{{ inputs['j']['a'] | first }}", "1"),
    ("{{ vars.plain }} {{ vars.nested }} {{ render(vars.nested) }}", "p {{ vars.plain }} p"),
    ("{{ labels.team }} {{ labels.system.correlationId == execution.id }}", "data true"),
    ("{{ outputs.first.value }} {{ tasks.first.state }}", "one SUCCESS"),
    ("{{ inputs.missing ?? 'default' }} {{ outputs.nope.value ?? 'x' }}", "default x"),
    ("{{ 'a,b' | split(',') | join('-') }} {{ 'Ada' | lower | capitalize }}", "a-b Ada"),
    ("{{ [3, 1, 2] | sort }} {{ [1, 2] | length }}", "[1,2,3] 2"),
    ("{{ '2026-01-31T10:00:00Z' | date('yyyy/MM/dd HH:mm', timeZone='UTC') }}", "2026/01/31 10:00"),
    ("{{ '2026-01-31T10:00:00Z' | dateAdd(1, 'DAYS') | date('dd', timeZone='UTC') }}", "01"),
    ("{{ {'a': {'b': 2}} | jq('.a.b') | first }}", "2"),
    ("{{ '{\"a\": [1, 2]}' | toJson }}", '"{\\"a\\": [1, 2]}"'),
    ("{{ fromJson('{\"a\": [1, 2]}').a[1] }}", "2"),
    ("{{ yaml('a: [x]').a[0] }}", "x"),
    ("{% for x in [1, 2] %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2"),
    ("{% set y = 4 %}{{ y * 2 }}", "8"),
    ("{{ 'abc' | regexMatch('[a-c]+') }} {{ ['a', 'b'] contains 'b' }} {{ 1 is odd }}", "true true true"),
    ("{{ 7 / 2 }} {{ 7 % 2 }} {{ 2 * 3 }}", "3 1 6"),
    ("{{ max(1, 5) }} {{ min(1, 5) }}", "5 1"),
    ("{{ 'x' ~ 1 ~ true }}", "x1true"),
    ("{{ kv('shared') }} {{ kv('map').a }}", "pair 1"),
    ("{{ read('lib/x.txt') }} {{ fileSize('lib/x.txt') }}", "inside 6"),
    ("{{ kv('none', errorOnMissing=false) ?? 'no' }}", "no"),
    ("{{ secret('CONFORMANCE_TOKEN') }}", "******"),
    ("{{ 'hello' | base64encode }} {{ 'aGVsbG8=' | base64decode }}", "aGVsbG8= hello"),
    ("{{ 'a b' | urlencode }} {{ 'Hello World' | slugify }}", "a+b hello-world"),
    ("{% raw %}{{ kept }}{% endraw %}", "{{ kept }}"),
    ("{# nothing #}seen", "seen"),
    ("{{ printContext() | length > 10 }}", "true"),
]


def test_a_task_sees_its_context(server: Server) -> None:
    put_kv(server, "conformance", "shared", "pair")
    put_kv(server, "conformance", "map", {"a": 1})
    put_file(server, "conformance", "/lib/x.txt", "inside")
    tasks = [
        f"  - {{id: t{n}, type: @debug.Return, format: {json.dumps(text)}, allowFailure: true}}"
        for n, (text, _) in enumerate(CASES)
    ]
    head = """
labels: {team: data}
inputs: [{id: n, type: INT, defaults: 5}, {id: j, type: JSON, defaults: '{"a": [1]}'}]
variables: {plain: p, nested: "{{ vars.plain }}"}
tasks:
  - {id: first, type: @debug.Return, format: one}
"""
    server.call("DELETE", "/api/v1/main/flows/conformance/many")
    ended = server.run(flow_text("many", head + "\n".join(tasks)))
    wrong = {}
    said = messages(server, ended["id"])
    for n, (text, expected) in enumerate(CASES):
        found = (run_of(ended, f"t{n}").get("outputs") or {}).get("value")
        if found != expected:
            wrong[text] = (found, [line for line in said if text[:20] in line])
    assert wrong == {}


def test_what_can_not_be_rendered_fails_with_its_reason(server: Server) -> None:
    texts = {
        "{{ nothing.there }}": "Unable to find `nothing`",
        "{{ 1 / 0 }}": "",
        "{{ 'a' | nofilter }}": "nofilter",
        "{{ kv('absent') }}": "The key 'absent' does not exist in the namespace 'conformance'.",
        "{{ secret('ABSENT') }}": "Cannot find secret for key 'ABSENT'.",
        "{{ read('absent.txt') }}": "File not found",
        "{{ open": "",
    }
    tasks = [
        f"  - {{id: t{n}, type: @debug.Return, format: {json.dumps(text)}, allowFailure: true}}"
        for n, text in enumerate(texts)
    ]
    source = flow_text("unrenderable", "\n".join(["tasks:", *tasks]))
    checked = server.call("POST", "/api/v1/main/flows/validate", body=source, content_type="application/x-yaml")
    assert checked.status == 200
    if checked.json[0].get("constraints"):  # a template that is not closed is told at once
        source = source.replace(tasks[-1].replace("type: @", "type: io.kestra.plugin.core."), "")
        texts.popitem()
    ended = server.run(source)
    assert all(state == "WARNING" for _, state in states(ended))
    said = messages(server, ended["id"])
    for reason in texts.values():
        assert any(reason in line for line in said), (reason, said)


def test_an_expression_is_bounded(server: Server) -> None:
    ended = server.run(
        flow_text(
            "bounded",
            """
            tasks:
              - id: wide
                type: @debug.Return
                format: "{% for a in range(1, 10000) %}{% for b in range(1, 10000) %}{{ a }}{% endfor %}{% endfor %}"
            """,
        ),
        seconds=40,
    )
    assert ended["state"]["current"] == "FAILED"


def test_values_of_loops_parents_and_siblings(server: Server) -> None:
    ended = server.run(
        flow_text(
            "loops_context",
            """
            tasks:
              - id: outer
                type: @flow.ForEach
                values: ["x", "y"]
                concurrencyLimit: 0
                tasks:
                  - {id: a, type: @debug.Return, format: "{{ taskrun.value }}{{ taskrun.iteration }}"}
                  - id: cond
                    type: @flow.If
                    condition: "{{ taskrun.value == 'y' }}"
                    then:
                      - id: deep
                        type: @debug.Return
                        format: >-
                          {{ parent.taskrun.value }} {{ outputs.a[parent.taskrun.value].value }}
            outputs:
              - {id: all, type: JSON, value: "{{ outputs.a }}"}
            """,
        )
    )
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    assert ended["outputs"]["all"] == {"x": {"value": "x0"}, "y": {"value": "y1"}}
    assert run_of(ended, "deep")["outputs"]["value"] == "y y1"


def test_expressions_can_be_tried_on_an_execution(server: Server) -> None:
    ended = server.run(
        flow_text("tried", "tasks: [{id: t, type: @debug.Return, format: made}, {id: u, type: @log.Log, message: x}]")
    )

    def tried(text: str, run: str = "") -> dict[str, str]:
        path = f"/api/v1/main/executions/{ended['id']}/eval{run}"
        answer = server.call("POST", path, body=text, content_type="text/plain")
        assert answer.status == 200, answer.text
        return answer.json

    assert tried("{{ outputs.t.value | upper }}")["result"] == "MADE"
    assert "Unable to find" in tried("{{ nothing }}")["error"]
    assert tried("{{ kv('shared') }}").get("result") == "pair"
    assert "hush" not in json.dumps(tried("{{ secret('CONFORMANCE_TOKEN') }}"))
    assert tried("{{ taskrun.id }}", f"/{run_of(ended, 'u')['id']}")["result"] == run_of(ended, "u")["id"]


def test_stored_outputs_are_there_for_expressions_that_name_them(server: Server) -> None:
    """Engine notes §2.7: large outputs lie in storage; what nobody refers to is not read."""
    ended = server.run(
        flow_text(
            "stored",
            """
            tasks:
              - {id: big, type: @debug.Return, format: "{{ 'x' | indent(1) }}{{ range(1, 60000) | join }}"}
              - {id: small, type: @debug.Return, format: "s{{ outputs.big.value | length }}"}
            """,
        )
    )
    size = len("x") + sum(len(str(n)) for n in range(1, 60001))
    assert run_of(ended, "small")["outputs"]["value"] == f"s{size}"

    def tried(text: str) -> dict[str, str]:
        path = f"/api/v1/main/executions/{ended['id']}/eval"
        return server.call("POST", path, body=text, content_type="text/plain").json

    assert tried("{{ outputs.big.value | length }}")["result"] == str(size)
    assert tried("{{ outputs['big'].value | slice(0, 3) }} {{ outputs.small.value }}")["result"] == f"x12 s{size}"
    assert tried("{{ outputs | keys }}")["result"] == '["big","small"]'
