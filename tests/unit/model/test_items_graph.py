"""ForEachItem and WorkingDirectory as tasks of a flow: parts, keys, graph (§8.9, §9.2, §19)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.flow import Flow, TaskKind
from flowdeck.model.graph import flow_graph
from flowdeck.model.source import parse_flow
from flowdeck.sdk.index import load_catalog

SOURCE = """
id: f
namespace: a.b
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEachItem
    items: "{{ inputs.x }}"
    namespace: a.b
    flowId: child
    allowFailure: true
    errors: [{id: e, type: io.kestra.plugin.core.log.Log, message: x}]
  - id: wd
    type: io.kestra.core.tasks.flows.Worker
    tasks:
      - {id: one, type: io.kestra.plugin.core.log.Log, message: x}
      - {id: off, type: io.kestra.plugin.core.log.Log, message: x, disabled: true}
"""


def parsed(source: str = SOURCE) -> Flow:
    """The flow of a source without errors."""
    result = parse_flow(source, load_catalog())
    assert result.flow is not None, result.findings
    return result.flow


def test_a_for_each_item_has_three_parts_with_keys_of_their_own() -> None:
    flow = parsed()
    each = flow.tasks[0]
    parts = [flow.tasks[key] for key in each.children["tasks"]]
    assert [(p.id, p.kind, p.parent) for p in parts] == [
        ("each_split", TaskKind.RUNNABLE, 0),
        ("each_items", TaskKind.ITEMS, 0),
        ("each_merge", TaskKind.RUNNABLE, 0),
    ]
    assert [task.key for task in flow.tasks] == list(range(len(flow.tasks)))
    assert parts[1].allow_failure
    assert flow.tasks[each.children["errors"][0]].id == "e"


def test_nobody_names_the_parts_himself() -> None:
    source = SOURCE.replace("core.flow.ForEachItem", "core.flow.ForEachItem$ForEachItemSplit")
    result = parse_flow(source, load_catalog())
    assert any("Invalid type" in finding.message for finding in result.errors)
    assert not any("$" in spec.type for spec in load_catalog().types("task"))


def test_their_graph() -> None:
    graph: Any = flow_graph(parsed())
    nodes = {node["uid"]: node for node in graph["nodes"]}
    assert nodes["root.each.each_items"]["type"].endswith("SubflowGraphTask")
    assert nodes["root.each.each_items"]["task"]["subflowId"] == {"namespace": "a.b", "flowId": "child"}
    edges = {(edge["source"], edge["target"]) for edge in graph["edges"]}
    assert ("root.each.each_split", "root.each.each_items") in edges
    assert ("root.each.each_items", "root.each.each_merge") in edges
    assert ("root.wd", "root.wd.one") in edges


def test_only_runnable_tasks_share_a_directory() -> None:
    source = SOURCE.replace("core.log.Log, message: x}\n      - {id: off", "core.execution.Exit}\n      - {id: off")
    result = parse_flow(source, load_catalog())
    text = "Only runnable tasks are allowed as children of a WorkingDirectory task"
    assert [(f.path, f.message) for f in result.errors] == [("tasks[1].tasks[0]", text)]
