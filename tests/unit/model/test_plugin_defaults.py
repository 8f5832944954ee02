"""Laws of plugin defaults (spec: workflow components §13)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.catalog import Catalog
from flowdeck.model.source import parse_flow
from flowdeck.sdk.index import load_catalog

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


def test_an_alias_matches_both_names() -> None:
    """§13: aliases match both names."""
    old = "io.kestra.core.tasks.log.Log"
    for default, task in ((old, LOG), (LOG, old)):
        found = props(
            load_catalog(), f"  - {{type: {default}, values: {{level: WARN}}}}\n", f"type: {task}, message: x"
        )
        assert found["level"] == "WARN"


def test_of_equal_entries_the_earlier_one_wins(catalog: Catalog) -> None:
    """§13: inside one source the more specific type wins, then the earlier entry; forced ones alike."""
    for forced in ("", ", forced: true"):
        defaults = "".join(f"  - {{type: {LOG}{forced}, values: {{level: {x}}}}}\n" for x in ("WARN", "DEBUG"))
        assert props(catalog, defaults, f"type: {LOG}, message: x")["level"] == "WARN"


def test_sources_in_their_order(catalog: Catalog) -> None:
    """§13: flow, namespace, its parents, instance; forced ones the other way round."""
    outer = [{"type": LOG, "level": n, "values": {"level": x}} for n, x in ((1, "INFO"), (2, "DEBUG"), (1000, "ERROR"))]
    flow = f"  - {{type: {LOG}, values: {{level: WARN}}}}\n"
    none = "  - {type: io.acme, values: {x: 1}}\n"
    assert props(catalog, flow, f"type: {LOG}, message: x", outer)["level"] == "WARN"
    assert props(catalog, none, f"type: {LOG}, message: x", outer)["level"] == "INFO"
    forced = [{**one, "forced": True} for one in outer]
    assert props(catalog, flow, f"type: {LOG}, message: x, level: WARN", forced)["level"] == "ERROR"
    assert props(catalog, flow, f"type: {LOG}, message: x, level: WARN", forced[:2])["level"] == "DEBUG"


def test_forced_maps_merge_deeply_and_lists_are_replaced(catalog: Catalog) -> None:
    """§13: forced overrides the object's value."""
    shell = "io.kestra.plugin.core.scripts.Shell"
    defaults = f"  - {{type: {shell}, forced: true, values: {{env: {{a: '1'}}, commands: [forced]}}}}\n"
    found = props(catalog, defaults, f"type: {shell}, commands: [own, two], env: {{a: '9', b: '2'}}")
    assert (found["env"], found["commands"]) == ({"a": "1", "b": "2"}, ["forced"])


def test_a_named_default_may_be_forced_and_lies_in_any_source(catalog: Catalog) -> None:
    """§13: non-forced: the object's own values win; forced overrides them; same name in several sources: as above."""
    task = f"type: {LOG}, message: x, level: ERROR, pluginDefaultsRef: n"
    own = f"  - {{type: {LOG}, ref: n, values: {{level: WARN, message: y}}}}\n"
    assert props(catalog, own, task)["level"] == "ERROR"
    assert props(catalog, own.replace("ref: n", "ref: n, forced: true"), task)["level"] == "WARN"
    far = [{"type": LOG, "ref": "n", "values": {"level": "DEBUG"}, "level": 1000}]
    none = "  - {type: io.acme, values: {x: 1}}\n"
    named = f"type: {LOG}, message: x, pluginDefaultsRef: n"
    assert props(catalog, none, named, far)["level"] == "DEBUG"
    assert props(catalog, f"  - {{type: {LOG}, ref: n, values: {{level: WARN}}}}\n", named, far)["level"] == "WARN"


def test_a_named_default_of_another_type_does_not_apply(catalog: Catalog) -> None:
    """§13: and whose type matches; a name that no matching entry has changes nothing."""
    defaults = (
        "  - {type: io.kestra.plugin.core.debug, ref: n, values: {level: ERROR}}\n"
        f"  - {{type: {LOG}, values: {{level: WARN}}}}\n"
    )
    assert props(catalog, defaults, f"type: {LOG}, message: x, pluginDefaultsRef: n")["level"] == "WARN"


def test_forced_defaults_reach_objects_with_a_name_and_it_is_told(catalog: Catalog) -> None:
    """§13: forced ones by type still apply, with a warning that names pluginDefaultsRef."""
    defaults = (
        f"pluginDefaults:\n  - {{type: {LOG}, ref: n, values: {{level: WARN}}}}\n"
        f"  - {{type: {LOG}, forced: true, values: {{level: DEBUG}}}}\n"
    )
    text = f"{HEAD}tasks:\n  - {{id: t, type: {LOG}, message: x, pluginDefaultsRef: n}}\n{defaults}"
    for strict in (True, False):
        parsed = parse_flow(text, catalog, strict=strict)
        assert parsed.flow is not None and parsed.flow.tasks[0].props["level"] == "DEBUG"
        assert [f.path for f in parsed.findings if f.rule == "plugin-default-forced"] == ["tasks[0].pluginDefaultsRef"]


def test_what_is_required_must_come_from_a_default_that_applies(catalog: Catalog) -> None:
    """§2.1, §13: an object with pluginDefaultsRef gets no non-forced default by type."""
    defaults = (
        f"pluginDefaults:\n  - {{type: {LOG}, values: {{message: x}}}}\n"
        f"  - {{type: {LOG}, ref: n, values: {{level: WARN}}}}\n"
    )
    text = f"{HEAD}tasks:\n  - {{id: t, type: {LOG}, pluginDefaultsRef: n}}\n{defaults}"
    assert [f.path for f in parse_flow(text, catalog).errors] == ["tasks[0].message"]


def test_objects_that_come_from_defaults_get_their_own_defaults(catalog: Catalog) -> None:
    """§13: any map with a type at any depth."""
    shell, runner = "io.kestra.plugin.core.scripts.Shell", "io.kestra.plugin.core.runner.Process"
    defaults = (
        f"  - {{type: {shell}, values: {{taskRunner: {{type: {runner}}}}}}}\n"
        f"  - {{type: {runner}, values: {{grace: PT1S}}}}\n"
    )
    assert props(catalog, defaults, f"type: {shell}, commands: [y]")["taskRunner"] == {"type": runner, "grace": "PT1S"}


def test_triggers_and_conditions_have_defaults_too() -> None:
    """§13: tasks, triggers, conditions, nested objects alike; values for other types are dropped."""
    core = "io.kestra.plugin.core"
    text = (
        f"{HEAD}tasks: [{{id: t, type: {LOG}, message: x}}]\n"
        f"triggers: [{{id: s, type: {core}.trigger.Schedule, cron: '* * * * *',"
        f" conditions: [{{type: {core}.condition.DayWeek, dayOfWeek: MONDAY}}]}}]\n"
        f"pluginDefaults: [{{type: {core}, values: {{timezone: Europe/Paris, date: '2026-01-01', level: WARN}}}}]\n"
    )
    flow = parse_flow(text, load_catalog()).flow
    assert flow is not None
    trigger = flow.triggers[0].props
    assert trigger["timezone"] == "Europe/Paris" and "level" not in trigger
    assert trigger["conditions"][0]["date"] == "2026-01-01" and "timezone" not in trigger["conditions"][0]
    assert flow.tasks[0].props["level"] == "WARN" and "date" not in flow.tasks[0].props
