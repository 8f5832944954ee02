"""Laws of parsing that hold for every text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowdeck.model.catalog import Catalog
from flowdeck.model.graph import flow_graph
from flowdeck.model.source import constraints_text, parse_flow

CATALOG = Catalog()
EXIT = "io.kestra.plugin.core.execution.Exit"

WORDS = st.sampled_from(
    [
        "id",
        "namespace",
        "tasks",
        "type",
        "inputs",
        "triggers",
        "a.b",
        EXIT,
        "io.kestra.plugin.core.flow.Parallel",
        "STRING",
        "SELECT",
        "values",
        "cron",
        "* * * * *",
        "{{ x",
        "{{ x }}",
        "null",
        "~",
        "1",
        "-1",
        "true",
        "labels",
        "retry",
        "constant",
        "interval",
        "PT1S",
        "defaults",
        "conditions",
        "preconditions",
        "timeWindow",
        "dependsOn",
        "pluginDefaults",
        "errors",
        "then",
        "io.kestra.plugin.core.trigger.Schedule",
        "io.kestra.plugin.core.flow.If",
        "io.kestra.plugin.core.trigger.Flow",
    ]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(WORDS, st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=5)),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(), st.text(alphabet="ab:-[]{}&*!|>'\"# \n\t,?%@`")))
def test_no_text_makes_parsing_raise(text: str) -> None:
    parsed = parse_flow(text, CATALOG)
    assert parsed.flow is not None or parsed.errors
    assert (constraints_text(parsed.findings) is None) == (not parsed.errors)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(WORDS, VALUES, max_size=6), st.booleans())
def test_no_structure_makes_parsing_raise(value: dict[str, Any], strict: bool) -> None:
    head = {"id": "f", "namespace": "a.b", "tasks": [{"id": "t", "type": EXIT}]}
    parsed = parse_flow(json.dumps({**head, **value}), CATALOG, strict=strict)
    assert parsed.flow is not None or parsed.errors
    if parsed.draft is not None:
        graph = flow_graph(parsed.draft)
        ids = [node["uid"] for node in graph["nodes"]]
        assert {e["source"] for e in graph["edges"]} | {e["target"] for e in graph["edges"]} <= set(ids)
    json.dumps(parsed.document)


TASKS: st.SearchStrategy[Any] = st.recursive(
    st.just("leaf"),
    lambda inner: st.tuples(
        st.sampled_from(["Sequential", "Parallel", "If", "ForEach"]), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(TASKS, min_size=1, max_size=4))
def test_every_task_has_one_place(shapes: list[Any]) -> None:
    count = 0

    def task(shape: Any) -> dict[str, Any]:
        nonlocal count
        count += 1
        if shape == "leaf":
            return {"id": f"t{count}", "type": EXIT}
        kind, inner = shape
        out: dict[str, Any] = {"id": f"t{count}", "type": f"io.kestra.plugin.core.flow.{kind}"}
        out |= {"If": {"condition": "x"}, "ForEach": {"values": [1]}}.get(kind, {})
        out["then" if kind == "If" else "tasks"] = [task(x) for x in inner]
        return out

    source = json.dumps({"id": "f", "namespace": "a.b", "tasks": [task(s) for s in shapes]})
    flow = parse_flow(source, CATALOG).flow
    assert flow is not None
    assert [t.key for t in flow.tasks] == list(range(count))
    placed = [k for keys in flow.branches.values() for k in keys]
    placed += [k for t in flow.tasks for keys in t.children.values() for k in keys]
    assert sorted(placed) == list(range(count))
    for one in flow.tasks:
        assert all(flow.tasks[k].parent == one.key for keys in one.children.values() for k in keys)
