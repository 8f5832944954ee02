"""Laws of the log store, on day files and on PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowdeck.model.errors import IllegalArgument
from flowdeck.store.driver import Database
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import Batch, LogAppender, LogFile, LogFiles

DAY = 86_400_000
NOW = 1_790_000_000_000


class Logs:
    """An appender and a store over the same files."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self.database = folder, database
        self.open()

    def open(self) -> None:
        self.files = LogFiles(self.folder, self.database)
        self.appender = LogAppender(self.files)
        self.store = LogStore(self.folder, self.database)

    def reopen(self) -> None:
        self.close()
        self.open()

    def close(self) -> None:
        self.appender.close()
        self.files.close()
        self.store.close()

    def write(self, execution: int, lines, *, run: int = 7, attempt: int = 1, now: int = NOW, **more):
        batch = Batch(
            execution,
            f"E{execution}",
            run,
            attempt,
            more.pop("tenant", "main"),
            more.pop("namespace", "a.b"),
            more.pop("flow_id", "f"),
            f"t{run}",
            f"R{run}",
            lines,
            **more,
        )
        return self.appender.append([batch], now)[0]


@pytest.fixture
def logs(empty_database: Database, tmp_path: Path) -> Iterator[Logs]:
    found = Logs(tmp_path / "logs", empty_database)
    yield found
    found.close()


def lines(count: int, *, first: int = 1, level: int = 2, at: int = NOW, text: str = "line"):
    return [(first + i, at + i, level, "main", f"{text} {first + i}") for i in range(count)]


def test_numbers_rise_and_nothing_is_stored_twice(logs: Logs) -> None:
    assert [(line.seq, line.no) for line in logs.write(1, lines(3))] == [(1, 1), (2, 2), (3, 3)]
    assert [line.no for line in logs.write(1, lines(3, first=2))] == [4]  # 2 and 3 came again
    logs.reopen()
    assert logs.write(1, lines(4)) == []
    assert [line.no for line in logs.write(1, lines(1), run=8)] == [5]
    found, start, end, total = logs.store.range(1, 1, 100)
    assert [(line["no"], line["text"]) for line in found] == [
        (1, "line 1"),
        (2, "line 2"),
        (3, "line 3"),
        (4, "line 4"),
        (5, "line 1"),
    ]
    assert (start, end, total) == (1, 5, 5)
    assert found[4]["task_run"] == "R8"


def test_a_line_without_number_gets_the_next(logs: Logs) -> None:
    for text in ("a", "b"):
        logs.write(1, [(0, NOW, 2, "", text)], run=0, attempt=0, origin=1)
    assert [line["text"] for line in logs.store.range(1, 1, 9)[0]] == ["a", "b"]


def test_numbering_goes_on_at_midnight(logs: Logs) -> None:
    logs.write(1, lines(2))
    assert [(line.seq, line.no) for line in logs.write(1, lines(4), now=NOW + DAY)] == [(3, 3), (4, 4)]
    logs.reopen()
    (later,) = logs.write(2, lines(1), now=NOW + 2 * DAY)
    assert later.seq >= 5  # on PostgreSQL a repeated line takes a number along
    assert logs.store.last_seq() == later.seq
    found, _, _, total = logs.store.range(1, -3, -1)
    assert ([line["no"] for line in found], total) == ([2, 3, 4], 4)
    assert [line["no"] for line in logs.store.range(1, 2, 3, task_run_seq=7, attempt=1)[0]] == [2, 3]
    assert [line["seq"] for line in logs.store.after(1, 1)] == [2, 3, 4]


def test_a_clock_set_back_keeps_the_order(logs: Logs) -> None:
    logs.write(1, lines(1), now=NOW)
    logs.write(1, lines(1, first=2), now=NOW - DAY)
    logs.reopen()
    logs.write(1, lines(1, first=3), now=NOW - DAY)
    assert [line["seq"] for line in logs.store.range(1, 1, 9)[0]] == [1, 2, 3]


def test_positions_in_a_view_equal_those_of_a_plain_list(logs: Logs) -> None:
    chance = random.Random(5)
    expected: list[tuple[int, int, int, int]] = []  # no, level, run, attempt
    counters: dict[tuple[int, int], int] = {}
    no = 0
    for _ in range(60):
        run, attempt = chance.choice([(7, 1), (7, 2), (8, 1)])
        batch = []
        for _ in range(chance.randrange(1, 120)):
            no += 1
            level = chance.choice([0, 1, 2, 2, 2, 3, 4])
            counters[(run, attempt)] = counters.get((run, attempt), 0) + 1
            batch.append((counters[(run, attempt)], NOW + no, level, "", f"text {no}"))
            expected.append((no, level, run, attempt))
        logs.write(1, batch, run=run, attempt=attempt, now=NOW + (DAY if no > 2000 else 0))
    assert no > 2500
    views = [(level, run, attempt) for level in (0, 2, 3, 4) for run, attempt in ((None, None), (7, 1), (8, None))]
    for level, run, attempt in views:
        wanted = [e[0] for e in expected if e[1] >= level and run in (None, e[2]) and attempt in (None, e[3])]
        view = {"min_level": level, "task_run_seq": run, "attempt": attempt}
        assert logs.store.total(1, **view) == len(wanted)
        for start, end in ((1, 10), (990, 1015), (-20, -1), (len(wanted) - 3, len(wanted) + 50)):
            found, first, last, total = logs.store.range(1, start, end, **view)
            assert [line["no"] for line in found] == wanted[first - 1 : last]
            assert [line["position"] for line in found] == list(range(first, last + 1))
            assert total == len(wanted)
        for position in (1, len(wanted) // 3, len(wanted) // 2, len(wanted)):
            assert logs.store.at(1, no=wanted[position - 1], **view) == position
            assert logs.store.at(1, time_ms=NOW + wanted[position - 1], **view) == position


def test_search_finds_positions_and_goes_on_after_its_budget(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.write(1, [(i, NOW, 2, "", f"row {i} {'needle' if i % 1000 == 0 else ''}") for i in range(1, 9001)])
    found = logs.store.search(1, "NEEDLE")
    assert [hit["position"] for hit in found["hits"]] == [i * 1000 for i in range(1, 10)]
    assert found["hits"][0]["spans"] == [[9, 15]]
    assert (found["total"], found["searched"], "next" in found) == (9, 9000, False)
    assert logs.store.search(1, "NEEDLE", case=True)["total"] == 0
    assert [
        hit["no"] for hit in logs.store.search(1, r"\bne+dle", use_regex=True, backwards=True, limit=2)["hits"]
    ] == [9000, 8000]
    part = logs.store.search(1, "n.edle", use_regex=True, budget=0)
    assert part["next"] == 2001
    rest = logs.store.search(1, "needle", start=part["next"])
    assert len(part["hits"]) + len(rest["hits"]) == 9
    monkeypatch.setattr("flowdeck.store.log_search.SIEVED_PAGE", 3000)
    part = logs.store.search(1, "needle", backwards=True, budget=0)
    assert ([hit["no"] for hit in part["hits"]], part["next"]) == ([9000, 8000, 7000], 6000)
    with pytest.raises(IllegalArgument):
        logs.store.search(1, "(", use_regex=True)


def test_a_costly_regular_expression_is_refused(logs: Logs) -> None:
    logs.write(1, [(1, NOW, 2, "", "a" * 5000 + "b")])
    with pytest.raises(IllegalArgument, match="too long"):
        logs.store.search(1, r"(a|a|aa)+$", use_regex=True)


def test_groups_levels_and_errors(logs: Logs) -> None:
    logs.write(1, [*lines(2), (3, NOW + 9, 4, "", "broken")])
    logs.write(1, lines(1), run=8)
    logs.write(1, lines(1), run=7, now=NOW + DAY, attempt=2)
    groups = logs.store.groups(1)
    assert [(g["task_run"], g["attempt"], g["lines"]) for g in groups] == [("R7", 1, 3), ("R8", 1, 1), ("R7", 2, 1)]
    assert (groups[0]["first"], groups[0]["last"], groups[0]["levels"]["ERROR"]) == (NOW, NOW + 9, 1)
    assert logs.store.levels(1) == {"TRACE": 0, "DEBUG": 0, "INFO": 4, "WARN": 0, "ERROR": 1}
    assert [line["text"] for line in logs.store.errors(1)] == ["broken"]


def test_the_list_over_all_executions_filters(logs: Logs) -> None:
    logs.write(1, lines(3))
    logs.write(2, lines(2, text="hello 100%"), namespace="a.b.c", flow_id="g", now=NOW + DAY)
    logs.write(3, lines(1), tenant="other", now=NOW + DAY)
    logs.write(0, lines(1, text="tick"), run=0, attempt=0, trigger_id="every", now=NOW + DAY)

    def found(**filters):
        page, total = logs.store.list("main", **filters)
        return [line["seq"] for line in page], total

    assert found() == ([7, 5, 4, 3, 2, 1], 6)
    assert found(ascending=True, limit=2, offset=1) == ([2, 3], 6)
    assert found(limit=2, offset=3) == ([3, 2], 6)
    assert found(namespace="a.b") == ([7, 3, 2, 1], 4)
    assert found(namespace="a", prefix=True)[1] == 6
    assert found(flow_id="g") == ([5, 4], 2)
    assert found(trigger_id="every") == ([7], 1)
    assert found(execution="E2", q="O 100%") == ([5, 4], 2)
    assert found(q="o 100_") == ([], 0)
    assert found(levels=(3, 4)) == ([], 0)
    assert found(since=NOW + 1, until=NOW + 2) == ([5, 2], 2)
    assert found(where="l.level = :l and s.flow_id <> :f", params={"l": 2, "f": "g"})[1] == 4


def test_deleting_a_view_keeps_the_other_lines_and_their_numbers(logs: Logs) -> None:
    logs.write(1, [(i, NOW + i, 4 if i % 2 else 2, "", f"x{i}") for i in range(1, 3001)])
    logs.write(1, lines(5), run=8)
    assert logs.store.delete([1], min_level=3, forget=False) == 1500
    assert logs.store.total(1, min_level=4) == 0
    assert [line["no"] for line in logs.store.range(1, 1, 3, min_level=1)[0]] == [2, 4, 6]
    assert [line["no"] for line in logs.store.range(1, 1499, 1501, min_level=1)[0]] == [2998, 3000, 3001]
    logs.write(1, lines(1, first=6), run=8)  # the appender noticed
    assert logs.store.total(1, min_level=1) == 1506
    assert logs.store.total(1) == 3006
    assert logs.store.delete([1], task_run_seq=8, forget=False) == 6
    assert logs.store.total(1, min_level=2) == 1500
    assert logs.store.delete([1]) == 1500
    assert logs.store.total(1) == 0
    assert logs.store.groups(1) == []


def test_trigger_lines_go_alone(logs: Logs) -> None:
    logs.write(0, lines(2), run=0, attempt=0, trigger_id="every")
    logs.write(1, lines(2))
    assert logs.store.delete_trigger("main", "a.b", "f", "every") == 2
    assert logs.store.list("main")[1] == 2


def test_old_days_are_dropped_and_numbering_goes_on(logs: Logs) -> None:
    logs.write(1, lines(2))
    logs.write(2, lines(2, at=NOW + 3 * DAY), now=NOW + 3 * DAY)
    assert logs.files.drop_before(NOW + 2 * DAY)
    assert logs.store.range(1, 1, 10)[0] == []
    assert logs.store.total(2) == 2
    assert [line.seq for line in logs.write(3, lines(1), now=NOW + 3 * DAY)] == [5]


def test_texts_that_a_database_can_not_hold_are_mended(logs: Logs) -> None:
    logs.write(1, [(1, NOW, 9, "", "a\0b"), (2, NOW, -1, "", "ü 🙂")])
    assert [(line["level"], line["text"]) for line in logs.store.range(1, 1, 2)[0]] == [(4, "a�b"), (0, "ü 🙂")]


def test_a_million_lines_cost_no_more_than_a_thousand(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that a deep page reads: counted by the page's own statements, not measured in time."""
    logs.write(1, lines(20_000))
    from flowdeck.store import driver

    statements: list[str] = []
    real = driver.Reader.one
    monkeypatch.setattr(
        driver.Reader, "one", lambda self, text, *a, **n: (statements.append(text), real(self, text, *a, **n))[1]
    )
    logs.store.range(1, 19_000, 19_010, min_level=1)
    assert len(statements) <= 12


def test_a_day_file_has_its_tables_as_soon_as_readers_see_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    create = LogFile.create

    def looked_at(file: LogFile, first_seq: int) -> None:
        create(file, first_seq)
        seen.append(len(LogFiles(tmp_path).files()))

    monkeypatch.setattr(LogFile, "create", looked_at)
    files = LogFiles(tmp_path)
    file = files.today(NOW)
    assert seen == [0]
    assert [f.name for f in LogFiles(tmp_path).files()] == [file.name]
    assert file.next_seq() == 1
    files.close()
    assert [p.name for p in tmp_path.glob("*.new*")] == []


def test_a_page_and_its_total_are_those_of_a_plain_filter(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way to the lines is taken: by attempt, by the index of warnings, along all lines in small steps."""
    rand = random.Random(3)
    known: list[tuple[int, int, int, str, str]] = []  # seq, level, at, text, flow
    for execution in range(1, 30):
        day, flow = NOW + rand.randrange(3) * DAY if execution > 20 else NOW, f"f{execution % 4}"
        made = [
            (
                n,
                day + execution * 100 + n,
                rand.choice((0, 2, 2, 2, 3, 4)),
                "main",
                rand.choice(("Apple", "pear_1", "fig")),
            )
            for n in range(1, rand.randrange(2, 12))
        ]
        stored = logs.write(execution, made, now=day, flow_id=flow)
        known += [(line.seq, line.level, line.at, line.text, flow) for line in stored]
    logs.write(99, [(1, NOW + DAY + 5, 4, "main", "Apple")], now=NOW + DAY, tenant="other")
    monkeypatch.setattr("flowdeck.store.log_lists.WINDOW", 7)
    for few in (0, 20_000):
        monkeypatch.setattr("flowdeck.store.log_lists.FEW", few)
        for _ in range(120):
            levels = rand.choice(((0, 1, 2, 3, 4), (3, 4), (4,), (0, 2)))
            since = rand.choice((None, NOW + rand.randrange(3000), NOW + DAY))
            until = rand.choice((None, NOW + rand.randrange(3000), NOW + DAY + 1500))
            q = rand.choice((None, None, "APP", "r_", "F2", "kiwi"))
            flow = rand.choice((None, None, "f1"))
            where, params = rand.choice((("", {}), ("", {}), ("l.at <> :moment", {"moment": NOW + 101})))
            ascending, limit, offset = rand.random() < 0.5, rand.randrange(1, 9), rand.choice((0, 0, 3, 40))
            fits = sorted(
                (
                    seq
                    for seq, level, at, text, of in known
                    if level in levels
                    and (since is None or at >= since)
                    and (until is None or at < until)
                    and (flow is None or of == flow)
                    and (q is None or q.lower() in text.lower() or q.lower() in of)
                    and (not where or at != params["moment"])
                ),
                reverse=not ascending,
            )
            page, total = logs.store.list(
                "main", levels=levels, since=since, until=until, q=q, flow_id=flow, where=where, params=params,
                ascending=ascending, limit=limit, offset=offset,
            )  # fmt: skip
            assert [line["seq"] for line in page] == fits[offset : offset + limit]
            assert total == len(fits)
