"""What administrators look at: components and lag, counters, limits, the week of the schedules (console: UI-AD)."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from flowdeck.model.conditions import ConditionError
from flowdeck.model.errors import IllegalArgument
from flowdeck.model.flow import TriggerDef
from flowdeck.model.schedule import CronError, ZoneError, describe, parse_cron, zone_of
from flowdeck.model.schedule_trigger import SchedulePlan
from flowdeck.model.states import State
from flowdeck.services import flows, triggers
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.processes import process_numbers
from flowdeck.services.wire import compact, instant
from flowdeck.store.queries import flows as flow_queries

HOUR = 3_600_000
DAY = 24 * HOUR
BUDGET = 1.0
"""Seconds that the calendar may compute; then it answers what it has."""
MOST_DATES = 20_000
"""Dates of one trigger in a calendar."""
MOST_COLLISIONS = 20


def words(crons: Sequence[Any]) -> dict[str, str]:
    """Cron expressions in words; those that are wrong are left out."""
    found: dict[str, str] = {}
    for cron in crons[:500]:
        try:
            found[str(cron)] = describe(parse_cron(str(cron), len(str(cron).split()) == 6))
        except CronError:
            continue
    return found


async def services(backend: Backend, caller: Caller) -> dict[str, Any]:
    """Components with their events, and how far the queues are behind (UI-AD-04)."""
    now = backend.now()

    def work(reader: Any) -> tuple[list[Any], dict[str, Any]]:
        rows = reader.all("select * from service order by kind, started")
        late = reader.one(
            "select count(*) as n, min(next_due) as first from trigger_state "
            "where next_due is not null and next_due < :now and execution_id is null",
            now=now - 1000,
        )
        created = reader.one(
            "select count(*) as n, min(created) as first from execution where state = :s", s=int(State.CREATED)
        )
        waiting = reader.one("select count(*) as n, min(queued) as first from waiting")
        return rows, {
            "schedules": {"count": late["n"], "behindMs": now - late["first"] if late["first"] else 0},
            "created": {"count": created["n"], "behindMs": now - created["first"] if created["first"] else 0},
            "queued": {"count": waiting["n"], "behindMs": now - waiting["first"] if waiting["first"] else 0},
            "outbox": {"count": reader.value("select count(*) from outbox"), "behindMs": 0},
        }

    rows, lag = await backend.read(work)
    found = []
    for row in rows:
        detail = json.loads(row["detail"]) if row["detail"] else {}
        events = detail.pop("events", [])
        found.append(
            compact(
                {
                    "id": row["id"],
                    "type": row["kind"],
                    "host": row["host"],
                    "state": row["state"],
                    "started": instant(row["started"]),
                    "heartbeat": instant(row["heartbeat"]),
                    "version": str(detail.pop("version", backend.config.version)),
                    "properties": detail,
                    "numbers": process_numbers(row["host"], detail.get("pid")) or None,
                    "events": [{"at": instant(at), "state": state} for at, state in events],
                }
            )
        )
    return {"services": found, "lag": lag, "version": backend.config.version, "zone": backend.config.zone}


async def statistics(backend: Backend, caller: Caller) -> dict[str, Any]:
    """Counters of the tenant (UI-AD-03): what there is, what ran by state with its duration in ms."""

    def work(reader: Any) -> dict[str, Any]:
        of = {"t": caller.tenant}
        summaries = flow_queries.summaries(reader, caller.tenant)
        tasks: Counter[str] = Counter()
        starts: Counter[str] = Counter()
        for _, _, summary in summaries:
            tasks.update(str(one.get("type")) for one in summary.get("tasks") or ())
            starts.update(str(one.get("type")) for one in summary.get("triggers") or ())
        ended = reader.all(
            "select state, sum(count) as n, sum(duration_ms) as ms from rollup_hour where tenant = :t group by state",
            of,
        )
        alive = reader.all(
            "select state, count(*) as n from execution where tenant = :t and state < 20 group by state", of
        )
        files = reader.one(
            "select count(distinct path) as n, sum(size) as bytes from namespace_file where tenant = :t", of
        )
        kv = reader.value("select count(*) from kv where tenant = :t", of)
        secrets = reader.value("select count(*) from secret where tenant = :t", of)
        boards = reader.value("select count(*) from user_data where tenant = :t and kind = 'dashboard'", of)
        return {
            "namespaces": len({namespace for namespace, _, _ in summaries}),
            "flows": len(summaries),
            "tasks": sum(tasks.values()),
            "triggers": sum(starts.values()),
            "taskTypes": [{"type": k, "count": n} for k, n in tasks.most_common(20)],
            "triggerTypes": [{"type": k, "count": n} for k, n in starts.most_common(20)],
            "executions": [
                *({"state": State(r["state"]).name, "count": int(r["n"]), "durationMs": int(r["ms"])} for r in ended),
                *({"state": State(r["state"]).name, "count": int(r["n"]), "durationMs": 0} for r in alive),
            ],
            "kv": kv,
            "secrets": secrets,
            "dashboards": boards,
            "files": files["n"],
            "fileBytes": int(files["bytes"] or 0),
        }

    return await backend.read(work)


async def limits(backend: Backend, caller: Caller) -> list[dict[str, Any]]:
    """Flows with a concurrency limit: limit, behaviour, what runs and waits (UI-AD-02)."""

    def work(reader: Any) -> list[Any]:
        prefix = f"{caller.tenant}/"
        held = reader.all(
            "select scope, count(*) as n from slot where substr(scope, 1, :n) = :p group by scope",
            p=prefix,
            n=len(prefix),
        )
        queued = reader.all(
            "select scope, count(*) as n, min(queued) as first from waiting where substr(scope, 1, :n) = :p "
            "group by scope",
            p=prefix,
            n=len(prefix),
        )
        found = flow_queries.sources_containing(reader, caller.tenant, "concurrency", None)
        return [found, {r["scope"]: r["n"] for r in held}, {r["scope"]: (r["n"], r["first"]) for r in queued}]

    rows, held, queued = await backend.read(work)
    found: list[dict[str, Any]] = []
    for row in rows:
        parsed = await flows.parsed(backend, row)
        limit = getattr(parsed, "concurrency", None)
        if limit is None:
            continue
        scope = f"{caller.tenant}/{row['namespace']}/{row['id']}"
        waiting, first = queued.get(scope, (0, None))
        found.append(
            compact(
                {
                    "namespace": row["namespace"],
                    "flowId": row["id"],
                    "limit": limit.limit,
                    "behavior": limit.behavior,
                    "running": held.get(scope, 0),
                    "queued": waiting,
                    "since": instant(first) if first else None,
                }
            )
        )
    return found


async def week(backend: Backend, caller: Caller, days: int) -> dict[str, Any]:
    """Starts of all enabled schedules in the next days: by hour, by trigger, and where many meet (UI-AD-01).

    Args:
        days: 1 to 31.
    """
    if not 1 <= days <= 31:
        raise IllegalArgument("days: 1…31")
    rows = [r for r in await triggers.matching(backend, caller, []) if r["kind"] == "schedule" and not r["disabled"]]
    begin = backend.now()
    first = begin // HOUR * HOUR
    end = first + days * DAY
    zone = zone_of(backend.config.zone)

    def work() -> dict[str, Any]:
        hours = [0] * (days * 24)
        minutes: dict[int, list[int]] = {}
        lines: list[dict[str, Any]] = []
        deadline = time.monotonic() + BUDGET
        complete = True
        for place, row in enumerate(rows):
            definition = triggers.definition(row)
            if definition.get("disabled"):
                continue
            try:
                plan = SchedulePlan(TriggerDef(row["trigger_id"], row["type"], "schedule", definition), zone=zone)
                dates: list[int] = []
                date: int | None = begin
                while date is not None and len(dates) < MOST_DATES and time.monotonic() < deadline:
                    date = plan.next_true(date)
                    if date is None or date >= end:
                        date = None
                    else:
                        dates.append(date)
            except (CronError, ZoneError, ConditionError, TypeError, ValueError, AttributeError):
                continue
            complete = complete and date is None
            for date in dates:
                hours[(date - first) // HOUR] += 1
                minutes.setdefault(date // 60_000, []).append(place)
            if dates:
                lines.append(
                    {
                        "namespace": row["namespace"],
                        "flowId": row["flow_id"],
                        "triggerId": row["trigger_id"],
                        "cron": str(definition.get("cron") or ""),
                        "count": len(dates),
                        "next": [instant(d) for d in dates[:3]],
                    }
                )
        met = sorted((m for m in minutes if len(minutes[m]) > 1), key=lambda m: (-len(minutes[m]), m))
        return {
            "from": instant(first),
            "to": instant(end),
            "hours": hours,
            "triggers": sorted(lines, key=lambda one: one["next"][0]),
            "collisions": [
                {
                    "at": instant(m * 60_000),
                    "count": len(minutes[m]),
                    "triggers": [
                        f"{rows[p]['namespace']}.{rows[p]['flow_id']}.{rows[p]['trigger_id']}" for p in minutes[m][:10]
                    ],
                }
                for m in met[:MOST_COLLISIONS]
            ],
            "complete": complete,
        }

    return await backend.thread(work)
