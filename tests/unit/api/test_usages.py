"""What is counted in flows (spec: REST contract §15)."""

from __future__ import annotations

from collections import Counter

from flowdeck.services.usages import count_types


def test_types_are_counted_where_they_stand() -> None:
    """Nested tasks, triggers and task runners; inputs and values are no tasks."""
    tasks, triggers, runners = Counter[str](), Counter[str](), Counter[str]()
    document = {
        "inputs": [{"id": "i", "type": "a.Input"}],
        "tasks": [
            {"id": "a", "type": "x.A", "taskRunner": {"type": "x.Runner"}, "body": {"type": "x.NoTask"}},
            {"id": "b", "type": "x.B", "tasks": [{"id": "c", "type": "x.A"}]},
        ],
        "errors": [{"id": "e", "type": "x.A"}],
        "triggers": [{"id": "t", "type": "x.T"}],
    }
    count_types(document, tasks, triggers, runners)
    assert (tasks, triggers, runners) == ({"x.A": 3, "x.B": 1}, {"x.T": 1}, {"x.Runner": 1})
