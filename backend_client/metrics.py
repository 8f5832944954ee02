"""What tasks measured (REST contract, Metrics)."""

from __future__ import annotations

from typing import cast

from backend_client.client import Page, Resource, query_of
from backend_client.models import MetricAggregations, MetricEntry


class MetricsApi(Resource):
    """`{T}/metrics`."""

    async def of_execution(
        self, execution: str, *, page: int = 1, size: int = 100, sort: str = "", task_run: str = "", task: str = ""
    ) -> Page[MetricEntry]:
        """One page of the measurements of an execution."""
        query = query_of(page=page, size=size, sort=sort, taskRunId=task_run or None, taskId=task or None)
        return await self._page(lambda body: cast(MetricEntry, body), query, "metrics", execution)

    async def names(self, namespace: str, flow: str, task: str = "") -> list[str]:
        """Names of the metrics of a flow, or of one of its tasks."""
        parts = ("metrics", "names", namespace, flow, task) if task else ("metrics", "names", namespace, flow)
        return await self._c.get(self._c.below(*parts))

    async def tasks(self, namespace: str, flow: str) -> list[str]:
        """Tasks of a flow that measured something."""
        return await self._c.get(self._c.below("metrics", "tasks", namespace, flow))

    async def aggregate(
        self,
        namespace: str,
        flow: str,
        metric: str,
        *,
        task: str = "",
        start: str = "",
        end: str = "",
        aggregation: str = "sum",
    ) -> MetricAggregations:
        """A metric over time; `aggregation` is `sum`, `avg`, `min` or `max`, `start` and `end` are instants."""
        parts = [namespace, flow, *([task] if task else []), metric]
        query = query_of(startDate=start or None, endDate=end or None, aggregation=aggregation)
        return await self._c.get(self._c.below("metrics", "aggregates", *parts), query)
