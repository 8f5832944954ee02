"""How many lines of each level were written when, over all executions (extensions §6).

Most attempts write all their lines within one bar of a chart: their counts by level are summed as they stand. Of those
that write longer the counts kept for every 1,000 lines are taken, and lines are read only where a bar begins or ends.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from flowdeck.store.driver import Reader
from flowdeck.store.log_lists import source_conditions
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import BLOCK, BY_SOURCE, LogFile

SOURCES = 20_000
"""Attempts that one statement looks at."""
LINES = 20_000
"""Lines that one statement counts."""
LEVEL_COLUMNS = ("l0", "l1", "l2", "l3", "l4")
_SUMS = ", ".join(f"coalesce(sum(s.{name}), 0) as {name}" for name in LEVEL_COLUMNS)


class _BudgetEnded(Exception):
    """The time is over; what was counted stands."""


class _Counting:
    def __init__(self, since: int, until: int, width: int, deadline: float) -> None:
        self.since, self.until, self.width = since, until, width
        self.deadline = deadline
        self.counts: dict[tuple[int, int], int] = {}

    def check(self) -> None:
        if time.monotonic() > self.deadline:
            raise _BudgetEnded

    def add(self, bucket: int, counts: Sequence[Any]) -> None:
        for level, count in enumerate(counts):
            if count:
                self.counts[bucket, level] = self.counts.get((bucket, level), 0) + int(count)

    def file(self, reader: Reader, where: str, named: dict[str, Any]) -> None:
        """All sources of a file that fit, newest first."""
        last = reader.value("select max(source) from log_source") or 0
        while last > 0:
            self.check()
            first = max(0, last - SOURCES)
            self._sources(
                reader,
                f"{where} and s.source > :first_source and s.source <= :last_source",
                {**named, "first_source": first, "last_source": last},
            )
            last = first

    def _sources(self, reader: Reader, where: str, named: dict[str, Any]) -> None:
        within = "s.first_at >= :since and s.last_at < :until and s.first_at / :width = s.last_at / :width"
        named = {**named, "width": self.width}
        for row in reader.all(
            f"select s.first_at / :width as bucket, {_SUMS} from log_source s where {where} and {within} group by 1",
            named,
        ):
            self.add(int(row["bucket"]), [row[name] for name in LEVEL_COLUMNS])
        group: list[int] = []
        size = 0
        for row in reader.all(
            f"select s.* from log_source s where {where} and not ({within}) order by s.source desc", named
        ):
            lines = sum(row[name] for name in LEVEL_COLUMNS)
            if lines > BLOCK:
                self._long(reader, row)
                continue
            group.append(row["source"])
            size += lines
            if size >= LINES or len(group) >= 500:
                self._lines(reader, group)
                group, size = [], 0
        if group:
            self._lines(reader, group)

    def _lines(self, reader: Reader, sources: Sequence[int], first: int = 0, end: int | None = None) -> None:
        """Read the lines of some sources, or those of one with `first` <= line_no < `end`."""
        self.check()
        part = "" if end is None else " and l.line_no >= :first and l.line_no < :end"
        for row in reader.all(
            "select l.at / :width as bucket, l.level, count(*) as n from log_line l"
            f" where l.source in ({', '.join(str(int(one)) for one in sources)}){part}"
            " and l.at >= :since and l.at < :until group by 1, 2",
            {
                "width": self.width,
                "since": self.since,
                "until": self.until,
                **({} if end is None else {"first": first, "end": end}),
            },
        ):
            place = int(row["bucket"]), int(row["level"])
            self.counts[place] = self.counts.get(place, 0) + int(row["n"])

    def _long(self, reader: Reader, source: Any) -> None:
        """A source of many lines: from one kept count to the next."""
        self.check()
        total = [source[name] for name in LEVEL_COLUMNS]
        marks: list[tuple[int, int, Sequence[int]]] = [(0, source["first_at"], [0] * 5)]
        rows = reader.all(
            "select b.first, b.l0, b.l1, b.l2, b.l3, b.l4, l.at from log_block b"
            " join log_line l on l.source = b.owner and l.line_no = b.first"
            " where b.kind = ? and b.owner = ? order by b.b",
            BY_SOURCE,
            source["source"],
        )
        marks += [(row["first"], row["at"], [row[name] for name in LEVEL_COLUMNS]) for row in rows]
        marks.append((source["last_line"] + 1, source["last_at"], total))
        for (first, start, before), (end, stop, after) in pairwise(marks):
            if stop < self.since or start >= self.until:
                continue
            if self.since <= start and stop < self.until and start // self.width == stop // self.width:
                self.add(start // self.width, [b - a for a, b in zip(before, after, strict=True)])
            else:
                self._lines(reader, [source["source"]], first, end)


def histogram(
    store: LogStore,
    tenant: str,
    *,
    since: int,
    until: int,
    width: int,
    namespace: str | None = None,
    prefix: bool = False,
    where: str = "",
    params: dict[str, Any] | None = None,
    budget: float = 0.5,
) -> tuple[dict[tuple[int, int], int], bool]:
    """Lines by bar (`at` // `width`) and level (0 to 4), and whether all of them were counted.

    Args:
        since, until: instants in ms, the second one excluded.
        width: of a bar in ms.
        namespace: exactly this one, or with `prefix` also those below.
        where, params: a further condition on the `s.` (source) columns that `LogStore.list` names.
        budget: seconds after which what was counted is the answer; the newest attempts come first.
    """
    of_source, named = source_conditions(tenant, namespace=namespace, prefix=prefix, since=since, until=until)
    if where:
        of_source.append(f"({where})")
        named.update(params or {})
    counting = _Counting(since, until, width, time.monotonic() + budget)
    try:
        for file in store.files.files():
            if not _older(file, since):
                with file.database.reader() as reader:
                    counting.file(reader, " and ".join(of_source), named)
    except _BudgetEnded:
        return counting.counts, False
    return counting.counts, True


def _older(file: LogFile, since: int) -> bool:
    """Whether a day's file holds nothing from `since` on: a line comes into the file of the day of its arrival."""
    day = file.name.removeprefix("log-")
    if not (len(day) == 8 and day.isdigit()):
        return False
    ends = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=2)  # a day for clocks that differ
    return ends.timestamp() * 1000 <= since
