"""Counts of what an instance holds and runs (spec: REST contract §15)."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from flowdeck.model.states import State
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import instant, span
from flowdeck.store.queries.durations import RAN

DAY = 86_400_000
DAYS = 7
_ELSEWHERE = frozenset({"inputs", "outputs", "variables", "labels", "pluginDefaults"})


def count_types(document: Any, tasks: Counter[str], triggers: Counter[str], runners: Counter[str]) -> None:
    """Add the types of a flow's tasks, triggers and task runners."""
    stack: list[tuple[Any, Counter[str]]] = [(document, tasks)]
    while stack:
        one, counter = stack.pop()
        if isinstance(one, list):
            stack += [(item, counter) for item in one]
        if not isinstance(one, dict):
            continue
        kind = one.get("type")
        if isinstance(kind, str) and "." in kind and (counter is runners or "id" in one):
            counter[kind] += 1
        for name, value in one.items():
            if name not in _ELSEWHERE and isinstance(value, dict | list):
                stack.append((value, {"triggers": triggers, "taskRunner": runners}.get(name, counter)))


async def usages(backend: Backend, caller: Caller) -> dict[str, Any]:
    """`{flows, executions}`: flows by types, executions of the last seven days by state and duration."""
    since = backend.now() // DAY * DAY - (DAYS - 1) * DAY

    def work(reader: Any) -> dict[str, Any]:
        rows = reader.all(
            "select f.namespace, r.document from flow f "
            "join flow_revision r on r.flow_key = f.flow_key and r.revision = f.revision "
            "where f.tenant = :t and not f.deleted",
            t=caller.tenant,
        )
        tasks, triggers, runners = Counter[str](), Counter[str](), Counter[str]()
        for row in rows:
            if row["document"]:
                count_types(json.loads(row["document"]), tasks, triggers, runners)
        days = reader.all(
            "select created / 86400000 as day, state, count(*) as n, count(ended) as done, "
            f"min({RAN}) as least, max({RAN}) as most, sum({RAN}) as total from execution e "
            "where tenant = :t and created >= :s group by created / 86400000, state",
            t=caller.tenant,
            s=since,
        )
        return {
            "flows": {
                "count": len(rows),
                "namespacesCount": len({row["namespace"] for row in rows}),
                "taskTypeCount": dict(tasks),
                "triggerTypeCount": dict(triggers),
                "taskRunnerTypeCount": dict(runners),
            },
            "executions": {"dailyExecutionsCount": _days(days)},
        }

    return await backend.read(work)


def _days(rows: list[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for day in sorted({row["day"] for row in rows}):
        own = [row for row in rows if row["day"] == day]
        done = [row for row in own if row["done"]]
        count = sum(row["done"] for row in done)
        total = int(sum(row["total"] for row in done))
        spans = {
            "min": min((int(row["least"]) for row in done), default=0),
            "avg": total // count if count else 0,
            "max": max((int(row["most"]) for row in done), default=0),
            "sum": total,
        }
        found.append(
            {
                "startDate": instant(int(day) * DAY),
                "groupBy": "day",
                "executionCounts": {State(row["state"]).name: row["n"] for row in own},
                "duration": {**{name: span(ms) for name, ms in spans.items()}, "count": count},
            }
        )
    return found
