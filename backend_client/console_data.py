"""What the console's screens read and keep beyond the public API (own endpoints §3 to §9)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from backend_client.client import Json, Resource, decode, query_of
from backend_client.events import Event, resumed

Filters = Sequence[Mapping[str, str]]


class ConsoleData(Resource):
    """Streams, log ranges, comparisons, drafts, presets of `{T}/console/…`; `ConsoleApi` has the rest."""

    async def stream(
        self,
        *,
        execution: str = "",
        logs: str = "",
        parents: Sequence[str] = (),
        topics: Sequence[str] = (),
        since: str = "",
    ) -> AsyncIterator[Event]:
        """Follow one execution and some lists; a broken connection goes on after the last event's cursor (§3).

        Args:
            logs: with it the lines at or above this level.
            parents: task runs whose children are shown, at most 50.
            topics: lists such as `executions` or `flow:company.team/daily`, at most 8.
            since: cursor of the last event, to go on; empty begins with a `snapshot`.
        """
        query = query_of(
            execution=execution or None,
            logs=logs or None,
            parents=",".join(parents) or None,
            topics=",".join(topics) or None,
            since=since or None,
        )
        async for event in resumed(self._c, self._c.below("console", "stream"), query):
            yield event

    async def call(self, method: str, *path: str, json: Json = None, **query: Any) -> Json:
        """Any route below `console/` that has no method of its own yet."""
        answer = await self._c.send(method, self._c.below("console", *path), json=json, query=query_of(**query))
        return decode(answer)

    # ── log lines (§4) ──────────────────────────────────────────────────────────────────────────────────────────

    async def lines(
        self,
        execution: str,
        start: int = 1,
        end: int = 200,
        *,
        min_level: str = "",
        task_run: str = "",
        attempt: int | None = None,
    ) -> dict[str, Any]:
        """Lines by position, `{lines, from, to, total}`; a negative start counts from the end."""
        query = [("from", str(start)), ("to", str(end)), *_view(min_level, task_run, attempt)]
        return await self._c.get(self._c.below("console", "executions", execution, "logs"), query)

    async def line(self, execution: str, number: int) -> dict[str, Any]:
        """One line, whole."""
        return await self._c.get(self._c.below("console", "executions", execution, "logs", str(number)))

    async def position(
        self, execution: str, *, number: int | None = None, time: str = "", min_level: str = "", task_run: str = ""
    ) -> int:
        """The position of a line, or of the first one at or after a time."""
        query = query_of(no=number, time=time or None) + _view(min_level, task_run, None)
        return int(
            (await self._c.get(self._c.below("console", "executions", execution, "logs", "at"), query))["position"]
        )

    async def line_groups(self, execution: str, *, page: int = 1, size: int = 50) -> dict[str, Any]:
        """Lines counted by task run, attempt and level."""
        path = self._c.below("console", "executions", execution, "logs", "groups")
        return await self._c.get(path, query_of(page=page, size=size))

    async def find_lines(
        self,
        execution: str,
        text: str,
        *,
        regex: bool = False,
        case: bool = False,
        min_level: str = "",
        task_run: str = "",
        limit: int = 100,
    ) -> dict[str, Any]:
        """Lines that contain a text: `{hits: [{position, no, spans}], total, searched, next?}`."""
        query = [("q", text), *query_of(regex=regex, case=case, limit=limit), *_view(min_level, task_run, None)]
        return await self._c.get(self._c.below("console", "executions", execution, "logs", "search"), query)

    # ── executions (§5 to §9) ───────────────────────────────────────────────────────────────────────────────────

    async def task_run_path(self, execution: str, task_run: str) -> dict[str, Any]:
        """What is above a task run, from the top, with the offset in each level."""
        return await self._c.get(self._c.below("console", "executions", execution, "taskruns", task_run, "path"))

    async def topology(self, execution: str, *, loop: str = "", iteration: int = 0) -> dict[str, Any]:
        """States of an execution's tasks for its graph, or those of one iteration of a loop's task run."""
        path = self._c.below("console", "executions", execution, "topology")
        return await self._c.get(path, query_of(loop=loop or None, iteration=iteration or None))

    async def critical_path(self, execution: str) -> dict[str, Any]:
        """The task runs that decided how long an execution took: `{rows, totalMs}`."""
        return await self._c.get(self._c.below("console", "executions", execution, "critical-path"))

    async def baselines(self, namespace: str, flow: str, *, before: str = "") -> dict[str, Any]:
        """How long the tasks of a flow took lately."""
        path = self._c.below("console", "flows", namespace, flow, "baselines")
        return await self._c.get(path, query_of(before=before or None))

    async def calendar(self, filters: Filters = (), **query: Any) -> Json:
        """Executions by day and hour."""
        return await self._c.get(self._c.below("console", "executions", "calendar"), query_of(filters=filters, **query))

    async def execution_groups(self, by: str = "flow", filters: Filters = ()) -> Json:
        """Executions counted by flow, label or the like."""
        return await self._c.get(self._c.below("console", "executions", "groups"), query_of(filters=filters, by=by))

    async def compare(self, a: str, b: str, *, show: str = "differing", after: str = "") -> dict[str, Any]:
        """What differs between two executions; `show` is `differing` or `all`."""
        query = query_of(a=a, b=b, show=show, after=after or None)
        return await self._c.get(self._c.below("console", "executions", "compare"), query)

    async def compare_lines(self, a: str, b: str, *, task: str = "") -> dict[str, Any]:
        """The log lines of two executions side by side."""
        path = self._c.below("console", "executions", "compare", "logs")
        return await self._c.get(path, query_of(a=a, b=b, task=task or None))

    async def search(self, text: str, *, kinds: Sequence[str] = (), limit: int = 5) -> dict[str, Any]:
        """Everything by name: `{groups: [{kind, hits, more}], exact?}`."""
        query = query_of(q=text, kinds=",".join(kinds) or None, limit=limit)
        return await self._c.get(self._c.below("console", "search"), query)

    # ── what a user keeps (§8) ──────────────────────────────────────────────────────────────────────────────────

    async def reset_settings(self, group: str = "") -> None:
        """Forget the caller's settings, or one group of them."""
        await self._c.delete(self._c.below("console", "settings"), query=query_of(group=group or None))

    async def drafts(self) -> list[dict[str, Any]]:
        """The caller's unsaved texts."""
        body = await self._c.get(self._c.below("console", "drafts"))
        return list(body.get("results", []) if isinstance(body, dict) else body or [])

    async def draft(self, kind: str, key: str) -> dict[str, Any]:
        """One draft; `key` is `namespace/id` or a path."""
        return await self._c.get(self._c.below("console", "drafts", kind, *key.split("/")))

    async def put_draft(
        self,
        kind: str,
        key: str,
        text: str,
        *,
        base_revision: int | None = None,
        cursor: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Keep a text: `{updated, stale}`."""
        body: dict[str, Any] = {"text": text}
        if base_revision is not None:
            body["baseRevision"] = base_revision
        if cursor is not None:
            body["cursor"] = dict(cursor)
        return await self._c.put(self._c.below("console", "drafts", kind, *key.split("/")), body)

    async def delete_draft(self, kind: str, key: str) -> None:
        """Forget a draft."""
        await self._c.delete(self._c.below("console", "drafts", kind, *key.split("/")))

    async def presets(self, namespace: str, flow: str) -> list[dict[str, Any]]:
        """Kept inputs of a flow."""
        body = await self._c.get(self._c.below("console", "flows", namespace, flow, "presets"))
        return list(body.get("results", []) if isinstance(body, dict) else body or [])

    async def put_preset(
        self, namespace: str, flow: str, name: str, inputs: Mapping[str, Any], *, shared: bool = False
    ) -> dict[str, Any]:
        """Keep inputs under a name."""
        body = {"inputs": dict(inputs), "shared": shared}
        return await self._c.put(self._c.below("console", "flows", namespace, flow, "presets", name), body)

    async def delete_preset(self, namespace: str, flow: str, name: str) -> None:
        """Forget kept inputs."""
        await self._c.delete(self._c.below("console", "flows", namespace, flow, "presets", name))

    async def pins(self, namespace: str, flow: str) -> dict[str, Any]:
        """The caller's pinned results of a flow's tasks: `{tasks: {id: {outputs, state?, from?}}}`."""
        return await self._c.get(self._c.below("console", "flows", namespace, flow, "pins"))

    async def put_pins(self, namespace: str, flow: str, tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Replace the caller's pinned results."""
        return await self._c.put(self._c.below("console", "flows", namespace, flow, "pins"), {"tasks": dict(tasks)})

    async def play(
        self,
        namespace: str,
        flow: str,
        tasks: Sequence[str] = (),
        *,
        base: str = "",
        downstream: bool = False,
        force: bool = False,
    ) -> dict[str, Any]:
        """Play tasks (none = all) on what an earlier run gave: the execution, or `{missing: [ids]}`."""
        path = self._c.below("console", "flows", namespace, flow, "playground")
        scope = "downstream" if downstream else None
        query = query_of(play=",".join(tasks) or None, base=base or None, scope=scope, force=force or None)
        return await self._c.post(path, query=query)

    async def played(self, execution: str) -> dict[str, Any]:
        """What did not run in a play: `{kept, pinned, leftOut}`."""
        return await self._c.get(self._c.below("console", "executions", execution, "playground"))

    # ── administration ──────────────────────────────────────────────────────────────────────────────────────────

    async def services(self) -> Json:
        """The processes of the instance with their states."""
        return await self._c.get(self._c.below("console", "services"))

    async def administration(self, part: str, **query: Any) -> Json:
        """`services`, `statistics`, `limits` or `week` of the instance."""
        return await self._c.get(self._c.below("console", "administration", part), query_of(**query))

    async def flow_concurrency(self, namespace: str, flow: str) -> dict[str, Any]:
        """The concurrency limit of a flow, the executions that hold a place and those that wait for one."""
        return await self._c.get(self._c.below("console", "flows", namespace, flow, "concurrency"))

    async def secret_uses(self, key: str, namespace: str = "") -> Json:
        """Flows that use a secret."""
        return await self._c.get(
            self._c.below("console", "secrets", key, "uses"), query_of(namespace=namespace or None)
        )

    async def plugin_uses(self, cls: str) -> Json:
        """Flows that use a plugin."""
        return await self._c.get(self._c.below("console", "plugins", cls, "uses"))


def _view(min_level: str, task_run: str, attempt: int | None) -> list[tuple[str, str]]:
    return query_of(minLevel=min_level or None, taskRun=task_run or None, attempt=attempt)
