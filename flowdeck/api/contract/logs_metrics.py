"""Operations on logs and metrics (spec: REST contract, operations)."""

from __future__ import annotations

from flowdeck.api.contract.models.common import Level
from flowdeck.api.contract.models.data import (
    LogEntry,
    MetricAggregations,
    PagedResultsLogEntry,
    PagedResultsMetricEntry,
)
from flowdeck.api.contract.models.scalars import Instant
from flowdeck.api.contract.operation import EVENTS, FILTERS, SORTED_PAGES, TEXT, Operation, Query, gives, older

OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/{tenant}/logs/search",
        "searchLogs",
        ("EXECUTION", "ANY"),
        query=(
            *SORTED_PAGES,
            FILTERS,
            *older("q namespace flowId triggerId minLevel startDate endDate"),
        ),
        answers=gives(PagedResultsLogEntry),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/logs/{executionId}",
        "listLogsFromExecution",
        ("EXECUTION", "READ"),
        query=(
            Query("minLevel", Level),
            Query("taskRunId", str),
            Query("taskId", str),
            Query("attempt", int),
        ),
        answers=gives(list[LogEntry]),
    ),
    Operation(
        "DELETE",
        "/api/v1/{tenant}/logs/{executionId}",
        "deleteLogsFromExecution",
        ("EXECUTION", "DELETE"),
        query=(
            Query("minLevel", Level),
            Query("taskRunId", str),
            Query("taskId", str),
            Query("attempt", int),
        ),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/logs/{executionId}/download",
        "downloadLogsFromExecution",
        ("EXECUTION", "READ"),
        query=(
            Query("minLevel", Level),
            Query("taskRunId", str),
            Query("taskId", str),
            Query("attempt", int),
        ),
        answers=gives(str, TEXT),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/logs/{executionId}/follow",
        "followLogsFromExecution",
        ("EXECUTION", "READ"),
        query=(Query("minLevel", Level),),
        answers=gives(LogEntry, EVENTS),
    ),
    Operation(
        "DELETE",
        "/api/v1/{tenant}/logs/{namespace}/{flowId}",
        "deleteLogsFromFlow",
        ("EXECUTION", "ANY"),
        rows=("EXECUTION", "DELETE"),
        query=(Query("triggerId", str, required=True),),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/metrics/aggregates/{namespace}/{flowId}/{metric}",
        "aggregateMetricsFromFlow",
        ("EXECUTION", "READ"),
        query=(
            Query("startDate", Instant),
            Query("endDate", Instant),
            Query("aggregation", str, default="sum"),
        ),
        answers=gives(MetricAggregations),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/metrics/aggregates/{namespace}/{flowId}/{taskId}/{metric}",
        "aggregateMetricsFromTask",
        ("EXECUTION", "READ"),
        query=(
            Query("startDate", Instant),
            Query("endDate", Instant),
            Query("aggregation", str, default="sum"),
        ),
        answers=gives(MetricAggregations),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/metrics/names/{namespace}/{flowId}",
        "listFlowMetrics",
        ("EXECUTION", "READ"),
        answers=gives(list[str]),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/metrics/names/{namespace}/{flowId}/{taskId}",
        "listTaskMetrics",
        ("EXECUTION", "READ"),
        answers=gives(list[str]),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/metrics/tasks/{namespace}/{flowId}",
        "listTasksWithMetrics",
        ("EXECUTION", "READ"),
        answers=gives(list[str]),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/metrics/{executionId}",
        "searchByExecution",
        ("EXECUTION", "READ"),
        query=(
            *SORTED_PAGES,
            Query("taskRunId", str),
            Query("taskId", str),
        ),
        answers=gives(PagedResultsMetricEntry),
    ),
)
