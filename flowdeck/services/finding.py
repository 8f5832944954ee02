"""The palette, schedule previews, the size of a backfill, two executions side by side (extensions §9)."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import datetime, tzinfo
from itertools import pairwise
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from flowdeck.model.conditions import ConditionError
from flowdeck.model.errors import IllegalArgument
from flowdeck.model.flow import TriggerDef
from flowdeck.model.schedule import CronError, ZoneError, describe, every, parse_cron, zone_of, zoned
from flowdeck.model.schedule_trigger import SchedulePlan
from flowdeck.model.states import State
from flowdeck.model.triggers import Schedule
from flowdeck.services import blueprints, dashboards, documentation, namespaces, triggers
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import compact, instant, parse_instant
from flowdeck.store.queries import executions as execution_queries
from flowdeck.store.queries import flows as flow_queries
from flowdeck.store.queries.execution_search import Conditions as label_search
from flowdeck.store.queries.where import Page

_NEEDS = {
    "flow": "FLOW",
    "namespace": "NAMESPACE",
    "execution": "EXECUTION",
    "label": "EXECUTION",
    "dashboard": "DASHBOARD",
    "kv": "KVSTORE",
    "secret": "SECRET",
    "file": "FLOW",
    "blueprint": "BLUEPRINT",
}
"""Kind → what a reader of its hits needs READ of; the others are of nobody."""
_ACTIONS = {"execute": ("EXECUTION", "CREATE"), "edit": ("FLOW", "UPDATE"), "logs": ("EXECUTION", "READ")}
"""What a hit offers → the right to it."""
KINDS = ("flow", "namespace", "execution", "label", "dashboard", "kv", "secret", "file", "plugin", "blueprint", "docs")
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


def _letters(text: str, namespace: str, flow_id: str) -> bool:
    """Whether `ct/etl` means `company.team` / `etl`: letters in order, the first of each at the begin of a word."""
    first, slash, second = text.lower().strip().partition("/")
    if not slash or not first or not second:
        return False

    def within(letters: str, name: str) -> bool:
        place = 0
        for letter in letters:
            place = name.find(letter, place) + 1
            if not place:
                return False
        return name[:1] == letters[:1]

    return within(first, namespace.lower()) and within(second, flow_id.lower())


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
    readable = [kind for kind in kinds or KINDS if kind not in _NEEDS or caller.may(_NEEDS[kind], "READ")]
    sees_runs = caller.may("EXECUTION", "READ")
    row = await backend.read(execution_queries.get, caller.tenant, wanted_id) if sees_runs else None
    if row is not None:
        path = f"{root}/executions/{row['namespace']}/{row['flow_id']}/{row['id']}/gantt"
        exact = _hit(
            "execution",
            row["id"],
            row["id"],
            f"{row['namespace']}.{row['flow_id']}",
            path,
            [[0, len(row["id"])]],
            ("logs",),
        )
    for kind in readable:
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
                            f"{root}/flows/edit/{ns}/{flow_id}",
                            [[0, len(flow_id)]],
                            ("execute", "edit", "logs"),
                        )
                    spans = _spans(flow_id, words)
                    if spans is None and _spans(f"{ns} {flow_id}", words) is None:
                        if not _letters(text, ns, flow_id):
                            continue
                        rank = 3
                    else:
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
                                f"{root}/flows/edit/{ns}/{flow_id}",
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
                        hits.append(
                            _hit("namespace", ns, ns, "namespace", f"{root}/namespaces/edit/{ns}/overview", spans)
                        )
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
                            f"{root}/executions/{r['namespace']}/{r['flow_id']}/{r['id']}/gantt",
                            [[0, len(text)]],
                            ("logs",),
                        )
                        for r in rows
                    ],
                )
            case "kv" | "secret" | "file":
                table, column = {
                    "kv": ("kv", "key"),
                    "secret": ("secret", "key"),
                    "file": ("namespace_file", "path"),
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
                                _place(root, kind, r["namespace"], r["name"]),
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
            case "label" if kinds:
                known = await backend.read(lambda r: label_search(r, caller.tenant, backend.now()).labels_in_use)
                hidden = tuple(backend.config.hidden_label_prefixes)
                hits = [
                    _hit(
                        kind,
                        f"{key}:{value}",
                        f"{key}: {value}",
                        "executions with this label",
                        f"{root}/executions?filters[labels][EQUALS][{quote(key)}]={quote(value)}",
                        [],
                    )
                    for key, values in (known or {}).items()
                    if not key.startswith(hidden)
                    for value in values
                    if _spans(f"{key}: {value}", words) is not None
                ]
                add(kind, hits)
            case "dashboard":
                found, _ = await dashboards.search(backend, caller, "", Page(1, 1000))
                hits = []
                for one in found:
                    title = str(one.get("title") or one["id"])
                    spans = _spans(title, words)
                    if spans is not None:
                        hits.append(_hit(kind, one["id"], title, "dashboard", f"{root}/dashboards/{one['id']}", spans))
                add(kind, hits)
            case "blueprint":
                hits = []
                for family in ("flow", "dashboard"):
                    for one in blueprints.bundled(family).values():
                        spans = _spans(one.title, words)
                        if spans is not None:
                            place = f"{root}/blueprints/{family}/community/{one.id}"
                            hits.append(_hit(kind, one.id, one.title, f"{family} blueprint", place, spans))
                add(kind, hits)
            case "docs":
                hits = []
                for one in documentation.search(text, limit + 1):
                    spans = _spans(one["title"], words) or []
                    hits.append(
                        _hit(kind, one["path"], one["title"], one["group"], f"{root}/docs/{one['path']}", spans)
                    )
                add(kind, hits)
    if exact is not None and not caller.may(_NEEDS[exact["kind"]], "READ"):
        exact = None
    for one in (*(hit for group in groups for hit in group["hits"]), *([exact] if exact else ())):
        one["actions"] = [name for name in one["actions"] if caller.may(*_ACTIONS[name])]
    return compact({"groups": groups, "exact": exact})


def _place(root: str, kind: str, namespace: str, name: str) -> str:
    """Where the console shows a pair, secret or file of a namespace."""
    match kind:
        case "file":
            return f"{root}/namespaces/edit/{namespace}/files?file={quote(name)}"
        case "secret":
            return f"{root}/secrets?filters[namespace][EQUALS]={namespace}"
        case _:
            return f"{root}/kv?filters[namespace][EQUALS]={namespace}&q={quote(name)}"


def preview(sent: dict[str, Any], now: int, zone_name: str) -> dict[str, Any]:
    """Words and next dates of a cron expression. `IllegalArgument` with the position in `cron`."""
    expression = str(sent.get("cron") or "")
    try:
        count = int(sent.get("count") or 5)
    except (TypeError, ValueError):
        raise IllegalArgument("count: a number is expected") from None
    if not 1 <= count <= 50:
        raise IllegalArgument("count: 1…50")
    given = {k: v for k, v in sent.items() if k != "dates"}
    trigger = TriggerDef("preview", Schedule.spec.type, "schedule", {**given, "cron": expression})
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
        "words": describe(parse_cron(expression, given.get("withSeconds") is True)),
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
    if not definition.get("cron") and not definition.get("dates"):
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
