"""What the console knows beyond rows: baselines, sparklines, why things wait, groups of errors (extensions §6, §7)."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from flowdeck.model.errors import IllegalArgument
from flowdeck.model.states import State
from flowdeck.services import flows, logs
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import dated, row_of
from flowdeck.services.taskruns import waiting_of
from flowdeck.services.wire import compact, instant
from flowdeck.store.queries import executions as queries
from flowdeck.store.queries.where import Filter, Page, Where

ERRORS_LOOKED_AT = 5000
DAY_MS = 86_400_000


async def baselines(
    backend: Backend, caller: Caller, namespace: str, flow_id: str, before: str | None
) -> dict[str, Any]:
    """Typical durations of a flow and its tasks over the last successful runs."""
    row = await flows.head(backend, caller, namespace, flow_id, deleted=True)

    def work(reader: Any) -> tuple[list[Any], list[Any]]:
        until = None
        if before:
            mark = queries.get(reader, caller.tenant, before)
            until = mark["created"] if mark else None
        runs = reader.all(
            "select created, started, ended from execution where tenant = :t and namespace = :ns and flow_id = :id "
            "and state = :state and created < :until order by created desc limit 20",
            t=caller.tenant,
            ns=namespace,
            id=flow_id,
            state=int(State.SUCCESS),
            until=until if until is not None else 1 << 62,
        )
        samples = reader.all("select task_id, samples from task_baseline where flow_key = :key", key=row["flow_key"])
        return runs, samples

    runs, samples = await backend.read(work)
    spans = [r["ended"] - (r["started"] or r["created"]) for r in runs if r["ended"] is not None]
    tasks = {}
    for sample in samples:
        values = json.loads(sample["samples"])
        if len(values) >= 3:
            times = sorted(int(v[0]) for v in values)
            tasks[sample["task_id"]] = {
                "n": len(times),
                "medianMs": round(statistics.median(times)),
                "p90Ms": times[min(len(times) - 1, int(len(times) * 0.9))],
                "waitedMedianMs": round(statistics.median(int(v[1] or 0) for v in values)),
            }
    return compact(
        {"runs": len(spans), "executionMs": round(statistics.median(spans)) if spans else None, "tasks": tasks}
    )


async def sparklines(backend: Backend, caller: Caller, wanted: Any, runs: int) -> list[dict[str, Any]]:
    """The last runs of up to 100 flows. `IllegalArgument` beyond."""
    if not isinstance(wanted, list) or len(wanted) > 100 or not 1 <= runs <= 30:
        raise IllegalArgument("flows: at most 100, runs: 1…30")
    pairs = [(str(f.get("namespace")), str(f.get("id"))) for f in wanted if isinstance(f, Mapping)]
    now = backend.now()

    def work(reader: Any) -> list[dict[str, Any]]:
        found = []
        for ns, flow_id in pairs:
            rows = reader.all(
                "select id, state, created, started, ended from execution where tenant = :t and namespace = :ns and "
                "flow_id = :id and (kind is null or kind = 'NORMAL') order by created desc limit :n",
                t=caller.tenant,
                ns=ns,
                id=flow_id,
                n=runs,
            )
            due = reader.value(
                "select min(next_due) from trigger_state where tenant = :t and namespace = :ns and flow_id = :id "
                "and next_due is not null and not disabled",
                t=caller.tenant,
                ns=ns,
                id=flow_id,
            )
            if not rows and due is None:
                continue
            ended = [r for r in rows if r["state"] >= State.SUCCESS]
            good = [r for r in ended if r["state"] in (State.SUCCESS, State.WARNING)]
            spans = [r["ended"] - (r["started"] or r["created"]) for r in ended if r["ended"] is not None]
            found.append(
                compact(
                    {
                        "namespace": ns,
                        "id": flow_id,
                        "successRatio": round(len(good) / len(ended), 4) if ended else None,
                        "medianMs": round(statistics.median(spans)) if spans else None,
                        "nextAt": instant(due) if due is not None else None,
                        "runs": [
                            [
                                r["id"],
                                State(r["state"]).name,
                                r["started"] or r["created"],
                                (r["ended"] or now) - (r["started"] or r["created"]),
                            ]
                            for r in reversed(rows)
                        ],
                    }
                )
            )
        return found

    return await backend.read(work)


async def days(backend: Backend, caller: Caller, wanted: Any, length: int) -> list[dict[str, Any]]:
    """Ended executions of up to 100 flows by day (UTC), from the hourly counts; days and flows without are left out.

    Args:
        wanted: `[{namespace, id}]`.
        length: days, today included, 1 to 90.

    Raises:
        IllegalArgument: more flows, or another length.
    """
    if not isinstance(wanted, list) or len(wanted) > 100 or not 1 <= length <= 90:
        raise IllegalArgument("flows: at most 100, days: 1…90")
    pairs = [(str(f.get("namespace")), str(f.get("id"))) for f in wanted if isinstance(f, Mapping)]
    first = (backend.now() // DAY_MS - length + 1) * DAY_MS

    def work(reader: Any) -> list[dict[str, Any]]:
        found = []
        for ns, flow_id in pairs:
            rows = reader.all(
                f"select r.hour / {DAY_MS} as day, r.state, sum(r.count) as n, sum(r.duration_ms) as ms "
                "from rollup_hour r join flow f on f.flow_key = r.flow_key "
                "where f.tenant = :t and f.namespace = :ns and f.id = :id "
                f"and r.hour >= :first group by r.hour / {DAY_MS}, r.state order by 1, r.state",
                t=caller.tenant,
                ns=ns,
                id=flow_id,
                first=first,
            )
            by_day: dict[int, dict[str, Any]] = {}
            for row in rows:
                day = int(row["day"])
                one = by_day.setdefault(
                    day, {"day": instant(day * DAY_MS)[:10], "total": 0, "durationMs": 0, "states": {}}
                )
                one["total"] += int(row["n"])
                one["durationMs"] += int(row["ms"])
                one["states"][State(row["state"]).name] = int(row["n"])
            if by_day:
                found.append({"namespace": ns, "id": flow_id, "days": list(by_day.values())})
        return found

    return await backend.read(work)


def reason_of(reader: Any, row: Any) -> dict[str, Any] | None:
    """Why an execution that is neither running nor terminal waits."""
    if row["state"] >= State.SUCCESS:
        return None
    since = instant(row["created"])
    state = State(row["state"])
    if state is State.QUEUED:
        place = reader.one("select seq, scope, queued from waiting where execution_seq = :seq", seq=row["seq"])
        if place is not None:
            running = reader.value("select count(*) from slot where scope = :s", s=place["scope"])
            ahead = reader.value(
                "select count(*) from waiting where scope = :s and seq < :q", s=place["scope"], q=place["seq"]
            )
            total = reader.value("select count(*) from waiting where scope = :s", s=place["scope"])
            return {
                "kind": "concurrency",
                "text": f"Waits for a slot: {running} running, position {ahead + 1} of {total}",
                "since": instant(place["queued"]),
                "limit": running,
                "running": running,
                "position": ahead + 1,
                "total": total,
            }
        return {"kind": "concurrency", "text": "Waits for a slot", "since": since}
    if state is State.CREATED and row["schedule_date"] is not None:
        return {
            "kind": "scheduled",
            "text": "Waits for its date",
            "since": since,
            "until": instant(row["schedule_date"]),
        }
    if state is State.KILLING:
        return {"kind": "killing", "text": "Being killed", "since": since}
    runs = reader.all(
        "select * from task_run where execution_seq = :seq and state < 20 order by ord limit 50", seq=row["seq"]
    )
    if any(r["state"] == State.RUNNING and r["child_execution"] is None and r["worker"] for r in runs):
        return None
    for run in runs:
        if run["child_execution"]:
            child = reader.one("select id, state from execution where id = :id", id=run["child_execution"])
            if child is not None and child["state"] < State.SUCCESS:
                return {
                    "kind": "subflow",
                    "text": "Waits for a subflow",
                    "since": instant(run["started"] or run["created"]),
                    "execution": child["id"],
                    "state": State(child["state"]).name,
                }
        reason = waiting_of(run)
        if reason is not None:
            return reason
    if state is State.PAUSED:
        return {"kind": "paused", "text": "Paused", "since": since, "canResume": True, "action": "resume"}
    return None


async def waiting(
    backend: Backend, caller: Caller, ids: Sequence[str], filters: Sequence[Filter]
) -> list[dict[str, Any]]:
    """Why executions wait; those that do not wait are left out."""
    if len(ids) > 100:
        raise IllegalArgument("ids: at most 100")
    now = backend.now()

    def work(reader: Any) -> list[dict[str, Any]]:
        if ids:
            rows = list(queries.by_ids(reader, caller.tenant, ids).values())
        else:
            rows, _ = queries.search(
                reader, caller.tenant, dated(filters, now), Page(1, 100), backend.config.system_namespace
            )
        return [{"id": r["id"], "waiting": reason} for r in rows if (reason := reason_of(reader, r)) is not None]

    return await backend.read(work)


async def waiting_of_execution(backend: Backend, row: Any) -> dict[str, Any] | None:
    """Why one execution waits."""
    return await backend.read(reason_of, row)


async def errors(
    backend: Backend, caller: Caller, filters: Sequence[Filter], group_by: str, limit: int
) -> dict[str, Any]:
    """Failed executions grouped by message, task or flow."""
    if group_by not in ("message", "task", "flow"):
        raise IllegalArgument("groupBy: message, task and flow are known")
    if not 1 <= limit <= 50:
        raise IllegalArgument("limit: 1…50")
    now = backend.now()
    chosen = [f for f in dated(filters, now) if f.field != "state"]
    if not any(f.field == "startDate" for f in chosen):
        chosen.append(Filter("startDate", "GREATER_THAN_OR_EQUAL_TO", now - 86_400_000))
    chosen.append(Filter("state", "IN", ["FAILED"]))

    def work(reader: Any) -> list[Any]:
        where = queries.conditions(reader, caller.tenant, chosen, backend.config.system_namespace, now=now)
        return reader.all(
            "select e.id, e.namespace, e.flow_id, e.created, e.error from execution e "
            f"where {where.sql} and e.error is not null "
            f"order by e.created desc limit {ERRORS_LOOKED_AT}",
            where.params,
        )

    rows = await backend.read(work)
    start = min((f.value for f in chosen if f.field == "startDate"), default=now - 86_400_000)
    width = max(1, (now - start) // 24 + 1)
    groups: dict[str, dict[str, Any]] = {}
    for row in rows:
        error = json.loads(row["error"])
        task = error.get("taskId")
        key = {
            "message": error.get("key") or f"{row['namespace']}/{row['flow_id']}/{task}",
            "task": f"{row['namespace']}/{row['flow_id']}/{task}",
            "flow": f"{row['namespace']}/{row['flow_id']}",
        }[group_by]
        group = groups.get(key)
        if group is None:
            group = groups[key] = compact(
                {
                    "key": key,
                    "message": error.get("message") or "",
                    "taskId": task,
                    "namespace": row["namespace"],
                    "flowId": row["flow_id"],
                    "count": 0,
                    "first": "",
                    "last": instant(row["created"]),
                    "series": [0] * 24,
                    "executions": [],
                    "known": False,
                }
            )
        group["count"] += 1
        group["first"] = instant(row["created"])
        if 0 <= (place := (row["created"] - start) // width) < 24:
            group["series"][place] += 1
        if len(group["executions"]) < 5:
            group["executions"].append(row["id"])
    found = sorted(groups.values(), key=lambda g: -g["count"])[:limit]
    answer: dict[str, Any] = {"groups": found}
    if len(rows) == ERRORS_LOOKED_AT:
        answer["truncated"] = True
    return answer


async def error_of(backend: Backend, caller: Caller, execution_id: str) -> dict[str, Any]:
    """The error of one execution, its last error lines and similar ones."""
    row = await row_of(backend, caller, execution_id)
    error = json.loads(row["error"]) if row["error"] else {}
    lines = await backend.thread(lambda: backend.logs.errors(row["seq"], 3)) if backend.logs is not None else []
    key = error.get("key")

    def work(reader: Any) -> list[Any]:
        if not key:
            return []
        where = Where(reader.dialect, t=caller.tenant, ns=row["namespace"], id=row["flow_id"], own=row["id"])
        return reader.all(
            "select id, created from execution where tenant = :t and namespace = :ns and flow_id = :id and state = 22 "
            f"and id <> :own and error like {where.bind('%' + str(key) + '%')} order by created desc limit 100",
            where.params,
        )

    similar = await backend.read(work)
    return compact(
        {
            "key": key,
            "message": error.get("message"),
            "taskId": error.get("taskId"),
            "lines": [logs.line(one) for one in lines],
            "similar": compact(
                {
                    "count": len(similar),
                    "lastAt": instant(similar[0]["created"]) if similar else None,
                    "ids": [r["id"] for r in similar[:5]],
                }
            ),
        }
    )
