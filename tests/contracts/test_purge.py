"""Laws of purges, on both databases (engine notes §2.12; core plugins §3, §5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.commands import purge
from flowdeck.commands.registry import carry_out, load_commands, result_or_raise
from flowdeck.config import load_settings
from flowdeck.engine import janitor
from flowdeck.engine.executor_store import counters
from flowdeck.model.errors import IllegalArgument
from flowdeck.model.states import State
from flowdeck.store.driver import Database
from flowdeck.store.logs import LogFiles
from flowdeck.store.queries import retention

Run = Callable[..., Any]
NOW = 1_790_000_000_000
TABLES = ("execution", "task_run", "attempt", "event", "execution_label")


@pytest.fixture
def run(database: Database) -> Iterator[Run]:
    load_commands()
    writer = database.writer()

    def go(name: str, /, **args: Any) -> Any:
        with writer.transaction(NOW) as tx:
            answer = carry_out(tx, name, {"tenant": "main", **args})
        return result_or_raise(answer)

    yield go
    writer.close()


def fill(database: Database, executions: list[dict[str, Any]], runs: int = 1) -> None:
    """Executions with task runs, attempts, events, labels and a metric each."""
    writer = database.writer()
    with writer.transaction() as tx:
        for i, own in enumerate(executions):
            values = {
                "id": f"E{i}",
                "tenant": "main",
                "namespace": "a.b",
                "flow_id": "f",
                "flow_key": 1,
                "flow_rev": 1,
                "state": 20,
                "created": i,
                "ended": i,
                "original_id": f"E{i}",
                "attempt_number": 1,
                "labels": "[]",
                "open_count": 0,
                "task_count": runs,
                "version": 0,
                "shard": 0,
                **own,
            }
            seq = tx.insert("execution", **values)
            for n in range(runs):
                run_seq = tx.insert(
                    "task_run",
                    id=f"T{i}.{n}",
                    execution_seq=seq,
                    ord=n,
                    task_key=n,
                    task_id="t",
                    parent_seq=0,
                    iteration=-1,
                    state=20,
                    fence=1,
                    attempts=1,
                    created=1,
                    outputs_size=0,
                    after_execution=False,
                    version=0,
                )
                tx.insert("attempt", task_run_seq=run_seq, no=1, fence=1, state=20)
            tx.insert("event", execution_seq=seq, task_run_seq=0, attempt=0, state=20, at=1)
            tx.insert("execution_label", execution_seq=seq, key="k", tenant="main", value="v")
            tx.insert(
                "metric", execution_seq=seq, task_run_seq=0, flow_key=1, task_id="t", name="m", kind="counter",
                value=1.0, at=i,
            )  # fmt: skip
    writer.close()


def found(database: Database, **args: Any) -> tuple[list[str], Any]:
    with database.reader() as reader:
        rows, cursor = retention.candidates(reader, "main", **{"limit": 100, "before": NOW, **args})
        return [row["id"] for row in rows], cursor


def seqs(database: Database, **args: Any) -> list[int]:
    with database.reader() as reader:
        rows, _ = retention.candidates(reader, "main", **{"limit": 500, "before": NOW, **args})
        return [row["seq"] for row in rows]


def count(database: Database, table: str) -> int:
    with database.reader() as reader:
        return reader.value(f"select count(*) from {table}")


def test_candidates_are_ended_and_chosen(database: Database) -> None:
    """§3: a namespace is a prefix unless a flow is told; open executions and open afterExecutions stay."""
    fill(
        database,
        [
            {},
            {"namespace": "a", "flow_id": "g", "state": 22},
            {"namespace": "ab"},
            {"state": 3, "ended": None},
            {"open_count": 1},
            {"tenant": "other"},
            {"created": 9, "ended": 90},
        ],
    )
    assert found(database) == (["E0", "E1", "E2", "E6"], None)
    assert found(database, namespace="a")[0] == ["E0", "E1", "E6"]
    assert found(database, namespace="a", flow_id="g")[0] == ["E1"]
    assert found(database, namespace="a", flow_id="f")[0] == []
    assert found(database, states=[State(22).name])[0] == ["E1"]
    assert found(database, before=1)[0] == ["E0", "E1"]
    assert found(database, after=2)[0] == ["E2", "E6"]
    assert found(database, ended_before=50)[0] == ["E0", "E1", "E2"]


def test_pages_follow_each_other_without_gap_or_repetition(database: Database) -> None:
    """§2.12: keyset order of creation; equal instants are told apart by number."""
    fill(database, [{"created": n // 3} for n in range(10)])
    cursor: Any = None
    ids: list[str] = []
    while True:
        page, cursor = found(database, limit=4, cursor=cursor)
        ids += page
        if cursor is None:
            break
    assert ids == [f"E{n}" for n in range(10)]


def test_large_executions_stand_alone(database: Database) -> None:
    fill(database, [{"task_count": 4_000}, {"task_count": 4_000}, {"task_count": 90_000}, {}])
    page, cursor = found(database)
    assert page == ["E0"] and cursor is not None
    page, cursor = found(database, cursor=cursor)
    assert page == ["E1"]


def test_purging_takes_all_rows_and_leaves_work_for_after_the_commit(run: Run, database: Database) -> None:
    """§3: task runs, attempts, events, labels and metrics go with the execution; logs and files by the outbox."""
    fill(database, [{}, {}, {"state": 3}, {}], runs=2)
    wanted = seqs(database)
    assert run("purge.executions", seqs=[wanted[0]]) == {"executions": 1, "metrics": 1}
    assert run("purge.executions", seqs=[wanted[0]]) == {"executions": 0, "metrics": 0}
    assert [count(database, table) for table in TABLES] == [3, 6, 6, 3, 3]
    assert count(database, "metric") == 3
    with database.reader() as reader:
        entries = {row["kind"]: json.loads(row["payload"]) for row in reader.all("select kind, payload from outbox")}
    assert entries == {
        "logs.delete": {"executions": [wanted[0]]},
        "storage.purge": {"executions": [["main", "a.b", "f", "E0"]]},
    }
    assert run("purge.executions", seqs=wanted[1:2], executions=False, logs=False, storage=False) == {
        "executions": 0,
        "metrics": 1,
    }
    assert count(database, "execution") == 3 and count(database, "outbox") == 2
    run("purge.executions", seqs=wanted[1:2], executions=False, metrics=False, storage=False)
    with database.reader() as reader:
        last = reader.value("select payload from outbox order by seq desc limit 1")
    assert json.loads(last) == {"executions": [wanted[1]], "keep_numbering": True}  # it may be restarted
    with pytest.raises(IllegalArgument):
        run("purge.executions", seqs=list(range(501)))


def test_open_ones_and_those_that_will_be_made_anew_are_passed_over(run: Run, database: Database) -> None:
    """§11.1: an execution whose retry waits is still in the executor's memory."""
    fill(database, [{"state": 3}, {"open_count": 1}, {}])
    with database.reader() as reader:
        keys = [row[0] for row in reader.all("select seq from execution order by seq")]
    writer = database.writer()
    with writer.transaction() as tx:
        tx.insert("timer", kind="recreate", ref=keys[2], due=1)
    writer.close()
    assert run("purge.executions", seqs=keys) == {"executions": 0, "metrics": 0}


def test_numbers_of_deleted_rows_are_not_given_out_again(run: Run, database: Database) -> None:
    if database.dialect == "postgresql":
        pytest.skip("numbers come from blocks there")
    fill(database, [{}, {}])
    with database.reader() as reader:
        before = dict(counters(reader))
    run("purge.executions", seqs=seqs(database))
    with database.reader() as reader:
        assert dict(counters(reader)) == before


def test_a_batch_costs_the_same_number_of_statements_whatever_its_size(database: Database) -> None:
    """§2.12: purging millions of rows is a matter of batches, not of rows."""
    load_commands()
    fill(database, [{} for _ in range(300)], runs=3)

    def statements(size: int) -> int:
        chosen = seqs(database, limit=size)
        writer = database.writer()
        try:
            with writer.transaction(NOW) as tx:
                link = tx._link
                told = 0
                kept = {name: getattr(link, name) for name in ("run", "one", "rows", "many", "insert")}

                class Counting:
                    def __getattr__(self, name: str) -> Any:
                        found = getattr(link, name)
                        if name not in kept:
                            return found

                        def call(*args: Any) -> Any:
                            nonlocal told
                            told += len(args[1]) if name == "many" else 1
                            return found(*args)

                        return call

                tx._link = Counting()  # type: ignore[assignment]
                result_or_raise(carry_out(tx, "purge.executions", {"tenant": "main", "seqs": chosen}))
                tx._link = link
                return told
        finally:
            writer.close()

    few, many = statements(1), statements(250)
    assert few == many <= 20


def test_metrics_go_oldest_first(run: Run, database: Database) -> None:
    fill(database, [{"created": n} for n in range(6)])
    assert run("purge.metrics", before=4, limit=3) == 3
    assert run("purge.metrics", before=4, limit=3) == 1
    assert run("purge.metrics", before=4, limit=3) == 0


def test_pairs_go_by_namespace_and_key(run: Run, database: Database) -> None:
    """§5: only those that have expired, when that is asked."""
    for key, ttl in (("a", None), ("b", -10), ("c", None)):
        run("kv.put", namespace="n", key=key, value=1, ttl_ms=ttl)
    assert run("purge.pairs", pairs=[["n", "a"], ["n", "b"]], expired_only=True) == 1
    assert run("purge.pairs", pairs=[["n", "a"], ["m", "a"]]) == 1
    assert count(database, "kv") == 1


def test_old_versions_of_pairs(run: Run, database: Database) -> None:
    """§5 PurgeKV: each put keeps the version before it; a purge of versions never takes the newest one."""

    def versions(key: str) -> list[int]:
        with database.reader() as reader:
            rows = reader.all("select version from kv_version where key = ? order by version", key)
        return [row["version"] for row in rows]

    for number in range(6):
        assert run("kv.put", namespace="n", key="a", value=number) == {"version": number + 1}
        run("kv.put", namespace="n", key="b", value=number)
    assert versions("a") == [1, 2, 3, 4, 5]
    pairs = [["n", "a"], ["n", "b"], ["n", "none"]]
    assert run("purge.versions", pairs=pairs, before=NOW) == {"gone": 0, "again": False}
    assert run("purge.versions", pairs=pairs[:1], keep=3) == {"gone": 3, "again": False}
    assert (versions("a"), versions("b")) == ([4, 5], [1, 2, 3, 4, 5])
    assert run("purge.versions", pairs=pairs, keep=5, before=NOW + 1)["gone"] == 1
    assert run("purge.versions", pairs=pairs[:1], before=NOW + 1)["gone"] == 2
    assert run("kv.put", namespace="n", key="a", value="new") == {"version": 7}
    assert versions("a") == [6]
    run("purge.pairs", pairs=[["n", "a"]])
    run("kv.delete", namespace="n", key="b")
    assert count(database, "kv_version") == count(database, "kv") == 0


def test_old_versions_go_with_pairs_that_have_expired_and_in_bounded_commands(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        run("kv.put", namespace="n", key="a", value=number, ttl_ms=-1)
        run("kv.put", namespace="n", key="b", value=number)
    assert run("purge.pairs", pairs=[["n", "a"], ["n", "b"]], expired_only=True) == 1
    monkeypatch.setattr(purge, "SLICE", 2)
    assert run("purge.versions", pairs=[["n", "b"]]) == {"gone": 2, "again": True}
    assert run("purge.versions", pairs=[["n", "b"]]) == {"gone": 1, "again": False}
    run("kv.put", namespace="n", key="a", value=1, ttl_ms=-1)
    run("kv.put", namespace="n", key="a", value=2, ttl_ms=-1)
    assert run("purge.kv") == 1
    assert count(database, "kv_version") == 0


def test_namespaces_of_a_purge() -> None:
    known = ["company", "company.team", "companyx", "other"]
    assert retention.chosen_namespaces(known, ["company"], None, True) == ["company", "company.team"]
    assert retention.chosen_namespaces(known, ["company"], None, False) == ["company"]
    assert retention.chosen_namespaces(known, [], "comp*", False) == ["company", "company.team", "companyx"]
    assert retention.chosen_namespaces(known, [], "oth?r", True) == ["other"]


def test_counts_have_zeros(database: Database) -> None:
    """§3 Count: flows and namespaces without executions are listed with 0."""
    fill(database, [{}, {"state": 22}, {"flow_id": "g"}, {"kind": "TEST"}])
    with database.reader() as reader:
        answer = retention.counts(
            reader,
            "main",
            flows=[{"namespace": "a.b", "flowId": "f"}, {"namespace": "x", "flowId": "y"}],
            namespaces=["a.b"],
            states=["SUCCESS"],
        )
    assert [one["count"] for one in answer] == [1, 0, 2]


def test_two_purges_at_once_do_not_wait_for_each_other(database: Database) -> None:
    """§2.9: each takes what the other has not; no deadlock ends an executor."""
    if database.dialect != "postgresql":
        pytest.skip("SQLite has one writer")
    load_commands()
    fill(database, [{} for _ in range(6)])
    keys = seqs(database)
    first, second = database.writer(), database.writer()
    tx1 = first.begin(NOW)
    assert result_or_raise(carry_out(tx1, "purge.executions", {"seqs": keys[:4]}))["executions"] == 4
    tx2 = second.begin(NOW)
    assert result_or_raise(carry_out(tx2, "purge.executions", {"seqs": keys[::-1]}))["executions"] == 2
    second.commit()
    first.commit()
    assert count(database, "execution") == 0
    first.close()
    second.close()


async def test_a_file_shrinks_when_much_of_it_is_unused(
    run: Run, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§2.12: vacuum by small steps, no copy of the file."""
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL looks after itself")
    monkeypatch.setattr(janitor, "WORTHWHILE", 10)
    fill(database, [{} for _ in range(600)], runs=4)

    def pages() -> tuple[int, int]:
        with database.reader() as reader:
            return reader.value("pragma page_count"), reader.value("pragma freelist_count")

    full, _ = pages()
    run("purge.executions", seqs=seqs(database))
    run("purge.executions", seqs=seqs(database))
    assert pages()[0] >= full and pages()[1] > full / 2
    settings = load_settings({}, environment={"FLOWDECK_HOME": str(tmp_path)})
    files = LogFiles(tmp_path / "logs")

    async def carry(name: str, args: dict[str, Any]) -> Any:
        return run(name, **args)

    await janitor.Janitor(settings, files, carry, database).round(NOW)
    total, unused = pages()
    assert total < full / 1.5 and unused <= total / 4
    with database.reader() as reader:
        assert reader.value("pragma integrity_check") == "ok"
    assert run("purge.pages", limit=0) == unused


@pytest.mark.parametrize(
    "chosen", [{}, {"namespace": "a"}, {"namespace": "a", "flow_id": "f"}, {"states": ["FAILED"]}, {"ended_before": 5}]
)
def test_a_batch_is_found_by_an_index(database: Database, chosen: dict[str, Any]) -> None:
    """§2.12: keyset batches; neither a scan of the table nor a sort of all that is left."""
    if database.dialect != "sqlite":
        pytest.skip("plans of small tables say nothing there")

    class Explaining:
        dialect = "sqlite"

        def __init__(self, reader: Any) -> None:
            self.reader = reader
            self.details: list[str] = []

        def all(self, text: str, params: Any) -> list[Any]:
            self.details = [row[3] for row in self.reader.all(f"explain query plan {text}", params)]
            return []

    with database.reader() as reader:
        explaining = Explaining(reader)
        retention.candidates(explaining, "main", limit=500, before=NOW, cursor=[5, 5], **chosen)
    assert explaining.details and all("SCAN" not in d and "TEMP B-TREE" not in d for d in explaining.details)


def test_giants_go_in_slices(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """§2.12: no step deletes more than a bounded number of rows."""
    monkeypatch.setattr(purge, "SLICE", 10)
    fill(database, [{"task_count": 35}], runs=35)
    fill_more = seqs(database)
    answers = [run("purge.executions", seqs=fill_more) for _ in range(4)]
    assert [a.get("again") for a in answers] == [1, 1, 1, None] and answers[-1]["executions"] == 1
    assert [count(database, table) for table in (*TABLES, "metric")] == [0] * 6
