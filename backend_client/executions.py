"""Executions: list, one, and what one does to them."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from backend_client.client import ApiError, Page, Resource, query_of, text_of
from backend_client.execution_inputs import ExecutionInputs
from backend_client.execution_streams import ExecutionStreams
from backend_client.flows import label_list

_SPAN = re.compile(r"^P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$")


def span_ms(text: str | None) -> int:
    """Return an ISO 8601 duration in ms; -1 for none."""
    found = _SPAN.match(text or "")
    if not found or not text:
        return -1
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return int(((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000)


WAITING = frozenset({"CREATED", "SUBMITTED", "QUEUED"})
"""States in which an execution has not begun, or not begun again."""


@dataclass(frozen=True, slots=True)
class RunSpan:
    """How long an execution ran: the time in which it neither waited to begin nor had ended (`spec/ui.md` UI-EX-01).

    Attributes:
        ms: -1 while it runs; pauses count.
        counted: the instant from which a running one counts: its beginning, later by the times that do not count.
        waited_ms: in the queue and before it began; -1 where the history is not known.
    """

    ms: int = -1
    counted: str = ""
    waited_ms: int = -1

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> RunSpan:
        """Read the state of the API's document; without its history the whole time counts."""
        steps = [(_instant(one.get("date")), text_of(one.get("state"))) for one in state.get("histories") or []]
        ended = text_of(state.get("endDate"))
        if not steps or any(at is None for at, _ in steps):
            return cls(span_ms(state.get("duration")) if ended else -1, text_of(state.get("startDate")))
        spans = {"ran": 0.0, "waited": 0.0}
        for place, (at, name) in enumerate(steps):
            until = steps[place + 1][0] if place + 1 < len(steps) else _instant(ended) or at
            kind = "waited" if name in WAITING else "ran"
            if name not in TERMINAL and at is not None and until is not None:
                spans[kind] += max(0.0, (until - at).total_seconds())
        ran, waited, (last, now) = spans["ran"], round(spans["waited"] * 1000), steps[-1]
        if ended or last is None or now in WAITING or now in TERMINAL:
            return cls(round(ran * 1000), "", waited)
        return cls(-1, (last - timedelta(seconds=ran)).isoformat(), waited)


def _instant(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text_of(text))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """An execution in a list; how long it ran, and since when it counts while it runs: `RunSpan`."""

    id: str = ""
    short_id: str = ""
    namespace: str = ""
    flow: str = ""
    revision: int = 0
    state: str = ""
    started: str = ""
    ended: str = ""
    duration_ms: int = -1
    counted: str = ""
    trigger: str = ""
    trigger_type: str = ""
    parent: str = ""
    original: str = ""
    schedule: str = ""
    labels: list[dict[str, str]] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    terminal: bool = False
    note: str = ""
    shown_labels: list[dict[str, str]] = field(default_factory=list)
    more_labels: str = ""
    bar: str = "0px"
    waited_ms: int = -1
    kind: str = ""
    created_by: str = ""
    created: str = ""
    last_task: str = ""
    attempts: int = 0
    parent_namespace: str = ""
    parent_flow: str = ""
    label_map: dict[str, str] = field(default_factory=dict)
    trigger_text: str = ""
    inputs_text: str = ""
    outputs_text: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)
    trigger_data: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, body: dict[str, Any], named: Container[str] = ()) -> ExecutionRow:
        """Read one element of the list; `named` are keys of labels that the list's filter names (UI-LS-09)."""
        state = body.get("state") or {}
        trigger = body.get("trigger") or {}
        current = text_of(state.get("current"))
        ended = text_of(state.get("endDate"))
        identity = text_of(body.get("id"))
        error = body.get("error") or {}
        told = text_of(error.get("message")) if current in {"FAILED", "WARNING"} else ""
        labels = label_list(body.get("labels"))
        seen = visible_labels(labels, named)
        told_by = trigger.get("variables") or {}
        runs = body.get("taskRunList") or []
        last = runs[-1] if runs else {}
        histories = state.get("histories") or []
        span = RunSpan.of(state)
        return cls(
            id=identity,
            short_id=identity[:8],
            namespace=text_of(body.get("namespace")),
            flow=text_of(body.get("flowId")),
            revision=int(body.get("flowRevision") or 0),
            state=current,
            started=text_of(state.get("startDate")),
            ended=ended,
            duration_ms=span.ms,
            counted=span.counted,
            waited_ms=span.waited_ms,
            kind=text_of(body.get("kind")) or "NORMAL",
            created_by=next((one["value"] for one in labels if one["key"] == "system.username"), ""),
            created=text_of(histories[0].get("date")) if histories else text_of(state.get("startDate")),
            last_task=text_of(last.get("taskId")),
            attempts=len(last.get("attempts") or []),
            parent_namespace=text_of(told_by.get("namespace")),
            parent_flow=text_of(told_by.get("flowId")),
            outputs=dict(body.get("outputs") or {}),
            trigger_data=dict(told_by),
            label_map={one["key"]: one["value"] for one in labels},
            trigger=text_of(trigger.get("id")),
            trigger_type=text_of(trigger.get("type")),
            parent=text_of(body.get("parentId")),
            original=text_of(body.get("originalId")),
            schedule=text_of(body.get("scheduleDate")),
            labels=labels,
            inputs=dict(body.get("inputs") or {}),
            terminal=current in TERMINAL,
            note=f"{text_of(error.get('taskId'))}: {told}" if told and error.get("taskId") else told,
            shown_labels=seen[:1],
            more_labels=f"+{len(seen) - 1}" if len(seen) > 1 else "",
        )


def visible_labels(labels: Sequence[Mapping[str, str]], named: Container[str] = ()) -> list[dict[str, str]]:
    """Labels without those that the server's configuration hides (`hide_labels`), unless a filter names their key."""
    return [dict(one) for one in labels if one["key"] in named or not one["key"].startswith(_hidden.prefixes)]


def named_labels(filters: Sequence[Mapping[str, str]]) -> set[str]:
    """Return the keys of labels that conditions name."""
    return {one.get("value", "").partition(":")[0] for one in filters if one.get("field") == "labels"}


def hide_labels(prefixes: Sequence[str]) -> None:
    """Say which labels `visible_labels` leaves out: `hiddenLabelsPrefixes` of `Configs`."""
    _hidden.prefixes = tuple(prefixes)


@dataclass
class _Hidden:
    prefixes: tuple[str, ...] = ("system.",)


_hidden = _Hidden()
ALL_KINDS = "NORMAL,TEST,PLAYGROUND"
TERMINAL = frozenset({"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "SKIPPED", "RETRIED", "RESUBMITTED"})


@dataclass(frozen=True, slots=True)
class HeldRow:
    """An execution that waits for somebody; `step` names the first waiting task run, `more` how many others."""

    id: str = ""
    short_id: str = ""
    namespace: str = ""
    flow: str = ""
    state: str = ""
    since: str = ""
    until: str = ""
    step: str = ""
    value: str = ""
    description: str = ""
    more: int = 0
    asks: int = 0

    @classmethod
    def of(cls, body: dict[str, Any]) -> HeldRow:
        """Read one element of the list."""
        steps = body.get("steps") or []
        first = steps[0] if steps else {}
        identity = text_of(body.get("id"))
        return cls(
            id=identity,
            short_id=identity[:8],
            namespace=text_of(body.get("namespace")),
            flow=text_of(body.get("flowId")),
            state=text_of(body.get("state")),
            since=text_of(body.get("since")),
            until=text_of(body.get("until")),
            step=text_of(first.get("taskId")),
            value=text_of(first.get("value")),
            description=text_of(first.get("description")),
            more=max(0, len(steps) - 1),
            asks=sum(int(one.get("inputs") or 0) for one in steps),
        )


class ExecutionsApi(ExecutionInputs, ExecutionStreams, Resource):
    """`{T}/executions`."""

    async def search(
        self,
        *,
        page: int = 1,
        size: int = 25,
        sort: str = "state.startDate:desc",
        query: str = "",
        filters: Sequence[Mapping[str, str]] = (),
    ) -> Page[ExecutionRow]:
        """One page of executions."""
        params = query_of(page=page, size=size, sort=sort, query=query, filters=filters)
        named = named_labels(filters)
        return await self._page(lambda body: ExecutionRow.of(body, named), params, "executions", "search")

    async def count(self, *, query: str = "", filters: Sequence[Mapping[str, str]] = ()) -> int:
        """How many executions match, counted to the end: `search` stops at 10,000."""
        path = self._c.below("console", "executions", "count")
        answer = await self._c.get(path, query_of(query=query, filters=filters), timeout=60.0)
        return int(answer["total"])

    async def get(self, execution: str) -> dict[str, Any]:
        """An execution as the API tells it."""
        return await self._c.get(self._c.below("executions", execution))

    async def head(self, execution: str) -> dict[str, Any]:
        """An execution with at most 200 task runs: a larger one comes without them (`get` sends all).

        Raises:
            ApiError: 404 when there is none.
        """
        chosen = [
            {"field": "executionId", "operator": "EQUALS", "value": execution},
            {"field": "kind", "operator": "IN", "value": ALL_KINDS},
        ]
        body = await self._c.get(self._c.below("executions", "search"), query_of(page=1, size=1, filters=chosen))
        if not body["results"]:
            raise ApiError(404, f"There is no execution {execution}, or it was deleted.")
        return body["results"][0]

    async def waiting(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Why executions wait, by id; those that do not wait are left out."""
        if not ids:
            return {}
        body = await self._c.get(self._c.below("console", "executions", "waiting"), query_of(ids=",".join(ids)))
        return {one["id"]: one["waiting"] for one in body}

    async def resumable(
        self,
        *,
        page: int = 1,
        size: int = 25,
        sort: str = "state.startDate:asc",
        query: str = "",
        filters: Sequence[Mapping[str, str]] = (),
    ) -> Page[HeldRow]:
        """Executions that go on when somebody says so, with the steps that wait (UI-XP-80)."""
        params = query_of(page=page, size=size, sort=sort, query=query, filters=filters)
        body = await self._c.get(self._c.below("console", "executions", "resumable"), params)
        return Page([HeldRow.of(one) for one in body["results"]], int(body["total"]))

    async def errors(self, execution: str) -> dict[str, Any]:
        """Message, failing task, last three error lines and similar failures of an execution."""
        return await self._c.get(self._c.below("console", "executions", execution, "errors"))

    async def task_runs(self, execution: str, **query: object) -> dict[str, Any]:
        """A page of task runs: `parent`, `after`, `limit`, `state`, `q`, `sort`; `{rows, counts, total, after?}`."""
        return await self._c.get(
            self._c.below("console", "executions", execution, "taskruns"),
            query_of(**query),  # type: ignore[arg-type]
        )

    async def task_run(self, execution: str, task_run: str) -> dict[str, Any]:
        """One task run with attempts, history and outputs."""
        return await self._c.get(self._c.below("console", "executions", execution, "taskruns", task_run))

    async def log_total(self, execution: str) -> int:
        """How many lines an execution has written."""
        body = await self._c.get(
            self._c.below("console", "executions", execution, "logs"), [("from", "1"), ("to", "1")]
        )
        return int(body.get("total") or 0)

    async def preview(self, execution: str, uri: str, *, rows: int = 100) -> dict[str, Any]:
        """The first rows or characters of a file of internal storage: `{extension, type, content, truncated}`."""
        return await self._c.get(
            self._c.below("executions", execution, "file", "preview"), query_of(path=uri, maxRows=rows)
        )

    async def metrics(self, execution: str, *, page: int = 1, size: int = 100, task: str = "") -> Page[dict[str, Any]]:
        """What the task runs measured, of all tasks or of one."""
        query = query_of(page=page, size=size, taskId=task or None)
        body = await self._c.get(self._c.below("metrics", execution), query)
        return Page(list(body["results"]), int(body["total"]))

    async def sparklines(self, flows: Sequence[tuple[str, str]], *, runs: int = 14) -> list[dict[str, Any]]:
        """The last executions of flows `(namespace, id)`: `{medianMs, runs: [[id, state, startedMs, durationMs]]}`."""
        body = {"flows": [{"namespace": n, "id": f} for n, f in flows], "runs": runs}
        return list(await self._c.post(self._c.below("console", "flows", "sparklines"), body) or [])

    async def resume_inputs(self, execution: str) -> list[dict[str, Any]]:
        """The inputs that the pause of an execution asks for."""
        body = await self._c.post(self._c.below("executions", execution, "resume", "validate"))
        return [one["input"] for one in (body or {}).get("inputs") or []]

    async def figures(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A chart of executions."""
        return await self._c.post(self._c.below("console", "figures"), dict(body))

    async def groups(
        self, by: str, *, query: str = "", filters: Sequence[Mapping[str, str]] = ()
    ) -> list[dict[str, Any]]:
        """What matches, counted `by` flow, state, labels or message: `[{word, more, count, field, value}]`."""
        params = query_of(query=query, filters=filters, by=by)
        return list(await self._c.get(self._c.below("console", "executions", "groups"), params) or [])

    async def create(
        self, namespace: str, flow: str, inputs: Mapping[str, str] | None = None, *, labels: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Start a flow; texts only (forms with files post from the browser)."""
        files = [(name, (None, value)) for name, value in (inputs or {}).items()] or None
        return await self._c.post(
            self._c.below("executions", namespace, flow), query=[("labels", one) for one in labels], files=files
        )

    async def act(self, action: str, execution: str, **parameters: object) -> Any:
        """`restart`, `pause`, `resume`, `replay`, `force-run`, `unqueue`, `change-status`, with query parameters."""
        return await self._c.post(self._c.below("executions", execution, action), query=query_of(**parameters))  # type: ignore[arg-type]

    async def kill(self, execution: str, *, cascade: bool = True) -> None:
        """Stop an execution, with its subflows when `cascade`."""
        await self._c.delete(self._c.below("executions", execution, "kill"), query=query_of(isOnKillCascade=cascade))

    async def delete(self, execution: str, *, logs: bool = True, metrics: bool = True, storage: bool = True) -> None:
        """Delete an execution and what belongs to it."""
        await self._c.delete(
            self._c.below("executions", execution),
            query=query_of(deleteLogs=logs, deleteMetrics=metrics, deleteStorage=storage),
        )

    async def labels(self, execution: str, labels: Sequence[Mapping[str, str]]) -> None:
        """Set labels of an ended execution; others that it has stay."""
        await self._c.post(self._c.below("executions", execution, "labels"), [dict(one) for one in labels])

    async def bulk(self, action: str, ids: Sequence[str], **parameters: object) -> int:
        """An action of `act`, `kill` or `delete` on many; the number done."""
        answer = await self.bulk_told(action, ids, **parameters)
        return int(answer.get("count") or 0)

    async def bulk_told(self, action: str, ids: Sequence[str], **parameters: object) -> dict[str, Any]:
        """The same with what was told: `{count, failures?: [{id, reason}]}`."""
        path = (
            self._c.below("executions", "by-ids")
            if action == "delete"
            else self._c.below("executions", action, "by-ids")
        )
        params = query_of(**parameters)  # type: ignore[arg-type]
        answer = await (
            self._c.delete(path, list(ids), params)
            if action in {"kill", "delete"}
            else self._c.post(path, list(ids), params)
        )
        return dict(answer) if isinstance(answer, dict) else {"count": len(ids)}

    async def bulk_labels(self, ids: Sequence[str], labels: Sequence[Mapping[str, str]]) -> int:
        """Set labels of many ended executions; others that they have stay."""
        body = {"executionsId": list(ids), "executionLabels": [dict(one) for one in labels]}
        answer = await self._c.post(self._c.below("executions", "labels", "by-ids"), body)
        return int((answer or {}).get("count") or 0)

    async def bulk_labels_by_query(
        self, labels: Sequence[Mapping[str, str]], *, query: str = "", filters: Sequence[Mapping[str, str]] = ()
    ) -> int:
        """The same for all ended executions that match."""
        path, params = self._c.below("executions", "labels", "by-query"), query_of(query=query, filters=filters)
        answer = await self._c.post(path, [dict(one) for one in labels], params)
        return int((answer or {}).get("count") or 0)

    async def bulk_by_query(
        self, action: str, *, query: str = "", filters: Sequence[Mapping[str, str]] = (), **parameters: object
    ) -> int:
        """An action on all executions that match; the number done."""
        answer = await self.bulk_by_query_told(action, query=query, filters=filters, **parameters)
        return int(answer.get("count") or 0)

    async def bulk_by_query_told(
        self, action: str, *, query: str = "", filters: Sequence[Mapping[str, str]] = (), **parameters: object
    ) -> dict[str, Any]:
        """The same with what was told, as `bulk_told`."""
        path = (
            self._c.below("executions", "by-query")
            if action == "delete"
            else self._c.below("executions", action, "by-query")
        )
        params = query_of(query=query, filters=filters, **parameters)  # type: ignore[arg-type]
        answer = await (
            self._c.delete(path, query=params) if action in {"kill", "delete"} else self._c.post(path, query=params)
        )
        return dict(answer) if isinstance(answer, dict) else {}

    async def latest(self, flows: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """The last execution of each of the flows `(namespace, id)`."""
        return await self._c.post(self._c.below("executions", "latest"), [{"namespace": n, "id": f} for n, f in flows])

    async def evaluate(self, execution: str, expression: str, task_run: str = "") -> dict[str, Any]:
        """Evaluate an expression in an execution's context: `{result}` or `{error, stackTrace}`."""
        parts = ("executions", execution, "eval", task_run) if task_run else ("executions", execution, "eval")
        return await self._c.post(self._c.below(*parts), content=expression, content_type="text/plain")

    async def change_task_run(self, execution: str, task_run: str, state: str) -> None:
        """Set the state of one task run."""
        await self._c.post(self._c.below("executions", execution, "state"), {"taskRunId": task_run, "state": state})
