"""Published flows: saved, and run to the state that their page tells (corpus beside the project or FLOWDECK_CORPUS)."""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flowdeck.sdk.index import load_catalog
from tests.conformance.conftest import messages, put_file, put_kv, refused, run_of, states
from tests.support.server import Server, eventually

_PLACES = [os.environ.get("FLOWDECK_CORPUS", ""), *(str(p / "shared/corpus") for p in Path(__file__).resolve().parents)]
CORPUS = next((Path(p) for p in _PLACES if p and (Path(p) / "manifest.csv").is_file()), None)

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(CORPUS is None, reason="no corpus beside the project; FLOWDECK_CORPUS may name it"),
]

INVALID = {
    "best-practices__naming-conventions__1.yaml": "an output without type",
    "best-practices__naming-conventions__2.yaml": "an output without type",
    "best-practices__managing-pip-dependencies__3.yaml": "a property of the WorkingDirectory on its child",
    "concepts__caching__2.yaml": "a property of the WorkingDirectory on its child",
    "enterprise__scalability__worker-group__1.yaml": "a worker group that is not configured",
    "enterprise__scalability__worker-group__4.yaml": "a worker group that is not configured",
    "how-to-guides__conditional-branching__2.yaml": "an output of a task with dashes without brackets",
    "how-to-guides__github-repo-backup__2.yaml": "a method behind a filter",
}
"""Flows that no server should take for other reasons than unknown types, and why."""


@dataclass
class Case:
    """What a flow needs and how it ends; `refused` = creation answers this status and creates nothing."""

    state: str = "SUCCESS"
    inputs: dict[str, Any] = field(default_factory=dict)
    kv: dict[tuple[str, str], Any] = field(default_factory=dict)
    files: dict[tuple[str, str], str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    flows: tuple[str, ...] = ()
    hook: tuple[str, Any] | None = None
    said: tuple[str, ...] = ()
    runs: tuple[tuple[str, str], ...] = ()
    outputs: dict[str, Any] | None = None
    values: dict[str, Any] = field(default_factory=dict)
    refused: int = 0
    seconds: float = 30


TEAM = "company.team"
CONTROL = """id: control-1-1_6-1_6_{n}
namespace: company.security.cis.linux.ubuntu.22-04-lts.devops
inputs: [{{id: ipAddress, type: STRING}}, {{id: remediateControls, type: BOOL}}]
tasks: [{{id: t, type: io.kestra.plugin.core.debug.Return, format: "{{{{ inputs.ipAddress }}}} ok"}}]
outputs: [{{id: complianceStatus-1_6_{n}, type: STRING, value: "{{{{ outputs.t.value }}}}"}}]
"""
SUBFLOW = "how-to-guides__values-between-flows__2.yaml"
STEADY = """id: my_subflow
namespace: company.team
tasks: [{id: t, type: io.kestra.plugin.core.log.Log, message: steady}]
"""
SONG = ("Author: Rick Astley", "Country: Whenever You Need Somebody")

CASES: dict[str, Case] = {
    "best-practices__foreach-and-foreachitem__4.yaml": Case(
        inputs={"orders_file": b"order 1\n"}, outputs={"batch_summary": "Processed batch content: order 1\n"}
    ),
    "best-practices__secrets-management__1.yaml": Case(said=('You can see my secret token ["******"]',)),
    "concepts__backfill__1.yaml": Case(runs=(("label", "SUCCESS"), ("external_system_export", "SUCCESS"))),
    # No folder of the machine is open to flows unless the configuration names it.
    "concepts__file-access__1.yaml": Case("FAILED", runs=(("inline_file", "SUCCESS"), ("local_file", "FAILED"))),
    "concepts__file-access__4.yaml": Case(files={("demo", "/hello.txt"): "from a file"}, said=("from a file",)),
    "concepts__kv-store__2.yaml": Case(kv={(TEAM, "my_key"): "my value"}, said=("my value",)),
    "concepts__kv-store__3.yaml": Case(kv={("kestra.engineering.myproject", "my_key"): "far"}, said=("far",)),
    "concepts__kv-store__4.yaml": Case(runs=(("log_key_from_another_namespace", "SUCCESS"),)),
    "concepts__kv-store__5.yaml": Case(
        kv={("kestra.engineering.myproject", "my_key"): "far"}, values={"log_key_from_another_namespace": "far"}
    ),
    "concepts__kv-store__6.yaml": Case(kv={(TEAM, "my_key"): "my value"}, said=("my value",)),
    "concepts__kv-store__7.yaml": Case(said=SONG),
    "concepts__namespace-files__5.yaml": Case(files={(TEAM, "/example.txt"): "an example"}, said=("an example",)),
    "concepts__pebble__1.yaml": Case(inputs={"name": "Ada"}, said=("Hello 👋, my name is Ada",)),
    "concepts__pebble__2.yaml": Case(inputs={"name": "Ada"}, said=("Hello 👋, my name is Ada",)),
    # The task that it makes is of a plugin that is not here.
    "concepts__pebble__3.yaml": Case(
        "FAILED", inputs={"host": "h", "clusterId": "c", "taskKey": "k", "pythonFile": "f"}
    ),
    "concepts__pebble__4.yaml": Case(runs=(("return_date", "SUCCESS"),)),
    "concepts__storage__1.yaml": Case(said=("John Doe", "Bob Smith")),
    "concepts__storage__5.yaml": Case(inputs={"file": b"content of the file"}, said=("content of the file",)),
    "configuration__security-and-secrets__1.yaml": Case(
        inputs={"secret": "do not tell"}, outputs={"secret_output": "******"}
    ),
    "contribute-to-kestra__docs-contributor-guide__1.yaml": Case("FAILED", inputs={"items": "kestra:///nowhere.txt"}),
    "enterprise__governance__assets__14.yaml": Case(refused=422, inputs={"assets": '["a"]'}),
    "enterprise__governance__assets__15.yaml": Case(said=("[]",)),  # there are none
    "enterprise__governance__unit-tests__3.yaml": Case(hook=("webhook", {"a": 1})),
    "enterprise__governance__unit-tests__4.yaml": Case(
        said=("Output file content: Processing data...\nResult: SUCCESS\n",)
    ),
    "enterprise__scalability__worker-group__2.yaml": Case(
        "FAILED",
        inputs={"my_worker_group": "gpu"},
        said=("Cannot run task. No worker group exist for key 'gpu'.",),
    ),
    "enterprise__scalability__worker-group__3.yaml": Case(),
    "expressions__context__3.yaml": Case(inputs={"myInput": "mine"}, values={"myTask": "mine"}),
    "expressions__functions__1.yaml": Case(
        variables={"my_config": "{{ 'a config of ' ~ flow.namespace }}"},
        said=("API key: ******", "Config value: a config of company.team"),
    ),
    "how-to-guides__access-local-files__1.yaml": Case("FAILED"),
    "how-to-guides__conditional-branching__1.yaml": Case(
        inputs={"string": "SECOND"}, runs=(("parent-seq", "SUCCESS"), ("second1", "SUCCESS"), ("second2", "SUCCESS"))
    ),
    "how-to-guides__dynamic-inputs__2.yaml": Case(
        kv={(TEAM, "department_key"): ["Sales", "Legal"]},
        inputs={"department": "Legal"},
        said=("The selected department is Legal",),
    ),
    "how-to-guides__dynamic-inputs__3.yaml": Case(refused=422, inputs={"category": "c", "product": "p"}),
    "how-to-guides__dynamic-inputs__4.yaml": Case(refused=422, inputs={"executionIdsToBeApproved": '["a"]'}),
    "how-to-guides__js-webhook__1.yaml": Case(hook=("abcdefg", {"dataField": "sent"}), said=("sent",)),
    "how-to-guides__kubernetes-secrets__1.yaml": Case(),
    "how-to-guides__null-values__2.yaml": Case(),
    "how-to-guides__null-values__3.yaml": Case(hook=("abcdefg", {"other": 1}), said=("data",)),
    "how-to-guides__prometheus-alert-trigger__1.yaml": Case(
        hook=("prometheus", {"status": "firing"}), said=('Received alert: {"status":"firing"}',)
    ),
    "how-to-guides__secops-with-kestra__2.yaml": Case(
        flows=(CONTROL.format(n=4), CONTROL.format(n=5)), said=("localhost ok",)
    ),
    "how-to-guides__slack-webhook__1.yaml": Case(hook=("superStrongSecretKey42", [1]), said=("[1]",)),
    "how-to-guides__subflow-executions__1.yaml": Case(flows=(STEADY,), runs=(("subflow", "SUCCESS"),)),
    "how-to-guides__subflow-executions__3.yaml": Case(flows=(STEADY,), said=("Success",)),
    "how-to-guides__values-between-flows__1.yaml": Case(flows=(SUBFLOW,), said=("Subflow: true",)),
    "how-to-guides__values-between-flows__2.yaml": Case(
        inputs={"debug": "true"}, outputs={"subflow_output": "Subflow: true"}
    ),
    "how-to-guides__values-between-flows__4.yaml": Case(
        variables={"state": "of the namespace"}, said=("Namespace: of the namespace", "Local: true")
    ),
    "how-to-guides__webhooks__1.yaml": Case(hook=("1KERKzRQZSMtLdMdNI7Nkr", {"a": 1})),
    "how-to-guides__webhooks__2.yaml": Case(hook=("webhook-key-of-the-corpus", {"a": 1})),
}
ELSEWHERE = {
    "best-practices__managing-pip-dependencies__2.yaml": "depends on the machine's pip",
    "enterprise__scalability__worker-group__1.yaml": "refused: see INVALID",
    "enterprise__scalability__worker-group__4.yaml": "refused: see INVALID",
    "expressions__filters__yaml__2.yaml": "a template that names `variables`, which nobody defines",
    "how-to-guides__subflow-executions__2.yaml": "ends by chance",
}
"""Offline flows that no case runs, and why."""


def manifest() -> list[dict[str, str]]:
    if CORPUS is None:
        return []
    with (CORPUS / "manifest.csv").open(newline="") as table:
        return [row for row in csv.DictReader(table) if row["file"].startswith("flows/")]


def known(row: dict[str, str]) -> bool:
    catalog = load_catalog()
    return all(catalog.find(one) for one in re.findall(r"io\.kestra\.[\w.]+", row["plugin_types"]))


def unknown_types(source: str) -> set[str]:
    """Types of tasks, triggers and what is in them that are not installed; plugin defaults may name any."""
    catalog = load_catalog()
    lines = re.split(r"(?m)^(?:pluginDefaults|taskDefaults):", source)[0]
    found = re.findall(r"""(?m)^[ \t-]*(?:\{[^}\n]*)?\btype:[ \t]*["']?(io\.kestra\.[\w.]+)""", lines)
    return {one for one in found if catalog.find(one) is None}


def text(name: str) -> str:
    assert CORPUS is not None
    return (CORPUS / "flows" / name).read_text()


ROWS = [row for row in manifest() if known(row)]
OFFLINE = [row for row in ROWS if row["runs_offline"].lower() in ("1", "true", "yes")]
TOLD = {row["file"][6:]: row["expected_state"].split()[0] for row in OFFLINE if row["expected_state"]}


def test_flows_of_known_types_can_be_saved(server: Server) -> None:
    wrong = {}
    for row in ROWS:
        name = row["file"][6:]
        answer = server.call("POST", "/api/v1/main/flows/validate", body=text(name), content_type="application/x-yaml")
        assert answer.status == 200, answer.text
        found = [one.get("constraints") for one in answer.json if one.get("constraints")]
        if bool(found) != (name in INVALID):
            wrong[name] = found
        elif not found:
            server.save_flow(text(name))
            flow = re.search(r"^id: *(\S+)", text(name), re.M), re.search(r"^namespace: *(\S+)", text(name), re.M)
            assert flow[0] and flow[1]
            path = f"/api/v1/main/flows/{flow[1][1]}/{flow[0][1]}"
            assert server.call("GET", f"{path}?source=true").json["source"].strip() == text(name).strip()
            assert server.call("DELETE", path).status in (200, 204)
    assert wrong == {}


def test_flows_of_other_types_are_refused_for_these_alone(server: Server) -> None:
    """§2.3: `Invalid type: <type>` for each type that is not installed, with its place; and nothing else."""
    wrong: dict[str, Any] = {}
    others = [row["file"][6:] for row in manifest() if row not in ROWS]
    assert len(others) + len(ROWS) == len(manifest())
    for name in others:
        answer = server.call("POST", "/api/v1/main/flows/validate", body=text(name), content_type="application/x-yaml")
        assert answer.status == 200, answer.text
        findings = [f for one in answer.json for f in one["findings"] if f["severity"] == "error"]
        told = {m[1] for f in findings if (m := re.fullmatch(r"Invalid type: (\S+)(?: \.\.\.)?", f["message"]))}
        rest = [f["message"] for f in findings if f["rule"] != "unknown-type"]
        if not unknown_types(text(name)) - {"io.kestra.plugin.ee.assets.File"}:
            # Plugin defaults may begin with any name (§13), `assets` is accepted whatever it says (§6).
            assert not findings, (name, findings)
            server.save_flow(text(name))
            continue
        # What lies in an object of an unknown type is not looked at.
        if not told or not told <= unknown_types(text(name)) or bool(rest) != (name in INVALID):
            wrong[name] = (told, rest)
        assert all(f["line"] > 0 for f in findings if f["rule"] == "unknown-type")
        saved = server.call("POST", "/api/v1/main/flows", body=text(name), content_type="application/x-yaml")
        assert saved.status == 422 and "Invalid type: " in saved.json["message"], name
    assert wrong == {}


@pytest.mark.parametrize("name", sorted(TOLD))
def test_a_flow_ends_as_its_page_tells(server: Server, name: str) -> None:
    flow = server.save_flow(text(name))
    created = server.execute(flow["namespace"], flow["id"])["id"]

    def there() -> bool:
        return server.execution(created)["state"]["current"] == TOLD[name]

    eventually(there, seconds=30, what=f"{name} {TOLD[name]}")


@pytest.mark.parametrize("name", sorted({row["file"][6:] for row in OFFLINE} - set(TOLD) - set(ELSEWHERE)))
def test_a_flow_runs_with_what_it_needs(server: Server, name: str) -> None:
    case = CASES[name]
    for (namespace, key), value in case.kv.items():
        put_kv(server, namespace, key, value)
    for (namespace, path), content in case.files.items():
        put_file(server, namespace, path, content)
    if case.variables:
        put = {"id": TEAM, "variables": case.variables}
        assert server.call("PUT", f"/api/v1/main/namespaces/{TEAM}", json_body=put).status == 200
    for source in case.flows:
        server.save_flow(text(source) if source.endswith(".yaml") else source)
    flow = server.save_flow(text(name))
    namespace, flow_id = flow["namespace"], flow["id"]
    try:
        if case.refused:
            assert refused(server, namespace, flow_id, case.inputs)[0] == case.refused
            return
        if case.hook:
            answer = server.call(
                "POST",
                f"/api/v1/main/executions/webhook/{namespace}/{flow_id}/{case.hook[0]}",
                json_body=case.hook[1],
                auth=False,
            )
            assert answer.status == 200, answer.text
            created = answer.json["id"]
        else:
            created = server.execute(namespace, flow_id, case.inputs)["id"]
        ended = server.finished(created, seconds=case.seconds)
    finally:
        server.call("DELETE", f"/api/v1/main/flows/{namespace}/{flow_id}")
    assert ended["state"]["current"] == case.state, messages(server, created)
    if case.runs:
        assert tuple(states(ended)) == case.runs
    if case.outputs is not None:
        assert ended["outputs"] == case.outputs
    for task, value in case.values.items():
        assert run_of(ended, task)["outputs"]["value"] == value
    messages(server, created, *case.said)
