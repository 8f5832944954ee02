"""Operations on dashboards (spec: REST contract, operations)."""

from __future__ import annotations

from flowdeck.api.contract.models.common import ValidateConstraintViolation
from flowdeck.api.contract.models.dashboards import (
    ChartFiltersOverrides,
    DashboardControllerDashboardResponse,
    DashboardControllerPreviewRequest,
    PagedResultsDashboardControllerDashboardResponse,
    PagedResultsMapStringObject,
)
from flowdeck.api.contract.operation import BYTES, PAGES, SORT, YAML, Operation, Query, gives, nothing, takes

OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/{tenant}/dashboards",
        "searchDashboards",
        ("DASHBOARD", "READ"),
        query=(
            *PAGES,
            Query("q", str),
            SORT,
        ),
        answers=gives(PagedResultsDashboardControllerDashboardResponse),
    ),
    Operation(
        "POST",
        "/api/v1/{tenant}/dashboards",
        "createDashboard",
        ("DASHBOARD", "CREATE"),
        body=takes(str, YAML),
        answers=gives(DashboardControllerDashboardResponse),
        errors=(409,),
    ),
    Operation(
        "POST",
        "/api/v1/{tenant}/dashboards/charts/export/to-csv",
        "exportChartToCsv",
        ("DASHBOARD", "ANY"),
        body=takes(DashboardControllerPreviewRequest),
        answers=gives(bytes, BYTES),
    ),
    Operation(
        "POST",
        "/api/v1/{tenant}/dashboards/charts/preview",
        "previewChart",
        ("DASHBOARD", "ANY"),
        body=takes(DashboardControllerPreviewRequest),
        answers=gives(PagedResultsMapStringObject),
    ),
    Operation(
        "POST",
        "/api/v1/{tenant}/dashboards/validate",
        "validateDashboard",
        ("DASHBOARD", "ANY"),
        body=takes(str, YAML),
        answers=gives(ValidateConstraintViolation),
    ),
    Operation(
        "POST",
        "/api/v1/{tenant}/dashboards/validate/chart",
        "validateChart",
        ("DASHBOARD", "ANY"),
        body=takes(str, YAML),
        answers=gives(ValidateConstraintViolation),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/dashboards/{id}",
        "getDashboard",
        ("DASHBOARD", "READ"),
        answers=gives(DashboardControllerDashboardResponse),
    ),
    Operation(
        "PUT",
        "/api/v1/{tenant}/dashboards/{id}",
        "updateDashboard",
        ("DASHBOARD", "UPDATE"),
        body=takes(str, YAML),
        answers=gives(DashboardControllerDashboardResponse),
        errors=(409,),
    ),
    Operation(
        "DELETE", "/api/v1/{tenant}/dashboards/{id}", "deleteDashboard", ("DASHBOARD", "DELETE"), answers=nothing(204)
    ),
    Operation(
        "POST",
        "/api/v1/{tenant}/dashboards/{id}/charts/{chartId}",
        "getDashboardChartData",
        ("DASHBOARD", "ANY"),
        body=takes(ChartFiltersOverrides),
        answers=gives(PagedResultsMapStringObject),
    ),
    Operation(
        "POST",
        "/api/v1/{tenant}/dashboards/{id}/charts/{chartId}/export/to-csv",
        "exportDashboardChartDataToCSV",
        ("DASHBOARD", "ANY"),
        body=takes(ChartFiltersOverrides),
        answers=gives(bytes, BYTES),
    ),
)
