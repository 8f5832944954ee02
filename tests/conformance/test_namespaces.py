"""Namespaces: variables and plugin defaults, inherited downwards (spec: workflow components §1.6, §13, §20)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.conftest import flow_text, run_of
from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(60)

RETURN = "io.kestra.plugin.core.debug.Return"


def put(server: Server, namespace: str, **members: Any) -> Any:
    answer = server.call("PUT", f"/api/v1/main/namespaces/{namespace}", json_body={"id": namespace, **members})
    assert answer.status == 200, answer.text
    return answer.json


def value(server: Server, namespace: str, body: str, task: str = "t") -> Any:
    done = server.run(flow_text("f", body, namespace))
    assert done["state"]["current"] == "SUCCESS", done
    return run_of(done, task)["outputs"]["value"]


def test_variables_are_inherited_and_read_as_namespace(server: Server) -> None:
    """§20: `namespace` holds the variables of the namespace over those of its parents; §4: not rendered by itself."""
    put(server, "vars", variables={"a": "far", "deep": {"x": 1, "y": 2}, "raw": "{{ 1 + 1 }}"})
    put(server, "vars.near", variables={"a": "near", "deep": {"y": 3}})
    template = "{{ namespace.a }} {{ namespace.deep.x }}{{ namespace.deep.y }} {{ namespace.raw }}"
    assert value(server, "vars.near.sub", f"tasks: [{{id: t, type: @debug.Return, format: '{template}'}}]") == (
        "near 13 {{ 1 + 1 }}"
    )
    inherited = server.call("GET", "/api/v1/main/namespaces/vars.near/inherited-variables").json
    assert inherited == {"a": "far", "deep": {"x": 1, "y": 2}, "raw": "{{ 1 + 1 }}"}
    put(server, "vars.near", variables={"a": "new"})
    assert value(server, "vars.near.sub", "tasks: [{id: t, type: @debug.Return, format: '{{ namespace.a }}'}]") == "new"


def test_variables_reach_defaults_of_inputs(server: Server) -> None:
    """§3.6 and §20: the context of inputs has the variables of the namespace too."""
    put(server, "vars.inputs", variables={"city": "Paris"})
    body = """
    inputs: [{id: city, type: STRING, defaults: "{{ namespace.city }}"}]
    tasks: [{id: t, type: @debug.Return, format: "{{ inputs.city }}"}]
    """
    assert value(server, "vars.inputs", body) == "Paris"


def test_plugin_defaults_of_namespaces(server: Server) -> None:
    """§13: flow before namespace before parent; forced the other way round; a later change acts on the same revision."""
    put(server, "pd", pluginDefaults=[{"type": RETURN, "values": {"format": "parent", "description": "p"}}])
    body = "tasks: [{id: t, type: @debug.Return}]"
    assert value(server, "pd.a", body) == "parent"
    put(server, "pd.a", pluginDefaults=[{"type": RETURN, "values": {"format": "own"}}])
    assert value(server, "pd.a", body) == "own"
    with_flow = body + f"\npluginDefaults: [{{type: {RETURN}, values: {{format: flow}}}}]"
    assert value(server, "pd.a", with_flow) == "flow"
    put(server, "pd", pluginDefaults=[{"type": RETURN, "forced": True, "values": {"format": "forced"}}])
    assert value(server, "pd.a", with_flow) == "forced"
    inherited = server.call("GET", "/api/v1/main/namespaces/pd.a/inherited-plugindefaults").json
    assert inherited == [{"type": RETURN, "forced": True, "values": {"format": "forced"}, "namespace": "pd"}]
    assert server.call("DELETE", "/api/v1/main/namespaces/pd").status in (200, 204)
    assert value(server, "pd.a", body) == "own"


def test_a_required_property_may_come_from_a_namespace(server: Server) -> None:
    """§2.1: what plugin defaults supply is not missing."""
    source = flow_text("log", "tasks: [{id: t, type: @log.Log}]", "pd.required")
    refused = server.call("POST", "/api/v1/main/flows", body=source, content_type="application/x-yaml")
    assert refused.status == 422 and "tasks[0].message" in refused.text
    put(server, "pd.required", pluginDefaults=[{"type": "io.kestra.plugin.core.log", "values": {"message": "hello"}}])
    done = server.run(source)
    assert done["state"]["current"] == "SUCCESS"
    eventually(lambda: "hello" in [x["message"] for x in server.logs(done["id"])], what="the line")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"values": {"a": 1}}, "No 'type' provided"),
        ({"type": RETURN}, "No 'values' provided"),
        ({"type": RETURN, "values": {"format": None}}, "No value provided for key 'format'"),
        ({"type": RETURN, "values": {"colour": 1}}, f"No property 'colour' exists in plugin '{RETURN}'"),
    ],
)
def test_wrong_plugin_defaults_are_refused(server: Server, entry: Any, message: str) -> None:
    """§2.5: the rules of plugin defaults hold for namespaces too."""
    answer = server.call("PUT", "/api/v1/main/namespaces/pd.bad", json_body={"id": "pd.bad", "pluginDefaults": [entry]})
    assert answer.status == 422 and message in answer.json["message"]


def test_namespaces_are_created_once_listed_and_forgotten(server: Server) -> None:
    """§1.6, REST contract §13: a namespace with a row is listed; one without a row is as good."""
    made = server.call("POST", "/api/v1/main/namespaces", json_body={"id": "made.here", "description": "d"})
    assert made.status == 200 and made.json == {"id": "made.here", "description": "d", "deleted": False}
    assert server.call("POST", "/api/v1/main/namespaces", json_body={"id": "made.here"}).status == 422
    assert server.call("POST", "/api/v1/main/namespaces", json_body={"id": "Made"}).status == 422
    listed = server.call("GET", "/api/v1/main/namespaces/search?q=made&size=100").json["results"]
    assert [x["id"] for x in listed] == ["made", "made.here"]
    assert server.call("DELETE", "/api/v1/main/namespaces/made.here").status in (200, 204)
    assert server.call("DELETE", "/api/v1/main/namespaces/made.here").status == 404
    assert server.call("GET", "/api/v1/main/namespaces/made.here").json == {"id": "made.here", "deleted": False}
