"""What the flow screens work out by themselves: changes of revisions, documentation, triggers, lines of sources."""

from __future__ import annotations

import pytest

from app.pages.flows.changes import changes_of
from app.pages.flows.documentation import documentation_of, kind_of
from app.pages.flows.listing_state import FlowLine
from app.pages.flows.prose import html_of
from app.pages.flows.trigger_state import kind_of as trigger_kind
from app.pages.flows.trigger_state import line_of
from backend_client import FlowRow, TriggerRow
from backend_client.flows import FlowFigures


def _flow(**more: object) -> dict:
    return {"id": "f", "namespace": "n", "tasks": [{"id": "a", "type": "T"}], **more}


def test_equal_flows_have_no_changes() -> None:
    assert changes_of(_flow(), _flow(revision=2, updated="x", source="y")) == []


def test_a_task_inside_a_flowable_is_found_by_its_id() -> None:
    old = _flow(tasks=[{"id": "loop", "type": "ForEach", "tasks": [{"id": "in", "type": "T", "uri": "a"}]}])
    new = _flow(tasks=[{"id": "loop", "type": "ForEach", "tasks": [{"id": "in", "type": "T", "uri": "b"}]}])
    (change,) = changes_of(old, new)
    assert (change.group, change.kind, change.name, change.what) == ("Tasks", "changed", "in", "uri changed")


def test_added_and_removed_parts_are_told_by_group() -> None:
    old = _flow(triggers=[{"id": "t", "type": "Schedule"}])
    new = _flow(inputs=[{"id": "i", "type": "INT"}], disabled=True)
    found = {(c.group, c.kind, c.name) for c in changes_of(old, new)}
    assert found == {("Triggers", "removed", "t"), ("Inputs", "added", "i"), ("Flow", "added", "disabled")}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"enum": ["A"]}, "enum"),
        ({"type": "array", "items": {"$ref": "#/definitions/task"}}, "list of task"),
        ({"anyOf": [{"type": "array", "items": {}}, {"type": "string"}], "$dynamic": True}, "list of any"),
        ({}, "any"),
    ],
)
def test_a_schema_is_told_in_words(schema: dict, words: str) -> None:
    assert kind_of(schema) == words


def test_required_properties_come_first_and_common_ones_apart() -> None:
    schema = {
        "properties": {
            "required": ["id", "type", "uri"],
            "description": "Does *it*.",
            "$examples": [{"title": "One", "code": "id: x\n"}],
            "properties": {
                "id": {"type": "string", "$group": "core"},
                "headers": {"type": "object"},
                "uri": {"type": "string"},
                "timeout": {"type": "string", "$group": "reliability"},
            },
        },
        "outputs": {"properties": {"code": {"type": "integer"}}},
    }
    page = documentation_of("a.b.Request", {"schema": schema})
    assert [one.name for one in page.properties] == ["uri", "headers"]
    assert [one.name for one in page.common] == ["timeout"]
    assert [one.name for one in page.outputs] == ["code"]
    assert page.name == "Request"
    assert "<em>it</em>" in page.about
    assert page.examples == [{"title": "One", "code": "id: x"}]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "![x](https://elsewhere.example/p.png)",
    ],
)
def test_markdown_brings_no_script_and_loads_nothing(text: str) -> None:
    html = html_of(text).lower()
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


@pytest.mark.parametrize(
    ("cls", "kind"),
    [
        ("io.kestra.plugin.core.trigger.Schedule", "schedule"),
        ("io.kestra.plugin.core.trigger.Webhook", "webhook"),
        ("io.kestra.plugin.core.trigger.Flow", "flow"),
        ("io.kestra.plugin.kafka.RealtimeTrigger", "realtime"),
        ("io.kestra.plugin.aws.s3.Trigger", "polling"),
    ],
)
def test_the_kind_of_a_trigger_follows_from_its_type(cls: str, kind: str) -> None:
    assert trigger_kind(cls) == kind


def test_a_trigger_that_the_source_switches_off_cannot_be_switched_on() -> None:
    declared = {"id": "t", "type": "io.kestra.plugin.core.trigger.Schedule", "cron": "* * * * *", "disabled": True}
    line = line_of(declared, TriggerRow(id="t", next="2026-11-20T10:00:00Z"), "every minute", False)
    assert (line.on, line.fixed_off, line.next, line.next_word) == (False, True, "", "off")


def test_the_progress_of_a_backfill_is_its_share_of_the_range() -> None:
    declared = {"id": "t", "type": "io.kestra.plugin.core.trigger.Schedule", "cron": "0 * * * *"}
    row = TriggerRow(
        id="t",
        backfill_start="2026-11-01T00:00:00Z",
        backfill_end="2026-11-05T00:00:00Z",
        backfill_current="2026-11-02T00:00:00Z",
    )
    assert line_of(declared, row, "", False).percent == 25


def test_a_row_without_runs_knows_that_there_are_none() -> None:
    row = FlowRow(key="n/f", namespace="n", id="f", triggers=[])
    line = FlowLine.of(row).with_figures(None)
    assert (line.known, line.last_id, line.success, line.next_word) == (True, "", "", "manual")


def test_figures_name_the_newest_run_and_judge_the_ratio() -> None:
    figures = FlowFigures("n/f", 0.5, 120, "", [["a", "SUCCESS", 1000, 5], ["b", "FAILED", 2000, 7]])
    line = FlowLine.of(FlowRow(key="n/f", namespace="n", id="f")).with_figures(figures)
    assert (line.last_id, line.last_state, line.success, line.success_level) == ("b", "FAILED", "50.0 %", "bad")
