"""Labels that the configuration hides (UI-LS-09)."""

from __future__ import annotations

from backend_client import Configs, ExecutionRow
from backend_client.executions import hide_labels, named_labels, visible_labels

LABELS = [
    {"key": "system.username", "value": "ada"},
    {"key": "internal.batch", "value": "7"},
    {"key": "team", "value": "data"},
]


def test_the_configuration_says_which_labels_are_hidden() -> None:
    """Prefixes of the server's configuration; what is hidden is still known by its row."""
    try:
        hide_labels(Configs.of({"hiddenLabelsPrefixes": ["system.", "internal."]}).hidden_labels)
        assert [one["key"] for one in visible_labels(LABELS)] == ["team"]
        row = ExecutionRow.of({"id": "1", "labels": LABELS})
        assert row.shown_labels == [{"key": "team", "value": "data"}] and row.more_labels == ""
        assert row.label_map["internal.batch"] == "7"
        named = named_labels([{"field": "labels", "operator": "EQUALS", "value": "internal.batch:7"}])
        assert [one["key"] for one in visible_labels(LABELS, named)] == ["internal.batch", "team"]
        hide_labels(Configs.of({"hiddenLabelsPrefixes": []}).hidden_labels)
        assert visible_labels(LABELS) == LABELS
    finally:
        hide_labels(Configs().hidden_labels)
