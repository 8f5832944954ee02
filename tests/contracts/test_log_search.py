"""Searching lines equals looking at each of them, on day files and on PostgreSQL, whatever the text."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.store import driver, log_search
from flowdeck.store.driver import Database
from flowdeck.store.log_search import finder, sieve
from flowdeck.store.logs import Batch
from tests.support.log_store import LogPair

DAY = 86_400_000
NOW = 1_790_000_000_000
PIECES = (
    *(
        "kick",
        "Kick",
        "KICK",
        "disk",
        "di",
        "İ",
        "i\u0307",
        "\u212a",
        "ſ",
        "ß",
        "ẞ",
        "SS",
        "ς",
        "Σ",
        "σ",
        "Ü",
        "ü",
        "é",
    ),
    *("%", "_", "!", "\\", "'", '"', "\x01", "\x00", "\n", "\t", "💩", "失敗", "ｋ", "𐐀", "𐐨", "\ufeff", "\u0307"),
    *(" ", "a", "A", "b", "0", "7"),
)


class Logs(LogPair):
    """The same, by attempt."""

    def __init__(self, folder: Path, database: Database) -> None:
        super().__init__(folder, database)
        self._counters: dict[tuple[int, int], int] = {}

    def write(self, run: int, attempt: int, now: int, lines: list[tuple[int, str]]) -> None:
        """Lines of a level and a text."""
        last = self._counters.get((run, attempt), 0)
        self._counters[(run, attempt)] = last + len(lines)
        made = [(last + i, now, level, "", text) for i, (level, text) in enumerate(lines, 1)]
        batch = Batch(1, "E1", run, attempt, "main", "a", "f", f"t{run}", f"R{run}", made)
        self.appender.append([batch], now)


@pytest.fixture
def logs(empty_database: Database, tmp_path: Path) -> Iterator[Logs]:
    found = Logs(tmp_path / "logs", empty_database)
    yield found
    found.close()


def any_lines(logs: Logs, chance: random.Random) -> None:
    """Lines of any text: three attempts of two task runs over two days, some of them deleted."""
    for part in range(40):
        run, attempt = chance.choice([(7, 1), (7, 2), (8, 1)])
        many_levels = part in (5, 20, 30)
        lines = [
            (chance.randrange(5) if many_levels else 2, "".join(chance.choices(PIECES, k=chance.randrange(8))))
            for _ in range(150)
        ]
        logs.write(run, attempt, NOW + (DAY if part > 25 else 0), lines)
    assert logs.store.delete([1], min_level=4, task_run_seq=7, forget=False)


def told(answer: dict[str, Any]) -> list[Any]:
    return [[hit["position"], hit["no"], hit["spans"]] for hit in answer["hits"]]


def test_a_search_finds_what_looking_at_each_line_finds(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)
    any_lines(logs, chance)
    for round_ in range(150):
        monkeypatch.setattr(log_search, "PAGE", chance.choice((7, 300, 2000)))
        monkeypatch.setattr(log_search, "SIEVED_PAGE", chance.choice((700, 3000, 50_000)))
        q = "".join(chance.choices(PIECES, k=chance.choice((1, 1, 2, 3))))
        case, level = chance.random() < 0.4, chance.choice((0, 1, 2, 2, 3))
        run, attempt = chance.choice(((None, None), (None, None), (7, 1), (7, 2), (8, None), (7, None)))
        view: dict[str, Any] = {"min_level": level, "task_run_seq": run, "attempt": attempt}
        find = finder(q, False, case)
        lines = ((one["position"], one["no"], find(one["text"])) for one in logs.store.range(1, 1, -1, **view)[0])
        wanted = [[position, no, spans] for position, no, spans in lines if spans]
        backwards = chance.random() < 0.5
        answer = logs.store.search(1, q, case=case, backwards=backwards, limit=100_000, budget=60, **view)
        assert told(answer) == (wanted[::-1] if backwards else wanted), (round_, q, view)
        assert answer["total"] == len(wanted)
        # Step by step it comes to the same.
        steps: list[Any] = []
        low, high = 1, None
        for _ in range(10_000):
            step = logs.store.search(1, q, case=case, start=low, end=high, backwards=backwards, budget=0, **view)
            steps += told(step)
            if "next" not in step:
                break
            low, high = (1, step["next"]) if backwards else (step["next"], None)
        assert steps == told(answer)


def test_a_part_of_a_text_has_only_itself_as_its_lower_case() -> None:
    """All of Unicode: what a letter becomes in lower case, if not itself, stands in no pattern that the database sees."""
    for number in range(sys.maxunicode + 1):
        letter = chr(number)
        small = letter.lower()
        if small == letter or letter.isascii():
            continue
        for one in small:
            pattern = sieve(f"a{one}a", False)
            assert one == letter or one == "i" or pattern == "%a%", (hex(number), one)
    assert sieve("ab" + "\u0130".lower(), False) == "%ab%"  # its i
    assert sieve("abi", False) == "%ab%"
    assert sieve("Disk Full", False) == "% full%"
    assert sieve("k", False) is None
    assert sieve("Kİ_", True) == "%kİ!_%"
    assert sieve("a\0", True) is None


def test_what_is_rare_is_found_without_reading_the_other_lines(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that come out of the database, counted."""
    for part in range(12):
        logs.write(7, 1, NOW, [(2 if i % 3 else 1, f"line {part * 1000 + i}") for i in range(1000)])
    read: list[int] = []
    real = driver.Reader.all
    monkeypatch.setattr(
        driver.Reader,
        "all",
        lambda self, text, *a, **n: (found := real(self, text, *a, **n), read.append(len(found)))[0],
    )
    views: tuple[dict[str, Any], ...] = ({}, {"min_level": 2}, {"task_run_seq": 7}, {"task_run_seq": 7, "min_level": 2})
    for view in views:
        read.clear()
        answer = logs.store.search(1, "LINE 7778", **view)
        assert (answer["total"], answer["hits"][0]["no"]) == (1, 7779)
        assert sum(read) < 700, view  # a position asks for the numbers of up to a thousand lines, if some are left out
