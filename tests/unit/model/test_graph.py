"""Laws of the flow graph (spec: workflow components §19)."""

from __future__ import annotations

from typing import Any

import pytest

from flowdeck.model.catalog import Catalog
from flowdeck.model.graph import flow_graph
from flowdeck.model.source import parse_flow

LOG = "type: io.kestra.plugin.core.log.Log, message: x"
SOURCE = f"""\
id: f
namespace: a.b
tasks:
  - {{id: start, {LOG}}}
  - id: both
    type: io.kestra.plugin.core.flow.Parallel
    tasks: [{{id: x, {LOG}}}, {{id: y, {LOG}}}]
    errors: [{{id: help, {LOG}}}]
  - id: way
    type: io.kestra.plugin.core.flow.If
    condition: "{{{{ inputs.a }}}}"
    then: [{{id: yes, {LOG}}}]
    else: [{{id: no, {LOG}, disabled: true}}]
  - id: loop
    type: io.kestra.plugin.core.flow.ForEach
    values: [1, 2]
    tasks: [{{id: each, {LOG}}}]
  - {{id: child, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: g}}
errors: [{{id: broken, {LOG}}}]
finally: [{{id: last, {LOG}}}]
afterExecution: [{{id: after, {LOG}}}]
triggers:
  - {{id: daily, type: io.kestra.plugin.core.trigger.Schedule, cron: '@daily'}}
"""


@pytest.fixture
def graph(catalog: Catalog) -> dict[str, Any]:
    flow = parse_flow(SOURCE, catalog).flow
    assert flow is not None
    return flow_graph(flow, runs={"x": [{"id": "r1"}, {"id": "r2"}]})


def edges(graph: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str | None]]:
    return {
        (e["source"], e["target"]): (e["relation"]["relationType"], e["relation"].get("value")) for e in graph["edges"]
    }


def test_every_edge_joins_two_nodes_and_every_node_is_there_once(graph: dict[str, Any]) -> None:
    ids = [node["uid"] for node in graph["nodes"]]
    assert len(ids) == len(set(ids))
    assert {p for pair in edges(graph) for p in pair} <= set(ids)
    for entry in graph["clusters"]:
        assert set(entry["nodes"]) <= set(ids)
        assert {entry["start"], entry["end"]} <= set(entry["nodes"])


def test_relations(graph: dict[str, Any]) -> None:
    found = edges(graph)
    assert found["root._start", "root.start"] == ("SEQUENTIAL", None)
    assert found["root.both", "root.both.x"] == ("PARALLEL", None)
    assert found["root.both", "root.both.y"] == ("PARALLEL", None)
    assert found["root.way", "root.way.yes"] == ("CHOICE", "true")
    assert found["root.way", "root.way.no"] == ("CHOICE", "false")
    assert found["root.loop", "root.loop.each"] == ("DYNAMIC", "1, 2")
    assert found["root.both._errors._start", "root.both.help"] == ("ERROR", None)
    assert found["root._finally._start", "root.last"] == ("FINALLY", None)
    assert found["root._end", "root._afterExecution._start"] == ("AFTER_EXECUTION", None)
    assert found["root._triggers._end", "root._start"] == ("SEQUENTIAL", None)


def test_nodes_carry_task_trigger_and_last_run(graph: dict[str, Any]) -> None:
    nodes = {node["uid"]: node for node in graph["nodes"]}
    assert nodes["root.both.x"]["taskRun"] == {"id": "r2"}
    assert nodes["root.way.no"]["task"]["disabled"] is True
    assert nodes["root.child"]["type"].endswith("SubflowGraphTask")
    assert nodes["root.child"]["task"]["subflowId"] == {"namespace": "a.b", "flowId": "g"}
    assert nodes["root._triggers.daily"]["triggerDeclaration"]["id"] == "daily"
    assert graph["flowables"] == ["root.both", "root.way", "root.loop"]


def test_tasks_of_a_dag_stand_behind_those_that_they_wait_for(catalog: Catalog) -> None:
    """§19, §8.3."""
    flow = parse_flow(
        f"""\
id: f
namespace: a.b
tasks:
  - id: d
    type: io.kestra.plugin.core.flow.Dag
    tasks:
      - {{task: {{id: last, {LOG}}}, dependsOn: [left, right]}}
      - {{task: {{id: left, {LOG}}}, dependsOn: [first]}}
      - {{task: {{id: right, {LOG}}}, dependsOn: [first]}}
      - {{task: {{id: first, {LOG}}}}}
      - {{task: {{id: free, {LOG}}}}}
""",
        catalog,
    ).flow
    assert flow is not None
    found = edges(flow_graph(flow))
    inside = {
        (a.rpartition(".")[2], b.rpartition(".")[2]): r[0] for (a, b), r in found.items() if a.startswith("root.d")
    }
    assert inside == {
        ("_start", "d"): "SEQUENTIAL",
        ("d", "first"): "PARALLEL",
        ("first", "left"): "PARALLEL",
        ("first", "right"): "PARALLEL",
        ("left", "last"): "PARALLEL",
        ("right", "last"): "PARALLEL",
        ("d", "free"): "PARALLEL",
        ("last", "_end"): "SEQUENTIAL",
        ("free", "_end"): "SEQUENTIAL",
        ("_end", "_end"): "SEQUENTIAL",
    }


@pytest.mark.parametrize("kind", ["ForEach", "EachSequential", "EachParallel", "LoopUntil"])
def test_blocks_that_repeat_are_dynamic(catalog: Catalog, kind: str) -> None:
    """§19."""
    values = {"ForEach": "values: [1]", "LoopUntil": "condition: 'true'"}.get(kind, "value: [1]")
    flow = parse_flow(
        f"""\
id: f
namespace: a.b
tasks:
  - id: l
    type: io.kestra.plugin.core.flow.{kind}
    {values}
    tasks: [{{id: a, {LOG}}}, {{id: b, {LOG}}}]
""",
        catalog,
    ).flow
    assert flow is not None
    found = edges(flow_graph(flow))
    assert found["root.l", "root.l.a"][0] == "DYNAMIC"
    assert (("root.l", "root.l.b") in found) == (kind == "EachParallel")


def test_a_broken_source_still_has_a_draft(catalog: Catalog) -> None:
    parsed = parse_flow(SOURCE + "unknown: 1\n", catalog)
    assert parsed.flow is None
    assert parsed.draft is not None
    assert flow_graph(parsed.draft)["nodes"]


def test_inputs_are_named_beside_the_triggers(catalog: Catalog) -> None:
    """`spec/ui.md` §5.5: triggers and inputs feed the start; a flow without inputs names none."""
    text = f"id: f\nnamespace: a.b\ninputs: [{{id: n, type: INT}}]\ntasks: [{{id: a, {LOG}}}]\n"
    asks, plain = parse_flow(text, catalog).flow, parse_flow(SOURCE, catalog).flow
    assert asks is not None and plain is not None
    assert flow_graph(asks)["inputs"] == ["n"] and "inputs" not in flow_graph(plain)
