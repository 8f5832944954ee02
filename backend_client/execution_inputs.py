"""Starting, resuming and repeating executions with inputs and files (REST contract §8)."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backend_client.client import Page, Query, Resource, query_of, upload
from backend_client.models import Execution, Flow, FlowGraph, InputCheck

Inputs = Mapping[str, Any]
Filters = Sequence[Mapping[str, str]]


@contextlib.contextmanager
def form(inputs: Inputs | None) -> Any:
    """The parts of a form: texts as they are, paths and bytes as uploads, everything else as JSON."""
    parts: list[tuple[str, Any]] = []
    opened: list[Any] = []
    for name, value in (inputs or {}).items():
        if isinstance(value, (Path, bytes)):
            file = upload(value, "" if isinstance(value, Path) else name)
            if isinstance(value, Path):
                opened.append(file[1])
            parts.append((name, file))
        else:
            parts.append((name, (None, value if isinstance(value, str) else json.dumps(value, default=str))))
    try:
        yield parts or None
    finally:
        for file in opened:
            file.close()


class ExecutionInputs(Resource):
    """The part of `{T}/executions` that takes forms, and what is told of flows to people who may only execute."""

    async def _form(self, path: str, inputs: Inputs | None, query: Query = (), **options: Any) -> Any:
        with form(inputs) as parts:
            return await self._c.post(path, query=query, files=parts, **options)

    async def start(
        self,
        namespace: str,
        flow: str,
        inputs: Inputs | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        wait: bool = False,
        revision: int | None = None,
        schedule_date: str = "",
        breakpoints: Sequence[str] = (),
        kind: str = "",
        key: str = "",
        timeout: float | None = None,
    ) -> Execution:
        """Start a flow; repeated safely when the connection breaks, because each call has a key.

        Args:
            inputs: by name: texts, numbers, maps; `pathlib.Path` or bytes for files.
            wait: answer when the execution has ended; `timeout` seconds at most, 600 if not given.
            schedule_date: an instant before which it does not start.
            breakpoints: tasks before which it stops.
            kind: NORMAL, TEST or PLAYGROUND.
            key: the caller's own idempotency key; a second start with it answers the first execution.
        Raises:
            ApiError: 404 no such flow; 409 disabled or its limit is reached; 422 inputs are wrong.
        """
        query = [("labels", f"{name}:{value}") for name, value in (labels or {}).items()]
        query += query_of(
            wait=wait or None,
            revision=revision,
            scheduleDate=schedule_date or None,
            breakpoints=",".join(breakpoints) or None,
            kind=kind or None,
        )
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        if wait and timeout is None:
            timeout = 600.0
        path = self._c.below("executions", namespace, flow)
        return await self._form(path, inputs, query, headers=headers, timeout=timeout)

    async def trigger(
        self,
        namespace: str,
        flow: str,
        inputs: Inputs | None = None,
        *,
        wait: bool = False,
        revision: int | None = None,
    ) -> Any:
        """Start a flow by the older route; as `start`."""
        query = query_of(wait=wait or None, revision=revision)
        return await self._form(self._c.below("executions", "trigger", namespace, flow), inputs, query)

    async def webhook(
        self,
        namespace: str,
        flow: str,
        key: str,
        *,
        method: str = "POST",
        path: str = "",
        body: Any = None,
        query: Query = (),
    ) -> Any:
        """Call a webhook trigger; `path` are further segments of its address."""
        place = self._c.below("executions", "webhook", namespace, flow, key)
        if path:
            place += f"/{path.lstrip('/')}"
        options: dict[str, Any] = {} if body is None else {"json": body}
        return (await self._c.send(method, place, query=query, **options)).json()

    async def check_inputs(
        self, namespace: str, flow: str, inputs: Inputs | None = None, *, revision: int | None = None
    ) -> list[InputCheck]:
        """How the server understands inputs, without starting anything."""
        query = query_of(revision=revision)
        return await self._form(self._c.below("executions", namespace, flow, "validate"), inputs, query)

    async def resume_with(self, execution: str, inputs: Inputs | None = None) -> Any:
        """Go on with a paused execution, giving what its pause asks for."""
        return await self._form(self._c.below("executions", execution, "resume"), inputs)

    async def check_resume(self, execution: str, inputs: Inputs | None = None) -> list[InputCheck]:
        """How the server understands the inputs of a pause."""
        return await self._form(self._c.below("executions", execution, "resume", "validate"), inputs)

    async def resume_from_breakpoint(self, execution: str, breakpoints: Sequence[str] = ()) -> None:
        """Go on from a breakpoint, stopping at these next."""
        query = query_of(breakpoints=",".join(breakpoints) or None)
        await self._c.post(self._c.below("executions", execution, "resume-from-breakpoint"), query=query)

    async def replay_with(
        self,
        execution: str,
        inputs: Inputs | None = None,
        *,
        task_run: str = "",
        revision: int | None = None,
        breakpoints: Sequence[str] = (),
    ) -> Execution:
        """Execute again with other inputs, as a new execution."""
        query = query_of(taskRunId=task_run or None, revision=revision, breakpoints=",".join(breakpoints) or None)
        return await self._form(self._c.below("executions", execution, "replay-with-inputs"), inputs, query)

    async def change_status(self, execution: str, status: str) -> Execution:
        """Set the state of an ended execution."""
        return await self._c.post(self._c.below("executions", execution, "change-status"), query=[("status", status)])

    async def unqueue(self, execution: str, state: str = "RUNNING") -> Execution:
        """Take an execution out of its queue, to a state."""
        return await self._c.post(self._c.below("executions", execution, "unqueue"), query=[("state", state)])

    async def of_flow(self, namespace: str, flow: str, *, page: int = 1, size: int = 25) -> Page[Any]:
        """One page of the executions of a flow."""
        query = query_of(namespace=namespace, flowId=flow, page=page, size=size)
        body = await self._c.get(self._c.below("executions"), query)
        return Page(list(body["results"]), int(body["total"]))

    def csv(self, *, filters: Filters = ()) -> Any:
        """The executions that match as CSV, piece by piece."""
        return self._c.bytes_of(self._c.below("executions", "export", "by-query", "csv"), query_of(filters=filters))

    async def namespaces(self) -> list[str]:
        """Namespaces with flows that the caller may execute."""
        return await self._c.get(self._c.below("executions", "namespaces"))

    async def flows_of(self, namespace: str) -> list[Flow]:
        """Flows of a namespace that the caller may execute."""
        return await self._c.get(self._c.below("executions", "namespaces", namespace, "flows"))

    async def flow(self, namespace: str, flow: str, *, revision: int | None = None) -> Flow:
        """A flow as far as its executions show it."""
        return await self._c.get(self._c.below("executions", "flows", namespace, flow), query_of(revision=revision))

    async def flow_of(self, execution: str) -> Flow:
        """The flow of an execution, in its revision."""
        return await self._c.get(self._c.below("executions", execution, "flow"))

    async def graph(self, execution: str, *, subflows: Sequence[str] = ()) -> FlowGraph:
        """The graph of an execution; `subflows` are node ids to expand."""
        query = [("subflows", one) for one in subflows]
        return await self._c.get(self._c.below("executions", execution, "graph"), query)
