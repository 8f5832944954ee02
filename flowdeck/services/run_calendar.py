"""Executions by the hour with the dates to come, and what matches counted by one trait (UI-EX-06, UI-EX-07)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from flowdeck.model.conditions import ConditionError
from flowdeck.model.errors import IllegalArgument
from flowdeck.model.flow import TriggerDef
from flowdeck.model.schedule import CronError, ZoneError, zone_of
from flowdeck.model.schedule_trigger import SchedulePlan
from flowdeck.model.states import State
from flowdeck.services import insight
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import dated
from flowdeck.services.figures import count_cells
from flowdeck.services.wire import instant
from flowdeck.store.queries import execution_search as queries
from flowdeck.store.queries import triggers as trigger_queries
from flowdeck.store.queries.where import Filter

HOUR, DAY = 3_600_000, 86_400_000
LONGEST = 92 * DAY
AHEAD = 7 * DAY
MOST_SCHEDULES = 500
MOST_DATES = 5_000
GROUPED = 10_000
"""Newest matches that are counted by a trait."""
TRAITS = ("flow", "state", "labels", "message")


async def calendar(backend: Backend, caller: Caller, filters: Sequence[Filter]) -> dict[str, Any]:
    """Counts by hour of creation and state, and scheduled dates of the next seven days.

    Args:
        filters: of the list; without dates the last 30 days, at most 92 days.

    Returns:
        `{start, end, hours: [[ms, {state: n}]], ahead: [[ms, n, [flow, …]]], truncated}`; hours without executions
        are left out.
    """
    now = backend.now()
    start, end = now - 30 * DAY, now
    for one in dated(filters, now):
        if one.field == "startDate":
            if one.op.startswith("GREATER"):
                start = int(one.value)
            elif one.op.startswith("LESS"):
                end = int(one.value)
    start = max(start, end - LONGEST) // HOUR * HOUR
    counted: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for cell in await count_cells(backend, caller, filters, start, end + 1, HOUR, ("bucket", "state")):
        counted[cell["bucket"] * HOUR][State(cell["state"]).name] += cell["n"]
    ahead, truncated = await _ahead(backend, caller, filters, now)
    return {
        "start": instant(start),
        "end": instant(end),
        "hours": [[hour, dict(states)] for hour, states in sorted(counted.items())],
        "ahead": ahead,
        "truncated": truncated,
    }


async def _ahead(backend: Backend, caller: Caller, filters: Sequence[Filter], now: int) -> tuple[list[list[Any]], bool]:
    """Dates of enabled schedules by hour; the answer tells when there are more than are looked at."""
    chosen = [f for f in filters if f.field in ("namespace", "flowId", "scope", "triggerId")]
    zone = zone_of(backend.config.zone)

    def read(reader: Any) -> list[Any]:
        where = trigger_queries.conditions(reader, caller.tenant, chosen, backend.config.system_namespace)
        return reader.all(
            f"select t.* from trigger_state t where {where.sql} and not t.disabled and t.next_due is not null "
            f"and t.kind = 'schedule' order by t.next_due limit {MOST_SCHEDULES + 1}",
            where.params,
        )

    rows = await backend.read(read)

    def work() -> tuple[list[list[Any]], bool]:
        hours: defaultdict[int, Counter[str]] = defaultdict(Counter)
        left = MOST_DATES
        for row in rows[:MOST_SCHEDULES]:
            definition = json.loads(row["definition"]) if row["definition"] else {}
            name = f"{row['namespace']}/{row['flow_id']}"
            try:
                plan = SchedulePlan(TriggerDef(row["trigger_id"], row["type"], "schedule", definition), zone=zone)
                date: int | None = now
                while left and date is not None and (date := plan.next_true(date)) is not None and date < now + AHEAD:
                    hours[date // HOUR * HOUR][name] += 1
                    left -= 1
            except (CronError, ZoneError, ConditionError, TypeError, ValueError, AttributeError):
                continue  # a trigger that can't be planned has no dates; its own page tells why
        found = [
            [hour, sum(names.values()), [name for name, _ in names.most_common(5)]]
            for hour, names in sorted(hours.items())
        ]
        return found, not left or len(rows) > MOST_SCHEDULES

    return await backend.thread(work)


async def groups(backend: Backend, caller: Caller, filters: Sequence[Filter], by: str) -> list[dict[str, Any]]:
    """What matches, counted by a trait, most frequent first; the newest `GROUPED` matches are looked at.

    Returns:
        `[{word, more, count, field, value}]`; `field` and `value` are the condition that leads to the group.
    """
    if by not in TRAITS:
        raise IllegalArgument(f"by: {', '.join(TRAITS)} are known")
    if by == "message":
        found = await insight.errors(backend, caller, filters, "message", 50)
        return [
            {
                "word": one["message"] or "no message",
                "more": f"{one['flowId']}, {one['taskId']}" if one.get("taskId") else one["flowId"],
                "count": one["count"],
                "field": "flow",
                "value": f"{one['namespace']}/{one['flowId']}",
            }
            for one in found["groups"]
        ]
    now = backend.now()

    def read(reader: Any) -> list[Any]:
        where = queries.conditions(reader, caller.tenant, dated(filters, now), backend.config.system_namespace, now=now)
        return reader.all(
            "select e.namespace, e.flow_id, e.state, e.labels from execution e "
            f"where {where.sql} order by e.created desc limit {GROUPED}",
            where.params,
        )

    hidden = tuple(backend.config.hidden_label_prefixes)
    counted: Counter[tuple[str, str, str]] = Counter()
    for row in await backend.read(read):
        if by == "flow":
            counted[row["flow_id"], row["namespace"], f"{row['namespace']}/{row['flow_id']}"] += 1
        elif by == "state":
            name = State(row["state"]).name
            counted[name.capitalize(), "", name] += 1
        else:
            for label in json.loads(row["labels"] or "[]"):
                if not label["key"].startswith(hidden):
                    text = f"{label['key']}:{label['value']}"
                    counted[text.replace(":", ": ", 1), "", text] += 1
    return [
        {"word": word, "more": more, "count": n, "field": by, "value": value}
        for (word, more, value), n in counted.most_common(50)
    ]
