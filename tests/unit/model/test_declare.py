"""Laws of the declaration kernel, the catalog, schemas, labels and retry policies."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Literal

import pytest

from flowdeck.model.catalog import Catalog
from flowdeck.model.coerce import ConversionError
from flowdeck.model.component import TaskBase
from flowdeck.model.declare import Declared, Expr, Labels, field
from flowdeck.model.flow import Retry, TaskKind
from flowdeck.model.labels import LabelError, merge_labels, nested, offending, parse_query_label, read_labels
from flowdeck.model.retry import next_retry
from flowdeck.model.shapes import TypeSpec


class Inner(Declared):
    """A nested object."""

    rows: int = 1


class Load(TaskBase, type="test.Load", aliases=("test.OldLoad",), process=True):
    """Load rows.

    In batches.
    """

    source: Expr[str] = field(doc="Where from.")
    wait_for: Expr[timedelta] | None = field(default=None, aliases=("delay",))
    mode: Literal["FAST", "SLOW"] = "FAST"
    batch: Inner | None = None
    names: list[str] = field(default_factory=list)
    tags: Labels | None = None
    limit: int | str = 5

    class Output(Declared):
        """Outputs."""

        rows_loaded: int


def test_a_class_is_its_own_description() -> None:
    spec = Load.spec
    assert (spec.type, spec.kind, spec.role, spec.aliases, spec.title) == (
        "test.Load",
        "task",
        "runnable",
        ("test.OldLoad",),
        "Load rows.",
    )
    assert spec.process
    assert [f.name for f in spec.fields] == ["source", "waitFor", "mode", "batch", "names", "tags", "limit"]
    assert [f.name for f in spec.fields if f.required] == ["source"]
    assert [f.name for f in spec.outputs] == ["rowsLoaded"]
    assert TypeSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_properties_become_typed_values() -> None:
    task = Load.build(
        {
            "id": "a",
            "type": "x",
            "source": "{{ x }}",
            "delay": "PT1S",
            "mode": "slow",
            "batch": {"rows": "3"},
            "names": [1, True],
            "tags": [{"key": "k", "value": "v"}],
            "unknown": 1,
        }
    )
    assert task.source.raw == "{{ x }}"
    assert task.wait_for is not None
    assert task.wait_for.convert("PT1M") == timedelta(minutes=1)
    assert task.mode == "SLOW"
    assert task.batch == Inner(rows=3)
    assert task.names == ["1", "true"]
    assert task.tags == {"k": "v"}
    assert task.limit == 5
    assert not hasattr(task, "__dict__")
    with pytest.raises(AttributeError):
        task.mode = "FAST"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("props", "message"),
    [
        ({}, "source: must not be null"),
        ({"source": "x", "mode": "x"}, "mode: 'x' is not one of FAST, SLOW"),
        ({"source": "x", "batch": {"rows": "y"}}, "batch: rows: Cannot convert 'y' to an integer"),
    ],
)
def test_values_that_do_not_fit_are_refused(props: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Load.build({"id": "a", "type": "x", **props})


def test_a_rendered_value_that_does_not_fit_is_refused() -> None:
    task = Load.build({"id": "a", "type": "x", "source": "x", "waitFor": "{{ y }}"})
    assert task.wait_for is not None
    with pytest.raises(ConversionError):
        task.wait_for.convert("soon")


def test_a_catalog_knows_types_aliases_and_kinds() -> None:
    catalog = Catalog([Load.spec])
    assert catalog.find("test.OldLoad") is Load.spec
    assert catalog.find("test.Load", "trigger") is None
    assert catalog.canonical("test.OldLoad") == "test.Load"
    assert catalog.canonical("no.such") == "no.such"
    assert catalog.task_kind("io.kestra.plugin.core.flow.If") is TaskKind.FLOWABLE
    assert catalog.task_kind("io.kestra.plugin.core.flow.Pause") is TaskKind.PAUSE
    assert catalog.task_kind("io.kestra.plugin.core.flow.Subflow") is TaskKind.SUBFLOW
    assert catalog.task_kind("io.kestra.plugin.core.execution.Labels") is TaskKind.ENGINE
    assert catalog.task_kind("test.Load") is TaskKind.RUNNABLE
    assert "runIf" in catalog.fields(Load.spec)
    assert catalog.nearest("test.Loda") == "test.Load"


def test_every_own_type_has_documentation_and_travels_as_json() -> None:
    for spec in Catalog().types():
        assert spec.title
        assert all(f.doc for f in spec.fields), spec.type
        assert TypeSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_the_flow_schema_lists_types_and_their_properties() -> None:
    schema = Catalog([Load.spec]).flow_schema()
    text = json.dumps(schema)
    assert len(text) < 200_000
    task = schema["definitions"]["task"]
    assert "test.Load" in task["properties"]["type"]["anyOf"][0]["enum"]
    branch = next(b for b in task["allOf"] if b["if"]["properties"]["type"]["const"] == "test.Load")
    assert branch["then"]["$ref"] == "#/definitions/task:test.Load"
    own = schema["definitions"]["task:test.Load"]
    assert own["required"] == ["source"]
    assert own["properties"]["waitFor"]["$dynamic"]
    refs = {part.split('"')[0] for part in text.split('"$ref": "#/definitions/')[1:]}
    assert refs <= set(schema["definitions"])


def test_the_schema_of_a_type_has_outputs() -> None:
    schema = Catalog([Load.spec]).schema("test.Load")
    assert set(schema) == {"properties", "outputs", "definitions"}
    assert "rowsLoaded" in schema["outputs"]["properties"]
    assert "id" in schema["properties"]["properties"]


# ---- labels


def test_labels_come_as_map_or_list() -> None:
    assert read_labels({"a": 1, "b": True}) == [("a", "1"), ("b", "true")]
    assert read_labels([{"key": "a", "value": "x"}, {"key": "a", "value": "y"}]) == [("a", "y")]
    for bad in ({"a": {}}, {"a": ""}, {"": "x"}, "x", [1]):
        with pytest.raises(LabelError):
            read_labels(bad)


def test_labels_merge_and_nest() -> None:
    assert merge_labels([("a", "1"), ("b", "2")], [("a", "3")]) == [("a", "3"), ("b", "2")]
    assert nested([("system.correlationId", "x"), ("team", "y")]) == {
        "system": {"correlationId": "x"},
        "team": "y",
    }
    assert parse_query_label("k:a:b") == ("k", "a:b")
    assert offending([("a", "b")]) is None
    assert (
        offending([("system.x", "b")]) == "System labels can only be set by Kestra itself, offending label: system.x=b"
    )


# ---- retry


@pytest.mark.parametrize(
    ("policy", "attempts", "expected"),
    [
        (Retry("constant", interval_ms=100), 1, 1100),
        (Retry("constant", interval_ms=100, max_attempts=3), 2, 1100),
        (Retry("constant", interval_ms=100, max_attempts=3), 3, None),
        (Retry("constant", interval_ms=100, max_duration_ms=1050), 1, None),
        (Retry("exponential", interval_ms=100, max_interval_ms=1000), 3, 1400),
        (Retry("exponential", interval_ms=100, max_interval_ms=250), 3, 1250),
        (Retry("exponential", interval_ms=100, max_interval_ms=10**6, delay_factor=3), 3, 1900),
        (Retry("exponential", interval_ms=100, max_interval_ms=10**6), 100_000, 1_001_000),
        (Retry("random", min_interval_ms=100, max_interval_ms=300), 1, 1200),
        (None, 1, None),
    ],
)
def test_the_next_attempt(policy: Retry | None, attempts: int, expected: int | None) -> None:
    assert next_retry(policy, attempts, 0, 1000, lambda: 0.5) == expected
