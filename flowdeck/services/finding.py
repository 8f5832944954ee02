"""The palette, schedule previews, the size of a backfill, two executions side by side (extensions §9)."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Sequence
from datetime import datetime, tzinfo
from itertools import islice, pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

from flowdeck.model.conditions import ConditionError
from flowdeck.model.errors import IllegalArgument
from flowdeck.model.flow import TriggerDef
from flowdeck.model.schedule import CronError, ZoneError, describe, every, zone_of, zoned
from flowdeck.model.schedule_trigger import SchedulePlan
from flowdeck.model.states import State
from flowdeck.model.triggers import Schedule
from flowdeck.services import executions, namespaces, triggers
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import compact, instant, parse_instant
from flowdeck.store.queries import executions as execution_queries
from flowdeck.store.queries import flows as flow_queries

KINDS = ("flow", "namespace", "execution", "dashboard", "kv", "secret", "file", "plugin", "blueprint")
_URL = re.compile(r"/ui/[^/]+/executions/([^/]+)/([^/]+)/([^/?#]+)")


def _spans(text: str, words: Sequence[str]) -> list[list[int]] | None:
    lower = text.lower()
    found = []
    for word in words:
        at = lower.find(word)
        if at < 0:
            return None
        found.append([at, at + len(word)])
    return sorted(found)


def _hit(
    kind: str, identity: str, title: str, subtitle: str, path: str, spans: list[list[int]], actions: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": identity,
        "title": title,
        "subtitle": subtitle,
        "path": path,
        "spans": spans,
        "actions": list(actions),
    }


async def palette(backend: Backend, caller: Caller, text: str, kinds: Sequence[str], limit: int) -> dict[str, Any]:
    """Hits by kind; `exact` for an id, `namespace.flow` or an address of this instance."""
    if not 1 <= len(text) <= 100:
        raise IllegalArgument("q: 1…100 characters")
    if not 1 <= limit <= 10:
        raise IllegalArgument("limit: 1…10")
    unknown = [k for k in kinds if k not in KINDS]
    if unknown:
        raise IllegalArgument(f"kinds: {', '.join(KINDS)} are known")
    words = [w for w in re.split(r"[\s/]+", text.lower()) if w]
    root = f"/ui/{caller.tenant}"
    deadline = time.monotonic() + 0.3
    all_flows = await backend.read(flow_queries.summaries, caller.tenant)
    groups: list[dict[str, Any]] = []
    exact = None

    def add(kind: str, hits: list[dict[str, Any]]) -> None:
        if hits:
            groups.append({"kind": kind, "hits": hits[:limit], "more": len(hits) > limit})

    address = _URL.search(urlsplit(text.strip()).path)
    wanted_id = unquote(address[3]) if address else text.strip()
    row = await backend.read(execution_queries.get, caller.tenant, wanted_id)
    if row is not None:
        path = f"{root}/executions/{row['namespace']}/{row['flow_id']}/{row['id']}"
        exact = _hit(
            "execution",
            row["id"],
            row["id"],
            f"{row['namespace']}.{row['flow_id']}",
            path,
            [[0, len(row["id"])]],
            ("logs",),
        )
    for kind in kinds or KINDS:
        if time.monotonic() > deadline:
            break
        match kind:
            case "flow":
                ranked = []
                for ns, flow_id, _ in all_flows:
                    if f"{ns}.{flow_id}" == text.strip():
                        exact = exact or _hit(
                            "flow",
                            flow_id,
                            flow_id,
                            ns,
                            f"{root}/flows/{ns}/{flow_id}",
                            [[0, len(flow_id)]],
                            ("execute", "edit", "logs"),
                        )
                    spans = _spans(flow_id, words)
                    if spans is None and _spans(f"{ns} {flow_id}", words) is None:
                        continue
                    rank = 0 if spans and spans[0][0] == 0 else 1 if spans else 2
                    ranked.append(
                        (
                            rank,
                            len(flow_id),
                            _hit(
                                "flow",
                                flow_id,
                                flow_id,
                                ns,
                                f"{root}/flows/{ns}/{flow_id}",
                                spans or [],
                                ("execute", "edit", "logs"),
                            ),
                        )
                    )
                ranked.sort(key=lambda one: one[:2])
                add(kind, [one[2] for one in ranked])
            case "namespace":
                hits = []
                for ns in await namespaces.known(backend, caller):
                    spans = _spans(ns, words)
                    if spans is not None:
                        hits.append(_hit("namespace", ns, ns, "namespace", f"{root}/namespaces/{ns}", spans))
                add(kind, hits)
            case "execution" if row is None and len(text) >= 6 and " " not in text:
                rows = await backend.read(
                    lambda r: r.all(
                        "select id, namespace, flow_id, state from execution where id >= :low and id < :high "
                        "and tenant = :t limit 11",
                        low=text.strip(),
                        high=text.strip() + "\U0010ffff",
                        t=caller.tenant,
                    )
                )
                add(
                    kind,
                    [
                        _hit(
                            "execution",
                            r["id"],
                            r["id"],
                            f"{r['namespace']}.{r['flow_id']} · {State(r['state']).name}",
                            f"{root}/executions/{r['namespace']}/{r['flow_id']}/{r['id']}",
                            [[0, len(text)]],
                            ("logs",),
                        )
                        for r in rows
                    ],
                )
            case "kv" | "secret" | "file":
                table, column, page = {
                    "kv": ("kv", "key", "kv"),
                    "secret": ("secret", "key", "secrets"),
                    "file": ("namespace_file", "path", "files"),
                }[kind]
                rows = await backend.read(
                    lambda r, table=table, column=column: r.all(
                        f"select namespace, {column} as name from {table} where tenant = :t "
                        f"order by namespace, {column}",
                        t=caller.tenant,
                    )
                )
                hits = []
                for r in rows:
                    spans = _spans(r["name"], words)
                    if spans is not None:
                        hits.append(
                            _hit(
                                kind,
                                r["name"],
                                r["name"],
                                r["namespace"],
                                f"{root}/{page}?namespace={r['namespace']}",
                                spans,
                            )
                        )
                add(kind, hits)
            case "plugin":
                hits = []
                for spec in backend.catalog.types():
                    spans = _spans(spec.type, words)
                    if spans is not None:
                        hits.append(_hit(kind, spec.type, spec.type, spec.title, f"{root}/plugins/{spec.type}", spans))
                add(kind, hits)
    return compact({"groups": groups, "exact": exact})


def preview(sent: dict[str, Any], now: int, zone_name: str) -> dict[str, Any]:
    """Words and next dates of a cron expression. `IllegalArgument` with the position in `cron`."""
    expression = str(sent.get("cron") or "")
    try:
        count = int(sent.get("count") or 5)
    except (TypeError, ValueError):
        raise IllegalArgument("count: a number is expected") from None
    if not 1 <= count <= 50:
        raise IllegalArgument("count: 1…50")
    trigger = TriggerDef("preview", Schedule.spec.type, "schedule", {**sent, "cron": expression})
    try:
        plan = SchedulePlan(trigger, zone=zone_of(zone_name))
    except CronError as error:
        raise IllegalArgument(
            f"cron: {error}",
            violations=[{"path": "cron", "message": str(error), "position": getattr(error, "position", 0)}],
        ) from None
    except ZoneError as error:
        raise IllegalArgument(f"timezone: {error}") from None
    except (TypeError, AttributeError, ValueError):
        raise IllegalArgument("conditions: a list of conditions is expected") from None
    date: int | None = parse_instant(str(sent["from"]), "from") if sent.get("from") else now
    dates: list[int] = []
    try:
        while len(dates) < count and date is not None and (date := plan.next_true(date)) is not None:
            dates.append(date)
    except ConditionError as error:
        raise IllegalArgument(f"conditions: {error}") from None
    return {
        "words": describe(plan.cron),
        "dates": [zoned(d, plan.zone) for d in dates],
        "notes": [note for one, other in pairwise(dates) if (note := _clock_change(one, other, plan.zone))],
    }


def _clock_change(one: int, other: int, zone: tzinfo) -> dict[str, str] | None:
    """What to say about two neighbouring dates between which the clock is put forward or back."""
    before, after = (datetime.fromtimestamp(at / 1000, zone).utcoffset() for at in (one, other))
    if before is None or after is None or before == after:
        return None
    first, second = zoned(one, zone), zoned(other, zone)
    return {
        "at": second,
        "kind": "gap" if after > before else "overlap",
        "text": f"The clock changes between {first} and {second}",
    }


async def backfill_count(
    backend: Backend, caller: Caller, namespace: str, flow_id: str, trigger_id: str, sent: dict[str, Any]
) -> dict[str, Any]:
    """How many executions a backfill would create. `IllegalArgument` for a wrong window or trigger."""
    row = await triggers.row_of(backend, caller, namespace, flow_id, trigger_id)
    definition = triggers.definition(row)
    if not definition.get("cron"):
        raise IllegalArgument("only schedules have backfills")
    start = parse_instant(str(sent.get("start") or ""), "start")
    now = backend.now()
    end = parse_instant(str(sent["end"]), "end") if sent.get("end") else now
    if end < start:
        raise IllegalArgument("end: must not be before start")
    if start > now:
        raise IllegalArgument("start: must not be in the future")
    plan = SchedulePlan(TriggerDef(trigger_id, row["type"], "schedule", definition), zone=zone_of(backend.config.zone))

    def holds(date: int) -> bool:
        try:
            return plan.holds(date)
        except ConditionError:
            return True  # such a date makes an execution that has failed

    def work() -> tuple[list[int], bool]:
        found: list[int] = []
        for date in every(plan.cron, start - 1, plan.zone):
            if date > end:
                break
            if not holds(date):
                continue
            if len(found) >= 100_000:
                return found, True
            found.append(date)
        return found, False

    dates, capped = await backend.thread(work)
    rows = await backend.read(
        lambda r: r.all(
            "select schedule_date, state, created, started, ended from execution where tenant = :t and namespace = :ns "
            "and flow_id = :f "
            "and trigger_id = :tr and created >= :since limit 100000",
            t=caller.tenant,
            ns=namespace,
            f=flow_id,
            tr=trigger_id,
            since=start,
        )
    )
    done = {r["schedule_date"] for r in rows if r["state"] in (State.SUCCESS, State.WARNING)}
    missing = [d for d in dates if d not in done]
    chosen = missing if sent.get("onlyMissing") else dates
    series: dict[str, int] = {}
    for date in chosen:
        series[instant(date)[:10]] = series.get(instant(date)[:10], 0) + 1
    spans = [r["ended"] - (r["started"] or r["created"]) for r in rows if r["ended"] is not None]
    return compact(
        {
            "count": len(chosen),
            "capped": capped,
            "series": [{"day": d, "n": n} for d, n in series.items()],
            "succeeded": len(dates) - len(missing),
            "failedOrMissing": len(missing),
            "estimateMs": round(sum(spans) / len(spans) * len(chosen)) if spans else None,
            "parallel": len(chosen) if plan.allow_concurrent else 1,
        }
    )


def _compared(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True, default=str)
    if len(text) > 4096:
        return {"size": len(text), "hash": hashlib.sha256(text.encode()).hexdigest()[:16]}
    return value


def _flat(prefix: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        out: dict[str, Any] = {}
        for key, inner in value.items():
            out.update(_flat(f"{prefix}.{key}", inner))
        return out
    return {prefix: value}


async def compare(
    backend: Backend, caller: Caller, a: str, b: str, *, everything: bool, after: str | None
) -> dict[str, Any]:
    """Two executions matched by task, parents and value; secrets masked."""
    documents = [await executions.get(backend, caller, one) for one in (a, b)]
    sides = []
    for document in documents:
        runs = document.get("taskRunList") or []
        by_id = {r["id"]: r for r in runs}
        places: dict[str, Any] = {}
        for run in runs:
            parts, up = [], run
            while up is not None:
                parts.insert(0, up["taskId"] + (f"[{up['value']}]" if "value" in up else ""))
                up = by_id.get(up.get("parentTaskRunId", ""))
            places["/".join(parts)] = run
        sides.append(places)
    order = {path: i for i, path in enumerate(dict.fromkeys([*sides[0], *sides[1]]))}

    def short(run: Any) -> dict[str, Any] | None:
        if run is None:
            return None
        state = run["state"]
        start = parse_instant(state["startDate"])
        end = parse_instant(state["endDate"]) if "endDate" in state else backend.now()
        return {"state": state["current"], "durationMs": end - start}

    rows, first = [], None
    for path in order:
        left, right = short(sides[0].get(path)), short(sides[1].get(path))
        same = left is not None and right is not None and left["state"] == right["state"]
        if not same and first is None:
            first = {
                "path": path,
                "reason": "only in one" if left is None or right is None else f"{left['state']} and {right['state']}",
            }
        if everything or not same:
            delta = right["durationMs"] - left["durationMs"] if left and right else None
            rows.append(compact({"path": path, "a": left, "b": right, "deltaMs": delta}))
    values = []
    for name in ("inputs", "labels", "outputs", "variables"):
        pair = []
        for document in documents:
            content = document.get(name) or {}
            if isinstance(content, list):
                content = {one["key"]: one["value"] for one in content if not one["key"].startswith("system.")}
            pair.append(_flat(name, content) if content else {})
        for path in dict.fromkeys([*pair[0], *pair[1]]):
            one, other = pair[0].get(path), pair[1].get(path)
            if everything or one != other:
                values.append(compact({"path": path, "a": _compared(one), "b": _compared(other), "same": one == other}))
    start = int(after) if after and after.isdigit() else 0
    heads = [
        compact(
            {
                "id": d["id"],
                "namespace": d["namespace"],
                "flowId": d["flowId"],
                "revision": d["flowRevision"],
                "state": d["state"]["current"],
                "started": d["state"].get("startDate"),
                "ended": d["state"].get("endDate"),
            }
        )
        for d in documents
    ]
    return compact(
        {
            "a": heads[0],
            "b": heads[1],
            "first": first,
            "taskRuns": rows[start : start + 200],
            "values": values,
            "after": str(start + 200) if len(rows) > start + 200 else None,
        }
    )


_NOISE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?|[0-9a-f]{8,}|\d+")


async def compare_logs(backend: Backend, caller: Caller, a: str, b: str, task: str) -> dict[str, Any]:
    """Lines of one task in two executions; times, ids and numbers are ignored."""
    import difflib

    name = task.rpartition("/")[2].partition("[")[0]
    sides: list[list[dict[str, Any]]] = []
    truncated = False
    for one in (a, b):
        row = await executions.row_of(backend, caller, one)

        def read(seq: int = row["seq"]) -> list[dict[str, Any]]:
            lines = (x for x in backend.logs.stream(seq) if not name or x["task_id"] == name)
            return list(islice(lines, 5001))

        lines = await backend.thread(read)
        truncated |= len(lines) > 5000
        sides.append(lines[:5000])
    from flowdeck.services.logs import LEVELS

    keys = [[_NOISE.sub("#", x["text"]) for x in side] for side in sides]
    matcher = await backend.thread(
        lambda: (
            difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes()
            if len(keys[0]) * len(keys[1]) < 4_000_000
            else difflib.SequenceMatcher(None, keys[0], keys[1]).get_opcodes()
        )
    )
    out: list[dict[str, Any]] = []
    for op, i1, i2, j1, j2 in matcher:
        if op == "equal":
            for x, y in zip(sides[0][i1:i2], sides[1][j1:j2], strict=True):
                out.append(
                    {"op": "same", "level": LEVELS[x["level"]], "text": x["text"], "noA": x["no"], "noB": y["no"]}
                )
        else:
            out += [
                {"op": "a", "level": LEVELS[x["level"]], "text": x["text"], "noA": x["no"]} for x in sides[0][i1:i2]
            ]
            out += [
                {"op": "b", "level": LEVELS[y["level"]], "text": y["text"], "noB": y["no"]} for y in sides[1][j1:j2]
            ]
    return {"lines": out, "truncated": truncated}
