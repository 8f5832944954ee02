"""The lists of the API work on both databases, with every filter and sort (spec: REST contract §4, §5)."""

from __future__ import annotations

from typing import Any

import pytest

from flowdeck.services.backend import ApiConfig, Backend
from flowdeck.services.caller import Caller
from flowdeck.services.figures import CHARTS, OF_LOGS, build
from flowdeck.services.insight import baselines, errors, sparklines
from flowdeck.store.driver import Database
from flowdeck.store.log_views import LogStore
from flowdeck.store.queries import executions, flows, kv, task_runs, triggers
from flowdeck.store.queries.where import OPERATIONS, RESOURCES, Filter, Page, Where

VALUES: dict[str, Any] = {
    "labels": {"team": "data"},
    "startDate": 1,
    "endDate": 2,
    "updated": 1,
    "expirationDate": 3,
    "created": 1,
    "enabled": "true",
    "lastState": "FAILED",
    "state": "RUNNING",
    "scope": "USER",
    "kind": "NORMAL",
    "childFilter": "MAIN",
    "triggerState": "ENABLED",
    "flowRevision": "1",
    "q": "A",
}


def fill(database: Database) -> None:
    writer = database.writer()
    with writer.transaction(now=5_000_000) as tx:
        for n, namespace in enumerate(("a.b", "a.bc", "a.b.c"), 1):
            key = tx.insert(
                "flow",
                tenant="main",
                namespace=namespace,
                id=f"f{n}",
                revision=1,
                disabled=False,
                deleted=False,
                labels="[]",
                summary="{}",
                updated=n,
            )
            tx.insert(
                "flow_revision",
                flow_key=key,
                revision=1,
                source=f"id: f{n}",
                document="{}",
                checksum="x",
                deleted=False,
                disabled=False,
                created=n,
            )
            tx.insert(
                "execution",
                id=f"e{n}",
                tenant="main",
                namespace=namespace,
                flow_id=f"f{n}",
                flow_key=key,
                flow_rev=1,
                state=22,
                created=n * 1000,
                started=n * 1000,
                ended=n * 2000,
                original_id=f"e{n}",
                attempt_number=1,
                labels="[]",
                open_count=0,
                task_count=0,
                version=1,
                error='{"message": "m", "key": "k", "taskId": "t"}',
            )
            tx.insert("rollup_hour", flow_key=key, hour=3_600_000, state=22, tenant="main", count=n, duration_ms=10)
    writer.close()


@pytest.mark.parametrize("resource", ["flows", "executions", "triggers", "kv", "secrets"])
def test_every_filter_and_sort_is_understood(database: Database, resource: str) -> None:
    fill(database)
    calls: dict[str, Any] = {
        "flows": lambda r, f, p: flows.search(r, "main", f, p, "system"),
        "executions": lambda r, f, p: executions.search(r, "main", f, p, "system", now=9),
        "triggers": lambda r, f, p: triggers.search(r, "main", f, p, "system"),
        "kv": lambda r, f, p: kv.search(r, "main", f, p, 9),
        "secrets": lambda r, f, p: kv.secrets(r, "main", f, p),
    }
    sorts = {
        "flows": flows.SORTS,
        "executions": executions.SORTS,
        "triggers": triggers.SORTS,
        "kv": kv.SORTS,
        "secrets": kv.SECRET_SORTS,
    }[resource]
    with database.reader() as reader:
        for field in sorted(RESOURCES[resource] - {"timeRange"}):
            for op in sorted(OPERATIONS[field]):
                calls[resource](reader, [Filter(field, op, VALUES.get(field, "a.b"))], Page(1, 1))
        for name in sorts:
            calls[resource](reader, [], Page(1, 1, ((name, True),)))


def test_pieces_of_a_list_hold_each_row_once(database: Database) -> None:
    """UI-LS-13: each piece goes on after the last row of the one before, with filters too."""
    fill(database)
    with database.writer().transaction(now=5_000_000) as tx:
        for n in (1, 2, 3):
            tx.insert(
                "trigger_state", tenant="main", namespace="a.b", flow_id="f1", trigger_id=f"t{n}", type="x",
                kind="schedule", disabled=False, updated=n, definition="{}", fence=0,
            )  # fmt: skip
            tx.insert("kv", tenant="main", namespace="a.b", key=f"k{n}", type="STRING", value="1", version=1,
                      created=1, updated=3)  # fmt: skip
    some = [Filter("namespace", "PREFIX", "a")]
    lists: dict[str, Any] = {
        "id": (lambda r, after: executions.following(r, "main", some, "system", after, limit=2), ("created", "seq")),
        "namespace": (lambda r, after: flows.following(r, "main", some, "system", after, limit=2), ("namespace", "id")),
        "trigger_id": (
            lambda r, after: triggers.following(r, "main", [], "system", after, limit=2),
            ("namespace", "flow_id", "trigger_id"),
        ),
        "key": (lambda r, after: kv.following(r, "main", [], after, limit=2, now=9), ("namespace", "key")),
    }
    wanted = {"id": ["e1", "e2", "e3"], "trigger_id": ["t1", "t2", "t3"], "key": ["k1", "k2", "k3"]}
    with database.reader() as reader:
        for name, (read, place) in lists.items():
            found, after = [], None
            while rows := read(reader, after):
                found += [row[name] for row in rows]
                after = tuple(rows[-1][one] for one in place)
            assert len(found) == 3 and found == wanted.get(name, sorted(set(found))), name


def test_the_console_s_own_conditions(database: Database) -> None:
    """UI-FI-03: flows by switch, type of trigger and last state; keys by type and creation; secrets by tag."""
    fill(database)
    with database.writer().transaction(now=5_000_000) as tx:
        summary = '{"tasks": [], "triggers": [{"id": "t", "type": "io.kestra.plugin.core.trigger.Schedule"}]}'
        tx.sql("update flow set summary = :s where id = 'f1'", s=summary)
        tx.sql("update flow set disabled = :on where id = 'f2'", on=True)
        for key, kind, created in (("n", "NUMBER", 1), ("s", "STRING", 2)):
            tx.insert(
                "kv",
                tenant="main",
                namespace="a.b",
                key=key,
                type=kind,
                value="1",
                version=1,
                created=created,
                updated=3,
            )
        for key, tags in (("A", '[{"key": "team", "value": "data"}]'), ("B", None)):
            tx.insert("secret", tenant="main", namespace="a.b", key=key, value="", updated=1, tags=tags)

    def found(search: Any, *conditions: Filter) -> list[str]:
        return sorted(str(row["key" if search in ("kv", "secrets") else "id"]) for row in rows(search, conditions))

    def rows(search: Any, conditions: Any) -> list[Any]:
        with database.reader() as reader:
            page = Page(1, 10)
            if search == "flows":
                return flows.search(reader, "main", list(conditions), page, "system")[0]
            if search == "kv":
                return kv.search(reader, "main", list(conditions), page, 9)[0]
            return kv.secrets(reader, "main", list(conditions), page)[0]

    everything = found("flows")
    assert found("flows", Filter("enabled", "EQUALS", "false")) == ["f2"]
    assert found("flows", Filter("triggerType", "ENDS_WITH", "Schedule")) == ["f1"]
    assert found("flows", Filter("triggerType", "NOT_IN", ["io.kestra.plugin.core.trigger.Schedule"])) == [
        one for one in everything if one != "f1"
    ]
    failed = found("flows", Filter("lastState", "IN", "FAILED"))
    assert failed and found("flows", Filter("lastState", "NOT_IN", "FAILED")) == [
        one for one in everything if one not in failed
    ]
    assert found("kv", Filter("type", "IN", "NUMBER,JSON")) == ["n"]
    assert found("kv", Filter("created", "GREATER_THAN", 1), Filter("namespace", "EQUALS", "a.b"))[-1] == "s"
    assert found("secrets", Filter("tags", "EQUALS", "team:data")) == ["A"]
    assert found("secrets", Filter("tags", "NOT_EQUALS", "team")) == ["B"]


def test_the_longest_are_those_that_ran_longest(database: Database) -> None:
    """UI-EX-01: time in the queue does not count, neither for ended executions nor for living ones."""
    fill(database)
    rows: list[tuple[str, int, int | None, int | None]] = [
        ("waited", 22, 90_000, 90_100),  # created at 1: long in the queue, then quick
        ("dropped", 23, None, 80_000),  # killed in the queue
        ("queued", 3, None, None),
        ("living", 4, 95_000, None),
    ]
    with database.writer().transaction(now=5_000_000) as tx:
        for name, state, started, ended in rows:
            tx.insert(
                "execution", id=name, tenant="main", namespace="a.b", flow_id="f1", flow_key=1, flow_rev=1, state=state,
                created=1, started=started, ended=ended, original_id=name, attempt_number=1, labels="[]", open_count=0,
                task_count=0, version=1,
            )  # fmt: skip
    with database.reader() as reader:
        for down in (True, False):
            for sorts in ((("state.duration", down),), (("state.duration", down), ("id", False))):
                rows_found, _ = executions.search(reader, "main", [], Page(1, 10, sorts), "system", now=100_000)
                found = [row["id"] for row in rows_found]
                order = found if down else found[::-1]
                assert order[:5] == ["living", "e3", "e2", "e1", "waited"]
                assert set(order[5:]) == {"dropped", "queued"}


def test_a_prefix_follows_the_dots(database: Database) -> None:
    fill(database)
    with database.reader() as reader:
        for search in (flows.search, executions.search):
            rows, total = search(reader, "main", [Filter("namespace", "PREFIX", "a.b")], Page(1, 10), "system")
            assert total == 2 and {r["namespace"] for r in rows} == {"a.b", "a.b.c"}
        rows, _ = executions.search(reader, "main", [Filter("namespace", "CONTAINS", "A.B")], Page(1, 10), "system")
        assert not rows
        rows, _ = executions.search(reader, "main", [Filter("q", "EQUALS", "A.BC")], Page(1, 10), "system")
        assert [r["id"] for r in rows] == ["e2"]
        task_runs.page(reader, 1, 0, after=None, limit=5, sort="duration", text="x", state=4)


async def test_figures_and_insights_add_up(database: Database, tmp_path: Any) -> None:
    fill(database)
    nothing: Any = None
    backend = Backend(
        core=nothing,
        database=database,
        storage=None,
        catalog=None,
        logs=LogStore(tmp_path),
        config=ApiConfig(),
        now=lambda: 5_000_000,
    )
    caller = Caller("ada@example.com")
    for chart in CHARTS:
        if chart in OF_LOGS:
            continue
        for span, count in (("PT2H", 3), ("P7D", 6)):
            found = await build(backend, caller, {"chart": chart, "timeRange": span}, [])
            if chart == "totals":
                assert found["rows"] == [["FAILED", count]]
    assert (await errors(backend, caller, [Filter("startDate", "GREATER_THAN", "1970-01-01T00:00:00Z")], "message", 5))[
        "groups"
    ]
    assert len(await sparklines(backend, caller, [{"namespace": "a.b", "id": "f1"}], 5)) == 1
    assert await baselines(backend, caller, "a.b", "f1", None) == {"runs": 0, "tasks": {}}


@pytest.mark.parametrize("wanted", ["Überweisung", "ÜBER", "über", "ÉTÉ", "ça"])
def test_free_text_finds_letters_beyond_ascii_as_they_are_written(database: Database, wanted: str) -> None:
    with database.reader() as reader:
        where = Where(reader.dialect, held=f"{wanted}weisung")
        found = reader.value(
            f"select count(*) from (select cast(:held as text) as c) t where {where.free(['c'], wanted)}",
            **where.params,
        )
    assert found == 1
