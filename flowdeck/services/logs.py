"""Log lines: of one execution by position, of all by filters (spec: REST contract §15, extensions §4)."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flowdeck.model.errors import IllegalArgument, InvalidFormat, NotFound
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.executions import dated, row_of
from flowdeck.services.flows import head
from flowdeck.services.wire import compact, instant, parse_instant
from flowdeck.store.log_histogram import histogram
from flowdeck.store.logs import LEVELS
from flowdeck.store.queries import executions as execution_queries
from flowdeck.store.queries.flows import distinct_names
from flowdeck.store.queries.where import Filter, Page, Where, names_matching

CUT = 4096
WHOLE = 32 * 1024
RANGE = 2000
HELD = 20_000
DELETED_AT_ONCE = 500
"""Executions whose lines one transaction deletes."""


def level_number(name: str | None) -> int:
    """0 (TRACE) to 4 (ERROR). `IllegalArgument`."""
    if not name:
        return 0
    try:
        return LEVELS.index(name.strip().upper())
    except ValueError:
        raise InvalidFormat(f"level: {', '.join(LEVELS)} are known") from None


def last_place(backend: Backend, execution_seq: int, level: str | None) -> tuple[int, int]:
    """Number of an execution's lines at or above a level, and the seq of the last of them (0 without lines).

    Both come from one reading: a line stored between two readings would be counted but never sent, or sent twice.
    """
    if backend.logs is None:
        return 0, 0
    lines, _, _, total = backend.logs.range(execution_seq, -1, -1, min_level=level_number(level))
    return total, lines[-1]["seq"] if lines else 0


def line(one: dict[str, Any], *, whole: bool = False) -> dict[str, Any]:
    """`line` of extensions §4."""
    text = one["text"]
    cut = not whole and len(text) > WHOLE
    return compact(
        {
            "no": one["no"],
            "seq": one["seq"],
            "at": instant(one["at"]),
            "level": LEVELS[one["level"]],
            "taskRun": one["task_run"],
            "taskId": one["task_id"],
            "attempt": one["attempt"] or None,
            "text": text[:CUT] if cut else text,
            "cut": True if cut else None,
            "position": one.get("position"),
        }
    )


def entry(one: dict[str, Any], *, numbered: bool = False) -> dict[str, Any]:
    """`LogEntry`; `numbered` adds `no`, the line's number in its execution."""
    return compact(
        {
            "namespace": one["namespace"],
            "flowId": one["flow_id"],
            "taskId": one["task_id"],
            "executionId": one["execution"] or None,
            "taskRunId": one["task_run"],
            "attemptNumber": max(0, one["attempt"] - 1) if one["task_run"] else None,
            "triggerId": one["trigger_id"],
            "timestamp": instant(one["at"]),
            "level": LEVELS[one["level"]],
            "thread": one["thread"] or None,
            "message": one["text"],
            "no": (one["no"] or None) if numbered else None,
        }
    )


async def view_of(
    backend: Backend,
    caller: Caller,
    execution_id: str,
    *,
    level: str | None,
    task_run: str | None,
    attempt: int | None,
    own: bool = False,
) -> tuple[int, dict[str, Any]]:
    """Seq of an execution and the arguments of a view of its lines; `own` = those of no task run. `NotFound`."""
    row = await row_of(backend, caller, execution_id)
    view: dict[str, Any] = {"min_level": level_number(level)}
    if task_run:
        run = await backend.read(execution_queries.task_run, row["seq"], task_run)
        if run is None:
            raise NotFound(f"task run '{task_run}'")
        view["task_run_seq"] = run["seq"]
    if own:
        view["task_run_seq"] = 0
    if attempt is not None:
        view["attempt"] = attempt
    return row["seq"], view


async def lines(backend: Backend, seq: int, view: dict[str, Any], start: int, end: int) -> dict[str, Any]:
    """Lines by positions. `IllegalArgument` beyond 2,000 at once."""
    if end < 0 <= start or end - start >= RANGE or end < start:
        raise IllegalArgument(f"from, to: at most {RANGE} positions, from before to")
    found, first, last, total = await backend.thread(lambda: backend.logs.range(seq, start, end, **view))
    return {"lines": [line(one) for one in found], "from": first, "to": last, "total": total}


async def at(backend: Backend, seq: int, view: dict[str, Any], no: int | None, time: str | None) -> dict[str, int]:
    """Position of a line or of the next one."""
    if (no is None) == (time is None):
        raise IllegalArgument("one of no and time is needed")
    when = parse_instant(time, "time") if time is not None else None
    return {"position": await backend.thread(lambda: backend.logs.at(seq, no=no, time_ms=when, **view))}


async def groups(backend: Backend, seq: int, page: Page) -> dict[str, Any]:
    """Lines per task run and attempt, totals per level."""

    def work() -> tuple[list[dict[str, Any]], dict[str, int]]:
        return backend.logs.groups(seq), backend.logs.levels(seq)

    found, levels = await backend.thread(work)
    shaped = [
        compact(
            {
                "taskRun": g["task_run"],
                "taskId": g["task_id"],
                "attempt": g["attempt"] or None,
                "lines": g["lines"],
                "first": instant(g["first"]),
                "last": instant(g["last"]),
                "levels": {k: v for k, v in g["levels"].items() if v},
            }
        )
        for g in found[page.offset : page.offset + page.size]
    ]
    return {"levels": levels, "results": shaped, "total": len(found)}


async def search_in(backend: Backend, seq: int, view: dict[str, Any], **args: Any) -> dict[str, Any]:
    """Hits of a text in a view."""
    if not args["q"] or len(args["q"]) > 200:
        raise IllegalArgument("q: 1…200 characters")
    return await backend.thread(lambda: backend.logs.search(seq, **args, **view))


async def one(backend: Backend, seq: int, no: int) -> dict[str, Any]:
    """A whole line. `NotFound`."""
    found = await backend.thread(lambda: backend.logs.one(seq, no))
    if found is None:
        raise NotFound(f"line {no}")
    return line(found, whole=True)


def stream(backend: Backend, seq: int, view: dict[str, Any], task_id: str | None = None) -> Iterator[dict[str, Any]]:
    """All lines of a view in order (blocking)."""
    for found in backend.logs.stream(seq, **view):
        if task_id is None or found["task_id"] == task_id:
            yield found


def by_time(lines: Iterable[dict[str, Any]], held: int = HELD) -> Iterator[dict[str, Any]]:
    """The lines in order of time, whoever wrote them.

    They are stored as they arrive, and those of several writers arrive a little out of order: no more than `held`
    lines are kept back.
    """
    waiting: list[tuple[int, int, dict[str, Any]]] = []
    for one in lines:
        place = (one["at"], one["seq"], one)
        if len(waiting) < held:
            heapq.heappush(waiting, place)
        else:
            yield heapq.heappushpop(waiting, place)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


_SOURCE_COLUMNS = {
    "namespace": "s.namespace",
    "flowId": "s.flow_id",
    "triggerId": "s.trigger_id",
    "executionId": "s.execution",
    "taskId": "s.task_id",
    "taskRunId": "s.task_run",
}


async def _of_sources(backend: Backend, caller: Caller, where: Where, filters: Sequence[Filter]) -> set[str]:
    """Add the filters on who wrote a line; answers their fields."""
    for f in filters:
        column = _SOURCE_COLUMNS.get(f.field)
        if f.field == "scope":
            where.add(where.scope("s.namespace", f, backend.config.system_namespace))
        elif column is not None and f.op == "REGEX" and f.field in ("namespace", "flowId"):
            known = await backend.read(distinct_names, caller.tenant, "namespace" if f.field == "namespace" else "id")
            where.add(f"{column} in {where.binds(names_matching(f.text(), known))}")
        elif column is not None:
            where.add(where.match(column, f.op, f.texts()))
    return {"scope", *_SOURCE_COLUMNS}


async def counts_over_time(
    backend: Backend, caller: Caller, filters: Sequence[Filter], start: int, end: int, width: int
) -> tuple[dict[tuple[int, int], int], bool]:
    """Lines by bar of `width` ms and level, and whether all were counted; texts, levels and instants don't count."""
    where = Where("sqlite" if backend.database.dialect != "postgresql" else "postgresql")
    await _of_sources(backend, caller, where, filters)
    condition = where.sql if where.parts else ""
    return await backend.thread(
        lambda: histogram(
            backend.logs, caller.tenant, since=start, until=end, width=width, where=condition, params=where.params
        )
    )


async def search(
    backend: Backend, caller: Caller, filters: Sequence[Filter], page: Page
) -> tuple[list[dict[str, Any]], int]:
    """Lines of all executions and triggers."""
    ascending = True
    for name, descending in page.sorts:
        if name not in ("timestamp", "level", "namespace", "flowId"):
            raise IllegalArgument(f"unknown sort field '{name}'; known are timestamp, level, namespace, flowId")
        if name == "timestamp":
            ascending = not descending
    where = Where("sqlite" if backend.database.dialect != "postgresql" else "postgresql")
    args: dict[str, Any] = {}
    of_sources = await _of_sources(backend, caller, where, filters)
    told_of_sources = len(where.parts)
    levels = range(len(LEVELS))
    for f in dated(filters, backend.now()):
        if f.field in of_sources:
            continue
        match f.field:
            case "q":
                args["q"] = f.text()
            case "minLevel":
                number = level_number(f.text())
                levels = [n for n in levels if (n >= number) == (f.op == "EQUALS")]
            case "startDate" | "endDate" if f.op.startswith(("GREATER", "LESS")):
                # Whole milliseconds: what comes after one begins with the next.
                after = int(f.value) + (f.op in ("GREATER_THAN", "LESS_THAN_OR_EQUAL_TO"))
                if f.op.startswith("GREATER"):
                    args["since"] = max(after, args.get("since", after))
                else:
                    args["until"] = min(after, args.get("until", after))
            case "startDate" | "endDate":
                where.add(where.compare("l.at", f.op, f.value))
            case _:
                raise AssertionError(f.field)
    found, total = await backend.thread(
        lambda: backend.logs.list(
            caller.tenant,
            sources=" and ".join(f"({part})" for part in where.parts[:told_of_sources]),
            where=" and ".join(f"({part})" for part in where.parts[told_of_sources:]),
            params=where.params,
            levels=levels,
            ascending=ascending,
            limit=page.size,
            offset=page.offset,
            **args,
        )
    )
    return [entry(o, numbered=True) for o in found], total


async def delete(backend: Backend, seq: int, view: dict[str, Any]) -> None:
    """Delete the lines of a view."""
    args = dict(view)
    if not args.get("min_level"):
        args.pop("min_level", None)
    await backend.thread(lambda: backend.logs.delete([seq], forget=False, **args))


async def delete_flow(backend: Backend, caller: Caller, namespace: str, flow_id: str) -> None:
    """Delete the lines of all executions of a flow and of its triggers (console: UI-FP-04). `NotFound`."""
    row = await head(backend, caller, namespace, flow_id, deleted=True)
    after = 0
    while True:
        found = await backend.read(
            lambda reader, after=after: reader.all(
                "select seq from execution where tenant = :t and namespace = :ns and flow_id = :id and seq > :after "
                f"order by seq limit {DELETED_AT_ONCE}",
                t=caller.tenant,
                ns=namespace,
                id=flow_id,
                after=after,
            )
        )
        if not found:
            break
        seqs = [int(one["seq"]) for one in found]
        await backend.thread(lambda seqs=seqs: backend.logs.delete(seqs, forget=False))
        after = seqs[-1]
    for one in json.loads(row["document"]).get("triggers") or []:
        if isinstance(one, dict) and one.get("id"):
            await delete_trigger(backend, caller, namespace, flow_id, str(one["id"]))


async def delete_trigger(backend: Backend, caller: Caller, namespace: str, flow_id: str, trigger_id: str) -> None:
    """Delete what a trigger logged outside executions."""
    await backend.thread(lambda: backend.logs.delete_trigger(caller.tenant, namespace, flow_id, trigger_id))
