"""Data of charts: grouped and counted by the database, in both dialects (spec: core plugins §12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flowdeck.model.coerce import to_datetime, to_duration
from flowdeck.model.dashboards.data import Source
from flowdeck.model.errors import IllegalArgument, InvalidFilter
from flowdeck.model.states import State
from flowdeck.store.logs import LEVELS
from flowdeck.store.queries.chart_tables import SUMS, TABLES, Table
from flowdeck.store.queries.flows import distinct_names
from flowdeck.store.queries.where import LONGEST_PATTERN, Where, names_matching

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
UNITS = ((2 * HOUR, "minute"), (3 * DAY, "hour"), (90 * DAY, "day"), (365 * DAY, "week"))
"""Windows up to this length (ms) are cut in these; longer ones in months."""
MOST_ROWS = 50_000
MONDAY = 4 * DAY
"""The first Monday of the epoch."""


CROWDED = 200_000
"""Executions in a window beyond which charts are made of hourly sums, if those say enough."""


@dataclass(slots=True)
class Query:
    """What a chart asks for.

    `conditions` are those of the source's YAML; `extra` adds to the condition what the page's filters say. `window`
    are the bounds (ms, both included) of the source's date, None for sources without. `any_kind` takes executions
    of tests, which nobody asked for otherwise, too; `only_exact` says that `extra` adds conditions which hourly sums
    know nothing of.
    """

    source: Source
    columns: Mapping[str, Mapping[str, Any]]
    conditions: Sequence[Mapping[str, Any]] = ()
    orders: Sequence[Mapping[str, Any]] = ()
    window: tuple[int, int] | None = None
    span: int = 30 * DAY
    now: int = 0
    extra: Callable[[Where], None] | None = None
    limit: int = MOST_ROWS
    offset: int = 0
    any_kind: bool = False
    only_exact: bool = False


def unit_of(span: int) -> str:
    """What a window of this length (ms) is cut in: minute, hour, day, week or month."""
    return next((name for longest, name in UNITS if span <= longest), "month")


def bucket(column: str, unit: str, dialect: str) -> str:
    """SQL of the start (ms, UTC) of the unit that an instant lies in."""
    width = {"minute": MINUTE, "hour": HOUR, "day": DAY}.get(unit)
    if width is not None:
        return f"({column} / {width} * {width})"
    if unit == "week":
        return f"(({column} - {MONDAY}) / {7 * DAY} * {7 * DAY} + {MONDAY})"
    if dialect == "postgresql":
        months = f"date_trunc('month', to_timestamp({column} / 1000.0) at time zone 'UTC')"
        return f"(extract(epoch from {months})::bigint * 1000)"
    return f"(cast(strftime('%s', {column} / 1000, 'unixepoch', 'start of month') as integer) * 1000)"


class Conditions:
    """Conditions of a chart as SQL."""

    def __init__(self, reader: Any, where: Where, table: Table, source: Source, names: Any = None) -> None:
        self._reader = reader
        self._where = where
        self._table = table
        self._source = source
        self._names = names or reader

    def column(self, name: str, label: Any = None) -> str:
        """SQL of a field."""
        if name == "LABELS":
            return self._table.labels.format(key=self._where.bind(str(label)))
        return self._table.columns[name]

    def sql(self, one: Mapping[str, Any]) -> str:
        """One condition. `InvalidFilter` for a value that its field can't be compared with."""
        type_ = one["type"]
        if type_ == "OR":
            parts = [self.sql(inner) for inner in one.get("values") or ()]
            return "(" + " or ".join(parts) + ")" if parts else "1 = 0"
        name = str(one["field"])
        kind = self._source.fields[name]
        column = self.column(name, one.get("labelKey"))
        values = one.get("values") if one.get("values") is not None else one.get("value")
        given = list(values) if isinstance(values, list | tuple) else [] if values is None else [values]
        if type_ == "IS_NULL":
            return f"{column} is null"
        if type_ == "IS_NOT_NULL":
            return f"{column} is not null"
        if type_ in ("IS_TRUE", "IS_FALSE"):
            wanted = "true" if type_ == "IS_TRUE" else "false"
            return f"lower(cast({column} as text)) = '{wanted}'"
        if kind in ("state", "level"):
            return self._enumerated(column, type_, given, kind)
        if kind in ("number", "date"):
            return self._number(column, type_, [_number(value, kind, name) for value in given], name)
        return self._text(column, name, type_, [_plain(value) for value in given])

    def _enumerated(self, column: str, type_: str, given: list[Any], kind: str) -> str:
        names = {s.name: int(s) for s in State} if kind == "state" else {n: i for i, n in enumerate(LEVELS)}
        wanted = [str(value).strip().upper() for value in given]
        unknown = [w for w in wanted if w not in names]
        if type_ in ("EQUAL_TO", "NOT_EQUAL_TO", "IN", "NOT_IN") and unknown:
            raise InvalidFilter(f"'{unknown[0][:40]}' is no {kind}; known are {', '.join(names)}")
        one = wanted[0] if wanted else ""
        if type_.startswith(("GREATER", "LESS")):
            if one not in names:
                raise InvalidFilter(f"'{one[:40]}' is no {kind}; known are {', '.join(names)}")
            return f"{column} {_SIGNS[type_]} {names[one]}"
        fits: dict[str, Callable[[str], bool]] = {
            "EQUAL_TO": lambda n: n in wanted,
            "IN": lambda n: n in wanted,
            "NOT_EQUAL_TO": lambda n: n not in wanted,
            "NOT_IN": lambda n: n not in wanted,
            "CONTAINS": lambda n: one in n,
            "NOT_CONTAINS": lambda n: one not in n,
            "STARTS_WITH": lambda n: n.startswith(one),
            "PREFIX": lambda n: n.startswith(one),
            "ENDS_WITH": lambda n: n.endswith(one),
        }
        found = names_matching(str(given[0]) if given else "", names) if type_ == "REGEX" else None
        chosen = [number for n, number in names.items() if (n in found if found is not None else fits[type_](n))]
        return f"{column} in ({', '.join(map(str, chosen)) or 'null'})"

    def _number(self, column: str, type_: str, given: list[float | int], name: str) -> str:
        if type_ in ("IN", "EQUAL_TO"):
            return f"{column} in {self._where.binds(given)}"
        if type_ in ("NOT_IN", "NOT_EQUAL_TO"):
            return f"({column} is null or {column} not in {self._where.binds(given)})"
        sign = _SIGNS.get(type_)
        if sign is None or not given:
            raise InvalidFilter(f"{type_} does not apply to {name}")
        return f"{column} {sign} {self._where.bind(given[0])}"

    def _text(self, column: str, name: str, type_: str, given: list[str]) -> str:
        if type_ == "REGEX":
            return self._regex(column, name, given[0] if given else "")
        if type_ == "NOT_CONTAINS":
            return f"({column} is null or not ({self._where.match(column, 'CONTAINS', given)}))"
        sign = _SIGNS.get(type_)
        if sign is not None:
            return f"{column} {sign} {self._where.bind(given[0] if given else '')}"
        op = {"EQUAL_TO": "EQUALS", "NOT_EQUAL_TO": "NOT_EQUALS"}.get(type_, type_)
        return self._where.match(column, op, given)

    def _regex(self, column: str, name: str, pattern: str) -> str:
        if name in ("NAMESPACE", "FLOW_ID") or (self._source.name == "Flows" and name == "ID"):
            kind = "namespace" if name == "NAMESPACE" else "id"
            known = distinct_names(self._names, str(self._where.params["tenant"]), kind)
            return f"{column} in {self._where.binds(names_matching(pattern, known))}"
        names_matching(pattern, ())
        if len(pattern) > LONGEST_PATTERN:
            raise InvalidFilter(f"a regular expression may have at most {LONGEST_PATTERN} characters")
        bound = self._where.bind(pattern)
        return f"{column} ~ {bound}" if self._where.dialect == "postgresql" else f"{column} regexp {bound}"


_SIGNS = {
    "GREATER_THAN": ">",
    "GREATER_THAN_OR_EQUAL_TO": ">=",
    "LESS_THAN": "<",
    "LESS_THAN_OR_EQUAL_TO": "<=",
}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(value: Any, kind: str, name: str) -> float | int:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    try:
        if kind == "date":
            return round(to_datetime(text).timestamp() * 1000)
        if text.upper().startswith("P"):
            return to_duration(text).total_seconds()
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except (ValueError, OverflowError):
        raise InvalidFilter(f"'{text[:40]}' can't be compared with {name}, which holds {kind}s") from None


def _by_sums(reader: Any, query: Query, tenant: str) -> bool:
    """Whether hourly sums say all that is asked, and there are so many executions that it matters."""
    if query.source.name != "Executions" or query.window is None or query.any_kind or query.only_exact:
        return False
    told = {"NAMESPACE", "FLOW_ID", "STATE"}
    units = {"START_DATE", "END_DATE"} if unit_of(query.span) != "minute" else set()
    for column in query.columns.values():
        name, agg = column.get("field"), column.get("agg")
        fits = name in told | units if not agg else agg == "COUNT" or (name == "DURATION" and agg in ("SUM", "AVG"))
        if not fits:
            return False
    if not any(c.get("agg") for c in query.columns.values()) or not _plain_fields(query.conditions) <= told:
        return False
    crowd = reader.value(
        "select count(*) from (select 1 from execution where tenant = :tenant and created >= :start"
        f" and created <= :end limit {CROWDED + 1}) x",
        tenant=tenant,
        start=query.window[0],
        end=query.window[1],
    )
    return crowd > CROWDED


def _plain_fields(conditions: Sequence[Mapping[str, Any]]) -> set[str]:
    found: set[str] = set()
    for one in conditions:
        found |= _plain_fields(one.get("values") or ()) if one["type"] == "OR" else {str(one.get("field"))}
    return found


def where_of(
    reader: Any, query: Query, tenant: str, names: Any = None, table: Table | None = None
) -> tuple[Where, Table]:
    """The condition of a query. `names` reads the flows' names for regular expressions, `reader` itself by default."""
    table = table or TABLES[query.source.name]
    where = Where(reader.dialect, tenant=tenant, now=query.now)
    for text in table.base:
        if not (query.any_kind and "e.kind" in text):
            where.add(text)
    if query.window is not None and table is SUMS:
        start, end = query.window
        where.params.update(start=start, end=end, first_hour=start // HOUR * HOUR)
    elif query.window is not None and query.source.window:
        column = table.columns[query.source.window]
        where.add(f"{column} >= :start and {column} <= :end", start=query.window[0], end=query.window[1])
    conditions = Conditions(reader, where, table, query.source, names)
    for one in query.conditions:
        where.add(conditions.sql(one))
    if query.extra is not None:
        query.extra(where)
    return where, table


def plan(reader: Any, query: Query, where: Where, table: Table, *, partial: bool = False) -> tuple[str, str, bool]:
    """Select list, `group by` and whether rows are grouped; `partial` keeps sums and counts of averages apart."""
    selected: list[str] = []
    groups: list[str] = []
    conditions = Conditions(reader, where, table, query.source)
    grouped = any(c.get("agg") for c in query.columns.values())
    for n, column in enumerate(query.columns.values()):
        agg, name = column.get("agg"), column.get("field")
        label = column.get("labelKey")
        if name == "LABELS" and not label:
            name = "ID"  # how many have labels is how many there are
        text = "1" if name is None else conditions.column(str(name), label)
        if not agg:
            if grouped and name is not None and query.source.fields[str(name)] == "date":
                text = bucket(text, unit_of(query.span), reader.dialect)
            selected.append(f"{text} as c{n}")
            groups.append(f"c{n}")
        elif table.counted and agg == "COUNT":
            selected.append(f"sum({table.counted}) as c{n}")
        elif table.milliseconds and name == "DURATION":
            part = f" / nullif(sum({table.counted}), 0)" if agg == "AVG" else ""
            selected.append(f"sum({table.milliseconds}) / 1000.0{part} as c{n}")
        elif agg == "AVG" and partial:
            selected += [f"sum({text}) as c{n}", f"count({text}) as c{n}_count"]
        else:
            inner = "*" if name is None else text
            selected.append(f"{agg.lower()}({inner}) as c{n}")
    return ", ".join(selected), ", ".join(groups), grouped


def rows(reader: Any, query: Query, tenant: str) -> tuple[list[dict[str, Any]], int]:
    """Rows of a chart over the database's tables, and how many there are (at most `MOST_ROWS`)."""
    sums = SUMS if _by_sums(reader, query, tenant) else None
    where, table = where_of(reader, query, tenant, table=sums)
    selected, groups, grouped = plan(reader, query, where, table)
    grouping = f" group by {groups}" if grouped and groups else ""
    names = list(query.columns)
    order = order_text(query, names)
    body = f"from {table.tables} where {where.sql}{grouping}"
    found = reader.all(
        f"select {selected} {body} order by {order} limit {int(query.limit)} offset {int(query.offset)}"
        if order
        else f"select {selected} {body} limit {int(query.limit)} offset {int(query.offset)}",
        where.params,
    )
    total = len(found) + query.offset
    if (query.offset and not found) or len(found) == query.limit:
        total = reader.value(f"select count(*) from (select {selected} {body} limit {MOST_ROWS}) x", where.params)
    return [shaped(query, dict(row)) for row in found], total


def order_text(query: Query, names: Sequence[str]) -> str:
    """`order by` of the chosen columns, else of the groups, so that pages are stable."""
    parts = [
        f"c{names.index(str(one['column']))} {'desc' if one.get('order') == 'DESC' else 'asc'}"
        for one in query.orders
        if one.get("column") in names
    ]
    done = {part.split()[0] for part in parts}
    parts += [f"c{n}" for n, c in enumerate(query.columns.values()) if not c.get("agg") and f"c{n}" not in done]
    return ", ".join(parts)


def shaped(query: Query, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row by the chart's column names: dates as text, states and levels by name."""
    out: dict[str, Any] = {}
    for n, (name, column) in enumerate(query.columns.items()):
        out[name] = value_of(query.source.fields.get(str(column.get("field"))), column.get("agg"), row[f"c{n}"])
    return out


def value_of(kind: str | None, agg: str | None, value: Any) -> Any:
    """A database's value as the wire shows it."""
    if value is None:
        return None
    if agg == "COUNT":
        return int(value)
    if kind == "state":
        return State(int(value)).name
    if kind == "level":
        return LEVELS[int(value)]
    if kind == "date":
        return datetime.fromtimestamp(int(value) / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
    if kind == "number" and not isinstance(value, int):
        number = round(float(value), 6)
        return int(number) if agg in (None, "SUM", "MIN", "MAX") and number == int(number) else number
    return value


def kpi(reader: Any, query: Query, tenant: str, numerator: Sequence[Mapping[str, Any]], percentage: bool) -> Any:
    """One number: of the rows that meet both conditions, or those as a percentage of the rows that meet the first.

    `IllegalArgument` for a percentage of something else than numbers.
    """
    name = next(iter(query.columns))

    def number(more: Sequence[Mapping[str, Any]]) -> Any:
        narrowed = replace(query, conditions=[*query.conditions, *more], orders=())
        found, _ = rows(reader, narrowed, tenant)
        return found[0][name] if found else None

    return ratio(number, numerator, percentage)


def ratio(
    number: Callable[[Sequence[Mapping[str, Any]]], Any], numerator: Sequence[Mapping[str, Any]], percentage: bool
) -> Any:
    """The KPI's arithmetic over a function that gives the number under further conditions."""
    part = number(numerator)
    if not percentage:
        return part
    whole = number(()) if numerator else part
    if part is None or not whole:
        return 0
    if not isinstance(part, int | float) or not isinstance(whole, int | float):
        raise IllegalArgument("a percentage needs numbers")
    return round(part / whole * 100, 4)
