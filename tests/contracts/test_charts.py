"""Data of charts, on both databases (spec: core plugins §12)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.model.dashboards.data import SOURCES
from flowdeck.model.errors import InvalidFilter
from flowdeck.model.states import State
from flowdeck.store import driver, log_charts, sqlite
from flowdeck.store.driver import Database
from flowdeck.store.logs import Batch, LogAppender, LogFiles
from flowdeck.store.queries import charts
from flowdeck.store.queries.charts import DAY, HOUR, Query

NOON = 1_790_000_000_000 // DAY * DAY + 12 * HOUR  # a Monday


@pytest.fixture
def filled(database: Database) -> Database:
    """Six executions of two flows over three days, with labels, metrics, flows and triggers."""
    writer = database.writer()
    with writer.transaction(NOON) as tx:
        for n, flow in enumerate(("a", "b")):
            tx.sql(
                "insert into flow (flow_key, tenant, namespace, id, revision, disabled, deleted, labels, summary, updated)"
                " values (?, 'main', ?, ?, ?, ?, ?, '[]', '{}', 1)",
                n + 1, f"team.{flow}", f"flow_{flow}", n + 3, False, False,
            )  # fmt: skip
        for i in range(6):
            flow = "a" if i < 4 else "b"
            seq = tx.insert(
                "execution",
                id=f"E{i}",
                tenant="main",
                namespace=f"team.{flow}",
                flow_id=f"flow_{flow}",
                flow_key=1,
                flow_rev=1,
                state=20 if i % 2 else 22,
                kind="TEST" if i == 5 else None,
                created=NOON - i // 2 * DAY,
                started=NOON - i // 2 * DAY,
                ended=NOON - i // 2 * DAY + (i + 1) * 1000,
                original_id=f"E{i}",
                attempt_number=1,
                labels="[]",
                open_count=0,
                task_count=0,
                version=0,
                shard=0,
            )
            tx.insert("execution_label", execution_seq=seq, key="env", tenant="main", value="x" if i < 2 else "y")
            tx.insert(
                "metric", execution_seq=seq, task_run_seq=0, flow_key=1, task_id="t", name=f"m{i % 2}",
                kind="counter", value=float(i), at=NOON - i // 2 * DAY,
            )  # fmt: skip
    writer.close()
    return database


def ask(database: Database, source: str, columns: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    more.setdefault("window", (NOON - 30 * DAY, NOON + HOUR) if SOURCES[source].window else None)
    query = Query(SOURCES[source], columns, now=NOON + HOUR, **more)
    with database.reader() as reader:
        rows, total = charts.rows(reader, query, "main")
    assert total == len(rows) + more.get("offset", 0) or "limit" in more
    return rows


def test_groups_and_aggregates(filled: Database) -> None:
    """§12: columns without agg group the rows; tests are not counted."""
    columns = {
        "state": {"field": "STATE"},
        "n": {"agg": "COUNT"},
        "avg": {"field": "DURATION", "agg": "AVG"},
        "last": {"field": "END_DATE", "agg": "MAX"},
    }
    failed, success = sorted(ask(filled, "Executions", columns), key=lambda r: r["state"])
    assert (failed["n"], failed["avg"]) == (3, 3) and (success["n"], success["avg"]) == (2, 3)
    assert str(success["last"]).endswith("12:00:02.000Z")
    assert len(ask(filled, "Executions", {"id": {"field": "ID"}})) == 5
    assert len(ask(filled, "Executions", {"id": {"field": "ID"}}, any_kind=True)) == 6


@pytest.mark.parametrize(
    ("span", "unit", "groups"), [(HOUR, "minute", 3), (2 * DAY, "hour", 3), (30 * DAY, "day", 3), (99 * DAY, "week", 2)]
)
def test_dates_are_cut_by_the_length_of_the_window(filled: Database, span: int, unit: str, groups: int) -> None:
    """§12: minute, hour, day, week, month."""
    assert charts.unit_of(span) == unit
    rows = ask(filled, "Executions", {"d": {"field": "START_DATE"}, "n": {"agg": "COUNT"}}, span=span)
    assert len(rows) == groups and sum(r["n"] for r in rows) == 5
    assert rows == sorted(rows, key=lambda r: r["d"])


def test_months(filled: Database) -> None:
    rows = ask(filled, "Executions", {"d": {"field": "START_DATE"}, "n": {"agg": "COUNT"}}, span=400 * DAY)
    assert [r["d"][8:] for r in rows] == ["01T00:00:00.000Z"] * len(rows)


CONDITIONS: list[tuple[dict[str, Any], str]] = [
    ({"field": "STATE", "type": "IN", "values": ["SUCCESS", "KILLED"]}, "13"),
    ({"field": "STATE", "type": "NOT_EQUAL_TO", "value": "success"}, "024"),
    ({"field": "STATE", "type": "STARTS_WITH", "value": "SUC"}, "13"),
    ({"field": "FLOW_ID", "type": "EQUAL_TO", "value": "flow_b"}, "4"),
    ({"field": "FLOW_ID", "type": "NOT_CONTAINS", "value": "_a"}, "4"),
    ({"field": "NAMESPACE", "type": "PREFIX", "value": "team"}, "01234"),
    ({"field": "NAMESPACE", "type": "REGEX", "value": "a$"}, "0123"),
    ({"field": "ID", "type": "REGEX", "value": "^E[01]$"}, "01"),
    ({"field": "ID", "type": "ENDS_WITH", "value": "3"}, "3"),
    ({"field": "ID", "type": "GREATER_THAN", "value": "E3"}, "4"),
    ({"field": "DURATION", "type": "GREATER_THAN_OR_EQUAL_TO", "value": "PT4S"}, "34"),
    ({"field": "DURATION", "type": "LESS_THAN", "value": 2}, "0"),
    ({"field": "LABELS", "labelKey": "env", "type": "EQUAL_TO", "value": "x"}, "01"),
    ({"field": "LABELS", "labelKey": "none", "type": "IS_NULL"}, "01234"),
    ({"field": "TRIGGER_EXECUTION_ID", "type": "IS_NOT_NULL"}, ""),
    ({"field": "FLOW_REVISION", "type": "IS_TRUE"}, ""),
    ({"field": "FLOW_REVISION", "type": "NOT_IN", "values": [2, 3]}, "01234"),
    ({"field": "START_DATE", "type": "LESS_THAN", "value": "2000-01-01T00:00:00Z"}, ""),
    (
        {
            "type": "OR",
            "values": [
                {"field": "ID", "type": "EQUAL_TO", "value": "E0"},
                {"type": "OR", "values": [{"field": "ID", "type": "IN", "values": ["E1", "E9"]}]},
            ],
        },
        "01",
    ),
]


@pytest.mark.parametrize(("condition", "ids"), CONDITIONS, ids=lambda c: c["type"] if isinstance(c, dict) else "")
def test_conditions(filled: Database, condition: dict[str, Any], ids: str) -> None:
    """§12: every type of filter."""
    rows = ask(filled, "Executions", {"id": {"field": "ID"}}, conditions=[condition])
    assert sorted(r["id"] for r in rows) == [f"E{n}" for n in ids]


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "STATE", "type": "EQUAL_TO", "value": "NOPE"},
        {"field": "DURATION", "type": "GREATER_THAN", "value": "long"},
        {"field": "DURATION", "type": "CONTAINS", "value": 1},
        {"field": "ID", "type": "REGEX", "value": "("},
    ],
)
def test_conditions_that_can_not_be_met_are_refused(filled: Database, condition: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilter):
        ask(filled, "Executions", {"id": {"field": "ID"}}, conditions=[condition])


def test_order_and_pages(filled: Database) -> None:
    columns = {"id": {"field": "ID"}, "s": {"field": "DURATION"}}
    by = [{"column": "s", "order": "DESC"}]
    assert [r["id"] for r in ask(filled, "Executions", columns, orders=by)] == ["E4", "E3", "E2", "E1", "E0"]
    query = Query(SOURCES["Executions"], columns, (), by, (0, NOON), now=NOON, limit=2, offset=2)
    with filled.reader() as reader:
        rows, total = charts.rows(reader, query, "main")
    assert [r["id"] for r in rows] == ["E2", "E1"] and total == 5


def test_kpi(filled: Database) -> None:
    """§12: FLAT counts rows that meet both conditions, PERCENTAGE divides by those that meet the first."""
    query = Query(SOURCES["Executions"], {"value": {"agg": "COUNT"}}, window=(0, NOON), now=NOON)
    wins = [{"field": "STATE", "type": "EQUAL_TO", "value": "SUCCESS"}]
    with filled.reader() as reader:
        assert charts.kpi(reader, query, "main", wins, False) == 2
        assert charts.kpi(reader, query, "main", wins, True) == 40
        assert charts.kpi(reader, query, "main", (), False) == 5
        query.conditions = [{"field": "ID", "type": "EQUAL_TO", "value": "none"}]
        assert charts.kpi(reader, query, "main", wins, True) == 0


def test_metrics_flows_and_triggers(filled: Database) -> None:
    columns = {
        "name": {"field": "NAME"},
        "sum": {"field": "VALUE", "agg": "SUM"},
        "max": {"field": "VALUE", "agg": "MAX"},
    }
    assert ask(filled, "Metrics", columns) == [
        {"name": "m0", "sum": 6, "max": 4},
        {"name": "m1", "sum": 9, "max": 5},
    ]
    assert ask(filled, "Flows", {"id": {"field": "ID"}, "r": {"field": "REVISION"}}) == [
        {"id": "flow_a", "r": 3},
        {"id": "flow_b", "r": 4},
    ]
    assert ask(filled, "Triggers", {"n": {"agg": "COUNT"}}) == [{"n": 0}]


def test_crowded_windows_are_counted_by_hourly_sums(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """§12, issue 3: rollups for time ranges; exact as long as there are few."""
    writer = filled.writer()
    with writer.transaction(NOON) as tx:
        for n, (state, count) in enumerate(((20, 40), (22, 10), (20, 2))):
            tx.insert("rollup_hour", flow_key=1 + n // 2, hour=NOON - n % 2 * HOUR, state=state, tenant="main",
                      count=count, duration_ms=count * 3000)  # fmt: skip
        tx.sql("update execution set state = ?, ended = null where id = 'E4'", int(State.RUNNING))
    writer.close()
    columns = {"s": {"field": "STATE"}, "n": {"agg": "COUNT"}, "avg": {"field": "DURATION", "agg": "AVG"}}
    few = {r["s"]: r["n"] for r in ask(filled, "Executions", columns)}
    assert sum(few.values()) == 5
    monkeypatch.setattr(charts, "CROWDED", 3)
    many = {r["s"]: (r["n"], r["avg"]) for r in ask(filled, "Executions", columns)}
    assert many == {"SUCCESS": (42, 3), "FAILED": (10, 3), "RUNNING": (1, 0)}
    by_day = ask(filled, "Executions", {"d": {"field": "START_DATE"}, "n": {"field": "ID", "agg": "COUNT"}})
    assert sum(r["n"] for r in by_day) == 53
    condition = [{"field": "FLOW_ID", "type": "EQUAL_TO", "value": "flow_b"}]
    assert ask(filled, "Executions", {"n": {"agg": "COUNT"}}, conditions=condition) == [{"n": 3}]
    label = [{"field": "LABELS", "labelKey": "env", "type": "EQUAL_TO", "value": "x"}]
    assert ask(filled, "Executions", {"n": {"agg": "COUNT"}}, conditions=label) == [{"n": 2}]


def test_charts_over_time_read_only_their_window(filled: Database) -> None:
    """§12, issue 3: no full scans."""
    if filled.dialect != "sqlite":
        pytest.skip("plans of small tables say nothing there")
    query = Query(SOURCES["Executions"], {"n": {"agg": "COUNT"}}, window=(NOON - DAY, NOON), now=NOON)
    metrics = Query(SOURCES["Metrics"], {"n": {"agg": "COUNT"}}, window=(NOON - DAY, NOON), now=NOON)
    with filled.reader() as reader:
        for one in (query, metrics):
            where, table = charts.where_of(reader, one, "main")
            plan = reader.all(f"explain query plan select count(*) from {table.tables} where {where.sql}", where.params)
            details = [row[3] for row in plan]
            assert all("SCAN" not in text for text in details), details
            assert any("created>? AND created<?" in text or "at>? AND at<?" in text for text in details), details


@pytest.fixture
def lines(filled: Database, tmp_path: Path) -> Iterator[LogFiles]:
    """Lines over two days: one attempt inside an hour, one across midnight."""
    files = LogFiles(tmp_path / "logs", None if filled.dialect == "sqlite" else filled)
    appender = LogAppender(files)

    def batch(seq: int, attempt: int, *at: tuple[int, int, str]) -> Batch:
        return Batch(
            seq, f"E{seq}", seq * 10, attempt, "main", "team.a", "flow_a", "t", f"T{seq}",
            [(n + 1, when, level, "main", text) for n, (when, level, text) in enumerate(at)],
        )  # fmt: skip

    appender.append([batch(1, 1, (NOON, 2, "one"), (NOON + 1, 2, "two"), (NOON + 2, 4, "bad"))], NOON)
    appender.append([batch(2, 1, (NOON - 1, 2, "x"), (NOON + DAY, 3, "y"))], NOON)
    appender.append([batch(3, 2, (NOON + DAY, 4, "z"))], NOON + DAY)
    yield files
    appender.close()
    files.close()


def ask_lines(files: LogFiles, database: Database, columns: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    more.setdefault("window", (NOON - DAY, NOON + 2 * DAY))
    query = Query(SOURCES["Logs"], columns, now=NOON + 2 * DAY, **more)
    with database.reader() as names:
        return log_charts.rows(files, names, query, "main")[0]


def test_lines_are_counted_over_days(lines: LogFiles, filled: Database) -> None:
    """§12: the same numbers by the counts of attempts and by the lines themselves."""
    by_level = {"level": {"field": "LEVEL"}, "n": {"agg": "COUNT"}}
    assert ask_lines(lines, filled, by_level) == [
        {"level": "INFO", "n": 3},
        {"level": "WARN", "n": 1},
        {"level": "ERROR", "n": 2},
    ]
    exact = ask_lines(lines, filled, {**by_level, "first": {"field": "DATE", "agg": "MIN"}})
    assert [r["n"] for r in exact] == [3, 1, 2]
    part = ask_lines(lines, filled, by_level, window=(NOON, NOON + 1))
    assert part == [{"level": "INFO", "n": 2}]
    hours = ask_lines(lines, filled, {"d": {"field": "DATE"}, "n": {"agg": "COUNT"}}, span=DAY)
    assert [r["n"] for r in hours] == [1, 3, 2]
    days = ask_lines(lines, filled, {"d": {"field": "DATE"}, "n": {"agg": "COUNT"}}, span=30 * DAY)
    assert [r["n"] for r in days] == [4, 2]
    bad = [{"field": "LEVEL", "type": "GREATER_THAN_OR_EQUAL_TO", "value": "WARN"}]
    assert ask_lines(lines, filled, {"n": {"agg": "COUNT"}}, conditions=bad) == [{"n": 3}]
    average = ask_lines(lines, filled, {"a": {"field": "ATTEMPT_NUMBER", "agg": "AVG"}})
    assert average[0]["a"] == pytest.approx(1 / 6, abs=1e-5)


def test_lines_as_a_table(lines: LogFiles, filled: Database) -> None:
    columns = {"m": {"field": "MESSAGE"}, "run": {"field": "TASK_RUN_ID"}}
    assert [r["m"] for r in ask_lines(lines, filled, columns)][:2] == ["z", "y"]
    some = ask_lines(lines, filled, columns, conditions=[{"field": "MESSAGE", "type": "CONTAINS", "value": "o"}],
                     orders=[{"column": "m"}])  # fmt: skip
    assert [r["m"] for r in some] == ["one", "two"]
    found = ask_lines(lines, filled, columns, conditions=[{"field": "MESSAGE", "type": "REGEX", "value": "^[xy]$"}])
    assert [r["m"] for r in found] == ["y", "x"]


def test_kpi_of_lines(lines: LogFiles, filled: Database) -> None:
    query = Query(SOURCES["Logs"], {"value": {"agg": "COUNT"}}, window=(NOON - DAY, NOON + 2 * DAY), now=NOON)
    errors = [{"field": "LEVEL", "type": "EQUAL_TO", "value": "ERROR"}]
    with filled.reader() as names:
        assert log_charts.kpi(lines, names, query, "main", errors, False) == 2
        assert log_charts.kpi(lines, names, query, "main", errors, True) == pytest.approx(33.3333)


def test_a_costly_pattern_is_stopped(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chart's regular expression holds no reader for long."""
    if filled.dialect != "sqlite":
        pytest.skip("PostgreSQL's own engine does not backtrack like this")
    monkeypatch.setattr(sqlite, "REGEX_SECONDS", 0.05)
    monkeypatch.setattr(sqlite, "REGEX_BUDGET", 0.1)
    writer = filled.writer()
    with writer.transaction(NOON) as tx:
        tx.sql("update execution set parent_execution = ?", "a" * 40 + "!")
    writer.close()
    bomb = [{"field": "TRIGGER_EXECUTION_ID", "type": "REGEX", "value": "(a|aa)+$"}]
    began = time.monotonic()
    with pytest.raises(driver.StoreError):
        ask(filled, "Executions", {"id": {"field": "ID"}}, conditions=bomb)
    assert time.monotonic() - began < 2
