"""Conditions that many lists offer, in the same words and operators (`spec` UI-FI)."""

from __future__ import annotations

from typing import Any

from components.filters import filter_key

NAMESPACE_OPERATORS = ["PREFIX", "IN", "NOT_IN", "CONTAINS", "STARTS_WITH", "ENDS_WITH"]
LISTED_FLOW_OPERATORS = ["EQUALS", "CONTAINS", "IN", "NOT_IN", "STARTS_WITH", "REGEX"]
"""Operators of the flow in lists of flows and of executions."""


def namespace_filter(*, of_executions: bool = False) -> dict[str, Any]:
    """The namespace, chosen among those that have flows, or (`of_executions`) those that have executions."""
    return filter_key(
        "namespace",
        "namespace",
        operators=NAMESPACE_OPERATORS,
        kind="choice",
        options_url="/api/v1/{tenant}/" + ("executions/namespaces" if of_executions else "flows/distinct-namespaces"),
    )


def flow_filter(operators: list[str] | None = None) -> dict[str, Any]:
    """The flow by its id; without `operators` every one that texts have."""
    return filter_key("flowId", "flow", operators=operators)
