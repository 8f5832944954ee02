"""What the list of waiting executions can be filtered by."""

from __future__ import annotations

from app.filter_keys import LISTED_FLOW_OPERATORS, flow_filter, namespace_filter
from components.filters import filter_key

FILTERS = [
    namespace_filter(of_executions=True),
    flow_filter(LISTED_FLOW_OPERATORS),
    filter_key("labels", "label", kind="labels"),
    filter_key("startDate", "started", kind="date"),
]
