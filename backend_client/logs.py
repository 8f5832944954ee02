"""Log lines over all executions; those of one execution go straight to the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend_client.client import Page, Resource, query_of, text_of


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line."""

    key: str = ""
    namespace: str = ""
    flow: str = ""
    task: str = ""
    execution: str = ""
    task_run: str = ""
    trigger: str = ""
    time: str = ""
    level: str = ""
    message: str = ""
    no: str = ""

    @classmethod
    def of(cls, body: dict[str, Any], index: int = 0) -> LogRow:
        """Read one element of the list."""
        time = text_of(body.get("timestamp"))
        return cls(
            key=f"{index}-{time}",
            namespace=text_of(body.get("namespace")),
            flow=text_of(body.get("flowId")),
            task=text_of(body.get("taskId")),
            execution=text_of(body.get("executionId")),
            task_run=text_of(body.get("taskRunId")),
            trigger=text_of(body.get("triggerId")),
            time=time,
            level=text_of(body.get("level")),
            message=text_of(body.get("message")),
            no=text_of(body.get("no")),
        )


class LogsApi(Resource):
    """`{T}/logs`."""

    async def search(
        self,
        *,
        page: int = 1,
        size: int = 50,
        sort: str = "timestamp:desc",
        query: str = "",
        filters: Sequence[Mapping[str, str]] = (),
    ) -> Page[LogRow]:
        """One page of lines."""
        params = query_of(page=page, size=size, sort=sort, query=query, filters=filters)
        body = await self._c.get(self._c.below("logs", "search"), params)
        return Page([LogRow.of(one, index) for index, one in enumerate(body["results"])], int(body["total"]))

    async def delete(self, execution: str) -> None:
        """Delete the lines of an execution."""
        await self._c.delete(self._c.below("logs", execution))
