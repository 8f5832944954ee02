"""Laws of plugin defaults (spec: workflow components §13)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.catalog import Catalog
from flowdeck.model.source import parse_flow

HEAD = "id: f\nnamespace: a.b\n"
LOG = "io.kestra.plugin.core.log.Log"


def props(catalog: Catalog, defaults: str, task: str, outer: Any = ()) -> dict[str, Any]:
    parsed = parse_flow(f"{HEAD}tasks:\n  - {{id: t, {task}}}\npluginDefaults:\n{defaults}", catalog, defaults=outer)
    assert parsed.flow is not None, parsed.findings
    return dict(parsed.flow.tasks[0].props)


def test_a_default_fills_a_gap_and_even_a_required_one(catalog: Catalog) -> None:
    found = props(catalog, f"  - {{type: {LOG}, values: {{message: hi, level: WARN}}}}\n", f"type: {LOG}, level: ERROR")
    assert (found["message"], found["level"]) == ("hi", "ERROR")


def test_a_forced_default_wins_and_the_farthest_forced_one_most(catalog: Catalog) -> None:
    outer = [{"type": "io.kestra.plugin.core", "forced": True, "values": {"level": "DEBUG"}}]
    found = props(
        catalog,
        f"  - {{type: {LOG}, forced: true, values: {{level: WARN}}}}\n",
        f"type: {LOG}, message: x, level: ERROR",
        outer,
    )
    assert found["level"] == "DEBUG"


def test_the_closest_source_wins_then_the_longer_type(catalog: Catalog) -> None:
    defaults = f"  - {{type: io.kestra, values: {{level: WARN}}}}\n  - {{type: {LOG}, values: {{level: ERROR}}}}\n"
    outer = [{"type": LOG, "values": {"level": "DEBUG", "message": "far"}}]
    found = props(catalog, defaults, f"type: {LOG}", outer)
    assert (found["level"], found["message"]) == ("ERROR", "far")


def test_properties_that_a_type_lacks_are_dropped(catalog: Catalog) -> None:
    found = props(catalog, "  - {type: io.kestra, values: {grace: x, level: WARN}}\n", f"type: {LOG}, message: x")
    assert "grace" not in found


def test_maps_merge_deeply_and_nested_objects_get_their_own(catalog: Catalog) -> None:
    shell = "io.kestra.plugin.core.scripts.Shell"
    defaults = (
        f"  - {{type: {shell}, values: {{env: {{a: '1', b: '2'}}, commands: [x]}}}}\n"
        "  - {type: io.kestra.plugin.core.runner.Process, values: {grace: PT1S}}\n"
    )
    task = f"type: {shell}, commands: [y], env: {{a: '9'}}, taskRunner: {{type: io.kestra.plugin.core.runner.Process}}"
    found = props(catalog, defaults, task)
    assert found["env"] == {"a": "9", "b": "2"}
    assert found["commands"] == ["y"]
    assert found["taskRunner"]["grace"] == "PT1S"


def test_a_named_default_is_applied_on_request_only(catalog: Catalog) -> None:
    defaults = (
        f"  - {{type: {LOG}, ref: loud, values: {{level: ERROR}}}}\n  - {{type: {LOG}, values: {{level: WARN}}}}\n"
    )
    assert props(catalog, defaults, f"type: {LOG}, message: x")["level"] == "WARN"
    assert props(catalog, defaults, f"type: {LOG}, message: x, pluginDefaultsRef: loud")["level"] == "ERROR"


def test_the_document_keeps_what_was_written(catalog: Catalog) -> None:
    defaults = f"pluginDefaults:\n  - {{type: {LOG}, values: {{level: WARN}}}}\n"
    text = f"{HEAD}tasks:\n  - {{id: t, type: {LOG}, message: x}}\n{defaults}"
    assert "level" not in parse_flow(text, catalog).document["tasks"][0]
