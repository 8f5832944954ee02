"""What the list of executions can be filtered by, and which columns it begins with (`spec` §1.5, UI-EX-01)."""

from __future__ import annotations

from app.filter_keys import LISTED_FLOW_OPERATORS, flow_filter, namespace_filter
from components.filters import filter_key
from components.states import STATES

FILTERS = [
    filter_key("state", "state", kind="choice", options=list(STATES)),
    namespace_filter(of_executions=True),
    flow_filter(LISTED_FLOW_OPERATORS),
    filter_key("labels", "label", kind="labels"),
    filter_key("timeRange", "time", kind="period"),
    filter_key("startDate", "started", kind="date"),
    filter_key("endDate", "ended", kind="date"),
    filter_key("childFilter", "hierarchy", kind="choice", operators=["EQUALS"], options=["MAIN", "CHILD"]),
    filter_key("triggerExecutionId", "parent", operators=["EQUALS", "IN"], placeholder="id of an execution"),
    filter_key("triggerId", "trigger", operators=["EQUALS", "IN", "CONTAINS"]),
    filter_key("kind", "kind", kind="choice", options=["NORMAL", "PLAYGROUND", "TEST"]),
    filter_key("scope", "scope", kind="choice", operators=["EQUALS"], options=["USER", "SYSTEM"]),
    filter_key("executionId", "id", operators=["EQUALS", "IN"]),
    filter_key("flowRevision", "revision", operators=["EQUALS", "IN"], kind="number"),
]

SHOWN = ["state", "flow", "id", "started", "ended", "duration", "trigger", "labels", "note"]
