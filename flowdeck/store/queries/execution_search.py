"""The list of executions: any filter over millions of rows (quality §1.2, K#12181; engine notes §2.12).

What most people ask for lies among the newest rows, so those are looked at first. What is rare is found by an index:
texts and patterns are turned into the names and labels that exist, of which there are few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from flowdeck.model.errors import InvalidFormat
from flowdeck.model.states import State
from flowdeck.store.queries.durations import RAN, SPENT
from flowdeck.store.queries.flows import distinct_names, shared
from flowdeck.store.queries.where import COUNTED, Filter, Page, Where, numbers_of_states, order_by, page_of

SORTS = {
    "id": "e.id",
    "namespace": "e.namespace",
    "flowId": "e.flow_id",
    "state.current": "e.state",
    "state.startDate": "e.created",
    "state.endDate": "e.ended",
    "flowRevision": "e.flow_rev",
    "state.duration": SPENT,
    "kind": "e.kind",
    "triggerId": "e.trigger_id",
}
WINDOW = 4_000
"""Newest executions that are looked at before an index is asked."""
NAMES = 500
"""Most names or values that a pattern becomes; one that fits more is frequent and found among the newest."""
VALUES = 5_000
"""Most distinct values of a label that are looked through."""
COMMON = 2_000
"""Executions from which on a label counts as common."""
_TEXTS = ("e.id", "e.flow_id", "e.namespace", "e.labels")
_FITS: Mapping[str, Callable[[str, str], bool]] = {
    "CONTAINS": lambda name, text: text in name,
    "STARTS_WITH": lambda name, text: name.startswith(text),
    "ENDS_WITH": lambda name, text: name.endswith(text),
    "PREFIX": lambda name, text: name == text or name.startswith(f"{text}."),
}
_DISTINCT = """with recursive one(value) as (
 select min(value) from execution_label where tenant = :tenant and key = :key
 union all
 select (select min(l.value) from execution_label l where l.tenant = :tenant and l.key = :key and l.value > one.value)
 from one where one.value is not null
) select value from one where value is not null limit :most"""
_KEYS = """with recursive one(key) as (
 select min(key) from execution_label where tenant = :tenant
 union all
 select (select min(l.key) from execution_label l where l.tenant = :tenant and l.key > one.key)
 from one where one.key is not null
) select key from one where key is not null limit :most"""


class Conditions(Where):
    """The condition of a search; `window` holds what it says of the creation alone.

    Names and labels that patterns become are read once, whatever the number of words and filters.
    """

    def __init__(self, reader: Any, tenant: str, now: int) -> None:
        super().__init__(reader.dialect, tenant=tenant, now=now)
        self.window: list[str] = []
        self._reader = reader
        self._tenant = tenant

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """Namespaces and flow ids that exist, by the column that holds them."""
        return {
            "e.namespace": distinct_names(self._reader, self._tenant, "namespace"),
            "e.flow_id": distinct_names(self._reader, self._tenant, "id"),
        }

    @cached_property
    def labels_in_use(self) -> dict[str, list[str]] | None:
        """Values by label; None when there are too many to look through.

        Correlation ids are ids of executions, one each, and are not looked through.
        """
        keys = [row[0] for row in self._reader.all(_KEYS, tenant=self._tenant, most=NAMES + 1)]
        if len(keys) > NAMES:
            return None
        found: dict[str, list[str]] = {}
        for key in keys:
            if key == "system.correlationId":
                continue
            values = distinct_values(self._reader, self._tenant, key)
            if values is None:
                return None
            found[key] = values
        return found

    def since(self, condition: str) -> None:
        """Add a condition about `e.created`."""
        self.add(condition)
        self.window.append(condition)


def conditions(
    reader: Any, tenant: str, filters: Sequence[Filter], system: str, *, date_filter: str | None = None, now: int = 0
) -> Conditions:
    """The condition of a search; dates are ms already, `timeRange` is rewritten by the service."""
    where = Conditions(reader, tenant, now)
    where.add("e.tenant = :tenant")
    dates: list[tuple[str, Filter]] = []
    for one in filters:
        if one.field == "q" and one.op == "EQUALS":
            for text in one.texts():
                for word in (text.split() or [text])[:8]:
                    where.add(_word(where, word))
            continue
        if one.field in ("namespace", "flowId") and one.op in _FITS:
            column = "e.namespace" if one.field == "namespace" else "e.flow_id"
            fits = _FITS[one.op]
            found = [n for n in where.names[column] if any(fits(n, text) for text in one.texts())]
            if len(found) <= NAMES:
                where.add(f"{column} in {where.binds(found)}")
                continue
        if shared(where, reader, tenant, one, system, table="e", flow="flow_id", texts=_TEXTS):
            continue
        match one.field:
            case "labels":
                _labels(where, reader, tenant, one)
            case "state":
                negated = "not " if one.op in ("NOT_EQUALS", "NOT_IN") else ""
                where.add(f"e.state {negated}in {where.binds(numbers_of_states(one))}")
            case "startDate" | "endDate":
                dates.append((one.field, one))
            case "kind":
                named = [t.upper() for t in one.texts()]
                inner = f"coalesce(e.kind, 'NORMAL') in {where.binds(named)}"
                where.add(inner if one.op in ("EQUALS", "IN") else f"not ({inner})")
            case "childFilter":
                child = (one.text().upper() == "CHILD") == (one.op == "EQUALS")
                where.add(f"e.parent_execution is {'not ' if child else ''}null")
            case "triggerExecutionId":
                where.add(where.match("e.parent_execution", one.op, one.texts()))
            case "executionId":
                where.add(_id(where, one))
            case "triggerId":
                where.add(where.match("e.trigger_id", one.op, one.texts()))
            case "flowRevision":
                numbers = [int(t) for t in one.texts() if t.isdigit()]
                where.add(f"e.flow_rev {'not ' if one.op in ('NOT_EQUALS', 'NOT_IN') else ''}in {where.binds(numbers)}")
            case _:
                raise AssertionError(one.field)
    if not any(one.field == "kind" for one in filters):
        where.add("e.kind is null or e.kind = 'NORMAL'")
    _dates(where, dates, date_filter)
    return where


def _between(where: Where, column: str, start: str) -> str:
    """Texts that begin with another one, as a range that the column's index answers."""
    low, high = where.bind(start), where.bind(f"{start}\U0010ffff")
    bytewise = f'{column} collate "C"' if where.dialect == "postgresql" else column
    return f"({bytewise} >= {low} and {bytewise} < {high})"


def _id(where: Where, one: Filter) -> str:
    if one.op == "STARTS_WITH" and one.texts():
        return "(" + " or ".join(_between(where, "e.id", text) for text in one.texts()) + ")"
    return where.match("e.id", one.op, one.texts())


# ── free text ─────────────────────────────────────────────────────────────────────────────────────


def _word(where: Conditions, word: str) -> str:
    """A word that stands in a namespace, flow id or label, or begins an id; any case."""
    low = word.lower()
    names = {column: [n for n in known if low in n.lower()] for column, known in where.names.items()}
    pairs = _labels_with(where.labels_in_use, low)
    if pairs is None or any(len(found) > NAMES for found in names.values()) or sum(map(len, pairs.values())) > NAMES:
        return where.free(_TEXTS, word)
    parts = [_between(where, "e.id", word)]
    parts += [f"{column} in {where.binds(found)}" for column, found in names.items() if found]
    if pairs:
        some = " or ".join(f"(l.key = {where.bind(k)} and l.value in {where.binds(v)})" for k, v in pairs.items())
        parts.append(f"e.seq in (select l.execution_seq from execution_label l where l.tenant = :tenant and ({some}))")
    return "(" + " or ".join(parts) + ")"


def _labels_with(known: Mapping[str, Sequence[str]] | None, low: str) -> dict[str, list[str]] | None:
    """Labels with a text in key or value; None when they are not known."""
    if known is None:
        return None
    found: dict[str, list[str]] = {}
    for key, values in known.items():
        fitting = [v for v in values if low in key.lower() or low in v.lower()]
        if fitting:
            found[key] = fitting
    return found


def distinct_values(reader: Any, tenant: str, key: str) -> list[str] | None:
    """The values that a label of executions has; None beyond `VALUES`."""
    values = [row[0] for row in reader.all(_DISTINCT, tenant=tenant, key=key, most=VALUES + 1)]
    return values if len(values) <= VALUES else None


# ── labels ────────────────────────────────────────────────────────────────────────────────────────


def _labels(where: Where, reader: Any, tenant: str, one: Filter) -> None:
    pairs = one.value if isinstance(one.value, dict) else {}
    if one.op == "CONTAINS":
        for key, value in pairs.items():
            texts = [str(v) for v in value] if isinstance(value, list) else [str(value)]
            values = distinct_values(reader, tenant, str(key))
            fitting = [v for v in values or () if texts[-1] in v]
            if values is None or len(fitting) > NAMES:
                where.add(
                    where.labels("execution_label", "execution_seq", "e.seq", Filter("labels", one.op, {key: value}))
                )
            else:
                exact = Filter("labels", "EQUALS", {key: fitting})
                where.add(where.labels("execution_label", "execution_seq", "e.seq", exact) if fitting else "1 = 0")
        return
    if one.op != "EQUALS" or len(pairs) < 2 or any(isinstance(v, list) for v in pairs.values()):
        where.add(where.labels("execution_label", "execution_seq", "e.seq", one))
        return
    # The rarest leads; what is common is looked up for the few rows that are left.
    counted = sorted((_uses(reader, tenant, str(k), str(v)), str(k), str(v)) for k, v in pairs.items())
    for place, (uses, key, value) in enumerate(counted):
        if place == 0 or uses < COMMON:
            pair = Filter("labels", "EQUALS", {key: value})
            where.add(where.labels("execution_label", "execution_seq", "e.seq", pair))
        else:
            k, v = where.bind(key), where.bind(value)
            where.add(
                "exists (select 1 from execution_label l where l.execution_seq = e.seq "
                f"and l.key = {k} and l.value = {v} and l.tenant = :tenant)"
            )


def _uses(reader: Any, tenant: str, key: str, value: str) -> int:
    return reader.value(
        "select count(*) from (select 1 from execution_label where tenant = :tenant and key = :key and value = :value "
        f"limit {COMMON}) c",
        tenant=tenant,
        key=key,
        value=value,
    )


# ── dates ─────────────────────────────────────────────────────────────────────────────────────────


def _dates(where: Conditions, dates: list[tuple[str, Filter]], choice: str | None) -> None:
    if not dates:
        return
    if choice is None:
        for field, one in dates:
            if field == "startDate":
                where.since(where.compare("e.created", one.op, one.value))
                continue
            where.add(where.compare("e.ended", one.op, one.value))
            if one.op in ("LESS_THAN", "LESS_THAN_OR_EQUAL_TO", "EQUALS"):
                # Nothing ends before it is created: the index by creation knows where to begin.
                where.since(where.compare("e.created", "LESS_THAN_OR_EQUAL_TO", one.value))
        return
    if choice not in ("START_DATE", "END_DATE", "START_OR_END_DATE"):
        raise InvalidFormat("dateFilter: START_DATE, END_DATE and START_OR_END_DATE are known")
    columns = {"START_DATE": ("e.created",), "END_DATE": ("e.ended",)}.get(choice, ("e.created", "e.ended"))
    where.add(
        " or ".join(
            "(" + " and ".join(where.compare(column, one.op, one.value) for _, one in dates) + ")" for column in columns
        )
    )


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────


def search(
    reader: Any,
    tenant: str,
    filters: Sequence[Filter],
    page: Page,
    system: str,
    *,
    date_filter: str | None = None,
    now: int = 0,
) -> tuple[list[Any], int]:
    """One page, newest first by default; the total stops counting at `COUNTED`."""
    where = conditions(reader, tenant, filters, system, date_filter=date_filter, now=now)
    if not page.sorts or page.sorts == (("state.startDate", True),):
        rows = _newest(reader, where, page)
    else:
        rows = _sorted(reader, where, page)
    if page.number == 1 and len(rows) < page.size:
        return rows, len(rows)
    total = reader.value(
        f"select count(*) from (select 1 from execution e where {where.sql} limit {COUNTED}) c", where.params
    )
    return rows, total


def count(reader: Any, tenant: str, filters: Sequence[Filter], system: str, *, now: int = 0) -> int:
    """How many match, to the last one: for a reader who asked to wait for it (UI-LS-04)."""
    where = conditions(reader, tenant, filters, system, now=now)
    return int(reader.value(f"select count(*) from execution e where {where.sql}", where.params))


def _newest(reader: Any, where: Conditions, page: Page) -> list[Any]:
    order = "e.created desc, e.seq desc"
    wanted = page.offset + page.size
    within = " and ".join(["e.tenant = :tenant", *where.window])
    widest = max(WINDOW, 2 * wanted)
    for window in sorted({min(4 * wanted, widest), widest}):
        newest = f"(select * from execution e where {within} order by {order} limit {window}) e"
        rows = page_of(reader, "e.*", f"from {newest}", where, order, page)
        if len(rows) == page.size:
            return rows
    # Few of the newest fit: from here on another index than the one by time serves better.
    rare = "+e.created desc, e.seq desc" if where.dialect == "sqlite" else "(e.created + 0) desc, e.seq desc"
    return _rows(reader, page_of(reader, "e.seq", "from execution e", where, rare, page))


def _sorted(reader: Any, where: Conditions, page: Page) -> list[Any]:
    """By other columns: keys are sorted, then the rows of the page are read."""
    if page.sorts[0][0] == "state.duration" and len(page.sorts) == 1 and page.offset + page.size <= COUNTED:
        return _by_duration(reader, where, page)
    direction = "desc" if page.sorts[-1][1] else "asc"
    tie = f"e.created {direction}, e.seq {direction}"
    if page.sorts[0][0] == "flowId" and len(page.sorts) == 1:
        tie = f"e.namespace {direction}, {tie}"
    order = order_by(page.sorts, SORTS, tie, tie)
    return _rows(reader, page_of(reader, "e.seq", "from execution e", where, order, page))


def _by_duration(reader: Any, where: Conditions, page: Page) -> list[Any]:
    """What has ended by an index, the few that have not beside it."""
    down = page.sorts[0][1]
    direction = "desc" if down else "asc"
    most = page.offset + page.size
    ended = reader.all(
        f"select e.seq, {RAN} as ms, e.created from execution e where {where.sql} and "
        f"e.ended is not null order by {RAN} {direction} limit {most}",
        where.params,
    )
    still = reader.all(
        f"select e.seq, :now - coalesce(e.started, :now) as ms, e.created from execution e where {where.sql} "
        f"and e.ended is null and e.state < {int(State.SUCCESS)} order by ms {direction} limit {most}",
        where.params,
    )
    keys = sorted([*ended, *still], key=lambda row: (row[1], row[2], row[0]), reverse=down)
    return _rows(reader, keys[page.offset : most])


def _rows(reader: Any, keys: Sequence[Any]) -> list[Any]:
    """Executions by seq, in this order."""
    seqs = [row[0] for row in keys]
    found: dict[int, Any] = {}
    for start in range(0, len(seqs), 500):
        where = Where(reader.dialect)
        chunk = where.binds(seqs[start : start + 500])
        found |= {row["seq"]: row for row in reader.all(f"select * from execution where seq in {chunk}", where.params)}
    return [found[seq] for seq in seqs if seq in found]


def matching(
    reader: Any, tenant: str, filters: Sequence[Filter], system: str, *, limit: int, now: int = 0
) -> list[Any]:
    """(seq, id, state, …) of all matches up to a limit, oldest first."""
    where = conditions(reader, tenant, filters, system, now=now)
    return reader.all(
        f"select e.* from execution e where {where.sql} order by e.created, e.seq limit {int(limit)}", where.params
    )


def following(
    reader: Any,
    tenant: str,
    filters: Sequence[Filter],
    system: str,
    after: tuple[int, int] | None,
    *,
    limit: int,
    now: int = 0,
) -> list[Any]:
    """The next matches after one of which (created, seq) is known, oldest first: a list of any length, piece by piece.

    Args:
        after: where the piece before ended; None for the first one.
    """
    where = conditions(reader, tenant, filters, system, now=now)
    if after is not None:
        where.add("(e.created, e.seq) > (:after_created, :after_seq)", after_created=after[0], after_seq=after[1])
    return reader.all(
        f"select e.* from execution e where {where.sql} order by e.created, e.seq limit {int(limit)}", where.params
    )
