"""A view of an execution's log lines is made of pieces, one for each file and attempt; how lines are found in one.

The counts that stand beside every 1,000 lines lead to a position without reading the lines before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flowdeck.store.driver import Reader
from flowdeck.store.log_lists import LINE
from flowdeck.store.logs import BLOCK, BY_EXECUTION, LogFile

WHOLE = f"{LINE} from log_line l join log_source s on s.source = l.source"
"""A line with all that is told of it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines between two rows of counts.

    Args:
        first: number of its first line; None = not known, the piece begins here.
        end: the number after its last line.
        passed: lines of the view before it, in the piece.
        size: lines of the view in it.
    """

    first: int | None
    end: int
    passed: int
    size: int

    @property
    def dense(self) -> bool:
        """Whether each number is that of a line of the view."""
        return self.first is not None and self.end - self.first == self.size


@dataclass(slots=True)
class Piece:
    """A stream of lines in one file: an execution's, ordered by `no`, or a source's, ordered by `line_no`."""

    file: LogFile
    kind: int
    owner: int
    counts: Sequence[int]
    last: int

    @property
    def column(self) -> str:
        return "no" if self.kind == BY_EXECUTION else "line_no"

    @property
    def place(self) -> str:
        return "l.execution_seq = :owner" if self.kind == BY_EXECUTION else "l.source = :owner"

    def total(self, level: int) -> int:
        return sum(self.counts[level:])

    def _block(self, reader: Reader, b: int) -> Any:
        return reader.one("select * from log_block where kind = ? and owner = ? and b = ?", self.kind, self.owner, b)

    def _before(self, reader: Reader, fits: Callable[[Any], bool]) -> Any:
        """The last block that `fits`; blocks that fit come before those that don't. None = the first lines."""
        low, high = 0, sum(self.counts) // BLOCK
        found = None
        while low < high:
            middle = (low + high + 1) // 2
            row = self._block(reader, middle)
            if row is not None and fits(row):
                low, found = middle, row
            else:
                high = middle - 1
        return found

    def fetch(self, reader: Reader, level: int, start: int, size: int, columns: str = WHOLE) -> list[Any]:
        """`size` lines from the `start`-th (from 1) of those at or above a level."""
        block = self._before(reader, lambda row: _above(row, level) < start)
        passed = _above(block, level) if block is not None else 0
        return reader.all(
            f"{columns} where {self.place} and l.{self.column} >= :first and l.level >= :level"
            f" order by l.{self.column} limit :size offset :skip",
            owner=self.owner,
            first=block["first"] if block is not None else 0,
            level=level,
            size=size,
            skip=start - 1 - passed,
        )

    def count_before(self, reader: Reader, level: int, number: int) -> int:
        """How many lines at or above a level come before `no` or `line_no` = `number`."""
        block = self._before(reader, lambda row: row["first"] <= number)
        passed = _above(block, level) if block is not None else 0
        return passed + reader.value(
            f"select count(*) from log_line l where {self.place} and l.{self.column} >= :first"
            f" and l.{self.column} < :number and l.level >= :level",
            owner=self.owner,
            first=block["first"] if block is not None else 0,
            number=number,
            level=level,
        )

    def first_from(self, reader: Reader, column: str, value: int) -> int:
        """The smallest number whose line has `column` (rising with it: `seq`, `at`) at or above a value."""
        low, high = 1, self.last + 1
        while low < high:
            middle = (low + high) // 2
            row = reader.one(
                f"select l.{column}, l.{self.column} from log_line l where {self.place} and l.{self.column} >= :number"
                f" order by l.{self.column} limit 1",
                owner=self.owner,
                number=middle,
            )
            if row is None or row[0] >= value:
                high = middle
            else:
                low = row[1] + 1
        return low

    def stretches(self, reader: Reader, level: int, start: int, end: int) -> list[Stretch]:
        """The parts that hold the lines from the `start`-th to the `end`-th of those at or above a level."""
        first, last = (self._before(reader, lambda row, n=n: _above(row, level) < n) for n in (start, end))
        low, high = (row["b"] if row is not None else 0 for row in (first, last))
        rows = reader.all(
            "select * from log_block where kind = ? and owner = ? and b between ? and ? order by b",
            self.kind,
            self.owner,
            max(low, 1),
            min(high + 1, sum(self.counts) // BLOCK),
        )
        edges: list[tuple[int | None, int]] = [(None, 0)] if not low else []
        edges += [(row["first"], _above(row, level)) for row in rows]
        if not rows or rows[-1]["b"] <= high:
            edges.append((self.last + 1, self.total(level)))
        return [Stretch(first, end or 0, passed, above - passed) for (first, passed), (end, above) in pairwise(edges)]

    def matching(
        self, reader: Reader, level: int, start: int, end: int, fits: str, pattern: str, most: int, *, backwards: bool
    ) -> list[tuple[int, int, str]]:
        """Those of the lines from the `start`-th to the `end`-th at or above a level that a condition leaves.

        Args:
            fits: SQL on `l.message` with the parameter `:q`.
            most: lines that are answered.
            backwards: begin at the end.
        Returns:
            position (from 1), `no` and text.
        """
        edges = [self.fetch(reader, level, n, 1, f"select l.{self.column} from log_line l") for n in (start, end)]
        if not all(edges):
            return []
        rows = reader.all(
            f"select l.{self.column}, l.no, l.message from log_line l where {self.place}"
            f" and l.{self.column} between :first and :last and l.level >= :level and {fits}"
            f" order by l.{self.column} {'desc' if backwards else 'asc'} limit :most",
            owner=self.owner,
            first=edges[0][0][0],
            last=edges[1][0][0],
            level=level,
            q=pattern,
            most=most,
        )
        if not rows:
            return []
        places = self._places(reader, level, self.stretches(reader, level, start, end), sorted(row[0] for row in rows))
        return [(places[row[0]], row[1], row[2]) for row in rows if row[0] in places]

    def _places(self, reader: Reader, level: int, parts: Sequence[Stretch], numbers: Sequence[int]) -> dict[int, int]:
        """Positions of lines at or above a level, of which the numbers are given in order."""
        places: dict[int, int] = {}
        at = 0
        for part in parts:
            known: list[int] | None = None
            while at < len(numbers) and numbers[at] < part.end:
                number = numbers[at]
                at += 1
                if part.first is not None and part.dense:
                    places[number] = part.passed + number - part.first + 1
                    continue
                known = self._numbers(reader, level, part) if known is None else known
                places[number] = part.passed + bisect_right(known, number)
        return places

    def _numbers(self, reader: Reader, level: int, part: Stretch) -> list[int]:
        """Numbers of the lines of a stretch at or above a level."""
        rows = reader.all(
            f"select l.{self.column} from log_line l where {self.place} and l.{self.column} >= :first"
            f" and l.{self.column} < :end and l.level >= :level order by l.{self.column}",
            owner=self.owner,
            first=part.first or 0,
            end=part.end,
            level=level,
        )
        return [row[0] for row in rows]


def _above(row: Any, level: int) -> int:
    """The lines at or above a level that stand before a row of counts."""
    return sum(row[f"l{i}"] for i in range(level, 5))
