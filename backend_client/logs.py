"""Log lines over all executions; those of one execution go straight to the browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from backend_client.client import Page, Resource, Unreachable, query_of, text_of
from backend_client.events import once
from backend_client.models import LogEntry


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

    async def of_execution(
        self,
        execution: str,
        *,
        min_level: str = "",
        task_run: str = "",
        task: str = "",
        attempt: int | None = None,
    ) -> list[LogEntry]:
        """All lines of an execution, oldest first."""
        return await self._c.get(self._c.below("logs", execution), _chosen(min_level, task_run, task, attempt))

    async def delete_of(
        self, execution: str, *, min_level: str = "", task_run: str = "", task: str = "", attempt: int | None = None
    ) -> None:
        """Delete lines of an execution."""
        await self._c.delete(self._c.below("logs", execution), query=_chosen(min_level, task_run, task, attempt))

    async def delete_of_flow(self, namespace: str, flow: str) -> None:
        """Delete the lines of all executions and triggers of a flow."""
        await self._c.delete(self._c.below("console", "flows", namespace, flow, "logs"))

    async def delete_of_trigger(self, namespace: str, flow: str, trigger: str) -> None:
        """Delete the lines of a trigger."""
        await self._c.delete(self._c.below("logs", namespace, flow), query=[("triggerId", trigger)])

    async def download(self, execution: str, to: str | Path, *, min_level: str = "", task_run: str = "") -> int:
        """Write the lines of an execution as text into a file; its bytes."""
        path = self._c.below("logs", execution, "download")
        return await self._c.download(path, to, _chosen(min_level, task_run, "", None))

    async def follow(self, execution: str, *, min_level: str = "") -> AsyncIterator[LogEntry]:
        """The stored lines of an execution, then new ones; each once, also when the connection breaks meanwhile.

        It ends when the server closes the stream, some seconds after the end of the execution.
        """
        given = failures = 0
        while True:
            seen = 0
            try:
                async for event in once(
                    self._c, self._c.below("logs", execution, "follow"), query_of(minLevel=min_level or None)
                ):
                    if event.id != "start" and isinstance(event.data, dict) and "timestamp" in event.data:
                        seen += 1
                        if seen > given:  # a new connection tells all lines again
                            given, failures = seen, 0
                            yield cast(LogEntry, event.data)
                return
            except Unreachable:
                failures += 1
                if failures > 5:
                    raise
                await asyncio.sleep(0.2 * 2**failures)


def _chosen(min_level: str, task_run: str, task: str, attempt: int | None) -> list[tuple[str, str]]:
    return query_of(minLevel=min_level or None, taskRunId=task_run or None, taskId=task or None, attempt=attempt)
