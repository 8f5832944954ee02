"""Models of dashboards (spec: REST contract, models)."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from flowdeck.api.contract.models.common import QueryFilter
from flowdeck.api.contract.models.scalars import Instant


class TimeWindow(TypedDict):
    """Window of a dashboard, ISO durations."""

    default: NotRequired[str]
    max: NotRequired[str]


class ChartChartOption(TypedDict):
    """A chart; every property of its type stands beside these."""

    id: str
    type: str
    chartOptions: NotRequired[dict[str, Any]]


class DashboardControllerDashboardResponse(TypedDict):
    """A dashboard with its source."""

    tenantId: NotRequired[str]
    id: str
    title: str
    description: NotRequired[str]
    timeWindow: NotRequired[TimeWindow]
    charts: NotRequired[list[ChartChartOption]]
    deleted: bool
    created: NotRequired[Instant]
    updated: NotRequired[Instant]
    sourceCode: NotRequired[str]


class PagedResultsDashboardControllerDashboardResponse(TypedDict):
    """A page of results and how many there are in all."""

    results: list[DashboardControllerDashboardResponse]
    total: int


class PagedResultsMapStringObject(TypedDict):
    """A page of results and how many there are in all."""

    results: list[dict[str, Any]]
    total: int


class ChartFiltersOverrides(TypedDict):
    """What a chart shows: window, page and filters."""

    startDate: NotRequired[Instant]
    endDate: NotRequired[Instant]
    pageSize: NotRequired[int]
    pageNumber: NotRequired[int]
    namespace: NotRequired[str]
    labels: NotRequired[dict[str, str]]
    filters: NotRequired[list[QueryFilter]]


class DashboardControllerPreviewRequest(TypedDict):
    """An unsaved chart."""

    chart: str
    globalFilter: NotRequired[ChartFiltersOverrides | None]


class DashboardGenerationPrompt(TypedDict):
    """What a dashboard should be written from."""

    conversationId: str
    userPrompt: str
    yaml: NotRequired[str]
