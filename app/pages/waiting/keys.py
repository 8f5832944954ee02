"""What the list of waiting executions can be filtered by."""

from __future__ import annotations

from components.filters import NAMESPACE_OPERATORS, filter_key

FILTERS = [
    filter_key(
        "namespace",
        "namespace",
        operators=NAMESPACE_OPERATORS,
        kind="choice",
        options_url="/api/v1/{tenant}/executions/namespaces",
    ),
    filter_key("flowId", "flow", operators=["EQUALS", "CONTAINS", "IN", "NOT_IN", "STARTS_WITH", "REGEX"]),
    filter_key("labels", "label", kind="labels"),
    filter_key("startDate", "started", kind="date"),
]
