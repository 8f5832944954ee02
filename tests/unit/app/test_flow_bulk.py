"""What many flows become: labels, another namespace, inputs for all (UI-FL-05)."""

from __future__ import annotations

import pytest
import yaml

from app.pages.flows.bulk import changed_labels, inputs_of, lacking, moved, relabelled

SOURCE = """id: a # the first
namespace: company.data  # ours
labels:
  team: data
  # why
  tier: gold

tasks: []
"""


def test_labels_are_set_and_taken_away_and_the_rest_of_the_source_stays() -> None:
    present = [{"key": "team", "value": "data"}, {"key": "tier", "value": "gold"}]
    after = changed_labels(present, [{"key": "team", "value": "ops"}, {"key": "on", "value": "yes"}], ["tier"])
    assert after == {"team": "ops", "on": "yes"}
    text = relabelled(SOURCE, after)
    assert text == SOURCE.replace("  team: data\n  # why\n  tier: gold\n", '  team: ops\n  "on": "yes"\n')
    assert yaml.safe_load(text)["labels"] == after
    assert "labels" not in relabelled(SOURCE, {})


@pytest.mark.parametrize(
    "labels",
    [
        "labels: {team: data}\n",
        "labels:\n- key: team\n  value: data\n",
        "labels:\n  - key: team\n    value: data\n",
        "",
    ],
)
def test_labels_are_written_whatever_form_they_had(labels: str) -> None:
    text = relabelled(f"id: a\nnamespace: n\n{labels}tasks: []\n", {"k": "v"})
    assert yaml.safe_load(text) == {"id": "a", "namespace": "n", "labels": {"k": "v"}, "tasks": []}


def test_a_flow_is_moved_by_one_line_of_its_source() -> None:
    assert moved(SOURCE, "company.ops") == SOURCE.replace("company.data  # ours", "company.ops  # ours")
    with pytest.raises(ValueError, match="namespace"):
        moved("{id: a, namespace: b, tasks: []}", "c")


def test_inputs_for_all_are_read_line_by_line_and_missing_ones_told() -> None:
    assert inputs_of("day: 2026-11-20\nurl: http://x:1/y\n") == ({"day": "2026-11-20", "url": "http://x:1/y"}, "")
    assert inputs_of("no colon")[1]
    declared = [{"id": "day"}, {"id": "n", "defaults": 1}, {"id": "o", "required": False}]
    assert lacking(declared, {}) == ["day"] and lacking(declared, {"day": "x"}) == []
