"""The reference's own Python SDK, unmodified, against this server: it parses every answer strictly (API contract §1)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.server import Server, eventually, running_server

kestrapy = pytest.importorskip("kestrapy")
models = pytest.importorskip("kestrapy.models")
sdk_errors = pytest.importorskip("kestrapy.exceptions")

TENANT = "main"
NAMESPACE = "sdk.test"


def source(name: str) -> str:
    """A flow with something of everything."""
    return f"""
id: {name}
namespace: {NAMESPACE}
labels: {{team: data}}
inputs:
  - {{id: name, type: STRING, defaults: x}}
variables: {{a: 1}}
concurrency: {{limit: 5}}
tasks:
  - {{id: hello, type: io.kestra.plugin.core.log.Log, message: "hello {{{{ inputs.name }}}}"}}
  - {{id: file, type: io.kestra.plugin.core.storage.Write, content: "a,b", extension: .csv}}
  - {{id: ret, type: io.kestra.plugin.core.debug.Return, format: done}}
outputs:
  - {{id: o, type: STRING, value: "{{{{ outputs.ret.value }}}}"}}
triggers:
  - {{id: sched, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 3 * * *"}}
  - {{id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: {name}}}
"""


PAUSING = f"""
id: pausing
namespace: {NAMESPACE}
tasks:
  - {{id: p, type: io.kestra.plugin.core.flow.Pause, onResume: [{{id: ok, type: BOOLEAN}}]}}
  - {{id: s, type: io.kestra.plugin.core.flow.Sleep, duration: PT30S}}
"""
CHART = """
id: c1
type: io.kestra.plugin.core.dashboard.chart.Table
chartOptions: {displayName: By namespace}
data:
  type: io.kestra.plugin.core.dashboard.data.Executions
  columns: {n: {field: NAMESPACE}, total: {agg: COUNT}}
"""
DASHBOARD = "id: sdk\ntitle: From the SDK\ncharts:\n  -" + CHART.replace("\n", "\n    ")[4:]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own."""
    with running_server(tmp_path_factory.mktemp("sdk"), FLOWDECK_CONSOLE_ENABLED="false") as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> Any:
    """The SDK's client, logged in."""
    return kestrapy.KestraClient(host=server.url, username=server.username, password=server.password, timeout=30)


@pytest.fixture
def flow(client: Any) -> str:
    """A flow of the test's own."""
    name = f"flow_{uuid.uuid4().hex[:8]}"
    made = client.flows.create_flow(TENANT, source(name))
    assert (made.id, made.revision) == (name, 1)
    return name


def where(field: str, operation: str, value: Any) -> Any:
    """A filter; the SDK's own model takes no text as value, its encoder does."""
    return models.QueryFilter.model_construct(
        var_field=models.QueryFilterField[field], operation=models.QueryFilterOp[operation], value=value
    )


def run(client: Any, name: str, **more: Any) -> Any:
    """An execution that has ended."""
    made = client.executions.create_execution(TENANT, NAMESPACE, name, wait=True, **more)
    return made[0] if isinstance(made, list) else made


def state(client: Any, execution: str) -> str:
    """The state of an execution by name."""
    return client.executions.execution(execution, TENANT).state.current.value


def test_flows(client: Any, flow: str) -> None:
    flows = client.flows
    ours = [where("NAMESPACE", "EQUALS", NAMESPACE)]
    assert flows.flow(NAMESPACE, flow, TENANT, source=True).source
    assert flows.update_flow(NAMESPACE, flow, TENANT, source(flow) + "description: changed\n").revision == 2
    assert [r.revision for r in flows.list_flow_revisions(NAMESPACE, flow, TENANT)] == [1, 2]
    found = flows.search_flows(TENANT, page=1, size=100, sort=["id:asc"], filters=ours)
    assert flow in {one.id for one in found.results}
    assert flow in {one.id for one in flows.list_flows_by_namespace(NAMESPACE, TENANT)}
    assert NAMESPACE in flows.list_distinct_namespaces(TENANT)
    assert flows.search_flows_by_source_code(TENANT, q="hello").total >= 1
    assert flows.export_flows_by_query(TENANT, filters=ours)[:2] == b"PK"
    assert flows.export_flows_by_ids(TENANT, [models.IdWithNamespace(namespace=NAMESPACE, id=flow)])[:2] == b"PK"
    flows.import_flows(TENANT, file_content=source(f"{flow}_in").encode())
    assert flows.flow(NAMESPACE, f"{flow}_in", TENANT).revision == 1
    assert flows.bulk_update_flows(TENANT, delete=False, namespace=NAMESPACE, body=source(f"{flow}_bulk"))
    assert flows.task_from_flow(NAMESPACE, flow, "hello", TENANT).id == "hello"
    assert flows.search_concurrency_limits(TENANT).total >= 0
    assert isinstance(flows.list_deprecated(TENANT), list | dict)


def test_graphs_and_dependencies(client: Any, flow: str) -> None:
    flows = client.flows
    assert flows.generate_flow_graph(NAMESPACE, flow, TENANT).nodes
    assert flows.generate_flow_graph_from_source(TENANT, source(flow)).edges
    assert flows.flow_dependencies(NAMESPACE, flow, TENANT).nodes
    assert flows.flow_dependencies_from_namespace(NAMESPACE, TENANT).nodes


def test_validation(client: Any, flow: str) -> None:
    flows = client.flows
    assert not flows.validate_flows(TENANT, source(flow))[0].constraints
    assert "nope" in flows.validate_flows(TENANT, source(flow) + "nope: 1\n")[0].constraints
    section = models.FlowControllerTaskValidationType.TASKS
    task = {"id": "a", "type": "io.kestra.plugin.core.log.Log", "message": "x"}
    assert not flows.validate_task(section, TENANT, task).constraints
    trigger = {"id": "a", "type": "io.kestra.plugin.core.trigger.Schedule", "cron": "99 1 * * *"}
    assert flows.validate_trigger(TENANT, trigger).constraints


def test_bulk_actions_on_flows(client: Any, flow: str) -> None:
    flows, mine = client.flows, [models.IdWithNamespace(namespace=NAMESPACE, id=flow)]
    assert flows.disable_flows_by_ids(TENANT, mine).count == 1
    assert flows.flow(NAMESPACE, flow, TENANT).disabled
    assert flows.enable_flows_by_ids(TENANT, mine).count == 1
    nobody = [where("NAMESPACE", "EQUALS", "no.body")]
    assert flows.disable_flows_by_query(TENANT, filters=nobody).count == 0
    flows.update_flow(NAMESPACE, flow, TENANT, source(flow) + "description: two\n")
    revisions = [one.revision for one in flows.list_flow_revisions(NAMESPACE, flow, TENANT)]
    flows.delete_revisions(NAMESPACE, flow, TENANT, revisions[:1])
    assert [one.revision for one in flows.list_flow_revisions(NAMESPACE, flow, TENANT)] == revisions[1:]
    assert flows.delete_flows_by_ids(TENANT, mine).count == 1
    with pytest.raises(sdk_errors.NotFoundException):
        flows.flow(NAMESPACE, flow, TENANT)


def test_executions(client: Any, flow: str) -> None:
    executions = client.executions
    ended = run(client, flow, labels=["customer:acme"])
    assert ended.state.current.value == "SUCCESS"
    document = executions.execution(ended.id, TENANT)
    assert {one.task_id for one in document.task_run_list} == {"hello", "file", "ret"}
    mine = [where("FLOW_ID", "EQUALS", flow), where("STATE", "IN", ["SUCCESS"])]
    assert executions.search_executions(TENANT, size=5, filters=mine)["total"] == 1
    assert executions.search_executions_by_flow_id(TENANT, NAMESPACE, flow)["total"] == 1
    asked = [models.ExecutionRepositoryInterfaceFlowFilter(namespace=NAMESPACE, id=flow)]
    assert executions.latest_executions(TENANT, asked)[0].id == ended.id
    assert executions.execution_flow_graph(ended.id, TENANT).nodes
    assert executions.flow_from_execution(TENANT, NAMESPACE, flow).id == flow
    assert executions.flow_from_execution_by_id(ended.id, TENANT).id == flow
    (file,) = [one for one in document.task_run_list if one.task_id == "file"]
    uri = file.outputs["uri"]
    assert executions.download_file_from_execution(ended.id, uri, TENANT) == b"a,b"
    assert executions.file_metadatas_from_execution(ended.id, uri, TENANT).size == 3
    assert "done" in str(executions.eval_expression(ended.id, TENANT, "{{ outputs.ret.value }}"))
    assert list(executions.follow_execution(ended.id, TENANT))[-1].id == ended.id
    assert list(executions.follow_dependencies_execution(ended.id, TENANT))
    assert executions.trigger_execution_by_get_webhook(TENANT, NAMESPACE, flow, flow).id


def test_actions_on_ended_executions(client: Any, flow: str) -> None:
    executions = client.executions
    ended = run(client, flow)
    changed = executions.set_labels_on_terminated_execution(ended.id, TENANT, [models.Label(key="z", value="1")])
    assert {"z": "1"}.items() <= {one.key: one.value for one in changed.labels}.items()
    status = models.StateType
    assert executions.update_execution_status(ended.id, status.WARNING, TENANT).state.current is status.WARNING
    executions.update_executions_status_by_ids(TENANT, status.SUCCESS, [ended.id])
    assert executions.replay_execution(ended.id, TENANT).parent_id == ended.id
    again = executions.replay_execution_with_inputs(ended.id, TENANT, inputs={"name": "y"})
    eventually(lambda: state(client, again.id) == "SUCCESS", what="the replay")
    assert executions.execution(again.id, TENANT).inputs["name"] == "y"
    executions.replay_executions_by_ids(TENANT, [ended.id])
    (last,) = [one for one in executions.execution(ended.id, TENANT).task_run_list if one.task_id == "ret"]
    request = models.ExecutionControllerStateRequest(task_run_id=last.id, state=status.SUCCESS)
    assert executions.update_task_run_state(ended.id, TENANT, request).id == ended.id
    eventually(lambda: state(client, ended.id) == "SUCCESS", what="the end after a changed task run")
    executions.delete_execution(ended.id, TENANT)
    with pytest.raises(sdk_errors.NotFoundException):
        executions.execution(ended.id, TENANT)


def test_pause_resume_kill_restart(client: Any) -> None:
    executions = client.executions
    client.flows.create_flow(TENANT, PAUSING)
    made = executions.create_execution(TENANT, NAMESPACE, "pausing")
    identifier = (made[0] if isinstance(made, list) else made).id

    def reaches(name: str) -> None:
        eventually(lambda: state(client, identifier) == name, what=name)

    reaches("PAUSED")
    executions.resume_execution(identifier, TENANT, inputs={"ok": True})
    reaches("RUNNING")
    executions.pause_execution(identifier, TENANT)
    reaches("PAUSED")
    executions.resume_executions_by_ids(TENANT, [identifier])
    reaches("RUNNING")
    executions.kill_execution(identifier, TENANT)
    reaches("KILLED")
    assert executions.restart_execution(identifier, TENANT).id == identifier
    reaches("RUNNING")
    executions.kill_executions_by_ids(TENANT, [identifier])
    reaches("KILLED")


def test_logs(client: Any, flow: str) -> None:
    ended = run(client, flow)
    logs = client.logs
    assert "hello x" in [one.message for one in logs.list_logs_from_execution(ended.id, TENANT, task_id="hello")]
    assert "hello x" in logs.download_logs_from_execution(ended.id, TENANT)
    assert logs.search_logs(TENANT, size=5, filters=[where("NAMESPACE", "EQUALS", NAMESPACE)]).total
    assert list(logs.follow_logs_from_execution(ended.id, TENANT))
    logs.delete_logs_from_execution(ended.id, TENANT)
    assert not logs.list_logs_from_execution(ended.id, TENANT)


def test_pairs(client: Any) -> None:
    pairs = client.kv
    pairs.set_key_value(NAMESPACE, "key", TENANT, '"value"')
    assert pairs.key_value(NAMESPACE, "key", TENANT).value == "value"
    assert pairs.list_all_keys(TENANT).total
    assert "key" in {one.key for one in pairs.list_keys_with_inheritance(f"{NAMESPACE}.below", TENANT)}
    assert pairs.delete_key_value(NAMESPACE, "key", TENANT)
    request = models.KVControllerApiDeleteBulkRequest(keys=["key"])
    assert pairs.delete_key_values(NAMESPACE, TENANT, request)


def test_namespaces_and_secrets(client: Any) -> None:
    namespaces = client.namespaces
    made = namespaces.create_namespace(TENANT, models.Namespace(id="sdk.made", deleted=False, description="new"))
    assert made.id == "sdk.made"
    changed = models.Namespace(id="sdk.made", deleted=False, variables={"region": {"name": "eu"}})
    assert namespaces.update_namespace("sdk.made", TENANT, changed).variables
    assert namespaces.inherited_variables("sdk.made", TENANT) is not None
    assert namespaces.inherited_plugin_defaults("sdk.made", TENANT) is not None
    assert "sdk.made" in {one.id for one in namespaces.search_namespaces(TENANT, size=100).results}
    assert "sdk.made" in namespaces.autocomplete_namespaces(TENANT, models.ApiAutocomplete(q="sdk"))
    namespaces.put_secrets("sdk.made", TENANT, models.ApiSecretValue(key="TOKEN", value="hidden"))
    assert "TOKEN" in namespaces.inherited_secrets("sdk.made", TENANT)["sdk.made"]
    assert "hidden" not in str(namespaces.list_secrets(TENANT))
    namespaces.delete_secret("sdk.made", "TOKEN", TENANT)
    namespaces.delete_namespace("sdk.made", TENANT)


def test_triggers(client: Any, flow: str) -> None:
    triggers, mine = client.triggers, [where("FLOW_ID", "EQUALS", flow)]
    assert triggers.search_triggers(TENANT, filters=mine)["total"] == 1
    (context,) = list(triggers.search_triggers_for_flow(TENANT, NAMESPACE, flow)["results"])
    assert "sched" in triggers.export_triggers(TENANT)
    triggers.restart_trigger(TENANT, NAMESPACE, flow, "sched")
    triggers.disabled_triggers_by_query(TENANT, disabled=True, filters=mine)

    def disabled() -> bool:
        found = triggers.search_triggers(TENANT, filters=mine)["results"][0]
        return (found.get("triggerContext") or found)["disabled"]

    eventually(disabled, what="the disabled trigger")
    triggers.unlock_triggers_by_query(TENANT, filters=mine)
    triggers.pause_backfill_by_query(TENANT, filters=mine)
    assert context
    triggers.delete_trigger(TENANT, NAMESPACE, flow, "sched")


def test_namespace_files(client: Any) -> None:
    files = client.files
    files.create_namespace_directory(NAMESPACE, TENANT, "/d")
    files.create_namespace_file(NAMESPACE, "/d/a.txt", TENANT, file_content=b"first")
    files.create_namespace_file(NAMESPACE, "/d/a.txt", TENANT, file_content=b"second")
    assert files.file_content(NAMESPACE, "/d/a.txt", TENANT) == b"second"
    assert files.file_metadatas(NAMESPACE, TENANT, "/d/a.txt").size == 6
    assert [one.file_name for one in files.list_namespace_directory_files(NAMESPACE, TENANT, "/d")] == ["a.txt"]
    assert files.file_revisions(NAMESPACE, TENANT, "/d/a.txt")
    assert files.search_namespace_files(NAMESPACE, "a.t", TENANT)
    files.move_file_directory(NAMESPACE, "/d/a.txt", "/d/b.txt", TENANT)
    assert files.export_namespace_files(NAMESPACE, TENANT)[:2] == b"PK"
    files.delete_file_directory(NAMESPACE, "/d", TENANT)


def test_dashboards(client: Any, flow: str) -> None:
    run(client, flow)
    dashboards = client.dashboards
    assert dashboards.create_dashboard(TENANT, DASHBOARD)["id"] == "sdk"
    assert dashboards.dashboard("sdk", TENANT)["title"] == "From the SDK"
    assert dashboards.search_dashboards(TENANT)["total"] >= 1
    everything = models.ChartFiltersOverrides()
    assert dashboards.dashboard_chart_data("sdk", "c1", TENANT, everything).total >= 1
    assert dashboards.export_dashboard_chart_data_to_csv("sdk", "c1", TENANT, everything)
    assert not dashboards.validate_dashboard(TENANT, DASHBOARD).constraints
    request = models.DashboardControllerPreviewRequest(chart=CHART)
    assert dashboards.preview_chart(TENANT, request).total >= 1
    assert dashboards.export_chart_to_csv(TENANT, request)
    assert not dashboards.validate_chart(TENANT, CHART).constraints
    assert dashboards.update_dashboard("sdk", TENANT, DASHBOARD)["id"] == "sdk"
    dashboards.delete_dashboard("sdk", TENANT)


def test_blueprints(client: Any) -> None:
    kind = models.BlueprintControllerKind.FLOW
    found = client.blueprints.search_blueprints(kind, TENANT, q="python", size=10)
    assert [one.id for one in found.results] == ["python-script"]
    assert "script: |" in client.blueprints.blueprint_source("python-script", kind, TENANT)
    assert client.blueprints.blueprint_graph("python-script", kind, TENANT)["nodes"]
    assert client.blueprints.blueprint("python-script", kind, TENANT).source
