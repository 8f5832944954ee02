"""Data of charts over log lines (spec: core plugins §12): day by day, by the counts of attempts where they suffice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flowdeck.store.driver import Reader
from flowdeck.store.logs import LogFiles
from flowdeck.store.queries.chart_tables import TABLES, Table
from flowdeck.store.queries.charts import (
    MOST_ROWS,
    Conditions,
    Query,
    bucket,
    order_text,
    plan,
    ratio,
    unit_of,
    value_of,
    where_of,
)
from flowdeck.store.queries.where import Where

_LEVELS = " union all ".join(f"select {n} as level" for n in range(5))
_NUMBER = "sum(case l.level when 0 then s.l0 when 1 then s.l1 when 2 then s.l2 when 3 then s.l3 else s.l4 end)"
_INSIDE = "s.first_at >= :start and s.last_at <= :end"
HEADS = Table(
    f"log_source s cross join ({_LEVELS}) l",
    {**TABLES["Logs"].columns, "DATE": "s.first_at"},
    TABLES["Logs"].base,
)
"""Attempts and levels instead of lines: as many rows as there were attempts, however much they wrote."""


def rows(files: LogFiles, names: Reader, query: Query, tenant: str) -> tuple[list[dict[str, Any]], int]:
    """Rows of a chart over log lines, and how many there are.

    Args:
        names: reads the flows' names, for regular expressions.
    """
    grouped = any(c.get("agg") for c in query.columns.values())
    found = _grouped(files, names, query, tenant) if grouped else _lines(files, names, query, tenant)
    _sort(query, found)
    page = found[query.offset : query.offset + query.limit]
    return [
        {
            name: value_of(query.source.fields.get(str(c.get("field"))), c.get("agg"), row[n])
            for n, (name, c) in enumerate(query.columns.items())
        }
        for row in page
    ], len(found)


def kpi(
    files: LogFiles,
    names: Reader,
    query: Query,
    tenant: str,
    numerator: Sequence[Mapping[str, Any]],
    percentage: bool,
) -> Any:
    """One number, as `store.queries.charts.kpi` gives it for tables."""
    name = next(iter(query.columns))

    def number(more: Sequence[Mapping[str, Any]]) -> Any:
        found, _ = rows(files, names, replace(query, conditions=[*query.conditions, *more], orders=()), tenant)
        return found[0][name] if found else (0 if query.columns[name].get("agg") == "COUNT" else None)

    return ratio(number, numerator, percentage)


def _window(query: Query) -> tuple[int, int]:
    return query.window or (0, 1 << 62)


def _days(files: LogFiles, query: Query) -> Any:
    """Readers of the files that may hold lines of the window, newest first."""
    start, end = _window(query)
    for file in files.files():
        with file.database.reader() as reader:
            if reader.value("select 1 from log_source where last_at >= ? and first_at <= ? limit 1", start, end):
                yield reader


def _overlap(where: Where) -> None:
    where.add("s.last_at >= :start and s.first_at <= :end")


def _lines(files: LogFiles, names: Reader, query: Query, tenant: str) -> list[list[Any]]:
    """Lines as they are; without an order the newest come first."""
    found: list[list[Any]] = []
    wanted = min(MOST_ROWS, query.offset + query.limit)
    for reader in _days(files, query):
        where, table = where_of(reader, query, tenant, names)
        _overlap(where)
        selected, _, _ = plan(reader, query, where, table)
        order = order_text(query, list(query.columns)) if query.orders else "l.seq desc"
        text = f"select {selected} from {table.tables} where {where.sql} order by {order} limit {wanted}"
        found += [[row[n] for n in range(len(query.columns))] for row in reader.all(text, where.params)]
        if not query.orders and len(found) >= wanted:
            break
    return found


def _grouped(files: LogFiles, names: Reader, query: Query, tenant: str) -> list[list[Any]]:
    """Groups of all days, put together."""
    used = {str(c.get("field")) for c in query.columns.values()} | _fields(query.conditions)
    counts = all(c.get("agg") in (None, "COUNT") for c in query.columns.values())
    by_heads = counts and "MESSAGE" not in used and "DATE" not in _fields(query.conditions)
    plain = [n for n, c in enumerate(query.columns.values()) if not c.get("agg")]
    merged: dict[tuple[Any, ...], list[Any]] = {}
    for reader in _days(files, query):
        if by_heads:
            inside = _INSIDE
            if any(c.get("field") == "DATE" for c in query.columns.values() if not c.get("agg")):
                unit = unit_of(query.span)
                first, last = (bucket(f"s.{at}_at", unit, reader.dialect) for at in ("first", "last"))
                inside += f" and {first} = {last}"
            _merge(query, plain, merged, _heads(reader, names, query, tenant, inside))
            _merge(query, plain, merged, _groups(reader, names, query, tenant, f"not ({inside})"))
        else:
            _merge(query, plain, merged, _groups(reader, names, query, tenant, ""))
    return [_finished(query, row) for row in merged.values()][:MOST_ROWS]


def _fields(conditions: Sequence[Mapping[str, Any]]) -> set[str]:
    found: set[str] = set()
    for one in conditions:
        found |= _fields(one.get("values") or ()) if one["type"] == "OR" else {str(one.get("field"))}
    return found


def _groups(reader: Reader, names: Reader, query: Query, tenant: str, more: str) -> list[Any]:
    """Groups of lines, averages as sum and count."""
    where, table = where_of(reader, query, tenant, names)
    _overlap(where)
    if more:
        where.add(more)
    selected, groups, _ = plan(reader, query, where, table, partial=True)
    grouping = f" group by {groups}" if groups else ""
    text = f"select {selected} from {table.tables} where {where.sql}{grouping} limit {MOST_ROWS}"
    return [dict(row) for row in reader.all(text, where.params)]


def _heads(reader: Reader, names: Reader, query: Query, tenant: str, inside: str) -> list[Any]:
    """Groups of the attempts whose lines lie wholly in the window, and in one unit of it."""
    start, end = _window(query)
    where = Where(reader.dialect, tenant=tenant, start=start, end=end)
    for text in HEADS.base:
        where.add(text)
    where.add(inside)
    conditions = Conditions(reader, where, HEADS, query.source, names)
    for one in query.conditions:
        where.add(conditions.sql(one))
    if query.extra is not None:
        query.extra(where)
    selected, groups = [], []
    for n, column in enumerate(query.columns.values()):
        if column.get("agg"):
            selected.append(f"{_NUMBER} as c{n}")
            continue
        text = conditions.column(str(column["field"]))
        if column["field"] == "DATE":
            text = bucket(text, unit_of(query.span), reader.dialect)
        selected.append(f"{text} as c{n}")
        groups.append(f"c{n}")
    grouping = f" group by {', '.join(groups)}" if groups else ""
    text = (
        f"select {', '.join(selected)} from {HEADS.tables} where {where.sql}{grouping} having {_NUMBER} > 0"
        f" limit {MOST_ROWS}"
    )
    counted = {f"c{n}" for n, c in enumerate(query.columns.values()) if c.get("agg")}
    # PostgreSQL's sums of counts are decimals.
    return [
        {name: int(value) if name in counted else value for name, value in dict(row).items()}
        for row in reader.all(text, where.params)
    ]


def _merge(query: Query, plain: list[int], merged: dict[tuple[Any, ...], list[Any]], found: list[Any]) -> None:
    for row in found:
        key = tuple(row[f"c{n}"] for n in plain)
        held = merged.get(key)
        if held is None:
            merged[key] = [
                [row[f"c{n}"] or 0, row[f"c{n}_count"]] if c.get("agg") == "AVG" else row[f"c{n}"]
                for n, c in enumerate(query.columns.values())
            ]
            continue
        for n, column in enumerate(query.columns.values()):
            new = row[f"c{n}"]
            match column.get("agg"):
                case "AVG":
                    held[n] = [held[n][0] + (new or 0), held[n][1] + row[f"c{n}_count"]]
                case "COUNT" | "SUM":
                    held[n] = (held[n] or 0) + (new or 0)
                case "MIN" if new is not None:
                    held[n] = new if held[n] is None else min(held[n], new)
                case "MAX" if new is not None:
                    held[n] = new if held[n] is None else max(held[n], new)
                case _:
                    continue


def _finished(query: Query, row: list[Any]) -> list[Any]:
    return [
        (value[0] / value[1] if value[1] else None) if c.get("agg") == "AVG" else value
        for value, c in zip(row, query.columns.values(), strict=True)
    ]


def _sort(query: Query, found: list[list[Any]]) -> None:
    """The order of the columns; groups without one by their plain columns, lines stay newest first."""
    names = list(query.columns)
    wanted = [(names.index(str(o["column"])), o.get("order") == "DESC") for o in query.orders if o["column"] in names]
    if not wanted and any(c.get("agg") for c in query.columns.values()):
        wanted = [(n, False) for n, c in enumerate(query.columns.values()) if not c.get("agg")]
    for place, descending in reversed(wanted):
        found.sort(key=lambda row, p=place: (row[p] is not None, row[p]), reverse=descending)
