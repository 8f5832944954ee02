"""Pages of log lines of all executions and triggers, newest or oldest first, and how many there are (extensions §4).

The counts that stand beside each attempt's lines answer most of it without reading lines: how many fit, whether a
day has any, and which of three ways to the lines is the shortest – by attempt when few lines can fit, by the index of
warnings and errors, or along all lines. Only a text is looked for in the lines themselves.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowdeck.store.driver import Reader
from flowdeck.store.logs import HIGH_LEVEL, LogFile

CAPPED = 10_000
"""Counts of hits stop here."""
FEW = 20_000
"""Lines of attempts that are rather read and sorted than looked for along all lines."""
WINDOW = 50_000
"""Lines that one statement looks at when a text is searched: between two the clock is read."""
NAMED = 500
"""Attempts whose own names hold the text; with more the names are compared line by line."""

OF_TENANT = "s.tenant = :tenant"
"""SQL: an attempt is one of the caller's tenant."""
LINE = (
    "select l.seq, l.no, l.line_no, l.level, l.at, l.thread, l.message, s.execution, s.execution_seq, s.task_run_seq,"
    " s.attempt, s.task_id, s.task_run, s.tenant, s.namespace, s.flow_id, s.trigger_id"
)
"""What a line tells, of `log_line l` and its `log_source s`."""


def _like(dialect: str, column: str) -> str:
    """SQL: a text fits the pattern `:q` (`where.like`), capitals or not."""
    # SQLite's LIKE makes no difference between them; `lower` would copy each text.
    return f"{column if dialect == 'sqlite' else f'lower({column})'} like :q escape '!'"


def source_conditions(
    tenant: str,
    *,
    namespace: str | None = None,
    prefix: bool = False,
    flow_id: str | None = None,
    trigger_id: str | None = None,
    execution: str | None = None,
    task_run: str | None = None,
    task_id: str | None = None,
    since: int | None = None,
    until: int | None = None,
) -> tuple[list[str], dict[str, Any]]:
    """Conditions on `log_source s` with their parameters; the namespace with `prefix` also means those below.

    `since` and `until` (ms, the second one excluded) leave out attempts all of whose lines lie elsewhere.
    """
    found = [OF_TENANT]
    named: dict[str, Any] = {"tenant": tenant}
    for name, value in (
        ("flow_id", flow_id),
        ("trigger_id", trigger_id),
        ("execution", execution),
        ("task_run", task_run),
        ("task_id", task_id),
    ):
        if value is not None:
            found.append(f"s.{name} = :{name}")
            named[name] = value
    if namespace is not None:
        named["namespace"] = namespace
        if prefix:
            found.append("(s.namespace = :namespace or substr(s.namespace, 1, :ns_size) = :ns_dot)")
            named.update(ns_size=len(namespace) + 1, ns_dot=f"{namespace}.")
        else:
            found.append("s.namespace = :namespace")
    if since is not None:
        found.append("s.last_at >= :since")
        named["since"] = since
    if until is not None:
        found.append("s.first_at < :until")
        named["until"] = until
    return found, named


@dataclass(slots=True)
class Selection:
    """Which lines.

    Args:
        sources: conditions on `s.` columns alone.
        lines: further conditions, on `l.` columns too.
        params: their named parameters.
        levels: stored levels that are wanted.
        since, until: instants in ms, the second one excluded.
        text: a LIKE pattern in lower case with `!` as escape, for the message or a name of its attempt.
    """

    sources: list[str]
    lines: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    levels: tuple[int, ...] = (0, 1, 2, 3, 4)
    since: int | None = None
    until: int | None = None
    text: str | None = None

    @property
    def counted(self) -> bool:
        """Whether the counts of attempts say how many lines fit."""
        return not self.lines and self.text is None

    @property
    def wanted(self) -> str:
        """SQL: an attempt's lines of the wanted levels."""
        return " + ".join(f"s.l{level}" for level in self.levels) or "0"

    def of_sources(self) -> str:
        """SQL: attempts that may have such lines."""
        parts = [*self.sources, f"{self.wanted} > 0"]
        if self.since is not None:
            parts.append("s.last_at >= :since")
        if self.until is not None:
            parts.append("s.first_at < :until")
        return " and ".join(parts)

    def inside(self) -> str:
        """SQL: attempts all of whose lines lie between the instants."""
        parts = [] if self.since is None else ["s.first_at >= :since"]
        parts += [] if self.until is None else ["s.last_at < :until"]
        return " and ".join(parts) or "1 = 1"

    def of_lines(self) -> str:
        """SQL: lines that fit, of attempts that fit. Levels are written out: a partial index asks for that."""
        parts = [f"({one})" for one in self.lines]
        if self.levels != (0, 1, 2, 3, 4):
            parts.append(f"l.level in ({', '.join(str(int(level)) for level in self.levels) or '-1'})")
            if self.levels and min(self.levels) >= HIGH_LEVEL:
                parts.append(f"l.level >= {HIGH_LEVEL}")
        if self.since is not None:
            parts.append("l.at >= :since")
        if self.until is not None:
            parts.append("l.at < :until")
        return " and ".join(parts) or "1 = 1"

    def named(self) -> dict[str, Any]:
        """All parameters."""
        return {**self.params, "since": self.since, "until": self.until, "q": self.text}


@dataclass(frozen=True, slots=True)
class _Bound:
    """What the counts of one file say: attempts, all their lines, those of the wanted levels, those surely inside."""

    sources: int
    size: int
    wanted: int
    inside: int


class _FileList:
    """The lines of one file that fit."""

    def __init__(self, reader: Reader, chosen: Selection, ascending: bool) -> None:
        self.reader = reader
        self.chosen = chosen
        self.ascending = ascending
        self.direction = "asc" if ascending else "desc"
        self.named = chosen.named()
        # Left to itself SQLite, which keeps no statistics of day files, may begin with the attempts.
        self.join = "cross join" if reader.dialect == "sqlite" else "join"

    def bound(self) -> _Bound:
        """What the counts say."""
        wanted = self.chosen.wanted
        row = self.reader.one(
            f"select count(*), coalesce(sum(s.l0 + s.l1 + s.l2 + s.l3 + s.l4), 0), coalesce(sum({wanted}), 0),"
            f" coalesce(sum(case when {self.chosen.inside()} then {wanted} else 0 end), 0)"
            f" from log_source s where {self.chosen.of_sources()}",
            self.named,
        )
        assert row is not None
        return _Bound(*(int(value) for value in row))

    def total(self, bound: _Bound) -> int:
        """How many lines fit, when the counts know; those at the edges of the time are counted."""
        if bound.inside == bound.wanted:
            return bound.wanted
        return bound.inside + int(
            self.reader.value(
                f"select count(*) from (select 1 from log_source s {self.join} log_line l on l.source = s.source"
                f" where {self.chosen.of_sources()} and not ({self.chosen.inside()}) and {self.chosen.of_lines()}"
                f" limit {CAPPED + 1}) x",
                self.named,
            )
        )

    def page(self, bound: _Bound, limit: int, skip: int) -> list[Any]:
        """Lines in order; for selections without a text."""
        by_source = bound.size <= FEW
        tables = (
            f"log_source s {self.join} log_line l on l.source = s.source"
            if by_source
            else f"log_line l {self.join} log_source s on s.source = l.source"
        )
        return self.reader.all(
            f"{LINE} from {tables} where {self.chosen.of_sources()} and {self.chosen.of_lines()}"
            f" order by l.seq {self.direction} limit :limit offset :skip",
            {**self.named, "limit": limit, "skip": skip},
        )

    def hits(self, bound: _Bound, most: int) -> Iterator[list[int]]:
        """Numbers (`seq`) of the lines that fit, in order, a list for each part of the file; `most` of them."""
        texts, with_names = self._text()
        where = f"{self.chosen.of_lines()} and {texts} and {self.chosen.of_sources()}"
        if bound.size <= FEW:
            rows = self.reader.all(
                f"select l.seq from log_source s {self.join} log_line l on l.source = s.source where {where}"
                f" order by l.seq {self.direction}",
                self.named,
            )
            yield [row[0] for row in rows]
            return
        tables = f"log_line l {self.join} log_source s on s.source = l.source"
        if not with_names and self._of_all_sources():
            tables, where = "log_line l", f"{self.chosen.of_lines()} and {texts}"
        # Asked for together SQLite would go through all of them.
        edges = self.reader.one("select (select min(seq) from log_line), (select max(seq) from log_line)")
        assert edges is not None
        low, high = edges
        first = low if self.ascending else high
        while low <= first <= high and most > 0:
            last = first + WINDOW - 1 if self.ascending else first - WINDOW + 1
            rows = self.reader.all(
                f"select l.seq from {tables} where l.seq between :low and :high and {where}"
                f" order by l.seq {self.direction} limit :most",
                {**self.named, "low": min(first, last), "high": max(first, last), "most": most},
            )
            yield [row[0] for row in rows]
            most -= len(rows)
            first = last + 1 if self.ascending else last - 1

    def _of_all_sources(self) -> bool:
        """Whether a line's attempt says nothing about whether the line is wanted."""
        if self.chosen.sources != [OF_TENANT] or self.chosen.lines:
            return False
        # Levels and instants, which attempts are left out by too, are the lines' own.
        others = self.reader.one(
            "select 1 from log_source s where s.tenant < :tenant union all"
            " select 1 from log_source s where s.tenant > :tenant limit 1",
            self.named,
        )
        return others is None

    def _text(self) -> tuple[str, bool]:
        """SQL: the line has the text, or its attempt's names have; and whether it speaks of attempts."""
        if self.chosen.text is None:
            return "1 = 1", False
        dialect = self.reader.dialect
        message = _like(dialect, "l.message")
        names = " or ".join(_like(dialect, f"s.{name}") for name in ("execution", "flow_id", "task_id"))
        found = self.reader.all(
            f"select s.source from log_source s where {self.chosen.of_sources()} and ({names}) limit {NAMED + 1}",
            self.named,
        )
        if len(found) > NAMED:
            return f"({message} or {names})", True
        if found:
            return f"({message} or l.source in ({', '.join(str(int(row[0])) for row in found)}))", False
        return message, False

    def lines(self, seqs: Sequence[int]) -> list[Any]:
        """These lines, in order."""
        marks = ", ".join(str(int(seq)) for seq in seqs)
        return self.reader.all(
            f"{LINE} from log_line l join log_source s on s.source = l.source where l.seq in ({marks})"
            f" order by l.seq {self.direction}"
        )


def page_of(
    files: Sequence[LogFile], chosen: Selection, *, ascending: bool, limit: int, offset: int, budget: float
) -> tuple[list[Any], int]:
    """A page of lines and the number of all that fit.

    Args:
        files: newest first.
        limit, offset: lines.
        budget: seconds after which lines that are on no page are no longer counted.
    Returns:
        rows of `LINE` and the number of all that fit (10,001 = more than 10,000, or the budget ended).
    """
    deadline = time.monotonic() + budget
    lines: list[Any] = []
    passed = 0
    for file in reversed(files) if ascending else files:
        if len(lines) >= limit and (passed > CAPPED or time.monotonic() > deadline):
            passed = CAPPED + 1
            break
        if file is not files[0] and not _reaches(file, chosen):
            continue
        with file.database.reader() as reader:
            part = _FileList(reader, chosen, ascending)
            bound = part.bound()
            if not bound.wanted:
                continue
            wanted = limit - len(lines)
            skip = max(0, offset - passed)
            if chosen.text is not None or not chosen.counted:
                passed += _searched(part, bound, lines, wanted, skip, deadline, CAPPED + 1 - passed)
                continue
            total = part.total(bound)
            if wanted and total > skip:
                # No more than there are: a search along the lines would go on to the file's end for one that is not.
                lines += part.page(bound, min(wanted, total - skip), skip)
            passed += total
    return lines, min(passed, CAPPED + 1)


def _reaches(file: LogFile, chosen: Selection) -> bool:
    """Whether a day that is over has lines between the wanted instants; asked of its file once."""
    if chosen.since is None and chosen.until is None:
        return True
    if file.instants is None:
        with file.database.reader() as reader:
            row = reader.one("select min(first_at), max(last_at) from log_source")
        assert row is not None
        file.instants = (row[0] or 0, row[1] or 0)
    first, last = file.instants
    return (chosen.since is None or last >= chosen.since) and (chosen.until is None or first < chosen.until)


def _searched(
    part: _FileList, bound: _Bound, lines: list[Any], wanted: int, skip: int, deadline: float, most: int
) -> int:
    """Add the page's lines of a file to `lines`; how many fit, no more than `most` when the page is full."""
    found = 0
    taken: list[int] = []
    for seqs in part.hits(bound, max(most, skip + wanted)):
        first = max(0, skip - found)
        taken += seqs[first : first + wanted - len(taken)]
        found += len(seqs)
        if len(taken) >= wanted and (found >= most or time.monotonic() > deadline):
            found = most
            break
    if taken:
        lines += part.lines(taken)
    return found
