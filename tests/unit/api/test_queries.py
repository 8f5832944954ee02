"""No list reads a whole table, whatever the filters (quality: lists at millions of rows)."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import Any

import pytest

from flowdeck.model.errors import IllegalArgument, InvalidFilter
from flowdeck.services.wire import instant, parse_instant, parse_span, span
from flowdeck.store.driver import Database
from flowdeck.store.queries import executions, flows, kv, task_runs, triggers
from flowdeck.store.queries.where import OPERATIONS, RESOURCES, Filter, Page, check, names_matching

VALUES: dict[str, Any] = {
    "labels": {"team": "data"},
    "startDate": 1,
    "endDate": 2,
    "updated": 1,
    "expirationDate": 3,
    "state": "RUNNING",
    "lastState": "FAILED",
    "scope": "USER",
    "kind": "NORMAL",
    "childFilter": "MAIN",
    "triggerState": "ENABLED",
    "flowRevision": "1",
}
SEARCHES = {
    "flows": (lambda r, f: flows.search(r, "main", f, Page(2, 5), "system"), flows.SORTS),
    "executions": (lambda r, f: executions.search(r, "main", f, Page(2, 5), "system", now=5), executions.SORTS),
    "triggers": (lambda r, f: triggers.search(r, "main", f, Page(2, 5), "system"), triggers.SORTS),
    "kv": (lambda r, f: kv.search(r, "main", f, Page(2, 5), 5), kv.SORTS),
    "secrets": (lambda r, f: kv.secrets(r, "main", f, Page(2, 5)), kv.SECRET_SORTS),
}


class Explaining:
    """A reader that refuses plans with a scan."""

    dialect = "sqlite"

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.statements = 0

    def _explain(self, text: str, args: Any, named: Any) -> None:
        self.statements += 1
        plan = [row[3] for row in self.reader.all("explain query plan " + text, *args, **named)]
        scans = [
            line
            for line in plan
            if line.startswith("SCAN")
            and "SUBQUERY" not in line
            and "CONSTANT ROW" not in line
            and not line.startswith(("SCAN c", "SCAN (subquery"))
            # Rows of a bounded subquery or of a recursion.
            and not ((line == "SCAN e" and "CO-ROUTINE e" in plan) or "MATERIALIZE e" in plan)
            and not (line == "SCAN one" and "RECURSIVE STEP" in plan)
            and "VIRTUAL TABLE" not in line  # the tags of one row, as JSON
        ]
        assert not scans, f"{scans} in {text}"

    def all(self, text: str, *args: Any, **named: Any) -> list[Any]:
        self._explain(text, args, named)
        return self.reader.all(text, *args, **named)

    def one(self, text: str, *args: Any, **named: Any) -> Any:
        self._explain(text, args, named)
        return self.reader.one(text, *args, **named)

    def value(self, text: str, *args: Any, **named: Any) -> Any:
        self._explain(text, args, named)
        return self.reader.value(text, *args, **named)


def _filters(resource: str) -> list[Filter]:
    found = []
    for field in sorted(RESOURCES[resource]):
        if field == "timeRange":
            continue
        found += [Filter(field, op, VALUES.get(field, "a.b")) for op in sorted(OPERATIONS[field])]
    return found


@pytest.mark.parametrize("resource", SEARCHES)
def test_no_list_scans_a_table(database: Database, resource: str) -> None:
    search, _ = SEARCHES[resource]
    with database.reader() as plain:
        reader = Explaining(plain)
        search(reader, [])
        for one in _filters(resource):
            check(resource, [one])
            search(reader, [one])
        for pair in itertools.combinations(_filters(resource)[::4], 2):
            search(reader, list(pair))
        assert reader.statements > 10


def test_the_longest_executions_are_found_by_their_index(database: Database) -> None:
    """The order of the list by duration is that of an index: nothing is sorted."""
    plans: list[str] = []

    class Told(Explaining):
        def _explain(self, text: str, args: Any, named: Any) -> None:
            plans.extend(row[3] for row in self.reader.all("explain query plan " + text, *args, **named))

    with database.reader() as plain:
        reader: Any = Told(plain)
        executions.search(reader, "main", [], Page(1, 25, (("state.duration", True),)), "system", now=5)
    assert any("execution_ran" in line for line in plans), plans


def test_documents_and_pages_read_by_index(database: Database) -> None:
    with database.reader() as plain:
        reader: Any = Explaining(plain)
        executions.get(reader, "main", "x")
        executions.by_ids(reader, "main", ["a", "b"])
        executions.histories(reader, [1, 2])
        executions.task_runs(reader, [1, 2])
        executions.attempts(reader, [1, 2])
        executions.latest(reader, "main", "a", "b")
        executions.correlated(reader, "main", "x")
        task_runs.page(reader, 1, 0, after=None, limit=10)
        task_runs.counts(reader, 1, [1, 2])
        task_runs.last_event(reader, 1)
        flows.head(reader, "main", "a", "b")


@pytest.mark.parametrize("resource", SEARCHES)
def test_every_sort_field_works_and_others_are_refused(database: Database, resource: str) -> None:
    _, sorts = SEARCHES[resource]
    call = {"flows": flows.search, "executions": executions.search, "triggers": triggers.search}.get(resource)
    if call is None:
        return
    with database.reader() as reader:
        for name in sorts:
            call(reader, "main", [], Page(1, 5, ((name, True),)), "system")
        with pytest.raises(IllegalArgument, match="unknown sort field"):
            call(reader, "main", [], Page(1, 5, (("nope", False),)), "system")


def test_foreign_fields_and_operations_are_refused() -> None:
    for one in (
        Filter("nope", "EQUALS", "x"),
        Filter("namespace", "GREATER_THAN", "x"),
        Filter("state", "EQUALS", "RUNNING"),
    ):
        with pytest.raises(InvalidFilter):
            check("flows", [one])


def test_a_regular_expression_can_not_hang() -> None:
    began = time.monotonic()
    with contextlib.suppress(InvalidFilter):
        names_matching("(.*a){25}(b|c)+$", ["a" * 60 + "d"] * 3)
    assert time.monotonic() - began < 2
    with pytest.raises(InvalidFilter):
        names_matching("(", ["a"])


def test_instants_and_spans_round_trip() -> None:
    assert instant(parse_instant("2026-01-31T08:15:30.123456Z")) == "2026-01-31T08:15:30.123Z"
    assert instant(parse_instant("2026-01-31T08:15+01:00")) == "2026-01-31T07:15:00.000Z"
    assert instant(parse_instant("2026-01-31")) == "2026-01-31T00:00:00.000Z"
    assert span(3_723_500) == "PT1H2M3.5S" and span(0) == "PT0S" and span(2310) == "PT2.31S"
    assert parse_span("P1DT2H") == 26 * 3_600_000 and parse_span("PT0.5S") == 500
    for text in ("x", "P", "PT", "1h", "2026-13-01"):
        with pytest.raises(IllegalArgument):
            parse_span(text)
    with pytest.raises(IllegalArgument):
        parse_instant("2026-13-01")
